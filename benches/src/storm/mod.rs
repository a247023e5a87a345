//! `storm`: what hostile principals cost everybody else on a real server: guests that loop over each host function, loops,
//! bulk memory, 250 calls at once, and sleepers that hold memory.
//!
//! `calls`: a good call and `/healthz` beside each hostile guest, and how late each hostile run ends. `crowd`: beside 250
//! connections whose runs are short. `share`: the CPU of each of k busy principals. `memory`: calls beside 124 sleepers.
//! The server is a process of its own with as many workers as cores, and is seen from outside.

mod calls;
mod crowd;
mod memory;
mod share;

use crate::args::{Part, Plan};
use crate::kit::book::Book;

/// Milliseconds below which a p99 counts as this: a client waits as long until it gets a core again.
const FLOOR: f64 = 1.0;

pub(crate) fn measure(plan: &Plan, book: &mut Book) -> Result<(), String> {
    if plan.takes(Part::Calls) {
        calls::measure(plan, book)?;
    }
    if plan.takes(Part::Crowd) {
        crowd::measure(plan, book);
    }
    if plan.takes(Part::Share) {
        share::measure(plan, book);
    }
    if plan.takes(Part::Memory) {
        memory::measure(plan, book);
    }
    Ok(())
}

/// A p99 beside hostile principals, to what it is alone.
fn ratio(alone: f64, beside: f64) -> f64 {
    beside / alone.max(FLOOR)
}

/// The largest of the values so far, and whose it is.
#[derive(Debug, Default)]
struct Worst {
    value: f64,
    of: String,
}

impl Worst {
    fn see(&mut self, value: f64, of: &str) {
        if value > self.value {
            *self = Self { value, of: of.to_owned() };
        }
    }

    fn record(&self, id: &str, book: &mut Book) {
        book.figure(id, self.value);
        println!("    of: {}", self.of);
    }
}

//! `rest`: the memory that a server keeps after a burst of large results: resident 5 s later, less what it was before.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use crate::args::Plan;
use crate::kit::book::Book;
use crate::kit::client::{Client, call};
use crate::kit::guests;
use crate::kit::server::{Resident, Site, UNCOUNTED};

/// Results of the burst.
const RESULTS: u32 = 40;

/// Clients that ask for them at the same time.
const CLIENTS: u32 = 8;

/// Letters of a result: 16 MiB with its quotes.
const LETTERS: u32 = (16 << 20) - 2;

/// After the burst.
const REST: Duration = Duration::from_secs(5);

/// `letters: func(n: u32) -> string`
const GUEST: &str = r#"(component
  (core module $m
    (memory (export "memory") 260)
    (func (export "letters") (param $n i32) (result i32)
      (memory.fill (i32.const 65536) (i32.const 97) (local.get $n))
      (i32.store (i32.const 0) (i32.const 65536))
      (i32.store (i32.const 4) (local.get $n))
      (i32.const 0)))
  (core instance $i (instantiate $m))
  (alias core export $i "memory" (core memory $memory))
  (func (export "letters") (param "n" u32) (result string)
    (canon lift (core func $i "letters") (memory $memory))))"#;

pub(crate) fn measure(plan: &Plan, book: &mut Book) -> Result<(), String> {
    let config = format!("{UNCOUNTED}[limits]\noutput = \"17MiB\"\n[host]\nmemory = \"8GiB\"\n");
    let site = Site::start(&config, &["bench"], &[("large".to_owned(), guests::component(GUEST))]);
    let request =
        |letters: u32| call(&site.tokens["bench"], "large", "letters", &format!(r#"{{"n":{letters}}}"#), "");
    let small = Client::new(site.address).ask(&request(1)).expect("an answer");
    assert!(small.status == 200 && small.body.contains("\"completed\""), "{}", small.body);
    std::thread::sleep(REST);
    let before = site.resident(Resident::Now);
    let (left, refused) = (AtomicU32::new(plan.scaled(RESULTS, 10)), AtomicU32::new(0));
    std::thread::scope(|scope| {
        for _ in 0..CLIENTS {
            scope.spawn(|| {
                let mut client = Client::new(site.address);
                let large = request(LETTERS);
                let take =
                    || left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
                while take().is_ok() {
                    while client.ask(&large).is_none_or(|answer| answer.status != 200) {
                        refused.fetch_add(1, Ordering::Relaxed);
                        std::thread::sleep(Duration::from_millis(20));
                    }
                }
            });
        }
    });
    if refused.load(Ordering::Relaxed) > 0 {
        println!("{} requests were refused and sent again", refused.load(Ordering::Relaxed));
    }
    std::thread::sleep(REST);
    let after = site.resident(Resident::Now);
    book.figure("rest-before", before);
    book.figure("rest-peak", site.resident(Resident::Most));
    book.figure("rest-after", after);
    book.figure("rest-kept", after - before);
    Ok(())
}

//! Calls of one principal beside 124 calls of another that hold memory and sleep.

use std::time::{Duration, Instant};

use crate::args::Plan;
use crate::kit::book::Book;
use crate::kit::client::{Client, Flood, call};
use crate::kit::guests;
use crate::kit::server::{OPEN, Site};

const SLEEPERS: usize = 124;

/// `sleep` grows to 60 MiB, touches them and waits; `grow` grows by 32 MiB in steps; `small` does nothing.
const GUEST: &str = r#"(component
  (import "wasi:io/poll@0.2.0" (instance $poll
    (export "pollable" (type $pollable (sub resource)))
    (export "[method]pollable.block" (func (param "self" (borrow $pollable))))))
  (alias export $poll "pollable" (type $pollable))
  (import "wasi:clocks/monotonic-clock@0.2.0" (instance $clock
    (alias outer 1 $pollable (type $p))
    (export "pollable" (type $own (eq $p)))
    (export "subscribe-duration" (func (param "when" u64) (result (own $own))))))
  (core func $block (canon lower (func $poll "[method]pollable.block")))
  (core func $subscribe (canon lower (func $clock "subscribe-duration")))
  (core module $m
    (import "host" "block" (func $block (param i32)))
    (import "host" "subscribe" (func $subscribe (param i64) (result i32)))
    (memory 1)
    (func (export "sleep")
      (drop (memory.grow (i32.const 950)))
      (memory.fill (i32.const 0) (i32.const 1) (i32.mul (memory.size) (i32.const 65535)))
      (call $block (call $subscribe (i64.const 60000000000))))
    (func (export "grow") (local $i i32)
      (local.set $i (i32.const 16))
      (loop $again
        (if (i32.eq (memory.grow (i32.const 32)) (i32.const -1)) (then unreachable))
        (local.set $i (i32.sub (local.get $i) (i32.const 1)))
        (br_if $again (local.get $i))))
    (func (export "small")))
  (core instance $i (instantiate $m (with "host" (instance
    (export "block" (func $block)) (export "subscribe" (func $subscribe))))))
  (func (export "sleep") (canon lift (core func $i "sleep")))
  (func (export "grow") (canon lift (core func $i "grow")))
  (func (export "small") (canon lift (core func $i "small"))))"#;

pub(super) fn measure(plan: &Plan, book: &mut Book) {
    let guest = guests::component(GUEST);
    let config = format!("{OPEN}\n[host]\nmemory = \"4GiB\"\n");
    let site = Site::start(&config, &["good", "bad"], &[("guest".to_owned(), guest)]);
    let sleep = call(&site.tokens["bad"], "guest", "sleep", "{}", "deadline=4s");
    let flood = Flood::start(site.address, &sleep, SLEEPERS);
    std::thread::sleep(Duration::from_secs(2));
    for (tool, id) in [("small", "memory-small"), ("grow", "memory-grow")] {
        let request = call(&site.tokens["good"], "guest", tool, "{}", "");
        let mut client = Client::new(site.address);
        let (mut good, mut all) = (0, 0);
        let begun = Instant::now();
        while begun.elapsed() < plan.turn * 4 {
            all += 1;
            let answer = client.ask(&request);
            match answer {
                Some(answer) if answer.body.contains("\"completed\"") => good += 1,
                Some(answer) if all < 4 => println!("{tool}: {} {}", answer.status, answer.body),
                _ => {}
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        println!("{good} of {all} calls of `{tool}` completed");
        book.figure(id, 100.0 * f64::from(good) / f64::from(all));
    }
    drop(flood.end());
}

//! Good calls beside 250 connections of one principal whose runs are all short, and the deadline of a run that sleeps
//! among loops of its own principal.

use super::{Worst, ratio};
use crate::args::Plan;
use crate::kit::book::Book;
use crate::kit::client::{Flood, call, health, sample};
use crate::kit::guests;
use crate::kit::server::{OPEN, Site};
use crate::kit::stats::quantile;

const CONNECTIONS: usize = 250;

/// Each ends by itself before it would be moved to another thread.
const SHORT: &str = r#"(component
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
    (memory (export "memory") 64)
    (func (export "nothing"))
    (func (export "spin") (loop (br 0)))
    (func (export "sleep") (call $block (call $subscribe (i64.const 60000000000))))
    (func (export "work") (param $n i32)
      (block $done (loop $again
        (br_if $done (i32.eqz (local.get $n)))
        (local.set $n (i32.sub (local.get $n) (i32.const 1)))
        (br $again))))
    (func (export "fill") (param $n i32) (memory.fill (i32.const 0) (i32.const 1) (local.get $n)))
    (func (export "list") (param $n i32) (result i32)
      (i32.store (i32.const 0) (i32.const 64)) (i32.store (i32.const 4) (local.get $n)) (i32.const 0)))
  (core instance $i (instantiate $m (with "host" (instance
    (export "block" (func $block)) (export "subscribe" (func $subscribe))))))
  (alias core export $i "memory" (core memory $memory))
  (func (export "nothing") (canon lift (core func $i "nothing")))
  (func (export "spin") (canon lift (core func $i "spin")))
  (func (export "sleep") (canon lift (core func $i "sleep")))
  (func (export "work") (param "n" u32) (canon lift (core func $i "work")))
  (func (export "fill") (param "n" u32) (canon lift (core func $i "fill")))
  (func (export "list") (param "n" u32) (result (list u8)) (canon lift (core func $i "list") (memory $memory))))"#;

pub(super) fn measure(plan: &Plan, book: &mut Book) {
    let short = guests::component(SHORT);
    let site = Site::start(OPEN, &["good", "bad"], &[("short".to_owned(), short)]);
    let good = call(&site.tokens["good"], "short", "nothing", "{}", "");
    let long = call(&site.tokens["good"], "short", "work", r#"{"n":3000000}"#, "");
    let turn = plan.turn * 3;
    let seen = || {
        let (address, good) = (site.address, good.clone());
        let calls = std::thread::spawn(move || {
            sample(address, &good, turn, |answer| answer.body.contains("\"completed\""))
        });
        let long = long.clone();
        let longs = std::thread::spawn(move || {
            sample(address, &long, turn, |answer| answer.body.contains("\"completed\""))
        });
        let health = sample(address, &health(), turn, |answer| answer.status == 200);
        let calls = calls.join().expect("no panic");
        let longs = longs.join().expect("no panic");
        [quantile(&calls, 0.99), quantile(&health, 0.99), quantile(&longs, 0.99)]
    };
    seen();
    let mut worst: [Worst; 3] = Default::default();
    for (tool, input, what) in [
        ("nothing", r#"{}"#.to_owned(), "nothing"),
        ("work", r#"{"n":20000}"#.to_owned(), "20,000 turns of a loop"),
        ("work", r#"{"n":150000}"#.to_owned(), "150,000 turns of a loop"),
        ("fill", r#"{"n":262144}"#.to_owned(), "a fill of 256 KiB"),
        ("fill", r#"{"n":4000000}"#.to_owned(), "a fill of 4 MB"),
        ("list", r#"{"n":10000}"#.to_owned(), "a list of 10,000 bytes"),
        ("list", r#"{"n":60000}"#.to_owned(), "a list of 60,000 bytes"),
        ("list", r#"{"n":500000}"#.to_owned(), "a list of 500,000 bytes"),
        ("spin", "{}".to_owned(), "a loop"),
    ] {
        let alone = seen();
        let request = call(&site.tokens["bad"], "short", tool, &input, "deadline=500ms");
        let flood = Flood::start(site.address, &request, CONNECTIONS);
        std::thread::sleep(plan.turn / 4);
        let beside = seen();
        let reports = flood.end().len();
        println!(
            "beside {CONNECTIONS} × {what} ({reports} runs): call {:.2} → {:.2} ms, healthz {:.2} → {:.2} ms, a longer call {:.2} → {:.2} ms",
            alone[0], beside[0], alone[1], beside[1], alone[2], beside[2]
        );
        for ((worst, alone), beside) in worst.iter_mut().zip(alone).zip(beside) {
            worst.see(ratio(alone, beside), what);
        }
    }
    for (worst, id) in worst.iter().zip(["crowd-call", "crowd-health", "crowd-long"]) {
        worst.record(id, book);
    }
    book.figure("crowd-sleeper-late", sleepers(&site, plan));
}

/// How late runs end that sleep past their deadline beside loops of the same principal, in milliseconds.
fn sleepers(site: &Site, plan: &Plan) -> f64 {
    let spin = call(&site.tokens["bad"], "short", "spin", "{}", "deadline=3s");
    let flood = Flood::start(site.address, &spin, CONNECTIONS - 10);
    std::thread::sleep(plan.turn / 2);
    let sleep = call(&site.tokens["bad"], "short", "sleep", "{}", "deadline=200ms");
    let took = sample(site.address, &sleep, plan.turn * 4, |answer| answer.status == 200);
    drop(flood.end());
    quantile(&took, 0.99) - 200.0
}

//! A good call and `/healthz` beside hostile guests, and how late the hostile runs end.

use std::net::SocketAddr;

use ringfence::{Allocator, Host, HostConfig};
use ringfence_sandbox_tests::storm::{self, Storm};
use serde_json::Value;

use crate::client::{Answer, Flood, call, health, sample};
use crate::server::{OPEN, Site};
use crate::{Plan, quantile};

/// Deadline of a hostile run, in milliseconds.
const DEADLINE: u64 = 200;

/// What to reach: the p99 of a good call beside hostile ones to what it is alone, and how late a run ends.
const RATIO: f64 = 3.0;
const LATE: f64 = 20.0;

/// Not looked at below this: a client that is put on a core again takes as long.
const FLOOR: f64 = 3.0;

const ECHO: &str = r#"{"text":"a good call"}"#;

/// Grows and fills its memory again and again.
const BOMB: &str = r#"(component
  (core module $m (memory 1)
    (func (export "run")
      (loop $a
        (drop (memory.grow (i32.const 1000)))
        (memory.fill (i32.const 0) (i32.const 1) (i32.mul (memory.size) (i32.const 65535)))
        (br $a))))
  (core instance $i (instantiate $m))
  (func (export "run") (canon lift (core func $i "run"))))"#;

/// A good answer to a call.
fn echoed(answer: &Answer) -> bool {
    answer.status == 200 && answer.body.contains("completed")
}

/// Milliseconds by which each report was over its deadline.
fn late(reports: &[Value]) -> f64 {
    let wall = |report: &Value| {
        let usage = &report["usage"];
        usage["wall_ms"].as_f64().or_else(|| usage["wall_us"].as_f64().map(|us| us / 1e3))
    };
    let ended = reports.iter().filter(|report| report["outcome"] == "deadline-exceeded");
    ended.filter_map(wall).map(|wall| wall - DEADLINE as f64).fold(0.0, f64::max)
}

struct Seen {
    call: f64,
    health: f64,
}

fn seen(address: SocketAddr, token: &str, plan: &Plan) -> Seen {
    let request = call(token, "echo", "echo", ECHO, "");
    let turn = plan.turn;
    let calls = std::thread::spawn(move || sample(address, &request, turn, echoed));
    let mut health = sample(address, &health(), turn, |answer| answer.status == 200);
    let mut calls = calls.join().expect("no panic");
    Seen { call: quantile(&mut calls, 0.99), health: quantile(&mut health, 0.99) }
}

/// The guests, each under a name that a skill may have.
fn guests(plan: &Plan) -> Vec<Storm> {
    let host = Host::new(HostConfig { allocator: Allocator::Pooling, runs: 16, ..HostConfig::default() });
    let host = host.expect("a host");
    let mut guests = storm::built_in();
    guests.extend(storm::outside());
    guests.push(Storm::of_text("a memory bomb", BOMB));
    let functions = storm::of_functions(&host).unwrap_or_else(|missing| panic!("no recipe for {missing:?}"));
    let lends = |storm: &Storm| !storm.lends_nothing() || storm.name.contains("fields.set");
    // The smallest arguments are only of interest where there are no larger ones.
    let largest = |storm: &Storm| !storm.name.ends_with(": small") && !storm.name.ends_with("nothing");
    let chosen = functions.iter().filter(|storm| plan.all || (lends(storm) && largest(storm)));
    guests.extend(chosen.cloned());
    guests.retain(|storm| plan.only.as_ref().is_none_or(|only| storm.name.contains(only.as_str())));
    guests
}

/// Measures; gives what was missed.
pub(crate) fn measure(plan: &Plan) -> Vec<String> {
    let guests = guests(plan);
    let mut skills: Vec<(String, Vec<u8>)> = guests
        .iter()
        .enumerate()
        .map(|(index, storm)| (format!("storm-{index}"), storm.component.clone()))
        .collect();
    let echo = wat::parse_str(include_str!("../echo.wat")).expect("the guest's text is valid");
    skills.push(("echo".to_owned(), echo));
    println!("{} hostile guests", guests.len());
    let site = Site::start(OPEN, &["good", "bad"], &skills);
    let (good, bad) = (&site.tokens["good"], &site.tokens["bad"]);
    let at_once = 2 * std::thread::available_parallelism().map_or(2, usize::from);
    // Once, so that everything is warm.
    seen(site.address, good, plan);
    let mut missed = Vec::new();
    println!("p99 in ms alone and beside {at_once} runs; the latest end after a deadline of {DEADLINE} ms");
    for (index, storm) in guests.iter().enumerate() {
        let alone = seen(site.address, good, plan);
        let request =
            call(bad, &format!("storm-{index}"), "run", &storm.input, &format!("deadline={DEADLINE}ms"));
        let flood = Flood::start(site.address, &request, at_once);
        let beside = seen(site.address, good, plan);
        let reports = flood.end();
        let late = late(&reports);
        println!(
            "call {:6.2} {:8.2}   healthz {:6.2} {:8.2}   late {late:6.1}   {} runs of {}",
            alone.call,
            beside.call,
            alone.health,
            beside.health,
            reports.len(),
            storm.name
        );
        let over = |alone: f64, beside: f64| beside > RATIO * alone.max(FLOOR / RATIO);
        if over(alone.call, beside.call) || over(alone.health, beside.health) || late > LATE {
            missed.push(format!(
                "beside {}: call {:.2} × , healthz {:.2} ×, late by {late:.1} ms",
                storm.name,
                beside.call / alone.call,
                beside.health / alone.health
            ));
        }
    }
    missed
}

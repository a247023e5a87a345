//! A good call and `/healthz` beside hostile guests, and how late the hostile runs end.

use std::net::SocketAddr;

use ringfence::{Host, HostConfig};
use ringfence_sandbox_tests::storm::{self, Storm};
use serde_json::Value;

use super::{Worst, ratio};
use crate::args::Plan;
use crate::kit::book::Book;
use crate::kit::client::{Answer, Flood, call, health, sample};
use crate::kit::guests;
use crate::kit::server::{OPEN, Site};
use crate::kit::stats::quantile;

/// Deadline of a hostile run, in milliseconds.
const DEADLINE: u64 = 200;

/// Without files there is no handle whose methods a storm could call.
const FILES: &str = "[[grant]]\nskill = \"bench/storm-*\"\nscratch = {}\n";

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

/// Whether this is a good answer to a call.
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
    let health = sample(address, &health(), turn, |answer| answer.status == 200);
    let calls = calls.join().expect("no panic");
    Seen { call: quantile(&calls, 0.99), health: quantile(&health, 0.99) }
}

/// The guests, each under a name that a skill may have.
fn hostile(plan: &Plan) -> Vec<Storm> {
    let host = Host::new(HostConfig::pooled().with_runs(16));
    let host = host.expect("a host");
    let mut guests = storm::built_in();
    guests.extend(storm::outside());
    guests.push(Storm::of_text("a memory bomb", BOMB));
    let functions = storm::of_functions(&host).unwrap_or_else(|missing| panic!("no recipe for {missing:?}"));
    let grants = |storm: &Storm| !storm.grants_nothing() || storm.name.contains("fields.set");
    // The smallest arguments are only of interest where there are no larger ones.
    let largest = |storm: &Storm| !storm.name.ends_with(": small") && !storm.name.ends_with("nothing");
    let chosen = functions.iter().filter(|storm| plan.every || (grants(storm) && largest(storm)));
    guests.extend(chosen.cloned());
    guests.retain(|storm| plan.only.as_ref().is_none_or(|only| storm.name.contains(only.as_str())));
    guests
}

pub(super) fn measure(plan: &Plan, book: &mut Book) -> Result<(), String> {
    let mut hostile = hostile(plan);
    if hostile.is_empty() {
        return Err("no guest has a name that contains the text of `--only`".to_owned());
    }
    if plan.short {
        hostile.truncate(2);
    }
    let mut skills: Vec<(String, Vec<u8>)> = hostile
        .iter()
        .enumerate()
        .map(|(index, storm)| (format!("storm-{index}"), storm.component.clone()))
        .collect();
    skills.push(("echo".to_owned(), guests::echo()));
    println!("{} hostile guests", hostile.len());
    // Without a space there is no bucket to call functions of.
    let space = "\n[[grant]]\nskill = \"bench/*\"\nkv = { storage = \"memory\" }\n";
    let site = Site::start(&format!("{OPEN}{FILES}{space}"), &["good", "bad"], &skills);
    let (good, bad) = (&site.tokens["good"], &site.tokens["bad"]);
    let at_once = 2 * std::thread::available_parallelism().map_or(2, usize::from);
    // Once, so that everything is warm.
    seen(site.address, good, plan);
    let mut worst: [Worst; 3] = Default::default();
    println!("p99 in ms alone and beside {at_once} runs; the latest end after a deadline of {DEADLINE} ms");
    for (index, storm) in hostile.iter().enumerate() {
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
        let values = [ratio(alone.call, beside.call), ratio(alone.health, beside.health), late];
        for (worst, value) in worst.iter_mut().zip(values) {
            worst.see(value, &storm.name);
        }
    }
    for (worst, id) in worst.iter().zip(["storm-call", "storm-health", "storm-late"]) {
        worst.record(id, book);
    }
    Ok(())
}

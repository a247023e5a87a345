//! Nothing that a guest does in a loop keeps its thread from others: each call to the host costs fuel, and so yields.
//! What is counted is how often the run yielded. No clock is read.

use std::collections::BTreeMap;
use std::sync::OnceLock;
use std::time::Duration;

use ringfence::{Allocator, Clock, Host, Limits, Report, Skill};
use ringfence_sandbox_tests::storm::{self, Storm};
use ringfence_sandbox_tests::{host, runtime};

/// Fuel of a run here: a tenth of the default.
const FUEL: u64 = 100_000_000;

/// Most fuel between two yields: ten slices, and what one call with the largest arguments costs.
const FUEL_BETWEEN: u64 = 4_000_000;

/// Most calls to the host between two yields.
const CALLS_BETWEEN: u64 = 1_000;

/// Most bytes that calls hand over between two yields.
const BYTES_BETWEEN: u64 = 2 << 20;

fn of_functions() -> &'static [Storm] {
    static STORMS: OnceLock<Vec<Storm>> = OnceLock::new();
    STORMS.get_or_init(|| {
        storm::of_functions(host(Allocator::Pooling)).unwrap_or_else(|missing| {
            panic!("no recipe for {missing:?}: add each to `tests/sandbox/src/storm`");
        })
    })
}

/// Fuel and calls decide, the clock stands still: a run repeats exactly.
fn limits() -> Limits {
    Limits { deadline: Duration::from_secs(120), ..storm::only_fuel(FUEL) }
}

fn load(host: &Host, storm: &Storm, component: &[u8]) -> Skill {
    host.load(component).unwrap_or_else(|error| panic!("{}: {error}", storm.name))
}

fn run(host: &Host, storm: &Storm, skill: &Skill, limits: &Limits) -> Report {
    let call = host.call(skill, "run").limits(limits).seed(1).clock(Clock::Fixed(Duration::ZERO));
    let report = runtime().block_on(call.json(storm.input.as_str()));
    report.unwrap_or_else(|error| panic!("{}: {error}", storm.name))
}

/// What is wrong with a run of a storm, if anything is.
fn wrong(storm: &Storm, report: &Report) -> Vec<String> {
    let usage = &report.usage;
    let turns = usage.yields;
    let mut wrong = Vec::new();
    let mut hold = |holds: bool, what: String| {
        if !holds {
            wrong.push(format!("{}: {what} ({} turns, {usage:?})", storm.name, turns));
        }
    };
    hold(storm::ended_well(storm, &report.outcome), format!("ended as {:?}", report.outcome));
    hold(usage.fuel <= FUEL, "burnt more than it had".to_owned());
    // One bulk operation goes on to its end, and costs a unit a byte.
    let between = if storm.is_bulk() { limits().memory } else { FUEL_BETWEEN };
    hold(usage.fuel / (turns + 1) <= between, "others waited for much fuel".to_owned());
    hold(usage.host_calls / (turns + 1) <= CALLS_BETWEEN, "others waited for many calls".to_owned());
    if let Some((size, _)) = storm.quarter.as_ref().filter(|_| !storm.is_denied_unread()) {
        let moved = usage.host_calls.saturating_mul(u64::from(*size));
        hold(moved / (turns + 1) <= BYTES_BETWEEN, "others waited for many bytes".to_owned());
    }
    wrong
}

#[track_caller]
fn all_yield(storms: &[Storm]) {
    let host = host(Allocator::Pooling);
    let mut all = Vec::new();
    for storm in storms {
        let skill = load(host, storm, &storm.component);
        let report = run(host, storm, &skill, &limits());
        all.extend(wrong(storm, &report));
        let again = run(host, storm, &skill, &limits());
        if (again.usage.fuel, again.usage.host_calls) != (report.usage.fuel, report.usage.host_calls) {
            all.push(format!("{}: {:?}, and then {:?}", storm.name, report.usage, again.usage));
        }
    }
    assert!(all.is_empty(), "{} of {} guests:\n{}", all.len(), storms.len(), all.join("\n"));
}

#[test]
fn every_host_function_yields() {
    all_yield(of_functions());
}

#[test]
fn everything_without_a_host_function_yields() {
    all_yield(&storm::built_in());
}

#[test]
fn a_call_costs_fuel_by_what_it_hands_over() {
    const CALLS: u64 = 16;
    let host = host(Allocator::Pooling);
    let few = Limits { host_calls: CALLS, deadline: Duration::from_secs(120), ..Limits::default() };
    let mut wrong = Vec::new();
    for storm in of_functions() {
        let Some((size, quarter)) = &storm.quarter else { continue };
        let whole = run(host, storm, &load(host, storm, &storm.component), &few);
        let less = run(host, storm, &load(host, storm, quarter), &few);
        let (whole, less) = (&whole.usage, &less.usage);
        if whole.host_calls != less.host_calls {
            // One of them came to its limit on output.
            continue;
        }
        let more = u64::from(*size) * 3 / 4 * whole.host_calls;
        if *size >= 1024 && !storm.is_denied_unread() && whole.fuel < less.fuel + more / 16 {
            wrong.push(format!("{}: {} units, and {} for a quarter", storm.name, whole.fuel, less.fuel));
        }
    }
    assert!(wrong.is_empty(), "{} guests:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn every_function_on_offer_has_a_guest() {
    let mut guests: BTreeMap<&str, u32> = BTreeMap::new();
    for storm in of_functions() {
        let function = storm.name.split(": ").next().unwrap_or_default();
        *guests.entry(function).or_default() += 1;
    }
    // Counted by hand once, so that an offer that is read wrong is noticed.
    assert!(guests.len() > 150, "{guests:?}");
}

#[test]
fn every_guest_loads() {
    let mut wrong = Vec::new();
    for storm in storm::built_in().into_iter().chain(storm::outside()) {
        if let Err(error) = host(Allocator::Pooling).load(storm.component) {
            wrong.push(format!("{}: {error}", storm.name));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn work_around_the_guest_ends_as_it_may() {
    let host = host(Allocator::Pooling);
    for storm in storm::outside() {
        let skill = host.load(storm.component.as_slice()).unwrap_or_else(|error| panic!("{error}"));
        let ran = runtime().block_on(host.run(&skill, "run", storm.input.as_str(), &Limits::default()));
        if let Ok(report) = ran {
            assert!(storm::ended_well(&storm, &report.outcome), "{}: {report:?}", storm.name);
        }
    }
}

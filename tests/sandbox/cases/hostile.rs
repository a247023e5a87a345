//! Every hostile guest ends in exactly its outcome, under both allocators, and as often as it is run.

use std::process::Command;

use ringfence::{Host, Limits, Report, RunError};
use ringfence_sandbox_tests::hostile::{self, Guest};
use ringfence_sandbox_tests::{ALLOCATORS, Expect, host, matches, own_host, runtime, wasm};

/// The guests whose names begin like this.
fn guests(prefix: &str) -> Vec<Guest> {
    let found: Vec<Guest> =
        hostile::corpus().into_iter().filter(|guest| guest.name.starts_with(prefix)).collect();
    assert!(!found.is_empty(), "no guest is named `{prefix}…`");
    found
}

fn run(host: &Host, guest: &Guest, limits: &Limits) -> Result<Report, RunError> {
    let skill = host.load(wasm(guest.wat)).unwrap_or_else(|error| panic!("{}: {error}", guest.name));
    runtime().block_on(host.run(&skill, guest.case.tool, guest.case.input.clone(), limits))
}

#[test]
fn each_hostile_guest_ends_with_its_expected_outcome() {
    // All that differ are named, not the first alone.
    let mut different = Vec::new();
    for allocator in ALLOCATORS {
        // Of its own: on one that is shared, what other tests run at the same time is reserved as well.
        let host = own_host(allocator);
        for guest in hostile::corpus() {
            let case = &guest.case;
            let difference = match host.load(wasm(guest.wat)) {
                Err(error) if case.expect == Expect::Refused(error.code()) => None,
                Err(error) => Some(format!("expected {:?}, refused: {error}", case.expect)),
                Ok(skill) => {
                    let ran =
                        runtime().block_on(host.run(&skill, case.tool, case.input.clone(), &case.limits));
                    matches(&case.expect, &ran).err()
                }
            };
            different.extend(difference.map(|it| format!("{} ({allocator:?}): {it}", guest.name)));
        }
        assert_eq!(host.reserved_bytes(), 0, "{allocator:?}: every run gives back what it reserved");
    }
    assert!(different.is_empty(), "{}", different.join("\n\n"));
}

#[test]
fn nothing_is_left_over_from_an_earlier_run() {
    for allocator in ALLOCATORS {
        let host = host(allocator);
        for guest in guests("left_over") {
            let skill = host.load(wasm(guest.wat)).unwrap();
            for turn in 0..100 {
                let input = guest.case.input.clone();
                let ran = runtime().block_on(host.run(&skill, guest.case.tool, input, &guest.case.limits));
                matches(&guest.case.expect, &ran)
                    .unwrap_or_else(|it| panic!("{} ({allocator:?}), run {turn}: {it}", guest.name));
            }
        }
    }
}

#[test]
fn flooded_log_lines_are_counted() {
    for allocator in ALLOCATORS {
        for (name, lines, dropped) in
            [("flood_log", 1_000, 4_000), ("flood_log_line", 1, 1), ("flood_stdout_lines", 1_000, 64_536)]
        {
            let guest = guests(name).into_iter().find(|guest| guest.name == name).unwrap();
            let report = run(host(allocator), &guest, &guest.case.limits).unwrap();
            assert_eq!(report.usage.log_lines, lines, "{name}");
            assert_eq!(report.usage.log_dropped, dropped, "{name}");
            assert!(report.usage.log_bytes <= guest.case.limits.log_size, "{name}");
            assert!(report.log.iter().all(|line| line.message.len() <= 4096), "{name}");
        }
    }
}

/// One of several guests that end by their number of host calls: the number is exact.
#[test]
fn host_calls_are_counted_to_the_last() {
    for allocator in ALLOCATORS {
        for guest in guests("flood_host_calls") {
            for calls in [1, 2, 77] {
                let mut limits = guest.case.limits.clone();
                limits.host_calls = calls;
                let report = run(host(allocator), &guest, &limits).unwrap();
                assert_eq!(report.outcome.name(), "host-call-limit", "{}", guest.name);
                assert_eq!(report.usage.host_calls, calls, "{}", guest.name);
            }
        }
    }
}

#[test]
fn guests_out_of_fuel_use_exactly_the_limit() {
    for allocator in ALLOCATORS {
        for guest in hostile::corpus() {
            if guest.case.expect != Expect::Outcome("out-of-fuel") {
                continue;
            }
            let used: Vec<u64> = (0..3)
                .map(|_| run(host(allocator), &guest, &guest.case.limits).unwrap().usage.fuel)
                .collect();
            assert_eq!(used, [guest.case.limits.fuel; 3], "{} ({allocator:?})", guest.name);
        }
    }
}

/// Components that would be megabytes of text, each over one cap. They are refused before anything is
/// compiled: `validate` has no compiler.
#[test]
fn components_over_a_cap_are_refused_by_name() {
    let tool = r#"(core module $m (func (export "run")))
        (core instance $i (instantiate $m))
        (func (export "run") (canon lift (core func $i "run")))"#;
    let fields: String = (0..10_000).map(|n| format!("(field \"f{n}\" u8) ")).collect();
    let record = format!(
        r#"(component
            (type $record' (record {fields}))
            (export $record "record" (type $record'))
            (core module $m
                (memory (export "memory") 1)
                (func (export "run") (result i32) (i32.const 0)))
            (core instance $i (instantiate $m))
            (func $run (result $record')
                (canon lift (core func $i "run") (memory (core memory $i "memory"))))
            (export "run" (func $run) (func (result $record))))"#
    );
    let exports: String =
        (0..300).map(|n| format!("(func (export \"run{n}\") (canon lift (core func $i \"run\")))")).collect();
    let rows = [
        ("JSON Schema", record),
        ("exported functions", format!("(component {tool} {exports})")),
        (
            "element segments",
            format!(
                "(component {tool} (core module (func) (elem declare func {})))",
                "0 ".repeat((1 << 20) + 1)
            ),
        ),
        (
            "core modules and components",
            format!("(component {tool} {})", "(component) (core module)".repeat(501)),
        ),
        ("functions", format!("(component {tool} (core module {}))", "(func)".repeat(200_001))),
        ("largest function", format!("(component {tool} (core module (func {})))", "nop ".repeat(1 << 20))),
        ("bytes", format!("(component {tool} (core module (memory 1) (data \"{}\")))", "x".repeat(32 << 20))),
    ];
    let host = host(ALLOCATORS[0]);
    for (what, wat) in rows {
        let error = host.validate(wasm(&wat)).err().unwrap_or_else(|| panic!("{what}: it was taken"));
        assert_eq!(error.code(), "over-cap", "{what}: {error}");
        assert!(error.to_string().contains(what), "{what}: {error}");
    }
}

/// A process of its own, so that what other tests hold in memory is not counted.
fn soak(arguments: &[&str]) {
    let output = Command::new(env!("CARGO_BIN_EXE_soak")).args(arguments).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    println!("{text}");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}\n{text}\n{errors}");
}

#[test]
fn two_thousand_runs_in_the_pool_leave_no_trace() {
    soak(&["2000"]);
}

#[test]
fn two_thousand_runs_on_demand_leave_no_trace() {
    soak(&["2000", "--on-demand"]);
}

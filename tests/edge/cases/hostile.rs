//! The hostile guests end on the worker as they end on the full host: in the program that holds no compiler, as code for
//! the processor and under Pulley.

use ringfence::Target;
use ringfence_edge_tests::{Node, draft, exchange, host, key, native, skill_of};
use ringfence_sandbox_tests::hostile::{Guest, corpus};
use ringfence_sandbox_tests::{Expect, wasm};
use serde_json::Value;

/// Those that load at all, under names that a bundle takes.
fn guests() -> Vec<(String, Guest)> {
    let all = corpus().into_iter().filter(|guest| !matches!(guest.case.expect, Expect::Refused(_)));
    all.enumerate().map(|(number, guest)| (format!("g{number}"), guest)).collect()
}

fn each_hostile_guest_ends_with_its_expected_outcome(target: Target, arguments: &[&str]) {
    let guests = guests();
    assert!(guests.len() > 200, "{}", guests.len());
    let dir = tempfile::tempdir().unwrap();
    let skills = guests.iter().map(|(name, guest)| {
        let skill =
            host().validate(wasm(guest.wat)).unwrap_or_else(|error| panic!("{}: {error}", guest.name));
        skill_of(name, &skill, &guest.case.limits, &[target])
    });
    let bundle = draft(1, skills.collect()).sign(&key()).unwrap();
    std::fs::write(dir.path().join("hostile.rfb"), bundle).unwrap();
    std::fs::write(dir.path().join("key.pub"), key().public().to_line()).unwrap();
    let mut all = vec![
        "hostile.rfb",
        "--key",
        "key.pub",
        "--memory",
        "4GiB",
        "--runs",
        "1000",
        "--bundle-size",
        "1GiB",
    ];
    all.extend(arguments);
    let node = Node::start(&all, dir.path());
    // All that differ are named, not the first alone.
    let mut different = Vec::new();
    for (name, guest) in &guests {
        let path = format!("/v1/skills/{name}/tools/{}", guest.case.tool);
        let answer = exchange(node.address, "POST", &path, "", &guest.case.input.to_string());
        if !fits(&guest.case.expect, answer.status, &answer.body) {
            different.push(format!("{}: expected {:?}, got {}", guest.name, guest.case.expect, answer.text));
        }
    }
    assert!(different.is_empty(), "{} of {}:\n{}", different.len(), guests.len(), different.join("\n\n"));
    let metrics = exchange(node.address, "GET", "/metrics", "", "").text;
    assert!(metrics.contains("\nringfence_runs_now 0\n"), "{metrics}");
    assert!(metrics.contains("\nringfence_reserved_bytes 0\n"), "{metrics}");
}

fn fits(expect: &Expect, status: u16, body: &Value) -> bool {
    let outcome = &body["outcome"];
    match expect {
        Expect::Value(value) => outcome == "completed" && body["value"] == *value,
        Expect::Completed => outcome == "completed",
        Expect::Failed(value) => outcome == "failed" && body["failure"] == *value,
        Expect::Trap(code) => outcome == "trapped" && body["trap"]["code"] == *code,
        Expect::Outcome(name) => outcome == name,
        Expect::Error(code) => status >= 400 && body["code"] == *code,
        Expect::Refused(_) => false,
    }
}

#[test]
fn as_code_for_the_processor() {
    each_hostile_guest_ends_with_its_expected_outcome(native(), &[]);
}

#[test]
fn under_pulley() {
    each_hostile_guest_ends_with_its_expected_outcome(Target::Pulley64, &["--interpret"]);
}

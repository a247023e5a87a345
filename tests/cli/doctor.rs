//! `ringfence doctor`: all rows are there and pass, the table, the JSON, and what a failure does.
//!
//! What a machine has and how long it takes is left out of the snapshot; the rest must be as told.

use std::process::Command;

use serde_json::Value;

use crate::Bench;

/// Small, so that it is quick. The memory is, so that filling it at once takes no time on a busy machine.
const QUICK: &[&str] = &["doctor", "--deadline", "200ms", "--fuel", "1000000", "--memory", "8MiB"];

/// The groups that tell of the machine: what was seen there is another machine's.
const MACHINE: &[&str] = &["JAIL", "KERNEL", "ENGINE"];

#[test]
fn all_checks_pass() {
    let bench = Bench::new();
    bench.check_as("doctor", QUICK, redact);
    bench.check("doctor-help", &["doctor", "--help"]);
}

#[test]
fn as_json() {
    let bench = Bench::new();
    let args: Vec<&str> = QUICK.iter().chain(&["--json"]).copied().collect();
    let output = bench.run(&args, "");
    let told: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(output.status.code(), Some(0), "{told:#}");
    assert_eq!(told["ok"], true);
    assert_eq!(told["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(told["limits"]["fuel"], 1_000_000);
    assert_eq!(told["failed"], 0);
    let checks = told["checks"].as_array().expect("a list");
    let count = |verdict| checks.iter().filter(|check| check["verdict"] == verdict).count();
    assert_eq!(told["passed"], count("pass"));
    assert_eq!(told["skipped"], count("skipped"));
    assert!(count("pass") >= 30, "{told:#}");
    let fuel = checks.iter().find(|check| check["name"] == "fuel, endless loop").expect("there");
    assert_eq!(fuel["group"], "limits");
    assert_eq!(fuel["configured"], "1,000,000");
    assert!(fuel["time_us"].is_u64() && fuel["peak_memory"].is_u64(), "{fuel}");
}

/// A machine that does not give the pool its address space: the doctor says so, and what to do.
#[test]
fn a_check_that_fails() {
    let limited = |more: &str| {
        Command::new("sh")
            .arg("-c")
            .arg(format!("ulimit -v 4000000 && exec \"$0\" doctor {more}"))
            .arg(env!("CARGO_BIN_EXE_ringfence"))
            .env("RINGFENCE_HOME", "/nowhere")
            .output()
            .expect("a shell")
    };
    let output = limited("");
    let shown = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(7), "{output:?}");
    assert!(shown.contains("\n✗ address space ") && shown.contains("\n✗ pool "), "{shown}");
    assert!(shown.contains("ulimit -v unlimited") && shown.contains("\n✗ 2 of "), "{shown}");
    let output = limited("--json");
    let told: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(output.status.code(), Some(7), "{told:#}");
    assert_eq!((&told["ok"], &told["failed"]), (&false.into(), &2.into()));
}

/// Quick, because the pool fails: only the row of the configuration counts here.
#[test]
fn a_configuration_is_held_against_the_store() {
    let bench = Bench::new();
    assert!(bench.run(&["token", "create", "--owner", "alice"], "").status.success());
    let row = |toml: &str| {
        bench.write("ringfence.toml", toml);
        let output = Command::new("sh")
            .arg("-c")
            .arg("ulimit -v 4000000 && exec \"$0\" doctor --json --config ringfence.toml")
            .arg(env!("CARGO_BIN_EXE_ringfence"))
            .env("RINGFENCE_HOME", bench.path("home"))
            .current_dir(bench.path("."))
            .output()
            .expect("a shell");
        let told: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        let checks = told["checks"].as_array().expect("a list").clone();
        checks.into_iter().find(|check| check["name"] == "configuration").expect("there")
    };
    assert_eq!(row("[limits.owner.alice]\nfuel = 5")["verdict"], "pass");
    let misspelt = row("[limits.owner.alcie]\nfuel = 5");
    assert_eq!(misspelt["verdict"], "fail", "{misspelt}");
    assert!(misspelt.to_string().contains("the closest match is `alice`"), "{misspelt}");
    let wrong = row("[limits]\nfuel = 0");
    assert_eq!(wrong["verdict"], "fail", "{wrong}");
    assert!(wrong.to_string().contains("ringfence.toml:2: "), "{wrong}");
}

/// Limits that no run could have are refused as they are by `run`.
#[test]
fn limits_out_of_range() {
    let output = Bench::new().run(&["doctor", "--fuel", "0"], "");
    assert_eq!(output.status.code(), Some(4), "{output:?}");
}

/// Times, counts of calls and the machine's own rows differ; columns move with them.
fn redact(text: &str) -> String {
    let mut machine = false;
    let mut out = String::new();
    for line in text.lines() {
        assert!(line.chars().count() <= 100, "wider than a terminal: {line}");
        if line.is_empty() || line.starts_with(|c: char| c.is_ascii_uppercase()) {
            machine = MACHINE.iter().any(|group| line.starts_with(group));
        }
        if machine && line.starts_with("  ") {
            continue;
        }
        if machine && line.starts_with(['✓', '–', '·']) {
            // The mark and the name.
            let name: String = line.chars().skip(2).take(26).collect();
            out.push_str(&format!("  {}\n", name.trim_end()));
            continue;
        }
        let mut words: Vec<String> = Vec::new();
        for word in line.split_whitespace() {
            let (unit, rest) = word.split_at(word.trim_end_matches([',', ':']).len());
            match (unit, words.last_mut()) {
                ("µs" | "ms" | "s", Some(number)) => *number = format!("[time]{rest}"),
                ("correct" | "checks" | "skipped", Some(number)) => {
                    *number = "[n]".to_owned();
                    words.push(word.to_owned());
                }
                _ => words.push(word.to_owned()),
            }
        }
        // What the kernel has not is skipped.
        if line.starts_with("✓ ") && line.contains(" checks passed in ") {
            words = vec!["✓ [n] checks passed in [time]".to_owned()];
        }
        if let Some(at) = words.iter().position(|word| word == "resident") {
            words.truncate(at);
        }
        out.push_str(&words.join(" "));
        out.push('\n');
    }
    out
}

//! The program `ringfence-edge run`: JSON in, JSON out, exit codes, and what it says when it refuses.

use std::path::Path;
use std::process::{Command, Output};

use ringfence::Limits;
use ringfence_edge_tests::{draft, key, native, program, run, skill};
use serde_json::Value;
use tempfile::TempDir;

use crate::{ECHO, SPIN, number};

/// A folder with a bundle and a key.
fn folder() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let limits = Limits::default().with_fuel(1_000_000);
    let skills = vec![
        skill("echo", ECHO, &limits, &[native()]),
        skill("number", &number(7), &limits, &[native()]),
        skill("spin", SPIN, &limits, &[native()]),
    ];
    std::fs::write(dir.path().join("edge.rfb"), draft(2, skills).sign(&key()).unwrap()).unwrap();
    let old = draft(1, vec![skill("echo", ECHO, &limits, &[native()])]);
    std::fs::write(dir.path().join("old.rfb"), old.sign(&key()).unwrap()).unwrap();
    std::fs::write(dir.path().join("key.pub"), key().public().to_line()).unwrap();
    dir
}

/// Exit code, standard output, the last line of standard error.
fn ends(output: &Output) -> (i32, String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let last = text(&output.stderr).lines().last().unwrap_or_default().to_owned();
    (output.status.code().unwrap_or(-1), text(&output.stdout), last)
}

fn call(dir: &Path, args: &[&str], input: &str) -> (i32, String, String) {
    let mut all = vec!["run", "edge.rfb"];
    all.extend(args);
    all.extend(["--key", "key.pub"]);
    ends(&run(&all, dir, input))
}

#[test]
fn a_call_goes_from_input_to_output() {
    let dir = folder();
    let (code, out, said) = call(dir.path(), &["echo", "echo"], r#"{"text": "good"}"#);
    assert_eq!((code, &*out), (0, "\"good\"\n"));
    assert!(said.starts_with("completed in "), "{said}");
    // The only tool need not be named, and nothing is no arguments.
    let (code, out, _) = call(dir.path(), &["number"], "");
    assert_eq!((code, &*out), (0, "7\n"));
    let (code, out, _) = call(dir.path(), &["number", "--json"], "{}");
    let report: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(
        (code, &report["outcome"], &report["limits"]["fuel"]),
        (0, &"completed".into(), &1_000_000.into())
    );
}

#[test]
fn limits_of_the_bundle_are_lowered_and_not_raised() {
    let dir = folder();
    let fuel = |limits: &str| {
        let (code, out, said) = call(dir.path(), &["spin", "--json", "--limits", limits], "");
        let report: Value = serde_json::from_str(&out).unwrap_or_default();
        (code, report["usage"]["fuel"].as_u64().unwrap_or(0), said)
    };
    assert_eq!(fuel("fuel=5000").0, 11);
    assert_eq!(fuel("fuel=5000").1, 5_000);
    assert_eq!(fuel("fuel=1000000").1, 1_000_000);
    let (code, _, said) = fuel("fuel=1000001");
    assert!(code == 4 && said.contains("cannot raise the limit"), "{code}: {said}");
    assert_eq!(fuel("speed=1").0, 4);
}

#[test]
fn refusals_have_their_exit_code_and_name_the_next_step() {
    let dir = folder();
    std::fs::write(
        dir.path().join("other.pub"),
        ringfence_bundle::SecretKey::from_seed(&[1; 32]).public().to_line(),
    )
    .unwrap();
    std::fs::write(dir.path().join("secret"), key().to_line()).unwrap();
    for (args, input, code, word) in [
        (
            vec!["run", "edge.rfb", "echo", "--key", "other.pub"],
            "{}",
            3,
            "to trust it, pass its public key with --key [bundle-unknown-key]",
        ),
        (vec!["run", "key.pub", "echo", "--key", "key.pub"], "{}", 3, "[not-a-bundle]"),
        (vec!["run", "none.rfb", "echo", "--key", "key.pub"], "{}", 5, "[cannot-read]"),
        (vec!["run", ".", "echo", "--key", "key.pub"], "{}", 5, "not a regular file [cannot-read]"),
        (
            vec!["run", "edge.rfb", "none", "--key", "key.pub"],
            "{}",
            4,
            "its skills are: echo, number, spin [no-such-skill]",
        ),
        (vec!["run", "edge.rfb", "echo", "none", "--key", "key.pub"], "{}", 4, "[no-such-tool]"),
        (vec!["run", "edge.rfb", "echo", "--key", "key.pub"], "{", 4, "[input-mismatch]"),
        (vec!["run", "edge.rfb", "echo", "--key", "secret"], "{}", 2, "no worker needs"),
        (vec!["run", "edge.rfb", "echo"], "{}", 2, "--help"),
        (vec!["run", "edge.rfb", "echo", "--key", "key.pub", "--listen", "a"], "{}", 2, "--help"),
        (vec!["run", "edge.rfb", "echo", "x", "y", "--key", "key.pub"], "{}", 2, "--help"),
        (vec!["go"], "", 2, "--help"),
        (vec![], "", 2, "--help"),
    ] {
        let (got, out, said) = ends(&run(&args, dir.path(), input));
        assert!(got == code && out.is_empty() && said.contains(word), "{args:?}: {got}, {out}, {said}");
    }
    let (code, out, _) = ends(&run(&["--help"], dir.path(), ""));
    assert!(code == 0 && out.contains("Exit codes:"));
}

#[test]
fn an_older_bundle_is_refused_where_the_state_is_kept() {
    let dir = folder();
    let with = |bundle: &str| {
        let args = ["run", bundle, "echo", "--key", "key.pub", "--state", "seen"];
        ends(&run(&args, dir.path(), r#"{"text": ""}"#))
    };
    assert_eq!(with("old.rfb").0, 0);
    assert_eq!(with("edge.rfb").0, 0);
    let (code, _, said) = with("old.rfb");
    assert!(code == 3 && said.contains("[bundle-rollback]"), "{code}: {said}");
}

/// All lists that are named are gone by, and nothing else may be named twice.
#[test]
fn options_that_are_lists_repeat_and_others_do_not() {
    let dir = folder();
    std::fs::write(dir.path().join("first"), key().public().id().to_string()).unwrap();
    std::fs::write(dir.path().join("second"), "# nothing").unwrap();
    for lists in [["first", "second"], ["second", "first"]] {
        let more = ["echo", "--revoked", lists[0], "--revoked", lists[1]];
        let (code, _, said) = call(dir.path(), &more, "{}");
        assert!(code == 3 && said.contains("[bundle-revoked]"), "{code}: {said}");
    }
    let digest = skill("echo", ECHO, &Limits::default(), &[]).description.digest();
    std::fs::write(dir.path().join("third"), digest.to_string()).unwrap();
    let (code, _, said) = call(dir.path(), &["echo", "--revoked", "third"], "{}");
    assert!(code == 3 && said.contains("[revoked]"), "{code}: {said}");
    let twice = ["run", "edge.rfb", "echo", "--key", "key.pub", "--state", "a", "--state", "b"];
    assert_eq!(ends(&run(&twice, dir.path(), "")).0, 2);
    let cache = ["serve", "edge.rfb", "--key", "key.pub", "--cache", "c"];
    let (code, _, said) = ends(&run(&cache, dir.path(), ""));
    assert!(code == 2 && said.contains("--cache needs a bundle from an https URL"), "{code}: {said}");
    assert_eq!(ends(&run(&["fingerprints", "--key", "none"], dir.path(), "")).0, 2);
}

/// The exit codes are those of `ringfence`, and its help says the same of them.
#[test]
fn exit_codes_are_those_of_the_other_program() {
    // Rows of help are `10  trapped: …`, those of the other program's table `(10, "trapped: …"),`.
    let codes = |text: &str| -> Vec<(u8, String)> {
        let row = |line: &str| {
            let line = line.trim().trim_start_matches('(').trim_end_matches("\"),");
            let (code, says) = line.split_once(", \"").or_else(|| line.split_once("  "))?;
            Some((code.parse::<u8>().ok()?, says.trim().to_owned()))
        };
        text.lines().filter_map(row).filter(|(code, _)| *code >= 10).collect()
    };
    let edge = Command::new(program()).arg("--help").output().unwrap();
    let edge = codes(&String::from_utf8_lossy(&edge.stdout));
    let full = codes(include_str!("../../../host/cli/src/exit.rs"));
    assert_eq!(edge, full);
    assert_eq!(edge.len(), 8);
}

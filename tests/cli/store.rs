//! The commands on a store: what a person and a program see of each, and that `run` keeps compiled code.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

use crate::Bench;

/// `answer: func() -> u32`, and with `more` another tool.
fn component(answer: u32, more: bool) -> Vec<u8> {
    let more =
        if more { r#"(func (export "more") (result u32) (canon lift (core func $i "answer")))"# } else { "" };
    let text = format!(
        r#"(component (core module $m (func (export "answer") (result i32) (i32.const {answer})))
             (core instance $i (instantiate $m))
             (func (export "answer") (result u32) (canon lift (core func $i "answer"))) {more})"#
    );
    wat::parse_str(text).expect("valid")
}

fn bench() -> Bench {
    let bench = Bench::new();
    bench.write("first.wasm", component(1, true));
    bench.write("second.wasm", component(2, true));
    bench.write("fewer.wasm", component(3, false));
    bench
}

impl Bench {
    /// Runs what must succeed; gives stdout.
    #[track_caller]
    fn done(&self, args: &[&str]) -> String {
        let output = self.run(args, "");
        assert!(output.status.success(), "{args:?}: {output:?}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Runs what must be refused: the exit code and the stable code of the reason.
    #[track_caller]
    fn refused(&self, args: &[&str]) -> (Option<i32>, String) {
        let args: Vec<&str> = args.iter().chain(&["--json"]).copied().collect();
        let output = self.run(&args, "");
        let told: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"));
        let code = told.get("error").and_then(Value::as_str).unwrap_or_default();
        (output.status.code(), code.to_owned())
    }

    /// The only file in a directory of the store.
    fn only(&self, folder: &str) -> PathBuf {
        let mut entries = fs::read_dir(self.path("home").join(folder)).expect("the store's directory");
        let entry = entries.next().expect("a file").expect("a file").path();
        assert!(entries.next().is_none(), "more than one file in {folder}");
        entry
    }
}

#[test]
fn a_session() {
    let bench = bench();
    let check = |name: &str, args: &[&str]| bench.check_as(&format!("store-{name}"), args, redact);
    check("none", &["list"]);
    check("submit", &["submit", "first.wasm", "--name", "answer"]);
    check("submit-again", &["submit", "first.wasm", "--name", "answer"]);
    check("replace", &["submit", "second.wasm", "--name", "answer"]);
    check("breaking", &["submit", "fewer.wasm", "--name", "answer"]);
    check(
        "breaking-wanted",
        &["submit", "fewer.wasm", "--name", "answer", "--breaking", "--version", "2.0.0"],
    );
    check("submit-json", &["submit", "echo.wasm", "--owner", "alice", "--json"]);
    check("list", &["list"]);
    check("list-json", &["list", "--json"]);
    check("show", &["show", "answer"]);
    check("show-json", &["show", "echo", "--json"]);
    check("run", &["run", "echo", "--input", r#"{"text":"hello"}"#]);
    check("run-version", &["run", "answer@1", "answer"]);
    check("inspect", &["inspect", "answer@2.0.0"]);
    check("rollback", &["rollback", "answer"]);
    check("remove-current", &["remove", "answer@2"]);
    check("remove", &["remove", "answer"]);
    check("no-such-skill", &["run", "ecko"]);
    check("verify", &["verify"]);
    check("policy", &["policy", "--skills", "1", "--json"]);
    check("over-cap", &["submit", "first.wasm"]);
    check("bad-name", &["submit", "first.wasm", "--name", "../first"]);
    check("help", &["submit", "--help"]);
}

#[test]
fn run_keeps_compiled_code() {
    let bench = bench();
    assert_eq!(bench.done(&["run", "first.wasm", "answer"]), "1\n");
    let artifact =
        fs::read_dir(bench.only("artifacts")).expect("the engine's").next().expect("one").expect("one");
    let made = artifact.metadata().expect("a file").modified().expect("a time");
    assert_eq!(bench.done(&["run", "first.wasm", "answer"]), "1\n");
    let again = artifact.metadata().expect("still there").modified().expect("a time");
    assert_eq!(made, again, "the second run compiled again");
    // The file itself was not kept.
    assert_eq!(bench.done(&["list", "--json"]).split_whitespace().collect::<String>(), r#"{"skills":[]}"#);
}

#[test]
fn code_that_was_tampered_with_is_reported_and_compiled_again() {
    let bench = bench();
    bench.done(&["submit", "first.wasm", "--name", "answer"]);
    let artifact = fs::read_dir(bench.only("artifacts"))
        .expect("the engine's")
        .next()
        .expect("one")
        .expect("one")
        .path();
    let mut bytes = fs::read(&artifact).expect("it can be read");
    bytes[3_000] ^= 4;
    fs::remove_file(&artifact).expect("it can be removed");
    fs::write(&artifact, &bytes).expect("it can be written");
    // As the store leaves it, so that nothing is held against the file but what is in it.
    fs::set_permissions(&artifact, fs::Permissions::from_mode(0o400)).expect("it can be changed");
    let output = bench.run(&["run", "answer", "answer"], "");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.stdout, b"1\n", "{output:?}");
    assert!(said.contains("warning: the cached code failed authentication"), "{said}");
    assert!(said.contains("its authentication code is wrong"), "{said}");
    let output = bench.run(&["run", "answer", "answer"], "");
    assert!(!String::from_utf8_lossy(&output.stderr).contains("warning"), "{output:?}");
}

#[test]
fn damage_is_named_and_stops_nothing_else() {
    let bench = bench();
    bench.done(&["submit", "first.wasm"]);
    let component = bench.only("components");
    bench.done(&["submit", "second.wasm"]);
    let mut bytes = fs::read(&component).expect("it can be read");
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    fs::write(&component, bytes).expect("it can be written");
    fs::remove_dir_all(bench.path("home/artifacts")).expect("the code goes");
    fs::create_dir(bench.path("home/artifacts")).expect("a directory");
    bench.check_as("store-damaged", &["verify"], redact);
    bench.check_as("store-damaged-json", &["verify", "--json"], redact);
    assert_eq!(bench.refused(&["run", "first", "answer"]), (Some(5), "damaged".to_owned()));
    assert_eq!(bench.done(&["run", "second", "answer"]), "2\n");
    bench.done(&["submit", "first.wasm"]);
    assert_eq!(bench.done(&["run", "first", "answer"]), "1\n");
    assert!(bench.run(&["verify"], "").status.success());
}

#[test]
fn held_and_revoked() {
    let bench = bench();
    bench.check_as("store-held", &["submit", "first.wasm", "--hold"], redact);
    for reference in ["first", "first@1"] {
        assert_eq!(bench.refused(&["run", reference, "answer"]), (Some(3), "held".to_owned()));
    }
    bench.check_as("store-release", &["release", "first"], redact);
    assert_eq!(bench.done(&["run", "first", "answer"]), "1\n");
    bench.check_as("store-revoke", &["revoke", "first", "--reason", "it lies"], redact);
    for what in ["first", "first@1", "first.wasm"] {
        assert_eq!(bench.refused(&["run", what, "answer"]), (Some(3), "revoked".to_owned()));
    }
    assert_eq!(bench.refused(&["submit", "first.wasm", "--name", "other"]), (Some(3), "revoked".to_owned()));
    bench.check_as("store-revoked", &["run", "first", "answer"], redact);
    bench.check_as("store-revoked-show", &["show", "first"], redact);
}

#[test]
fn gc_frees_leftovers_and_old_versions() {
    let bench = bench();
    for file in ["first.wasm", "second.wasm"] {
        bench.done(&["submit", file, "--name", "answer"]);
    }
    bench.done(&["run", "echo.wasm", "--input", r#"{"text":""}"#]);
    fs::create_dir_all(bench.path("home/artifacts").join("0".repeat(64))).expect("another engine's");
    bench.check_as("store-gc", &["gc", "--keep-versions", "1"], redact);
    assert_eq!(bench.refused(&["run", "answer@1", "answer"]), (Some(4), "no-such-version".to_owned()));
    assert_eq!(bench.done(&["run", "answer", "answer"]), "2\n");
}

/// People look at what must not run, and are told that; nothing else is made of it.
#[test]
fn held_and_revoked_skills_are_shown_as_such() {
    let bench = bench();
    bench.done(&["submit", "first.wasm", "--hold"]);
    bench.done(&["submit", "second.wasm"]);
    let state = |what: &str| {
        let shown: Value = serde_json::from_str(&bench.done(&["inspect", what, "--json"])).expect("JSON");
        (shown["state"].clone(), shown["revoked_because"].clone())
    };
    assert_eq!(state("first").0, "held");
    assert_eq!(state("second").0, Value::Null);
    bench.done(&["revoke", "second", "--reason", "it lies", "--by", "ops"]);
    for what in ["second", "second@1", "second.wasm"] {
        assert_eq!(state(what), ("revoked".into(), "it lies".into()), "{what}");
        assert!(bench.done(&["inspect", what]).contains("state    revoked: it lies\n"));
        for command in [&["check", what][..], &["run", what, "answer"]] {
            assert_eq!(bench.refused(command), (Some(3), "revoked".to_owned()), "{command:?}");
        }
        let exported = bench.run(&["export-skill", what, "out"], "");
        assert!(String::from_utf8_lossy(&exported.stderr).contains("[revoked]"), "{exported:?}");
    }
    let shown: Value = serde_json::from_str(&bench.done(&["show", "second", "--json"])).expect("JSON");
    assert_eq!(shown["versions"][0]["revoked_by"], "ops");
    let compared = ["test", "--component", "first.wasm", "--against", "second", "--data", "data.jsonl"];
    bench.write("data.jsonl", "{\"tool\": \"answer\", \"input\": {}}\n");
    assert_eq!(bench.refused(&compared), (Some(3), "revoked".to_owned()));
    assert!(!bench.path("out").exists());
}

/// A run of another process is ended by a revocation that says so.
#[test]
fn a_revocation_ends_a_run_of_another_process() {
    let bench = bench();
    bench.done(&["submit", "endings.wasm"]);
    let mut child = Command::new(env!("CARGO_BIN_EXE_ringfence"))
        .args(["run", "endings", "spin", "--json", "--fuel", "1000000000000000", "--deadline", "1h"])
        .current_dir(bench.dir.path())
        .env("RINGFENCE_HOME", "home")
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("the binary starts");
    // Whether it runs by then or is refused: what it must not do is go on.
    bench.done(&["revoke", "endings", "--reason", "it spins", "--cancel-running"]);
    let mut said = String::new();
    std::io::Read::read_to_string(&mut child.stdout.take().expect("piped"), &mut said).expect("text");
    let said: Value = serde_json::from_str(&said).expect("JSON");
    let ended = child.wait().expect("it ends").code();
    let cancelled = said["outcome"] == "cancelled" && ended == Some(16);
    assert!(cancelled || (said["error"] == "revoked" && ended == Some(3)), "{ended:?}: {said}");
}

/// With its only version a skill goes, and who may have its name then is told.
#[test]
fn a_skill_goes_with_its_only_version() {
    let bench = bench();
    bench.done(&["submit", "first.wasm", "--name", "only"]);
    bench.check("remove-only-version", &["remove", "only@1"]);
    bench.done(&["prefix", "reserve", "kept-*", "--owner", "local"]);
    bench.done(&["submit", "first.wasm", "--name", "kept-one"]);
    bench.check("remove-reserved", &["remove", "kept-one@1"]);
    bench.done(&["submit", "first.wasm", "--name", "two"]);
    bench.done(&["submit", "second.wasm", "--name", "two"]);
    assert_eq!(bench.done(&["remove", "two@1"]), "two  removed version 1\n");
}

#[test]
fn prefixes_are_reserved() {
    let bench = bench();
    bench.check("prefix-reserve", &["prefix", "reserve", "acme-*", "--owner", "acme"]);
    bench.check_as("prefix-list", &["prefix", "list"], redact);
    let taken = ["submit", "first.wasm", "--name", "acme-one", "--owner", "mallory"];
    assert_eq!(bench.refused(&taken), (Some(4), "not-owner".to_owned()));
    bench.done(&["submit", "first.wasm", "--name", "acme-one", "--owner", "acme"]);
    bench.check("prefix-taken", &["prefix", "reserve", "acme-o*", "--owner", "mallory"]);
    bench.check("prefix-remove", &["prefix", "remove", "acme-*"]);
    bench.check("prefix-reserve-wide", &["prefix", "reserve", "wide", "--owner", "acme"]);
    assert_eq!(bench.refused(&["prefix", "remove", "acme-*"]), (Some(4), "no-such-prefix".to_owned()));
}

/// A file named like a skill, and a skill that is not there.
#[test]
fn a_name_is_not_read_as_a_file() {
    let bench = bench();
    bench.write("bare", component(7, false));
    bench.done(&["submit", "first.wasm"]);
    let output = bench.run(&["run", "bare"], "");
    assert_eq!(output.status.code(), Some(4));
    assert!(String::from_utf8_lossy(&output.stderr).contains("write `./bare`"), "{output:?}");
    assert_eq!(bench.done(&["run", "./bare"]), "7\n");
}

/// A store that was named must work. Where none was named and none can be made, a file runs without one; one that
/// is there and cannot be used is not passed over, since it may have revoked the file.
#[test]
fn without_a_store() {
    let bench = bench();
    bench.write("home", "a file");
    assert_eq!(bench.refused(&["run", "first.wasm", "answer"]).0, Some(5));
    assert_eq!(bench.refused(&["run", "--store", "first.wasm", "first.wasm", "answer"]).0, Some(5));

    let by_default = |data: &str, args: &[&str]| {
        Command::new(env!("CARGO_BIN_EXE_ringfence"))
            .args(args)
            .current_dir(bench.dir.path())
            .env_remove("RINGFENCE_HOME")
            .env("XDG_DATA_HOME", bench.path(data))
            .output()
            .expect("the binary starts")
    };
    let run = ["run", "first.wasm", "answer"];
    let output = by_default("first.wasm", &run);
    assert_eq!((output.status.code(), &*output.stdout), (Some(0), &b"1\n"[..]), "{output:?}");
    let output = by_default("data", &run);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(bench.path("data/ringfence/format").is_file());
    let digest = by_default("data", &["inspect", "first.wasm", "--json"]).stdout;
    let digest: Value = serde_json::from_slice(&digest).expect("JSON");
    by_default("data", &["revoke", digest["skill"].as_str().expect("a digest")]);
    assert_eq!(by_default("data", &run).status.code(), Some(3));
    fs::set_permissions(bench.path("data/ringfence"), fs::Permissions::from_mode(0o777)).expect("it is ours");
    let output = by_default("data", &run);
    assert_eq!(output.status.code(), Some(5), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("[store-unsafe]"), "{output:?}");
}

/// Both numbers of a file that is too large are the file's own.
#[test]
fn a_file_that_is_too_large() {
    let bench = bench();
    fs::File::create(bench.path("large.wasm")).and_then(|file| file.set_len((32 << 20) + 5)).expect("a file");
    let output = bench.run(&["submit", "large.wasm"], "");
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("33554437") && said.contains("33554432"), "{said}");
}

/// What a person chose as a name for a file of the store, and a time after the year 9999, act on no terminal and stop
/// no list.
#[test]
fn a_store_with_foreign_times_and_names_is_shown_safely() {
    let bench = bench();
    bench.done(&["submit", "first.wasm"]);
    let record = bench.path("home/names/first.json");
    let text = fs::read_to_string(&record).expect("it is there");
    let (body, _) = text.split_once('\n').expect("two lines");
    let at = body.find("\"submitted\":").expect("a time") + "\"submitted\":".len();
    let end = at + body[at..].find(',').expect("more");
    let body = format!("{}253402300800{}", &body[..at], &body[end..]);
    let seal = ringfence::Digest::of(body.as_bytes());
    fs::write(&record, format!("{body}\n{seal}\n")).expect("it can be written");
    assert!(bench.done(&["list"]).contains("253402300800"));
    bench.done(&["show", "first"]);
    bench.write("home/names/\u{1b}[31mE\nsound: 9 skills", "");
    let output = bench.run(&["verify"], "");
    let shown = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(7), "{shown}");
    assert!(!shown.contains('\u{1b}') && !shown.contains("\nno problems:"), "{shown}");
}

/// Times, and sizes of compiled code, which are another processor's.
fn redact(text: &str) -> String {
    let mut out = String::new();
    for line in crate::redact(text).lines() {
        let mut words: Vec<String> = line.split(' ').map(str::to_owned).collect();
        for word in &mut words {
            if word.len() == "2026-01-01T00:00:00Z".len() && word.ends_with('Z') && word.contains('T') {
                *word = "[time]".to_owned();
            }
        }
        let mut line = words.join(" ");
        for (before, after) in [("compiled to ", ""), ("artifacts, ", " read"), ("files, ", "")] {
            if let Some((start, rest)) = line.split_once(before) {
                let end = if after.is_empty() { "" } else { after };
                let _ = rest;
                line = format!("{start}{before}[size]{end}");
            }
        }
        let key = ["\"submitted\":", "\"at\":", "\"code\":", "\"bytes\":"];
        if let Some(key) = key.iter().find(|key| line.trim_start().starts_with(**key)) {
            let indent = line.strip_suffix(line.trim_start()).unwrap_or_default();
            line = format!("{indent}{key} [varies],");
        }
        out.push_str(&line);
        out.push('\n');
    }
    out
}

//! The command line: exit code, stdout and stderr together, as snapshots in `snapshots/`.
//!
//! `UPDATE_SNAPSHOTS=1 cargo test -p ringfence-cli` writes them anew; read the difference before you
//! commit it. What changes from run to run is replaced: times, run numbers, the temporary folder.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod author;
mod doctor;
mod edge;
mod grants;
mod serve;
mod store;

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use ringfence_edge_tests::ECHO;

/// One tool for each way to end.
const ENDINGS: &str = r#"
(component
  (core module $m
    (memory (export "memory") 1)
    (func (export "spin") (loop (br 0)))
    (func (export "trap") unreachable)
    (func (export "grow")
      (if (i32.eq (memory.grow (i32.const 5000)) (i32.const -1)) (then unreachable)))
    (func (export "fail") (result i32) (i32.const 1))
    (func (export "big") (result i32)
      (i32.store (i32.const 0) (i32.const 16))
      (i32.store (i32.const 4) (i32.const 5000))
      (i32.const 0)))
  (core instance $i (instantiate $m))
  (alias core export $i "memory" (core memory $memory))
  (func (export "spin") (canon lift (core func $i "spin")))
  (func (export "trap") (canon lift (core func $i "trap")))
  (func (export "grow") (canon lift (core func $i "grow")))
  (func (export "fail") (result (result)) (canon lift (core func $i "fail")))
  (func (export "big") (result string) (canon lift (core func $i "big") (memory $memory))))"#;

struct Bench {
    dir: tempfile::TempDir,
}

impl Bench {
    fn new() -> Self {
        let bench = Self { dir: tempfile::tempdir().expect("a temporary folder") };
        bench.write("echo.wasm", wat::parse_str(ECHO).expect("valid"));
        bench.write("endings.wasm", wat::parse_str(ENDINGS).expect("valid"));
        bench
    }

    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        fs::write(self.path(name), bytes).expect("the folder is writable");
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn run(&self, args: &[&str], stdin: &str) -> Output {
        let mut child = Command::new(env!("CARGO_BIN_EXE_ringfence"))
            .args(args)
            .current_dir(self.dir.path())
            .env_remove("RUST_BACKTRACE")
            .env("RINGFENCE_HOME", "home")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary starts");
        child.stdin.take().expect("piped").write_all(stdin.as_bytes()).expect("it is read, or not");
        child.wait_with_output().expect("it ends")
    }

    /// Runs and compares with the snapshot of that name.
    #[track_caller]
    fn check(&self, name: &str, args: &[&str]) {
        self.check_as(name, args, redact);
    }

    /// The same with another way to replace what changes.
    #[track_caller]
    fn check_as(&self, name: &str, args: &[&str], redact: fn(&str) -> String) {
        let output = self.run(args, "");
        let text = format!(
            "$ ringfence {}\nexit code: {}\n--- stdout\n{}--- stderr\n{}",
            args.join(" "),
            output.status.code().map_or_else(|| "none".to_owned(), |code| code.to_string()),
            redact(&String::from_utf8_lossy(&output.stdout)),
            redact(&String::from_utf8_lossy(&output.stderr)),
        );
        let path = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../../tests/cli/snapshots")
            .join(format!("{name}.txt"));
        if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
            fs::write(path, text).expect("the snapshots are writable");
            return;
        }
        let told = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        assert_eq!(text, told, "{name}: not as in {}", path.display());
    }
}

/// Times and run numbers differ; everything else must not.
fn redact(text: &str) -> String {
    let mut out = String::new();
    for line in text.lines() {
        let line = match line.split_once(" in ") {
            Some((outcome, rest)) if rest.contains(" ms · fuel") => {
                let after = rest.split_once(" ms").map_or("", |(_, after)| after);
                format!("{outcome} in [time] ms{after}")
            }
            _ => line.to_owned(),
        };
        let trimmed = line.trim_start();
        let volatile =
            ["\"run\":", "\"wall_us\":", "\"busy_us\":"].iter().find(|key| trimmed.starts_with(**key));
        match volatile {
            Some(key) => {
                out.push_str(&format!("{}{key} [varies],", line.strip_suffix(trimmed).unwrap_or_default()))
            }
            None => out.push_str(&line),
        }
        out.push('\n');
    }
    out
}

#[test]
fn run() {
    let bench = Bench::new();
    bench.check("run", &["run", "echo.wasm", "--input", r#"{"text":"hello"}"#]);
    bench.check("run-json", &["run", "echo.wasm", "--input", r#"{"text":"hello"}"#, "--json"]);
    bench.check("run-named", &["run", "endings.wasm", "spin", "--fuel", "1_000"]);
    bench.check("run-help", &["run", "--help"]);
}

#[test]
fn input_from_a_file_and_from_standard_input() {
    let bench = Bench::new();
    bench.write("input.json", r#"{"text":"from a file"}"#);
    let output = bench.run(&["run", "echo.wasm", "--input", "@input.json"], "");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "\"from a file\"\n");
    let output = bench.run(&["run", "echo.wasm", "--input", "-"], r#"{"text":"from a pipe"}"#);
    assert_eq!(String::from_utf8_lossy(&output.stdout), "\"from a pipe\"\n");
}

#[test]
fn each_outcome_has_its_exit_code() {
    let bench = Bench::new();
    for (tool, more, code) in [
        ("fail", &[][..], 1),
        ("trap", &[], 10),
        ("spin", &["--fuel", "1000"], 11),
        ("spin", &["--fuel", "1000000000000", "--deadline", "20ms"], 12),
        ("grow", &[], 13),
        ("big", &["--output", "100"], 14),
    ] {
        let args: Vec<&str> = ["run", "endings.wasm", tool].iter().chain(more).copied().collect();
        let output = bench.run(&args, "");
        assert_eq!(output.status.code(), Some(code), "{args:?}: {output:?}");
    }
}

#[test]
fn a_reached_limit_names_the_option_to_raise() {
    let bench = Bench::new();
    bench.check("out-of-fuel", &["run", "endings.wasm", "spin", "--fuel", "1000"]);
    bench.check("memory-limit", &["run", "endings.wasm", "grow"]);
    bench.check("trapped", &["run", "endings.wasm", "trap"]);
    bench.check("failed", &["run", "endings.wasm", "fail"]);
}

#[test]
fn calls_that_are_refused() {
    let bench = Bench::new();
    bench.check("no-tool-named", &["run", "endings.wasm"]);
    bench.check("no-such-tool", &["run", "echo.wasm", "shout"]);
    bench.check("tool-is-input", &["run", "echo.wasm", r#"{"text":"hello"}"#]);
    bench.check("input-mismatch", &["run", "echo.wasm", "--input", r#"{"text":1}"#]);
    bench.check("input-mismatch-json", &["run", "echo.wasm", "--input", r#"{"text":1}"#, "--json"]);
    bench.check("input-not-json", &["run", "echo.wasm", "--input", "hello"]);
    bench.check(
        "input-too-large",
        &["run", "echo.wasm", "--input", r#"{"text":"hello"}"#, "--input-size", "10"],
    );
    bench.check("bad-limit", &["run", "echo.wasm", "--fuel", "0", "--input", r#"{"text":""}"#]);
    bench.check("bad-size", &["run", "echo.wasm", "--memory", "lots"]);
    bench.check("no-file", &["run", "nothing.wasm"]);
    bench.check("no-file-json", &["run", "nothing.wasm", "--json"]);
}

#[test]
fn skills_that_are_refused() {
    let bench = Bench::new();
    bench.write("text.wasm", "hello");
    bench.write("core.wasm", wat::parse_str("(module)").expect("valid"));
    let two = r#"(component
        (import "acme:one/a@1.0.0" (instance (export "f" (func))))
        (import "wasi:cli/environments@0.2.0" (instance (export "f" (func)))))"#;
    bench.write("two.wasm", wat::parse_str(two).expect("valid"));
    bench.check("not-wasm", &["run", "text.wasm"]);
    bench.check("not-wasm-json", &["run", "text.wasm", "--json"]);
    bench.check("core-module", &["check", "core.wasm"]);
    bench.check("many-reasons", &["check", "two.wasm"]);
    bench.check("many-reasons-json", &["check", "two.wasm", "--json"]);
}

#[test]
fn inspect_and_check() {
    let bench = Bench::new();
    bench.check("inspect", &["inspect", "echo.wasm"]);
    bench.check("inspect-json", &["inspect", "echo.wasm", "--json"]);
    bench.check("check", &["check", "echo.wasm"]);
    bench.check("check-json", &["check", "endings.wasm", "--json"]);
    bench.check("help", &["--help"]);
}

#[test]
fn version_names_engine_and_platform() {
    let output = Bench::new().run(&["--version"], "");
    let shown = String::from_utf8_lossy(&output.stdout).into_owned();
    let engine =
        format!("ringfence {} (wasmtime {}, ", env!("CARGO_PKG_VERSION"), ringfence::WASMTIME_VERSION);
    assert!(shown.starts_with(&engine) && shown.contains(std::env::consts::ARCH), "{shown}");
}

#[test]
fn completions_name_every_command() {
    let bench = Bench::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let output = bench.run(&["completions", shell], "");
        let script = String::from_utf8_lossy(&output.stdout).into_owned();
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        assert!(
            ["export-skill", "keygen", "table-elements"].iter().all(|word| script.contains(word)),
            "{shell}: {script}"
        );
    }
    assert_eq!(bench.run(&["completions", "csh"], "").status.code(), Some(2));
}

#[test]
fn every_command_has_a_manual_page() {
    let bench = Bench::new();
    let page = String::from_utf8_lossy(&bench.run(&["man"], "").stdout).into_owned();
    assert!(page.contains(".TH ringfence 1") && page.contains("ringfence\\-kv(1)"), "{page}");
    fs::create_dir(bench.path("man1")).expect("a directory");
    assert_eq!(bench.run(&["man", "--dir", "man1"], "").status.code(), Some(0));
    for (name, word) in
        [("run", "deadline"), ("kv-backup", "while a server uses it"), ("man", "standard output")]
    {
        let page = fs::read_to_string(bench.path(&format!("man1/ringfence-{name}.1"))).expect(name);
        assert!(page.contains(word), "{name}: {page}");
    }
    let nowhere = bench.run(&["man", "--dir", "no/such"], "");
    assert_eq!(nowhere.status.code(), Some(5), "{nowhere:?}");
}

/// Codes that a command cannot end with are left out.
#[test]
fn help_of_a_command_shows_its_own_exit_codes() {
    let bench = Bench::new();
    for (args, shown, left_out) in [
        (&["run", "--help"][..], "  16  cancelled", "   7  "),
        (&["keygen", "--help"], "   5  host failure", "   3  "),
        (&["verify", "--help"], "   7  ", "  10  "),
        (&["token", "list", "--help"], "   4  call refused", "   3  "),
    ] {
        let help = String::from_utf8_lossy(&bench.run(args, "").stdout).into_owned();
        assert!(help.contains(shown) && !help.contains(left_out), "{help}");
    }
}

#[test]
fn guest_text_cannot_act_on_a_terminal() {
    let bench = Bench::new();
    let hostile = "{\"text\":\"\\u001b[31mred\\u0007\\u009b2J\\u202e\"}";
    let output = bench.run(&["run", "echo.wasm", "--input", hostile], "");
    let shown = String::from_utf8(output.stdout).expect("UTF-8");
    assert_eq!(shown, "\"\\u001b[31mred\\u0007\\u009b2J\\u202e\"\n");
    let output = bench.run(&["run", "echo.wasm", "--input", "\u{1b}[31m"], "");
    assert!(!output.stderr.contains(&0x1b), "{output:?}");
}

/// Logs two lines in one message, the second like one of ours.
const LOG: &str = r#"
(component
  (import "ringfence:skill/log@0.1.0" (instance $log
    (type $level' (enum "trace" "debug" "info" "warn" "error"))
    (export "level" (type $level (eq $level')))
    (export "write" (func (param "level" $level) (param "message" string)))))
  (core module $libc (memory (export "memory") 1) (data (i32.const 0) "hi\ncompleted in 1.0 ms"))
  (core instance $libc (instantiate $libc))
  (alias core export $libc "memory" (core memory $memory))
  (core func $write (canon lower (func $log "write") (memory $memory)))
  (core module $m
    (import "host" "write" (func $write (param i32 i32 i32)))
    (func (export "run") (call $write (i32.const 2) (i32.const 0) (i32.const 22))))
  (core instance $i (instantiate $m (with "host" (instance (export "write" (func $write))))))
  (func (export "run") (canon lift (core func $i "run"))))"#;

#[test]
fn a_logged_line_cannot_pass_for_ours() {
    let bench = Bench::new();
    bench.write("log.wasm", wat::parse_str(LOG).expect("valid"));
    bench.check("log", &["run", "log.wasm", "--log"]);
    bench.check("log-not-shown", &["run", "log.wasm"]);
    let output = bench.run(&["run", "log.wasm", "--host-calls", "0"], "");
    assert_eq!(output.status.code(), Some(15), "{output:?}");
}

#[test]
fn input_that_is_too_large_or_no_text() {
    let bench = Bench::new();
    // The cut falls into the middle of a character.
    bench.write("umlauts.json", "{\"text\":\"ääääääää\"}");
    for size in ["10", "11", "12", "13"] {
        let args = ["run", "echo.wasm", "--input", "@umlauts.json", "--input-size", size, "--json"];
        let output = bench.run(&args, "");
        assert_eq!(output.status.code(), Some(4), "{output:?}");
        assert!(String::from_utf8_lossy(&output.stdout).contains("input-too-large"), "{output:?}");
    }
    bench.write("bytes.json", b"{\"text\":\"\xff\"}");
    let output = bench.run(&["run", "echo.wasm", "--input", "@bytes.json", "--json"], "");
    assert_eq!(output.status.code(), Some(4), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stdout).contains("input-mismatch"), "{output:?}");
}

#[test]
fn data_that_is_lost_is_not_success() {
    let bench = Bench::new();
    let full = fs::OpenOptions::new().write(true).open("/dev/full").expect("Linux has it");
    let status = Command::new(env!("CARGO_BIN_EXE_ringfence"))
        .args(["run", "echo.wasm", "--input", r#"{"text":"hello"}"#])
        .current_dir(bench.dir.path())
        .stdout(full)
        .stderr(Stdio::null())
        .status()
        .expect("the binary starts");
    assert_eq!(status.code(), Some(5));
}

/// What takes a handle and lends nothing answers in a host that has room for one run only.
#[test]
fn a_stub_that_takes_a_handle() {
    let bench = Bench::new();
    let guest = include_str!("../sandbox/guests/hostile/wasi_resolve.wat");
    bench.write("resolve.wasm", wat::parse_str(guest).expect("valid"));
    let output = bench.run(&["run", "resolve.wasm"], "");
    assert_eq!(output.status.code(), Some(0), "{output:?}");
}

#[test]
fn a_closed_pipe_does_not_crash() {
    let bench = Bench::new();
    let mut child = Command::new(env!("CARGO_BIN_EXE_ringfence"))
        .args(["inspect", "echo.wasm"])
        .current_dir(bench.dir.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary starts");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}

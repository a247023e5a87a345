//! Grants on the command line: what a run may use, what it is denied, and what a dry run prints.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::process::Output;
use std::thread::JoinHandle;

use ringfence_sandbox_tests::relay;
use ringfence_sandbox_tests::scratch::{self, Op};
use serde_json::{Value, json};

use crate::Bench;

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn value(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}{}", text(&output.stdout), text(&output.stderr)))
}

fn get(url: &str) -> String {
    let request = json!({"method": "GET", "url": url, "headers": [], "redirects": "manual"});
    json!({"request": request}).to_string()
}

/// A server for one connection. It sends back the request, and returns it when it has ended.
fn echo_once() -> (u16, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let served = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a connection");
        let mut request = Vec::new();
        let mut piece = [0; 4096];
        while !request.windows(4).any(|end| end == b"\r\n\r\n") {
            let read = stream.read(&mut piece).expect("a request");
            request.extend(piece.iter().take(read));
        }
        let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", request.len());
        stream.write_all(head.as_bytes()).expect("it is read");
        stream.write_all(&request).expect("it is read");
        text(&request)
    });
    (port, served)
}

#[test]
fn a_durable_space_keeps_the_writes_of_another_process() {
    let bench = Bench::new();
    bench.write("kv.wasm", relay::kv());
    let set = [
        "run",
        "kv.wasm",
        "set",
        "--grant",
        "kv",
        "--input",
        r#"{"key":"a","value":"AQ==","expected":"absent"}"#,
    ];
    assert_eq!(value(&bench.run(&set, "")), json!(1));
    assert_eq!(value(&bench.run(&set, "")), json!({"conflict": 1}));
    let get = ["run", "kv.wasm", "get", "--grant", "kv", "--input", r#"{"key":"a"}"#];
    assert_eq!(value(&bench.run(&get, "")), json!({"value": "AQ==", "revision": 1}));
    let list = |args: &[&str]| text(&bench.run(args, "").stdout);
    assert!(list(&["kv", "list"]).contains("sha256:"), "{}", list(&["kv", "list"]));
    let skill = list(&["kv", "list", "--json"]);
    let skill = serde_json::from_str::<Value>(&skill).expect("JSON")[0]["space"].clone();
    let skill = skill.as_str().expect("a digest");
    assert_eq!(list(&["kv", "list", skill]), "a\n");
    assert_eq!(bench.run(&["kv", "get", skill, "a"], "").stdout, [1]);
    assert_eq!(bench.run(&["kv", "set", skill, "b", "two"], "").status.code(), Some(0));
    bench.write("export.jsonl", list(&["kv", "export"]));
    assert_eq!(bench.run(&["kv", "delete", skill, "b"], "").status.code(), Some(0));
    assert_eq!(bench.run(&["kv", "get", skill, "b"], "").status.code(), Some(4));
    assert_eq!(bench.run(&["kv", "import", "export.jsonl"], "").status.code(), Some(0));
    assert_eq!(list(&["kv", "get", skill, "b"]), "two");
    // A space in memory is another one.
    let get = ["run", "kv.wasm", "get", "--grant", "kv storage=memory", "--input", r#"{"key":"a"}"#];
    assert_eq!(value(&bench.run(&get, "")), json!(null));
}

#[test]
fn commands_on_spaces_print_json() {
    let bench = Bench::new();
    let json = |args: &[&str]| {
        let output = bench.run(args, "");
        serde_json::from_slice::<Value>(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"))
    };
    assert_eq!(json(&["kv", "set", "alice/notes", "a", "one", "--json"]), json!({"revision": 1}));
    assert_eq!(json(&["kv", "get", "alice/notes", "a", "--json"]), json!({"revision": 1, "value": "one"}));
    bench.write("bytes", [0xff]);
    assert_eq!(json(&["kv", "set", "alice/notes", "b", "@bytes", "--json"]), json!({"revision": 2}));
    assert_eq!(json(&["kv", "get", "alice/notes", "b", "--json"]), json!({"revision": 2, "base64": "/w=="}));
    let all = json!({"spaces": 1, "keys": 2, "bytes": 6});
    assert_eq!(json(&["kv", "backup", "copy.redb", "--json"]), all);
    bench.write("export.jsonl", bench.run(&["kv", "export", "--json"], "").stdout);
    assert_eq!(json(&["kv", "import", "export.jsonl", "--json"]), all);
    assert_eq!(json(&["kv", "delete", "alice/notes", "none", "--json"])["error"], "not-found");
    let again = json(&["kv", "backup", "copy.redb", "--json"]);
    assert_eq!(again["error"], "kv-failed", "{again}");
}

#[test]
fn a_full_disk_is_named_as_the_cause() {
    let bench = Bench::new();
    assert_eq!(bench.run(&["kv", "set", "alice/notes", "a", "1"], "").status.code(), Some(0));
    // A limit on the size of files fails a write as a full disk does.
    let output = std::process::Command::new("sh")
        .args(["-c", "ulimit -f 1 && exec \"$0\" kv set alice/notes b 2 --kv home/kv.redb"])
        .arg(env!("CARGO_BIN_EXE_ringfence"))
        .current_dir(bench.path("."))
        .output()
        .expect("a shell");
    let notes = text(&output.stderr);
    assert_eq!(output.status.code(), Some(5), "{notes}");
    assert!(notes.contains("File too large") && notes.contains("[disk-full]"), "{notes}");
}

#[test]
fn a_run_without_a_grant_is_denied_and_names_the_missing_grant() {
    let bench = Bench::new();
    bench.write("http.wasm", relay::http());
    let output = bench.run(&["run", "http.wasm", "fetch", "--input", &get("https://a.test/v1/x")], "");
    assert_eq!(value(&output), json!("denied"));
    let notes = text(&output.stderr);
    assert!(notes.contains("--grant 'http GET https://a.test/v1/x'"), "{notes}");
}

#[test]
fn a_dry_run_prints_the_grants_that_would_have_been_used() {
    let bench = Bench::new();
    bench.write("http.wasm", relay::http());
    bench.write("config.wasm", relay::config());
    let output = bench
        .run(&["run", "http.wasm", "fetch", "--dry-run-grants", "--input", &get("https://a.test/v1/x")], "");
    assert_eq!(text(&output.stdout), "--grant 'http GET https://a.test/v1/x'\n");
    let output =
        bench.run(&["run", "config.wasm", "get", "--dry-run-grants", "--input", r#"{"key":"base"}"#], "");
    assert_eq!(text(&output.stdout), "--grant 'config base=VALUE'\n");
}

#[test]
fn a_granted_request_carries_the_secret_and_its_response_does_not() {
    let bench = Bench::new();
    bench.write("http.wasm", relay::http());
    bench.write("token.txt", "canary-0123456789\n");
    let (port, served) = echo_once();
    let url = format!("http://127.0.0.1:{port}/v1/x");
    let grant = format!("http GET http://127.0.0.1:{port}/v1/ private=127.0.0.0/8 secret=token");
    let output = bench.run(
        &[
            "run",
            "http.wasm",
            "fetch",
            "--grant",
            &grant,
            "--secret",
            "token=file:token.txt",
            "--input",
            &get(&url),
        ],
        "",
    );
    let answer = value(&output);
    assert_eq!(answer["head"]["status"], json!(200), "{}", text(&output.stderr));
    let request = served.join().expect("the server ends").to_lowercase();
    assert!(request.starts_with("get /v1/x http/1.1\r\n"), "{request}");
    assert!(request.contains("authorization: bearer canary-0123456789"), "{request}");
    let all = format!("{}{}", text(&output.stdout), text(&output.stderr));
    assert!(!all.contains("canary-0123456789"));
    assert!(!all.contains("Y2FuYXJ5LTAxMjM0NTY3ODk"), "{all}");
}

#[test]
fn an_address_of_this_machine_is_refused_without_its_range() {
    let bench = Bench::new();
    bench.write("http.wasm", relay::http());
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.set_nonblocking(true).expect("it can");
    let port = listener.local_addr().expect("an address").port();
    let grant = format!("http GET http://127.0.0.1:{port}/");
    let url = format!("http://127.0.0.1:{port}/");
    let output = bench.run(&["run", "http.wasm", "fetch", "--grant", &grant, "--input", &get(&url)], "");
    assert_eq!(value(&output), json!("denied"));
    let notes = text(&output.stderr);
    assert!(notes.contains("127.0.0.1"), "{notes}");
    assert!(listener.accept().is_err(), "nobody connected");
}

#[test]
fn no_grant_exists_for_files_sockets_or_processes() {
    let bench = Bench::new();
    bench.write("kv.wasm", relay::kv());
    for grant in ["file /etc/passwd", "socket 127.0.0.1:80", "exec ls"] {
        let output = bench.run(&["run", "kv.wasm", "get", "--grant", grant], "");
        assert_eq!(output.status.code(), Some(2), "{grant}: {}", text(&output.stderr));
    }
    // What could be granted, but has nothing behind it here.
    for grant in ["tools text-stats_*", "http GET https://a.test/ secret=absent"] {
        let output = bench.run(&["run", "kv.wasm", "get", "--grant", grant], "");
        assert_eq!(output.status.code(), Some(4), "{grant}: {}", text(&output.stderr));
        assert!(text(&output.stderr).contains("--grant 1"), "{}", text(&output.stderr));
    }
}

#[test]
fn a_key_value_file_in_a_new_directory_leaves_room_for_a_store() {
    let bench = Bench::new();
    assert_eq!(bench.run(&["kv", "set", "alice/kv", "a", "1"], "").status.code(), Some(0));
    let submit = bench.run(&["submit", "echo.wasm", "--name", "echo"], "");
    assert_eq!(submit.status.code(), Some(0), "{}", text(&submit.stderr));
    let verify = bench.run(&["verify"], "");
    assert_eq!(verify.status.code(), Some(0), "{}", text(&verify.stdout));
}

#[test]
fn an_unresolved_name_is_shown_to_the_caller() {
    let bench = Bench::new();
    bench.write("http.wasm", relay::http());
    let grant = "http GET https://name.invalid/";
    let output = bench
        .run(&["run", "http.wasm", "fetch", "--grant", grant, "--input", &get("https://name.invalid/")], "");
    assert_eq!(value(&output), json!({"failed": "name not resolved"}));
    assert!(text(&output.stderr).contains("name.invalid"), "{}", text(&output.stderr));
}

/// Reads the file of the caller, and writes another.
const COPIES: [Op<'static>; 4] =
    [Op::OpenRead("in/data"), Op::Read("12345678", 0), Op::Open("tmp/out", 1), Op::Write("result", 0)];

#[test]
fn files_go_into_a_run_and_are_saved_from_it() {
    let bench = Bench::new();
    bench.write("files.wasm", scratch::guest());
    bench.write("data", "five!");
    let input = scratch::input(&COPIES).to_string();
    let run = |more: &[&str]| {
        let mut args = vec!["run", "files.wasm", "--input", &input, "--file", "in/data=data"];
        args.extend(more);
        bench.run(&args, "")
    };
    let output = run(&["--grant", "scratch", "--save", "tmp/out=saved"]);
    assert_eq!(value(&output), json!([0, 5, 0, 0]), "{}", text(&output.stderr));
    assert_eq!(std::fs::read(bench.path("saved")).expect("it is saved"), b"result");

    // Nothing is replaced, and the run does not begin.
    let output = run(&["--grant", "scratch", "--save", "tmp/out=saved"]);
    assert_eq!(output.status.code(), Some(4));
    assert!(text(&output.stderr).contains("[file-exists]"), "{}", text(&output.stderr));

    let output = run(&["--grant", "scratch", "--save", "tmp/none=other"]);
    assert_eq!(output.status.code(), Some(0));
    assert!(text(&output.stderr).contains("left no file `tmp/none`"), "{}", text(&output.stderr));
    assert!(!bench.path("other").exists());

    let output = run(&[]);
    assert_eq!(output.status.code(), Some(4));
    assert!(text(&output.stderr).contains("[invalid-file]"), "{}", text(&output.stderr));

    // The fifth byte is one too many.
    let output = run(&["--grant", "scratch bytes=4"]);
    assert_eq!(output.status.code(), Some(4), "{}", text(&output.stderr));
}

#[test]
fn a_dry_run_prints_the_grant_of_a_skill_that_requests_scratch_files() {
    let bench = Bench::new();
    bench.write("files.wasm", scratch::guest());
    bench.write("skill.toml", "name = \"files\"\n[grants]\nscratch = true\n");
    let pack = bench.run(&["pack", "files.wasm", "--manifest", "skill.toml"], "");
    assert_eq!(pack.status.code(), Some(0), "{}", text(&pack.stderr));
    let inspect = text(&bench.run(&["inspect", "files.wasm"], "").stdout);
    assert!(inspect.contains("requests scratch"), "{inspect}");
    let input = scratch::input(&[Op::Open("tmp/out", 1)]).to_string();
    let output = bench.run(&["run", "files.wasm", "--input", &input, "--dry-run-grants"], "");
    assert_eq!(text(&output.stdout).trim(), "--grant 'scratch'", "{}", text(&output.stderr));
    let output = bench.run(&["run", "files.wasm", "--input", &input, "--grant", "scratch"], "");
    assert_eq!(value(&output), json!([0]), "{}", text(&output.stderr));
}

#[test]
fn a_skill_whose_manifest_does_not_request_scratch_files_gets_none() {
    let bench = Bench::new();
    bench.write("files.wasm", scratch::guest());
    bench.write("skill.toml", "name = \"files\"\n");
    bench.run(&["pack", "files.wasm", "--manifest", "skill.toml"], "");
    let input = scratch::input(&COPIES).to_string();
    let output = bench.run(&["run", "files.wasm", "--input", &input, "--grant", "scratch"], "");
    let none = scratch::NO_DIRECTORY;
    assert_eq!(value(&output), json!([none, none, none, none]), "{}", text(&output.stderr));
}

#[test]
fn inspect_and_check_show_what_is_requested_granted_and_missing() {
    let bench = Bench::new();
    bench.write("kv.wasm", relay::kv());
    bench.write("http.wasm", relay::http());
    bench.write("config.wasm", relay::config());
    let shown = |args: &[&str]| {
        let output = bench.run(args, "");
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        let lines = text(&output.stdout);
        lines.lines().filter(|line| line.starts_with("requests ")).map(str::to_owned).collect::<Vec<_>>()
    };
    let line = |need: &str, state: &str| vec![format!("requests {need:<28} {state}")];
    assert_eq!(shown(&["inspect", "kv.wasm"]), line("kv", "missing; add --grant 'kv'"));
    let granted = line("kv", "granted by --grant 1 (kv)");
    assert_eq!(shown(&["inspect", "kv.wasm", "--grant", "kv"]), granted);
    assert_eq!(shown(&["check", "kv.wasm", "--grant", "kv"]), granted);
    assert_eq!(shown(&["inspect", "http.wasm"]), line("http *", "missing; add --grant 'http GET URL'"));
    assert_eq!(
        shown(&["inspect", "config.wasm", "--grant", "kv"]),
        line("config", "missing; add --grant 'config KEY=VALUE'")
    );
    assert_eq!(shown(&["inspect", "echo.wasm"]), Vec::<String>::new());
    let grants = &value(&bench.run(&["check", "kv.wasm", "--json"], ""))["grants"];
    assert_eq!((&grants["missing"], &grants["add"]), (&json!(["kv"]), &json!(["--grant 'kv'"])));
}

#[test]
fn inspect_reads_the_grants_of_a_configuration_for_a_caller() {
    let bench = Bench::new();
    bench.write("kv.wasm", relay::kv());
    assert_eq!(bench.run(&["submit", "kv.wasm", "--name", "kv"], "").status.code(), Some(0));
    bench.write(
        "ringfence.toml",
        "[[grant]]\nskill = \"local/kv\"\nprincipals = [\"carol\"]\nkv = { space = \"principal\" }\n",
    );
    let grants = |args: &[&str]| {
        let all = [&["inspect", "kv", "--json", "--config", "ringfence.toml"], args].concat();
        value(&bench.run(&all, ""))["grants"].clone()
    };
    let missing = grants(&[]);
    assert_eq!((&missing["requested"], &missing["missing"]), (&json!(["kv"]), &json!(["kv"])), "{missing}");
    let granted = grants(&["--principal", "carol"]);
    assert_eq!((&granted["granted"], &granted["missing"]), (&json!(["kv"]), &json!([])), "{granted}");
    assert_eq!(granted["rules"][0]["rule"], json!("[[grant]] 1"), "{granted}");
    assert!(granted["rules"][0]["allow"].as_str().is_some_and(|line| line.starts_with("kv ")), "{granted}");
}

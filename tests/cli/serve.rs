//! `serve`, `mcp` and `token`: what they print where, how they refuse, and that they stop when they are told to.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::Bench;

fn start(bench: &Bench, args: &[&str]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_ringfence"))
        .args(args)
        .current_dir(bench.dir.path())
        .env_remove("RUST_BACKTRACE")
        .env("RINGFENCE_HOME", "home")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary starts")
}

/// The first line that a server prints: its address.
fn address(child: &mut Child) -> String {
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().expect("piped")).read_line(&mut line).expect("a line");
    line.trim_end().to_owned()
}

/// Sends a signal to a child of this test.
fn signal(child: &Child, signal: rustix::process::Signal) {
    let pid = rustix::process::Pid::from_child(child);
    rustix::process::kill_process(pid, signal).expect("it is there");
}

fn get(address: &str, path: &str, token: Option<&str>) -> String {
    let host = address.strip_prefix("http://").expect("plain");
    let mut stream = TcpStream::connect(host).expect("it listens");
    let token = token.map_or_else(String::new, |token| format!("authorization: Bearer {token}\r\n"));
    write!(stream, "GET {path} HTTP/1.1\r\nhost: {host}\r\n{token}connection: close\r\n\r\n").expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    answer
}

#[test]
fn a_server_prints_its_address_and_stops_on_sigterm() {
    let bench = Bench::new();
    bench.check("serve-no-store", &["serve", "--listen", "127.0.0.1:0"]);
    assert!(bench.run(&["submit", "echo.wasm"], "").status.success());
    let mut child = start(&bench, &["serve", "--listen", "127.0.0.1:0"]);
    let address = address(&mut child);
    assert!(get(&address, "/healthz", None).starts_with("HTTP/1.1 200"));
    signal(&child, rustix::process::Signal::TERM);
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("note: the store has no token, so any local user has full access"), "{said}");
}

#[test]
fn settings_without_effect_are_warned_about_at_start_and_reload() {
    let bench = Bench::new();
    let file = "[skill.ecoh.limits]\nfuel = 1000\n[skill.echo.limits]\nfuel = 1000\n";
    bench.write("ringfence.toml", file);
    assert!(bench.run(&["submit", "echo.wasm"], "").status.success());
    let mut child = start(&bench, &["serve", "--listen", "127.0.0.1:0", "--config", "ringfence.toml"]);
    let address = address(&mut child);
    while !get(&address, "/readyz", None).starts_with("HTTP/1.1 200") {}
    bench.write("ringfence.toml", "[metrics]\npublic = true\n[quota.lcoal]\nconcurrency = 5\n");
    // The first warning is there since the start; the reload brings the second.
    let stderr = BufReader::new(child.stderr.take().expect("piped"));
    signal(&child, rustix::process::Signal::HUP);
    let lines = stderr.lines().map(|line| line.expect("text"));
    let told: Vec<String> = lines.filter(|line| line.contains("a setting has no effect")).take(2).collect();
    signal(&child, rustix::process::Signal::TERM);
    child.wait().expect("it ends");
    let [skill, owner] = &*told else { panic!("{told:?}") };
    let said = told.join("\n");
    assert!(skill.contains("`[skill.ecoh.limits]`") && skill.contains("`echo`"), "{said}");
    assert!(owner.contains("`[quota.owner.lcoal]`") && owner.contains("`local`"), "{said}");
}

#[test]
fn the_log_level_option_is_obeyed() {
    let bench = Bench::new();
    assert!(bench.run(&["submit", "echo.wasm"], "").status.success());
    let call = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo_echo","arguments":{"text":"hi"}}}"#;
    for (level, told) in
        [(&["--log-level", "info"][..], true), (&[][..], false), (&["--log-level", "warn"], false)]
    {
        let hello = r#"{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"t","version":"1"}}}"#;
        let output = bench.run(&[&["mcp"], level].concat(), &format!("{hello}\n{call}\n"));
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(String::from_utf8_lossy(&output.stdout).contains("\"result\":\"hi\""), "{output:?}");
        assert_eq!(said.contains("tool=\"echo\"") || said.contains("tool=echo"), told, "{level:?}: {said}");
    }
}

#[test]
fn a_hangup_reads_the_configuration_again() {
    let bench = Bench::new();
    bench.write("ringfence.toml", "[metrics]\npublic = false\n");
    let token = token(&bench);
    let mut child = start(&bench, &["serve", "--listen", "127.0.0.1:0", "--config", "ringfence.toml"]);
    let address = address(&mut child);
    assert!(get(&address, "/metrics", None).starts_with("HTTP/1.1 401"));
    assert!(get(&address, "/metrics", Some(&token)).starts_with("HTTP/1.1 200"));
    bench.write("ringfence.toml", "[metrics]\npublic = true\n");
    signal(&child, rustix::process::Signal::HUP);
    while !get(&address, "/metrics", None).starts_with("HTTP/1.1 200") {}
    signal(&child, rustix::process::Signal::INT);
    assert_eq!(child.wait().expect("it ends").code(), Some(0));
}

/// A token of all scopes.
fn token(bench: &Bench) -> String {
    let output = bench.run(&["token", "create", "--scope", "call,submit,admin"], "");
    assert!(output.status.success(), "{output:?}");
    String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
}

#[test]
fn an_invalid_configuration_fails_before_anything_listens() {
    let bench = Bench::new();
    bench.write("unknown.toml", "[listen]\nport = 80\n");
    bench.write("range.toml", "[limits]\nfuel = 0\n");
    bench.write("tls.toml", "[tls]\ncertificate = \"gone.pem\"\nkey = \"gone.pem\"\n");
    bench.write("many.toml", "[listen]\nconnections = 1_000_000\n");
    assert!(bench.run(&["submit", "echo.wasm"], "").status.success());
    bench.check("serve-unknown-key", &["serve", "--config", "unknown.toml"]);
    bench.check("serve-bad-limit", &["serve", "--config", "range.toml"]);
    bench.check("serve-no-config", &["serve", "--config", "gone.toml"]);
    bench.check("serve-open", &["serve", "--listen", "0.0.0.0:0"]);
    let output = bench.run(&["serve", "--config", "tls.toml"], "");
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("gone.pem: cannot read"), "{output:?}");
    // Where the system gives fewer open files than that, and it is told; root on some machines may have them.
    let most = rustix::process::getrlimit(rustix::process::Resource::Nofile).maximum;
    if most.is_some_and(|most| most < 1_000_256) {
        let output = bench.run(&["serve", "--config", "many.toml", "--listen", "127.0.0.1:0"], "");
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        assert!(
            String::from_utf8_lossy(&output.stderr).contains("invalid `listen.connections`: 1000000"),
            "{output:?}"
        );
    }
    bench.check("serve-help", &["serve", "--help"]);
    bench.check("mcp-help", &["mcp", "--help"]);
}

#[test]
fn the_printed_configuration_is_one() {
    let bench = Bench::new();
    assert!(bench.run(&["submit", "echo.wasm"], "").status.success());
    let output = bench.run(&["serve", "--print-config"], "");
    assert_eq!(output.status.code(), Some(0));
    fs::write(bench.path("printed.toml"), &output.stdout).expect("written");
    let mut child = start(&bench, &["serve", "--config", "printed.toml", "--listen", "127.0.0.1:0"]);
    assert!(address(&mut child).starts_with("http://127.0.0.1:"));
    signal(&child, rustix::process::Signal::TERM);
    assert_eq!(child.wait().expect("it ends").code(), Some(0));
}

#[test]
fn mcp_on_standard_input_writes_only_messages_to_standard_output() {
    let bench = Bench::new();
    assert!(bench.run(&["submit", "echo.wasm"], "").status.success());
    let meta = r#""_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}"#;
    let lines = format!(
        "{{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\",\"params\":{{{meta}}}}}\n\
         {{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"tools/call\",\"params\":{{\"name\":\"echo_echo\",\"arguments\":{{\"text\":\"hi\"}},{meta}}}}}\n"
    );
    let mut child = start(&bench, &["mcp", "--log-level", "trace"]);
    let mut stdin = child.stdin.take().expect("piped");
    stdin.write_all(lines.as_bytes()).expect("sent");
    let mut reader = BufReader::new(child.stdout.take().expect("piped"));
    let mut answers = Vec::new();
    for _ in 0..2 {
        let mut line = String::new();
        reader.read_line(&mut line).expect("a line");
        answers.push(serde_json::from_str::<Value>(&line).unwrap_or_else(|error| panic!("{error}: {line}")));
    }
    answers.sort_by_key(|answer| answer["id"].as_u64());
    // The first answer has the skills that were there.
    assert_eq!(answers[0]["result"]["tools"][0]["name"], "echo_echo");
    assert_eq!(answers[1]["result"]["structuredContent"], "hi");
    // The end of the input is the end.
    drop(stdin);
    let mut rest = String::new();
    reader.read_to_string(&mut rest).expect("the end");
    assert!(rest.lines().all(|line| serde_json::from_str::<Value>(line).is_ok()), "{rest}");
    assert_eq!(child.wait().expect("it ends").code(), Some(0));
}

#[test]
fn a_cancelled_call_frees_its_slot_on_standard_input_too() {
    let bench = Bench::new();
    bench.write("one.toml", "[host]\nruns = 1\n[admission]\nqueue-timeout = \"10m\"\n[limits]\ndeadline = \"1h\"\nfuel = 100_000_000_000\n");
    assert!(bench.run(&["submit", "echo.wasm"], "").status.success());
    assert!(bench.run(&["submit", "endings.wasm"], "").status.success());
    let meta = r#""_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}"#;
    let call = |id: u32, name: &str, arguments: &str| {
        format!(
            r#"{{"jsonrpc":"2.0","id":{id},"method":"tools/call","params":{{"name":"{name}","arguments":{arguments},{meta}}}}}"#
        )
    };
    let mut child = start(&bench, &["mcp", "--config", "one.toml"]);
    let mut stdin = child.stdin.take().expect("piped");
    // The only place is taken until this is cancelled: the second call waits for that.
    writeln!(stdin, "{}", call(1, "endings_spin", "{}")).expect("sent");
    writeln!(stdin, "{}", call(2, "echo_echo", r#"{"text":"hi"}"#)).expect("sent");
    let cancel = r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}"#;
    writeln!(stdin, "{cancel}").expect("sent");
    let mut reader = BufReader::new(child.stdout.take().expect("piped"));
    let answer = loop {
        let mut line = String::new();
        assert!(reader.read_line(&mut line).expect("a line") > 0, "an answer comes");
        let answer: Value = serde_json::from_str(&line).expect("JSON");
        if answer["id"] == 2 {
            break answer;
        }
    };
    assert_eq!(answer["result"]["structuredContent"], "hi", "{answer}");
    drop(stdin);
    assert_eq!(child.wait().expect("it ends").code(), Some(0));
}

/// A program that speaks MCP, and what it says, line by line.
struct Spoken {
    child: Child,
    stdin: Option<std::process::ChildStdin>,
    reader: BufReader<std::process::ChildStdout>,
}

impl Spoken {
    fn start(bench: &Bench, args: &[&str]) -> Self {
        let mut child = start(bench, &[&["mcp"], args].concat());
        let stdin = child.stdin.take();
        let reader = BufReader::new(child.stdout.take().expect("piped"));
        Self { child, stdin, reader }
    }

    fn say(&mut self, line: &str) {
        writeln!(self.stdin.as_mut().expect("open"), "{line}").expect("sent");
    }

    fn hear(&mut self) -> Value {
        let mut line = String::new();
        assert!(self.reader.read_line(&mut line).expect("a line") > 0, "an answer comes");
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"))
    }

    fn ask(&mut self, line: &str) -> Value {
        self.say(line);
        self.hear()
    }

    /// The handshake of a revision that has one.
    fn greet(&mut self) -> Value {
        let hello = r#"{"jsonrpc":"2.0","id":"hello","method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"t","version":"1"}}}"#;
        let answer = self.ask(hello);
        self.say(r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#);
        answer
    }

    /// Ends it by the end of its input.
    fn end(mut self) -> String {
        drop(self.stdin.take());
        let mut rest = String::new();
        self.reader.read_to_string(&mut rest).expect("the end");
        assert_eq!(self.child.wait().expect("it ends").code(), Some(0));
        rest
    }
}

#[test]
fn every_request_on_standard_input_is_answered_with_its_id() {
    let bench = Bench::new();
    assert!(bench.run(&["submit", "echo.wasm"], "").status.success());
    let mut spoken = Spoken::start(&bench, &[]);
    // A look whether anybody is there comes before the handshake, and nothing else does.
    assert_eq!(
        spoken.ask(r#"{"jsonrpc":"2.0","id":0,"method":"ping"}"#),
        serde_json::json!({"jsonrpc": "2.0", "id": 0, "result": {}})
    );
    let early = spoken.ask(r#"{"jsonrpc":"2.0","id":"e","method":"tools/list"}"#);
    assert_eq!((&early["id"], &early["error"]["code"]), (&"e".into(), &(-32602).into()));
    let hello = spoken.greet();
    assert_eq!(hello["result"]["protocolVersion"], "2025-06-18");
    // Changes are told here.
    assert_eq!(hello["result"]["capabilities"]["tools"]["listChanged"], true);
    let big = "x".repeat(1 << 20);
    let rows = [
        ("{".to_owned(), -32700, Value::Null),
        (r#"{"id":7,"jsonrpc":"2.0","method""#.to_owned(), -32700, 7.into()),
        ("[]".to_owned(), -32600, Value::Null),
        (r#"{"jsonrpc":"2.0","id":8,"method":5}"#.to_owned(), -32600, 8.into()),
        (r#"{"jsonrpc":"2.0","id":9,"method":"tools/call","params":{"arguments":{}}}"#.to_owned(), -32602, 9.into()),
        (
            r#"{"jsonrpc":"2.0","id":10,"method":"tools/call","params":{"name":"echo_echo","arguments":"{}"}}"#.to_owned(),
            -32602,
            10.into(),
        ),
        (r#"{"jsonrpc":"2.0","id":11,"method":"tools/list","params":{"cursor":5}}"#.to_owned(), -32602, 11.into()),
        (r#"{"jsonrpc":"2.0","id":12,"method":"gone"}"#.to_owned(), -32601, 12.into()),
        // Cut after a whole id, in an array, with half a character, with a raw tab, and two on one line.
        (r#"{"jsonrpc":"2.0","method":"ping","id":"cut""#.to_owned(), -32700, "cut".into()),
        (r#"[{"jsonrpc":"2.0","id":15,"method":"ping"}]"#.to_owned(), -32600, 15.into()),
        (r#"{"jsonrpc":"2.0","id":16,"method":"\ud800"}"#.to_owned(), -32600, 16.into()),
        (r#"{"jsonrpc":"2.0","id":17,"method":"tools/call","params":{"name":"\udc00x"}}"#.to_owned(), -32602, 17.into()),
        ("{\"jsonrpc\":\"2.0\",\"id\":18,\"method\":\"a\tb\"}".to_owned(), -32700, 18.into()),
        (r#"{"jsonrpc":"2.0","id":19,"method":"ping"}{"jsonrpc":"2.0","id":20,"method":"ping"}"#.to_owned(), -32700, 19.into()),
        (r#"{"jsonrpc":"2.0","id":21,"method":"tools/list","params":[]}"#.to_owned(), -32602, 21.into()),
        (r#"{"jsonrpc":"2.0","id":22,"method":"resources/read","params":{"uri":"file:///etc/passwd"}}"#.to_owned(), -32602, 22.into()),
        (r#"{"jsonrpc":"2.0","id":23,"method":"tools/call","params":{"name":"echo_echo","_meta":"x"}}"#.to_owned(), -32602, 23.into()),
        (r#"{"jsonrpc":"1.0","id":24,"method":"ping"}"#.to_owned(), -32600, 24.into()),
        (r#"{"jsonrpc":"2.0","id":1.5,"method":"gone"}"#.to_owned(), -32601, serde_json::json!(1.5)),
        (r#"{"jsonrpc":"2.0","id":{"a":1},"method":"ping"}"#.to_owned(), -32600, Value::Null),
        (r#"{"jsonrpc":"2.0","id":true,"method":"ping"}"#.to_owned(), -32600, Value::Null),
        ("\"text\"".to_owned(), -32600, Value::Null),
        (format!(r#"{{"jsonrpc":"2.0","id":25,"method":"tools/call","params":{{"arguments":{}"#, "[".repeat(5_000)), -32700, 25.into()),
        // Longer than any message may be, with the id before and after what is long.
        (
            format!(r#"{{"jsonrpc":"2.0","id":13,"method":"tools/call","params":{{"name":"echo_echo","arguments":{{"text":"{big}{big}"}}}}}}"#),
            -32600,
            13.into(),
        ),
        (
            format!(r#"{{"method":"tools/call","params":{{"name":"echo_echo","arguments":{{"id":1,"text":"{big}{big}"}}}},"jsonrpc":"2.0","id":"last"}}"#),
            -32600,
            "last".into(),
        ),
    ];
    for (line, code, id) in rows {
        let answer = spoken.ask(&line);
        let shown = line.chars().take(80).collect::<String>();
        assert_eq!((&answer["error"]["code"], &answer["id"]), (&code.into(), &id), "{shown}: {answer}");
    }
    // Each request in an array, and bytes that are no text.
    spoken.say(r#"[{"jsonrpc":"2.0","id":26,"method":"ping"},{"jsonrpc":"2.0","id":27,"method":"ping"}]"#);
    for id in [26, 27] {
        let answer = spoken.hear();
        assert_eq!((&answer["error"]["code"], &answer["id"]), (&(-32600).into(), &id.into()), "{answer}");
    }
    let stdin = spoken.stdin.as_mut().expect("open");
    stdin.write_all(b"{\"jsonrpc\":\"2.0\",\"id\":28,\"method\":\"\xff\"}\n").expect("sent");
    let answer = spoken.hear();
    assert_eq!((&answer["error"]["code"], &answer["id"]), (&(-32700).into(), &28.into()), "{answer}");
    // And it goes on as before; a byte order mark and white space are none of the message's.
    let call = r#"{"jsonrpc":"2.0","id":14,"method":"tools/call","params":{"name":"echo_echo","arguments":{"text":"hi"}}}"#;
    for line in [call.to_owned(), format!("\u{FEFF}{call}"), format!("  {call}  \r")] {
        assert_eq!(spoken.ask(&line)["result"]["structuredContent"]["result"], "hi");
    }
    // The last line may lack its end.
    write!(spoken.stdin.as_mut().expect("open"), "{call}").expect("sent");
    assert!(spoken.end().contains(r#""id":14,"result""#));
}

#[test]
fn a_line_at_the_longest_and_one_byte_over() {
    let bench = Bench::new();
    assert!(bench.run(&["submit", "echo.wasm"], "").status.success());
    bench.write("small.toml", "[limits]\ninput = 100\n");
    let mut spoken = Spoken::start(&bench, &["--config", "small.toml"]);
    spoken.greet();
    let longest = 100 + (64 << 10);
    let line = |size: usize| {
        let line = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo_echo","arguments":{"text":"hi"},"x":""}}"#;
        line.replace(r#""x":"""#, &format!(r#""x":"{}""#, "y".repeat(size - line.len())))
    };
    assert_eq!(spoken.ask(&line(longest))["result"]["isError"], false);
    let answer = spoken.ask(&line(longest + 1));
    assert_eq!((&answer["id"], &answer["error"]["code"]), (&1.into(), &(-32600).into()), "{answer}");
    assert_eq!(
        answer["error"]["message"],
        "the line is too long; the limit is 65636 bytes; send a smaller input"
    );
    assert_eq!(spoken.end(), "");
}

#[test]
fn an_agent_sees_the_skills_and_limits_that_it_is_given() {
    let bench = Bench::new();
    for (name, file) in [("acme-echo", "echo.wasm"), ("acme-ends", "endings.wasm"), ("other", "echo.wasm")] {
        assert!(bench.run(&["submit", "--name", name, file], "").status.success());
    }
    let mut spoken = Spoken::start(&bench, &["--skills", "acme-*", "--fuel", "1000"]);
    spoken.greet();
    let list = spoken.ask(r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#);
    let names: Vec<&str> = list["result"]["tools"]
        .as_array()
        .expect("tools")
        .iter()
        .filter_map(|tool| tool["name"].as_str())
        .collect();
    assert!(
        names.contains(&"acme-echo_echo") && !names.iter().any(|name| name.starts_with("other")),
        "{names:?}"
    );
    let gone = spoken.ask(
        r#"{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"other_echo","arguments":{"text":"hi"}}}"#,
    );
    assert_eq!(gone["error"]["code"], -32602, "{gone}");
    let spun =
        spoken.ask(r#"{"jsonrpc":"2.0","id":3,"method":"tools/call","params":{"name":"acme-ends_spin"}}"#);
    let text = spun["result"]["content"][0]["text"].as_str().expect("a text");
    assert!(text.starts_with("out-of-fuel: fuel limit reached (1,000 units"), "{text}");
    assert_eq!(spoken.end(), "");
    let wrong = bench.run(&["mcp", "--fuel", "0"], "");
    assert_eq!(wrong.status.code(), Some(2), "{wrong:?}");
    assert!(String::from_utf8_lossy(&wrong.stderr).contains("limit `fuel`"), "{wrong:?}");
    let wrong = bench.run(&["mcp", "--skills", "../x"], "");
    assert_eq!(wrong.status.code(), Some(2), "{wrong:?}");
}

#[test]
fn many_calls_on_standard_input_are_all_answered() {
    let bench = Bench::new();
    assert!(bench.run(&["submit", "echo.wasm"], "").status.success());
    let mut spoken = Spoken::start(&bench, &[]);
    spoken.greet();
    let mut stdin = spoken.stdin.take().expect("open");
    // Fewer under way than the quota for calls at once.
    let (begun, answered) = std::sync::mpsc::sync_channel(200);
    let writer = std::thread::spawn(move || {
        for id in 0..2_000 {
            begun.send(()).expect("the test goes on");
            let text = "t".repeat(id % 977);
            writeln!(stdin, r#"{{"jsonrpc":"2.0","id":{id},"method":"tools/call","params":{{"name":"echo_echo","arguments":{{"text":"{text}"}}}}}}"#)
                .expect("sent");
        }
        stdin
    });
    let mut seen = vec![false; 2_000];
    for _ in 0..2_000 {
        let answer = spoken.hear();
        answered.recv().expect("one begun");
        let id = usize::try_from(answer["id"].as_u64().expect("an id")).expect("small");
        assert!(!std::mem::replace(&mut seen[id], true), "{id} twice");
        assert_eq!(answer["result"]["structuredContent"]["result"].as_str().map(str::len), Some(id % 977));
    }
    spoken.stdin = Some(writer.join().expect("it wrote"));
    assert_eq!(spoken.end(), "");
}

#[test]
fn a_client_on_standard_input_gets_change_notices() {
    let bench = Bench::new();
    assert!(bench.run(&["submit", "echo.wasm"], "").status.success());
    let mut spoken = Spoken::start(&bench, &[]);
    spoken.greet();
    let meta = r#""_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}"#;
    let listen = format!(
        r#"{{"jsonrpc":"2.0","id":"l","method":"subscriptions/listen","params":{{"notifications":{{"toolsListChanged":true}},{meta}}}}}"#
    );
    assert_eq!(spoken.ask(&listen)["method"], "notifications/subscriptions/acknowledged");
    assert!(bench.run(&["submit", "--name", "second", "echo.wasm"], "").status.success());
    let mut methods: Vec<String> =
        (0..3).map(|_| spoken.hear()["method"].as_str().unwrap_or_default().to_owned()).collect();
    methods.sort();
    assert_eq!(
        methods,
        [
            "notifications/resources/list_changed",
            "notifications/tools/list_changed",
            "notifications/tools/list_changed"
        ]
    );
    spoken.end();
}

#[test]
fn tokens_are_created_listed_and_revoked() {
    let bench = Bench::new();
    bench.check("token-none", &["token", "list"]);
    let skills = |more: &[&str]| {
        let output = bench.run(&[&["token", "create", "--json", "--store", "other"], more].concat(), "");
        let made: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        (made["skills"].clone(), made["skills_of"].clone())
    };
    let none = || serde_json::json!([]);
    assert_eq!(skills(&["--owner", "bob"]), (none(), Value::Null), "its owner's alone");
    assert_eq!(skills(&["--skills", "-"]), (none(), Value::Null));
    let submits = |more: &[&str]| {
        let output = bench.run(
            &[&["token", "create", "--json", "--store", "other", "--scope", "submit"], more].concat(),
            "",
        );
        serde_json::from_slice::<Value>(&output.stdout).expect("JSON")["any_name"].clone()
    };
    assert_eq!((submits(&[]), submits(&["--skills", "-"])), (true.into(), Value::Null));
    assert_eq!(skills(&["--skills", "*"]), (serde_json::json!(["*"]), Value::Null));
    let of = |skills: Value| (skills, serde_json::json!(["alice"]));
    assert_eq!(skills(&["--skills-of", "alice"]), of(serde_json::json!(["*"])));
    assert_eq!(skills(&["--skills-of", "alice", "--skills", "a-*"]), of(serde_json::json!(["a-*"])));
    bench.check_as(
        "token-create",
        &["token", "create", "--owner", "alice", "--scope", "call,submit", "--skills", "acme-*"],
        secrets,
    );
    bench.check_as("token-create-json", &["token", "create", "--json", "--expires", "30days"], secrets);
    bench.check_as("token-list", &["token", "list"], secrets);
    bench.check_as("token-list-json", &["token", "list", "--json"], secrets);
    bench.check("token-bad-scope", &["token", "create", "--scope", "everything"]);
    bench.check("token-bad-skills", &["token", "create", "--skills", "../x"]);
    bench.check("token-no-such", &["token", "revoke", "0123456789"]);
    let list = bench.run(&["token", "list", "--json"], "");
    let list: Value = serde_json::from_slice(&list.stdout).expect("JSON");
    let id = list[0]["id"].as_str().expect("an id").to_owned();
    let output = bench.run(&["token", "revoke", &id], "");
    assert_eq!(String::from_utf8_lossy(&output.stdout), format!("revoked {id}\n"));
    bench.check_as("token-list-revoked", &["token", "list"], secrets);
}

/// Ids, secrets and times differ.
fn secrets(text: &str) -> String {
    let word = |word: &str| {
        let hex =
            |part: &str, length| part.len() == length && part.bytes().all(|byte| byte.is_ascii_hexdigit());
        let bare = word.trim_matches(|c: char| !c.is_ascii_alphanumeric());
        if bare.starts_with("rf_") {
            return word.replace(bare, "[token]");
        }
        if hex(bare, 10) {
            return word.replace(bare, "[id]");
        }
        if bare.len() == 20 && bare.ends_with('Z') {
            return word.replace(bare, "[time]");
        }
        word.to_owned()
    };
    let line = |line: &str| line.split(' ').map(word).collect::<Vec<_>>().join(" ");
    text.lines().map(|text| line(text) + "\n").collect()
}

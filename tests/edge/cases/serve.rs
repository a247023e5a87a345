//! The program `ringfence-edge serve`: who may ask, what is answered, and bundles that change under it.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use ringfence::Limits;
use ringfence_edge_tests::{Node, draft, exchange, key, native, skill};
use rustix::process::Signal;
use tempfile::TempDir;

use crate::{ECHO, SPIN, number};

fn bundle(version: u32) -> Vec<u8> {
    let limits = Limits::default();
    let endless =
        Limits::default().with_fuel(u64::MAX - 1).with_deadline(std::time::Duration::from_secs(3_600));
    let skills = vec![
        skill("echo", ECHO, &limits, &[native()]),
        skill("n", &number(version), &limits, &[native()]),
        skill("spin", SPIN, &endless, &[native()]),
    ];
    draft(version.into(), skills).sign(&key()).unwrap()
}

fn folder() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    put(&dir, "edge.rfb", &bundle(1));
    put(&dir, "key.pub", key().public().to_line().as_bytes());
    dir
}

/// Puts a file in the place of another as a whole, as whoever brings bundles must.
fn put(dir: &TempDir, name: &str, bytes: &[u8]) {
    let draft = dir.path().join("draft");
    std::fs::write(&draft, bytes).unwrap();
    std::fs::rename(draft, dir.path().join(name)).unwrap();
}

fn start(dir: &TempDir, more: &[&str]) -> Node {
    let mut args = vec!["edge.rfb", "--key", "key.pub", "--update", "0s"];
    args.extend(more);
    Node::start(&args, dir.path())
}

fn call(node: &Node, skill: &str, tool: &str, input: &str) -> ringfence_edge_tests::Answer {
    exchange(
        node.address,
        "POST",
        &format!("/v1/skills/{skill}/tools/{tool}"),
        "content-type: application/json\r\n",
        input,
    )
}

#[test]
fn calls_lists_health_and_metrics() {
    let dir = folder();
    let node = start(&dir, &[]);
    let get = |path: &str| exchange(node.address, "GET", path, "", "");
    assert_eq!(get("/healthz").status, 200);
    assert_eq!(get("/readyz").body["status"], "ready");
    let list = get("/v1/skills").body;
    assert_eq!((&list["bundle"]["version"], &list["skills"][0]["name"]), (&1.into(), &"echo".into()));
    assert_eq!(list["bundle"]["fingerprint"], native().fingerprint());
    let shown = get("/v1/skills/echo").body;
    assert_eq!(shown["tools"][0]["parameters"]["properties"]["text"]["type"], "string");
    assert_eq!(shown["limits"]["deadline_ms"], 5_000);
    let ran = call(&node, "echo", "echo", r#"{"text": "good"}"#);
    assert_eq!((ran.status, &ran.body["value"]), (200, &"good".into()));
    for (method, path, body, status, code) in [
        ("POST", "/v1/skills/none/tools/x", "{}", 404, "no-such-skill"),
        ("POST", "/v1/skills/echo/tools/x", "{}", 404, "no-such-tool"),
        ("POST", "/v1/skills/echo/tools/echo", "{}", 422, "input-mismatch"),
        ("POST", "/v1/skills/echo/tools/echo", "[", 422, "input-mismatch"),
        ("GET", "/v1/skills/none", "", 404, "no-such-skill"),
        ("GET", "/v1/skills/echo/tools/echo", "", 405, "method-not-allowed"),
        ("DELETE", "/v1/skills/echo", "", 405, "method-not-allowed"),
        ("GET", "/v1/skills/echo/tools", "", 404, "no-such-resource"),
        ("GET", "/v1/skills/echo/tools/echo/x", "", 404, "no-such-resource"),
        ("GET", "/v1/skills/", "", 404, "no-such-skill"),
        ("GET", "/", "", 404, "no-such-resource"),
        ("GET", "/mcp", "", 404, "no-such-resource"),
    ] {
        let answer = exchange(node.address, method, path, "", body);
        assert_eq!(
            (answer.status, &answer.body["code"]),
            (status, &code.into()),
            "{method} {path}: {}",
            answer.text
        );
    }
    let metrics = get("/metrics").text;
    for line in [
        "ringfence_runs_total{outcome=\"completed\"} 1",
        "ringfence_refused_total{code=\"no-such-skill\"} 3",
        "ringfence_bundle_version 1",
        "# EOF",
    ] {
        assert!(metrics.contains(&format!("\n{line}\n")), "{line}: {metrics}");
    }
}

#[test]
fn bodies_are_bounded_and_limits_only_go_down() {
    let dir = folder();
    let node = start(&dir, &[]);
    let path = "/v1/skills/echo/tools/echo";
    let of = |size: usize| format!("{{\"text\":\"{}\"}}", "x".repeat(size - 11));
    // The guest keeps its text at 1,024 of 65,536 bytes.
    assert_eq!(exchange(node.address, "POST", path, "", &of(60_000)).status, 200);
    let lowered = |limit: &str, size: usize| {
        exchange(node.address, "POST", path, &format!("ringfence-limits: {limit}\r\n"), &of(size))
    };
    assert_eq!(lowered("input=500", 500).status, 200);
    assert_eq!(lowered("input=500", 501).body["code"], "body-too-large");
    assert_eq!(lowered("input=2MiB", 500).body["code"], "limit-raised");
    assert_eq!(lowered("fuel=1", 500).body["outcome"], "out-of-fuel");
    let chunked = "transfer-encoding: chunked\r\nringfence-limits: input=500\r\n";
    let body = format!("1f5\r\n{}\r\n0\r\n\r\n", of(501));
    let mut stream = TcpStream::connect(node.address).unwrap();
    write!(
        stream,
        "POST {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n{chunked}\r\n{body}",
        node.address
    )
    .unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    assert!(text.contains("413 Payload Too Large"), "{text}");
    let kind = exchange(node.address, "POST", path, "content-type: text/plain\r\n", &of(500));
    assert_eq!((kind.status, &kind.body["code"]), (415, &"unsupported-media-type".into()));
}

/// Without tokens everybody on this machine may call, and no page in a browser on it.
#[test]
fn pages_may_not_call() {
    let dir = folder();
    let node = start(&dir, &[]);
    let with = |header: &str| exchange(node.address, "GET", "/v1/skills", header, "").body["code"].clone();
    assert_eq!(with("origin: http://localhost\r\n"), "origin-not-allowed");
    assert_eq!(with("host: evil.example\r\n"), "host-not-allowed");
    assert_eq!(with("host: localhost.evil.example:80\r\n"), "host-not-allowed");
    for host in ["localhost", "LOCALHOST:1", "127.0.0.1", "127.8.8.8:80", "[::1]:80"] {
        assert!(with(&format!("host: {host}\r\n")).is_null(), "{host}");
    }
}

#[test]
fn only_callers_with_a_token_may_call() {
    let dir = folder();
    let (token, other) = ("a".repeat(32), "b".repeat(32));
    put(&dir, "tokens", format!("# ops\n{token}\n").as_bytes());
    let mut node = start(&dir, &["--token", "tokens"]);
    let get = |node: &Node, path: &str, header: &str| exchange(node.address, "GET", path, header, "").status;
    let bearer = |token: &str| format!("authorization: Bearer {token}\r\n");
    for path in ["/v1/skills", "/metrics", "/v1/skills/echo", "/nothing"] {
        assert_eq!(get(&node, path, ""), 401, "{path}");
        assert_eq!(get(&node, path, &bearer(&other)), 401, "{path}");
        assert_ne!(get(&node, path, &bearer(&token)), 401, "{path}");
    }
    assert_eq!(get(&node, "/healthz", ""), 200);
    assert_eq!(get(&node, "/v1/skills", &format!("{}{}", bearer(&other), bearer(&token))), 401);
    // And read again when it is told to.
    put(&dir, "tokens", format!("{other}\n").as_bytes());
    node.signal(Signal::HUP);
    node.wait_for("reloaded tokens");
    assert_eq!(get(&node, "/v1/skills", &bearer(&token)), 401);
    assert_eq!(get(&node, "/v1/skills", &bearer(&other)), 200);
    // A list that is wrong changes nothing.
    put(&dir, "tokens", b"short\n");
    node.signal(Signal::HUP);
    node.wait_for("cannot reload tokens");
    assert_eq!(get(&node, "/v1/skills", &bearer(&other)), 200);
}

/// There are few connections: who does not say who it is keeps none, and a caller keeps its own.
#[test]
fn strangers_keep_no_connection() {
    let dir = folder();
    let token = "a".repeat(32);
    put(&dir, "tokens", token.as_bytes());
    let node = start(&dir, &["--token", "tokens"]);
    let closes = |path: &str, header: &str| {
        let mut stream = TcpStream::connect(node.address).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nhost: {}\r\n{header}\r\n", node.address).unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            head.push(byte[0]);
        }
        String::from_utf8(head).unwrap().contains("\r\nconnection: close\r\n")
    };
    let (right, wrong) = (format!("authorization: Bearer {token}\r\n"), "authorization: Bearer x\r\n");
    assert!(closes("/healthz", "") && closes("/v1/skills", "") && closes("/v1/skills", wrong));
    assert!(!closes("/healthz", &right) && !closes("/v1/skills", &right));
}

/// Whoever embeds the server: at an address that others reach, nobody is answered without tokens.
#[test]
fn an_open_server_answers_this_machine_alone() {
    use ringfence_edge::serve::{ServeConfig, Server, Tokens};
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    for (ip, status) in [("127.0.0.1", 200), ("0.0.0.0", 403)] {
        let worker = ringfence_edge::Worker::new(
            ringfence_edge::WorkerConfig::default(),
            ringfence_edge_tests::trust(),
        )
        .unwrap();
        let listener = runtime.block_on(tokio::net::TcpListener::bind((ip, 0))).unwrap();
        let port = listener.local_addr().unwrap().port();
        let stop = ringfence::CancellationToken::new();
        let server = Server::new(worker, Tokens::default(), ServeConfig::default());
        let serving = runtime.spawn(server.serve(listener, stop.clone()));
        let address = std::net::SocketAddr::from(([127, 0, 0, 1], port));
        assert_eq!(exchange(address, "GET", "/healthz", "", "").status, status, "{ip}");
        stop.cancel();
        assert!(runtime.block_on(serving).unwrap(), "{ip}");
    }
}

#[test]
fn it_does_not_listen_to_all_without_tokens() {
    let dir = folder();
    let args = ["serve", "edge.rfb", "--key", "key.pub", "--listen", "0.0.0.0:0"];
    let ended = ringfence_edge_tests::run(&args, dir.path(), "");
    assert_eq!(ended.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&ended.stderr).contains("--token FILE"));
}

#[test]
fn a_new_bundle_is_swapped_in_and_a_bad_one_is_not() {
    let dir = folder();
    let mut node = start(&dir, &["--state", "seen"]);
    let says = |node: &Node| call(node, "n", "number", "{}").body["value"].clone();
    assert_eq!(says(&node), 1);
    put(&dir, "edge.rfb", &bundle(2));
    node.signal(Signal::HUP);
    node.wait_for("serving bundle version 2");
    assert_eq!(says(&node), 2);
    let mut altered = bundle(3);
    let last = altered.len() - 1;
    altered[last] ^= 1;
    put(&dir, "edge.rfb", &altered);
    node.signal(Signal::HUP);
    node.wait_for("was altered after it was signed");
    assert_eq!(says(&node), 2);
    put(&dir, "edge.rfb", &bundle(1));
    node.signal(Signal::HUP);
    node.wait_for("has already seen version");
    assert_eq!(says(&node), 2);
    std::fs::remove_file(dir.path().join("edge.rfb")).unwrap();
    node.signal(Signal::HUP);
    node.wait_for("cannot read");
    assert_eq!(says(&node), 2);
    let metrics = exchange(node.address, "GET", "/metrics", "", "").text;
    assert!(metrics.contains("ringfence_updates_total{result=\"taken\"} 1\n"), "{metrics}");
    assert!(metrics.contains("ringfence_updates_total{result=\"refused\"} 3\n"), "{metrics}");
    // A key that is not trusted any more takes its bundle with it.
    put(&dir, "edge.rfb", &bundle(4));
    put(&dir, "key.pub", ringfence_bundle::SecretKey::from_seed(&[1; 32]).public().to_line().as_bytes());
    node.signal(Signal::HUP);
    node.wait_for("the worker has no bundle");
    assert_eq!(call(&node, "n", "number", "{}").body["code"], "no-bundle");
    assert_eq!(exchange(node.address, "GET", "/readyz", "", "").status, 503);
}

/// A body that is on its way while its skill is revoked is not run, and what comes back serves again.
#[test]
fn a_revoked_bundle_does_not_run_until_the_revocation_is_withdrawn() {
    let dir = folder();
    put(&dir, "revoked", b"");
    let mut node = start(&dir, &["--revoked", "revoked"]);
    let mut stream = TcpStream::connect(node.address).unwrap();
    let path = "/v1/skills/n/tools/number";
    write!(
        stream,
        "POST {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\ncontent-length: 2\r\n\r\n{{",
        node.address
    )
    .unwrap();
    // It is answered behind the first one: the server has read it.
    assert_eq!(exchange(node.address, "GET", "/readyz", "", "").status, 200);
    put(&dir, "revoked", format!("{}\n", key().public().id()).as_bytes());
    node.signal(Signal::HUP);
    node.wait_for("is revoked");
    stream.write_all(b"}").unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    assert!(text.contains("503 Service Unavailable") && text.contains("no-bundle"), "{text}");
    put(&dir, "revoked", b"");
    node.signal(Signal::HUP);
    node.wait_for("serving bundle version 1");
    assert_eq!(call(&node, "n", "number", "{}").status, 200);
}

/// One skill of three is revoked: it ends and answers as revoked, and the others go on.
#[test]
fn a_revoked_skill_stops_alone_until_the_revocation_is_withdrawn() {
    let dir = folder();
    put(&dir, "revoked", b"");
    let mut node = start(&dir, &["--revoked", "revoked"]);
    let mut stream = TcpStream::connect(node.address).unwrap();
    let path = "/v1/skills/spin/tools/spin";
    write!(
        stream,
        "POST {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\ncontent-length: 2\r\n\r\n{{}}",
        node.address
    )
    .unwrap();
    let get = |node: &Node, path: &str| exchange(node.address, "GET", path, "", "");
    while !get(&node, "/metrics").text.contains("\nringfence_runs_now 1\n") {}
    let digest = get(&node, "/v1/skills/spin").body["digest"].as_str().unwrap().to_owned();
    put(&dir, "revoked", format!("{digest}\n").as_bytes());
    node.signal(Signal::HUP);
    node.wait_for("skill `spin` is revoked and does not run");
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    assert!(text.contains("\"outcome\":\"cancelled\""), "{text}");
    for answer in [call(&node, "spin", "spin", "{}"), get(&node, "/v1/skills/spin")] {
        assert_eq!((answer.status, &answer.body["code"]), (409, &"revoked".into()), "{}", answer.text);
    }
    assert_eq!(call(&node, "n", "number", "{}").status, 200);
    assert_eq!(get(&node, "/readyz").status, 200);
    let list = get(&node, "/v1/skills").body;
    assert_eq!(list["skills"].as_array().map(Vec::len), Some(2), "{list}");
    assert_eq!(list["revoked"], serde_json::json!([{"name": "spin", "digest": digest}]));
    put(&dir, "revoked", b"");
    node.signal(Signal::HUP);
    node.wait_for("serving bundle version 1 with 3 skills");
    assert_eq!(get(&node, "/v1/skills/spin").status, 200);
}

/// A body that ends in two places for two readers is refused, and so is what is no HTTP; nothing is read after it.
#[test]
fn only_chunked_alone_frames_a_body() {
    let dir = folder();
    let node = start(&dir, &[]);
    let send = |head: &str, body: &str| {
        let mut stream = TcpStream::connect(node.address).unwrap();
        let more = "GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n";
        let _ = write!(
            stream,
            "POST /v1/skills/echo/tools/echo HTTP/1.1\r\nhost: localhost\r\n{head}\r\n\r\n{body}{more}"
        );
        let mut text = Vec::new();
        // It may close while there is something to read.
        let _ = stream.read_to_end(&mut text);
        let text = String::from_utf8_lossy(&text).into_owned();
        assert_eq!(text.matches("HTTP/1.1 ").count(), 1, "{head}: {text}");
        text
    };
    let chunks = "d\r\n{\"text\":\"hi\"}\r\n0\r\n\r\n";
    let alone = send("transfer-encoding: chunked\r\nconnection: close", chunks);
    assert!(alone.contains("\"value\":\"hi\""), "{alone}");
    for head in [
        "transfer-encoding: gzip, chunked",
        "transfer-encoding: gzip\r\ntransfer-encoding: chunked",
        "transfer-encoding: chunked, chunked",
        "transfer-encoding: gzip",
        "content-length: x",
        "no header",
    ] {
        let text = send(head, chunks);
        let problem = text.contains("application/problem+json") && text.contains("\"code\":\"bad-request\"");
        assert!(text.starts_with("HTTP/1.1 400 ") && problem, "{head}: {text}");
    }
    for head in
        ["content-length: 2\r\ntransfer-encoding: chunked", "transfer-encoding: chunked\r\ncontent-length: 2"]
    {
        let text = send(head, chunks);
        assert!(text.contains("\"value\":\"hi\"") && text.contains("connection: close"), "{head}: {text}");
    }
    let large = format!("x: {}", "y".repeat(20 << 10));
    let text = send(&large, "");
    assert!(text.contains("headers-too-large") && text.contains("16 KiB"), "{text}");
}

/// By itself, as often as it is told to look.
#[test]
fn it_looks_by_itself() {
    let dir = folder();
    let mut node = Node::start(&["edge.rfb", "--key", "key.pub", "--update", "20ms"], dir.path());
    put(&dir, "edge.rfb", &bundle(2));
    node.wait_for("serving bundle version 2");
}

/// Who is gone runs nothing, and who runs may end.
#[test]
fn runs_end_with_their_callers_and_with_the_server() {
    let dir = folder();
    let node = start(&dir, &["--drain", "100ms"]);
    let spin = || {
        let mut stream = TcpStream::connect(node.address).unwrap();
        let path = "/v1/skills/spin/tools/spin";
        write!(stream, "POST {path} HTTP/1.1\r\nhost: {}\r\ncontent-length: 2\r\n\r\n{{}}", node.address)
            .unwrap();
        stream
    };
    let runs = || exchange(node.address, "GET", "/metrics", "", "").text;
    let wait = |line: &str| while !runs().contains(line) {};
    let stream = spin();
    wait("\nringfence_runs_now 1\n");
    drop(stream);
    wait("\nringfence_runs_now 0\n");
    let mut stream = spin();
    wait("\nringfence_runs_now 1\n");
    node.signal(Signal::TERM);
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    assert!(text.contains("\"outcome\":\"cancelled\""), "{text}");
    assert_eq!(node.end().code(), Some(0));
}

//! Connections: slow ones end, too many are told, and a server that stops drops no call.

use ringfence_server_tests::Request;
use ringfence_server_tests::client::read;
use ringfence_server_tests::guests::{ECHO, ENDINGS, TALKS};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::calls::until;
use super::plan;

#[tokio::test(flavor = "multi_thread")]
async fn headers_that_do_not_arrive_end_the_connection() {
    let site = plan().config("[listen]\nheader-timeout = \"50ms\"").start().await;
    for begun in ["", "GET /healthz HT", "GET /healthz HTTP/1.1\r\nhost: localhost\r\nx: "] {
        let mut stream = site.client().connect().await;
        stream.write_all(begun.as_bytes()).await.unwrap();
        let mut rest = Vec::new();
        // It ends: read to the end comes back.
        let ended =
            tokio::time::timeout(ringfence_server_tests::PATIENCE, stream.read_to_end(&mut rest)).await;
        assert!(ended.is_ok(), "{begun:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_connection_ends() {
    let site = plan().config("[listen]\nheader-timeout = \"50ms\"").start().await;
    let mut stream = site.client().connect().await;
    let answer = site.client().send_on(&mut stream, &Request::get("/healthz")).await;
    assert_eq!(answer.status, 200);
    let mut rest = Vec::new();
    let ended = tokio::time::timeout(ringfence_server_tests::PATIENCE, stream.read_to_end(&mut rest)).await;
    assert!(ended.is_ok() && rest.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_does_not_read_is_disconnected() {
    let config = "[listen]\nwrite-timeout = \"100ms\"\n[limits]\noutput = \"64MiB\"\ninput = \"64MiB\"\nmemory = \"256MiB\"\n[admission]\nbody-memory = \"64GiB\"";
    let site = plan().config(config).skill("echo", ECHO).start().await;
    let text = format!(r#"{{"text":"{}"}}"#, "x".repeat(30 << 20));
    let mut stream = site.client().begin(&Request::post("/v1/skills/echo/tools/echo").json(&text)).await;
    let metrics = async || site.client().send(Request::get("/metrics")).await.text();
    // Only the one that asks for the metrics is left.
    while !metrics().await.contains("ringfence_connections 1\n") {}
    assert!(read(&mut stream).await.is_none(), "the answer was cut");
}

#[tokio::test(flavor = "multi_thread")]
async fn too_many_connections_are_refused_and_a_freed_one_is_usable() {
    let site = plan().config("[listen]\nconnections = 2\nheader-timeout = \"1h\"").start().await;
    let mut held = Vec::new();
    for _ in 0..2 {
        let mut stream = site.client().connect().await;
        assert_eq!(site.client().send_on(&mut stream, &Request::get("/healthz")).await.status, 200);
        held.push(stream);
    }
    let refused = site.client().send(Request::get("/healthz")).await;
    assert_eq!((refused.status, refused.problem().as_str()), (503, "too-many-connections"));
    held.pop();
    while site.client().send(Request::get("/healthz")).await.status != 200 {}
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_of_one_address() {
    let site = plan().config("[listen]\nconnections-per-address = 1\nheader-timeout = \"1h\"").start().await;
    let mut stream = site.client().connect().await;
    assert_eq!(site.client().send_on(&mut stream, &Request::get("/healthz")).await.status, 200);
    let refused = site.client().send(Request::get("/healthz")).await;
    assert_eq!((refused.status, refused.problem().as_str()), (503, "too-many-connections"));
}

#[tokio::test(flavor = "multi_thread")]
async fn thousands_of_silent_connections_leave_the_server_usable() {
    let site = plan()
        .config("[listen]\nheader-timeout = \"1h\"\nconnections-per-address = 4000")
        .skill("echo", ECHO)
        .start()
        .await;
    let mut held = Vec::new();
    for _ in 0..400 {
        held.push(site.client().connect().await);
    }
    assert_eq!(site.call("echo", "echo", r#"{"text": "hi"}"#).await["value"], "hi");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopping_server_finishes_runs_and_accepts_no_new_calls() {
    let mut site = plan().config("[limits]\ndeadline = \"1h\"").skill("endings", ENDINGS).start().await;
    // About half a second of work.
    let request = Request::post("/v1/skills/endings/tools/spin").json("{}");
    let mut running = site.client().begin(&request).await;
    let mut idle = site.client().connect().await;
    assert_eq!(site.client().send_on(&mut idle, &Request::get("/healthz")).await.status, 200);
    until(|| site.library.host().runs() == 1).await;
    site.tell_to_stop();
    // A connection that waits for its next request is closed.
    assert!(read(&mut idle).await.is_none());
    let report = read(&mut running).await.expect("the report").json();
    assert_eq!(report["outcome"], "out-of-fuel");
    assert!(site.stop().await, "all ended by itself");
    assert!(tokio::net::TcpStream::connect(site.address).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn runs_are_cancelled_and_reported_after_the_shutdown_timeout() {
    let config = "[listen]\nshutdown-timeout = \"50ms\"\n[limits]\ndeadline = \"1h\"\nfuel = 200_000_000_000";
    let mut site = plan().config(config).skill("endings", ENDINGS).skill("talks", TALKS).start().await;
    let mut running = site.client().begin(&Request::post("/v1/skills/endings/tools/spin").json("{}")).await;
    let stream =
        Request::post("/v1/skills/talks/tools/talk-on").json("{}").header("accept", "text/event-stream");
    let mut told = site.client().begin(&stream).await;
    until(|| site.library.host().runs() == 2).await;
    assert!(!site.stop().await, "it was cut short");
    let report = read(&mut running).await.expect("the report").json();
    assert_eq!(report["outcome"], "cancelled");
    let events = ringfence_server_tests::client::events(&read(&mut told).await.expect("the stream").text());
    assert_eq!(events.last().map(|(_, report)| report["outcome"].clone()), Some("cancelled".into()));
    assert_eq!(site.library.host().runs(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_that_are_not_http_do_no_harm() {
    let site = plan().skill("echo", ECHO).start().await;
    let long = format!("GET /{} HTTP/1.1\r\n\r\n", "a".repeat(100_000));
    let many = format!("GET / HTTP/1.1\r\nhost: localhost\r\n{}\r\n", "x: y\r\n".repeat(1_000));
    for bytes in [
        &b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..],
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: localhost\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\n",
        b"POST /mcp HTTP/1.1\r\nhost: localhost\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: localhost\r\nx: a\0b\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"\r\n\r\n\r\n",
        long.as_bytes(),
        many.as_bytes(),
    ] {
        let mut stream = site.client().connect().await;
        let _ = stream.write_all(bytes).await;
        let _ = stream.shutdown().await;
        let mut answer = Vec::new();
        let _ = tokio::time::timeout(ringfence_server_tests::PATIENCE, stream.read_to_end(&mut answer)).await.expect("it ends");
        let answer = String::from_utf8_lossy(&answer);
        assert!(!answer.contains(" 200 "), "{answer}");
        assert!(!answer.contains("HTTP/1.1 5"), "{answer}");
    }
    assert_eq!(site.call("echo", "echo", r#"{"text": "hi"}"#).await["value"], "hi");
}

//! Answers that nobody reads: they take no more memory than their caller's share, and others' are as they were.

use ringfence_server_tests::guests::ECHO;
use ringfence_server_tests::mcp::older;
use ringfence_server_tests::{Answer, Request, Site, client};
use ringfence_store::Scope;
use serde_json::json;
use tokio::net::TcpStream;

use super::plan;

/// More than sockets hold.
const TEXT: usize = 10 << 20;

/// A quarter of the memory is one token's: one answer over MCP, which has the value twice, and not two.
const CONFIG: &str = "[admission]\nanswer-memory = \"160MiB\"\n[listen]\nwrite-timeout = \"1h\"\n\
                      [limits]\ninput = \"16MiB\"\noutput = \"16MiB\"";

/// Sends a call, and waits until its answer begins; returns the status, and the connection with the rest unread.
async fn unread(site: &Site, request: &Request) -> (u16, TcpStream) {
    let stream = site.client().begin(request).await;
    let mut start = [0; 12];
    while stream.peek(&mut start).await.expect("a socket") < start.len() {}
    let start = String::from_utf8_lossy(&start);
    let status = start.strip_prefix("HTTP/1.1 ").and_then(|status| status.parse().ok());
    (status.unwrap_or_else(|| panic!("{start}")), stream)
}

async fn until(site: &Site, request: &Request, status: u16) -> Answer {
    for _ in 0..1_000 {
        let answer = site.client().send(request.clone()).await;
        if answer.status == status {
            return answer;
        }
    }
    panic!("it never answers {status}");
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_that_are_not_read_are_bounded_per_principal() {
    let mut site = plan().tokens().config(CONFIG).skill("echo", ECHO).start().await;
    let other = site.token("bob", &[Scope::Call], &["echo"]);
    site.server.settle().await;
    let text = "x".repeat(TEXT);
    let call = older("tools/call", json!({"name": "echo_echo", "arguments": {"text": text}}));
    let (status, mut first) = unread(&site, &call).await;
    assert_eq!(status, 200);
    let full = until(&site, &call, 503).await;
    assert_eq!(full.problem(), "answers-full");
    assert_eq!(full.header("retry-after"), Some("1"));
    // The same over `/v1`, whose answer has the value once: a few fit beside it at most.
    let plain = Request::post("/v1/skills/echo/tools/echo").json(&json!({"text": text}).to_string());
    let mut others = Vec::new();
    let mut refused = loop {
        match unread(&site, &plain).await {
            (200, stream) => others.push(stream),
            (_, stream) => break stream,
        }
        assert!(others.len() < 4, "their sum has no bound");
    };
    let full = client::read(&mut refused).await.expect("an answer");
    assert_eq!((full.status, full.problem().as_str()), (503, "answers-full"));
    // Another principal has its own share.
    let small = Request::post("/v1/skills/echo/tools/echo").json(r#"{"text":"hi"}"#);
    assert_eq!(site.client_with(Some(&other)).send(call.clone()).await.status, 200);
    assert_eq!(site.client_with(Some(&other)).send(small).await.json()["value"], "hi");
    // What is read, or never will be, is room again.
    let answer = client::read(&mut first).await.expect("an answer");
    assert!(answer.body.len() > 2 * TEXT, "{}", answer.body.len());
    drop(others);
    until(&site, &call, 200).await;
    site.tell_to_stop();
}

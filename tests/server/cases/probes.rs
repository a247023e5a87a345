//! Whoever probes, asks in unusual ways, or is refused by the HTTP layer itself, gets the answer that it can use.

use ringfence_server_tests::Request;
use ringfence_server_tests::client::{events, read};
use ringfence_server_tests::guests::{ECHO, ENDINGS, TALKS};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;

use super::plan;

#[tokio::test(flavor = "multi_thread")]
async fn probes_are_answered_whatever_their_host() {
    let site = plan().skill("echo", ECHO).start().await;
    for path in ["/healthz", "/readyz"] {
        for host in ["10.244.0.5:7420", "evil.example", "[fe80::1]:80", ""] {
            let answer = site.client().send(Request::get(path).header("host", host)).await;
            assert_eq!(answer.status, 200, "{path} {host}: {}", answer.text());
        }
        let page = Request::get(path).header("host", "10.244.0.5").header("origin", "https://evil.example");
        assert_eq!(site.client().send(page).await.status, 403, "a page is still none that may call");
    }
    for path in ["/v1/skills", "/mcp", "/metrics", "/healthz/", "/v1/openapi.json"] {
        let answer = site.client().send(Request::get(path).header("host", "10.244.0.5:7420")).await;
        assert_eq!((answer.status, answer.problem().as_str()), (403, "host-not-allowed"), "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_of_the_http_layer_are_problems() {
    let site = plan().start().await;
    let many: String = (0..200).map(|i| format!("x-{i}: y\r\n")).collect();
    let rows = [
        ("no HTTP at all\r\n\r\n".to_owned(), 400, "bad-request"),
        ("GET /healthz HTTP/9.9\r\nhost: localhost\r\n\r\n".to_owned(), 400, "bad-request"),
        ("GET /healthz HTTP/1.1\r\nhost: localhost\r\nbad header\r\n\r\n".to_owned(), 400, "bad-request"),
        (format!("GET /{} HTTP/1.1\r\nhost: localhost\r\n\r\n", "a".repeat(66_000)), 414, "uri-too-long"),
        (format!("GET / HTTP/1.1\r\nhost: localhost\r\n{many}\r\n"), 431, "headers-too-large"),
        (
            format!("GET / HTTP/1.1\r\nhost: localhost\r\nx: {}\r\n\r\n", "a".repeat(200_000)),
            431,
            "headers-too-large",
        ),
    ];
    for (text, status, code) in rows {
        let mut stream = site.client().connect().await;
        let _ = stream.write_all(text.as_bytes()).await;
        let answer = read(&mut stream).await.expect("an answer");
        let shown = text.chars().take(60).collect::<String>();
        assert_eq!(answer.status, status, "{shown}: {}", answer.text());
        assert_eq!(answer.problem(), code, "{shown}");
        assert_eq!(answer.header("connection"), Some("close"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_asks_proxies_not_to_keep_it_back() {
    let site = plan().skill("talks", TALKS).start().await;
    let request = Request::post("/v1/skills/talks/tools/talk")
        .json(r#"{"times": 1}"#)
        .header("accept", "text/event-stream");
    let answer = site.client().send(request).await;
    assert_eq!(answer.header("x-accel-buffering"), Some("no"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tool_without_parameters_needs_no_body() {
    let site = plan().skill("endings", ENDINGS).start().await;
    let call = |tool: &str| Request::post(&format!("/v1/skills/endings/tools/{tool}"));
    for body in ["", " \r\n", "\u{FEFF}", "{}", "\u{FEFF}{}"] {
        for request in [call("nothing").body(body.as_bytes()), call("nothing").json(body)] {
            let answer = site.client().send(request).await;
            assert_eq!((answer.status, &answer.json()["outcome"]), (200, &json!("completed")), "{body:?}");
        }
    }
    let answer = site.client().send(call("number").json("")).await;
    assert_eq!((answer.status, answer.problem().as_str()), (422, "input-mismatch"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_byte_order_mark_is_skipped() {
    let site = plan().skill("echo", ECHO).start().await;
    let call = |body: &str| Request::post("/v1/skills/echo/tools/echo").json(body);
    let answer = site.client().send(call("\u{FEFF}{\"text\":\"hi\"}")).await;
    assert_eq!(answer.json()["value"], "hi");
    let answer = site.client().send(call("\u{FEFF}\u{FEFF}{\"text\":\"hi\"}")).await;
    assert_eq!((answer.status, answer.problem().as_str()), (422, "input-mismatch"), "one is enough");
    let answer = site.client().send(ping("\u{FEFF}", None)).await;
    assert_eq!(answer.json(), json!({"jsonrpc": "2.0", "id": 1, "result": {}}));
}

fn ping(before: &str, accept: Option<&str>) -> Request {
    let body = format!("{before}{}", json!({"jsonrpc": "2.0", "id": 1, "method": "ping"}));
    let request = Request::post("/mcp").header("mcp-protocol-version", "2025-06-18").json(&body);
    match accept {
        Some(accept) => request.header("accept", accept),
        None => request,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn mcp_answers_in_every_accepted_content_type() {
    let site = plan().skill("talks", TALKS).start().await;
    let pong = json!({"jsonrpc": "2.0", "id": 1, "result": {}});
    let json_kinds = [
        None,
        Some("application/json"),
        Some("*/*"),
        Some("application/*"),
        Some("application/json, text/event-stream"),
        Some("text/event-stream, application/json;q=0.5"),
        Some("text/html, */*;q=0.1"),
    ];
    for accept in json_kinds {
        let answer = site.client().send(ping("", accept)).await;
        assert_eq!(answer.header("content-type"), Some("application/json"), "{accept:?}");
        assert_eq!((answer.status, answer.json()), (200, pong.clone()), "{accept:?}");
    }
    for accept in ["text/event-stream", "text/*", "text/event-stream, application/json;q=0"] {
        let answer = site.client().send(ping("", Some(accept))).await;
        assert_eq!(answer.header("content-type"), Some("text/event-stream"), "{accept}");
        assert_eq!(answer.header("x-accel-buffering"), Some("no"));
        assert_eq!(events(&answer.text()), [("message".to_owned(), pong.clone())], "{accept}");
    }
    for accept in ["text/html", "application/json;q=0", "*/*;q=0.0"] {
        let answer = site.client().send(ping("", Some(accept))).await;
        assert_eq!((answer.status, answer.problem().as_str()), (406, "not-acceptable"), "{accept}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn progress_is_left_out_where_there_can_be_no_stream() {
    let site = plan().skill("talks", TALKS).start().await;
    let params = json!({"name": "talks_talk", "arguments": {"times": 2}, "_meta": {"progressToken": 1}});
    let body = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}).to_string();
    let call = |accept: &str| Request::post("/mcp").header("accept", accept).json(&body);
    let answer = site.client().send(call("application/json")).await;
    assert_eq!(answer.json()["result"]["isError"], false, "{}", answer.text());
    let answer = site.client().send(call("text/event-stream")).await;
    let methods: Vec<Value> =
        events(&answer.text()).into_iter().map(|(_, message)| message["method"].clone()).collect();
    let progress = json!("notifications/progress");
    assert_eq!(methods, [progress.clone(), progress, Value::Null], "{}", answer.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_of_the_mcp_transport_are_problems() {
    let site = plan().start().await;
    for method in ["GET", "DELETE", "PUT"] {
        let answer = site.client().send(Request::new(method, "/mcp")).await;
        assert_eq!((answer.status, answer.header("allow")), (405, Some("POST")), "{method}");
        assert_eq!(answer.problem(), "method-not-allowed");
    }
    let plain = Request::post("/mcp").header("content-type", "text/plain").body(b"{}");
    let bare = Request::post("/mcp").body(b"{}");
    for request in [plain, bare] {
        let answer = site.client().send(request).await;
        assert_eq!((answer.status, answer.problem().as_str()), (415, "unsupported-media-type"));
    }
    let body = json!({"jsonrpc": "2.0", "id": 1, "method": "ping"}).to_string();
    for version in ["2020-01-01", "x", "2026-07-29"] {
        let request = Request::post("/mcp").header("mcp-protocol-version", version).json(&body);
        let answer = site.client().send(request).await;
        assert_eq!((answer.status, answer.problem().as_str()), (400, "bad-request"), "{version}");
        assert!(answer.text().contains("send one of 2024-11-05"), "{}", answer.text());
    }
}

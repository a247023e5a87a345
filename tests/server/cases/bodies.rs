//! Bodies: too large is told before it is read, too slow ends, and a strange one costs nobody anything.

use ringfence_server_tests::guests::{ECHO, component};
use ringfence_server_tests::{Request, mcp};
use ringfence_store::Policy;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::plan;

#[tokio::test(flavor = "multi_thread")]
async fn a_body_declared_too_large_is_not_read() {
    let site = plan().skill("echo", ECHO).start().await;
    let huge = (100_u64 << 20).to_string();
    for request in [
        Request::put("/v1/skills/new"),
        Request::post("/v1/skills/echo/tools/echo").header("content-type", "application/json"),
        mcp::message("tools/list", json!({})).body(b""),
        Request::post("/v1/skills/echo/rollback"),
    ] {
        // Nothing of the body is ever sent.
        let answer = site.client().send(request.header("content-length", &huge).body(b"")).await;
        assert_eq!((answer.status, answer.problem().as_str()), (413, "body-too-large"));
    }
    // Nor is a client told to go on that asks before it sends.
    let request =
        Request::put("/v1/skills/new").header("content-length", &huge).header("expect", "100-continue");
    assert_eq!(site.client().send(request).await.status, 413);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_of_unknown_size_is_cut_at_the_cap() {
    let site = plan().config("[limits]\ninput = 1000").skill("echo", ECHO).start().await;
    let chunk = format!("400\r\n{}\r\n", "x".repeat(1024));
    let request = Request::post("/v1/skills/echo/tools/echo")
        .header("content-type", "application/json")
        .header("transfer-encoding", "chunked")
        .body(chunk.as_bytes());
    let answer = site.client().send(request).await;
    assert_eq!((answer.status, answer.problem().as_str()), (413, "body-too-large"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_at_the_stores_cap_and_one_byte_over() {
    let site = plan().start().await;
    let bytes = component(ECHO);
    let mut policy = Policy::default();
    policy.upload = bytes.len() as u64;
    site.store().set_policy(&policy).unwrap();
    let put = |bytes: &[u8]| Request::put("/v1/skills/new").body(bytes).header("prefer", "wait=60");
    assert_eq!(site.client().send(put(&bytes)).await.status, 201);
    let mut more = bytes.clone();
    more.push(0);
    let answer = site.client().send(put(&more)).await;
    assert_eq!((answer.status, answer.problem().as_str()), (413, "body-too-large"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_does_not_arrive_times_out() {
    let config = "[listen]\nbody-timeout = \"50ms\"\nupload-timeout = \"50ms\"";
    let site = plan().config(config).skill("echo", ECHO).start().await;
    for request in [
        Request::put("/v1/skills/new"),
        Request::post("/v1/skills/echo/tools/echo").header("content-type", "application/json"),
        mcp::message("tools/list", json!({})).body(b""),
    ] {
        let answer = site.client().send(request.header("content-length", "1000").body(b"{")).await;
        assert_eq!((answer.status, answer.problem().as_str()), (408, "body-timeout"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_incomplete_body_starts_no_call() {
    let site = plan().skill("echo", ECHO).start().await;
    let request = Request::post("/v1/skills/echo/tools/echo").header("content-length", "1000").json("{}");
    let mut stream = site.client().begin(&request).await;
    stream.shutdown().await.unwrap();
    // Until the server has done with it. It need not answer somebody who has closed, and answers nothing else.
    let mut said = Vec::new();
    stream.read_to_end(&mut said).await.unwrap();
    assert!(said.is_empty() || said.starts_with(b"HTTP/1.1 400 "), "{}", String::from_utf8_lossy(&said));
    let metrics = site.client().send(Request::get("/metrics")).await.text();
    assert!(metrics.contains("ringfence_runs_total{result=\"completed\"} 0"), "{metrics}");
}

#[tokio::test(flavor = "multi_thread")]
async fn deep_and_huge_json() {
    let site = plan().skill("echo", ECHO).start().await;
    let deep = "[".repeat(500_000);
    let huge = format!("{{\"text\":[{}1]}}", "1,".repeat(500_000));
    for body in [&deep, &huge] {
        let answer = site.client().send(Request::post("/v1/skills/echo/tools/echo").json(body)).await;
        assert_eq!((answer.status, answer.problem().as_str()), (422, "input-mismatch"));
        let answer = site
            .client()
            .send(mcp::message("tools/call", json!({"name": "echo_echo"})).json("").body(body.as_bytes()))
            .await;
        assert!((400..500).contains(&answer.status), "{}", answer.status);
    }
    // And the server is as it was.
    assert_eq!(site.call("echo", "echo", r#"{"text": "hi"}"#).await["value"], "hi");
}

/// Whoever sends a list of codings would have the body decoded, and a proxy may see its end elsewhere.
#[tokio::test(flavor = "multi_thread")]
async fn only_chunked_alone_frames_a_body() {
    let site = plan().skill("echo", ECHO).start().await;
    let body = b"d\r\n{\"text\":\"hi\"}\r\n0\r\n\r\n";
    let call = |codings: &[&str]| {
        let request =
            Request::post("/v1/skills/echo/tools/echo").header("content-type", "application/json").body(body);
        codings.iter().fold(request, |request, coding| request.header("transfer-encoding", coding))
    };
    let answer = site.client().send(call(&["Chunked"])).await;
    assert_eq!(answer.json()["value"], "hi");
    let refused: [&[&str]; 6] = [
        &["gzip, chunked"],
        &["gzip", "chunked"],
        &["chunked, chunked"],
        &["chunked", "chunked"],
        &["identity, chunked"],
        &["gzip"],
    ];
    for codings in refused {
        for request in [
            call(codings),
            codings.iter().fold(mcp::older("tools/list", json!({})), |request, coding| {
                request.header("transfer-encoding", coding).body(body)
            }),
        ] {
            let mut stream = site.client().connect().await;
            let answer = site.client().send_on(&mut stream, &request).await;
            assert_eq!((answer.status, answer.problem().as_str()), (400, "bad-request"), "{codings:?}");
            let mut rest = Vec::new();
            let _ = stream.read_to_end(&mut rest).await;
            assert!(rest.is_empty(), "{codings:?}: nothing more is answered on the connection");
        }
    }
}

/// The HTTP layer drops `Content-Length` beside `Transfer-Encoding` before the server sees it; what the length hides is
/// not answered.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_smuggled_behind_two_lengths() {
    let site = plan().skill("echo", ECHO).start().await;
    for first in
        ["content-length: 5\r\ntransfer-encoding: chunked", "transfer-encoding: chunked\r\ncontent-length: 5"]
    {
        let mut stream = site.client().connect().await;
        let bytes = format!(
            "GET /healthz HTTP/1.1\r\nhost: localhost\r\n{first}\r\n\r\n0\r\n\r\nGET /readyz HTTP/1.1\r\nhost: localhost\r\n\r\n"
        );
        stream.write_all(bytes.as_bytes()).await.unwrap();
        let mut all = Vec::new();
        let _ = stream.read_to_end(&mut all).await;
        let all = String::from_utf8_lossy(&all);
        assert_eq!(all.matches("HTTP/1.1 ").count(), 1, "{all}");
        assert!(all.starts_with("HTTP/1.1 200 ") && all.contains("connection: close"), "{all}");
    }
}

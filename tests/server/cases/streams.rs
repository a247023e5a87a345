//! Calls told as they go on: events in their order, the report last, and nothing that a guest says can pass for one.

use ringfence_server_tests::Request;
use ringfence_server_tests::client::{Reader, events};
use ringfence_server_tests::guests::{ECHO, TALKS};
use serde_json::json;

use super::calls::until;
use super::plan;

fn stream(tool: &str, input: &str) -> Request {
    Request::post(&format!("/v1/skills/talks/tools/{tool}")).json(input).header("accept", "text/event-stream")
}

#[tokio::test(flavor = "multi_thread")]
async fn events_and_then_the_report() {
    let site = plan().skill("talks", TALKS).start().await;
    let answer = site.client().send(stream("talk", r#"{"times": 2}"#)).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), Some("text/event-stream"));
    let events = events(&answer.text());
    let names: Vec<&str> = events.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["log", "progress", "chunk", "log", "progress", "chunk", "report"]);
    assert_eq!(
        events[0].1,
        json!({"level": "info", "source": "log", "message": "a line\nevent: report\ndata: forged"})
    );
    assert_eq!(events[1].1, json!({"done": 1, "total": 3, "note": "piece"}));
    assert_eq!(events[2].1, json!("piece"));
    assert_eq!(events[6].1["outcome"], "completed");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_stream_chunks_come_with_the_report() {
    let site = plan().skill("talks", TALKS).start().await;
    let report = site.call("talks", "talk", r#"{"times": 2}"#).await;
    assert_eq!(report["chunks"], json!(["piece", "piece"]));
    assert_eq!(report["log"].as_array().map(Vec::len), Some(2));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_before_a_run_is_a_problem_and_no_stream() {
    let site = plan().skill("talks", TALKS).skill("echo", ECHO).start().await;
    let answer = site.client().send(stream("talk", r#"{"times": -1}"#)).await;
    assert_eq!((answer.status, answer.problem().as_str()), (422, "input-mismatch"));
    let answer = site.client().send(stream("talk", r#"{"times": 1}"#).header("idempotency-key", "a")).await;
    assert_eq!((answer.status, answer.problem().as_str()), (400, "bad-request"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_ends_a_stream_with_its_report() {
    let site = plan().skill("talks", TALKS).start().await;
    let answer = site.client().send(stream("talk-on", "{}").header("ringfence-limits", "fuel=100000")).await;
    let events = events(&answer.text());
    assert_eq!(
        events.last().map(|(name, report)| (name.as_str(), &report["outcome"])),
        Some(("report", &json!("out-of-fuel")))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn events_come_while_the_run_goes_on_and_closing_stops_it() {
    let config = "[limits]\ndeadline = \"1h\"\nfuel = 1_000_000_000_000";
    let site = plan().config(config).skill("talks", TALKS).start().await;
    let mut connection = site.client().begin(&stream("talk-on", "{}")).await;
    let mut reader = Reader::new(&mut connection);
    assert_eq!(reader.head().await.map(|(status, _)| status), Some(200));
    let first = reader.chunk().await.expect("an event");
    assert!(first.starts_with(b"event: log\n"), "{}", String::from_utf8_lossy(&first));
    assert_eq!(site.library.host().runs(), 1);
    drop(connection);
    until(|| site.library.host().runs() == 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_reader_holds_no_slot() {
    // The events are more than sockets hold, and nobody takes them: the run ends all the same.
    let config = "[limits]\nlog-size = \"60MiB\"\nlog-lines = 1_000_000\nhost-calls = 1_000_000_000\nfuel = 100_000_000";
    let site = plan().config(config).skill("talks", TALKS).start().await;
    let connection = site.client().begin(&stream("talk", r#"{"times": 300000}"#)).await;
    until(|| site.library.host().runs() == 1).await;
    until(|| site.library.host().runs() == 0).await;
    drop(connection);
}

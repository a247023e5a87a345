//! Calls: every way for a run to end is a report with status 200; what is no run is a problem with its code.

use ringfence_server_tests::guests::{ECHO, ENDINGS};
use ringfence_server_tests::{Answer, Request, Site};
use serde_json::json;

use super::plan;

async fn site() -> Site {
    plan()
        .config("[limits]\ndeadline = \"1m\"\nmemory = \"1MiB\"")
        .skill("echo", ECHO)
        .skill("endings", ENDINGS)
        .start()
        .await
}

fn call(tool: &str, input: &str) -> Request {
    Request::post(&format!("/v1/skills/endings/tools/{tool}")).json(input)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_report_is_200() {
    let site = site().await;
    let rows = [
        ("nothing", "", "completed"),
        ("fail", "", "failed"),
        ("trap", "", "trapped"),
        ("spin", "fuel=1000", "out-of-fuel"),
        ("spin", "deadline=20ms", "deadline-exceeded"),
        ("grow", "", "memory-limit"),
        ("big", "output=100", "output-limit"),
    ];
    for (tool, limits, outcome) in rows {
        let request = call(tool, "{}").header("ringfence-limits", limits);
        let answer = site.client().send(request).await;
        assert_eq!(answer.status, 200, "{tool}: {answer:?}");
        assert_eq!(answer.header("content-type"), Some("application/json"));
        let report = answer.json();
        assert_eq!(report["outcome"], outcome, "{report}");
        assert_eq!(report["tool"], tool);
        assert!(report["usage"]["fuel"].is_u64(), "{report}");
    }
    let report = site.call("echo", "echo", r#"{"text": "grüß"}"#).await;
    assert_eq!(report["value"], "grüß");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_before_a_run_is_a_problem() {
    let site = site().await;
    let rows = [
        (call("number", r#"{"n": 1.5}"#), 422, "input-mismatch"),
        (call("number", "{}"), 422, "input-mismatch"),
        (call("number", r#"{"n": 1, "n": 2}"#), 422, "input-mismatch"),
        (call("number", "{"), 422, "input-mismatch"),
        (call("number", ""), 422, "input-mismatch"),
        (call("number", &"[".repeat(100_000)), 422, "input-mismatch"),
        (call("gone", "{}"), 404, "no-such-tool"),
        (Request::post("/v1/skills/gone/tools/echo").json("{}"), 404, "no-such-skill"),
        (Request::post("/v1/skills/..%2f..%2fetc/tools/echo").json("{}"), 404, "no-such-skill"),
        (Request::post("/v1/skills/echo@9/tools/echo").json("{}"), 404, "no-such-version"),
        (Request::post("/v1/skills/echo@%00/tools/echo").json("{}"), 400, "bad-reference"),
        (Request::get("/v1/skills/echo/tools/echo"), 405, "method-not-allowed"),
        (Request::get("/v1/skills/%ff"), 400, "bad-request"),
        (Request::get("/v2"), 404, "no-such-resource"),
        (call("nothing", "{}").header("accept", "text/html"), 406, "not-acceptable"),
        (
            Request::post("/v1/skills/endings/tools/nothing")
                .body(b"{}")
                .header("content-type", "text/plain"),
            415,
            "unsupported-media-type",
        ),
        (call("nothing", "{}").header("content-encoding", "gzip"), 415, "unsupported-encoding"),
        (
            Request::post("/v1/skills/endings/tools/nothing").json("").body(b"{\"a\": \"\xff\"}"),
            400,
            "bad-request",
        ),
        (call("nothing", "{}").header("ringfence-limits", "fuel"), 400, "bad-limit"),
        (call("nothing", "{}").header("ringfence-limits", "fuel=0"), 400, "bad-limit"),
        (call("nothing", "{}").header("ringfence-limits", "threads=1"), 400, "bad-limit"),
        (call("nothing", "{}").header("ringfence-limits", "deadline=soon"), 400, "bad-limit"),
    ];
    for (request, status, code) in rows {
        let answer = site.client().send(request.clone()).await;
        assert_eq!(
            (answer.status, answer.problem().as_str()),
            (status, code),
            "{request:?}: {}",
            answer.text()
        );
    }
    let answer = site.client().send(call("number", r#"{"n": "x"}"#)).await;
    assert_eq!(answer.json()["pointer"], "/n");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_can_lower_limits_but_not_raise_them() {
    let site = site().await;
    let ask = async |limits: &str| {
        site.client().send(call("nothing", "{}").header("ringfence-limits", limits)).await
    };
    let all = "fuel=1000000000, deadline=1m, memory=1MiB, table-elements=100000, input-size=1MiB, \
               output-size=1MiB, log-lines=1000, log-size=64KiB, host-calls=10000";
    let report = ask(all).await;
    assert_eq!(report.status, 200, "{}", report.text());
    for part in all.split(", ") {
        let (name, value) = part.split_once('=').unwrap();
        let more = match value {
            "1m" => "60001ms".to_owned(),
            "1MiB" => (1024 * 1024 + 1).to_string(),
            "64KiB" => (64 * 1024 + 1).to_string(),
            number => (number.parse::<u64>().unwrap() + 1).to_string(),
        };
        let answer = ask(&format!("{name}={more}")).await;
        assert_eq!((answer.status, answer.problem().as_str()), (400, "limit-raised"), "{name}={more}");
    }
    let report = ask("input=100, output=200").await.json();
    let (input, output) = (&report["limits"]["input_size"], &report["limits"]["output_size"]);
    assert_eq!((input, output), (&json!(100), &json!(200)), "older names");
    let report = ask("fuel=12345, memory=64KiB").await.json();
    assert_eq!((&report["limits"]["fuel"], &report["limits"]["memory"]), (&json!(12345), &json!(65536)));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_input_at_its_limit_and_one_byte_over() {
    let site = plan().config("[limits]\ninput = 100").skill("echo", ECHO).start().await;
    let text = |size: usize| format!(r#"{{"text":"{}"}}"#, "x".repeat(size - 11));
    let report = site.call("echo", "echo", &text(100)).await;
    assert_eq!(report["outcome"], "completed");
    let answer = site.client().send(Request::post("/v1/skills/echo/tools/echo").json(&text(101))).await;
    assert_eq!((answer.status, answer.problem().as_str()), (413, "body-too-large"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_skill_has_limits_of_its_own() {
    let config = "[limits]\nfuel = 1_000_000\n[skill.endings.limits]\nfuel = 1_000";
    let site = plan().config(config).skill("endings", ENDINGS).skill("other", ENDINGS).start().await;
    assert_eq!(site.call("endings", "spin", "{}").await["limits"]["fuel"], 1_000);
    assert_eq!(site.call("other", "spin", "{}").await["limits"]["fuel"], 1_000_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_that_disconnects_stops_its_run() {
    let site = site().await;
    let stream = site.client().begin(&call("spin", "{}")).await;
    until(|| site.library.host().runs() == 1).await;
    drop(stream);
    until(|| site.library.host().runs() == 0).await;
    let metrics = site.client().send(Request::get("/metrics")).await.text();
    assert!(metrics.contains("ringfence_runs_total{result=\"cancelled\"} 1"), "{metrics}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_byte_of_a_next_request_does_not_keep_a_run_alive() {
    let site = site().await;
    for more in [&b"G"[..], b"\r\n", b"POST /v1/skills/endings/tools/nothing HTTP/1.1\r\n"] {
        let mut bytes = call("spin", "{}").header("ringfence-limits", "fuel=1000000000").bytes(None);
        bytes.extend_from_slice(more);
        let mut stream = site.client().connect().await;
        tokio::io::AsyncWriteExt::write_all(&mut stream, &bytes).await.unwrap();
        until(|| site.library.host().runs() == 1).await;
        let before = std::time::Instant::now();
        drop(stream);
        until(|| site.library.host().runs() == 0).await;
        // Far from what the run would have taken: its fuel and its deadline of a minute.
        assert!(before.elapsed() < std::time::Duration::from_secs(30));
    }
}

/// Waits until something is so.
pub(crate) async fn until(so: impl Fn() -> bool) {
    let waited = tokio::time::timeout(ringfence_server_tests::PATIENCE, async {
        while !so() {
            tokio::task::yield_now().await;
        }
    });
    waited.await.expect("it comes to be so");
}

/// Waits until a line of the metrics is so; each look is a request of its own.
pub(crate) async fn until_shown(site: &Site, line: &str) {
    let line = format!("{line}\n");
    let waited = tokio::time::timeout(ringfence_server_tests::PATIENCE, async {
        while !site.client().send(Request::get("/metrics")).await.text().contains(&line) {
            tokio::task::yield_now().await;
        }
    });
    waited.await.unwrap_or_else(|_| panic!("the metrics never say {line}"));
}

/// Sends a request until its answer has another status; gives that answer.
pub(crate) async fn until_not(site: &Site, request: impl Fn() -> Request, status: u16) -> Answer {
    let waited = tokio::time::timeout(ringfence_server_tests::PATIENCE, async {
        loop {
            let answer = site.client().send(request()).await;
            if answer.status != status {
                return answer;
            }
            tokio::task::yield_now().await;
        }
    });
    waited.await.unwrap_or_else(|_| panic!("every answer has status {status}"))
}

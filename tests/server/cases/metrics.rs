//! What an operator sees: every outcome and every denial is counted, and no guest text is in it.

use ringfence_server_tests::Request;
use ringfence_server_tests::guests::{ECHO, ENDINGS};

use super::plan;

#[tokio::test(flavor = "multi_thread")]
async fn runs_denials_and_slots_are_counted() {
    let site = plan().runs(7).config("[limits]\nfuel = 100_000").skill("endings", ENDINGS).start().await;
    for tool in ["nothing", "nothing", "fail", "trap", "spin"] {
        site.call("endings", tool, "{}").await;
    }
    site.client().send(Request::post("/v1/skills/endings/tools/evil-name%0a").json("{}")).await;
    let answer = site.client().send(Request::get("/metrics")).await;
    assert_eq!(
        answer.header("content-type"),
        Some("application/openmetrics-text; version=1.0.0; charset=utf-8")
    );
    let text = answer.text();
    for line in [
        "ringfence_runs_total{result=\"completed\"} 2",
        "ringfence_runs_total{result=\"failed\"} 1",
        "ringfence_runs_total{result=\"trapped\"} 1",
        "ringfence_runs_total{result=\"out-of-fuel\"} 1",
        "ringfence_runs_total{result=\"cancelled\"} 0",
        "ringfence_denials_total{code=\"no-such-tool\"} 1",
        "ringfence_run_seconds_count 5",
        "ringfence_run_fuel_count 5",
        "ringfence_places 7",
        "ringfence_places_taken 0",
        "ringfence_queue 0",
        "ringfence_memory_reserved_bytes 0",
        "ringfence_skills 1",
        "# TYPE ringfence_code_bytes gauge",
        "# EOF",
    ] {
        assert!(text.lines().any(|known| known == line), "{line}\n{text}");
    }
    assert!(!text.contains("evil"), "{text}");
    // Those of the requests before are closed, and this one is open.
    let now = async || site.client().send(Request::get("/metrics")).await.text();
    while !now().await.lines().any(|line| line == "ringfence_connections 1") {}
}

#[tokio::test(flavor = "multi_thread")]
async fn submissions_and_compilations_are_counted() {
    let site = plan().start().await;
    let put = |bytes: &[u8]| Request::put("/v1/skills/s").body(bytes).header("prefer", "wait=60");
    site.client().send(put(&ringfence_server_tests::guests::component(ECHO))).await;
    site.client().send(put(b"not wasm")).await;
    let text = site.client().send(Request::get("/metrics")).await.text();
    assert!(text.contains("ringfence_submissions_total{result=\"taken\"} 1"), "{text}");
    assert!(text.contains("ringfence_compiles_total 1"), "{text}");
    assert!(text.contains("ringfence_submissions_total{result=\"refused\"} 1"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_are_public_if_configured() {
    let site = plan().tokens().config("[metrics]\npublic = true").start().await;
    assert_eq!(site.client_with(None).send(Request::get("/metrics")).await.status, 200);
}

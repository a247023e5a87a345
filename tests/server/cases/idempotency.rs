//! The same call with the same key gives the first report, also to whoever asks while it runs.

use ringfence_server_tests::Request;
use ringfence_server_tests::guests::{ENDINGS, component};
use ringfence_store::Scope;

use super::calls::until;
use super::plan;

fn number(key: &str, input: &str) -> Request {
    Request::post("/v1/skills/endings/tools/number").json(input).header("idempotency-key", key)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_call_gets_the_first_report() {
    let site = plan().skill("endings", ENDINGS).start().await;
    let client = site.client();
    let first = client.send(number("a", r#"{"n": 1}"#)).await;
    let second = client.send(number("a", r#"{"n": 1}"#)).await;
    assert_eq!((first.status, second.status), (200, 200));
    assert_eq!(first.json()["run"], second.json()["run"]);
    assert_eq!(
        (first.header("idempotent-replayed"), second.header("idempotent-replayed")),
        (Some("false"), Some("true"))
    );
    let other = client.send(number("b", r#"{"n": 1}"#)).await;
    assert_ne!(first.json()["run"], other.json()["run"]);
    let reused = client.send(number("a", r#"{"n": 2}"#)).await;
    assert_eq!((reused.status, reused.problem().as_str()), (422, "idempotency-key-reused"));
    let lowered = client.send(number("a", r#"{"n": 1}"#).header("ringfence-limits", "fuel=5")).await;
    assert_eq!((lowered.status, lowered.problem().as_str()), (422, "idempotency-key-reused"));
}

#[tokio::test(flavor = "multi_thread")]
async fn only_reports_are_kept_for_a_key() {
    let site = plan().skill("endings", ENDINGS).start().await;
    for _ in 0..2 {
        let answer = site.client().send(number("a", r#"{"n": -1}"#)).await;
        assert_eq!((answer.status, answer.problem().as_str()), (422, "input-mismatch"));
    }
    // Nor is the key burnt by it.
    let mended = site.client().send(number("a", r#"{"n": 1}"#)).await;
    assert_eq!((mended.status, mended.header("idempotent-replayed")), (200, Some("false")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retry_after_a_new_version_gets_the_first_report() {
    let site = plan().start().await;
    let put =
        |wat: &str| Request::put("/v1/skills/endings").body(&component(wat)).header("prefer", "wait=60");
    assert_eq!(site.client().send(put(ENDINGS)).await.status, 201);
    let first = site.client().send(number("a", r#"{"n": 1}"#)).await.json();
    // The same tools, and other bytes.
    let other =
        ENDINGS.replace("(i32.const 5000))\n      (i32.const 0))", "(i32.const 5001))\n      (i32.const 0))");
    assert_eq!(site.client().send(put(&other)).await.json()["receipt"]["version"], "2");
    let again = site.client().send(number("a", r#"{"n": 1}"#)).await;
    assert_eq!(again.json()["run"], first["run"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeat_waits_and_runs_if_the_first_caller_disconnected() {
    let config = "[limits]\ndeadline = \"1h\"\nfuel = 1_000_000_000_000";
    let site = plan().config(config).skill("endings", ENDINGS).start().await;
    let spin = || {
        Request::post("/v1/skills/endings/tools/spin")
            .json("{}")
            .header("idempotency-key", "a")
            .header("ringfence-limits", "fuel=2000000000")
    };
    let first = site.client().begin(&spin()).await;
    until(|| site.library.host().runs() == 1).await;
    let client = site.client();
    let second = tokio::spawn(async move { client.send(spin()).await });
    drop(first);
    // Nobody else is there to run it now.
    let second = second.await.unwrap();
    assert_eq!(second.status, 200);
    assert_eq!(second.header("idempotent-replayed"), Some("false"));
    assert_eq!(second.json()["outcome"], "out-of-fuel");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_principal_has_its_own_keys() {
    let site = plan().tokens().skill("endings", ENDINGS).start().await;
    let other = site.token("bob", &[Scope::Call], &["*"]);
    site.server.settle().await;
    let mine = site.client().send(number("a", r#"{"n": 1}"#)).await.json();
    let theirs = site.client_with(Some(&other)).send(number("a", r#"{"n": 1}"#)).await.json();
    assert_ne!(mine["run"], theirs["run"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn kept_reports_are_bounded() {
    // Room for one report and not for two.
    let site = plan().config("[idempotency]\nsize = 2000").skill("endings", ENDINGS).start().await;
    let client = site.client();
    let first = client.send(number("a", r#"{"n": 1}"#)).await.json();
    assert_eq!(client.send(number("a", r#"{"n": 1}"#)).await.json()["run"], first["run"]);
    client.send(number("b", r#"{"n": 1}"#)).await;
    assert_ne!(client.send(number("a", r#"{"n": 1}"#)).await.json()["run"], first["run"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_have_a_grammar() {
    let site = plan().skill("endings", ENDINGS).start().await;
    let longest = "k".repeat(255);
    assert_eq!(site.client().send(number(&longest, r#"{"n": 1}"#)).await.status, 200);
    for key in ["", "ä", &"k".repeat(256)] {
        let answer = site.client().send(number(key, r#"{"n": 1}"#)).await;
        assert_eq!((answer.status, answer.problem().as_str()), (400, "bad-request"), "{key}");
    }
    let twice = number("a", r#"{"n": 1}"#).header("idempotency-key", "b");
    assert_eq!(site.client().send(twice).await.status, 400);
}

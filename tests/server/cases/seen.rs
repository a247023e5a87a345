//! What an operator reads of calls and changes: one record each, with who, what and the cost, and nothing that was said.

use ringfence_server::Source;
use ringfence_server_tests::guests::{ECHO, ENDINGS, TALKS, component};
use ringfence_server_tests::log::{begin, records};
use ringfence_server_tests::mcp::{message, older};
use ringfence_server_tests::{Client, Request, Site};
use ringfence_store::{Scope, Store, Submit};
use serde_json::{Value, json};

use super::calls::until;
use super::plan;

const CALLS: &str = "ringfence::calls";
const CHANGES: &str = "ringfence::changes";

fn call(skill: &str, tool: &str, input: &str) -> Request {
    Request::post(&format!("/v1/skills/{skill}/tools/{tool}")).json(input)
}

/// A client of an owner that no other test has.
async fn client(site: &Site, owner: &str, scopes: &[Scope]) -> (Client, String) {
    begin();
    let token = site.token(owner, scopes, &["*"]);
    site.server.settle().await;
    let id = token.split('_').nth(1).expect("an id").to_owned();
    (site.client_with(Some(&token)), id)
}

fn fields<const N: usize>(record: &Value, names: [&str; N]) -> [String; N] {
    names.map(|name| match &record[name] {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        value => value.to_string(),
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn every_call_is_logged_once_on_every_surface() {
    let site = plan()
        .config("[limits]\nfuel = 100_000")
        .tokens()
        .skill("endings", ENDINGS)
        .skill("talks", TALKS)
        .skill("echo", ECHO)
        .start()
        .await;
    let (client, id) = client(&site, "seen-surfaces", &[Scope::Call]).await;
    let stream = call("talks", "talk", r#"{"times": 2}"#).header("accept", "text/event-stream");
    let mcp = |name: &str, arguments: Value| json!({"name": name, "arguments": arguments});
    for request in [
        call("echo", "echo", r#"{"text": "marker"}"#),
        call("endings@1", "spin", "{}"),
        stream,
        message("tools/call", mcp("echo_echo", json!({"text": "marker"}))),
        older("tools/call", mcp("endings_fail", json!({}))),
    ] {
        assert_eq!(client.send(request).await.status, 200);
    }
    let seen = records(CALLS, "owner", "seen-surfaces");
    let names = ["surface", "skill", "version", "tool", "outcome", "token", "level"];
    let rows: Vec<_> = seen.iter().map(|record| fields(record, names)).collect();
    let row = |surface: &str, skill: &str, tool: &str, outcome: &str| {
        [surface, skill, "1", tool, outcome, &id, "INFO"].map(str::to_owned)
    };
    assert_eq!(
        rows,
        [
            row("api", "echo", "echo", "completed"),
            row("api", "endings", "spin", "out-of-fuel"),
            row("stream", "talks", "talk", "completed"),
            row("mcp", "echo", "echo", "completed"),
            row("mcp", "endings", "fail", "failed"),
        ]
    );
    assert_eq!(seen[1]["fuel"], 100_000);
    for record in &seen {
        assert!(record["wall_us"].is_u64() && record["fuel"].is_u64(), "{record}");
        // Neither what went in nor what came out.
        assert!(!record.to_string().contains("marker"), "{record}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_call_is_logged_with_its_code() {
    let site =
        plan().config("[quota]\ncalls-per-minute = 3").tokens().skill("endings", ENDINGS).start().await;
    let (client, _) = client(&site, "seen-refusals", &[Scope::Call]).await;
    let (admin, _) = self::client(&site, "seen-admin", &[Scope::Admin]).await;
    let keyed = || call("endings", "nothing", "{}").header("idempotency-key", "k");
    for request in [
        call("absent", "tool\u{202e}", "{}"),
        call("endings", "number", r#"{"n": "secret"}"#),
        call("endings", "nothing", "{}").header("ringfence-limits", "fuel=5000000000"),
        Request::post("/v1/skills/endings/tools/nothing").body(b"{}").header("content-type", "text/plain"),
        keyed(),
        keyed(),
        call("endings", "nothing", "{}"),
        call("endings", "nothing", "{}"),
        message("tools/call", json!({"name": "absent_tool", "arguments": {}})),
        message("tools/call", json!({"name": "endings_nothing", "arguments": {}})),
    ] {
        client.send(request).await;
    }
    assert_eq!(admin.send(call("endings", "nothing", "{}")).await.status, 403);
    let seen = records(CALLS, "owner", "seen-refusals");
    let rows: Vec<_> =
        seen.iter().map(|record| fields(record, ["surface", "outcome", "code"]).join(" ")).collect();
    assert_eq!(
        rows,
        [
            "api refused no-such-skill",
            "api refused input-mismatch",
            "api refused limit-raised",
            "api refused unsupported-media-type",
            "api completed ",
            "api replayed ",
            "api completed ",
            "api refused too-many-calls",
            "mcp refused no-such-tool",
            "mcp refused too-many-calls",
        ]
    );
    assert!(seen.iter().all(|record| !record.to_string().contains("secret")));
    let admins = records(CALLS, "owner", "seen-admin");
    assert_eq!(admins.iter().map(|record| record["code"].clone()).collect::<Vec<_>>(), ["forbidden"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_whose_caller_disconnects_is_logged() {
    let config = "[limits]\ndeadline = \"1h\"\nfuel = 100_000_000_000";
    let site = plan().config(config).tokens().skill("endings", ENDINGS).start().await;
    let (client, _) = client(&site, "seen-gone", &[Scope::Call]).await;
    for request in [
        call("endings", "spin", "{}"),
        message("tools/call", json!({"name": "endings_spin", "arguments": {}})),
    ] {
        let stream = client.begin(&request).await;
        until(|| site.library.host().runs() == 1).await;
        drop(stream);
        until(|| site.library.host().runs() == 0).await;
    }
    until(|| records(CALLS, "owner", "seen-gone").len() == 2).await;
    for record in records(CALLS, "owner", "seen-gone") {
        assert_eq!(fields(&record, ["skill", "tool", "outcome"]), ["endings", "spin", "cancelled"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_are_logged_with_the_token_that_made_them() {
    let site = plan().tokens().start().await;
    let (client, id) = client(&site, "seen-changes", &[Scope::Submit]).await;
    let put = |wat: &str| {
        Request::put("/v1/skills/seen-skill?breaking=true").body(&component(wat)).header("prefer", "wait=60")
    };
    assert_eq!(client.send(put(ECHO)).await.status, 201);
    assert_eq!(client.send(put(ENDINGS)).await.status, 201);
    assert_eq!(client.send(Request::post("/v1/skills/seen-skill/rollback")).await.status, 200);
    assert_eq!(client.send(Request::delete("/v1/skills/seen-skill?version=2")).await.status, 200);
    assert_eq!(client.send(Request::delete("/v1/skills/seen-skill")).await.status, 200);
    let by_token: Vec<_> = records(CHANGES, "token", &id)
        .iter()
        .filter(|record| record["skill"] == "seen-skill")
        .map(|record| fields(record, ["owner", "change", "version"]).join(" "))
        .collect();
    assert_eq!(
        by_token,
        [
            "seen-changes submitted 1",
            "seen-changes submitted 2",
            "seen-changes rolled back ",
            "seen-changes removed ",
            "seen-changes removed ",
        ]
    );
    let created = records(CHANGES, "token", &id);
    assert!(created.iter().any(|record| record["change"] == "token created"), "{created:?}");
    site.store().revoke_token(&id).unwrap();
    site.server.settle().await;
    let revoked = records(CHANGES, "token", &id);
    assert!(revoked.iter().any(|record| record["change"] == "token revoked"), "{revoked:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_of_another_process_are_logged_with_the_owner() {
    begin();
    let site = plan().start().await;
    let other = Store::open(site.store().path()).unwrap();
    let skill = |wat: &str| site.library.host().validate(component(wat)).unwrap();
    let mut submit = Submit::new("seen-elsewhere".parse().unwrap(), "seen-owner".parse().unwrap());
    submit.hold = true;
    other.submit(&skill(ECHO), &submit, |_| unreachable!("there is no other version")).unwrap();
    site.server.settle().await;
    other
        .release(&submit.name, &"1".parse().unwrap(), false, |_| unreachable!("there is no other version"))
        .unwrap();
    site.server.settle().await;
    other.revoke(skill(ECHO).digest(), Some("bad")).unwrap();
    site.server.settle().await;
    other.remove(&submit.name, None, None).unwrap();
    site.server.settle().await;
    let seen = records(CHANGES, "skill", "seen-elsewhere");
    let rows: Vec<_> = seen.iter().map(|record| fields(record, ["owner", "change"]).join(" ")).collect();
    assert_eq!(
        rows,
        [
            "seen-owner submitted, held",
            "seen-owner released",
            "seen-owner revoked",
            "seen-owner removed with all versions",
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reload_is_logged() {
    begin();
    let site = plan().start().await;
    let file = site.dir.path().join("ringfence.toml");
    std::fs::write(&file, "[limits]\nfuel = 1_234\n[quota.owner.seen-config]\nconcurrency = 3").unwrap();
    let server = site.server.clone().with_source(Source { file, address: None, store: None });
    server.reload().await.unwrap();
    let seen = records(CHANGES, "change", "configuration read");
    assert!(seen.iter().any(|record| record["sections"] == "listen, limits, quota"), "{seen:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_are_counted_by_skill() {
    let site =
        plan().config("[limits]\nfuel = 100_000").skill("endings", ENDINGS).skill("echo", ECHO).start().await;
    for tool in ["nothing", "nothing", "spin"] {
        site.call("endings", tool, "{}").await;
    }
    let metrics = async || site.client().send(Request::get("/metrics")).await.text();
    let text = metrics().await;
    for line in [
        "ringfence_skill_runs_total{skill=\"endings\",result=\"completed\"} 2",
        "ringfence_skill_runs_total{skill=\"endings\",result=\"out-of-fuel\"} 1",
        "ringfence_skill_fuel_total{skill=\"echo\"} 0",
    ] {
        assert!(text.lines().any(|known| known == line), "{line}\n{text}");
    }
    // A skill that is gone has none any more.
    assert_eq!(site.client().send(Request::delete("/v1/skills/endings")).await.status, 200);
    assert!(!metrics().await.contains("skill=\"endings\""));
}

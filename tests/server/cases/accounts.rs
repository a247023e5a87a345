//! One account for each owner: its tokens share it, a token may have less of it, and cheap requests are no calls.

use ringfence_server::Source;
use ringfence_server_tests::guests::{ENDINGS, component};
use ringfence_server_tests::mcp::{ask, message, messages};
use ringfence_server_tests::{Client, Request, Site};
use ringfence_store::Scope;
use serde_json::{Value, json};

use super::plan;

fn nothing() -> Request {
    Request::post("/v1/skills/endings/tools/nothing").json("{}")
}

async fn code(client: &Client, request: Request) -> Option<String> {
    let answer = client.send(request).await;
    (answer.status != 200).then(|| answer.problem())
}

/// A client with a token of an owner, which the server knows.
async fn client(site: &Site, owner: &str) -> (Client, String) {
    let token = site.token(owner, &[Scope::Call, Scope::Submit], &["*"]);
    site.server.settle().await;
    let id = token.split('_').nth(1).expect("an id").to_owned();
    (site.client_with(Some(&token)), id)
}

/// Gives the server another configuration while it runs.
async fn configure(site: &Site, toml: &str) {
    let file = site.dir.path().join("ringfence.toml");
    std::fs::write(&file, toml).expect("written");
    let source = Source { file, address: None, store: None };
    site.server.clone().with_source(source).reload().await.expect("it is taken");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_token_shares_its_owners_quota() {
    let site =
        plan().config("[quota]\ncalls-per-minute = 3").tokens().skill("endings", ENDINGS).start().await;
    let (first, _) = client(&site, "carol").await;
    let (second, _) = client(&site, "carol").await;
    let (other, _) = client(&site, "dave").await;
    assert_eq!(code(&first, nothing()).await, None);
    assert_eq!(code(&second, nothing()).await, None);
    assert_eq!(code(&first, nothing()).await, None);
    for client in [&first, &second] {
        assert_eq!(code(client, nothing()).await.as_deref(), Some("too-many-calls"));
    }
    // Neither is a third one that is made now.
    let (third, _) = client(&site, "carol").await;
    assert_eq!(code(&third, nothing()).await.as_deref(), Some("too-many-calls"));
    assert_eq!(code(&other, nothing()).await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_owner_and_a_token_have_their_own_quotas() {
    let site = plan().tokens().skill("endings", ENDINGS).start().await;
    let (carol, small) = client(&site, "carol").await;
    let (carols_other, _) = client(&site, "carol").await;
    let (dave, _) = client(&site, "dave").await;
    let config = |owner: &str| {
        format!(
            "[quota]\ncalls-per-minute = 1\n[{owner}]\ncalls-per-minute = 3\n[quota.token.{small}]\ncalls-per-minute = 2"
        )
    };
    for (again, owner) in ["quota.owner.carol", "quota.carol"].into_iter().enumerate() {
        // Full again, since it was another one.
        configure(&site, "[quota]\ncalls-per-minute = 100").await;
        configure(&site, &config(owner)).await;
        assert_eq!(code(&carol, nothing()).await, None, "{again}");
        assert_eq!(code(&carol, nothing()).await, None);
        let refused = carol.send(nothing()).await;
        assert_eq!((refused.status, refused.problem().as_str()), (429, "too-many-calls"));
        assert!(
            refused.text().contains("this token has reached its quota of calls per minute (2,"),
            "{}",
            refused.text()
        );
        assert_eq!(code(&carols_other, nothing()).await, None, "the third of the owner's");
        let refused = carols_other.send(nothing()).await;
        assert!(
            refused.text().contains("this owner has reached its quota of calls per minute (3,"),
            "{}",
            refused.text()
        );
        assert_eq!(code(&dave, nothing()).await, None);
        assert_eq!(code(&dave, nothing()).await.as_deref(), Some("too-many-calls"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_the_limits_of_skill_owner_and_token_the_least_applies() {
    let site = plan().tokens().skill("endings", ENDINGS).skill("other", ENDINGS).start().await;
    let (carol, id) = client(&site, "carol").await;
    let (carols_other, _) = client(&site, "carol").await;
    let (dave, _) = client(&site, "dave").await;
    configure(
        &site,
        &format!(
            "[limits]\nfuel = 5000\nlog-lines = 50\n[skill.other.limits]\nfuel = 300\ndeadline = \"9s\"\n\
             [limits.owner.carol]\nfuel = 400\ndeadline = \"7s\"\n[limits.token.{id}]\nfuel = 9000\nlog-lines = 7"
        ),
    )
    .await;
    let limits = async |client: &Client, skill: &str| {
        let request = Request::post(&format!("/v1/skills/{skill}/tools/nothing")).json("{}");
        let limits = client.send(request).await.json()["limits"].clone();
        ["fuel", "deadline_ms", "log_lines"].map(|key| limits[key].as_u64().unwrap_or_default())
    };
    assert_eq!(limits(&carol, "endings").await, [400, 5000, 7]);
    assert_eq!(limits(&carol, "other").await, [300, 7000, 7]);
    assert_eq!(limits(&carols_other, "endings").await, [400, 5000, 50]);
    assert_eq!(limits(&dave, "endings").await, [5000, 5000, 50]);
    assert_eq!(limits(&dave, "other").await, [300, 9000, 50]);
    // Over MCP as well, and a caller may lower them and not raise them.
    let over_mcp = ask(&carol, "tools/call", json!({"name": "endings_spin", "arguments": {}})).await;
    assert_eq!(over_mcp["_meta"]["io.ringfence/report"]["usage"]["fuel"], 400, "{over_mcp}");
    let raised = nothing().header("ringfence-limits", "fuel=401");
    assert_eq!(code(&carol, raised).await.as_deref(), Some("limit-raised"));
    assert_eq!(code(&carol, nothing().header("ringfence-limits", "fuel=400")).await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_and_pings_take_nothing_from_calls() {
    let site = plan().config("[quota]\ncalls-per-minute = 3").skill("endings", ENDINGS).start().await;
    let client = site.client();
    for _ in 0..3 {
        for request in [
            message("tools/list", json!({})),
            message("resources/list", json!({})),
            message("server/discover", json!({})),
            Request::get("/v1/skills"),
            Request::get("/v1/skills/endings"),
        ] {
            assert_eq!(client.send(request).await.status, 200);
        }
        let result = ask(&client, "tools/call", json!({"name": "endings_nothing", "arguments": {}})).await;
        assert_eq!(result["isError"], false, "{result}");
    }
    assert_eq!(code(&client, nothing()).await.as_deref(), Some("too-many-calls"));
    assert_eq!(client.send(message("tools/list", json!({}))).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_that_begin_no_run_have_an_account_of_their_own() {
    let site =
        plan().config("[quota]\nrequests-per-minute = 3").tokens().skill("endings", ENDINGS).start().await;
    let (carol, _) = client(&site, "carol").await;
    let (dave, _) = client(&site, "dave").await;
    // Calls take none of it.
    for _ in 0..8 {
        assert_eq!(code(&carol, nothing()).await, None);
    }
    let absent = || Request::post("/v1/skills/absent/tools/nothing").json("{}");
    let bad = || Request::post("/mcp").header("accept", "application/json, text/event-stream").json("[]");
    assert_eq!(code(&carol, absent()).await.as_deref(), Some("no-such-skill"));
    assert_eq!(carol.send(bad()).await.status, 400);
    assert_eq!(carol.send(Request::get("/v1/skills")).await.status, 200);
    for request in [absent(), bad(), Request::get("/v1/skills"), nothing()] {
        let refused = carol.send(request).await;
        assert_eq!((refused.status, refused.problem().as_str()), (429, "too-many-requests"));
        assert!(refused.header("retry-after").is_some());
    }
    assert_eq!(code(&dave, nothing()).await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_at_once_and_compilations_are_the_owners() {
    let config = "[quota]\ncompiles-per-hour = 1";
    let site = plan().config(config).tokens().start().await;
    let (first, _) = client(&site, "carol").await;
    let (second, _) = client(&site, "carol").await;
    let put = |name: &str| {
        Request::put(&format!("/v1/skills/{name}")).body(&component(ENDINGS)).header("prefer", "wait=60")
    };
    assert_eq!(first.send(put("a")).await.status, 201);
    assert_eq!(second.send(put("b")).await.problem(), "too-many-compilations");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_sees_its_quota_and_when_to_retry() {
    let site = plan().config("[quota]\ncalls-per-minute = 1").skill("endings", ENDINGS).start().await;
    let call = || message("tools/call", json!({"name": "endings_nothing", "arguments": {}}));
    assert_eq!(site.client().send(call()).await.status, 200);
    let told = messages(&site.client().send(call()).await).pop().unwrap_or(Value::Null);
    let text = told["result"]["content"][0]["text"].as_str().unwrap_or_default();
    assert!(
        text.contains("calls per minute (1, `quota.calls-per-minute`)") && text.contains("try again in"),
        "{told}"
    );
}

//! Revocation by another process of the store: from then on no run begins, what runs can be ended, and everybody is told why.

use ringfence::Digest;
use ringfence_server_tests::client::read;
use ringfence_server_tests::guests::{ECHO, ENDINGS, documented};
use ringfence_server_tests::mcp::ask;
use ringfence_server_tests::{Request, Site};
use ringfence_store::{Revoke, Store, Submit};
use serde_json::json;

use super::calls::until;
use super::plan;

/// The store as another process has it.
fn elsewhere(site: &Site) -> Store {
    Store::open(site.store().path()).expect("it is there")
}

fn digest(site: &Site, of: &str) -> Digest {
    let record = site.store().expect(&of.parse().expect("a name")).expect("it is there");
    record.current().expect("it has one").digest
}

fn echo() -> Request {
    Request::post("/v1/skills/echo/tools/echo").json(r#"{"text": "hi"}"#)
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_revocation_no_call_begins_and_callers_get_the_reason() {
    let site = plan().skill("echo", ECHO).skill("endings", ENDINGS).start().await;
    let client = site.client();
    assert_eq!(client.send(echo()).await.status, 200);
    elsewhere(&site).revoke(digest(&site, "echo"), Some("it lies")).expect("it is revoked");
    // Nobody waits for the server to look at the store.
    let stream = echo().header("accept", "text/event-stream");
    let version = Request::post("/v1/skills/echo@1/tools/echo").json(r#"{"text": "hi"}"#);
    for request in [echo(), version, stream] {
        let answer = client.send(request).await;
        assert_eq!((answer.status, answer.problem().as_str()), (409, "revoked"), "{}", answer.text());
        assert!(answer.text().contains("it lies"), "{}", answer.text());
    }
    let told = ask(&client, "tools/call", json!({"name": "echo_echo", "arguments": {"text": "hi"}})).await;
    assert_eq!(told["isError"], true, "{told}");
    assert_eq!(told["_meta"]["io.ringfence/error"]["code"], "revoked");
    assert!(told["content"][0]["text"].as_str().expect("text").contains("it lies"), "{told}");
    // Others are not touched by it.
    assert_eq!(site.call("endings", "nothing", "{}").await["outcome"], "completed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_skill_is_shown_as_revoked() {
    let site = plan().skill("echo", ECHO).skill("endings", ENDINGS).start().await;
    let client = site.client();
    elsewhere(&site).revoke(digest(&site, "echo"), Some("it lies")).expect("it is revoked");
    site.server.settle().await;
    let shown = client.send(Request::get("/v1/skills/echo")).await.json();
    assert_eq!(
        (&shown["state"], &shown["revoked_because"]),
        (&json!("revoked"), &json!("it lies")),
        "{shown}"
    );
    assert_eq!(shown["versions"][0]["revoked"], true);
    assert_eq!(shown["versions"][0]["revoked_because"], "it lies");
    let list = client.send(Request::get("/v1/skills")).await.json();
    assert_eq!(list["skills"][0]["state"], "revoked", "{list}");
    assert_eq!(list["skills"][1]["state"], "ready", "{list}");
    let answer = client.send(echo()).await;
    assert_eq!((answer.status, answer.problem().as_str()), (409, "revoked"));
    assert!(answer.text().contains("it lies"), "{}", answer.text());
    // A version that is held, and then revoked, is revoked.
    let mut held = Submit::new("held".parse().expect("a name"), "alice".parse().expect("an owner"));
    held.hold = true;
    let bytes = documented(ECHO, &json!({"description": "another"}));
    let taken = site.library.submit(bytes, held, |_| {}).await.expect("it is taken");
    site.server.settle().await;
    let state = async || client.send(Request::get("/v1/skills/held")).await.json()["state"].clone();
    assert_eq!(state().await, "held");
    elsewhere(&site).revoke(taken.receipt.digest, None).expect("it is revoked");
    site.server.settle().await;
    assert_eq!(state().await, "revoked");
}

/// Nothing waits here for the server to look at the store.
#[tokio::test(flavor = "multi_thread")]
async fn lists_show_a_revocation_at_once() {
    let skill_md = "---\nname: echo\ndescription: says it again\n---\nCall `echo`.\n";
    let documented = documented(ECHO, &json!({"skill-md": skill_md}));
    let site = plan().bytes("echo", documented).skill("endings", ENDINGS).start().await;
    let client = site.client();
    let tools = async || {
        let list = ask(&client, "tools/list", json!({})).await;
        let names = list["tools"].as_array().into_iter().flatten();
        names.filter_map(|tool| tool["name"].as_str()).any(|name| name == "echo_echo")
    };
    let resources = async || ask(&client, "resources/list", json!({})).await["resources"].to_string();
    let state = async |path: &str| client.send(Request::get(path)).await.json()["state"].clone();
    assert!(tools().await && resources().await.contains("skill://echo/"));
    assert_eq!(state("/v1/skills/echo").await, "ready");

    elsewhere(&site).revoke(digest(&site, "echo"), Some("it lies")).expect("it is revoked");
    assert!(!tools().await);
    elsewhere(&site).revoke(digest(&site, "endings"), None).expect("it is revoked");
    let list = client.send(Request::get("/v1/skills")).await.json();
    let states: Vec<_> =
        list["skills"].as_array().into_iter().flatten().map(|skill| skill["state"].as_str()).collect();
    assert_eq!(states, [Some("revoked"), Some("revoked")], "{list}");
    assert_eq!(list["skills"][0]["revoked_because"], "it lies");
    assert!(!resources().await.contains("skill://echo/"));
    let shown = client.send(Request::get("/v1/skills/echo")).await.json();
    assert_eq!((&shown["state"], &shown["tools"]), (&json!("revoked"), &json!([])), "{shown}");
    assert_eq!(shown["versions"][0]["revoked_because"], "it lies", "{shown}");
    let version = client.send(Request::get("/v1/skills/echo@1")).await;
    assert_eq!((version.status, version.problem().as_str()), (409, "revoked"), "{}", version.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revocation_cancels_runs_if_requested() {
    let config = "[limits]\ndeadline = \"1h\"\nfuel = 200_000_000_000\n";
    let site = plan().config(config).runs(4).skill("endings", ENDINGS).start().await;
    let spin = Request::post("/v1/skills/endings/tools/spin").json("{}");
    let mut first = site.client().begin(&spin).await;
    let mut streamed = site.client().begin(&spin.clone().header("accept", "text/event-stream")).await;
    until(|| site.library.host().runs() == 2).await;
    let mut revoke = Revoke::new(Some("it spins"));
    revoke.cancel_running = true;
    elsewhere(&site).revoke_as(digest(&site, "endings"), &revoke).expect("it is revoked");
    let report = read(&mut first).await.expect("an answer").json();
    assert_eq!(report["outcome"], "cancelled", "{report}");
    let events = read(&mut streamed).await.expect("an answer").text();
    assert!(events.contains("\"outcome\":\"cancelled\""), "{events}");
    until(|| site.library.host().runs() == 0).await;
}

/// Run ids of one caller say nothing of the runs of others.
#[tokio::test(flavor = "multi_thread")]
async fn run_ids_are_not_sequential() {
    let site = plan().skill("echo", ECHO).start().await;
    let mut halves = Vec::new();
    for _ in 0..50 {
        let report = site.call("echo", "echo", r#"{"text": "hi"}"#).await;
        let run = report["run"].as_str().expect("text").to_owned();
        let (high, low) = run.split_once('-').expect("two halves");
        for half in [high, low] {
            assert_eq!(half.len(), 16, "{run}");
            halves.push(u64::from_str_radix(half, 16).expect("hexadecimal"));
        }
    }
    halves.sort_unstable();
    // Of a hundred random numbers no two are near each other; of numbers that are counted all are.
    assert!(halves.windows(2).all(|pair| pair[1] - pair[0] > 1 << 20), "{halves:x?}");
}

//! Changes of the store: so many a minute for each owner, and in turns between owners, in one process and in several.

use std::fs::OpenOptions;

use ringfence_server_tests::guests::{ECHO, ENDINGS, component};
use ringfence_server_tests::log::{begin, records};
use ringfence_server_tests::mcp::{message, messages};
use ringfence_server_tests::{Client, PATIENCE, Request, Site};
use ringfence_store::Scope;
use serde_json::json;

use super::calls::until;
use super::plan;

async fn client(site: &Site, owner: &str) -> Client {
    let token = site.token(owner, &[Scope::Submit, Scope::Call], &["*"]);
    site.server.settle().await;
    site.client_with(Some(&token))
}

/// A skill with two versions, the first of which is current.
async fn skill(client: &Client, name: &str) {
    for wat in [ECHO, ENDINGS] {
        let put = Request::put(&format!("/v1/skills/{name}?breaking=true")).body(&component(wat));
        assert_eq!(client.send(put.header("prefer", "wait=60")).await.status, 201);
    }
}

fn rollback(name: &str, version: u32) -> Request {
    Request::post(&format!("/v1/skills/{name}/rollback"))
        .json(&json!({"version": version.to_string()}).to_string())
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_a_minute_are_limited_for_each_owner() {
    let site = plan().config("[quota]\nchanges-per-minute = 4").tokens().start().await;
    let (alice, bob) = (client(&site, "carol").await, client(&site, "dave").await);
    // Two submissions, and two more changes.
    skill(&alice, "one").await;
    for version in [1, 2] {
        assert_eq!(alice.send(rollback("one", version)).await.status, 200);
    }
    for request in [
        rollback("one", 1),
        Request::delete("/v1/skills/one"),
        Request::put("/v1/skills/more").body(&component(ECHO)),
    ] {
        let refused = alice.send(request).await;
        assert_eq!((refused.status, refused.problem().as_str()), (429, "too-many-changes"));
        assert!(refused.header("retry-after").is_some());
    }
    skill(&bob, "two").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_changes_of_one_owner_delay_anothers_by_few() {
    begin();
    let site = plan().tokens().start().await;
    let (many, one) = (client(&site, "turns-many").await, client(&site, "turns-one").await);
    skill(&many, "turns-many").await;
    skill(&one, "turns-one").await;
    let made = || records("ringfence::changes", "change", "rolled back");
    let by = |owner: &str| {
        made().iter().filter(|record| record["owner"] == *owner && !record["token"].is_null()).count()
    };
    // Nobody changes the store while another process holds the lock: all wait, and the one is the last that comes.
    let lock = OpenOptions::new().write(true).open(site.store().path().join("lock")).expect("it is there");
    lock.lock().expect("it is free");
    let mut changes = Vec::new();
    for n in 0..40 {
        changes.push(many.begin(&rollback("turns-many", 1 + n % 2)).await);
    }
    until(|| site.library.changes_waiting() == 39).await;
    let mut last = one.begin(&rollback("turns-one", 1)).await;
    until(|| site.library.changes_waiting() == 40).await;
    lock.unlock().expect("it was held");
    let answer = ringfence_server_tests::client::read(&mut last).await.expect("an answer");
    assert_eq!(answer.status, 200);
    until(|| by("turns-one") == 1 && by("turns-many") == 40).await;
    let order: Vec<_> =
        made().iter().filter_map(|record| record["owner"].as_str().map(str::to_owned)).collect();
    drop(changes);
    let before = order.iter().take_while(|owner| *owner != "turns-one").count();
    assert!(before < 20, "{before} changes of the other were made first: {order:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_of_changes_are_limited_for_each_owner() {
    let site = plan().config("[quota]\nlisteners = 2").tokens().skill("echo", ECHO).start().await;
    let (carol, dave) = (client(&site, "carol").await, client(&site, "dave").await);
    let listen = || message("subscriptions/listen", json!({"notifications": {"toolsListChanged": true}}));
    let open = async |client: &Client| {
        let mut stream = client.begin(&listen()).await;
        let mut reader = ringfence_server_tests::client::Reader::new(&mut stream);
        assert_eq!(reader.head().await.map(|(status, _)| status), Some(200));
        assert!(String::from_utf8_lossy(&reader.chunk().await.expect("an event")).contains("acknowledged"));
        stream
    };
    let first = open(&carol).await;
    let _second = open(&carol).await;
    let refused = messages(&carol.send(listen()).await).pop().expect("a message");
    assert_eq!(refused["error"]["data"]["code"], "too-many-listeners", "{refused}");
    let _other = open(&dave).await;
    drop(first);
    // Its place is free as soon as the server has seen that it is gone.
    let again = async {
        loop {
            let mut stream = carol.begin(&listen()).await;
            let mut reader = ringfence_server_tests::client::Reader::new(&mut stream);
            reader.head().await.expect("an answer");
            let told = String::from_utf8_lossy(&reader.chunk().await.unwrap_or_default()).into_owned();
            if !told.contains("too-many-listeners") {
                break;
            }
        }
    };
    tokio::time::timeout(PATIENCE, again).await.expect("there is a place");
}

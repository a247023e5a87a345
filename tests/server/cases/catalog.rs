//! What another process does to the store is seen by a running server, and what cannot be loaded hides nothing else.

use std::path::Path;

use ringfence_server_tests::guests::{ECHO, ENDINGS, component};
use ringfence_server_tests::{PATIENCE, Request, Site};
use ringfence_store::{Store, Submit};

use super::plan;

fn echo(skill: &str) -> Request {
    Request::post(&format!("/v1/skills/{skill}/tools/echo")).json(r#"{"text": "hi"}"#)
}

/// Waits until a call is answered so.
async fn until(site: &Site, skill: &str, status: u16) {
    let waited = tokio::time::timeout(PATIENCE, async {
        while site.client().send(echo(skill)).await.status != status {}
    });
    waited.await.expect("it comes to be so");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_sees_changes_of_another_process() {
    let site = plan().skill("echo", ECHO).start().await;
    let other = Store::open(site.store().path()).unwrap();
    let skill = site.library.host().validate(component(ECHO)).unwrap();
    let submit = Submit::new("later".parse().unwrap(), "bob".parse().unwrap());
    other.submit(&skill, &submit, |_| unreachable!("there is no other version")).unwrap();
    until(&site, "later", 200).await;
    other.remove(&"later".parse().unwrap(), None, None).unwrap();
    until(&site, "later", 404).await;
    other.revoke(skill.digest(), Some("bad")).unwrap();
    until(&site, "echo", 409).await;
    let refused = site.client().send(echo("echo")).await;
    assert_eq!(refused.problem(), "revoked");
    let refused = site.client().send(echo("echo@1")).await;
    assert_eq!((refused.status, refused.problem().as_str()), (409, "revoked"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_old_version_is_dropped() {
    let site = plan().start().await;
    for (version, wat) in [("one", ECHO), ("two", ENDINGS)] {
        let put =
            Request::put(&format!("/v1/skills/s?breaking=true&version={version}")).body(&component(wat));
        assert_eq!(site.client().send(put.header("prefer", "wait=60")).await.status, 201);
    }
    assert_eq!(site.client().send(echo("s@one")).await.status, 200);
    site.store().revoke(ringfence::Digest::of(&component(ECHO)), None).unwrap();
    site.server.settle().await;
    let refused = site.client().send(echo("s@one")).await;
    assert_eq!((refused.status, refused.problem().as_str()), (409, "revoked"));
    assert_eq!(site.call("s", "nothing", "{}").await["outcome"], "completed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_skill_is_reported_and_others_run() {
    let damage = |store: &Path| {
        let digest = ringfence::Digest::of(&component(ENDINGS)).to_string();
        let file = store.join("components").join(digest.replace("sha256:", "") + ".wasm");
        assert!(file.exists());
        std::fs::write(file, b"damaged").unwrap();
        // With its code at hand nobody would look at the component.
        std::fs::remove_dir_all(store.join("artifacts")).unwrap();
        std::fs::create_dir(store.join("artifacts")).unwrap();
    };
    let site = plan().skill("echo", ECHO).skill("broken", ENDINGS).meddle(damage).start().await;
    let refused = site.client().send(Request::post("/v1/skills/broken/tools/nothing").json("{}")).await;
    assert_eq!((refused.status, refused.problem().as_str()), (503, "damaged"));
    // Nothing of this machine is told.
    assert!(!refused.text().contains("components"), "{}", refused.text());
    assert_eq!(site.client().send(Request::get("/v1/skills/broken")).await.json()["state"], "broken");
    assert_eq!(site.client().send(echo("echo")).await.status, 200);
    assert_eq!(site.client().send(Request::get("/readyz")).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unreadable_record_does_not_hide_others() {
    let site = plan().skill("echo", ECHO).start().await;
    std::fs::write(site.store().path().join("names/strange.json"), b"{}").unwrap();
    site.server.settle().await;
    let list = site.client().send(Request::get("/v1/skills")).await.json();
    assert_eq!(list["skills"].as_array().map(Vec::len), Some(1));
    assert_eq!(site.client().send(echo("echo")).await.status, 200);
}

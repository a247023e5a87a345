//! The store over HTTP: submit, list, show, remove, roll back; each change is there for the next request.

use ringfence_server_tests::Request;
use ringfence_server_tests::guests::{ECHO, ENDINGS, component};
use serde_json::{Value, json};

use super::plan;

fn put(name: &str, wat: &str) -> Request {
    Request::put(&format!("/v1/skills/{name}")).body(&component(wat))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_submitted_skill_can_be_called_at_once() {
    let site = plan().start().await;
    let answer = site.client().send(put("echo", ECHO)).await;
    assert_eq!(answer.status, 202);
    let location = answer.header("location").unwrap().to_owned();
    let status = loop {
        let status = site.client().send(Request::get(&location)).await.json();
        assert!(
            ["validating", "compiling", "keeping", "done"].contains(&status["state"].as_str().unwrap()),
            "{status}"
        );
        if status["state"] == "done" {
            break status;
        }
    };
    assert_eq!(status["receipt"]["version"], "1");
    assert_eq!(status["receipt"]["tools"], json!(["echo"]));
    assert_eq!(site.call("echo", "echo", r#"{"text": "hi"}"#).await["value"], "hi");
    // It is in the store itself.
    assert_eq!(site.store().list().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_submission_can_be_waited_for() {
    let site = plan().start().await;
    let answer = site.client().send(put("echo", ECHO).header("prefer", "respond-async, wait=60")).await;
    assert_eq!((answer.status, &answer.json()["state"]), (201, &json!("done")));
    let again = site.client().send(put("echo", ECHO).header("prefer", "wait=60")).await;
    assert_eq!(again.json()["receipt"]["status"], "unchanged");
}

#[tokio::test(flavor = "multi_thread")]
async fn refused_submissions_name_every_reason() {
    let site = plan().skill("echo", ECHO).start().await;
    let rows = [
        (Request::put("/v1/skills/new").body(b"not wasm"), 422, "not-wasm"),
        (Request::put("/v1/skills/new").body(b"\0asm\x01\0\0\0"), 422, "core-module"),
        (Request::put("/v1/skills/new").body(b""), 400, "bad-request"),
        (Request::put("/v1/skills/New").body(&component(ECHO)), 400, "bad-reference"),
        (Request::put("/v1/skills/..").body(&component(ECHO)), 400, "bad-reference"),
        (Request::put("/v1/skills/new?version=a/b").body(&component(ECHO)), 400, "bad-reference"),
        (Request::put("/v1/skills/new?owner=bob").body(&component(ECHO)), 400, "bad-request"),
        (put("new", ECHO).header("content-type", "text/html"), 415, "unsupported-media-type"),
        // Bob's name is not alice's, and what would break callers is refused.
        (put("echo", ENDINGS), 403, "not-owner"),
    ];
    for (request, status, code) in rows {
        let answer = site.client().send(request.clone().header("prefer", "wait=60")).await;
        assert_eq!(
            (answer.status, answer.problem().as_str()),
            (status, code),
            "{request:?}: {}",
            answer.text()
        );
    }
    assert_eq!(site.client().send(put("mine", ECHO).header("prefer", "wait=60")).await.status, 201);
    let breaking = site.client().send(put("mine", ENDINGS).header("prefer", "wait=60")).await;
    assert_eq!((breaking.status, breaking.problem().as_str()), (409, "breaking-change"));
    let wanted = put("mine?breaking=true", ENDINGS).header("prefer", "wait=60");
    assert_eq!(site.client().send(wanted).await.json()["receipt"]["version"], "2");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_skill_is_rolled_back_and_removed() {
    let site = plan().start().await;
    let client = site.client();
    for (path, wat) in [("s?version=one", ECHO), ("s?version=two&breaking=true", ENDINGS)] {
        assert_eq!(client.send(put(path, wat).header("prefer", "wait=60")).await.status, 201);
    }
    // The bare name is the new version at once; the old one is there by its version.
    assert_eq!(site.call("s", "nothing", "{}").await["outcome"], "completed");
    assert_eq!(site.call("s@one", "echo", r#"{"text": "hi"}"#).await["value"], "hi");
    let shown = client.send(Request::get("/v1/skills/s")).await.json();
    assert_eq!((&shown["version"], &shown["state"]), (&json!("two"), &json!("ready")));
    assert_eq!(shown["versions"].as_array().map(Vec::len), Some(2));
    let tool = |shown: &Value, name: &str| {
        shown["tools"].as_array().unwrap().iter().find(|tool| tool["name"] == name).cloned().unwrap()
    };
    assert_eq!(tool(&shown, "number")["mcp_name"], "s_number");
    assert_eq!(tool(&shown, "number")["parameters"]["properties"]["n"]["maximum"], u32::MAX);
    let old = client.send(Request::get("/v1/skills/s@one")).await.json();
    assert_eq!((&old["version"], &tool(&old, "echo")["name"]), (&json!("one"), &json!("echo")));

    let back = client.send(Request::post("/v1/skills/s/rollback")).await;
    assert_eq!((back.status, &back.json()["version"]), (200, &json!("one")));
    assert_eq!(site.call("s", "echo", r#"{"text": "hi"}"#).await["value"], "hi");
    let nothing = client.send(Request::post("/v1/skills/s/rollback")).await;
    assert_eq!((nothing.status, nothing.problem().as_str()), (409, "nothing-earlier"));
    let forth = client.send(Request::post("/v1/skills/s/rollback").json(r#"{"version": "two"}"#)).await;
    assert_eq!(forth.json()["version"], "two");
    let wrong = client.send(Request::post("/v1/skills/s/rollback").json(r#"{"versoin": "two"}"#)).await;
    assert_eq!((wrong.status, wrong.problem().as_str()), (400, "bad-request"));

    // A version in the place of a name is no way to remove all of them.
    for wrong in [Request::delete("/v1/skills/s@one"), Request::post("/v1/skills/s@one/rollback")] {
        let answer = client.send(wrong).await;
        assert_eq!((answer.status, answer.problem().as_str()), (400, "bad-reference"));
    }
    let current = client.send(Request::delete("/v1/skills/s?version=two")).await;
    assert_eq!((current.status, current.problem().as_str()), (409, "is-current"));
    let gone = client.send(Request::delete("/v1/skills/s?version=one")).await;
    assert_eq!(gone.json(), json!({"name": "s", "versions": ["one"]}));
    let old = client.send(Request::post("/v1/skills/s@one/tools/echo").json("{}")).await;
    assert_eq!((old.status, old.problem().as_str()), (404, "no-such-version"));
    assert_eq!(client.send(Request::delete("/v1/skills/s")).await.status, 200);
    let old = client.send(Request::post("/v1/skills/s/tools/nothing").json("{}")).await;
    assert_eq!((old.status, old.problem().as_str()), (404, "no-such-skill"));
    assert_eq!(client.send(Request::delete("/v1/skills/s")).await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_held_submission_does_not_run() {
    let site = plan().start().await;
    let answer = site.client().send(put("s?hold=true", ECHO).header("prefer", "wait=60")).await;
    assert_eq!(answer.json()["receipt"]["held"], true);
    let refused = site.client().send(Request::post("/v1/skills/s/tools/echo").json(r#"{"text": ""}"#)).await;
    assert_eq!((refused.status, refused.problem().as_str()), (409, "held"));
    let refused =
        site.client().send(Request::post("/v1/skills/s@1/tools/echo").json(r#"{"text": ""}"#)).await;
    assert_eq!((refused.status, refused.problem().as_str()), (409, "held"));
    assert_eq!(site.client().send(Request::get("/v1/skills/s")).await.json()["state"], "held");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_of_skills_has_pages() {
    let mut plan = plan();
    for name in ["a", "b", "c", "d", "e"] {
        plan = plan.skill(name, ECHO);
    }
    let site = plan.start().await;
    let page =
        async |query: &str| site.client().send(Request::get(&format!("/v1/skills?{query}"))).await.json();
    let names = |page: &Value| -> Vec<String> {
        page["skills"]
            .as_array()
            .unwrap()
            .iter()
            .map(|skill| skill["name"].as_str().unwrap().to_owned())
            .collect()
    };
    let first = page("limit=2").await;
    assert_eq!((names(&first), &first["next"]), (vec!["a".into(), "b".into()], &json!("b")));
    let second = page("limit=2&cursor=b").await;
    assert_eq!((names(&second), &second["next"]), (vec!["c".into(), "d".into()], &json!("d")));
    let last = page("limit=2&cursor=d").await;
    assert_eq!((names(&last), last.get("next")), (vec!["e".into()], None));
    assert_eq!(names(&page("limit=5").await).len(), 5);
    for query in ["limit=0", "limit=101", "limit=x", "cursor=%2f", "page=1"] {
        let answer = site.client().send(Request::get(&format!("/v1/skills?{query}"))).await;
        assert_eq!((answer.status, answer.problem().as_str()), (400, "bad-request"), "{query}");
    }
}

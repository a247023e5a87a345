//! Room for the code of loaded skills: over it, the skill that was called least recently is unloaded; it stays in all
//! lists, and its next call loads it again.

use ringfence_server_tests::guests::component;
use ringfence_server_tests::mcp::ask;
use ringfence_server_tests::{Request, Site};
use ringfence_store::Submit;
use serde_json::json;

use super::plan;

/// `run: func() -> u32`, with so many KiB of data, so that sizes of code tell skills apart.
fn sized(kib: usize) -> String {
    let data = "x".repeat(kib << 10);
    format!(
        r#"(component
          (core module $m (memory 32) (data (i32.const 0) "{data}") (func (export "run") (result i32) (i32.const 7)))
          (core instance $i (instantiate $m))
          (func (export "run") (result u32) (canon lift (core func $i "run"))))"#
    )
}

/// Bytes of code that are loaded.
async fn loaded(site: &Site) -> u64 {
    let text = site.client().send(Request::get("/metrics")).await.text();
    let line = text.lines().find_map(|line| line.strip_prefix("ringfence_code_bytes "));
    line.and_then(|bytes| bytes.parse().ok()).unwrap_or_else(|| panic!("{text}"))
}

/// Calls a skill, and lets the server look at the store, by which it counts time.
async fn call(site: &Site, skill: &str) {
    let report = site.call(skill, "run", "{}").await;
    assert_eq!(report["value"], 7, "{skill}: {report}");
    site.server.settle().await;
}

/// A server with these skills, and room for so much code.
async fn site(room: u64, skills: &[(&'static str, usize)]) -> Site {
    let plan = plan().config(&format!("[host]\ncode-memory = {room}"));
    skills.iter().fold(plan, |plan, (name, kib)| plan.skill(name, &sized(*kib))).start().await
}

async fn size(kib: usize) -> u64 {
    loaded(&site(1 << 30, &[("alone", kib)]).await).await
}

#[tokio::test(flavor = "multi_thread")]
async fn code_over_the_budget_is_unloaded_and_loaded_again_by_a_call() {
    let (a, b) = (size(256).await, size(512).await);
    assert!(a > 256 << 10 && b - a > 200 << 10, "{a} {b}");
    for (room, fits) in [(a + b, true), (a + b - 1, false)] {
        let site = site(room, &[("a", 256), ("b", 512), ("same", 512)]).await;
        for skill in ["a", "b", "same", "a"] {
            call(&site, skill).await;
            // Equal components count once.
            let alone = if skill == "a" { a } else { b };
            assert_eq!(loaded(&site).await, if fits { a + b } else { alone }, "{skill} with room for {room}");
            // What is unloaded is listed.
            let list = ask(&site.client(), "tools/list", json!({})).await;
            let tools = list["tools"].as_array().into_iter().flatten();
            let tools: Vec<&str> = tools.filter_map(|tool| tool["name"].as_str()).collect();
            assert_eq!(tools, ["a_run", "b_run", "same_run"]);
            let shown = site.client().send(Request::get("/v1/skills")).await.json();
            let states = shown["skills"].as_array().into_iter().flatten().map(|skill| &skill["state"]);
            assert!(states.into_iter().all(|state| state == "ready"), "{shown}");
            let b = site.client().send(Request::get("/v1/skills/b")).await.json();
            assert_eq!((&b["tools"][0]["name"], &b["version"]), (&json!("run"), &json!("1")), "{b}");
        }
        // A version is asked for, which is the current one.
        call(&site, "b@1").await;
        assert_eq!(loaded(&site).await, if fits { a + b } else { b });
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_least_recently_called_skill_is_unloaded_first() {
    let skills = [("a", 64), ("b", 256), ("c", 1024)];
    let (a, b, c) = (size(64).await, size(256).await, size(1024).await);
    let all = a + b + c;
    let site = site(all - 1, &skills).await;
    let unloaded = async || match all - loaded(&site).await {
        bytes if bytes == a => "a",
        bytes if bytes == b => "b",
        bytes if bytes == c => "c",
        bytes => panic!("{bytes} of {a}, {b} and {c}"),
    };
    // From the one that was called least recently to the last.
    let mut order = vec!["a", "b", "c"];
    for skill in order.clone() {
        call(&site, skill).await;
    }
    for _ in 0..4 {
        let missing = unloaded().await;
        // Others that are called are there already.
        let other = order.iter().find(|skill| **skill != missing).copied().expect("two are loaded");
        for skill in [other, missing] {
            order.retain(|known| *known != skill);
            order.push(skill);
            call(&site, skill).await;
        }
        assert_eq!(unloaded().await, order[0], "{order:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_skill_larger_than_the_budget_is_refused() {
    let takes = size(256).await;
    call(&site(takes, &[("a", 256)]).await, "a").await;
    let site = site(takes - 1, &[("a", 256)]).await;
    let refused = site.client().send(Request::post("/v1/skills/a/tools/run").json("{}")).await;
    assert_eq!((refused.status, refused.problem().as_str()), (503, "skill-memory-full"));
    assert!(refused.text().contains("host.code-memory"), "{}", refused.text());
}

/// Versions that are not current count as well.
#[tokio::test(flavor = "multi_thread")]
async fn old_versions_are_in_the_budget() {
    let (old, new) = (size(64).await, size(256).await);
    let site = site(new, &[("a", 64)]).await;
    let submit = Submit::new("a".parse().expect("a name"), "alice".parse().expect("an owner"));
    site.library.submit(component(&sized(256)), submit, |_| {}).await.expect("it is taken");
    site.server.settle().await;
    call(&site, "a").await;
    assert_eq!(loaded(&site).await, new);
    call(&site, "a@1").await;
    assert_eq!(loaded(&site).await, old);
    call(&site, "a").await;
    assert_eq!(loaded(&site).await, new);
}

/// A budget that is lowered while the server runs holds at the next look at the store.
#[tokio::test(flavor = "multi_thread")]
async fn a_reload_lowers_the_budget() {
    let (a, b) = (size(64).await, size(256).await);
    let site = site(a + b, &[("a", 64), ("b", 256)]).await;
    assert_eq!(loaded(&site).await, a + b);
    call(&site, "b").await;
    let file = site.dir.path().join("ringfence.toml");
    let source = ringfence_server::Source { file: file.clone(), address: None, store: None };
    let server = site.server.clone().with_source(source);
    for (room, left) in [(a + b, a + b), (a + b - 1, b), (b - 1, 0)] {
        std::fs::write(&file, format!("[host]\ncode-memory = {room}")).expect("it is ours");
        server.reload().await.expect("it is taken");
        site.server.settle().await;
        assert_eq!(loaded(&site).await, left, "room for {room}");
    }
}

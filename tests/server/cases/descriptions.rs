//! Schemas of skills: built once for each style, on a thread that serves no requests, and counted while nobody reads
//! them.

use ringfence::SchemaStyle;
use ringfence_server_tests::client::read;
use ringfence_server_tests::guests::{ECHO, ENDINGS};
use ringfence_server_tests::mcp::older;
use ringfence_server_tests::{Request, Site};
use serde_json::json;

use super::plan;

fn show(style: SchemaStyle) -> Request {
    Request::get(&format!("/v1/skills/echo?schema={style}"))
}

fn list() -> Request {
    older("tools/list", json!({}))
}

async fn built(site: &Site) -> String {
    let text = site.client().send(Request::get("/metrics")).await.text();
    let line = text.lines().find_map(|line| line.strip_prefix("ringfence_descriptions_total "));
    line.unwrap_or_else(|| panic!("{text}")).to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn schemas_are_built_once_for_each_style() {
    let site = plan().skill("echo", ECHO).start().await;
    assert_eq!(built(&site).await, "0");
    // All at once: of those that find nothing, one builds.
    let mut waiting = Vec::new();
    for _ in 0..8 {
        for request in SchemaStyle::ALL.map(show).into_iter().chain([list()]) {
            waiting.push(site.client().begin(&request).await);
        }
    }
    for stream in &mut waiting {
        let answer = read(stream).await.expect("an answer");
        assert!(answer.status == 200 && answer.text().contains("echo_echo"), "{answer:?}");
    }
    let each = SchemaStyle::ALL.len() + 1;
    assert_eq!(built(&site).await, each.to_string());
    // Equal bytes under another name share what MCP lists.
    let bytes = ringfence_server_tests::guests::component(ECHO);
    let put = Request::put("/v1/skills/same").body(&bytes).header("prefer", "wait=60");
    assert_eq!(site.client().send(put).await.status, 201);
    let answer = site.client().send(list()).await;
    assert!(answer.text().contains("same_echo"), "{answer:?}");
    assert_eq!(built(&site).await, each.to_string());
}

#[test]
fn request_threads_build_no_schemas() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(1)
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let site = plan().skill("echo", ECHO).start().await;
        let (release, held) = std::sync::mpsc::channel::<()>();
        let (taken, take) = tokio::sync::oneshot::channel();
        // The one thread beside the one that serves requests.
        let blocker = tokio::task::spawn_blocking(move || {
            let _ = taken.send(());
            let _ = held.recv();
        });
        take.await.expect("it is taken");
        let mut waiting = Vec::new();
        for request in [show(SchemaStyle::Exact), list()] {
            waiting.push(site.client().begin(&request).await);
        }
        // Requests that came after them are answered, and they are not.
        for _ in 0..4 {
            assert_eq!(site.client().send(Request::get("/healthz")).await.status, 200);
            assert_eq!(site.client().send(Request::get("/v1/skills")).await.status, 200);
        }
        for stream in &waiting {
            assert!(
                stream.try_read(&mut [0]).is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock)
            );
        }
        release.send(()).expect("it waits");
        blocker.await.expect("it ended");
        for stream in &mut waiting {
            assert_eq!(read(stream).await.expect("an answer").status, 200);
        }
        // By now they only read memory.
        let (release, held) = std::sync::mpsc::channel::<()>();
        let blocker = tokio::task::spawn_blocking(move || held.recv());
        for request in [show(SchemaStyle::Exact), list()] {
            assert_eq!(site.client().send(request).await.status, 200);
        }
        drop(release);
        let _ = blocker.await;
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn shown_skills_are_counted_until_they_are_read() {
    let plain = plan().skill("endings", ENDINGS).start().await;
    for path in ["/v1/skills/endings", "/v1/skills"] {
        let size = plain.client().send(Request::get(path)).await.body.len();
        // A quarter is one principal's. A buffer has at most twice the bytes that are in it.
        for (memory, status) in [(4 * (size - 1), 503), (4 * 2 * size.max(128), 200)] {
            let config = format!("[admission]\nanswer-memory = {memory}");
            let site = plan().config(&config).skill("endings", ENDINGS).start().await;
            let answer = site.client().send(Request::get(path)).await;
            assert_eq!(answer.status, status, "{path}, {memory}: {answer:?}");
            if status == 503 {
                assert_eq!(answer.problem(), "answers-full");
            }
        }
    }
}

//! Who gets in: places, the queue, and what one principal may have; what is over is told at once, while others run on.

use ringfence_server_tests::client::read;
use ringfence_server_tests::guests::{ECHO, ENDINGS, component};
use ringfence_server_tests::{Request, Site};
use ringfence_store::Scope;
use tokio::net::TcpStream;

use super::calls::{until, until_not, until_shown};
use super::plan;

/// Runs that end when their connection is closed.
const LONG: &str = "[limits]\ndeadline = \"1h\"\nfuel = 200_000_000_000\n";

fn spin() -> Request {
    Request::post("/v1/skills/endings/tools/spin").json("{}")
}

fn nothing() -> Request {
    Request::post("/v1/skills/endings/tools/nothing").json("{}")
}

/// So many runs that go on.
async fn busy(site: &Site, count: u64) -> Vec<TcpStream> {
    let before = site.library.host().runs();
    let mut streams = Vec::new();
    for _ in 0..count {
        streams.push(site.client().begin(&spin()).await);
    }
    until(|| site.library.host().runs() == before + count).await;
    streams
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_beyond_slots_and_queue_are_refused() {
    let config = format!("{LONG}[admission]\nqueue = 1\nqueue-timeout = \"1h\"");
    let site = plan().config(&config).runs(2).skill("endings", ENDINGS).start().await;
    let mut running = busy(&site, 2).await;
    // One waits, the next is refused while all goes on.
    let mut waits = site.client().begin(&nothing()).await;
    until_shown(&site, "ringfence_queue 1").await;
    let refused = site.client().send(nothing()).await;
    assert_eq!((refused.status, refused.problem().as_str()), (503, "queue-full"));
    assert_eq!(refused.header("retry-after"), Some("1"));
    assert_eq!(site.library.host().runs(), 2);
    // A place comes free, and who waited gets it.
    running.pop();
    assert_eq!(read(&mut waits).await.expect("an answer").status, 200);
    drop(running);
    until(|| site.library.host().runs() == 0).await;
    assert_eq!(site.client().send(nothing()).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_waits_too_long_is_refused() {
    let config = format!("{LONG}[admission]\nqueue = 1\nqueue-timeout = \"20ms\"");
    let site = plan().config(&config).runs(1).skill("endings", ENDINGS).start().await;
    let running = busy(&site, 1).await;
    for _ in 0..2 {
        let late = site.client().send(nothing()).await;
        assert_eq!((late.status, late.problem().as_str()), (503, "queue-timeout"));
    }
    drop(running);
    until(|| site.library.host().runs() == 0).await;
    until_shown(&site, "ringfence_queue 0").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disconnected_caller_leaves_the_queue() {
    let config = format!("{LONG}[admission]\nqueue = 1\nqueue-timeout = \"1h\"");
    let site = plan().config(&config).runs(1).skill("endings", ENDINGS).start().await;
    let running = busy(&site, 1).await;
    let gone = site.client().begin(&nothing()).await;
    until_shown(&site, "ringfence_queue 1").await;
    drop(gone);
    until_shown(&site, "ringfence_queue 0").await;
    // Its place in the queue is another's.
    let mut waits = site.client().begin(&nothing()).await;
    until_shown(&site, "ringfence_queue 1").await;
    drop(running);
    assert_eq!(read(&mut waits).await.expect("an answer").status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_at_once_of_a_principal() {
    let config = format!("{LONG}[quota]\nconcurrency = 2");
    let site = plan().config(&config).tokens().skill("endings", ENDINGS).start().await;
    let other = site.token("bob", &[Scope::Call], &["*"]);
    site.server.settle().await;
    let running = busy(&site, 2).await;
    let refused = site.client().send(nothing()).await;
    assert_eq!((refused.status, refused.problem().as_str()), (429, "too-many-at-once"));
    assert_eq!(refused.header("retry-after"), Some("1"));
    // Others are not touched by it.
    assert_eq!(site.client_with(Some(&other)).send(nothing()).await.status, 200);
    drop(running);
    until(|| site.library.host().runs() == 0).await;
    assert_eq!(site.client().send(nothing()).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_a_minute() {
    let site = plan().config("[quota]\ncalls-per-minute = 3").skill("endings", ENDINGS).start().await;
    for _ in 0..3 {
        assert_eq!(site.client().send(nothing()).await.status, 200);
    }
    let refused = site.client().send(nothing()).await;
    assert_eq!((refused.status, refused.problem().as_str()), (429, "too-many-calls"));
    let wait: u64 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=20).contains(&wait), "{wait}");
}

#[tokio::test(flavor = "multi_thread")]
async fn fuel_a_minute() {
    // A run may burn 1,000,000; in a minute there are two and a half of that.
    let config = "[limits]\nfuel = 1_000_000\n[quota]\nfuel-per-minute = 2_500_000";
    let site = plan().config(config).skill("endings", ENDINGS).start().await;
    // What is not burnt is given back.
    for _ in 0..5 {
        assert_eq!(site.client().send(nothing()).await.status, 200);
    }
    for _ in 0..2 {
        assert_eq!(site.client().send(spin()).await.json()["outcome"], "out-of-fuel");
    }
    let refused = site.client().send(spin()).await;
    assert_eq!((refused.status, refused.problem().as_str()), (429, "too-much-fuel"));
    // A call that needs less gets it.
    let small = spin().header("ringfence-limits", "fuel=100000");
    assert_eq!(site.client().send(small).await.json()["outcome"], "out-of-fuel");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_that_disconnects_pays_for_the_whole_run() {
    let config =
        "[limits]\ndeadline = \"1h\"\nfuel = 1_000_000_000_000\n[quota]\nfuel-per-minute = 1_000_000_000_000";
    let site = plan().config(config).skill("endings", ENDINGS).start().await;
    drop(busy(&site, 1).await);
    until(|| site.library.host().runs() == 0).await;
    let refused = site.client().send(nothing()).await;
    assert_eq!((refused.status, refused.problem().as_str()), (429, "too-much-fuel"));
}

#[tokio::test(flavor = "multi_thread")]
async fn compilations_an_hour() {
    let site = plan().config("[quota]\ncompiles-per-hour = 2").start().await;
    let put = |name: &str| {
        Request::put(&format!("/v1/skills/{name}")).body(&component(ECHO)).header("prefer", "wait=60")
    };
    assert_eq!(site.client().send(put("a")).await.status, 201);
    assert_eq!(site.client().send(put("b")).await.status, 201);
    let refused = site.client().send(put("c")).await;
    assert_eq!((refused.status, refused.problem().as_str()), (429, "too-many-compilations"));
    assert!(refused.header("retry-after").unwrap().parse::<u64>().unwrap() > 60);
}

#[tokio::test(flavor = "multi_thread")]
async fn memory_for_all_runs() {
    // Room for one run of this skill that runs and some that are parked, and not for ten.
    let config = format!("{LONG}[host]\nmemory = \"3MiB\"\n[admission]\nqueue-timeout = \"0s\"")
        .replace("[limits]", "[limits]\nmemory = \"1MiB\"");
    let site = plan().config(&config).skill("endings", ENDINGS).start().await;
    let (told, mut answers) = tokio::sync::mpsc::unbounded_channel();
    let mut begun = 0;
    let refused = loop {
        // Which of them is refused depends on what is parked just then.
        let (mut stream, told) = (site.client().begin(&spin()).await, told.clone());
        tokio::spawn(async move {
            if let Some(answer) = read(&mut stream).await {
                let _ = told.send(answer);
            }
        });
        begun += 1;
        let answer = site.client().send(nothing()).await;
        let refused = std::iter::once(answer).chain(std::iter::from_fn(|| answers.try_recv().ok()));
        if let Some(refused) = refused.into_iter().find(|answer| answer.status != 200) {
            break refused;
        }
        assert!(begun < 1_000);
    };
    assert_eq!((refused.status, refused.problem().as_str()), (503, "overloaded"));
    assert_eq!(refused.header("retry-after"), Some("1"));
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_bodies_of_one_principal_leave_room_for_others() {
    let config =
        "[limits]\ninput = \"64KiB\"\n[admission]\nbody-memory = \"81MiB\"\n[listen]\nbody-timeout = \"1h\"";
    let site = plan().config(config).tokens().skill("echo", ECHO).start().await;
    let other = site.token("bob", &[Scope::Call], &["*"]);
    site.server.settle().await;
    // All but one byte of as many bodies as fill a quarter of it.
    let slow = Request::post("/v1/skills/echo/tools/echo")
        .header("content-type", "application/json")
        .header("content-length", "65536")
        .body(&[b'x'; 65535]);
    let mut held = Vec::new();
    for _ in 0..400 {
        held.push(site.client().begin(&slow).await);
    }
    let call = || {
        Request::post("/v1/skills/echo/tools/echo").json(&format!(r#"{{"text":"{}"}}"#, "x".repeat(60_000)))
    };
    until_not(&site, call, 200).await;
    assert_eq!(site.client().send(call()).await.problem(), "bodies-full");
    assert_eq!(site.client_with(Some(&other)).send(call()).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn uploads_at_once() {
    let quota = "[quota]\ncompiles-per-hour = 1_000_000\nchanges-per-minute = 1_000_000";
    let site = plan().config(&format!("[admission]\nuploads = 1\n{quota}")).start().await;
    let bytes = component(ECHO);
    // Half of an upload, for as long as the connection is there.
    let slow =
        Request::put("/v1/skills/slow").header("content-length", &bytes.len().to_string()).body(&bytes[..10]);
    let put = || Request::put("/v1/skills/quick").body(&bytes).header("prefer", "wait=60");
    // The slow one has the place if its head is read before the other's; else it is refused, and begins anew.
    let mut first = site.client().begin(&slow).await;
    let mut refused = site.client().send(put()).await;
    for _ in 0..1_000 {
        if refused.status != 201 {
            break;
        }
        first = site.client().begin(&slow).await;
        refused = site.client().send(put()).await;
    }
    assert_eq!((refused.status, refused.problem().as_str()), (503, "uploads-full"));
    drop(first);
    assert_eq!(until_not(&site, put, 503).await.status, 201);
}

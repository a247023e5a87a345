//! `http`: a call over HTTP, to the same server's bare JSON echo: requests a second and CPU time of a request, by wrk on the
//! same cores. Tokens, admission and metrics are on. Then: how late good calls get while half of the connections are
//! hostile, and how soon a call is refused at capacity.

use std::time::Instant;

use axum::Router;
use axum::body::Body;
use tower::ServiceExt as _;

use crate::args::Plan;
use crate::kit::book::Book;
use crate::kit::client::{Client, call};
use crate::kit::clock::thread_cpu;
use crate::kit::guests;
use crate::kit::server::{Ground, Site, UNCOUNTED, runtime};
use crate::kit::stats::{median, quantile};
use crate::kit::wrk::{self, Wrk};

/// One hundred bytes of JSON.
pub(crate) const BODY: &str =
    r#"{"text":"the quick brown fox jumps over the lazy dog, and then it sleeps for a very long while on."}"#;

/// The tool, and the bare echo.
pub(crate) const CALL: &str = "/v1/skills/echo/tools/echo";
const ECHO: &str = "/echo";

/// Never ends by itself.
const SPIN: &str = r#"(component
  (core module $m (func (export "spin") (loop (br 0))))
  (core instance $i (instantiate $m))
  (func (export "spin") (canon lift (core func $i "spin"))))"#;

pub(crate) fn measure(plan: &Plan, book: &mut Book) -> Result<(), String> {
    wrk::installed()?;
    let skills = [("echo".to_owned(), guests::echo()), ("spin".to_owned(), guests::component(SPIN))];
    inside(&Ground::new(UNCOUNTED, &["bench"], &skills), plan, book);
    let site = Site::start(UNCOUNTED, &["bench"], &skills);
    throughput(&site, plan, book);
    hostile(&site, plan, book);
    let config = format!("{UNCOUNTED}[host]\nruns = 2\n[admission]\nqueue = 0\n");
    surplus(&Site::start(&config, &["bench"], &skills), plan, book);
    Ok(())
}

/// The way from request to answer on one thread, without sockets.
fn inside(ground: &Ground, plan: &Plan, book: &mut Book) {
    let calls = plan.scaled(20_000, 100);
    let outer = runtime();
    let server = outer.block_on(ground.server());
    let (router, token) = (server.router(), &ground.tokens["bench"]);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    for (id, path) in [("http-echo-inside", ECHO), ("http-call-inside", CALL)] {
        let cost = || {
            let all = async {
                for _ in 0..calls {
                    ask(&router, token, path).await;
                }
            };
            thread_cpu(|| runtime.block_on(all)).0 * 1e6 / f64::from(calls)
        };
        let costs: Vec<f64> = (0..5).map(|_| cost()).collect();
        book.figure(id, median(&costs));
    }
}

async fn ask(router: &Router, token: &str, path: &str) {
    let request = ::http::Request::post(path)
        .header("host", "localhost")
        .header("authorization", format!("Bearer {token}"))
        .header("content-type", "application/json")
        .header("content-length", BODY.len())
        .body(Body::from(BODY))
        .expect("a request");
    let answer = router.clone().oneshot(request).await.expect("an answer");
    assert_eq!(answer.status(), 200);
    axum::body::to_bytes(answer.into_body(), usize::MAX).await.expect("a body");
}

/// Calls to bare echoes, in turns: a shared machine drifts, neighbours do not.
fn throughput(site: &Site, plan: &Plan, book: &mut Book) {
    let load = |path| Wrk::new(site, &site.tokens["bench"], path, &[], BODY, plan.seconds());
    let (echo, call) = (load(ECHO), load(CALL));
    let (mut bare, mut called) = (Vec::new(), Vec::new());
    for _ in 0..plan.rounds(3) {
        bare.push(echo.run());
        called.push(call.run());
        println!("bare echo   {}", bare[bare.len() - 1]);
        println!("tool call   {}", called[called.len() - 1]);
    }
    let of = |all: &[wrk::Figures], what: fn(&wrk::Figures) -> f64| {
        median(&all.iter().map(what).collect::<Vec<_>>())
    };
    let ratio = |what: fn(&wrk::Figures) -> f64| {
        let ratios = called.iter().zip(&bare).map(|(called, bare)| what(called) / what(bare));
        median(&ratios.collect::<Vec<_>>())
    };
    book.figure("http-echo", of(&bare, |figures| figures.rate));
    book.figure("http-calls", of(&called, |figures| figures.rate));
    book.figure("http-ratio", ratio(|figures| figures.rate));
    book.figure("http-cpu", of(&called, |figures| figures.cpu));
    book.figure("http-cpu-ratio", ratio(|figures| figures.cpu));
    book.figure("http-p50", of(&called, |figures| figures.p50));
    book.figure("http-p99", of(&called, |figures| figures.p99));
}

/// Good calls on half of the connections. On the other half run good ones, then loops.
fn hostile(site: &Site, plan: &Plan, book: &mut Book) {
    let token = &site.tokens["bench"];
    let half = |path, body| Wrk::new(site, token, path, &[], body, plan.seconds()).half();
    let (good, loops) = (half(CALL, BODY), half("/v1/skills/spin/tools/spin", "{}"));
    let neighbours = half(CALL, BODY);
    let beside = |load: &Wrk<'_>| {
        let _load = load.start();
        good.run()
    };
    let mut ratios = Vec::new();
    for _ in 0..plan.rounds(3) {
        let (alone, beside) = (beside(&neighbours), beside(&loops));
        println!("good calls, the other half good      p50 {:.2} ms, p99 {:.2} ms", alone.p50, alone.p99);
        println!("good calls, the other half hostile   p50 {:.2} ms, p99 {:.2} ms", beside.p50, beside.p99);
        ratios.push(beside.p99 / alone.p99);
    }
    book.figure("http-hostile", median(&ratios));
}

/// How soon a call is refused while endless runs hold every place, on both cores.
fn surplus(site: &Site, plan: &Plan, book: &mut Book) {
    let token = &site.tokens["bench"];
    let (good, spin) = (call(token, "echo", "echo", BODY, ""), call(token, "spin", "spin", "{}", ""));
    let wanted = plan.scaled(2_000, 100) as usize;
    let mut client = Client::new(site.address);
    let mut times = Vec::new();
    while times.len() < wanted {
        // Runs end at their deadline: these take their places again, or are refused where there is none.
        let mut hostile = [Client::new(site.address), Client::new(site.address)];
        for client in &mut hostile {
            client.send(&spin).expect("sent");
        }
        for _ in 0..100 {
            let begun = Instant::now();
            if client.ask(&good).is_some_and(|answer| answer.status == 503) {
                times.push(begun.elapsed().as_secs_f64() * 1e3);
            }
        }
    }
    println!("refused at capacity: p50 {:.2} ms, latest {:.2} ms", median(&times), quantile(&times, 1.0));
    book.figure("http-refused-p99", quantile(&times, 0.99));
}

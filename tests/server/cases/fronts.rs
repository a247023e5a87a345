//! The server and the worker of the edge answer the same request alike.

use std::net::SocketAddr;

use ringfence::{CancellationToken, Limits};
use ringfence_edge::serve::{ServeConfig, Server, Tokens};
use ringfence_edge::{Worker, WorkerConfig};
use ringfence_edge_tests::{draft, key, native, skill, trust};
use ringfence_server_tests::client::read;
use ringfence_server_tests::guests::{ECHO, ENDINGS, TALKS};
use ringfence_server_tests::{Answer, Client, Request, Site};
use serde_json::Value;
use tokio::io::AsyncWriteExt as _;

use super::plan;

/// Fuel that no run of these tests uses up before its deadline.
const FUEL: u64 = 1_000_000_000_000;

/// A server and a worker with the same skills and limits.
struct Fronts {
    site: Site,
    edge: SocketAddr,
    stop: CancellationToken,
}

impl Drop for Fronts {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Fronts {
    async fn start(tokens: &str) -> Self {
        let config = format!("[limits]\nfuel = {FUEL}\n[quota]\nfuel-per-minute = {}", FUEL * 1000);
        let mut plan = plan().config(&config);
        let limits = Limits::default().with_fuel(FUEL);
        let mut skills = Vec::new();
        for (name, wat) in [("echo", ECHO), ("endings", ENDINGS), ("talks", TALKS)] {
            plan = plan.skill(name, wat);
            skills.push(skill(name, wat, &limits, &[native()]));
        }
        let site = if tokens.is_empty() { plan.start().await } else { plan.tokens().start().await };
        let bundle = draft(1, skills).sign(&key()).unwrap();
        let worker = Worker::new(WorkerConfig::default(), trust()).unwrap();
        worker.load(&bundle[..], bundle.len() as u64).unwrap();
        let tokens = if tokens.is_empty() { Tokens::default() } else { Tokens::read(tokens).unwrap() };
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let edge = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        tokio::spawn(Server::new(worker, tokens, ServeConfig::default()).serve(listener, stop.clone()));
        Self { site, edge, stop }
    }

    /// The answers of the server and of the worker.
    async fn send(&self, request: &Request) -> [Answer; 2] {
        let token = self.site.token.clone();
        let edge = Client::new(self.edge, token);
        [self.site.client().send(request.clone()).await, edge.send(request.clone()).await]
    }
}

fn call(skill: &str, tool: &str, input: &str) -> Request {
    Request::post(&format!("/v1/skills/{skill}/tools/{tool}")).json(input)
}

/// Headers that say something of the answer.
const HEADERS: [&str; 4] = ["content-type", "retry-after", "www-authenticate", "x-content-type-options"];

#[track_caller]
fn expect_alike([server, edge]: &[Answer; 2], what: &str) {
    assert_eq!(server.status, edge.status, "{what}: {} {}", server.text(), edge.text());
    for name in HEADERS {
        assert_eq!(server.header(name), edge.header(name), "{what}: {name}");
    }
}

/// Everything of a report that two runs of one call share.
fn lasting(report: &Value) -> Value {
    let mut report = report.clone();
    let members = report.as_object_mut().unwrap();
    members.remove("run");
    let usage = members.get_mut("usage").unwrap().as_object_mut().unwrap();
    usage.retain(|name, _| !name.ends_with("_us"));
    report
}

#[tokio::test(flavor = "multi_thread")]
async fn server_and_worker_report_each_outcome_alike() {
    let fronts = Fronts::start("").await;
    for (skill, tool, input, limits, outcome) in [
        ("echo", "echo", r#"{"text": "hi"}"#, "", "completed"),
        ("endings", "nothing", "", "", "completed"),
        ("talks", "talk", r#"{"times": 2}"#, "", "completed"),
        ("endings", "fail", "{}", "", "failed"),
        ("endings", "trap", "{}", "", "trapped"),
        ("endings", "spin", "{}", "fuel=100000", "out-of-fuel"),
        ("endings", "spin", "{}", "deadline=20ms", "deadline-exceeded"),
        ("endings", "grow", "{}", "memory=1MiB", "memory-limit"),
        ("endings", "big", "{}", "output=100", "output-limit"),
        ("talks", "talk", r#"{"times": 9}"#, "host-calls=5", "host-call-limit"),
    ] {
        let mut request = call(skill, tool, input);
        if !limits.is_empty() {
            request = request.header("ringfence-limits", limits);
        }
        let answers = fronts.send(&request).await;
        expect_alike(&answers, outcome);
        let [server, edge] = answers.map(|answer| answer.json());
        assert_eq!((&server["outcome"], &edge["outcome"]), (&outcome.into(), &outcome.into()));
        if outcome == "deadline-exceeded" {
            // How much a run does in a time differs.
            assert_eq!(server["limits"], edge["limits"]);
        } else {
            assert_eq!(lasting(&server), lasting(&edge), "{outcome}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn server_and_worker_answer_each_refusal_alike() {
    let fronts = Fronts::start("").await;
    let echo = || call("echo", "echo", r#"{"text": "hi"}"#);
    let path = "/v1/skills/echo/tools/echo";
    // The last column: whether the two say the same. What to do next differs where the fronts offer different things.
    for (request, status, code, same) in [
        (Request::get("/nothing"), 404, "no-such-resource", false),
        (Request::get("/v1/skills/echo/tools"), 404, "no-such-resource", false),
        (Request::get(path), 405, "method-not-allowed", false),
        (Request::get("/v1/skills/none"), 404, "no-such-skill", true),
        (call("none", "echo", "{}"), 404, "no-such-skill", true),
        (call("NoName", "echo", "{}"), 404, "no-such-skill", true),
        (call("echo", "none", "{}"), 404, "no-such-tool", true),
        (call("echo", "echo", "{}"), 422, "input-mismatch", true),
        (call("echo", "echo", "["), 422, "input-mismatch", true),
        (call("endings", "number", r#"{"n": -1}"#), 422, "input-mismatch", true),
        (echo().header("ringfence-limits", "fuel=0"), 400, "bad-limit", true),
        (echo().header("ringfence-limits", "fuel"), 400, "bad-limit", true),
        (echo().header("ringfence-limits", "speed=1"), 400, "bad-limit", true),
        (echo().header("ringfence-limits", "fuel=\u{e9}"), 400, "bad-limit", true),
        (echo().header("ringfence-limits", "memory=65MiB"), 400, "limit-raised", true),
        (echo().header("ringfence-limits", "input=3"), 413, "body-too-large", true),
        (Request::post(path).header("content-type", "text/plain"), 415, "unsupported-media-type", true),
        (echo().header("content-encoding", "gzip"), 415, "unsupported-encoding", true),
        (Request::post(path).body(b"{\"text\": \"\xFF\"}"), 400, "bad-request", true),
        (echo().header("origin", "https://evil.example"), 403, "origin-not-allowed", false),
        (echo().header("host", "evil.example"), 403, "host-not-allowed", false),
        (
            (0..101).fold(echo(), |echo, at| echo.header(&format!("x-{at}"), "y")),
            431,
            "headers-too-large",
            false,
        ),
    ] {
        let answers = fronts.send(&request).await;
        let what = format!("{code}: {request:?}");
        let [server, edge] = &answers;
        assert_eq!(
            (server.status, edge.status),
            (status, status),
            "{what}: {} {}",
            server.text(),
            edge.text()
        );
        assert_eq!((server.problem(), edge.problem()), (code.to_owned(), code.to_owned()), "{what}");
        expect_alike(&answers, &what);
        if same {
            assert_eq!(server.json(), edge.json(), "{what}");
        } else {
            assert_eq!(server.json()["title"], edge.json()["title"], "{what}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn server_and_worker_answer_strangers_alike() {
    let fronts = Fronts::start(&"a".repeat(32)).await;
    for request in [Request::get("/v1/skills"), call("echo", "echo", "{}"), Request::get("/nothing")] {
        let request = request.header("authorization", "Bearer wrong");
        let answers = fronts.send(&request).await;
        expect_alike(&answers, "a wrong token");
        for answer in &answers {
            assert_eq!((answer.status, answer.problem().as_str()), (401, "unauthorized"));
            assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
        }
    }
    for path in ["/healthz", "/readyz"] {
        let answers = fronts.send(&Request::get(path)).await;
        expect_alike(&answers, path);
        let [server, edge] = answers.map(|answer| answer.json());
        assert_eq!(server, edge, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn server_and_worker_answer_invalid_http_alike() {
    let fronts = Fronts::start("").await;
    let mut problems = Vec::new();
    for address in [fronts.site.address, fronts.edge] {
        let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
        stream.write_all(b"this is no request\r\n\r\n").await.unwrap();
        let answer = read(&mut stream).await.expect("an answer");
        assert_eq!((answer.status, answer.problem().as_str()), (400, "bad-request"));
        problems.push(answer.json());
    }
    assert_eq!(problems[0], problems[1]);
}

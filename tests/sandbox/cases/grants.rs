//! What a run is granted: http, kv, config and secrets, through the implementation of the caller.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use ringfence::{
    Allocator, DenialKind, Granted, HOST_CALL_BYTES, HostCall, Http, HttpBody, HttpError, HttpHead,
    HttpRequest, HttpResponse, Kv, Limits, Outcome, Report, Wait,
};
use ringfence_sandbox_tests::map::Map;
use ringfence_sandbox_tests::{host, relay, runtime};
use serde_json::{Value, json};

fn run(component: Vec<u8>, tool: &str, input: Value, granted: Granted) -> Report {
    run_within(component, tool, input, granted, &Limits::default())
}

fn run_within(component: Vec<u8>, tool: &str, input: Value, granted: Granted, limits: &Limits) -> Report {
    let host = host(Allocator::Pooling);
    let skill = host.load(component).unwrap_or_else(|error| panic!("{error}"));
    let call = host.call(&skill, tool).limits(limits).grant(granted);
    runtime().block_on(call.json(input)).unwrap_or_else(|error| panic!("{error}"))
}

fn completed(report: &Report) -> Value {
    match &report.outcome {
        Outcome::Completed(value) => value.to_value(),
        other => panic!("{other:?}"),
    }
}

fn failed(report: &Report) -> Value {
    match &report.outcome {
        Outcome::Failed(error) => error.to_value(),
        other => panic!("{other:?}"),
    }
}

/// Answers with the URL, the headers of the request, and a body of as many bytes as the path says.
struct Web {
    /// Requests that wait for one another: each until this many are there.
    together: usize,
    arrived: AtomicUsize,
    notify: tokio::sync::Notify,
}

fn web(together: usize) -> Arc<Web> {
    Arc::new(Web { together, arrived: AtomicUsize::new(0), notify: tokio::sync::Notify::new() })
}

struct Zeros(usize);

impl HttpBody for Zeros {
    fn next(&mut self, max: usize) -> Wait<'_, Result<Option<Vec<u8>>, HttpError>> {
        let piece = self.0.min(max);
        self.0 -= piece;
        Box::pin(async move { Ok((piece > 0).then(|| vec![0; piece])) })
    }
}

impl Http for Web {
    fn send<'a>(
        &'a self,
        _: &'a HostCall,
        request: HttpRequest,
    ) -> Wait<'a, Result<HttpResponse, HttpError>> {
        Box::pin(async move {
            if self.arrived.fetch_add(1, Ordering::SeqCst) + 1 == self.together {
                self.notify.notify_waiters();
            } else {
                let notified = self.notify.notified();
                if self.arrived.load(Ordering::SeqCst) < self.together {
                    notified.await;
                }
            }
            let Some(bytes) = request.url.rsplit('/').next().and_then(|last| last.parse().ok()) else {
                let reason = format!("no grant for {}", request.url);
                return Err(HttpError::Denied { kind: DenialKind::NoGrant, reason });
            };
            let mut headers = vec![("x-a".to_owned(), b"b".to_vec())];
            headers.extend(request.headers);
            let head = HttpHead { status: 200, url: request.url, headers };
            Ok(HttpResponse { head, body: Box::new(Zeros(bytes)) })
        })
    }
}

fn request(url: &str) -> Value {
    json!({"method": "GET", "url": url, "headers": [], "body": null, "timeout": null, "redirects": "manual"})
}

#[test]
fn without_a_grant_every_capability_is_denied_and_the_report_says_so() {
    let report =
        run(relay::http(), "fetch", json!({"request": request("http://a.test/3")}), Granted::nothing());
    assert_eq!(failed(&report), json!("denied"));
    assert_eq!(report.denied.len(), 1);
    assert_eq!(report.denied[0].wanted, "GET http://a.test/3");
    assert_eq!(report.denied[0].reason, "no grant for http");

    let report = run(relay::kv(), "get", json!({"key": "a"}), Granted::nothing());
    assert_eq!(failed(&report), json!("denied"));
    assert_eq!(report.usage.capabilities.kv.calls, 1);

    assert_eq!(completed(&run(relay::config(), "get", json!({"key": "a"}), Granted::nothing())), json!(null));
    assert_eq!(
        completed(&run(relay::secrets(), "exists", json!({"name": "a"}), Granted::nothing())),
        json!(false)
    );
}

#[test]
fn a_granted_request_returns_its_response_and_counts() {
    let granted = Granted::nothing().http(web(1));
    let report = run(relay::http(), "fetch", json!({"request": request("http://a.test/3")}), granted);
    let answer = completed(&report);
    assert_eq!(
        answer["head"],
        json!({"status": 200, "url": "http://a.test/3", "headers": [["x-a", "Yg=="]]})
    );
    assert_eq!(answer["body"], json!("AAAA"));
    let http = report.usage.capabilities.http;
    assert_eq!((http.calls, http.sent, http.received), (1, 18, 15 + 4 + 3));
    let shown = serde_json::to_value(&report).expect("a report is JSON");
    assert_eq!(shown["usage"]["capabilities"]["http"]["calls"], json!(1));
    assert_eq!(shown.get("denied"), None);
}

#[test]
fn a_denied_request_is_denied_to_the_guest_and_explained_to_the_operator() {
    let granted = Granted::nothing().http(web(1));
    let report = run(relay::http(), "fetch", json!({"request": request("http://a.test/no")}), granted);
    assert_eq!(failed(&report), json!("denied"));
    assert_eq!(report.denied[0].reason, "no grant for http://a.test/no");
    let mut denial = report.denied[0].clone();
    denial.hide_reason();
    let shown = serde_json::to_value(denial).expect("it is JSON");
    assert_eq!(shown, json!({"capability": "http", "wanted": "GET http://a.test/no", "kind": "no-grant"}));
}

#[test]
fn one_call_fetches_at_most_the_bytes_of_a_host_call() {
    let most = usize::try_from(HOST_CALL_BYTES).expect("it fits");
    let limits = Limits::default().with_output_size(8 << 20).with_fuel(10_000_000_000);
    let fetch = |bytes: usize| {
        let input = json!({"request": request(&format!("http://a.test/{bytes}"))});
        run_within(relay::http(), "fetch", input, Granted::nothing().http(web(1)), &limits)
    };
    assert!(matches!(fetch(most).outcome, Outcome::Completed(_)));
    let over = failed(&fetch(most + 1));
    assert!(over["limit"].as_str().is_some_and(|text| text.contains("`open`")), "{over}");
}

#[test]
fn one_call_sends_headers_up_to_the_bytes_of_a_host_call() {
    let most = usize::try_from(HOST_CALL_BYTES).expect("it fits");
    let limits =
        Limits::default().with_input_size(8 << 20).with_output_size(8 << 20).with_fuel(10_000_000_000);
    let url = "http://a.test/1";
    let fetch = |bytes: usize| {
        let echoed = bytes - url.len() - "x-ab".len();
        let name = "y".repeat(1 + (echoed - 1) % 3);
        // Three bytes in base64 for each four characters.
        let value = "AAAA".repeat((echoed - name.len()) / 3);
        let mut wanted = request(url);
        wanted["headers"] = json!([[name, value]]);
        let granted = Granted::nothing().http(web(1));
        run_within(relay::http(), "fetch", json!({"request": wanted}), granted, &limits)
    };
    assert!(matches!(fetch(most).outcome, Outcome::Completed(_)));
    let over = failed(&fetch(most + 1));
    assert!(over["limit"].as_str().is_some_and(|text| text.contains("headers")), "{over}");
}

/// Each of 200 requests is answered only when all 200 have been sent.
#[test]
fn requests_of_one_call_overlap_and_keep_their_order() {
    let requests: Vec<Value> = (0..200).map(|n| request(&format!("http://a.test/{n}/1"))).collect();
    let limits = Limits::default().with_output_size(8 << 20);
    let granted = Granted::nothing().http(web(200));
    let report = run_within(relay::http(), "fetch-many", json!({"requests": requests}), granted, &limits);
    let answers = completed(&report);
    for (n, answer) in answers.as_array().expect("a list").iter().enumerate() {
        assert_eq!(answer["ok"]["head"]["url"], json!(format!("http://a.test/{n}/1")));
    }
    assert_eq!(report.usage.capabilities.http.calls, 200);
}

#[test]
fn a_call_sends_at_most_256_requests() {
    let many = |count: usize| {
        let requests: Vec<Value> = (0..count).map(|_| request("http://a.test/1")).collect();
        let limits = Limits::default().with_output_size(8 << 20);
        run_within(
            relay::http(),
            "fetch-many",
            json!({"requests": requests}),
            Granted::nothing().http(web(1)),
            &limits,
        )
    };
    assert!(matches!(many(256).outcome, Outcome::Completed(_)));
    assert!(failed(&many(257))["limit"].as_str().is_some_and(|text| text.contains("256")));
}

/// A request without an answer ends with the run.
#[test]
fn a_request_ends_at_the_deadline() {
    struct Dropped(Arc<AtomicUsize>);
    impl Drop for Dropped {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }
    struct Silent(Arc<AtomicUsize>);
    impl Http for Silent {
        fn send<'a>(&'a self, _: &'a HostCall, _: HttpRequest) -> Wait<'a, Result<HttpResponse, HttpError>> {
            let dropped = Dropped(Arc::clone(&self.0));
            Box::pin(async move {
                let _dropped = dropped;
                std::future::pending().await
            })
        }
    }
    let dropped = Arc::new(AtomicUsize::new(0));
    let limits = Limits::default().with_deadline(std::time::Duration::from_millis(20));
    let granted = Granted::nothing().http(Arc::new(Silent(Arc::clone(&dropped))));
    let report =
        run_within(relay::http(), "fetch", json!({"request": request("http://a.test/")}), granted, &limits);
    assert_eq!(report.outcome.name(), "deadline-exceeded");
    assert_eq!(report.usage.capabilities.http.calls, 1);
    assert_eq!(dropped.load(Ordering::SeqCst), 1);
}

#[test]
fn a_granted_space_outlasts_the_run_and_compares_revisions() {
    let map = Arc::new(Map::default());
    let call = |tool: &str, input: Value| {
        run(relay::kv(), tool, input, Granted::nothing().kv(Arc::clone(&map) as Arc<dyn Kv>))
    };
    let set =
        |value: &str, expected: Value| call("set", json!({"key": "a", "value": value, "expected": expected}));
    assert_eq!(completed(&set("AQ==", json!("absent"))), json!(1));
    assert_eq!(failed(&set("Ag==", json!("absent"))), json!({"conflict": 1}));
    assert_eq!(completed(&set("Ag==", json!({"revision": 1}))), json!(2));
    assert_eq!(completed(&call("get", json!({"key": "a"}))), json!({"value": "Ag==", "revision": 2}));
    assert_eq!(completed(&call("increment", json!({"key": "n", "delta": 5}))), json!(5));
    assert_eq!(completed(&call("increment", json!({"key": "n", "delta": -7}))), json!(-2));
    let page = call("list", json!({"prefix": "", "cursor": null, "limit": 1}));
    assert_eq!(completed(&page), json!({"keys": ["a"], "next": "a"}));
    let page = call("list", json!({"prefix": "", "cursor": "a", "limit": 1}));
    assert_eq!(completed(&page), json!({"keys": ["n"]}));
    assert_eq!(completed(&call("delete", json!({"key": "a", "expected": "any"}))), json!(true));
    let report = call("get", json!({"key": "a"}));
    assert_eq!(completed(&report), json!(null));
    assert_eq!((report.usage.capabilities.kv.calls, report.usage.capabilities.kv.sent), (1, 1));
}

#[test]
fn granted_values_and_names_are_read_and_no_others() {
    let values = BTreeMap::from([("base".to_owned(), "https://a.test".to_owned())]);
    let granted = || {
        Granted::nothing()
            .config(Arc::new(values.clone()))
            .secrets(Arc::new(BTreeSet::from(["token".to_owned()])))
    };
    assert_eq!(
        completed(&run(relay::config(), "get", json!({"key": "base"}), granted())),
        json!("https://a.test")
    );
    assert_eq!(completed(&run(relay::config(), "get", json!({"key": "other"}), granted())), json!(null));
    assert_eq!(
        completed(&run(relay::config(), "get-all", json!({}), granted())),
        json!([["base", "https://a.test"]])
    );
    assert_eq!(completed(&run(relay::secrets(), "exists", json!({"name": "token"}), granted())), json!(true));
    assert_eq!(
        completed(&run(relay::secrets(), "exists", json!({"name": "other"}), granted())),
        json!(false)
    );
}

//! `wasi:http` over the trait: requests, responses and bodies, as a guest sees them.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ringfence::{
    Access, Allocator, Clock, DenialKind, Granted, HostCall, Http, HttpBody, HttpError, HttpFailure,
    HttpHead, HttpLimit, HttpRequest, HttpRequestBody, HttpResponse, Limits, Outcome, Redirects, Report,
    Wait,
};
use ringfence_sandbox_tests::wasi_guest::{Texts, guest};
use ringfence_sandbox_tests::{host, runtime};
use serde_json::{Value, json};
use tokio::sync::Notify;

/// A request that arrived whole: method, URL, headers and body.
type Seen = (String, String, Vec<(String, Vec<u8>)>, Vec<u8>);

/// Answers each request by the last part of its path.
#[derive(Default)]
pub(crate) struct Web {
    /// Requests that arrived whole.
    pub(crate) seen: Mutex<Vec<Seen>>,
    /// Requests that have arrived, and how many must have before one is answered.
    arrived: AtomicUsize,
    together: usize,
    notify: Notify,
    /// Futures and bodies that were dropped.
    dropped: Arc<AtomicUsize>,
}

impl Web {
    pub(crate) fn together(together: usize) -> Arc<Self> {
        Arc::new(Self { together, ..Self::default() })
    }
}

struct Dropped(Arc<AtomicUsize>);

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// What a body returns: pieces, then its end; or nothing for ever.
struct Pieces {
    pieces: Vec<Result<Vec<u8>, HttpError>>,
    endless: bool,
    _dropped: Dropped,
}

impl HttpBody for Pieces {
    fn next(&mut self, _: usize) -> Wait<'_, Result<Option<Vec<u8>>, HttpError>> {
        Box::pin(async move {
            if self.pieces.is_empty() {
                return if self.endless { std::future::pending().await } else { Ok(None) };
            }
            // Not there yet: the guest has to wait for it.
            tokio::task::yield_now().await;
            self.pieces.remove(0).map(Some)
        })
    }
}

impl Http for Web {
    fn send<'a>(
        &'a self,
        _: &'a HostCall,
        mut request: HttpRequest,
    ) -> Wait<'a, Result<HttpResponse, HttpError>> {
        let dropped = Dropped(Arc::clone(&self.dropped));
        Box::pin(async move {
            assert_eq!(request.redirects, Redirects::Manual);
            let last = request.url.rsplit('/').next().unwrap_or_default().to_owned();
            match last.as_str() {
                "denied" => {
                    let reason = format!("no grant for {}", request.url);
                    return Err(HttpError::Denied { kind: DenialKind::NoGrant, reason });
                }
                "late" => {
                    tokio::task::yield_now().await;
                    let reason = "its address is private".into();
                    return Err(HttpError::Denied { kind: DenialKind::Address, reason });
                }
                "silent" => std::future::pending().await,
                "slow" => {
                    for _ in 0..100 {
                        tokio::task::yield_now().await;
                    }
                }
                "dns" => {
                    let (told, reason) = ("name not resolved".to_owned(), "no name server".to_owned());
                    return Err(HttpError::Unavailable { failure: HttpFailure::Resolve, told, reason });
                }
                "full" => return Err(HttpError::Limit(HttpLimit::ResponseBody, "too large".into())),
                _ => {}
            }
            if self.arrived.fetch_add(1, Ordering::SeqCst) + 1 == self.together {
                self.notify.notify_waiters();
            } else {
                let notified = self.notify.notified();
                if self.arrived.load(Ordering::SeqCst) < self.together {
                    notified.await;
                }
            }
            let body = match std::mem::take(&mut request.body) {
                HttpRequestBody::Whole(bytes) => bytes,
                HttpRequestBody::Stream { length, mut pieces } => {
                    request.headers.push(("length".to_owned(), format!("{length:?}").into_bytes()));
                    let mut body = Vec::new();
                    while let Some(piece) = pieces.next(1000).await? {
                        assert!((1..=1000).contains(&piece.len()));
                        body.extend(piece);
                    }
                    body
                }
                _ => Vec::new(),
            };
            let seen = (request.method, request.url.clone(), request.headers, body);
            self.seen.lock().expect("not poisoned").push(seen);
            let failed = Err(HttpError::Failed(HttpFailure::Broken, "connection failed".into()));
            let (pieces, endless) = match last.as_str() {
                "broken" => (vec![Ok(b"ab".to_vec()), failed], false),
                "stalls" => (vec![Ok(b"ab".to_vec())], true),
                _ => (vec![Ok(b"abc".to_vec()), Ok(b"defg".to_vec())], false),
            };
            let head = HttpHead {
                status: 203,
                url: request.url,
                headers: vec![("X-A".to_owned(), b"1".to_vec()), ("x-a".to_owned(), b"2".to_vec())],
            };
            Ok(HttpResponse { head, body: Box::new(Pieces { pieces, endless, _dropped: dropped }) })
        })
    }
}

pub(crate) fn run_within(component: Vec<u8>, granted: Granted, limits: &Limits) -> Report {
    let host = host(Allocator::Pooling);
    let skill = host.load(component).unwrap_or_else(|error| panic!("{error}"));
    let call = host.call(&skill, "run").limits(limits).grant(granted);
    runtime().block_on(call.json("{}")).unwrap_or_else(|error| panic!("{error}"))
}

pub(crate) fn run(web: &Arc<Web>, write: impl FnOnce(&mut Texts) -> String) -> Report {
    run_within(guest(write), granted(web), &Limits::default())
}

pub(crate) fn granted(web: &Arc<Web>) -> Granted {
    Granted::nothing().http(Arc::clone(web) as Arc<dyn Http>)
}

#[track_caller]
pub(crate) fn noted(report: &Report) -> Value {
    match &report.outcome {
        Outcome::Completed(value) => value.to_value(),
        other => panic!("{other:?}"),
    }
}

/// Sends a request to a path, and waits for its response in `$a`.
fn get(texts: &mut Texts, path: &str) -> String {
    format!("(local.set $a (call $await (call $send (call $request {}))))", texts.put(path))
}

#[test]
fn without_a_grant_a_request_is_denied_and_the_report_says_so() {
    let component = guest(|texts| get(texts, "/x?secret"));
    let skill = host(Allocator::Pooling).load(component.clone()).expect("it loads");
    let access = |name: &str| {
        skill.imports().iter().find(|import| import.name.contains(name)).map(|import| import.access)
    };
    assert_eq!(access("outgoing-handler"), Some(Access::ByGrant));
    assert_eq!(access("http/types"), Some(Access::Always));
    let text = |texts: &mut Texts| format!("(drop (call $send (call $request {})))", texts.put("/x?secret"));
    let report = run_within(guest(text), Granted::nothing(), &Limits::default());
    assert_eq!(noted(&report), json!([1015]));
    assert_eq!(report.usage.capabilities.http.calls, 1);
    assert_eq!(report.denied[0].wanted, "GET http://a.test/x");
    assert_eq!(report.denied[0].reason, "no grant for http");
}

#[test]
fn a_response_arrives_with_head_body_and_the_end_of_its_trailers() {
    let web = Web::together(1);
    let report = run(&web, |texts| {
        let (get, name) = (get(texts, "/a/x?q=1"), texts.put("X-a"));
        format!(
            r#"{get}
            (call $note (call $"[method]incoming-response.status" (local.get $a)))
            (call $"[method]fields.get" (call $"[method]incoming-response.headers" (local.get $a)) {name} (i32.const 64))
            (call $note (i32.load (i32.const 68)))
            (local.set $b (call $stream (local.get $a)))
            (call $note (call $read (local.get $b) (i64.const 2)))
            (call $note (call $read (local.get $b) (i64.const 100)))
            (call $note (call $read (local.get $b) (i64.const 100)))
            (call $note (call $read (local.get $b) (i64.const 100)))
            (call $"drop input-stream" (local.get $b))
            (local.set $c (call $"[static]incoming-body.finish" (global.get $body)))
            (call $wait (call $"[method]future-trailers.subscribe" (local.get $c)))
            (call $"[method]future-trailers.get" (local.get $c) (i32.const 64))
            ;; Some, ok, ok, none; then some, err.
            (call $note (i32.load8_u (i32.const 64))) (call $note (i32.load8_u (i32.const 72)))
            (call $note (i32.load8_u (i32.const 80))) (call $note (i32.load8_u (i32.const 88)))
            (call $"[method]future-trailers.get" (local.get $c) (i32.const 64))
            (call $note (i32.load8_u (i32.const 64))) (call $note (i32.load8_u (i32.const 72)))"#
        )
    });
    assert_eq!(noted(&report), json!([203, 2, 2, 1, 4, 4_294_967_295_u32, 1, 0, 0, 0, 1, 1]));
    let seen = web.seen.lock().expect("not poisoned");
    assert_eq!(*seen, [("GET".to_owned(), "http://a.test/a/x?q=1".to_owned(), Vec::new(), Vec::new())]);
    let http = report.usage.capabilities.http;
    // Method and URL; URL, two headers and the body.
    assert_eq!((http.calls, http.sent, http.received), (1, 3 + 21, 21 + 8 + 7));
}

/// None before it is there, once the response, and then an error.
#[test]
fn a_future_returns_its_response_once() {
    let report = run(&Web::together(2), |texts| {
        let (one, two) = (texts.put("/1"), texts.put("/2"));
        format!(
            r#"(local.set $a (call $send (call $request {one})))
            (call $"[method]future-incoming-response.get" (local.get $a) (i32.const 64))
            (call $note (i32.load8_u (i32.const 64)))
            (local.set $b (call $send (call $request {two})))
            (drop (call $await (local.get $a)))
            (call $"[method]future-incoming-response.get" (local.get $a) (i32.const 64))
            (call $note (i32.load8_u (i32.const 64))) (call $note (i32.load8_u (i32.const 72)))"#
        )
    });
    assert_eq!(noted(&report), json!([0, 1, 1]));
}

/// No request is answered before all are there, and the guest waits for one after the other.
#[test]
fn two_hundred_requests_overlap_whatever_the_guest_waits_for() {
    let web = Web::together(200);
    let report = run(&web, |texts| {
        let path = texts.put("/x");
        format!(
            r#"(loop $send
              (i32.store (i32.add (i32.const 65536) (i32.mul (local.get $a) (i32.const 4)))
                (call $send (call $request {path})))
              (local.set $a (i32.add (local.get $a) (i32.const 1)))
              (br_if $send (i32.lt_u (local.get $a) (i32.const 200))))
            (local.set $a (i32.const 0))
            (loop $wait
              (if (i32.eq (i32.const -1)
                    (call $await (i32.load (i32.add (i32.const 65536) (i32.mul (local.get $a) (i32.const 4))))))
                (then unreachable))
              (local.set $a (i32.add (local.get $a) (i32.const 1)))
              (br_if $wait (i32.lt_u (local.get $a) (i32.const 200))))
            (call $note (local.get $a))"#
        )
    });
    assert_eq!(noted(&report), json!([200]));
    assert_eq!(report.usage.capabilities.http.calls, 200);
}

/// A body that is finished before it is sent has a length; one that is written afterwards arrives in pieces.
#[test]
fn a_request_has_its_body_whole_or_as_a_stream() {
    let web = Web::together(1);
    let report = run(&web, |texts| {
        let (path, key, value) = (texts.put("/x"), texts.put("X-Key"), texts.put("v"));
        format!(
            r#"(local.set $a (call $"[constructor]fields"))
            (call $"[method]fields.append" (local.get $a) {key} {value} (i32.const 64))
            (local.set $a (call $"[constructor]outgoing-request" (local.get $a)))
            (call $target (local.get $a) {path})
            (drop (call $"[method]outgoing-request.set-method" (local.get $a) (i32.const 2) (i32.const 0) (i32.const 0)))
            (local.set $b (call $body_of (local.get $a)))
            (local.set $c (call $writer (local.get $b)))
            (call $note (call $write (local.get $c) (i32.const 5)))
            (call $"drop output-stream" (local.get $c))
            (call $finish (local.get $b))
            (drop (call $await (call $send (local.get $a))))

            (local.set $a (call $request {path}))
            (local.set $b (call $body_of (local.get $a)))
            (local.set $c (call $writer (local.get $b)))
            (local.set $d (call $send (local.get $a)))
            (call $note (call $write (local.get $c) (i32.const 1500)))
            (call $"[method]output-stream.blocking-write-and-flush" (local.get $c)
              (i32.const 524288) (i32.const 65536) (i32.const 64))
            (call $note (call $written))
            (call $"drop output-stream" (local.get $c))
            (call $finish (local.get $b))
            (call $note (i32.eq (call $await (local.get $d)) (i32.const -1)))"#
        )
    });
    assert_eq!(noted(&report), json!([0, 0, 0, 0, 0, 0]));
    let seen = web.seen.lock().expect("not poisoned");
    assert_eq!(seen[0].0, "POST");
    assert_eq!(
        (seen[0].2.as_slice(), seen[0].3.len()),
        ([("x-key".to_owned(), b"v".to_vec())].as_slice(), 5)
    );
    assert_eq!(
        (seen[1].2.as_slice(), seen[1].3.len()),
        ([("length".to_owned(), b"None".to_vec())].as_slice(), 67_036)
    );
    assert_eq!(report.usage.capabilities.http.sent, (4 + 15 + 6 + 5) + (3 + 15 + 67_036));
}

/// Without a reader the stream takes 64 KiB, and no more until somebody reads.
#[test]
fn a_body_that_nobody_reads_is_bounded() {
    let report = run(&Web::together(2), |texts| {
        let path = texts.put("/x");
        format!(
            r#"(local.set $a (call $request {path}))
            (local.set $c (call $writer (call $body_of (local.get $a))))
            (local.set $d (call $send (local.get $a)))
            (call $note (call $room (local.get $c)))
            (call $note (call $write (local.get $c) (i32.const 65535)))
            (call $note (call $room (local.get $c)))
            (call $note (call $write (local.get $c) (i32.const 1)))
            (call $note (call $room (local.get $c)))
            (call $note (call $"[method]pollable.ready" (call $"[method]output-stream.subscribe" (local.get $c))))
            ;; The second request has the first one read.
            (drop (call $send (call $request {path})))
            (call $wait (call $"[method]output-stream.subscribe" (local.get $c)))
            (call $note (i32.ne (call $room (local.get $c)) (i32.const 0)))"#
        )
    });
    assert_eq!(noted(&report), json!([65536, 0, 1, 0, 0, 0, 1]));
}

#[test]
fn more_than_the_room_traps() {
    let report = run(&Web::together(2), |texts| {
        let path = texts.put("/x");
        format!(
            r#"(local.set $a (call $request {path}))
            (local.set $c (call $writer (call $body_of (local.get $a))))
            (call $note (call $write (local.get $c) (i32.const 65536)))
            (call $note (call $write (local.get $c) (i32.const 1)))"#
        )
    });
    let Outcome::Trapped(trap) = &report.outcome else { panic!("{:?}", report.outcome) };
    assert_eq!(trap.code, "write-too-large");
    assert!(trap.message.contains("`check-write` permits 0"), "{}", trap.message);
}

/// Nothing that was written counts as the whole body if the guest drops it.
#[test]
fn a_body_that_is_not_finished_fails_its_request() {
    let web = Web::together(1);
    let report = run(&web, |texts| {
        let path = texts.put("/x");
        format!(
            r#"(local.set $a (call $request {path}))
            (local.set $b (call $body_of (local.get $a)))
            (local.set $c (call $writer (local.get $b)))
            (local.set $d (call $send (local.get $a)))
            (drop (call $write (local.get $c) (i32.const 100)))
            (call $"drop output-stream" (local.get $c))
            (call $"drop outgoing-body" (local.get $b))
            (drop (call $await (local.get $d)))"#
        )
    });
    assert_eq!(noted(&report), json!([1038]));
    assert_eq!(web.seen.lock().expect("not poisoned").len(), 0);
}

#[test]
fn a_failed_body_tells_its_error_once_and_is_closed() {
    let report = run(&Web::together(1), |texts| {
        let get = get(texts, "/broken");
        format!(
            r#"{get}
            (local.set $b (call $stream (local.get $a)))
            (call $note (call $read (local.get $b) (i64.const 100)))
            (call $note (call $read (local.get $b) (i64.const 100)))
            (call $"http-error-code" (global.get $error) (i32.const 64))
            (call $note (i32.load8_u (i32.const 64))) (call $note (i32.load8_u (i32.const 72)))
            (call $"[method]error.to-debug-string" (global.get $error) (i32.const 64))
            (call $note (i32.gt_u (i32.load (i32.const 68)) (i32.const 5)))
            (call $note (call $read (local.get $b) (i64.const 100)))
            (call $"drop input-stream" (local.get $b))
            (local.set $c (call $"[static]incoming-body.finish" (global.get $body)))
            (call $"[method]future-trailers.get" (local.get $c) (i32.const 64))
            (call $note (i32.load8_u (i32.const 80))) (call $note (i32.load8_u (i32.const 88)))"#
        )
    });
    let (failed, closed) = (u32::MAX - 1, u32::MAX);
    assert_eq!(noted(&report), json!([2, failed, 1, 7, 1, closed, 1, 7]));
}

#[test]
fn errors_have_their_codes_and_denials_their_reasons() {
    let report = run(&Web::together(1), |texts| {
        ["/late", "/dns", "/full", "/denied"].map(|path| get(texts, path)).join("\n")
    });
    assert_eq!(noted(&report), json!([1015, 1001, 1028, 1015]));
    let reasons: Vec<&str> = report.denied.iter().map(|denial| denial.reason.as_str()).collect();
    assert_eq!(reasons, ["its address is private", "no name server", "no grant for http://a.test/denied"]);
}

/// The operator learns of a denial for which the guest never asked.
#[test]
fn a_denial_reaches_the_report_without_the_guest() {
    let report = run(&Web::together(1), |texts| {
        let (late, other) = (texts.put("/late"), texts.put("/x"));
        format!(
            "(drop (call $send (call $request {late})))
            (drop (call $await (call $send (call $request {other}))))"
        )
    });
    assert_eq!(noted(&report), json!([]));
    assert_eq!(report.denied.len(), 1);
}

#[test]
fn a_dropped_future_ends_its_request() {
    let web = Web::together(1);
    let report = run(&web, |texts| {
        let path = texts.put("/silent");
        format!(r#"(call $"drop future-incoming-response" (call $send (call $request {path})))"#)
    });
    assert_eq!(noted(&report), json!([]));
    assert_eq!(web.dropped.load(Ordering::SeqCst), 1);
}

#[test]
fn a_dropped_stream_ends_its_connection() {
    let web = Web::together(1);
    let report = run(&web, |texts| {
        let (get, other) = (get(texts, "/stalls"), get(texts, "/x"));
        format!(
            r#"{get}
            (local.set $b (call $stream (local.get $a)))
            (call $note (call $read (local.get $b) (i64.const 100)))
            (call $note (call $"[method]pollable.ready" (local.tee $c
              (call $"[method]input-stream.subscribe" (local.get $b)))))
            (call $"drop pollable" (local.get $c))
            (call $"drop input-stream" (local.get $b))
            (call $"drop incoming-body" (global.get $body))
            {other}"#
        )
    });
    assert_eq!(noted(&report), json!([2, 0]));
    assert_eq!(web.dropped.load(Ordering::SeqCst), 2);
}

#[test]
fn timeouts_of_the_guest_end_its_requests() {
    let report = run(&Web::together(1), |texts| {
        let (silent, stalls) = (texts.put("/silent"), texts.put("/stalls"));
        format!(
            r#"(local.set $a (call $"[constructor]request-options"))
            (drop (call $"[method]request-options.set-first-byte-timeout" (local.get $a) (i32.const 1) (i64.const 1000000)))
            (call $"[method]request-options.first-byte-timeout" (local.get $a) (i32.const 64))
            (call $note (i32.load (i32.const 72)))
            (drop (call $await (call $send_with (call $request {silent}) (i32.const 1) (local.get $a))))
            (local.set $a (call $"[constructor]request-options"))
            (drop (call $"[method]request-options.set-between-bytes-timeout" (local.get $a) (i32.const 1) (i64.const 1000000)))
            (local.set $b (call $stream (call $await (call $send_with (call $request {stalls}) (i32.const 1) (local.get $a)))))
            (call $note (call $read (local.get $b) (i64.const 100)))
            (call $note (call $read (local.get $b) (i64.const 100)))
            (call $"http-error-code" (global.get $error) (i32.const 64))
            (call $note (i32.load8_u (i32.const 72)))"#
        )
    });
    assert_eq!(noted(&report), json!([1_000_000, 1008, 2, u32::MAX - 1, 9]));
}

/// Polls a response and a timer, and notes how many are ready and which is the first.
fn poll(texts: &mut Texts, path: &str, time: &str) -> String {
    let path = texts.put(path);
    format!(
        r#"(i32.store (i32.const 256) (call $"[method]future-incoming-response.subscribe"
          (call $send (call $request {path}))))
        (i32.store (i32.const 260) (call $"subscribe-duration" (i64.const {time})))
        (call $"poll" (i32.const 256) (i32.const 2) (i32.const 64))
        (call $note (i32.load (i32.const 68)))
        (call $note (i32.load (i32.load (i32.const 64))))"#
    )
}

/// With a fixed clock a wait ends at once, so each request with a timeout would time out.
#[test]
fn a_timer_of_a_fixed_clock_lets_a_response_go_first() {
    let host = host(Allocator::Pooling);
    let skill = host.load(guest(|texts| poll(texts, "/slow", "2000000"))).unwrap();
    let call = host.call(&skill, "run").clock(Clock::Fixed(Duration::ZERO)).grant(granted(&Web::together(1)));
    let report = runtime().block_on(call.json("{}")).unwrap();
    assert_eq!(noted(&report), json!([1, 0]));
}

/// A timer beside a response, and the deadline above both.
#[test]
fn a_poll_waits_for_times_and_responses_at_once() {
    let report = run(&Web::together(1), |texts| poll(texts, "/silent", "2000000"));
    assert_eq!(noted(&report), json!([1, 1]));
    let web = Web::together(1);
    let limits = Limits::default().with_deadline(Duration::from_millis(30));
    let report = run_within(guest(|texts| poll(texts, "/silent", "60000000000")), granted(&web), &limits);
    assert_eq!(report.outcome.name(), "deadline-exceeded");
    assert_eq!(web.dropped.load(Ordering::SeqCst), 1);
}

/// What is read on one side is written on the other.
#[test]
fn a_response_can_be_spliced_into_a_request() {
    let web = Web::together(1);
    let report = run(&web, |texts| {
        let (get, path) = (get(texts, "/x"), texts.put("/y"));
        format!(
            r#"{get}
            (local.set $a (call $stream (local.get $a)))
            (local.set $b (call $request {path}))
            (local.set $c (call $body_of (local.get $b)))
            (local.set $d (call $writer (local.get $c)))
            (loop $more
              (call $"[method]output-stream.blocking-splice" (local.get $d) (local.get $a) (i64.const 2) (i32.const 64))
              (if (i32.eqz (i32.load8_u (i32.const 64))) (then
                (call $note (i32.load (i32.const 72)))
                (br $more))))
            (call $"drop output-stream" (local.get $d))
            (call $finish (local.get $c))
            (drop (call $await (call $send (local.get $b))))"#
        )
    });
    assert_eq!(noted(&report), json!([2, 1, 2, 2, 0]));
    assert_eq!(web.seen.lock().expect("not poisoned")[1].3, b"abcdefg");
}

//! `wasi:http`: what headers, lengths and targets may be, and how many there may be of each.

use ringfence::{Limits, Outcome};
use ringfence_sandbox_tests::wasi_guest::{Texts, guest};
use serde_json::json;

use super::wasi_http::{Web, granted, noted, run, run_within};

/// Appends a header to `$a`, and notes the discriminants of the result and its error.
fn append(texts: &mut Texts, name: &str, value: &str) -> String {
    let (name, value) = (texts.put(name), texts.put(value));
    format!(
        r#"(i32.store (i32.const 64) (i32.const 0))
        (call $"[method]fields.append" (local.get $a) {name} {value} (i32.const 64))
        (call $note (i32.add (i32.mul (i32.load8_u (i32.const 64)) (i32.const 10)) (i32.load8_u (i32.const 65))))"#
    )
}

const GOOD: u32 = 0;
const SYNTAX: u32 = 10;
const FORBIDDEN: u32 = 11;
const IMMUTABLE: u32 = 12;

#[test]
fn names_and_values_that_break_a_message_are_refused() {
    let cases = [
        ("x-a", "b", GOOD),
        ("X-A!#$%&'*+-.^_`|~9", "tab\tand é", GOOD),
        ("", "b", SYNTAX),
        ("x a", "b", SYNTAX),
        ("x:a", "b", SYNTAX),
        ("xé", "b", SYNTAX),
        ("x-a", "b\r\nhost: evil", SYNTAX),
        ("x-a", "b\0", SYNTAX),
        ("x-a", "b\x7f", SYNTAX),
        ("Host", "evil", FORBIDDEN),
        ("transfer-encoding", "chunked", FORBIDDEN),
        ("CONNECTION", "close", FORBIDDEN),
        ("te", "trailers", FORBIDDEN),
        ("expect", "100-continue", FORBIDDEN),
        ("content-length", "+5", SYNTAX),
        ("content-length", "", SYNTAX),
        ("content-length", "5, 5", SYNTAX),
        ("content-length", "18446744073709551616", SYNTAX),
        ("content-length", "5", GOOD),
        // A second one is another reading of the same message.
        ("Content-Length", "5", SYNTAX),
    ];
    let report = run(&Web::together(1), |texts| {
        let appends: String = cases.iter().map(|(name, value, _)| append(texts, name, value)).collect();
        format!(r#"(local.set $a (call $"[constructor]fields")) {appends}"#)
    });
    let expected: Vec<u32> = cases.iter().map(|case| case.2).collect();
    assert_eq!(noted(&report), json!(expected));
}

#[test]
fn headers_of_a_message_cannot_be_changed_and_copies_can() {
    let report = run(&Web::together(1), |texts| {
        let (path, change) = (texts.put("/x"), append(texts, "x-a", "b"));
        let has = texts.put("x-a");
        format!(
            r#"(local.set $b (call $request {path}))
            (local.set $a (call $"[method]outgoing-request.headers" (local.get $b)))
            {change}
            (call $"[method]fields.delete" (local.get $a) {has} (i32.const 64))
            (call $note (i32.load8_u (i32.const 65)))
            (local.set $a (call $"[method]fields.clone" (local.get $a)))
            {change}
            (call $note (call $"[method]fields.has" (local.get $a) {has}))
            (local.set $a (call $await (call $send (local.get $b))))
            (local.set $a (call $"[method]incoming-response.headers" (local.get $a)))
            {change}"#
        )
    });
    assert_eq!(noted(&report), json!([IMMUTABLE, 2, GOOD, 1, IMMUTABLE]));
}

#[test]
fn set_replaces_all_values_and_delete_removes_them() {
    let report = run(&Web::together(1), |texts| {
        let (one, two) = (append(texts, "x-a", "1"), append(texts, "X-A", "2"));
        let (name, other) = (texts.put("x-A"), texts.put("only"));
        format!(
            r#"(local.set $a (call $"[constructor]fields")) {one} {two}
            (call $"[method]fields.get" (local.get $a) {name} (i32.const 64))
            (call $note (i32.load (i32.const 68)))
            (call $pair (i32.const 256) {other})
            (call $"[method]fields.set" (local.get $a) {name} (i32.const 256) (i32.const 1) (i32.const 64))
            (call $"[method]fields.get" (local.get $a) {name} (i32.const 64))
            (call $note (i32.load (i32.const 68)))
            (call $note (i32.load (i32.add (i32.load (i32.const 64)) (i32.const 4))))
            (call $"[method]fields.delete" (local.get $a) {name} (i32.const 64))
            (call $"[method]fields.entries" (local.get $a) (i32.const 64))
            (call $note (i32.load (i32.const 68)))"#
        )
    });
    assert_eq!(noted(&report), json!([GOOD, GOOD, 2, 1, 4, 0]));
}

/// Appends a header of 100 bytes so many times: each takes 5 + 100 + 32 bytes.
fn appended(times: u32) -> ringfence::Report {
    let component = guest(|texts| {
        let (name, value) = (texts.put("x-abc"), texts.put(&"v".repeat(100)));
        format!(
            r#"(local.set $a (call $"[constructor]fields"))
            (loop $more
              (call $"[method]fields.append" (local.get $a) {name} {value} (i32.const 64))
              (local.set $b (i32.add (local.get $b) (i32.const 1)))
              (br_if $more (i32.lt_u (local.get $b) (i32.const {times}))))
            (call $note (local.get $b))"#
        )
    });
    run_within(component, granted(&Web::together(1)), &Limits::default())
}

/// The handles keep the headers when the request is gone. Headers of 1,000 entries of 137 bytes fit 7 times.
#[test]
fn headers_of_a_request_count_for_each_handle() {
    let taken = |times: u32| {
        let component = guest(|texts| {
            let (name, value) = (texts.put("x-abc"), texts.put(&"v".repeat(100)));
            format!(
                r#"(local.set $a (call $"[constructor]fields"))
                (loop $more
                  (call $"[method]fields.append" (local.get $a) {name} {value} (i32.const 64))
                  (local.set $b (i32.add (local.get $b) (i32.const 1)))
                  (br_if $more (i32.lt_u (local.get $b) (i32.const 1000))))
                (local.set $c (call $"[constructor]outgoing-request" (local.get $a)))
                (local.set $b (i32.const 0))
                (loop $take
                  (drop (call $"[method]outgoing-request.headers" (local.get $c)))
                  (local.set $b (i32.add (local.get $b) (i32.const 1)))
                  (br_if $take (i32.lt_u (local.get $b) (i32.const {times}))))"#
            )
        });
        run_within(component, granted(&Web::together(1)), &Limits::default())
    };
    assert_eq!(noted(&taken(6)), json!([]));
    traps(&taken(7), "too-many-fields");
}

#[track_caller]
fn traps(report: &ringfence::Report, code: &str) {
    let Outcome::Trapped(trap) = &report.outcome else { panic!("{:?}", report.outcome) };
    assert_eq!(trap.code, code, "{}", trap.message);
}

#[test]
fn one_fields_has_at_most_a_thousand_entries() {
    assert_eq!(noted(&appended(1000)), json!([1000]));
    traps(&appended(1001), "too-many-fields");
}

/// Copies of 1,000 entries of 137 bytes: 7 of them are the most that 1 MiB has room for.
#[test]
fn all_fields_of_a_run_take_a_mebibyte_at_most() {
    let copied = |copies: u32, dropped: bool| {
        let component = guest(|texts| {
            let (name, value) = (texts.put("x-abc"), texts.put(&"v".repeat(100)));
            let drop = if dropped { r#"call $"drop fields""# } else { "drop" };
            format!(
                r#"(local.set $a (call $"[constructor]fields"))
                (loop $more
                  (call $"[method]fields.append" (local.get $a) {name} {value} (i32.const 64))
                  (local.set $b (i32.add (local.get $b) (i32.const 1)))
                  (br_if $more (i32.lt_u (local.get $b) (i32.const 1000))))
                (local.set $b (i32.const 0))
                (loop $copy
                  ({drop} (call $"[method]fields.clone" (local.get $a)))
                  (local.set $b (i32.add (local.get $b) (i32.const 1)))
                  (br_if $copy (i32.lt_u (local.get $b) (i32.const {copies}))))"#
            )
        });
        run_within(component, granted(&Web::together(1)), &Limits::default())
    };
    assert_eq!(1_048_576 / 137_000, 7);
    assert_eq!(noted(&copied(6, false)), json!([]));
    traps(&copied(7, false), "too-many-fields");
    assert_eq!(noted(&copied(100, true)), json!([]));
}

/// Writes so many bytes of a body that is declared as 100, and finishes it.
fn declared(bytes: u32, early: bool) -> serde_json::Value {
    let web = Web::together(1);
    let report = run(&web, |texts| {
        let (path, name, value) = (texts.put("/x"), texts.put("content-length"), texts.put("100"));
        let (before, after) = match early {
            true => ("", "(local.set $e (call $send (local.get $d)))"),
            false => ("(local.set $e (call $send (local.get $d)))", ""),
        };
        format!(
            r#"(local.set $a (call $"[constructor]fields"))
            (call $"[method]fields.append" (local.get $a) {name} {value} (i32.const 64))
            (local.set $d (call $"[constructor]outgoing-request" (local.get $a)))
            (call $target (local.get $d) {path})
            (local.set $b (call $body_of (local.get $d)))
            (local.set $c (call $writer (local.get $b)))
            {before}
            (call $note (call $write (local.get $c) (i32.const {bytes})))
            (call $"drop output-stream" (local.get $c))
            (call $finish (local.get $b))
            {after}
            (if (i32.ne (call $await (local.get $e)) (i32.const -1)) (then (call $note (i32.const 200))))"#
        )
    });
    let seen = web.seen.lock().expect("not poisoned");
    let lengths: Vec<usize> = seen.iter().map(|seen| seen.3.len()).collect();
    assert!(seen.iter().all(|seen| seen.2.iter().all(|(name, _)| name != "content-length")));
    json!([noted(&report), lengths])
}

#[test]
fn a_body_has_its_declared_length_or_its_request_fails() {
    let failed = u32::MAX - 1;
    for early in [true, false] {
        assert_eq!(declared(100, early), json!([[0, 0, 200], [100]]));
        // HTTP-request-body-size.
        assert_eq!(declared(99, early)[0].as_array().map(|noted| noted[1].clone()), Some(json!(1017)));
        assert_eq!(declared(101, early)[0].as_array().map(|noted| noted[0].clone()), Some(json!(failed)));
        assert_eq!(declared(99, early)[1], json!([]));
        assert_eq!(declared(101, early)[1], json!([]));
    }
}

#[test]
fn a_declared_length_needs_a_body() {
    let report = run(&Web::together(1), |texts| {
        let (path, name, value) = (texts.put("/x"), texts.put("content-length"), texts.put("1"));
        format!(
            r#"(local.set $a (call $"[constructor]fields"))
            (call $"[method]fields.append" (local.get $a) {name} {value} (i32.const 64))
            (local.set $d (call $"[constructor]outgoing-request" (local.get $a)))
            (call $target (local.get $d) {path})
            (drop (call $send (local.get $d)))"#
        )
    });
    assert_eq!(noted(&report), json!([1017]));
}

#[test]
fn a_request_has_one_target_and_a_method_that_is_sent() {
    let paths = [
        ("/ok", 0),
        ("?q", 0),
        ("", 0),
        ("http://evil/", 1),
        ("//evil", 0),
        ("*", 1),
        ("/a#b", 1),
        ("/a b", 1),
    ];
    let hosts =
        [("b.test", 0), ("b.test:80", 0), ("u:p@b.test", 1), ("b.test/x", 1), ("b.test?", 1), ("b test", 1)];
    let web = Web::together(1);
    let report = run(&web, |texts| {
        let mut code = String::new();
        let base = texts.put("/");
        for (path, _) in paths {
            let path = texts.put(path);
            code += &format!(
                r#"(local.set $a (call $request {base}))
                (local.tee $b (call $"[method]outgoing-request.set-path-with-query" (local.get $a) (i32.const 1) {path}))
                (call $note)
                (if (i32.eqz (local.get $b)) (then (drop (call $send (local.get $a)))))"#
            );
        }
        for (host, _) in hosts {
            let host = texts.put(host);
            code += &format!(
                r#"(local.set $a (call $request {base}))
                (local.tee $b (call $"[method]outgoing-request.set-authority" (local.get $a) (i32.const 1) {host}))
                (call $note)
                (if (i32.eqz (local.get $b)) (then (drop (call $send (local.get $a)))))"#
            );
        }
        // CONNECT, TRACE, a port without a host, and no authority at all.
        for method in [5, 7] {
            code += &format!(
                r#"(local.set $a (call $request {base}))
                (drop (call $"[method]outgoing-request.set-method" (local.get $a) (i32.const {method}) (i32.const 0) (i32.const 0)))
                (drop (call $send (local.get $a)))"#
            );
        }
        let port = texts.put(":80");
        code += &format!(
            r#"(local.set $a (call $request {base}))
            (drop (call $"[method]outgoing-request.set-authority" (local.get $a) (i32.const 1) {port}))
            (drop (call $send (local.get $a)))
            (drop (call $send (call $"[constructor]outgoing-request" (call $"[constructor]fields"))))"#
        );
        code
    });
    let expected: Vec<u32> =
        paths.iter().chain(&hosts).map(|case| case.1).chain([1018, 1018, 1019, 1019]).collect();
    assert_eq!(noted(&report), json!(expected));
    let urls: Vec<String> =
        web.seen.lock().expect("not poisoned").iter().map(|seen| seen.1.clone()).collect();
    assert_eq!(
        urls,
        [
            "http://a.test/ok",
            "http://a.test/?q",
            "http://a.test/",
            "http://a.test//evil",
            "http://b.test/",
            "http://b.test/"
        ]
    );
}

/// More requests than that, each dropped before the next.
fn sent_again() -> ringfence::Report {
    run(&Web::together(1000), |texts| {
        let path = texts.put("/silent");
        format!(
            r#"(loop $send
              (call $"drop future-incoming-response" (call $send (call $request {path})))
              (local.set $a (i32.add (local.get $a) (i32.const 1)))
              (br_if $send (i32.lt_u (local.get $a) (i32.const 300))))"#
        )
    })
}

/// 256 requests that are not answered, and one more.
#[test]
fn a_run_has_at_most_256_requests_at_once() {
    let sent = |requests: u32, more: &'static str| {
        run(&Web::together(1000), |texts| {
            let path = texts.put("/silent");
            format!(
                r#"(loop $send
                  (local.set $b (call $send (call $request {path})))
                  (local.set $a (i32.add (local.get $a) (i32.const 1)))
                  (br_if $send (i32.lt_u (local.get $a) (i32.const {requests}))))
                {more}
                (call $note (local.get $a))"#
            )
        })
    };
    assert_eq!(noted(&sent(256, "")), json!([256]));
    // connection-limit-reached
    assert_eq!(noted(&sent(257, "")), json!([1011, 257]));
    assert_eq!(noted(&sent_again()), json!([]));
}

#[test]
fn a_run_has_at_most_a_thousand_handles() {
    let report = run(&Web::together(1), |_| {
        r#"(loop $more (drop (call $"[constructor]request-options")) (br $more))"#.to_owned()
    });
    traps(&report, "too-many-handles");
    let report = run(&Web::together(1), |_| {
        r#"(loop $more (drop (call $"[constructor]fields")) (br $more))"#.to_owned()
    });
    traps(&report, "too-many-handles");
}

/// Trailers are not sent: a guest that needs them learns it.
#[test]
fn trailers_of_a_request_are_refused() {
    let web = Web::together(1);
    let report = run(&web, |texts| {
        let (path, change) = (texts.put("/x"), append(texts, "x-a", "b"));
        format!(
            r#"(local.set $d (call $request {path}))
            (local.set $b (call $body_of (local.get $d)))
            (local.set $e (call $send (local.get $d)))
            (local.set $a (call $"[constructor]fields")) {change}
            (call $"[static]outgoing-body.finish" (local.get $b) (i32.const 1) (local.get $a) (i32.const 64))
            (call $note (i32.load8_u (i32.const 72)))
            (drop (call $await (local.get $e)))"#
        )
    });
    assert_eq!(noted(&report), json!([GOOD, 38, 1038]));
    assert_eq!(web.seen.lock().expect("not poisoned").len(), 0);
}

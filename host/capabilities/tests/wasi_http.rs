//! `wasi:http` through the door, to a server of the test.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a test fails by panicking"
)]

use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

use ringfence::{Allocator, Limits, Outcome, Report};
use ringfence_capabilities::{Capabilities, subject_of};
use ringfence_egress::{Door, DoorConfig, Lookup, Resolve};
use ringfence_policy::Policy;
use ringfence_sandbox_tests::host;
use ringfence_sandbox_tests::wasi_guest::guest;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// Every name is this machine.
#[derive(Debug)]
struct Here;

impl Resolve for Here {
    fn resolve<'a>(&'a self, _: &'a str) -> Lookup<'a> {
        Box::pin(async { Ok(vec![IpAddr::from([127, 0, 0, 1])]) })
    }
}

/// Reads a request to its end. Returns its head in lower case, and the bytes of its body as they came.
async fn request(stream: &mut TcpStream) -> Option<(String, Vec<u8>)> {
    let mut bytes = Vec::new();
    loop {
        let head = bytes.windows(4).position(|end| end == b"\r\n\r\n");
        if let Some(head) = head {
            let text = String::from_utf8_lossy(&bytes[..head]).to_lowercase();
            let body = &bytes[head + 4..];
            let length: Option<usize> =
                text.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
            let whole = match (length, text.contains("transfer-encoding: chunked")) {
                (Some(length), _) => body.len() == length,
                (None, true) => body.ends_with(b"0\r\n\r\n"),
                (None, false) => true,
            };
            if whole {
                return Some((text, body.to_vec()));
            }
        }
        let mut piece = [0; 4096];
        match stream.read(&mut piece).await {
            Ok(0) | Err(_) => return None,
            Ok(read) => bytes.extend_from_slice(&piece[..read]),
        }
    }
}

/// Answers each request with its first line, how its body was framed, and the number of bytes that came.
async fn serve(listener: TcpListener) {
    loop {
        let Ok((mut stream, _)) = listener.accept().await else { return };
        tokio::spawn(async move {
            while let Some((head, body)) = request(&mut stream).await {
                let line = head.lines().next().unwrap_or_default();
                let chunked = head.contains("transfer-encoding: chunked");
                let from = head.lines().find_map(|line| line.strip_prefix("x-from: ")).unwrap_or("-");
                let text = match line.contains("/large") {
                    true => "x".repeat(100_000),
                    false => format!("{line} chunked={chunked} from={from} body={}", body.len()),
                };
                let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{text}", text.len());
                if stream.write_all(answer.as_bytes()).await.is_err() {
                    return;
                }
            }
        });
    }
}

/// Runs a tool of a component that is made for the port of the server, under a grant in which `PORT` is that port.
fn run(component: impl FnOnce(u16) -> Vec<u8>, tool: &str, input: &str, grant: &str) -> Report {
    let host = host(Allocator::Pooling);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.expect("a runtime").block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let server = tokio::spawn(serve(listener));
        let skill = host.load(component(port)).unwrap_or_else(|error| panic!("{error}"));
        let policy = Policy::of_lines([grant.replace("PORT", &port.to_string()).as_str()]).expect("a grant");
        let door = Door::new(DoorConfig::new(Arc::new(Here)));
        let granted = Capabilities::new(policy).with_door(door).granted(&skill, subject_of(&skill));
        let call = host.call(&skill, tool).limits(&limits()).grant(granted);
        let input = input.replace("PORT", &port.to_string());
        let report = call.json(input.as_str()).await.unwrap_or_else(|error| panic!("{error}"));
        server.abort();
        report
    })
}

fn limits() -> Limits {
    Limits::default().with_fuel(10_000_000_000)
}

/// Runs instructions: `PATH` is the path's address and length, `TARGET` sends the request `$a` to the server.
fn sends(path: &str, code: &str, grant: &str) -> Report {
    let component = |port: u16| {
        guest(|texts| {
            let authority = texts.put(&format!("a.test:{port}"));
            let set = format!(
                r#"(drop (call $"[method]outgoing-request.set-authority" (local.get $a) (i32.const 1) {authority}))"#
            );
            code.replace("PATH", &texts.put(path)).replace("TARGET", &set)
        })
    };
    run(component, "run", "{}", grant)
}

#[track_caller]
fn completed(report: &Report) -> Value {
    match &report.outcome {
        Outcome::Completed(value) => value.to_value(),
        other => panic!("{other:?}, denied: {:?}", report.denied),
    }
}

const LOCAL: &str = "http GET,POST http://a.test:PORT/ private=127.0.0.0/8";

/// Reads a body to its end, and notes how many bytes it had, and the outcome of the last read.
const READ_ALL: &str = r#"
  (local.set $b (call $stream (local.get $a)))
  (loop $more
    (local.set $c (call $read (local.get $b) (i64.const 65536)))
    (if (i32.gt_s (local.get $c) (i32.const 0)) (then
      (local.set $d (i32.add (local.get $d) (local.get $c)))
      (br $more))))
  (call $note (local.get $d))
  (call $note (local.get $c))"#;

const GET: &str =
    "(local.set $a (call $request PATH)) TARGET (local.set $a (call $await (call $send (local.get $a))))";

#[test]
fn a_granted_request_goes_through_the_door() {
    let report = sends("/large", &format!("{GET} {READ_ALL}"), LOCAL);
    assert_eq!(completed(&report), json!([100_000, u32::MAX]));
    assert!(report.usage.capabilities.http.received > 100_000);
}

#[test]
fn a_refused_address_is_denied_like_everything_else() {
    let report = sends("/large", GET, "http GET http://a.test:PORT/");
    assert_eq!(completed(&report), json!([1015]));
    assert!(report.denied[0].reason.contains("127.0.0.1"), "{}", report.denied[0].reason);
    let report = sends("/large", GET, "http GET http://b.test/");
    assert_eq!(completed(&report), json!([1015]));
    assert!(report.denied[0].reason.contains("add"), "{}", report.denied[0].reason);
}

/// Bytes of the response that the grant allows, and one less.
#[test]
fn caps_of_the_grant_have_their_codes() {
    let capped = |bytes: u32| {
        sends("/large", &format!("{GET} {READ_ALL}"), &format!("{LOCAL} response-bytes={bytes}"))
    };
    assert_eq!(completed(&capped(100_000)), json!([100_000, u32::MAX]));
    let over = |bytes: u32| completed(&sends("/large", GET, &format!("{LOCAL} response-bytes={bytes}")));
    assert_eq!(over(99_999), json!([1028]));
}

/// Two mebibytes in pieces, while the server reads.
#[test]
fn a_large_body_is_sent_while_the_guest_writes() {
    let code = r#"
      (local.set $a (call $request PATH)) TARGET
      (drop (call $"[method]outgoing-request.set-method" (local.get $a) (i32.const 2) (i32.const 0) (i32.const 0)))
      (local.set $b (call $body_of (local.get $a)))
      (local.set $c (call $writer (local.get $b)))
      (local.set $d (call $send (local.get $a)))
      (loop $more
        (call $"[method]output-stream.blocking-write-and-flush" (local.get $c)
          (i32.const 1048576) (i32.const 65536) (i32.const 64))
        (if (call $written) (then unreachable))
        (local.set $e (i32.add (local.get $e) (i32.const 1)))
        (br_if $more (i32.lt_u (local.get $e) (i32.const 32))))
      (call $"drop output-stream" (local.get $c))
      (call $finish (local.get $b))
      (local.set $a (call $await (local.get $d)))
      (local.set $d (i32.const 0))
      (call $note (call $"[method]incoming-response.status" (local.get $a)))"#;
    let report = sends("/up", code, &format!("{LOCAL} request-bytes=4MiB"));
    assert_eq!(completed(&report), json!([0, 200]));
    assert!(report.usage.capabilities.http.sent > 2 << 20);
    // The grant's cap ends the request while it is sent.
    let report = sends(
        "/up",
        &code.replace("(if (call $written) (then unreachable))", "(drop (call $written))"),
        LOCAL,
    );
    let Outcome::Completed(_) = &report.outcome else { return };
    assert_ne!(completed(&report), json!([0, 200]));
}

/// The client of `wstd`, as its users build it: a short body has a length, and requests overlap.
#[test]
fn a_program_of_wstd_sends_requests() {
    let component = |_| {
        let path =
            Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/origins/rust-wstd/rust-wstd.wasm"));
        std::fs::read(path).expect("it is committed")
    };
    let grant = "http GET,POST http://127.0.0.1:PORT/ private=127.0.0.0/8";
    let get = run(component, "get", r#"{"url": "http://127.0.0.1:PORT/x?q=1"}"#, grant);
    assert_eq!(completed(&get), json!("200 50 get /x?q=1 http/1.1 chunked=false from=wstd body=0"));
    let post = run(component, "post", r#"{"url": "http://127.0.0.1:PORT/p", "body": "hello"}"#, grant);
    assert_eq!(completed(&post), json!("200 47 post /p http/1.1 chunked=false from=wstd body=5"));
    let both = run(
        component,
        "both",
        r#"{"one": "http://127.0.0.1:PORT/1", "two": "http://127.0.0.1:PORT/2"}"#,
        grant,
    );
    assert!(completed(&both).as_str().is_some_and(|text| text.contains("get /1") && text.contains("get /2")));
    assert_eq!(both.usage.capabilities.http.calls, 2);
}

//! Servers that break HTTP, or that send what the host did not ask for.

use ringfence_egress::{BadResponse, EgressError, GuestError, Limit, Outgoing};

use crate::site::{Answer, allowed, ok};

async fn bad(answer: &'static str) -> Result<String, EgressError> {
    let (_site, gate, base) = allowed("", move |_| answer).await;
    gate.text(&base).await
}

#[tokio::test]
async fn responses_with_two_readings_are_refused() {
    for (answer, expected) in [
        (
            "HTTP/1.1 200 OK\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
            BadResponse::Framing,
        ),
        ("HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 5\r\n\r\nhello", BadResponse::Framing),
        ("HTTP/1.1 200 OK\r\ncontent-length: 5, 5\r\n\r\nhello", BadResponse::Framing),
        ("HTTP/1.1 200 OK\r\ncontent-length: 5, 6\r\n\r\nhello", BadResponse::Malformed),
        ("HTTP/1.1 200 OK\r\ncontent-length: 0x5\r\n\r\nhello", BadResponse::Malformed),
        ("HTTP/1.1 200 OK\ncontent-length: 5\n\nhello", BadResponse::Malformed),
        ("HTTP/1.1 200 OK\r\nx: a\nset-cookie: b\r\ncontent-length: 0\r\n\r\n", BadResponse::Malformed),
        ("HTTP/1.1 200 OK\r\nx: a\rset-cookie: b\r\ncontent-length: 0\r\n\r\n", BadResponse::Malformed),
        (
            "HTTP/1.1 103 Hints\nlink: a\n\nHTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
            BadResponse::Malformed,
        ),
        (
            "HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
            BadResponse::Malformed,
        ),
        ("HTTP/1.1 200 OK\r\ntransfer-encoding: xchunked\r\n\r\n0\r\n\r\n", BadResponse::Framing),
        (
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3;a=b\nabc\r\n0\r\n\r\n",
            BadResponse::Malformed,
        ),
        (
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n-3\r\nabc\r\n0\r\n\r\n",
            BadResponse::Malformed,
        ),
        (
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0x3\r\nabc\r\n0\r\n\r\n",
            BadResponse::Malformed,
        ),
        ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc0\r\n\r\n", BadResponse::Malformed),
        ("HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nhello", BadResponse::Malformed),
        ("HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n", BadResponse::Framing),
        (
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
            BadResponse::Framing,
        ),
        ("HTTP/1.1 200 OK\r\ntransfer-encoding: identity\r\n\r\nhello", BadResponse::Framing),
        ("HTTP/1.1 200 OK\r\ncontent-length: +5\r\n\r\nhello", BadResponse::Malformed),
        ("HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\nhello", BadResponse::Malformed),
        ("HTTP/1.1 200 OK\r\ncontent-length: 99999999999999999999\r\n\r\nhello", BadResponse::Malformed),
        (
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\nabc\r\n0\r\n\r\n",
            BadResponse::Malformed,
        ),
        (
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nfffffffffffffffff\r\nabc\r\n0\r\n\r\n",
            BadResponse::Malformed,
        ),
        (
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabcXX\r\n0\r\n\r\n",
            BadResponse::Malformed,
        ),
        ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nab", BadResponse::Malformed),
        ("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhello", BadResponse::Malformed),
        ("HTTP/1.1 200 OK\r\nx y: z\r\n\r\n", BadResponse::Malformed),
        ("HTTP/1.1 200 OK\r\nx : z\r\n\r\n", BadResponse::Malformed),
        ("HTTP/1.1 200 OK\r\nx: a\r\n b\r\n\r\n", BadResponse::Malformed),
        ("HTTP/1.1 200 OK\r\nx: a\0b\r\n\r\n", BadResponse::Malformed),
        ("HTTP/1.1 2000 OK\r\n\r\n", BadResponse::Malformed),
        ("HTTP/3.0 200 OK\r\n\r\n", BadResponse::Malformed),
        ("hello", BadResponse::Malformed),
        ("", BadResponse::Malformed),
    ] {
        match bad(answer).await {
            Err(error @ EgressError::Response(found)) => {
                assert_eq!(found, expected, "{answer:?}");
                assert_eq!(error.guest(), GuestError::Protocol);
            }
            other => panic!("{answer:?}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn compressed_responses_are_refused() {
    for coding in ["gzip", "br", "deflate", "zstd", "x-gzip", "identity, gzip", "GZIP", "aes128gcm"] {
        let answer = format!("HTTP/1.1 200 OK\r\ncontent-encoding: {coding}\r\ncontent-length: 1\r\n\r\nx");
        let answer: &'static str = answer.leak();
        let found = bad(answer).await;
        assert!(matches!(found, Err(EgressError::Response(BadResponse::Encoding))), "{coding}: {found:?}");
    }
    for coding in ["identity", " Identity ", ""] {
        let answer = format!("HTTP/1.1 200 OK\r\ncontent-encoding: {coding}\r\ncontent-length: 1\r\n\r\nx");
        assert_eq!(bad(answer.leak()).await.unwrap(), "x", "{coding}");
    }
}

#[tokio::test]
async fn a_switch_of_protocols_is_refused() {
    let found =
        bad("HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\nraw").await;
    assert!(matches!(found, Err(EgressError::Response(BadResponse::Switched))), "{found:?}");
}

#[tokio::test]
async fn early_hints_and_trailers_are_skipped() {
    let answer = "HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\nHTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\
                  trailer: x-sum\r\n\r\n3\r\nabc\r\n0\r\nx-sum: 1\r\n\r\n";
    assert_eq!(bad(answer).await.unwrap(), "abc");
}

#[tokio::test]
async fn headers_about_the_connection_stay_with_the_host() {
    let (_site, gate, base) = allowed("", |_| {
        "HTTP/1.1 200 OK\r\nconnection: close\r\nkeep-alive: timeout=5\r\ntransfer-encoding: chunked\r\n\
         upgrade: h2c\r\nx-own: 1\r\n\r\n0\r\n\r\n"
    })
    .await;
    let incoming = gate.get(&base).await.unwrap();
    let names: Vec<_> = incoming.headers.keys().map(http::HeaderName::as_str).collect();
    assert_eq!(names, ["x-own"]);
}

#[tokio::test]
async fn bytes_after_a_response_are_never_read() {
    let two =
        "HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\noneHTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\ntwo";
    let (site, gate, base) = allowed("", move |_| two).await;
    for _ in 0..2 {
        assert_eq!(gate.text(&base).await.unwrap(), "one");
    }
    assert_eq!(site.seen().len(), 2);
}

#[tokio::test]
async fn a_head_request_has_no_body() {
    let (_site, gate, base) = allowed("", |_| "HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n").await;
    let incoming = gate.send(Outgoing::new("HEAD", &base)).await.unwrap();
    assert_eq!(incoming.headers["content-length"], "500");
    assert_eq!(incoming.body.collect(0).await.unwrap(), "");
}

#[tokio::test]
async fn a_server_that_refuses_connections_is_a_connect_error() {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let url = format!("http://127.0.0.1:{}/", listener.local_addr().unwrap().port());
    drop(listener);
    let gate = crate::site::Gate::new(
        &crate::site::Names::default(),
        &[&format!("http GET {url} private=127.0.0.0/8")],
    );
    let error = gate.get(&url).await.unwrap_err();
    assert!(matches!(error, EgressError::Connect { .. }), "{error:?}");
    assert_eq!(error.guest(), GuestError::Connect);
}

/// A response with much around it, in pieces.
fn padded(begin: &str, padding: &str, times: usize, end: &str) -> Answer {
    let mut pieces = vec![begin.as_bytes().to_vec()];
    pieces.extend((0..times.div_ceil(100)).map(|_| padding.repeat(100).into_bytes()));
    pieces.push(end.as_bytes().to_vec());
    Answer { pieces, hang: false }
}

const HINT: &str = "HTTP/1.1 103 Early Hints\r\nlink: </style.css>; rel=preload\r\n\r\n";
const CHUNKED: &str = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";

#[tokio::test]
async fn a_few_informational_responses_pass_and_a_flood_does_not() {
    for (times, passes) in [(100, true), (20_000, false)] {
        let (_site, gate, base) = allowed("", move |_| padded("", HINT, times, &ok("end"))).await;
        match gate.text(&base).await {
            Ok(text) => assert!(passes && text == "end", "{times}"),
            Err(error) => {
                assert!(matches!(error, EgressError::Limit(Limit::ResponseHeaders)), "{error:?}");
                assert!(!passes, "{times}");
            }
        }
    }
}

#[tokio::test]
async fn small_chunks_pass_and_framing_without_end_does_not() {
    let one = "1\r\nx\r\n";
    let (_site, gate, base) = allowed("", move |_| padded(CHUNKED, one, 100_000, "0\r\n\r\n")).await;
    assert_eq!(gate.text(&base).await.unwrap().len(), 100_000);
    let zeros = "0000000000";
    let end = "5\r\nhello\r\n0\r\n\r\n";
    let (_site, gate, base) = allowed("", move |_| padded(CHUNKED, zeros, 200_000, end)).await;
    let error = gate.text(&base).await.unwrap_err();
    assert!(matches!(error, EgressError::Response(BadResponse::Padded)), "{error:?}");
    assert_eq!(error.guest(), GuestError::Protocol);
}

//! Caps: each just under and just over, time, and what a dropped request leaves behind.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderName, HeaderValue};
use http_body_util::BodyExt as _;
use ringfence_egress::{DoorConfig, EgressError, GuestError, Invalid, Limit, Outgoing, PIECE, RequestBody};

use crate::site::{Answer, Gate, Names, allowed, ok};

fn limit(error: &EgressError) -> Option<Limit> {
    match error {
        EgressError::Limit(limit) => Some(*limit),
        _ => None,
    }
}

#[tokio::test]
async fn a_response_body_of_the_cap_passes_and_one_byte_more_does_not() {
    for framing in ["length", "chunked", "close"] {
        let (_site, gate, base) = allowed("response-bytes=1000", move |request| {
            let length: usize = request.split(['/', ' ']).nth(2).unwrap().parse().unwrap();
            let body = "x".repeat(length);
            match framing {
                "length" => ok(&body),
                "chunked" => {
                    format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{length:x}\r\n{body}\r\n0\r\n\r\n")
                }
                _ => format!("HTTP/1.1 200 OK\r\n\r\n{body}"),
            }
            .into_bytes()
        })
        .await;
        assert_eq!(gate.text(&format!("{base}/1000")).await.unwrap().len(), 1000, "{framing}");
        let error = gate.text(&format!("{base}/1001")).await.unwrap_err();
        assert_eq!(limit(&error), Some(Limit::ResponseBody), "{framing}");
        assert_eq!(error.guest(), GuestError::BodyTooLarge);
    }
}

#[tokio::test]
async fn a_request_body_of_the_cap_passes_and_one_byte_more_does_not() {
    let (site, gate, base) = allowed("request-bytes=1000", |_| ok("").into_bytes()).await;
    let stream = |length: usize| {
        let body = http_body_util::Full::new(Bytes::from(vec![b'x'; length]));
        body.map_err(|never| match never {}).boxed_unsync()
    };
    for (length, passes) in [(1000, true), (1001, false)] {
        for body in [
            RequestBody::Whole(vec![b'x'; length].into()),
            RequestBody::Stream { length: Some(u64::try_from(length).unwrap()), pieces: stream(length) },
            RequestBody::Stream { length: None, pieces: stream(length) },
        ] {
            let shown = format!("{body:?}");
            let mut outgoing = Outgoing::new("POST", &base);
            outgoing.body = body;
            match gate.send(outgoing).await {
                Ok(_) => assert!(passes, "{shown}"),
                Err(error) => {
                    assert!(!passes && limit(&error) == Some(Limit::RequestBody), "{shown}: {error:?}")
                }
            }
        }
    }
    assert_eq!(site.seen().len(), 3);
    // A piece over the cap is not sent.
    assert_eq!(gate.caller.usage().sent, 3000);
}

#[tokio::test]
async fn a_stream_of_another_length_than_declared_is_invalid() {
    let (_site, gate, base) = allowed("", |_| ok("").into_bytes()).await;
    for declared in [4, 6] {
        let pieces = http_body_util::Full::new(Bytes::from_static(b"12345")).map_err(|never| match never {});
        let mut outgoing = Outgoing::new("POST", &base);
        outgoing.body = RequestBody::Stream { length: Some(declared), pieces: pieces.boxed_unsync() };
        let error = gate.send(outgoing).await.unwrap_err();
        assert!(matches!(error, EgressError::Invalid(Invalid::BodyLength { .. })), "{declared}: {error:?}");
    }
}

#[tokio::test]
async fn requests_and_concurrency_of_a_run_are_capped() {
    let (_site, gate, base) = allowed("requests=3 concurrency=2", |_| ok("body").into_bytes()).await;
    let first = gate.get(&base).await.unwrap();
    let second = gate.get(&base).await.unwrap();
    let error = gate.get(&base).await.unwrap_err();
    assert_eq!(limit(&error), Some(Limit::Concurrency));
    assert_eq!(error.guest(), GuestError::Limit);
    // A body that was read to its end, and one that was dropped, count no longer.
    first.body.collect(10).await.unwrap();
    drop(second);
    gate.get(&base).await.unwrap();
    assert_eq!(limit(&gate.get(&base).await.unwrap_err()), Some(Limit::Requests));
}

#[tokio::test]
async fn runs_of_one_skill_share_its_cap() {
    let (_site, gate, base) = allowed("", |_| ok("body").into_bytes()).await;
    let mut config = DoorConfig::new(std::sync::Arc::new(Names::on_loopback(&["allowed.example"])));
    config.skill.concurrency = 1;
    let one = Gate::with(config, &[&format!("http GET {base}/ private=127.0.0.0/8")]);
    let other = one.door.caller(one.caller.grants().clone());
    let held = one.get(&base).await.unwrap();
    let error = one.door.send(&other, Outgoing::new("GET", &base)).await.unwrap_err();
    assert_eq!(limit(&error), Some(Limit::SkillConcurrency));
    drop(held);
    assert!(one.door.send(&other, Outgoing::new("GET", &base)).await.is_ok());
    drop(gate);
}

#[tokio::test]
async fn response_headers_are_capped_in_number_and_bytes() {
    let (_site, gate, base) = allowed("", |request| {
        let (count, length) =
            request.split(' ').nth(1).unwrap().trim_start_matches('/').split_once('/').unwrap();
        let value = "v".repeat(length.parse().unwrap());
        let lines: String =
            (0..count.parse::<u32>().unwrap()).map(|n| format!("x-{n}: {value}\r\n")).collect();
        format!("HTTP/1.1 200 OK\r\n{lines}content-length: 0\r\n\r\n").into_bytes()
    })
    .await;
    assert_eq!(gate.get(&format!("{base}/99/1")).await.unwrap().headers.len(), 100);
    for path in ["100/1", "500/1", "1/70000", "60/2000"] {
        let error = gate.get(&format!("{base}/{path}")).await.unwrap_err();
        assert_eq!(limit(&error), Some(Limit::ResponseHeaders), "{path}: {error:?}");
    }
}

#[tokio::test]
async fn request_headers_are_capped_in_number_and_bytes() {
    let (site, gate, base) = allowed("", |_| ok("").into_bytes()).await;
    for (count, length, passes) in [(100, 1, true), (101, 1, false), (1, 60_000, true), (1, 70_000, false)] {
        let mut outgoing = Outgoing::new("GET", &base);
        for n in 0..count {
            let name = HeaderName::try_from(format!("x-{n}")).unwrap();
            outgoing.headers.insert(name, HeaderValue::from_str(&"v".repeat(length)).unwrap());
        }
        match gate.send(outgoing).await {
            Ok(_) => assert!(passes),
            Err(error) => assert!(!passes && limit(&error) == Some(Limit::RequestHeaders), "{error:?}"),
        }
    }
    assert_eq!(site.seen().len(), 2);
}

#[tokio::test]
async fn a_large_body_arrives_in_bounded_pieces() {
    let (_site, gate, base) = allowed("", |_| ok(&"x".repeat(1 << 20)).into_bytes()).await;
    let mut body = gate.get(&base).await.unwrap().body;
    let (mut sum, mut largest) = (0, 0);
    while let Some(piece) = body.piece().await.unwrap() {
        assert!(!piece.is_empty());
        sum += piece.len();
        largest = largest.max(piece.len());
    }
    assert_eq!(sum, 1 << 20);
    assert!(largest <= PIECE);
    assert!(body.piece().await.unwrap().is_none());
}

#[tokio::test]
async fn collect_has_a_cap_of_its_own() {
    let (_site, gate, base) = allowed("", |_| ok("12345").into_bytes()).await;
    assert_eq!(gate.get(&base).await.unwrap().body.collect(5).await.unwrap(), "12345");
    let error = gate.get(&base).await.unwrap().body.collect(4).await.unwrap_err();
    assert_eq!(limit(&error), Some(Limit::ResponseBody));
}

fn stalls(head: &str) -> Answer {
    Answer { pieces: vec![head.as_bytes().to_vec()], hang: true }
}

#[tokio::test]
async fn a_stalling_head_or_body_ends_with_the_time() {
    for head in ["", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n12345"] {
        let (mut site, gate, base) = allowed("", move |_| stalls(head)).await;
        let mut outgoing = Outgoing::new("GET", &base);
        outgoing.timeout = Some(Duration::from_millis(100));
        let error = match gate.send(outgoing).await {
            Ok(incoming) => incoming.body.collect(10).await.unwrap_err(),
            Err(error) => error,
        };
        assert!(matches!(error, EgressError::Timeout), "{head}: {error:?}");
        assert_eq!(error.guest(), GuestError::Timeout);
        site.closed(1).await;
    }
}

#[tokio::test]
async fn the_time_of_the_grant_applies_too() {
    let (_site, gate, base) = allowed("timeout=100ms", move |_| stalls("")).await;
    assert!(matches!(gate.get(&base).await, Err(EgressError::Timeout)));
}

#[tokio::test]
async fn dropping_a_request_or_a_body_closes_the_connection() {
    let (mut site, gate, base) =
        allowed("concurrency=1", |_| stalls("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n12345")).await;
    // The body: one piece is read, the rest never comes.
    let mut incoming = gate.get(&base).await.unwrap();
    assert_eq!(incoming.body.piece().await.unwrap().unwrap(), "12345");
    drop(incoming);
    site.closed(1).await;
    // The request: it is cancelled while the server has it.
    let (mut silent, gate, base) = allowed("concurrency=1", |_| stalls("")).await;
    tokio::select! {
        _ = gate.get(&base) => panic!("no response comes"),
        () = async { while silent.seen().is_empty() { tokio::task::yield_now().await; } } => {}
    }
    silent.closed(1).await;
}

#[tokio::test]
async fn two_hundred_requests_of_one_run_overlap() {
    let barrier = std::sync::Arc::new(tokio::sync::Barrier::new(200));
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let base = format!("http://allowed.example:{}", listener.local_addr().unwrap().port());
    tokio::spawn(async move {
        use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
        while let Ok((mut stream, _)) = listener.accept().await {
            let barrier = std::sync::Arc::clone(&barrier);
            tokio::spawn(async move {
                let mut head = [0; 512];
                let _ = stream.read(&mut head).await;
                // Nobody gets a response before all have asked.
                barrier.wait().await;
                let _ = stream.write_all(ok("together").as_bytes()).await;
            });
        }
    });
    let gate = std::sync::Arc::new(Gate::new(
        &Names::on_loopback(&["allowed.example"]),
        &[&format!("http GET {base}/ private=127.0.0.0/8")],
    ));
    let mut all = tokio::task::JoinSet::new();
    for _ in 0..200 {
        let (gate, base) = (std::sync::Arc::clone(&gate), base.clone());
        all.spawn(async move { gate.text(&base).await.unwrap() });
    }
    assert!(all.join_all().await.iter().all(|text| text == "together"));
}

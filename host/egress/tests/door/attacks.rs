//! What an attacker tries who writes a skill, or who owns a server or a name that a grant covers.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::HeaderValue;
use ringfence_egress::{DoorConfig, EgressError, GuestError, Invalid, Outgoing, Redirects};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use crate::site::{Answer, Gate, Names, Site, allowed, ok, redirect, secrets};

const CANARY: &str = "hunter2-canary+value/42=";

/// A server that never reads a body: it takes it for the next request, unless the request closes the connection.
async fn careless(requests: Arc<Mutex<Vec<String>>>) -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let requests = Arc::clone(&requests);
            tokio::spawn(async move {
                loop {
                    let mut head = Vec::new();
                    while !head.ends_with(b"\r\n\r\n") {
                        let Ok(byte) = stream.read_u8().await else { return };
                        head.push(byte);
                    }
                    let head = String::from_utf8(head).unwrap();
                    requests.lock().unwrap().push(head.clone());
                    stream.write_all(ok("done").as_bytes()).await.unwrap();
                    if head.contains("connection: close") {
                        let _ = stream.shutdown().await;
                        return;
                    }
                }
            });
        }
    });
    port
}

#[tokio::test]
async fn a_body_never_becomes_a_request_that_no_grant_covers() {
    for method in ["GET", "POST", "DELETE"] {
        let requests = Arc::new(Mutex::new(Vec::new()));
        let port = careless(Arc::clone(&requests)).await;
        let base = format!("http://allowed.example:{port}/v1/");
        let line = format!("http {method} {base} private=127.0.0.0/8");
        let gate = Gate::new(&Names::on_loopback(&["allowed.example"]), &[&line]);
        let mut outgoing = Outgoing::new(method, &base);
        outgoing.body = Bytes::from_static(b"DELETE /admin HTTP/1.1\r\nhost: allowed.example\r\n\r\n").into();
        let body = gate.send(outgoing).await.unwrap().body;
        assert_eq!(body.collect(100).await.unwrap(), "done");
        if method == "GET" {
            // The next request has a connection of its own.
            assert_eq!(gate.text(&base).await.unwrap(), "done");
        }
        let seen = requests.lock().unwrap().clone();
        assert!(seen.iter().all(|head| head.starts_with(&format!("{method} /v1/ "))), "{seen:?}");
        assert_eq!(seen.len(), if method == "GET" { 2 } else { 1 });
    }
}

#[tokio::test]
async fn a_body_where_none_belongs_is_not_the_next_response() {
    for (method, head) in [
        ("HEAD", "HTTP/1.1 200 OK\r\ncontent-length: 60\r\n\r\n"),
        ("GET", "HTTP/1.1 204 No Content\r\ncontent-length: 60\r\n\r\n"),
        ("GET", "HTTP/1.1 304 Not Modified\r\ncontent-length: 60\r\n\r\n"),
        ("GET", "HTTP/1.1 204 No Content\r\ntransfer-encoding: chunked\r\n\r\n"),
    ] {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let base = format!("http://allowed.example:{}/", listener.local_addr().unwrap().port());
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let mut buffer = [0; 4096];
                    let mut first = true;
                    while let Ok(1..) = stream.read(&mut buffer).await {
                        let second = String::from_utf8_lossy(&buffer).contains("/second");
                        // What was announced arrives when the next request does.
                        let forged = "HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nforged";
                        let answer = match (second, first) {
                            (true, true) => ok("honest"),
                            (true, false) => forged.to_owned(),
                            (false, _) => head.to_owned(),
                        };
                        first = false;
                        stream.write_all(answer.as_bytes()).await.unwrap();
                    }
                });
            }
        });
        let line = format!("http GET,HEAD {base} private=127.0.0.0/8");
        let gate = Gate::new(&Names::on_loopback(&["allowed.example"]), &[&line]);
        let body = gate.send(Outgoing::new(method, &base)).await.unwrap().body;
        assert_eq!(body.collect(100).await.unwrap(), "");
        assert_eq!(gate.text(&format!("{base}second")).await.unwrap(), "honest", "{method} {head:?}");
    }
}

#[tokio::test]
async fn redirects_lead_to_no_forbidden_place_in_any_spelling() {
    for location in [
        "http://169.254.169.254/latest/meta-data/",
        "//169.254.169.254/",
        "http://2852039166/",
        "http://0xa9fea9fe/",
        "http://0251.0376.0251.0376/",
        "http://169.254.43518/",
        "http://[::ffff:a9fe:a9fe]/",
        "http://[::ffff:169.254.169.254]/",
        "http://[64:ff9b::a9fe:a9fe]/",
        "http://[fd00:ec2::254]/",
        "http://[fe80::1%25eth0]/",
        "http://meta.example./",
        "http://META.example/",
        "http://allowed.example@meta.example/",
        "http:/\\meta.example/",
        "http:meta.example/",
        "///meta.example/",
        "\thttp://meta.example/",
        "http://me%74a.example/",
        "http://ⅿeta.example/",
        "ftp://meta.example/",
        "file:///etc/passwd",
        "gopher://meta.example/",
        "data:text/plain,x",
        "javascript:alert(1)",
    ] {
        let site = Site::serve({
            let location = location.to_owned();
            move |_| redirect(302, &location).into_bytes()
        })
        .await;
        let names = Names::on_loopback(&["allowed.example"]).with("meta.example", &[&["169.254.169.254"]]);
        let gate = Gate::new(
            &names,
            &[
                &format!("http GET http://allowed.example:{}/start private=127.0.0.0/8", site.port()),
                // Even grants for the places and all ranges open no metadata service.
                "http GET http://meta.example/ private=0.0.0.0/0,::/0",
                "http GET http://169.254.169.254/ private=0.0.0.0/0,::/0",
                "http GET http://[::ffff:a9fe:a9fe]/ private=0.0.0.0/0,::/0",
                "http GET http://[64:ff9b::a9fe:a9fe]/ private=0.0.0.0/0,::/0",
                "http GET http://[fd00:ec2::254]/ private=0.0.0.0/0,::/0",
            ],
        );
        let mut outgoing = Outgoing::new("GET", format!("http://allowed.example:{}/start", site.port()));
        outgoing.redirects = Redirects::Follow(5);
        let error = gate.send(outgoing).await.unwrap_err();
        assert_eq!(error.guest(), GuestError::Denied, "{location}: {error}");
        assert_eq!(site.seen().len(), 1, "{location}");
    }
}

#[tokio::test]
async fn urls_in_other_spellings_never_reach_a_resolver() {
    let names = Names::on_loopback(&["allowed.example", "localhost"]);
    let gate = Gate::new(
        &names,
        &["http GET http://allowed.example/", "http GET http://127.0.0.1/ private=127.0.0.0/8"],
    );
    let long = format!("http://allowed.example/{}", "a".repeat(9000));
    for url in [
        "http://allowed.example:80/",
        "http://allowed.example:080/",
        "http://allowed.example:/",
        "http://allowed.example:65536/",
        "http://allowed.example:-1/",
        "http://allowed.example:8 0/",
        "http://allowed.example%2eevil.example/",
        "http://allowed.example%00.evil.example/",
        "http://allowed.example%09/",
        "http://allowed.example?@evil.example/",
        "http://allowed.example#@evil.example/",
        "http://allowed.example;@evil.example/",
        "http://allowed.example:80@evil.example/",
        "http://@allowed.example/",
        "http://:@allowed.example/",
        "http:///allowed.example/",
        "http:allowed.example/",
        "http:/allowed.example/",
        "//allowed.example/",
        "allowed.example/",
        "HTTP://allowed.example/",
        "http://allowed.example/a/./b",
        "http://allowed.example/a/%2e%2e/b",
        "http://allowed.example/a b",
        "http://allowed.example/\u{7f}",
        "http://allowed.example/\u{e9}",
        "http://allowed.example\u{3002}evil.example/",
        "http://a\u{ad}llowed.example/",
        "http://\u{ff41}llowed.example/",
        "http://xn--/",
        "http://127.1/",
        "http://127.0.0.1./",
        "http://017700000001/",
        "http://0x7f000001/",
        "http://127.0.0.0x1/",
        "http://127.0.0.1.:80/",
        "http://[::1%25lo]/",
        "http://[::1%lo]/",
        "http://[0:0:0:0:0:0:0:1]/",
        "http://[::127.0.0.1]/",
        "http://[::1",
        "http://..allowed.example/",
        "http://allowed..example/",
        "ws://allowed.example/",
        "file://allowed.example/",
        "unix:/run/docker.sock",
        &long,
    ] {
        let error = gate.get(url).await.unwrap_err();
        assert!(
            matches!(error, EgressError::Invalid(Invalid::Url(_)) | EgressError::Denied(_)),
            "{url}: {error}"
        );
    }
    assert_eq!(names.asked(), [""; 0]);
}

#[tokio::test]
async fn a_path_outside_of_a_grant_is_denied_in_any_spelling() {
    let names = Names::on_loopback(&["allowed.example"]);
    let gate = Gate::new(&names, &["http GET http://allowed.example/v1/"]);
    for path in [
        "/v1",
        "/v10/",
        "/V1/",
        "//v1/",
        "/v1/..%2fadmin",
        "/v1/..%5cadmin",
        "/v1/..%252fadmin",
        "/v1/..%25252fadmin",
        "/v1/%252e%252e/admin",
        "/v1/..;/admin",
        "/v1/..%3b/admin",
        "/v1/..%00/admin",
        "/v1/..%0d%0a/admin",
        "/v1/..%20/admin",
        "/v1/..%c0%af/admin",
        "/v1/%c0%ae%c0%ae/admin",
        "/v1/..%u2215admin",
        "/v1/..%e2%88%95admin",
        "/v1/..%e2%81%84admin",
        "/v1/..%ef%bc%8fadmin",
        "/v1/%ef%bc%8e%ef%bc%8e/admin",
        "/v1/..%23/admin",
        "/v1/..%3f/admin",
    ] {
        let error = gate.get(&format!("http://allowed.example{path}")).await.unwrap_err();
        assert!(matches!(error, EgressError::Denied(_)), "{path}: {error}");
    }
    assert_eq!(names.asked(), [""; 0]);
}

#[tokio::test]
async fn a_dripping_head_or_body_ends_with_the_time() {
    for head in ["", "HTTP/1.1 200 OK\r\nx: ", "HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n"] {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let base = format!("http://allowed.example:{}/", listener.local_addr().unwrap().port());
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let mut buffer = [0; 4096];
                    let _ = stream.read(&mut buffer).await;
                    let _ = stream.write_all(head.as_bytes()).await;
                    // One byte at a time, for as long as anyone reads.
                    let drop = if head.is_empty() { "H" } else { "x" };
                    while stream.write_all(drop.as_bytes()).await.is_ok() {
                        tokio::time::sleep(Duration::from_millis(1)).await;
                        if head.is_empty() {
                            break;
                        }
                    }
                    let _ = stream.read(&mut buffer).await;
                });
            }
        });
        let line = format!("http GET {base} private=127.0.0.0/8 timeout=100ms");
        let gate = Gate::new(&Names::on_loopback(&["allowed.example"]), &[&line]);
        let error = match gate.get(&base).await {
            Ok(incoming) => incoming.body.collect(1 << 20).await.unwrap_err(),
            Err(error) => error,
        };
        assert!(matches!(error, EgressError::Timeout), "{head:?}: {error:?}");
    }
}

/// Encodings in which a server shows what it was sent.
fn echoes(value: &str) -> Vec<(&'static str, Vec<u8>)> {
    let bytes = value.as_bytes();
    let each = |write: fn(u8) -> String, between: &str| {
        bytes.iter().map(|byte| write(*byte)).collect::<Vec<_>>().join(between)
    };
    let entities = each(|byte| format!("&#{byte};"), "");
    let percent = each(|byte| format!("%{byte:02X}"), "");
    let units = |order: fn(u16) -> [u8; 2]| value.encode_utf16().flat_map(order).collect::<Vec<u8>>();
    vec![
        ("raw", bytes.to_vec()),
        ("upper case", bytes.to_ascii_uppercase()),
        ("utf-16, little end first", units(u16::to_le_bytes)),
        ("utf-16, big end first", units(u16::to_be_bytes)),
        ("utf-32", value.chars().flat_map(|c| u32::from(c).to_le_bytes()).collect()),
        ("entities", entities.clone().into()),
        ("entities twice", entities.replace('&', "&amp;").into()),
        ("hex entities", each(|byte| format!("&#x{byte:x};"), "").into()),
        ("percent", percent.clone().into()),
        ("percent twice", percent.replace('%', "%25").into()),
        ("entities in percent", entities.replace('&', "%26").replace('#', "%23").replace(';', "%3B").into()),
        ("json of entities", entities.replace('&', "\\u0026").into()),
        ("json units", each(|byte| format!("\\u{byte:04x}"), "").into()),
        ("json units twice", each(|byte| format!("\\\\u{byte:04x}"), "").into()),
        ("json array of bytes", format!("[{}]", each(|byte| byte.to_string(), ",")).into()),
        ("json array of bytes with spaces", format!("[{}]", each(|byte| byte.to_string(), ", ")).into()),
        ("array of hex", each(|byte| format!("0x{byte:02x}"), ", ").into()),
        ("hex with colons", each(|byte| format!("{byte:02X}"), ":").into()),
        ("hex with hyphens", each(|byte| format!("{byte:02x}"), "-").into()),
        ("hex dump", each(|byte| format!("{byte:02x}"), " ").into()),
        ("literal", each(|byte| format!("\\x{byte:02x}"), "").into()),
    ]
}

#[tokio::test]
async fn a_canary_comes_back_in_no_encoding_however_it_is_cut() {
    for (name, echo) in echoes(CANARY) {
        for size in [1, 3, 1000] {
            let chunked = {
                let echo = echo.clone();
                move |_: &str| {
                    let mut pieces = vec![b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".to_vec()];
                    pieces.extend(
                        echo.chunks(size).map(|chunk| {
                            [format!("{:x}\r\n", chunk.len()).as_bytes(), chunk, b"\r\n"].concat()
                        }),
                    );
                    pieces.push(b"0\r\n\r\n".to_vec());
                    Answer { pieces, hang: false }
                }
            };
            let site = Site::serve(chunked).await;
            let base = format!("http://allowed.example:{}/", site.port());
            let mut config = DoorConfig::new(Arc::new(Names::on_loopback(&["allowed.example"])));
            config.secrets = secrets(&[("token", CANARY)]);
            let gate = Gate::with(config, &[&format!("http GET {base} private=127.0.0.0/8 secret=token")]);
            let body = gate.get(&base).await.unwrap().body.collect(1 << 20).await.unwrap();
            let shown = String::from_utf8_lossy(&body).into_owned();
            assert!(shown.contains("[secret token]"), "{name}, {size}: {shown}");
            assert!(body.len() < echo.len() || body.len() < 24, "{name}, {size}: {shown}");
            assert!(site.seen()[0].contains(CANARY));
        }
    }
}

#[tokio::test]
async fn a_canary_in_base64_of_base64_leaves_only_its_ends() {
    for before in ["", "a", "ab", "abc", "Authorization: Bearer "] {
        for between in ["", "x", "yz"] {
            let once = STANDARD.encode(format!("{before}{CANARY}.."));
            let twice = STANDARD.encode(format!("{between}{once}"));
            let (_site, gate, base) = allowed("", {
                let twice = twice.clone();
                move |_| ok(&twice).into_bytes()
            })
            .await;
            let mut config = DoorConfig::new(Arc::new(Names::on_loopback(&["allowed.example"])));
            config.secrets = secrets(&[("token", CANARY)]);
            let own = Gate::with(config, &[&format!("http GET {base}/ private=127.0.0.0/8 secret=token")]);
            let shown = own.text(&base).await.unwrap();
            let (head, tail) =
                shown.split_once("[secret token]").unwrap_or_else(|| panic!("{twice}: {shown}"));
            // At most six bytes at each end of the canary can be read from what is left.
            let left = head.len() + tail.len();
            let around = (before.len() + between.len() + 2) * 16 / 9 + 8;
            assert!(left <= around + 24, "{twice}: {shown}");
            drop(gate);
        }
    }
}

#[tokio::test]
async fn a_secret_query_has_no_second_spelling() {
    let (site, _gate, base) = allowed("", |_| ok("").into_bytes()).await;
    let mut config = DoorConfig::new(Arc::new(Names::on_loopback(&["allowed.example"])));
    config.secrets = secrets(&[("token", CANARY)]);
    let line = format!("http GET {base}/ private=127.0.0.0/8 secret=token query=api_key");
    let gate = Gate::with(config, &[&line]);
    for query in
        ["api_key=1", "API_KEY=1", "api_key[]=1", "api_key[a]=1", "api.key=1", "api%5Fkey=1", "+api_key=1"]
    {
        let error = gate.get(&format!("{base}/?{query}")).await.unwrap_err();
        assert!(matches!(error, EgressError::Invalid(Invalid::SecretPlace(_))), "{query}: {error}");
    }
    gate.get(&format!("{base}/?api_key2=1&xapi_key=1")).await.unwrap();
    assert_eq!(site.seen().len(), 1);
}

#[tokio::test]
async fn two_values_of_a_guests_header_stay_two_and_neither_is_the_hosts() {
    let (site, gate, base) = allowed("", |_| ok("").into_bytes()).await;
    let mut outgoing = Outgoing::new("GET", &base);
    for value in ["a", "b"] {
        outgoing.headers.append("x-own", HeaderValue::from_static(value));
        outgoing.headers.append("accept-encoding", HeaderValue::from_static("gzip"));
    }
    gate.send(outgoing).await.unwrap();
    let request = &site.seen()[0];
    assert!(request.contains("x-own: a\r\nx-own: b\r\n"), "{request}");
    assert_eq!(request.matches("accept-encoding: identity\r\n").count(), 1, "{request}");
    assert!(!request.contains("gzip"), "{request}");
}

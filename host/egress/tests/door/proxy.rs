//! The operator's proxy: what it is asked for, what stays with the host, and proxies that misbehave.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use ringfence_egress::secret::Secret;
use ringfence_egress::{DoorConfig, EgressError, GuestError, Outgoing, Proxy, ProxyFailure};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::site::{Answer, Gate, Names, Site, ok, redirect};
use crate::tls;

/// A proxy that opens every tunnel, except to the addresses `refused`. Returns its address, and the heads that it reads.
async fn relay(refused: &'static str) -> (SocketAddr, UnboundedReceiver<String>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let (sender, heads) = unbounded_channel();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let sender = sender.clone();
            tokio::spawn(async move {
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    head.push(stream.read_u8().await.unwrap());
                }
                let head = String::from_utf8(head).unwrap();
                let to = head.split(' ').nth(1).unwrap().to_owned();
                sender.send(head).unwrap();
                if !refused.is_empty() && to.starts_with(refused) {
                    stream.write_all(b"HTTP/1.1 502 Bad Gateway\r\n\r\n").await.unwrap();
                    return;
                }
                let mut server = TcpStream::connect(to).await.unwrap();
                let _ = stream.write_all(b"HTTP/1.1 200 Connection established\r\nvia: x\r\n\r\n").await;
                let _ = copy_bidirectional(&mut stream, &mut server).await;
            });
        }
    });
    (address, heads)
}

fn proxy(address: SocketAddr) -> Proxy {
    Proxy::new(format!("http://{address}").parse().unwrap())
}

fn config(names: Names, proxy: Proxy) -> DoorConfig {
    let mut config = DoorConfig::new(Arc::new(names));
    config.proxy = Some(proxy);
    config
}

fn loopback() -> Names {
    Names::on_loopback(&["allowed.example"])
}

#[tokio::test]
async fn the_proxy_gets_the_checked_address_and_its_credentials_alone() {
    let site = Site::serve(|_| ok("through").into_bytes()).await;
    let (address, mut heads) = relay("").await;
    let secret = Secret::new("login", b"user:correct horse".to_vec()).unwrap();
    let config = config(loopback(), proxy(address).with_credentials(&secret).unwrap());
    let base = format!("http://allowed.example:{}", site.port());
    let gate = Gate::with(config.clone(), &[&format!("http GET {base}/ private=127.0.0.0/8")]);
    assert_eq!(gate.text(&format!("{base}/")).await.unwrap(), "through");
    assert_eq!(
        heads.recv().await.unwrap(),
        format!(
            "CONNECT 127.0.0.1:{port} HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\n\
             proxy-authorization: Basic dXNlcjpjb3JyZWN0IGhvcnNl\r\n\r\n",
            port = site.port()
        )
    );
    let request = &site.seen()[0];
    assert!(request.starts_with("GET / HTTP/1.1\r\n"), "{request}");
    assert!(request.contains(&format!("host: allowed.example:{}\r\n", site.port())), "{request}");
    assert!(!request.contains("proxy-authorization"), "{request}");
    // The address is checked although the proxy dials it.
    let strict = Gate::with(config, &[&format!("http GET {base}/")]);
    assert!(matches!(strict.get(&format!("{base}/")).await, Err(EgressError::Address { .. })));
    assert!(heads.try_recv().is_err());
}

#[tokio::test]
async fn tls_verifies_the_granted_name_through_a_proxy() {
    let ca = tls::ca();
    let (dir, file) = tls::folder(&ca);
    let site = tls::serve(&ca, "allowed.example", dir.path(), false).await;
    let (address, mut heads) = relay("").await;
    let names = Names::on_loopback(&["allowed.example", "other.example"]);
    for (host, passes) in [("allowed.example", true), ("other.example", false)] {
        let url = format!("https://{host}:{}/", site.port());
        let line = format!("http GET {url} private=127.0.0.0/8 ca-file={file}");
        let found = Gate::with(config(names.clone(), proxy(address)), &[&line]).text(&url).await;
        match found {
            Ok(text) => assert!(passes && text == "over TLS", "{host}"),
            Err(error) => assert!(!passes && matches!(error, EgressError::Tls { .. }), "{host}: {error}"),
        }
        // The proxy reads no name.
        let head = heads.recv().await.unwrap();
        assert!(head.starts_with("CONNECT 127.0.0.1:") && !head.contains("example"), "{head}");
    }
}

#[tokio::test]
async fn the_name_of_a_proxy_is_resolved_and_its_own_address_is_not_checked() {
    let site = Site::serve(|_| ok("named").into_bytes()).await;
    let (address, _heads) = relay("").await;
    let names = Names::on_loopback(&["allowed.example", "proxy.internal"]);
    let named = Proxy::new(format!("http://proxy.internal:{}", address.port()).parse().unwrap());
    let url = format!("http://allowed.example:{}/", site.port());
    let line = format!("http GET {url} private=127.0.0.0/8");
    let gate = Gate::with(config(names.clone(), named), &[&line]);
    assert_eq!(gate.text(&url).await.unwrap(), "named");
    assert_eq!(names.asked(), ["allowed.example", "proxy.internal"]);
    // A grant is needed for the proxy as for any host, and opens what it names only.
    let own = format!("http://proxy.internal:{}/", address.port());
    assert!(matches!(gate.get(&own).await, Err(EgressError::Denied(_))));
    let missing = Proxy::new("http://missing.internal:3128".parse().unwrap());
    let error = Gate::with(config(loopback(), missing), &[&line]).get(&url).await.unwrap_err();
    assert!(matches!(error, EgressError::Proxy { reason: ProxyFailure::Dns(_), .. }), "{error}");
}

#[tokio::test]
async fn the_next_checked_address_is_tried_when_the_proxy_reaches_one_not() {
    let site = Site::serve(|_| ok("second").into_bytes()).await;
    let (address, mut heads) = relay("127.0.0.9:").await;
    let names = Names::default().with("two.example", &[&["127.0.0.9", "127.0.0.1"]]);
    let url = format!("http://two.example:{}/", site.port());
    let line = format!("http GET {url} private=127.0.0.0/8");
    let gate = Gate::with(config(names, proxy(address)), &[&line]);
    assert_eq!(gate.text(&url).await.unwrap(), "second");
    for expected in ["127.0.0.9", "127.0.0.1"] {
        let head = heads.recv().await.unwrap();
        assert!(head.starts_with(&format!("CONNECT {expected}:{} ", site.port())), "{head}");
    }
}

/// What a proxy with this response does to a request.
async fn outcome(answer: impl Fn(&str) -> Answer + Send + Sync + 'static) -> (EgressError, Site) {
    let bad = Site::serve(answer).await;
    let own = proxy(bad.address).with_timeout(Duration::from_millis(100));
    let line = "http GET http://allowed.example/ private=127.0.0.0/8";
    let error =
        Gate::with(config(loopback(), own), &[line]).get("http://allowed.example/").await.unwrap_err();
    assert_eq!(error.guest(), GuestError::Unavailable);
    (error, bad)
}

fn reason(error: &EgressError) -> &ProxyFailure {
    match error {
        EgressError::Proxy { reason, host } if host == "allowed.example" => reason,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_proxy_that_refuses_or_redirects_ends_the_request_after_one_connection() {
    for (answer, expected) in [
        (
            "HTTP/1.1 407 Proxy Authentication Required\r\nproxy-authenticate: Basic realm=x\r\n\r\n"
                .to_owned(),
            407,
        ),
        ("HTTP/1.1 403 Forbidden\r\n\r\n".to_owned(), 403),
        ("HTTP/1.1 502 Bad Gateway\r\n\r\n".to_owned(), 502),
        ("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n".to_owned(), 100),
        (redirect(302, "http://169.254.169.254/"), 302),
        (redirect(305, "http://other.example/"), 305),
    ] {
        let (error, proxy) = outcome(move |_| answer.clone().into_bytes().into()).await;
        assert!(matches!(reason(&error), ProxyFailure::Status(status) if *status == expected), "{error}");
        assert!(
            error.to_string().contains(&format!("responded with status {expected}; check `proxy`")),
            "{error}"
        );
        assert_eq!(proxy.seen().len(), 1);
    }
}

#[tokio::test]
async fn a_proxy_that_speaks_no_http_ends_the_request() {
    for answer in [
        &b"hello"[..],
        b"\x15\x03\x01\x00\x02\x02\x0a",
        b"\x05\x00",
        b"SSH-2.0-OpenSSH_9.9\r\n",
        b"HTTP/2.0 200 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\n\n",
        b"HTTP/1.1 200 OK\r\nx: a\0b\r\n\r\n",
        b"HTTP/1.1 200 OK\rx\r\n\r\n",
        b"HTTP/1.1 OK 200\r\n\r\n",
        b"HTTP/1.1 2000 OK\r\n\r\n",
    ] {
        // The connection stays open: the failure does not wait for more.
        let (error, _) = outcome(move |_| Answer { pieces: vec![answer.to_vec()], hang: true }).await;
        assert!(matches!(reason(&error), ProxyFailure::Malformed), "{answer:?}: {error}");
    }
}

#[tokio::test]
async fn a_proxy_that_hangs_or_hangs_up_ends_the_request() {
    for answer in ["", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\n\r"] {
        let (error, mut proxy) = outcome(move |_| Answer { pieces: vec![answer.into()], hang: true }).await;
        assert!(matches!(reason(&error), ProxyFailure::Silent), "{answer:?}: {error}");
        proxy.closed(1).await;
        let (error, _) = outcome(move |_| Answer { pieces: vec![answer.into()], hang: false }).await;
        assert!(matches!(reason(&error), ProxyFailure::Connect(_)), "{answer:?}: {error}");
    }
    // Nobody listens.
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let own = proxy(listener.local_addr().unwrap());
    drop(listener);
    let gate = Gate::with(config(loopback(), own), &["http GET http://allowed.example/ private=127.0.0.0/8"]);
    let error = gate.get("http://allowed.example/").await.unwrap_err();
    assert!(matches!(reason(&error), ProxyFailure::Connect(_)), "{error}");
}

#[tokio::test]
async fn the_head_of_a_proxy_has_up_to_8192_bytes() {
    let head = |length: usize| {
        let fixed = "HTTP/1.1 403 No\r\nx: \r\n\r\n".len();
        format!("HTTP/1.1 403 No\r\nx: {}\r\n\r\n", "v".repeat(length - fixed))
    };
    let (error, _) = outcome(move |_| head(8192).into_bytes().into()).await;
    assert!(matches!(reason(&error), ProxyFailure::Status(403)), "{error}");
    let (error, _) = outcome(move |_| head(8193).into_bytes().into()).await;
    assert!(matches!(reason(&error), ProxyFailure::TooLong), "{error}");
    // A flood of headers ends at the same byte.
    let flood = "x: y\r\n".repeat(100_000);
    let (error, _) = outcome(move |_| Answer {
        pieces: vec![b"HTTP/1.1 200 OK\r\n".to_vec(), flood.clone().into()],
        hang: true,
    })
    .await;
    assert!(matches!(reason(&error), ProxyFailure::TooLong), "{error}");
}

#[tokio::test]
async fn the_time_of_the_request_ends_a_slow_proxy_too() {
    let silent = Site::serve(|_| Answer { pieces: Vec::new(), hang: true }).await;
    let line = "http GET http://allowed.example/ private=127.0.0.0/8";
    let gate = Gate::with(config(loopback(), proxy(silent.address)), &[line]);
    let mut outgoing = Outgoing::new("GET", "http://allowed.example/");
    outgoing.timeout = Some(Duration::from_millis(100));
    assert!(matches!(gate.send(outgoing).await, Err(EgressError::Timeout)));
}

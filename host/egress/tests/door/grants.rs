//! Grants, request checks, and where requests go: to what the grant names and nowhere else.

use std::process::Command;

use http::{HeaderMap, HeaderName, HeaderValue};
use ringfence_egress::{EgressError, GuestError, Invalid, Outgoing};

use crate::site::{Gate, Names, allowed, ok};

#[tokio::test]
async fn a_granted_request_reaches_its_server_with_the_hosts_headers() {
    let (site, gate, base) = allowed("", |_| ok("hello").into_bytes()).await;
    let mut outgoing = Outgoing::new("POST", format!("{base}/a/b?c=d"));
    outgoing.headers.insert("accept-encoding", HeaderValue::from_static("gzip, br"));
    outgoing.headers.insert("x-own", HeaderValue::from_static("1"));
    outgoing.body = bytes::Bytes::from_static(b"body").into();
    let incoming = gate.send(outgoing).await.unwrap();
    assert_eq!(incoming.status, 200);
    assert_eq!(incoming.final_url, format!("{base}/a/b?c=d"));
    assert_eq!(incoming.body.collect(5).await.unwrap(), "hello");
    let [request] = &site.seen()[..] else { panic!("one request") };
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    let mut lines: Vec<_> = head.lines().collect();
    assert_eq!(lines.remove(0), "POST /a/b?c=d HTTP/1.1");
    lines.sort_unstable();
    let host = format!("host: allowed.example:{}", site.port());
    assert_eq!(
        lines,
        ["accept-encoding: identity", "connection: close", "content-length: 4", &host, "x-own: 1"]
    );
    assert_eq!(body, "body");
    let usage = gate.caller.usage();
    assert_eq!((usage.requests, usage.sent, usage.received), (1, 4, 5));
}

#[tokio::test]
async fn a_denied_request_asks_no_name_server_and_names_the_missing_grant() {
    let names = Names::on_loopback(&["allowed.example", "other.example"]);
    let gate = Gate::new(&names, &["http GET https://allowed.example/v1/"]);
    for (method, url) in [
        ("GET", "https://other.example/v1/"),
        ("GET", "http://allowed.example/v1/"),
        ("GET", "https://allowed.example:8443/v1/"),
        ("GET", "https://allowed.example/v2/"),
        ("GET", "https://allowed.example/v1/..%2fv2/"),
        ("POST", "https://allowed.example/v1/"),
    ] {
        let error = gate.send(Outgoing::new(method, url)).await.unwrap_err();
        assert!(matches!(error, EgressError::Denied(_)), "{url}: {error}");
        assert!(error.to_string().contains("; add --grant 'http "), "{error}");
        assert_eq!(error.guest(), GuestError::Denied);
        assert_eq!(error.guest().to_string(), "denied");
    }
    assert_eq!(names.asked(), [""; 0]);
    assert_eq!(gate.caller.usage().requests, 0);
}

#[tokio::test]
async fn urls_with_more_than_one_reading_are_invalid() {
    let names = Names::on_loopback(&["allowed.example"]);
    let gate = Gate::new(&names, &["http GET https://allowed.example/", "http GET http://127.0.0.1/"]);
    for url in [
        "https://ALLOWED.example/",
        "https://allowed.example\\@evil.example/",
        "https://user@allowed.example/",
        "http://2130706433/",
        "http://0x7f.1/",
        "https://allowed.example/#x",
        "https://allowed.example:0/",
        "https://allowed.example/\r\nx: y",
        "file:///etc/passwd",
    ] {
        let error = gate.get(url).await.unwrap_err();
        assert!(matches!(error, EgressError::Invalid(Invalid::Url(_))), "{url}: {error}");
        assert_eq!(error.guest(), GuestError::Invalid);
    }
    assert_eq!(names.asked(), [""; 0]);
}

#[tokio::test]
async fn headers_and_methods_that_only_the_host_sends_are_invalid() {
    let (site, gate, base) = allowed("", |_| "").await;
    for name in [
        "connection",
        "keep-alive",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "host",
        "content-length",
        "expect",
        "forwarded",
        "x-forwarded-for",
        "x-forwarded-host",
        "http2-settings",
        // Some servers take the URL, the method or the client from these.
        "via",
        "x-http-method-override",
        "x-method-override",
        "x-original-url",
        "x-real-ip",
        "x-rewrite-url",
        "x-original-path",
        "x-override-url",
        "x-client-ip",
        "true-client-ip",
        "x-scheme",
        "x-forwarded",
        // Variables of CGI and WSGI have no hyphens.
        "content_length",
        "transfer_encoding",
        "x_forwarded_for",
        "proxy_authorization",
        "accept_encoding",
    ] {
        let mut outgoing = Outgoing::new("GET", format!("{base}/"));
        outgoing.headers.insert(HeaderName::from_static(name), HeaderValue::from_static("x"));
        let error = gate.send(outgoing).await.unwrap_err();
        assert!(matches!(&error, EgressError::Invalid(Invalid::Header(found)) if found == name), "{error}");
    }
    for method in ["CONNECT", "TRACE", "get", "GET /x", "G\r\nET", ""] {
        let error = gate.send(Outgoing::new(method, format!("{base}/"))).await.unwrap_err();
        assert!(matches!(error, EgressError::Invalid(Invalid::Method(_))), "{method}: {error}");
    }
    assert_eq!(site.seen(), [""; 0]);
}

#[tokio::test]
async fn a_trailing_dot_of_the_host_changes_nothing() {
    let (site, gate, _) = allowed("", |_| ok("dot").into_bytes()).await;
    let url = format!("http://allowed.example.:{}/", site.port());
    assert_eq!(gate.text(&url).await.unwrap(), "dot");
    assert!(site.seen()[0].contains(&format!("host: allowed.example:{}\r\n", site.port())));
}

#[test]
fn the_environment_names_no_proxy() {
    // The same test as above, in a process whose environment names proxies that do not exist.
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", "grants::a_granted_request_reaches_its_server_with_the_hosts_headers"]);
    for name in ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"] {
        child.env(name, "http://127.0.0.1:9");
    }
    let output = child.env_remove("NO_PROXY").env_remove("no_proxy").output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
}

#[tokio::test]
async fn a_request_without_headers_of_its_own_has_the_hosts_only() {
    let (site, gate, base) = allowed("", |_| ok("").into_bytes()).await;
    let incoming = gate.get(&base).await.unwrap();
    assert_eq!(
        incoming.headers,
        HeaderMap::from_iter([(http::header::CONTENT_LENGTH, HeaderValue::from_static("0"))])
    );
    assert!(site.seen()[0].starts_with("GET / HTTP/1.1\r\n"));
}

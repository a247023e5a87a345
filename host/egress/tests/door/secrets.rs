//! Secrets: added by the host, bound to their origin, and scrubbed from what comes back.

use std::sync::Arc;

use http::HeaderValue;
use ringfence_egress::{DoorConfig, EgressError, GuestError, Invalid, Outgoing, Redirects};

use crate::site::{Answer, Gate, Names, Site, ok, redirect, secrets};

const VALUE: &str = "hunter2-hunter2+canary/value";

fn gate(lines: &[&str]) -> Gate {
    let mut config = DoorConfig::new(Arc::new(Names::on_loopback(&["allowed.example", "other.example"])));
    config.secrets = secrets(&[
        ("token", VALUE),
        ("login", "user:correct-horse-battery"),
        ("second", "second-secret-value"),
    ]);
    Gate::with(config, lines)
}

#[tokio::test]
async fn the_host_adds_the_secret_in_the_form_of_the_grant() {
    let site = Site::serve(|_| ok("").into_bytes()).await;
    let base = format!("http://allowed.example:{}", site.port());
    for (form, shown) in [
        ("secret=token", format!("authorization: Bearer {VALUE}\r\n")),
        ("secret=token header=x-api-key", format!("x-api-key: {VALUE}\r\n")),
        (
            "secret=login header=authorization form=basic",
            "authorization: Basic dXNlcjpjb3JyZWN0LWhvcnNlLWJhdHRlcnk=\r\n".to_owned(),
        ),
        ("secret=token query=key", "GET /?a=b&key=hunter2-hunter2%2Bcanary%2Fvalue HTTP/1.1\r\n".to_owned()),
    ] {
        let gate = gate(&[&format!("http GET {base}/ private=127.0.0.0/8 {form}")]);
        let incoming = gate.get(&format!("{base}/?a=b")).await.unwrap();
        assert_eq!(incoming.final_url, format!("{base}/?a=b"));
        let request = site.seen().pop().unwrap();
        assert!(request.contains(&shown), "{form}: {request}");
    }
}

#[tokio::test]
async fn a_guest_cannot_set_the_header_of_a_secret() {
    let site = Site::serve(|_| ok("").into_bytes()).await;
    let base = format!("http://allowed.example:{}", site.port());
    // Bound to the origin by another rule than the one that covers the request.
    let gate = gate(&[
        &format!("http GET {base}/plain/ private=127.0.0.0/8"),
        &format!("http GET {base}/ private=127.0.0.0/8 secret=token"),
        &format!("http POST {base}/ private=127.0.0.0/8 secret=token query=key"),
    ]);
    for path in ["/", "/plain/"] {
        let mut outgoing = Outgoing::new("GET", format!("{base}{path}"));
        outgoing.headers.insert("authorization", HeaderValue::from_static("Bearer own"));
        let error = gate.send(outgoing).await.unwrap_err();
        assert!(matches!(error, EgressError::Invalid(Invalid::SecretPlace(_))), "{error}");
    }
    let named = crate::secrets::gate(&[&format!(
        "http GET {base}/ private=127.0.0.0/8 secret=token header=x-api_key-2"
    )]);
    for name in ["x-api_key-2", "x-api-key-2", "x_api-key_2"] {
        let mut outgoing = Outgoing::new("GET", format!("{base}/"));
        outgoing.headers.insert(http::HeaderName::from_static(name), HeaderValue::from_static("own"));
        let error = named.send(outgoing).await.unwrap_err();
        assert!(matches!(error, EgressError::Invalid(Invalid::SecretPlace(_))), "{name}: {error}");
    }
    for query in ["key=1", "a=b&key=1", "%6bey=1", "a=b;key=1"] {
        let error = gate.get(&format!("{base}/?{query}")).await.unwrap_err();
        assert!(matches!(error, EgressError::Invalid(Invalid::SecretPlace(_))), "{query}: {error}");
    }
    assert_eq!(site.seen(), [""; 0]);
}

#[tokio::test]
async fn secrets_are_scrubbed_from_headers_and_body() {
    let echo = |request: &str| {
        let value =
            request.lines().find_map(|line| line.strip_prefix("authorization: Bearer ")).unwrap().to_owned();
        let hex: String = value.bytes().map(|byte| format!("{byte:02x}")).collect();
        let body = format!("raw {value} hex {hex} end");
        // In pieces of seven bytes, so that every secret crosses a border.
        let mut pieces = vec![
            format!(
                "HTTP/1.1 200 OK\r\nx-echo: {value}\r\nx-{value}: 1\r\ncontent-length: {}\r\n\r\n",
                body.len()
            )
            .replace("x-hunter2-hunter2+canary/value: 1\r\n", "")
            .into_bytes(),
        ];
        pieces.extend(body.as_bytes().chunks(7).map(<[u8]>::to_vec));
        Answer { pieces, hang: false }
    };
    let site = Site::serve(echo).await;
    let base = format!("http://allowed.example:{}", site.port());
    let gate = gate(&[&format!("http GET {base}/ private=127.0.0.0/8 secret=token")]);
    let incoming = gate.get(&base).await.unwrap();
    let headers = format!("{:?}", incoming.headers);
    assert!(!headers.contains("hunter2") && headers.contains("x-echo"), "{headers}");
    assert!(!incoming.headers.contains_key("content-length"));
    let body = String::from_utf8(incoming.body.collect(1000).await.unwrap().to_vec()).unwrap();
    assert_eq!(body, "raw [secret token] hex [secret token] end");
}

#[tokio::test]
async fn another_origin_gets_no_secret_even_if_it_is_bound_to_one() {
    let other = Site::serve(|_| ok("").into_bytes()).await;
    let to = format!("http://other.example:{}/", other.port());
    let site = Site::serve({
        let to = to.clone();
        move |_| redirect(302, &to).into_bytes()
    })
    .await;
    let base = format!("http://allowed.example:{}", site.port());
    let gate = gate(&[
        &format!("http GET {base}/ private=127.0.0.0/8 secret=token"),
        &format!("http GET {to} private=127.0.0.0/8 secret=second header=x-key"),
    ]);
    let mut outgoing = Outgoing::new("GET", &base);
    outgoing.redirects = Redirects::Follow(1);
    gate.send(outgoing).await.unwrap();
    let request = &other.seen()[0];
    assert!(!request.contains("hunter2") && !request.contains("x-key"), "{request}");
    // Requested by the guest itself, the other origin gets its own.
    gate.get(&to).await.unwrap();
    assert!(other.seen()[1].contains("x-key: second-secret-value"));
}

#[tokio::test]
async fn the_same_origin_gets_the_secret_again() {
    let site = Site::serve(|request: &str| {
        if request.starts_with("GET /end ") {
            ok("").into_bytes()
        } else {
            redirect(302, "/end").into_bytes()
        }
    })
    .await;
    let base = format!("http://allowed.example:{}", site.port());
    let gate = gate(&[&format!("http GET {base}/ private=127.0.0.0/8 secret=token")]);
    let mut outgoing = Outgoing::new("GET", &base);
    outgoing.redirects = Redirects::Follow(1);
    gate.send(outgoing).await.unwrap();
    assert!(site.seen().iter().all(|request| request.contains(VALUE)));
}

#[tokio::test]
async fn a_redirect_location_gets_no_secret() {
    let other = Site::serve(|_| ok("").into_bytes()).await;
    let to = format!("http://other.example:{}", other.port());
    let site = Site::serve({
        let to = to.clone();
        move |request: &str| {
            let query = request.split(' ').nth(1).unwrap().to_owned();
            redirect(302, &format!("{to}{query}")).into_bytes()
        }
    })
    .await;
    let base = format!("http://allowed.example:{}", site.port());
    let gate = gate(&[
        &format!("http GET {base}/ private=127.0.0.0/8 secret=token query=key"),
        &format!("http GET {to}/ private=127.0.0.0/8"),
    ]);
    let mut outgoing = Outgoing::new("GET", &base);
    outgoing.redirects = Redirects::Follow(1);
    // The text that replaces the secret has a space, which no URL has.
    let result = gate.send(outgoing).await;
    let text = format!("{result:?} {:?}", other.seen());
    assert!(!text.contains("hunter2"), "{text}");
    // Returned to the guest, the location is scrubbed.
    let incoming = gate.get(&base).await.unwrap();
    assert!(!format!("{:?}", incoming.headers).contains("hunter2"));
}

#[tokio::test]
async fn a_missing_secret_fails_before_any_connection() {
    let site = Site::serve(|_| ok("").into_bytes()).await;
    let base = format!("http://allowed.example:{}", site.port());
    let gate = gate(&[&format!("http GET {base}/ private=127.0.0.0/8 secret=missing")]);
    let error = gate.get(&base).await.unwrap_err();
    assert!(matches!(&error, EgressError::Secret { name, .. } if name == "missing"), "{error}");
    assert_eq!(error.guest(), GuestError::Unavailable);
    assert_eq!(site.seen(), [""; 0]);
}

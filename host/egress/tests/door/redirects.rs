//! Redirects: each hop passes the whole door, and credentials stay with their origin.

use bytes::Bytes;
use http::HeaderValue;
use http_body_util::BodyExt as _;
use ringfence_egress::{BadRedirect, EgressError, GuestError, Limit, Outgoing, Redirects, RequestBody};

use crate::site::{Gate, Names, Site, allowed, ok, redirect};

fn following(method: &str, url: &str, most: u32) -> Outgoing {
    let mut outgoing = Outgoing::new(method, url);
    outgoing.redirects = Redirects::Follow(most);
    for name in ["authorization", "cookie", "x-own"] {
        outgoing.headers.insert(name, HeaderValue::from_static("own-value"));
    }
    outgoing
}

#[tokio::test]
async fn a_redirect_is_returned_unless_the_caller_follows() {
    let (site, gate, base) = allowed("", |_| redirect(302, "/next").into_bytes()).await;
    let incoming = gate.get(&base).await.unwrap();
    assert_eq!((incoming.status.as_u16(), incoming.redirects), (302, 0));
    assert_eq!(incoming.headers["location"], "/next");
    assert_eq!(site.seen().len(), 1);
}

#[tokio::test]
async fn a_followed_redirect_reports_the_final_url() {
    let (site, gate, base) = allowed("", |request| {
        if request.starts_with("GET /end ") {
            ok("end").into_bytes()
        } else {
            redirect(302, "/end#x").into_bytes()
        }
    })
    .await;
    let incoming = gate.send(following("GET", &format!("{base}/start"), 5)).await.unwrap();
    assert_eq!((incoming.final_url, incoming.redirects), (format!("{base}/end"), 1));
    assert_eq!(incoming.body.collect(10).await.unwrap(), "end");
    assert!(site.seen()[1].contains("authorization: own-value"));
    assert_eq!(gate.caller.usage().requests, 2);
}

#[tokio::test]
async fn a_chain_ends_at_the_callers_and_at_the_grants_limit() {
    let step = |request: &str| {
        let number: u32 = request.split(['/', ' ']).nth(2).unwrap().parse().unwrap();
        if number == 0 { ok("done") } else { redirect(302, &format!("/{}", number.saturating_sub(1))) }
            .into_bytes()
    };
    let (_site, gate, base) = allowed("redirects=3", step).await;
    for (hops, most, follows) in [(3, 9, true), (4, 9, false), (2, 2, true), (3, 2, false)] {
        let result = gate.send(following("GET", &format!("{base}/{hops}"), most)).await;
        match result {
            Ok(incoming) => assert!(follows && incoming.status == 200, "{hops}"),
            Err(error) => {
                assert!(!follows && matches!(error, EgressError::Limit(Limit::Redirects)), "{hops} {error}")
            }
        }
    }
}

#[tokio::test]
async fn redirects_to_forbidden_targets_are_refused() {
    let hidden = Site::serve(|_| ok("hidden").into_bytes()).await;
    for (location, denied) in [
        ("http://169.254.169.254/latest/meta-data/".to_owned(), true),
        (format!("http://127.0.0.1:{}/", hidden.port()), true),
        (format!("http://other.example:{}/", hidden.port()), true),
        ("http://0x7f.1/".to_owned(), true),
        ("http://[::ffff:a9fe:a9fe]/".to_owned(), true),
        ("//other.example/".to_owned(), true),
        ("file:///etc/passwd".to_owned(), false),
        ("gopher://allowed.example/".to_owned(), false),
        ("http://user:pw@allowed.example/".to_owned(), false),
        ("http://allowed.example\\@evil.example/".to_owned(), false),
    ] {
        let to = location.clone();
        let (site, gate, base) = allowed("", move |_| redirect(307, &to).into_bytes()).await;
        let error = gate.send(following("GET", &base, 5)).await.unwrap_err();
        let refused = match &error {
            EgressError::Denied(_) => denied,
            EgressError::Redirect(BadRedirect::Location(_)) => !denied,
            _ => false,
        };
        assert!(refused, "{location}: {error}");
        assert_eq!(error.guest(), GuestError::Denied);
        assert_eq!(site.seen().len(), 1);
    }
    assert_eq!(hidden.seen(), [""; 0]);
}

#[tokio::test]
async fn a_redirect_to_a_name_with_a_forbidden_address_is_refused() {
    let site = Site::serve(|_| redirect(302, "http://inside.example/").into_bytes()).await;
    let names = Names::on_loopback(&["allowed.example"]).with("inside.example", &[&["10.0.0.1"]]);
    let base = format!("http://allowed.example:{}", site.port());
    let gate = Gate::new(
        &names,
        &[&format!("http GET {base}/ private=127.0.0.0/8"), "http GET http://inside.example/"],
    );
    let error = gate.send(following("GET", &base, 5)).await.unwrap_err();
    assert!(matches!(error, EgressError::Address { .. }), "{error}");
}

#[tokio::test]
async fn a_rebinding_name_is_checked_again_at_each_hop() {
    let site = Site::serve(|_| redirect(302, "/again").into_bytes()).await;
    let names = Names::default().with("rebind.example", &[&["127.0.0.1"], &["192.168.0.1"]]);
    let base = format!("http://rebind.example:{}", site.port());
    let gate = Gate::new(&names, &[&format!("http GET {base}/ private=127.0.0.0/8")]);
    let error = gate.send(following("GET", &base, 5)).await.unwrap_err();
    assert!(matches!(error, EgressError::Address { .. }), "{error}");
    assert_eq!((site.seen().len(), names.asked().len()), (1, 2));
}

#[tokio::test]
async fn credentials_stay_with_their_origin() {
    let other = Site::serve(|_| ok("other").into_bytes()).await;
    let to = format!("http://other.example:{}/", other.port());
    let site = Site::serve({
        let to = to.clone();
        move |_| redirect(307, &to).into_bytes()
    })
    .await;
    let base = format!("http://allowed.example:{}", site.port());
    let gate = Gate::new(
        &Names::on_loopback(&["allowed.example", "other.example"]),
        &[&format!("http POST {base}/ private=127.0.0.0/8"), &format!("http POST {to} private=127.0.0.0/8")],
    );
    let mut outgoing = following("POST", &base, 5);
    outgoing.body = Bytes::from_static(b"the body").into();
    assert_eq!(gate.send(outgoing).await.unwrap().final_url, to);
    let (first, second) = (&site.seen()[0], &other.seen()[0]);
    assert!(first.contains("authorization: own-value") && first.contains("cookie: own-value"));
    assert!(!second.contains("authorization") && !second.contains("cookie"), "{second}");
    assert!(second.contains("x-own: own-value") && second.ends_with("the body"), "{second}");
}

#[tokio::test]
async fn a_post_becomes_a_get_without_body_on_303() {
    let (site, gate, base) = allowed("", |request| {
        if request.contains(" /end ") { ok("").into_bytes() } else { redirect(303, "/end").into_bytes() }
    })
    .await;
    let mut outgoing = following("POST", &base, 1);
    outgoing.headers.insert("content-type", HeaderValue::from_static("text/plain"));
    outgoing.body = Bytes::from_static(b"the body").into();
    gate.send(outgoing).await.unwrap();
    let second = &site.seen()[1];
    assert!(second.starts_with("GET /end ") && !second.contains("content-"), "{second}");
}

#[tokio::test]
async fn a_streamed_body_is_not_sent_twice() {
    let (_site, gate, base) = allowed("", |_| redirect(308, "/again").into_bytes()).await;
    let mut outgoing = following("POST", &base, 1);
    let pieces = http_body_util::Full::new(Bytes::from_static(b"piece")).map_err(|never| match never {});
    outgoing.body = RequestBody::Stream { length: Some(5), pieces: pieces.boxed_unsync() };
    let error = gate.send(outgoing).await.unwrap_err();
    assert!(matches!(error, EgressError::Redirect(BadRedirect::Body)), "{error}");
}

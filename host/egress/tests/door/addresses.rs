//! Names that resolve to forbidden addresses, now or later, and lookups that never end.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use ringfence_egress::{DoorConfig, EgressError, GuestError, Lookup, Outgoing, Resolve};
use ringfence_policy::AddressClass;

use crate::site::{Gate, Names, Site, ok};

fn class(result: Result<impl std::fmt::Debug, EgressError>) -> AddressClass {
    match result {
        Err(EgressError::Address { refusal, .. }) => refusal.class,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn an_address_literal_skips_no_check() {
    let site = Site::serve(|_| "").await;
    let port = site.port();
    for (host, expected) in [
        ("127.0.0.1", AddressClass::Loopback),
        ("[::1]", AddressClass::Loopback),
        ("[::ffff:7f00:1]", AddressClass::Loopback),
        ("[64:ff9b::7f00:1]", AddressClass::Loopback),
        ("169.254.169.254", AddressClass::Metadata),
        ("[2002:7f00:1::]", AddressClass::Loopback),
        ("10.0.0.1", AddressClass::Private),
    ] {
        let url = format!("http://{host}:{port}/");
        let gate = Gate::new(&Names::default(), &[&format!("http GET {url}")]);
        assert_eq!(class(gate.get(&url).await), expected, "{host}");
    }
    assert_eq!(site.seen(), [""; 0]);
}

#[tokio::test]
async fn a_mapped_literal_is_dialled_as_the_address_that_was_checked() {
    let site = Site::serve(|_| ok("mapped").as_bytes().to_vec()).await;
    let url = format!("http://[::ffff:7f00:1]:{}/", site.port());
    let gate = Gate::new(&Names::default(), &[&format!("http GET {url} private=127.0.0.0/8")]);
    assert_eq!(gate.text(&url).await.unwrap(), "mapped");
}

#[tokio::test]
async fn a_rebinding_name_is_looked_up_once_and_the_checked_address_is_dialled() {
    let site = Site::serve(|_| ok("first").as_bytes().to_vec()).await;
    let names =
        Names::default().with("rebind.example", &[&["127.0.0.1"], &["169.254.169.254"], &["10.0.0.1"]]);
    let url = format!("http://rebind.example:{}/", site.port());
    let gate = Gate::new(&names, &[&format!("http GET {url} private=127.0.0.0/8")]);
    assert_eq!(gate.text(&url).await.unwrap(), "first");
    assert_eq!(names.asked(), ["rebind.example"]);
    // Each request asks again, and each answer is checked.
    assert_eq!(class(gate.get(&url).await), AddressClass::Metadata);
    assert_eq!(class(gate.get(&url).await), AddressClass::Private);
    assert_eq!(site.seen().len(), 1);
}

#[tokio::test]
async fn one_refused_address_refuses_the_name() {
    let site = Site::serve(|_| "").await;
    for (answer, expected) in [
        (&["127.0.0.1", "10.0.0.1"][..], AddressClass::Private),
        (&["127.0.0.1", "::ffff:169.254.169.254"], AddressClass::Metadata),
        (&["127.0.0.1", "127.0.0.2", "fd00:ec2::254"], AddressClass::Metadata),
    ] {
        let names = Names::default().with("mixed.example", &[answer]);
        let url = format!("http://mixed.example:{}/", site.port());
        let gate = Gate::new(&names, &[&format!("http GET {url} private=127.0.0.0/8")]);
        let error = gate.get(&url).await.unwrap_err();
        assert_eq!(error.guest(), GuestError::Denied);
        assert_eq!(class(Err::<(), _>(error)), expected, "{answer:?}");
    }
    assert_eq!(site.seen(), [""; 0]);
}

#[tokio::test]
async fn metadata_is_refused_whatever_range_a_grant_opens() {
    let names = Names::default()
        .with("meta.example", &[&["169.254.169.254"]])
        .with("meta6.example", &[&["64:ff9b::a9fe:a9fe"]]);
    for host in ["meta.example", "meta6.example", "169.254.169.254", "100.100.100.200"] {
        let gate = Gate::new(&names, &[&format!("http GET http://{host}/ private=0.0.0.0/0,::/0")]);
        assert_eq!(class(gate.get(&format!("http://{host}/")).await), AddressClass::Metadata, "{host}");
    }
}

#[tokio::test]
async fn a_declared_nat64_prefix_is_decoded() {
    let names = Names::default().with("six.example", &[&["2a00:64::7f00:1"]]);
    let mut config = DoorConfig::new(Arc::new(names));
    config.nat64 = vec!["2a00:64::/96".parse().unwrap()];
    let gate = Gate::with(config, &["http GET http://six.example/"]);
    assert_eq!(class(gate.get("http://six.example/").await), AddressClass::Loopback);
}

#[tokio::test]
async fn a_name_without_an_address_is_a_dns_error() {
    let names = Names::default().with("empty.example", &[&[]]);
    let gate = Gate::new(&names, &["http GET http://*.example.com/", "http GET http://empty.example/"]);
    for url in ["http://missing.example.com/", "http://empty.example/"] {
        let error = gate.get(url).await.unwrap_err();
        assert!(matches!(error, EgressError::Dns { .. }), "{error}");
        assert_eq!(error.guest(), GuestError::Dns);
    }
}

#[tokio::test]
async fn the_next_address_is_dialled_when_one_refuses() {
    let site = Site::serve(|_| ok("second").as_bytes().to_vec()).await;
    // Nothing listens on that port of the first address.
    let names = Names::default().with("two.example", &[&["127.0.0.9", "127.0.0.1"]]);
    let url = format!("http://two.example:{}/", site.port());
    let gate = Gate::new(&names, &[&format!("http GET {url} private=127.0.0.0/8")]);
    assert_eq!(gate.text(&url).await.unwrap(), "second");
}

/// A resolver whose lookups never end, and that notes when one is dropped.
#[derive(Debug, Clone, Default)]
struct Endless {
    begun: Arc<AtomicBool>,
    dropped: Arc<AtomicBool>,
}

struct NoteDrop(Arc<AtomicBool>);

impl Drop for NoteDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

impl Resolve for Endless {
    fn resolve<'a>(&'a self, _name: &'a str) -> Lookup<'a> {
        self.begun.store(true, Ordering::SeqCst);
        let note = NoteDrop(Arc::clone(&self.dropped));
        Box::pin(async move {
            let _note = note;
            pending().await
        })
    }
}

#[tokio::test]
async fn dropping_a_request_cancels_its_lookup() {
    let resolver = Endless::default();
    let gate = Gate::with(
        DoorConfig::new(Arc::new(resolver.clone())),
        &["http GET http://slow.example/ concurrency=1"],
    );
    {
        let mut request = std::pin::pin!(gate.get("http://slow.example/"));
        let polled =
            std::future::poll_fn(|context| std::task::Poll::Ready(request.as_mut().poll(context).is_ready()));
        assert!(!polled.await);
        assert!(resolver.begun.load(Ordering::SeqCst) && !resolver.dropped.load(Ordering::SeqCst));
    }
    assert!(resolver.dropped.load(Ordering::SeqCst));
    // The permit came back as well: the next one times out in the lookup instead of at the cap.
    let mut outgoing = Outgoing::new("GET", "http://slow.example/");
    outgoing.timeout = Some(std::time::Duration::from_millis(1));
    assert!(matches!(gate.send(outgoing).await, Err(EgressError::Timeout)));
}

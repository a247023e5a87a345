//! Connections that are used again: only after the check, only by the same caller, and only if nothing was left over.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use ringfence_egress::{DoorConfig, EgressError, Limit, Outgoing, Proxy};
use ringfence_policy::{Policy, Subject};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use crate::site::{Gate, Names, ok, subject};

/// A server that keeps connections open, and counts them.
struct Keeper {
    port: u16,
    connections: Arc<AtomicUsize>,
}

impl Keeper {
    /// Each connection answers so many requests, and then waits for one more before it closes.
    async fn serve(requests: usize) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let connections = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&connections);
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(async move {
                    let mut served = 0_usize;
                    let mut buffer = vec![0; 4096];
                    while let Ok(1..) = stream.read(&mut buffer).await {
                        if served == requests {
                            return;
                        }
                        served = served.saturating_add(1);
                        stream.write_all(ok("kept").as_bytes()).await.unwrap();
                    }
                });
            }
        });
        Self { port, connections }
    }

    fn url(&self) -> String {
        format!("http://allowed.example:{}/", self.port)
    }

    fn gate(&self, names: Names) -> Gate {
        let line = format!("http GET,POST {} private=127.0.0.0/8", self.url());
        Gate::with(DoorConfig::new(Arc::new(names)), &[&line])
    }

    fn count(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

fn loopback() -> Names {
    Names::on_loopback(&["allowed.example"])
}

#[tokio::test]
async fn the_next_get_of_the_caller_uses_the_connection_again() {
    let keeper = Keeper::serve(100).await;
    let gate = keeper.gate(loopback());
    for _ in 0..3 {
        assert_eq!(gate.text(&keeper.url()).await.unwrap(), "kept");
    }
    assert_eq!(keeper.count(), 1);
    // The next run of the same skill and principal as well.
    let next = gate.door.caller(gate.caller.grants().clone());
    gate.door.send(&next, Outgoing::new("GET", keeper.url())).await.unwrap();
    assert_eq!(keeper.count(), 1);
}

#[tokio::test]
async fn another_principal_and_a_post_open_connections_of_their_own() {
    let keeper = Keeper::serve(100).await;
    let gate = keeper.gate(loopback());
    gate.text(&keeper.url()).await.unwrap();
    let line = format!("http GET {} private=127.0.0.0/8", keeper.url());
    let bob = Subject { principal: Some("bob".to_owned()), ..subject() };
    let other = gate.door.caller(Policy::of_lines([line.as_str()]).unwrap().for_subject(&bob));
    gate.door.send(&other, Outgoing::new("GET", keeper.url())).await.unwrap();
    assert_eq!(keeper.count(), 2);
    let mut post = Outgoing::new("POST", keeper.url());
    post.body = Bytes::from_static(b"body").into();
    gate.send(post).await.unwrap();
    assert_eq!(keeper.count(), 3);
}

#[tokio::test]
async fn a_connection_with_an_unread_body_is_not_used_again() {
    let keeper = Keeper::serve(100).await;
    let gate = keeper.gate(loopback());
    drop(gate.get(&keeper.url()).await.unwrap());
    gate.text(&keeper.url()).await.unwrap();
    assert_eq!(keeper.count(), 2);
}

#[tokio::test]
async fn a_get_is_sent_again_when_the_server_gives_up_the_idle_connection() {
    let keeper = Keeper::serve(1).await;
    let gate = keeper.gate(loopback());
    for _ in 0..3 {
        // The server closes when it reads the second request.
        assert_eq!(gate.text(&keeper.url()).await.unwrap(), "kept");
    }
    assert_eq!(keeper.count(), 3);
}

#[tokio::test]
async fn an_idle_connection_does_not_bypass_the_check() {
    let keeper = Keeper::serve(100).await;
    let names = Names::default()
        .with("allowed.example", &[&["127.0.0.1"], &["10.0.0.1"], &["127.0.0.1", "169.254.169.254"]]);
    let gate = keeper.gate(names);
    gate.text(&keeper.url()).await.unwrap();
    for _ in 0..2 {
        assert!(matches!(gate.get(&keeper.url()).await, Err(EgressError::Address { .. })));
    }
    assert_eq!(keeper.count(), 1);
}

#[tokio::test]
async fn a_door_with_another_configuration_keeps_connections_and_counts_until_the_proxy_changes() {
    let keeper = Keeper::serve(100).await;
    let line = format!("http GET {} private=127.0.0.0/8", keeper.url());
    let mut config = DoorConfig::new(Arc::new(loopback()));
    config.skill.requests_per_minute = 3;
    let gate = Gate::with(config.clone(), &[&line]);
    gate.text(&keeper.url()).await.unwrap();
    let next = gate.door.reconfigured(config.clone());
    let caller = next.caller(gate.caller.grants().clone());
    let body = next.send(&caller, Outgoing::new("GET", keeper.url())).await.unwrap().body;
    assert_eq!(body.collect(100).await.unwrap(), "kept");
    assert_eq!(keeper.count(), 1);
    config.proxy = Some(Proxy::new("http://127.0.0.1:9".parse().unwrap()));
    let proxied = next.reconfigured(config);
    let caller = proxied.caller(gate.caller.grants().clone());
    let failed = proxied.send(&caller, Outgoing::new("GET", keeper.url())).await.unwrap_err();
    assert!(matches!(failed, EgressError::Proxy { .. }), "{failed}");
    // The three requests of this minute are spent, whichever door they went through.
    let spent = proxied.send(&caller, Outgoing::new("GET", keeper.url())).await.unwrap_err();
    assert!(matches!(spent, EgressError::Limit(Limit::SkillRequests)), "{spent}");
    assert!(matches!(gate.get(&keeper.url()).await, Err(EgressError::Limit(Limit::SkillRequests))));
}

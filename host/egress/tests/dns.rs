//! The resolver of the door, against a name server of the test.

#![cfg(feature = "dns")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a test fails by panicking"
)]
#![allow(clippy::disallowed_methods, reason = "the name server of a test")]

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ringfence_egress::{
    DnsConfig, DnsResolver, Door, DoorConfig, EgressError, Outgoing, Resolve as _, ResolveError,
};
use ringfence_policy::{Policy, SkillDigest, Subject};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, UdpSocket};

const A: u16 = 1;
const AAAA: u16 = 28;

/// What the server says about a name.
enum Says {
    Addresses(Vec<IpAddr>),
    /// Over UDP that the answer is too long, over TCP the addresses.
    OverTcp(Vec<IpAddr>),
    /// The address of another name, for which this one is an alias.
    Alias(&'static str, IpAddr),
    NoSuchName,
    Nothing,
}

type Book = fn(&str) -> Says;

/// Returns the name in lower case, the type, and the end of the question.
fn question(query: &[u8]) -> (String, u16, usize) {
    let (mut name, mut at) = (String::new(), 12);
    while query[at] != 0 {
        let length = usize::from(query[at]);
        name.push_str(&String::from_utf8_lossy(&query[at + 1..at + 1 + length]).to_lowercase());
        name.push('.');
        at += 1 + length;
    }
    (name, u16::from_be_bytes([query[at + 1], query[at + 2]]), at + 5)
}

fn answer(query: &[u8], book: Book, tcp: bool) -> Option<Vec<u8>> {
    let (name, kind, end) = question(query);
    let mut records = Vec::new();
    let mut count = 0_u16;
    let mut owner = vec![0xc0, 12];
    let (flags, addresses) = match book(&name) {
        Says::Alias(of, address) => {
            let mut target = Vec::new();
            for label in of.trim_end_matches('.').split('.') {
                target.push(u8::try_from(label.len()).unwrap());
                target.extend(label.as_bytes());
            }
            target.push(0);
            records.extend([0xc0, 12, 0, 5, 0, 1, 0, 0, 0, 60]);
            records.extend(u16::try_from(target.len()).unwrap().to_be_bytes());
            records.extend(&target);
            count += 1;
            owner = target;
            ([0x81, 0x80], vec![address])
        }
        Says::Addresses(addresses) => ([0x81, 0x80], addresses),
        Says::OverTcp(addresses) if tcp => ([0x81, 0x80], addresses),
        Says::OverTcp(_) => ([0x83, 0x80], Vec::new()),
        Says::NoSuchName => ([0x81, 0x83], Vec::new()),
        Says::Nothing => return None,
    };
    for address in addresses
        .iter()
        .filter(|address| (kind == A && address.is_ipv4()) || (kind == AAAA && address.is_ipv6()))
    {
        count += 1;
        records.extend(&owner);
        records.extend(kind.to_be_bytes());
        records.extend([0, 1, 0, 0, 0, 60]);
        let bytes = match address {
            IpAddr::V4(v4) => v4.octets().to_vec(),
            IpAddr::V6(v6) => v6.octets().to_vec(),
        };
        records.extend(u16::try_from(bytes.len()).unwrap().to_be_bytes());
        records.extend(bytes);
    }
    let mut message = query[..2].to_vec();
    message.extend(flags);
    message.extend([0, 1]);
    message.extend(count.to_be_bytes());
    message.extend([0, 0, 0, 0]);
    message.extend(&query[12..end]);
    message.extend(records);
    Some(message)
}

/// Serves a book of names over UDP and TCP on one port, and returns the names that were asked for.
async fn serve(book: Book) -> (SocketAddr, Arc<Mutex<Vec<String>>>) {
    let (udp, tcp) = loop {
        let udp = UdpSocket::bind(("127.0.0.1", 0)).await.unwrap();
        if let Ok(tcp) = TcpListener::bind(udp.local_addr().unwrap()).await {
            break (udp, tcp);
        }
    };
    let address = udp.local_addr().unwrap();
    let asked = Arc::new(Mutex::new(Vec::new()));
    let names = Arc::clone(&asked);
    tokio::spawn(async move {
        let mut buffer = [0; 2048];
        while let Ok((length, from)) = udp.recv_from(&mut buffer).await {
            names.lock().unwrap().push(question(&buffer[..length]).0);
            if let Some(message) = answer(&buffer[..length], book, false) {
                udp.send_to(&message, from).await.unwrap();
            }
        }
    });
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = tcp.accept().await {
            tokio::spawn(async move {
                while let Ok(length) = stream.read_u16().await {
                    let mut query = vec![0; usize::from(length)];
                    stream.read_exact(&mut query).await.unwrap();
                    if let Some(message) = answer(&query, book, true) {
                        stream.write_u16(u16::try_from(message.len()).unwrap()).await.unwrap();
                        stream.write_all(&message).await.unwrap();
                    }
                }
            });
        }
    });
    (address, asked)
}

fn resolver(server: SocketAddr) -> DnsResolver {
    let mut config = DnsConfig::new(vec![server]);
    config.timeout = Duration::from_millis(500);
    config.attempts = 1;
    DnsResolver::new(&config).unwrap()
}

fn addresses(list: &[&str]) -> Vec<IpAddr> {
    list.iter().map(|address| address.parse().unwrap()).collect()
}

#[tokio::test]
async fn a_name_has_the_addresses_of_both_families_and_no_search_domain() {
    let (server, asked) =
        serve(|_| Says::Addresses(addresses(&["192.0.2.1", "192.0.2.2", "2001:db8::1"]))).await;
    let resolver = resolver(server);
    // One label, as a search domain would begin with.
    for name in ["www.example.com", "intranet"] {
        let mut found = resolver.resolve(name).await.unwrap();
        found.sort_unstable();
        assert_eq!(found, addresses(&["192.0.2.1", "192.0.2.2", "2001:db8::1"]));
    }
    let mut asked = asked.lock().unwrap().clone();
    asked.sort_unstable();
    asked.dedup();
    assert_eq!(asked, ["intranet.", "www.example.com."]);
}

#[tokio::test]
async fn a_long_answer_is_read_over_tcp() {
    let (server, _) = serve(|_| Says::OverTcp(addresses(&["192.0.2.7"]))).await;
    assert_eq!(resolver(server).resolve("long.example").await.unwrap(), addresses(&["192.0.2.7"]));
}

#[tokio::test]
async fn missing_names_and_silent_servers_differ() {
    let (server, _) =
        serve(|name| if name == "silent.example." { Says::Nothing } else { Says::NoSuchName }).await;
    let resolver = resolver(server);
    assert_eq!(resolver.resolve("missing.example").await, Err(ResolveError::NoAddress));
    assert!(matches!(resolver.resolve("silent.example").await, Err(ResolveError::Failed(_))));
}

#[tokio::test]
async fn localhost_is_never_looked_up() {
    let (server, asked) = serve(|_| Says::Addresses(addresses(&["192.0.2.1"]))).await;
    for name in ["localhost", "app.localhost"] {
        assert_eq!(resolver(server).resolve(name).await.unwrap(), addresses(&["127.0.0.1", "::1"]));
    }
    assert!(asked.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_slow_lookup_ends_with_the_time_of_the_request() {
    let (server, _) = serve(|_| Says::Nothing).await;
    let mut config = DnsConfig::new(vec![server]);
    config.timeout = Duration::from_secs(3600);
    let door = Door::new(DoorConfig::new(Arc::new(DnsResolver::new(&config).unwrap())));
    let policy = Policy::of_lines(["http GET http://slow.example/"]).unwrap();
    let caller = door.caller(policy.for_subject(&Subject::of(SkillDigest([0; 32]))));
    let mut outgoing = Outgoing::new("GET", "http://slow.example/");
    outgoing.timeout = Some(Duration::from_millis(50));
    assert!(matches!(door.send(&caller, outgoing).await, Err(EgressError::Timeout)));
}

#[tokio::test]
async fn the_door_checks_addresses_from_the_name_server() {
    let (server, _) = serve(|name| match name {
        "meta.example." => Says::Addresses(addresses(&["169.254.169.254"])),
        "inside.example." => Says::Addresses(addresses(&["93.184.215.14", "::ffff:10.0.0.1"])),
        _ => Says::NoSuchName,
    })
    .await;
    let door = Door::new(DoorConfig::new(Arc::new(resolver(server))));
    let policy =
        Policy::of_lines(["http GET http://meta.example/", "http GET http://inside.example/"]).unwrap();
    let caller = door.caller(policy.for_subject(&Subject::of(SkillDigest([0; 32]))));
    for url in ["http://meta.example/", "http://inside.example/"] {
        let error = door.send(&caller, Outgoing::new("GET", url)).await.unwrap_err();
        assert!(matches!(error, EgressError::Address { .. }), "{url}: {error}");
    }
}

#[tokio::test]
async fn an_alias_is_judged_by_the_address_of_what_it_names() {
    let (server, _) = serve(|name| match name {
        "good.example." => Says::Alias("cdn.example.", IpAddr::from([93, 184, 215, 14])),
        "bad.example." => Says::Alias("metadata.example.", IpAddr::from([169, 254, 169, 254])),
        _ => Says::NoSuchName,
    })
    .await;
    let resolver = resolver(server);
    assert_eq!(resolver.resolve("good.example").await.unwrap(), addresses(&["93.184.215.14"]));
    let door = Door::new(DoorConfig::new(Arc::new(resolver)));
    let policy = Policy::of_lines(["http GET http://bad.example/ private=0.0.0.0/0"]).unwrap();
    let caller = door.caller(policy.for_subject(&Subject::of(SkillDigest([0; 32]))));
    let error = door.send(&caller, Outgoing::new("GET", "http://bad.example/")).await.unwrap_err();
    assert!(matches!(error, EgressError::Address { .. }), "{error}");
}

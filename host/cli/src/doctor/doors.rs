//! What stands between a skill with grants and the rest: addresses, name look-ups, secrets and quotas, each tried by a
//! guest against servers that the doctor starts on this machine.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io::{self, Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ringfence::{DenialKind, Granted, Report};
use ringfence_capabilities::{Capabilities, subject_of};
use ringfence_egress::secret::Secret;
use ringfence_egress::{Door, DoorConfig, Lookup, Resolve, ResolveError};
use ringfence_policy::Policy;
use serde_json::{Value, json};

use super::report::{Check, Finding, Group};
use super::ward::{Guest, Seen, Ward};

/// The value of a secret, which servers send back in these encodings.
const SECRET: &str = "canary-of-the-doctor";
const ENCODED: [(&str, &str); 4] = [
    ("raw", SECRET),
    ("base64", "Y2FuYXJ5LW9mLXRoZS1kb2N0b3I"),
    ("hex", "63616e6172792d6f662d7468652d646f63746f72"),
    ("percent", "%63%61%6E%61%72%79%2D%6F%66%2D%74%68%65%2D%64%6F%63%74%6F%72"),
];

/// Keys that the space of a check can have.
const KEYS: u64 = 3;

/// A name that only the doctor's own resolver knows.
const NAME: &str = "rebinding.doctor.test";

/// A server on this machine that counts connections. Its thread ends with the program.
struct Server {
    port: u16,
    connections: Arc<AtomicUsize>,
}

impl Server {
    /// Answers each request with what `answer` makes of it.
    fn start(address: SocketAddr, answer: fn(&str) -> String) -> io::Result<Self> {
        let listener = TcpListener::bind(address)?;
        let port = listener.local_addr()?.port();
        let connections = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&connections);
        std::thread::Builder::new().name("doctor-server".to_owned()).spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                counted.fetch_add(1, Ordering::SeqCst);
                // What the guest then sees decides the check.
                let _ = serve(stream, answer);
            }
        })?;
        Ok(Self { port, connections })
    }

    fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

fn serve(mut stream: std::net::TcpStream, answer: fn(&str) -> String) -> io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    let (mut request, mut buffer) = (Vec::new(), [0; 1024]);
    while !request.windows(4).any(|window| window == b"\r\n\r\n") && request.len() < 16 << 10 {
        let read = stream.read(&mut buffer)?;
        if read == 0 {
            break;
        }
        request.extend_from_slice(buffer.get(..read).unwrap_or_default());
    }
    let body = answer(&String::from_utf8_lossy(&request));
    let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
    stream.write_all(head.as_bytes())?;
    stream.write_all(body.as_bytes())
}

fn hello(_: &str) -> String {
    "hello".to_owned()
}

/// The request, and the secret in every encoding.
fn leak(request: &str) -> String {
    let encoded: Vec<&str> = ENCODED.iter().map(|(_, text)| *text).collect();
    format!("{request}\n{}", encoded.join(" "))
}

/// Answers each look-up with the next addresses.
#[derive(Debug, Default)]
struct Rebinding(Mutex<VecDeque<Vec<IpAddr>>>);

impl Resolve for Rebinding {
    fn resolve<'a>(&'a self, _: &'a str) -> Lookup<'a> {
        let next = self.0.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        Box::pin(async move { next.ok_or(ResolveError::NoAddress) })
    }
}

/// A request of the guest, as the doctor saw it.
#[derive(Debug, Clone)]
struct Fetched {
    /// 1,000 plus the status, or the case of the error: 0 is `denied`.
    code: u64,
    body: String,
    denied: Option<DenialKind>,
}

impl Fetched {
    fn of(report: Report) -> Result<Self, String> {
        let denied = report.denied.first().map(|denial| denial.kind);
        let seen = Seen::of(report);
        match (seen.value.get(0).and_then(Value::as_u64), seen.value.get(1).and_then(Value::as_str)) {
            (Some(code), Some(body)) if seen.completed() => Ok(Self { code, body: body.to_owned(), denied }),
            _ => Err(format!("the guest ended with {}", seen.outcome)),
        }
    }

    fn answered(&self) -> bool {
        self.code == 1_200
    }

    fn refused_by_address(&self) -> bool {
        self.code == 0 && self.denied == Some(DenialKind::Address)
    }
}

/// The operator's grants, and the door with these names and the doctor's secret.
fn capabilities(grants: &[String], names: Rebinding) -> Result<Capabilities, String> {
    let policy = Policy::of_lines(grants.iter().map(String::as_str)).map_err(|error| error.to_string())?;
    let secret = Secret::new("canary", SECRET.as_bytes().to_vec()).map_err(|error| error.to_string())?;
    let mut config = DoorConfig::new(Arc::new(names));
    config.secrets = Arc::new(BTreeMap::from([("canary".to_owned(), Arc::new(secret))]));
    Ok(Capabilities::new(policy).with_secrets(["canary".to_owned()]).with_door(Door::new(config)))
}

fn granted(capabilities: &Capabilities, guest: &Guest) -> Result<Granted, String> {
    let skill = guest.skill()?;
    Ok(capabilities.granted(skill, subject_of(skill)))
}

async fn fetch(ward: &Ward, capabilities: &Capabilities, url: &str) -> Result<Fetched, String> {
    let guest = &ward.guests.fetch;
    let granted = granted(capabilities, guest)?;
    Fetched::of(ward.granted(guest, "get", json!({"url": url}), &ward.roomy(), granted).await?)
}

fn local() -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, 0))
}

fn started(server: io::Result<Server>) -> Result<Server, String> {
    server.map_err(|error| format!("cannot listen on 127.0.0.1: {error}"))
}

pub(crate) async fn rows(ward: &Ward) -> Vec<Check> {
    let check = |name, configured: &str| Check::new(Group::Grants, name, configured);
    vec![
        check("forbidden addresses", "all refused").found(addresses(ward).await),
        check("rebinding name", "refused").found(rebinding(ward).await),
        check("secret in responses", "removed").found(secret(ward).await),
        check("key-value quota", &format!("{KEYS} keys")).found(quota(ward).await),
        check("no grant", "denied").found(no_grant(ward).await),
    ]
}

/// Spellings of this machine and of a metadata service, each with a grant for its URL.
async fn addresses(ward: &Ward) -> Result<Finding, String> {
    let server = started(Server::start(local(), hello))?;
    let port = server.port;
    let hosts = [
        "127.0.0.1".to_owned(),
        "[::1]".to_owned(),
        "[::ffff:7f00:1]".to_owned(),
        "[::7f00:1]".to_owned(),
        "[64:ff9b::7f00:1]".to_owned(),
        "[2002:7f00:1::]".to_owned(),
        "0.0.0.0".to_owned(),
        // No range opens it.
        "169.254.169.254".to_owned(),
    ];
    let urls: Vec<String> = hosts.iter().map(|host| format!("http://{host}:{port}/")).collect();
    let grant = |url: &String| match url.contains("169.254") {
        true => format!("http GET {url} private=169.254.0.0/16"),
        false => format!("http GET {url}"),
    };
    let grants: Vec<String> = urls.iter().map(grant).collect();
    let forbidding = capabilities(&grants, Rebinding::default())?;
    let mut refused = Vec::new();
    for url in &urls {
        refused.push((url.clone(), fetch(ward, &forbidding, url).await?.refused_by_address()));
    }
    let before = server.connections();
    // The same server under a grant for its range: so it was there to be reached.
    let [url, ..] = urls.as_slice() else { return Err("no URL".to_owned()) };
    let allowing = capabilities(&[format!("http GET {url} private=127.0.0.0/8")], Rebinding::default())?;
    let reached = fetch(ward, &allowing, url).await?.answered();
    Ok(judge_addresses(&refused, before, reached))
}

fn judge_addresses(refused: &[(String, bool)], connections: usize, reached: bool) -> Finding {
    let why = || "a skill can reach addresses that no grant opens".to_owned();
    if let Some((url, _)) = refused.iter().find(|(_, refused)| !refused) {
        return Finding::Fail(format!("{url} was not refused"), why());
    }
    if connections > 0 {
        return Finding::Fail(format!("{connections} connections to a refused server"), why());
    }
    if !reached {
        let why = "expected a grant with `private` to open the range, as the counter-check".to_owned();
        return Finding::Fail("a granted address was not reached".to_owned(), why);
    }
    Finding::Pass(format!("{} spellings refused, no connection", refused.len()))
}

/// A name that is first an allowed address, then another one, then both.
async fn rebinding(ward: &Ward) -> Result<Finding, String> {
    let server = started(Server::start(local(), hello))?;
    let other = IpAddr::from([127, 0, 0, 2]);
    // Only Linux has all of 127.0.0.0/8.
    let trap = Server::start(SocketAddr::new(other, server.port), hello).ok();
    let own = IpAddr::from(Ipv4Addr::LOCALHOST);
    let names = Rebinding(Mutex::new(VecDeque::from([vec![own], vec![other], vec![own, other]])));
    let url = format!("http://{NAME}:{}/", server.port);
    let capabilities = capabilities(&[format!("http GET {url} private=127.0.0.1/32")], names)?;
    let mut fetched = Vec::new();
    for _ in 0..3 {
        fetched.push(fetch(ward, &capabilities, &url).await?);
    }
    Ok(judge_rebinding(&fetched, trap.map_or(0, |trap| trap.connections())))
}

fn judge_rebinding(fetched: &[Fetched], connections: usize) -> Finding {
    let [first, rest @ ..] = fetched else { return Finding::Fail("no request".to_owned(), String::new()) };
    if !first.answered() {
        let why = "expected the name to reach the granted address first, as the counter-check".to_owned();
        return Finding::Fail(format!("the first request got {}", first.code), why);
    }
    if connections == 0 && rest.iter().all(Fetched::refused_by_address) {
        return Finding::Pass("allowed, then refused".to_owned());
    }
    let why = "a name that changes its address leads a skill past the address check".to_owned();
    Finding::Fail(format!("{connections} connections to the other address"), why)
}

/// A server that sends the secret back, as it came and in encodings.
async fn secret(ward: &Ward) -> Result<Finding, String> {
    let server = started(Server::start(local(), leak))?;
    let url = format!("http://127.0.0.1:{}/", server.port);
    let grant = format!("http GET {url} private=127.0.0.0/8 secret=canary");
    let fetched = fetch(ward, &capabilities(&[grant], Rebinding::default())?, &url).await?;
    Ok(judge_secret(&fetched))
}

fn judge_secret(fetched: &Fetched) -> Finding {
    let seen: BTreeSet<&str> =
        ENCODED.iter().filter(|(_, text)| fetched.body.contains(text)).map(|(name, _)| *name).collect();
    if !seen.is_empty() {
        let seen = seen.into_iter().collect::<Vec<_>>().join(", ");
        let why = "a server can pass the secrets of grants on to skills".to_owned();
        return Finding::Fail(format!("the skill saw it: {seen}"), why);
    }
    // The request has it once, behind `Bearer`.
    let removed = fetched.body.matches("[secret canary]").count();
    if fetched.answered() && removed > ENCODED.len() {
        return Finding::Pass(format!("{removed} copies in {} encodings", ENCODED.len()));
    }
    let why = "expected the server to get the secret and to send it back".to_owned();
    Finding::Fail(format!("code {}, {removed} removed", fetched.code), why)
}

/// One key more than the space can have.
async fn quota(ward: &Ward) -> Result<Finding, String> {
    let guest = &ward.guests.keys;
    let grant = format!("kv storage=memory keys={KEYS}");
    let granted = granted(&capabilities(&[grant], Rebinding::default())?, guest)?;
    let input = json!({"keys": KEYS.saturating_add(1)});
    let seen = Seen::of(ward.granted(guest, "fill", input, &ward.roomy(), granted).await?);
    Ok(judge_quota(&seen))
}

fn judge_quota(seen: &Seen) -> Finding {
    // The case of the error is `limit`.
    if seen.completed() && seen.value == json!([KEYS, 1]) {
        return Finding::Pass(format!("{KEYS} keys set, then limit"));
    }
    let why = format!("expected {KEYS} keys and the error `limit`");
    Finding::Fail(format!("{}: {}", seen.outcome, seen.value), why)
}

/// Without a grant the guest learns `denied` of a server that is there, and of its space.
async fn no_grant(ward: &Ward) -> Result<Finding, String> {
    let server = started(Server::start(local(), hello))?;
    let url = format!("http://127.0.0.1:{}/", server.port);
    let nothing = capabilities(&[], Rebinding::default())?;
    let fetched = fetch(ward, &nothing, &url).await?;
    let guest = &ward.guests.keys;
    let input = json!({"keys": 1});
    let report = ward.granted(guest, "fill", input, &ward.roomy(), granted(&nothing, guest)?).await?;
    Ok(judge_no_grant(&fetched, &Seen::of(report), server.connections()))
}

fn judge_no_grant(fetched: &Fetched, kept: &Seen, connections: usize) -> Finding {
    let no_request = fetched.code == 0 && fetched.denied == Some(DenialKind::NoGrant) && connections == 0;
    if no_request && kept.completed() && kept.value == json!([0, 0]) {
        return Finding::Pass("http and kv denied, no connection".to_owned());
    }
    let why = "expected `denied` from both, and no connection".to_owned();
    Finding::Fail(format!("http {}, kv {}, {connections} connections", fetched.code, kept.value), why)
}

#[cfg(test)]
mod tests {
    use super::super::judged::{fails, passes, seen};
    use super::*;

    fn fetched(code: u64, body: &str, denied: Option<DenialKind>) -> Fetched {
        Fetched { code, body: body.to_owned(), denied }
    }

    #[test]
    fn addresses_are_all_refused_and_the_granted_one_is_reached() {
        let refused = |all: bool| vec![("http://127.0.0.1/".to_owned(), true), ("b".to_owned(), all)];
        passes(&judge_addresses(&refused(true), 0, true));
        fails(&judge_addresses(&refused(false), 0, true));
        fails(&judge_addresses(&refused(true), 1, true));
        fails(&judge_addresses(&refused(true), 0, false));
    }

    #[test]
    fn a_name_that_changes_is_refused() {
        let good = fetched(1_200, "", None);
        let refused = fetched(0, "", Some(DenialKind::Address));
        passes(&judge_rebinding(&[good.clone(), refused.clone(), refused.clone()], 0));
        fails(&judge_rebinding(&[good.clone(), good.clone(), refused.clone()], 0));
        fails(&judge_rebinding(&[good.clone(), refused.clone(), refused.clone()], 1));
        fails(&judge_rebinding(&[refused.clone(), refused.clone(), refused], 0));
        let ungranted = fetched(0, "", Some(DenialKind::NoGrant));
        fails(&judge_rebinding(&[good, ungranted.clone(), ungranted], 0));
        fails(&judge_rebinding(&[], 0));
    }

    #[test]
    fn no_encoding_of_the_secret_reaches_the_skill() {
        let scrubbed = "[secret canary] ".repeat(5);
        passes(&judge_secret(&fetched(1_200, &scrubbed, None)));
        fails(&judge_secret(&fetched(1_200, "", None)));
        fails(&judge_secret(&fetched(0, &scrubbed, None)));
        for (_, text) in ENCODED {
            fails(&judge_secret(&fetched(1_200, &format!("{scrubbed}{text}"), None)));
        }
        let hex: String = SECRET.bytes().map(|byte| format!("{byte:02x}")).collect();
        let percent: String = SECRET.bytes().map(|byte| format!("%{byte:02X}")).collect();
        assert_eq!((ENCODED[2].1, ENCODED[3].1), (hex.as_str(), percent.as_str()));
    }

    #[test]
    fn a_quota_is_exact() {
        let with = |outcome, value| {
            let mut seen = seen(outcome, |_| {});
            seen.value = value;
            seen
        };
        passes(&judge_quota(&with("completed", json!([3, 1]))));
        fails(&judge_quota(&with("completed", json!([4, 255]))));
        fails(&judge_quota(&with("completed", json!([3, 0]))));
        fails(&judge_quota(&with("trapped: unreachable", json!([3, 1]))));
        let denied = fetched(0, "", Some(DenialKind::NoGrant));
        passes(&judge_no_grant(&denied, &with("completed", json!([0, 0])), 0));
        fails(&judge_no_grant(&denied, &with("completed", json!([0, 0])), 1));
        fails(&judge_no_grant(&denied, &with("completed", json!([1, 255])), 0));
        fails(&judge_no_grant(&fetched(1_200, "", None), &with("completed", json!([0, 0])), 0));
    }
}

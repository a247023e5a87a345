//! The door: at each hop it checks grant and caps, looks up and checks addresses, dials, and speaks TLS, in this order.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use bytes::Bytes;
use http::header::{ACCEPT_ENCODING, CONTENT_LENGTH, HOST, HeaderValue};
use http::{Request, Uri};
use ringfence_policy::{
    HttpRule, Nat64Prefix, RuleId, Scheme, SubjectGrants, Target, TargetError, TargetHost,
};
use rustls_pki_types::{DnsName, ServerName};
use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::ClientConfig;

use crate::accounts::{Accounts, Permit, RunAccount, ShareCaps, Usage};
use crate::dial::{DialLimits, dial};
use crate::error::{EgressError, Invalid, Limit};
use crate::exchange::{Failed, HeaderLimits, Link, exchange, open};
use crate::incoming::{Incoming, ResponseBody};
use crate::inject::{self, Secrets};
use crate::outgoing::{Outgoing, Redirects, RequestBody, SentBody, check_headers};
use crate::pool::{Key, Pool};
use crate::proxy::{Proxy, tunnel};
use crate::redirect::{Hop, location};
use crate::resolve::{Resolve, ResolveError};
use crate::secret::Scrubber;
use crate::stream::Stream;
use crate::tls::Tls;

/// The configuration of a door.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct DoorConfig {
    /// Looks names up.
    pub resolver: Arc<dyn Resolve>,
    /// Prefixes of the network's own NAT64 translators. Default: none.
    pub nat64: Vec<Nat64Prefix>,
    /// The secrets that grants name. Default: none.
    pub secrets: Arc<dyn Secrets>,
    /// The proxy for every connection. Default: none. The door reads no proxy from the environment.
    pub proxy: Option<Proxy>,
    /// Caps over all runs of one skill.
    pub skill: ShareCaps,
    /// Caps over all runs of one principal.
    pub principal: ShareCaps,
    /// Settings for dialling.
    pub dial: DialLimits,
    /// Caps on the head of a message.
    pub headers: HeaderLimits,
}

impl DoorConfig {
    /// Creates a configuration with this resolver and defaults.
    pub fn new(resolver: Arc<dyn Resolve>) -> Self {
        Self {
            resolver,
            nat64: Vec::new(),
            secrets: Arc::new(std::collections::BTreeMap::new()),
            proxy: None,
            skill: ShareCaps::default(),
            principal: ShareCaps::default(),
            dial: DialLimits::default(),
            headers: HeaderLimits::default(),
        }
    }
}

/// The one way out of the process. A clone is the same door.
#[derive(Debug, Clone)]
pub struct Door {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    config: DoorConfig,
    accounts: Accounts,
    tls: Arc<Tls>,
    pool: Arc<Pool>,
}

/// The sender of requests: the grants of one run, and its account. A clone shares both.
#[derive(Debug, Clone)]
pub struct Caller {
    grants: SubjectGrants,
    account: Arc<RunAccount>,
    scrubber: Option<Arc<Scrubber>>,
    /// The skill and the principal, who share connections with nobody.
    share: Arc<str>,
}

impl Caller {
    /// Returns the grants.
    pub fn grants(&self) -> &SubjectGrants {
        &self.grants
    }

    /// Returns what the run has sent and received.
    pub fn usage(&self) -> Usage {
        self.account.usage()
    }
}

impl Door {
    /// Creates a door.
    pub fn new(config: DoorConfig) -> Self {
        let accounts = Accounts::new(config.skill, config.principal);
        Self { inner: Arc::new(Inner { config, accounts, tls: Arc::default(), pool: Arc::default() }) }
    }

    /// Opens the account of a run, whose requests need these grants.
    pub fn caller(&self, grants: SubjectGrants) -> Caller {
        let account = Arc::new(self.inner.accounts.open(&grants));
        let scrubber = inject::scrubber(&grants, &*self.inner.config.secrets).map(Arc::new);
        let subject = grants.subject();
        let principal =
            subject.principal.as_deref().map_or_else(String::new, |principal| format!(" {principal}"));
        let share = format!("{}{principal}", subject.digest).into();
        Caller { grants, account, scrubber, share }
    }

    /// Sends a request and waits for the head of the response. Dropping the future cancels everything.
    ///
    /// # Errors
    ///
    /// Fails with an [`EgressError`]. Show a guest only [`EgressError::guest`].
    pub async fn send(&self, caller: &Caller, outgoing: Outgoing) -> Result<Incoming, EgressError> {
        let Outgoing { method, url, mut headers, body, redirects, timeout } = outgoing;
        let target = Target::parse(&url).map_err(Invalid::Url)?;
        if method.parse::<ringfence_policy::Method>().is_err() {
            return Err(Invalid::Method(method.chars().take(40).collect()).into());
        }
        let limits = self.inner.config.headers;
        check_headers(&mut headers, limits.count, limits.bytes)?;
        let mut hop = Hop { method, target, headers, body, spent: false, trusted: true };
        let mut deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        let mut followed = 0_u32;
        loop {
            let (id, rule) =
                caller.grants.http(&hop.method, &hop.target).map_err(|_| denied(caller, &hop))?;
            inject::check(&caller.grants, &hop.target, &hop.headers)?;
            let own = Instant::now().checked_add(rule.caps.timeout.0);
            let until = own.into_iter().chain(deadline).min().unwrap_or_else(Instant::now);
            deadline = Some(until);
            let arrived = timeout_at(until, self.hop(caller, id, rule, &mut hop, until));
            let mut incoming = arrived.await.map_err(|_| EgressError::Timeout)??;
            incoming.redirects = followed;
            let Redirects::Follow(most) = redirects else { return Ok(incoming) };
            // The headers are scrubbed by now, so a `location` takes no secret along.
            let Some(next) = location(incoming.status, &incoming.headers) else { return Ok(incoming) };
            if followed >= most.min(rule.caps.redirects) {
                return Err(Limit::Redirects.into());
            }
            hop.follow(incoming.status, next).map_err(EgressError::Redirect)?;
            followed = followed.saturating_add(1);
        }
    }

    /// Sends one request under one rule.
    async fn hop(
        &self,
        caller: &Caller,
        id: RuleId,
        rule: &HttpRule,
        hop: &mut Hop,
        deadline: Instant,
    ) -> Result<Incoming, EgressError> {
        let config = &self.inner.config;
        let (known, body) = take_body(hop);
        if known > rule.caps.request_bytes.bytes() {
            return Err(Limit::RequestBody.into());
        }
        let charged = if matches!(body, RequestBody::Stream { .. }) { 0 } else { known };
        let permit = Arc::new(caller.account.begin(id, &rule.caps, charged)?);
        let tls = match hop.target.scheme() {
            Scheme::Http => None,
            Scheme::Https => Some(self.inner.tls.config(id, rule).await?),
        };
        let addresses = self.addresses(id, rule, &hop.target).await?;
        // A request that fails on an idle connection is sent again on a new one, so it must do nothing.
        let repeats = matches!(body, RequestBody::Empty) && matches!(hop.method.as_str(), "GET" | "HEAD");
        let request = self.request(id, rule, hop, sent_body(body, rule, &permit))?;
        let key = |address| Key {
            address,
            host: hop.target.host().to_string(),
            share: Arc::clone(&caller.share),
            tls: tls.clone(),
        };
        let (head, link, used) = match if repeats { self.idle(&addresses, key).await } else { None } {
            None => {
                let (stream, used) = self.connect(&hop.target, &addresses, tls.as_ref()).await?;
                let mut link = Some(open(stream, config.headers).await?);
                let head =
                    exchange(&mut link, request, config.headers).await.map_err(|failed| failed.error)?;
                (head, link, used)
            }
            Some((link, used)) => {
                let again = copy(&request);
                let mut link = Some(link);
                match exchange(&mut link, request, config.headers).await {
                    Ok(head) => (head, link, used),
                    Err(Failed { ended: false, error }) => return Err(error),
                    Err(Failed { ended: true, .. }) => {
                        let (stream, used) = self.connect(&hop.target, &addresses, tls.as_ref()).await?;
                        let mut link = Some(open(stream, config.headers).await?);
                        let head = exchange(&mut link, again, config.headers).await;
                        (head.map_err(|failed| failed.error)?, link, used)
                    }
                }
            }
        };
        let home = Some((Arc::clone(&self.inner.pool), key(used)));
        let (parts, body) = head.into_parts();
        let most = rule.caps.response_bytes.bytes();
        if http_body::Body::size_hint(&body).lower() > most {
            return Err(Limit::ResponseBody.into());
        }
        let mut headers = parts.headers;
        for name in
            ["connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"]
        {
            headers.remove(name);
        }
        if let Some(scrubber) = &caller.scrubber {
            // A scrubbed body has another length.
            headers.remove(CONTENT_LENGTH);
            inject::scrub_headers(scrubber, &mut headers);
        }
        Ok(Incoming {
            status: parts.status,
            headers,
            final_url: hop.target.to_string(),
            redirects: 0,
            rule: id,
            body: ResponseBody {
                body,
                wire: link.as_ref().map(|link| link.wire.clone()),
                link,
                home,
                rest: Bytes::new(),
                left: most,
                deadline,
                alarm: None,
                scrub: caller.scrubber.as_ref().map(|scrubber| scrubber.stream()),
                permit: Some(permit),
            },
        })
    }

    /// Builds what is sent, from the parsed parts only.
    fn request(
        &self,
        id: RuleId,
        rule: &HttpRule,
        hop: &Hop,
        body: SentBody,
    ) -> Result<Request<SentBody>, EgressError> {
        let character = |_| EgressError::from(Invalid::Url(TargetError::Character));
        let mut headers = hop.headers.clone();
        let host =
            HeaderValue::try_from(hop.target.authority()).map_err(|_| Invalid::Url(TargetError::Host))?;
        headers.insert(HOST, host);
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        let mut path = hop.target.path_and_query();
        if hop.trusted {
            inject::inject(id, rule, &*self.inner.config.secrets, &mut headers, &mut path)?;
        }
        let uri = Uri::from_maybe_shared(Bytes::from(path)).map_err(character)?;
        let mut request = Request::new(body);
        *request.method_mut() = hop.method.parse().map_err(|_| Invalid::Method(hop.method.clone()))?;
        *request.uri_mut() = uri;
        *request.headers_mut() = headers;
        Ok(request)
    }

    /// Takes an idle connection to one of the checked addresses.
    async fn idle(
        &self,
        addresses: &[SocketAddr],
        key: impl Fn(SocketAddr) -> Key,
    ) -> Option<(Link, SocketAddr)> {
        for address in addresses {
            if let Some(link) = self.inner.pool.take(&key(*address)).await {
                return Some((link, *address));
            }
        }
        None
    }

    /// Dials one of the checked addresses, and speaks TLS with the granted name. Returns the address as well.
    async fn connect(
        &self,
        target: &Target,
        addresses: &[SocketAddr],
        tls: Option<&Arc<ClientConfig>>,
    ) -> Result<(Stream, SocketAddr), EgressError> {
        let config = &self.inner.config;
        let host = || target.host().to_string();
        let (stream, used) = match (&config.proxy, addresses.first()) {
            (Some(proxy), Some(first)) => {
                let broken = |reason| EgressError::Proxy { host: host(), reason };
                let stream =
                    dial(&proxy.addresses, &config.dial).await.map_err(|error| broken(error.to_string()))?;
                (tunnel(stream, proxy, *first).await.map_err(broken)?, *first)
            }
            _ => {
                let connected = dial(addresses, &config.dial).await;
                let stream = connected.map_err(|source| EgressError::Connect { host: host(), source })?;
                let used = stream.peer_addr().map_err(EgressError::Broken)?;
                (stream, used)
            }
        };
        let Some(tls) = tls else { return Ok((Stream::Plain(stream), used)) };
        let name = match target.host() {
            TargetHost::Name(name) => DnsName::try_from(name.clone()).map(ServerName::DnsName).ok(),
            TargetHost::Address(address) => Some(ServerName::from(*address)),
        };
        let name = name.ok_or(Invalid::Url(TargetError::Host))?;
        let stream = TlsConnector::from(Arc::clone(tls)).connect(name, stream).await;
        let stream = stream.map_err(|source| EgressError::Tls { host: host(), source })?;
        Ok((Stream::Tls(Box::new(stream)), used))
    }

    /// Returns the addresses of a host, if each of them can be dialled.
    async fn addresses(
        &self,
        id: RuleId,
        rule: &HttpRule,
        target: &Target,
    ) -> Result<Vec<SocketAddr>, EgressError> {
        let found = match target.host() {
            // A literal skips the lookup, but not the check.
            TargetHost::Address(address) => vec![*address],
            TargetHost::Name(name) => {
                let found = self.inner.config.resolver.resolve(name).await;
                let found =
                    found.and_then(
                        |found| if found.is_empty() { Err(ResolveError::NoAddress) } else { Ok(found) },
                    );
                found.map_err(|source| EgressError::Dns { host: name.clone(), source })?
            }
        };
        let rules = rule.address_rules(&self.inner.config.nat64);
        let check = |address: IpAddr| {
            let refused =
                |refusal| EgressError::Address { host: target.host().to_string(), rule: id, refusal };
            // The kernel would dial the IPv4 address of a mapped one.
            rules
                .check(address)
                .map_err(refused)
                .map(|()| SocketAddr::new(address.to_canonical(), target.port()))
        };
        found.into_iter().map(check).collect()
    }
}

fn denied(caller: &Caller, hop: &Hop) -> EgressError {
    let request = ringfence_policy::Request::Http { method: &hop.method, target: &hop.target };
    EgressError::Denied(Box::new(caller.grants.explain(&request)))
}

/// Copies a request without a body.
fn copy(request: &Request<SentBody>) -> Request<SentBody> {
    let mut again = Request::new(SentBody::Whole(None));
    request.method().clone_into(again.method_mut());
    request.uri().clone_into(again.uri_mut());
    request.headers().clone_into(again.headers_mut());
    again
}

/// Takes the body for one hop, and leaves what a redirect can send again. Returns the bytes that are known.
fn take_body(hop: &mut Hop) -> (u64, RequestBody) {
    match &hop.body {
        RequestBody::Empty => (0, RequestBody::Empty),
        RequestBody::Whole(bytes) => {
            (u64::try_from(bytes.len()).unwrap_or(u64::MAX), RequestBody::Whole(bytes.clone()))
        }
        RequestBody::Stream { length, .. } => {
            let known = length.unwrap_or(0);
            hop.spent = true;
            (known, std::mem::take(&mut hop.body))
        }
    }
}

fn sent_body(body: RequestBody, rule: &HttpRule, permit: &Arc<Permit>) -> SentBody {
    match body {
        RequestBody::Empty => SentBody::Whole(None),
        RequestBody::Whole(bytes) => SentBody::Whole(Some(bytes)),
        RequestBody::Stream { length, pieces } => {
            let permit = Arc::clone(permit);
            SentBody::Stream {
                pieces,
                length,
                sent: 0,
                most: rule.caps.request_bytes.bytes(),
                charge: Box::new(move |bytes| permit.sent(bytes)),
            }
        }
    }
}

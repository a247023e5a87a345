//! The door: at each hop it checks grant and caps, looks up and checks addresses, dials, and speaks TLS, in this order.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use bytes::Bytes;
use http::header::{ACCEPT_ENCODING, CONNECTION, CONTENT_LENGTH, HOST, HeaderValue, TRANSFER_ENCODING};
use http::{HeaderMap, Request, StatusCode, Uri};
use ringfence_policy::{Covered, HttpRule, RuleId, Scheme, SubjectGrants, Target, TargetError};
use tokio::time::{Instant, timeout_at};

use crate::accounts::{Accounts, Permit, RunAccount, Usage};
use crate::config::DoorConfig;
use crate::connect::connect;
use crate::count::{Count, Direction};
use crate::error::{EgressError, Invalid, Limit};
use crate::exchange::{Failed, Link, exchange, open};
use crate::incoming::{Incoming, ResponseBody};
use crate::inject::{self, Scrubbers};
use crate::outgoing::{Outgoing, Redirects, RequestBody, SentBody, check_headers};
use crate::pool::{Key, Pool};
use crate::redirect::{Hop, location};
use crate::resolve::addresses;
use crate::secret::Scrubber;
use crate::tls::Tls;

/// The one way out of the process. A clone is one reference count.
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
    scrubbers: Scrubbers,
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
        let scrubbers = Scrubbers::default();
        let (tls, pool) = Default::default();
        Self { inner: Arc::new(Inner { config, accounts, tls, pool, scrubbers }) }
    }

    /// Creates a door with another configuration that counts on: what skills and principals have under way, and what
    /// they sent this minute. Idle connections stay unless the proxy changes.
    #[must_use]
    pub fn reconfigured(&self, config: DoorConfig) -> Self {
        let before = &self.inner;
        let accounts = before.accounts.with_caps(config.skill, config.principal);
        let pool =
            if config.proxy == before.config.proxy { Arc::clone(&before.pool) } else { Arc::default() };
        let (tls, scrubbers) = (Arc::clone(&before.tls), Scrubbers::default());
        Self { inner: Arc::new(Inner { config, accounts, tls, pool, scrubbers }) }
    }

    /// Opens the account of a run, whose requests need these grants.
    pub fn caller(&self, grants: SubjectGrants) -> Caller {
        let account = Arc::new(self.inner.accounts.open(&grants));
        let scrubber = self.inner.scrubbers.of(&grants, &*self.inner.config.secrets);
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
        let Outgoing { method, url, mut headers, body, redirects, timeout, connect_timeout } = outgoing;
        let target = Target::parse(&url).map_err(Invalid::Url)?;
        if method.parse::<ringfence_policy::Method>().is_err() {
            return Err(Invalid::Method(method.chars().take(40).collect()).into());
        }
        let limits = self.inner.config.headers;
        check_headers(&mut headers, limits.count, limits.bytes)?;
        let mut hop = Hop { method, target, headers, body, connect_timeout, spent: false, trusted: true };
        let mut deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        let mut followed = 0_u32;
        loop {
            let Covered { id, rule, .. } =
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
        let connect_until = hop.connect_until();
        let addresses = by(connect_until, self.addresses(id, rule, &hop.target)).await?;
        // A request that fails on an idle connection is sent again on a new one, so it must do nothing.
        let empty = matches!(body, RequestBody::Empty);
        let repeats = empty && matches!(hop.method.as_str(), "GET" | "HEAD");
        let request = self.request(id, rule, hop, sent_body(body, rule, &permit))?;
        let key = |address| Key {
            address,
            host: hop.target.host().to_string(),
            share: Arc::clone(&caller.share),
            tls: tls.clone(),
        };
        let (head, link, used) = match if repeats { self.idle(&addresses, key).await } else { None } {
            None => {
                let connected = connect(config, &hop.target, &addresses, tls.as_ref());
                let (stream, used) = by(connect_until, connected).await?;
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
                        let connected = connect(config, &hop.target, &addresses, tls.as_ref());
                        let (stream, used) = by(hop.connect_until(), connected).await?;
                        let mut link = Some(open(stream, config.headers).await?);
                        let head = exchange(&mut link, again, config.headers).await;
                        (head.map_err(|failed| failed.error)?, link, used)
                    }
                }
            }
        };
        let (parts, body) = head.into_parts();
        let home = (empty && may_be_kept(&hop.method, parts.status, &parts.headers))
            .then(|| (Arc::clone(&self.inner.pool), key(used)));
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
                deadline,
                alarm: None,
                scrub: caller.scrubber.as_ref().map(|scrubber| scrubber.stream()),
                count: Some(Count::new(Direction::Received, most, permit)),
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
        if !matches!(body, SentBody::Whole(None)) {
            // Some servers do not read the bodies of some requests, and take them for the next request of the connection.
            // The guest would send one that no grant covers. So there is no next request.
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
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

    /// Returns the addresses of a host, if each of them can be dialled.
    async fn addresses(
        &self,
        id: RuleId,
        rule: &HttpRule,
        target: &Target,
    ) -> Result<Vec<SocketAddr>, EgressError> {
        // A literal skips the lookup, but not the check.
        let found = addresses(target.host(), &*self.inner.config.resolver).await;
        let found = found.map_err(|source| EgressError::Dns { host: target.host().to_string(), source })?;
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

/// Returns false if a body can follow that no reader expects: it would be taken for the head of the next response.
fn may_be_kept(method: &str, status: StatusCode, headers: &HeaderMap) -> bool {
    let without_body =
        method == "HEAD" || matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
    let announced = headers.contains_key(TRANSFER_ENCODING)
        || headers.get(CONTENT_LENGTH).is_some_and(|length| length.as_bytes() != b"0");
    !(without_body && announced)
}

/// Waits until a time at most.
async fn by<T>(
    until: Option<Instant>,
    step: impl Future<Output = Result<T, EgressError>>,
) -> Result<T, EgressError> {
    match until {
        None => step.await,
        Some(until) => timeout_at(until, step).await.unwrap_or(Err(EgressError::Timeout)),
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
            let most = rule.caps.request_bytes.bytes();
            SentBody::Stream { pieces, length, count: Count::new(Direction::Sent, most, Arc::clone(permit)) }
        }
    }
}

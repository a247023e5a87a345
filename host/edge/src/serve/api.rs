//! Handles one request: authorises it, finds its target, and answers.

use std::sync::Arc;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::{Body as _, Incoming};
use hyper::header::{AUTHORIZATION, CONNECTION, HOST, HeaderValue, ORIGIN};
use hyper::{HeaderMap, Method, Request, Response, StatusCode};
use ringfence::text;
use ringfence_front::answer::{self, json_of, with_type};
use ringfence_front::problem::{Problem, is_internal};
use ringfence_front::request::{self, RequestError};
use serde_json::{Value, json};
use tokio::sync::OwnedSemaphorePermit;

use super::Server;
use super::metrics::Metrics;
use crate::{CallError, Serving, show};

type Answer = Response<Full<Bytes>>;

/// What a caller can do about a path or method that does not exist.
const NEXT: &str = "`GET /v1/skills` lists the skills";

impl From<CallError> for RequestError {
    fn from(error: CallError) -> Self {
        match error {
            CallError::NoBundle(reason) => Self::NoBundle(reason),
            CallError::NoSuchSkill { name, .. } => Self::NoSuchSkill(name),
            CallError::Run(error) => Self::Run(error),
        }
    }
}

impl Server {
    pub(super) async fn answer(&self, request: Request<Incoming>) -> Answer {
        // Who does not say who it is keeps no connection: there are few, and they are for those who may call.
        let stranger = !self.tokens.load().is_open() && !request.headers().contains_key(AUTHORIZATION);
        let framed = request::check_framing(request.headers());
        let routed = match &framed {
            Ok(()) => self.route(request).await,
            Err(text) => Err(RequestError::BadRequest((*text).to_owned())),
        };
        let mut answer = match routed {
            Ok(answer) => answer,
            Err(error) => {
                self.metrics.refused(error.code());
                if is_internal(error.status()) {
                    (self.config.log)(&text::clean(&format!("{error} [{}]", error.code()), 1024));
                }
                answer::problem(&Problem::of(&error), error.retry_after())
            }
        };
        answer::finish(answer.headers_mut());
        // Nothing is read after a body whose end a proxy may see elsewhere.
        if framed.is_err() || stranger || answer.status() == StatusCode::UNAUTHORIZED {
            answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        answer
    }

    async fn route(&self, request: Request<Incoming>) -> Result<Answer, RequestError> {
        self.admit(&request)?;
        let path = request.uri().path().to_owned();
        let mut parts = path.split('/').skip(1);
        let parts: [Option<&str>; 6] = std::array::from_fn(|_| parts.next());
        let get = request.method() == Method::GET;
        match parts {
            [Some("healthz"), None, ..] if get => Ok(json_of(StatusCode::OK, &json!({"status": "ok"}))),
            [Some("readyz"), None, ..] if get => Ok(match self.worker.serving() {
                Ok(_) => json_of(StatusCode::OK, &json!({"status": "ready"})),
                Err(error) => {
                    let body = json!({"status": "not-ready", "reason": error.to_string()});
                    json_of(StatusCode::SERVICE_UNAVAILABLE, &body)
                }
            }),
            [Some("metrics"), None, ..] if get => {
                let text = self.metrics.text(&self.worker);
                Ok(with_type(StatusCode::OK, answer::OPENMETRICS, text.into_bytes()))
            }
            [Some("v1"), Some("skills"), None, ..] if get => {
                Ok(json_of(StatusCode::OK, &list(&*self.worker.serving()?)))
            }
            [Some("v1"), Some("skills"), Some(name), None, ..] if get => {
                let serving = self.worker.serving()?;
                let served = serving.find(name)?;
                Ok(json_of(StatusCode::OK, &show(name, served.skill(), served.limits())))
            }
            [Some("v1"), Some("skills"), Some(skill), Some("tools"), Some(tool), None]
                if request.method() == Method::POST =>
            {
                self.call(skill, tool, request).await
            }
            [Some("healthz" | "readyz" | "metrics"), None, ..]
            | [Some("v1"), Some("skills"), None, ..]
            | [Some("v1"), Some("skills"), Some(_), None, ..]
            | [Some("v1"), Some("skills"), Some(_), Some("tools"), Some(_), None] => {
                Err(RequestError::Method { next: NEXT })
            }
            _ => Err(RequestError::NoRoute { next: NEXT }),
        }
    }

    /// Checks, before everything else, whether to answer the request at all.
    fn admit(&self, request: &Request<Incoming>) -> Result<(), RequestError> {
        let headers = request.headers();
        // A web page may not call: its requests say where they come from.
        if headers.contains_key(ORIGIN) {
            return Err(RequestError::Origin { next: "the worker refuses requests from web pages" });
        }
        let tokens = self.tokens.load();
        if tokens.is_open() {
            // Another name that leads to this machine is how a web page gets around that.
            let local = self.local.load(std::sync::atomic::Ordering::Relaxed);
            return if local && is_this_machine(headers) {
                Ok(())
            } else {
                let next =
                    "without tokens, the worker accepts only a loopback address or name of this machine";
                Err(RequestError::Host { next })
            };
        }
        if ["/healthz", "/readyz"].contains(&request.uri().path()) {
            return Ok(());
        }
        let mut given = headers.get_all(AUTHORIZATION).iter();
        let (given, second) = (given.next().and_then(|value| value.to_str().ok()), given.next());
        let token = given.and_then(|given| {
            let (scheme, token) = given.split_once(' ')?;
            scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
        });
        match token {
            Some(token) if second.is_none() && tokens.fits(token) => Ok(()),
            _ => Err(RequestError::Unauthorized { next: "send `Authorization: Bearer TOKEN`" }),
        }
    }

    async fn call(&self, name: &str, tool: &str, request: Request<Incoming>) -> Result<Answer, RequestError> {
        let serving = self.worker.serving()?;
        let limits = request::lowered(serving.find(name)?.limits(), request.headers())?;
        request::expect_json(request.headers())?;
        let (head, body) = request.into_parts();
        let (input, _held) = self.body(&head.headers, body, limits.input_size).await?;
        // It may have been revoked, or have ended, while the body was on its way: then there is no call.
        let call = serving.call(name, tool)?.with_limits(limits);
        let mut counted = Counted { metrics: &self.metrics, ended: false };
        let ran = call.json_and_chunks(input).await;
        counted.ended = true;
        let ran = ran?;
        self.metrics.ran(&ran.report);
        Ok(answer::json(StatusCode::OK, answer::report(&ran)?))
    }

    /// Reads the arguments up to their limit, and reserves their memory.
    async fn body(
        &self,
        headers: &HeaderMap,
        body: Incoming,
        limit: u64,
    ) -> Result<(String, OwnedSemaphorePermit), RequestError> {
        // A body that does not say how long it is may take up the limit; one that is too long is not read.
        let most = body.size_hint().exact().unwrap_or(limit).min(limit);
        let permits = u32::try_from((most >> 10).saturating_add(1)).unwrap_or(u32::MAX);
        let held = Arc::clone(&self.bodies).try_acquire_many_owned(permits);
        let held = held.map_err(|_| RequestError::BodiesFull)?;
        let paid = |_| Ok::<(), RequestError>(());
        let bytes = request::read_body(headers, body, limit, self.config.body, paid).await?;
        Ok((request::arguments(bytes)?, held))
    }
}

/// Counts a run as cancelled if it is dropped before its end, because its caller disconnected.
struct Counted<'a> {
    metrics: &'a Metrics,
    ended: bool,
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        if !self.ended {
            self.metrics.left();
        }
    }
}

fn is_this_machine(headers: &HeaderMap) -> bool {
    let mut hosts = headers.get_all(HOST).iter();
    let (Some(host), None) = (hosts.next().and_then(|host| host.to_str().ok()), hosts.next()) else {
        return false;
    };
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|digit| digit.is_ascii_digit()) => name,
        _ => host,
    };
    let address = name.trim_start_matches('[').trim_end_matches(']').parse::<std::net::IpAddr>();
    name.eq_ignore_ascii_case("localhost") || address.is_ok_and(|address| address.is_loopback())
}

fn list(serving: &Serving) -> Value {
    let manifest = serving.manifest();
    let skills = serving.skills().map(|served| {
        let skill = served.skill();
        json!({
            "name": served.name(),
            "digest": skill.digest(),
            "description": skill.about(),
            "tools": skill.tools().map(|tool| tool.name().to_owned()).collect::<Vec<_>>(),
        })
    });
    let revoked = serving.revoked().map(|(name, digest)| json!({"name": name, "digest": digest}));
    json!({
        "bundle": {
            // As a revocation list names it.
            "id": serving.id(),
            "key": serving.key(),
            "version": manifest.version,
            "not_before": manifest.not_before,
            "expires": manifest.expires,
            "fingerprint": serving.fingerprint(),
            "interpreted": serving.is_interpreted(),
        },
        "skills": skills.collect::<Vec<_>>(),
        "revoked": revoked.collect::<Vec<_>>(),
    })
}

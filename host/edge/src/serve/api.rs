//! Handles one request: authorises it, finds its target, and answers.

use std::sync::Arc;

use http_body_util::{BodyExt as _, Limited};
use hyper::body::{Body as _, Incoming};
use hyper::header::{AUTHORIZATION, CONNECTION, CONTENT_TYPE, HOST, HeaderValue, ORIGIN};
use hyper::{HeaderMap, Method, Request, StatusCode};
use ringfence::Limits;
use serde_json::{Value, json};
use tokio::sync::OwnedSemaphorePermit;

use super::Server;
use super::answer::{Answer, Problem, json as answer_json, with_type};
use super::metrics::Metrics;
use crate::{CallError, Serving, show};

impl Server {
    pub(super) async fn answer(&self, request: Request<Incoming>) -> Answer {
        // Who does not say who it is keeps no connection: there are few, and they are for those who may call.
        let stranger = !self.tokens.load().is_open() && !request.headers().contains_key(AUTHORIZATION);
        let mut answer = match self.route(request).await {
            Ok(answer) => answer,
            Err(problem) => {
                self.metrics.refused(problem.code);
                problem.into_answer()
            }
        };
        if stranger || answer.status() == StatusCode::UNAUTHORIZED {
            answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        answer
    }

    async fn route(&self, request: Request<Incoming>) -> Result<Answer, Problem> {
        self.admit(&request)?;
        let path = request.uri().path().to_owned();
        let mut parts = path.split('/').skip(1);
        let parts: [Option<&str>; 6] = std::array::from_fn(|_| parts.next());
        let get = request.method() == Method::GET;
        match parts {
            [Some("healthz"), None, ..] if get => Ok(answer_json(StatusCode::OK, &json!({"status": "ok"}))),
            [Some("readyz"), None, ..] if get => Ok(match self.worker.serving() {
                Ok(_) => answer_json(StatusCode::OK, &json!({"status": "ready"})),
                Err(error) => {
                    let body = json!({"status": "not-ready", "reason": error.to_string()});
                    answer_json(StatusCode::SERVICE_UNAVAILABLE, &body)
                }
            }),
            [Some("metrics"), None, ..] if get => {
                let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
                Ok(with_type(StatusCode::OK, kind, self.metrics.text(&self.worker).into_bytes()))
            }
            [Some("v1"), Some("skills"), None, ..] if get => {
                Ok(answer_json(StatusCode::OK, &list(&*self.worker.serving()?)))
            }
            [Some("v1"), Some("skills"), Some(name), None, ..] if get => {
                let serving = self.worker.serving()?;
                let (skill, limits) = serving.find(name)?;
                Ok(answer_json(StatusCode::OK, &show(name, skill, limits)))
            }
            [Some("v1"), Some("skills"), Some(skill), Some("tools"), Some(tool), None]
                if request.method() == Method::POST =>
            {
                self.call(skill, tool, request).await
            }
            [Some("healthz" | "readyz" | "metrics"), None, ..]
            | [Some("v1"), Some("skills"), None, ..]
            | [Some("v1"), Some("skills"), Some(_), None, ..]
            | [Some("v1"), Some("skills"), Some(_), Some("tools"), Some(_), None] => Err(Problem::new(
                StatusCode::METHOD_NOT_ALLOWED,
                "method-not-allowed",
                "this path does not support the method",
            )),
            _ => Err(Problem::new(
                StatusCode::NOT_FOUND,
                "no-route",
                "unknown path; `GET /v1/skills` lists the skills",
            )),
        }
    }

    /// Checks, before everything else, whether to answer the request at all.
    fn admit(&self, request: &Request<Incoming>) -> Result<(), Problem> {
        let headers = request.headers();
        // A web page may not call: its requests say where they come from.
        if headers.contains_key(ORIGIN) {
            let detail = "requests from web pages are refused";
            return Err(Problem::new(StatusCode::FORBIDDEN, "origin-not-allowed", detail));
        }
        let tokens = self.tokens.load();
        if tokens.is_open() {
            // Another name that leads to this machine is how a web page gets around that.
            let local = self.local.load(std::sync::atomic::Ordering::Relaxed);
            return if local && is_this_machine(headers) {
                Ok(())
            } else {
                let detail = "without tokens, the worker accepts only requests to a loopback address or name of this machine";
                Err(Problem::new(StatusCode::FORBIDDEN, "host-not-allowed", detail))
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
            _ => {
                let detail = "missing or invalid token; send `Authorization: Bearer TOKEN`";
                Err(Problem::new(StatusCode::UNAUTHORIZED, "unauthorized", detail))
            }
        }
    }

    async fn call(&self, name: &str, tool: &str, request: Request<Incoming>) -> Result<Answer, Problem> {
        let serving = self.worker.serving()?;
        let (_, most) = serving.find(name)?;
        let limits = lowered(most, request.headers())?;
        if let Some(kind) = request.headers().get(CONTENT_TYPE) {
            let essence = kind.to_str().ok().and_then(|kind| kind.split(';').next());
            if !essence.is_some_and(|essence| essence.trim().eq_ignore_ascii_case("application/json")) {
                let detail = "unsupported content type; send the body as `application/json`";
                return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "media-type", detail));
            }
        }
        let (input, _held) = self.body(request.into_body(), limits.input).await?;
        // It may have been revoked, or have ended, while the body was on its way: then there is no call.
        let call = serving.call(name, tool)?.with_limits(limits);
        let mut counted = Counted { metrics: &self.metrics, ended: false };
        let ran = call.json_and_chunks(input).await;
        counted.ended = true;
        let ran = ran.map_err(CallError::from)?;
        self.metrics.ran(&ran.report);
        Ok(answer_json(StatusCode::OK, &ran))
    }

    /// Reads the body up to its limit, and reserves its memory.
    async fn body(&self, body: Incoming, limit: u64) -> Result<(String, OwnedSemaphorePermit), Problem> {
        let too_large = || {
            let detail = format!("the input is too large; the limit is {limit} bytes");
            Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "input-too-large", detail)
        };
        if body.size_hint().lower() > limit {
            return Err(too_large());
        }
        // Who does not say how long it is may take up the limit.
        let most = body.size_hint().exact().unwrap_or(limit);
        let permits = u32::try_from((most >> 10).saturating_add(1)).unwrap_or(u32::MAX);
        let held = Arc::clone(&self.bodies).try_acquire_many_owned(permits).map_err(|_| {
            let detail = "the worker is at capacity: it is reading too many bodies; try again later";
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, "bodies-full", detail)
        })?;
        let limited = Limited::new(body, usize::try_from(limit).unwrap_or(usize::MAX));
        let read = tokio::time::timeout(self.config.body, limited.collect()).await;
        let collected = read.map_err(|_| {
            let detail = "timed out while reading the body";
            Problem::new(StatusCode::REQUEST_TIMEOUT, "body-timeout", detail)
        })?;
        let bytes =
            collected.map_err(|error| match error.downcast_ref::<http_body_util::LengthLimitError>() {
                Some(_) => too_large(),
                None => Problem::new(StatusCode::BAD_REQUEST, "body-cut", "the body is incomplete"),
            })?;
        let text = String::from_utf8(bytes.to_bytes().into()).map_err(|error| {
            let valid = error.utf8_error().valid_up_to();
            let detail = format!("the body is not UTF-8: the byte at offset {valid} is invalid");
            Problem::new(StatusCode::BAD_REQUEST, "bad-request", detail)
        })?;
        Ok((text, held))
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

/// Returns the bundle's limits, lowered by the headers.
fn lowered(limits: &Limits, headers: &HeaderMap) -> Result<Limits, Problem> {
    let mut said = String::new();
    for value in headers.get_all("ringfence-limits") {
        said.push_str(value.to_str().unwrap_or("?"));
        said.push(',');
    }
    let bad =
        |error: ringfence::LowerError| Problem::new(StatusCode::BAD_REQUEST, "bad-limit", error.to_string());
    limits.lowered(&said).map_err(bad)
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
    let skills = serving.skills().map(|(name, skill)| {
        json!({
            "name": name,
            "digest": skill.digest(),
            "description": skill.about(),
            "tools": skill.tools().map(|tool| tool.name().to_owned()).collect::<Vec<_>>(),
        })
    });
    json!({
        "bundle": {
            // As a revocation list names it.
            "id": serving.id().to_string().replacen("sha256:", "bundle:", 1),
            "key": serving.key().to_string(),
            "version": manifest.version,
            "not_before": manifest.not_before,
            "expires": manifest.expires,
            "fingerprint": serving.fingerprint(),
            "interpreted": serving.is_interpreted(),
        },
        "skills": skills.collect::<Vec<_>>(),
    })
}

//! HTTP: one guard before all routes, the API under `/v1`, MCP at `/mcp`, and routes for an operator's tools.

mod alive;
mod body;
mod call;
mod gone;
pub(crate) mod mcp;
mod openapi;
mod skills;
mod stream;
mod submit;

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::Body;
use axum::extract::{FromRequestParts, Request, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{any, get};
use axum::{Extension, Json, Router};
use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_TYPE, HeaderName, ORIGIN, VARY};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use ringfence_front::answer;
use ringfence_store::Scope;
use serde::de::DeserializeOwned;
use serde_json::json;
use tower::Service;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::authority::{host_is_allowed, origin_is_allowed};
use crate::error::{Denied, ServeError};
use crate::principal::Principal;

/// All routes of this server, behind the guard.
#[derive(Debug, Clone)]
pub(crate) struct Guarded {
    app: App,
    router: Router,
}

impl Guarded {
    pub(crate) fn new(app: &App) -> Self {
        Self { app: app.clone(), router: router(app) }
    }

    /// Converts it to a router, for an embedder's service.
    pub(crate) fn into_router(self) -> Router {
        Router::new().fallback_service(self)
    }
}

/// A service instead of a layer of the router, because a layer is cloned and boxed once more for every request.
impl<B> Service<http::Request<B>> for Guarded
where
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<axum::BoxError>,
{
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<B>) -> Self::Future {
        let mut request = request.map(Body::new);
        let app = self.app.clone();
        let origin = request.headers().get(ORIGIN).cloned();
        let inner = match admit(&app, &mut request) {
            Ok(()) => match ringfence_front::request::check_framing(request.headers()) {
                Err(text) => Err(unplain(text)),
                Ok(()) if is_preflight(&request) => Err(preflight()),
                Ok(()) => Ok(self.router.call(request)),
            },
            Err(error) => Err(error.into_response()),
        };
        Box::pin(async move {
            let response = match inner {
                Ok(answer) => answer.await?,
                Err(response) => response,
            };
            Ok(finish(&app, response, origin))
        })
    }
}

/// Adds the headers of every response, and counts refusals.
fn finish(app: &App, mut response: Response, origin: Option<HeaderValue>) -> Response {
    if let Some(Denied(code)) = response.extensions().get() {
        app.operator().metrics.denied(code);
    }
    let headers = response.headers_mut();
    answer::finish(headers);
    let outsider = |code| ["origin-not-allowed", "host-not-allowed"].contains(&code);
    let refused = response.extensions().get().is_some_and(|Denied(code)| outsider(*code));
    if let Some(origin) = origin.filter(|_| !refused) {
        let headers = response.headers_mut();
        headers.insert(
            HeaderName::from_static("access-control-expose-headers"),
            HeaderValue::from_static("retry-after, location, idempotent-replayed"),
        );
        headers.insert(HeaderName::from_static("access-control-allow-origin"), origin);
        headers.insert(VARY, HeaderValue::from_static("Origin"));
    }
    response
}

/// Returns all routes of this server.
fn router(app: &App) -> Router {
    let (api, document) = OpenApiRouter::with_openapi(openapi::document())
        .routes(routes!(skills::list))
        .routes(routes!(skills::show, submit::submit, skills::remove))
        .routes(routes!(skills::rollback))
        .routes(routes!(submit::status))
        .routes(routes!(call::call))
        .split_for_parts();
    // Shared by all answers, because whoever has no token can ask for it and read nothing.
    let document = Bytes::from(serde_json::to_vec(&openapi::complete(document)).unwrap_or_default());
    let document = move || {
        let document = document.clone();
        async move { ([(CONTENT_TYPE, "application/json")], document) }
    };
    api.route("/v1/openapi.json", get(document))
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .route("/mcp", any(mcp::endpoint))
        .fallback(|| async { ServeError::NO_ROUTE })
        .method_not_allowed_fallback(|| async { ServeError::METHOD })
        .with_state(app.clone())
}

/// Paths that need no token, because they reveal nothing about skills or callers.
const PUBLIC: [&str; 3] = ["/healthz", "/readyz", "/v1/openapi.json"];

/// Paths that allow every `Host`.
const PROBES: [&str; 2] = ["/healthz", "/readyz"];

/// Checks a request before all else: its `Host`, its `Origin`, and its principal.
fn admit(app: &App, request: &mut Request) -> Result<(), ServeError> {
    let config = app.operator().config.load();
    let path = request.uri().path();
    // Whoever probes goes by an address, and learns no more than that somebody is there.
    if !PROBES.contains(&path) && !host_is_allowed(request.uri(), request.headers(), &config.listen.hosts) {
        return Err(ServeError::HOST);
    }
    if !origin_is_allowed(request.headers(), &config.listen.origins) {
        return Err(ServeError::ORIGIN);
    }
    if PUBLIC.contains(&path) || (path == "/metrics" && config.metrics.public) || is_preflight(request) {
        return Ok(());
    }
    let tokens = app.operator().tokens.load();
    let principal = tokens.authenticate(request.headers()).map_err(|_| ServeError::UNAUTHORIZED)?;
    let principal = Arc::clone(principal);
    // Also what is refused further on: only what begins a run is given back.
    principal.account.request()?;
    request.extensions_mut().insert(Caller(principal));
    Ok(())
}

/// Refuses a body whose end a proxy may see elsewhere, and reads nothing more of the connection.
fn unplain(text: &str) -> Response {
    let mut response = ServeError::bad_request(text.to_owned()).into_response();
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    response
}

/// Returns whether a request is the preflight of a browser, which precedes a request from another origin.
fn is_preflight(request: &Request) -> bool {
    request.method() == Method::OPTIONS
        && request.headers().contains_key(ORIGIN)
        && request.headers().contains_key("access-control-request-method")
}

fn preflight() -> Response {
    let mut response = StatusCode::NO_CONTENT.into_response();
    let headers = response.headers_mut();
    let mut say =
        |name, value| headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    say("access-control-allow-methods", "GET, PUT, POST, DELETE");
    say(
        "access-control-allow-headers",
        "authorization, content-type, accept, idempotency-key, prefer, ringfence-limits, mcp-protocol-version, \
         mcp-method, mcp-name",
    );
    say("access-control-max-age", "600");
    response
}

/// The principal of a request, from the guard.
#[derive(Debug, Clone)]
pub(crate) struct Caller(pub(crate) Arc<Principal>);

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = ServeError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ServeError> {
        parts.extensions.get::<Self>().cloned().ok_or(ServeError::UNAUTHORIZED)
    }
}

/// The segments of a path. Segments that are no text are a problem like all others.
#[derive(Debug)]
pub(crate) struct Segments<T>(pub(crate) T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Segments<T> {
    type Rejection = ServeError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ServeError> {
        let path = axum::extract::Path::from_request_parts(parts, state).await;
        path.map(|axum::extract::Path(parts)| Self(parts)).map_err(|error| unfit(&error.body_text()))
    }
}

impl Caller {
    fn expect(&self, scope: Scope) -> Result<&Arc<Principal>, ServeError> {
        if self.0.may(scope) { Ok(&self.0) } else { Err(ServeError::Forbidden(scope)) }
    }
}

/// Reports that the process is alive.
async fn healthz() -> Json<serde_json::Value> {
    Json(json!({"status": "ok"}))
}

/// Reports whether the server is ready: initial skills loaded, store readable, server not stopping.
async fn readyz(State(app): State<App>) -> Response {
    let reason = if app.work().gate.is_closed() {
        Some("stopping".to_owned())
    } else {
        app.skills().librarian.is_ready().await.err()
    };
    match reason {
        None => Json(json!({"status": "ready"})).into_response(),
        Some(reason) => {
            let body = Json(json!({"status": "not-ready", "reason": reason}));
            (StatusCode::SERVICE_UNAVAILABLE, body).into_response()
        }
    }
}

async fn metrics(State(app): State<App>, caller: Option<Extension<Caller>>) -> Result<Response, ServeError> {
    if !app.operator().config.load().metrics.public {
        caller.ok_or(ServeError::UNAUTHORIZED)?.expect(Scope::Admin)?;
    }
    Ok(answer::with_type(StatusCode::OK, answer::OPENMETRICS, app.metrics_text().into_bytes()))
}

/// Returns the error of a request of which a part does not fit. What it repeats of the request is cut.
fn unfit(reason: &str) -> ServeError {
    ServeError::bad_request(ringfence::text::clean(reason, 256))
}

/// Returns whether a caller accepts a media type. Without `Accept` it accepts all.
fn accepts(headers: &HeaderMap, wanted: &str) -> bool {
    let mut said = false;
    for value in headers.get_all(http::header::ACCEPT) {
        let Ok(text) = value.to_str() else {
            said = true;
            continue;
        };
        for range in text.split(',').map(str::trim).filter(|range| !range.is_empty()) {
            said = true;
            let mut parts = range.split(';').map(str::trim);
            let kind = parts.next().unwrap_or_default();
            let fits = kind.eq_ignore_ascii_case(wanted) || kind == "*/*" || is_group(kind, wanted);
            if fits && !parts.any(is_weight_of_nothing) {
                return true;
            }
        }
    }
    !said
}

/// Returns whether a parameter is `q=0` or the like, which excludes a media type.
fn is_weight_of_nothing(parameter: &str) -> bool {
    let Some((name, weight)) = parameter.split_once('=') else { return false };
    name.trim().eq_ignore_ascii_case("q") && weight.trim().parse::<f32>().is_ok_and(|weight| weight <= 0.0)
}

fn is_group(kind: &str, wanted: &str) -> bool {
    kind.strip_suffix("/*").is_some_and(|group| wanted.split('/').next() == Some(group))
}

//! `/mcp`: streamable HTTP, stateless. The body is received here, under this server's caps, and then handed on.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{Method, StatusCode};
use http_body_util::Full;
use rmcp::transport::streamable_http_server::session::never::NeverSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};
use serde_json::json;
use tower::Service as _;

use super::{Caller, body};
use crate::app::App;
use crate::error::ServeError;
use crate::mcp::Agent;
use crate::run::poll_once;

/// Bytes of a message beside the arguments of a call.
pub(crate) const ENVELOPE: u64 = 64 << 10;

/// Memory that a message takes while it is parsed into a tree, for each of its bytes: seen with many small objects,
/// `{"":0},`, in a list.
pub(crate) const EXPANSION: u64 = 160;

/// What is no message, by the codes of JSON-RPC.
fn no_message(bytes: &[u8]) -> Response {
    let (code, message) = match serde_json::from_slice::<serde::de::IgnoredAny>(bytes) {
        Ok(_) => (-32600, "the body is no message of MCP"),
        Err(_) => (-32700, "the body is no JSON"),
    };
    let error = json!({"jsonrpc": "2.0", "id": null, "error": {"code": code, "message": message}});
    (StatusCode::BAD_REQUEST, Json(error)).into_response()
}

type Service = StreamableHttpService<Agent, NeverSessionManager>;

/// The endpoint.
#[derive(Clone)]
pub(super) struct Endpoint {
    service: Service,
}

impl Endpoint {
    fn new(app: &App) -> Self {
        // Host and Origin were checked by the guard, and the size of the body below.
        let config = StreamableHttpServerConfig::default()
            .with_legacy_session_mode(false)
            .with_json_response(true)
            .disable_allowed_hosts()
            .disable_allowed_origins()
            .with_max_request_body_bytes(usize::MAX)
            .with_cancellation_token(app.abort.clone());
        let agent = Agent::new(app);
        let service = StreamableHttpService::new(move || Ok(agent.clone()), Arc::default(), config);
        Self { service }
    }

    /// The handler for a router.
    pub(super) fn handler(
        app: &App,
    ) -> impl Fn(State<App>, Caller, Request) -> std::pin::Pin<Box<dyn Future<Output = Response> + Send>>
    + Clone
    + Send
    + Sync
    + 'static {
        let endpoint = Self::new(app);
        move |State(app), caller: Caller, request| {
            let endpoint = endpoint.clone();
            Box::pin(async move {
                match endpoint.answer(&app, &caller, request).await {
                    Ok(response) => response,
                    Err(error) => error.into_response(),
                }
            })
        }
    }

    async fn answer(mut self, app: &App, caller: &Caller, request: Request) -> Result<Response, ServeError> {
        let (parts, body) = request.into_parts();
        let (bytes, mut held) = if parts.method == Method::POST {
            let (most, patience) = {
                let config = app.config.load();
                (config.largest_input().saturating_add(ENVELOPE), config.listen.body_timeout.get())
            };
            let (bytes, mut held) =
                body::read(&parts.headers, body, most, patience, app.bodies.hold(caller.0.account.bodies()))
                    .await?;
            held.more((bytes.len() as u64).saturating_mul(EXPANSION))?;
            (Bytes::from(bytes), Some(held))
        } else {
            (Bytes::new(), None)
        };
        let is_json = parts.headers.get(CONTENT_TYPE).is_some_and(super::is_json);
        let request = Request::from_parts(parts, Full::new(bytes.clone()));
        let mut answer = self.service.call(request);
        // The whole body is there, so the first poll parses it; the tree is gone before the run begins.
        let answer = match poll_once(&mut answer).await {
            Some(answer) => answer,
            None => {
                if let Some(held) = &mut held {
                    held.keep(bytes.len() as u64);
                }
                answer.await
            }
        };
        match answer {
            // The library beneath takes what is no message for another media type.
            Ok(response) if response.status() == StatusCode::UNSUPPORTED_MEDIA_TYPE && is_json => {
                Ok(no_message(&bytes))
            }
            Ok(response) => Ok(response.map(Body::new)),
            Err(never) => match never {},
        }
    }
}

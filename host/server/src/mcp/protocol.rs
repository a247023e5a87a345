//! The protocol, without its transports. It answers frequent messages directly, from text to text, and passes all
//! others to the library `rmcp`.

use std::time::Duration;

use http::StatusCode;
use rmcp::ErrorData;
use rmcp::model::{ClientJsonRpcMessage, ClientRequest, DiscoverResult, ErrorCode, ProtocolVersion};
use serde_json::json;

use super::agent::{Agent, about};
use super::id::Id;
use super::message::{Call, Params, kind, text};
use super::reply::Reply;
use super::result::with_retry;
use super::work::{Protocol, Rest, Sender, Work};
use crate::app::App;
use crate::error::ServeError;

/// Maximum bytes of a message that is no tool call.
pub(crate) const SMALL: usize = 16 << 10;

/// Maximum bytes of the filter of a subscription. The library parses it into a tree, which takes about 160 bytes and
/// 2 µs for each byte.
const FILTER: usize = 1 << 10;

/// Bytes of a message's tree for each byte of its text. Measured with a list of many small objects, `{"":0},`.
const EXPANSION: u64 = 160;

/// Returns the revision of this name.
pub(crate) fn known(version: &str) -> Option<&'static ProtocolVersion> {
    ProtocolVersion::KNOWN_VERSIONS.iter().find(|known| known.as_str() == version)
}

/// Returns the error for a request that lacks required members of `_meta`.
pub(crate) fn missing(params: &Params<'_>) -> ErrorData {
    let missing = params.missing().join(", ");
    let message = format!("missing or invalid members in `params._meta`: {missing}");
    ErrorData::invalid_params(message, None)
}

/// Returns the revision of a request: its own, or else that of its session.
pub(crate) fn revision(
    call: &Call<'_>,
    session: Option<&'static ProtocolVersion>,
) -> Result<&'static ProtocolVersion, ErrorData> {
    let params = &call.params;
    let Some(own) = params.version() else {
        return match session {
            Some(session) if session.has_initialize() && call.method != "server/discover" => Ok(session),
            _ => Err(missing(params)),
        };
    };
    let Some(own) = known(&own) else {
        let requested = serde_json::from_value(json!(own)).unwrap_or(ProtocolVersion::LATEST);
        return Err(ErrorData::unsupported_protocol_version(requested, ProtocolVersion::KNOWN_VERSIONS));
    };
    if !own.has_initialize() && !params.missing().is_empty() {
        return Err(missing(params));
    }
    Ok(own)
}

/// Returns whether a request is the handshake. A request that names a revision without a handshake is not.
pub(crate) fn is_handshake(call: &Call<'_>) -> bool {
    let own = call.params.version();
    call.method == "initialize" && own.and_then(|own| known(&own)).is_none_or(ProtocolVersion::has_initialize)
}

/// Returns the revision that a handshake agrees on.
pub(crate) fn negotiate(call: &Call<'_>) -> Result<&'static ProtocolVersion, ErrorData> {
    let asked = call.params.protocol_version;
    let Some(version) = asked.and_then(text) else {
        let found = asked.map_or("missing", kind);
        let message = format!("`protocolVersion` is {found}; expected a string such as \"2025-11-25\"");
        return Err(ErrorData::invalid_params(message, None));
    };
    let known = known(&version).filter(|version| version.has_initialize());
    Ok(known.unwrap_or(const { &ProtocolVersion::LATEST_WITH_INITIALIZE }))
}

impl Protocol {
    pub(crate) fn new(app: &App) -> Self {
        Self { app: app.clone() }
    }

    /// Dispatches a request. `hears` says whether this transport announces changes without a subscription.
    pub(crate) fn take(&self, id: Id, call: &Call<'_>, whole: &[u8], sender: &Sender, hears: bool) -> Work {
        let fail = |error: &ErrorData| Work::Done(Reply::error(Some(&id), error));
        if let Err(error) = well_formed(&call.params) {
            return fail(&error);
        }
        match &*call.method {
            "tools/call" => match self.prepare(id.clone(), call, sender) {
                Ok(call) => Work::Call(Box::new(call)),
                Err(error) => fail(&error),
            },
            "tools/list" => self.list(id.clone(), &call.params, sender).unwrap_or_else(|error| fail(&error)),
            "ping" if !sender.is_modern() => Work::Done(Reply::result(&id, 2, |text| text.extend(b"{}"))),
            "initialize" if !sender.is_modern() => {
                Work::Done(Reply::of(&id, &about(hears).with_protocol_version(sender.revision.clone())))
            }
            "server/discover" => {
                // Whoever discovers may listen, and is told then.
                let versions = ProtocolVersion::KNOWN_VERSIONS.to_vec();
                Work::Done(Reply::of(&id, &DiscoverResult::from_server_info(versions, about(true))))
            }
            method if is_for_the_library(method, sender) => match self.rest(&id, call, whole, sender) {
                Ok(rest) => Work::Rest(Box::new(rest)),
                Err(error) => fail(&error),
            },
            method => {
                let method = ringfence::text::clean(method, 80);
                let message = format!("unknown method `{method}` in this version of the protocol");
                fail(&ErrorData::new(ErrorCode::METHOD_NOT_FOUND, message, None))
            }
        }
    }

    /// Returns the response for a request over a limit.
    pub(super) fn over(&self, id: &Id, error: &ServeError) -> Reply {
        self.app.operator().metrics.denied(error.code());
        let wait = error.retry_after();
        let data = json!({"code": error.code(), "retryAfterMs": wait.map(millis)});
        let reply = Reply::error(Some(id), &ErrorData::new(ErrorCode(-32000), error.detail(), Some(data)));
        Reply { status: StatusCode::TOO_MANY_REQUESTS, retry: wait, ..reply }
    }

    fn rest(&self, id: &Id, call: &Call<'_>, whole: &[u8], sender: &Sender) -> Result<Rest, ErrorData> {
        let invalid = |message: String| ErrorData::invalid_params(message, None);
        let (method, params) = (&*call.method, &call.params);
        if whole.len() > SMALL {
            let size = whole.len();
            return Err(invalid(format!(
                "the message is too large: {size} bytes; the limit for `{method}` is {SMALL}"
            )));
        }
        if let Some(cursor) =
            params.cursor.filter(|cursor| !["\"", "n"].iter().any(|first| cursor.get().starts_with(first)))
        {
            return Err(invalid(format!("`cursor` is {}; expected a string", kind(cursor))));
        }
        let wants = match method {
            "resources/read" | "skills/get" => Some(("uri", params.uri, '"', "a string")),
            "subscriptions/listen" => Some(("notifications", params.notifications, '{', "an object")),
            _ => None,
        };
        if let Some((name, given, first, expected)) = wants
            && !given.is_some_and(|given| given.get().starts_with(first))
        {
            let found = given.map_or("missing", kind);
            return Err(invalid(format!("`{name}` is {found}; expected {expected}")));
        }
        // The only member of those that the library reads which can be deep.
        let deep = params.notifications.map_or(0, |filter| filter.get().len());
        if deep > FILTER {
            return Err(invalid(format!(
                "`notifications` is too large: {deep} bytes; the limit is {FILTER}"
            )));
        }
        let pared = params.pared(id, method);
        let mut held = self.app.work().bodies.hold(sender.principal.account.bodies());
        let tree = (pared.len() as u64).saturating_mul(EXPANSION);
        if let Err(error) = held.more(tree) {
            let data = json!({"code": error.code()});
            return Err(ErrorData::new(ErrorCode(-32000), with_retry(&error), Some(data)));
        }
        let unfit = || invalid(format!("invalid `params` for `{method}`"));
        let message: ClientJsonRpcMessage = serde_json::from_slice(&pared).map_err(|_| unfit())?;
        match &message {
            ClientJsonRpcMessage::Request(request)
                if !matches!(request.request, ClientRequest::CustomRequest(_)) => {}
            _ => return Err(unfit()),
        }
        Ok(Rest {
            id: id.clone(),
            message,
            agent: Agent::new(&self.app, &sender.principal, sender.by_token),
            revision: sender.revision,
            listens: method == "subscriptions/listen",
            _held: held,
        })
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// Returns whether the library answers a method.
fn is_for_the_library(method: &str, sender: &Sender) -> bool {
    match method {
        "resources/list" | "resources/templates/list" | "resources/read" | "skills/list" | "skills/get" => {
            true
        }
        "subscriptions/listen" => sender.is_modern(),
        _ => false,
    }
}

/// Checks the parameters that all methods share.
fn well_formed(params: &Params<'_>) -> Result<(), ErrorData> {
    let wrong = match (params.instead, params.meta.instead, params.twice) {
        (Some(instead), _, _) => format!("`params` is {instead}; expected an object"),
        (None, Some(instead), _) => format!("`params._meta` is {instead}; expected an object"),
        (None, None, Some(twice)) => format!("`params` has `{twice}` twice; send it once"),
        (None, None, None) => return Ok(()),
    };
    Err(ErrorData::invalid_params(wrong, None))
}

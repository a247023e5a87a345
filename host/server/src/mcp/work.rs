//! What the protocol works on: the sender of a message, and the work that its request leads to.

use std::sync::Arc;

use ringfence_store::Name;
use rmcp::model::{ClientJsonRpcMessage, ProtocolVersion};

use super::agent::Agent;
use super::id::Id;
use super::reply::Reply;
use crate::app::App;
use crate::budget::Held;
use crate::error::ServeError;
use crate::principal::Principal;

/// Answers messages. Clones share all state.
#[derive(Debug, Clone)]
pub(crate) struct Protocol {
    pub(super) app: App,
}

/// The sender of a message, and the rules for it.
#[derive(Debug, Clone)]
pub(crate) struct Sender {
    pub(crate) principal: Arc<Principal>,
    pub(crate) revision: &'static ProtocolVersion,
    /// Whether it uses a token, which can be revoked.
    pub(crate) by_token: bool,
    /// Lower limits for its calls, as text.
    pub(crate) limits: Option<Arc<str>>,
}

impl Sender {
    /// Returns whether it uses a revision without a handshake.
    pub(crate) fn is_modern(&self) -> bool {
        !self.revision.has_initialize()
    }
}

/// How a request continues.
#[derive(Debug)]
pub(crate) enum Work {
    /// The response is complete.
    Done(Reply),
    /// A tool must be called.
    Call(Box<ToolCall>),
    /// Tools must be described before they are listed.
    List(Box<List>),
    /// The library answers it.
    Rest(Box<Rest>),
}

/// A request for the library.
#[derive(Debug)]
pub(crate) struct Rest {
    pub(super) id: Id,
    pub(super) message: ClientJsonRpcMessage,
    pub(super) agent: Agent,
    pub(super) revision: &'static ProtocolVersion,
    /// Whether its response comes only when the caller or the server ends.
    pub(crate) listens: bool,
    /// Charge for the memory of its tree.
    pub(super) _held: Held,
}

/// A tool call, with all that it needs of its message.
#[derive(Debug)]
pub(crate) struct ToolCall {
    pub(super) id: Id,
    pub(super) name: String,
    pub(super) input: String,
    /// The member `io.ringfence/files` of `_meta`.
    pub(super) files: Option<String>,
    /// Charge for the memory of the input.
    pub(super) held: Result<Held, ServeError>,
    /// Token for progress notifications.
    pub(crate) token: Option<Box<str>>,
    pub(super) sender: Sender,
}

/// A request for a page of tools.
#[derive(Debug)]
pub(crate) struct List {
    pub(super) id: Id,
    /// The skill and the number of the last tool of the page before.
    pub(super) after: Option<(Name, usize)>,
    pub(super) sender: Sender,
}

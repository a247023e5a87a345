//! Requests that the library `rmcp` answers: resources, skills, subscriptions. Each gets a service of its own, so it
//! shares no state with earlier requests.

use rmcp::ErrorData;
use rmcp::model::{InitializeRequestParams, JsonRpcMessage};
use rmcp::service::{RoleServer, serve_directly_with_ct};
use rmcp::transport::OneshotTransport;
use tokio_util::sync::CancellationToken;

use super::out::Notes;
use super::reply::Reply;
use super::work::Rest;
use crate::json::json;

impl Rest {
    /// Returns the response, and sends earlier messages to `notes`. Dropping the future stops the work for it.
    pub(super) async fn finish(self, notes: Option<Notes>) -> Reply {
        let Self { id, message, agent, revision, _held, .. } = self;
        let mut peer = InitializeRequestParams::default();
        peer.protocol_version = revision.clone();
        let (transport, mut messages) = OneshotTransport::<RoleServer>::new(message);
        let wanted = CancellationToken::new();
        let _wanted = wanted.clone().drop_guard();
        let service = serve_directly_with_ct(agent, transport, Some(peer), wanted);
        tokio::spawn(async move { service.waiting().await });
        while let Some(message) = messages.recv().await {
            let mut text = Vec::new();
            match &message {
                JsonRpcMessage::Error(error) => return Reply::error(Some(&id), &error.error),
                JsonRpcMessage::Response(_) => {
                    json(&mut text, &message);
                    return Reply { text, status: http::StatusCode::OK, retry: None };
                }
                JsonRpcMessage::Notification(_) | JsonRpcMessage::Request(_) => {
                    json(&mut text, &message);
                    match &notes {
                        Some(notes) if notes.send(text).await => {}
                        _ => break,
                    }
                }
            }
        }
        Reply::error(
            Some(&id),
            &ErrorData::internal_error("internal error: the request ended without a response", None),
        )
    }
}

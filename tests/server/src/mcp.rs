//! MCP over HTTP, a message a request.

use serde_json::{Value, json};

use crate::client::{Answer, Client, Request, events};

/// The newest revision.
pub const NEWEST: &str = "2026-07-28";
/// A revision with structured content, and sessions.
pub const OLDER: &str = "2025-06-18";

/// A request of the newest revision.
pub fn message(method: &str, mut params: Value) -> Request {
    let meta = json!({
        "io.modelcontextprotocol/protocolVersion": NEWEST,
        "io.modelcontextprotocol/clientCapabilities": {},
        "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"},
    });
    let members = params.as_object_mut().expect("an object");
    match members.get_mut("_meta").and_then(Value::as_object_mut) {
        Some(given) => given.extend(meta.as_object().expect("an object").clone()),
        None => {
            members.insert("_meta".to_owned(), meta);
        }
    }
    let named = ["name", "uri"]
        .into_iter()
        .find_map(|key| params.get(key))
        .and_then(Value::as_str)
        .map(str::to_owned);
    let request = base(method, params, NEWEST).header("mcp-method", method);
    match named {
        Some(name) => request.header("mcp-name", &name),
        None => request,
    }
}

/// A request of an older revision.
pub fn older(method: &str, params: Value) -> Request {
    base(method, params, OLDER)
}

fn base(method: &str, params: Value, version: &str) -> Request {
    let body = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
    Request::post("/mcp")
        .header("accept", "application/json, text/event-stream")
        .header("mcp-protocol-version", version)
        .json(&body.to_string())
}

/// Every message of an answer, be it one or a stream.
#[track_caller]
pub fn messages(answer: &Answer) -> Vec<Value> {
    if answer.header("content-type").is_some_and(|kind| kind.starts_with("text/event-stream")) {
        events(&answer.text()).into_iter().map(|(_, data)| data).filter(|data| !data.is_null()).collect()
    } else {
        vec![answer.json()]
    }
}

/// Sends a request of the newest revision; its result.
pub async fn ask(client: &Client, method: &str, params: Value) -> Value {
    result(client.send(message(method, params)).await)
}

/// Sends a request of an older revision; its result.
pub async fn ask_older(client: &Client, method: &str, params: Value) -> Value {
    result(client.send(older(method, params)).await)
}

/// The result that an answer ends in.
#[track_caller]
fn result(answer: Answer) -> Value {
    let last = messages(&answer).pop().expect("a message");
    assert!(last.get("result").is_some(), "{last}");
    last["result"].clone()
}

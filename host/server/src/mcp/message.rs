//! Parses JSON-RPC messages. It borrows the relevant members from the text, and keeps the arguments of a call as text.
//!
//! So a message takes one pass over its bytes, and no further memory.

use std::borrow::Cow;
use std::fmt;

use ringfence_front::request::unmarked;
use rmcp::model::ErrorCode;
use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::id::{Id, LONGEST_ID};
use crate::json::json;

/// A message.
#[derive(Debug)]
pub(crate) enum Message<'a> {
    /// A message that expects a response.
    Request(Id, Call<'a>),
    /// A message that expects none.
    Notification(Call<'a>),
    /// A response, although this server sends no requests.
    Response,
}

/// A method and its parameters.
#[derive(Debug)]
pub(crate) struct Call<'a> {
    pub(crate) method: Cow<'a, str>,
    pub(crate) params: Params<'a>,
}

/// Why a text is no valid message.
#[derive(Debug)]
pub(crate) struct Malformed {
    /// The identifier of the request, if it could be parsed.
    pub(crate) id: Option<Id>,
    pub(crate) code: ErrorCode,
    pub(crate) message: String,
}

/// Members of `params` that any method uses, as text.
#[derive(Debug, Default)]
pub(crate) struct Params<'a> {
    /// The kind of the value if it is no object.
    pub(super) instead: Option<&'static str>,
    /// The name of a duplicate member.
    pub(super) twice: Option<&'static str>,
    pub(crate) name: Option<&'a RawValue>,
    pub(super) arguments: Option<&'a RawValue>,
    pub(crate) uri: Option<&'a RawValue>,
    pub(super) cursor: Option<&'a RawValue>,
    pub(crate) protocol_version: Option<&'a RawValue>,
    pub(super) notifications: Option<&'a RawValue>,
    pub(super) request_id: Option<&'a RawValue>,
    pub(super) meta: Meta<'a>,
}

/// The members of `_meta` that this server uses.
#[derive(Debug, Default)]
pub(crate) struct Meta<'a> {
    pub(super) instead: Option<&'static str>,
    version: Option<&'a RawValue>,
    capabilities: Option<&'a RawValue>,
    progress_token: Option<&'a RawValue>,
    pub(super) files: Option<&'a RawValue>,
}

impl<'a> Params<'a> {
    /// Returns the revision that the request itself names.
    pub(crate) fn version(&self) -> Option<Cow<'_, str>> {
        self.meta.version.and_then(text)
    }

    /// Returns the missing members of `_meta` that revisions from 2026-07-28 on require.
    pub(crate) fn missing(&self) -> Vec<&'static str> {
        let version = self.version().is_none().then_some("io.modelcontextprotocol/protocolVersion");
        let object = self.meta.capabilities.is_some_and(|raw| raw.get().starts_with('{'));
        let capabilities = (!object).then_some("io.modelcontextprotocol/clientCapabilities");
        version.into_iter().chain(capabilities).collect()
    }

    /// Returns the message with only the members that the library reads, so that nothing else of it costs a tree.
    pub(super) fn pared(&self, id: &Id, method: &str) -> Vec<u8> {
        let mut text = b"{\"jsonrpc\":\"2.0\",\"id\":".to_vec();
        text.extend_from_slice(id.as_json().as_bytes());
        text.extend_from_slice(b",\"method\":");
        json(&mut text, method);
        text.extend_from_slice(b",\"params\":{\"_meta\":{");
        let text_of = |raw: Option<&'a RawValue>| raw.filter(|raw| raw.get().starts_with('"'));
        let empty = || RawValue::from_string("{}".to_owned()).ok();
        let capabilities = self.meta.capabilities.and_then(|_| empty());
        let members = [
            ("io.modelcontextprotocol/protocolVersion", text_of(self.meta.version)),
            ("io.modelcontextprotocol/clientCapabilities", capabilities.as_deref()),
            ("progressToken", self.meta.progress_token.filter(|raw| Id::read(raw.get()).is_some())),
        ];
        put_members(&mut text, &members);
        text.push(b'}');
        let (uri, cursor) = (text_of(self.uri), text_of(self.cursor));
        let members = [("uri", uri), ("cursor", cursor), ("notifications", self.notifications)];
        if members.iter().any(|(_, value)| value.is_some()) {
            text.push(b',');
            put_members(&mut text, &members);
        }
        text.extend_from_slice(b"}}");
        text
    }

    /// Returns the token for progress notifications, as JSON.
    pub(crate) fn progress_token(&self) -> Option<Box<str>> {
        Id::read(self.meta.progress_token?.get()).map(Id::into_json)
    }
}

fn put_members(text: &mut Vec<u8>, members: &[(&str, Option<&RawValue>)]) {
    let mut first = true;
    for (name, value) in members.iter().filter_map(|(name, value)| Some((name, (*value)?))) {
        if !std::mem::take(&mut first) {
            text.push(b',');
        }
        json(text, name);
        text.push(b':');
        text.extend_from_slice(value.get().as_bytes());
    }
}

/// Returns the text of a JSON string.
pub(crate) fn text(raw: &RawValue) -> Option<Cow<'_, str>> {
    #[derive(Deserialize)]
    struct Text<'a>(#[serde(borrow)] Cow<'a, str>);
    if !raw.get().starts_with('"') {
        return None;
    }
    serde_json::from_str::<Text<'_>>(raw.get()).ok().map(|text| text.0)
}

/// Returns the kind of a JSON value, in words.
pub(crate) fn kind(raw: &RawValue) -> &'static str {
    match raw.get().as_bytes().first() {
        Some(b'"') if text(raw).is_none() => "a string with an unpaired surrogate",
        Some(b'"') => "a string",
        Some(b'{') => "an object",
        Some(b'[') => "an array",
        Some(b't' | b'f') => "a boolean",
        Some(b'n') => "null",
        _ => "a number",
    }
}

/// Maximum number of requests in an array that are answered one by one.
const BATCH: usize = 64;

/// Returns the identifiers of the requests in an array, at most 64. This protocol has no such messages, and each sender
/// of one waits for an answer.
pub(super) fn ids_in_array(bytes: &[u8]) -> Vec<Id> {
    let mut ids = Ids(Vec::new());
    if unmarked(bytes).starts_with(b"[") {
        // Those before a mistake are there.
        let _ = serde_json::Deserializer::from_slice(unmarked(bytes)).deserialize_seq(&mut ids);
    }
    ids.0
}

/// The identifiers of requests in an array.
struct Ids(Vec<Id>);

impl<'a> Visitor<'a> for &mut Ids {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<S: SeqAccess<'a>>(self, mut seq: S) -> Result<(), S::Error> {
        let mut envelope = Envelope::default();
        while self.0.len() < BATCH && seq.next_element_seed(Filled(&mut envelope))?.is_some() {
            let request = std::mem::take(&mut envelope);
            self.0.extend(request.method.and(request.id).and_then(|id| Id::read(id.get())));
        }
        Ok(())
    }
}

/// Parses a message.
pub(crate) fn read(bytes: &[u8]) -> Result<Message<'_>, Malformed> {
    let bytes = unmarked(bytes);
    let wrong = |id, code, message: String| Malformed { id, code, message };
    let unreadable = |reason: String| {
        let id = super::scan::id_of(bytes);
        wrong(id, ErrorCode::PARSE_ERROR, format!("the message is not JSON: {reason}"))
    };
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => {
            return Err(unreadable(format!("the byte at offset {} is not UTF-8", error.valid_up_to())));
        }
    };
    let mut envelope = Envelope::default();
    let mut reader = serde_json::Deserializer::from_str(text);
    let seen = Filled(&mut envelope).deserialize(&mut reader).and_then(|()| reader.end());
    match seen {
        Err(error) if error.is_data() => {}
        Err(error) => return Err(unreadable(error.to_string())),
        Ok(()) => {}
    }
    let id = envelope.id.and_then(|id| Id::read(id.get()));
    let no_request = |reason: &str| {
        let message = format!("the message is not a JSON-RPC 2.0 request: {reason}");
        Malformed { id: id.clone(), code: ErrorCode::INVALID_REQUEST, message }
    };
    if let Some(instead) = envelope.instead {
        return Err(no_request(&format!("it is {instead}; send one object per message")));
    }
    if let Some(twice) = envelope.twice {
        return Err(no_request(&format!("`{twice}` occurs twice; send it once")));
    }
    if seen_version(&envelope) != Some("2.0") {
        return Err(no_request("`jsonrpc` must be \"2.0\""));
    }
    let Some(method) = envelope.method else {
        let answers = envelope.result || envelope.error;
        return if answers { Ok(Message::Response) } else { Err(no_request("missing `method`")) };
    };
    let Some(method) = self::text(method) else {
        return Err(no_request(&format!("`method` is {}; expected a string", kind(method))));
    };
    let call = Call { method, params: envelope.params };
    match (envelope.id, &id) {
        (None, _) => Ok(Message::Notification(call)),
        (Some(_), Some(id)) => Ok(Message::Request(id.clone(), call)),
        (Some(raw), None) if raw.get().len() > LONGEST_ID => Err(no_request(&format!(
            "`id` is too long: {} bytes; the limit is {LONGEST_ID}",
            raw.get().len()
        ))),
        (Some(raw), None) => {
            Err(no_request(&format!("`id` is {}; expected a string or a number", kind(raw))))
        }
    }
}

fn seen_version<'a>(envelope: &Envelope<'a>) -> Option<&'a str> {
    envelope.version?.get().strip_prefix('"')?.strip_suffix('"')
}

/// The outermost object of a message.
#[derive(Debug, Default)]
struct Envelope<'a> {
    instead: Option<&'static str>,
    twice: Option<&'static str>,
    version: Option<&'a RawValue>,
    id: Option<&'a RawValue>,
    method: Option<&'a RawValue>,
    params: Params<'a>,
    has_params: bool,
    result: bool,
    error: bool,
}

/// A value that is filled during parsing.
trait Fill<'a> {
    /// Parses the value of a member.
    fn member<M: MapAccess<'a>>(&mut self, key: &str, map: &mut M) -> Result<(), M::Error>;
    /// Records that the value is no object.
    fn not_an_object(&mut self, kind: &'static str);
}

fn put<'a, M: MapAccess<'a>>(
    to: &mut Option<&'a RawValue>,
    twice: &mut Option<&'static str>,
    key: &'static str,
    map: &mut M,
) -> Result<(), M::Error> {
    if to.replace(map.next_value()?).is_some() {
        *twice = Some(key);
    }
    Ok(())
}

impl<'a> Fill<'a> for Envelope<'a> {
    fn member<M: MapAccess<'a>>(&mut self, key: &str, map: &mut M) -> Result<(), M::Error> {
        let twice = &mut self.twice;
        match key {
            "jsonrpc" => put(&mut self.version, twice, "jsonrpc", map),
            "id" => put(&mut self.id, twice, "id", map),
            "method" => put(&mut self.method, twice, "method", map),
            "params" => {
                if std::mem::replace(&mut self.has_params, true) {
                    *twice = Some("params");
                }
                map.next_value_seed(Filled(&mut self.params))
            }
            other => {
                self.result |= other == "result";
                self.error |= other == "error";
                map.next_value::<IgnoredAny>().map(|_| ())
            }
        }
    }

    fn not_an_object(&mut self, kind: &'static str) {
        self.instead = Some(kind);
    }
}

impl<'a> Fill<'a> for Params<'a> {
    fn member<M: MapAccess<'a>>(&mut self, key: &str, map: &mut M) -> Result<(), M::Error> {
        let twice = &mut self.twice;
        match key {
            "name" => put(&mut self.name, twice, "name", map),
            "arguments" => put(&mut self.arguments, twice, "arguments", map),
            "uri" => put(&mut self.uri, twice, "uri", map),
            "cursor" => put(&mut self.cursor, twice, "cursor", map),
            "protocolVersion" => put(&mut self.protocol_version, twice, "protocolVersion", map),
            "notifications" => put(&mut self.notifications, twice, "notifications", map),
            "requestId" => put(&mut self.request_id, twice, "requestId", map),
            "_meta" => map.next_value_seed(Filled(&mut self.meta)),
            _ => map.next_value::<IgnoredAny>().map(|_| ()),
        }
    }

    fn not_an_object(&mut self, kind: &'static str) {
        // As good as not there.
        self.instead = Some(kind).filter(|kind| *kind != "null");
    }
}

impl<'a> Fill<'a> for Meta<'a> {
    fn member<M: MapAccess<'a>>(&mut self, key: &str, map: &mut M) -> Result<(), M::Error> {
        let to = match key {
            "io.modelcontextprotocol/protocolVersion" => &mut self.version,
            "io.modelcontextprotocol/clientCapabilities" => &mut self.capabilities,
            "progressToken" => &mut self.progress_token,
            "io.ringfence/files" => &mut self.files,
            _ => return map.next_value::<IgnoredAny>().map(|_| ()),
        };
        *to = Some(map.next_value()?);
        Ok(())
    }

    fn not_an_object(&mut self, kind: &'static str) {
        self.instead = Some(kind).filter(|kind| *kind != "null");
    }
}

/// Parses into a value that stays partly filled if the text ends early.
struct Filled<'f, T>(&'f mut T);

impl<'a, T: Fill<'a>> DeserializeSeed<'a> for Filled<'_, T> {
    type Value = ();

    fn deserialize<D: Deserializer<'a>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'a, T: Fill<'a>> Visitor<'a> for Filled<'_, T> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<M: MapAccess<'a>>(self, mut map: M) -> Result<(), M::Error> {
        #[derive(Deserialize)]
        struct Name<'a>(#[serde(borrow)] Cow<'a, str>);
        while let Some(Name(key)) = map.next_key::<Name<'a>>()? {
            self.0.member(&key, &mut map)?;
        }
        Ok(())
    }

    fn visit_seq<S: SeqAccess<'a>>(self, mut seq: S) -> Result<(), S::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        self.0.not_an_object("an array");
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        self.0.not_an_object("a boolean");
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        self.0.not_an_object("a number");
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        self.0.not_an_object("a number");
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        self.0.not_an_object("a number");
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        self.0.not_an_object("a string");
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        self.0.not_an_object("null");
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn malformed(text: &str) -> (i32, Option<String>) {
        let malformed = read(text.as_bytes()).expect_err("it is none");
        (malformed.code.0, malformed.id.map(|id| id.as_json().to_owned()))
    }

    #[test]
    fn a_message_is_read_in_any_order_of_its_members() {
        let text = r#"{"params":{"arguments":{"b": [1, {"name": 2}]},"name":"a\u0062","_meta":{"progressToken":7}},"method":"tools/call","jsonrpc":"2.0","id":"x"}"#;
        let Ok(Message::Request(id, call)) = read(text.as_bytes()) else { panic!("a request") };
        assert_eq!((id.as_json(), &*call.method), ("\"x\"", "tools/call"));
        assert_eq!(call.params.name.and_then(super::text).as_deref(), Some("ab"));
        assert_eq!(call.params.arguments.map(RawValue::get), Some(r#"{"b": [1, {"name": 2}]}"#));
        assert_eq!(call.params.progress_token().as_deref(), Some("7"));
        let marked = format!("\u{FEFF}{text}");
        assert!(matches!(read(marked.as_bytes()), Ok(Message::Request(..))));
        let told = r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#;
        assert!(matches!(read(told.as_bytes()), Ok(Message::Notification(_))));
        let answer = r#"{"jsonrpc":"2.0","id":1,"result":{}}"#;
        assert!(matches!(read(answer.as_bytes()), Ok(Message::Response)));
    }

    #[test]
    fn an_invalid_message_is_answered_with_code_and_id() {
        let one = || Some("1".to_owned());
        let rows = [
            ("", -32700, None),
            ("{", -32700, None),
            ("{\"id\":1,", -32700, one()),
            ("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"} x", -32700, one()),
            ("[]", -32600, None),
            ("null", -32600, None),
            ("1.5", -32600, None),
            ("{}", -32600, None),
            ("{\"id\":1}", -32600, one()),
            ("{\"id\":1,\"method\":\"ping\"}", -32600, one()),
            ("{\"jsonrpc\":2.0,\"id\":1,\"method\":\"ping\"}", -32600, one()),
            ("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":5}", -32600, one()),
            ("{\"jsonrpc\":\"2.0\",\"id\":null,\"method\":\"ping\"}", -32600, None),
            ("{\"jsonrpc\":\"2.0\",\"id\":{},\"method\":\"ping\"}", -32600, None),
            ("{\"jsonrpc\":\"2.0\",\"id\":1,\"id\":1,\"method\":\"ping\"}", -32600, one()),
        ];
        for (text, code, id) in rows {
            assert_eq!(malformed(text), (code, id), "{text}");
        }
        let long = |size: usize| {
            let id = "x".repeat(size.saturating_sub(2));
            format!("{{\"jsonrpc\":\"2.0\",\"id\":\"{id}\",\"method\":\"ping\"}}")
        };
        assert!(read(long(LONGEST_ID).as_bytes()).is_ok());
        assert_eq!(malformed(&long(LONGEST_ID + 1)), (-32600, None));
    }

    #[test]
    fn a_reduced_message_keeps_the_members_that_rmcp_reads() {
        let junk = "[{\"\":0},{}]".repeat(100);
        let long = format!(
            "{{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"resources/list\",\"params\":{{\"x\":{{\"a\":\"{}\"}},\
             \"cursor\":\"c\",\"_meta\":{{\"y\":[],\"progressToken\":7,\
             \"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\",\
             \"io.modelcontextprotocol/clientCapabilities\":{{\"z\":1}}}}}}}}",
            junk.replace('"', "'")
        );
        let pared = |text: &str| {
            let Ok(Message::Request(id, call)) = read(text.as_bytes()) else { panic!("a request") };
            String::from_utf8(call.params.pared(&id, &call.method)).expect("text")
        };
        assert_eq!(
            pared(&long),
            "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"resources/list\",\"params\":{\"_meta\":{\
             \"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\",\
             \"io.modelcontextprotocol/clientCapabilities\":{},\"progressToken\":7},\"cursor\":\"c\"}}"
        );
        let bare = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"x\",\"params\":{\"_meta\":{}}}";
        assert_eq!(pared("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"x\"}"), bare);
    }

    #[test]
    fn requests_in_an_array_are_found() {
        let ids = |text: &str| -> Vec<String> {
            ids_in_array(text.as_bytes()).iter().map(|id| id.as_json().to_owned()).collect()
        };
        assert_eq!(
            ids(r#"[{"id":1,"method":"ping"},{"method":"x"},5,{"id":"a","method":"ping"}]"#),
            ["1", "\"a\""]
        );
        assert_eq!(ids(r#"[{"id":1,"method":"ping"},{"id":2,"result":{}},{"id":3,"#), ["1"]);
        assert!(ids(r#"{"id":1,"method":"ping"}"#).is_empty());
        let many = |count: usize| format!("[{}]", vec![r#"{"id":1,"method":"x"}"#; count].join(","));
        assert_eq!((ids(&many(BATCH)).len(), ids(&many(BATCH + 1)).len()), (BATCH, BATCH));
    }

    #[test]
    fn depth_costs_no_stack() {
        for open in ["[", "{\"a\":"] {
            let deep = open.repeat(300_000);
            assert_eq!(malformed(&deep).0, -32700);
            let inside =
                format!("{{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"x\",\"params\":{{\"arguments\":{deep}");
            assert_eq!(malformed(&inside), (-32700, Some("1".to_owned())));
        }
    }

    #[test]
    fn spellings_of_an_id_are_one() {
        assert_eq!(Id::read(r#""\u0061""#), Id::read(r#""a""#));
        assert_ne!(Id::read(r#""1""#), Id::read("1"));
        assert_eq!(Id::read(r#""\ud800""#).as_ref().map(Id::as_json), Some(r#""\ud800""#));
        for wrong in ["null", "true", "{}", "[]", "", "1 2"] {
            assert_eq!(Id::read(wrong), None, "{wrong}");
        }
    }
}

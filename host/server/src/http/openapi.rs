//! The OpenAPI document: generated from the handlers, plus what is in none of them.

use serde::Serialize;
use serde_json::Value;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{OpenApi, RefOr};
use utoipa::{OpenApi as _, PartialSchema, ToSchema};

/// The report of a run. The library `ringfence` documents all outcomes.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) struct Report {
    /// The id of the run.
    run: String,
    /// SHA-256 of the skill's component.
    #[schema(pattern = "^sha256:[0-9a-f]{64}$")]
    skill: String,
    /// The tool.
    tool: String,
    /// How the run ended.
    outcome: OutcomeName,
    /// The value that the tool returned; only if `completed`.
    #[schema(required = false)]
    value: Option<Value>,
    /// The error that the tool returned; only if `failed`.
    #[schema(required = false)]
    failure: Option<Value>,
    /// Why and where the run trapped; only if `trapped`.
    #[schema(required = false)]
    trap: Option<Trap>,
    /// What the run used.
    usage: Usage,
    /// The limits of the run.
    limits: Limits,
    /// Logged and printed lines, up to the limits.
    log: Vec<LogLine>,
    /// Output that the run emitted before its value, if any.
    #[schema(required = false)]
    chunks: Option<Vec<String>>,
    /// Uses of a capability that no grant allows, if any. The skill saw no reason.
    #[schema(required = false)]
    denied: Option<Vec<Denial>>,
    /// Files that the call asked for and that exist, if any.
    #[schema(required = false)]
    files: Option<Vec<ReturnedFile>>,
}

/// A scratch file as it was when the run ended.
#[derive(Serialize, ToSchema)]
struct ReturnedFile {
    /// The path; the skill chose it.
    path: String,
    /// Size in bytes.
    size: u64,
    /// The contents; absent if they did not fit into `return_bytes`.
    #[schema(required = false)]
    base64: Option<String>,
}

/// A use of a capability that no grant allows, or for which something of the operator's is missing.
#[derive(Serialize, ToSchema)]
struct Denial {
    capability: CapabilityName,
    /// Method and URL, a key, or a name; the text is the skill's.
    wanted: String,
    /// Why, in general. The server's log has the reason.
    kind: DenialKind,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
#[expect(dead_code, reason = "describes what the library writes")]
enum DenialKind {
    NoGrant,
    Address,
    Redirect,
    Unavailable,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
#[expect(dead_code, reason = "describes what the library writes")]
enum CapabilityName {
    Http,
    Kv,
    Config,
    Secrets,
    Scratch,
}

/// What a run used of one capability.
#[derive(Serialize, ToSchema)]
struct Spent {
    calls: u64,
    /// Bytes from the skill.
    sent: u64,
    /// Bytes to the skill.
    received: u64,
    /// Time from call to answer in microseconds.
    wait_us: u64,
}

/// An event of a streamed call.
#[derive(Serialize, ToSchema)]
pub(crate) struct StreamEvent {
    event: EventName,
    /// JSON: a log line, `{done, total, note}`, a string, the report, or a problem.
    data: String,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
#[expect(dead_code, reason = "describes what the server writes")]
enum EventName {
    Log,
    Progress,
    Chunk,
    Report,
    /// The server failed during the run.
    Problem,
}

/// The bytes of a component.
#[derive(Serialize, ToSchema)]
#[schema(value_type = String, content_media_type = "application/wasm")]
pub(crate) struct Component(Vec<u8>);

/// How a run ended.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
#[expect(dead_code, reason = "describes what the library writes; a test holds that they agree")]
enum OutcomeName {
    Completed,
    Failed,
    Trapped,
    OutOfFuel,
    DeadlineExceeded,
    MemoryLimit,
    OutputLimit,
    HostCallLimit,
    Cancelled,
    HostOverloaded,
}

/// The reason and the place of a trap.
#[derive(Serialize, ToSchema)]
struct Trap {
    /// The stable code of the trap, in kebab-case.
    code: String,
    message: String,
    /// Whether a growth of memory or tables was refused before.
    growth_refused: bool,
    /// The innermost wasm frames, at most 20.
    backtrace: Vec<String>,
}

/// What a run used.
#[derive(Serialize, ToSchema)]
struct Usage {
    fuel: u64,
    /// Wall time in microseconds.
    wall_us: u64,
    /// Time on a thread in microseconds.
    busy_us: u64,
    /// Peak memory in bytes.
    peak_memory: u64,
    peak_table_elements: u64,
    refused_growths: u64,
    host_calls: u64,
    log_lines: u64,
    log_bytes: u64,
    /// Number of log lines that were dropped or cut.
    log_dropped: u64,
    /// Bytes of the value and the chunks as JSON.
    output_bytes: u64,
    /// What it used of each capability that it called.
    #[schema(required = false)]
    capabilities: Option<std::collections::BTreeMap<String, Spent>>,
}

/// The limits of a run: the members of [`ringfence::LIMITS`].
#[derive(Serialize)]
struct Limits {}

impl PartialSchema for Limits {
    fn schema() -> RefOr<Schema> {
        let mut object = ObjectBuilder::new().description(Some("The limits of a run, with sizes in bytes."));
        for limit in &ringfence::LIMITS {
            let member = ObjectBuilder::new()
                .schema_type(Type::Integer)
                .description(Some(format!("{}. At the limit: {}.", limit.help, limit.at_limit)))
                .default(Some(limit.default.into()))
                .minimum(Some(limit.min));
            object = object.property(limit.json, member).required(limit.json);
        }
        object.into()
    }
}

impl ToSchema for Limits {}

/// A line that the guest logged or printed.
#[derive(Serialize, ToSchema)]
struct LogLine {
    level: Level,
    source: Source,
    message: String,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
#[expect(dead_code, reason = "describes what the library writes; a test holds that they agree")]
enum Level {
    Trace,
    Debug,
    Info,
    Warn,
    Error,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
#[expect(dead_code, reason = "describes what the library writes; a test holds that they agree")]
enum Source {
    Log,
    Stdout,
    Stderr,
}

#[derive(utoipa::OpenApi)]
#[openapi(
    info(title = "Ringfence", description = "Runs untrusted agent skills. Each call runs in a fresh instance under hard limits"),
    tags(
        (name = "calls", description = "Call tools"),
        (name = "skills", description = "List and change the skills that a caller sees"),
        (name = "submissions", description = "Submit skills"),
    ),
)]
struct Described;

/// Returns the document without the handlers.
pub(crate) fn document() -> OpenApi {
    Described::openapi()
}

/// Adds to the document what all handlers share.
pub(crate) fn complete(mut document: OpenApi) -> OpenApi {
    let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build();
    if let Some(components) = &mut document.components {
        components.add_security_scheme("token", SecurityScheme::Http(bearer));
    }
    // Without tokens the server asks for none.
    let none: [&str; 0] = [];
    document.security = Some(vec![SecurityRequirement::new("token", none), SecurityRequirement::default()]);
    document
}

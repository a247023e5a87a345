//! The description of the API: made from the handlers, and here what is not in a handler.

use serde::Serialize;
use serde_json::Value;
use utoipa::openapi::OpenApi;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::{OpenApi as _, ToSchema};

/// The report of a run. What a run can come back as is documented in the library `ringfence`.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) struct Report {
    /// Which run this was.
    run: String,
    /// SHA-256 of the skill's bytes.
    #[schema(pattern = "^sha256:[0-9a-f]{64}$")]
    skill: String,
    /// Which tool of it.
    tool: String,
    /// How the run ended.
    outcome: OutcomeName,
    /// What the tool gave; only when `completed`.
    #[schema(required = false)]
    value: Option<Value>,
    /// The error that the tool gave; only when `failed`.
    #[schema(required = false)]
    failure: Option<Value>,
    /// Why and where it trapped; only when `trapped`.
    #[schema(required = false)]
    trap: Option<Trap>,
    /// What it cost.
    usage: Usage,
    /// The limits that it ran under.
    limits: Limits,
    /// What it logged and printed, as far as the limits kept it.
    log: Vec<LogLine>,
    /// Pieces of output that it emitted ahead of its value, where there were any.
    #[schema(required = false)]
    chunks: Option<Vec<String>>,
}

/// An event of a call that is told as it goes on.
#[derive(Serialize, ToSchema)]
pub(crate) struct StreamEvent {
    event: EventName,
    /// JSON: a line of log, `{done, total, note}`, a string, the report, or a problem.
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
    /// The server failed in the middle of the run.
    Problem,
}

/// A component's bytes.
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

/// Why and where a guest trapped.
#[derive(Serialize, ToSchema)]
struct Trap {
    /// The trap's stable name in kebab-case.
    code: String,
    message: String,
    /// A growth of memory or tables had been refused before.
    growth_refused: bool,
    /// The innermost wasm frames, at most 20.
    backtrace: Vec<String>,
}

/// What a run cost.
#[derive(Serialize, ToSchema)]
struct Usage {
    fuel: u64,
    /// Wall time in microseconds.
    wall_us: u64,
    /// The part of it in which the run was on a thread.
    busy_us: u64,
    /// Bytes.
    peak_memory: u64,
    peak_table_elements: u64,
    refused_growths: u64,
    host_calls: u64,
    log_lines: u64,
    log_bytes: u64,
    /// Lines of log dropped, and lines cut short.
    log_dropped: u64,
    /// JSON bytes of the value and the chunks.
    output_bytes: u64,
}

/// The limits of a run; sizes in bytes.
#[derive(Serialize, ToSchema)]
struct Limits {
    fuel: u64,
    deadline_ms: u64,
    memory: u64,
    table_elements: u64,
    instances: u32,
    memories: u32,
    tables: u32,
    input: u64,
    output: u64,
    log_lines: u32,
    log_bytes: u64,
    host_calls: u64,
}

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
    info(title = "Ringfence", description = "Untrusted agent skills, each call in a fresh instance under hard limits"),
    tags(
        (name = "calls", description = "Calling tools"),
        (name = "skills", description = "The skills that a caller sees"),
        (name = "submissions", description = "Taking skills in"),
    ),
)]
struct Described;

/// The description before the handlers are added.
pub(crate) fn document() -> OpenApi {
    Described::openapi()
}

/// The description with what belongs to all handlers.
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

//! The skills: list, show, remove, roll back. A caller learns only about skills that it sees.

#![expect(unused_qualifications, reason = "the macro that describes handlers writes them")]

use std::sync::Arc;

use axum::Json;
use axum::extract::{Query, State};
use axum::response::{IntoResponse as _, Response};
use http::header::CONTENT_TYPE;
use ringfence::SchemaStyle;
use ringfence_front::problem::Problem;
use ringfence_store::{Name, Record, Scope, StoreError, Version};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;
use serde_json::value::RawValue;
use utoipa::{IntoParams, ToSchema};

use super::gone::Gone;
use super::{Caller, Segments};
use crate::app::App;
use crate::catalog::{Current, Entry, Known};
use crate::error::ServeError;
use crate::grants::GrantsShown;

/// Maximum number of skills on a page.
const PAGE: usize = 100;

/// Maximum time that a change waits for its turn.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(10);

/// A page of a list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Page {
    /// Start of the page: `next` of the previous page.
    #[param(pattern = "^[a-z0-9][a-z0-9-]{0,62}$")]
    cursor: Option<String>,
    /// Maximum number of skills, from 1 to 100. Default: 100.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<u8>,
}

/// An optional version of a skill.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Wanted {
    /// The version. Default: all versions.
    #[param(pattern = "^[0-9A-Za-z][0-9A-Za-z.+-]{0,62}$")]
    version: Option<String>,
}

/// The style of schemas.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Style {
    /// Style of the schemas: `exact`, `portable` (as MCP lists them), `openai`, `anthropic` or `gemini`. Default:
    /// `exact`.
    #[param(value_type = Option<String>, pattern = "^(exact|portable|openai|anthropic|gemini)$")]
    schema: Option<SchemaStyle>,
}

/// A page of skills.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Skills {
    skills: Vec<Summary>,
    /// Cursor of the next page; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// A skill in a list.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Summary {
    name: String,
    owner: String,
    /// The version that the bare name stands for; absent while none can run.
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<String>,
    /// SHA-256 digest of the current version.
    #[serde(skip_serializing_if = "Option::is_none")]
    digest: Option<String>,
    state: SkillState,
    /// Reason of the revocation, if stated.
    #[serde(skip_serializing_if = "Option::is_none")]
    revoked_because: Option<String>,
    /// The author's description. Untrusted text.
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
}

/// The state of a skill.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
enum SkillState {
    Ready,
    /// It is being loaded or compiled.
    Loading,
    /// All versions are held. An admin can release one.
    Held,
    /// The version that the name stands for is revoked, and never runs again.
    Revoked,
    /// The skill cannot be loaded.
    Broken,
}

/// A skill, its tools and its versions.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Shown {
    #[serde(flatten)]
    summary: Summary,
    /// Its tools; empty unless it is ready.
    #[schema(value_type = Vec<ToolShown>)]
    tools: Tools,
    /// What it requests, and what of it the caller is granted; absent unless it is ready and requests something.
    #[serde(skip_serializing_if = "Option::is_none")]
    grants: Option<GrantsShown>,
    /// Its versions, oldest first.
    versions: Vec<VersionShown>,
}

/// The tools of a skill, as JSON that was made once.
#[derive(Debug)]
struct Tools(Option<Arc<RawValue>>);

impl Serialize for Tools {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.0 {
            Some(tools) => tools.serialize(serializer),
            None => serializer.collect_seq(std::iter::empty::<()>()),
        }
    }
}

/// A tool.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ToolShown {
    /// The name for calls over this API.
    name: String,
    /// The full name, `interface_function`, which always works.
    full_name: String,
    /// The name for calls over MCP.
    mcp_name: String,
    /// The signature in WIT.
    signature: String,
    /// The author's description. Untrusted text.
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    /// JSON Schema 2020-12 of the arguments.
    parameters: Value,
    /// JSON Schema 2020-12 of the value of a completed run.
    result: Value,
    /// JSON Schema 2020-12 of the value of a failed run, if the tool can fail.
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<Value>,
}

/// A version.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct VersionShown {
    version: String,
    digest: String,
    /// Size of the component in bytes.
    size: u64,
    /// Time of the submission, in seconds since 1970.
    submitted: u64,
    /// Whether it is held; then it does not run until an admin releases it.
    held: bool,
    /// Whether it is revoked; then it never runs again.
    revoked: bool,
    /// Reason of the revocation, if stated.
    #[serde(skip_serializing_if = "Option::is_none")]
    revoked_because: Option<String>,
}

/// The removed versions.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Removed {
    name: String,
    versions: Vec<String>,
}

/// The target of a rollback.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Back {
    /// The version. Default: the version that was current before.
    #[serde(default)]
    #[schema(required = false)]
    version: Option<String>,
}

/// List skills
#[utoipa::path(
    get,
    path = "/v1/skills",
    tag = "skills",
    params(Page),
    responses(
        (status = 200, description = "A page of skills, sorted by name", body = Skills),
        (status = "4XX", description = "The request is invalid", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn list(
    State(app): State<App>,
    caller: Caller,
    query: Result<Query<Page>, axum::extract::rejection::QueryRejection>,
) -> Result<Response, ServeError> {
    let Query(page) = query.map_err(|error| super::unfit(&error.body_text()))?;
    let limit = usize::from(page.limit.unwrap_or(100));
    if limit == 0 || limit > PAGE {
        return Err(ServeError::bad_request(format!("invalid `limit`; it must be between 1 and {PAGE}")));
    }
    app.work().answers.has_room(caller.0.account.answers())?;
    let catalog = app.skills().librarian.catalog();
    // A skill that the caller does not see is as wrong as one that does not exist.
    let seen = |cursor: &String| {
        let name: Name = cursor.parse().ok()?;
        catalog.entry(name.as_str(), &caller.0).ok().map(|_| name)
    };
    let wrong = || ServeError::bad_request("invalid `cursor`; use the `next` of a page".to_owned());
    let after = page.cursor.as_ref().map(|cursor| seen(cursor).ok_or_else(wrong)).transpose()?;
    let seen = catalog.names.iter().filter(|(name, entry)| {
        after.as_ref().is_none_or(|after| *name > after) && caller.0.sees(name, &entry.record.owner)
    });
    let gone = Gone::by_now(&app);
    let mut skills: Vec<Summary> =
        seen.take(limit.saturating_add(1)).map(|(_, entry)| summary(entry, &gone)).collect();
    let more = skills.len() > limit;
    skills.truncate(limit);
    let next = skills.last().filter(|_| more).map(|last| last.name.clone());
    counted(&app, &caller, &Skills { skills, next })
}

/// Returns JSON, whose bytes are charged to the caller until they are sent.
fn counted(app: &App, caller: &Caller, value: &impl Serialize) -> Result<Response, ServeError> {
    let bytes = serde_json::to_vec(value)
        .map_err(|error| ringfence::RunError::host_because("cannot write the response", error))?;
    let body = app.work().answers.waiting(caller.0.account.answers(), bytes)?;
    Ok(([(CONTENT_TYPE, "application/json")], body).into_response())
}

/// Show a skill
#[utoipa::path(
    get,
    path = "/v1/skills/{name}",
    tag = "skills",
    params(("name" = String, Path, description = "The skill: `name` or `name@version`"), Style),
    responses(
        (status = 200, description = "The skill", body = Shown),
        (status = "4XX", description = "The caller sees no such skill", body = Problem, content_type = "application/problem+json"),
        (status = "5XX", description = "The skill cannot be loaded now", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn show(
    State(app): State<App>,
    Segments(name): Segments<String>,
    caller: Caller,
    query: Result<Query<Style>, axum::extract::rejection::QueryRejection>,
) -> Result<Response, ServeError> {
    let Query(style) = query.map_err(|error| super::unfit(&error.body_text()))?;
    shown(&app, &name, &caller, style.schema.unwrap_or(SchemaStyle::Exact)).await
}

async fn shown(app: &App, name: &str, caller: &Caller, style: SchemaStyle) -> Result<Response, ServeError> {
    app.work().answers.has_room(caller.0.account.answers())?;
    let entry = Arc::clone(app.skills().librarian.catalog().entry(name, &caller.0)?);
    let ready = if name.contains('@') { Some(app.find(name, &caller.0).await?) } else { None };
    // Before anything is borrowed: it may take a while, and then not on this thread.
    if let Some(known) = ready.as_ref().map(|ready| Arc::clone(&ready.known)).or_else(|| entry.known()) {
        show_tools(app, caller, known, style).await;
    }
    let gone = Gone::by_now(app);
    let mut summary = summary(&entry, &gone);
    let known = match ready {
        Some(ready) if gone.has(&entry, ready.digest) => {
            let (digest, reason) = (ready.digest, gone.reason(&entry, ready.digest));
            return Err(ServeError::Store(StoreError::Revoked { digest, reason }));
        }
        Some(ready) => Some(Arc::clone(&ready.known)),
        None => entry.callable(&gone.digests),
    };
    if let Some(known) = &known {
        summary.version = Some(known.version.to_string());
        summary.digest = Some(known.digest.to_string());
        summary.description = known.about.about().map(str::to_owned);
        summary.state = SkillState::Ready;
        summary.revoked_because = None;
    }
    let versions = entry.record.versions.iter().map(|of| VersionShown {
        version: of.version.to_string(),
        digest: of.digest.to_string(),
        size: of.size,
        submitted: of.submitted,
        held: of.held,
        revoked: gone.has(&entry, of.digest),
        revoked_because: gone.reason(&entry, of.digest),
    });
    let tools = Tools(known.as_deref().and_then(|known| known.described.shown(style)));
    let granting = &app.operator().granting;
    let grants = known.as_deref().and_then(|known| granting.shown(known, caller.0.share_key()));
    let shown = Shown { tools, grants, versions: versions.collect(), summary };
    counted(app, caller, &shown)
}

/// Makes the tools of a skill as this API shows them, once in each style. The schemas of a large skill take
/// milliseconds, so another thread makes them.
async fn show_tools(app: &App, caller: &Caller, known: Arc<Known>, style: SchemaStyle) {
    if known.described.shown(style).is_some() {
        return;
    }
    let metrics = Arc::clone(&app.operator().metrics);
    let make = move || {
        known.described.make_shown(style, || {
            metrics.descriptions.inc();
            // A description has string keys, and no number that JSON lacks: nothing can fail.
            serde_json::value::to_raw_value(&tools(&known, style)).unwrap_or_default()
        });
    };
    // Without them the list is empty, and the next request tries again.
    let _ = app.work().build(&caller.0, make).await;
}

fn summary(entry: &Entry, gone: &Gone<'_>) -> Summary {
    let current = entry.current.load();
    let revoked = entry.stands_for().filter(|digest| gone.has(entry, *digest));
    let (state, known) = match &**current {
        _ if revoked.is_some() => (SkillState::Revoked, None),
        // Served until the version after it is loaded, and revoked since.
        Current::Ready(ready) if gone.has(entry, ready.digest) => (SkillState::Loading, None),
        Current::Ready(ready) => (SkillState::Ready, Some(&ready.known)),
        Current::Resting { known, .. } => (SkillState::Ready, Some(known)),
        Current::Loading => (SkillState::Loading, None),
        Current::Nothing => (SkillState::Held, None),
        Current::Broken { .. } => (SkillState::Broken, None),
    };
    Summary {
        name: entry.record.name.to_string(),
        owner: entry.record.owner.to_string(),
        version: known.map(|known| known.version.to_string()),
        digest: known.map(|known| known.digest.to_string()),
        revoked_because: revoked.and_then(|digest| gone.reason(entry, digest)),
        state,
        description: known.and_then(|known| known.about.about().map(str::to_owned)),
    }
}

fn tools(known: &Known, style: SchemaStyle) -> Vec<ToolShown> {
    let shown = known.about.tools().zip(known.described.names()).map(|(tool, mcp_name)| ToolShown {
        name: tool.name().to_owned(),
        full_name: tool.full_name().to_owned(),
        mcp_name: mcp_name.to_owned(),
        signature: tool.signature(),
        description: tool.description().map(str::to_owned),
        parameters: tool.parameters_schema_as(style),
        result: tool.result_schema_as(style),
        failure: tool.failure_schema_as(style),
    });
    shown.collect()
}

/// Remove a skill or a version
#[utoipa::path(
    delete,
    path = "/v1/skills/{name}",
    tag = "skills",
    params(("name" = String, Path, description = "The skill"), Wanted),
    responses(
        (status = 200, description = "The skill or version was removed", body = Removed),
        (status = "4XX", description = "The skill does not exist or belongs to another owner, or the version is current", body = Problem, content_type = "application/problem+json"),
        (status = "5XX", description = "The server cannot change the store now", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn remove(
    State(app): State<App>,
    Segments(name): Segments<String>,
    caller: Caller,
    query: Result<Query<Wanted>, axum::extract::rejection::QueryRejection>,
) -> Result<Json<Removed>, ServeError> {
    let Query(wanted) = query.map_err(|error| super::unfit(&error.body_text()))?;
    let version: Option<Version> = wanted.version.as_deref().map(str::parse).transpose()?;
    let gone = change(&app, &caller, (&name, "removed"), move |store, name, asking| {
        store.remove(name, version.as_ref(), asking)
    })
    .await?;
    let versions = gone.iter().map(|entry| entry.version.to_string()).collect();
    Ok(Json(Removed { name, versions }))
}

/// Roll back a skill
#[utoipa::path(
    post,
    path = "/v1/skills/{name}/rollback",
    tag = "skills",
    params(("name" = String, Path, description = "The skill")),
    request_body(content = Back, description = "The target version; optional"),
    responses(
        (status = 200, description = "The skill after the rollback", body = Shown),
        (status = "4XX", description = "The skill belongs to another owner, or there is no such version", body = Problem, content_type = "application/problem+json"),
        (status = "5XX", description = "The server cannot change the store now", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn rollback(
    State(app): State<App>,
    Segments(name): Segments<String>,
    caller: Caller,
    headers: http::HeaderMap,
    body: axum::body::Body,
) -> Result<Response, ServeError> {
    caller.expect(Scope::Submit)?;
    let patience = app.operator().config.load().listen.body_timeout.get();
    let (bytes, _held) =
        super::body::read(&headers, body, 4096, patience, app.work().bodies.hold(caller.0.account.bodies()))
            .await?;
    let bytes = ringfence_front::request::unmarked(&bytes);
    let back: Back = if bytes.is_empty() {
        Back::default()
    } else {
        serde_json::from_slice(bytes)
            .map_err(|error| ServeError::bad_request(format!("invalid body: {error}")))?
    };
    let version: Option<Version> = back.version.as_deref().map(str::parse).transpose()?;
    let record: Record = change(&app, &caller, (&name, "rolled back"), move |store, name, asking| {
        store.roll_back(name, version.as_ref(), asking)
    })
    .await?;
    app.skills().librarian.settle(&record.name, std::time::Duration::from_secs(5)).await;
    shown(&app, &name, &caller, SchemaStyle::Exact).await
}

/// Changes a name that the caller can change. The next request sees the change.
async fn change<T: Send + 'static>(
    app: &App,
    caller: &Caller,
    (name, what): (&str, &'static str),
    change: impl FnOnce(&ringfence_store::Store, &Name, Option<&ringfence_store::Owner>) -> Result<T, StoreError>
    + Send
    + 'static,
) -> Result<T, ServeError> {
    let principal = Arc::clone(caller.expect(Scope::Submit)?);
    // A name and no version of one: what would be done to the whole must not be asked for with a part.
    let _: Name = name.parse()?;
    // What the caller does not see is not there for it, whoever's it is.
    let name =
        app.skills().librarian.catalog().entry(name, &principal).map(|entry| entry.record.name.clone())?;
    principal.account.change()?;
    let changed = name.clone();
    let turn = tokio::time::timeout(PATIENCE, app.skills().library.turn(&principal.owner)).await;
    let turn = turn.map_err(|_| StoreError::Busy { seconds: PATIENCE.as_secs() })?;
    let done =
        app.skills().library.change(turn, move |store| change(store, &name, principal.asks_as())).await?;
    tracing::info!(
        target: "ringfence::changes",
        change = what,
        skill = %changed,
        token = %caller.0.id,
        owner = %caller.0.owner,
        "changed"
    );
    app.skills().librarian.look().await;
    Ok(done)
}

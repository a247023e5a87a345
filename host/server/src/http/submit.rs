//! Submits components with `PUT /v1/skills/{name}`. A received component is compiled even if no caller waits; its
//! status is a resource.

#![expect(unused_qualifications, reason = "the macro that describes handlers writes them")]

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::body::Body;
use axum::extract::{Query, State};
use axum::response::{IntoResponse as _, Response};
use http::header::{CONTENT_TYPE, LOCATION};
use http::{HeaderMap, HeaderValue, StatusCode};
use ringfence_front::problem::Problem;
use ringfence_front::request::RequestError;
use ringfence_store::{Library, Name, Scope, StoreError, Submit};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use super::{Caller, Segments, body, openapi};
use crate::app::App;
use crate::budget::Budget;
use crate::error::ServeError;
use crate::intake;
use crate::librarian::blocking;
use crate::principal::Principal;
use crate::submissions::{Progress, Submission};

/// Options of a submission.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct How {
    /// The version of the component. Default: the next number.
    #[param(pattern = "^[0-9A-Za-z][0-9A-Za-z.+-]{0,62}$")]
    version: Option<String>,
    /// Hold the version: it runs only after an admin releases it. Default: false.
    #[serde(default)]
    #[param(required = false)]
    hold: bool,
    /// Replace the current version even if the change breaks callers. Default: false.
    #[serde(default)]
    #[param(required = false)]
    breaking: bool,
}

/// The status of a submission.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Status {
    id: String,
    /// The submitted name.
    name: String,
    /// `validating`, `compiling`, `keeping`, `done` or `refused`.
    state: &'static str,
    /// The receipt, if `done`. The version is stored, and can be called unless it is held.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    receipt: Option<Arc<Value>>,
    /// The problem, if `refused`. Nothing has changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Problem>)]
    problem: Option<Arc<Problem>>,
}

/// Maximum wait for `Prefer: wait`.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// Submit a component
///
/// The body is the component. The server answers 202 once it has received it; the status then says when the version is
/// stored. With `Prefer: wait=SECONDS` the server waits for that, and answers 201.
#[utoipa::path(
    put,
    path = "/v1/skills/{name}",
    tag = "submissions",
    params(
        ("name" = String, Path, pattern = "^[a-z0-9][a-z0-9-]{0,62}$", description = "The name of the skill"),
        How,
        ("Prefer" = Option<String>, Header, description = "`wait=SECONDS`: wait for the end of the submission, at most 60 s"),
    ),
    request_body(content = inline(openapi::Component), content_type = "application/wasm", description = "The component"),
    responses(
        (status = 201, description = "The version is stored", body = Status),
        (status = 202, description = "The component was received, and is being compiled", body = Status,
            headers(("Location" = String, description = "URL of the submission's status"))),
        (status = "4XX", description = "The submission is refused", body = Problem, content_type = "application/problem+json"),
        (status = "5XX", description = "The server is at capacity, or failed", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn submit(
    State(app): State<App>,
    Segments(name): Segments<String>,
    caller: Caller,
    query: Result<Query<How>, axum::extract::rejection::QueryRejection>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ServeError> {
    let principal = caller.expect(Scope::Submit)?;
    let Query(how) = query.map_err(|error| super::unfit(&error.body_text()))?;
    let mut submit = Submit::new(name.parse()?, principal.owner.clone());
    submit.version = how.version.as_deref().map(str::parse).transpose()?;
    submit.hold = how.hold;
    submit.breaking = how.breaking;
    // Before a byte is taken in: whose the name is.
    let (library, name, asking) = (app.skills().library.clone(), submit.name.clone(), Arc::clone(principal));
    blocking(move || expect_name(&library, &name, &asking)).await?;
    app.skills().submissions.expect_none(&submit.name, &submit.owner)?;
    if let Some(kind) = headers.get(CONTENT_TYPE)
        && ![&b"application/wasm"[..], b"application/octet-stream"].contains(&kind.as_bytes())
    {
        return Err(RequestError::MediaType("application/wasm").into());
    }
    // One principal gets half of them at most, so that slow uploads of one keep nobody else from his.
    let share = app.operator().config.load().admission.uploads.get().div_ceil(2);
    let place = Arc::clone(&app.work().uploads).try_acquire_owned().ok().zip(principal.account.upload(share));
    let Some(place) = place else { return Err(ServeError::UploadsFull) };
    let library = app.skills().library.clone();
    let most = blocking(move || match library.store() {
        Some(store) => Ok(store.policy()?.upload),
        None => Ok(0),
    })
    .await?
    .min(app.skills().library.host().caps().size);
    let timeout = app.operator().config.load().listen.upload_timeout.get();
    // Its memory is bounded by the number of uploads.
    let uploads = Budget::bodies(u64::MAX);
    let (bytes, _) = body::read(&headers, body, most, timeout, uploads.hold(&Arc::default())).await?;
    if bytes.is_empty() {
        return Err(ServeError::bad_request("the body is empty; send the component".to_owned()));
    }
    let submission = intake::submit(&app, principal, bytes, submit, place)?;
    if let Some(wait) = wanted_wait(&headers) {
        submission.ended(wait.min(LONGEST_WAIT)).await;
    }
    Ok(respond(&submission))
}

/// Refuses a submission under a name that the caller cannot use.
///
/// The error is the same for a taken name, a reserved one and one that the caller does not see. So it does not reveal
/// whether the name exists.
fn expect_name(library: &Library, name: &Name, asking: &Principal) -> Result<(), StoreError> {
    let store = library
        .store()
        .ok_or_else(|| StoreError::WithoutStore { reason: "a server needs a store".into() })?;
    let record = store.expect_owner(name, &asking.owner)?;
    let is_own = || Ok::<_, StoreError>(record.is_some() || store.reserved_for(name)?.is_some());
    if asking.may_try(name) || is_own()? {
        return Ok(());
    }
    let (name, owner) = (name.clone(), asking.owner.clone());
    Err(StoreError::NotOwner { name, asking: owner.clone(), owner })
}

/// Show a submission's status
#[utoipa::path(
    get,
    path = "/v1/submissions/{id}",
    tag = "submissions",
    params(("id" = String, Path, description = "The id of the submission")),
    responses(
        (status = 200, description = "The status", body = Status),
        (status = "4XX", description = "The caller made no such submission", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn status(
    State(app): State<App>,
    Segments(id): Segments<String>,
    caller: Caller,
) -> Result<Json<Status>, ServeError> {
    let submission = app.skills().submissions.get(&id);
    let mine =
        |submission: &Arc<Submission>| submission.principal == caller.0.id || caller.0.may(Scope::Admin);
    match submission.filter(mine) {
        Some(submission) => Ok(Json(describe(&submission))),
        None => Err(ServeError::NoSuchSubmission(ringfence::text::clean(&id, 80))),
    }
}

fn respond(submission: &Submission) -> Response {
    let status = describe(submission);
    let progress = submission.progress();
    let code = match &progress {
        Progress::Validating | Progress::Compiling | Progress::Keeping => StatusCode::ACCEPTED,
        Progress::Done(_) => StatusCode::CREATED,
        // Somebody waited for it, so it is told as what it is.
        Progress::Refused(problem) => {
            return ringfence_front::answer::problem(problem, None);
        }
    };
    let mut response = (code, Json(status)).into_response();
    if let Ok(location) = HeaderValue::from_str(&format!("/v1/submissions/{}", submission.id)) {
        response.headers_mut().insert(LOCATION, location);
    }
    response
}

fn describe(submission: &Submission) -> Status {
    let progress = submission.progress();
    let (receipt, problem) = match &progress {
        Progress::Done(receipt) => (Some(Arc::clone(receipt)), None),
        Progress::Refused(problem) => (None, Some(Arc::clone(problem))),
        Progress::Validating | Progress::Compiling | Progress::Keeping => (None, None),
    };
    let (id, name) = (submission.id.clone(), submission.name.to_string());
    Status { id, name, state: progress.name(), receipt, problem }
}

/// Returns the wait in `Prefer: wait=10` (RFC 7240).
fn wanted_wait(headers: &HeaderMap) -> Option<Duration> {
    let values = headers.get_all("prefer").iter().filter_map(|value| value.to_str().ok());
    let mut wishes = values.flat_map(|value| value.split([',', ';']));
    let seconds = wishes.find_map(|wish| wish.trim().strip_prefix("wait=")?.trim().parse().ok())?;
    Some(Duration::from_secs(seconds))
}

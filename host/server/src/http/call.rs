//! Calls tools with `POST /v1/skills/{name}/tools/{tool}`. Every report has status 200. A request refused before a
//! run gets a problem.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderName};
use http::{HeaderMap, HeaderValue};
use ringfence::{Digest, Ran};
use ringfence_front::problem::Problem;
use ringfence_front::{answer, request};
use ringfence_store::Scope;

use super::{Caller, Segments, accepts, alive, body, openapi, stream};
use crate::app::App;
use crate::error::ServeError;
use crate::files::{self, CallWithFiles, Files};
use crate::idempotency::LONGEST;
use crate::run::Admitted;
use crate::seen::{Seen, Surface};

/// Call a tool
///
/// The body is a JSON object with a member for each parameter; with the media type
/// `application/vnd.ringfence.call+json` it can also bring files and return some. The response is the report of the run. Its status is
/// 200 however the run ended; `outcome` says how. With `Accept: text/event-stream` the server streams events while
/// the call runs: `log`, `progress` and `chunk`, and finally `report`. Closing the connection stops the run.
#[utoipa::path(
    post,
    path = "/v1/skills/{name}/tools/{tool}",
    tag = "calls",
    params(
        ("name" = String, Path, description = "The skill: `name` or `name@version`"),
        ("tool" = String, Path, description = "The tool, by its short or full name"),
        ("Ringfence-Limits" = Option<String>, Header,
            description = "Lower limits for this call, for example `fuel=1000000, deadline=200ms, memory=16MiB`"),
        ("Idempotency-Key" = Option<String>, Header, min_length = 1, max_length = 255, pattern = "^[ -~]*$",
            description = "1 to 255 visible ASCII characters. The same call with the same key returns the first report again"),
    ),
    request_body(
        content((serde_json::Value = "application/json"), (CallWithFiles = "application/vnd.ringfence.call+json")),
        description = "The arguments, as an object; or a call with files",
    ),
    responses(
        (status = 200, description = "The report of the run", content(
            (openapi::Report = "application/json"),
            (openapi::StreamEvent = "text/event-stream"),
        )),
        (status = "4XX", description = "No run took place: the request is invalid", body = Problem, content_type = "application/problem+json"),
        (status = "5XX", description = "No run took place: the server is at capacity, or failed", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn call(
    State(app): State<App>,
    Segments((skill, tool)): Segments<(String, String)>,
    caller: Caller,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ServeError> {
    let mut seen = Some(Seen::new(&caller.0, Surface::Api, &skill, &tool));
    // On the heap, since every layer around it moves what it holds.
    let answer = Box::pin(answer_to(&app, (&skill, &tool), &caller, &headers, body, &mut seen)).await;
    if let (Err(error), Some(seen)) = (&answer, &mut seen) {
        seen.refused(error);
    }
    answer
}

/// Answers a call. The run takes `seen` once it exists.
async fn answer_to(
    app: &App,
    (skill, tool): (&str, &str),
    caller: &Caller,
    headers: &HeaderMap,
    body: Body,
    seen: &mut Option<Seen>,
) -> Result<Response, ServeError> {
    let principal = caller.expect(Scope::Call)?;
    app.work().answers.has_room(principal.account.answers())?;
    let ready = app.find(skill, principal).await?;
    if let Some(seen) = seen {
        seen.found(&ready, tool);
    }
    let (most, patience) = {
        let config = app.operator().config.load();
        (config.limits_of(&ready.name, &principal.owner, &principal.id), config.listen.body_timeout.get())
    };
    let limits = request::lowered(&most, headers)?;
    let events = wants_events(headers)?;
    let key = idempotency_key(headers)?;
    if key.is_some() && events {
        return Err(ServeError::bad_request(
            "streams do not support `Idempotency-Key`; remove the header".to_owned(),
        ));
    }
    let with_files = files::are_in(headers);
    if !with_files {
        request::expect_json(headers)?;
    }
    let (bytes, mut held) = body::read(
        headers,
        body,
        limits.input_size,
        patience,
        app.work().bodies.hold(principal.account.bodies()),
    )
    .await?;
    let body = request::arguments(bytes)?;
    let request = key.as_ref().map(|_| request_digest(skill, tool, (&body, with_files), headers));
    let (input, files) =
        if with_files { files::read(&body, limits.output_size)? } else { (body, Files::default()) };
    held.more(files.held())?;
    if let Some(seen) = seen.as_mut().filter(|_| events) {
        seen.streams();
    }
    let admit = async |seen: &mut Option<Seen>| -> Result<Admitted, ServeError> {
        let seen = seen.take().unwrap_or_else(|| Seen::new(principal, Surface::Api, skill, tool));
        let admitted = app.admit(principal, Arc::clone(&ready), tool, (input, held), limits, seen).await?;
        Ok(Admitted { files, ..admitted })
    };
    if events {
        return Ok(stream::respond(admit(seen).await?.listen(app.runner()).await?));
    }
    let (Some(key), Some(request)) = (key, request) else {
        let (admitted, of_run) = (admit(seen).await?, app.clone());
        let report = async move { to_json(&admitted.run(of_run.runner()).await?) };
        return alive::json(app, principal, report).await;
    };
    let run = async || to_json(&admit(&mut *seen).await?.run(app.runner()).await?).map(Bytes::from);
    let (report, kept) = app.skills().reports.once(principal, key, request, run).await?;
    if let Some(seen) = seen.as_mut().filter(|_| kept) {
        seen.replayed();
    }
    let mut response = of_report(report);
    let name = HeaderName::from_static("idempotent-replayed");
    response.headers_mut().insert(name, HeaderValue::from_static(if kept { "true" } else { "false" }));
    Ok(response)
}

fn to_json(ran: &Ran) -> Result<Vec<u8>, ServeError> {
    Ok(answer::report(ran)?)
}

fn of_report(report: Bytes) -> Response {
    let mut response = Response::new(Body::from(report));
    response.headers_mut().insert(CONTENT_TYPE, answer::JSON);
    response
}

/// Returns whether the caller wants events. Fails if it accepts neither events nor a report.
fn wants_events(headers: &HeaderMap) -> Result<bool, ServeError> {
    if accepts(headers, "application/json") {
        return Ok(false);
    }
    if accepts(headers, "text/event-stream") { Ok(true) } else { Err(ServeError::NotAcceptable) }
}

fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, ServeError> {
    let mut keys = headers.get_all("idempotency-key").iter();
    let (key, second) = (keys.next(), keys.next());
    let Some(key) = key else { return Ok(None) };
    let visible = |key: &str| key.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ');
    match key.to_str() {
        Ok(key) if second.is_none() && !key.is_empty() && key.len() <= LONGEST && visible(key) => {
            Ok(Some(key.to_owned()))
        }
        _ => Err(ServeError::bad_request(format!(
            "invalid `Idempotency-Key`; expected one header of 1 to {LONGEST} visible ASCII characters"
        ))),
    }
}

/// Returns the digest that identifies equal requests: of skill, tool, body and its form, and limits.
fn request_digest(skill: &str, tool: &str, (input, with_files): (&str, bool), headers: &HeaderMap) -> Digest {
    let mut bytes = vec![u8::from(with_files)];
    let limits = headers.get_all(request::LIMITS).iter().map(HeaderValue::as_bytes);
    for part in [skill.as_bytes(), tool.as_bytes(), input.as_bytes()].into_iter().chain(limits) {
        bytes.extend_from_slice(&(part.len() as u64).to_le_bytes());
        bytes.extend_from_slice(part);
    }
    Digest::of(&bytes)
}

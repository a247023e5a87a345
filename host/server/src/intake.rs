//! Accepts submissions: a component is validated, compiled and stored, even if no caller waits.

use std::sync::Arc;
use std::time::Duration;

use ringfence_store::Submit;
use serde_json::Value;
use tokio::sync::OwnedSemaphorePermit;

use crate::app::App;
use crate::error::ServeError;
use crate::principal::Principal;
use crate::quota::Places;
use crate::submissions::{Progress, Submission};

/// Maximum time that a stored submission waits for its skill to be in the catalog.
const SETTLE: Duration = Duration::from_secs(5);

/// Accepts a component, and compiles it even if no caller waits.
pub(crate) fn submit(
    app: &App,
    principal: &Arc<Principal>,
    bytes: Vec<u8>,
    submit: Submit,
    place: (OwnedSemaphorePermit, Places),
) -> Result<Arc<Submission>, ServeError> {
    if app.work().gate.is_closed() {
        return Err(ServeError::Stopping);
    }
    principal.account.change()?;
    principal.account.compile()?;
    let id = getrandom::u64().map_err(|error| {
        ServeError::Store(ringfence_store::StoreError::Io {
            action: "getting random bytes from the system".to_owned(),
            source: std::io::Error::other(error),
        })
    })?;
    let submission = app.skills().submissions.begin(
        format!("{id:016x}"),
        (submit.name.clone(), submit.owner.clone()),
        &principal.id,
    );
    let submission = submission.ok_or_else(|| ServeError::UnderWay(submit.name.clone()))?;
    let (of_app, of_task, by) = (app.clone(), Arc::clone(&submission), Arc::clone(&principal.id));
    app.work().tasks.spawn(async move {
        // Until it has ended: its bytes are in memory.
        let (_place, app) = (place, of_app);
        let (submission, by) = (of_task, by);
        let (name, owner) = (submit.name.clone(), submit.owner.clone());
        let taken = tokio::select! {
            taken = app.skills().library.submit(bytes, submit, |stage| submission.on(&stage)) => {
                taken.map_err(ServeError::from)
            }
            () = app.work().stop_runs.cancelled() => Err(ServeError::Stopping),
        };
        // Whoever hears that it is done can call it.
        if taken.is_ok() {
            app.skills().librarian.look().await;
            app.skills().librarian.settle(&name, SETTLE).await;
        }
        match taken {
            Ok(taken) => {
                app.operator().metrics.submitted("taken");
                if taken.code.is_some() {
                    app.operator().metrics.compiles.inc();
                }
                tracing::info!(
                    target: "ringfence::changes",
                    change = if taken.receipt.held { "submitted, held" } else { "submitted" },
                    skill = %taken.receipt.name,
                    version = %taken.receipt.version,
                    digest = %taken.receipt.digest,
                    held = taken.receipt.held,
                    token = %by,
                    owner = %taken.receipt.owner,
                    "submitted"
                );
                submission.set(Progress::Done(Arc::new(receipt(&taken))));
            }
            Err(error) => {
                app.operator().metrics.submitted("refused");
                tracing::info!(
                    target: "ringfence::changes",
                    change = "submission refused",
                    skill = %name,
                    code = error.code(),
                    token = %by,
                    owner = %owner,
                    "submission refused"
                );
                error.log();
                submission.set(Progress::Refused(Arc::new(error.problem())));
            }
        }
    });
    Ok(submission)
}

/// Returns the receipt of a stored submission.
fn receipt(taken: &ringfence_store::Submitted) -> Value {
    let mut receipt = serde_json::to_value(&taken.receipt).unwrap_or_default();
    if let Value::Object(members) = &mut receipt {
        let warnings = taken.warnings.iter().map(ToString::to_string).collect::<Vec<_>>();
        let tools = taken.description.tools().map(|tool| tool.name().to_owned()).collect::<Vec<_>>();
        members.insert("size".into(), taken.description.size().into());
        members.insert("tools".into(), tools.into());
        members.insert("warnings".into(), warnings.into());
    }
    receipt
}

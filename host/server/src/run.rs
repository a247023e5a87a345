//! An admitted call: its run, its chunks, and its metrics, however it ends.

use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use ringfence::{CancellationToken, Denial, Event, Limits, Principal, Ran, Report, RunError, Running};
use ringfence_store::{Library, Name};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::budget::Held;
use crate::catalog::Ready;
use crate::error::ServeError;
use crate::files::Files;
use crate::gate::Pass;
use crate::grants::Granting;
use crate::metrics::{Metrics, OfSkill};
use crate::seen::Seen;

/// An admitted call.
#[derive(Debug)]
pub(crate) struct Admitted {
    pub(crate) ready: Arc<Ready>,
    pub(crate) tool: String,
    pub(crate) input: String,
    pub(crate) limits: Limits,
    /// The principal whose share of the processor it uses.
    pub(crate) share: Principal,
    /// Maximum time to wait for memory that other runs use.
    pub(crate) patience: Duration,
    pub(crate) pass: Pass,
    /// Charge for the memory of the input, released with the call.
    pub(crate) held: Held,
    /// The record of the call's end.
    pub(crate) seen: Seen,
    /// Cancels the run when the server stops or the caller cancels.
    pub(crate) cancel: CancellationToken,
    /// Files that the call brings and asks for.
    pub(crate) files: Files,
}

/// What begins and counts runs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Runner<'a> {
    pub(crate) library: &'a Library,
    pub(crate) metrics: &'a Arc<Metrics>,
    pub(crate) granting: &'a Granting,
}

/// Counts a run when it ends, or as cancelled when it is dropped before.
#[derive(Debug)]
struct Counted {
    skill: Arc<OfSkill>,
    /// Its name, for the log.
    skill_name: Name,
    seen: Seen,
    pass: Pass,
    metrics: Arc<Metrics>,
    counted: bool,
}

impl Counted {
    fn new(mut pass: Pass, seen: Seen, ready: &Ready, metrics: &Arc<Metrics>) -> Self {
        pass.begin();
        Self {
            skill: Arc::clone(&ready.metrics),
            skill_name: ready.name.clone(),
            seen,
            pass,
            metrics: Arc::clone(metrics),
            counted: false,
        }
    }

    /// Counts and logs the end, and takes out of the report what its caller may not see.
    fn ended(&mut self, ended: Result<&mut Report, &mut RunError>) {
        self.counted = true;
        match ended {
            Ok(report) => {
                self.pass.burnt(report.usage.fuel);
                self.metrics.ran(report, &self.skill);
                self.seen.ended(report);
                log(report);
                log_denied(report, &self.skill_name);
                report.denied.iter_mut().for_each(Denial::hide_reason);
            }
            // No run, so nothing was burnt.
            Err(error) => {
                self.pass.burnt(0);
                self.seen.refused_with(error.code());
            }
        }
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        if !self.counted {
            self.metrics.left(&self.skill);
        }
    }
}

impl Admitted {
    /// Runs to the end. Dropping the future stops the run, and its place becomes free once it has stopped.
    pub(crate) async fn run(self, by: Runner<'_>) -> Result<Ran, ServeError> {
        let call = by.library.begin(&self.ready.skill, &self.tool, &self.cancel);
        let mut pass = self.pass;
        let granted = by.granting.granted(&self.ready, self.share.name());
        let call = self
            .files
            .add(call)
            .limits(&self.limits)
            .principal(&self.share)
            .wait(self.patience)
            .grant(granted)
            .keep((pass.take_place(), self.held));
        let mut counted = Counted::new(pass, self.seen, &self.ready, by.metrics);
        let mut ran = call.json_and_chunks(self.input).await;
        counted.ended(ran.as_mut().map(|ran| &mut ran.report));
        Ok(ran?)
    }

    /// Begins the run for a caller that receives events, and fails if the run is refused.
    ///
    /// The run then continues by itself, so its limits hold however slowly the caller reads. The limits on log and
    /// output bound the waiting events. Dropping the receiver stops the run.
    pub(crate) async fn listen(self, by: Runner<'_>) -> Result<UnboundedReceiver<Next>, ServeError> {
        let call = by.library.begin(&self.ready.skill, &self.tool, &self.cancel);
        let mut pass = self.pass;
        let granted = by.granting.granted(&self.ready, self.share.name());
        let call = self
            .files
            .add(call)
            .limits(&self.limits)
            .principal(&self.share)
            .wait(self.patience)
            .grant(granted)
            .keep((pass.take_place(), self.held));
        let counted = Counted::new(pass, self.seen, &self.ready, by.metrics);
        let mut run = Listened { running: Some(call.start(self.input)), counted };
        let (sender, events) = unbounded_channel();
        // The first poll checks the input and admits the run: an error is there at once, or there is none.
        match poll_once(run.next()).await {
            Some(Some(Next::End(ended))) => {
                let report = (*ended)?;
                let _ = sender.send(Next::End(Box::new(Ok(report))));
                return Ok(events);
            }
            Some(Some(next @ Next::Event(_))) => drop(sender.send(next)),
            Some(None) | None => {}
        }
        tokio::spawn(go_on(run, sender));
        Ok(events)
    }
}

/// Runs to the end, or until the receiver of its events is dropped.
async fn go_on(mut run: Listened, events: UnboundedSender<Next>) {
    loop {
        let next = tokio::select! {
            biased;
            () = events.closed() => return,
            next = run.next() => next,
        };
        let Some(next) = next else { return };
        let ended = matches!(next, Next::End(_));
        if events.send(next).is_err() || ended {
            return;
        }
    }
}

/// Polls a future once, and returns its output if it is ready. For futures that lose nothing when dropped.
pub(crate) async fn poll_once<F: Future>(future: F) -> Option<F::Output> {
    let mut future = std::pin::pin!(future);
    std::future::poll_fn(|context| {
        Poll::Ready(match future.as_mut().poll(context) {
            Poll::Ready(output) => Some(output),
            Poll::Pending => None,
        })
    })
    .await
}

/// A run whose events a caller receives. Dropping it stops the run.
#[derive(Debug)]
struct Listened {
    running: Option<Running>,
    counted: Counted,
}

/// The next event of a run, or its end.
#[derive(Debug)]
pub(crate) enum Next {
    Event(Event),
    End(Box<Result<Report, ServeError>>),
}

impl Listened {
    /// Returns the next event or the end; none after the end.
    async fn next(&mut self) -> Option<Next> {
        let running = self.running.as_mut()?;
        if let Some(event) = running.next_event().await {
            return Some(Next::Event(event));
        }
        let mut report = self.running.take()?.report().await;
        self.counted.ended(report.as_mut());
        Some(Next::End(Box::new(report.map_err(ServeError::from))))
    }
}

/// Logs the guest's output. Guest text goes into fields, never into the message of a record.
fn log(report: &Report) {
    if tracing::enabled!(target: "ringfence::guest", tracing::Level::DEBUG) {
        for line in &report.log {
            tracing::debug!(
                target: "ringfence::guest",
                run = %report.run,
                level = %line.level,
                text = line.message.as_str(),
                "guest"
            );
        }
    }
}

/// Maximum number of denials of a run in the log.
const DENIED: usize = 8;

/// Logs what a run was denied, with the reasons that only the operator sees.
fn log_denied(report: &Report, skill: &Name) {
    for denial in report.denied.iter().take(DENIED) {
        tracing::warn!(
            target: "ringfence::denied",
            run = %report.run,
            skill = %skill,
            capability = denial.capability.name(),
            wanted = denial.wanted.as_str(),
            kind = denial.kind.name(),
            reason = denial.reason.as_str(),
            "denied"
        );
    }
}

//! One call behind the gate: the run, its chunks, and what is counted of it, however it ends.

use std::sync::Arc;

use ringfence::{CancellationToken, Event, Limits, Report, RunError, Running};
use serde::Serialize;

use crate::app::App;
use crate::budget::Held;
use crate::catalog::Ready;
use crate::error::ServeError;
use crate::gate::Pass;
use crate::metrics::Metrics;

/// A call that was let in.
#[derive(Debug)]
pub(crate) struct Admitted {
    pub(crate) ready: Arc<Ready>,
    pub(crate) tool: String,
    pub(crate) input: String,
    pub(crate) limits: Limits,
    pub(crate) pass: Pass,
    /// Memory for the input, given back with the call.
    pub(crate) held: Held,
    /// Stops the run when the server stops or the caller says so.
    pub(crate) cancel: CancellationToken,
}

/// A report and the chunks that were emitted before it.
#[derive(Debug, Serialize)]
pub(crate) struct Answer {
    #[serde(flatten)]
    pub(crate) report: Report,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) chunks: Vec<String>,
}

/// Counts a run when it ends; one that is dropped before counts as cancelled.
#[derive(Debug)]
struct Counted {
    pass: Pass,
    metrics: Arc<Metrics>,
    counted: bool,
}

impl Counted {
    fn new(mut pass: Pass, metrics: &Arc<Metrics>) -> Self {
        pass.begin();
        Self { pass, metrics: Arc::clone(metrics), counted: false }
    }

    fn ended(&mut self, ended: &Result<Report, RunError>) {
        self.counted = true;
        match ended {
            Ok(report) => {
                self.pass.burnt(report.usage.fuel);
                self.metrics.ran(report);
                log(report);
            }
            // No run, so nothing was burnt.
            Err(_) => self.pass.burnt(0),
        }
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        if !self.counted {
            self.metrics.left();
        }
    }
}

impl Admitted {
    /// Runs to the end. Dropping the future stops the run.
    pub(crate) async fn run(self, app: &App) -> Result<Answer, ServeError> {
        let _held = self.held;
        let mut counted = Counted::new(self.pass, &app.metrics);
        let call =
            app.library.host().call(&self.ready.skill, &self.tool).limits(&self.limits).cancel(self.cancel);
        // In a box: the future is large, and is moved through every layer that it is part of.
        let (report, chunks) = if self.ready.emits {
            let running = call.start(self.input);
            app.background.run(Box::pin(with_chunks(running))).await.map_err(lost)?
        } else {
            (app.background.run(Box::pin(call.json(self.input))).await.map_err(lost)?, Vec::new())
        };
        counted.ended(&report);
        Ok(Answer { report: report?, chunks })
    }

    /// Begins the run, for somebody who listens. Nothing goes on before it is polled.
    pub(crate) fn start(self, app: &App) -> Listened {
        let call =
            app.library.host().call(&self.ready.skill, &self.tool).limits(&self.limits).cancel(self.cancel);
        let counted = Counted::new(self.pass, &app.metrics);
        Listened { running: Some(call.start(self.input)), counted, _held: self.held }
    }
}

async fn with_chunks(mut running: Running) -> (Result<Report, RunError>, Vec<String>) {
    let mut chunks = Vec::new();
    while let Some(event) = running.next_event().await {
        if let Event::Chunk(chunk) = event {
            chunks.push(chunk);
        }
    }
    (running.report().await, chunks)
}

/// A run whose thread is gone, which no guest can bring about.
fn lost(error: tokio::task::JoinError) -> ServeError {
    ServeError::Run(RunError::Host(format!("the run was lost: {error}")))
}

/// A run that is listened to. Dropping it stops the run.
#[derive(Debug)]
pub(crate) struct Listened {
    running: Option<Running>,
    counted: Counted,
    _held: Held,
}

/// What comes next of it.
#[derive(Debug)]
pub(crate) enum Next {
    Event(Event),
    End(Result<Report, ServeError>),
}

impl Listened {
    /// The next event, or the end; none after that.
    pub(crate) async fn next(&mut self) -> Option<Next> {
        let running = self.running.as_mut()?;
        if let Some(event) = running.next_event().await {
            return Some(Next::Event(event));
        }
        let report = self.running.take()?.report().await;
        self.counted.ended(&report);
        Some(Next::End(report.map_err(ServeError::Run)))
    }
}

/// What a run said goes into fields, never into the words of a record.
fn log(report: &Report) {
    tracing::debug!(
        target: "ringfence::runs",
        run = %report.run,
        skill = %report.skill,
        tool = %report.tool,
        outcome = report.outcome.name(),
        fuel = report.usage.fuel,
        wall_us = u64::try_from(report.usage.wall.as_micros()).unwrap_or(u64::MAX),
        "run"
    );
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

//! Calls of a worker: the library, the programs and C all call skills this way.

use std::sync::Arc;

use ringfence::{CancellationToken, Digest, Host, Input, Limits, LowerError, Ran, Report, RunError, Skill};

use crate::identity::Identity;

/// A call of a tool under the limits of its skill, which is cancelled when its bundle or skill is revoked.
///
/// [`crate::Serving::call`] makes one for a skill of a bundle. Nothing runs before you call [`Call::json`] or a method
/// after it.
#[must_use = "a call does nothing until it is run"]
#[derive(Debug)]
pub struct Call {
    call: ringfence::Call,
    limits: Arc<Limits>,
    cancel: CancellationToken,
    /// Keeps the bundle in the worker's list during the run, so that a change of trust finds it after a replacement
    /// too.
    of: Option<Arc<Identity>>,
}

impl Call {
    /// Creates a call of a skill outside of bundles. `revoked` cancels it.
    pub fn new(
        host: &Host,
        skill: &Skill,
        tool: &str,
        limits: &Arc<Limits>,
        revoked: &CancellationToken,
    ) -> Self {
        let cancel = revoked.child_token();
        let call = host.call(skill, tool).cancel(cancel.clone());
        Self { call, limits: Arc::clone(limits), cancel, of: None }
    }

    /// Keeps `of` during the run, which does not begin if the bundle's skill is revoked by then.
    pub(crate) fn of(mut self, of: &Arc<Identity>, skill: Digest) -> Self {
        let bundle = Arc::clone(of);
        self.call = self.call.check(move || bundle.expect_allowed(skill));
        self.of = Some(Arc::clone(of));
        self
    }

    /// Returns the limits of the call.
    pub fn limits(&self) -> &Arc<Limits> {
        &self.limits
    }

    /// Sets other limits. Lower limits from a caller first, with [`Limits::lowered`].
    pub fn with_limits(mut self, limits: Limits) -> Self {
        self.limits = Arc::new(limits);
        self
    }

    /// Lowers the limits by a caller's text, such as `fuel=1000000, memory=16MiB`.
    ///
    /// # Errors
    ///
    /// Fails with a [`LowerError`] for an invalid limit, or one that raises a limit.
    pub fn lowered(self, text: &str) -> Result<Self, LowerError> {
        let limits = self.limits.lowered(text)?;
        Ok(self.with_limits(limits))
    }

    /// Sets a token that cancels the run. The worker also cancels it when the bundle is no longer trusted.
    pub fn cancellation(&self) -> &CancellationToken {
        &self.cancel
    }

    /// Runs the tool with JSON input and output, without emitted chunks.
    ///
    /// # Errors
    ///
    /// Fails with a [`RunError`] if no run took place.
    pub async fn json(self, input: impl Into<Input>) -> Result<Report, RunError> {
        let _of = self.of;
        self.call.limits(&self.limits).json(input).await
    }

    /// Runs the tool as [`Call::json`] does, and returns emitted chunks too.
    ///
    /// # Errors
    ///
    /// As [`Call::json`].
    pub async fn json_and_chunks(self, input: impl Into<Input>) -> Result<Ran, RunError> {
        let _of = self.of;
        self.call.limits(&self.limits).json_and_chunks(input).await
    }

    /// Runs the tool for a caller without a tokio runtime. Blocks this thread until the run ends.
    ///
    /// # Errors
    ///
    /// As [`Call::json`].
    pub fn json_and_chunks_blocking(self, input: impl Into<Input>) -> Result<Ran, RunError> {
        let _of = self.of;
        self.call.limits(&self.limits).json_and_chunks_blocking(input)
    }
}

//! A call on the worker's side of the sandbox: one path for the library, the programs and C.

use std::sync::Arc;

use ringfence::{CancellationToken, Host, Input, Limits, LowerError, Ran, Report, RunError, Skill};

use crate::worker::Identity;

/// A call of a tool: under the limits of its skill, and cancelled when what it is of is revoked.
///
/// [`crate::Serving::call`] makes one for a skill of a bundle. Nothing runs before one of its last methods is called.
#[must_use = "a call does nothing until it is run"]
#[derive(Debug)]
pub struct Call {
    call: ringfence::Call,
    limits: Arc<Limits>,
    cancel: CancellationToken,
    /// For as long as it runs, its bundle is found by a change of trust, also when another bundle serves by then.
    of: Option<Arc<Identity>>,
}

impl Call {
    /// A call of a skill that is in no bundle. `revoked` cancels it.
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

    /// For as long as it runs, `of` is not forgotten.
    pub(crate) fn of(mut self, of: &Arc<Identity>) -> Self {
        self.of = Some(Arc::clone(of));
        self
    }

    /// The limits that it runs under.
    pub fn limits(&self) -> &Arc<Limits> {
        &self.limits
    }

    /// Runs it under other limits. Whoever takes them from a caller lowers them first: [`Limits::lowered`].
    pub fn with_limits(mut self, limits: Limits) -> Self {
        self.limits = Arc::new(limits);
        self
    }

    /// Lowers its limits as a caller says, such as `fuel=1000000, memory=16MiB`.
    ///
    /// # Errors
    ///
    /// [`LowerError`]: what is no limit, or would raise one.
    pub fn lowered(self, text: &str) -> Result<Self, LowerError> {
        let limits = self.limits.lowered(text)?;
        Ok(self.with_limits(limits))
    }

    /// Ends the run when it is cancelled. It is cancelled by itself when the bundle is not trusted any more.
    pub fn cancellation(&self) -> &CancellationToken {
        &self.cancel
    }

    /// Runs it with JSON in and out. Chunks that the guest emits are left out.
    ///
    /// # Errors
    ///
    /// [`RunError`]: no run took place.
    pub async fn json(self, input: impl Into<Input>) -> Result<Report, RunError> {
        let _of = self.of;
        self.call.limits(&self.limits).json(input).await
    }

    /// The same with the chunks.
    ///
    /// # Errors
    ///
    /// As [`Call::json`].
    pub async fn json_and_chunks(self, input: impl Into<Input>) -> Result<Ran, RunError> {
        let _of = self.of;
        self.call.limits(&self.limits).json_and_chunks(input).await
    }

    /// The same for a caller without a tokio runtime: blocks this thread until the run is over.
    ///
    /// # Errors
    ///
    /// As [`Call::json`].
    pub fn json_and_chunks_blocking(self, input: impl Into<Input>) -> Result<Ran, RunError> {
        let _of = self.of;
        self.call.limits(&self.limits).json_and_chunks_blocking(input)
    }
}

//! Host interfaces of the embedder: typed functions, counted and capped like all others.

use std::any::Any;
use std::future::Future;
use std::sync::Arc;
use std::time::Instant;

use wasmtime::component::{ComponentNamedList, Lift, Lower};

use super::{Interface, Transfer};
use crate::digest::Digest;
use crate::error::{HostError, RunError};
use crate::report::RunId;
use crate::state::{GuestState, Stop};

/// The error of a function of a host interface.
///
/// The guest does not see it: the call of the skill fails with [`RunError::HostFunction`]. Put errors that a guest should see
/// into the function's own WIT `result`.
pub type HostCallError = Box<dyn std::error::Error + Send + Sync>;

/// Defines the functions of a host interface. See [`crate::HostBuilder::provide`].
pub struct HostInterface<'a> {
    interface: Interface<'a>,
    error: Option<HostError>,
}

impl std::fmt::Debug for HostInterface<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HostInterface").field("interface", &self.interface.name).finish_non_exhaustive()
    }
}

/// The run that calls a function of a host interface, or uses a capability.
#[derive(Clone)]
pub struct HostCall {
    run: RunId,
    skill: Digest,
    deadline: Instant,
    context: Option<Arc<dyn Any + Send + Sync>>,
}

impl std::fmt::Debug for HostCall {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HostCall").field("run", &self.run).finish_non_exhaustive()
    }
}

impl HostCall {
    pub(super) fn of(state: &GuestState) -> Self {
        Self { run: state.run, skill: state.skill, deadline: state.deadline, context: state.context.clone() }
    }

    /// Returns the id of the run.
    pub fn run(&self) -> RunId {
        self.run
    }

    /// Returns the skill of the run.
    pub fn skill(&self) -> Digest {
        self.skill
    }

    /// Returns when the run's time ends. The host then drops the future of the call.
    pub fn deadline(&self) -> Instant {
        self.deadline
    }

    /// Returns the value of [`crate::Call::context`], if it is a `T`: a tenant, a session, a grant.
    pub fn context<T: 'static>(&self) -> Option<&T> {
        self.context.as_deref()?.downcast_ref()
    }
}

impl<'a> HostInterface<'a> {
    pub(crate) fn new(interface: Interface<'a>) -> Self {
        Self { interface, error: None }
    }

    pub(crate) fn finish(self) -> Result<(), HostError> {
        self.error.map_or(Ok(()), Err)
    }

    /// Adds a function that returns at once.
    ///
    /// Parameters and results are tuples of Rust types. Their WIT types must be those of the skill's import; the host
    /// refuses a skill with other types at load.
    ///
    /// The function runs on the run's thread, so it must not block. Its arguments are bounded as in all host calls
    /// (see [`crate::Limits::output_size`]); the guest's memory bounds its result.
    pub fn func<P, R>(
        &mut self,
        name: &str,
        f: impl Fn(&HostCall, P) -> Result<R, HostCallError> + Send + Sync + 'static,
    ) -> &mut Self
    where
        P: ComponentNamedList + Lift + Transfer + 'static,
        R: ComponentNamedList + Lower + Transfer + Send + 'static,
    {
        let function = format!("{}#{name}", self.interface.name);
        let linked = self.interface.func(name, move |mut store, params| {
            let call = HostCall::of(store.data());
            f(&call, params).map_err(|error| failed(store.data_mut(), &function, error))
        });
        if let Err(error) = linked {
            self.error.get_or_insert(error);
        }
        self
    }

    /// Adds a function that can wait. The deadline covers the wait, and ends it with the run.
    pub fn func_async<P, R, F>(
        &mut self,
        name: &str,
        f: impl Fn(HostCall, P) -> F + Send + Sync + 'static,
    ) -> &mut Self
    where
        P: ComponentNamedList + Lift + Transfer + 'static,
        R: ComponentNamedList + Lower + Transfer + Send + 'static,
        F: Future<Output = Result<R, HostCallError>> + Send + 'static,
    {
        let function: Arc<str> = format!("{}#{name}", self.interface.name).into();
        let linked = self.interface.func_async(
            name,
            move |state, params| f(HostCall::of(state), params),
            move |state, answer| answer.map_err(|error| failed(state, &function, error)),
        );
        if let Err(error) = linked {
            self.error.get_or_insert(error);
        }
        self
    }
}

fn failed(state: &mut GuestState, function: &str, source: HostCallError) -> wasmtime::Error {
    state.stop(Stop::Fault(RunError::HostFunction { function: function.to_owned(), source }))
}

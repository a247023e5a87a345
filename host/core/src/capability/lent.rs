//! Host interfaces of the embedder: typed functions, counted and capped like all others.

use std::any::Any;
use std::future::Future;
use std::sync::Arc;

use wasmtime::component::{ComponentNamedList, Lift, Lower};

use super::{Interface, Transfer};
use crate::error::{HostError, RunError};
use crate::report::RunId;
use crate::state::{GuestState, Stop};

/// The error of a function of a host interface.
///
/// The guest does not see it: the call of the skill fails with [`RunError::Lent`]. Put errors that a guest should see
/// into the function's own WIT `result`.
pub type LendError = Box<dyn std::error::Error + Send + Sync>;

/// Defines the functions of a host interface. See [`crate::HostBuilder::lend`].
pub struct Lend<'a> {
    interface: Interface<'a>,
    error: Option<HostError>,
}

impl std::fmt::Debug for Lend<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lend").field("interface", &self.interface.name).finish_non_exhaustive()
    }
}

/// The run that calls a function of a host interface.
#[derive(Clone)]
pub struct LentCall {
    run: RunId,
    context: Option<Arc<dyn Any + Send + Sync>>,
}

impl std::fmt::Debug for LentCall {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LentCall").field("run", &self.run).finish_non_exhaustive()
    }
}

impl LentCall {
    fn of(state: &GuestState) -> Self {
        Self { run: state.run, context: state.context.clone() }
    }

    /// Returns the id of the run.
    pub fn run(&self) -> RunId {
        self.run
    }

    /// Returns the value of [`crate::Call::context`], if it is a `T`: a tenant, a session, a grant.
    pub fn context<T: 'static>(&self) -> Option<&T> {
        self.context.as_deref()?.downcast_ref()
    }
}

impl<'a> Lend<'a> {
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
    /// (see [`crate::Limits::output`]); the guest's memory bounds its result.
    pub fn func<P, R>(
        &mut self,
        name: &str,
        f: impl Fn(&LentCall, P) -> Result<R, LendError> + Send + Sync + 'static,
    ) -> &mut Self
    where
        P: ComponentNamedList + Lift + Transfer + 'static,
        R: ComponentNamedList + Lower + Transfer + Send + 'static,
    {
        let function = format!("{}#{name}", self.interface.name);
        let linked = self.interface.func(name, move |mut store, params| {
            let call = LentCall::of(store.data());
            f(&call, params).map_err(|error| failed(store.data_mut(), &function, &error))
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
        f: impl Fn(LentCall, P) -> F + Send + Sync + 'static,
    ) -> &mut Self
    where
        P: ComponentNamedList + Lift + Transfer + 'static,
        R: ComponentNamedList + Lower + Transfer + Send + 'static,
        F: Future<Output = Result<R, LendError>> + Send + 'static,
    {
        let function: Arc<str> = format!("{}#{name}", self.interface.name).into();
        let linked = self.interface.func_async(
            name,
            move |state, params| f(LentCall::of(state), params),
            move |state, answer| answer.map_err(|error| failed(state, &function, &error)),
        );
        if let Err(error) = linked {
            self.error.get_or_insert(error);
        }
        self
    }
}

fn failed(state: &mut GuestState, function: &str, error: &LendError) -> wasmtime::Error {
    state.stop(Stop::Fault(RunError::Lent { function: function.to_owned(), message: error.to_string() }))
}

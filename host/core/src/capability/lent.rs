//! The embedder's own interfaces: typed host functions, counted and capped like the rest.

use std::any::Any;
use std::future::Future;
use std::sync::Arc;

use wasmtime::component::{ComponentNamedList, Lift, Lower};

use super::{Interface, Transfer};
use crate::error::{HostError, RunError};
use crate::report::RunId;
use crate::state::{GuestState, Stop};

/// What a lent function fails with. The guest never sees it: the call of the skill ends with
/// [`RunError::Lent`]. Errors that a guest should see belong into the function's own WIT `result`.
pub type LendError = Box<dyn std::error::Error + Send + Sync>;

/// An interface that is being lent. See [`crate::HostBuilder::lend`].
pub struct Lend<'a> {
    interface: Interface<'a>,
    error: Option<HostError>,
}

impl std::fmt::Debug for Lend<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lend").field("interface", &self.interface.name).finish_non_exhaustive()
    }
}

/// Which run calls a lent function.
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

    /// The run.
    pub fn run(&self) -> RunId {
        self.run
    }

    /// What the caller gave to [`crate::Call::context`], if it is a `T`: a tenant, a session, a grant.
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

    /// Lends a function that answers at once. Parameters and results are tuples of Rust types whose
    /// WIT types must be those of the skill's import; a skill that imports it with others is refused
    /// at load.
    ///
    /// It runs on the thread of the run: it must not block. Its arguments are bounded like all
    /// calls to the host (see [`crate::Limits::output`]); what it answers is bounded by the guest's
    /// memory.
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

    /// Lends a function that may wait. The wait is under the run's deadline, and is dropped with it.
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

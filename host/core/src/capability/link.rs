//! The linker and the list of its interfaces, made together. Every function counts and charges itself.
//!
//! A call counts, costs [`HOST_CALL_FUEL`] and a unit for each byte that it moves, and yields if the run has burnt a
//! slice's worth since its last yield. A guest that only calls the host thus returns to its scheduler like any other.

use std::future::Future;
use std::task::Poll;

use wasmtime::component::types::ComponentFunc;
use wasmtime::component::{
    ComponentNamedList, Lift, Linker, LinkerInstance, Lower, Resource, ResourceType, Val,
};
use wasmtime::{AsContextMut as _, Engine, StoreContextMut};

use super::meter::{self, Turn};
use super::stub::{Stub, give_back};
use super::transfer::Transfer;
use crate::description::Access;
use crate::error::HostError;
use crate::state::{GuestState, Stop};
use crate::validate::Offer;

/// A linker and the names in it.
pub(crate) struct Registry {
    linker: Linker<GuestState>,
    offer: Offer,
}

impl Registry {
    pub(crate) fn new(engine: &Engine) -> Self {
        Self { linker: Linker::new(engine), offer: Offer::default() }
    }

    /// Adds an interface that works. Fails if it exists already, under any compatible version.
    pub(crate) fn interface(&mut self, name: &str) -> Result<Interface<'_>, HostError> {
        self.interface_as(name, Access::Always)
    }

    /// Adds an interface, with the access that skills get.
    pub(crate) fn interface_as(&mut self, name: &str, access: Access) -> Result<Interface<'_>, HostError> {
        if !self.offer.add_interface(name, access) {
            let reason = "the name is taken".into();
            return Err(HostError::Interface { name: name.to_owned(), reason, source: None });
        }
        let linker = self.linker.instance(name).map_err(|error| refused(name, error))?;
        Ok(Interface { name: name.to_owned(), linker, offer: &mut self.offer })
    }

    /// Adds an interface of a capability. Without the feature `grants` every function is a stub, as `without` says.
    pub(crate) fn granted(
        &mut self,
        name: &str,
        access: Access,
        without: Stub,
    ) -> Result<GrantedInterface<'_>, HostError> {
        #[cfg(feature = "grants")]
        {
            // What a run is granted decides.
            let _ = without;
            self.interface_as(name, access)
        }
        #[cfg(not(feature = "grants"))]
        {
            let access = if access == Access::ByGrant { Access::Denied } else { access };
            Ok(GrantedInterface { interface: self.interface_as(name, access)?, stub: without })
        }
    }

    pub(crate) fn finish(self) -> (Linker<GuestState>, Offer) {
        (self.linker, self.offer)
    }
}

/// An interface under construction.
pub(crate) struct Interface<'a> {
    pub(crate) name: String,
    linker: LinkerInstance<'a, GuestState>,
    offer: &'a mut Offer,
}

impl Interface<'_> {
    /// Adds a function that returns at once. It charges what it reads in place with [`meter::moved`].
    pub(crate) fn func<P, R>(
        &mut self,
        name: &str,
        f: impl Fn(StoreContextMut<'_, GuestState>, P) -> wasmtime::Result<R> + Send + Sync + 'static,
    ) -> Result<&mut Self, HostError>
    where
        P: ComponentNamedList + Lift + Transfer + 'static,
        R: ComponentNamedList + Lower + Transfer + Send + 'static,
    {
        let linked = self.linker.func_wrap_async(name, move |mut store, params: P| {
            let answer = begin(&mut store, &params).and_then(|()| {
                let answer = f(store.as_context_mut(), params)?;
                meter::moved(&mut store, answer.transfer_bytes())?;
                Ok(answer)
            });
            let turn = meter::turn(&mut store);
            Box::new(async move {
                pause(turn).await;
                answer
            })
        });
        self.linked(name, linked)
    }

    /// Adds a function that can wait. `f` starts the wait, which does not borrow the store.
    pub(crate) fn func_async<P, R, F>(
        &mut self,
        name: &str,
        f: impl Fn(&mut GuestState, P) -> F + Send + Sync + 'static,
        done: impl Fn(&mut GuestState, F::Output) -> wasmtime::Result<R> + Send + Sync + Clone + 'static,
    ) -> Result<&mut Self, HostError>
    where
        P: ComponentNamedList + Lift + Transfer + 'static,
        R: ComponentNamedList + Lower + Transfer + Send + 'static,
        F: Future<Output: Send> + Send + 'static,
    {
        self.func_wait(
            name,
            move |mut store, params| Ok(f(store.data_mut(), params)),
            move |mut store, answer| done(store.data_mut(), answer),
        )
    }

    /// Adds a function that can wait, and that reads the guest's memory before or after the wait. It charges what it
    /// reads in place with [`meter::moved`].
    pub(crate) fn func_wait<P, R, F>(
        &mut self,
        name: &str,
        f: impl Fn(StoreContextMut<'_, GuestState>, P) -> wasmtime::Result<F> + Send + Sync + 'static,
        done: impl Fn(StoreContextMut<'_, GuestState>, F::Output) -> wasmtime::Result<R>
        + Send
        + Sync
        + Clone
        + 'static,
    ) -> Result<&mut Self, HostError>
    where
        P: ComponentNamedList + Lift + Transfer + 'static,
        R: ComponentNamedList + Lower + Transfer + Send + 'static,
        F: Future<Output: Send> + Send + 'static,
    {
        let linked = self.linker.func_wrap_async(name, move |mut store, params: P| {
            let started = begin(&mut store, &params).and_then(|()| f(store.as_context_mut(), params));
            let done = done.clone();
            Box::new(async move {
                let answer = started?.await;
                let answer = done(store.as_context_mut(), answer)?;
                meter::moved(&mut store, answer.transfer_bytes())?;
                pause(meter::turn(&mut store)).await;
                Ok(answer)
            })
        });
        self.linked(name, linked)
    }

    /// Adds functions without anything behind them. Each returns the error of its own signature, or traps if that has
    /// none.
    pub(crate) fn refuse(&mut self, names: &[&str]) -> Result<&mut Self, HostError> {
        self.stubs(names, Stub::Refuse)
    }

    /// Adds functions over empty resources, for preparing what another function then refuses. They do nothing and
    /// return as little as their types allow.
    pub(crate) fn hollow(&mut self, names: &[&str]) -> Result<&mut Self, HostError> {
        self.stubs(names, Stub::Hollow)
    }

    fn stubs(&mut self, names: &[&str], stub: Stub) -> Result<&mut Self, HostError> {
        for name in names {
            let function = format!("{}#{name}", self.name);
            let refuse = move |store: &mut StoreContextMut<'_, GuestState>,
                               ty: &ComponentFunc,
                               params: &[Val],
                               results: &mut [Val]| {
                store.data_mut().count_call()?;
                meter::call(store, params.iter().map(Transfer::transfer_bytes).fold(0, u64::saturating_add))?;
                let answer = stub.answer(store, ty)?;
                // A borrowed handle must be given back before the call ends.
                let returned = params.iter().all(|param| give_back(store, param));
                match (answer, results) {
                    (Some(answer), [slot]) if returned => *slot = answer,
                    (None, []) if returned && stub == Stub::Hollow => {}
                    _ => {
                        let message = format!("the host does not grant `{function}` to skills");
                        return Err(store.data_mut().stop(Stop::Trap("not-granted", message)));
                    }
                }
                Ok(())
            };
            let linked = self.linker.func_new_async(name, move |mut store, ty, params, results| {
                let refused = refuse(&mut store, &ty, params, results);
                let turn = meter::turn(&mut store);
                Box::new(async move {
                    pause(turn).await;
                    refused
                })
            });
            self.linked(name, linked)?;
        }
        Ok(self)
    }

    /// Adds a resource type whose handles are numbers, so dropping one frees nothing.
    pub(crate) fn resource<T: 'static>(&mut self, name: &str) -> Result<&mut Self, HostError> {
        self.resource_with::<T>(name, |_, _| {})
    }

    /// Adds a resource type whose handles return through `drop`.
    pub(crate) fn resource_with<T: 'static>(
        &mut self,
        name: &str,
        drop: impl Fn(&mut GuestState, Resource<T>) + Send + Sync + 'static,
    ) -> Result<&mut Self, HostError> {
        let linked = self.linker.resource(name, ResourceType::host::<T>(), move |mut store, rep| {
            meter::owed(store.data_mut());
            drop(store.data_mut(), Resource::new_own(rep));
            Ok(())
        });
        self.linked(name, linked)
    }

    fn linked(&mut self, name: &str, linked: wasmtime::Result<()>) -> Result<&mut Self, HostError> {
        linked.map_err(|error| refused(&format!("{}#{name}", self.name), error))?;
        self.offer.add_item(&self.name, name);
        Ok(self)
    }
}

/// An interface of a capability, under construction.
#[cfg(feature = "grants")]
pub(crate) type GrantedInterface<'a> = Interface<'a>;

/// An interface of a capability, under construction, in a host that grants nothing. Nothing that it is given is linked,
/// so its code is not in the program.
#[cfg(not(feature = "grants"))]
pub(crate) struct GrantedInterface<'a> {
    interface: Interface<'a>,
    stub: Stub,
}

#[cfg(not(feature = "grants"))]
impl GrantedInterface<'_> {
    pub(crate) fn func<P, R>(
        &mut self,
        name: &str,
        _: impl Fn(StoreContextMut<'_, GuestState>, P) -> wasmtime::Result<R>,
    ) -> Result<&mut Self, HostError> {
        self.interface.stubs(&[name], self.stub)?;
        Ok(self)
    }

    pub(crate) fn func_async<P, R, F: Future>(
        &mut self,
        name: &str,
        _: impl Fn(&mut GuestState, P) -> F,
        _: impl Fn(&mut GuestState, F::Output) -> wasmtime::Result<R>,
    ) -> Result<&mut Self, HostError> {
        self.interface.stubs(&[name], self.stub)?;
        Ok(self)
    }

    #[expect(clippy::extra_unused_type_parameters, reason = "as with the feature")]
    pub(crate) fn resource<T>(&mut self, name: &str) -> Result<&mut Self, HostError> {
        self.interface.resource::<crate::wasi::Nothing>(name)?;
        Ok(self)
    }

    pub(crate) fn resource_with<T: 'static>(
        &mut self,
        name: &str,
        _: impl Fn(&mut GuestState, Resource<T>),
    ) -> Result<&mut Self, HostError> {
        self.resource::<T>(name)
    }
}

/// The resources of `wasi:io` are the same in every interface.
#[cfg(not(feature = "grants"))]
impl<'a> std::ops::Deref for GrantedInterface<'a> {
    type Target = Interface<'a>;

    fn deref(&self) -> &Interface<'a> {
        &self.interface
    }
}

#[cfg(not(feature = "grants"))]
impl std::ops::DerefMut for GrantedInterface<'_> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.interface
    }
}

/// Counts a call and charges its arguments.
fn begin<P: Transfer>(store: &mut StoreContextMut<'_, GuestState>, params: &P) -> wasmtime::Result<()> {
    store.data_mut().count_call()?;
    meter::call(store, params.transfer_bytes())
}

/// Yields if the run has used its turn.
async fn pause(turn: Turn) {
    let mut passed = match turn {
        Turn::Ours => return,
        Turn::Others => false,
    };
    std::future::poll_fn(|context| {
        if std::mem::replace(&mut passed, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

fn refused(name: &str, error: wasmtime::Error) -> HostError {
    HostError::Interface { name: name.to_owned(), reason: format!("{error:#}"), source: Some(error.into()) }
}

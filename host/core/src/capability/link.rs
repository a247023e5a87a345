//! The linker and the list of what it offers, made together; every function counts and charges itself.
//!
//! A call is counted, pays [`HOST_CALL_FUEL`] and a unit a byte that it moves either way, and yields when the run has
//! burnt a slice's worth since it last did. So a guest that only calls the host comes back to its scheduler like any other.

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
use crate::error::HostError;
use crate::state::{GuestState, Stop};
use crate::validate::{Lending, Offer};

/// A linker and the names in it.
pub(crate) struct Registry {
    linker: Linker<GuestState>,
    offer: Offer,
}

impl Registry {
    pub(crate) fn new(engine: &Engine) -> Self {
        Self { linker: Linker::new(engine), offer: Offer::default() }
    }

    /// A new interface that works; one that is there already, under any compatible version, is an error.
    pub(crate) fn interface(&mut self, name: &str) -> Result<Interface<'_>, HostError> {
        self.interface_as(name, Lending::Lent)
    }

    /// A new interface, and what stands behind it.
    pub(crate) fn interface_as(&mut self, name: &str, lending: Lending) -> Result<Interface<'_>, HostError> {
        if !self.offer.add_interface(name, lending) {
            return Err(HostError::Lend { name: name.to_owned(), reason: "the name is taken".into() });
        }
        let linker = self.linker.instance(name).map_err(|error| refused(name, &error))?;
        Ok(Interface { name: name.to_owned(), linker, offer: &mut self.offer })
    }

    pub(crate) fn finish(self) -> (Linker<GuestState>, Offer) {
        (self.linker, self.offer)
    }
}

/// An interface that is being linked.
pub(crate) struct Interface<'a> {
    pub(crate) name: String,
    linker: LinkerInstance<'a, GuestState>,
    offer: &'a mut Offer,
}

impl Interface<'_> {
    /// A function that answers at once. What it reads in place it charges with [`meter::moved`].
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

    /// A function that may wait. What it waits for begins in `f`; the store is not held meanwhile.
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
        let linked = self.linker.func_wrap_async(name, move |mut store, params: P| {
            let started = begin(&mut store, &params).map(|()| f(store.data_mut(), params));
            let done = done.clone();
            Box::new(async move {
                let answer = started?.await;
                let answer = done(store.data_mut(), answer)?;
                meter::moved(&mut store, answer.transfer_bytes())?;
                pause(meter::turn(&mut store)).await;
                Ok(answer)
            })
        });
        self.linked(name, linked)
    }

    /// Functions that are there and lend nothing: each answers its own error, whatever its types, or
    /// traps where its signature has no error.
    pub(crate) fn refuse(&mut self, names: &[&str]) -> Result<&mut Self, HostError> {
        self.stubs(names, Stub::Refuse)
    }

    /// Functions over resources that are empty shells: they do nothing and answer as little as their
    /// types allow. For preparing what another function then refuses.
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
                        let message = format!("`{function}` is not lent to skills");
                        return Err(store.data_mut().stop(Stop::Trap("not-lent", message)));
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

    /// A resource type; its handles are numbers, so dropping one frees nothing.
    pub(crate) fn resource<T: 'static>(&mut self, name: &str) -> Result<&mut Self, HostError> {
        self.resource_with::<T>(name, |_, _| {})
    }

    /// A resource type whose handles are given back through `drop`.
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
        linked.map_err(|error| refused(&format!("{}#{name}", self.name), &error))?;
        self.offer.add_item(&self.name, name);
        Ok(self)
    }
}

/// Counts a call and charges what came with it.
fn begin<P: Transfer>(store: &mut StoreContextMut<'_, GuestState>, params: &P) -> wasmtime::Result<()> {
    store.data_mut().count_call()?;
    meter::call(store, params.transfer_bytes())
}

/// Lets others go first when it is their turn.
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

fn refused(name: &str, error: &wasmtime::Error) -> HostError {
    HostError::Lend { name: name.to_owned(), reason: format!("{error:#}") }
}

//! The linker and the list of what it offers, made together; every function counts itself first.

use std::future::Future;

use wasmtime::component::{ComponentNamedList, Lift, Linker, LinkerInstance, Lower, Resource, ResourceType};
use wasmtime::{Engine, StoreContextMut};

use super::stub::{Stub, give_back};
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
    /// A function that answers at once.
    pub(crate) fn func<P, R>(
        &mut self,
        name: &str,
        f: impl Fn(StoreContextMut<'_, GuestState>, P) -> wasmtime::Result<R> + Send + Sync + 'static,
    ) -> Result<&mut Self, HostError>
    where
        P: ComponentNamedList + Lift + 'static,
        R: ComponentNamedList + Lower + 'static,
    {
        let counted = move |mut store: StoreContextMut<'_, GuestState>, params: P| {
            store.data_mut().count_call()?;
            f(store, params)
        };
        let linked = self.linker.func_wrap(name, counted);
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
        P: ComponentNamedList + Lift + 'static,
        R: ComponentNamedList + Lower + Send + 'static,
        F: Future<Output: Send> + Send + 'static,
    {
        let linked = self.linker.func_wrap_async(name, move |mut store, params: P| {
            let started = match store.data_mut().count_call() {
                Ok(()) => Ok(f(store.data_mut(), params)),
                Err(stopped) => Err(stopped),
            };
            let done = done.clone();
            Box::new(async move {
                let answer = started?.await;
                done(store.data_mut(), answer)
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
            let linked = self.linker.func_new(name, move |mut store, ty, params, results| {
                store.data_mut().count_call()?;
                let answer = stub.answer(&mut store, &ty)?;
                // A borrowed handle must be given back before the call ends.
                let returned = params.iter().all(|param| give_back(&mut store, param));
                match (answer, results) {
                    (Some(answer), [slot]) if returned => *slot = answer,
                    (None, []) if returned && stub == Stub::Hollow => {}
                    _ => {
                        let message = format!("`{function}` is not lent to skills");
                        return Err(store.data_mut().stop(Stop::Trap("not-lent", message)));
                    }
                }
                Ok(())
            });
            self.linked(name, linked)?;
        }
        Ok(self)
    }

    /// A resource type; its handles are numbers, so dropping one frees nothing.
    pub(crate) fn resource<T: 'static>(&mut self, name: &str) -> Result<&mut Self, HostError> {
        let linked = self.linker.resource(name, ResourceType::host::<T>(), |_, _| Ok(()));
        self.linked(name, linked)
    }

    /// A resource type whose handles are given back through `drop`.
    pub(crate) fn resource_with<T: 'static>(
        &mut self,
        name: &str,
        drop: impl Fn(&mut GuestState, Resource<T>) + Send + Sync + 'static,
    ) -> Result<&mut Self, HostError> {
        let linked = self.linker.resource(name, ResourceType::host::<T>(), move |mut store, rep| {
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

fn refused(name: &str, error: &wasmtime::Error) -> HostError {
    HostError::Lend { name: name.to_owned(), reason: format!("{error:#}") }
}

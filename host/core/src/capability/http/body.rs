//! The bodies of a run that it reads in pieces.

use wasmtime::component::Resource;

use crate::grants::HttpBody;
use crate::limits::HANDLES;

/// `http.body`
pub(crate) struct Body;

/// The open bodies of a run. Dropping one ends its connection.
#[derive(Default)]
pub(crate) struct Bodies(Vec<Place>);

#[derive(Default)]
enum Place {
    #[default]
    Free,
    Open(Box<dyn HttpBody>),
    /// A call of the guest reads it.
    Reading,
}

impl Bodies {
    /// Adds a body. None if there are too many.
    pub(super) fn add(&mut self, body: Box<dyn HttpBody>) -> Option<Resource<Body>> {
        let index = match self.0.iter().position(|place| matches!(place, Place::Free)) {
            Some(free) => free,
            None if self.0.len() < HANDLES => {
                self.0.push(Place::Free);
                self.0.len().checked_sub(1)?
            }
            None => return None,
        };
        *self.0.get_mut(index)? = Place::Open(body);
        Some(Resource::new_own(u32::try_from(index).ok()?))
    }

    /// Takes a body out to read it. None if there is none, or a call reads it.
    pub(super) fn take(&mut self, handle: u32) -> Option<Box<dyn HttpBody>> {
        let place = self.0.get_mut(handle as usize)?;
        match std::mem::replace(place, Place::Reading) {
            Place::Open(body) => Some(body),
            other @ (Place::Free | Place::Reading) => {
                *place = other;
                None
            }
        }
    }

    /// Puts a body back that [`Bodies::take`] returned.
    pub(super) fn put(&mut self, handle: u32, body: Box<dyn HttpBody>) {
        if let Some(place @ Place::Reading) = self.0.get_mut(handle as usize) {
            *place = Place::Open(body);
        }
    }

    pub(super) fn remove(&mut self, handle: u32) {
        if let Some(place) = self.0.get_mut(handle as usize) {
            *place = Place::Free;
        }
    }
}

//! Core modules made components.

use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::{Resolve, WorldId};

use crate::error::chain;
use crate::{Error, adapter};

/// What stands behind the imports of a core module that are not of its world.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Adapter {
    /// Nothing: the core module imports only what its world says.
    None,
    /// What the standard libraries of Go and C take for granted, from WASI 0.2: standard output and error, clocks, sleep,
    /// random numbers, exit. Files, arguments and the environment are not there. Only what the module imports is in
    /// the component: one that imports nothing of it stays as it is.
    Wasi,
}

/// The component that a core module is. `world` is for a module that does not carry its types in a section of its own,
/// as those of Go; for those of C it is none.
///
/// # Errors
///
/// When the module lacks an export of the world, imports what neither the world nor the adapter has, or is no module.
pub fn component(
    core: &[u8],
    world: Option<(&Resolve, WorldId)>,
    adapter: Adapter,
) -> Result<Vec<u8>, Error> {
    let mut core = core.to_vec();
    if let Some((resolve, world)) = world {
        embed_component_metadata(&mut core, resolve, world, StringEncoding::UTF8, false)
            .map_err(|error| Error::Component(chain(error)))?;
    }
    let mut encoder = ComponentEncoder::default();
    encoder.validate(true).module(&core).map_err(|error| Error::Component(chain(error)))?;
    if adapter == Adapter::Wasi {
        encoder
            .adapter(adapter::NAME, &adapter::module()?)
            .map_err(|error| Error::Component(chain(error)))?;
    }
    encoder.encode().map_err(|error| Error::Component(chain(error)))
}

//! Makes components of core modules.

use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::{Resolve, WorldId};

use crate::{Error, adapter};

/// What provides the imports of a core module that are not of its world.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Adapter {
    /// Nothing: the core module imports only what its world declares.
    None,
    /// WASI 0.2, for the standard libraries of Go and C: standard output and error, clocks, sleep, random numbers,
    /// exit.
    ///
    /// It has no files, arguments or environment. The component contains only what the module imports, and a module
    /// without such imports stays as it is.
    Wasi,
}

/// The types of a core module that has no section of them.
#[derive(Debug, Clone, Copy)]
pub struct ModuleTypes<'a> {
    /// The WIT that has the world.
    pub resolve: &'a Resolve,
    /// The world of the module.
    pub world: WorldId,
}

/// Makes a component of a core module.
///
/// Pass `types` for a module without a section of its types, such as Go's; a module of C has the section.
///
/// # Errors
///
/// Fails if the bytes are no module, if the module lacks an export of the world, or if it imports something that
/// neither the world nor the adapter has.
pub fn component(core: &[u8], types: Option<ModuleTypes<'_>>, adapter: Adapter) -> Result<Vec<u8>, Error> {
    let mut core = core.to_vec();
    if let Some(ModuleTypes { resolve, world }) = types {
        embed_component_metadata(&mut core, resolve, world, StringEncoding::UTF8)
            .map_err(Error::component)?;
    }
    let mut encoder = ComponentEncoder::default().validate(true).module(&core).map_err(Error::component)?;
    if adapter == Adapter::Wasi {
        encoder = encoder.adapter(adapter::NAME, &adapter::module()?).map_err(Error::component)?;
    }
    encoder.encode().map_err(Error::component)
}

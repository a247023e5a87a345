//! The adapter between WASI preview 1, which Go and C libraries import, and WASI 0.2.
//!
//! The official adapter takes its memory by `memory.grow`. Go's runtime believes that it owns all memory after its
//! data, so a heap that reaches the adapter's memory corrupts it. This adapter has no memory, only globals.

use wit_component::{StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

use crate::Error;

/// The module name of the imports that the adapter provides.
pub(crate) const NAME: &str = "wasi_snapshot_preview1";

/// Returns the adapter as a core module with its types.
pub(crate) fn module() -> Result<Vec<u8>, Error> {
    let mut module = wat::parse_str(include_str!("adapter.wat")).map_err(Error::component)?;
    let mut resolve = Resolve::default();
    let package =
        resolve.push_source("adapter.wit", include_str!("adapter.wit")).map_err(Error::component)?;
    let world = resolve.select_world(&[package], Some("adapter")).map_err(Error::component)?;
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).map_err(Error::component)?;
    Ok(module)
}

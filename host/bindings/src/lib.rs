//! Generates Go and C sources from a WIT world, and makes components of the compiled core modules.
//!
//! The sources contain the types of the world and the canonical ABI.

mod adapter;
pub mod c;
mod component;
mod error;
#[expect(clippy::indexing_slicing, reason = "an id indexes the `Resolve` that it is of")]
pub mod go;

pub use component::{Adapter, ModuleTypes, component};
pub use error::Error;

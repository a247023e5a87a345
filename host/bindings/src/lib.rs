//! What stands between a WIT world and the compilers of Go and C: sources with the types and the canonical ABI
//! of the world, and a component from the core module that the compiler makes of them.

mod adapter;
pub mod c;
mod component;
mod error;
#[expect(clippy::indexing_slicing, reason = "an id indexes the `Resolve` that it is of")]
pub mod go;

pub use component::{Adapter, component};
pub use error::Error;

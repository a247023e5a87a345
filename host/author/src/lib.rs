//! Creates, builds and packs skills in five languages, without a command line.
//!
//! Packing embeds the author's texts and claims into the component. Nothing here runs a skill or needs an engine. It
//! runs the author's own build, with the author's rights.

pub mod cases;
pub mod manifest;

mod build;
mod error;
mod language;
mod new;
mod pack;
mod project;
mod sdk;
mod wit;

pub use build::{BuildOptions, Stage, build};
pub use error::AuthorError;
pub use language::Language;
pub use new::new;
pub use pack::{Pack, Packed, carried_wit, pack};
pub use project::Project;
pub use wit::Contract;

//! What skill authors need, without a command line: a new folder, a build in any of five languages, and packing, which
//! puts what the author says of a skill into the component.
//!
//! Nothing here runs a skill, or needs an engine. What it reads is the author's own: it runs the author's build, with
//! the author's rights.

pub mod cases;
pub mod manifest;

mod build;
mod error;
mod new;
mod pack;
mod project;
mod sdk;
mod whole;
mod wit;

pub use build::{BuildOptions, Stage, build};
pub use error::AuthorError;
pub use new::new;
pub use pack::{Pack, Packed, carried_wit, pack};
pub use project::{Language, Project};
pub use whole::{write_new, write_whole};
pub use wit::Contract;

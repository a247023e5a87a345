//! The SDK for Ringfence skills in Rust: a module becomes a WebAssembly component, and its public functions become tools.
//!
//! ```
//! #[ringfence_skill::skill]
//! /// Shouts.
//! mod shout {
//!     /// How to shout.
//!     pub enum Loudness {
//!         /// In capitals.
//!         Plain,
//!         /// In capitals, with this many exclamation marks.
//!         Marks(u8),
//!     }
//!
//!     /// Returns a text in capitals.
//!     pub fn shout(text: String, loudness: Option<Loudness>) -> Result<String, String> {
//!         ringfence_skill::info!("{} bytes", text.len());
//!         match loudness {
//!             None | Some(Loudness::Plain) => Ok(text.to_uppercase()),
//!             Some(Loudness::Marks(marks)) => Ok(text.to_uppercase() + &"!".repeat(marks.into())),
//!         }
//!     }
//! }
//! # fn main() {}
//! ```
//!
//! The crate's README lists the types of tools, the steps of a build, and the Rust that a skill cannot use.
//!
//! The modules are the host's interfaces. [`log`], [`progress`] and [`budget`] are always available. [`http`], [`kv`],
//! [`config`] and [`secrets`] need a grant from the operator, and [`skills`] returns `denied` in this version. [`clock`] and
//! [`random`] replace those of `std`, which do not work in a skill. A component imports `log`, and the interfaces that its
//! code calls. A trap has no text, so when code panics, the SDK first logs the message.
//!
//! In the module of the skill `println!`, `eprintln!`, `print!`, `eprint!` and `dbg!` print to the log of the run. In other
//! modules, add `use ringfence_skill::println;` and the like.

// Off wasm the tests are built, and nothing may be there for wasm alone.
#![cfg_attr(test, deny(unused_imports, reason = "what only wasm uses must not be there without it"))]

pub mod budget;
pub mod clock;
pub mod config;
mod convert;
mod host;
pub mod http;
pub mod kv;
pub mod log;
mod panics;
mod printing;
pub mod progress;
pub mod random;
pub mod secrets;
pub mod skills;

pub use ringfence_skill_macros::skill;

/// For the code that [`skill`] generates; not part of the public API.
#[doc(hidden)]
pub mod __private {
    pub use crate::convert::{FromWit, IntoWit};
    pub use crate::panics::log_panics;
    pub use crate::printing::{To, finish, print};
    pub use wit_bindgen;
}

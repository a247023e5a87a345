//! For authors of Ringfence skills: a Rust module becomes a WebAssembly component whose public functions are tools.
//!
//! ```
//! #[ringfence_skill::skill]
//! /// Shouts.
//! mod shout {
//!     /// How loud a text is to be.
//!     pub enum Loudness {
//!         /// In capitals, and no more.
//!         Plain,
//!         /// With so many exclamation marks at the end.
//!         Marks(u8),
//!     }
//!
//!     /// Writes a text in capitals.
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
//! The crate's README lists the types of tools, how to build a skill, and what is not possible.
//!
//! The modules are the host's interfaces. [`log`], [`progress`] and [`budget`] are always available. [`http`], [`kv`],
//! [`config`] and [`secrets`] need a grant of the operator, and [`skills`] returns `denied` in this version. [`clock`] and
//! [`random`] are those of the run, because `std` has none. A component imports what its code calls, and `log`: a panic
//! ends in a trap without a text, so the SDK logs its message first.
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

/// For the code that [`skill`] writes; not part of what the crate promises.
#[doc(hidden)]
pub mod __private {
    pub use crate::convert::{FromWit, IntoWit};
    pub use crate::panics::log_panics;
    pub use crate::printing::{To, finish, print};
    pub use wit_bindgen;
}

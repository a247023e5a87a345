//! The one door through which bytes leave the process.
//!
//! Everything that Ringfence sends to a network goes through this crate. It resolves a name, checks every address,
//! and dials the address that it checked.

pub mod secret;

//! Grants as data: which skill may use which capability, and why not.
//!
//! This crate is pure and synchronous. It opens no file and no socket, and it links no engine.

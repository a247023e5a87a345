//! The bindings of what a skill may import, generated from the copy of the interfaces in `wit/`; nothing else.
//!
//! A component imports the interfaces whose functions its code reaches, and no others.

#![allow(
    missing_docs,
    unreachable_pub,
    unused_qualifications,
    clippy::pedantic,
    clippy::restriction,
    reason = "generated; what authors see of it is documented in the WIT"
)]

wit_bindgen::generate!({ path: "wit", world: "imports", generate_all });

pub use ringfence::skill::*;

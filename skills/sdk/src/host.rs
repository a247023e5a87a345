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

/// Version 0.2.0 of the interfaces, of which the SDK uses those that the operator grants.
pub mod capabilities {
    wit_bindgen::generate!({ path: "wit/0.2.0", world: "imports", generate_all });

    pub use ringfence::skill::*;
}

/// The part of WASI that stands in for what `std` lacks in a skill.
#[cfg(target_arch = "wasm32")]
pub(crate) mod wasi {
    wit_bindgen::generate!({
        inline: "
            package ringfence:sdk;
            world wasi {
                import wasi:clocks/wall-clock@0.2.0;
                import wasi:clocks/monotonic-clock@0.2.0;
                import wasi:random/random@0.2.0;
            }
            package wasi:clocks@0.2.0 {
                interface wall-clock {
                    record datetime { seconds: u64, nanoseconds: u32 }
                    now: func() -> datetime;
                }
                interface monotonic-clock {
                    type instant = u64;
                    now: func() -> instant;
                }
            }
            package wasi:random@0.2.0 {
                interface random { get-random-u64: func() -> u64; }
            }
        ",
        path: [],
        world: "wasi",
        generate_all,
    });

    pub use wasi::clocks::{monotonic_clock, wall_clock};
    pub use wasi::random::random;
}

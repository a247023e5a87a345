//! Implements setters for configurations that are `#[non_exhaustive]`, so that a new field breaks no caller.
//!
//! ```
//! #[derive(Default)]
//! #[non_exhaustive]
//! pub struct Limits {
//!     /// Maximum memory in bytes.
//!     pub memory: u64,
//! }
//!
//! ringfence_setters::setters!(Limits {
//!     with_memory(memory: u64);
//! });
//!
//! assert_eq!(Limits::default().with_memory(64 << 20).memory, 64 << 20);
//! ```
//!
//! The macro is for the crates of Ringfence. Its syntax can change with any release.

/// Implements a setter for each listed field of a type.
#[macro_export]
macro_rules! setters {
    ($type:ident { $($setter:ident($field:ident: $of:ty);)+ }) => {
        impl $type {
            $(
                #[doc = concat!("Sets [`", stringify!($type), "::", stringify!($field), "`].")]
                #[must_use]
                pub fn $setter(mut self, $field: $of) -> Self {
                    self.$field = $field;
                    self
                }
            )+
        }
    };
}

/// The examples of the README, for `cargo test --doc`.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

//! JSON for WIT values, by the table in the crate's documentation: read into `Val`s, written from them.

mod read;
mod write;

pub(crate) use read::{InputError, read_params, read_params_value};
pub(crate) use write::{Overflow, measure, write};

/// Largest integer that every JSON reader takes exactly: 2^53 − 1. Beyond it integers are strings.
pub(crate) const SAFE_INTEGER: u64 = (1 << 53) - 1;

#[cfg(test)]
mod tests;

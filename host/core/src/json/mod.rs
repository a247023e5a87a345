//! Reads and writes WIT values as JSON, by the table in the crate's documentation.

mod case;
mod read;
mod seed;
mod write;

pub(crate) use read::{InputError, read_params, read_params_value};
pub(crate) use write::{Overflow, measure, write};

/// Largest integer that every JSON reader reads exactly: 2^53 − 1. Beyond it integers are strings.
pub(crate) const SAFE_INTEGER: u64 = (1 << 53) - 1;

/// Smallest number that is too large for an f32: half a step above the largest, which rounds up. The text of the
/// largest f32, `3.4028235e38`, is a little more than its value.
pub(crate) const F32_END: f64 = 3.402_823_567_797_336_6e38;

//! JSON for WIT values, by the table in the crate's documentation: read into `Val`s, written from them.

mod case;
mod read;
mod seed;
pub(crate) mod spelling;
mod write;

pub(crate) use read::{InputError, read_params, read_params_value};
pub(crate) use write::{Overflow, measure, write};

/// Largest integer that every JSON reader takes exactly: 2^53 − 1. Beyond it integers are strings.
pub(crate) const SAFE_INTEGER: u64 = (1 << 53) - 1;

/// The least number that is too large for an f32: half a step above the largest, which rounds up. The
/// largest f32 itself is written `3.4028235e38`, a little more than it is.
pub(crate) const F32_END: f64 = 3.402_823_567_797_336_6e38;

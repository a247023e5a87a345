//! Log lines in the report of the run.
//!
//! Each line counts as a host call. The host cuts a line at 4 KiB and keeps 1,000 lines and 64 KiB of a run by
//! default. In tests on your own machine the lines go to standard error.

use core::fmt::Arguments;

pub use crate::host::log::Level;

/// Where a line is cut before the host gets it: above where the host cuts, so that the report still says that it was
/// cut, and far below the size that would end the run.
const LONGEST: usize = 8 * 1024;

/// Adds a line to the log of the run.
pub fn write(level: Level, message: &str) {
    let line = message.get(..message.floor_char_boundary(LONGEST)).unwrap_or(message);
    #[cfg(target_arch = "wasm32")]
    crate::host::log::write(level, line);
    #[cfg(not(target_arch = "wasm32"))]
    to_standard_error(level, line);
}

/// Adds a line that `format_args!` makes; [`info!`](crate::info) and the others call it.
pub fn write_args(level: Level, message: Arguments<'_>) {
    match message.as_str() {
        Some(text) => write(level, text),
        None => write(level, &message.to_string()),
    }
}

/// For a reader who follows every step.
pub fn trace(message: &str) {
    write(Level::Trace, message);
}

/// For a reader who searches for a fault.
pub fn debug(message: &str) {
    write(Level::Debug, message);
}

/// What happened.
pub fn info(message: &str) {
    write(Level::Info, message);
}

/// Something to check; the call continues.
pub fn warn(message: &str) {
    write(Level::Warn, message);
}

/// Something failed.
pub fn error(message: &str) {
    write(Level::Error, message);
}

#[cfg(not(target_arch = "wasm32"))]
#[allow(clippy::print_stderr, reason = "there is no host to log to in a test, and cargo shows it when one fails")]
fn to_standard_error(level: Level, line: &str) {
    let name = match level {
        Level::Trace => "trace",
        Level::Debug => "debug",
        Level::Info => "info",
        Level::Warn => "warn",
        Level::Error => "error",
    };
    eprintln!("{name}: {line}");
}

/// Logs a line at level trace, for a reader who follows every step. Takes the arguments of `format!`.
#[macro_export]
macro_rules! trace {
    ($($what:tt)+) => {
        $crate::log::write_args($crate::log::Level::Trace, ::core::format_args!($($what)+))
    };
}

/// Logs a line at level debug, for a reader who searches for a fault. Takes the arguments of `format!`.
#[macro_export]
macro_rules! debug {
    ($($what:tt)+) => {
        $crate::log::write_args($crate::log::Level::Debug, ::core::format_args!($($what)+))
    };
}

/// Logs a line at level info: what happened. Takes the arguments of `format!`.
#[macro_export]
macro_rules! info {
    ($($what:tt)+) => {
        $crate::log::write_args($crate::log::Level::Info, ::core::format_args!($($what)+))
    };
}

/// Logs a line at level warn: something to check, while the call continues. Takes the arguments of `format!`.
#[macro_export]
macro_rules! warn {
    ($($what:tt)+) => {
        $crate::log::write_args($crate::log::Level::Warn, ::core::format_args!($($what)+))
    };
}

/// Logs a line at level error: something failed. Takes the arguments of `format!`.
#[macro_export]
macro_rules! error {
    ($($what:tt)+) => {
        $crate::log::write_args($crate::log::Level::Error, ::core::format_args!($($what)+))
    };
}

//! What `println!` and the like print, as lines of the run's log: the standard library's go nowhere in a skill.

use core::fmt::Arguments;

#[cfg(target_arch = "wasm32")]
use std::sync::{Mutex, PoisonError};

/// Where a macro prints to.
#[doc(hidden)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum To {
    /// Lines at the level `info`.
    Output,
    /// Lines at the level `warn`.
    Errors,
}

/// Longest piece that is kept before it becomes a line: the host cuts lines shorter than this.
#[cfg(target_arch = "wasm32")]
const LONGEST: usize = 8 * 1024;

/// The begun lines of both.
#[cfg(target_arch = "wasm32")]
static BEGUN: [Mutex<String>; 2] = [Mutex::new(String::new()), Mutex::new(String::new())];

/// Prints; the macros call it.
#[doc(hidden)]
#[cfg(target_arch = "wasm32")]
pub fn print(to: To, what: Arguments<'_>) {
    let text = what.to_string();
    let [output, errors] = &BEGUN;
    let begun = if to == To::Output { output } else { errors };
    let mut lines = Vec::new();
    {
        let mut begun = begun.lock().unwrap_or_else(PoisonError::into_inner);
        let mut pieces = text.split('\n');
        begun.push_str(pieces.next().unwrap_or_default());
        for piece in pieces {
            lines.push(std::mem::replace(&mut *begun, piece.to_owned()));
        }
        if begun.len() > LONGEST {
            lines.push(std::mem::take(&mut *begun));
        }
    }
    for line in lines {
        log(to, &line);
    }
}

/// Prints; the macros call it.
#[doc(hidden)]
#[cfg(not(target_arch = "wasm32"))]
#[allow(clippy::print_stdout, clippy::print_stderr, reason = "cargo shows what a failing test printed")]
pub fn print(to: To, what: Arguments<'_>) {
    match to {
        To::Output => std::print!("{what}"),
        To::Errors => std::eprint!("{what}"),
    }
}

/// Logs what was printed after the last line break. Every call of a tool ends with this.
pub fn finish() {
    #[cfg(target_arch = "wasm32")]
    for (begun, to) in BEGUN.iter().zip([To::Output, To::Errors]) {
        let line = std::mem::take(&mut *begun.lock().unwrap_or_else(PoisonError::into_inner));
        if !line.is_empty() {
            log(to, &line);
        }
    }
}

#[cfg(target_arch = "wasm32")]
fn log(to: To, line: &str) {
    let level = match to {
        To::Output => crate::log::Level::Info,
        To::Errors => crate::log::Level::Warn,
    };
    crate::log::write(level, line);
}

/// Prints to the log of the run. Takes what the standard library's macro takes.
#[macro_export]
macro_rules! print {
    ($($what:tt)*) => {
        $crate::__private::print($crate::__private::To::Output, ::core::format_args!($($what)*))
    };
}

/// Prints a line to the log of the run. Takes what the standard library's macro takes.
#[macro_export]
macro_rules! println {
    () => {
        $crate::print!("\n")
    };
    ($($what:tt)*) => {
        $crate::print!("{}\n", ::core::format_args!($($what)*))
    };
}

/// Prints to the log of the run, as a warning. Takes what the standard library's macro takes.
#[macro_export]
macro_rules! eprint {
    ($($what:tt)*) => {
        $crate::__private::print($crate::__private::To::Errors, ::core::format_args!($($what)*))
    };
}

/// Prints a line to the log of the run, as a warning. Takes what the standard library's macro takes.
#[macro_export]
macro_rules! eprintln {
    () => {
        $crate::eprint!("\n")
    };
    ($($what:tt)*) => {
        $crate::eprint!("{}\n", ::core::format_args!($($what)*))
    };
}

/// Prints an expression, its place and its value to the log of the run, and returns the value.
#[macro_export]
macro_rules! dbg {
    () => {
        $crate::eprintln!("[{}:{}:{}]", ::core::file!(), ::core::line!(), ::core::column!())
    };
    ($value:expr $(,)?) => {
        match $value {
            value => {
                $crate::eprintln!(
                    "[{}:{}:{}] {} = {:#?}",
                    ::core::file!(), ::core::line!(), ::core::column!(), ::core::stringify!($value), &value
                );
                value
            }
        }
    };
    ($($value:expr),+ $(,)?) => {
        ($($crate::dbg! { $value }),+,)
    };
}

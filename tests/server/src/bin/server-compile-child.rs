//! The compile child of these tests: does what the `ringfence` binary does when it is its own child, and
//! nothing else.

use std::process::ExitCode;

fn main() -> ExitCode {
    // Started otherwise it has nothing to do.
    ringfence_compile::child_main().unwrap_or(ExitCode::from(2))
}

//! Compiles untrusted components in a child process: the same program executed again, under limits on
//! CPU time, address space, wall time and output.
//!
//! The engine does not count a component that keeps its compiler busy as a vulnerability, so the
//! limits are ours: what exceeds one is refused, and nothing else in the program notices.
//!
//! ```no_run
//! # use std::process::ExitCode;
//! fn main() -> ExitCode {
//!     // First of all: in the child this compiles and ends.
//!     if let Some(code) = ringfence_compile::child_main() {
//!         return code;
//!     }
//!     // … the program itself …
//!     ExitCode::SUCCESS
//! }
//! ```
//!
//! Not covered: the child can read what its user can (it is not jailed yet), and its output is
//! trusted. A component that takes over the compiler through a fault in it takes over the program.

mod child;
mod parent;

pub use child::child_main;
pub use parent::{CompileError, CompileLimits, Compiler};

/// The first argument of a child. No skill and no user ever gives it.
const CHILD: &str = "__ringfence-compile";

/// Exit code of a child whose compiler refused the component; its words are on stderr.
const REFUSED: u8 = 3;

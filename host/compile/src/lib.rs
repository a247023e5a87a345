//! Compiles untrusted components in a child process: the same program executed again, in a jail, under
//! limits on CPU time, address space and output. Wall time is no limit, but for a child that gets no CPU time at all.
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
//! On Linux the child gives up, before it reads a byte, what it could reach: the environment, every
//! descriptor but its three pipes, files, the network, other processes, new threads, and executable memory.
//! [`Compiler::probe`] tries all of that from inside and says what stopped it.
//!
//! Not covered: what the child writes is trusted. A component that takes over the compiler through a
//! fault in it can reach nothing from there, and can write an artifact that takes over the program. On
//! other systems than Linux there are the limits and no jail.

mod attempts;
mod child;
mod jail;
mod parent;
mod probe;
mod stall;
mod starter;

pub use child::child_main;
pub use parent::{CompileError, CompileLimits, CompileStage, Compiler};
pub use probe::{Attempt, Enforcement, JailReport};

/// The first argument of a child. No skill and no user ever gives it.
const CHILD: &str = "__ringfence-compile";

/// The target of a child that compiles for this machine.
const NATIVE: &str = "native";

/// Exit code of a child whose compiler refused the component; its words are on stderr.
const REFUSED: u8 = 3;

/// Exit code of a child whose address space does not hold the component.
const OVER_MEMORY: u8 = 4;

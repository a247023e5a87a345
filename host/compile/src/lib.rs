//! Compiles untrusted components in a child process, which is this program started again, in a jail and under limits.
//!
//! The limits are on CPU time, address space and output. Wall time is no limit, except for a child that gets no CPU
//! time at all. The engine does not count a component that keeps its compiler busy as a vulnerability, so these
//! limits are ours. A component that exceeds one is refused, and the rest of the program does not notice.
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
//! On Linux the child gives up everything that it could reach before it reads a byte: the environment, every
//! descriptor except its three pipes, files, the network, other processes, new threads, and executable memory.
//! [`Compiler::probe`] tries all of that from inside and reports what stopped it.
//!
//! Where the program's global allocator is a [`ChildAlloc`], the parent knows a child that ran out of memory by its exit
//! code.
//!
//! Not covered: the parent trusts the child's output. A component that takes over the compiler through a fault
//! reaches nothing from there, but it can write an artifact that takes over the program. Outside Linux the limits
//! apply without a jail.

mod attempts;
mod child;
mod ending;
mod enforcement;
mod jail;
mod memory;
mod parent;
mod probe;
mod stall;
mod starter;

pub use child::child_main;
pub use enforcement::Enforcement;
pub use memory::ChildAlloc;
pub use parent::{CompileError, CompileLimits, CompileStage, Compiler};
pub use probe::{Attempt, JailReport};

/// First argument of a child. No skill and no user passes it.
const CHILD: &str = "__ringfence-compile";

/// Target argument of a child that compiles for this machine.
const NATIVE: &str = "native";

/// The examples of the README, for `cargo test --doc`.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

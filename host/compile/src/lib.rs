//! Compiles untrusted components in a child process: this program, started again, in a jail and under limits.
//!
//! The limits are on CPU time, address space and output. There is no limit on wall time, except for a child that gets no
//! CPU time at all. The engine does not treat a component that keeps its compiler busy as a vulnerability, so this crate
//! sets limits. If a component exceeds one, it is refused, and the rest of the program continues.
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
//! On Linux, before the child reads a byte, it gives up the environment, every descriptor except its three pipes, files,
//! the network, other processes, new threads, and executable memory. [`Compiler::probe`] tries all of these from inside,
//! and reports what stopped each.
//!
//! If the program's global allocator is a [`ChildAlloc`], the exit code of a child tells the parent that it ran out of
//! memory.
//!
//! Not covered: the parent trusts the child's output. A component that takes over the compiler through a fault reaches
//! nothing else, but it can write an artifact that takes over the program. Outside Linux there is no jail, only limits.

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
pub use probe::{Attempt, JailLimit, JailReport};

/// First argument of a child. No skill and no user passes it.
const CHILD: &str = "__ringfence-compile";

/// Target argument of a child that compiles for this machine.
const NATIVE: &str = "native";

/// The examples of the README, for `cargo test --doc`.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

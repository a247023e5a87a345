//! The hostile guests: at least one for each class of attack, each with exactly how it must end.

mod cases;
pub mod soak;

use ringfence::Limits;
use serde_json::Value;

use crate::Expect;

/// A guest that means harm.
#[derive(Debug)]
pub struct Guest {
    /// The name of its file.
    pub name: &'static str,
    /// Its text.
    pub wat: &'static str,
    /// How it is run, and how that must end.
    pub case: Case,
}

/// How a guest is run, and how that must end.
#[derive(Debug)]
pub struct Case {
    /// The tool that is called.
    pub tool: &'static str,
    /// Its input.
    pub input: Value,
    /// The limits; small, so that a loop over all guests is quick.
    pub limits: Limits,
    /// How it must end.
    pub expect: Expect,
}

include!(concat!(env!("OUT_DIR"), "/corpus.rs"));

//! Support for the tests of the edge: bundles made here, and the worker's program, built alone so that it holds no
//! compiler.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod http;
mod program;

pub use http::{Answer, exchange};
pub use program::{Node, program, run};

use std::sync::OnceLock;

use ringfence::{Host, HostConfig, Limits, SkillDescription, Target, ValidatedSkill};
use ringfence_bundle::{Built, Draft, DraftSkill, SecretKey, Time, Trust};

/// A tool `echo` that gives its text back.
pub const ECHO: &str = r#"
(component
  (core module $m
    (memory (export "memory") 1)
    (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))
    (func (export "echo") (param i32 i32) (result i32)
      (i32.store (i32.const 16) (local.get 0))
      (i32.store (i32.const 20) (local.get 1))
      (i32.const 16)))
  (core instance $i (instantiate $m))
  (alias core export $i "memory" (core memory $memory))
  (func (export "echo") (param "text" string) (result string)
    (canon lift (core func $i "echo") (memory $memory) (realloc (core func $i "realloc")))))"#;

/// The key of all tests that do not say otherwise.
pub fn key() -> SecretKey {
    SecretKey::from_seed(&[7; 32])
}

/// Trusts that key.
pub fn trust() -> Trust {
    Trust::new(vec![key().public()])
}

/// A host that validates.
pub fn host() -> &'static Host {
    static HOST: OnceLock<Host> = OnceLock::new();
    HOST.get_or_init(|| Host::new(HostConfig::pooled().with_runs(8)).expect("a host"))
}

/// A skill on its way into a bundle, for these targets.
pub fn skill(name: &str, wat: &str, limits: &Limits, targets: &[Target]) -> DraftSkill {
    let skill =
        host().validate(ringfence_sandbox_tests::wasm(wat)).unwrap_or_else(|error| panic!("{name}: {error}"));
    skill_of(name, &skill, limits, targets)
}

/// The same of a component.
pub fn skill_of(name: &str, skill: &ValidatedSkill, limits: &Limits, targets: &[Target]) -> DraftSkill {
    let description: SkillDescription = skill.described();
    let builds = targets.iter().map(|target| Built {
        fingerprint: target.fingerprint(),
        code: ringfence::compile_for(skill, *target).expect("it compiles").as_bytes().unwrap().to_vec(),
        description: description.to_bytes(),
    });
    DraftSkill {
        name: name.to_owned(),
        builds: builds.collect(),
        description,
        limits: limits.clone(),
        grants: Vec::new(),
    }
}

/// A bundle that holds for an hour. The same skills make the same bytes throughout a process, whatever the clock shows.
pub fn draft(version: u64, skills: Vec<DraftSkill>) -> Draft {
    static NOW: OnceLock<u64> = OnceLock::new();
    let now = *NOW.get_or_init(|| Time::now().0);
    Draft { version, not_before: now - 60, expires: now + 3_600, skills }
}

/// The processor's targets of this machine; the tests are for x86-64 and aarch64.
pub fn native() -> Target {
    let mut here = Target::here().into_iter().rev();
    here.find(|target| *target != Target::Pulley64).expect("a target of this machine")
}

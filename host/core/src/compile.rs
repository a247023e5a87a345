//! Compiles a validated skill to an artifact, in this process. The crate `ringfence-compile` compiles untrusted
//! bytes in a limited child.

use crate::artifact::Artifact;
use crate::digest::Digest;
use crate::engine;
use crate::error::LoadError;
use crate::target::Target;
use crate::validate::ValidatedSkill;

/// Compiles a validated skill.
///
/// The component determines the time and memory that this takes: for the engine, the compiler's running time is not a
/// security boundary. It uses one thread for each core.
///
/// # Errors
///
/// Fails with [`LoadError::Compile`] if the compiler refuses a component that the validator accepted.
pub fn compile(skill: &ValidatedSkill) -> Result<Artifact, LoadError> {
    compile_from(skill.digest(), skill.bytes(), None)
}

/// Compiles a validated skill ahead of time, for a target instead of for this machine.
///
/// # Errors
///
/// As [`compile`]. Also fails if this build's compiler does not know the target (feature `cross`).
pub fn compile_for(skill: &ValidatedSkill, target: Target) -> Result<Artifact, LoadError> {
    compile_from(skill.digest(), skill.bytes(), Some(target))
}

/// Compiles bytes that another process has validated: the compiler's half of [`compile`] and [`compile_for`].
///
/// # Errors
///
/// As [`compile`].
pub fn compile_bytes(bytes: &[u8], target: Option<Target>) -> Result<Artifact, LoadError> {
    compile_from(Digest::of(bytes), bytes, target)
}

fn compile_from(skill: Digest, bytes: &[u8], target: Option<Target>) -> Result<Artifact, LoadError> {
    let engine = engine::compiling(target)
        .map_err(|error| LoadError::Compile { reason: error.to_string(), source: Some(error.into()) })?;
    let code = engine.precompile_component(bytes).map_err(|error| LoadError::Compile {
        reason: crate::text::clean(&format!("{error:#}"), 1024),
        source: Some(error.into()),
    })?;
    Ok(Artifact::compiled_here(skill, code))
}

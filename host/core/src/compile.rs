//! ValidatedSkill → Artifact, in this process. For bytes that are not trusted, in a child that is
//! limited: see the crate `ringfence-compile`.

use crate::artifact::Artifact;
use crate::engine;
use crate::error::LoadError;
use crate::target::Target;
use crate::validate::ValidatedSkill;

/// Compiles a validated skill.
///
/// Takes as long and as much memory as the component makes it: the compiler's running time is not a
/// security boundary of the engine. Uses one thread for each core.
///
/// # Errors
///
/// [`LoadError::Compile`] when the compiler refuses what the validator let pass.
pub fn compile(skill: &ValidatedSkill) -> Result<Artifact, LoadError> {
    compile_bytes(skill.bytes(), None)
}

/// Compiles a validated skill ahead of time, for a target instead of this machine.
///
/// # Errors
///
/// As [`compile`]; and where this build's compiler does not know the target (feature `cross`).
pub fn compile_for(skill: &ValidatedSkill, target: Target) -> Result<Artifact, LoadError> {
    compile_bytes(skill.bytes(), Some(target))
}

/// The compiler's half of [`compile`] and [`compile_for`], for a child process whose parent validated the bytes.
///
/// # Errors
///
/// As [`compile`].
pub fn compile_bytes(bytes: &[u8], target: Option<Target>) -> Result<Artifact, LoadError> {
    let engine = engine::compiling(target).map_err(|error| LoadError::Compile(error.to_string()))?;
    let code = engine
        .precompile_component(bytes)
        .map_err(|error| LoadError::Compile(crate::text::clean(&format!("{error:#}"), 1024)))?;
    Ok(Artifact::compiled_here(code))
}

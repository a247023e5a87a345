//! ValidatedSkill → Artifact, in this process. For bytes that are not trusted, in a child that is
//! limited: see the crate `ringfence-compile`.

use crate::artifact::Artifact;
use crate::engine;
use crate::error::LoadError;
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
    compile_bytes(skill.bytes())
}

/// The compiler's half of [`compile`], for a child process whose parent validated the bytes.
///
/// # Errors
///
/// As [`compile`].
pub fn compile_bytes(bytes: &[u8]) -> Result<Artifact, LoadError> {
    let engine = engine::compiling().map_err(|error| LoadError::Compile(error.to_string()))?;
    let code = engine
        .precompile_component(bytes)
        .map_err(|error| LoadError::Compile(crate::text::clean(&format!("{error:#}"), 1024)))?;
    Ok(Artifact::compiled_here(code))
}

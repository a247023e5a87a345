//! Compiled code on its way into the engine: the only place where bytes become code that runs.

use std::os::fd::{AsRawFd as _, OwnedFd};

use rustix::io::Errno;
use wasmtime::component::Component;
use wasmtime::{Engine, InstanceAllocationStrategy};

use crate::digest::Digest;
use crate::error::{LoadError, Refusal};

/// Code that this version of Ringfence compiled from a skill, with the digest of that skill.
///
/// [`crate::compile`] returns one. [`Artifact::from_trusted`] and [`Artifact::from_trusted_file`] accept bytes that
/// their caller trusts. A host links an artifact only to the skill that it was compiled from.
pub struct Artifact {
    skill: Digest,
    code: Code,
}

enum Code {
    Bytes(Vec<u8>),
    /// A file to map, so that the system reads a page when code on it first runs.
    File(OwnedFd),
}

impl std::fmt::Debug for Artifact {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut artifact = f.debug_struct("Artifact");
        artifact.field("skill", &self.skill);
        match &self.code {
            Code::Bytes(code) => artifact.field("bytes", &code.len()),
            Code::File(file) => artifact.field("file", file),
        };
        artifact.finish()
    }
}

impl Artifact {
    #[cfg(feature = "compiler")]
    pub(crate) fn compiled_here(skill: Digest, code: Vec<u8>) -> Self {
        Self { skill, code: Code::Bytes(code) }
    }

    /// Takes code from elsewhere, compiled from the skill with the digest `skill`.
    ///
    /// # Safety
    ///
    /// The bytes must be those of [`Artifact::as_bytes`] in a Ringfence of this version, unchanged since: the host
    /// runs them as native code. Never pass bytes that an outsider could have changed or that a skill's author sent.
    /// `skill` must be the digest that [`Artifact::skill`] returned there: the bytes do not contain it.
    #[expect(unsafe_code, reason = "declares the contract; the caller's proof stands beside its call")]
    pub unsafe fn from_trusted(skill: Digest, code: Vec<u8>) -> Self {
        Self { skill, code: Code::Bytes(code) }
    }

    /// Takes an open file that begins with the code of the skill with the digest `skill`. Ignores what follows the code.
    ///
    /// The host maps the descriptor itself, not a path, so a later change of the file's name does not matter. It
    /// works on Linux only. Elsewhere, and where `/proc` is not mounted, loading such an artifact fails; read the
    /// bytes instead.
    ///
    /// # Safety
    ///
    /// As [`Artifact::from_trusted`], for the beginning of the file. In addition nobody must write to this file, by
    /// this or another descriptor, while a skill from it exists: the system reads pages when they are first needed.
    #[expect(unsafe_code, reason = "declares the contract; the caller's proof stands beside its call")]
    pub unsafe fn from_trusted_file(skill: Digest, file: OwnedFd) -> Self {
        Self { skill, code: Code::File(file) }
    }

    /// Returns the digest of the skill from which the code was compiled.
    pub fn skill(&self) -> Digest {
        self.skill
    }

    /// Returns the code, for another process to load, or none for a file.
    pub fn as_bytes(&self) -> Option<&[u8]> {
        match &self.code {
            Code::Bytes(code) => Some(code),
            Code::File(_) => None,
        }
    }

    /// Maps the code of `skill`, and refuses that of another skill before it touches it.
    pub(crate) fn load(&self, engine: &Engine, skill: Digest) -> Result<Component, LoadError> {
        if self.skill != skill {
            return Err(LoadError::ForeignArtifact { skill, compiled_from: self.skill });
        }
        self.load_with(engine).map_err(|error| {
            let message = crate::text::clean(&format!("{error:#}"), 512);
            // The engine has no type for it: what an engine without a pool takes is too large for the pool's slots. That is the
            // author's to mend, not the host's.
            if self.is_denied(&error) {
                return LoadError::NotExecutable { reason: message, source: Some(error.into()) };
            }
            let roomy = without_pool(engine).is_some_and(|roomy| self.load_with(&roomy).is_ok());
            if roomy {
                LoadError::Refused(vec![Refusal::TooLarge { message }])
            } else {
                LoadError::Artifact { reason: message, source: Some(error.into()) }
            }
        })
    }

    /// Whether the system refused to make the code executable. Loading bytes asks it for nothing else that it denies; a
    /// file may be denied for reasons of its own.
    fn is_denied(&self, error: &wasmtime::Error) -> bool {
        match &self.code {
            Code::Bytes(_) => error.chain().any(is_denial),
            Code::File(_) => false,
        }
    }

    #[expect(unsafe_code, reason = "the one place where an artifact is loaded; proof inside")]
    fn load_with(&self, engine: &Engine) -> wasmtime::Result<Component> {
        // SAFETY: `deserialize` and `deserialize_file` want the unmodified output of this engine version's
        // own `precompile_component` or `serialize`. `self.code` is private and never changed, and comes
        // from `compiled_here`, called with just that output in `compile.rs`, or from `from_trusted` and
        // `from_trusted_file`, whose contracts say the same. The path is the open descriptor's own, which
        // `self` keeps open, so it names that very file. The engine finds the parts of the code by its
        // ELF header and so never looks at what follows. Output of another version or of other settings
        // is refused by the engine's header check.
        unsafe {
            match &self.code {
                Code::Bytes(code) => Component::deserialize(engine, code),
                Code::File(file) => {
                    Component::deserialize_file(engine, format!("/proc/self/fd/{}", file.as_raw_fd()))
                }
            }
        }
    }
}

fn is_denial(cause: &(dyn std::error::Error + 'static)) -> bool {
    let denied = |errno: &Errno| matches!(*errno, Errno::ACCESS | Errno::PERM);
    cause.downcast_ref::<Errno>().is_some_and(denied)
}

/// The same engine, whose instances have no slots to fit into.
fn without_pool(engine: &Engine) -> Option<Engine> {
    let mut config = engine.config().clone();
    config.allocation_strategy(InstanceAllocationStrategy::OnDemand);
    Engine::new(&config).ok()
}

#[cfg(test)]
mod tests {
    use rustix::io::Errno;

    use super::{Artifact, Digest};

    fn bytes() -> Artifact {
        // SAFETY: it is never loaded.
        #[expect(unsafe_code, reason = "proof above")]
        unsafe {
            Artifact::from_trusted(Digest::of(b""), Vec::new())
        }
    }

    #[test]
    fn code_that_may_not_be_executable_is_known_by_its_type() {
        for denied in [Errno::ACCESS, Errno::PERM] {
            let error = wasmtime::Error::from(denied).context("other words than the engine's");
            assert!(bytes().is_denied(&error), "{error:#}");
        }
        for other in [Errno::NOMEM, Errno::INVAL] {
            let error = wasmtime::Error::from(other).context("unable to make memory executable");
            assert!(!bytes().is_denied(&error), "{error:#}");
        }
        let words = wasmtime::Error::msg("unable to make memory executable: Permission denied (os error 13)");
        assert!(!bytes().is_denied(&words));
    }
}

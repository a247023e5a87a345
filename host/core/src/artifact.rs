//! Compiled code on its way into the engine: the one place where bytes become code that runs.

use wasmtime::Engine;
use wasmtime::component::Component;

use crate::error::{LoadError, Refusal};

/// Code that this version of Ringfence compiled out of a skill.
///
/// There are two ways to one: [`crate::compile`], and [`Artifact::from_trusted`], whose caller vouches
/// for the bytes.
pub struct Artifact {
    code: Vec<u8>,
}

impl std::fmt::Debug for Artifact {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Artifact").field("bytes", &self.code.len()).finish()
    }
}

impl Artifact {
    #[cfg(feature = "compiler")]
    pub(crate) fn compiled_here(code: Vec<u8>) -> Self {
        Self { code }
    }

    /// Takes code that came from elsewhere.
    ///
    /// # Safety
    ///
    /// The bytes must be what [`Artifact::as_bytes`] gave in a Ringfence of this version, unchanged
    /// since: they are mapped and run as native code. Bytes that an outsider could have touched, or
    /// that a skill's author sent, must never come here.
    #[expect(unsafe_code, reason = "declares the contract; the caller's proof stands beside its call")]
    pub unsafe fn from_trusted(code: Vec<u8>) -> Self {
        Self { code }
    }

    /// The code, for a process that loads it.
    pub fn as_bytes(&self) -> &[u8] {
        &self.code
    }

    pub(crate) fn load(&self, engine: &Engine) -> Result<Component, LoadError> {
        // SAFETY: `deserialize` wants the unmodified output of this engine version's own
        // `precompile_component` or `serialize`. `self.code` is private and never changed, and comes
        // from `compiled_here`, called with just that output in `compile.rs`, or from `from_trusted`,
        // whose contract says the same. Output of another version or of other settings is refused by
        // the engine's header check.
        #[expect(unsafe_code, reason = "the one place where an artifact is loaded; proof above")]
        let component = unsafe { Component::deserialize(engine, &self.code) };
        component.map_err(|error| {
            let message = crate::text::clean(&format!("{error:#}"), 512);
            // What only the compiler's result shows: the author's to mend, not the host's.
            if message.contains("pooling allocator") || message.contains("exceeds the") {
                LoadError::Refused(vec![Refusal::TooLarge { message }])
            } else {
                LoadError::Artifact(message)
            }
        })
    }
}

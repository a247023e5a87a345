//! Loads skills: from memory, from an artifact, or by compiling.

use std::sync::{Arc, PoisonError};

use ringfence::{Digest, LoadError, Skill};

use super::clearance::{Cleared, Wanted};
use super::{Library, Stage};
use crate::artifacts::Miss;
use crate::error::StoreError;
use crate::name::Reference;
use crate::store::Resolved;

/// A loaded skill.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Loaded {
    /// The skill.
    pub skill: Skill,
    /// Origin of its code.
    pub origin: Origin,
    /// What the reference resolved to; none for a component from elsewhere, such as a file.
    pub resolved: Option<Resolved>,
}

/// Origin of code.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Origin {
    /// An earlier load of this process.
    Memory,
    /// An artifact of the store, authenticated.
    Artifact,
    /// A compilation, because the store had no usable code. The code is stored now, unless there is a reason why not.
    Compiled {
        /// Why the store had no code.
        miss: Miss,
        /// Why the code could not be stored.
        not_kept: Option<String>,
    },
}

/// The result of loading an artifact.
enum Found {
    /// It is authentic, and the engine accepted it.
    Linked(Skill),
    /// There is none that can be used.
    Nothing(Miss),
}

impl Library {
    /// Loads the skill of a reference.
    ///
    /// # Errors
    ///
    /// Fails with a [`StoreError`] if the skill does not exist, cannot run, or is damaged.
    pub async fn load(&self, reference: &Reference, on: impl FnMut(Stage)) -> Result<Loaded, StoreError> {
        let cleared = self.clear(Wanted::Reference(reference.clone())).await?;
        self.load_cleared(&cleared, on).await
    }

    /// Loads a component from elsewhere, such as a file.
    ///
    /// The library stores its code like any other, but not its bytes. A digest that this store has revoked does not
    /// load.
    ///
    /// # Errors
    ///
    /// Fails with a [`StoreError`] if the component is refused or revoked.
    pub async fn load_bytes(&self, bytes: Vec<u8>, on: impl FnMut(Stage)) -> Result<Loaded, StoreError> {
        let cleared = self.clear(Wanted::Bytes(bytes)).await?;
        self.load_cleared(&cleared, on).await
    }

    /// Loads a cleared skill, and checks again if that took long.
    ///
    /// # Errors
    ///
    /// Fails with a [`StoreError`] if the skill is damaged, refused, or can no longer run.
    pub async fn load_cleared(&self, cleared: &Cleared, on: impl FnMut(Stage)) -> Result<Loaded, StoreError> {
        let loaded = self.loaded(cleared, on).await;
        match loaded {
            Ok(loaded) if loaded.origin == Origin::Memory => Ok(loaded),
            loaded => {
                // Compiling takes long: that it may not run meanwhile is the answer, also if it failed.
                self.clear_again(cleared).await?;
                loaded
            }
        }
    }

    /// Loads a skill by its digest: from memory, from an artifact, or by compiling. Concurrent requests for one skill
    /// wait for the first.
    async fn loaded(&self, cleared: &Cleared, mut on: impl FnMut(Stage)) -> Result<Loaded, StoreError> {
        let digest = cleared.digest;
        let cell = {
            let mut loaded = self.inner.loaded.lock().unwrap_or_else(PoisonError::into_inner);
            loaded.cell(digest)
        };
        let mut origin = Origin::Memory;
        let skill = cell.get_or_init(|| async {
            let (skill, from) = self.first(cleared, &mut on).await.map_err(Arc::new)?;
            origin = from;
            Ok(skill)
        });
        match skill.await {
            Ok(skill) => Ok(Loaded { skill: skill.clone(), origin, resolved: cleared.resolved().cloned() }),
            Err(error) => {
                let error = Arc::clone(error);
                let mut loaded = self.inner.loaded.lock().unwrap_or_else(PoisonError::into_inner);
                loaded.forget_failed(digest, &cell);
                drop(loaded);
                drop(cell);
                // Whoever is the last to hear of it gets the error itself.
                Err(Arc::try_unwrap(error).unwrap_or_else(StoreError::Shared))
            }
        }
    }

    /// Loads a skill that is not in memory: from its artifact, or else by compiling.
    async fn first(
        &self,
        cleared: &Cleared,
        on: &mut impl FnMut(Stage),
    ) -> Result<(Skill, Origin), StoreError> {
        match self.load_artifact(cleared.digest).await? {
            Found::Linked(skill) => Ok((skill, Origin::Artifact)),
            Found::Nothing(miss) => self.compiled(cleared, miss, on).await,
        }
    }

    /// Links the stored code of a skill.
    async fn load_artifact(&self, digest: Digest) -> Result<Found, StoreError> {
        let mut rejected = String::new();
        // Mapped first, so that processes share the memory. Where descriptors have no path, mapping fails, and the
        // authenticated bytes are read instead.
        for in_memory in [false, true] {
            let kept = match self.kept(digest, in_memory).await {
                Ok(kept) => kept,
                Err(miss) => return Ok(Found::Nothing(miss)),
            };
            match self.link(kept).await {
                Err(StoreError::Load(LoadError::Artifact { reason, .. })) => rejected = reason,
                linked => return linked.map(Found::Linked),
            }
        }
        // An engine that does not take what the store vouches for is a miss as well.
        Ok(Found::Nothing(Miss::Rejected(rejected)))
    }

    /// Compiles a skill, stores its code and links it.
    async fn compiled(
        &self,
        cleared: &Cleared,
        miss: Miss,
        on: &mut impl FnMut(Stage),
    ) -> Result<(Skill, Origin), StoreError> {
        on(Stage::Validating);
        let validated = self.validated(cleared.digest, cleared.bytes.clone()).await?;
        on(Stage::Compiling { miss: miss.clone(), size: validated.bytes().len() as u64 });
        let artifact =
            self.compiler().compile_watched(&validated, |stage| on(Stage::Compiler(stage))).await?;
        on(Stage::Keeping);
        let linked = self.link_and_keep(&validated.described(), artifact).await?;
        Ok((linked.skill, Origin::Compiled { miss, not_kept: linked.not_kept }))
    }
}

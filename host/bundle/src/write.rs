//! Skills and their code → a signed file, the same bytes for the same input.

use ringfence::{Digest, Limits, SkillDescription};
use sha2::{Digest as _, Sha256};

use crate::format::{Header, MANIFEST};
use crate::key::SecretKey;
use crate::manifest::{Build, Manifest, SkillEntry, ToolEntry};

/// A bundle that is being made.
#[derive(Debug, Clone)]
pub struct Draft {
    /// See [`Manifest::version`].
    pub version: u64,
    /// See [`Manifest::not_before`].
    pub not_before: u64,
    /// See [`Manifest::expires`].
    pub expires: u64,
    /// Its skills, in any order.
    pub skills: Vec<DraftSkill>,
}

/// A skill on its way into a bundle.
#[derive(Debug, Clone)]
pub struct DraftSkill {
    /// What it is called.
    pub name: String,
    /// What it is.
    pub description: SkillDescription,
    /// The limits of its runs.
    pub limits: Limits,
    /// Interfaces that it is to be lent.
    pub grants: Vec<String>,
    /// Its code: for every engine that any skill of the bundle has code for.
    pub builds: Vec<Built>,
}

/// The code of a skill for one engine.
#[derive(Debug, Clone)]
pub struct Built {
    /// The engine: [`ringfence::Target::fingerprint`].
    pub fingerprint: String,
    /// The compiled code.
    pub code: Vec<u8>,
    /// [`SkillDescription::to_bytes`] by the Ringfence that compiled it.
    pub description: Vec<u8>,
}

/// Why a bundle cannot be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DraftError {
    /// What no worker would take.
    #[error("no worker would take the bundle: {0}")]
    Manifest(String),
    /// The documentation and schemas are too long.
    #[error("the manifest takes {size} bytes, and at most {MANIFEST} fit: make several bundles")]
    TooLarge {
        /// Bytes.
        size: usize,
    },
}

impl Draft {
    /// Signs it. The bytes depend on nothing but what is in it and the key.
    ///
    /// # Errors
    ///
    /// [`DraftError`], for what [`crate::open`] would not take.
    pub fn sign(mut self, key: &SecretKey) -> Result<Vec<u8>, DraftError> {
        self.skills.sort_by(|a, b| a.name.cmp(&b.name));
        let fingerprints =
            self.skills.iter().flat_map(|skill| &skill.builds).map(|build| build.fingerprint.clone());
        let mut fingerprints: Vec<String> = fingerprints.collect();
        fingerprints.sort();
        fingerprints.dedup();
        let mut blobs = Vec::new();
        let mut skills = Vec::new();
        for skill in &mut self.skills {
            skill.builds.sort_by(|a, b| a.fingerprint.cmp(&b.fingerprint));
            let there: Vec<&String> = skill.builds.iter().map(|build| &build.fingerprint).collect();
            if there != fingerprints.iter().collect::<Vec<_>>() {
                return Err(DraftError::Manifest(format!(
                    "skill {} is not there once for every engine",
                    skill.name
                )));
            }
            skills.push(entry(skill));
            for build in &skill.builds {
                blobs.extend_from_slice(&build.code);
                blobs.extend_from_slice(&build.description);
            }
        }
        let Self { version, not_before, expires, .. } = self;
        let manifest = Manifest { version, not_before, expires, fingerprints, skills };
        manifest.check().map_err(DraftError::Manifest)?;
        // Plain data with string keys: there is nothing that could fail.
        let manifest = serde_json::to_vec(&manifest).unwrap_or_default();
        let size = u32::try_from(manifest.len()).ok().filter(|size| *size <= MANIFEST);
        let mut header = Header {
            manifest: size.ok_or(DraftError::TooLarge { size: manifest.len() })?,
            blobs: blobs.len() as u64,
            digest: Sha256::digest(&blobs).into(),
            key: key.public().id().0,
            signature: [0; 64],
        };
        header.signature = key.sign(&header.message(&manifest));
        let mut file = header.write();
        file.extend_from_slice(&manifest);
        file.append(&mut blobs);
        Ok(file)
    }
}

fn entry(skill: &DraftSkill) -> SkillEntry {
    let tools = skill.description.tools().map(|tool| ToolEntry {
        name: tool.name().to_owned(),
        description: tool.description().map(str::to_owned),
        parameters: tool.parameters_schema(),
        result: tool.result_schema(),
        failure: tool.failure_schema(),
    });
    let length = |bytes: &Vec<u8>| bytes.len() as u64;
    let builds = skill
        .builds
        .iter()
        .map(|build| Build { code: length(&build.code), description: length(&build.description) });
    let digest: Digest = skill.description.digest();
    SkillEntry {
        name: skill.name.clone(),
        digest,
        size: skill.description.size(),
        limits: skill.limits.clone(),
        grants: skill.grants.clone(),
        tools: tools.collect(),
        builds: builds.collect(),
    }
}

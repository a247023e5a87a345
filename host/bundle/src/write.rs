//! Writes skills and their code into a signed file, with the same bytes for the same input.

use ringfence::{Digest, Limits, SkillDescription};
use sha2::{Digest as _, Sha256};

use crate::format::{Header, MANIFEST};
use crate::key::SecretKey;
use crate::manifest::{Build, Manifest, SkillEntry, ToolEntry};

/// A bundle under construction.
#[derive(Debug, Clone)]
pub struct Draft {
    /// See [`Manifest::version`].
    pub version: u64,
    /// See [`Manifest::not_before`].
    pub not_before: u64,
    /// See [`Manifest::expires`].
    pub expires: u64,
    /// The skills, in any order.
    pub skills: Vec<DraftSkill>,
}

/// A skill of a bundle under construction.
#[derive(Debug, Clone)]
pub struct DraftSkill {
    /// The name.
    pub name: String,
    /// The description.
    pub description: SkillDescription,
    /// Limits of its runs.
    pub limits: Limits,
    /// Granted interfaces.
    pub grants: Vec<String>,
    /// Its code, for every engine of the bundle.
    pub builds: Vec<Built>,
}

/// The code of a skill for one engine.
#[derive(Debug, Clone)]
pub struct Built {
    /// The engine: [`ringfence::Target::fingerprint`].
    pub fingerprint: String,
    /// The compiled code.
    pub code: Vec<u8>,
    /// Bytes of [`SkillDescription::to_bytes`] in the Ringfence that compiled it.
    pub description: Vec<u8>,
}

/// The reason why a bundle cannot be written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DraftError {
    /// A worker would refuse the bundle.
    #[error("workers would refuse the bundle: {0}")]
    Manifest(String),
    /// Documentation and schemas are too long.
    #[error(
        "the manifest is too large: {size} bytes; the cap is {MANIFEST}; split the skills over several bundles"
    )]
    TooLarge {
        /// Bytes.
        size: usize,
    },
}

impl Draft {
    /// Signs the bundle. Its bytes depend only on its content and the key.
    ///
    /// # Errors
    ///
    /// Fails with a [`DraftError`] for a bundle that [`crate::open`] would refuse.
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
                    "skill `{}` needs exactly one build per engine",
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

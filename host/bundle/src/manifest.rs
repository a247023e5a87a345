//! What a bundle says of itself. Signed, so it is what the signer meant; checked all the same, since a signer can err.

use ringfence::{Digest, Limits};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::Time;

/// Most skills in a bundle.
pub(crate) const SKILLS: usize = 1_000;

/// Most engines that a bundle has code for.
pub(crate) const FINGERPRINTS: usize = 16;

/// The manifest of a bundle.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Manifest {
    /// Counts up from bundle to bundle. A worker takes no bundle with a lower one than it has seen.
    pub version: u64,
    /// Seconds since 1970. Not to be loaded before.
    pub not_before: u64,
    /// Seconds since 1970. Not to be loaded or called after.
    pub expires: u64,
    /// The engines that there is code for, as [`ringfence::Target::fingerprint`] names them.
    pub fingerprints: Vec<String>,
    /// What can be called, in the order of the names.
    pub skills: Vec<SkillEntry>,
}

/// A skill in a bundle.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct SkillEntry {
    /// What it is called.
    pub name: String,
    /// SHA-256 of the component that the code was compiled from.
    pub digest: Digest,
    /// Bytes of that component.
    pub size: u64,
    /// The limits of each of its runs.
    pub limits: Limits,
    /// Interfaces that it is to be lent, by name. No worker lends any yet: calls of them answer `denied`.
    pub grants: Vec<String>,
    /// Its tools, for people and for programs that read bundles. A worker goes by the description beside the code.
    pub tools: Vec<ToolEntry>,
    /// Bytes of its code and its description for each of [`Manifest::fingerprints`].
    pub(crate) builds: Vec<Build>,
}

/// Where the blobs end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Build {
    pub(crate) code: u64,
    pub(crate) description: u64,
}

/// A tool of a skill in a bundle.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct ToolEntry {
    /// Its name.
    pub name: String,
    /// What its author says of it. Untrusted text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// JSON Schema of the arguments.
    pub parameters: Value,
    /// JSON Schema of the value.
    pub result: Value,
    /// JSON Schema of the failure, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Value>,
}

impl Manifest {
    /// When it begins to hold.
    pub fn not_before(&self) -> Time {
        Time(self.not_before)
    }

    /// When it ends.
    pub fn expires(&self) -> Time {
        Time(self.expires)
    }

    /// Bytes of all blobs; none where the sum is no number.
    pub(crate) fn blobs(&self) -> Option<u64> {
        let builds = self.skills.iter().flat_map(|skill| &skill.builds);
        builds.flat_map(|build| [build.code, build.description]).try_fold(0, u64::checked_add)
    }

    /// Says what is wrong with it.
    pub(crate) fn check(&self) -> Result<(), String> {
        if self.expires <= self.not_before {
            return Err("it expires before it begins".to_owned());
        }
        if self.skills.is_empty() || self.skills.len() > SKILLS {
            return Err(format!("it has {} skills; there are 1 to {SKILLS}", self.skills.len()));
        }
        if self.fingerprints.is_empty() || self.fingerprints.len() > FINGERPRINTS {
            return Err(format!(
                "it has code for {} engines; there are 1 to {FINGERPRINTS}",
                self.fingerprints.len()
            ));
        }
        let twice = |at: usize| {
            self.fingerprints
                .iter()
                .skip(at.saturating_add(1))
                .any(|other| self.fingerprints.get(at) == Some(other))
        };
        if (0..self.fingerprints.len()).any(twice) {
            return Err("it has code for one engine twice".to_owned());
        }
        let caps = ringfence::SkillCaps::default();
        let mut last = "";
        for skill in &self.skills {
            let name = ringfence::text::clean(&skill.name, 128);
            if !ringfence::text::is_skill_name(&skill.name) {
                return Err(format!("`{name}` is no name of a skill"));
            }
            if &*skill.name <= last {
                return Err(format!("skill {name} stands twice, or not in the order of names"));
            }
            if skill.builds.len() != self.fingerprints.len() {
                return Err(format!("skill {name} is not there for every engine"));
            }
            skill.limits.check(&caps).map_err(|error| format!("skill {name}: {error}"))?;
            last = &skill.name;
        }
        Ok(())
    }
}

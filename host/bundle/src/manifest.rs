//! The manifest of a bundle. Readers check it although it is signed, because signers make mistakes.

use ringfence::{Digest, Limits};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::Time;

/// Maximum number of skills in a bundle.
pub(crate) const SKILLS: usize = 1_000;

/// Maximum number of engines in a bundle.
pub(crate) const FINGERPRINTS: usize = 16;

/// The manifest of a bundle.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Manifest {
    /// The version, higher than that of every earlier bundle. A worker refuses a lower version than it has seen.
    pub version: u64,
    /// Time before which a worker does not load the bundle, in seconds since 1970.
    pub not_before: u64,
    /// Time after which a worker neither loads nor calls the bundle, in seconds since 1970.
    pub expires: u64,
    /// Engines with code in the bundle, by [`ringfence::Target::fingerprint`].
    pub fingerprints: Vec<String>,
    /// Skills, in the order of their names.
    pub skills: Vec<SkillEntry>,
}

/// A skill in a bundle.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct SkillEntry {
    /// The name.
    pub name: String,
    /// SHA-256 of the compiled component.
    pub digest: Digest,
    /// Bytes of that component.
    pub size: u64,
    /// Limits of each run.
    pub limits: Limits,
    /// Granted interfaces, by name. No worker provides any yet: calls return `denied`.
    pub grants: Vec<String>,
    /// Tools, for people and programs that read bundles. A worker uses the description beside the code.
    pub tools: Vec<ToolEntry>,
    /// Bytes of code and description for each of [`Manifest::fingerprints`].
    pub(crate) builds: Vec<Build>,
}

/// How many bytes each blob of one build takes in the bundle.
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
    /// The name.
    pub name: String,
    /// The author's description. Untrusted text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// JSON Schema of the arguments.
    pub parameters: Value,
    /// JSON Schema of the value.
    pub result: Value,
    /// JSON Schema of the failure, if the tool can fail.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Value>,
}

impl Manifest {
    /// Returns the time from which the bundle is valid.
    pub fn not_before(&self) -> Time {
        Time(self.not_before)
    }

    /// Returns the time at which the bundle expires.
    pub fn expires(&self) -> Time {
        Time(self.expires)
    }

    /// Returns the bytes of all blobs; none if the sum overflows.
    pub(crate) fn blobs(&self) -> Option<u64> {
        let builds = self.skills.iter().flat_map(|skill| &skill.builds);
        builds.flat_map(|build| [build.code, build.description]).try_fold(0, u64::checked_add)
    }

    /// Checks the manifest, and returns what is wrong.
    pub(crate) fn check(&self) -> Result<(), String> {
        if self.expires <= self.not_before {
            return Err("the end of validity is before its start".to_owned());
        }
        if self.skills.is_empty() || self.skills.len() > SKILLS {
            return Err(format!("{} skills; expected 1 to {SKILLS}", self.skills.len()));
        }
        if self.fingerprints.is_empty() || self.fingerprints.len() > FINGERPRINTS {
            return Err(format!(
                "code for {} engines; expected 1 to {FINGERPRINTS}",
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
            return Err("code for the same engine twice".to_owned());
        }
        let caps = ringfence::SkillCaps::default();
        let mut last = "";
        for skill in &self.skills {
            let name = ringfence::text::clean(&skill.name, 128);
            if !ringfence::text::is_skill_name(&skill.name) {
                return Err(format!("`{name}` is not a skill name"));
            }
            if &*skill.name <= last {
                return Err(format!("skill `{name}` is listed twice, or not in alphabetical order"));
            }
            if skill.builds.len() != self.fingerprints.len() {
                return Err(format!("skill `{name}` lacks code for an engine"));
            }
            skill.limits.check(&caps).map_err(|error| format!("skill `{name}`: {error}"))?;
            last = &skill.name;
        }
        Ok(())
    }
}

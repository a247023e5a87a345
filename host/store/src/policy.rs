//! The policy of a store: caps for all and for each owner, and whether submissions are held. It is in the store, so
//! that every process uses the same one.

use serde::{Deserialize, Serialize};

use crate::error::StoreError;
use crate::folder::{Folder, Scratch};
use crate::name::Owner;
use crate::record::{Record, seal, unseal};

/// Caps of a store. A cap applies to the state after a submission.
///
/// Defaults: components of 32 MiB, 10,000 skills and 16 GiB, 1,000 skills and 4 GiB for each owner, 100
/// versions of a skill, 16 GiB of artifacts; nothing is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct Policy {
    /// Bytes of one component. Default: 32 MiB. The smaller of this and the host's own cap applies.
    pub upload: u64,
    /// Names. Default: 10,000.
    pub skills: u64,
    /// Bytes of all components, each counted once. Default: 16 GiB.
    pub bytes: u64,
    /// Names of one owner. Default: 1,000.
    pub owner_skills: u64,
    /// Bytes of the components of one owner, each counted once. Default: 4 GiB.
    pub owner_bytes: u64,
    /// Versions of one name, at most 1,000. Default: 100.
    pub versions: u64,
    /// Bytes of compiled code for one engine. Default: 16 GiB. Beyond it the store removes the oldest code, and
    /// compiles it again when it is needed.
    pub artifacts: u64,
    /// Whether to hold every submission until an admin releases it. Default: no.
    pub hold: bool,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            upload: 32 << 20,
            skills: 10_000,
            bytes: 16 << 30,
            owner_skills: 1_000,
            owner_bytes: 4 << 30,
            versions: 100,
            artifacts: 16 << 30,
            hold: false,
        }
    }
}

/// Maximum number of versions in a record.
const VERSIONS: u64 = 1_000;

const FILE: &str = "policy.json";
const MOST: u64 = 64 << 10;

impl Policy {
    /// Returns the store's policy, or the defaults if none was set.
    pub(crate) fn read(root: &Folder) -> Result<Self, StoreError> {
        let Some(bytes) = root.read(FILE, MOST)? else { return Ok(Self::default()) };
        let read =
            unseal(&bytes).and_then(|body| serde_json::from_slice(body).map_err(|error| error.to_string()));
        // Going on with the defaults could take what was not to be taken.
        read.map_err(|reason| StoreError::Damaged {
            path: root.label(FILE),
            reason,
            next: "restore the defaults with `ringfence policy --reset`",
        })
    }

    pub(crate) fn write(&self, root: &Folder, scratch: &Scratch) -> Result<(), StoreError> {
        let mut bytes = serde_json::to_vec(self).unwrap_or_default();
        seal(&mut bytes);
        let mut draft = scratch.draft(0o600)?;
        draft.write(&bytes)?;
        draft.keep(root, FILE)
    }

    /// Checks that the store can enforce every value.
    pub(crate) fn check_range(&self) -> Result<(), StoreError> {
        let (value, max) = (self.versions, VERSIONS);
        if value == 0 || value > max {
            return Err(StoreError::PolicyRange { name: "versions", value, min: 1, max });
        }
        Ok(())
    }

    /// Checks the caps after a change: `changed` replaces the record of its name; `unread` records could not be read.
    pub(crate) fn check(&self, records: &[Record], unread: u64, changed: &Record) -> Result<(), StoreError> {
        let others: Vec<&Record> = records.iter().filter(|record| record.name != changed.name).collect();
        let all = || others.iter().copied().chain([changed]);
        let owned = || all().filter(|record| record.owner == changed.owner);
        let count = |records: &mut dyn Iterator<Item = &Record>| records.count() as u64;
        let rows = [
            ("versions of the skill", changed.versions.len() as u64, self.versions, None),
            ("skills", count(&mut all()).saturating_add(unread), self.skills, None),
            ("bytes of components", bytes(all()), self.bytes, None),
            ("skills", count(&mut owned()), self.owner_skills, Some(&changed.owner)),
            ("bytes of components", bytes(owned()), self.owner_bytes, Some(&changed.owner)),
        ];
        match rows.into_iter().find(|(_, value, cap, _)| value > cap) {
            None => Ok(()),
            Some((what, value, cap, owner)) => Err(over(what, value, cap, owner)),
        }
    }

    /// Checks the size of a component.
    pub(crate) fn check_upload(&self, size: u64) -> Result<(), StoreError> {
        if size > self.upload { Err(over("bytes of one component", size, self.upload, None)) } else { Ok(()) }
    }
}

fn over(what: &'static str, value: u64, cap: u64, owner: Option<&Owner>) -> StoreError {
    StoreError::OverCap { what, value, cap, owner: owner.cloned() }
}

/// Returns the bytes of all components of records, each counted once.
pub(crate) fn bytes<'a>(records: impl Iterator<Item = &'a Record>) -> u64 {
    let mut seen = std::collections::HashSet::new();
    let entries = records.flat_map(|record| &record.versions);
    entries.filter(|entry| seen.insert(entry.digest)).fold(0, |sum, entry| sum.saturating_add(entry.size))
}

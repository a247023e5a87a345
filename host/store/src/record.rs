//! The record of a name: its owner, its versions, the current one, and its history.
//!
//! A record is one file: a line of JSON, and a line with its SHA-256, which reveals a flipped bit.

use std::collections::BTreeSet;

use ringfence::Digest;
use serde::{Deserialize, Serialize};

use crate::name::{Name, Owner, Version};

/// A name and all its versions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Record {
    /// The name.
    pub name: Name,
    /// The owner.
    pub owner: Owner,
    /// The current version; none while all are held.
    pub current: Option<Version>,
    /// All versions, in the order of their submission.
    pub versions: Vec<Entry>,
    /// The last 256 events of the name, the oldest first.
    pub history: Vec<Event>,
    /// Used versions, which never come back.
    #[serde(default, skip_serializing_if = "Spent::is_empty")]
    pub(crate) spent: Spent,
}

/// Used versions of a name. None of them ever means other bytes, after any number of events and after a removal.
///
/// Numbers count up, so the highest covers all of them. Other versions are stored as the beginning of a hash.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Spent {
    /// The highest number of a version.
    numbers: u64,
    /// Removed versions that are no numbers.
    names: BTreeSet<String>,
}

/// Maximum number of removed versions that are no numbers: their hashes take 230 kB of a record.
pub(crate) const SPENT: usize = 10_000;

/// Hexadecimal digits stored of the hash of a version: 80 bits.
const HASH: usize = 20;

impl Spent {
    fn is_empty(&self) -> bool {
        self.numbers == 0 && self.names.is_empty()
    }

    /// Records a new version.
    fn gave(&mut self, version: &Version) {
        if let Some(number) = version.number() {
            self.numbers = self.numbers.max(number);
        }
    }

    /// Records a removed version.
    fn removed(&mut self, version: &Version) {
        match version.number() {
            Some(number) => self.numbers = self.numbers.max(number),
            None => drop(self.names.insert(hash(version))),
        }
    }

    fn has(&self, version: &Version) -> bool {
        match version.number() {
            Some(number) => number <= self.numbers,
            None => self.names.contains(&hash(version)),
        }
    }

    fn join(&mut self, other: Self) {
        self.numbers = self.numbers.max(other.numbers);
        self.names.extend(other.names);
    }
}

/// Returns the beginning of the hash of a version.
fn hash(version: &Version) -> String {
    let digest = Digest::of(version.as_str().as_bytes()).to_string();
    digest.trim_start_matches("sha256:").chars().take(HASH).collect()
}

/// A version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Entry {
    /// The version.
    pub version: Version,
    /// SHA-256 of the component.
    pub digest: Digest,
    /// Bytes of the component.
    pub size: u64,
    /// Number of tools.
    pub tools: u32,
    /// Time of submission, in seconds since 1970.
    pub submitted: u64,
    /// Whether the version is held until an admin releases it.
    pub held: bool,
}

/// An event of a name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Event {
    /// The time, in seconds since 1970.
    pub at: u64,
    /// The change.
    pub what: Change,
    /// The version.
    pub version: Version,
}

/// A change of a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Change {
    /// Submitted, and current from then.
    Submitted,
    /// Submitted, and held.
    Held,
    /// Released, and current from then.
    Released,
    /// Current again.
    RolledBack,
    /// Removed.
    Removed,
}

/// Maximum number of events of a name.
const EVENTS: usize = 256;

/// Maximum bytes of a record: 1,000 versions and 256 events take half of it.
pub(crate) const MOST: u64 = 1 << 20;

impl Record {
    pub(crate) fn new(name: Name, owner: Owner) -> Self {
        Self {
            name,
            owner,
            current: None,
            versions: Vec::new(),
            history: Vec::new(),
            spent: Spent::default(),
        }
    }

    /// Continues the versions of a removed name.
    pub(crate) fn go_on_from(&mut self, before: Spent) {
        self.spent.join(before);
    }

    /// Adds a version.
    pub(crate) fn add(&mut self, entry: Entry) {
        self.spent.gave(&entry.version);
        self.versions.push(entry);
    }

    /// Removes a version for good.
    pub(crate) fn drop_version(&mut self, version: &Version) {
        self.versions.retain(|entry| entry.version != *version);
        self.spent.removed(version);
    }

    /// Removes all versions for good, and keeps which existed.
    pub(crate) fn drop_all(&mut self) {
        for entry in std::mem::take(&mut self.versions) {
            self.spent.removed(&entry.version);
        }
        self.current = None;
        self.history.clear();
    }

    /// Returns the number of current and removed versions that are no numbers.
    pub(crate) fn named_versions(&self) -> usize {
        let there = self.versions.iter().filter(|entry| entry.version.number().is_none()).count();
        self.spent.names.len().saturating_add(there)
    }

    /// Returns the entry of a version.
    pub fn entry(&self, version: &Version) -> Option<&Entry> {
        self.versions.iter().find(|entry| entry.version == *version)
    }

    /// Returns the entry of the current version.
    pub fn current(&self) -> Option<&Entry> {
        self.entry(self.current.as_ref()?)
    }

    /// Returns the versions for a message, the newest first.
    pub(crate) fn known(&self) -> String {
        let mut known: Vec<&str> =
            self.versions.iter().rev().take(10).map(|entry| entry.version.as_str()).collect();
        if known.len() < self.versions.len() {
            known.push("…");
        }
        known.join(", ")
    }

    /// Returns whether a version is used: it was removed, or its number is below the highest.
    pub(crate) fn had(&self, version: &Version) -> bool {
        self.entry(version).is_none() && self.spent.has(version)
    }

    /// Returns the number for a submission without a version: one more than the highest ever.
    pub(crate) fn next_version(&self) -> Version {
        let mut next = self.spent.numbers.saturating_add(1);
        // A version that somebody named may be a number too large to be counted from.
        while self.entry(&Version::numbered(next)).is_some() {
            next = next.saturating_add(1);
        }
        Version::numbered(next)
    }

    /// Returns the newest version that was current before and can be again: not one that was rolled back from, and not
    /// one that `may_run` refuses.
    pub(crate) fn earlier(&self, may_run: impl Fn(Digest) -> bool) -> Option<&Entry> {
        // The line of versions that led to the current one.
        let mut line: Vec<&Version> = Vec::new();
        for event in &self.history {
            match event.what {
                Change::Submitted | Change::Released => line.push(&event.version),
                Change::RolledBack => match line.iter().position(|version| **version == event.version) {
                    Some(at) => line.truncate(at.saturating_add(1)),
                    None => line.push(&event.version),
                },
                Change::Removed => line.retain(|version| **version != event.version),
                Change::Held => {}
            }
        }
        let before = line.into_iter().rev().filter(|version| Some(*version) != self.current.as_ref());
        before.filter_map(|version| self.entry(version)).find(|entry| !entry.held && may_run(entry.digest))
    }

    /// Drops all versions except the newest `keep`, the current one and held ones, and returns their number.
    pub(crate) fn keep_newest(&mut self, keep: usize, at: u64) -> u64 {
        let old = self.versions.len().saturating_sub(keep);
        let (current, mut index, mut gone) = (self.current.clone(), 0_usize, Vec::new());
        self.versions.retain(|entry| {
            index = index.saturating_add(1);
            let stays = index > old || entry.held || Some(&entry.version) == current.as_ref();
            if !stays {
                gone.push(entry.version.clone());
            }
            stays
        });
        let count = gone.len() as u64;
        for version in gone {
            self.spent.removed(&version);
            self.happened(at, Change::Removed, version);
        }
        count
    }

    pub(crate) fn happened(&mut self, at: u64, what: Change, version: Version) {
        self.history.push(Event { at, what, version });
        let surplus = self.history.len().saturating_sub(EVENTS);
        self.history.drain(..surplus);
    }

    /// Returns the record's file.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        // Plain data with string keys: there is nothing that could fail.
        let mut bytes = serde_json::to_vec(self).unwrap_or_default();
        seal(&mut bytes);
        bytes
    }

    /// Parses a record's file; fails with the reason if it is damaged.
    pub(crate) fn from_bytes(bytes: &[u8], name: &Name) -> Result<Self, String> {
        let record = Self::read(bytes, name)?;
        if record.versions.is_empty() {
            return Err("it has no version".to_owned());
        }
        Ok(record)
    }

    /// Parses the record of a removed name: with or without its versions.
    pub(crate) fn spent_in(bytes: &[u8], name: &Name) -> Result<(Spent, Owner), String> {
        let mut record = Self::read(bytes, name)?;
        record.drop_all();
        Ok((record.spent, record.owner))
    }

    fn read(bytes: &[u8], name: &Name) -> Result<Self, String> {
        let mut record: Self = serde_json::from_slice(unseal(bytes)?).map_err(|error| error.to_string())?;
        if record.name != *name {
            return Err(format!("it is the record of another skill, `{}`", record.name));
        }
        let versions: BTreeSet<&Version> = record.versions.iter().map(|entry| &entry.version).collect();
        if versions.len() < record.versions.len() {
            return Err("it lists a version twice".to_owned());
        }
        if record.current.as_ref().is_some_and(|current| !versions.contains(current)) {
            return Err("its current version does not exist".to_owned());
        }
        // Records of earlier releases say it by their history alone.
        let gone = record.history.iter().map(|event| &event.version);
        let gone: Vec<Version> = gone.filter(|version| !versions.contains(version)).cloned().collect();
        let there: Vec<Version> = versions.into_iter().cloned().collect();
        gone.iter().for_each(|version| record.spent.removed(version));
        there.iter().for_each(|version| record.spent.gave(version));
        Ok(record)
    }
}

/// Adds a line break and the digest of what is there.
pub(crate) fn seal(bytes: &mut Vec<u8>) {
    let digest = Digest::of(bytes).to_string();
    bytes.push(b'\n');
    bytes.extend_from_slice(digest.as_bytes());
    bytes.push(b'\n');
}

/// Returns the sealed text, or why its digest is wrong.
pub(crate) fn unseal(bytes: &[u8]) -> Result<&[u8], String> {
    let text = bytes.strip_suffix(b"\n").ok_or("it is truncated")?;
    let end = text.iter().rposition(|byte| *byte == b'\n').ok_or("it is truncated")?;
    let (body, seal) = text.split_at(end);
    let said =
        str::from_utf8(seal.get(1..).unwrap_or_default()).ok().and_then(|text| text.parse::<Digest>().ok());
    if said == Some(Digest::of(body)) { Ok(body) } else { Err("its checksum is wrong".to_owned()) }
}

//! What the store knows of a name: its owner, its versions, which is current, and how that came about.
//!
//! A record is one file: a line of JSON, and a line with its SHA-256, so that a flipped bit is seen.

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
    /// Whose it is.
    pub owner: Owner,
    /// The version that the bare name stands for; none while all are held.
    pub current: Option<Version>,
    /// All versions, in the order of their submission.
    pub versions: Vec<Entry>,
    /// What happened to the name, the oldest first; the last 256 events.
    pub history: Vec<Event>,
    /// Versions that never come back, however long ago they were there.
    #[serde(default, skip_serializing_if = "Spent::is_empty")]
    pub(crate) spent: Spent,
}

/// Versions that a name had: none of them is given to other bytes, after any number of events and after the name was
/// removed.
///
/// Numbers count up, so the highest says it for all of them. Of other versions the beginning of a hash is kept.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Spent {
    /// The highest number that a version had.
    numbers: u64,
    /// Versions that are no numbers, and were removed.
    names: BTreeSet<String>,
}

/// Most versions that are no numbers and were removed: their hashes come to 230 kB of a record.
pub(crate) const SPENT: usize = 10_000;

/// Hexadecimal digits that are kept of the hash of a version: 80 bits.
const HASH: usize = 20;

impl Spent {
    fn is_empty(&self) -> bool {
        self.numbers == 0 && self.names.is_empty()
    }

    /// Takes note of a version that is given now.
    fn gave(&mut self, version: &Version) {
        if let Some(number) = version.number() {
            self.numbers = self.numbers.max(number);
        }
    }

    /// Takes note of a version that is there no more.
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

/// The beginning of the hash of a version.
fn hash(version: &Version) -> String {
    let digest = Digest::of(version.as_str().as_bytes()).to_string();
    digest.trim_start_matches("sha256:").chars().take(HASH).collect()
}

/// A version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Entry {
    /// Its version.
    pub version: Version,
    /// SHA-256 of the component.
    pub digest: Digest,
    /// Bytes of the component.
    pub size: u64,
    /// How many tools it has.
    pub tools: u32,
    /// When it was submitted, in seconds since 1970.
    pub submitted: u64,
    /// Held: it does not run until it is released.
    pub held: bool,
}

/// A change of a name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Event {
    /// When, in seconds since 1970.
    pub at: u64,
    /// What.
    pub what: Change,
    /// Which version.
    pub version: Version,
}

/// What can happen to a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Change {
    /// It was submitted and became current.
    Submitted,
    /// It was submitted and is held.
    Held,
    /// It was released and became current.
    Released,
    /// It became current again.
    RolledBack,
    /// It was removed.
    Removed,
}

/// Events kept for each name.
const EVENTS: usize = 256;

/// Most bytes of a record: 1,000 versions and 256 events come to half of it.
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

    /// Goes on from what the name was before it was removed.
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

    /// Removes all versions for good: what stays says which there were.
    pub(crate) fn drop_all(&mut self) {
        for entry in std::mem::take(&mut self.versions) {
            self.spent.removed(&entry.version);
        }
        self.current = None;
        self.history.clear();
    }

    /// How many versions that are no numbers it has and had.
    pub(crate) fn named_versions(&self) -> usize {
        let there = self.versions.iter().filter(|entry| entry.version.number().is_none()).count();
        self.spent.names.len().saturating_add(there)
    }

    /// The entry of a version.
    pub fn entry(&self, version: &Version) -> Option<&Entry> {
        self.versions.iter().find(|entry| entry.version == *version)
    }

    /// The entry that the bare name stands for.
    pub fn current(&self) -> Option<&Entry> {
        self.entry(self.current.as_ref()?)
    }

    /// The versions, the newest first, for a message.
    pub(crate) fn known(&self) -> String {
        let mut known: Vec<&str> =
            self.versions.iter().rev().take(10).map(|entry| entry.version.as_str()).collect();
        if known.len() < self.versions.len() {
            known.push("…");
        }
        known.join(", ")
    }

    /// Whether such a version is used up: it was removed, or it is a number that was passed.
    pub(crate) fn had(&self, version: &Version) -> bool {
        self.entry(version).is_none() && self.spent.has(version)
    }

    /// The number for a submission that names no version: one more than the highest there ever was.
    pub(crate) fn next_version(&self) -> Version {
        let mut next = self.spent.numbers.saturating_add(1);
        // A version that somebody named may be a number too large to be counted from.
        while self.entry(&Version::numbered(next)).is_some() {
            next = next.saturating_add(1);
        }
        Version::numbered(next)
    }

    /// The newest version that was current before the current one was, and may be again: neither what was
    /// rolled away from, nor what `may_run` refuses.
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

    /// Drops all versions but the newest `keep`, the current one and those that are held; gives how many.
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

    /// The record's file.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        // Plain data with string keys: there is nothing that could fail.
        let mut bytes = serde_json::to_vec(self).unwrap_or_default();
        seal(&mut bytes);
        bytes
    }

    /// Reads a record's file; the reason where it is damaged.
    pub(crate) fn from_bytes(bytes: &[u8], name: &Name) -> Result<Self, String> {
        let record = Self::read(bytes, name)?;
        if record.versions.is_empty() {
            return Err("it has no version".to_owned());
        }
        Ok(record)
    }

    /// Reads what stays of a name that was removed: a record as it was, or one without versions.
    pub(crate) fn spent_in(bytes: &[u8], name: &Name) -> Result<(Spent, Owner), String> {
        let mut record = Self::read(bytes, name)?;
        record.drop_all();
        Ok((record.spent, record.owner))
    }

    fn read(bytes: &[u8], name: &Name) -> Result<Self, String> {
        let mut record: Self = serde_json::from_slice(unseal(bytes)?).map_err(|error| error.to_string())?;
        if record.name != *name {
            return Err(format!("it is the record of `{}`", record.name));
        }
        let versions: BTreeSet<&Version> = record.versions.iter().map(|entry| &entry.version).collect();
        if versions.len() < record.versions.len() {
            return Err("it has a version twice".to_owned());
        }
        if record.current.as_ref().is_some_and(|current| !versions.contains(current)) {
            return Err("its current version is none that it has".to_owned());
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

/// What was sealed, or why it is not that.
pub(crate) fn unseal(bytes: &[u8]) -> Result<&[u8], String> {
    let text = bytes.strip_suffix(b"\n").ok_or("it is cut off")?;
    let end = text.iter().rposition(|byte| *byte == b'\n').ok_or("it is cut off")?;
    let (body, seal) = text.split_at(end);
    let said =
        str::from_utf8(seal.get(1..).unwrap_or_default()).ok().and_then(|text| text.parse::<Digest>().ok());
    if said == Some(Digest::of(body)) { Ok(body) } else { Err("its checksum is wrong".to_owned()) }
}

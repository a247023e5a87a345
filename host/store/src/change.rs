//! Changes of a store. Each takes the lock, reads, decides, and makes one file visible.

use std::collections::BTreeSet;

use ringfence::{BreakingChange, Digest, SkillDescription, ValidatedSkill};
use serde::Serialize;

use crate::error::StoreError;
use crate::folder::Draft;
use crate::name::{Name, Owner, Version};
use crate::policy::Policy;
use crate::record::{self, Change, Entry, Record};
use crate::store::{Store, component_file, find, now};

/// Options of a submission.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Submit {
    /// The name.
    pub name: Name,
    /// The owner. A name belongs to its first submitter.
    pub owner: Owner,
    /// The version. Default: the next number.
    pub version: Option<Version>,
    /// Whether to hold the version until an admin releases it.
    pub hold: bool,
    /// Whether to replace the current version even if that breaks its callers.
    pub breaking: bool,
}

impl Submit {
    /// Creates options for the next version of `name` by `owner`: not held, and refused if it breaks callers.
    pub fn new(name: Name, owner: Owner) -> Self {
        Self { name, owner, version: None, hold: false, breaking: false }
    }
}

/// The receipt of a submission, which is on the disk.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct Receipt {
    /// The name.
    pub name: Name,
    /// The owner of the name.
    pub owner: Owner,
    /// The version.
    pub version: Version,
    /// SHA-256 of the component.
    pub digest: Digest,
    /// The effect of the submission.
    pub status: Status,
    /// Whether the version is held.
    pub held: bool,
    /// The version that was current before, if any.
    pub replaced: Option<Version>,
    /// What breaks for callers of that version, with [`Submit::breaking`].
    #[serde(serialize_with = "as_text")]
    pub breaking: Vec<BreakingChange>,
}

/// The effect of a submission.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// The version is current; none was before.
    New,
    /// The version replaced another one.
    Replaced,
    /// The version is held until an admin releases it.
    Held,
    /// The version existed already.
    Unchanged,
}

/// Changes of a store. Each takes the lock, reads, decides, and then makes one file visible.
impl Store {
    /// Changes the policy, starting from the current one, and returns the new policy. Existing skills stay.
    ///
    /// # Errors
    ///
    /// Fails with [`StoreError::PolicyRange`] for a value that the store cannot enforce, and if the policy cannot be
    /// read or written.
    pub fn update_policy(&self, change: impl FnOnce(Policy) -> Policy) -> Result<Policy, StoreError> {
        let _lock = self.lock(None)?;
        let policy = change(self.policy()?);
        policy.check_range()?;
        policy.write(&self.root, &self.scratch)?;
        Ok(policy)
    }

    /// Sets the policy, whatever it was.
    ///
    /// # Errors
    ///
    /// As [`Store::update_policy`].
    pub fn set_policy(&self, policy: &Policy) -> Result<(), StoreError> {
        policy.check_range()?;
        let _lock = self.lock(None)?;
        policy.write(&self.root, &self.scratch)
    }

    /// Stores a component under a name.
    ///
    /// When this returns, the submission is on the disk. `describe` describes the current version, to find what would
    /// break for its callers. It is called only if that version has another digest.
    ///
    /// # Errors
    ///
    /// Fails with a [`StoreError`], without a change, if the name belongs to another owner, the version is taken, the
    /// submission exceeds a cap or breaks callers, the digest is revoked, or the disk fails.
    pub fn submit(
        &self,
        skill: &ValidatedSkill,
        submit: &Submit,
        describe: impl FnOnce(&Entry) -> Result<SkillDescription, StoreError>,
    ) -> Result<Receipt, StoreError> {
        // Written before the lock is taken: nobody waits for a large component. One that is there whole stays;
        // one that is damaged is healed.
        let draft = match self.component(skill.digest(), skill.bytes().len() as u64) {
            Ok(_) => None,
            Err(_) => Some(self.draft_of(skill)?),
        };
        // Looked at under the lock, so that a revocation or another submission cannot come in between.
        let _lock = self.lock(Some(skill.digest()))?;
        let plan = self.plan(skill, submit, describe)?;
        let kept = self.keep_component(skill, draft);
        match plan {
            Plan::Repeats(receipt) => kept.map(|()| receipt),
            Plan::Adds { record, receipt } => {
                let kept = kept.and_then(|()| self.write(&record));
                if kept.is_err() {
                    // The component may be there, and nothing points at it: on a full disk its room is needed.
                    let _ = self.free(|digest| digest == skill.digest());
                }
                kept.map(|()| receipt)
            }
        }
    }

    /// Checks whether a submission would be accepted now, before it is compiled. Changes nothing.
    ///
    /// # Errors
    ///
    /// As [`Store::submit`].
    pub fn would_take(
        &self,
        skill: &ValidatedSkill,
        submit: &Submit,
        describe: impl FnOnce(&Entry) -> Result<SkillDescription, StoreError>,
    ) -> Result<(), StoreError> {
        self.plan(skill, submit, describe).map(|_| ())
    }

    fn plan(
        &self,
        skill: &ValidatedSkill,
        submit: &Submit,
        describe: impl FnOnce(&Entry) -> Result<SkillDescription, StoreError>,
    ) -> Result<Plan, StoreError> {
        let (digest, size) = (skill.digest(), skill.bytes().len() as u64);
        // First of all: who may not have the name learns nothing else.
        let old = self.expect_owner(&submit.name, &submit.owner)?;
        let policy = self.policy()?;
        policy.check_upload(size)?;
        self.expect_allowed(digest)?;
        let mut record = match old {
            Some(record) => record,
            None => self.new_record(submit, &policy)?,
        };
        if let Some(version) = submit.version.as_ref().filter(|version| record.had(version)) {
            return Err(StoreError::VersionGone { name: record.name, version: version.clone() });
        }
        if let Some(entry) = same(&record, digest, submit.version.as_ref())? {
            return Ok(Plan::Repeats(receipt(&record, entry, Status::Unchanged)));
        }
        let held = submit.hold || policy.hold;
        let current = record.current().cloned();
        let breaking = match &current {
            Some(current) if current.digest != digest => {
                let breaks = describe(current).map(|old| skill.described().breaking_changes_since(&old));
                compare(&record.name, current, submit.breaking, breaks)?
            }
            Some(_) | None => Vec::new(),
        };
        let version = submit.version.clone().unwrap_or_else(|| record.next_version());
        if version.number().is_none() && record.named_versions() >= record::SPENT {
            let (cap, value) = (record::SPENT as u64, record.named_versions() as u64);
            let what = "named versions of the skill, including removed ones";
            return Err(StoreError::OverCap { what, value: value.saturating_add(1), cap, owner: None });
        }
        let tools = u32::try_from(skill.tools().len()).unwrap_or(u32::MAX);
        let entry = Entry { version: version.clone(), digest, size, tools, submitted: now(), held };
        record.add(entry.clone());
        if !held {
            record.current = Some(version.clone());
        }
        record.happened(now(), if held { Change::Held } else { Change::Submitted }, version);
        let listed = self.list()?;
        // What cannot be read is a skill all the same.
        let unread = listed.iter().filter(|other| other.record.is_err() && other.name != record.name).count();
        let others: Vec<Record> = listed.into_iter().filter_map(|listed| listed.record.ok()).collect();
        policy.check(&others, unread as u64, &record)?;
        let status = match (&current, held) {
            (_, true) => Status::Held,
            (None, false) => Status::New,
            (Some(_), false) => Status::Replaced,
        };
        let replaced = current.map(|entry| entry.version);
        let receipt = Receipt { replaced, breaking, ..receipt(&record, &entry, status) };
        Ok(Plan::Adds { record, receipt })
    }

    /// Makes an earlier version current.
    ///
    /// Without a version it takes the one that was current before and can still run. A version that was rolled back
    /// from does not come back this way. `asking` must own the name; none for the store's admin.
    ///
    /// # Errors
    ///
    /// Fails with a [`StoreError`] if the version does not exist, is held or revoked, or if the name belongs to another
    /// owner.
    pub fn roll_back(
        &self,
        name: &Name,
        to: Option<&Version>,
        asking: Option<&Owner>,
    ) -> Result<Record, StoreError> {
        let _lock = self.lock(None)?;
        let mut record = self.owned(name, asking)?;
        let entry = match to {
            Some(version) => find(&record, version)?,
            None => record.earlier(|digest| self.expect_allowed(digest).is_ok()).ok_or_else(|| {
                let current = record.current.as_ref().map_or_else(|| "none".to_owned(), Version::to_string);
                StoreError::NothingEarlier { name: name.clone(), current }
            })?,
        }
        .clone();
        if entry.held {
            return Err(StoreError::Held { name: name.clone(), version: entry.version });
        }
        self.expect_allowed(entry.digest)?;
        if record.current.as_ref() != Some(&entry.version) {
            record.current = Some(entry.version.clone());
            record.happened(now(), Change::RolledBack, entry.version);
            self.write(&record)?;
        }
        Ok(record)
    }

    /// Releases a held version and makes it current. For the store's admin. A version that is not held stays as it is.
    ///
    /// `describe` describes a version, to find what would break for callers of the current one, which can have changed
    /// since the submission.
    ///
    /// # Errors
    ///
    /// Fails with a [`StoreError`] if the version does not exist, is revoked, or breaks callers without `breaking`.
    pub fn release(
        &self,
        name: &Name,
        version: &Version,
        breaking: bool,
        describe: impl Fn(&Entry) -> Result<SkillDescription, StoreError>,
    ) -> Result<Record, StoreError> {
        let _lock = self.lock(None)?;
        let mut record = self.expect(name)?;
        let entry = find(&record, version)?.clone();
        self.expect_allowed(entry.digest)?;
        if !entry.held {
            return Ok(record);
        }
        if let Some(current) = record.current().filter(|current| current.digest != entry.digest) {
            let breaks = describe(current).and_then(|old| Ok(describe(&entry)?.breaking_changes_since(&old)));
            compare(name, current, breaking, breaks)?;
        }
        for entry in record.versions.iter_mut().filter(|entry| entry.version == *version) {
            entry.held = false;
        }
        record.current = Some(version.clone());
        record.happened(now(), Change::Released, version.clone());
        self.write(&record)?;
        Ok(record)
    }

    /// Removes a name with all its versions, or one version that is not current. Frees components that no version has.
    ///
    /// # Errors
    ///
    /// Fails with a [`StoreError`] if the version does not exist or is current, or if the name belongs to another
    /// owner.
    pub fn remove(
        &self,
        name: &Name,
        version: Option<&Version>,
        asking: Option<&Owner>,
    ) -> Result<Vec<Entry>, StoreError> {
        let lock = self.lock(None)?;
        let mut record = self.owned(name, asking)?;
        // A full disk must not keep anybody from removing: then only `gc` finds what a kill leaves.
        let _ = lock.note(record.name.as_str());
        let gone = match version {
            None => {
                self.retire(&record)?;
                record.versions
            }
            Some(version) => {
                let gone = find(&record, version)?.clone();
                if record.current.as_ref() == Some(version) && record.versions.len() > 1 {
                    return Err(StoreError::IsCurrent { name: name.clone(), version: version.clone() });
                }
                if record.versions.len() == 1 {
                    self.retire(&record)?;
                } else {
                    record.drop_version(version);
                    record.happened(now(), Change::Removed, version.clone());
                    self.write(&record)?;
                }
                vec![gone]
            }
        };
        // The removal is done. What cannot be freed now is freed by `gc`.
        let digests: BTreeSet<Digest> = gone.iter().map(|entry| entry.digest).collect();
        let _ = self.free(|digest| digests.contains(&digest));
        Ok(gone)
    }

    /// Checks that an owner can submit under a name now, and returns its record, if any.
    ///
    /// The name must not belong to another owner, nor have a prefix of one; the error is the same in both cases. The
    /// check reads one file, so it comes before a component is received, validated or compiled.
    ///
    /// # Errors
    ///
    /// Fails with [`StoreError::NotOwner`], and if the store cannot be read.
    pub fn expect_owner(&self, name: &Name, asking: &Owner) -> Result<Option<Record>, StoreError> {
        let record = self.record(name)?;
        let of_record = record.as_ref().map(|record| record.owner.clone());
        match self.reserved_for(name)?.or(of_record).filter(|owner| owner != asking) {
            Some(owner) => Err(StoreError::NotOwner { name: name.clone(), owner, asking: asking.clone() }),
            None => Ok(record),
        }
    }

    /// Creates a record for a new name. Versions of a removed name continue from its highest.
    fn new_record(&self, submit: &Submit, policy: &Policy) -> Result<Record, StoreError> {
        let mut record = Record::new(submit.name.clone(), submit.owner.clone());
        match self.spent(&submit.name)? {
            Some(spent) => record.go_on_from(spent),
            None => self.check_retired(&submit.owner, policy)?,
        }
        Ok(record)
    }

    /// Returns the record of a name that `asking` owns; an admin passes none.
    fn owned(&self, name: &Name, asking: Option<&Owner>) -> Result<Record, StoreError> {
        let record = self.expect(name)?;
        match asking {
            Some(asking) if *asking != record.owner => {
                let (name, owner) = (record.name, record.owner);
                Err(StoreError::NotOwner { name, owner, asking: asking.clone() })
            }
            Some(_) | None => Ok(record),
        }
    }

    /// Writes a component aside and syncs it.
    fn draft_of(&self, skill: &ValidatedSkill) -> Result<Draft<'_>, StoreError> {
        let mut draft = self.scratch.draft(0o600)?;
        draft.write(skill.bytes())?;
        draft.sync()?;
        Ok(draft)
    }

    /// Renames a component into place. The caller has the lock.
    fn keep_component(&self, skill: &ValidatedSkill, draft: Option<Draft<'_>>) -> Result<(), StoreError> {
        let file = component_file(skill.digest());
        let draft = match draft {
            Some(draft) => draft,
            None if self.components.has(&file)? => return Ok(()),
            // Removed since it was looked at.
            None => self.draft_of(skill)?,
        };
        draft.keep(&self.components, &file)
    }

    /// Makes a change of a name visible, in one step.
    pub(crate) fn write(&self, record: &Record) -> Result<(), StoreError> {
        let bytes = record.to_bytes();
        if bytes.len() as u64 > record::MOST {
            let what = "bytes in the record of the skill";
            return Err(StoreError::OverCap {
                what,
                value: bytes.len() as u64,
                cap: record::MOST,
                owner: None,
            });
        }
        let mut draft = self.scratch.draft(0o600)?;
        draft.write(&bytes)?;
        draft.keep(&self.names, &format!("{}.json", record.name))
    }
}

/// The planned effect of a submission, before anything is written.
enum Plan {
    Repeats(Receipt),
    Adds { record: Record, receipt: Receipt },
}

/// Returns what breaks, if that is allowed, and fails otherwise. It also fails if the current version cannot be read,
/// because nothing is known of its callers then.
fn compare(
    name: &Name,
    current: &Entry,
    wanted: bool,
    breaks: Result<Vec<BreakingChange>, StoreError>,
) -> Result<Vec<BreakingChange>, StoreError> {
    let (name, version) = (name.clone(), current.version.clone());
    match breaks {
        Ok(changes) if changes.is_empty() || wanted => Ok(changes),
        Ok(changes) => Err(StoreError::Breaking { name, current: version, changes }),
        Err(_) if wanted => Ok(Vec::new()),
        Err(error) => Err(StoreError::NotComparable { name, current: version, source: Box::new(error) }),
    }
}

/// Returns the entry that a submission would only repeat: its version, or else the current one.
fn same<'a>(
    record: &'a Record,
    digest: Digest,
    version: Option<&Version>,
) -> Result<Option<&'a Entry>, StoreError> {
    let Some(version) = version else {
        let newest = record.versions.last().filter(|entry| entry.held);
        return Ok(newest.or(record.current()).filter(|entry| entry.digest == digest));
    };
    match record.entry(version) {
        Some(entry) if entry.digest != digest => Err(StoreError::VersionTaken {
            name: record.name.clone(),
            version: version.clone(),
            digest: entry.digest,
        }),
        entry => Ok(entry),
    }
}

fn receipt(record: &Record, entry: &Entry, status: Status) -> Receipt {
    Receipt {
        name: record.name.clone(),
        owner: record.owner.clone(),
        version: entry.version.clone(),
        digest: entry.digest,
        status,
        held: entry.held,
        replaced: None,
        breaking: Vec::new(),
    }
}

fn as_text<S: serde::Serializer>(changes: &[BreakingChange], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(changes.iter().map(ToString::to_string))
}

//! The changes: each takes the lock, looks, decides, and makes one file visible.

use std::collections::BTreeSet;

use ringfence::{BreakingChange, Digest, SkillDescription, ValidatedSkill};
use serde::Serialize;

use crate::error::StoreError;
use crate::folder::Draft;
use crate::name::{Name, Owner, Version};
use crate::policy::Policy;
use crate::record::{self, Change, Entry, Record};
use crate::store::{Store, component_file, find, now};

/// How a submission is to be kept.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Submit {
    /// Under which name.
    pub name: Name,
    /// For whom. A name belongs to who submits it first.
    pub owner: Owner,
    /// As which version; the next number where none is given.
    pub version: Option<Version>,
    /// Keep it, and let it run only when it is released.
    pub hold: bool,
    /// Replace the current version even if that breaks its callers.
    pub breaking: bool,
}

impl Submit {
    /// The next version of `name`, for `owner`; not held, and refused if it breaks callers.
    pub fn new(name: Name, owner: Owner) -> Self {
        Self { name, owner, version: None, hold: false, breaking: false }
    }
}

/// What became of a submission. It is on the disk, whatever happens next.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct Receipt {
    /// Its name.
    pub name: Name,
    /// Whose the name is.
    pub owner: Owner,
    /// Its version.
    pub version: Version,
    /// SHA-256 of the component.
    pub digest: Digest,
    /// What happened.
    pub status: Status,
    /// Whether it waits to be released.
    pub held: bool,
    /// The version that was current before, if another was.
    pub replaced: Option<Version>,
    /// What breaks for callers of that version; only with [`Submit::breaking`].
    #[serde(serialize_with = "as_text")]
    pub breaking: Vec<BreakingChange>,
}

/// What a submission did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// No other version was current.
    New,
    /// It took the place of another version.
    Replaced,
    /// It is held until it is released.
    Held,
    /// It was there already.
    Unchanged,
}

/// The changes. Each takes the lock, looks, decides, and then makes one file visible.
impl Store {
    /// Changes what the store takes, by what it takes now; gives what it takes then. What is there already stays.
    ///
    /// # Errors
    ///
    /// [`StoreError::PolicyRange`] for a value that could not be enforced; else when it cannot be read or written.
    pub fn update_policy(&self, change: impl FnOnce(Policy) -> Policy) -> Result<Policy, StoreError> {
        let _lock = self.lock(None)?;
        let policy = change(self.policy()?);
        policy.check_range()?;
        policy.write(&self.root, &self.scratch)?;
        Ok(policy)
    }

    /// Sets what the store takes, whatever it took.
    ///
    /// # Errors
    ///
    /// As [`Store::update_policy`].
    pub fn set_policy(&self, policy: &Policy) -> Result<(), StoreError> {
        policy.check_range()?;
        let _lock = self.lock(None)?;
        policy.write(&self.root, &self.scratch)
    }

    /// Keeps a component under a name. When this returns the submission is on the disk; an error means that
    /// nothing has changed.
    ///
    /// `describe` describes the current version, to see what would break for its callers; it is asked only when
    /// that has another digest.
    ///
    /// # Errors
    ///
    /// [`StoreError`]: the name is another's, the version is taken, a cap is met, callers would break, the
    /// digest is revoked, or the disk says no.
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

    /// Whether a submission would be taken as things are, so that one that would not is refused before it is
    /// compiled. Changes nothing.
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
            let what = "versions of the skill that are no numbers, removed ones included";
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

    /// Makes an earlier version current: where none is named, the one that was current before the current one was,
    /// and may still run. What was rolled away from is not gone back to.
    ///
    /// `asking` is whose the name must be; none for the store's admin.
    ///
    /// # Errors
    ///
    /// [`StoreError`]: there is no such version, it is held or revoked, or the name is another's.
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

    /// Lets a held version run, and makes it current. For the store's admin. A version that is not held stays as it
    /// is.
    ///
    /// `describe` describes a version, to see what would break for callers of the current one, which may be another
    /// than when this one was submitted.
    ///
    /// # Errors
    ///
    /// [`StoreError`]: there is no such version, it is revoked, or it would break callers and `breaking` is not wanted.
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

    /// Removes a name with all its versions, or one version that is not current. Frees what nothing points
    /// at any more.
    ///
    /// # Errors
    ///
    /// [`StoreError`]: there is no such version, it is current, or the name is another's.
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

    /// Refuses who may not submit under a name, as things are: it belongs to another owner, or its beginning is reserved
    /// for one. The answer is the same in both cases. Gives the record, where there is one.
    ///
    /// It costs a look at a file, so it comes before a component is received, checked or compiled.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotOwner`]; else when the store cannot be read.
    pub fn expect_owner(&self, name: &Name, asking: &Owner) -> Result<Option<Record>, StoreError> {
        let record = self.record(name)?;
        let of_record = record.as_ref().map(|record| record.owner.clone());
        match self.reserved_for(name)?.or(of_record).filter(|owner| owner != asking) {
            Some(owner) => Err(StoreError::NotOwner { name: name.clone(), owner, asking: asking.clone() }),
            None => Ok(record),
        }
    }

    /// A record for a name that is not there. If it was there once, its versions go on from that.
    fn new_record(&self, submit: &Submit, policy: &Policy) -> Result<Record, StoreError> {
        let mut record = Record::new(submit.name.clone(), submit.owner.clone());
        match self.spent(&submit.name)? {
            Some(spent) => record.go_on_from(spent),
            None => self.check_retired(&submit.owner, policy)?,
        }
        Ok(record)
    }

    /// The record of a name that `asking` may change; an admin asks for nobody.
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

    /// A component, written aside and made to last.
    fn draft_of(&self, skill: &ValidatedSkill) -> Result<Draft<'_>, StoreError> {
        let mut draft = self.scratch.draft(0o600)?;
        draft.write(skill.bytes())?;
        draft.sync()?;
        Ok(draft)
    }

    /// Puts a component in its place. The caller holds the lock.
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

    /// The one step that makes a change of a name visible.
    pub(crate) fn write(&self, record: &Record) -> Result<(), StoreError> {
        let bytes = record.to_bytes();
        if bytes.len() as u64 > record::MOST {
            let what = "bytes of the record of a name";
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

/// What a submission comes to, before anything is written.
enum Plan {
    Repeats(Receipt),
    Adds { record: Record, receipt: Receipt },
}

/// What breaks, if that is wanted; refused if it is not. A current version that cannot be read is refused as well:
/// nothing is known of its callers then.
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
        Err(error) => Err(StoreError::NotComparable { name, current: version, reason: error.to_string() }),
    }
}

/// The entry that a submission would only repeat: the version it names, or else the current one.
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

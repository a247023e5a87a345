//! The store: what is there, and the changes, each of which is visible in one step or not at all.

use std::collections::BTreeSet;
use std::fs::TryLockError;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use cap_std::ambient_authority;
use cap_std::fs::{Dir, MetadataExt as _};
use ringfence::{BreakingChange, Digest, ValidatedSkill, text};
use rustix::fs::{AtFlags, Mode};
use serde::{Deserialize, Serialize};

use crate::artifacts::{Artifacts, Key, digest_of, hex, name_of};
use crate::error::StoreError;
use crate::folder::{Folder, Scratch};
use crate::name::{Name, Owner, Reference, Version};
use crate::policy::Policy;
use crate::record::{self, Change, Entry, Record};

/// A store of skills: a directory that belongs to one user.
///
/// Every change is a file that is written aside, made to last, and renamed into place; one rename makes a
/// submission visible. Several processes can use a store at once: changes are made one after another, under
/// a lock that is held for milliseconds, and readers never wait.
///
/// Not covered: file systems without working `flock`, `fsync` or atomic `rename` (some network ones).
#[derive(Debug)]
pub struct Store {
    path: PathBuf,
    pub(crate) root: Folder,
    pub(crate) names: Folder,
    pub(crate) components: Folder,
    pub(crate) artifacts: Folder,
    pub(crate) revoked: Folder,
    pub(crate) scratch: Scratch,
}

/// What the file `format` says.
const FORMAT: &[u8] = b"ringfence store 1\n";
pub(crate) const FOLDERS: [&str; 5] = ["names", "components", "artifacts", "revoked", "scratch"];
pub(crate) const FILES: [&str; 4] = ["format", "lock", "key", "policy.json"];

/// How long a change waits for another.
const PATIENCE: Duration = Duration::from_secs(10);

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
    /// The name is new.
    New,
    /// It took the place of another version.
    Replaced,
    /// It is held until it is released.
    Held,
    /// It was there already.
    Unchanged,
}

/// A name as the store has it: its record, or why that cannot be read.
#[derive(Debug)]
pub struct Listed {
    /// The name.
    pub name: Name,
    /// Its record.
    pub record: Result<Record, StoreError>,
}

/// What a reference came to.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Resolved {
    /// The name, where one was asked for.
    pub name: Option<Name>,
    /// The version, where a name was asked for.
    pub version: Option<Version>,
    /// The component.
    pub digest: Digest,
}

/// What is known of a revocation.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Revocation {
    /// What never runs again.
    pub digest: Digest,
    /// When, in seconds since 1970.
    pub at: u64,
    /// Why, as it was said.
    pub reason: Option<String>,
}

impl Store {
    /// Opens a store, and makes it where there is none. Cleans up what processes that were killed left.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unsafe`] for a directory that others can write to, [`StoreError::Format`] for one that
    /// holds something else.
    pub fn open_or_make(path: &Path) -> Result<Self, StoreError> {
        match Self::open(path) {
            Err(StoreError::NoStore { .. }) => {
                make(path)?;
                Self::open(path)
            }
            opened => opened,
        }
    }

    /// Opens a store that is there. Cleans up what processes that were killed left, if it can be written to.
    ///
    /// # Errors
    ///
    /// [`StoreError::NoStore`] where there is none; else as [`Store::open_or_make`].
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let shown = || text::clean(&path.display().to_string(), 512);
        let none = || StoreError::NoStore { path: shown() };
        let dir = match Dir::open_ambient_dir(path, ambient_authority()) {
            Ok(dir) => dir,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(none()),
            Err(error) => return Err(StoreError::io(format!("opening {}", shown()), error)),
        };
        let metadata =
            dir.dir_metadata().map_err(|error| StoreError::io(format!("looking at {}", shown()), error))?;
        let root = Folder::root(dir);
        match root.read("format", 64)? {
            Some(format) if format == FORMAT => {}
            Some(_) => {
                let reason = "its file `format` names another format".to_owned();
                return Err(StoreError::Format { path: shown(), reason });
            }
            None => return Err(none()),
        }
        // Who can rename files here can put any record in the place of another.
        if metadata.mode() & 0o022 != 0 {
            let next = format!("`chmod go-w {}`", shown());
            return Err(StoreError::Unsafe { path: shown(), reason: "others can write to it".into(), next });
        }
        let folder = |name: &str| {
            let missing =
                || StoreError::Format { path: shown(), reason: format!("it has no directory `{name}`") };
            root.folder(name)?.ok_or_else(missing)
        };
        let store = Self {
            path: path.to_owned(),
            names: folder("names")?,
            components: folder("components")?,
            artifacts: folder("artifacts")?,
            revoked: folder("revoked")?,
            scratch: Scratch::new(folder("scratch")?),
            root,
        };
        store.recover()?;
        Ok(store)
    }

    /// Where the store is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What the store takes.
    ///
    /// # Errors
    ///
    /// [`StoreError::Damaged`] when that cannot be read. Nothing is submitted then; all else goes on.
    pub fn policy(&self) -> Result<Policy, StoreError> {
        Policy::read(&self.root)
    }

    /// Sets what the store takes. What is there already stays.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when it cannot be written.
    pub fn set_policy(&self, policy: &Policy) -> Result<(), StoreError> {
        let _lock = self.lock(None)?;
        policy.write(&self.root, &self.scratch)
    }

    /// Every name, in order. A record that cannot be read is listed with its reason and hides no other.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the directory itself cannot be read.
    pub fn list(&self) -> Result<Vec<Listed>, StoreError> {
        let mut listed = Vec::new();
        for name in self.names.names()?.iter().filter_map(|file| name_of(file)) {
            match self.record(&name) {
                // Removed since the directory was read.
                Ok(None) => {}
                Ok(Some(record)) => listed.push(Listed { name, record: Ok(record) }),
                Err(error) => listed.push(Listed { name, record: Err(error) }),
            }
        }
        Ok(listed)
    }

    /// The record of a name; none when there is no such skill.
    ///
    /// # Errors
    ///
    /// [`StoreError::Damaged`] or [`StoreError::Foreign`] when it cannot be read.
    pub fn record(&self, name: &Name) -> Result<Option<Record>, StoreError> {
        let file = format!("{name}.json");
        let Some(bytes) = self.names.read(&file, record::MOST)? else { return Ok(None) };
        let next = "submit the skill again after moving the file away, or restore it";
        let damaged = |reason| StoreError::Damaged { path: self.names.label(&file), reason, next };
        Record::from_bytes(&bytes, name).map(Some).map_err(damaged)
    }

    /// The record of a name that must be there.
    ///
    /// # Errors
    ///
    /// [`StoreError::NoSuchSkill`] with the nearest name; else as [`Store::record`].
    pub fn expect(&self, name: &Name) -> Result<Record, StoreError> {
        match self.record(name)? {
            Some(record) => Ok(record),
            None => Err(StoreError::NoSuchSkill { name: name.clone(), nearest: self.nearest(name) }),
        }
    }

    /// What may run under a reference: not held, not revoked.
    ///
    /// # Errors
    ///
    /// [`StoreError`] that says why nothing may.
    pub fn resolve(&self, reference: &Reference) -> Result<Resolved, StoreError> {
        let (resolved, held) = self.look_up(reference)?;
        if let Some((name, version)) = held {
            return Err(StoreError::Held { name, version });
        }
        self.expect_allowed(resolved.digest)?;
        Ok(resolved)
    }

    /// The bytes that a reference stands for, whether they may run or not. For a person who looks at them.
    ///
    /// # Errors
    ///
    /// [`StoreError`]: there is no such skill.
    pub fn digest_of(&self, reference: &Reference) -> Result<Digest, StoreError> {
        self.look_up(reference).map(|(resolved, _)| resolved.digest)
    }

    /// What a reference stands for, and the version that is held, if that is all there is.
    fn look_up(&self, reference: &Reference) -> Result<(Resolved, Option<(Name, Version)>), StoreError> {
        let (name, wanted) = match reference {
            Reference::Name(name) => (name, None),
            Reference::Version(name, version) => (name, Some(version)),
            Reference::Digest(digest) => return self.look_up_digest(*digest),
        };
        let record = self.expect(name)?;
        let entry = match wanted {
            Some(version) => find(&record, version)?,
            None => record.current().or(record.versions.last()).ok_or_else(|| StoreError::Damaged {
                path: self.names.label(&format!("{name}.json")),
                reason: "it has no version".to_owned(),
                next: "remove the skill and submit it again",
            })?,
        };
        let held = entry.held.then(|| (name.clone(), entry.version.clone()));
        let version = Some(entry.version.clone());
        Ok((Resolved { name: Some(name.clone()), version, digest: entry.digest }, held))
    }

    /// A digest that some version points at; held if every one that does is.
    fn look_up_digest(&self, digest: Digest) -> Result<(Resolved, Option<(Name, Version)>), StoreError> {
        let resolved = Resolved { name: None, version: None, digest };
        let mut held = None;
        for record in self.list()?.into_iter().filter_map(|listed| listed.record.ok()) {
            for entry in record.versions.iter().filter(|entry| entry.digest == digest) {
                if !entry.held {
                    return Ok((resolved, None));
                }
                held = Some((record.name.clone(), entry.version.clone()));
            }
        }
        match held {
            Some(held) => Ok((resolved, Some(held))),
            None => Err(StoreError::NoSuchDigest { digest }),
        }
    }

    /// Refuses a digest that is revoked. Whatever stands in the place of its revocation counts as one.
    ///
    /// # Errors
    ///
    /// [`StoreError::Revoked`].
    pub fn expect_allowed(&self, digest: Digest) -> Result<(), StoreError> {
        if !self.revoked.has(&revocation_file(digest))? {
            return Ok(());
        }
        Err(StoreError::Revoked {
            digest,
            reason: self.revocation(digest).and_then(|revoked| revoked.reason),
        })
    }

    /// What was said when a digest was revoked, if that can be read.
    pub fn revocation(&self, digest: Digest) -> Option<Revocation> {
        let bytes = self.revoked.read(&revocation_file(digest), 64 << 10).ok()??;
        serde_json::from_slice(record::unseal(&bytes).ok()?).ok()
    }

    /// The bytes of a component, which are of that digest.
    ///
    /// # Errors
    ///
    /// [`StoreError::Damaged`] when they are gone or others.
    pub fn component(&self, digest: Digest) -> Result<Vec<u8>, StoreError> {
        let file = component_file(digest);
        let next = "submit the skill again";
        let damaged = |reason: &str| StoreError::Damaged {
            path: self.components.label(&file),
            reason: reason.to_owned(),
            next,
        };
        let bytes = self.components.read(&file, 1 << 30)?.ok_or_else(|| damaged("it is gone"))?;
        if Digest::of(&bytes) == digest {
            Ok(bytes)
        } else {
            Err(damaged("its bytes are not those of its name"))
        }
    }

    /// Where the artifacts of one engine are, and the key to them.
    pub(crate) fn artifacts<'a>(
        &self,
        fingerprint: Digest,
        key: &'a Key,
    ) -> Result<Artifacts<'a>, StoreError> {
        let folder = self.artifacts.make_folder(&hex(fingerprint))?;
        Ok(Artifacts { folder, key, fingerprint })
    }

    /// The store's key, made at first use.
    pub(crate) fn key(&self) -> Result<Key, StoreError> {
        if let Some(key) = Key::read(&self.root)? {
            return Ok(key);
        }
        let _lock = self.lock(None)?;
        match Key::read(&self.root)? {
            Some(key) => Ok(key),
            None => Key::make(&self.root, &self.scratch),
        }
    }

    fn nearest(&self, name: &Name) -> Option<Name> {
        let names = self.names.names().ok()?;
        let known = names.iter().filter_map(|file| name_of(file));
        let ranked = known.map(|known| (strsim::levenshtein(known.as_str(), name.as_str()), known));
        ranked.min_by_key(|(distance, _)| *distance).map(|(_, known)| known)
    }
}

/// The changes. Each takes the lock, looks, decides, and then makes one file visible.
impl Store {
    /// Keeps a component under a name. When this returns the submission is on the disk; an error means that
    /// nothing has changed.
    ///
    /// `breaks` says what would break for callers of the current version; it is asked only when another
    /// digest is current.
    ///
    /// # Errors
    ///
    /// [`StoreError`]: the name is another's, the version is taken, a cap is met, callers would break, the
    /// digest is revoked, or the disk says no.
    pub fn submit(
        &self,
        skill: &ValidatedSkill,
        submit: &Submit,
        breaks: impl FnOnce(&Entry) -> Result<Vec<BreakingChange>, StoreError>,
    ) -> Result<Receipt, StoreError> {
        // Looked at under the lock, so that a revocation or another submission cannot come in between.
        let _lock = self.lock(Some(skill.digest()))?;
        match self.plan(skill, submit, breaks)? {
            Plan::Repeats(receipt) => {
                // Heals a component that was damaged since.
                self.keep_component(skill)?;
                Ok(receipt)
            }
            Plan::Adds { record, receipt } => {
                let kept = self.keep_component(skill).and_then(|()| self.write(&record));
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
        breaks: impl FnOnce(&Entry) -> Result<Vec<BreakingChange>, StoreError>,
    ) -> Result<(), StoreError> {
        self.plan(skill, submit, breaks).map(|_| ())
    }

    fn plan(
        &self,
        skill: &ValidatedSkill,
        submit: &Submit,
        breaks: impl FnOnce(&Entry) -> Result<Vec<BreakingChange>, StoreError>,
    ) -> Result<Plan, StoreError> {
        let (digest, size) = (skill.digest(), skill.bytes().len() as u64);
        let policy = self.policy()?;
        policy.check_upload(size)?;
        self.expect_allowed(digest)?;
        let old = self.record(&submit.name)?;
        if let Some(record) = old.as_ref().filter(|record| record.owner != submit.owner) {
            let (name, owner) = (record.name.clone(), record.owner.clone());
            return Err(StoreError::NotOwner { name, owner, asking: submit.owner.clone() });
        }
        let mut record = old.unwrap_or_else(|| Record::new(submit.name.clone(), submit.owner.clone()));
        if let Some(entry) = same(&record, digest, submit.version.as_ref())? {
            return Ok(Plan::Repeats(receipt(&record, entry, Status::Unchanged)));
        }
        let held = submit.hold || policy.hold;
        let current = record.current().cloned();
        let breaking = match &current {
            Some(current) if current.digest != digest => {
                compare(&record.name, current, submit.breaking, breaks(current))?
            }
            Some(_) | None => Vec::new(),
        };
        let version = submit.version.clone().unwrap_or_else(|| record.next_version());
        let tools = u32::try_from(skill.tools().len()).unwrap_or(u32::MAX);
        let entry = Entry { version: version.clone(), digest, size, tools, submitted: now(), held };
        record.versions.push(entry.clone());
        if !held {
            record.current = Some(version.clone());
        }
        record.happened(now(), if held { Change::Held } else { Change::Submitted }, version);
        let others: Vec<Record> = self.list()?.into_iter().filter_map(|listed| listed.record.ok()).collect();
        policy.check(&others, &record)?;
        let status = match (&current, held) {
            (_, true) => Status::Held,
            (None, false) => Status::New,
            (Some(_), false) => Status::Replaced,
        };
        let replaced = current.map(|entry| entry.version);
        let receipt = Receipt { replaced, breaking, ..receipt(&record, &entry, status) };
        Ok(Plan::Adds { record, receipt })
    }

    /// Makes an earlier version current: the one before the current one, where none is named.
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
            None => record.earlier().ok_or_else(|| {
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

    /// Lets a held version run, and makes it current. For the store's admin.
    ///
    /// # Errors
    ///
    /// [`StoreError`]: there is no such version, or it is revoked.
    pub fn release(&self, name: &Name, version: &Version) -> Result<Record, StoreError> {
        let _lock = self.lock(None)?;
        let mut record = self.expect(name)?;
        let entry = find(&record, version)?.clone();
        self.expect_allowed(entry.digest)?;
        if !entry.held {
            return Ok(record);
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
                self.names.remove(&format!("{name}.json"))?;
                self.names.sync()?;
                record.versions
            }
            Some(version) => {
                let gone = find(&record, version)?.clone();
                if record.current.as_ref() == Some(version) && record.versions.len() > 1 {
                    return Err(StoreError::IsCurrent { name: name.clone(), version: version.clone() });
                }
                record.versions.retain(|entry| entry.version != *version);
                if record.versions.is_empty() {
                    self.names.remove(&format!("{name}.json"))?;
                    self.names.sync()?;
                } else {
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

    /// Revokes a digest: it never runs again, under whatever name, and its code is removed. For the store's
    /// admin; there is no way back.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when it cannot be written; then the digest is not revoked.
    pub fn revoke(&self, digest: Digest, reason: Option<&str>) -> Result<(), StoreError> {
        let _lock = self.lock(None)?;
        if !self.revoked.has(&revocation_file(digest))? {
            let reason = reason.map(|reason| text::clean(reason, 1024));
            let revocation = Revocation { digest, at: now(), reason };
            let mut bytes = serde_json::to_vec(&revocation).unwrap_or_default();
            record::seal(&mut bytes);
            let mut draft = self.scratch.draft(0o600)?;
            draft.write(&bytes)?;
            draft.keep(&self.revoked, &revocation_file(digest))?;
        }
        // Revoked is what is written above; that the code is gone as well only saves space.
        let _ = self.forget_artifacts(|known| known == digest);
        Ok(())
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

    /// Puts a component in its place, if it is not there whole.
    fn keep_component(&self, skill: &ValidatedSkill) -> Result<(), StoreError> {
        let file = component_file(skill.digest());
        if self.components.has(&file)? && self.component(skill.digest()).is_ok() {
            return Ok(());
        }
        let mut draft = self.scratch.draft(0o600)?;
        draft.write(skill.bytes())?;
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

    /// Removes components, and their artifacts, that no record points at and `which` names. Removes nothing
    /// when a record cannot be read: what that points at is not known. The caller holds the lock.
    pub(crate) fn free(&self, which: impl Fn(Digest) -> bool) -> Result<Freed, StoreError> {
        let mut freed = Freed::default();
        let mut used = BTreeSet::new();
        for listed in self.list()? {
            used.extend(listed.record?.versions.iter().map(|entry| entry.digest));
        }
        let unused = |digest: Digest| which(digest) && !used.contains(&digest);
        for file in self.components.names()? {
            if digest_of(&file, ".wasm").is_some_and(unused) {
                self.components.remove_plain(&file)?.into_iter().for_each(|size| freed.add(size));
            }
        }
        let artifacts = self.forget_artifacts(unused)?;
        freed.files = freed.files.saturating_add(artifacts.files);
        freed.bytes = freed.bytes.saturating_add(artifacts.bytes);
        Ok(freed)
    }

    /// Removes the artifacts of some skills, of every engine.
    pub(crate) fn forget_artifacts(&self, which: impl Fn(Digest) -> bool) -> Result<Freed, StoreError> {
        let mut freed = Freed::default();
        for engine in self.artifacts.names()? {
            let Ok(Some(folder)) = self.artifacts.folder(&engine) else { continue };
            for file in folder.names()? {
                if digest_of(&file, ".cwasm").is_some_and(&which) {
                    folder.remove_plain(&file)?.into_iter().for_each(|size| freed.add(size));
                }
            }
        }
        Ok(freed)
    }
}

/// What was removed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Freed {
    /// How many files.
    pub files: u64,
    /// How many bytes they had.
    pub bytes: u64,
}

impl Freed {
    pub(crate) fn add(&mut self, bytes: u64) {
        self.files = self.files.saturating_add(1);
        self.bytes = self.bytes.saturating_add(bytes);
    }
}

/// The lock of the store: one process changes it at a time. What stands in its file is what is being added or
/// removed, so that the next process knows that a killed one may have left components.
#[derive(Debug)]
pub(crate) struct Lock {
    file: std::fs::File,
}

impl Lock {
    /// Says what is being changed, until the lock is given back.
    pub(crate) fn note(&self, what: &str) -> io::Result<()> {
        (&self.file).write_all(format!("{what}\n").as_bytes())
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // What stays there only makes the next process look for leftovers. Closing the file gives the lock back.
        let _ = self.file.set_len(0);
    }
}

impl Store {
    pub(crate) fn lock(&self, adding: Option<Digest>) -> Result<Lock, StoreError> {
        let file = self.root.open_to_write("lock")?.file.into_std();
        let begun = Instant::now();
        loop {
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::WouldBlock) if begun.elapsed() < PATIENCE => {
                    std::thread::sleep(Duration::from_millis(2));
                }
                Err(TryLockError::WouldBlock) => {
                    return Err(StoreError::Busy { seconds: PATIENCE.as_secs() });
                }
                Err(TryLockError::Error(error)) => return Err(self.root.failed("locking", "lock", error)),
            }
        }
        let left = file.metadata().map_or(0, |metadata| metadata.len()) > 0;
        let lock = Lock { file };
        if left {
            self.clean_up();
        }
        if let Some(digest) = adding {
            let noted = lock.note(&digest.to_string());
            noted.map_err(|error| self.root.failed("writing", "lock", error))?;
        }
        Ok(lock)
    }

    /// Cleans up what a killed process left. A store that cannot be written to is used as it is.
    fn recover(&self) -> Result<(), StoreError> {
        let left = self.root.look("lock").is_some_and(|found| found.len() > 0);
        match self.scratch.clean().and_then(|_| if left { self.lock(None).map(|_| ()) } else { Ok(()) }) {
            // Another process is at work: it cleans up, or is what we saw.
            Ok(())
            | Err(StoreError::ReadOnly { .. } | StoreError::Busy { .. } | StoreError::DiskFull { .. }) => {
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    /// What a killed submission or removal may have left: a component that nothing points at. The caller holds the lock.
    fn clean_up(&self) {
        // A leftover takes space and does no harm; if it cannot be removed now, `gc` says why.
        let _ = self.free(|_| true);
    }
}

/// Makes the directories of a store, and last the file that says that it is one.
fn make(path: &Path) -> Result<(), StoreError> {
    let shown = text::clean(&path.display().to_string(), 512);
    let failed = |error| StoreError::io(format!("making {shown}"), error);
    let dir = match Dir::open_ambient_dir(path, ambient_authority()) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Dir::create_ambient_dir_all(path, ambient_authority()).map_err(failed)?;
            Dir::open_ambient_dir(path, ambient_authority()).map_err(failed)?
        }
        opened => opened.map_err(failed)?,
    };
    let root = Folder::root(dir.try_clone().map_err(failed)?);
    // Another process may be making it at this moment, so our own names are no surprise.
    let foreign = root
        .names()?
        .into_iter()
        .find(|name| !FOLDERS.contains(&name.as_str()) && !FILES.contains(&name.as_str()));
    if let Some(name) = foreign {
        let reason = format!("it holds `{}` already; choose an empty directory", text::clean(&name, 80));
        return Err(StoreError::Format { path: shown, reason });
    }
    rustix::fs::chmodat(&dir, ".", Mode::RWXU, AtFlags::empty()).map_err(|error| failed(error.into()))?;
    for name in FOLDERS {
        root.make_folder(name)?;
    }
    let scratch = Scratch::new(root.make_folder("scratch")?);
    let mut draft = scratch.draft(0o600)?;
    draft.write(FORMAT)?;
    draft.keep(&root, "format")
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

fn find<'a>(record: &'a Record, version: &Version) -> Result<&'a Entry, StoreError> {
    record.entry(version).ok_or_else(|| StoreError::NoSuchVersion {
        name: record.name.clone(),
        version: version.clone(),
        known: record.known(),
    })
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
        replaced: None,
        breaking: Vec::new(),
    }
}

fn as_text<S: serde::Serializer>(changes: &[BreakingChange], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(changes.iter().map(ToString::to_string))
}

pub(crate) fn component_file(digest: Digest) -> String {
    format!("{}.wasm", hex(digest))
}

pub(crate) fn revocation_file(digest: Digest) -> String {
    format!("{}.json", hex(digest))
}

/// Seconds since 1970; 0 for a clock before that.
pub(crate) fn now() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |time| time.as_secs())
}

//! The store: reads what it contains, and decides what can run.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use ringfence::Digest;

use crate::artifacts::{hex, name_of};
use crate::error::StoreError;
use crate::folder::{Folder, Scratch};
use crate::gate::Gate;
use crate::name::{Name, Reference, Version};
use crate::policy::Policy;
use crate::record::{self, Entry, Record};

/// A store of skills: a directory that belongs to one user.
///
/// A change writes a file aside, syncs it, and renames it into place; one rename makes a submission visible. Several
/// processes can use a store at once. They make changes one after another under a lock, for which a change waits at
/// most 10 s. Readers take no lock.
///
/// Every function reads or writes the disk and blocks. In async code call it on a blocking thread, as
/// [`crate::Library`] does.
///
/// Not covered: file systems without working `flock`, `fsync` or atomic `rename` (some network ones).
#[derive(Debug)]
pub struct Store {
    pub(crate) path: PathBuf,
    pub(crate) root: Folder,
    pub(crate) names: Folder,
    pub(crate) components: Folder,
    pub(crate) artifacts: Folder,
    pub(crate) revoked: Folder,
    pub(crate) scratch: Scratch,
    /// The gate at which threads of this process wait to change the store.
    pub(crate) gate: Gate,
}

/// A name of the store, with its record or the error of reading it.
#[derive(Debug)]
pub struct Listed {
    /// The name.
    pub name: Name,
    /// Its record.
    pub record: Result<Record, StoreError>,
}

/// The result of resolving a reference.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Resolved {
    /// The name, if the reference has one.
    pub name: Option<Name>,
    /// The version, if the reference has a name.
    pub version: Option<Version>,
    /// The digest of the component.
    pub digest: Digest,
    /// Its size in bytes.
    pub size: u64,
}

/// Times of the last changes that affect what can run; see [`Store::stamp`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    names: (i64, i64),
    revoked: (i64, i64),
    /// Policy and tokens.
    root: (i64, i64),
}

impl Stamp {
    /// Returns whether a change just after this stamp could have the same stamp. Read the store again then: clocks of
    /// file systems advance in steps of milliseconds.
    pub fn is_young(&self) -> bool {
        is_young([self.names, self.revoked, self.root].into_iter().max().unwrap_or_default())
    }
}

/// Returns whether a directory with this time of change can change again without a new time: see [`Stamp::is_young`].
pub(crate) fn is_young(stamp: (i64, i64)) -> bool {
    i64::try_from(now()).unwrap_or(i64::MAX).saturating_sub(stamp.0) < 2
}

impl Store {
    /// Returns the times of the last changes of names, revocations, policy and tokens, by reading three directories'
    /// times. A cache of the store needs to read it again only when the stamp has changed.
    ///
    /// # Errors
    ///
    /// Fails with a [`StoreError`] if a directory cannot be read.
    pub fn stamp(&self) -> Result<Stamp, StoreError> {
        Ok(Stamp { names: self.names.stamp()?, revoked: self.revoked.stamp()?, root: self.root.stamp()? })
    }

    /// Returns the path of the store.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the policy of the store.
    ///
    /// # Errors
    ///
    /// Fails with [`StoreError::Damaged`] if the policy cannot be read. The store then accepts no submissions; all else
    /// works.
    pub fn policy(&self) -> Result<Policy, StoreError> {
        Policy::read(&self.root)
    }

    /// Lists every name, in order. An unreadable record is in the list with its error, and hides no other.
    ///
    /// # Errors
    ///
    /// Fails with a [`StoreError`] if the directory itself cannot be read.
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

    /// Returns the record of a name, or none if the skill does not exist.
    ///
    /// # Errors
    ///
    /// Fails with [`StoreError::Damaged`] or [`StoreError::Foreign`] if the record cannot be read.
    pub fn record(&self, name: &Name) -> Result<Option<Record>, StoreError> {
        let file = format!("{name}.json");
        let Some(bytes) = self.names.read(&file, record::MOST)? else { return Ok(None) };
        let next = "restore the file, or move it away and submit the skill again";
        let damaged = |reason| StoreError::Damaged { path: self.names.label(&file), reason, next };
        Record::from_bytes(&bytes, name).map(Some).map_err(damaged)
    }

    /// Returns the record of a name that must exist.
    ///
    /// # Errors
    ///
    /// Fails with [`StoreError::NoSuchSkill`], which has the nearest name; else as [`Store::record`].
    pub fn expect(&self, name: &Name) -> Result<Record, StoreError> {
        match self.record(name)? {
            Some(record) => Ok(record),
            None => Err(StoreError::NoSuchSkill { name: name.clone(), nearest: self.nearest(name) }),
        }
    }

    /// Resolves a reference to a version that can run: not held, not revoked.
    ///
    /// # Errors
    ///
    /// Fails with a [`StoreError`] that says why nothing can run.
    pub fn resolve(&self, reference: &Reference) -> Result<Resolved, StoreError> {
        let (resolved, held) = self.look_up(reference)?;
        if let Some((name, version)) = held {
            return Err(StoreError::Held { name, version });
        }
        self.expect_allowed(resolved.digest)?;
        Ok(resolved)
    }

    /// Resolves a reference whether or not it can run, for display.
    ///
    /// # Errors
    ///
    /// Fails with a [`StoreError`] if the skill does not exist.
    pub fn find(&self, reference: &Reference) -> Result<Resolved, StoreError> {
        self.look_up(reference).map(|(resolved, _)| resolved)
    }

    /// Resolves a reference, and returns the held version if there is no other.
    fn look_up(&self, reference: &Reference) -> Result<(Resolved, Option<(Name, Version)>), StoreError> {
        let (name, wanted) = match reference {
            Reference::Name(name) => (name, None),
            Reference::Version(name, version) => (name, Some(version)),
            Reference::Digest(digest) => return self.look_up_digest(*digest),
            Reference::Prefix(prefix) => return self.look_up_digest(self.complete(prefix)?),
        };
        let record = self.expect(name)?;
        let entry = match wanted {
            Some(version) => find(&record, version)?,
            None => record.current().or(record.versions.last()).ok_or_else(|| StoreError::Damaged {
                path: self.names.label(&format!("{name}.json")),
                reason: "it has no version".to_owned(),
                next: "move the file away and submit the skill again",
            })?,
        };
        let held = entry.held.then(|| (name.clone(), entry.version.clone()));
        let version = Some(entry.version.clone());
        let (digest, size) = (entry.digest, entry.size);
        Ok((Resolved { name: Some(name.clone()), version, digest, size }, held))
    }

    /// Returns the one digest with a prefix.
    fn complete(&self, prefix: &str) -> Result<Digest, StoreError> {
        let listed = self.list()?;
        let entries =
            listed.iter().filter_map(|listed| listed.record.as_ref().ok()).flat_map(|r| &r.versions);
        let fitting: BTreeSet<Digest> =
            entries.map(|entry| entry.digest).filter(|digest| hex(*digest).starts_with(prefix)).collect();
        match (fitting.first(), fitting.len()) {
            (Some(digest), 1) => Ok(*digest),
            (_, count) => Err(StoreError::NoSuchPrefix { prefix: prefix.to_owned(), count }),
        }
    }

    /// Resolves a digest of some version. It is held if every version with it is held.
    fn look_up_digest(&self, digest: Digest) -> Result<(Resolved, Option<(Name, Version)>), StoreError> {
        let resolved = |size| Resolved { name: None, version: None, digest, size };
        let mut held = None;
        for record in self.list()?.into_iter().filter_map(|listed| listed.record.ok()) {
            for entry in record.versions.iter().filter(|entry| entry.digest == digest) {
                if !entry.held {
                    return Ok((resolved(entry.size), None));
                }
                held = Some((entry.size, (record.name.clone(), entry.version.clone())));
            }
        }
        match held {
            Some((size, held)) => Ok((resolved(size), Some(held))),
            None => Err(StoreError::NoSuchDigest { digest }),
        }
    }

    /// Returns whether a record has a digest now.
    pub(crate) fn is_used(&self, digest: Digest) -> Result<bool, StoreError> {
        match self.look_up_digest(digest) {
            Ok(_) => Ok(true),
            Err(StoreError::NoSuchDigest { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Reads the bytes of a component and checks their digest. It reads no file of another size.
    ///
    /// # Errors
    ///
    /// Fails with [`StoreError::Damaged`] if the bytes are missing or differ.
    pub(crate) fn component(&self, digest: Digest, size: u64) -> Result<Vec<u8>, StoreError> {
        let file = component_file(digest);
        let next = "submit the skill again";
        let damaged = |reason: &str| StoreError::Damaged {
            path: self.components.label(&file),
            reason: reason.to_owned(),
            next,
        };
        if self.components.look(&file).is_some_and(|found| found.is_file() && found.len() != size) {
            return Err(damaged("its size is wrong"));
        }
        let bytes = self.components.read(&file, size)?.ok_or_else(|| damaged("it is missing"))?;
        if Digest::of(&bytes) == digest {
            Ok(bytes)
        } else {
            Err(damaged("its digest is not the one in its name"))
        }
    }

    fn nearest(&self, name: &Name) -> Option<Name> {
        let names = self.names.names().ok()?;
        let known: Vec<Name> = names.iter().filter_map(|file| name_of(file)).collect();
        let nearest = ringfence::text::nearest(known.iter().map(Name::as_str), name.as_str())?;
        known.iter().find(|known| known.as_str() == nearest).cloned()
    }
}

pub(crate) fn find<'a>(record: &'a Record, version: &Version) -> Result<&'a Entry, StoreError> {
    record.entry(version).ok_or_else(|| StoreError::NoSuchVersion {
        name: record.name.clone(),
        version: version.clone(),
        known: record.known(),
    })
}

pub(crate) fn component_file(digest: Digest) -> String {
    format!("{}.wasm", hex(digest))
}

/// Returns the seconds since 1970; 0 for a clock before that.
pub(crate) fn now() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |time| time.as_secs())
}

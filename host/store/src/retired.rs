//! What stays of a name that was removed: which versions it had, so that none of them ever means other bytes.
//!
//! Removing a name gives its record another name, `names/NAME.gone`, in one step that needs no room on the disk. What is
//! not needed of it is then dropped, if there is room to write the rest anew.

use crate::error::StoreError;
use crate::name::{Name, Owner};
use crate::policy::Policy;
use crate::record::{self, Record, Spent};
use crate::store::Store;

const SUFFIX: &str = ".gone";

/// Names that an owner may have removed, for each that the policy lets it have: who makes and removes names without end
/// must not fill the disk with what stays of them.
pub(crate) const PER_SKILL: u64 = 10;

impl Store {
    /// Removes a record, and keeps which versions it had. The caller holds the lock.
    pub(crate) fn retire(&self, record: &Record) -> Result<(), StoreError> {
        let gone = file(&record.name);
        self.names.rename(&format!("{}.json", record.name), &gone)?;
        self.names.sync()?;
        // The removal is done. A full disk keeps more than is needed.
        let mut rest = record.clone();
        rest.drop_all();
        let _ = self.scratch.draft(0o600).and_then(|mut draft| {
            draft.write(&rest.to_bytes())?;
            draft.keep(&self.names, &gone)
        });
        Ok(())
    }

    /// The versions that a name had before it was removed; none where it never was there.
    pub(crate) fn spent(&self, name: &Name) -> Result<Option<Spent>, StoreError> {
        self.gone(name).map(|gone| gone.map(|(spent, _)| spent))
    }

    /// Refuses a new name to an owner who has removed too many.
    pub(crate) fn check_retired(&self, owner: &Owner, policy: &Policy) -> Result<(), StoreError> {
        let cap = policy.owner_skills.saturating_mul(PER_SKILL);
        let names: Vec<Name> = self.names.names()?.iter().filter_map(|file| retired_name(file)).collect();
        if (names.len() as u64) < cap {
            return Ok(());
        }
        let mut value: u64 = 0;
        for name in &names {
            let of = self.gone(name)?.map(|(_, owner)| owner);
            value = value.saturating_add(u64::from(of.as_ref() == Some(owner)));
        }
        if value < cap {
            return Ok(());
        }
        let (what, value) = ("removed names", value.saturating_add(1));
        Err(StoreError::OverCap { what, value, cap, owner: Some(owner.clone()) })
    }

    /// What stays of a name that was removed: its versions, and whose it was.
    pub(crate) fn gone(&self, name: &Name) -> Result<Option<(Spent, Owner)>, StoreError> {
        let file = file(name);
        let Some(bytes) = self.names.read(&file, record::MOST)? else { return Ok(None) };
        let damaged = |reason| StoreError::Damaged { path: self.names.label(&file), reason, next: NEXT };
        Record::spent_in(&bytes, name).map(Some).map_err(damaged)
    }
}

/// What helps where that is damaged.
pub(crate) const NEXT: &str = "restore it: without it a version of that name could come to mean other bytes";

/// The name that was removed, of which a file is what stays.
pub(crate) fn retired_name(file: &str) -> Option<Name> {
    file.strip_suffix(SUFFIX)?.parse().ok()
}

fn file(name: &Name) -> String {
    format!("{name}{SUFFIX}")
}

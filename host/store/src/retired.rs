//! Records of removed names. They keep the used version numbers, so that none of these ever means other bytes.
//!
//! Removing a name renames its record to `names/NAME.gone`, in one step that needs no free space on the disk. The
//! store then writes a shorter record, if the disk has space for it.

use crate::error::StoreError;
use crate::name::{Name, Owner};
use crate::policy::Policy;
use crate::record::{self, Record, Spent};
use crate::store::Store;

const SUFFIX: &str = ".gone";

/// Maximum number of removed names of an owner, for each skill that the policy allows it. So endless creation and
/// removal of names cannot fill the disk.
pub(crate) const PER_SKILL: u64 = 10;

impl Store {
    /// Removes a name, and keeps its used versions. The caller holds the lock.
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

    /// Returns the used versions of a removed name; none if there is no record of it.
    pub(crate) fn spent(&self, name: &Name) -> Result<Option<Spent>, StoreError> {
        self.gone(name).map(|gone| gone.map(|(spent, _)| spent))
    }

    /// Refuses a new name to an owner who removed too many.
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

    /// Returns the used versions and the owner of a removed name.
    pub(crate) fn gone(&self, name: &Name) -> Result<Option<(Spent, Owner)>, StoreError> {
        let file = file(name);
        let Some(bytes) = self.names.read(&file, record::MOST)? else { return Ok(None) };
        let damaged = |reason| StoreError::Damaged { path: self.names.label(&file), reason, next: NEXT };
        Record::spent_in(&bytes, name).map(Some).map_err(damaged)
    }
}

/// Advice for a damaged record of a removed name.
pub(crate) const NEXT: &str = "restore the file; without it, a removed version could return with other bytes";

/// Returns the removed name to which a file belongs.
pub(crate) fn retired_name(file: &str) -> Option<Name> {
    file.strip_suffix(SUFFIX)?.parse().ok()
}

fn file(name: &Name) -> String {
    format!("{name}{SUFFIX}")
}

//! Memory for loaded skills: a share for each owner, and a limit on the code of all.
//!
//! Over the limit the server unloads the skills that were called least recently. Their next call loads them again.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

use ringfence::Digest;
use ringfence_store::Name;

use super::Shelf;
use crate::catalog::{Catalog, Current, Entry, Ready};
use crate::config::Size;

/// The code of a loaded component, under all of its names.
#[derive(Debug, Default)]
struct Code<'a> {
    bytes: u64,
    /// Number of the poll before its last call under any name.
    last: u64,
    entries: Vec<(&'a Entry, Arc<Ready>)>,
}

impl Shelf {
    /// Checks that an owner has memory for a skill beside its others.
    ///
    /// Equal bytes count once. Unloaded skills count, too, because their next call loads them.
    pub(super) fn room(&self, catalog: &Catalog, ready: &Ready) -> Result<(), String> {
        let config = self.config.load();
        let most = config.quota.of_owner(&ready.owner).skill_memory.map_or(u64::MAX, Size::bytes);
        let others = catalog
            .names
            .values()
            .filter(|entry| entry.record.owner == ready.owner && entry.record.name != ready.name);
        let mut weights: BTreeMap<Digest, u64> =
            others.filter_map(|entry| entry.known()).map(|known| (known.digest, known.weight)).collect();
        weights.insert(ready.digest, ready.weight);
        let sum = weights.values().fold(0_u64, |sum, weight| sum.saturating_add(*weight));
        if sum <= most {
            return Ok(());
        }
        Err(format!(
            "the loaded skills of `{}` would need {sum} bytes; the quota is {most} (`quota.skill-memory`); remove a skill, or raise the quota",
            ready.owner
        ))
    }

    /// Unloads other skills until the code of a skill fits. The caller holds `placing`.
    pub(super) fn make_room(&self, catalog: &Catalog, ready: &Ready) -> Result<(), String> {
        let most = self.config.load().host.code_memory.bytes();
        let Some(rest) = most.checked_sub(ready.code) else {
            return Err(format!(
                "its code needs {} bytes; the limit for all loaded skills is {most} (`host.code-memory`); make the skill smaller, or raise the limit",
                ready.code
            ));
        };
        self.unload(catalog, rest, Some(ready.digest));
        Ok(())
    }

    /// Unloads skills until the rest fits, after the limit was lowered.
    pub(super) fn fit(&self) {
        let _placing = self.placing.lock().unwrap_or_else(PoisonError::into_inner);
        let most = self.config.load().host.code_memory.bytes();
        self.unload(&self.catalog.load(), most, None);
    }

    /// Marks an unloaded skill as wanted by a call. Returns false if no load is needed.
    pub(super) fn wake(&self, name: &Name) -> bool {
        let _placing = self.placing.lock().unwrap_or_else(PoisonError::into_inner);
        let catalog = self.catalog.load();
        let Some(entry) = catalog.names.get(name) else { return false };
        let current = entry.current.load();
        let Current::Resting { known, wanted: false } = &**current else { return false };
        entry.current.store(Arc::new(Current::Resting { known: Arc::clone(known), wanted: true }));
        true
    }

    /// Returns the bytes of code of all loaded skills.
    pub(super) fn code_bytes(&self) -> u64 {
        self.codes(&self.catalog.load()).values().fold(0, |sum, code| sum.saturating_add(code.bytes))
    }

    /// Returns the loaded code by digest.
    fn codes<'a>(&self, catalog: &'a Catalog) -> HashMap<Digest, Code<'a>> {
        let mut codes: HashMap<Digest, Code<'a>> = HashMap::new();
        let mut count = |ready: &Ready| {
            let code = codes.entry(ready.digest).or_default();
            code.bytes = ready.code;
            code.last = code.last.max(ready.last.load(Ordering::Relaxed));
        };
        let current = catalog.names.values().filter_map(|entry| Some((&**entry, entry.ready()?)));
        let current: Vec<(&Entry, Arc<Ready>)> = current.collect();
        current.iter().for_each(|(_, ready)| count(ready));
        self.versions.loaded().iter().for_each(|ready| count(ready));
        for (entry, ready) in current {
            codes.entry(ready.digest).or_default().entries.push((entry, ready));
        }
        codes
    }

    /// Unloads the skills called least recently until the rest, without `keep`, has at most `most` bytes of code.
    fn unload(&self, catalog: &Catalog, most: u64, keep: Option<Digest>) {
        let mut codes = self.codes(catalog);
        keep.and_then(|keep| codes.remove(&keep));
        let mut sum = codes.values().fold(0_u64, |sum, code| sum.saturating_add(code.bytes));
        if sum <= most {
            return;
        }
        let mut order: Vec<(Digest, Code<'_>)> = codes.into_iter().collect();
        order.sort_by_key(|(digest, code)| (code.last, *digest));
        for (digest, code) in order {
            if sum <= most {
                break;
            }
            sum = sum.saturating_sub(code.bytes);
            for (entry, ready) in &code.entries {
                let known = Arc::clone(&ready.known);
                tracing::debug!(skill = %known.name, version = %known.version, bytes = code.bytes, "unloaded for want of room");
                entry.current.store(Arc::new(Current::Resting { known, wanted: false }));
            }
            drop(code);
            self.versions.keep(|key| key.digest != digest);
        }
        self.forget_what_is_gone();
    }
}

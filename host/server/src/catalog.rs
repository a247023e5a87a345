//! What can be called, in memory: every name of the store with its current skill linked and its tools described, so
//! that a call and a list touch no disk and no lock.

use std::collections::{BTreeMap, HashMap};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use ringfence::{Digest, Skill};
use ringfence_store::{Library, Name, Owner, Record, Reference, StoreError, Version};
use tokio::sync::OnceCell;

use crate::error::ServeError;
use crate::mcp::Described;
use crate::principal::Principal;

/// After so long it is tried again to load what failed by a fault of this machine.
const AGAIN: Duration = Duration::from_secs(10);

/// Versions of a name that are kept beside the current one.
const OTHERS: usize = 16;

/// All names, as they were last read.
#[derive(Debug, Default)]
pub(crate) struct Catalog {
    pub(crate) names: BTreeMap<Name, Arc<Entry>>,
}

/// A name.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) record: Record,
    /// Versions that may run: neither held nor revoked.
    pub(crate) allowed: HashMap<Version, Digest>,
    /// What the bare name stands for. It goes on serving the version before until the new one is loaded.
    pub(crate) current: ArcSwap<Current>,
    /// Other versions that were asked for, loaded at their first use.
    others: Mutex<HashMap<Version, Arc<OnceCell<Arc<Ready>>>>>,
}

/// The state of a name.
#[derive(Debug)]
pub(crate) enum Current {
    /// All its versions are held or revoked.
    Nothing,
    /// Being loaded, for the first time.
    Loading,
    /// It can be called.
    Ready(Arc<Ready>),
    /// It cannot be loaded.
    Broken {
        version: Version,
        digest: Digest,
        code: &'static str,
        reason: String,
        /// When that was a fault of this machine's, which may pass.
        failed: Option<Instant>,
    },
}

/// A version that can be called.
#[derive(Debug)]
pub(crate) struct Ready {
    pub(crate) name: Name,
    pub(crate) owner: Owner,
    pub(crate) version: Version,
    pub(crate) digest: Digest,
    pub(crate) skill: Skill,
    /// Whether it can report progress and emit chunks.
    pub(crate) emits: bool,
    /// How agents see it.
    pub(crate) described: Described,
}

impl Ready {
    pub(crate) fn new(name: &Name, owner: &Owner, version: Version, skill: Skill) -> Arc<Self> {
        let emits = skill.emits();
        let described = Described::new(name, &skill);
        let (name, owner, digest) = (name.clone(), owner.clone(), skill.digest());
        Arc::new(Self { name, owner, version, digest, skill, emits, described })
    }
}

/// The next state of a name: what it had loaded stays, as far as it may still run.
pub(crate) fn next(record: Record, allowed: HashMap<Version, Digest>, before: Option<&Entry>) -> Entry {
    let wanted = record.current.as_ref().and_then(|version| Some((version, *allowed.get(version)?)));
    let current = match (wanted, before.map(|before| before.current.load_full()).as_deref()) {
        (None, _) => Current::Nothing,
        // Another owner, such as after a removal, is another skill to whoever may see it.
        (Some(_), Some(Current::Ready(ready)))
            if ready.owner == record.owner && allowed.get(&ready.version) == Some(&ready.digest) =>
        {
            Current::Ready(Arc::clone(ready))
        }
        (
            Some((version, digest)),
            Some(Current::Broken { version: broken, digest: of, code, reason, failed }),
        ) if version == broken && digest == *of => Current::Broken {
            version: version.clone(),
            digest,
            code,
            reason: reason.clone(),
            failed: *failed,
        },
        (Some(_), _) => Current::Loading,
    };
    let mut others = HashMap::new();
    if let Some(before) = before {
        let known = before.others.lock().unwrap_or_else(PoisonError::into_inner);
        let stays = |version: &Version| {
            before.record.owner == record.owner
                && allowed.contains_key(version)
                && allowed.get(version) == before.allowed.get(version)
        };
        others.extend(
            known.iter().filter(|(version, _)| stays(version)).map(|(v, cell)| (v.clone(), Arc::clone(cell))),
        );
    }
    Entry { record, allowed, current: ArcSwap::from_pointee(current), others: Mutex::new(others) }
}

impl Entry {
    /// Which version is to be loaded, if the current one is not.
    pub(crate) fn to_load(&self) -> Option<Version> {
        let version = self.record.current.clone()?;
        let digest = *self.allowed.get(&version)?;
        let loaded = match &**self.current.load() {
            Current::Ready(ready) => ready.version == version && ready.digest == digest,
            Current::Broken { version: broken, digest: of, failed, .. } => {
                let again = failed.is_some_and(|failed| failed.elapsed() >= AGAIN);
                *broken == version && *of == digest && !again
            }
            Current::Nothing | Current::Loading => false,
        };
        (!loaded).then_some(version)
    }

    /// The version that the bare name stands for now.
    pub(crate) fn ready(&self) -> Option<Arc<Ready>> {
        match &**self.current.load() {
            Current::Ready(ready) => Some(Arc::clone(ready)),
            Current::Nothing | Current::Loading | Current::Broken { .. } => None,
        }
    }

    fn expect(&self) -> Result<Arc<Ready>, ServeError> {
        let name = self.record.name.clone();
        match &**self.current.load() {
            Current::Ready(ready) => Ok(Arc::clone(ready)),
            Current::Loading => Err(ServeError::Loading { name }),
            Current::Nothing => Err(match &self.record.current {
                Some(version) => self.why_not(version),
                None => ServeError::AllHeld { name },
            }),
            Current::Broken { code, reason, .. } => {
                Err(ServeError::CannotRun { name, code, reason: reason.clone() })
            }
        }
    }

    /// A version that was asked for by name; loaded now if it is not the current one and nobody asked before.
    async fn version(&self, version: &Version, library: &Library) -> Result<Arc<Ready>, ServeError> {
        let name = &self.record.name;
        let Some(digest) = self.allowed.get(version) else { return Err(self.why_not(version)) };
        if let Some(ready) = self.ready().filter(|ready| ready.version == *version && ready.digest == *digest)
        {
            return Ok(ready);
        }
        let cell = {
            let mut others = self.others.lock().unwrap_or_else(PoisonError::into_inner);
            // Whoever asks for many old versions makes the server forget them, not hold them all.
            if others.len() >= OTHERS && !others.contains_key(version) {
                others.clear();
            }
            Arc::clone(others.entry(version.clone()).or_default())
        };
        let load = || async {
            let reference = Reference::Version(name.clone(), version.clone());
            let (loaded, _) = library.load(&reference, |_| {}).await?;
            // The store may have changed since it was last looked at: then the next look finds it.
            if loaded.skill.digest() != *digest {
                return Err(ServeError::Loading { name: name.clone() });
            }
            Ok(Ready::new(name, &self.record.owner, version.clone(), loaded.skill))
        };
        Ok(Arc::clone(cell.get_or_try_init(load).await?))
    }

    /// Why a version does not run, as it was last seen: nobody makes the server look at the disk for that.
    fn why_not(&self, version: &Version) -> ServeError {
        let name = self.record.name.clone();
        ServeError::Store(match self.record.entry(version) {
            Some(entry) if entry.held => StoreError::Held { name, version: version.clone() },
            Some(entry) => StoreError::Revoked { digest: entry.digest, reason: None },
            None => {
                let known = self.record.versions.iter().rev().take(10).map(|entry| entry.version.as_str());
                let known = known.collect::<Vec<_>>().join(", ");
                StoreError::NoSuchVersion { name, version: version.clone(), known }
            }
        })
    }
}

impl Catalog {
    /// What a caller means by `name` or `name@version`. What it may not see is not there.
    pub(crate) async fn find(
        catalog: &Self,
        reference: &str,
        principal: &Principal,
        library: &Library,
    ) -> Result<Arc<Ready>, ServeError> {
        let entry = catalog.entry(reference, principal)?;
        match reference.split_once('@') {
            None => entry.expect(),
            Some((_, version)) => entry.version(&version.parse()?, library).await,
        }
    }

    /// The name that a reference begins with, if it is there for the caller.
    pub(crate) fn entry(&self, reference: &str, principal: &Principal) -> Result<&Arc<Entry>, ServeError> {
        let name = reference.split_once('@').map_or(reference, |(name, _)| name);
        let shown = || ServeError::NoSuchSkill(ringfence::text::clean(name, 80));
        let name: Name = name.parse().map_err(|_| shown())?;
        let entry = self.names.get(&name).ok_or_else(shown)?;
        if principal.sees(&name, &entry.record.owner) { Ok(entry) } else { Err(shown()) }
    }

    /// What a caller sees and can call, by name.
    pub(crate) fn visible<'a>(&'a self, principal: &'a Principal) -> impl Iterator<Item = Arc<Ready>> + 'a {
        let seen = self.names.iter().filter(|(name, entry)| principal.sees(name, &entry.record.owner));
        seen.filter_map(|(_, entry)| entry.ready())
    }

    /// A value that is another one when what a caller sees is. `accepted` says whose annotations are shown.
    pub(crate) fn seen_by(&self, principal: &Principal, accepted: impl Fn(&Ready) -> bool) -> u64 {
        let mut hasher = DefaultHasher::new();
        for ready in self.visible(principal) {
            (&ready.name, &ready.version, ready.digest, accepted(&ready)).hash(&mut hasher);
        }
        hasher.finish()
    }
}

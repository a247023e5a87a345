//! The catalog in memory: every name of the store with its current skill, linked and described.
//!
//! So calls and lists need no disk and no lock.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use ringfence::{Digest, Skill, SkillDescription};
use ringfence_front::request::RequestError;
use ringfence_store::{Name, Owner, Record, StoreError, Version};
use tokio::sync::Notify;

use crate::described::Described;
use crate::error::ServeError;
use crate::metrics::{Metrics, OfSkill};
use crate::prepared::Prepared;
use crate::principal::Principal;

/// Time before another try to load a skill that failed by a fault of this machine.
const AGAIN: Duration = Duration::from_secs(10);

/// All names, as last read from the store.
#[derive(Debug, Default)]
pub(crate) struct Catalog {
    pub(crate) names: BTreeMap<Name, Arc<Entry>>,
}

/// A name in the catalog.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) record: Record,
    /// Versions that can run: neither held nor revoked.
    pub(crate) allowed: HashMap<Version, Digest>,
    /// Revoked versions, with the stated reasons.
    pub(crate) revoked: Reasons,
    /// The state of the bare name. The earlier version serves until the new one is loaded.
    pub(crate) current: ArcSwap<Current>,
    /// Wakes calls that wait for the load. It stays the same through all changes of the name.
    pub(crate) settled: Arc<Notify>,
}

/// The result of a look-up.
#[derive(Debug)]
pub(crate) enum Found {
    /// A version that can be called.
    Ready(Arc<Ready>),
    /// A name whose current version must load first.
    Loading(Arc<Entry>),
    /// A version that is not current, and loads on demand.
    Other(Arc<Entry>, Version, Digest),
}

/// Revoked digests, with the stated reasons.
pub(crate) type Reasons = HashMap<Digest, Option<String>>;

/// The state of a name: what a call of the bare name gets.
///
/// ```text
/// Nothing ──allowed──► Loading ──loaded──► Ready ──no room──► Resting ──called──► Resting, wanted
///    ▲                    │                  ▲                                      │       │
///    │               cannot load             ├─────────────── loaded ───────────────┘       │
///    │                    ▼                  │                                              │
///    │                 Broken ───loaded──────┘                                              │
///    │                    ▲                                                                 │
///    │                    └────────────────────── cannot load ──────────────────────────────┘
///    └── all versions held or revoked, from every state
/// ```
///
/// A new name begins as `Loading`. `Resting` and `Broken` become `Loading` when another version becomes current, every
/// state when the owner changes. `Ready` serves the earlier version until the new one is loaded, or cannot be loaded.
/// The librarian tries a `Broken` skill again after 10 s if a fault of this machine broke it.
///
/// | state | a call | lists |
/// |---|---|---|
/// | `Nothing` | is refused: all versions are held or revoked | omit it |
/// | `Loading` | waits, for a limited time | omit it |
/// | `Ready` | runs | show it |
/// | `Resting` | loads it, and waits | show it |
/// | `Broken` | is refused with the reason | omit it |
///
/// A new version loads beside a `Ready` one, which serves until then. [`next`] decides the state after a poll of the
/// store; the librarian sets the state when a load ends (`place`) and when it frees memory (`room.rs`).
#[derive(Debug, Clone)]
pub(crate) enum Current {
    /// All versions are held or revoked.
    Nothing,
    /// The first version loads.
    Loading,
    /// The version can be called.
    Ready(Arc<Ready>),
    /// The version was unloaded to free memory. The next call loads it again.
    Resting {
        known: Arc<Known>,
        /// Whether a call waits for it.
        wanted: bool,
    },
    /// The version cannot be loaded.
    Broken {
        version: Version,
        digest: Digest,
        code: &'static str,
        reason: String,
        /// Time of the failure, if it was a fault of this machine, which may pass.
        failed: Option<Instant>,
    },
}

/// A loaded version, which can be called.
#[derive(Debug)]
pub(crate) struct Ready {
    pub(crate) known: Arc<Known>,
    pub(crate) skill: Skill,
}

/// The description of a version that can be called, whether or not its code is loaded.
#[derive(Debug)]
pub(crate) struct Known {
    pub(crate) name: Name,
    pub(crate) owner: Owner,
    pub(crate) version: Version,
    pub(crate) digest: Digest,
    /// Its tools and its author's texts.
    pub(crate) about: SkillDescription,
    /// Whether it can report progress and emit chunks.
    pub(crate) emits: bool,
    /// Its description for agents.
    pub(crate) described: Described,
    /// Its grants under the current configuration.
    pub(crate) grants: Prepared,
    /// Its metrics.
    pub(crate) metrics: Arc<OfSkill>,
    /// Bytes of its code and its description.
    pub(crate) weight: u64,
    /// Bytes of its code.
    pub(crate) code: u64,
    /// Number of the poll before which it was last called or loaded.
    pub(crate) last: AtomicU64,
}

impl std::ops::Deref for Ready {
    type Target = Known;

    fn deref(&self) -> &Known {
        &self.known
    }
}

/// Approximate bytes of a description in memory for each byte of its JSON.
const TREE: u64 = 10;

impl Ready {
    /// Creates the entry of a loaded skill, and shares the parts of an equal skill under another name.
    pub(crate) fn new(
        name: &Name,
        owner: &Owner,
        version: Version,
        skill: Skill,
        like: Option<&Self>,
        metrics: &Metrics,
    ) -> Arc<Self> {
        let (skill, described, weight) = match like.filter(|like| like.digest == skill.digest()) {
            Some(like) => (like.skill.clone(), like.described.renamed(name, &like.about), like.weight),
            None => {
                let described = Described::new(name, &skill.described());
                let weight = skill.footprint().saturating_add(described.size().saturating_mul(TREE));
                (skill, described, weight)
            }
        };
        let known = Known {
            digest: skill.digest(),
            about: skill.described(),
            emits: skill.emits(),
            grants: Prepared::default(),
            described,
            metrics: metrics.by_skill.of(name, owner),
            weight,
            code: skill.code_size(),
            last: AtomicU64::new(0),
            name: name.clone(),
            owner: owner.clone(),
            version,
        };
        Arc::new(Self { known: Arc::new(known), skill })
    }
}

/// Returns the next state of a name. A loaded version stays if it can still run.
pub(crate) fn next(
    record: Record,
    allowed: HashMap<Version, Digest>,
    revoked: Reasons,
    before: Option<&Entry>,
) -> Entry {
    let wanted = record.current.as_ref().and_then(|version| Some((version, *allowed.get(version)?)));
    let current = match wanted {
        None => Current::Nothing,
        Some((version, digest)) => {
            let now = before.map(|before| before.current.load_full());
            let stays = now.filter(|now| now.stays(version, digest, &record.owner, &allowed));
            stays.map_or(Current::Loading, |now| Current::clone(&now))
        }
    };
    let settled = before.map(|before| Arc::clone(&before.settled)).unwrap_or_default();
    Entry { record, allowed, revoked, current: ArcSwap::from_pointee(current), settled }
}

impl Current {
    /// Returns whether the state stays when this version is the current one, and may run.
    fn stays(
        &self,
        version: &Version,
        digest: Digest,
        owner: &Owner,
        allowed: &HashMap<Version, Digest>,
    ) -> bool {
        match self {
            // The earlier version serves meanwhile. Another owner, such as after a removal, is another skill to whoever
            // may see it.
            Self::Ready(ready) => ready.owner == *owner && allowed.get(&ready.version) == Some(&ready.digest),
            Self::Resting { known, .. } => known.owner == *owner && known.is(version, digest),
            Self::Broken { version: broken, digest: of, .. } => broken == version && *of == digest,
            Self::Nothing | Self::Loading => false,
        }
    }
}

impl Known {
    /// Returns whether this is the version with these bytes.
    fn is(&self, version: &Version, digest: Digest) -> bool {
        self.version == *version && self.digest == digest
    }
}

impl Entry {
    /// Returns the current version if it must be loaded.
    pub(crate) fn to_load(&self) -> Option<Version> {
        let version = self.record.current.clone()?;
        let digest = *self.allowed.get(&version)?;
        let loaded = match &**self.current.load() {
            Current::Ready(ready) => ready.is(&version, digest),
            Current::Resting { known, wanted } => known.is(&version, digest) && !wanted,
            Current::Broken { version: broken, digest: of, failed, .. } => {
                let again = failed.is_some_and(|failed| failed.elapsed() >= AGAIN);
                *broken == version && *of == digest && !again
            }
            Current::Nothing | Current::Loading => false,
        };
        (!loaded).then_some(version)
    }

    /// Returns the version that the bare name stands for now, if its code is loaded.
    pub(crate) fn ready(&self) -> Option<Arc<Ready>> {
        match &**self.current.load() {
            Current::Ready(ready) => Some(Arc::clone(ready)),
            Current::Nothing | Current::Loading | Current::Resting { .. } | Current::Broken { .. } => None,
        }
    }

    /// Returns the version that the bare name stands for now.
    pub(crate) fn known(&self) -> Option<Arc<Known>> {
        match &**self.current.load() {
            Current::Ready(ready) => Some(Arc::clone(&ready.known)),
            Current::Resting { known, .. } => Some(Arc::clone(known)),
            Current::Nothing | Current::Loading | Current::Broken { .. } => None,
        }
    }

    /// Returns the version that the bare name stands for, unless it or its successor is revoked by now.
    ///
    /// The catalog may not know of a new revocation yet.
    pub(crate) fn callable(&self, revoked: &HashSet<Digest>) -> Option<Arc<Known>> {
        let known = self.known()?;
        let gone = revoked.contains(&known.digest)
            || self.record.current().is_some_and(|current| revoked.contains(&current.digest));
        (!gone).then_some(known)
    }

    fn expect(self: &Arc<Self>) -> Result<Found, ServeError> {
        let name = self.record.name.clone();
        match &**self.current.load() {
            Current::Ready(ready) => Ok(Found::Ready(Arc::clone(ready))),
            Current::Loading | Current::Resting { .. } => Ok(Found::Loading(Arc::clone(self))),
            Current::Nothing => Err(match &self.record.current {
                Some(version) => self.why_not(version),
                None => match self.revocation() {
                    Some((digest, reason)) => {
                        ServeError::Store(StoreError::Revoked { digest, reason: reason.map(str::to_owned) })
                    }
                    None => ServeError::AllHeld { name },
                },
            }),
            Current::Broken { code, reason, .. } => {
                Err(ServeError::CannotRun { name, code, reason: reason.clone() })
            }
        }
    }

    /// Returns the version of a reference that names one.
    fn version(self: &Arc<Self>, version: Version) -> Result<Found, ServeError> {
        let Some(digest) = self.allowed.get(&version) else { return Err(self.why_not(&version)) };
        let is_asked_for = |known: &Known| known.is(&version, *digest);
        Ok(match &**self.current.load() {
            Current::Ready(ready) if is_asked_for(ready) => Found::Ready(Arc::clone(ready)),
            Current::Resting { known, .. } if is_asked_for(known) => Found::Loading(Arc::clone(self)),
            _ => Found::Other(Arc::clone(self), version, *digest),
        })
    }

    /// Returns the revocation of the current version, or of the newest if none is current.
    fn revocation(&self) -> Option<(Digest, Option<&str>)> {
        let digest = self.stands_for()?;
        self.revoked.get(&digest).map(|reason| (digest, reason.as_deref()))
    }

    /// Returns the digest of the current version, or of the newest if none is current.
    pub(crate) fn stands_for(&self) -> Option<Digest> {
        Some(self.record.current().or(self.record.versions.last())?.digest)
    }

    /// Returns why a version cannot run, from the catalog. So callers cannot make the server read the disk.
    fn why_not(&self, version: &Version) -> ServeError {
        let name = self.record.name.clone();
        ServeError::Store(match self.record.entry(version) {
            Some(entry) if entry.held && !self.revoked.contains_key(&entry.digest) => {
                StoreError::Held { name, version: version.clone() }
            }
            Some(entry) => {
                let reason = self.revoked.get(&entry.digest).cloned().flatten();
                StoreError::Revoked { digest: entry.digest, reason }
            }
            None => {
                let known = self.record.versions.iter().rev().take(10).map(|entry| entry.version.as_str());
                let known = known.collect::<Vec<_>>().join(", ");
                StoreError::NoSuchVersion { name, version: version.clone(), known }
            }
        })
    }
}

impl Catalog {
    /// Resolves `name` or `name@version`. A skill that the caller does not see does not exist for it.
    pub(crate) fn find(&self, reference: &str, principal: &Principal) -> Result<Found, ServeError> {
        let entry = self.entry(reference, principal)?;
        match reference.split_once('@') {
            None => entry.expect(),
            Some((_, version)) => entry.version(version.parse()?),
        }
    }

    /// Returns the name in a reference, if the caller sees it.
    pub(crate) fn entry(&self, reference: &str, principal: &Principal) -> Result<&Arc<Entry>, ServeError> {
        let name = reference.split_once('@').map_or(reference, |(name, _)| name);
        let shown = || ServeError::Request(RequestError::NoSuchSkill(ringfence::text::clean(name, 80)));
        let name: Name = name.parse().map_err(|_| shown())?;
        let entry = self.names.get(&name).ok_or_else(shown)?;
        if principal.sees(&name, &entry.record.owner) { Ok(entry) } else { Err(shown()) }
    }

    /// Returns the skills that a caller sees and can call, by name, without those revoked by now.
    pub(crate) fn visible<'a>(
        &'a self,
        principal: &'a Principal,
        revoked: &'a HashSet<Digest>,
    ) -> impl Iterator<Item = Arc<Known>> + 'a {
        let seen = self.names.iter().filter(|(name, entry)| principal.sees(name, &entry.record.owner));
        seen.filter_map(|(_, entry)| entry.callable(revoked))
    }

    /// Returns a hash of all that a caller sees. `accepted` says whose annotations are shown.
    pub(crate) fn seen_by(
        &self,
        principal: &Principal,
        revoked: &HashSet<Digest>,
        accepted: impl Fn(&Known) -> bool,
    ) -> u64 {
        let mut hasher = DefaultHasher::new();
        for ready in self.visible(principal, revoked) {
            (&ready.name, &ready.version, ready.digest, accepted(&ready)).hash(&mut hasher);
        }
        hasher.finish()
    }
}

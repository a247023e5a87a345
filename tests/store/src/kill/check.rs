//! What must hold when a store is opened after a kill: each writer's names are as one allowed world says, all
//! answers are right, nothing is left over, and the next change is made at once.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use ringfence::Host;
use ringfence_compile::Compiler;
use ringfence_store::{Library, Miss, Origin, Record, Reference, Store, StoreError, Submit};

use super::model::World;
use super::{Digests, answer, compiler, component, host};

pub struct Checker {
    pub host: Host,
    pub compiler: Compiler,
    pub digests: Digests,
    pub checks: u64,
    pub findings: Vec<String>,
}

/// What was lying in the store before anybody opened it again.
#[derive(Default)]
pub struct Left {
    pub drafts: usize,
    pub note: bool,
}

pub fn left(store: &Path) -> Left {
    Left {
        drafts: fs::read_dir(store.join("scratch")).into_iter().flatten().count(),
        note: fs::metadata(store.join("lock")).is_ok_and(|lock| lock.len() > 0),
    }
}

impl Checker {
    pub fn new() -> Self {
        let (digests, findings) = (Digests::default(), Vec::new());
        Self { host: host(), compiler: compiler(), digests, checks: 0, findings }
    }

    fn expect(&mut self, right: bool, otherwise: impl FnOnce() -> String) {
        self.checks += 1;
        if !right {
            self.findings.push(otherwise());
        }
    }

    /// Checks all; gives the world of each writer that is the case.
    pub async fn check(&mut self, path: &Path, allowed: &[Vec<World>], parent: &mut u64) -> Vec<World> {
        let store = match Store::open_or_make(path) {
            Ok(store) => store,
            Err(error) => {
                self.findings.push(format!("opening: {error}"));
                return Vec::new();
            }
        };
        self.nothing_is_left(&store, path);
        let mut records = BTreeMap::new();
        for listed in store.list().unwrap_or_default() {
            match listed.record {
                Ok(record) => drop(records.insert(listed.name.to_string(), record)),
                Err(error) => self.findings.push(format!("the record of {}: {error}", listed.name)),
            }
        }
        let mut worlds = Vec::new();
        for (who, allowed) in allowed.iter().enumerate() {
            let own: BTreeMap<_, _> =
                records.iter().filter(|(name, _)| name.starts_with(&format!("w{who}-"))).collect();
            // A change that was under way counts as made if it may: a policy is no part of the records.
            let policy = store.policy().ok().map(|policy| policy.skills);
            let before = allowed.first().and_then(|world| world.policy);
            let found = allowed
                .iter()
                .rev()
                .find(|world| {
                    self.is(world, &own, &store) && (world.policy == before || world.policy == policy)
                })
                .cloned();
            self.expect(found.is_some(), || format!("writer {who}: {own:?} is none of {allowed:?}"));
            worlds.extend(found);
        }
        self.policy(&store, allowed);
        let library = Library::new(self.host.clone(), self.compiler.clone(), store);
        for (name, state) in worlds.iter().flat_map(|world| &world.names) {
            let Some(number) = state.answers() else { continue };
            let revoked = worlds.iter().any(|world| world.revoked.contains(&number));
            let loads = self.loads(&library, name, number, revoked).await;
            self.expect(loads.is_ok(), || format!("{name}: {}", loads.unwrap_err()));
        }
        self.goes_on(&library, parent).await;
        worlds
    }

    fn is(&mut self, world: &World, records: &BTreeMap<&String, &Record>, store: &Store) -> bool {
        world.names.keys().eq(records.keys().copied())
            && world.names.iter().all(|(name, state)| state.is(records[name], &mut self.digests))
            && world.revoked.iter().all(|number| {
                matches!(
                    store.expect_allowed(self.digests.of(*number)),
                    Err(StoreError::Revoked { reason: Some(_), .. })
                )
            })
    }

    fn nothing_is_left(&mut self, store: &Store, path: &Path) {
        match store.verify(|_, _| {}) {
            Ok(found) => {
                self.checks += found.skills + found.components + found.artifacts;
                for finding in found.findings {
                    self.findings.push(format!("verify: {} {}", finding.path, finding.message));
                }
            }
            Err(error) => self.findings.push(format!("verify: {error}")),
        }
        let Left { drafts, note } = left(path);
        self.expect(drafts == 0, || format!("{drafts} drafts are left"));
        self.expect(!note, || "the lock still says that something is being changed".to_owned());
    }

    /// Both writers set it, so it is what one of them said last or was about to.
    fn policy(&mut self, store: &Store, allowed: &[Vec<World>]) {
        let said: Vec<_> = allowed.iter().flatten().filter_map(|world| world.policy).collect();
        let policy = store.policy().map(|policy| policy.skills);
        let right = match &policy {
            Ok(skills) => {
                said.contains(skills) || (*skills == 10_000 && allowed.iter().all(|worlds| unset(worlds)))
            }
            Err(_) => false,
        };
        self.expect(right, || format!("the policy is {policy:?}, not one of {said:?}"));
    }

    async fn loads(
        &mut self,
        library: &Library,
        name: &str,
        number: u32,
        revoked: bool,
    ) -> Result<(), String> {
        let loaded = library.load(&Reference::Name(name.parse().expect("a name")), |_| {}).await;
        let loaded = match loaded {
            Err(StoreError::Revoked { .. }) if revoked => return Ok(()),
            loaded => loaded.map_err(|error| error.to_string())?,
        };
        if let Origin::Compiled { miss: Miss::Rejected(reason), .. } = loaded.origin {
            return Err(format!("an artifact was rejected: {reason}"));
        }
        let said = answer(&self.host, &loaded.skill).await?;
        let right = !revoked
            && said == number
            && loaded.resolved.is_some_and(|resolved| resolved.digest == self.digests.of(number));
        if right { Ok(()) } else { Err(format!("it answers {said}, not {number}; revoked: {revoked}")) }
    }

    /// A change by somebody else, who does not wait: a dead process holds no lock.
    async fn goes_on(&mut self, library: &Library, number: &mut u64) {
        let lock = library.store().and_then(|store| fs::File::open(store.path().join("lock")).ok());
        let free = lock.map(|lock| lock.try_lock());
        self.expect(matches!(free, Some(Ok(()))), || format!("the lock is held: {free:?}"));
        *number += 1;
        let submit = Submit::new("parent".parse().expect("a name"), "parent".parse().expect("an owner"));
        let taken = library.submit(component(900 + (*number % 2) as u32), submit, |_| {}).await;
        let taken = taken.map(|taken| taken.receipt.version.to_string());
        let wanted = number.to_string();
        self.expect(taken.as_ref().is_ok_and(|version| *version == wanted), || {
            format!("the next submission was {taken:?}, not version {wanted}")
        });
    }
}

/// Whether a writer may have set no policy yet.
fn unset(worlds: &[World]) -> bool {
    worlds.iter().any(|world| world.policy.is_none())
}

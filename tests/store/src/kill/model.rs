//! What a name must be after each operation, worked out without the store.

use std::collections::{BTreeMap, BTreeSet};

use ringfence_store::Record;
use serde::{Deserialize, Serialize};

use super::{Chance, Digests, SHARED};

/// A name: its versions, which are numbers.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct State {
    pub highest: u64,
    pub entries: Vec<Entry>,
    pub current: Option<u64>,
    /// The versions that led to the current one, which is the last.
    pub line: Vec<u64>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    pub version: u64,
    /// The number that the component answers.
    pub number: u32,
    pub held: bool,
}

pub type Names = BTreeMap<String, State>;

/// All that one writer changes and nobody else.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct World {
    pub names: Names,
    /// The highest versions of names that were removed: they do not come back.
    #[serde(default)]
    pub retired: BTreeMap<String, u64>,
    pub revoked: BTreeSet<u32>,
    /// What it set last as the most skills of the store: each writer sets other numbers.
    pub policy: Option<u64>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Op {
    Submit {
        name: String,
        number: u32,
        hold: bool,
    },
    Release {
        name: String,
        version: u64,
    },
    RollBack {
        name: String,
    },
    RemoveName {
        name: String,
    },
    RemoveVersion {
        name: String,
        version: u64,
    },
    /// Loads it after its compiled code was taken away.
    Load {
        name: String,
    },
    Revoke {
        number: u32,
    },
    Policy {
        skills: u64,
        artifacts: u64,
    },
    Gc,
}

impl State {
    fn current(&self) -> Option<&Entry> {
        self.entries.iter().find(|entry| Some(entry.version) == self.current)
    }

    /// The number that the bare name answers.
    pub fn answers(&self) -> Option<u32> {
        self.current().map(|entry| entry.number)
    }

    fn earlier(&self) -> Option<u64> {
        self.line.iter().rev().nth(1).copied()
    }

    fn make_current(&mut self, version: u64) {
        self.current = Some(version);
        self.line.push(version);
    }

    fn repeats(&self, number: u32) -> bool {
        let newest = self.entries.last().filter(|entry| entry.held);
        newest.or(self.current()).is_some_and(|entry| entry.number == number)
    }

    /// Whether the record of the store says the same.
    pub fn is(&self, record: &Record, digests: &mut Digests) -> bool {
        let text = |version: u64| version.to_string();
        self.current.map(text).as_deref() == record.current.as_ref().map(|version| version.as_str())
            && self.entries.len() == record.versions.len()
            && self.entries.iter().zip(&record.versions).all(|(entry, kept)| {
                text(entry.version) == kept.version.as_str()
                    && entry.held == kept.held
                    && digests.of(entry.number) == kept.digest
            })
    }
}

impl Op {
    /// What an operation is called in the figures.
    pub fn kind(&self, world: &World) -> &'static str {
        match self {
            Self::Submit { hold: true, .. } => "submit held",
            Self::Submit { name, number, .. } => match world.names.get(name) {
                None => "submit new",
                Some(state) if state.repeats(*number) => "submit again",
                Some(_) => "replace",
            },
            Self::Release { .. } => "release",
            Self::RollBack { .. } => "roll back",
            Self::RemoveName { .. } => "remove name",
            Self::RemoveVersion { .. } => "remove version",
            Self::Load { .. } => "load and compile",
            Self::Revoke { .. } => "revoke",
            Self::Policy { .. } => "policy",
            Self::Gc => "gc",
        }
    }
}

impl World {
    /// The world after an operation that was done.
    pub fn after(&self, op: &Op) -> Self {
        let mut world = self.clone();
        let names = &mut world.names;
        match op {
            Op::Submit { name, number, hold } => {
                let highest = world.retired.get(name).copied().unwrap_or(0);
                let state =
                    names.entry(name.clone()).or_insert_with(|| State { highest, ..State::default() });
                if !state.repeats(*number) {
                    state.highest += 1;
                    let version = state.highest;
                    state.entries.push(Entry { version, number: *number, held: *hold });
                    if !hold {
                        state.make_current(version);
                    }
                }
            }
            Op::Release { name, version } => {
                let state = names.get_mut(name).expect("a name");
                state.entries.iter_mut().filter(|e| e.version == *version).for_each(|e| e.held = false);
                state.make_current(*version);
            }
            Op::RollBack { name } => {
                let state = names.get_mut(name).expect("a name");
                state.current = state.earlier();
                state.line.pop();
            }
            Op::RemoveName { name } => {
                if let Some(state) = names.remove(name) {
                    world.retired.insert(name.clone(), state.highest);
                }
            }
            Op::RemoveVersion { name, version } => {
                let state = names.get_mut(name).expect("a name");
                state.entries.retain(|entry| entry.version != *version);
                state.line.retain(|was| was != version);
            }
            Op::Revoke { number } => drop(world.revoked.insert(*number)),
            Op::Policy { skills, .. } => world.policy = Some(*skills),
            Op::Load { .. } | Op::Gc => {}
        }
        world
    }

    /// An operation that must succeed.
    pub fn choose(&self, who: usize, chance: &mut Chance) -> Op {
        loop {
            let name = format!("w{who}-{}", chance.below(4));
            let state = self.names.get(&name);
            let op = match (chance.below(20), state) {
                (0..=6, _) => Some(Op::Submit { name, number: chance.small(SHARED), hold: false }),
                (7, Some(state)) => {
                    let number = state.answers();
                    number.map(|number| Op::Submit { name, number, hold: false })
                }
                (8, _) => Some(Op::Submit { name, number: chance.small(SHARED), hold: true }),
                (9, Some(state)) => {
                    let held = state.entries.iter().find(|entry| entry.held);
                    held.map(|entry| Op::Release { name, version: entry.version })
                }
                (10, Some(state)) => state.earlier().map(|_| Op::RollBack { name }),
                (11 | 12, Some(_)) => Some(Op::RemoveName { name }),
                (13 | 14, Some(state)) => {
                    let old = state.entries.iter().find(|entry| Some(entry.version) != state.current);
                    let old = old.filter(|_| state.entries.len() > 1);
                    old.map(|entry| Op::RemoveVersion { name, version: entry.version })
                }
                (15 | 16, Some(state)) => state.current.map(|_| Op::Load { name }),
                (17, _) => Some(self.doom(who, chance)),
                (18, _) => {
                    let skills = 10_000 + 2 * u64::from(chance.small(1_000)) + who as u64;
                    let artifacts = if chance.below(2) == 0 { 1 << 20 } else { 1 << 30 };
                    Some(Op::Policy { skills, artifacts })
                }
                (19, _) => Some(Op::Gc),
                _ => None,
            };
            if let Some(op) = op {
                return op;
            }
        }
    }

    /// Submits a component of its own, then revokes it, then removes it.
    fn doom(&self, who: usize, chance: &mut Chance) -> Op {
        let name = format!("w{who}-doomed");
        match self.names.get(&name).and_then(State::answers) {
            None => Op::Submit { name, number: 1_000 + chance.small(1 << 30), hold: false },
            Some(number) if !self.revoked.contains(&number) => Op::Revoke { number },
            Some(_) => Op::RemoveName { name },
        }
    }
}

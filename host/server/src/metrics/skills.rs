//! Metrics by skill. Names come from the catalog. The number of labels is limited; further skills count as `(other)`.

use std::collections::HashMap;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::{Registry, Unit};
use ringfence::{Capability, CapabilityUsage, Report};
use ringfence_store::{Name, Owner};

use super::{OUTCOMES, index};

/// Maximum number of skills with metrics of their own.
const MOST: usize = 256;

/// Maximum number of such skills of one owner, so that no owner takes them all.
const SHARE: usize = 64;

/// Label of further skills. No skill can have this name, because brackets are invalid in names.
const OTHER: &str = "(other)";

type Seconds = Counter<f64, AtomicU64>;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct BySkill {
    skill: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct BySkillAndResult {
    skill: String,
    result: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct BySkillAndCapability {
    skill: String,
    capability: &'static str,
}

/// What all skills used of their capabilities.
#[derive(Debug, Default, Clone)]
struct Capabilities {
    calls: Family<BySkillAndCapability, Counter>,
    sent: Family<BySkillAndCapability, Counter>,
    received: Family<BySkillAndCapability, Counter>,
    wait: Family<BySkillAndCapability, Seconds>,
}

impl Capabilities {
    fn ran(&self, skill: &str, usage: &CapabilityUsage) {
        for (capability, spent) in usage.each() {
            if spent.calls == 0 {
                continue;
            }
            let label = BySkillAndCapability { skill: skill.to_owned(), capability: capability.name() };
            self.calls.get_or_create(&label).inc_by(spent.calls);
            self.sent.get_or_create(&label).inc_by(spent.sent);
            self.received.get_or_create(&label).inc_by(spent.received);
            self.wait.get_or_create(&label).inc_by(spent.wait.as_secs_f64());
        }
    }

    fn remove(&self, skill: &str) {
        for capability in Capability::ALL {
            let label = BySkillAndCapability { skill: skill.to_owned(), capability: capability.name() };
            self.calls.remove(&label);
            self.sent.remove(&label);
            self.received.remove(&label);
            self.wait.remove(&label);
        }
    }
}

/// The metrics of all skills.
#[derive(Debug, Default)]
pub(crate) struct Skills {
    capabilities: Capabilities,
    runs: Family<BySkillAndResult, Counter>,
    fuel: Family<BySkill, Counter>,
    seconds: Family<BySkill, Seconds>,
    known: Mutex<HashMap<Name, (Owner, Arc<OfSkill>)>>,
    other: OnceLock<Arc<OfSkill>>,
}

/// The metrics of a skill. Counting takes a lock only for the first run with an outcome.
#[derive(Debug)]
pub(crate) struct OfSkill {
    label: String,
    all: Family<BySkillAndResult, Counter>,
    capabilities: Capabilities,
    runs: [OnceLock<Counter>; OUTCOMES.len()],
    fuel: Counter,
    seconds: Seconds,
}

impl OfSkill {
    pub(super) fn ran<T>(&self, report: &Report<T>) {
        self.count(index(&report.outcome));
        self.fuel.inc_by(report.usage.fuel);
        self.seconds.inc_by(report.usage.wall.as_secs_f64());
        self.capabilities.ran(&self.label, &report.usage.capabilities);
    }

    /// Counts a run whose caller disconnected.
    pub(super) fn left(&self) {
        self.count(super::CANCELLED);
    }

    fn count(&self, at: usize) {
        let (Some(cell), Some(result)) = (self.runs.get(at), OUTCOMES.get(at)) else { return };
        let label = || BySkillAndResult { skill: self.label.clone(), result };
        cell.get_or_init(|| self.all.get_or_create(&label()).clone()).inc();
    }
}

impl Skills {
    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register("skill_runs", "Finished runs, by skill and outcome", self.runs.clone());
        registry.register("skill_fuel", "Fuel used by runs, by skill", self.fuel.clone());
        registry.register_with_unit(
            "skill",
            "Wall time of runs, by skill",
            Unit::Seconds,
            self.seconds.clone(),
        );
        let used = &self.capabilities;
        registry.register(
            "skill_capability_calls",
            "Uses of a capability, by skill and capability",
            used.calls.clone(),
        );
        registry.register(
            "skill_capability_sent_bytes",
            "Bytes from skills to a capability, by skill and capability",
            used.sent.clone(),
        );
        registry.register(
            "skill_capability_received_bytes",
            "Bytes from a capability to skills, by skill and capability",
            used.received.clone(),
        );
        registry.register_with_unit(
            "skill_capability_wait",
            "Waits for a capability, by skill and capability",
            Unit::Seconds,
            used.wait.clone(),
        );
    }

    /// Returns the metrics of a skill of the catalog.
    pub(crate) fn of(&self, name: &Name, owner: &Owner) -> Arc<OfSkill> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, skill)) = known.get(name) {
            return Arc::clone(skill);
        }
        let of_owner = known.values().filter(|(other, _)| other == owner).count();
        if known.len() >= MOST || of_owner >= SHARE {
            return Arc::clone(self.other.get_or_init(|| Arc::new(self.make(OTHER))));
        }
        let skill = Arc::new(self.make(name.as_str()));
        known.insert(name.clone(), (owner.clone(), Arc::clone(&skill)));
        skill
    }

    /// Removes the metrics of removed skills.
    pub(crate) fn keep(&self, is_there: impl Fn(&Name) -> bool) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|name, _| {
            let stays = is_there(name);
            if !stays {
                let skill = name.to_string();
                for result in OUTCOMES {
                    self.runs.remove(&BySkillAndResult { skill: skill.clone(), result });
                }
                self.fuel.remove(&BySkill { skill: skill.clone() });
                self.capabilities.remove(&skill);
                self.seconds.remove(&BySkill { skill });
            }
            stays
        });
    }

    fn make(&self, label: &str) -> OfSkill {
        let by_skill = BySkill { skill: label.to_owned() };
        OfSkill {
            label: label.to_owned(),
            all: self.runs.clone(),
            capabilities: self.capabilities.clone(),
            runs: std::array::from_fn(|_| OnceLock::new()),
            fuel: self.fuel.get_or_create(&by_skill).clone(),
            seconds: self.seconds.get_or_create(&by_skill).clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(skills: &Skills, name: &str, owner: &str) -> Arc<OfSkill> {
        skills.of(&name.parse().expect("a name"), &owner.parse().expect("an owner"))
    }

    #[test]
    fn metrics_by_skill_are_limited_in_total_and_by_owner() {
        let skills = Skills::default();
        for n in 0..SHARE {
            assert_eq!(of(&skills, &format!("a-{n}"), "alice").label, format!("a-{n}"));
        }
        assert_eq!(of(&skills, "one-more", "alice").label, OTHER);
        assert_eq!(of(&skills, "a-0", "alice").label, "a-0");
        for n in SHARE..MOST {
            assert_eq!(of(&skills, &format!("b-{n}"), &format!("bob-{n}")).label, format!("b-{n}"));
        }
        assert_eq!(of(&skills, "c", "carol").label, OTHER);
        // Room that skills leave that are gone is for others.
        skills.keep(|name| name.as_str() != "a-0");
        assert_eq!(of(&skills, "c", "carol").label, "c");
        assert_eq!(of(&skills, "d", "carol").label, OTHER);
    }
}

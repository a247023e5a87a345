//! Implements the core's traits of capabilities: HTTP through the egress door, key-value spaces, configuration values and
//! secrets. Also passes on the caps of scratch files.
//!
//! [`Capabilities`] has the operator's policy and the implementations. [`Capabilities::granted`] returns the grants of a
//! run, for [`ringfence::Call::grant`]. A program that calls a skill often prepares its grants once
//! ([`Capabilities::prepare`]). A run keeps the grants that it started with, even if the program replaces its policy
//! meanwhile ([`Capabilities::with_policy`]).
//!
//! ```
//! use ringfence::{Host, HostConfig};
//! use ringfence_capabilities::{Capabilities, subject_of};
//! use ringfence_policy::Policy;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let capabilities = Capabilities::new(Policy::of_lines(["kv space=principal", "config base=https://a.example"])?);
//! # let host = Host::new(HostConfig::default())?;
//! # let skill = host.load(ringfence_sandbox_tests::relay::config())?;
//! let granted = capabilities.granted(&skill, subject_of(&skill));
//! let call = host.call(&skill, "get").grant(granted);
//! # drop(call);
//! # Ok(())
//! # }
//! ```

mod http;
mod kv;
mod prepared;
mod requested;

use std::collections::BTreeSet;
use std::sync::Arc;

use ringfence::{Access, Granted, Import, Manifest, ScratchCaps, Skill};
use ringfence_egress::Door;
use ringfence_policy::{
    Capability, Decision, Granted as Given, KvSpace, KvStorage, Policy, Request, Subject, SubjectGrants,
};

pub use prepared::{GrantRequest, SkillGrants};
pub use requested::missing_grants;
pub use ringfence_egress::system_resolver;

/// The operator's policy, and the implementations of its grants. A clone shares the spaces and the door.
#[derive(Debug, Clone)]
pub struct Capabilities {
    policy: Policy,
    /// Whether any grant is for scratch files.
    scratch: bool,
    /// Spaces that are lost when the process ends.
    volatile: ringfence_kv::Store,
    /// Spaces on disk, if the operator has a place for them.
    durable: Option<ringfence_kv::Store>,
    door: Option<Door>,
    /// Names of the secrets whose values the host has.
    secrets: Arc<BTreeSet<String>>,
}

impl Capabilities {
    /// Creates capabilities with key-value spaces in memory, and neither HTTP nor secrets.
    pub fn new(policy: Policy) -> Self {
        Self {
            scratch: grants_scratch(&policy),
            policy,
            volatile: ringfence_kv::Store::memory(),
            durable: None,
            door: None,
            secrets: Arc::default(),
        }
    }

    /// Keeps the spaces of grants with `storage=durable` in `store`. Without a store, calls to such a space are denied.
    #[must_use]
    pub fn with_kv(mut self, store: ringfence_kv::Store) -> Self {
        self.durable = Some(store);
        self
    }

    /// Sets the names of the secrets whose values the door has, for `secrets.exists`.
    #[must_use]
    pub fn with_secrets(mut self, names: impl IntoIterator<Item = String>) -> Self {
        self.secrets = Arc::new(names.into_iter().collect());
        self
    }

    /// Sends HTTP requests through `door`. Without a door, every request is denied.
    #[must_use]
    pub fn with_door(mut self, door: Door) -> Self {
        self.door = Some(door);
        self
    }

    /// Returns the door, if there is one. A new configuration counts on with [`Door::reconfigured`].
    pub fn door(&self) -> Option<&Door> {
        self.door.as_ref()
    }

    /// Replaces the policy.
    #[must_use]
    pub fn with_policy(mut self, policy: Policy) -> Self {
        self.scratch = grants_scratch(&policy);
        self.policy = policy;
        self
    }

    /// Returns the policy.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Returns whether there is a store for durable spaces.
    pub fn has_kv(&self) -> bool {
        self.durable.is_some()
    }

    /// Prepares the grants of a skill for all its runs: once when it is loaded, and again with other capabilities.
    ///
    /// `skill` is the subject without a principal.
    pub fn prepare(&self, imports: &[Import], manifest: &Manifest, skill: Subject) -> SkillGrants {
        SkillGrants::new(self, imports, manifest, skill)
    }

    /// Returns what one run may use, by the grants that [`Capabilities::prepare`] of these capabilities returned. It
    /// costs nothing for a skill that uses no capability.
    pub fn granted_to(&self, skill: &SkillGrants, principal: Option<&str>) -> Granted {
        skill.granted(self, principal)
    }

    /// Returns the grants of one run. It prepares them for this run alone.
    pub fn granted(&self, skill: &Skill, subject: Subject) -> Granted {
        let of_skill = Subject { principal: None, ..subject.clone() };
        let prepared = self.prepare(skill.imports(), skill.manifest(), of_skill);
        self.granted_to(&prepared, subject.principal.as_deref())
    }

    /// Returns whether a skill requests scratch files. A component without a manifest cannot say so: there its import
    /// counts, if the operator grants scratch files to anyone.
    fn wants_scratch(&self, imports: &[Import], manifest: &Manifest) -> bool {
        let preopens = || imports.iter().any(|import| import.name.starts_with("wasi:filesystem/preopens@"));
        match manifest.grants.scratch {
            true => preopens(),
            false => self.scratch && *manifest == Manifest::default() && preopens(),
        }
    }

    /// The names that the skill may ask for and whose values the host has.
    fn secrets(&self, grants: &SubjectGrants) -> BTreeSet<String> {
        let granted =
            |name: &&String| matches!(grants.decide(&Request::Secret(name)), Decision::Granted { .. });
        self.secrets.iter().filter(granted).cloned().collect()
    }

    fn space(&self, grants: &SubjectGrants) -> kv::Space {
        let rule = match grants.decide(&Request::Kv) {
            Decision::Granted { grant: Given::Kv(rule), .. } => rule,
            Decision::Granted { .. } | Decision::Denied(_) => {
                return kv::Space::denied(grants.explain(&Request::Kv).to_string());
            }
        };
        let store = match rule.storage {
            KvStorage::Memory => &self.volatile,
            KvStorage::Durable => match &self.durable {
                Some(store) => store,
                None => return kv::Space::denied("the host has no file for durable spaces".to_owned()),
            },
        };
        let subject = grants.subject();
        let of_principal = match rule.space {
            KvSpace::Skill => None,
            KvSpace::Principal => Some(subject.principal.as_deref().unwrap_or_default()),
        };
        match kv::name(subject, of_principal) {
            Ok(space) => kv::Space::open(store, &space, &rule),
            Err(error) => kv::Space::denied(error.to_string()),
        }
    }
}

fn grants_scratch(policy: &Policy) -> bool {
    policy.grants().any(|(_, grant)| matches!(grant.capability, Capability::Scratch(_)))
}

/// What a skill that requests scratch files gets.
fn scratch_of(grants: &SubjectGrants) -> Granted {
    match grants.decide(&Request::Scratch) {
        Decision::Granted { grant: Given::Scratch(rule), .. } => {
            let caps = ScratchCaps::default().with_files(rule.files).with_depth(rule.depth);
            Granted::nothing().scratch(caps.with_name_bytes(rule.name_bytes).with_bytes(rule.bytes.0))
        }
        Decision::Granted { .. } | Decision::Denied(_) => {
            Granted::nothing().scratch_denied(grants.explain(&Request::Scratch).to_string())
        }
    }
}

/// A grant would have no effect on this host.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyError {
    /// This host does not implement the capability yet.
    #[error("{rule}: this version has no {capability}; grant http, kv, config, secret or scratch")]
    NotAvailable {
        /// The grant.
        rule: String,
        /// The capability.
        capability: &'static str,
    },
    /// The host has no value for the secret of a grant.
    #[error("{rule}: the secret `{name}` has no source; name one, such as an environment variable or a file")]
    NoSecret {
        /// The grant.
        rule: String,
        /// The secret.
        name: String,
    },
}

/// Checks that every grant has an effect. `has_secret` returns whether the host has the value of a secret.
///
/// # Errors
///
/// Fails with a [`PolicyError`] for the first grant without effect.
pub fn check(policy: &Policy, has_secret: impl Fn(&str) -> bool) -> Result<(), PolicyError> {
    for (id, grant) in policy.grants() {
        let rule = id.to_string();
        match &grant.capability {
            Capability::Http(http) => {
                if let Some(secret) = http.secret.as_ref().filter(|secret| !has_secret(&secret.name)) {
                    return Err(PolicyError::NoSecret { rule, name: secret.name.clone() });
                }
            }
            Capability::Kv(_) | Capability::Config(_) | Capability::Secrets(_) | Capability::Scratch(_) => {}
            other => return Err(PolicyError::NotAvailable { rule, capability: other.word() }),
        }
    }
    Ok(())
}

/// Returns the imports that need a grant.
pub fn wants(imports: &[Import]) -> impl Iterator<Item = &Import> {
    imports.iter().filter(|import| matches!(import.access, Access::ByGrant))
}

/// Returns the subject of a run of a component without a name and without a caller.
pub fn subject_of(skill: &Skill) -> Subject {
    Subject::of(ringfence_policy::SkillDigest(*skill.digest().as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scratch_grant_without_options_has_the_caps_of_the_library() {
        let rule = ringfence_policy::ScratchRule::default();
        let caps = ScratchCaps::default();
        assert_eq!(
            (rule.files, rule.depth, rule.name_bytes, rule.bytes.0),
            (caps.files, caps.depth, caps.name_bytes, caps.bytes)
        );
    }
}

/// The examples of the README, for `cargo test --doc`.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

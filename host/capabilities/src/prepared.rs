//! What one skill requests and is granted, prepared once for all its runs.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ringfence::{Capability, Granted, Import, Manifest};
use ringfence_policy::{
    Decision, Granted as Given, KvSpace, Need, Request, RequestedHttp, RuleId, Subject, SubjectGrants,
};

use crate::{Capabilities, http, kv, scratch_of, wants};

/// The grants of one skill, prepared by [`Capabilities::prepare`]. A clone is one reference count.
#[derive(Debug, Clone)]
pub struct SkillGrants {
    /// None for a skill that imports and requests no capability.
    inner: Option<Arc<Inner>>,
}

#[derive(Debug)]
struct Inner {
    uses: Uses,
    needs: Vec<Need>,
    /// The callers that no grant names.
    others: Caller,
    named: BTreeMap<String, Caller>,
}

/// The capabilities whose interfaces a skill imports.
#[derive(Debug, Clone, Copy, Default)]
struct Uses {
    http: bool,
    kv: bool,
    config: bool,
    secrets: bool,
    scratch: bool,
}

/// What callers of a kind have.
#[derive(Debug)]
struct Caller {
    grants: SubjectGrants,
    config: Arc<BTreeMap<String, String>>,
    secrets: Arc<BTreeSet<String>>,
    /// The space that all share, or that denies all. None if each caller has its own.
    kv: Option<Arc<kv::Space>>,
    /// Scratch files, and nothing else.
    scratch: Granted,
    requests: Vec<GrantRequest>,
}

/// Something that a skill requests, and the rules that give it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct GrantRequest {
    /// What the skill requests.
    pub need: Need,
    /// The rules that give all or a part of it, in order. None: it is missing.
    pub granted_by: Vec<RuleId>,
}

impl GrantRequest {
    /// Returns whether no rule gives any of it.
    pub fn is_missing(&self) -> bool {
        self.granted_by.is_empty()
    }
}

impl SkillGrants {
    pub(crate) fn new(
        capabilities: &Capabilities,
        imports: &[Import],
        manifest: &Manifest,
        skill: Subject,
    ) -> Self {
        let scratch = capabilities.wants_scratch(imports, manifest);
        let mut uses = Uses { scratch, ..Uses::default() };
        for capability in wants(imports).filter_map(|import| Capability::of_interface(&import.name)) {
            match capability {
                Capability::Http => uses.http = true,
                Capability::Kv => uses.kv = true,
                Capability::Config => uses.config = true,
                Capability::Secrets => uses.secrets = true,
                Capability::Scratch => uses.scratch = true,
            }
        }
        let needs = needs(uses, manifest);
        if needs.is_empty() {
            return Self { inner: None };
        }
        let caller = |principal: Option<&str>| {
            let subject = Subject { principal: principal.map(str::to_owned), ..skill.clone() };
            Caller::new(capabilities, subject, uses, &needs)
        };
        let named = capabilities.policy.principals_of(&skill);
        let named = named.into_iter().map(|name| (name.to_owned(), caller(Some(name)))).collect();
        Self { inner: Some(Arc::new(Inner { uses, others: caller(None), named, needs })) }
    }

    pub(crate) fn granted(&self, capabilities: &Capabilities, principal: Option<&str>) -> Granted {
        let Some(inner) = &self.inner else { return Granted::nothing() };
        let uses = inner.uses;
        let caller = inner.caller(principal);
        let mut granted = caller.scratch.clone();
        if uses.config {
            granted = granted.config(Arc::clone(&caller.config));
        }
        if uses.secrets {
            granted = granted.secrets(Arc::clone(&caller.secrets));
        }
        if !uses.kv && !uses.http {
            return granted;
        }
        let grants = || caller.grants.with_principal(principal.map(str::to_owned));
        if uses.kv {
            let own = || Arc::new(capabilities.space(&grants()));
            granted = granted.kv(caller.kv.as_ref().map_or_else(own, Arc::clone));
        }
        if uses.http {
            granted = match &capabilities.door {
                Some(door) => granted.http(Arc::new(http::Client::new(door, grants()))),
                None => granted.http(Arc::new(http::Closed::new(grants()))),
            };
        }
        granted
    }

    /// Returns what the skill requests, by its manifest and its imports. A request grants nothing.
    pub fn needs(&self) -> &[Need] {
        self.inner.as_ref().map_or(&[], |inner| &inner.needs)
    }

    /// Returns what the skill requests, with the rules that give it to a caller.
    pub fn requests(&self, principal: Option<&str>) -> &[GrantRequest] {
        self.inner.as_ref().map_or(&[], |inner| &inner.caller(principal).requests)
    }
}

impl Inner {
    fn caller(&self, principal: Option<&str>) -> &Caller {
        principal.and_then(|principal| self.named.get(principal)).unwrap_or(&self.others)
    }
}

impl Caller {
    fn new(capabilities: &Capabilities, subject: Subject, uses: Uses, needs: &[Need]) -> Self {
        let grants = capabilities.policy.for_subject(&subject);
        let config = grants.config().map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
        let shared = match grants.decide(&Request::Kv) {
            Decision::Granted { grant: Given::Kv(rule), .. } => rule.space == KvSpace::Skill,
            Decision::Granted { .. } | Decision::Denied(_) => true,
        };
        let request = |need: &Need| GrantRequest { granted_by: grants.rules_for(need), need: need.clone() };
        Self {
            config: Arc::new(config),
            secrets: Arc::new(capabilities.secrets(&grants)),
            kv: (uses.kv && shared).then(|| Arc::new(capabilities.space(&grants))),
            scratch: if uses.scratch { scratch_of(&grants) } else { Granted::nothing() },
            requests: needs.iter().map(request).collect(),
            grants,
        }
    }
}

/// What the author says the skill needs, and what it imports without a word about it.
fn needs(uses: Uses, manifest: &Manifest) -> Vec<Need> {
    let asks = &manifest.grants;
    let mut needs: Vec<Need> =
        asks.http.iter().filter_map(|entry| entry.parse().ok()).map(Need::Http).collect();
    let tools = asks.skills.iter().filter_map(|tool| tool.parse().ok()).map(Need::Tools);
    if uses.http && needs.is_empty() {
        needs.push(Need::Http(RequestedHttp::Any));
    }
    if asks.kv || uses.kv {
        needs.push(Need::Kv);
    }
    if uses.config {
        needs.push(Need::Config);
    }
    if uses.secrets {
        needs.push(Need::Secrets);
    }
    if asks.scratch || uses.scratch {
        needs.push(Need::Scratch);
    }
    needs.extend(tools);
    needs
}

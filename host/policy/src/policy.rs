//! The operator's grants in order, and their decisions.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::Path;
use std::sync::Arc;

use serde::{Deserialize, Deserializer};

use crate::error::GrantError;
use crate::grant::Grant;
use crate::http_rule::HttpRule;
use crate::pattern::{NamePattern, UrlMatch};
use crate::rules::{Capability, KvRule, ScratchRule};
use crate::subject::Subject;
use crate::target::Target;

/// The place where a grant was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Origin {
    /// `--grant` of a command.
    CommandLine,
    /// `[[grant]]` of `ringfence.toml`.
    Configuration,
    /// The policy of a bundle.
    Bundle,
    /// Code that embeds the library.
    Program,
}

/// The identity of a grant: the place where it was written, and its number there, counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RuleId {
    /// The place.
    pub origin: Origin,
    /// The number.
    pub number: usize,
}

impl fmt::Display for RuleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = match self.origin {
            Origin::CommandLine => "--grant",
            Origin::Configuration => "[[grant]]",
            Origin::Bundle => "bundle grant",
            Origin::Program => "grant",
        };
        write!(f, "{place} {}", self.number)
    }
}

/// A request of a run that needs a grant.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum Request<'a> {
    /// Send an HTTP request.
    Http {
        /// The method, in upper case.
        method: &'a str,
        /// The URL.
        target: &'a Target,
    },
    /// Use the key-value store.
    Kv,
    /// Read a value of the configuration.
    Config(&'a str),
    /// Ask whether a secret exists.
    Secret(&'a str),
    /// Call a tool.
    Tool(&'a str),
    /// Use scratch files.
    Scratch,
}

/// The permission of a decision.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Granted {
    /// The HTTP request, under this rule.
    Http(Arc<HttpRule>),
    /// The key-value store, under this rule.
    Kv(Arc<KvRule>),
    /// The value of the configuration.
    Config(Arc<str>),
    /// An answer about the secret.
    Secret,
    /// The call of the tool.
    Tool,
    /// Scratch files, under this rule.
    Scratch(Arc<ScratchRule>),
}

/// The reason why a request is denied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Reason {
    /// The skill and its caller have no grant for the capability.
    NoGrant,
    /// No grant covers the host.
    Host,
    /// A grant covers the host, but with another scheme.
    Scheme,
    /// A grant covers the host, but another port.
    Port,
    /// A grant covers the origin, but other paths.
    Path,
    /// A grant covers the path, but servers read the path in different ways.
    AmbiguousPath,
    /// A grant covers the URL, but other methods.
    Method,
    /// No grant covers the key, secret or tool.
    Name,
}

/// The decision about a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// The first rule that covers the request grants it.
    Granted {
        /// The rule.
        rule: RuleId,
        /// The permission.
        grant: Granted,
    },
    /// No rule covers the request.
    Denied(Denial),
}

/// The rule that covers an HTTP request.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Covered<'a> {
    /// The id of the rule.
    pub id: RuleId,
    /// The rule.
    pub rule: &'a Arc<HttpRule>,
}

/// A denial: no rule covers the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Denial {
    /// The reason.
    pub reason: Reason,
    /// The rule that comes nearest.
    pub nearest: Option<RuleId>,
}

/// The grants of an operator, in order.
///
/// A policy never changes. To change grants, make a new policy. A run keeps the [`SubjectGrants`] that it started with.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Policy {
    rules: Arc<[(RuleId, Grant)]>,
}

impl Policy {
    /// Creates a policy of grants in order. Grants of [`Origin::CommandLine`] and [`Origin::Program`] can leave out the
    /// skill.
    ///
    /// # Errors
    ///
    /// Fails with [`GrantError::NoSkill`] if another grant names no skill, and with [`GrantError::Bound`] if a grant of
    /// the command line names one.
    pub fn new(origin: Origin, grants: Vec<Grant>) -> Result<Self, GrantError> {
        for grant in &grants {
            match (origin, &grant.skill) {
                (Origin::Configuration | Origin::Bundle, None) => return Err(GrantError::NoSkill),
                (Origin::CommandLine, Some(_)) => return Err(GrantError::Bound("skill")),
                _ => {}
            }
        }
        let id = |number| RuleId { origin, number };
        Ok(Self { rules: (1_usize..).zip(grants).map(|(number, grant)| (id(number), grant)).collect() })
    }

    /// Reads the values of `--grant`, in order.
    ///
    /// # Errors
    ///
    /// Fails with the [`GrantError`] of the first invalid one.
    ///
    /// ```
    /// use ringfence_policy::{Decision, Policy, Request, SkillDigest, Subject, Target};
    ///
    /// let policy = Policy::of_lines(["http GET https://*.example.com/v1/"])?;
    /// let grants = policy.for_subject(&Subject::of(SkillDigest([0; 32])));
    /// let target = Target::parse("https://api.example.com/v1/items")?;
    /// let decision = grants.decide(&Request::Http { method: "GET", target: &target });
    /// assert!(matches!(decision, Decision::Granted { .. }));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn of_lines<'a>(lines: impl IntoIterator<Item = &'a str>) -> Result<Self, GrantError> {
        let grants = lines.into_iter().map(str::parse).collect::<Result<_, _>>()?;
        Self::new(Origin::CommandLine, grants)
    }

    /// Returns this policy with the grants of another after its own.
    #[must_use]
    pub fn then(&self, later: &Self) -> Self {
        Self { rules: self.rules.iter().chain(&*later.rules).cloned().collect() }
    }

    /// Returns this policy with its files in `directory`: the relative paths of `ca-file`, `client-certificate` and
    /// `client-key`. An absolute path stays as it is.
    #[must_use]
    pub fn with_files_in(&self, directory: &Path) -> Self {
        let placed = |(id, grant): &(RuleId, Grant)| {
            let mut grant = grant.clone();
            if let Capability::Http(rule) = &mut grant.capability {
                for path in rule.files_mut() {
                    *path = directory.join(&*path);
                }
            }
            (*id, grant)
        };
        Self { rules: self.rules.iter().map(placed).collect() }
    }

    /// Returns the number of grants.
    pub fn len(&self) -> usize {
        self.rules.len()
    }

    /// Returns true if there is no grant.
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// Returns the grants in order.
    pub fn grants(&self) -> impl Iterator<Item = (RuleId, &Grant)> {
        self.rules.iter().map(|(id, grant)| (*id, grant))
    }

    /// Returns the callers that grants of a skill name. All other callers have the same grants.
    pub fn principals_of(&self, skill: &Subject) -> BTreeSet<&str> {
        let bound = |grant: &&Grant| grant.skill.as_ref().is_none_or(|selector| selector.matches(skill));
        let grants = self.rules.iter().map(|(_, grant)| grant).filter(bound);
        grants.flat_map(|grant| &grant.principals).map(String::as_str).collect()
    }

    /// Collects the grants of a subject. Call it once for each run, at its start.
    pub fn for_subject(&self, subject: &Subject) -> SubjectGrants {
        let mut own = Own::default();
        for (id, grant) in self.rules.iter().filter(|(_, grant)| grant.binds(subject)) {
            match &grant.capability {
                Capability::Http(rule) => own.http.push((*id, Arc::new((**rule).clone()))),
                Capability::Kv(rule) => {
                    own.kv.get_or_insert_with(|| (*id, Arc::new(rule.clone())));
                }
                Capability::Config(values) => {
                    for (key, value) in values {
                        own.config.entry(key.clone()).or_insert_with(|| (*id, value.as_str().into()));
                    }
                }
                Capability::Secrets(names) => {
                    own.secrets.extend(names.iter().map(|name| (*id, name.clone())))
                }
                Capability::Tools(names) => own.tools.extend(names.iter().map(|name| (*id, name.clone()))),
                Capability::Scratch(rule) => {
                    own.scratch.get_or_insert_with(|| (*id, Arc::new(rule.clone())));
                }
            }
        }
        SubjectGrants { subject: Arc::new(subject.clone()), own: Arc::new(own) }
    }

    /// Decides about one request of a subject. For several requests use [`Policy::for_subject`].
    pub fn decide(&self, subject: &Subject, request: &Request<'_>) -> Decision {
        self.for_subject(subject).decide(request)
    }
}

impl<'de> Deserialize<'de> for Policy {
    /// Reads a list of grants as [`Origin::Configuration`].
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(Origin::Configuration, Vec::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

/// The grants of one subject, ready to decide. A clone is cheap.
#[derive(Debug, Clone)]
pub struct SubjectGrants {
    subject: Arc<Subject>,
    own: Arc<Own>,
}

#[derive(Debug, Default)]
struct Own {
    http: Vec<(RuleId, Arc<HttpRule>)>,
    kv: Option<(RuleId, Arc<KvRule>)>,
    config: BTreeMap<String, (RuleId, Arc<str>)>,
    secrets: Vec<(RuleId, NamePattern)>,
    tools: Vec<(RuleId, NamePattern)>,
    scratch: Option<(RuleId, Arc<ScratchRule>)>,
}

/// The rules of a subject that are not about HTTP.
pub(crate) struct Sources<'a> {
    pub(crate) kv: Option<RuleId>,
    pub(crate) scratch: Option<RuleId>,
    pub(crate) config: BTreeSet<RuleId>,
    pub(crate) secrets: BTreeSet<RuleId>,
    pub(crate) tools: &'a [(RuleId, NamePattern)],
}

impl SubjectGrants {
    /// Creates grants that deny everything.
    pub fn none(subject: Subject) -> Self {
        Self { subject: Arc::new(subject), own: Arc::default() }
    }

    /// Returns the same grants for another caller.
    ///
    /// That is right only if no grant of the skill names either of the two: see [`Policy::principals_of`].
    #[must_use]
    pub fn with_principal(&self, principal: Option<String>) -> Self {
        let subject = Subject { principal, ..Subject::clone(&self.subject) };
        Self { subject: Arc::new(subject), own: Arc::clone(&self.own) }
    }

    /// Returns the subject.
    pub fn subject(&self) -> &Subject {
        &self.subject
    }

    /// Returns the rules for HTTP in order.
    pub fn http_rules(&self) -> impl Iterator<Item = (RuleId, &Arc<HttpRule>)> {
        self.own.http.iter().map(|(id, rule)| (*id, rule))
    }

    /// Returns the values of the configuration, by key.
    pub fn config(&self) -> impl Iterator<Item = (&str, &str)> {
        self.own.config.iter().map(|(key, (_, value))| (key.as_str(), &**value))
    }

    /// Returns the rules that give something of a kind, by what they give.
    pub(crate) fn sources(&self) -> Sources<'_> {
        let own = &*self.own;
        Sources {
            kv: own.kv.as_ref().map(|(id, _)| *id),
            scratch: own.scratch.as_ref().map(|(id, _)| *id),
            config: own.config.values().map(|(id, _)| *id).collect(),
            secrets: own.secrets.iter().map(|(id, _)| *id).collect(),
            tools: &own.tools,
        }
    }

    /// Returns the patterns of secrets whose existence the skill may check.
    pub(crate) fn secrets(&self) -> impl Iterator<Item = &NamePattern> {
        self.own.secrets.iter().map(|(_, pattern)| pattern)
    }

    /// Returns the patterns of tools that the skill may call.
    pub fn tools(&self) -> impl Iterator<Item = &NamePattern> {
        self.own.tools.iter().map(|(_, pattern)| pattern)
    }

    /// Finds the first rule that covers an HTTP request.
    ///
    /// # Errors
    ///
    /// Fails with the [`Denial`] of the rule that comes nearest.
    pub fn http(&self, method: &str, target: &Target) -> Result<Covered<'_>, Denial> {
        let mut denial = Denial { reason: Reason::NoGrant, nearest: None };
        for (id, rule) in &self.own.http {
            let reason = match rule.url.compare(target) {
                UrlMatch::Matches if rule.methods.iter().any(|own| own.as_str() == method) => {
                    return Ok(Covered { id: *id, rule });
                }
                UrlMatch::Matches => Reason::Method,
                UrlMatch::AmbiguousPath => Reason::AmbiguousPath,
                UrlMatch::Path => Reason::Path,
                UrlMatch::Port => Reason::Port,
                UrlMatch::Scheme => Reason::Scheme,
                UrlMatch::Host => Reason::Host,
            };
            if reason > denial.reason {
                denial = Denial { reason, nearest: Some(*id) };
            }
        }
        Err(denial)
    }

    /// Decides about a request.
    pub fn decide(&self, request: &Request<'_>) -> Decision {
        let own = &*self.own;
        let granted = |rule: &RuleId, grant| Decision::Granted { rule: *rule, grant };
        let denied = |reason| Decision::Denied(Denial { reason, nearest: None });
        let named = |rules: &[(RuleId, NamePattern)], name: &str, grant| match rules
            .iter()
            .find(|(_, pattern)| pattern.matches(name))
        {
            Some((rule, _)) => granted(rule, grant),
            None if rules.is_empty() => denied(Reason::NoGrant),
            None => denied(Reason::Name),
        };
        match request {
            Request::Http { method, target } => match self.http(method, target) {
                Ok(Covered { id, rule }) => granted(&id, Granted::Http(Arc::clone(rule))),
                Err(denial) => Decision::Denied(denial),
            },
            Request::Kv => match &own.kv {
                Some((rule, kv)) => granted(rule, Granted::Kv(Arc::clone(kv))),
                None => denied(Reason::NoGrant),
            },
            Request::Config(key) => match own.config.get(*key) {
                Some((rule, value)) => granted(rule, Granted::Config(Arc::clone(value))),
                None if own.config.is_empty() => denied(Reason::NoGrant),
                None => denied(Reason::Name),
            },
            Request::Secret(name) => named(&own.secrets, name, Granted::Secret),
            Request::Tool(name) => named(&own.tools, name, Granted::Tool),
            Request::Scratch => match &own.scratch {
                Some((rule, scratch)) => granted(rule, Granted::Scratch(Arc::clone(scratch))),
                None => denied(Reason::NoGrant),
            },
        }
    }
}

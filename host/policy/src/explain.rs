//! Explains decisions to operators: the grant that applied, or the missing one.
//!
//! A guest never sees these texts, only `denied`.

use std::collections::BTreeMap;
use std::fmt;

use crate::grant::Grant;
use crate::http_rule::{HttpRule, Method};
use crate::pattern::{NamePattern, UrlPattern};
use crate::policy::{Decision, Denial, Reason, Request, RuleId, SubjectGrants};
use crate::rules::{Capability, KvRule, ScratchRule};

/// An explanation of a decision, for the operator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// The request: the capability and its target, with no query in a URL.
    pub request: String,
    /// The skill, as a grant selects it.
    pub skill: String,
    /// The rule that granted it, or the denial.
    pub outcome: Result<RuleId, Denial>,
    /// The grant that would cover the request, bound to the skill. It is `None` for a granted request, and for one that
    /// no grant can cover.
    pub missing: Option<Grant>,
}

impl SubjectGrants {
    /// Explains the decision about a request to the operator.
    ///
    /// ```
    /// use ringfence_policy::{Policy, Request, SkillDigest, Subject};
    ///
    /// let grants = Policy::default().for_subject(&Subject::of(SkillDigest([0; 32])));
    /// let explanation = grants.explain(&Request::Kv);
    /// assert!(explanation.to_string().ends_with("add --grant 'kv'"));
    /// ```
    pub fn explain(&self, request: &Request<'_>) -> Explanation {
        let outcome = match self.decide(request) {
            Decision::Granted { rule, .. } => Ok(rule),
            Decision::Denied(denial) => Err(denial),
        };
        let selector = self.subject().selector();
        Explanation {
            request: shown(request),
            skill: selector.to_string(),
            missing: match outcome {
                Ok(_) => None,
                Err(_) => capability_for(request).map(|capability| Grant {
                    skill: Some(selector),
                    principals: Vec::new(),
                    capability,
                }),
            },
            outcome,
        }
    }
}

/// Returns the narrowest capability that covers a request, if there is one.
pub fn capability_for(request: &Request<'_>) -> Option<Capability> {
    let names = |name: &str| NamePattern::exact(name).ok().map(|name| vec![name]);
    match request {
        Request::Http { method, target } => {
            let methods = vec![method.parse::<Method>().ok()?];
            Some(Capability::Http(Box::new(HttpRule { methods, ..HttpRule::new(UrlPattern::of(target)) })))
        }
        Request::Kv => Some(Capability::Kv(KvRule::default())),
        Request::Config(key) => {
            NamePattern::exact(key).ok()?;
            Some(Capability::Config(BTreeMap::from([((*key).to_owned(), "VALUE".to_owned())])))
        }
        Request::Secret(name) => names(name).map(Capability::Secrets),
        Request::Tool(name) => names(name).map(Capability::Tools),
        Request::Scratch => Some(Capability::Scratch(ScratchRule::default())),
    }
}

/// A name or URL of a guest, cut to a length and without control characters.
fn cut(text: &str) -> String {
    let clean = |character: char| if character.is_control() { '\u{fffd}' } else { character };
    let mut shown: String = text.chars().take(200).map(clean).collect();
    if text.chars().nth(200).is_some() {
        shown.push('…');
    }
    shown
}

fn shown(request: &Request<'_>) -> String {
    match request {
        Request::Http { method, target } => cut(&format!("http {method} {}", target.without_query())),
        Request::Kv => "kv".to_owned(),
        Request::Config(key) => cut(&format!("config {key}")),
        Request::Secret(name) => cut(&format!("secret {name}")),
        Request::Tool(name) => cut(&format!("tools {name}")),
        Request::Scratch => "scratch".to_owned(),
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoGrant => "no grant gives the capability to this skill and its caller",
            Self::Host => "no grant covers the host",
            Self::Scheme => "the grant for the host has another scheme",
            Self::Port => "the grant for the host has another port",
            Self::Path => "the grant for the origin has another path",
            Self::AmbiguousPath => "servers read the path in different ways, and the grant limits the path",
            Self::Method => "the grant for the URL has other methods",
            Self::Name => "no grant covers the name",
        })
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let denial = match self.outcome {
            Ok(rule) => return write!(f, "`{}` of skill {} is granted by {rule}", self.request, self.skill),
            Err(denial) => denial,
        };
        write!(f, "`{}` of skill {} is denied: {}", self.request, self.skill, denial.reason)?;
        if let Some(nearest) = denial.nearest {
            write!(f, " ({nearest} comes nearest)")?;
        }
        match &self.missing {
            Some(grant) => write!(f, "; add {}", grant.to_option()),
            None => f.write_str("; no grant can cover it"),
        }
    }
}

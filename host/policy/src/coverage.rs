//! What a skill requests against what is granted: whether patterns cover one another. Caps play no part.

use std::fmt;

use crate::pattern::{HostPattern, NamePattern, UrlPattern};
use crate::policy::{Decision, Request, RuleId, SubjectGrants};
use crate::requested::RequestedHttp;
use crate::rules::Capability;
use crate::target::TargetHost;
use crate::words::shell;

impl HostPattern {
    fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (_, Self::Exact(host)) => self.matches(host),
            (Self::Exact(_), Self::Below(_)) => false,
            (Self::Below(own), Self::Below(suffix)) => {
                own == suffix || self.matches(&TargetHost::Name(suffix.clone()))
            }
        }
    }
}

impl UrlPattern {
    /// Returns true if this pattern covers every URL that the other one covers.
    pub fn covers(&self, other: &Self) -> bool {
        let below = |rest: &str| self.path().ends_with('/') || rest.is_empty() || rest.starts_with('/');
        self.scheme() == other.scheme()
            && self.port() == other.port()
            && self.host().covers(other.host())
            && (self.path() == "/" || other.path().strip_prefix(self.path()).is_some_and(below))
    }
}

impl NamePattern {
    /// Returns true if this pattern covers every name that the other one covers.
    pub fn covers(&self, other: &Self) -> bool {
        if other.is_open() {
            self.is_open() && self.matches(other.start())
        } else {
            self.matches(other.start())
        }
    }
}

/// Something that a skill requests in general, before it runs.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Need {
    /// HTTP requests.
    Http(RequestedHttp),
    /// The key-value store.
    Kv,
    /// Values of the configuration.
    Config,
    /// Answers about secrets.
    Secrets,
    /// Calls of tools.
    Tools(NamePattern),
    /// Scratch files.
    Scratch,
}

impl Need {
    /// Returns the `--grant` that gives it, with words in capitals where the operator decides.
    pub fn to_option(&self) -> String {
        let line = match self {
            Self::Http(RequestedHttp::Urls(urls)) => format!("http GET {urls}"),
            Self::Http(RequestedHttp::Any) => "http GET URL".to_owned(),
            Self::Kv => "kv".to_owned(),
            Self::Config => "config KEY=VALUE".to_owned(),
            Self::Secrets => "secret NAME".to_owned(),
            Self::Tools(name) => format!("tools {name}"),
            Self::Scratch => "scratch".to_owned(),
        };
        format!("--grant {}", shell(&line))
    }
}

impl fmt::Display for Need {
    /// Writes the word of the capability, and what is requested of it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Http(requested) => write!(f, "http {requested}"),
            Self::Kv => f.write_str("kv"),
            Self::Config => f.write_str("config"),
            Self::Secrets => f.write_str("secret"),
            Self::Tools(name) => write!(f, "tools {name}"),
            Self::Scratch => f.write_str("scratch"),
        }
    }
}

impl SubjectGrants {
    /// Returns the rules that give what a skill requests, in order. With none, it is missing.
    ///
    /// ```
    /// use ringfence_policy::{Need, Policy, SkillDigest, Subject};
    ///
    /// let policy = Policy::of_lines(["http POST https://*.example.com/"])?;
    /// let grants = policy.for_subject(&Subject::of(SkillDigest([0; 32])));
    /// let need = Need::Http("api.example.com".parse()?);
    /// assert_eq!(grants.rules_for(&need).len(), 1);
    /// assert!(grants.rules_for(&Need::Kv).is_empty());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn rules_for(&self, need: &Need) -> Vec<RuleId> {
        let sources = self.sources();
        match need {
            Need::Http(requested) => {
                let rules = self.http_rules().filter(|(_, rule)| requested.is_covered_by(rule));
                rules.map(|(id, _)| id).collect()
            }
            Need::Kv => sources.kv.into_iter().collect(),
            Need::Config => sources.config.into_iter().collect(),
            Need::Secrets => sources.secrets.into_iter().collect(),
            Need::Tools(name) => {
                sources.tools.iter().filter(|(_, own)| own.covers(name)).map(|(id, _)| *id).collect()
            }
            Need::Scratch => sources.scratch.into_iter().collect(),
        }
    }

    /// Returns true if the grants cover everything that a requested capability names. The caps can be lower, and the
    /// values of a configuration differ.
    ///
    /// ```
    /// use ringfence_policy::{Capability, Policy, SkillDigest, Subject};
    ///
    /// let policy = Policy::of_lines(["http GET,POST https://*.example.com/", "kv"])?;
    /// let grants = policy.for_subject(&Subject::of(SkillDigest([0; 32])));
    /// let requested: Capability = "http GET https://api.example.com/v1/".parse()?;
    /// assert!(grants.covers(&requested));
    /// assert!(!grants.covers(&"scratch".parse()?));
    /// # Ok::<(), ringfence_policy::GrantError>(())
    /// ```
    pub fn covers(&self, requested: &Capability) -> bool {
        let granted = |request| matches!(self.decide(&request), Decision::Granted { .. });
        match requested {
            Capability::Http(rule) => rule.methods.iter().all(|method| {
                self.http_rules().any(|(_, own)| own.methods.contains(method) && own.url.covers(&rule.url))
            }),
            Capability::Kv(_) => granted(Request::Kv),
            Capability::Scratch(_) => granted(Request::Scratch),
            Capability::Config(values) => values.keys().all(|key| granted(Request::Config(key))),
            Capability::Secrets(names) => names.iter().all(|name| self.secrets().any(|own| own.covers(name))),
            Capability::Tools(names) => names.iter().all(|name| self.tools().any(|own| own.covers(name))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_skill_requests_is_granted_by_the_rules_for_its_host_and_kind() {
        use crate::policy::Policy;
        use crate::subject::{SkillDigest, Subject};

        let policy = Policy::of_lines([
            "http GET https://*.example.com/",
            "http GET http://10.0.0.1:8080/",
            "config region=eu",
            "config zone=1",
            "secret token",
        ])
        .unwrap();
        let grants = policy.for_subject(&Subject::of(SkillDigest([0; 32])));
        let numbers =
            |need: &Need| grants.rules_for(need).into_iter().map(|rule| rule.number).collect::<Vec<_>>();
        let http = |entry: &str| Need::Http(entry.parse().unwrap());
        for (need, rules) in [
            (http("api.example.com"), vec![1]),
            (http("*.a.example.com"), vec![1]),
            (http("example.com"), vec![]),
            (http("http://10.0.0.1:8080/x"), vec![2]),
            (http("*"), vec![1, 2]),
            (Need::Kv, vec![]),
            (Need::Config, vec![3, 4]),
            (Need::Secrets, vec![5]),
            (Need::Tools("a_b".parse().unwrap()), vec![]),
            (Need::Scratch, vec![]),
        ] {
            assert_eq!(numbers(&need), rules, "{need}");
        }
        assert_eq!(http("a.example").to_option(), "--grant 'http GET https://a.example/'");
    }

    #[test]
    fn only_named_callers_have_grants_of_their_own() {
        use crate::policy::{Origin, Policy};
        use crate::subject::{SkillDigest, Subject};

        let mut grants: Vec<crate::Grant> = vec!["kv".parse().unwrap(), "config a=b".parse().unwrap()];
        for (grant, skill) in grants.iter_mut().zip(["acme/a", "acme/b"]) {
            grant.skill = Some(skill.parse().unwrap());
            grant.principals = vec![format!("caller of {skill}")];
        }
        let policy = Policy::new(Origin::Configuration, grants).unwrap();
        let text = |text: &str| Some(text.to_owned());
        let skill = Subject { owner: text("acme"), name: text("a"), ..Subject::of(SkillDigest([0; 32])) };
        assert_eq!(policy.principals_of(&skill).into_iter().collect::<Vec<_>>(), ["caller of acme/a"]);
        let other = policy.for_subject(&skill).with_principal(text("carol"));
        assert_eq!(other.subject().principal, text("carol"));
        assert!(!other.covers(&"kv".parse().unwrap()));
    }

    #[test]
    fn a_pattern_covers_narrower_ones_only() {
        for (wide, narrow, covers) in [
            ("https://example.com/", "https://example.com/", true),
            ("https://example.com/", "https://example.com/v1/", true),
            ("https://example.com/v1", "https://example.com/v1/", true),
            ("https://example.com/v1/", "https://example.com/v1", false),
            ("https://example.com/v1", "https://example.com/v10", false),
            ("https://example.com/v1", "https://example.com/", false),
            ("https://*.example.com/", "https://a.example.com/", true),
            ("https://*.example.com/", "https://*.example.com/", true),
            ("https://*.example.com/", "https://*.a.example.com/", true),
            ("https://*.a.example.com/", "https://*.example.com/", false),
            ("https://*.example.com/", "https://example.com/", false),
            ("https://*.example.com/", "https://*.badexample.com/", false),
            ("https://a.example.com/", "https://*.example.com/", false),
            ("https://example.com/", "http://example.com/", false),
            ("https://example.com/", "https://example.com:8443/", false),
        ] {
            let (own, other): (UrlPattern, UrlPattern) = (wide.parse().unwrap(), narrow.parse().unwrap());
            assert_eq!(own.covers(&other), covers, "{wide} {narrow}");
        }
        for (wide, narrow, covers) in [
            ("a*", "ab", true),
            ("a*", "ab*", true),
            ("a*", "b", false),
            ("ab*", "a*", false),
            ("a", "a*", false),
            ("a", "a", true),
            ("*", "a*", true),
        ] {
            let (own, other): (NamePattern, NamePattern) = (wide.parse().unwrap(), narrow.parse().unwrap());
            assert_eq!(own.covers(&other), covers, "{wide} {narrow}");
        }
    }
}

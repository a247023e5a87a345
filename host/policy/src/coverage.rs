//! What a skill requests against what is granted: whether patterns cover one another. Caps play no part.

use crate::pattern::{HostPattern, NamePattern, UrlPattern};
use crate::policy::{Decision, Request, SubjectGrants};
use crate::rules::Capability;
use crate::target::TargetHost;

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

impl SubjectGrants {
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

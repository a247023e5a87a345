//! What the manifest of a skill requests of HTTP.

use std::fmt;
use std::str::FromStr;

use crate::http_rule::HttpRule;
use crate::pattern::{PatternError, UrlPattern};
use crate::policy::SubjectGrants;

/// An entry of `http` in the `[grants]` of a manifest: URLs that the skill wants to request. It grants nothing.
///
/// | entry | requests |
/// |---|---|
/// | `https://api.example.com/v1/` | these URLs, as the pattern of a grant |
/// | `api.example.com`, `*.example.com` | `https://api.example.com/`, `https://*.example.com/` |
/// | `*` | no URLs in particular: the input of a call names them |
///
/// ```
/// use ringfence_policy::{Policy, RequestedHttp, SkillDigest, Subject};
///
/// let policy = Policy::of_lines(["http GET https://*.example.com/"])?;
/// let grants = policy.for_subject(&Subject::of(SkillDigest([0; 32])));
/// let requested: RequestedHttp = "api.example.com".parse()?;
/// assert_eq!(requested.to_string(), "https://api.example.com/");
/// assert!(requested.is_met_by(&grants));
/// assert!(!"http://api.example.com/".parse::<RequestedHttp>()?.is_met_by(&grants));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum RequestedHttp {
    /// URLs that the input of a call names.
    Any,
    /// These URLs.
    Urls(UrlPattern),
}

impl RequestedHttp {
    /// Returns true if the grants allow a method for all of the URLs. [`Any`](Self::Any) needs one grant for HTTP, because
    /// the operator decides how far the inputs may reach.
    pub fn is_met_by(&self, grants: &SubjectGrants) -> bool {
        grants.http_rules().any(|(_, rule)| self.is_covered_by(rule))
    }

    pub(crate) fn is_covered_by(&self, rule: &HttpRule) -> bool {
        match self {
            Self::Any => true,
            Self::Urls(urls) => rule.url.covers(urls),
        }
    }
}

impl fmt::Display for RequestedHttp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("*"),
            Self::Urls(urls) => urls.fmt(f),
        }
    }
}

impl FromStr for RequestedHttp {
    type Err = PatternError;

    fn from_str(entry: &str) -> Result<Self, PatternError> {
        if entry == "*" {
            Ok(Self::Any)
        } else if entry.contains("://") {
            entry.parse().map(Self::Urls)
        } else {
            format!("https://{entry}/").parse().map(Self::Urls)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Policy;
    use crate::subject::{SkillDigest, Subject};

    #[test]
    fn a_host_stands_for_its_https_urls() {
        for (entry, read) in [
            ("*", "*"),
            ("api.example.com", "https://api.example.com/"),
            ("api.example.com:8443", "https://api.example.com:8443/"),
            ("*.example.com", "https://*.example.com/"),
            ("http://example.com/v1", "http://example.com/v1"),
        ] {
            assert_eq!(entry.parse::<RequestedHttp>().unwrap().to_string(), read, "{entry}");
        }
        for entry in
            ["", "**", "*.com", "api.*.com", "Example.com", "a b", "ftp://a.example/", "https://a.example/?q"]
        {
            assert!(entry.parse::<RequestedHttp>().is_err(), "{entry}");
        }
    }

    #[test]
    fn a_request_is_met_by_wider_grants() {
        let met = |lines: &[&str], entry: &str| {
            let policy = Policy::of_lines(lines.iter().copied()).unwrap();
            let grants = policy.for_subject(&Subject::of(SkillDigest([0; 32])));
            entry.parse::<RequestedHttp>().unwrap().is_met_by(&grants)
        };
        let wide = ["http POST https://*.example.com/"];
        assert!(met(&wide, "api.example.com"));
        assert!(met(&wide, "*.example.com"));
        assert!(met(&wide, "*"));
        assert!(!met(&wide, "example.com"));
        assert!(!met(&["kv"], "*"));
        assert!(!met(&["http https://a.example/v1/"], "a.example"));
    }
}

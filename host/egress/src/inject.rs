//! Adds secrets to requests, and keeps guests from setting what a secret is added to.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use http::{HeaderMap, HeaderValue};
use ringfence_policy::{HttpRule, RuleId, SecretPlace, SecretUse, SubjectGrants, Target};

use crate::error::{EgressError, Invalid};
use crate::secret::{Placed, Placement, Scrubber, Secret};

/// The operator's secrets by name.
pub trait Secrets: fmt::Debug + Send + Sync {
    /// Returns the secret with this name.
    fn secret(&self, name: &str) -> Option<Arc<Secret>>;
}

impl Secrets for BTreeMap<String, Arc<Secret>> {
    fn secret(&self, name: &str) -> Option<Arc<Secret>> {
        self.get(name).cloned()
    }
}

/// Refuses a request that sets a header or a parameter which carries a secret bound to the origin.
pub(crate) fn check(grants: &SubjectGrants, target: &Target, headers: &HeaderMap) -> Result<(), Invalid> {
    let bound = grants.http_rules().filter(|(_, rule)| rule.binds_secret_to(target));
    for place in bound.filter_map(|(_, rule)| rule.secret.as_ref()).map(|secret| &secret.place) {
        match place {
            SecretPlace::Header { name, .. } if has_header(headers, name) => {
                return Err(Invalid::SecretPlace(name.clone()));
            }
            SecretPlace::Query { name } if has_parameter(target.query(), name) => {
                return Err(Invalid::SecretPlace(name.clone()));
            }
            _ => {}
        }
    }
    Ok(())
}

/// Returns true if there is the header. Servers that pass headers on as variables do not tell `_` from `-`.
fn has_header(headers: &HeaderMap, name: &str) -> bool {
    let alike =
        |(own, other): (u8, u8)| own == other || (matches!(own, b'-' | b'_') && matches!(other, b'-' | b'_'));
    headers
        .keys()
        .any(|key| key.as_str().len() == name.len() && key.as_str().bytes().zip(name.bytes()).all(alike))
}

/// Returns true if a query has the parameter, in any spelling that a server decodes. Some servers ignore case, take
/// `name[]` for `name`, or turn dots and spaces into underscores.
fn has_parameter(query: Option<&str>, name: &str) -> bool {
    let plain = |name: &str| {
        let name = name.split('[').next().unwrap_or_default().trim_start();
        name.to_lowercase().replace(['.', ' '], "_")
    };
    let query = query.unwrap_or_default().replace(';', "&");
    let name = plain(name);
    url::form_urlencoded::parse(query.as_bytes()).any(|(found, _)| plain(&found) == name)
}

/// The scrubbers of runs with the same secrets, which cost more to make than most runs.
#[derive(Debug, Default)]
pub(crate) struct Scrubbers {
    known: Mutex<HashMap<Vec<SecretUse>, Known>>,
}

#[derive(Debug)]
struct Known {
    secrets: Vec<Option<Arc<Secret>>>,
    scrubber: Option<Arc<Scrubber>>,
}

/// Scrubbers that are kept. Beyond it they are made again.
const KEPT: usize = 64;

impl Scrubbers {
    /// Returns what scrubs the responses of a run: every secret that one of its rules names.
    pub(crate) fn of(&self, grants: &SubjectGrants, secrets: &dyn Secrets) -> Option<Arc<Scrubber>> {
        let uses: Vec<_> = grants.http_rules().filter_map(|(_, rule)| rule.secret.clone()).collect();
        if uses.is_empty() {
            return None;
        }
        let current: Vec<_> = uses.iter().map(|used| secrets.secret(&used.name)).collect();
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let same = |known: &&Known| {
            known.secrets.iter().zip(&current).all(|(known, current)| match (known, current) {
                (Some(known), Some(current)) => Arc::ptr_eq(known, current),
                (None, None) => true,
                (Some(_), None) | (None, Some(_)) => false,
            })
        };
        if let Some(known) = known.get(&uses).filter(same) {
            return known.scrubber.clone();
        }
        let used: Vec<_> = uses
            .iter()
            .zip(&current)
            .filter_map(|(used, secret)| Some((secret.clone()?, Placement::try_from(&used.place).ok()?)))
            .collect();
        let pairs = || used.iter().map(|(secret, placement)| (&**secret, placement));
        let scrubber = (!used.is_empty()).then(|| Arc::new(Scrubber::placed(pairs())));
        if known.len() >= KEPT {
            known.clear();
        }
        known.insert(uses, Known { secrets: current, scrubber: scrubber.clone() });
        scrubber
    }
}

/// Adds the secret of a rule to a request whose other parts are fixed.
///
/// `path` is the path with the query.
pub(crate) fn inject(
    id: RuleId,
    rule: &HttpRule,
    secrets: &dyn Secrets,
    headers: &mut HeaderMap,
    path: &mut String,
) -> Result<(), EgressError> {
    let Some(used) = &rule.secret else { return Ok(()) };
    let fail = |reason: String| EgressError::Secret { name: used.name.clone(), rule: id, reason };
    let secret = secrets.secret(&used.name).ok_or_else(|| fail("it is not configured".to_owned()))?;
    let placed = Placement::try_from(&used.place).and_then(|placement| placement.place(&secret));
    let placed = placed.map_err(|error| fail(error.to_string()))?;
    match placed {
        Placed::Header { name, value } => {
            headers.insert(name, value);
        }
        Placed::Query { name, value } => {
            path.push(if path.contains('?') { '&' } else { '?' });
            path.push_str(&name);
            path.push('=');
            path.push_str(value.expose());
        }
    }
    Ok(())
}

/// Scrubs secrets from the values of headers. A header whose name holds one is removed.
pub(crate) fn scrub_headers(scrubber: &Scrubber, headers: &mut HeaderMap) {
    let named: Vec<_> = headers
        .keys()
        .filter(|name| *scrubber.header_value(name.as_str().as_bytes()) != *name.as_str().as_bytes())
        .cloned()
        .collect();
    for name in named {
        headers.remove(name);
    }
    for value in headers.values_mut() {
        let scrubbed = scrubber.header_value(value.as_bytes());
        if *scrubbed != *value.as_bytes() {
            *value = HeaderValue::from_bytes(&scrubbed).unwrap_or(HeaderValue::from_static("[secret]"));
        }
    }
}

#[cfg(test)]
mod tests {
    use ringfence_policy::{Policy, SkillDigest, Subject};

    use super::*;

    fn grants(lines: &[&str]) -> SubjectGrants {
        let policy = Policy::of_lines(lines.iter().copied()).unwrap();
        policy.for_subject(&Subject::of(SkillDigest([0; 32])))
    }

    fn secrets(value: &str) -> BTreeMap<String, Arc<Secret>> {
        BTreeMap::from([("key".to_owned(), Arc::new(Secret::new("key", value.into()).unwrap()))])
    }

    #[test]
    fn runs_with_the_same_secrets_share_a_scrubber_and_a_new_value_makes_a_new_one() {
        let scrubbers = Scrubbers::default();
        let (old, new) = (secrets("old-canary-value"), secrets("new-canary-value"));
        let own = grants(&["http https://a.example/ secret=key"]);
        let first = scrubbers.of(&own, &old).unwrap();
        assert!(Arc::ptr_eq(&first, &scrubbers.of(&own, &old).unwrap()));
        let second = scrubbers.of(&own, &new).unwrap();
        assert_eq!(second.text("old-canary-value new-canary-value"), "old-canary-value [secret key]");
        assert_eq!(first.text("old-canary-value new-canary-value"), "[secret key] new-canary-value");
        // Another place of the same secret has encodings of its own.
        let query = grants(&["http https://a.example/ secret=key query=key"]);
        assert!(!Arc::ptr_eq(&second, &scrubbers.of(&query, &new).unwrap()));
        // Nothing to scrub.
        assert!(scrubbers.of(&grants(&["http https://a.example/"]), &new).is_none());
        assert!(scrubbers.of(&grants(&["http https://a.example/ secret=other"]), &new).is_none());
    }
}

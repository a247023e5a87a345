//! Adds secrets to requests, and keeps guests from setting what a secret is added to.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use http::{HeaderMap, HeaderValue};
use ringfence_policy::{HttpRule, RuleId, SecretPlace, SubjectGrants, Target};

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

/// Returns true if a query has the parameter, in any spelling that a server decodes.
fn has_parameter(query: Option<&str>, name: &str) -> bool {
    let query = query.unwrap_or_default().replace(';', "&");
    url::form_urlencoded::parse(query.as_bytes()).any(|(found, _)| found == name)
}

/// Collects what scrubs the responses of a run: every secret that one of its rules names.
pub(crate) fn scrubber(grants: &SubjectGrants, secrets: &dyn Secrets) -> Option<Scrubber> {
    let uses = grants.http_rules().filter_map(|(_, rule)| rule.secret.as_ref());
    let used: Vec<_> = uses
        .filter_map(|used| Some((secrets.secret(&used.name)?, Placement::try_from(&used.place).ok()?)))
        .collect();
    let pairs = || used.iter().map(|(secret, placement)| (&**secret, placement));
    (!used.is_empty()).then(|| Scrubber::placed(pairs()))
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

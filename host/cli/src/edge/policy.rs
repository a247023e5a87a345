//! `--policy`: the limits and grants of the skills of a bundle, as the configuration of a server writes them.

use std::collections::BTreeMap;
use std::path::Path;

use ringfence::{Limits, SkillCaps, text};
use ringfence_server::LimitsSection;
use serde::Deserialize;

use super::usage;
use crate::output::Refused;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Policy {
    limits: LimitsSection,
    skill: BTreeMap<String, Section>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Section {
    limits: LimitsSection,
    grants: Vec<String>,
}

/// The capabilities that workers may grant in future.
const GRANTS: [&str; 3] = ["http", "kv", "skills"];

/// The line of a byte in a text.
fn line_of(text: &str, place: usize) -> usize {
    text.get(..place).unwrap_or_default().matches('\n').count().saturating_add(1)
}

impl Policy {
    pub(super) fn read(path: Option<&Path>) -> Result<Self, Refused> {
        let Some(path) = path else { return Ok(Self::default()) };
        let wrong = |reason: String| usage("bad-policy", format!("{}: {reason}", path.display()));
        let read = std::fs::read_to_string(path);
        let text =
            read.map_err(|error| Refused::fault(format!("cannot read {}: {error}", path.display())))?;
        let policy: Self = toml::from_str(&text).map_err(|error| {
            let line = line_of(&text, error.span().map_or(0, |span| span.start));
            usage("bad-policy", format!("{}:{line}: {}", path.display(), text::clean(error.message(), 256)))
        })?;
        let sections = policy.skill.values().map(|section| &section.limits);
        if let Some(table) =
            std::iter::once(&policy.limits).chain(sections).find_map(LimitsSection::of_somebody)
        {
            let line = line_of(&text, table.at);
            return Err(usage(
                "bad-policy",
                format!(
                    "{}:{line}: a bundle cannot have limits per {}, because workers know neither owners nor tokens; \
                     set them in `[limits]` or `[skill.NAME.limits]`",
                    path.display(),
                    table.of
                ),
            ));
        }
        for (name, section) in &policy.skill {
            if let Some(other) = section.grants.iter().find(|grant| !GRANTS.contains(&grant.as_str())) {
                let (name, other) = (text::clean(name, 80), text::clean(other, 80));
                return Err(wrong(format!(
                    "skill `{name}`: unknown grant `{other}`; expected `http`, `kv` or `skills`"
                )));
            }
        }
        Ok(policy)
    }

    /// The skills that it names.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.skill.keys().map(String::as_str)
    }

    /// The limits and grants of a skill.
    pub(super) fn of(&self, name: &str) -> Result<(Limits, Vec<String>), Refused> {
        let base = self.limits.over(&Limits::default());
        let (limits, grants) = match self.skill.get(name) {
            None => (base, Vec::new()),
            Some(section) => (section.limits.over(&base), section.grants.clone()),
        };
        let checked = limits.check(&SkillCaps::default());
        checked.map_err(|error| {
            usage("bad-policy", format!("invalid limits in the policy of skill `{name}`: {error}"))
        })?;
        Ok((limits, grants))
    }
}

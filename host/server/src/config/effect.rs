//! Parts of a configuration that have no effect: a misspelt owner, a token or skill that the store does not have, and
//! limits above those that apply anyway.

use std::collections::BTreeSet;

use ringfence::{LimitName, LimitUnit, Limits, text};
use ringfence_store::{Store, StoreError};

use super::{Config, LimitsSection};

/// The owners, tokens and skills of a store, for [`Config::without_effect`].
#[derive(Debug, Clone, Default)]
pub struct KnownNames {
    owners: BTreeSet<String>,
    tokens: BTreeSet<String>,
    skills: BTreeSet<String>,
}

impl KnownNames {
    /// Reads them from a store: the owners of its tokens, skills and prefixes, and `local`.
    ///
    /// # Errors
    ///
    /// Fails with a [`StoreError`] if the store cannot be read.
    pub fn of(store: &Store) -> Result<Self, StoreError> {
        let mut known = Self { owners: BTreeSet::from(["local".to_owned()]), ..Self::default() };
        for listed in store.list()? {
            known.skills.insert(listed.name.to_string());
            known.owners.extend(listed.record.ok().map(|record| record.owner.to_string()));
        }
        for token in store.tokens()? {
            known.owners.insert(token.owner.to_string());
            known.tokens.insert(token.id);
        }
        known.owners.extend(store.prefixes()?.into_iter().map(|prefix| prefix.owner.to_string()));
        Ok(known)
    }
}

impl Config {
    /// Returns the sections of this configuration without effect on a store, as texts for the operator.
    pub fn without_effect(&self, known: &KnownNames) -> Vec<String> {
        let mut found = Vec::new();
        let owners = self.limits.owner.keys().map(|name| ("limits", name.as_str()));
        let owners = owners.chain(self.quota.owners.keys().map(|owner| ("quota", owner.as_str())));
        for (section, name) in owners.filter(|(_, name)| !known.owners.contains(*name)) {
            let nearest = text::nearest(known.owners.iter().map(String::as_str), name);
            let next = match nearest {
                Some(nearest) => format!("the closest match is `{nearest}`"),
                None => format!("create one with `ringfence token create --owner {name}`"),
            };
            found.push(format!(
                "`[{section}.owner.{name}]` has no effect: no token, skill or prefix belongs to owner `{name}`; {next}"
            ));
        }
        let tokens = self.limits.token.keys().map(|id| ("limits", id));
        let tokens = tokens.chain(self.quota.tokens.keys().map(|id| ("quota", id)));
        for (section, id) in tokens.filter(|(_, id)| !known.tokens.contains(*id)) {
            found.push(format!(
                "`[{section}.token.{id}]` has no effect: the store has no token `{id}`; `ringfence token list` lists them"
            ));
        }
        for name in self.limited_skills().filter(|name| !known.skills.contains(name.as_str())) {
            let nearest = text::nearest(known.skills.iter().map(String::as_str), name.as_str());
            let next = match nearest {
                Some(nearest) => format!("the closest match is `{nearest}`"),
                None => "`ringfence list` lists the skills".to_owned(),
            };
            found.push(format!(
                "`[skill.{name}.limits]` has no effect: the store has no skill `{name}`; {next}"
            ));
        }
        found.extend(self.raised());
        found
    }

    /// Returns the limits of owners and tokens that are above those of every skill, because they only lower them.
    fn raised(&self) -> Vec<String> {
        let mut most = Limits::clone(&self.run_limits);
        for own in self.skill_limits.values() {
            for name in LimitName::settable() {
                most.set(name, most.get(name).max(own.get(name)));
            }
        }
        let owners = self.limits.owner.iter().map(|(name, section)| ("owner", name, section));
        let tokens = self.limits.token.iter().map(|(id, section)| ("token", id, section));
        let mut found = Vec::new();
        for (group, name, section) in owners.chain(tokens) {
            for (key, given, limit) in section.get_ref().above(&most) {
                found.push(format!(
                    "`limits.{group}.{name}.{key}` = {given} has no effect: every run has at most {limit}; raise \
                     `limits.{key}`, or lower it"
                ));
            }
        }
        found
    }
}

impl LimitsSection {
    /// Returns the limits of this section that are above others: key, value and the other value.
    fn above(&self, most: &Limits) -> Vec<(&'static str, String, String)> {
        let own = self.over(most);
        let shown = |name: LimitName, value: u64| match name.info().unit {
            LimitUnit::Milliseconds => LimitUnit::Milliseconds.write(value),
            _ => value.to_string(),
        };
        let above = LimitName::settable().filter(|name| own.get(*name) > most.get(*name));
        above.map(|name| (name.info().key, shown(name, own.get(name)), shown(name, most.get(name)))).collect()
    }
}

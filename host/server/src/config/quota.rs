//! Section `quota`: the quota of an owner, which all its tokens share, and the smaller quota of a single token.

use std::collections::BTreeMap;
use std::fmt;

use ringfence_store::Owner;
use serde::Deserialize;
use serde::de::{Error, MapAccess, Visitor};
use toml::Spanned;

use super::values::{Number, Size};

/// The quota of an owner or of a token. An absent key sets no limit here.
#[derive(Debug, Clone, Copy, PartialEq, Default, Deserialize)]
#[serde(
    deny_unknown_fields,
    default,
    rename_all = "kebab-case",
    expecting = "a setting of `[quota]`, or an owner's name with a table of such settings"
)]
#[non_exhaustive]
#[expect(missing_docs, reason = "`EXAMPLE` says what each key means")]
pub struct QuotaSection {
    pub concurrency: Option<Number<1, 1_000_000>>,
    pub calls_per_minute: Option<Number<1, 1_000_000_000>>,
    pub requests_per_minute: Option<Number<1, 1_000_000_000>>,
    pub fuel_per_minute: Option<Number<1, { i64::MAX as u64 }>>,
    pub compiles_per_hour: Option<Number<1, 1_000_000>>,
    pub changes_per_minute: Option<Number<1, 1_000_000>>,
    pub listeners: Option<Number<1, 1_000_000>>,
    pub old_versions: Option<Number<1, 10_000>>,
    pub skill_memory: Option<Size>,
}

impl QuotaSection {
    /// Returns the default quota of an owner, with every key set.
    fn every_key() -> Self {
        Self {
            concurrency: Some(Number::new(256)),
            calls_per_minute: Some(Number::new(600_000)),
            requests_per_minute: Some(Number::new(600_000)),
            fuel_per_minute: Some(Number::new(1_000_000_000_000)),
            compiles_per_hour: Some(Number::new(120)),
            changes_per_minute: Some(Number::new(600)),
            listeners: Some(Number::new(64)),
            old_versions: Some(Number::new(16)),
            skill_memory: Some(Size(1 << 30)),
        }
    }

    /// Returns `base` with the keys of this quota in place of its own.
    fn over(&self, base: &Self) -> Self {
        Self {
            concurrency: self.concurrency.or(base.concurrency),
            calls_per_minute: self.calls_per_minute.or(base.calls_per_minute),
            requests_per_minute: self.requests_per_minute.or(base.requests_per_minute),
            fuel_per_minute: self.fuel_per_minute.or(base.fuel_per_minute),
            compiles_per_hour: self.compiles_per_hour.or(base.compiles_per_hour),
            changes_per_minute: self.changes_per_minute.or(base.changes_per_minute),
            listeners: self.listeners.or(base.listeners),
            old_versions: self.old_versions.or(base.old_versions),
            skill_memory: self.skill_memory.or(base.skill_memory),
        }
    }
}

/// Section `quota`: the quota of every owner, and exceptions for some owners and tokens.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Quota {
    base: QuotaSection,
    pub(super) owners: BTreeMap<Owner, Spanned<QuotaSection>>,
    pub(super) tokens: BTreeMap<String, Spanned<QuotaSection>>,
}

impl Default for Quota {
    fn default() -> Self {
        Self { base: QuotaSection::every_key(), owners: BTreeMap::new(), tokens: BTreeMap::new() }
    }
}

impl Quota {
    /// Returns the quota of an owner, which all its tokens share. Every key is set.
    pub fn of_owner(&self, owner: &Owner) -> QuotaSection {
        self.owners.get(owner).map_or(self.base, |section| section.get_ref().over(&self.base))
    }

    /// Returns the quota of a token inside its owner's. A key is set only if the operator limits it.
    pub fn of_token(&self, id: &str) -> QuotaSection {
        self.tokens.get(id).map_or_else(QuotaSection::default, |section| *section.get_ref())
    }

    /// Returns the fuel a minute of owners without a quota of their own.
    pub(super) fn fuel_per_minute(&self) -> u64 {
        self.base.fuel_per_minute.map_or(u64::MAX, Number::get)
    }
}

/// Returns whether a text is the id of a token: 10 hexadecimal digits.
pub(super) fn is_token_id(text: &str) -> bool {
    text.len() == 10 && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

impl<'de> Deserialize<'de> for Quota {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Read)
    }
}

struct Read;

impl<'de> Visitor<'de> for Read {
    type Value = Quota;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a table of quotas")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Quota, A::Error> {
        let mut quota = Quota::default();
        while let Some(key) = map.next_key::<String>()? {
            let base = &mut quota.base;
            match key.as_str() {
                "concurrency" => base.concurrency = Some(map.next_value()?),
                "calls-per-minute" => base.calls_per_minute = Some(map.next_value()?),
                "requests-per-minute" => base.requests_per_minute = Some(map.next_value()?),
                "fuel-per-minute" => base.fuel_per_minute = Some(map.next_value()?),
                "compiles-per-hour" => base.compiles_per_hour = Some(map.next_value()?),
                "changes-per-minute" => base.changes_per_minute = Some(map.next_value()?),
                "listeners" => base.listeners = Some(map.next_value()?),
                "old-versions" => base.old_versions = Some(map.next_value()?),
                "skill-memory" => base.skill_memory = Some(map.next_value()?),
                "owner" => {
                    let owners = map.next_value::<BTreeMap<String, Spanned<QuotaSection>>>()?;
                    for (name, section) in owners {
                        add(&mut quota.owners, &name, section)?;
                    }
                }
                "token" => {
                    for (id, section) in map.next_value::<BTreeMap<String, Spanned<QuotaSection>>>()? {
                        if !is_token_id(&id) {
                            let id = ringfence::text::clean(&id, 80);
                            return Err(A::Error::custom(format!(
                                "invalid token id `{id}`; expected 10 hexadecimal digits from `ringfence token list`"
                            )));
                        }
                        quota.tokens.insert(id, section);
                    }
                }
                // `[quota.alice]` is short for `[quota.owner.alice]`.
                name => {
                    let section = map.next_value()?;
                    add(&mut quota.owners, name, section)?;
                }
            }
        }
        Ok(quota)
    }
}

fn add<E: Error>(
    owners: &mut BTreeMap<Owner, Spanned<QuotaSection>>,
    name: &str,
    section: Spanned<QuotaSection>,
) -> Result<(), E> {
    let owner: Owner = name.parse().map_err(E::custom)?;
    match owners.insert(owner, section) {
        None => Ok(()),
        Some(_) => Err(E::custom(format!("duplicate quota of the owner `{name}`; keep one"))),
    }
}

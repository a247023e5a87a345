//! Section `limits`: the configured limits of a run, each with its position in the file.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::LazyLock;

use ringfence::{LIMITS, LimitError, LimitName, LimitUnit, Limits};
use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use toml::Spanned;

use super::values::{Size, Time};

/// Limits of a run, under the keys of [`LIMITS`]. An absent key keeps the underlying limit.
#[derive(Debug, Clone, PartialEq, Default)]
#[non_exhaustive]
pub struct LimitsSection {
    own: BTreeMap<LimitName, Placed>,
    /// Lower limits for runs of an owner's tokens.
    pub(super) owner: BTreeMap<String, Spanned<LimitsSection>>,
    /// Lower limits for runs of a token.
    pub(super) token: BTreeMap<String, Spanned<LimitsSection>>,
}

/// A table of limits inside a section of limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct LimitsTable {
    /// Whose limits it has: `owner` or `token`.
    pub of: &'static str,
    /// Its byte offset in the text.
    pub at: usize,
}

/// A value, and its byte offset in the text. Values at different places are equal.
#[derive(Debug, Clone, Copy)]
struct Placed {
    value: u64,
    at: usize,
}

impl PartialEq for Placed {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

/// The keys of the section.
static KEYS: LazyLock<Vec<&'static str>> = LazyLock::new(|| {
    let limits = LIMITS.iter().filter(|info| info.settable).map(|info| info.key);
    limits.chain(["owner", "token"]).collect()
});

impl<'de> Deserialize<'de> for LimitsSection {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Read)
    }
}

enum Key {
    Limit(LimitName),
    Owner,
    Token,
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let key = String::deserialize(deserializer)?;
        match key.as_str() {
            "owner" => Ok(Self::Owner),
            "token" => Ok(Self::Token),
            name => name.parse().map(Self::Limit).map_err(|_| D::Error::unknown_field(name, &KEYS)),
        }
    }
}

struct Read;

impl<'de> Visitor<'de> for Read {
    type Value = LimitsSection;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a table of limits")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<LimitsSection, A::Error> {
        let mut section = LimitsSection::default();
        while let Some(key) = map.next_key()? {
            match key {
                Key::Owner => section.owner = map.next_value()?,
                Key::Token => section.token = map.next_value()?,
                Key::Limit(name) => {
                    let value = value(&mut map, name.info().unit)?;
                    // The limit has two keys: a new and an old one.
                    if section.own.insert(name, value).is_some() {
                        return Err(A::Error::duplicate_field(name.info().key));
                    }
                }
            }
        }
        Ok(section)
    }
}

/// Reads a value, in the unit of its limit.
fn value<'de, A: MapAccess<'de>>(map: &mut A, unit: LimitUnit) -> Result<Placed, A::Error> {
    let (span, value) = match unit {
        LimitUnit::Bytes => {
            let size: Spanned<Size> = map.next_value()?;
            (size.span(), size.into_inner().bytes())
        }
        LimitUnit::Milliseconds => {
            let time: Spanned<Time<1, 86_400_000>> = map.next_value()?;
            let millis = time.get_ref().get().as_millis();
            (time.span(), u64::try_from(millis).unwrap_or(u64::MAX))
        }
        _ => {
            let number: Spanned<u64> = map.next_value()?;
            (number.span(), number.into_inner())
        }
    };
    Ok(Placed { value, at: span.start })
}

impl LimitsSection {
    /// Returns `base` with these limits in place of its own.
    pub fn over(&self, base: &Limits) -> Limits {
        let mut limits = base.clone();
        self.own.iter().for_each(|(name, placed)| limits.set(*name, placed.value));
        limits
    }

    /// Returns the lower of these limits and those of `base`, one by one.
    pub(super) fn lowest(&self, base: &Limits) -> Limits {
        self.over(base).lowest(base)
    }

    /// Refuses limits of owners and tokens inside those of a skill, an owner or a token.
    pub(super) fn expect_no_others(&self) -> Result<(), (usize, &'static str)> {
        match self.of_somebody() {
            None => Ok(()),
            Some(table) => Err((
                table.at,
                "misplaced section; limits of owners and tokens belong in `[limits.owner.NAME]` and `[limits.token.ID]`",
            )),
        }
    }

    /// Returns the first table of an owner or a token.
    pub fn of_somebody(&self) -> Option<LimitsTable> {
        let table = |of| move |section: &Spanned<LimitsSection>| LimitsTable { of, at: section.span().start };
        let owners = self.owner.values().map(table("owner"));
        let tokens = self.token.values().map(table("token"));
        owners.chain(tokens).min_by_key(|table| table.at)
    }

    /// Returns the position of a limit in the file.
    pub(super) fn place(&self, name: LimitName) -> Option<usize> {
        self.own.get(&name).map(|placed| placed.at)
    }
}

/// Returns the position of the key `fuel`.
pub(super) fn fuel_place(section: &LimitsSection) -> usize {
    section.place(LimitName::Fuel).unwrap_or(0)
}

/// Returns the fuel of a run under a section of limits, at most `most`.
pub(super) fn fuel_of(section: Option<&Spanned<LimitsSection>>, most: u64) -> u64 {
    let own = section.and_then(|section| section.get_ref().own.get(&LimitName::Fuel));
    own.map_or(most, |own| most.min(own.value))
}

/// Returns the position of the limit in an error: that in the first section that sets it.
pub(super) fn place_of(error: &LimitError, sections: &[&LimitsSection]) -> usize {
    sections.iter().find_map(|section| section.place(error.name)).unwrap_or(0)
}

//! Prefixes of names that belong to an owner. No other owner can submit under them, so a token that trusts `acme-*`
//! trusts one owner.

use ringfence::text;
use serde::{Deserialize, Serialize};

use crate::error::StoreError;
use crate::name::{GrammarError, Name, Owner};
use crate::record::{seal, unseal};
use crate::store::{Store, now};

/// The file, in the root of the store.
const FILE: &str = "prefixes.json";
const MOST: u64 = 4 << 20;

/// Prefixes of one store.
const PREFIXES: usize = 10_000;

/// A prefix of names that belongs to an owner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Prefix {
    /// The prefix, such as `acme-`.
    pub prefix: String,
    /// The only owner who can submit such names.
    pub owner: Owner,
    /// The time of the reservation, in seconds since 1970.
    pub at: u64,
}

impl Prefix {
    /// Returns whether a name has the prefix.
    pub fn fits(&self, name: &Name) -> bool {
        name.as_str().starts_with(&self.prefix)
    }
}

/// Parses a prefix: `acme-*` or `acme-`.
fn beginning(given: &str) -> Result<String, GrammarError> {
    let text = given.strip_suffix('*').unwrap_or(given);
    // What begins a name is a name, but for its end.
    text.parse::<Name>().map(|name| name.as_str().to_owned()).map_err(|_| GrammarError {
        what: "a prefix of skill names",
        given: text::clean(given, 80),
        expected: "1 to 63 of a-z, 0-9 and -, starting with a letter or digit, then `*`, such as `acme-*`",
    })
}

impl Store {
    /// Returns the reserved prefixes, in order.
    ///
    /// # Errors
    ///
    /// Fails with [`StoreError::Damaged`] if they cannot be read. The store then accepts no submissions.
    pub fn prefixes(&self) -> Result<Vec<Prefix>, StoreError> {
        let Some(bytes) = self.root.read(FILE, MOST)? else { return Ok(Vec::new()) };
        let read =
            unseal(&bytes).and_then(|body| serde_json::from_slice(body).map_err(|error| error.to_string()));
        read.map_err(|reason| StoreError::Damaged {
            path: self.root.label(FILE),
            reason,
            next: "restore the file, or move it away and reserve the prefixes again",
        })
    }

    /// Reserves all names with a prefix, such as `acme-*`, for an owner. For the store's admin. Reserving a prefix that
    /// the owner has already changes nothing.
    ///
    /// # Errors
    ///
    /// Fails with [`StoreError::PrefixTaken`] if another owner has such a name or an overlapping prefix, and if the
    /// store cannot be written.
    pub fn reserve(&self, prefix: &str, owner: &Owner) -> Result<Prefix, StoreError> {
        let prefix = beginning(prefix)?;
        let _lock = self.lock(None)?;
        let mut prefixes = self.prefixes()?;
        if let Some(same) = prefixes.iter().find(|known| known.prefix == prefix && known.owner == *owner) {
            return Ok(same.clone());
        }
        let overlaps =
            |known: &&Prefix| known.prefix.starts_with(&prefix) || prefix.starts_with(&known.prefix);
        if let Some(other) = prefixes.iter().filter(overlaps).find(|known| known.owner != *owner) {
            let (by, owner) = (format!("the prefix `{}*`", other.prefix), other.owner.clone());
            return Err(StoreError::PrefixTaken { prefix, by, owner });
        }
        for listed in self.list()?.iter().filter(|listed| listed.name.as_str().starts_with(&prefix)) {
            // What cannot be read may be anybody's.
            let of = listed.record.as_ref().ok().map(|record| record.owner.clone());
            if of.as_ref() != Some(owner) {
                let by = format!("the skill `{}`", listed.name);
                let owner = of.unwrap_or_else(|| owner.clone());
                return Err(StoreError::PrefixTaken { prefix, by, owner });
            }
        }
        if prefixes.len() >= PREFIXES {
            let value = (prefixes.len() as u64).saturating_add(1);
            return Err(StoreError::OverCap { what: "prefixes", value, cap: PREFIXES as u64, owner: None });
        }
        let reserved = Prefix { prefix, owner: owner.clone(), at: now() };
        prefixes.push(reserved.clone());
        self.write_prefixes(prefixes)?;
        Ok(reserved)
    }

    /// Removes a reservation: any owner can submit such names again. Existing names keep their owners.
    ///
    /// # Errors
    ///
    /// Fails with [`StoreError::NoSuchPrefixReserved`], and if the store cannot be written.
    pub fn unreserve(&self, prefix: &str) -> Result<Prefix, StoreError> {
        let prefix = beginning(prefix)?;
        let _lock = self.lock(None)?;
        let mut prefixes = self.prefixes()?;
        let Some(at) = prefixes.iter().position(|known| known.prefix == prefix) else {
            return Err(StoreError::NoSuchPrefixReserved { prefix });
        };
        let gone = prefixes.remove(at);
        self.write_prefixes(prefixes)?;
        Ok(gone)
    }

    /// Returns the owner for whom a name is reserved.
    ///
    /// # Errors
    ///
    /// Fails with [`StoreError::Damaged`] if the prefixes cannot be read.
    pub fn reserved_for(&self, name: &Name) -> Result<Option<Owner>, StoreError> {
        Ok(self.prefixes()?.into_iter().find(|prefix| prefix.fits(name)).map(|prefix| prefix.owner))
    }

    fn write_prefixes(&self, mut prefixes: Vec<Prefix>) -> Result<(), StoreError> {
        prefixes.sort_by(|a, b| a.prefix.cmp(&b.prefix));
        let mut bytes = serde_json::to_vec(&prefixes).unwrap_or_default();
        seal(&mut bytes);
        let mut draft = self.scratch.draft(0o600)?;
        draft.write(&bytes)?;
        draft.keep(&self.root, FILE)
    }
}

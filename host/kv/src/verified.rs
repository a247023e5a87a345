//! What a walk over the rows of a store found.

use std::fmt;

use crate::row::Row;
use crate::space::Space;

/// The amount that a backup, an export or an import moved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Moved {
    /// Spaces, including empty ones, which keep their highest revision.
    pub spaces: u64,
    /// Keys.
    pub entries: u64,
    /// Bytes of keys and values.
    pub bytes: u64,
}

impl Moved {
    pub(crate) fn count(&mut self, row: &Row<'_>) {
        match row {
            Row::Space { .. } => self.spaces = self.spaces.saturating_add(1),
            Row::Entry { key, value, .. } => {
                self.entries = self.entries.saturating_add(1);
                let bytes = key.len().saturating_add(value.len());
                self.bytes = self.bytes.saturating_add(u64::try_from(bytes).unwrap_or(u64::MAX));
            }
        }
    }
}

/// What [`Store::verify`](crate::Store::verify) read, and what is damaged.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Verified {
    /// What was read and is whole.
    pub moved: Moved,
    /// What is damaged: the first [`Verified::LISTED`] findings.
    pub damage: Vec<Damage>,
    /// The number of all findings.
    pub findings: u64,
}

impl Verified {
    /// The most findings that are listed: 100.
    pub const LISTED: usize = 100;

    /// Returns true if nothing is damaged.
    pub fn is_whole(&self) -> bool {
        self.findings == 0
    }

    pub(crate) fn found(&mut self, damage: Damage) {
        self.findings = self.findings.saturating_add(1);
        if self.damage.len() < Self::LISTED {
            self.damage.push(damage);
        }
    }
}

/// One finding of a verification. `Display` writes a line for the operator.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Damage {
    /// The value of a key cannot be read, or differs from what the key says of it.
    Value {
        /// The space.
        space: Space,
        /// The key.
        key: String,
    },
    /// A space cannot be read, or counts other keys or bytes than it has.
    Space {
        /// The space, or `None` if its name cannot be read.
        space: Option<Space>,
    },
    /// A share or the whole store counts other bytes than its spaces have.
    Total,
    /// Rows belong to no space, or values to no key.
    Strays {
        /// The table.
        table: &'static str,
        /// The number of rows.
        rows: u64,
    },
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Value { space, key } => {
                write!(f, "{space}: the value of `{}` is not what was written", key.escape_debug())
            }
            Self::Space { space: Some(space) } => {
                write!(f, "{space}: the space is not what was written, or counts other keys than it has")
            }
            Self::Space { space: None } => f.write_str("the name of a space is not what was written"),
            Self::Total => f.write_str("the store counts other bytes than its spaces have"),
            Self::Strays { table, rows } => write!(f, "{rows} rows of table `{table}` belong to nothing"),
        }
    }
}

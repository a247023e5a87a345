//! The tables of the file.

use redb::TableDefinition;

type Definition = TableDefinition<'static, &'static [u8], &'static [u8]>;

/// A table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Area {
    Meta,
    Shares,
    Spaces,
    Heads,
    Values,
}

impl Area {
    pub(super) const ALL: [Self; 5] = [Self::Meta, Self::Shares, Self::Spaces, Self::Heads, Self::Values];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Meta => "meta",
            Self::Shares => "shares",
            Self::Spaces => "spaces",
            Self::Heads => "heads",
            Self::Values => "values",
        }
    }

    pub(super) const fn table(self) -> Definition {
        TableDefinition::new(self.name())
    }
}

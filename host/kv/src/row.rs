//! A row of a whole store, whatever holds it.

use crate::quota::Usage;

/// A row of a whole store, as backups and exports read it. A space comes before its entries.
#[derive(Debug)]
pub(crate) enum Row<'a> {
    /// A space.
    Space { space: &'a [u8], usage: Usage },
    /// An entry of the space that came last.
    Entry { key: &'a str, revision: u64, value: &'a [u8] },
}

//! Pages of lists: how large they are, and how a caller asks for the next one.

use ringfence_store::Name;
use rmcp::ErrorData;

use crate::catalog::Catalog;
use crate::principal::Principal;

/// Maximum bytes of a page of tools, unless one tool has more. A list must not take the memory of calls.
pub(super) const PAGE_BYTES: usize = 256 << 10;

/// Parses the cursor of a page: the skill and the number of the last tool. A skill that the caller does not see is as
/// wrong as one that does not exist.
pub(super) fn cursor(
    cursor: Option<&str>,
    catalog: &Catalog,
    principal: &Principal,
) -> Result<Option<(Name, usize)>, ErrorData> {
    let Some(cursor) = cursor else { return Ok(None) };
    let parsed = cursor.split_once('/').and_then(|(name, at)| {
        let name: Name = name.parse().ok()?;
        catalog.entry(name.as_str(), principal).ok()?;
        Some((name, at.parse().ok()?))
    });
    let wrong = "invalid `cursor`; use the `nextCursor` of a page, or omit it for the first page";
    parsed.map(Some).ok_or_else(|| ErrorData::invalid_params(wrong, None))
}

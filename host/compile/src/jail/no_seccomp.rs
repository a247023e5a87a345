//! Where no filters are written for this system or processor: says so.

use crate::probe::Enforcement;

pub(super) fn enter() -> Result<Enforcement, String> {
    Ok(Enforcement::Unavailable("no filters for this system".into()))
}

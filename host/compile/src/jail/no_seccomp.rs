//! Systems and processors without filters on system calls: reports that.

use crate::enforcement::Enforcement;

pub(super) fn enter() -> Result<Enforcement, String> {
    Ok(Enforcement::Unavailable("not supported by this system".into()))
}

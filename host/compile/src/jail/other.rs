//! Systems without a jail, where only the limits hold.

use crate::enforcement::Enforcement;

pub(super) fn let_go(_parent: u32) -> Result<(), String> {
    rustix::process::nice(super::NICE).map_err(|error| format!("cannot lower the priority: {error}"))?;
    rustix::process::chdir("/").map_err(|error| format!("cannot leave the directory: {error}"))
}

pub(super) fn landlock() -> Result<Enforcement, String> {
    Ok(Enforcement::Unavailable("not supported by this system".into()))
}

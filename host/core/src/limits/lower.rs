//! `fuel=1000000, deadline=200ms, memory=16MiB`: a caller lowers the limits of one call, and never raises them.

use super::{LimitName, Limits};
use crate::text::clean;

/// Why a text does not lower limits.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LowerError {
    /// A value is above the operator's limit.
    #[error("cannot raise the limit `{name}` to {asked}; the maximum is {most}")]
    Raised {
        /// The limit.
        name: &'static str,
        /// The requested value.
        asked: u64,
        /// The operator's limit.
        most: u64,
    },
    /// The text names no limit or no value.
    #[error("{0}")]
    Bad(String),
}

impl Limits {
    /// Lowers these limits by a text of `NAME=VALUE`, separated by commas.
    ///
    /// The names are the keys in [`super::LIMITS`] that can be set: `fuel`, `deadline` (200ms, 5s), `memory` (16MiB) and
    /// so on.
    ///
    /// # Errors
    ///
    /// Fails with a [`LowerError`] for an unknown name, an invalid value, and a value above these limits.
    pub fn lowered(&self, text: &str) -> Result<Self, LowerError> {
        let mut lowered = self.clone();
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            let (name, value) = part.split_once('=').ok_or_else(|| {
                let part = clean(part, 80);
                bad(format!(
                    "invalid limit `{part}`; expected `NAME=VALUE`, for example `fuel=1000000, deadline=200ms, memory=16MiB`"
                ))
            })?;
            let name: LimitName =
                name.trim().parse().map_err(|error: super::UnknownLimit| bad(error.to_string()))?;
            lowered.set(name, self.lower(name, value.trim())?);
        }
        Ok(lowered)
    }

    /// Reads a value of a limit that is not above this one.
    fn lower(&self, name: LimitName, text: &str) -> Result<u64, LowerError> {
        let (info, most) = (name.info(), self.get(name));
        let asked = info.unit.parse(text).map_err(|expected| {
            let text = clean(text, 40);
            bad(format!("invalid limit `{name}={text}`; {expected}"))
        })?;
        if asked > most {
            return Err(LowerError::Raised { name: info.key, asked, most });
        }
        if asked < info.min {
            return Err(bad(format!("invalid limit `{name}`; it must be at least {}", info.min)));
        }
        Ok(asked)
    }
}

fn bad(reason: String) -> LowerError {
    LowerError::Bad(reason)
}

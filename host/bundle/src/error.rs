//! Errors of bundles: what is wrong, and what to do.

use std::io;

use ringfence::{Fault, LoadError, text};

use crate::id::{KeyId, RevokedId};

/// A bundle was refused. Nothing of it was loaded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BundleError {
    /// The file cannot be read.
    #[error("cannot read the bundle: {0}")]
    Io(#[from] io::Error),
    /// The worker cannot store the highest version that it has seen, so it accepts no new bundle. The node's fault.
    #[error("cannot write the state file: {0}; free some space, or choose another file with --state")]
    State(io::Error),
    /// The file does not begin like a bundle.
    #[error("not a bundle; create one with `ringfence bundle`")]
    NotABundle,
    /// The bundle has another version of the format.
    #[error("the bundle has format {0}, but this program reads format 1; use a worker of the same release")]
    Format(u32),
    /// The bundle is larger than the worker accepts.
    #[error("the bundle is too large: {size} bytes; the limit is {cap}; raise --bundle-size")]
    TooLarge {
        /// Bytes.
        size: u64,
        /// The cap.
        cap: u64,
    },
    /// The file is shorter or longer than its header states.
    #[error(
        "the bundle is incomplete or has extra bytes: expected {said} bytes, found {size}; fetch it again"
    )]
    Size {
        /// Bytes by the header.
        said: u64,
        /// Bytes of the file.
        size: u64,
    },
    /// The bundle has no signature.
    #[error("the bundle is not signed; create it with `ringfence bundle --key FILE`")]
    Unsigned,
    /// The signing key is not one of the worker's trusted keys.
    #[error("the bundle is signed with an untrusted key, {0}; to trust it, pass its public key with --key")]
    UnknownKey(KeyId),
    /// The key, the bundle or one of its skills is revoked.
    #[error("{what} is revoked; create a new bundle without it")]
    Revoked {
        /// The revoked id.
        what: RevokedId,
    },
    /// The signature does not match the header and the manifest.
    #[error("invalid signature: the bundle was altered, or names a key that did not sign it; fetch it again")]
    Signature,
    /// The blobs differ from the signed ones.
    #[error("the compiled code was altered after it was signed; fetch the bundle again")]
    Altered,
    /// The signed manifest is not readable by this version.
    #[error("invalid manifest: {reason}; create the bundle again with `ringfence bundle` of this release")]
    Manifest {
        /// What is wrong.
        reason: String,
        /// The error of the parser, if it is no JSON of a manifest.
        source: Option<serde_json::Error>,
    },
    /// The bundle has expired.
    #[error("the bundle expired at {expires}; it is {now} now; create a new bundle")]
    Expired {
        /// Seconds since 1970.
        expires: Time,
        /// The time of the clock.
        now: Time,
    },
    /// The bundle is not valid yet.
    #[error("the bundle is valid from {not_before}; it is {now} now; wait, or check this machine's clock")]
    NotYetValid {
        /// Seconds since 1970.
        not_before: Time,
        /// The time of the clock.
        now: Time,
    },
    /// The machine's clock is plainly wrong, so the worker cannot check dates.
    #[error(
        "this machine's clock is wrong: it shows {now}; set it, because it decides whether a bundle is valid"
    )]
    Clock {
        /// The time of the clock.
        now: Time,
    },
    /// The bundle is older than one that this worker has seen.
    #[error(
        "the bundle has version {version}, but this worker has already seen version {seen}; use that one or a newer bundle"
    )]
    Rollback {
        /// The bundle's version.
        version: u64,
        /// The highest version seen.
        seen: u64,
    },
    /// Another bundle with the same version was seen.
    #[error(
        "this worker has already seen another bundle with version {0}; create the bundle with a higher --bundle-version"
    )]
    SameVersion(u64),
    /// The bundle has no code for this worker.
    #[error("the bundle has no code for this worker; it has: {has}; the worker needs one of: {wants}")]
    NoBuild {
        /// Fingerprints in the bundle.
        has: String,
        /// Fingerprints that the worker accepts.
        wants: String,
    },
    /// The engine does not load the signed code.
    #[error("cannot load skill `{name}` of the bundle: {}", text::clean(&reason.to_string(), 512))]
    Load {
        /// The skill.
        name: String,
        /// The engine's error.
        #[source]
        reason: LoadError,
    },
    /// The system forbids the worker to make memory executable. The node's fault, not the bundle's.
    #[error(
        "skill `{name}` cannot run as native code: this system forbids executable memory; run a bundle for pulley64 with \
         --interpret"
    )]
    NotExecutable {
        /// The skill.
        name: String,
        /// The engine's error.
        source: LoadError,
    },
}

impl BundleError {
    /// Converts a load error of a skill in a bundle, with the next step for a node that cannot run code.
    pub fn of_load(name: &str, reason: LoadError) -> Self {
        let name = name.to_owned();
        match reason {
            source @ LoadError::NotExecutable { .. } => Self::NotExecutable { name, source },
            reason => Self::Load { name, reason },
        }
    }

    /// Returns whose fault it is: the node's ([`Fault::Host`]), or that of the bundle's author or caller.
    pub fn fault(&self) -> Fault {
        match self {
            Self::Io(_) | Self::State(_) | Self::Clock { .. } | Self::NotExecutable { .. } => Fault::Host,
            Self::NotABundle
            | Self::Format(_)
            | Self::TooLarge { .. }
            | Self::Size { .. }
            | Self::Unsigned
            | Self::UnknownKey(_)
            | Self::Revoked { .. }
            | Self::Signature
            | Self::Altered
            | Self::Manifest { .. }
            | Self::Expired { .. }
            | Self::NotYetValid { .. }
            | Self::Rollback { .. }
            | Self::SameVersion(_)
            | Self::NoBuild { .. }
            | Self::Load { .. } => Fault::Author,
        }
    }

    /// Returns the stable code, in kebab-case.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Io(_) => "cannot-read",
            Self::State(_) => "cannot-keep-state",
            Self::NotABundle => "not-a-bundle",
            Self::Format(_) => "bundle-format",
            Self::TooLarge { .. } => "bundle-too-large",
            Self::Size { .. } => "bundle-size",
            Self::Unsigned => "bundle-unsigned",
            Self::UnknownKey(_) => "bundle-unknown-key",
            Self::Revoked { .. } => "bundle-revoked",
            Self::Signature => "bundle-signature",
            Self::Altered => "bundle-altered",
            Self::Manifest { .. } => "bundle-manifest",
            Self::Expired { .. } => "bundle-expired",
            Self::NotYetValid { .. } => "bundle-not-yet-valid",
            Self::Clock { .. } => "clock-wrong",
            Self::Rollback { .. } => "bundle-rollback",
            Self::SameVersion(_) => "bundle-same-version",
            Self::NoBuild { .. } => "bundle-no-build",
            Self::Load { .. } => "bundle-load",
            Self::NotExecutable { .. } => "code-not-executable",
        }
    }
}

/// A time in seconds since 1970, shown as a date in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Time(pub u64);

impl Time {
    /// Returns the time of this machine's clock; 0 before 1970.
    pub fn now() -> Self {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        Self(since.map_or(0, |since| since.as_secs()))
    }
}

impl std::fmt::Display for Time {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Days to a date, after Howard Hinnant, "chrono-compatible low-level date algorithms"; years to 9999.
        let days = (self.0 / 86_400).min(2_932_896).saturating_add(719_468);
        let (era, of_era) = (days / 146_097, days % 146_097);
        let leaps = (of_era / 36_524).saturating_sub(of_era / 146_096);
        let year_of_era = of_era.saturating_sub(of_era / 1_460).saturating_add(leaps) / 365;
        let before = (year_of_era.saturating_mul(365))
            .saturating_add(year_of_era / 4)
            .saturating_sub(year_of_era / 100);
        let of_year = of_era.saturating_sub(before);
        let shifted = of_year.saturating_mul(5).saturating_add(2) / 153;
        let day = of_year.saturating_sub(shifted.saturating_mul(153).saturating_add(2) / 5).saturating_add(1);
        let month = if shifted < 10 { shifted.saturating_add(3) } else { shifted.saturating_sub(9) };
        let year = year_of_era.saturating_add(era.saturating_mul(400)).saturating_add(u64::from(month <= 2));
        let (hour, minute) = (self.0 % 86_400 / 3_600, self.0 % 3_600 / 60);
        write!(f, "{year:04}-{month:02}-{day:02} {hour:02}:{minute:02} UTC")
    }
}

#[cfg(test)]
mod tests {
    use ringfence::{Fault, LoadError};

    use super::{BundleError, Time};

    /// By the variant, whatever words the system has for it.
    #[test]
    fn a_node_without_executable_memory_is_advised_to_interpret() {
        let denied = BundleError::of_load(
            "echo",
            LoadError::NotExecutable { reason: "permission denied".to_owned(), source: None },
        );
        assert_eq!((denied.code(), denied.fault()), ("code-not-executable", Fault::Host));
        assert!(
            denied.to_string().contains("echo") && denied.to_string().contains("--interpret"),
            "{denied}"
        );
        let words = "unable to make memory executable: Permission denied (os error 13)";
        let other =
            BundleError::of_load("echo", LoadError::Artifact { reason: words.to_owned(), source: None });
        assert_eq!((other.code(), other.fault()), ("bundle-load", Fault::Author));
        assert!(other.to_string().contains(words) && !other.to_string().contains("--interpret"), "{other}");
    }

    #[test]
    fn times_are_dates() {
        for (seconds, text) in [
            (0, "1970-01-01 00:00 UTC"),
            (951_782_400, "2000-02-29 00:00 UTC"),
            (1_798_761_540, "2026-12-31 23:59 UTC"),
            (u64::MAX, "9999-12-31 "),
        ] {
            assert!(Time(seconds).to_string().starts_with(text), "{seconds}: {}", Time(seconds));
        }
    }
}

//! Versions of bundles: a key signs no two bundles of one version on this machine, and no later one with a lower version.
//!
//! The last version stands in a file beside the key. Whoever makes a bundle holds a lock on the key from the choice of the
//! version until that file names it, so bundles that are made at the same time get different versions.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use ringfence_bundle::{BundleId, Draft, SecretKey, peek};
use ringfence_files::ORDINARY;
use serde::{Deserialize, Serialize};

use super::{CAP, usage};
use crate::output::Refused;

/// A bundle that was signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Signed {
    pub(super) version: u64,
    pub(super) bundle: BundleId,
}

/// How the version of a bundle is chosen.
#[derive(Debug, Clone, Copy)]
pub(super) enum Choice {
    /// By whoever makes it.
    Given(u64),
    /// By a date that was given. A bundle that is the last one again keeps its version: the same command returns the same bytes.
    Date(u64),
    /// By the clock.
    Clock,
}

impl Choice {
    /// The version where nothing was signed yet. Microseconds, so that bundles made on other machines seldom get the same.
    fn first(self) -> u64 {
        match self {
            Self::Given(version) => version,
            Self::Date(seconds) => seconds.saturating_mul(1_000_000),
            Self::Clock => {
                let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
                since.map_or(0, |since| u64::try_from(since.as_micros()).unwrap_or(u64::MAX))
            }
        }
    }
}

/// The last signature of a key on this machine.
#[derive(Debug)]
pub(super) struct Versions {
    file: PathBuf,
    last: Option<Signed>,
    /// The key, locked.
    _key: File,
}

impl Versions {
    /// Waits for other processes that sign with the key, and reads its last signature.
    pub(super) fn of(key: &Path) -> Result<Self, Refused> {
        let cannot = |error: io::Error| {
            Refused::fault(format!(
                "cannot lock the key {}: {error}; the lock keeps two bundles from getting the same version; \
                 copy the key to a local file system",
                key.display()
            ))
        };
        // One file, however the key is named.
        let real = if key.is_symlink() { key.canonicalize().map_err(cannot)? } else { key.to_owned() };
        let locked = File::open(&real).map_err(cannot)?;
        locked.lock().map_err(cannot)?;
        let mut file = real.into_os_string();
        file.push(".version");
        let file = PathBuf::from(file);
        let last = read(&file)?;
        Ok(Self { file, last, _key: locked })
    }

    /// Signs a bundle with a version that is above those of the bundles before it, and keeps the version.
    pub(super) fn sign(
        &mut self,
        mut draft: Draft,
        choice: Choice,
        before: Option<Signed>,
        key: &SecretKey,
    ) -> Result<Vec<u8>, Refused> {
        let highest = self.last.into_iter().chain(before).max_by_key(|signed| signed.version);
        draft.version = choice.first();
        if let Some(highest) = highest {
            match choice {
                Choice::Date(_) => {
                    let again = Draft { version: highest.version, ..draft.clone() };
                    let bytes = signed(again, key)?;
                    if bytes.1 == highest {
                        return self.keep(bytes, false);
                    }
                    draft.version = draft.version.max(highest.version.saturating_add(1));
                }
                Choice::Clock => draft.version = draft.version.max(highest.version.saturating_add(1)),
                Choice::Given(_) => {}
            }
        }
        let bytes = signed(draft, key)?;
        // A file that is replaced is of no concern to whoever chooses the version.
        if let (Choice::Given(version), Some(last)) = (choice, self.last)
            && version <= last.version
            && bytes.1 != last
        {
            return Err(usage(
                "bad-version",
                format!(
                    "--bundle-version {version} is too low: the key has already signed version {} (recorded in {}), and \
                     workers refuse lower versions; choose a higher one",
                    last.version,
                    self.file.display()
                ),
            ));
        }
        self.keep(bytes, matches!(choice, Choice::Given(_)))
    }

    /// Puts the version on the disk before anybody sees the bundle.
    fn keep(&mut self, (bytes, signed): (Vec<u8>, Signed), given: bool) -> Result<Vec<u8>, Refused> {
        if self.last == Some(signed) {
            return Ok(bytes);
        }
        let line = serde_json::to_string(&signed).map_err(|error| Refused::fault(error.to_string()))?;
        let written = ringfence_files::replace(&self.file, format!("{line}\n").as_bytes(), ORDINARY);
        match written.map_err(|error| format!("cannot write {}: {error}", self.file.display())) {
            Ok(()) => {}
            Err(error) if given => crate::output::note(&format!(
                "warning: cannot record the version beside the key: {error}; pass --bundle-version for the next bundle as well"
            )),
            Err(error) => {
                return Err(Refused::fault(format!(
                    "cannot record the version beside the key: {error}; without a record, a later bundle could get the same \
                     version; make the folder writable, or choose versions with --bundle-version"
                )));
            }
        }
        self.last = Some(signed);
        Ok(bytes)
    }
}

fn read(file: &Path) -> Result<Option<Signed>, Refused> {
    let wrong = |error: String| {
        Refused::fault(format!(
            "cannot read the last signed version from {}: {error}; without it, a bundle could get an old version again; \
             delete the file, and pass a --bundle-version above all that workers have seen",
            file.display()
        ))
    };
    match std::fs::read(file) {
        Ok(bytes) => {
            serde_json::from_slice(&bytes).map(Some).map_err(|_| wrong("invalid content".to_owned()))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(wrong(error.to_string())),
    }
}

fn signed(draft: Draft, key: &SecretKey) -> Result<(Vec<u8>, Signed), Refused> {
    let bytes = draft.sign(key).map_err(|error| usage("bad-bundle", error.to_string()))?;
    let claimed = peek(&*bytes, bytes.len() as u64, CAP)?;
    Ok((bytes, Signed { version: claimed.manifest.version, bundle: claimed.id }))
}

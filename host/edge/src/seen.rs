//! The highest version that this node has seen. A file keeps it across restarts, so that the worker refuses old
//! bundles.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use ringfence_bundle::{BundleError, BundleId, Manifest};
use ringfence_files::{PRIVATE, replace};
use serde::{Deserialize, Serialize};

/// The highest version seen, and its file.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    file: Option<PathBuf>,
    mark: Option<Mark>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Mark {
    version: u64,
    bundle: BundleId,
}

impl Seen {
    /// Reads the file. A missing file means that the node has seen nothing. An unreadable file is an error, because the
    /// worker would otherwise accept an old bundle.
    pub(crate) fn read(file: Option<PathBuf>) -> io::Result<Self> {
        let mut seen = Self { file, mark: None };
        seen.read_again()?;
        Ok(seen)
    }

    /// Reads the file again, because other processes of this node can have seen more.
    fn read_again(&mut self) -> io::Result<()> {
        let Some(path) = &self.file else { return Ok(()) };
        let there: Option<Mark> = match std::fs::read(path) {
            Ok(bytes) => Some(serde_json::from_slice(&bytes).map_err(io::Error::other)?),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        if there.is_some_and(|there| self.mark.is_none_or(|mark| there.version > mark.version)) {
            self.mark = there;
        }
        Ok(())
    }

    /// Checks that a bundle is no older than the highest version seen, and is no other one of the same version.
    pub(crate) fn check(&self, manifest: &Manifest, bundle: BundleId) -> Result<(), BundleError> {
        let Some(mark) = self.mark else { return Ok(()) };
        let version = manifest.version;
        if version < mark.version {
            return Err(BundleError::Rollback { version, seen: mark.version });
        }
        if version == mark.version && bundle != mark.bundle {
            return Err(BundleError::SameVersion(version));
        }
        Ok(())
    }

    /// Checks again and records a bundle, on the disk first. Processes that share the file take turns.
    pub(crate) fn saw(&mut self, manifest: &Manifest, bundle: BundleId) -> Result<(), BundleError> {
        let mark = Mark { version: manifest.version, bundle };
        if let Some(file) = self.file.clone() {
            let lock = File::options().create(true).append(true).open(with_suffix(&file, ".lock"));
            let lock = lock.map_err(BundleError::State)?;
            lock.lock().and_then(|()| self.read_again()).map_err(BundleError::State)?;
            self.check(manifest, bundle)?;
            if self.mark != Some(mark) {
                let line = serde_json::to_vec(&mark).map_err(|error| BundleError::State(error.into()))?;
                replace(&file, &line, PRIVATE).map_err(BundleError::State)?;
            }
        } else {
            self.check(manifest, bundle)?;
        }
        self.mark = Some(mark);
        Ok(())
    }
}

fn with_suffix(file: &Path, suffix: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

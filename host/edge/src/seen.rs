//! The highest version that this node has seen, kept over restarts, so that an old bundle is refused as long as the file
//! is there.

use std::io;
use std::path::{Path, PathBuf};

use ringfence::Digest;
use ringfence_bundle::{BundleError, Manifest};
use serde::{Deserialize, Serialize};

/// What was seen, and where that is kept.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    file: Option<PathBuf>,
    mark: Option<Mark>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Mark {
    version: u64,
    bundle: Digest,
}

impl Seen {
    /// Reads the file; none is a node that has seen nothing. One that cannot be read is an error: going on would let an
    /// old bundle in.
    pub(crate) fn read(file: Option<PathBuf>) -> io::Result<Self> {
        let Some(path) = &file else { return Ok(Self::default()) };
        let mark = match std::fs::read(path) {
            Ok(bytes) => Some(serde_json::from_slice(&bytes).map_err(io::Error::other)?),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        Ok(Self { file, mark })
    }

    /// Refuses a bundle that goes back, and another one of the same version.
    pub(crate) fn check(&self, manifest: &Manifest, bundle: Digest) -> Result<(), BundleError> {
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

    /// Remembers a bundle, on the disk first.
    pub(crate) fn saw(&mut self, manifest: &Manifest, bundle: Digest) -> io::Result<()> {
        let mark = Mark { version: manifest.version, bundle };
        if self.mark == Some(mark) {
            return Ok(());
        }
        if let Some(file) = &self.file {
            let line = serde_json::to_vec(&mark).map_err(io::Error::other)?;
            replace(file, &line)?;
        }
        self.mark = Some(mark);
        Ok(())
    }
}

/// Puts a file in the place of another as a whole, and on the disk.
pub(crate) fn replace(file: &Path, bytes: &[u8]) -> io::Result<()> {
    use std::io::Write as _;
    let mut name = file.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.new", std::process::id()));
    let draft = file.with_file_name(name);
    let write = || {
        let mut out = std::fs::File::create(&draft)?;
        out.write_all(bytes)?;
        out.sync_all()?;
        std::fs::rename(&draft, file)?;
        let dir = file.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
        std::fs::File::open(dir)?.sync_all()
    };
    write().inspect_err(|_| drop(std::fs::remove_file(&draft)))
}

//! Opens and creates stores, locks them, and cleans up after killed processes.

use std::fs::TryLockError;
use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::Path;
use std::time::{Duration, Instant};

use cap_std::ambient_authority;
use cap_std::fs::Dir;
use ringfence::{Digest, text};
use rustix::fs::{AtFlags, Mode};

use crate::artifacts::{Artifacts, Key, file_name, hex};
use crate::error::StoreError;
use crate::folder::{Folder, Scratch};
use crate::gate::{Gate, Inside};
use crate::store::Store;

/// Content of the file `format`.
const FORMAT: &[u8] = b"ringfence store 1\n";
pub(crate) const FOLDERS: [&str; 5] = ["names", "components", "artifacts", "revoked", "scratch"];
pub(crate) const FILES: [&str; 8] =
    ["format", "lock", "turn", "key", "policy.json", "prefixes.json", "tokens.json", KV_FILE];

/// The file in a store's directory where programs keep the skills' key-value spaces. The store does not read it.
pub const KV_FILE: &str = "kv.redb";

/// Maximum time that a change waits for another.
const PATIENCE: Duration = Duration::from_secs(10);

impl Store {
    /// Opens a store, and creates it if it does not exist. Cleans up after killed processes.
    ///
    /// # Errors
    ///
    /// Fails with [`StoreError::Unsafe`] for a directory to which others can write, and [`StoreError::Format`] for
    /// one with other content. Also fails if the disk does.
    pub fn open_or_make(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        let path = path.as_ref();
        match Self::open(path) {
            Err(StoreError::NoStore { .. }) => {
                make(path)?;
                Self::open(path)
            }
            opened => opened,
        }
    }

    /// Opens an existing store. Cleans up after killed processes if the store is writable.
    ///
    /// # Errors
    ///
    /// Fails with [`StoreError::NoStore`] if it does not exist; otherwise as [`Store::open_or_make`].
    pub fn open(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        let path = path.as_ref();
        let shown = || text::clean(&path.display().to_string(), 512);
        let none = || StoreError::NoStore { path: shown() };
        let dir = match Dir::open_ambient_dir(path, ambient_authority()) {
            Ok(dir) => dir,
            Err(error) if is_absent(&error) => return Err(none()),
            Err(error) => return Err(StoreError::io(format!("opening {}", shown()), error)),
        };
        let root = Folder::root(dir);
        match root.read("format", 64)? {
            Some(format) if format == FORMAT => {}
            Some(_) => {
                let reason = "its file `format` names another format".to_owned();
                return Err(StoreError::Format { path: shown(), reason });
            }
            // Empty, or being made at this moment; else something else lives here.
            None => match foreign(&root)? {
                None => return Err(none()),
                Some(name) => {
                    let reason = format!("it has no file `format`, and holds `{}`", text::clean(&name, 80));
                    return Err(StoreError::Format { path: shown(), reason });
                }
            },
        }
        // Who can rename files here can put any record in the place of another.
        let private = |folder: &Folder, name: &str| match folder.exposed()? {
            None => Ok(()),
            Some((reason, next)) => {
                let path = text::clean(&path.join(name).display().to_string(), 512);
                Err(StoreError::Unsafe { path, reason, next })
            }
        };
        private(&root, "")?;
        let folder = |name: &str| {
            let missing =
                || StoreError::Format { path: shown(), reason: format!("the directory `{name}` is missing") };
            let folder = root.folder(name)?.ok_or_else(missing)?;
            private(&folder, name).map(|()| folder)
        };
        let store = Self {
            path: path.to_owned(),
            names: folder("names")?,
            components: folder("components")?,
            artifacts: folder("artifacts")?,
            revoked: folder("revoked")?,
            scratch: Scratch::new(folder("scratch")?),
            root,
            gate: Gate::default(),
        };
        store.recover()?;
        Ok(store)
    }
}

/// The lock of the store, with which one process changes it at a time.
///
/// Its file has a note of what is being added or removed. So the next process knows that a killed one may have left
/// components.
///
/// Threads of one process wait at a gate, so a process waits for the lock only once. Between processes a second lock
/// orders the waiting: its holder waits for the first lock, and all others for the second. So a process that makes
/// many changes lets other processes in between them.
#[derive(Debug)]
pub(crate) struct Lock<'a> {
    file: std::fs::File,
    /// Dropped after the file, so that another thread locks only after the lock is released.
    _inside: Inside<'a>,
}

/// Maximum bytes of the note in the lock's file.
const NOTE: u64 = 256;

impl Lock<'_> {
    /// Removes the note.
    fn clear(&self) -> io::Result<()> {
        (&self.file).rewind()?;
        self.file.set_len(0)
    }

    /// Notes what is being changed, until the lock is released.
    pub(crate) fn note(&self, what: &str) -> io::Result<()> {
        (&self.file).write_all(format!("{what}\n").as_bytes())
    }
}

impl Drop for Lock<'_> {
    fn drop(&mut self) {
        // What stays there only makes the next process look for leftovers. Closing the file gives the lock back.
        let _ = self.file.set_len(0);
    }
}

impl Store {
    /// Returns the artifacts of an engine; none if there is no folder for it.
    pub(crate) fn artifacts<'a>(
        &self,
        fingerprint: Digest,
        key: &'a Key,
    ) -> Result<Option<Artifacts<'a>>, StoreError> {
        let folder = self.artifacts.folder(&hex(fingerprint))?;
        Ok(folder.map(|folder| Artifacts { folder, key, fingerprint }))
    }

    /// Returns the artifacts of an engine, and creates their folder if it does not exist.
    pub(crate) fn make_artifacts<'a>(
        &self,
        fingerprint: Digest,
        key: &'a Key,
    ) -> Result<Artifacts<'a>, StoreError> {
        let folder = self.artifacts.make_folder(&hex(fingerprint))?;
        Ok(Artifacts { folder, key, fingerprint })
    }

    /// Returns whether the file of a skill's artifact exists.
    pub(crate) fn has_artifact(&self, fingerprint: Digest, digest: Digest) -> Result<bool, StoreError> {
        match self.artifacts.folder(&hex(fingerprint))? {
            Some(folder) => folder.has(&file_name(digest)),
            None => Ok(false),
        }
    }

    /// Returns the store's key, and creates it if no other process has.
    pub(crate) fn make_key(&self) -> Result<Key, StoreError> {
        let _lock = self.lock(None)?;
        match Key::read(&self.root)? {
            Some(key) => Ok(key),
            None => Key::make(&self.root, &self.scratch),
        }
    }

    /// Waits for the lock, and cleans up after a killed holder.
    pub(crate) fn lock(&self, adding: Option<Digest>) -> Result<Lock<'_>, StoreError> {
        self.lock_within(PATIENCE, adding)
    }

    fn lock_within(&self, patience: Duration, adding: Option<Digest>) -> Result<Lock<'_>, StoreError> {
        let until = Instant::now().checked_add(patience);
        let left = || until.map_or(patience, |until| until.saturating_duration_since(Instant::now()));
        let busy = || StoreError::Busy { seconds: patience.as_secs() };
        let inside = self.gate.enter(patience).ok_or_else(busy)?;
        let wait = |name: &str, file: &std::fs::File| loop {
            match file.try_lock() {
                Ok(()) => return Ok(()),
                Err(TryLockError::WouldBlock) if left().is_zero() => return Err(busy()),
                Err(TryLockError::WouldBlock) => std::thread::sleep(Duration::from_millis(2)),
                Err(TryLockError::Error(error)) => return Err(self.root.failed("locking", name, error)),
            }
        };
        let turn = self.root.open_to_write("turn")?.file.into_std();
        wait("turn", &turn)?;
        let file = self.root.open_to_write("lock")?.file.into_std();
        wait("lock", &file)?;
        // Whoever waits is the next now.
        drop(turn);
        let mut left = Vec::new();
        // A note that cannot be read is taken for one that names no digest: everything is looked at.
        let read = (&file).take(NOTE).read_to_end(&mut left);
        read.map_err(|error| self.root.failed("reading", "lock", error))?;
        let lock = Lock { file, _inside: inside };
        if !left.is_empty() {
            self.clean_up(&String::from_utf8_lossy(&left));
            lock.clear().map_err(|error| self.root.failed("writing", "lock", error))?;
        }
        if let Some(digest) = adding {
            let noted = lock.note(&digest.to_string());
            noted.map_err(|error| self.root.failed("writing", "lock", error))?;
        }
        Ok(lock)
    }

    /// Cleans up after killed processes. Leaves a store that is not writable as it is.
    fn recover(&self) -> Result<(), StoreError> {
        let left = self.root.look("lock").is_some_and(|found| found.is_file() && found.len() > 0);
        let cleaned = self.scratch.clean().and_then(|_| {
            // A process that is at work holds the lock, and nobody waits for it.
            if left { self.lock_within(Duration::ZERO, None).map(|_| ()) } else { Ok(()) }
        });
        match cleaned {
            Ok(())
            | Err(
                StoreError::ReadOnly { .. }
                | StoreError::Denied { .. }
                | StoreError::Busy { .. }
                | StoreError::DiskFull { .. },
            ) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Removes unused components that a killed submission or removal may have left. The caller holds the lock.
    fn clean_up(&self, note: &str) {
        let adding: Option<Digest> = note.trim_end().parse().ok();
        // A leftover takes space and does no harm; if it cannot be removed now, `gc` says why.
        let _ = self.free(|digest| adding.is_none_or(|adding| adding == digest));
    }
}

/// Returns whether the directory or one of its parents does not exist.
fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// Returns the first entry in a directory that no store has.
fn foreign(root: &Folder) -> Result<Option<String>, StoreError> {
    let ours = |name: &String| FOLDERS.contains(&name.as_str()) || FILES.contains(&name.as_str());
    Ok(root.names()?.into_iter().find(|name| !ours(name)))
}

/// Creates the directories of a store, and last its file `format`.
fn make(path: &Path) -> Result<(), StoreError> {
    let shown = text::clean(&path.display().to_string(), 512);
    let failed = |error| StoreError::io(format!("creating {shown}"), error);
    let dir = match Dir::open_ambient_dir(path, ambient_authority()) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let there = path.ancestors().find(|parent| parent.exists());
            Dir::create_ambient_dir_all(path, ambient_authority()).map_err(failed)?;
            // Each directory that was made is an entry of the one above it, which must last as well.
            let above = path.ancestors().skip(1).take_while(|parent| Some(*parent) != there).chain(there);
            for parent in above {
                let parent = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
                Folder::root(Dir::open_ambient_dir(parent, ambient_authority()).map_err(failed)?).sync()?;
            }
            Dir::open_ambient_dir(path, ambient_authority()).map_err(failed)?
        }
        opened => opened.map_err(failed)?,
    };
    let root = Folder::root(dir.try_clone().map_err(failed)?);
    // Another process may be making it at this moment, so our own names are no surprise.
    if let Some(name) = foreign(&root)? {
        let reason = format!("it holds `{}` already; choose an empty directory", text::clean(&name, 80));
        return Err(StoreError::Format { path: shown, reason });
    }
    rustix::fs::chmodat(&dir, ".", Mode::RWXU, AtFlags::empty()).map_err(|error| failed(error.into()))?;
    for name in FOLDERS {
        root.make_folder(name)?;
    }
    let scratch = Scratch::new(root.make_folder("scratch")?);
    let mut draft = scratch.draft(0o600)?;
    draft.write(FORMAT)?;
    draft.keep(&root, "format")
}

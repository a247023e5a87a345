//! A directory of the store. It reads files whole and up to a size, and writes them in one visible step. It never
//! follows a link, and refuses other kinds of files.

use std::fs::TryLockError;
use std::io::{self, Read as _, Write as _};
use std::os::fd::OwnedFd;

use cap_fs_ext::{DirExt as _, FollowSymlinks, OpenOptionsFollowExt as _};
use cap_std::fs::{Dir, DirBuilder, DirBuilderExt as _, File, Metadata, MetadataExt as _};
use cap_std::fs::{OpenOptions, OpenOptionsExt as _};
use ringfence_files::Unpublished;
use rustix::fs::{Mode, OFlags};

use crate::error::StoreError;

/// A directory, and its name in messages.
#[derive(Debug)]
pub(crate) struct Folder {
    dir: Dir,
    /// The path from the root of the store, with a final slash; empty for the root itself.
    label: String,
}

/// An opened file.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) file: File,
    pub(crate) metadata: Metadata,
}

impl Folder {
    pub(crate) fn root(dir: Dir) -> Self {
        Self { dir, label: String::new() }
    }

    /// Returns the name of a file in messages.
    pub(crate) fn label(&self, name: &str) -> String {
        format!("{}{name}", self.label)
    }

    /// Returns why users other than the process's could change the directory, if they could, and how to fix that.
    pub(crate) fn exposed(&self) -> Result<Option<(String, &'static str)>, StoreError> {
        let metadata =
            self.dir.dir_metadata().map_err(|error| self.failed("reading the metadata of", "", error))?;
        let (owner, us) = (metadata.uid(), rustix::process::geteuid().as_raw());
        Ok(if owner != us && owner != 0 {
            let reason = format!("it belongs to user {owner}, but this process runs as user {us}");
            Some((reason, "run as that user, or choose another store with --store"))
        } else if metadata.mode() & 0o022 != 0 {
            Some(("other users can write to it".to_owned(), "remove their permission with `chmod go-w`"))
        } else {
            None
        })
    }

    /// Returns when an entry was last created or removed, in seconds since 1970.
    pub(crate) fn changed(&self) -> Result<i64, StoreError> {
        let metadata =
            self.dir.dir_metadata().map_err(|error| self.failed("reading the metadata of", "", error))?;
        Ok(metadata.mtime())
    }

    /// Returns when an entry was last created, removed or renamed: seconds since 1970, and nanoseconds.
    pub(crate) fn stamp(&self) -> Result<(i64, i64), StoreError> {
        let metadata =
            self.dir.dir_metadata().map_err(|error| self.failed("reading the metadata of", "", error))?;
        Ok((metadata.mtime(), metadata.mtime_nsec()))
    }

    /// Opens a directory in this one; returns none if it does not exist.
    pub(crate) fn folder(&self, name: &str) -> Result<Option<Self>, StoreError> {
        match self.dir.open_dir_nofollow(name) {
            Ok(dir) => Ok(Some(Self { dir, label: format!("{}{name}/", self.label) })),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => {
                Err(self.foreign(name, "a directory").unwrap_or_else(|| self.failed("opening", name, error)))
            }
        }
    }

    /// Opens a directory in this one. Creates it first, for its owner only, if it does not exist.
    pub(crate) fn make_folder(&self, name: &str) -> Result<Self, StoreError> {
        if let Some(found) = self.folder(name)? {
            return Ok(found);
        }
        let mut builder = DirBuilder::new();
        builder.mode(0o700);
        match self.dir.create_dir_with(name, &builder) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                return Err(self.failed("making", name, error));
            }
            // Another process was quicker, or not.
            _ => self.sync()?,
        }
        let gone = || self.failed("opening", name, io::ErrorKind::NotFound.into());
        self.folder(name)?.ok_or_else(gone)
    }

    /// Opens a plain file for reading; returns none if it does not exist.
    ///
    /// Refuses a link, a directory, a pipe or a device, and never waits.
    pub(crate) fn open(&self, name: &str) -> Result<Option<Found>, StoreError> {
        let mut options = OpenOptions::new();
        options.read(true);
        self.open_with(name, &mut options, "opening")
    }

    /// Opens a file as [`Folder::open`] does, for writing, too. Creates it if it does not exist.
    pub(crate) fn open_to_write(&self, name: &str) -> Result<Found, StoreError> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).mode(0o600);
        let gone = || self.failed("making", name, io::ErrorKind::NotFound.into());
        let found = self.open_with(name, &mut options, "opening")?.ok_or_else(gone)?;
        // What is written here must not be written to a file somewhere else.
        match found.exposed() {
            None => Ok(found),
            Some(found) => Err(StoreError::Foreign {
                path: self.label(name),
                found,
                expected: "a private file of this user",
            }),
        }
    }

    fn open_with(
        &self,
        name: &str,
        options: &mut OpenOptions,
        action: &str,
    ) -> Result<Option<Found>, StoreError> {
        let nonblock = i32::try_from(OFlags::NONBLOCK.bits()).unwrap_or(0);
        options.follow(FollowSymlinks::No).custom_flags(nonblock);
        let file = match self.dir.open_with(name, options) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => {
                return Err(self.foreign(name, "a file").unwrap_or_else(|| self.failed(action, name, error)));
            }
        };
        let metadata =
            file.metadata().map_err(|error| self.failed("reading the metadata of", name, error))?;
        if !metadata.is_file() {
            let path = self.label(name);
            return Err(StoreError::Foreign { path, found: kind(&metadata), expected: "a file" });
        }
        Ok(Some(Found { file, metadata }))
    }

    /// Reads a whole file; returns none if it does not exist.
    ///
    /// Fails with [`StoreError::Damaged`] for more than `most` bytes, because the store writes no such file.
    pub(crate) fn read(&self, name: &str, most: u64) -> Result<Option<Vec<u8>>, StoreError> {
        let Some(found) = self.open(name)? else { return Ok(None) };
        let mut bytes = Vec::with_capacity(usize::try_from(found.metadata.len().min(most)).unwrap_or(0));
        let read = found.file.take(most.saturating_add(1)).read_to_end(&mut bytes);
        read.map_err(|error| self.failed("reading", name, error))?;
        if bytes.len() as u64 > most {
            let reason = format!("it has more than {most} bytes");
            return Err(StoreError::Damaged { path: self.label(name), reason, next: "move it away" });
        }
        Ok(Some(bytes))
    }

    /// Returns whether the name exists, as an entry of any kind.
    pub(crate) fn has(&self, name: &str) -> Result<bool, StoreError> {
        match self.dir.symlink_metadata(name) {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(self.failed("reading the metadata of", name, error)),
        }
    }

    /// Returns the metadata of an entry, or of the link itself if it is one.
    pub(crate) fn look(&self, name: &str) -> Option<Metadata> {
        self.dir.symlink_metadata(name).ok()
    }

    /// Returns the names in the directory, sorted. Replaces what is not UTF-8 in them.
    pub(crate) fn names(&self) -> Result<Vec<String>, StoreError> {
        let failed = |error| self.failed("listing", "", error);
        let mut names = Vec::new();
        for entry in self.dir.entries().map_err(failed)? {
            names.push(entry.map_err(failed)?.file_name().to_string_lossy().into_owned());
        }
        names.sort();
        Ok(names)
    }

    /// Removes a file; returns whether it existed.
    pub(crate) fn remove(&self, name: &str) -> Result<bool, StoreError> {
        match self.dir.remove_file(name) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(self.failed("removing", name, error)),
        }
    }

    /// Removes a plain file, and returns its size. Keeps an entry of any other kind, which is not the store's.
    pub(crate) fn remove_plain(&self, name: &str) -> Result<Option<u64>, StoreError> {
        let Some(found) = self.look(name).filter(Metadata::is_file) else { return Ok(None) };
        Ok(self.remove(name)?.then(|| found.len()))
    }

    /// Renames a file, and replaces an existing one. Needs no free space on the disk.
    pub(crate) fn rename(&self, name: &str, to: &str) -> Result<(), StoreError> {
        self.dir.rename(name, &self.dir, to).map_err(|error| self.failed("renaming", name, error))
    }

    /// Removes an empty directory.
    pub(crate) fn remove_folder(&self, name: &str) -> Result<(), StoreError> {
        self.dir.remove_dir(name).map_err(|error| self.failed("removing", name, error))
    }

    /// Makes the renames and removals in the directory durable.
    pub(crate) fn sync(&self) -> Result<(), StoreError> {
        // The descriptor that `Dir` holds only stands for a place; syncing takes one that was opened to read.
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let synced = rustix::fs::openat(&self.dir, ".", flags, Mode::empty()).and_then(rustix::fs::fsync);
        synced.map_err(|error| self.failed("syncing", "", error.into()))
    }

    pub(crate) fn failed(&self, action: &str, name: &str, error: io::Error) -> StoreError {
        let path = self.label(name);
        let path = if path.is_empty() { "its directory" } else { &path };
        StoreError::io(format!("{action} {path}"), error)
    }

    /// Returns an error that names the kind of the entry, if it is not the expected one.
    fn foreign(&self, name: &str, expected: &'static str) -> Option<StoreError> {
        let metadata = self.look(name)?;
        let fits = if expected == "a file" { metadata.is_file() } else { metadata.is_dir() };
        (!fits).then(|| StoreError::Foreign { path: self.label(name), found: kind(&metadata), expected })
    }
}

/// Returns the kind of an entry, in words.
pub(crate) fn kind(metadata: &Metadata) -> &'static str {
    if metadata.is_symlink() {
        "a symbolic link"
    } else if metadata.is_dir() {
        "a directory"
    } else if metadata.is_file() {
        "a file"
    } else {
        "a pipe, socket or device"
    }
}

/// The directory of files that are being written. A writer locks its file, so a file without a lock is the leftover
/// of an ended process.
#[derive(Debug)]
pub(crate) struct Scratch {
    folder: Folder,
}

/// A file that is not visible yet. Dropping it before [`Draft::keep`] removes it.
#[derive(Debug)]
pub(crate) struct Draft<'a> {
    scratch: &'a Scratch,
    name: String,
    file: std::fs::File,
    kept: bool,
}

/// Maximum tries of a new name. A try fails only if a random 64-bit name is taken, or a cleaner removed the file.
const TRIES: u32 = 10;

impl Scratch {
    pub(crate) fn new(folder: Folder) -> Self {
        Self { folder }
    }

    pub(crate) fn folder(&self) -> &Folder {
        &self.folder
    }

    /// Creates an empty file with this mode.
    pub(crate) fn draft(&self, mode: u32) -> Result<Draft<'_>, StoreError> {
        let failed = |name: &str, error| self.folder.failed("making", name, error);
        for _ in 0..TRIES {
            let random = getrandom::u64().map_err(|error| failed("", io::Error::other(error.to_string())))?;
            let name = format!("draft-{random:016x}");
            let mut options = OpenOptions::new();
            options.write(true).create_new(true).mode(mode).follow(FollowSymlinks::No);
            let file = match self.folder.dir.open_with(&name, &options) {
                Ok(file) => file.into_std(),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
                Err(error) => return Err(failed(&name, error)),
            };
            let draft = Draft { scratch: self, name, file, kept: false };
            // Between the two calls a cleaner may have taken it for a leftover. Nobody is waited for.
            match draft.file.try_lock() {
                Ok(()) if self.folder.has(&draft.name)? => return Ok(draft),
                Ok(()) | Err(TryLockError::WouldBlock) => {}
                Err(TryLockError::Error(error)) => return Err(failed(&draft.name, error)),
            }
        }
        Err(failed("", io::Error::other("cannot find an unused file name")))
    }

    /// Removes the leftovers of ended processes, and returns their number.
    pub(crate) fn clean(&self) -> Result<u64, StoreError> {
        let mut removed: u64 = 0;
        for name in self.folder.names()? {
            if !is_draft(&name) {
                continue;
            }
            // What cannot be opened is reported by `verify`.
            let Ok(Some(found)) = self.folder.open(&name) else { continue };
            let file = found.file.into_std();
            // Kept until the name is gone: a process that has just made the file waits for it, and looks.
            if !held(&file) && self.folder.remove(&name)? {
                removed = removed.saturating_add(1);
            }
            drop(file);
        }
        Ok(removed)
    }
}

/// Returns whether a process holds the file's lock.
fn held(file: &std::fs::File) -> bool {
    match file.try_lock_shared() {
        Ok(()) => false,
        Err(TryLockError::WouldBlock | TryLockError::Error(_)) => true,
    }
}

/// Returns whether a file in the scratch directory is a [`Draft`].
pub(crate) fn is_draft(name: &str) -> bool {
    name.strip_prefix("draft-")
        .is_some_and(|rest| rest.len() == 16 && rest.bytes().all(|digit| digit.is_ascii_hexdigit()))
}

impl Draft<'_> {
    /// Appends bytes.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        self.file.write_all(bytes).map_err(|error| self.scratch.folder.failed("writing", &self.name, error))
    }

    /// Makes the file durable, and then visible as `name` in `folder` in one step. Replaces an existing file.
    ///
    /// After it returned, a power failure does not undo it.
    pub(crate) fn keep(mut self, folder: &Folder, name: &str) -> Result<(), StoreError> {
        // A rename onto a directory fails; onto a link it replaces the link, not what it points at.
        let rename = || {
            let renamed = self.scratch.folder.dir.rename(&self.name, &folder.dir, name);
            renamed.map_err(|error| folder.failed("renaming", name, error))
        };
        let published = ringfence_files::publish(&self.file, rename, || folder.sync());
        self.kept = matches!(published, Ok(()) | Err(Unpublished::Directory(_)));
        published.map_err(|failed| match failed {
            Unpublished::Content(error) => self.unsynced(error),
            Unpublished::Name(error) => error,
            Unpublished::Directory(error) => {
                StoreError::NotDurable { path: folder.label(name), source: error.into() }
            }
        })
    }

    /// Makes the written bytes durable before [`Draft::keep`], which is then faster.
    pub(crate) fn sync(&self) -> Result<(), StoreError> {
        self.file.sync_all().map_err(|error| self.unsynced(error))
    }

    fn unsynced(&self, error: io::Error) -> StoreError {
        self.scratch.folder.failed("syncing", &self.name, error)
    }
}

impl Drop for Draft<'_> {
    fn drop(&mut self) {
        if !self.kept {
            // If it cannot be removed, the next process cleans it up.
            let _ = self.scratch.folder.remove(&self.name);
        }
    }
}

impl Found {
    /// Returns how users other than the process's could change the file, if they could.
    ///
    /// Returns none if the file belongs to this user, has no second name, and is not writable by group or others. A
    /// file without any name is fine: it was removed or replaced after it was opened.
    pub(crate) fn exposed(&self) -> Option<&'static str> {
        let metadata = &self.metadata;
        if metadata.uid() != rustix::process::geteuid().as_raw() {
            Some("a file of another user")
        } else if metadata.mode() & 0o022 != 0 {
            Some("a file that other users can write to")
        } else if metadata.nlink() > 1 {
            Some("a file with another name (a hard link)")
        } else {
            None
        }
    }

    pub(crate) fn into_fd(self) -> OwnedFd {
        self.file.into_std().into()
    }
}

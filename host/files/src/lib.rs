//! Writes files whole: a reader finds the old content or all of the new, also after a crash or a power failure.
//!
//! [`replace`] and [`create`] write a file by its path. [`publish`] is the order that both follow, for callers that name
//! files in another way.
//!
//! ```
//! # fn main() -> std::io::Result<()> {
//! # let folder = tempfile::tempdir()?;
//! let file = folder.path().join("state.json");
//! ringfence_files::create(&file, b"{}", ringfence_files::PRIVATE)?;
//! ringfence_files::replace(&file, b"{\"version\": 2}", ringfence_files::PRIVATE)?;
//! assert_eq!(std::fs::read(&file)?, b"{\"version\": 2}");
//! # Ok(())
//! # }
//! ```
//!
//! Not covered: file systems without working `fsync` or atomic `rename` (some network ones).

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

/// The mode of a file that only its user can read and write.
pub const PRIVATE: u32 = 0o600;

/// The mode of an ordinary file. The process's mask takes bits away, as from any new file.
pub const ORDINARY: u32 = 0o666;

/// Maximum tries of a new name. A try fails only if a killed process of the same number left a draft.
const TRIES: u32 = 100;

/// The step at which [`publish`] failed.
#[derive(Debug)]
pub enum Unpublished<E> {
    /// The content may not be on the disk. Nothing has the final name.
    Content(io::Error),
    /// The file did not get its final name.
    Name(E),
    /// The file has its final name, but a power failure can take it away again.
    Directory(E),
}

/// Makes the content of a draft durable, then its final name, then the directory that has the name.
///
/// `rename` gives the file its final name, and `sync` makes the directory durable.
///
/// # Errors
///
/// Fails with the step that failed. The later steps did not begin.
pub fn publish<E>(
    draft: &File,
    rename: impl FnOnce() -> Result<(), E>,
    sync: impl FnOnce() -> Result<(), E>,
) -> Result<(), Unpublished<E>> {
    draft.sync_all().map_err(Unpublished::Content)?;
    rename().map_err(Unpublished::Name)?;
    sync().map_err(Unpublished::Directory)
}

/// Writes a file, and replaces an existing one.
///
/// The file gets `mode` on Unix, whatever the mode of the replaced one.
///
/// # Errors
///
/// Fails with the system's error. The file then has its old content; if only the directory could not be made durable, the
/// new one.
pub fn replace(file: &Path, content: &[u8], mode: u32) -> io::Result<()> {
    write(file, content, mode, |draft| fs::rename(draft, file))
}

/// Writes a new file as [`replace`] does, and never replaces an existing one.
///
/// # Errors
///
/// Fails with [`io::ErrorKind::AlreadyExists`] if the path exists, also as a link that leads nowhere, or with the
/// system's error.
pub fn create(file: &Path, content: &[u8], mode: u32) -> io::Result<()> {
    write(file, content, mode, |draft| {
        // A rename would replace a file; a second name does not.
        match fs::hard_link(draft, file) {
            Ok(()) => fs::remove_file(draft),
            // A file system without second names. Between the two calls another process could create the file.
            Err(error)
                if error.kind() != io::ErrorKind::AlreadyExists && file.symlink_metadata().is_err() =>
            {
                fs::rename(draft, file)
            }
            Err(error) => Err(error),
        }
    })
}

fn write(
    file: &Path,
    content: &[u8],
    mode: u32,
    rename: impl FnOnce(&Path) -> io::Result<()>,
) -> io::Result<()> {
    let directory = file.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let (path, mut draft) = draft(directory, file, mode)?;
    let written = draft.write_all(content).map_err(Unpublished::Content);
    let published = written.and_then(|()| publish(&draft, || rename(&path), || sync(directory)));
    published.map_err(|failed| match failed {
        Unpublished::Content(error) | Unpublished::Name(error) => {
            // The first error counts; a draft that stays disturbs nobody.
            let _ = fs::remove_file(&path);
            error
        }
        Unpublished::Directory(error) => error,
    })
}

/// Creates an empty file beside `file`. It never writes through an existing name.
fn draft(directory: &Path, file: &Path, mode: u32) -> io::Result<(PathBuf, File)> {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, mode);
    #[cfg(not(unix))]
    let _ = mode;
    let name = file.file_name().ok_or(io::ErrorKind::InvalidInput)?.to_string_lossy();
    // Names can have 255 bytes, and this one is longer than the file's.
    let name: String = name.chars().take(40).collect();
    for _ in 0..TRIES {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = directory.join(format!(".{name}.{}-{number}.new", std::process::id()));
        match options.open(&path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            opened => return opened.map(|draft| (path, draft)),
        }
    }
    Err(io::Error::other("cannot find an unused name for a draft"))
}

/// Makes the names in a directory durable.
fn sync(directory: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(directory)?.sync_all() } else { Ok(()) }
}

/// The examples of the README, for `cargo test --doc`.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).expect("a folder");
        let mut names: Vec<String> = entries
            .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_is_replaced_and_no_draft_stays() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("a");
        replace(&file, b"one", PRIVATE).expect("written");
        replace(&file, b"two", ORDINARY).expect("written");
        assert_eq!(fs::read(&file).expect("read"), b"two");
        assert_eq!(names(folder.path()), ["a"]);
    }

    #[test]
    fn an_existing_path_is_never_created_again() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("a");
        create(&file, b"one", ORDINARY).expect("written");
        let again = create(&file, b"two", ORDINARY).expect_err("it exists");
        assert_eq!(again.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read(&file).expect("read"), b"one");
        assert_eq!(names(folder.path()), ["a"]);
    }

    #[test]
    fn a_failed_write_leaves_the_old_content() {
        let folder = tempfile::tempdir().expect("a folder");
        let directory = folder.path().join("d");
        fs::create_dir(&directory).expect("created");
        fs::write(directory.join("inside"), "x").expect("written");
        assert!(replace(&directory, b"one", ORDINARY).is_err(), "a file over a folder");
        assert!(replace(&folder.path().join("none/a"), b"one", ORDINARY).is_err());
        assert!(replace(Path::new("/"), b"one", ORDINARY).is_err());
        assert_eq!(names(folder.path()), ["d"]);
    }

    #[test]
    fn each_step_begins_only_after_the_one_before() {
        let draft = tempfile::tempfile().expect("a file");
        let failed = |text: &'static str| move || Err(text);
        let name = publish(&draft, failed("name"), || -> Result<(), &str> { panic!("too early") });
        assert!(matches!(name, Err(Unpublished::Name("name"))));
        let directory = publish(&draft, || Ok(()), failed("directory"));
        assert!(matches!(directory, Err(Unpublished::Directory("directory"))));
        assert!(publish(&draft, || Ok::<(), ()>(()), || Ok(())).is_ok());
    }

    #[cfg(unix)]
    #[test]
    fn a_link_is_replaced_and_not_followed_and_a_private_file_is_private() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().expect("a folder");
        let (file, other) = (folder.path().join("a"), folder.path().join("other"));
        fs::write(&other, "theirs").expect("written");
        std::os::unix::fs::symlink(&other, &file).expect("linked");
        assert!(create(&file, b"one", PRIVATE).is_err());
        replace(&file, b"one", PRIVATE).expect("written");
        assert_eq!(fs::read(&other).expect("read"), b"theirs");
        let metadata = fs::symlink_metadata(&file).expect("metadata");
        assert!(metadata.is_file() && metadata.permissions().mode() & 0o777 == 0o600);
    }
}

//! Writes files whole: a reader finds the old content or all of the new, also after a crash or a power failure.
//!
//! [`replace`] and [`create`] write a file by its path, and [`create_with`] lets a function write the content.
//! [`publish`] is the order that all follow, for callers that name files in another way.
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
    let rename = |draft: &Path| fs::rename(draft, file);
    write(file, mode, |_, draft| draft.write_all(content), rename).map_err(io_error)
}

/// Writes a new file as [`replace`] does, and never replaces an existing one.
///
/// A file system without second names gets an empty file of that name first. After a power failure it can be there
/// still.
///
/// # Errors
///
/// Fails with [`io::ErrorKind::AlreadyExists`] if the path exists, also as a link that leads nowhere, or with the
/// system's error.
pub fn create(file: &Path, content: &[u8], mode: u32) -> io::Result<()> {
    write(file, mode, |_, draft| draft.write_all(content), |draft| name(draft, file)).map_err(io_error)
}

/// Why [`create_with`] created no file.
#[derive(Debug)]
pub enum NotCreated<E> {
    /// The content could not be written: the function's error.
    Content(E),
    /// The file could not be created: [`io::ErrorKind::AlreadyExists`] if the path exists, or the system's error.
    File(io::Error),
}

/// Creates a new file as [`create`] does. `fill` writes the content into an empty draft beside it, whose path it gets.
///
/// The draft is removed if `fill` fails or panics.
///
/// # Errors
///
/// Fails with [`NotCreated`]. Nothing has the final name then, unless only the directory could not be made durable.
pub fn create_with<T, E>(
    file: &Path,
    mode: u32,
    fill: impl FnOnce(&Path) -> Result<T, E>,
) -> Result<T, NotCreated<E>> {
    write(file, mode, |draft, _| fill(draft), |draft| name(draft, file))
}

/// Gives a draft its final name, which nothing has. A rename would replace a file; a second name does not.
fn name(draft: &Path, file: &Path) -> io::Result<()> {
    match fs::hard_link(draft, file) {
        Ok(()) => fs::remove_file(draft),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(error),
        // A file system without second names: an empty file takes the name, so that the rename replaces only it.
        Err(_) => {
            OpenOptions::new().write(true).create_new(true).open(file)?;
            fs::rename(draft, file).inspect_err(|_| {
                let _ = fs::remove_file(file);
            })
        }
    }
}

fn io_error(failed: NotCreated<io::Error>) -> io::Error {
    match failed {
        NotCreated::Content(error) | NotCreated::File(error) => error,
    }
}

fn write<T, E>(
    file: &Path,
    mode: u32,
    fill: impl FnOnce(&Path, &mut File) -> Result<T, E>,
    rename: impl FnOnce(&Path) -> io::Result<()>,
) -> Result<T, NotCreated<E>> {
    let directory = directory_of(file);
    let (draft, mut opened) = draft(directory, file, mode).map_err(NotCreated::File)?;
    let filled = fill(&draft.0, &mut opened).map_err(NotCreated::Content)?;
    let published = publish(&opened, || rename(&draft.0), || sync(directory));
    published.map_err(|failed| match failed {
        Unpublished::Content(error) | Unpublished::Name(error) | Unpublished::Directory(error) => {
            NotCreated::File(error)
        }
    })?;
    Ok(filled)
}

/// Makes the name of an existing file durable.
///
/// # Errors
///
/// Fails with the system's error.
pub fn sync_name(file: &Path) -> io::Result<()> {
    sync(directory_of(file))
}

fn directory_of(file: &Path) -> &Path {
    file.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// A draft, removed unless it was renamed.
struct Draft(PathBuf);

impl Drop for Draft {
    fn drop(&mut self) {
        // Renamed, it has this name no more. The first error counts; a draft that stays disturbs nobody.
        let _ = fs::remove_file(&self.0);
    }
}

/// Creates an empty file beside `file`. It never writes through an existing name.
fn draft(directory: &Path, file: &Path, mode: u32) -> io::Result<(Draft, File)> {
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
            opened => return opened.map(|opened| (Draft(path), opened)),
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
    fn a_file_that_appears_while_the_draft_is_written_stays() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("a");
        let fill = |draft: &Path| {
            fs::write(draft, "mine")?;
            fs::write(&file, "theirs")
        };
        let created = create_with(&file, PRIVATE, fill);
        let Err(NotCreated::File(error)) = created else { panic!("{created:?}") };
        assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read(&file).expect("read"), b"theirs");
        assert_eq!(names(folder.path()), ["a"]);
    }

    #[test]
    fn a_content_that_fails_or_panics_leaves_nothing() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("a");
        let failed = create_with(&file, PRIVATE, |draft| {
            fs::write(draft, "half").and(Err::<(), _>(io::ErrorKind::Other.into()))
        });
        assert!(matches!(failed, Err(NotCreated::Content(_))), "{failed:?}");
        let panicked = std::panic::catch_unwind(|| {
            create_with(&file, PRIVATE, |_| -> Result<(), ()> { panic!("in the middle") })
        });
        assert!(panicked.is_err());
        assert!(names(folder.path()).is_empty());
        let moved =
            create_with(&file, PRIVATE, |draft| fs::write(draft, "whole").map(|()| 5)).expect("written");
        assert_eq!((moved, fs::read(&file).expect("read")), (5, b"whole".to_vec()));
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

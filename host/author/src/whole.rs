//! Writes files whole or not at all.

use std::io::Write as _;
use std::path::Path;

use crate::error::AuthorError;

/// Writes a file atomically, by a temporary file and a rename. A reader sees the old content or all of the new.
///
/// # Errors
///
/// Fails with [`AuthorError::Io`], and leaves the file as it was.
pub fn write_whole(file: &Path, content: &[u8]) -> Result<(), AuthorError> {
    let aside = aside(file, content)?;
    aside.persist(file).map_err(|error| AuthorError::io("write", file)(error.error))?;
    Ok(())
}

/// Writes a new file as [`write_whole`] does, and never replaces an existing one.
///
/// # Errors
///
/// Fails with [`AuthorError::Exists`] if the path exists, or [`AuthorError::Io`].
pub fn write_new(file: &Path, content: &[u8]) -> Result<(), AuthorError> {
    let aside = aside(file, content)?;
    match aside.persist_noclobber(file) {
        Ok(_) => Ok(()),
        Err(error) if error.error.kind() == std::io::ErrorKind::AlreadyExists => {
            Err(AuthorError::Exists(file.to_owned()))
        }
        Err(error) => Err(AuthorError::io("write", file)(error.error)),
    }
}

/// Writes the content to a temporary file in the same folder.
fn aside(file: &Path, content: &[u8]) -> Result<tempfile::NamedTempFile, AuthorError> {
    let folder = file.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        // As any new file: the process's mask takes off what it takes off.
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    let mut aside =
        builder.tempfile_in(folder).map_err(AuthorError::io("write a temporary file beside", file))?;
    aside
        .write_all(content)
        .and_then(|()| aside.as_file().sync_all())
        .map_err(AuthorError::io("write", file))?;
    Ok(aside)
}

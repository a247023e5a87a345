//! Files that are written whole or not at all.

use std::io::Write as _;
use std::path::Path;

use crate::error::AuthorError;

/// Writes a file aside and renames it into place: whoever reads it sees what was there, or all of `content`.
///
/// # Errors
///
/// [`AuthorError::Io`]; the file is as it was.
pub fn write_whole(file: &Path, content: &[u8]) -> Result<(), AuthorError> {
    let aside = aside(file, content)?;
    aside.persist(file).map_err(|error| AuthorError::io("write", file)(error.error))?;
    Ok(())
}

/// As [`write_whole`], and never in the place of something that is there.
///
/// # Errors
///
/// [`AuthorError::Exists`] where something is there; [`AuthorError::Io`].
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

/// The content, on the disk beside the file.
fn aside(file: &Path, content: &[u8]) -> Result<tempfile::NamedTempFile, AuthorError> {
    let folder = file.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        // As any new file: the process's mask takes off what it takes off.
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    let mut aside = builder.tempfile_in(folder).map_err(AuthorError::io("write beside", file))?;
    aside
        .write_all(content)
        .and_then(|()| aside.as_file().sync_all())
        .map_err(AuthorError::io("write", file))?;
    Ok(aside)
}

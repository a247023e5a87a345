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
    aside.persist(file).map_err(|error| AuthorError::io("write", file)(error.error))?;
    Ok(())
}

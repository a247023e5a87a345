//! A secret's name and value, and the errors of this module. Only [`Secret::expose`] shows a value.

use std::fmt;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::sync::Arc;

use zeroize::Zeroizing;

/// The shortest value of a secret, in bytes. A shorter one appears in texts by chance, so nothing could scrub it.
pub const SECRET_MIN_BYTES: usize = 8;

/// The longest value of a secret, in bytes.
pub const SECRET_MAX_BYTES: usize = 64 << 10;

/// The longest name of a secret, in bytes.
pub const SECRET_NAME_BYTES: usize = 100;

/// A secret. Its value is overwritten when it is dropped, and it cannot be cloned; share it in an `Arc`.
pub struct Secret {
    name: Arc<str>,
    value: Zeroizing<Vec<u8>>,
}

impl Secret {
    /// Takes over a value.
    ///
    /// A vector that grew has left copies of its bytes in memory; give it its capacity first.
    ///
    /// # Errors
    ///
    /// [`SecretError::Name`], [`SecretError::Empty`], [`SecretError::TooShort`] or [`SecretError::TooLong`].
    pub fn new(name: &str, value: Vec<u8>) -> Result<Self, SecretError> {
        Self::owned(name, Zeroizing::new(value))
    }

    pub(super) fn owned(name: &str, value: Zeroizing<Vec<u8>>) -> Result<Self, SecretError> {
        check_name(name)?;
        let name: Arc<str> = name.into();
        match value.len() {
            0 => Err(SecretError::Empty { name }),
            length if length < SECRET_MIN_BYTES => Err(SecretError::TooShort { name }),
            length if length > SECRET_MAX_BYTES => Err(SecretError::TooLong { name }),
            _ => Ok(Self { name, value }),
        }
    }

    /// Returns the name. It is no secret: reports, logs and replacements show it.
    pub fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn shared_name(&self) -> Arc<str> {
        self.name.clone()
    }

    /// Returns the value. Copy it into zeroising memory only.
    pub fn expose(&self) -> &[u8] {
        &self.value
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret({})", self.name)
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

/// Accepts ASCII letters, digits, `-`, `_` and `.`, so that a name can stand in any text.
pub(super) fn check_name(name: &str) -> Result<(), SecretError> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    if name.is_empty() || name.len() > SECRET_NAME_BYTES || !name.bytes().all(plain) {
        return Err(SecretError::Name);
    }
    Ok(())
}

/// Why a secret cannot be read or placed. No variant holds a value or a part of it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SecretError {
    /// The name has other characters than names can have.
    #[error(
        "invalid name of a secret; expected 1 to {SECRET_NAME_BYTES} letters, digits, `-`, `_` or `.`; \
         choose another name"
    )]
    Name,
    /// The value is empty.
    #[error("secret {name} is empty; set its value")]
    Empty {
        /// The name of the secret.
        name: Arc<str>,
    },
    /// The value is shorter than [`SECRET_MIN_BYTES`].
    #[error(
        "secret {name} has fewer than {SECRET_MIN_BYTES} bytes; responses cannot be scrubbed of so short a value; \
         use a longer one"
    )]
    TooShort {
        /// The name of the secret.
        name: Arc<str>,
    },
    /// The value is longer than [`SECRET_MAX_BYTES`].
    #[error("secret {name} has more than {SECRET_MAX_BYTES} bytes; use a shorter value")]
    TooLong {
        /// The name of the secret.
        name: Arc<str>,
    },
    /// The variable of the environment is not set.
    #[error("secret {name}: environment variable {variable} is not set; set it before you start Ringfence")]
    NoVariable {
        /// The name of the secret.
        name: Arc<str>,
        /// The variable.
        variable: String,
    },
    /// The file cannot be read.
    #[error("secret {name}: cannot read {}; check that the file exists and its permissions", path.display())]
    File {
        /// The name of the secret.
        name: Arc<str>,
        /// The file.
        path: PathBuf,
        /// The error of the system.
        source: std::io::Error,
    },
    /// The path leads to a directory, a pipe or a device.
    #[error("secret {name}: {} is not a regular file; name a file", path.display())]
    NotAFile {
        /// The name of the secret.
        name: Arc<str>,
        /// The path.
        path: PathBuf,
    },
    /// The command cannot be started or read.
    #[error("secret {name}: cannot run `{program}`; check that it is installed")]
    Command {
        /// The name of the secret.
        name: Arc<str>,
        /// The program.
        program: String,
        /// The error of the system.
        source: std::io::Error,
    },
    /// The command failed.
    #[error("secret {name}: `{program}` failed ({status}); run it by hand to see why")]
    CommandFailed {
        /// The name of the secret.
        name: Arc<str>,
        /// The program.
        program: String,
        /// How it ended.
        status: ExitStatus,
    },
    /// The name of a header or the user of a placement cannot stand in a request.
    #[error("invalid {what} in the placement of a secret; {expected}; correct the grant")]
    Placement {
        /// The part.
        what: &'static str,
        /// What the part can be.
        expected: &'static str,
    },
    /// The value for `Basic` without a user is not `USER:PASSWORD` with a password of [`SECRET_MIN_BYTES`].
    #[error(
        "secret {name} is no user and password for `Basic`; expected `USER:PASSWORD` with at least \
         {SECRET_MIN_BYTES} bytes after the colon; correct its value"
    )]
    NotAPair {
        /// The name of the secret.
        name: Arc<str>,
    },
    /// The value has bytes that a header cannot have, for example a newline.
    #[error("secret {name} cannot stand in a header: it has control characters; remove them from its value")]
    NotAHeaderValue {
        /// The name of the secret.
        name: Arc<str>,
    },
}

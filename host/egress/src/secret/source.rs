//! Reads secrets: from the environment, from files, and for the command line from commands.

use std::fmt;
use std::fs::File;
use std::io::Read;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::Deserialize;
use zeroize::Zeroizing;

use super::value::{SECRET_MAX_BYTES, Secret, SecretError, check_name};

/// Where a server reads a secret: `{ environment = "VARIABLE" }` or `{ file = "PATH" }`.
///
/// There is no variant for a command, so no server configuration can start a process.
///
/// ```
/// use ringfence_egress::secret::Source;
///
/// let source: Source = serde_json::from_str(r#"{"environment": "API_KEY"}"#)?;
/// assert!(matches!(source, Source::Environment(variable) if variable == "API_KEY"));
/// assert!(serde_json::from_str::<Source>(r#"{"command": "pass show key"}"#).is_err());
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// A variable of the environment. Its value stays in the environment of the process as well.
    Environment(String),
    /// A regular file. One newline at its end is cut.
    File(PathBuf),
}

/// Where the command line reads a secret: as a [`Source`], or from a command.
#[derive(Clone, Debug)]
pub struct CommandLineSource(Kind);

#[derive(Clone, Debug)]
enum Kind {
    Source(Source),
    Command { program: String, arguments: Vec<String> },
}

/// A secret and what is doubtful about its source.
#[derive(Debug)]
pub struct Loaded {
    /// The secret.
    pub secret: Secret,
    /// A warning for the operator.
    pub warning: Option<Warning>,
}

/// What is doubtful about the source of a secret. Its text is for the operator's log.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Warning {
    /// Other users can read the file.
    ReadableByOthers {
        /// The file.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Warning::ReadableByOthers { path, mode } => {
                write!(f, "other users can read {} (mode {mode:04o}); run `chmod 600` on it", path.display())
            }
        }
    }
}

impl Source {
    /// Reads the secret and names it. It reads the disk, so call it from a thread that can wait.
    ///
    /// # Errors
    ///
    /// [`SecretError`]; no variant has a part of the value.
    pub fn read(&self, name: &str) -> Result<Loaded, SecretError> {
        check_name(name)?;
        match self {
            Source::Environment(variable) => {
                let value = std::env::var_os(variable).ok_or_else(|| SecretError::NoVariable {
                    name: name.into(),
                    variable: variable.clone(),
                })?;
                let secret = Secret::owned(name, Zeroizing::new(value.into_vec()))?;
                Ok(Loaded { secret, warning: None })
            }
            Source::File(path) => file(name, path),
        }
    }
}

impl From<Source> for CommandLineSource {
    fn from(source: Source) -> Self {
        Self(Kind::Source(source))
    }
}

impl CommandLineSource {
    /// Runs a program and takes its standard output. Only for the command line, where the user who starts Ringfence
    /// chooses the program. No shell reads the arguments.
    pub fn command(
        program: impl Into<String>,
        arguments: impl IntoIterator<Item = impl Into<String>>,
    ) -> Self {
        let arguments = arguments.into_iter().map(Into::into).collect();
        Self(Kind::Command { program: program.into(), arguments })
    }

    /// Reads the secret and names it. It waits for a command, so call it from a thread that can wait.
    ///
    /// The standard error of a command goes to the terminal, because a command can ask for a passphrase there.
    ///
    /// # Errors
    ///
    /// [`SecretError`]; no variant has a part of the value.
    pub fn read(&self, name: &str) -> Result<Loaded, SecretError> {
        check_name(name)?;
        match &self.0 {
            Kind::Source(source) => source.read(name),
            Kind::Command { program, arguments } => {
                let secret = command(name, program, arguments)?;
                Ok(Loaded { secret, warning: None })
            }
        }
    }
}

fn file(name: &str, path: &Path) -> Result<Loaded, SecretError> {
    let failed = |source| SecretError::File { name: name.into(), path: path.to_owned(), source };
    // Without `O_NONBLOCK`, opening a pipe waits for a writer.
    let file = File::options().read(true).custom_flags(NONBLOCK).open(path).map_err(failed)?;
    let metadata = file.metadata().map_err(failed)?;
    if !metadata.is_file() {
        return Err(SecretError::NotAFile { name: name.into(), path: path.to_owned() });
    }
    let mode = metadata.permissions().mode() & 0o7777;
    let warning = (mode & 0o044 != 0).then(|| Warning::ReadableByOthers { path: path.to_owned(), mode });
    let value = bounded(file).map_err(failed)?;
    Ok(Loaded { secret: Secret::owned(name, value)?, warning })
}

#[cfg(target_os = "linux")]
const NONBLOCK: i32 = 0o4000;
#[cfg(not(target_os = "linux"))]
const NONBLOCK: i32 = 0x4;

fn command(name: &str, program: &str, arguments: &[String]) -> Result<Secret, SecretError> {
    let failed = |source| SecretError::Command { name: name.into(), program: program.into(), source };
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(failed)?;
    let read = match child.stdout.take() {
        Some(output) => bounded(output),
        None => Ok(Zeroizing::default()),
    };
    if !matches!(&read, Ok(value) if value.len() <= SECRET_MAX_BYTES) {
        // It may write without end. An error means that it has ended already.
        drop(child.kill());
    }
    let status = child.wait().map_err(failed)?;
    let value = read.map_err(failed)?;
    if !status.success() && value.len() <= SECRET_MAX_BYTES {
        return Err(SecretError::CommandFailed { name: name.into(), program: program.into(), status });
    }
    Secret::owned(name, value)
}

/// Reads a little more than a secret can have, and cuts one newline at the end.
///
/// The buffer has its final capacity from the start, because one that grows leaves copies behind.
fn bounded(from: impl Read) -> Result<Zeroizing<Vec<u8>>, std::io::Error> {
    // A longest value, a newline of two bytes, and one byte that shows that there is more.
    const MOST: usize = SECRET_MAX_BYTES + 3;
    let mut buffer = Zeroizing::new(vec![0; MOST]);
    let mut length = 0usize;
    let mut from = from;
    while let Some(rest) = buffer.get_mut(length..).filter(|rest| !rest.is_empty()) {
        match from.read(rest) {
            Ok(0) => break,
            Ok(read) => length = length.saturating_add(read),
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    let read = buffer.get(..length).unwrap_or_default();
    let value = match read.strip_suffix(b"\n") {
        Some(line) => line.strip_suffix(b"\r").unwrap_or(line),
        None => read,
    };
    Ok(Zeroizing::new(value.to_vec()))
}

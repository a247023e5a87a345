//! Runs another program for its result. Shows its output at once, or if the program fails.

use std::ffi::OsStr;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::BuildOptions;
use crate::error::AuthorError;

/// Maximum bytes kept of the standard output.
const OUTPUT: u64 = 64 << 20;

/// Maximum bytes shown of a failed tool's output.
const SHOWN: usize = 8 << 10;

/// A program of the language's tools.
pub(super) struct Tool {
    command: Command,
    options: BuildOptions,
    /// Whether its standard output is for a program, not for people.
    for_machine: bool,
}

impl Tool {
    pub(super) fn new(program: impl AsRef<OsStr>, dir: &Path, options: BuildOptions) -> Self {
        let mut command = Command::new(program);
        command.current_dir(dir).stdin(Stdio::null());
        Self { command, options, for_machine: false }
    }

    pub(super) fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.command.arg(arg);
        self
    }

    pub(super) fn args<S: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = S>) -> Self {
        self.command.args(args);
        self
    }

    pub(super) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Hides the standard output, which a program reads.
    pub(super) fn for_machine(mut self) -> Self {
        self.for_machine = true;
        self
    }

    /// Runs the program, and returns at most [`OUTPUT`] bytes of its standard output.
    pub(super) fn run(mut self) -> Result<Vec<u8>, AuthorError> {
        let shown = self.shown();
        let failed = |status: String, output: &[u8]| AuthorError::ToolFailed {
            command: shown.clone(),
            status,
            output: tail(output),
        };
        let spawned = self.command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let mut child = spawned.map_err(|error| failed(error.to_string(), &[]))?;
        let verbose = self.options.verbose;
        let errors = child.stderr.take();
        // Both are read at once, or a tool that fills one waits for ever.
        let errors = std::thread::spawn(move || {
            let mut kept = Vec::new();
            let mut buffer = [0; 4096];
            let mut errors = errors;
            while let Some(count) = errors.as_mut().and_then(|errors| errors.read(&mut buffer).ok()) {
                let Some(read) = buffer.get(..count).filter(|read| !read.is_empty()) else { break };
                if verbose {
                    let _ = std::io::stderr().write_all(read);
                }
                kept.extend_from_slice(read);
                // The end of it is what is shown.
                let surplus = kept.len().saturating_sub(SHOWN.saturating_mul(2));
                kept.drain(..surplus);
            }
            kept
        });
        let mut output = Vec::new();
        if let Some(mut stdout) = child.stdout.take() {
            let _ = stdout.by_ref().take(OUTPUT).read_to_end(&mut output);
            // The rest is read and dropped, or the tool would wait for a reader.
            let _ = std::io::copy(&mut stdout, &mut std::io::sink());
        }
        let shown = if self.for_machine { &[][..] } else { &*output };
        if verbose {
            let _ = std::io::stderr().write_all(shown);
        }
        let status = child.wait().map_err(|error| failed(error.to_string(), &[]))?;
        let errors = errors.join().unwrap_or_default();
        if !status.success() {
            return Err(failed(status.to_string(), &[shown, &*errors].concat()));
        }
        Ok(output)
    }

    /// Returns the command line.
    fn shown(&self) -> String {
        let word = |word: &OsStr| {
            let word = word.to_string_lossy();
            if word.len() > 80 || word.contains('\n') { "…".to_owned() } else { word.into_owned() }
        };
        let words: Vec<String> =
            std::iter::once(self.command.get_program()).chain(self.command.get_args()).map(word).collect();
        words.join(" ")
    }
}

/// Returns the end of an output, on a new line.
fn tail(output: &[u8]) -> String {
    let from = output.len().saturating_sub(SHOWN);
    let text = String::from_utf8_lossy(output.get(from..).unwrap_or_default());
    // componentize-py ends with its own frames, which say nothing to an author.
    let text = text.split("\nStack backtrace").next().unwrap_or_default().trim().to_owned();
    if text.is_empty() { text } else { format!("\n{text}") }
}

/// Finds a program by name: in one of `first`, or else on the path.
pub(super) fn find(name: &str, first: &[PathBuf]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut dirs = first.iter().cloned().chain(std::env::split_paths(&path));
    let found = dirs.find_map(|dir| Some(dir.join(name)).filter(|file| is_program(file)))?;
    // It is run in another folder than this.
    std::path::absolute(found).ok()
}

#[cfg(unix)]
fn is_program(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    file.metadata().is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn is_program(file: &Path) -> bool {
    file.is_file()
}

//! Output: data on stdout, everything else on stderr, and guest text made safe for a terminal.

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};

use ringfence::text;
use serde::Serialize;
use serde_json::{Value, json};

use crate::exit;

/// Why a command ends without a run.
#[derive(Debug)]
pub(crate) struct Refused {
    pub(crate) exit: u8,
    pub(crate) code: &'static str,
    pub(crate) message: String,
    pub(crate) pointer: Option<String>,
    /// All reasons, if there can be several: code and message.
    pub(crate) reasons: Vec<(&'static str, String)>,
}

impl Refused {
    pub(crate) fn fault(message: String) -> Self {
        Self { exit: exit::FAULT, code: "host-fault", message, pointer: None, reasons: Vec::new() }
    }

    /// A file cannot be written.
    pub(crate) fn unwritten(path: &Path, error: &std::io::Error) -> Self {
        Self { code: "io", ..Self::fault(format!("cannot write {}: {error}", path.display())) }
    }

    /// Prints it, on stdout as JSON or on stderr as text.
    pub(crate) fn say(self, as_json: bool) -> ExitCode {
        if as_json {
            let mut object = serde_json::Map::new();
            object.insert("error".into(), self.code.into());
            object.insert("message".into(), self.message.into());
            if let Some(pointer) = self.pointer {
                object.insert("pointer".into(), pointer.into());
            }
            if !self.reasons.is_empty() {
                let reasons =
                    self.reasons.iter().map(|(code, message)| json!({"error": code, "message": message}));
                object.insert("reasons".into(), reasons.collect());
            }
            print_json(&object);
        } else if self.reasons.len() > 1 {
            note(&format!("error: the skill was refused for {} reasons:", self.reasons.len()));
            for (code, message) in &self.reasons {
                note(&format!("  - {message} [{code}]"));
            }
        } else {
            note(&format!("error: {} [{}]", self.message, self.code));
        }
        ExitCode::from(self.exit)
    }
}

/// The host failed.
pub(crate) fn fault(as_json: bool, message: &str) -> ExitCode {
    Refused::fault(message.to_owned()).say(as_json)
}

/// Prints data as JSON. Characters that could act on a terminal are escaped, which changes no value.
pub(crate) fn print_json(value: &impl Serialize) {
    let text = serde_json::to_string_pretty(value)
        .unwrap_or_else(|error| Value::from(error.to_string()).to_string());
    print(&escape(&text));
}

/// Some data could not be written.
static LOST: AtomicBool = AtomicBool::new(false);

/// The exit code, or that of a failed host when data was lost.
pub(crate) fn exit(code: ExitCode) -> ExitCode {
    if LOST.load(Ordering::Relaxed) { ExitCode::from(exit::FAULT) } else { code }
}

/// Prints a line of data.
pub(crate) fn print(line: &str) {
    let mut stdout = std::io::stdout();
    let written = writeln!(stdout, "{line}").and_then(|()| stdout.flush());
    // A closed pipe is the reader's wish; anything else is data lost.
    if let Err(error) = written
        && error.kind() != std::io::ErrorKind::BrokenPipe
        && !LOST.swap(true, Ordering::Relaxed)
    {
        note(&format!("error: cannot write to standard output: {error} [cannot-write]"));
    }
}

/// Prints a line for the person at the terminal.
pub(crate) fn note(line: &str) {
    let line: String =
        line.chars().map(|c| if c != '\n' && text::is_unsafe(c) { '\u{FFFD}' } else { c }).collect();
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// In JSON such characters stand only inside strings, where `\u` escapes mean the same.
fn escape(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        if c != '\n' && text::is_unsafe(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                out.push_str(&format!("\\u{unit:04x}"));
            }
        } else {
            out.push(c);
        }
    }
    out
}

/// `1234567` as `1,234,567`.
pub(crate) fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && digits.len().saturating_sub(i) % 3 == 0 {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

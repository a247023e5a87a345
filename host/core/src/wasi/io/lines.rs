//! Standard output and error: text that goes to the log, a line at a time.

use crate::limits::LOG_LINE_BYTES;
use crate::report::{Level, Source};
use crate::state::GuestState;

/// The text of stdout or stderr up to its next line break.
#[derive(Debug)]
pub(crate) struct LineBuffer {
    source: Source,
    bytes: Vec<u8>,
    /// Whether the line is longer than the log keeps.
    cut: bool,
}

impl LineBuffer {
    pub(super) fn new(source: Source) -> Self {
        Self { source, bytes: Vec::new(), cut: false }
    }

    /// Takes the line so far, if any, and empties the buffer.
    pub(super) fn take(&mut self) -> Option<Line> {
        (!self.bytes.is_empty()).then(|| self.end())
    }

    /// Takes the line so far at a line break.
    fn end(&mut self) -> Line {
        let text = String::from_utf8_lossy(&self.bytes).into_owned();
        self.bytes.clear();
        Line { source: self.source, text, cut: std::mem::take(&mut self.cut) }
    }
}

/// A printed line.
#[derive(Debug)]
pub(crate) struct Line {
    source: Source,
    text: String,
    cut: bool,
}

impl Line {
    pub(crate) fn log(&self, state: &mut GuestState) {
        let level = match self.source {
            Source::Stderr => Level::Warn,
            Source::Stdout | Source::Log => Level::Info,
        };
        state.log(level, self.source, &self.text, self.cut);
    }
}

/// Where printed text goes.
#[derive(Debug, Clone, Copy)]
pub(in crate::wasi) enum Printer {
    Stdout,
    Stderr,
}

/// Appends printed text to the log, a line at a time.
pub(super) fn print(state: &mut GuestState, printer: Printer, bytes: &[u8]) {
    let mut lines = bytes.split(|byte| *byte == b'\n').peekable();
    while let Some(line) = lines.next() {
        let buffer = match printer {
            Printer::Stdout => &mut state.wasi.io.stdout,
            Printer::Stderr => &mut state.wasi.io.stderr,
        };
        let room = LOG_LINE_BYTES.saturating_sub(buffer.bytes.len()).min(line.len());
        buffer.bytes.extend_from_slice(line.get(..room).unwrap_or_default());
        buffer.cut |= line.len() > room;
        // What comes before another piece was ended by a line break.
        if lines.peek().is_some() {
            let line = buffer.end();
            line.log(state);
        }
    }
}

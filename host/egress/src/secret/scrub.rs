//! Replaces secrets in texts, headers and streams.
//!
//! One automaton has the needles of all secrets: values, hex, base64. It reads the input as it is and through
//! [`Views`] that undo escapes. So every mixture of escaped and plain characters is found, not only what one encoder
//! writes.

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;

use super::automaton::Automaton;
use super::needles::needles;
use super::placement::Placement;
use super::value::{SECRET_MIN_BYTES, Secret};
use super::view::{Range, Views};

/// Replaces secrets with `[secret NAME]`, whatever their length.
///
/// It finds, without regard to ASCII case:
///
/// - the value, also with any of its characters percent-encoded (once or twice), escaped as in JSON (once or twice)
///   or as in HTML, and in some mixtures of these
/// - hex, and base64 in all three alignments and both alphabets; these also with the escapes above, and wrapped into
///   lines. The characters of base64 at the ends of a value, which its neighbours decide as well, stay.
/// - base64 of base64, for values of up to 256 bytes; bytes one by one as in an array, decimal or hex, for values of up to
///   4 KiB
/// - for `Basic`, the whole value with the user, and the password alone
/// - for a query, also hex and base64 of the percent-encoded value
/// - a value in UTF-16, or read as Latin-1 and written as UTF-8
/// - the beginning of a value that the end of the input cuts off, if it is half of the value and has 8 characters
///
/// It does not find parts of a value elsewhere, and not what a server computes from a value: other encodings, hashes,
/// compressed or reversed text. A server that wants to pass a secret on can; grant secrets to servers that you trust.
///
/// Memory does not depend on the input: it is a small multiple of the longest encoding. The automaton is overwritten
/// when it is dropped. A byte of text costs some nanoseconds; a byte of nothing but escapes costs up to ten times as
/// much.
#[derive(Clone, Debug)]
pub struct Scrubber {
    inner: Option<Arc<Inner>>,
}

#[derive(Debug)]
struct Inner {
    automaton: Automaton,
    names: Vec<Arc<str>>,
}

impl Scrubber {
    /// Returns a scrubber of these secrets. Without secrets it passes everything as it is.
    pub fn new<'a>(secrets: impl IntoIterator<Item = &'a Secret>) -> Self {
        Self::build(secrets.into_iter().map(|secret| (secret, None)))
    }

    /// Returns a scrubber of these secrets, which also replaces the whole value of `Basic` with its user, and encodings
    /// of the query in which a secret was sent.
    pub fn placed<'a>(secrets: impl IntoIterator<Item = (&'a Secret, &'a Placement)>) -> Self {
        Self::build(secrets.into_iter().map(|(secret, placement)| (secret, Some(placement))))
    }

    fn build<'a>(secrets: impl Iterator<Item = (&'a Secret, Option<&'a Placement>)>) -> Self {
        let mut names = Vec::new();
        let mut all = Vec::new();
        for (secret, placement) in secrets {
            let index = u32::try_from(names.len()).unwrap_or(u32::MAX);
            names.push(secret.shared_name());
            all.extend(needles(secret, placement).into_iter().map(|needle| (needle, index)));
        }
        let inner = (!names.is_empty()).then(|| Arc::new(Inner { automaton: Automaton::new(&all), names }));
        Self { inner }
    }

    /// Returns a scrubber of one body. The length of the body can change: drop its `Content-Length`.
    pub fn stream(&self) -> ScrubStream {
        ScrubStream {
            inner: self.inner.clone(),
            views: Views::new(),
            held: Vec::new(),
            done: 0,
            found: Vec::new(),
        }
    }

    /// Scrubs a text, for example an error or a line of a log.
    pub fn text<'a>(&self, text: &'a str) -> Cow<'a, str> {
        match self.header_value(text.as_bytes()) {
            Cow::Borrowed(_) => Cow::Borrowed(text),
            // A needle can be any bytes, so a cut can split a character.
            Cow::Owned(bytes) => Cow::Owned(String::from_utf8_lossy(&bytes).into_owned()),
        }
    }

    /// Scrubs the value of a header, or any bytes that are in memory.
    pub fn header_value<'a>(&self, value: &'a [u8]) -> Cow<'a, [u8]> {
        let mut stream = self.stream();
        if stream.inner.is_none() {
            return Cow::Borrowed(value);
        }
        stream.scan(value);
        stream.end();
        if stream.found.is_empty() {
            return Cow::Borrowed(value);
        }
        stream.held.extend_from_slice(value);
        let end = stream.views.position();
        Cow::Owned(stream.settle(end))
    }
}

/// Scrubs a body that comes in chunks.
#[derive(Debug)]
pub struct ScrubStream {
    inner: Option<Arc<Inner>>,
    views: Views,
    /// The bytes from `done` on.
    held: Vec<u8>,
    /// How many bytes of the input went out or were replaced.
    done: u64,
    found: Vec<Range>,
}

impl ScrubStream {
    /// Takes a chunk and returns what can go out. Bytes that can be the beginning of a secret stay until more comes.
    pub fn push(&mut self, chunk: Bytes) -> Bytes {
        if self.inner.is_none() || chunk.is_empty() {
            return chunk;
        }
        let before = self.views.position();
        self.scan(&chunk);
        let safe = self.views.safe();
        if self.found.is_empty() && self.done == before && safe == self.views.position() {
            // Nothing is held, and nothing must be.
            self.done = safe;
            return chunk;
        }
        self.held.extend_from_slice(&chunk);
        self.settle(safe).into()
    }

    /// Returns what was held back. Call it after the last chunk, also if the body was cut off.
    pub fn finish(mut self) -> Bytes {
        self.end();
        self.settle(self.views.position()).into()
    }

    fn scan(&mut self, chunk: &[u8]) {
        if let Some(inner) = &self.inner {
            self.views.read(&inner.automaton, chunk, &mut self.found);
        }
    }

    /// The end of the input: a needle that it cuts off is as good as a whole one.
    fn end(&mut self) {
        let Some(inner) = &self.inner else { return };
        let mut begun = self.views.begun();
        self.views.finish(&inner.automaton, &mut self.found);
        // The end can cut an escape as well. It can end what was begun, or be plain text that goes on with it.
        begun.extend(self.views.begun());
        for (begin, state) in begun {
            let seen = inner.automaton.depth(state);
            let needle = inner.automaton.begun(state);
            // A whole one is found already, and blanks behind it are not part of it.
            if (SECRET_MIN_BYTES..needle.length).contains(&seen) && seen >= needle.length / 2 {
                self.found.push(Range { begin, end: self.views.position(), secret: needle.secret });
            }
        }
    }

    #[cfg(test)]
    pub(super) fn held_bytes(&self) -> usize {
        self.held.len().max(self.views.longest())
    }

    /// Returns the input up to `safe`, with secrets replaced. Nothing that comes can change it.
    fn settle(&mut self, safe: u64) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.held.len());
        let base = self.done;
        let mut found = std::mem::take(&mut self.found);
        found.sort_unstable();
        for range in found {
            if range.begin >= safe {
                self.found.push(range);
            } else if range.begin < self.done {
                // It overlaps one that is replaced already.
                self.done = self.done.max(range.end);
            } else {
                out.extend_from_slice(between(&self.held, base, self.done, range.begin));
                let name = self.inner.as_ref().and_then(|inner| inner.names.get(range.secret));
                out.extend_from_slice(b"[secret ");
                out.extend_from_slice(name.map(|name| name.as_bytes()).unwrap_or_default());
                out.push(b']');
                self.done = range.end;
            }
        }
        if self.done < safe {
            out.extend_from_slice(between(&self.held, base, self.done, safe));
            self.done = safe;
        }
        let gone = usize::try_from(self.done.saturating_sub(base)).unwrap_or(usize::MAX).min(self.held.len());
        self.held.drain(..gone);
        out
    }
}

/// The bytes of `held`, which begins at `base`, from one offset of the input to another one.
fn between(held: &[u8], base: u64, from: u64, to: u64) -> &[u8] {
    let index = |offset: u64| usize::try_from(offset.saturating_sub(base)).unwrap_or(usize::MAX);
    held.get(index(from)..index(to)).unwrap_or_default()
}

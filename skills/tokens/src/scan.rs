//! Cuts a text into the pieces that a vocabulary is applied to, as the patterns of the encodings say, in linear time.
//!
//! The patterns are small regular expressions with a look-ahead. Compiling them costs more than most calls do, so each
//! is written out here, in the order of its alternatives; the tests hold both against the published patterns.

/// Which pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pattern {
    /// `'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s`
    Cl100k,
    /// Words as capitals and small letters, with their contraction; then as above, with `/` after punctuation.
    O200k,
}

/// The end of the piece that starts at `at`, which is a character boundary of `text` before its end.
pub(crate) fn piece_end(text: &str, at: usize, pattern: Pattern) -> usize {
    let scan = Scan { text, bytes: text.as_bytes() };
    let word = match pattern {
        Pattern::Cl100k => scan.contraction(at).or_else(|| scan.word(at)),
        Pattern::O200k => scan.cased_word(at),
    };
    word.or_else(|| scan.number(at))
        .or_else(|| scan.punctuation(at, pattern))
        .or_else(|| scan.space(at))
        // Every character is in one of the classes above; without progress the caller would not end.
        .unwrap_or_else(|| scan.at(at).map_or(text.len(), |(_, next)| next))
}

/// What the patterns tell apart; the numbers are those that `build.rs` writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    Other,
    Upper,
    Lower,
    /// A letter without case.
    Letter,
    Mark,
    Number,
    Space,
}

impl Class {
    fn is_letter(self) -> bool {
        matches!(self, Self::Upper | Self::Lower | Self::Letter)
    }

    /// In the class of capitals of a cased word.
    fn starts_word(self) -> bool {
        matches!(self, Self::Upper | Self::Letter | Self::Mark)
    }

    /// In the class of small letters of a cased word.
    fn ends_word(self) -> bool {
        matches!(self, Self::Lower | Self::Letter | Self::Mark)
    }

    fn is_punctuation(self) -> bool {
        matches!(self, Self::Other | Self::Mark)
    }
}

const INDEX: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/classes.index"));
const BLOCKS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/classes.blocks"));

/// The classes of ASCII, which most of most texts is.
#[expect(clippy::indexing_slicing, reason = "it is computed by the compiler, which would stop")]
static ASCII: [Class; 128] = {
    let mut classes = [Class::Other; 128];
    let mut code = 0;
    while code < 128 {
        classes[code] = class(BLOCKS[((INDEX[0] as usize) << 8) | code]);
        code += 1;
    }
    classes
};

const fn class(number: u8) -> Class {
    match number {
        1 => Class::Upper,
        2 => Class::Lower,
        3 => Class::Letter,
        4 => Class::Mark,
        5 => Class::Number,
        6 => Class::Space,
        _ => Class::Other,
    }
}

fn class_of(code: u32) -> Class {
    let block = INDEX.get((code >> 8) as usize).copied().unwrap_or_default();
    let number = BLOCKS.get((usize::from(block) << 8) | (code & 0xFF) as usize);
    class(number.copied().unwrap_or_default())
}

struct Scan<'a> {
    text: &'a str,
    bytes: &'a [u8],
}

impl Scan<'_> {
    /// The class of the character at `at` and where the next one starts; nothing at the end.
    #[inline]
    fn at(&self, at: usize) -> Option<(Class, usize)> {
        let byte = *self.bytes.get(at)?;
        if let Some(class) = ASCII.get(usize::from(byte)) {
            return Some((*class, at.wrapping_add(1)));
        }
        let c = self.text.get(at..)?.chars().next()?;
        Some((class_of(u32::from(c)), at.wrapping_add(c.len_utf8())))
    }

    fn is_newline(&self, at: usize) -> bool {
        matches!(self.bytes.get(at), Some(b'\r' | b'\n'))
    }

    /// Where the run of characters that are `wanted` ends.
    fn run(&self, mut at: usize, wanted: impl Fn(Class) -> bool) -> usize {
        while let Some((class, next)) = self.at(at)
            && wanted(class)
        {
            at = next;
        }
        at
    }

    /// `'(?i:[sdmt]|ll|ve|re)`
    fn contraction(&self, at: usize) -> Option<usize> {
        if self.bytes.get(at) != Some(&b'\'') {
            return None;
        }
        let rest = self.bytes.get(at.wrapping_add(1)..)?;
        let length = match rest.first()?.to_ascii_lowercase() {
            b's' | b'd' | b'm' | b't' => 1,
            // The long s, which differs from s only in case.
            0xC5 if rest.get(1) == Some(&0xBF) => 2,
            b'l' if rest.get(1)?.eq_ignore_ascii_case(&b'l') => 2,
            b'v' | b'r' if rest.get(1)?.eq_ignore_ascii_case(&b'e') => 2,
            _ => return None,
        };
        Some(at.wrapping_add(1).wrapping_add(length))
    }

    /// Where a word may start: after one character that is neither letter nor number nor line end.
    fn after_prefix(&self, at: usize) -> Option<usize> {
        let (class, next) = self.at(at)?;
        (!class.is_letter() && class != Class::Number && !self.is_newline(at)).then_some(next)
    }

    /// `[^\r\n\p{L}\p{N}]?\p{L}+`
    fn word(&self, at: usize) -> Option<usize> {
        let start = self.after_prefix(at).unwrap_or(at);
        let end = self.run(start, Class::is_letter);
        (end > start).then_some(end)
    }

    /// The two alternatives of a word, each with and without a character before it.
    fn cased_word(&self, at: usize) -> Option<usize> {
        let prefix = self.after_prefix(at);
        let end = prefix
            .and_then(|start| self.small_word(start))
            .or_else(|| self.small_word(at))
            .or_else(|| prefix.and_then(|start| self.capital_word(start)))
            .or_else(|| self.capital_word(at))?;
        Some(self.contraction(end).unwrap_or(end))
    }

    /// `[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+`
    fn small_word(&self, start: usize) -> Option<usize> {
        let mut at = start;
        // The end of the last character that could be the one small letter that there must be.
        let mut last_uncased = None;
        while let Some((class, next)) = self.at(at)
            && class.starts_word()
        {
            at = next;
            if class.ends_word() {
                last_uncased = Some(at);
            }
        }
        let end = self.run(at, Class::ends_word);
        if end > at { Some(end) } else { last_uncased }
    }

    /// `[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+`; small letters after it would have made it a small word.
    fn capital_word(&self, start: usize) -> Option<usize> {
        let end = self.run(start, Class::starts_word);
        (end > start).then_some(end)
    }

    /// `\p{N}{1,3}`
    fn number(&self, at: usize) -> Option<usize> {
        let mut end = at;
        for _ in 0..3 {
            match self.at(end) {
                Some((Class::Number, next)) => end = next,
                _ => break,
            }
        }
        (end > at).then_some(end)
    }

    /// ` ?[^\s\p{L}\p{N}]+[\r\n]*`
    fn punctuation(&self, at: usize, pattern: Pattern) -> Option<usize> {
        let start = if self.bytes.get(at) == Some(&b' ') { at.wrapping_add(1) } else { at };
        let mut end = self.run(start, Class::is_punctuation);
        if end == start {
            return None;
        }
        while self.is_newline(end) || (pattern == Pattern::O200k && self.bytes.get(end) == Some(&b'/')) {
            end = end.wrapping_add(1);
        }
        Some(end)
    }

    /// `\s*[\r\n]+|\s+(?!\S)|\s`
    fn space(&self, at: usize) -> Option<usize> {
        let mut end = at;
        let mut last = at;
        let mut after_newline = None;
        while let Some((Class::Space, next)) = self.at(end) {
            if self.is_newline(end) {
                after_newline = Some(next);
            }
            last = end;
            end = next;
        }
        match after_newline {
            Some(end) => Some(end),
            None if end == at => None,
            // The last one belongs to what follows, if there is another and something follows.
            None if end < self.bytes.len() && last > at => Some(last),
            None => Some(end),
        }
    }
}

//! Undoes escapes in a stream of bytes, and keeps for each byte where it stood in the input.
//!
//! Whatever is no escape passes as it is, so a decoder can read any text.

/// A byte and the part of the input that it stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(super) struct Item {
    pub(super) byte: u8,
    pub(super) start: u64,
    pub(super) end: u64,
}

/// What a decoder undoes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// `%41` and `%u0041`.
    Percent,
    /// Escapes of JSON and of programming languages: `\n`, `\/`, `\u0041`, surrogate pairs, `\u{41}`,
    /// `\U00000041`, `\x41`, `\101`.
    Backslash,
    /// `&lt;`, `&#65;`, `&#x41;`.
    Html,
    /// Spaces, line breaks and NUL between characters, as in wrapped base64 and in UTF-16. More than [`BLANKS`] in a
    /// row pass, so that nobody can make a stream hold more and more.
    Blank,
}

/// The most blanks in a row that [`Kind::Blank`] drops.
pub(super) const BLANKS: u8 = 8;

/// The longest escape: a surrogate pair.
const LONGEST: usize = 12;

/// An escape that has begun.
#[derive(Clone, Copy, Debug, Default)]
struct Pending {
    items: [Item; LONGEST],
    length: usize,
}

impl Pending {
    fn push(&mut self, item: Item) {
        if let Some(slot) = self.items.get_mut(self.length) {
            *slot = item;
            self.length = self.length.saturating_add(1);
        }
    }

    fn items(&self) -> &[Item] {
        self.items.get(..self.length).unwrap_or_default()
    }
}

enum Parsed {
    More,
    No,
    Done(char),
    /// A byte that need not be a character.
    Byte(u8),
}

/// Undoes one kind of escape.
#[derive(Clone, Copy, Debug)]
pub(super) struct Decoder {
    kind: Kind,
    pending: Pending,
    blanks: u8,
}

impl Decoder {
    pub(super) fn new(kind: Kind) -> Self {
        Self { kind, pending: Pending::default(), blanks: 0 }
    }

    /// Forgets blanks and escapes.
    pub(super) fn reset(&mut self) {
        (self.pending.length, self.blanks) = (0, 0);
    }

    /// Takes a byte and hands on what is decoded by it.
    pub(super) fn feed(&mut self, item: Item, out: &mut dyn FnMut(Item)) {
        if self.pending.length == 0 {
            match (self.kind, item.byte) {
                (Kind::Percent, b'%') | (Kind::Backslash, b'\\') | (Kind::Html, b'&') => {
                    self.pending.push(item)
                }
                (Kind::Blank, byte) if blank(byte) => {
                    if self.blanks < BLANKS {
                        self.blanks = self.blanks.saturating_add(1);
                    } else {
                        out(item);
                    }
                }
                _ => {
                    self.blanks = 0;
                    out(item);
                }
            }
            return;
        }
        self.pending.push(item);
        let mut bytes = [0u8; LONGEST];
        for (byte, item) in bytes.iter_mut().zip(self.pending.items()) {
            *byte = item.byte;
        }
        let bytes = bytes.get(..self.pending.length).unwrap_or_default();
        let parsed = match self.kind {
            Kind::Percent => percent(bytes),
            Kind::Backslash => backslash(bytes),
            Kind::Html => html(bytes),
            Kind::Blank => Parsed::No,
        };
        match parsed {
            Parsed::More if bytes.len() < LONGEST => {}
            Parsed::More | Parsed::No => self.give_up(out),
            Parsed::Done(char) => {
                let mut buffer = [0; 4];
                let text = char.encode_utf8(&mut buffer);
                self.emit(text.as_bytes(), item.end, out);
            }
            Parsed::Byte(byte) => self.emit(&[byte], item.end, out),
        }
    }

    fn emit(&mut self, bytes: &[u8], end: u64, out: &mut dyn FnMut(Item)) {
        let start = self.held().unwrap_or(end);
        self.pending.length = 0;
        for &byte in bytes {
            out(Item { byte, start, end });
        }
    }

    /// The first byte began no escape: hands it on and reads the others again.
    fn give_up(&mut self, out: &mut dyn FnMut(Item)) {
        let pending = self.pending;
        self.pending.length = 0;
        if let Some((first, rest)) = pending.items().split_first() {
            out(*first);
            for item in rest {
                self.feed(*item, out);
            }
        }
    }

    /// Hands on an escape that the end of the input cuts off.
    pub(super) fn finish(&mut self, out: &mut dyn FnMut(Item)) {
        while self.pending.length > 0 {
            self.give_up(out);
        }
    }

    /// Where the escape that has begun stands in the input.
    pub(super) fn held(&self) -> Option<u64> {
        self.pending.items().first().map(|item| item.start)
    }
}

/// Whether [`Kind::Blank`] drops a byte.
pub(super) fn blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | 0)
}

/// The number that digits write. No digits are 0, and a digit of another base or too many are none.
fn number(digits: &[u8], radix: u32) -> Option<u32> {
    digits.iter().try_fold(0u32, |sum, digit| {
        let digit = char::from(*digit).to_digit(radix)?;
        sum.checked_mul(radix)?.checked_add(digit)
    })
}

fn hex(digits: &[u8]) -> Option<u32> {
    number(digits, 16)
}

/// A byte of so many digits: `41` in `%41` and `\x41`, `101` in `\101`.
fn byte(digits: &[u8], radix: u32, length: usize) -> Parsed {
    match number(digits, radix).map(u8::try_from) {
        Some(Ok(byte)) if digits.len() == length => Parsed::Byte(byte),
        Some(Ok(_)) => Parsed::More,
        Some(Err(_)) | None => Parsed::No,
    }
}

fn percent(bytes: &[u8]) -> Parsed {
    match bytes {
        [_, b'u', digits @ ..] => point(digits, 4),
        bytes => byte(bytes.get(1..).unwrap_or_default(), 16, 2),
    }
}

/// A code point of so many hex digits.
fn point(digits: &[u8], length: usize) -> Parsed {
    match hex(digits) {
        None => Parsed::No,
        Some(_) if digits.len() < length => Parsed::More,
        Some(point) => char::from_u32(point).map_or(Parsed::No, Parsed::Done),
    }
}

/// `\u{41}`, from the first digit on.
fn braced(digits: &[u8]) -> Parsed {
    match digits.split_last() {
        None => Parsed::More,
        Some((b'}', digits)) if !digits.is_empty() => point(digits, digits.len()),
        Some(_) if digits.len() <= 6 && hex(digits).is_some() => Parsed::More,
        Some(_) => Parsed::No,
    }
}

fn backslash(bytes: &[u8]) -> Parsed {
    match bytes {
        [_, b'x', digits @ ..] => byte(digits, 16, 2),
        [_, b'u', b'{', digits @ ..] => braced(digits),
        [_, b'u', digits @ ..] => unicode(digits),
        [_, b'U', digits @ ..] => point(digits, 8),
        [_, digits @ ..] if matches!(digits, [b'0'..=b'7', ..]) => byte(digits, 8, 3),
        [_, b'b'] => Parsed::Done('\u{8}'),
        [_, b'f'] => Parsed::Done('\u{c}'),
        [_, b'n'] => Parsed::Done('\n'),
        [_, b'r'] => Parsed::Done('\r'),
        [_, b't'] => Parsed::Done('\t'),
        [_, same @ (b'"' | b'\'' | b'\\' | b'/')] => Parsed::Byte(*same),
        _ => Parsed::No,
    }
}

fn unicode(digits: &[u8]) -> Parsed {
    let (unit, rest) = digits.split_at_checked(4).unwrap_or((digits, &[]));
    let Some(high) = hex(unit) else { return Parsed::No };
    if unit.len() < 4 {
        return Parsed::More;
    }
    if let Some(char) = char::from_u32(high) {
        return Parsed::Done(char);
    }
    // A surrogate: the second one must follow.
    if !(0xd800..0xdc00).contains(&high) {
        return Parsed::No;
    }
    match rest {
        [] | [b'\\'] => Parsed::More,
        [b'\\', b'u', digits @ ..] => match hex(digits) {
            None => Parsed::No,
            Some(_) if digits.len() < 4 => Parsed::More,
            Some(low) => {
                let units = [high, low].map(|unit| u16::try_from(unit).unwrap_or_default());
                match char::decode_utf16(units).next() {
                    Some(Ok(char)) => Parsed::Done(char),
                    Some(Err(_)) | None => Parsed::No,
                }
            }
        },
        _ => Parsed::No,
    }
}

fn html(bytes: &[u8]) -> Parsed {
    let Some((last, name)) = bytes.get(1..).and_then(<[u8]>::split_last) else { return Parsed::More };
    if *last != b';' {
        return if last.is_ascii_alphanumeric() || *last == b'#' { Parsed::More } else { Parsed::No };
    }
    let number = match name {
        [b'#', b'x' | b'X', digits @ ..] if !digits.is_empty() => hex(digits),
        [b'#', digits @ ..] => std::str::from_utf8(digits).ok().and_then(|digits| digits.parse().ok()),
        name => named(name).map(u32::from),
    };
    number.and_then(char::from_u32).map_or(Parsed::No, Parsed::Done)
}

/// The names of ASCII characters.
fn named(name: &[u8]) -> Option<char> {
    Some(match name {
        b"amp" | b"AMP" => '&',
        b"lt" | b"LT" => '<',
        b"gt" | b"GT" => '>',
        b"quot" | b"QUOT" => '"',
        b"apos" => '\'',
        b"sol" => '/',
        b"bsol" => '\\',
        b"plus" => '+',
        b"equals" => '=',
        b"num" => '#',
        b"dollar" => '$',
        b"percnt" => '%',
        b"commat" => '@',
        b"colon" => ':',
        b"semi" => ';',
        b"comma" => ',',
        b"period" => '.',
        b"excl" => '!',
        b"quest" => '?',
        b"ast" => '*',
        b"lpar" => '(',
        b"rpar" => ')',
        b"lsqb" | b"lbrack" => '[',
        b"rsqb" | b"rbrack" => ']',
        b"lcub" | b"lbrace" => '{',
        b"rcub" | b"rbrace" => '}',
        b"verbar" | b"vert" => '|',
        b"lowbar" => '_',
        b"Hat" => '^',
        b"grave" => '`',
        b"Tab" => '\t',
        b"NewLine" => '\n',
        _ => return None,
    })
}

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects, reason = "a test may fail at any line")]
mod tests {
    use super::*;

    fn decoded(kind: Kind, text: &str) -> String {
        let mut decoder = Decoder::new(kind);
        let mut out = Vec::new();
        let mut end = 0;
        for (start, byte) in text.bytes().enumerate() {
            let start = start as u64;
            decoder.feed(Item { byte, start, end: start + 1 }, &mut |item| out.push(item));
        }
        decoder.finish(&mut |item| out.push(item));
        for item in &out {
            assert!(item.start < item.end && item.end <= text.len() as u64);
            assert!(item.start >= end || item.end == end, "{item:?}");
            end = item.end;
        }
        String::from_utf8_lossy(&out.iter().map(|item| item.byte).collect::<Vec<_>>()).into_owned()
    }

    #[test]
    fn escapes_are_undone() {
        assert_eq!(decoded(Kind::Percent, "a%41%6a%C3%a9"), "aAjé");
        assert_eq!(decoded(Kind::Backslash, r#"\u0041\u00e9\ud83d\ude00\n\/\"\\\x42"#), "Aé😀\n/\"\\B");
        assert_eq!(decoded(Kind::Html, "&amp;&#65;&#x42;&lt;&#128512;"), "&AB<😀");
        assert_eq!(decoded(Kind::Blank, "a b\r\nc\0d"), "abcd");
        assert_eq!(decoded(Kind::Blank, "a         b"), "a b");
    }

    #[test]
    fn escapes_of_programming_languages_are_undone() {
        assert_eq!(decoded(Kind::Backslash, r"\u{41}\u{1f600}\U0001F600\101\x41"), "A😀😀AA");
        assert_eq!(decoded(Kind::Percent, "%u0041%41%u00e9"), "AAé");
        for text in [r"\u{}", r"\u{110000}", r"\u{1234567}", r"\U0011000", r"\10", r"\400", r"\18", r"\u{4"] {
            assert_eq!(decoded(Kind::Backslash, text), text);
        }
        assert_eq!(decoded(Kind::Backslash, r"\10\101"), r"\10A");
        assert_eq!(decoded(Kind::Percent, "%u00%41"), "%u00A");
    }

    #[test]
    fn text_that_is_not_an_escape_passes_unchanged() {
        for text in ["%", "%4", "%%", "%g1", "100%", "%%4", "%4%4"] {
            assert_eq!(decoded(Kind::Percent, text), text);
        }
        for text in [r"\", r"\q", r"\u12", r"\u12g4", r"\ud83d", r"\ud83d\n"] {
            let shown = decoded(Kind::Backslash, text);
            assert_eq!(shown, text.replace(r"\n", "\n"));
        }
        assert_eq!(decoded(Kind::Backslash, r"\ud83d\u0041"), r"\ud83dA");
        assert_eq!(decoded(Kind::Backslash, r"\\u0041"), r"\u0041");
        assert_eq!(decoded(Kind::Percent, "%4%41%%41"), "%4A%A");
        for text in ["&", "&;", "&amp", "&nope;", "&#;", "&#x;", "&#xd800;", "a && b", "&abcdefghijklmnop;"] {
            assert_eq!(decoded(Kind::Html, text), text);
        }
        assert_eq!(decoded(Kind::Html, "&&amp;&a&lt;"), "&&&a<");
    }
}

//! JSON in and out, as RFC 8259 has it: what is read is nothing but JSON, and what is written is nothing but JSON.
//!
//! jaq's own reader and writer handle a superset (comments, `NaN`, byte strings, keys of any type) and recurse as
//! deep as the text does. These two refuse by name what is not JSON, and anything nested deeper than a fixed
//! depth, so that a hostile document is an error and not a stack overflow.

use core::fmt::Write;
use core::ops::RangeInclusive;

use jaq_json::{Map, Num, Rc, Val};

/// How deep a document may be nested. `[[1]]` is nested two deep.
pub(crate) const MAX_DEPTH: usize = 256;

/// How deep an output may be nested: room for a filter to wrap the deepest document.
const MAX_OUTPUT_DEPTH: usize = 2 * MAX_DEPTH;

/// Reads `text` as exactly one JSON value.
///
/// Of equal keys in an object the last one counts. Integers keep every digit, and other numbers their text.
pub(crate) fn parse(text: &str) -> Result<Val, String> {
    let mut reader = Reader { text, at: 0 };
    reader.space();
    let value = reader.value(0)?;
    reader.space();
    if reader.at < text.len() {
        return Err(reader.expected("the end of the text"));
    }
    Ok(value)
}

/// Writes `value` on one line, without spaces.
///
/// As in jq, `nan` is written `null` and an infinity as the largest number of its sign. Byte strings and keys that
/// are not strings have no form in JSON and are refused.
pub(crate) fn write(value: &Val) -> Result<String, String> {
    let mut out = String::new();
    write_value(&mut out, value, 0)?;
    Ok(out)
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl Reader<'_> {
    fn value(&mut self, depth: usize) -> Result<Val, String> {
        match self.peek() {
            Some(b'{') => self.object(depth),
            Some(b'[') => self.array(depth),
            Some(b'"') => self.string().map(Val::from),
            Some(b'-' | b'0'..=b'9') => self.number().map(Val::Num),
            Some(b't') => self.word("true", Val::Bool(true)),
            Some(b'f') => self.word("false", Val::Bool(false)),
            Some(b'n') => self.word("null", Val::Null),
            _ => Err(self.expected("a value")),
        }
    }

    fn object(&mut self, depth: usize) -> Result<Val, String> {
        self.open(depth)?;
        let mut members = Map::default();
        if self.take(b'}') {
            return Ok(Val::obj(members));
        }
        loop {
            if self.peek() != Some(b'"') {
                return Err(self.expected("a key in double quotes"));
            }
            let key = Val::from(self.string()?);
            self.space();
            if !self.take(b':') {
                return Err(self.expected("`:`"));
            }
            self.space();
            members.insert(key, self.value(depth.saturating_add(1))?);
            self.space();
            if self.take(b'}') {
                return Ok(Val::obj(members));
            }
            if !self.take(b',') {
                return Err(self.expected("`,` or `}`"));
            }
            self.space();
        }
    }

    fn array(&mut self, depth: usize) -> Result<Val, String> {
        self.open(depth)?;
        let mut items = Vec::new();
        if self.take(b']') {
            return Ok(items.into_iter().collect());
        }
        loop {
            items.push(self.value(depth.saturating_add(1))?);
            self.space();
            if self.take(b']') {
                return Ok(items.into_iter().collect());
            }
            if !self.take(b',') {
                return Err(self.expected("`,` or `]`"));
            }
            self.space();
        }
    }

    /// Steps over an opening bracket at `depth`.
    fn open(&mut self, depth: usize) -> Result<(), String> {
        if depth >= MAX_DEPTH {
            return Err(format!("nested more than {MAX_DEPTH} deep at byte {}", self.at));
        }
        self.step();
        self.space();
        Ok(())
    }

    fn string(&mut self) -> Result<String, String> {
        self.step();
        let mut out = String::new();
        loop {
            let plain = self.rest().find(|c: char| c < ' ' || c == '"' || c == '\\').unwrap_or(self.rest().len());
            out.push_str(self.rest().get(..plain).unwrap_or_default());
            self.at = self.at.saturating_add(plain);
            match self.peek() {
                Some(b'"') => {
                    self.step();
                    return Ok(out);
                }
                Some(b'\\') => out.push(self.escape()?),
                Some(_) => return Err(format!("a control character in a string at byte {}", self.at)),
                None => return Err(self.expected("a closing `\"`")),
            }
        }
    }

    fn escape(&mut self) -> Result<char, String> {
        let start = self.at;
        self.step();
        let kind = self.peek();
        self.step();
        Ok(match kind {
            Some(c @ (b'"' | b'\\' | b'/')) => char::from(c),
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => {
                let lone = || format!("half of a surrogate pair at byte {start}");
                let first = self.four_digits(start)?;
                if !HIGH_SURROGATE.contains(&first) {
                    return char::from_u32(first).ok_or_else(lone);
                }
                if !(self.take(b'\\') && self.take(b'u')) {
                    return Err(lone());
                }
                let second = self.four_digits(start)?;
                if !LOW_SURROGATE.contains(&second) {
                    return Err(lone());
                }
                // Both halves are in range, so the sum is a character beyond U+FFFF.
                char::from_u32(0x1_0000 + ((first & 0x3ff) << 10) + (second & 0x3ff)).ok_or_else(lone)?
            }
            _ => return Err(format!("no such escape at byte {start}")),
        })
    }

    fn four_digits(&mut self, start: usize) -> Result<u32, String> {
        let digits = self.rest().get(..4).filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()));
        let code = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok());
        self.at = self.at.saturating_add(4);
        code.ok_or_else(|| format!("`\\u` without four hexadecimal digits at byte {start}"))
    }

    fn number(&mut self) -> Result<Num, String> {
        let (length, kind) = number_at(self.rest());
        let text = self.rest().get(..length).unwrap_or_default().to_owned();
        self.at = self.at.saturating_add(length);
        match kind {
            Some(Number::Integer) => Num::from_str_radix(&text, 10).ok_or_else(|| self.expected("a number")),
            Some(Number::Decimal) => Ok(Num::Dec(Rc::new(text))),
            None => Err(self.expected("a digit")),
        }
    }

    fn word(&mut self, word: &str, value: Val) -> Result<Val, String> {
        if !self.rest().starts_with(word) {
            return Err(self.expected("a value"));
        }
        self.at = self.at.saturating_add(word.len());
        Ok(value)
    }

    fn space(&mut self) {
        let rest = self.rest();
        self.at = self.text.len().saturating_sub(rest.trim_start_matches([' ', '\t', '\n', '\r']).len());
    }

    fn rest(&self) -> &str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn step(&mut self) {
        self.at = self.at.saturating_add(1);
    }

    fn take(&mut self, byte: u8) -> bool {
        let there = self.peek() == Some(byte);
        if there {
            self.step();
        }
        there
    }

    fn expected(&self, what: &str) -> String {
        if self.at >= self.text.len() {
            format!("expected {what} at the end")
        } else {
            format!("expected {what} at byte {}", self.at)
        }
    }
}

const HIGH_SURROGATE: RangeInclusive<u32> = 0xd800..=0xdbff;
const LOW_SURROGATE: RangeInclusive<u32> = 0xdc00..=0xdfff;

#[derive(Debug, PartialEq, Eq)]
enum Number {
    Integer,
    Decimal,
}

/// The JSON number that `text` starts with: its length and kind. Without one, the length up to the mistake.
fn number_at(text: &str) -> (usize, Option<Number>) {
    let bytes = text.as_bytes();
    let is = |at: usize, allowed: &[u8]| bytes.get(at).is_some_and(|b| allowed.contains(b));
    let digits = |mut at: usize| {
        while bytes.get(at).is_some_and(u8::is_ascii_digit) {
            at = at.saturating_add(1);
        }
        at
    };

    let mut kind = Number::Integer;
    let start = usize::from(is(0, b"-"));
    let mut end = if is(start, b"0") { start.saturating_add(1) } else { digits(start) };
    if end == start {
        return (end, None);
    }
    if is(end, b".") {
        kind = Number::Decimal;
        let start = end.saturating_add(1);
        end = digits(start);
        if end == start {
            return (end, None);
        }
    }
    if is(end, b"eE") {
        kind = Number::Decimal;
        let sign = end.saturating_add(1);
        let start = sign.saturating_add(usize::from(is(sign, b"+-")));
        end = digits(start);
        if end == start {
            return (end, None);
        }
    }
    (end, Some(kind))
}

fn write_value(out: &mut String, value: &Val, depth: usize) -> Result<(), String> {
    if depth > MAX_OUTPUT_DEPTH {
        return Err(format!("an output is nested more than {MAX_OUTPUT_DEPTH} deep"));
    }
    match value {
        Val::Null => out.push_str("null"),
        Val::Bool(true) => out.push_str("true"),
        Val::Bool(false) => out.push_str("false"),
        Val::Num(number) => write_number(out, number),
        Val::TStr(text) => write_string(out, &String::from_utf8_lossy(text)),
        Val::BStr(_) => return Err("an output holds a byte string, which has no form in JSON".into()),
        Val::Arr(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write_value(out, item, depth.saturating_add(1))?;
            }
            out.push(']');
        }
        Val::Obj(members) => {
            out.push('{');
            for (index, (key, item)) in members.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                let Val::TStr(key) = key else {
                    return Err("an output holds an object with a key that is not a string".into());
                };
                write_string(out, &String::from_utf8_lossy(key));
                out.push(':');
                write_value(out, item, depth.saturating_add(1))?;
            }
            out.push('}');
        }
    }
    Ok(())
}

fn write_number(out: &mut String, number: &Num) {
    match number {
        Num::Int(_) | Num::BigInt(_) => push(out, format_args!("{number}")),
        Num::Float(float) => write_float(out, *float),
        // The text of a decimal from the document is JSON; one from a filter need not be (`.5`).
        Num::Dec(text) if number_at(text) == (text.len(), Some(Number::Decimal)) => out.push_str(text),
        Num::Dec(text) => write_float(out, text.parse().unwrap_or(f64::NAN)),
    }
}

/// Writes a float the shortest way that reads back equal, and a whole one without `.0`, as jq does.
fn write_float(out: &mut String, float: f64) {
    if float.is_nan() {
        return out.push_str("null");
    }
    let float = float.clamp(f64::MIN, f64::MAX);
    let size = float.abs();
    if float == 0.0 || (1e-5..1e17).contains(&size) {
        push(out, format_args!("{float}"));
    } else {
        push(out, format_args!("{float:e}"));
    }
}

fn write_string(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{0}'..='\u{1f}' | '\u{7f}' => push(out, format_args!("\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
}

fn push(out: &mut String, what: core::fmt::Arguments<'_>) {
    // Writing to a string does not fail.
    let _ = out.write_fmt(what);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round(text: &str) -> String {
        parse(text).and_then(|value| write(&value)).unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    fn error(text: &str) -> String {
        match parse(text) {
            Err(error) => error,
            Ok(value) => panic!("{text} was read as {value}"),
        }
    }

    #[test]
    fn json_is_written_as_it_was_read() {
        for text in ["null", "true", "false", "0", "-1", "\"\"", "[]", "{}", "[1,[2],{}]", r#"{"b":1,"a":[null]}"#] {
            assert_eq!(round(text), text);
        }
        assert_eq!(round(" [ 1 ,\t2\r\n] "), "[1,2]");
        assert_eq!(round(r#"{"a":1,"b":2,"a":3}"#), r#"{"a":3,"b":2}"#);
    }

    #[test]
    fn numbers_keep_their_digits() {
        for text in ["12345678901234567890123", "-9223372036854775809", "2147483648", "0.10", "1E400", "-0.0", "1e-7"] {
            assert_eq!(round(text), text);
        }
        for (float, text) in [
            (3.0, "3"),
            (-0.5, "-0.5"),
            (1e16, "10000000000000000"),
            (1e17, "1e17"),
            (1e-5, "0.00001"),
            (1e-7, "1e-7"),
            (f64::NAN, "null"),
            (f64::INFINITY, "1.7976931348623157e308"),
            (f64::NEG_INFINITY, "-1.7976931348623157e308"),
        ] {
            assert_eq!(write(&Val::from(float)).as_deref(), Ok(text));
        }
    }

    #[test]
    fn only_numbers_of_json_are_numbers() {
        for text in ["-", "1.", ".5", "1e", "1e+", "+1", "-x"] {
            assert!(error(text).starts_with("expected a "), "{text}: {}", error(text));
        }
        assert_eq!(error("01"), "expected the end of the text at byte 1");
        assert_eq!(write(&Val::Num(Num::Dec(Rc::new(".5".into())))).as_deref(), Ok("0.5"));
    }

    #[test]
    fn strings_are_unescaped_and_escaped() {
        assert_eq!(
            parse(r#""\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00""#),
            Ok(Val::from("\"\\/\u{8}\u{c}\n\r\té😀".to_owned()))
        );
        assert_eq!(round(r#""\u0001\u007f\u2028 é\n""#), "\"\\u0001\\u007f\u{2028} é\\n\"");
        assert_eq!(error(r#""\ud83d""#), "half of a surrogate pair at byte 1");
        assert_eq!(error(r#""\ud83d\u0041""#), "half of a surrogate pair at byte 1");
        assert_eq!(error(r#""\ude00""#), "half of a surrogate pair at byte 1");
        assert_eq!(error(r#""\u12g4""#), "`\\u` without four hexadecimal digits at byte 1");
        assert_eq!(error(r#""\u12é""#), "`\\u` without four hexadecimal digits at byte 1");
        assert_eq!(error(r#""\x""#), "no such escape at byte 1");
        assert_eq!(error("\"a\nb\""), "a control character in a string at byte 2");
        assert_eq!(error("\"a"), "expected a closing `\"` at the end");
    }

    #[test]
    fn text_that_is_not_json_is_refused() {
        assert_eq!(error(""), "expected a value at the end");
        assert_eq!(error("{} {}"), "expected the end of the text at byte 3");
        assert_eq!(error("[1,]"), "expected a value at byte 3");
        assert_eq!(error("{\"a\":1,}"), "expected a key in double quotes at byte 7");
        assert_eq!(error("{a:1}"), "expected a key in double quotes at byte 1");
        assert_eq!(error("{\"a\" 1}"), "expected `:` at byte 5");
        assert_eq!(error("[1 2]"), "expected `,` or `]` at byte 3");
        for superset in ["NaN", "Infinity", "# comment\n1", "b\"x\"", "{1:2}", "nul", "\u{a0}1"] {
            error(superset);
        }
    }

    #[test]
    fn depth_is_limited_both_ways() {
        let nested = |depth| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert_eq!(round(&nested(MAX_DEPTH)), nested(MAX_DEPTH));
        assert_eq!(error(&nested(MAX_DEPTH + 1)), "nested more than 256 deep at byte 256");
        assert!(error(&"[".repeat(1_000_000)).starts_with("nested more than 256 deep"));
        assert!(error(&"{\"a\":".repeat(1_000_000)).starts_with("nested more than 256 deep"));

        let wrap = |value: Val| [value].into_iter().collect::<Val>();
        let mut value = Val::Null;
        for _ in 0..MAX_OUTPUT_DEPTH {
            value = wrap(value);
        }
        assert!(write(&value).is_ok());
        assert!(write(&wrap(value)).is_err());
    }

    #[test]
    fn values_without_a_json_form_are_not_written() {
        assert!(write(&Val::byte_str(vec![0xff])).is_err());
        assert!(write(&Val::obj([(Val::Null, Val::Null)].into_iter().collect())).is_err());
        assert_eq!(write(&Val::utf8_str(vec![b'a', 0xff])).as_deref(), Ok("\"a\u{fffd}\""));
    }
}

//! The filters that this skill adds to jaq's own: mathematics, regular expressions and text formats, and what
//! stands for filters that would need more than a document (`env`, `debug`).
//!
//! Nothing here reads a clock, a file or an environment, and no input makes it panic.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jaq_core::box_iter::box_once;
use jaq_core::data::JustLut;
use jaq_core::load::parse::Def;
use jaq_core::native::{Filter, Fun, bome, run, v};
use jaq_core::{Error, RunPtr, ValR, load};
use jaq_json::{Map, Num, Val};
use jaq_std::ValT as _;

use crate::{json, regex};

/// What filters work on: JSON values, and nothing beside them.
pub(crate) type Data = JustLut<Val>;

/// A filter in Rust.
type Native = Filter<RunPtr<Data>>;

/// The filters in Rust. They take the place of jaq's of the same name.
pub(crate) fn natives() -> Vec<Fun<Data>> {
    let mut natives: Vec<Native> = math().into();
    natives.extend(patterns());
    natives.extend(formats());
    natives.extend(stand_ins());
    natives.into_iter().map(run::<Data>).collect()
}

/// `definitions` without those that stand on natives for dates, which are left out.
pub(crate) fn without_dates(
    definitions: impl Iterator<Item = Def<&'static str>>,
) -> impl Iterator<Item = Def<&'static str>> {
    definitions.filter(|definition| !["todate", "fromdate"].contains(&definition.name))
}

/// The filters in jq.
pub(crate) fn definitions() -> impl Iterator<Item = Def<&'static str>> {
    load::parse(include_str!("functions.jq"), |parser| parser.defs()).unwrap_or_default().into_iter()
}

fn stand_ins() -> [Native; 4] {
    [
        ("env", v(0), |_| box_once(Ok(Val::obj(Map::default())))),
        // `debug` and `stderr` pass their input through: there is nobody to print to.
        ("debug_empty", v(0), |_| Box::new(core::iter::empty())),
        ("stderr_empty", v(0), |_| Box::new(core::iter::empty())),
        // As strict and as limited in depth as the document itself.
        ("fromjson", v(0), |cv| bome(text(&cv.1).and_then(|text| json::parse(&text).map_err(Error::str)))),
    ]
}

fn patterns() -> [Native; 3] {
    /// The input, and the arguments `pattern` and `flags`, given to the search.
    macro_rules! search {
        ($parts:expr) => {
            |mut cv| {
                let flags = cv.0.pop_var();
                let pattern = cv.0.pop_var();
                bome(text(&pattern).and_then(|pattern| regex::search(&cv.1, &pattern, &text(&flags)?, $parts)))
            }
        };
    }
    [
        ("matches", v(2), search!(regex::Parts::Matches)),
        ("split_", v(2), search!(regex::Parts::Between)),
        ("split_matches", v(2), search!(regex::Parts::Both)),
    ]
}

fn formats() -> [Native; 6] {
    /// A filter from text to text.
    macro_rules! format {
        ($name:literal, $convert:expr) => {
            ($name, v(0), |cv| bome(text(&cv.1).and_then(|text| $convert(&text)).map(Val::from)))
        };
    }
    [
        format!("escape_html", |text: &str| Ok(escape_html(text))),
        format!("unescape_html", |text: &str| Ok(unescape_html(text))),
        format!("encode_uri", |text: &str| Ok(encode_uri(text))),
        format!("decode_uri", |text: &str| Ok(decode_uri(text))),
        format!("encode_base64", |text: &str| Ok(STANDARD.encode(text))),
        format!("decode_base64", |text: &str| {
            let bytes = STANDARD.decode(text).map_err(Error::str)?;
            Ok(String::from_utf8_lossy(&bytes).into_owned())
        }),
    ]
}

const HTML: [(char, &str); 5] = [('<', "&lt;"), ('>', "&gt;"), ('&', "&amp;"), ('\'', "&#39;"), ('"', "&quot;")];

fn escape_html(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match HTML.iter().find(|(plain, _)| *plain == c) {
            Some((_, escape)) => out.push_str(escape),
            None => out.push(c),
        }
    }
    out
}

fn unescape_html(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, from)) = rest.find('&').and_then(|at| rest.split_at_checked(at)) {
        out.push_str(before);
        let escape = HTML.iter().find_map(|(plain, escape)| Some((*plain, from.strip_prefix(escape)?)));
        let (c, after) = escape.unwrap_or(('&', from.strip_prefix('&').unwrap_or_default()));
        out.push(c);
        rest = after;
    }
    out.push_str(rest);
    out
}

/// Percent-encodes all but the unreserved characters of RFC 3986.
fn encode_uri(text: &str) -> String {
    const DIGITS: [char; 16] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'A', 'B', 'C', 'D', 'E', 'F'];
    let digit = |nibble: u8| DIGITS.get(usize::from(nibble)).copied().unwrap_or_default();

    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(char::from(byte)),
            _ => out.extend(['%', digit(byte >> 4), digit(byte & 0xf)]),
        }
    }
    out
}

/// Decodes percent-encoding; a `%` without two digits stands for itself.
fn decode_uri(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let digits = after.get(..2).filter(|digits| first == b'%' && digits.iter().all(u8::is_ascii_hexdigit));
        let digits = digits.and_then(|digits| core::str::from_utf8(digits).ok());
        if let Some(byte) = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            out.push(byte);
            rest = after.get(2..).unwrap_or_default();
        } else {
            out.push(first);
            rest = after;
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

fn math() -> [Native; 44] {
    /// A filter of the input.
    macro_rules! one {
        ($name:literal, $f:expr) => {
            ($name, v(0), |cv| bome(float(&cv.1).map(|x| Val::from($f(x)))))
        };
    }
    /// A filter of two arguments.
    macro_rules! two {
        ($name:literal, $f:expr) => {
            ($name, v(2), |mut cv| {
                let (y, x) = (cv.0.pop_var(), cv.0.pop_var());
                bome(float(&x).and_then(|x| Ok(Val::from($f(x, float(&y)?)))))
            })
        };
    }
    [
        one!("acos", libm::acos),
        one!("acosh", libm::acosh),
        one!("asin", libm::asin),
        one!("asinh", libm::asinh),
        one!("atan", libm::atan),
        one!("atanh", libm::atanh),
        one!("cbrt", libm::cbrt),
        one!("cos", libm::cos),
        one!("cosh", libm::cosh),
        one!("exp", libm::exp),
        one!("exp10", libm::exp10),
        one!("exp2", libm::exp2),
        one!("expm1", libm::expm1),
        one!("fabs", libm::fabs),
        one!("ilogb", |x| f64::from(libm::ilogb(x))),
        one!("lgamma", libm::lgamma),
        one!("log", libm::log),
        one!("log10", libm::log10),
        one!("log1p", libm::log1p),
        one!("log2", libm::log2),
        one!("nearbyint", libm::rint),
        one!("rint", libm::rint),
        one!("sin", libm::sin),
        one!("sinh", libm::sinh),
        one!("sqrt", libm::sqrt),
        one!("tan", libm::tan),
        one!("tanh", libm::tanh),
        one!("tgamma", libm::tgamma),
        one!("trunc", libm::trunc),
        two!("atan2", libm::atan2),
        two!("copysign", libm::copysign),
        two!("fdim", libm::fdim),
        two!("fmax", libm::fmax),
        two!("fmin", libm::fmin),
        two!("fmod", libm::fmod),
        two!("hypot", libm::hypot),
        two!("ldexp", scale),
        two!("nextafter", libm::nextafter),
        two!("pow", libm::pow),
        two!("remainder", libm::remainder),
        two!("scalbln", scale),
        ("fma", v(3), |mut cv| {
            let (z, y, x) = (cv.0.pop_var(), cv.0.pop_var(), cv.0.pop_var());
            bome(float(&x).and_then(|x| Ok(Val::from(libm::fma(x, float(&y)?, float(&z)?)))))
        }),
        ("frexp", v(0), |cv| {
            bome(float(&cv.1).map(|x| {
                let (fraction, exponent) = libm::frexp(x);
                [Val::from(fraction), Val::Num(Num::from_integral(exponent))].into_iter().collect()
            }))
        }),
        ("modf", v(0), |cv| {
            bome(float(&cv.1).map(|x| {
                let (fraction, whole) = libm::modf(x);
                [Val::from(fraction), Val::from(whole)].into_iter().collect()
            }))
        }),
    ]
}

/// `x` times two to the power of `y`, whose fraction does not count.
#[expect(clippy::cast_possible_truncation, reason = "the cast saturates, and so does the power")]
fn scale(x: f64, y: f64) -> f64 {
    libm::scalbn(x, y as i32)
}

/// The value as a number, or the error that it is none.
fn float(value: &Val) -> ValR<f64, Val> {
    value.as_f64().ok_or_else(|| Error::typ(value.clone(), "number"))
}

/// The value as text, or the error that it is none.
fn text(value: &Val) -> ValR<std::borrow::Cow<'_, str>, Val> {
    match value.as_utf8_bytes() {
        Some(bytes) => Ok(String::from_utf8_lossy(bytes)),
        None => Err(Error::typ(value.clone(), "string")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn html_is_escaped_and_back() {
        let plain = "<a href=\"x\">&'";
        assert_eq!(escape_html(plain), "&lt;a href=&quot;x&quot;&gt;&amp;&#39;");
        assert_eq!(unescape_html(&escape_html(plain)), plain);
        assert_eq!(unescape_html("&amp;lt; & &; &unknown;"), "&lt; & &; &unknown;");
    }

    #[test]
    fn uris_are_encoded_and_back() {
        assert_eq!(encode_uri("a b/ü~"), "a%20b%2F%C3%BC~");
        assert_eq!(decode_uri("a%20b%2f%c3%bc~"), "a b/ü~");
        assert_eq!(decode_uri("100%, %4 %zz %"), "100%, %4 %zz %");
        assert_eq!(decode_uri("%+1"), "%+1");
    }

    #[test]
    fn definitions_parse() {
        assert!(definitions().count() > 0);
    }
}

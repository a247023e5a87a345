//! The texts that show a secret: the value, and its encodings that no decoder of [`decode`](super::decode) undoes.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use zeroize::Zeroizing;

use super::decode::blank;
use super::placement::{Placement, basic, password, percent_encoded};
use super::value::{SECRET_MIN_BYTES, Secret};

/// Returns the needles of a secret, also of the form in which a placement sends it.
pub(super) fn needles(secret: &Secret, placement: Option<&Placement>) -> Vec<Zeroizing<Vec<u8>>> {
    let mut needles = of(secret.expose());
    if let Some(user) = placement.and_then(Placement::basic) {
        // The pair in base64, and encodings of that text.
        needles.extend(of(basic(user, secret).as_bytes()));
        // Servers take the pair apart.
        if let Some(password) = password(secret).filter(|_| user.is_none()) {
            needles.extend(of(password));
        }
    }
    if placement.is_some_and(|placement| placement.query_name().is_some()) {
        // Encodings of the query as it was sent, which no decoder meets.
        let sent = percent_encoded(secret.expose());
        if sent.as_bytes() != secret.expose() {
            needles.extend(of(sent.as_bytes()));
        }
    }
    needles
}

/// The needles of a value. The automaton compares without regard to ASCII case, so one case of hex is enough.
fn of(value: &[u8]) -> Vec<Zeroizing<Vec<u8>>> {
    let mut needles = vec![Zeroizing::new(value.to_vec()), hex(value)];
    // Servers cut blanks at the ends of a header.
    let trimmed = value.trim_ascii();
    if trimmed.len() < value.len() && trimmed.len() >= SECRET_MIN_BYTES {
        needles.extend(of(trimmed));
    }
    if value.contains(&b' ') {
        // Forms write a space as a plus sign.
        let plus = value.iter().map(|&byte| if byte == b' ' { b'+' } else { byte });
        needles.push(Zeroizing::new(plus.collect()));
    }
    if value.iter().copied().any(blank) {
        // The views without blanks, which read UTF-16, see the value without its own.
        let dense: Zeroizing<Vec<u8>> =
            Zeroizing::new(value.iter().copied().filter(|byte| !blank(*byte)).collect());
        if dense.len() >= SECRET_MIN_BYTES {
            needles.push(dense);
        }
    }
    if !value.is_ascii() {
        // Servers read headers as Latin-1 and answer in UTF-8.
        let mut latin = Zeroizing::new(String::with_capacity(value.len().saturating_mul(2)));
        latin.extend(value.iter().map(|&byte| char::from(byte)));
        needles.push(Zeroizing::new(latin.as_bytes().to_vec()));
    }
    for first in bases(value) {
        if value.len() <= TWICE {
            needles.extend(bases(&first));
        }
        needles.push(first);
    }
    if value.len() <= LISTED {
        needles.extend(lists(value));
    }
    needles
}

/// The longest value in bytes whose base64 is searched for in base64 again. There are 36 such texts.
const TWICE: usize = 256;

/// The longest value in bytes whose bytes are searched for one by one.
const LISTED: usize = 4096;

/// The base64 of a value in all alignments and both alphabets.
fn bases(value: &[u8]) -> Vec<Zeroizing<Vec<u8>>> {
    let at = |offset| [base64(value, offset, &STANDARD_NO_PAD), base64(value, offset, &URL_SAFE_NO_PAD)];
    (0..3).flat_map(at).collect()
}

/// The bytes of a value one by one: decimal as in an array of JSON, and hex with the usual marks in between. The view
/// without blanks finds them with blanks too.
fn lists(value: &[u8]) -> [Zeroizing<Vec<u8>>; 4] {
    let list = |between: &str, number: fn(u8, &mut Vec<u8>)| {
        // A vector that grows leaves copies behind.
        let mut text = Zeroizing::new(Vec::with_capacity(value.len().saturating_mul(6)));
        for (index, &byte) in value.iter().enumerate() {
            if index > 0 {
                text.extend_from_slice(between.as_bytes());
            }
            number(byte, &mut text);
        }
        text
    };
    let hex = |byte: u8, text: &mut Vec<u8>| text.extend(nibbles(byte));
    [
        list(",", |byte, text| {
            let digits = [byte / 100, byte / 10 % 10, byte % 10].map(|digit| digit.wrapping_add(b'0'));
            let zeros = usize::from(byte < 100).saturating_add(usize::from(byte < 10));
            text.extend_from_slice(digits.get(zeros..).unwrap_or_default());
        }),
        list(":", hex),
        list("-", hex),
        list(",0x", hex),
    ]
}

fn hex(value: &[u8]) -> Zeroizing<Vec<u8>> {
    let mut text = Zeroizing::new(Vec::with_capacity(value.len().saturating_mul(2)));
    for &byte in value {
        text.extend(nibbles(byte));
    }
    text
}

fn nibbles(byte: u8) -> [u8; 2] {
    [byte >> 4, byte & 0xf]
        .map(|nibble| if nibble < 10 { nibble.wrapping_add(b'0') } else { nibble.wrapping_add(b'a' - 10) })
}

/// The base64 of a value that begins `offset` bytes after a group of three. Only the characters that depend on the
/// value alone: its neighbours decide a part of those at the ends.
fn base64(value: &[u8], offset: usize, engine: &impl Engine) -> Zeroizing<Vec<u8>> {
    let mut shifted = Zeroizing::new(vec![0u8; offset]);
    shifted.reserve_exact(value.len());
    shifted.extend_from_slice(value);
    let text = Zeroizing::new(engine.encode(&*shifted));
    let first = offset.saturating_mul(8).div_ceil(6);
    let end = shifted.len().saturating_mul(8) / 6;
    Zeroizing::new(text.as_bytes().get(first..end).unwrap_or_default().to_vec())
}

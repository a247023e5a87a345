//! Regular expressions for jq: what the filters `test`, `match`, `scan`, `split`, `sub` and their kin stand on.
//!
//! The expressions are those of the `regex` family (https://docs.rs/regex): no look-around and no back-references,
//! and time linear in the text for any pattern.

use jaq_core::{Error, ValR, ValT as _};
use jaq_json::{Num, Val};
use jaq_std::ValT as _;
use regex_bites::bytes::{Match, RegexBuilder};

/// Which parts of a text are asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Parts {
    /// The matches: each an array of the whole match and its groups, as objects.
    Matches,
    /// The text before, between and after the matches.
    Between,
    /// Both, in the order of the text.
    Both,
}

/// Searches `input` for `pattern` and returns an array of the parts asked for.
///
/// `flags` are jq's letters: `g` all matches and not only the first, `n` no empty matches, `i` any case, `x` spaces
/// and comments in the pattern are ignored, `s` `.` matches a line end, `m` `^` and `$` match at lines, `p` both
/// of them, `l` the laziest match becomes the longest and the other way round.
pub(crate) fn search(input: &Val, pattern: &str, flags: &str, parts: Parts) -> ValR<Val> {
    let text = input.as_utf8_bytes().ok_or_else(|| Error::typ(input.clone(), "string"))?;
    if let Some(flag) = flags.chars().find(|flag| !"gnimslxp".contains(*flag)) {
        return Err(Error::str(format_args!("invalid regex flag: {flag}")));
    }
    let has = |flag| flags.contains(flag);
    let regex = RegexBuilder::new(pattern)
        .case_insensitive(has('i'))
        .multi_line(has('m') || has('p'))
        .dot_matches_new_line(has('s') || has('p'))
        .swap_greed(has('l'))
        .ignore_whitespace(has('x'))
        .build()
        .map_err(|error| Error::str(format_args!("invalid regex: {error}")))?;

    let slice = |from: usize, to: usize| text.get(from..to).unwrap_or_default();
    let mut found = Vec::new();
    let mut end = 0;
    // Characters before `counted`, so that offsets in characters take one pass over the text.
    let (mut counted, mut characters) = (0, 0_usize);
    for captures in regex.captures_iter(text) {
        let Some(whole) = captures.get(0) else { continue };
        if has('n') && whole.as_bytes().is_empty() {
            continue;
        }
        if parts != Parts::Matches {
            found.push(input.as_sub_str(slice(end, whole.start())));
            end = whole.end();
        }
        if parts != Parts::Between {
            characters = characters.saturating_add(length(slice(counted, whole.start())));
            counted = whole.start();
            let group = |group: Match<'_>, name| {
                let before = characters.saturating_add(length(slice(counted, group.start())));
                fields(input, &group, before, name)
            };
            let groups = captures.iter().zip(regex.capture_names());
            let groups = groups.filter_map(|(found, name)| found.map(|found| group(found, name)));
            found.push(groups.collect::<ValR<Val>>()?);
        }
        if !has('g') {
            break;
        }
    }
    if parts != Parts::Matches {
        found.push(input.as_sub_str(slice(end, text.len())));
    }
    Ok(found.into_iter().collect())
}

/// A match or group as the object that jq has for it.
fn fields(input: &Val, group: &Match<'_>, offset: usize, name: Option<&str>) -> ValR<Val> {
    let count = |count| Val::Num(Num::from_integral(count));
    let text = |text: &str| Val::from(text.to_owned());
    let fields = [
        ("offset", count(offset)),
        ("length", count(length(group.as_bytes()))),
        ("string", input.as_sub_str(group.as_bytes())),
    ];
    let name = name.map(|name| ("name", text(name)));
    Val::from_map(fields.into_iter().chain(name).map(|(key, value)| (text(key), value)))
}

/// Characters in UTF-8: the bytes that start one.
fn length(text: &[u8]) -> usize {
    text.iter().filter(|byte| **byte & 0xc0 != 0x80).count()
}

//! Makes text from outside fit for messages, and checks names of skills.

/// Replaces control and bidirectional formatting characters by `\u{FFFD}`, and cuts a text at `bytes`.
///
/// A cut ends in `…`. Tabs stay: they are text, and only move a terminal's cursor forward on its line. Use it for
/// terminals and messages. The log of a report keeps its text whole, because JSON escapes it.
pub fn clean(text: &str, bytes: usize) -> String {
    if text.len() <= bytes && text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return text.to_owned();
    }
    let mut out = String::new();
    for c in text.chars() {
        if out.len().saturating_add(c.len_utf8()) > bytes {
            out.push('…');
            break;
        }
        out.push(if is_unsafe(c) && c != '\t' { '\u{FFFD}' } else { c });
    }
    out
}

/// Returns the known name that an author of `name` probably meant, or none.
///
/// It ignores versions. A name can differ in a third of its last part: `wasi:cli/stdn@0.2.0` in two letters.
pub fn nearest<'a>(known: impl IntoIterator<Item = &'a str>, name: &str) -> Option<&'a str> {
    let path = |name: &'a str| name.split('@').next().unwrap_or(name);
    // The time grows with the length, and this one may come from a file.
    let name: String = name.split('@').next().unwrap_or(name).chars().take(100).collect();
    let last = name.rsplit(['/', '#', ':']).next().unwrap_or(&name);
    let most = last.chars().count().div_ceil(3);
    let ranked = known.into_iter().map(|known| (strsim::levenshtein(path(known), &name), known));
    ranked
        .filter(|(distance, _)| *distance <= most)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, known)| known)
}

/// Returns whether a text can be the name of a skill, in stores and in bundles: `^[a-z0-9][a-z0-9-]{0,62}$`.
pub fn is_skill_name(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    text.len() <= 63
        && text.bytes().next().is_some_and(plain)
        && text.bytes().all(|byte| plain(byte) || byte == b'-')
}

/// Returns whether a character can move a cursor, change a terminal's state, or reorder text.
///
/// Those are C0 and C1 controls, and bidirectional and invisible formatting characters. The sixteen selectors of emoji
/// (U+FE00 to U+FE0F) are safe, because people write them.
pub fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{00AD}' | '\u{034F}' | '\u{115F}'..='\u{1160}' | '\u{17B4}'..='\u{17B5}' | '\u{180B}'..='\u{180F}'
            | '\u{3164}' | '\u{FFA0}' | '\u{1D173}'..='\u{1D17A}' | '\u{E0100}'..='\u{E01EF}' | '\u{061C}' | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}'
            | '\u{2060}'..='\u{2069}' | '\u{FEFF}' | '\u{FFF9}'..='\u{FFFB}'
            | '\u{E0000}'..='\u{E007F}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tabs_survive_and_other_controls_do_not() {
        assert_eq!(clean("a\tb\u{1b}[2Jc\rd\u{202e}e", 100), "a\tb\u{FFFD}[2Jc\u{FFFD}d\u{FFFD}e");
    }

    #[test]
    fn only_a_near_name_is_suggested() {
        let known = ["wasi:clocks/wall-clock@0.2.12", "wasi:cli/stdin@0.2.12", "ringfence:skill/log@0.1.0"];
        let nearest = |name| nearest(known, name);
        assert_eq!(nearest("wasi:clocks/wall-clocks@0.2.0"), Some(known[0]));
        assert_eq!(nearest("wasi:cli/stdin@0.3.0"), Some(known[1]));
        // Just under a third of `stdin`, and just over.
        assert_eq!(nearest("wasi:cli/stdio@0.2.0"), Some(known[1]));
        assert_eq!(nearest("wasi:cli/stdxyz@0.2.0"), None);
        assert_eq!(nearest("acme:crm/customers@1.0.0"), None);
        assert_eq!(nearest("log"), None);
        assert_eq!(nearest(""), None);
        assert_eq!(super::nearest(["echo", "text-stats"], "text-stast"), Some("text-stats"));
        assert_eq!(super::nearest(["echo", "text-stats"], "payments"), None);
    }
}

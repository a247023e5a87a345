//! Text from outside: made fit for a message, without control characters and cut; and what can be the name of a skill.

/// `text` without control and bidirectional formatting characters, cut at `bytes`.
///
/// What is taken out is replaced by `\u{FFFD}`; a cut shows as `…`. For terminals and messages; a
/// log in a report keeps its text whole, since JSON escapes it.
pub fn clean(text: &str, bytes: usize) -> String {
    let mut out = String::new();
    for c in text.chars() {
        if out.len().saturating_add(c.len_utf8()) > bytes {
            out.push('…');
            break;
        }
        out.push(if is_unsafe(c) { '\u{FFFD}' } else { c });
    }
    out
}

/// Whether a text can be the name of a skill, in stores and in bundles: `^[a-z0-9][a-z0-9-]{0,62}$`.
pub fn is_skill_name(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    text.len() <= 63
        && text.bytes().next().is_some_and(plain)
        && text.bytes().all(|byte| plain(byte) || byte == b'-')
}

/// Characters that can move a cursor, change a terminal's state, or show text in another order than
/// it is in: C0 and C1 controls, and the bidirectional and invisible formatting characters. The sixteen selectors of
/// emoji (U+FE00 to U+FE0F) are none of them, since people write them.
pub fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{00AD}' | '\u{034F}' | '\u{115F}'..='\u{1160}' | '\u{17B4}'..='\u{17B5}' | '\u{180B}'..='\u{180F}'
            | '\u{3164}' | '\u{FFA0}' | '\u{1D173}'..='\u{1D17A}' | '\u{E0100}'..='\u{E01EF}' | '\u{061C}' | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}'
            | '\u{2060}'..='\u{2069}' | '\u{FEFF}' | '\u{FFF9}'..='\u{FFFB}'
            | '\u{E0000}'..='\u{E007F}')
}

//! The second spelling of a name. WIT names have hyphens and can be long, and some clients accept neither in the name
//! of a JSON member. Schemas for them list `max_len` for `max-len`, and the host reads both.

use std::borrow::Cow;

use crate::digest::Digest;

/// Longest member name that every client accepts.
const LONGEST: usize = 64;

/// Characters that remain of a longer name, before `_` and 16 digits of its digest.
const HEAD: usize = 47;

/// Returns the name with underscores for hyphens, in at most 64 characters.
pub(crate) fn portable(name: &str) -> Cow<'_, str> {
    if is_long(name) {
        let digest = Digest::of(name.as_bytes()).to_string();
        let tail: String = digest.trim_start_matches("sha256:").chars().take(16).collect();
        // Names in WIT are ASCII.
        let head: String = name.chars().take(HEAD).collect();
        return Cow::Owned(format!("{}_{tail}", head.replace('-', "_")));
    }
    if name.contains('-') { Cow::Owned(name.replace('-', "_")) } else { Cow::Borrowed(name) }
}

/// Returns whether the second spelling of a name is cut.
pub(crate) fn is_long(name: &str) -> bool {
    name.len() > LONGEST
}

/// Returns whether `key` is `known` in either spelling.
pub(crate) fn is(known: &str, key: &str) -> bool {
    if known == key {
        return true;
    }
    if !is_long(known) {
        return known.len() == key.len() && same_start(known, key);
    }
    // The digest is worth its time only where all else fits.
    let head = key.get(..HEAD).unwrap_or_default();
    key.len() == LONGEST && same_start(known, head) && *portable(known) == *key
}

/// Returns the name of which a key is the second spelling, if the name has at most 64 characters.
pub(crate) fn original(key: &str) -> Option<String> {
    (key.contains('_') && !key.contains('-')).then(|| key.replace('_', "-"))
}

/// Returns whether `known` begins with `key`, written with underscores.
fn same_start(known: &str, key: &str) -> bool {
    let mut pairs = known.bytes().zip(key.bytes());
    pairs.all(|(known, key)| if known == b'-' { key == b'_' } else { known == key })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_spellings_are_one_name_and_nothing_else_is() {
        assert!(is("max-len", "max-len") && is("max-len", "max_len") && is("text", "text"));
        for other in ["max_Len", "maxlen", "max__len", "max_le", "max_lend", "", "max len"] {
            assert!(!is("max-len", other), "{other}");
        }
        // A spelling is of the whole name: two words one way and two the other is neither.
        assert!(!is("a-b-c", "a-b_c") && original("a-b_c").is_none());
        assert_eq!(original("a_b_c").as_deref(), Some("a-b-c"));
        assert_eq!(original("abc"), None);
    }

    #[test]
    fn names_of_64_characters_stay_and_longer_ones_are_cut() {
        let fits = "a".repeat(64);
        assert_eq!(portable(&fits), fits);
        let long = format!("{}-b", "a".repeat(63));
        let short = portable(&long);
        assert_eq!(short.len(), 64);
        assert!(short.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_'), "{short}");
        assert!(is(&long, &short) && is(&long, &long));
        let other = format!("{}-c", "a".repeat(63));
        assert_ne!(portable(&other), short);
        assert!(!is(&other, &short));
    }
}

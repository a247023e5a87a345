//! Estimates the syllables of a word from its English spelling.
//!
//! A group of vowel letters is a syllable, except an `e` at the end that is not spoken. That is right for most words
//! and off by one for some ("business", "poem"): a readability score takes thousands of them together.

/// How many syllables `word`, in lower case, has: at least one, for a number or a word in another script too.
pub(crate) fn count(word: &str) -> u32 {
    // Groups of vowels so far, and the last letters, as `vowel`, `letter`.
    let mut groups = 0_u32;
    let mut last = [' '; 3];
    let mut in_group = false;
    for letter in word.chars() {
        if !letter.is_alphabetic() {
            // An accent of its own: the `e` is spoken.
            if matches!(letter, '\u{300}'..='\u{36f}') && last[2] == 'e' {
                last[2] = 'é';
            }
            continue;
        }
        let vowel = is_vowel(letter);
        if vowel && !in_group {
            groups = groups.saturating_add(1);
        }
        in_group = vowel;
        last = [last[1], last[2], letter];
    }
    if is_silent(last) {
        groups = groups.saturating_sub(1);
    }
    groups.max(1)
}

/// Whether the last group of vowels in a word that ends in these letters is a silent `e`.
fn is_silent(last: [char; 3]) -> bool {
    match last {
        // "table", "little": the `e` stands for the vowel before the `l`.
        [before, 'l', 'e'] if !is_vowel(before) => false,
        // "make", "one", but not "see" or "due", where the group goes on.
        [_, before, 'e'] => !is_vowel(before),
        // "walked", "begged", but not "wanted", "ended" or "freed".
        [before, 'e', 'd'] => !is_vowel(before) && !matches!(before, 't' | 'd'),
        // "makes", "cares", but not "boxes", "places", "pages" or "trees".
        [before, 'e', 's'] => !is_vowel(before) && !matches!(before, 's' | 'x' | 'z' | 'c' | 'g' | 'h'),
        _ => false,
    }
}

fn is_vowel(letter: char) -> bool {
    matches!(
        letter,
        'a' | 'e' | 'i' | 'o' | 'u' | 'y' | 'à'..='æ' | 'è'..='ï' | 'ò'..='ö' | 'ø'..='ý' | 'ÿ' | 'œ'
    )
}

#[cfg(test)]
mod tests {
    use super::count;

    #[test]
    fn english_words() {
        for (syllables, words) in [
            (1, "a i the cat make made one see due walked makes begged strength rhythm trees freed eye"),
            (2, "table little wanted ended boxes places pages water reading café open people"),
            (3, "beautiful family important animal acknowledged"),
            (4, "community information"),
            (5, "readability's university electricity"),
        ] {
            for word in words.split(' ') {
                assert_eq!(count(word), syllables, "{word}");
            }
        }
    }

    #[test]
    fn words_that_are_not_english_have_one_syllable() {
        for word in ["", "42", "3.14", "hmm", "語", "стол", "'", "e"] {
            assert_eq!(count(word), 1, "{word}");
        }
    }

    #[test]
    fn apostrophes_and_accents_do_not_matter() {
        assert_eq!(count("didn't"), 1);
        assert_eq!(count("élysée"), 3);
        assert_eq!(count("cafe\u{301}"), 2);
    }
}

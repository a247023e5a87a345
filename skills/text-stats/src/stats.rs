//! Measures a text in one pass over its words, in time linear in its length whatever it holds.
//!
//! Words and characters are those of Unicode's text segmentation (UAX #29). Sentences are found by a rule of our own
//! over those words: that of UAX #29 ends a sentence at every line end and looks ahead without a bound.

use std::collections::BTreeMap;

use unicode_segmentation::UnicodeSegmentation;

use crate::{stop_words, syllables};

/// What [`measure`] found. Counts stop at `u32::MAX`.
#[derive(Debug, Default)]
pub(crate) struct Stats {
    pub(crate) words: u32,
    pub(crate) sentences: u32,
    pub(crate) paragraphs: u32,
    pub(crate) characters: u32,
    pub(crate) syllables: u32,
    /// Characters in words.
    word_characters: u32,
    /// Every word in lower case, with how often it occurs; ordered, so that equal texts give equal reports.
    terms: BTreeMap<String, u32>,
    /// The last word in lower case, kept for its allocation.
    lower_case: String,
}

/// Measures `text`.
///
/// The text is taken apart at its spaces first: no word goes across one, and the pieces in ASCII, which are most of
/// an English text, are segmented ten times as fast.
pub(crate) fn measure(text: &str) -> Stats {
    let mut stats = Stats::default();
    let mut sentence = Sentence::default();
    let mut in_paragraph = false;
    let mut rest = Rest { text, at: 0 };

    while rest.at < text.len() {
        let space = rest.take_while(is_space);
        stats.characters = stats.characters.saturating_add(spaces_in(space));
        if !space.is_empty() {
            sentence.space();
        }
        if line_ends_in(space) >= 2 {
            stats.sentences = stats.sentences.saturating_add(sentence.finish());
            in_paragraph = false;
        }

        let start = rest.at;
        let token = rest.take_while(|c| !is_space(c));
        stats.characters = stats.characters.saturating_add(length_within(text, start, token));
        let mut done = 0;
        for (at, word) in token.unicode_word_indices() {
            sentence.mark(token.get(done..at).unwrap_or_default());
            done = at.saturating_add(word.len());
            stats.sentences = stats.sentences.saturating_add(sentence.word(word));
            stats.add(word);
            if !in_paragraph {
                in_paragraph = true;
                stats.paragraphs = stats.paragraphs.saturating_add(1);
            }
        }
        sentence.mark(token.get(done..).unwrap_or_default());
    }
    stats.sentences = stats.sentences.saturating_add(sentence.finish());
    stats
}

/// A text and how far it has been taken.
struct Rest<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Rest<'a> {
    fn take_while(&mut self, wanted: impl Fn(char) -> bool) -> &'a str {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let taken = rest.find(|c| !wanted(c)).and_then(|end| rest.get(..end)).unwrap_or(rest);
        self.at = self.at.saturating_add(taken.len());
        taken
    }
}

impl Stats {
    /// Counts one word.
    fn add(&mut self, word: &str) {
        self.words = self.words.saturating_add(1);
        self.word_characters = self.word_characters.saturating_add(length(word));

        if word.is_ascii() {
            self.lower_case.clear();
            self.lower_case.push_str(word);
            self.lower_case.make_ascii_lowercase();
        } else {
            self.lower_case = word.to_lowercase().replace('’', "'");
        }
        self.syllables = self.syllables.saturating_add(syllables::count(&self.lower_case));
        match self.terms.get_mut(self.lower_case.as_str()) {
            Some(count) => *count = count.saturating_add(1),
            None => {
                self.terms.insert(self.lower_case.clone(), 1);
            }
        }
    }

    /// Words that differ in more than case.
    pub(crate) fn unique_words(&self) -> u32 {
        as_count(self.terms.len())
    }

    /// Characters a word.
    pub(crate) fn average_word_length(&self) -> Option<f64> {
        ratio(self.word_characters, self.words).map(rounded)
    }

    /// Words a sentence.
    pub(crate) fn average_sentence_length(&self) -> Option<f64> {
        ratio(self.words, self.sentences).map(rounded)
    }

    /// The score of R. Flesch, "A new readability yardstick", Journal of Applied Psychology 32(3), 1948.
    pub(crate) fn reading_ease(&self) -> Option<f64> {
        let (sentence, word) = self.lengths()?;
        Some(rounded(206.835 - 1.015 * sentence - 84.6 * word))
    }

    /// The grade of J. P. Kincaid, R. P. Fishburne, R. L. Rogers and B. S. Chissom, "Derivation of new readability
    /// formulas", Naval Technical Training Command, Research Branch Report 8-75, 1975.
    pub(crate) fn grade(&self) -> Option<f64> {
        let (sentence, word) = self.lengths()?;
        Some(rounded(0.39 * sentence + 11.8 * word - 15.59))
    }

    /// Seconds of silent reading at 238 words a minute, rounded up: M. Brysbaert, "How many words do we read per
    /// minute?", Journal of Memory and Language 109, 2019.
    pub(crate) fn reading_seconds(&self) -> u32 {
        let seconds = u64::from(self.words).saturating_mul(60).div_ceil(238);
        u32::try_from(seconds).unwrap_or(u32::MAX)
    }

    /// The `top` most frequent words that are neither function words nor numbers; ties in the order of the words.
    pub(crate) fn top_terms(&self, top: u32) -> Vec<(&str, u32)> {
        let mut terms: Vec<_> = self
            .terms
            .iter()
            .filter(|(term, _)| term.contains(char::is_alphabetic) && !stop_words::is_stop_word(term))
            .map(|(term, count)| (term.as_str(), *count))
            .collect();
        // The sort is stable, and the terms come sorted.
        terms.sort_by_key(|(_, count)| core::cmp::Reverse(*count));
        terms.truncate(usize::try_from(top).unwrap_or(usize::MAX));
        terms
    }

    /// Words a sentence and syllables a word.
    fn lengths(&self) -> Option<(f64, f64)> {
        Some((ratio(self.words, self.sentences)?, ratio(self.syllables, self.words)?))
    }
}

/// The sentence that is being read: decides at each word whether a new one starts.
#[derive(Debug, Default)]
struct Sentence {
    /// The last word of it; empty before the first.
    last_word: String,
    end: End,
    /// Whether a space or a dash came after the end.
    spaced: bool,
}

/// What was seen after the last word.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum End {
    /// Nothing that could end a sentence.
    #[default]
    None,
    /// One full stop, which can be that of an abbreviation.
    Stop,
    /// Another mark, or several, that end it if a space follows.
    Mark,
    /// A mark of a script that is written without spaces.
    FullWidth,
}

impl Sentence {
    fn space(&mut self) {
        self.spaced |= self.end != End::None;
    }

    /// Takes in what is between two words but for spaces.
    fn mark(&mut self, segment: &str) {
        if self.last_word.is_empty() {
            return;
        }
        for c in segment.chars() {
            if c.is_whitespace() || c == '—' {
                self.space();
            }
            self.end = match (self.end, c) {
                (_, '。' | '！' | '？' | '｡') => End::FullWidth,
                (End::FullWidth, _) => End::FullWidth,
                (End::None, '.') => End::Stop,
                (_, '.' | '!' | '?' | '…' | '‽' | '؟' | '۔' | '।' | '॥' | '՞' | '։' | '።') => End::Mark,
                (end, _) => end,
            };
        }
    }

    /// Takes in a word; 1 if a sentence ended before it, else 0.
    fn word(&mut self, word: &str) -> u32 {
        let ended = match self.end {
            End::None => false,
            End::FullWidth => true,
            End::Mark => self.spaced && !starts_in_lower_case(word),
            End::Stop => self.spaced && !starts_in_lower_case(word) && !is_abbreviation(&self.last_word),
        };
        self.end = End::None;
        self.spaced = false;
        self.last_word.clear();
        self.last_word.push_str(word);
        u32::from(ended)
    }

    /// Ends the sentence, as a paragraph's end does; 1 if there was a word in it, else 0.
    fn finish(&mut self) -> u32 {
        let words = !self.last_word.is_empty();
        *self = Self::default();
        u32::from(words)
    }
}

fn starts_in_lower_case(word: &str) -> bool {
    word.chars().next().is_some_and(char::is_lowercase)
}

/// Whether a full stop after `word` belongs to it: a title before a name, or an initial.
fn is_abbreviation(word: &str) -> bool {
    const TITLES: [&str; 16] =
        ["capt", "col", "dr", "fr", "gen", "gov", "hon", "lt", "messrs", "mr", "mrs", "ms", "prof", "rev", "sgt", "st"];
    let mut letters = word.chars();
    let initial = letters.next().filter(|_| letters.next().is_none()).is_some_and(|c| c.is_uppercase() && c != 'I');
    initial || TITLES.iter().any(|title| title.eq_ignore_ascii_case(word))
}

/// A space that parts words whatever comes before and after it.
fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t'..='\r' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

/// Line ends in a run of spaces; a paragraph separator counts for two.
fn line_ends_in(space: &str) -> usize {
    let ends = space.chars().map(|c| match c {
        '\n' | '\r' | '\u{85}' | '\u{2028}' => 1,
        '\u{2029}' => 2,
        _ => 0,
    });
    ends.sum::<usize>().saturating_sub(space.matches("\r\n").count())
}

/// Characters in a run of spaces, as a reader counts them.
fn spaces_in(space: &str) -> u32 {
    as_count(space.chars().count().saturating_sub(space.matches("\r\n").count()))
}

/// Characters of `token`, which is at `start` in `text` between two spaces, as a reader counts them.
fn length_within(text: &str, start: usize, token: &str) -> u32 {
    if token.is_ascii() {
        return length(token);
    }
    // An accent of its own joins the space before it, and a few Arabic signs join the one after them: measure with
    // both spaces, and without them they are what is left.
    let end = start.saturating_add(token.len());
    let before = text.get(..start).and_then(|text| text.chars().next_back()).filter(|c| is_space(*c));
    let after = text.get(end..).and_then(|text| text.chars().next());
    let from = start.saturating_sub(before.map_or(0, char::len_utf8));
    let to = end.saturating_add(after.map_or(0, char::len_utf8));
    let both = length(text.get(from..to).unwrap_or_default());
    both.saturating_sub(u32::from(before.is_some())).saturating_sub(u32::from(after.is_some()))
}

/// Characters as a reader counts them, in a text without a line end.
fn length(text: &str) -> u32 {
    as_count(if text.is_ascii() { text.len() } else { text.graphemes(true).count() })
}

fn as_count(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

fn ratio(over: u32, under: u32) -> Option<f64> {
    (under > 0).then(|| f64::from(over) / f64::from(under))
}

/// To two decimals, without a negative zero.
fn rounded(value: f64) -> f64 {
    (value * 100.0).round() / 100.0 + 0.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sentences(text: &str) -> u32 {
        measure(text).sentences
    }

    #[test]
    fn a_text_without_words_has_no_averages() {
        for text in ["", " \n\n ", "... !? —", "🙂🙂"] {
            let stats = measure(text);
            assert_eq!((stats.words, stats.sentences, stats.paragraphs, stats.syllables), (0, 0, 0, 0), "{text:?}");
            assert_eq!(stats.reading_seconds(), 0);
            assert_eq!(stats.average_word_length(), None);
            assert_eq!(stats.average_sentence_length(), None);
            assert_eq!(stats.reading_ease(), None);
            assert_eq!(stats.grade(), None);
            assert!(stats.top_terms(10).is_empty());
        }
    }

    #[test]
    fn the_scores_are_those_of_the_formulas() {
        // 6 words, 1 sentence, 6 syllables.
        let stats = measure("The cat sat on the mat.");
        assert_eq!((stats.words, stats.sentences, stats.syllables, stats.unique_words()), (6, 1, 6, 5));
        assert_eq!(stats.reading_ease(), Some(116.15)); // 206.835 - 6.09 - 84.6 = 116.145
        assert_eq!(stats.grade(), Some(-1.45)); // 2.34 + 11.8 - 15.59
        assert_eq!(stats.average_word_length(), Some(2.83)); // 17 / 6
        assert_eq!(stats.reading_seconds(), 2); // 360 / 238, rounded up
    }

    #[test]
    fn sentences_end_where_a_reader_says() {
        assert_eq!(sentences("One. Two! Three? Four"), 4);
        assert_eq!(sentences("Hard-wrapped text\nis one sentence."), 1);
        assert_eq!(sentences("Mr. Bennet and J. R. R. Tolkien met Dr. Who."), 1);
        assert_eq!(sentences("It costs 3.14 at example.com today, e.g. in the U.S. and elsewhere."), 1);
        assert_eq!(sentences("“Why?” he asked. “Because.” She left."), 3);
        assert_eq!(sentences("Wait... what? No... Yes."), 3);
        assert_eq!(sentences("A heading\n\nA sentence."), 2);
        assert_eq!(sentences("So did I. You did not."), 2);
        assert_eq!(sentences("今日は晴れ。明日は雨！"), 2);
        assert_eq!(sentences("...and so on."), 1);
        assert_eq!(sentences("What do you see?—Nothing."), 2);
    }

    #[test]
    fn paragraphs_are_parted_by_empty_lines() {
        for (text, paragraphs) in [
            ("a\nb\nc", 1),
            ("a\n\nb\n \t\n\n\nc\n", 3),
            ("a\r\nb\r\n\r\nc", 2),
            ("a\u{2029}b", 2),
            ("\n\n***\n\na\n\n---\n\n", 1),
        ] {
            assert_eq!(measure(text).paragraphs, paragraphs, "{text:?}");
        }
    }

    #[test]
    fn characters_are_those_of_a_reader() {
        assert_eq!(measure("e\u{301}").characters, 1);
        assert_eq!(measure("👩‍👩‍👧‍👦🇩🇪").characters, 2);
        assert_eq!(measure("a\r\nb").characters, 3);
    }

    #[test]
    fn terms_are_ranked_by_count_and_then_by_alphabet() {
        let stats = measure("Wolf, fox and WOLF: the fox, the bear, 7 7 7. Don’t don't");
        assert_eq!(stats.top_terms(10), [("fox", 2), ("wolf", 2), ("bear", 1)]);
        assert_eq!(stats.top_terms(1), [("fox", 2)]);
        assert!(stats.top_terms(0).is_empty());
        assert_eq!(stats.top_terms(u32::MAX).len(), 3);
        assert_eq!(stats.terms.get("don't"), Some(&2));
    }

    #[test]
    fn taking_a_text_apart_at_its_spaces_changes_nothing() {
        let pieces = [
            "a",
            "B2",
            "é",
            "e\u{301}",
            "\u{301}",
            "\u{600}",
            "\u{200d}",
            "🇩🇪",
            "👩‍👧",
            "語",
            "カナ",
            "न\u{94d}",
            " ",
            "\t",
            "\n",
            "\r\n",
            "\r",
            "\u{a0}",
            "\u{202f}",
            "\u{2028}",
            "\u{3000}",
            ".",
            "'",
            "’",
            ",",
            "_",
            ":",
            "1",
        ];
        let mut seed = 1_u64;
        for _ in 0..20_000 {
            let mut text = String::new();
            for _ in 0..8 {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                text.push_str(pieces[(seed >> 33) as usize % pieces.len()]);
            }
            let stats = measure(&text);
            assert_eq!(stats.characters as usize, text.graphemes(true).count(), "{text:?}");
            assert_eq!(stats.words as usize, text.unicode_words().count(), "{text:?}");
        }
    }

    /// A rule that looked ahead or back without a bound would take minutes here.
    #[test]
    fn hostile_texts_take_linear_time() {
        for piece in [
            "a",
            ".",
            ". ",
            "a.",
            "'",
            "a'",
            ")",
            ". )",
            "\u{301}",
            "🇩",
            "👩\u{200d}",
            "\n",
            "1,",
            "क\u{94d}",
            "\u{600}",
            "Mr. ",
        ] {
            measure(&format!("A. {}", piece.repeat(300_000)));
        }
    }
}

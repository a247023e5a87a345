//! An example of the SDK: texts in capitals, with every kind of type that a tool can take and return.

/// Writes texts in capitals, and counts them.
#[ringfence_skill::skill]
mod shout {
    use std::collections::BTreeMap;

    use ringfence_skill::{budget, info, progress};

    /// How to shout.
    pub enum Loudness {
        /// In capitals.
        Plain,
        /// In capitals, with this many exclamation marks.
        Marks(u8),
    }

    /// A text in capitals.
    #[derive(Debug, Clone, PartialEq)]
    pub struct Shout {
        /// The text in capitals.
        pub text: String,
        /// Its number of characters.
        pub characters: u32,
    }

    /// Why there is no shout.
    #[derive(Debug, Clone, Copy, PartialEq)]
    pub enum Refusal {
        /// The text has no letter.
        NothingToShout,
        /// The text is longer than 10,000 bytes.
        TooLong,
    }

    /// A word, and how often it occurs.
    #[derive(Debug, Clone, PartialEq)]
    pub struct WordCount {
        /// The word in capitals.
        pub word: String,
        /// How often it occurs.
        pub count: u32,
    }

    /// The longest text that is taken, in bytes.
    const LONGEST: usize = 10_000;

    /// Writes a text in capitals.
    ///
    /// Without a loudness there is one exclamation mark.
    ///
    /// # Errors
    /// A text without a letter, and one that is too long, are refused.
    pub fn shout(text: &str, loudness: Option<Loudness>) -> Result<Shout, Refusal> {
        if text.len() > LONGEST {
            return Err(Refusal::TooLong);
        }
        if !text.chars().any(char::is_alphabetic) {
            return Err(Refusal::NothingToShout);
        }
        let marks = match loudness {
            None => 1,
            Some(Loudness::Plain) => 0,
            Some(Loudness::Marks(marks)) => marks,
        };
        let text = format!("{}{}", text.to_uppercase(), "!".repeat(marks.into()));
        info!("{marks} marks");
        Ok(Shout { characters: count(text.chars()), text })
    }

    /// Counts the words of texts, the most frequent first, and tells how far it is.
    pub fn count_words(texts: &[String]) -> Vec<WordCount> {
        let mut counts: BTreeMap<String, u32> = BTreeMap::new();
        let total = u64::try_from(texts.len()).ok();
        for (text, done) in texts.iter().zip(1..) {
            for word in text.split_whitespace() {
                let count = counts.entry(word.to_uppercase()).or_default();
                *count = count.saturating_add(1);
            }
            progress::report(done, total, "");
        }
        let mut words: Vec<_> = counts.into_iter().map(|(word, count)| WordCount { word, count }).collect();
        words.sort_by_key(|word| core::cmp::Reverse(word.count));
        words
    }

    /// Whether there is fuel left for another million instructions.
    pub fn has_breath() -> bool {
        budget::remaining().fuel > 1_000_000
    }

    /// Divides two numbers with a mistake in it: without a look at `by` it panics, and what the panic says is in the log.
    pub fn divide(number: i64, by: i64) -> i64 {
        number / by
    }

    fn count(of: impl Iterator) -> u32 {
        u32::try_from(of.count()).unwrap_or(u32::MAX)
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn a_text_in_capitals() {
            let shout = shout("straße", Some(Loudness::Marks(2)));
            assert_eq!(shout, Ok(Shout { text: "STRASSE!!".to_owned(), characters: 9 }));
        }

        #[test]
        fn a_text_without_letters_is_refused() {
            assert_eq!(shout("…", None), Err(Refusal::NothingToShout));
        }

        #[test]
        fn the_most_frequent_word_is_first() {
            let words = count_words(&["a b".to_owned(), "B".to_owned()]);
            assert_eq!(words.first(), Some(&WordCount { word: "B".to_owned(), count: 2 }));
            assert!(has_breath());
        }
    }
}

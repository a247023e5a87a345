//! A Ringfence skill that measures a text: one tool, `analyze`, and nothing imported.
//!
//! The promise to callers is in `wit/text-stats.wit`. [`stats`] measures and [`syllables`] estimates; both are plain
//! Rust with their tests beside them, and this file only joins them to the bindings.

mod stats;
mod stop_words;
mod syllables;

mod bindings {
    wit_bindgen::generate!({ world: "text-stats", path: "wit" });
}

use bindings::exports::ringfence::text_stats::stats::{Guest, Report, Term};

struct Skill;

impl Guest for Skill {
    fn analyze(text: String, top: Option<u32>) -> Report {
        let stats = stats::measure(&text);
        let terms = stats.top_terms(top.unwrap_or(DEFAULT_TOP));
        Report {
            words: stats.words,
            unique_words: stats.unique_words(),
            sentences: stats.sentences,
            paragraphs: stats.paragraphs,
            characters: stats.characters,
            syllables: stats.syllables,
            average_word_length: stats.average_word_length(),
            average_sentence_length: stats.average_sentence_length(),
            reading_ease: stats.reading_ease(),
            grade: stats.grade(),
            reading_seconds: stats.reading_seconds(),
            top_terms: terms.into_iter().map(|(term, count)| Term { term: term.to_owned(), count }).collect(),
        }
    }
}

bindings::export!(Skill with_types_in bindings);

/// How many terms are named when the caller does not say.
const DEFAULT_TOP: u32 = 10;

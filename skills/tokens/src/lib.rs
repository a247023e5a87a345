//! A Ringfence skill that counts tokens and cuts texts by them: five tools, and nothing imported.
//!
//! The promise to callers is in `wit/tokens.wit`. [`scan`] cuts a text into words, [`encoding`] those into tokens, and
//! [`cut`] finds chunks; all are plain Rust, and this file only joins them to the bindings.

mod cut;
mod encoding;
mod hash;
mod scan;
#[cfg(test)]
mod tests;

mod bindings {
    wit_bindgen::generate!({ world: "tokens", path: "wit" });
}

use bindings::exports::ringfence::tokens::tokenizer::{Boundary, Decoded, Encoding, End, Guest, Kept, Piece, Size};
use cut::{Keep, Plan};
use encoding::{CL100K, Encoder, O200K, Vocabulary};

struct Skill;

impl Guest for Skill {
    fn count(text: String, encoding: Option<Encoding>) -> Size {
        let tokens = Encoder::new(vocabulary(encoding)).count(&text);
        Size { tokens: number(tokens), characters: number(text.chars().count()), bytes: number(text.len()) }
    }

    fn chunk(
        text: String,
        size: u32,
        overlap: Option<u32>,
        boundary: Option<Boundary>,
        offsets_only: Option<bool>,
        encoding: Option<Encoding>,
    ) -> Result<Vec<Piece>, String> {
        let boundary = match boundary.unwrap_or(Boundary::Paragraph) {
            Boundary::Paragraph => cut::Boundary::Paragraph,
            Boundary::Line => cut::Boundary::Line,
            Boundary::Sentence => cut::Boundary::Sentence,
            Boundary::Word => cut::Boundary::Word,
            Boundary::Token => cut::Boundary::Token,
        };
        let plan = Plan::new(size, overlap.unwrap_or(0), boundary)?;
        let chunks = cut::chunks(&text, plan, &mut Encoder::new(vocabulary(encoding)));
        let with_text = !offsets_only.unwrap_or(false);
        Ok(with_character_offsets(&text, &chunks)
            .map(|(chunk, start, end)| Piece {
                start: number(start),
                end: number(end),
                tokens: number(chunk.tokens),
                text: with_text.then(|| text.get(chunk.start..chunk.end).unwrap_or_default().to_owned()),
            })
            .collect())
    }

    fn truncate(text: String, limit: u32, keep: Option<End>, encoding: Option<Encoding>) -> Kept {
        let keep = match keep.unwrap_or(End::Start) {
            End::Start => Keep::Start,
            End::End => Keep::End,
        };
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let (chunk, total) = cut::truncate(&text, limit, keep, &mut Encoder::new(vocabulary(encoding)));
        Kept {
            text: text.get(chunk.start..chunk.end).unwrap_or_default().to_owned(),
            tokens: number(chunk.tokens),
            total: number(total),
            truncated: total > limit,
        }
    }

    fn encode(text: String, encoding: Option<Encoding>) -> Vec<u32> {
        let mut tokens = Vec::new();
        Encoder::new(vocabulary(encoding)).encode(&text, &mut tokens);
        tokens.into_iter().map(|token| token.id).collect()
    }

    fn decode(tokens: Vec<u32>, encoding: Option<Encoding>) -> Result<Decoded, String> {
        let vocabulary = vocabulary(encoding);
        let mut bytes = Vec::new();
        for (at, token) in tokens.iter().enumerate() {
            let Some(known) = vocabulary.token(*token) else {
                return Err(format!("token {token}, at place {at}, is not in the vocabulary"));
            };
            bytes.extend_from_slice(known);
        }
        Ok(match String::from_utf8(bytes) {
            Ok(text) => Decoded { text, exact: true },
            Err(error) => Decoded { text: String::from_utf8_lossy(error.as_bytes()).into_owned(), exact: false },
        })
    }
}

bindings::export!(Skill with_types_in bindings);

fn vocabulary(encoding: Option<Encoding>) -> &'static Vocabulary {
    match encoding.unwrap_or(Encoding::O200kBase) {
        Encoding::O200kBase => &O200K,
        Encoding::Cl100kBase => &CL100K,
    }
}

/// Each chunk with the characters before its start and before its end; both only grow, so one pass does.
fn with_character_offsets<'a>(
    text: &'a str,
    chunks: &'a [cut::Chunk],
) -> impl Iterator<Item = (&'a cut::Chunk, usize, usize)> {
    let mut starts = CharacterOffsets { text, byte: 0, characters: 0 };
    let mut ends = CharacterOffsets { text, byte: 0, characters: 0 };
    chunks.iter().map(move |chunk| (chunk, starts.advance(chunk.start), ends.advance(chunk.end)))
}

struct CharacterOffsets<'a> {
    text: &'a str,
    byte: usize,
    characters: usize,
}

impl CharacterOffsets<'_> {
    fn advance(&mut self, byte: usize) -> usize {
        let passed = self.text.get(self.byte..byte).unwrap_or_default().chars().count();
        self.characters = self.characters.saturating_add(passed);
        self.byte = byte;
        self.characters
    }
}

fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

//! Cuts a text so that every piece, encoded by itself, has at most so many tokens: in time linear in the text.
//!
//! A piece cut out of a text does not always have the tokens that it had within the text, so each is counted again by
//! itself, and made smaller until it fits.

use crate::encoding::{Encoder, Token};

/// The coarsest place at which to cut; where there is none, the next finer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Boundary {
    Token,
    Word,
    Sentence,
    Line,
    Paragraph,
}

/// How to cut.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    size: usize,
    overlap: usize,
    boundary: Boundary,
}

/// A piece of the text: from and to which byte, and how many tokens it is by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Chunk {
    pub(crate) start: usize,
    pub(crate) end: usize,
    pub(crate) tokens: usize,
}

/// The least size of a chunk: one character may be four tokens, one a byte.
const LEAST_SIZE: u32 = 4;

impl Plan {
    pub(crate) fn new(size: u32, overlap: u32, boundary: Boundary) -> Result<Self, String> {
        if size < LEAST_SIZE {
            return Err(format!("size is {size}; the least is {LEAST_SIZE}, because one character may need as many"));
        }
        if overlap > size / 2 {
            return Err(format!("overlap is {overlap}; at most half of the size, which is {}, can be", size / 2));
        }
        Ok(Self { size: size as usize, overlap: overlap as usize, boundary })
    }
}

/// Cuts `text` as `plan` says. Without overlap each chunk starts where the one before it ends.
pub(crate) fn chunks(text: &str, plan: Plan, encoder: &mut Encoder) -> Vec<Chunk> {
    let mut cutter = Cutter { text, plan, encoder, tokens: Vec::new(), pieces: Vec::new() };
    let mut chunks: Vec<Chunk> = Vec::new();
    let mut start = 0;
    let mut done = 0;
    while done < text.len() {
        let chunk = cutter.next_chunk(start, done);
        if chunk.end <= done {
            // The overlap left no room for anything new.
            start = done;
            continue;
        }
        done = chunk.end;
        chunks.push(chunk);
        start = if plan.overlap == 0 || done == text.len() { done } else { cutter.overlap_start(chunk) };
    }
    chunks
}

struct Cutter<'a> {
    text: &'a str,
    plan: Plan,
    encoder: &'a mut Encoder,
    /// The tokens from the start of the chunk on, at least as many as it has.
    tokens: Vec<Token>,
    /// Of each piece in these, where it starts and how many tokens are before it.
    pieces: Vec<(usize, usize)>,
}

impl Cutter<'_> {
    /// The chunk that starts at `start`, and should end after `done`.
    fn next_chunk(&mut self, start: usize, done: usize) -> Chunk {
        let (text, size) = (self.text, self.plan.size);
        // A word of a megabyte is looked at only as far as needed: all of it for each chunk would be quadratic.
        let mut window = size.saturating_mul(8).saturating_add(16);
        loop {
            let end = text.floor_char_boundary(start.saturating_add(window));
            self.encoder.encode_some(slice(text, start, end), size, &mut self.tokens, &mut self.pieces);
            if self.tokens.len() > size {
                break;
            }
            if end == text.len() {
                return Chunk { start, end, tokens: self.tokens.len() };
            }
            window = window.saturating_mul(2);
        }

        let first_character = after_character(text, start);
        let mut keep = size;
        let mut less: usize = 1;
        loop {
            let limit = start.saturating_add(end_of(&self.tokens, keep));
            let limit = text.floor_char_boundary(limit).max(first_character);
            // At least half of what could be taken is taken, and half of what is new.
            let half = start.saturating_add(limit.saturating_sub(start) / 2);
            let half_new = done.saturating_add(limit.saturating_sub(done) / 2);
            let end = last_boundary(text, start, half.max(half_new), limit, self.plan.boundary);
            let tokens = self.count(start, end);
            if tokens <= size || end <= first_character {
                return Chunk { start, end, tokens };
            }
            keep = if keep == 1 { 0 } else { size.saturating_sub(less).max(1) };
            less = less.saturating_mul(2);
        }
    }

    /// How many tokens the text from `start`, which was encoded, to `end` is by itself.
    ///
    /// The pieces up to `end` are as they were, but for the one that is cut and the one before it: spaces leave their
    /// last one to a word, and keep it if the word is cut off.
    fn count(&mut self, start: usize, end: usize) -> usize {
        let length = end.saturating_sub(start);
        let cut = self.pieces.partition_point(|(at, _)| *at < length);
        let (at, before) = self.pieces.get(cut.saturating_sub(2)).copied().unwrap_or_default();
        before.saturating_add(self.encoder.count(slice(self.text, start.saturating_add(at), end)))
    }

    /// Where to start again so that at most `overlap` tokens of `chunk` are repeated: at a word, if one starts there.
    fn overlap_start(&mut self, chunk: Chunk) -> usize {
        let (text, overlap) = (self.text, self.plan.overlap);
        let length = chunk.end.saturating_sub(chunk.start);
        let count = self.tokens.partition_point(|token| token.end <= length);
        let mut less: usize = 0;
        while less < overlap {
            let not_repeated = count.saturating_sub(overlap.saturating_sub(less)).max(1);
            let start = chunk.start.saturating_add(end_of(&self.tokens, not_repeated));
            let start = word_start(text, text.ceil_char_boundary(start), chunk.end);
            // A cut through a word may make it more tokens than it was.
            if self.encoder.count(slice(text, start, chunk.end)) <= overlap {
                return start;
            }
            less = less.saturating_mul(2).saturating_add(1);
        }
        chunk.end
    }
}

/// The first place from `start` on, and before `end`, at which a word starts; `start` if there is none.
fn word_start(text: &str, start: usize, end: usize) -> usize {
    let start = start.min(end);
    let mut after_space = text.get(..start).and_then(|before| before.chars().next_back()).is_some_and(is_space);
    for (at, c) in slice(text, start, end).char_indices() {
        if after_space && !is_space(c) {
            return start.saturating_add(at);
        }
        after_space = is_space(c);
    }
    start
}

/// Where in what was encoded the first `count` tokens end.
fn end_of(tokens: &[Token], count: usize) -> usize {
    count.checked_sub(1).and_then(|last| tokens.get(last)).map_or(0, |token| token.end)
}

/// The last place after `least` and up to `limit` that is as coarse as there is one, but not coarser than `coarsest`;
/// `limit` if there is none.
fn last_boundary(text: &str, start: usize, least: usize, limit: usize, coarsest: Boundary) -> usize {
    if coarsest == Boundary::Token {
        return limit;
    }
    let mut best = (Boundary::Token, limit);
    let mut newlines: u32 = 0;
    let mut sentence_ended = false;
    // A little before, because what a place is depends on what is before it.
    let start = text.floor_char_boundary(least.saturating_sub(8)).max(start);
    let mut characters = text.get(start..).unwrap_or_default().char_indices().peekable();
    while let Some((at, c)) = characters.next() {
        let end = start.saturating_add(at).saturating_add(c.len_utf8());
        if end > limit {
            break;
        }
        if is_space(c) {
            newlines = newlines.saturating_add(u32::from(c == '\n'));
        } else {
            newlines = 0;
            sentence_ended = is_mark(c) || (sentence_ended && is_closing(c));
        }
        // The spaces after a word stay with it.
        if end <= least || characters.peek().is_some_and(|(_, next)| is_space(*next)) {
            continue;
        }
        let boundary = match (is_space(c), newlines) {
            (true, 0) if sentence_ended => Boundary::Sentence,
            (true, 0) => Boundary::Word,
            (true, 1) => Boundary::Line,
            (true, _) => Boundary::Paragraph,
            // Scripts with these marks have no spaces.
            (false, _) if matches!(c, '。' | '！' | '？' | '｡') => Boundary::Sentence,
            (false, _) => continue,
        };
        let boundary = if boundary as u8 > coarsest as u8 { coarsest } else { boundary };
        if boundary as u8 >= best.0 as u8 {
            best = (boundary, end);
        }
    }
    best.1
}

fn is_space(c: char) -> bool {
    c.is_whitespace()
}

fn is_mark(c: char) -> bool {
    matches!(c, '.' | '!' | '?' | '…' | '。' | '！' | '？' | '｡' | '؟' | '۔' | '।')
}

fn is_closing(c: char) -> bool {
    matches!(c, '"' | '\'' | ')' | ']' | '”' | '’' | '»' | '」' | '』')
}

/// Which end of a text is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keep {
    Start,
    End,
}

/// The longest piece at one end of `text`, nearly, that is at most `limit` tokens by itself, and the tokens of `text`.
pub(crate) fn truncate(text: &str, limit: usize, keep: Keep, encoder: &mut Encoder) -> (Chunk, usize) {
    let mut tokens = Vec::new();
    encoder.encode(text, &mut tokens);
    let total = tokens.len();
    if total <= limit {
        return (Chunk { start: 0, end: text.len(), tokens: total }, total);
    }
    let mut less: usize = 0;
    loop {
        let count = limit.saturating_sub(less);
        let (start, end) = match keep {
            Keep::Start => (0, text.floor_char_boundary(end_of(&tokens, count))),
            Keep::End => (text.ceil_char_boundary(end_of(&tokens, total.saturating_sub(count))), text.len()),
        };
        let found = encoder.count(slice(text, start, end));
        if found <= limit {
            return (Chunk { start, end, tokens: found }, total);
        }
        less = less.saturating_mul(2).saturating_add(1);
    }
}

/// The end of the character that starts at `at`.
fn after_character(text: &str, at: usize) -> usize {
    text.ceil_char_boundary(at.saturating_add(1))
}

fn slice(text: &str, start: usize, end: usize) -> &str {
    text.get(start..end).unwrap_or_default()
}

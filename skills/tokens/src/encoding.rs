//! The tokens of a text, the same as the published tokenizer gives, in time that grows with n log n at worst.

use core::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::hash;
use crate::scan::{self, Pattern};

/// A vocabulary as tables in the component, and the pattern that goes with it.
#[derive(Debug)]
pub(crate) struct Vocabulary {
    pattern: Pattern,
    /// The bytes of all tokens, by rank.
    bytes: &'static [u8],
    /// Where each starts, and where the last ends: little-endian.
    starts: &'static [[u8; 4]],
    /// Open addressing: fingerprint and token, little-endian.
    slots: &'static [[u8; 4]],
    /// Bytes of the longest token.
    longest: usize,
}

macro_rules! vocabulary {
    ($pattern:expr, $name:literal) => {
        Vocabulary {
            pattern: $pattern,
            bytes: include_bytes!(concat!(env!("OUT_DIR"), "/", $name, ".bytes")),
            starts: include_bytes!(concat!(env!("OUT_DIR"), "/", $name, ".starts")).as_chunks().0,
            slots: include_bytes!(concat!(env!("OUT_DIR"), "/", $name, ".slots")).as_chunks().0,
            longest: number(include_bytes!(concat!(env!("OUT_DIR"), "/", $name, ".longest"))),
        }
    };
}

pub(crate) static O200K: Vocabulary = vocabulary!(Pattern::O200k, "o200k");
pub(crate) static CL100K: Vocabulary = vocabulary!(Pattern::Cl100k, "cl100k");

/// The number that decimal digits write.
const fn number(mut digits: &[u8]) -> usize {
    let mut number = 0;
    while let [digit, rest @ ..] = digits {
        number = number * 10 + (*digit - b'0') as usize;
        digits = rest;
    }
    number
}

impl Vocabulary {
    /// The bytes of `token`, if there is such a token.
    pub(crate) fn token(&self, token: u32) -> Option<&'static [u8]> {
        let at = usize::try_from(token).ok()?;
        let start = u32::from_le_bytes(*self.starts.get(at)?);
        let end = u32::from_le_bytes(*self.starts.get(at.checked_add(1)?)?);
        self.bytes.get(usize::try_from(start).ok()?..usize::try_from(end).ok()?)
    }

    /// The token that has exactly these bytes.
    fn find(&self, bytes: &[u8]) -> Option<u32> {
        if bytes.len() > self.longest {
            return None;
        }
        let hash = hash::hash(bytes);
        let wanted = hash::fingerprint(hash) >> hash::TOKEN_BITS;
        let mut at = hash::first_slot(hash, self.slots.len());
        // Half of the slots are empty, so this ends soon.
        loop {
            let slot = u32::from_le_bytes(*self.slots.get(at)?);
            if slot == hash::EMPTY {
                return None;
            }
            let token = slot & ((1 << hash::TOKEN_BITS) - 1);
            if slot >> hash::TOKEN_BITS == wanted && self.token(token) == Some(bytes) {
                return Some(token);
            }
            at = at.wrapping_add(1);
            if at == self.slots.len() {
                at = 0;
            }
        }
    }
}

/// A token of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Token {
    /// Its number in the vocabulary.
    pub(crate) id: u32,
    /// Where it ends in the text, in bytes; this may be inside a character.
    pub(crate) end: usize,
}

/// Encodes texts; keeps its allocations from one to the next.
#[derive(Debug)]
pub(crate) struct Encoder {
    vocabulary: &'static Vocabulary,
    merge: Merge,
}

impl Encoder {
    pub(crate) fn new(vocabulary: &'static Vocabulary) -> Self {
        Self { vocabulary, merge: Merge::default() }
    }

    /// How many tokens `text` is.
    pub(crate) fn count(&mut self, text: &str) -> usize {
        let mut count: usize = 0;
        self.each_piece(text, |found, _, merge| {
            count = count.saturating_add(if found.is_some() { 1 } else { merge.parts });
            true
        });
        count
    }

    /// The tokens of `text`, in `tokens`, which is cleared first.
    pub(crate) fn encode(&mut self, text: &str, tokens: &mut Vec<Token>) {
        self.encode_some(text, usize::MAX, tokens, &mut Vec::new());
    }

    /// The tokens of `text` up to the first piece with which they are more than `most`, in `tokens`; and of every piece
    /// where it starts and how many tokens are before it, in `pieces`. Both are cleared first.
    pub(crate) fn encode_some(
        &mut self,
        text: &str,
        most: usize,
        tokens: &mut Vec<Token>,
        pieces: &mut Vec<(usize, usize)>,
    ) {
        tokens.clear();
        pieces.clear();
        let vocabulary = self.vocabulary;
        self.each_piece(text, |found, (start, end), merge| {
            if most < usize::MAX {
                pieces.push((start, tokens.len()));
            }
            if let Some(id) = found {
                tokens.push(Token { id, end });
                return tokens.len() <= most;
            }
            let piece = text.as_bytes().get(start..end).unwrap_or_default();
            let mut at = 0;
            while let Some(next) = merge.next.get(at).map(|next| *next as usize).filter(|next| *next > at) {
                // Every part of a piece is a token: it was found as one, or is one byte.
                let id = vocabulary.find(piece.get(at..next).unwrap_or_default()).unwrap_or_default();
                tokens.push(Token { id, end: start.saturating_add(next) });
                at = next;
            }
            tokens.len() <= most
        });
    }

    /// Hands over each piece, as one token or taken apart in the merge, as long as more are wanted.
    fn each_piece(&mut self, text: &str, mut take: impl FnMut(Option<u32>, (usize, usize), &Merge) -> bool) {
        let mut at = 0;
        while at < text.len() {
            let end = scan::piece_end(text, at, self.vocabulary.pattern);
            let piece = text.as_bytes().get(at..end).unwrap_or_default();
            let found = self.vocabulary.find(piece);
            if found.is_none() {
                self.merge.run(piece, self.vocabulary);
            }
            if !take(found, (at, end), &self.merge) {
                return;
            }
            at = end;
        }
    }
}

/// A piece that is being merged. Byte-pair encoding joins, again and again, the two neighbours whose union has the
/// lowest rank; a heap of the candidates finds them in n log n, however long the piece.
#[derive(Debug, Default)]
struct Merge {
    /// For the first byte of each part, where the next part starts. The other entries mean nothing.
    next: Vec<u32>,
    /// For the first byte of each part, where the one before it starts.
    previous: Vec<u32>,
    /// For the first byte of each part, the rank of it joined with the next.
    joined: Vec<u32>,
    /// Rank and first byte of what could be joined; what no longer agrees with `joined` is passed over.
    candidates: BinaryHeap<Reverse<u64>>,
    /// How many parts are left.
    parts: usize,
    /// Whether the piece is so short that looking at all parts costs less than a heap.
    short: bool,
}

/// The longest piece that is short.
const SHORT: usize = 24;

/// No part, or no token.
const NONE: u32 = u32::MAX;

impl Merge {
    fn run(&mut self, piece: &[u8], vocabulary: &Vocabulary) {
        // Lengths fit: a component has 32-bit addresses, and the tests have short texts.
        let length = u32::try_from(piece.len()).unwrap_or(NONE);
        self.parts = piece.len();
        self.short = piece.len() <= SHORT;
        self.next.clear();
        self.next.extend(1..=length);
        self.previous.clear();
        self.previous.push(NONE);
        self.previous.extend(0..length.saturating_sub(1));
        self.joined.clear();
        let mut candidates = core::mem::take(&mut self.candidates).into_vec();
        candidates.clear();
        for (at, pair) in piece.windows(2).enumerate() {
            let rank = vocabulary.find(pair).unwrap_or(NONE);
            self.joined.push(rank);
            if rank != NONE && !self.short {
                candidates.push(candidate(rank, at));
            }
        }
        self.joined.push(NONE);
        // To make a heap of all at once takes linear time.
        self.candidates = candidates.into();

        if self.short {
            while let Some((at, rank)) = self.joined.iter().enumerate().min_by_key(|(_, rank)| **rank)
                && *rank != NONE
            {
                self.join(at, piece, vocabulary);
            }
            return;
        }
        while let Some(Reverse(candidate)) = self.candidates.pop() {
            let at = usize::try_from(candidate & u64::from(u32::MAX)).unwrap_or_default();
            if self.joined.get(at).copied() != Some((candidate >> 32) as u32) {
                continue;
            }
            self.join(at, piece, vocabulary);
        }
    }

    /// Joins the part at `at` with the next.
    fn join(&mut self, at: usize, piece: &[u8], vocabulary: &Vocabulary) {
        let Some(second) = self.next.get(at).map(|next| *next as usize) else { return };
        let end = self.next.get(second).copied().unwrap_or(NONE);
        if let Some(next) = self.next.get_mut(at) {
            *next = end;
        }
        if let Some(joined) = self.joined.get_mut(second) {
            *joined = NONE;
        }
        if let Some(previous) = self.previous.get_mut(end as usize) {
            *previous = u32::try_from(at).unwrap_or(NONE);
        }
        self.parts = self.parts.saturating_sub(1);
        self.look(at, piece, vocabulary);
        if let Some(before) = self.previous.get(at).copied().filter(|before| *before != NONE) {
            self.look(before as usize, piece, vocabulary);
        }
    }

    /// Finds out anew what the part at `at` and the next would be.
    fn look(&mut self, at: usize, piece: &[u8], vocabulary: &Vocabulary) {
        let second = self.next.get(at).map_or(piece.len(), |next| *next as usize);
        let end = self.next.get(second).map(|end| *end as usize);
        let rank = end.and_then(|end| vocabulary.find(piece.get(at..end)?)).unwrap_or(NONE);
        if let Some(joined) = self.joined.get_mut(at) {
            *joined = rank;
        }
        if rank != NONE && !self.short {
            self.candidates.push(candidate(rank, at));
        }
    }
}

/// Lowest rank first, and of equal ones the leftmost.
fn candidate(rank: u32, at: usize) -> Reverse<u64> {
    Reverse((u64::from(rank) << 32) | at as u64)
}

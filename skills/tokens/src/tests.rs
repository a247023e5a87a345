//! Holds the tokenizer against the published one, on texts of every kind and on random ones, and the chunks against
//! what they promise.

use std::time::{Duration, Instant};

use tiktoken_rs::CoreBPE;

use crate::cut::{self, Boundary, Keep, Plan};
use crate::encoding::{CL100K, Encoder, O200K, Vocabulary};

fn encodings() -> [(&'static Vocabulary, &'static CoreBPE); 2] {
    [(&O200K, tiktoken_rs::o200k_base_singleton()), (&CL100K, tiktoken_rs::cl100k_base_singleton())]
}

fn encode(vocabulary: &'static Vocabulary, text: &str) -> Vec<u32> {
    let mut encoder = Encoder::new(vocabulary);
    let mut tokens = Vec::new();
    encoder.encode(text, &mut tokens);
    assert_eq!(encoder.count(text), tokens.len(), "{text:?}");
    assert_eq!(tokens.last().map_or(0, |token| token.end), text.len(), "{text:?}");
    tokens.into_iter().map(|token| token.id).collect()
}

fn same_as_published(text: &str) {
    for (ours, published) in encodings() {
        assert_eq!(encode(ours, text), published.encode_ordinary(text), "{text:?}");
    }
}

/// A generator of numbers that repeats: a failure can be looked at again.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        // xorshift64*: Vigna, "An experimental exploration of Marsaglia's xorshift generators, scrambled", 2016.
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        usize::try_from(self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33).unwrap() % end
    }

    fn number(&mut self, end: u32) -> u32 {
        u32::try_from(self.below(end as usize)).unwrap()
    }

    /// A text of pieces at which the patterns decide.
    fn text(&mut self, pieces: usize) -> String {
        const PIECES: [&str; 56] = [
            " ",
            "  ",
            "\n",
            "\r\n",
            "\t",
            "\u{a0}",
            "\u{3000}",
            "\u{85}",
            "'",
            "'s",
            "'S",
            "'ſ",
            "'ll",
            "'RE",
            "'v",
            "’s",
            "a",
            "B",
            "the",
            "The",
            "HTML",
            "hTtP",
            "ǅ",
            "ʰ",
            "ª",
            "語",
            "日本語",
            "ى",
            "ß",
            "É",
            "e\u{301}",
            "\u{301}",
            "\u{300}\u{301}",
            "1",
            "42",
            "2026",
            "½",
            "٣",
            "Ⅷ",
            ".",
            "...",
            "/",
            "//",
            "!?",
            "-",
            "—",
            "🙂",
            "👩‍👩‍👧",
            "\0",
            "_",
            "{\"",
            "\");",
            "<|endoftext|>",
            "\u{200b}",
            "𝒜",
            "ﬁ",
        ];
        let mut text = String::new();
        for _ in 0..self.below(pieces + 1) {
            match self.below(8) {
                0 => text.extend(char::from_u32(self.number(0x11_0000))),
                1 => text.extend(char::from_u32(self.number(0x3000))),
                _ => text.push_str(PIECES[self.below(PIECES.len())]),
            }
        }
        text
    }
}

const PROSE: &str = "It is a truth universally acknowledged, that a single man in possession of a good fortune, must be \
in want of a wife.\n\nHowever little known the feelings or views of such a man may be on his first entering a \
neighbourhood, this truth is so well fixed in the minds of the surrounding families, that he is considered as the \
rightful property of some one or other of their daughters.\n\n“My dear Mr. Bennet,” said his lady to him one day, “have \
you heard that Netherfield Park is let at last?”\n\nMr. Bennet replied that he had not.\n";

#[test]
fn known_tokens() {
    assert_eq!(encode(&O200K, "hello world"), [24912, 2375]);
    assert_eq!(encode(&CL100K, "hello world"), [15339, 1917]);
    assert_eq!(encode(&O200K, ""), []);
    assert_eq!(O200K.token(24912), Some(&b"hello"[..]));
    assert_eq!(O200K.token(199_998), None);
    assert_eq!(CL100K.token(u32::MAX), None);
}

#[test]
fn the_tokens_are_those_of_the_published_tokenizer() {
    for text in [
        PROSE,
        "I'm can't DON'T we'll WE'LL they'Re x'ſ 'sick 'tis o'clock",
        "fn main() {\n    println!(\"{}\", 1_000_000u64 / 3);\n}\n\n\n\t\treturn;  \n",
        "1234567 3.14 ½ 12345٣٤٥",
        "  \n  \n   x \r\n\r\n  y   ",
        "ABCdef ABC ABCª ªABC Aªb ÉCOLE école e\u{301}cole \u{301}a \u{301} A\u{301}B",
        "https://example.com/a/b//c?d=e&f#g",
        "日本語のテキスト。今日は晴れ！ Привет, мир. مرحبا بالعالم नमस्ते 안녕하세요",
        "🙂👩‍👩‍👧‍👦🇩🇪 zero\u{200b}width \u{feff}bom \0 nul",
    ] {
        same_as_published(text);
        for (end, _) in text.char_indices() {
            same_as_published(&text[end..]);
        }
    }
}

#[test]
fn the_tokens_of_random_texts_are_those_of_the_published_tokenizer() {
    let mut random = Random(0x5EED);
    for _ in 0..20_000 {
        same_as_published(&random.text(24));
    }
}

#[test]
fn every_character_is_in_the_same_class() {
    // Planes 0 to 3 and the start of 14 have all that are assigned; of the rest a sample. A letter before and after
    // each shows to which alternative it belongs.
    let code_points = (0..0x3_4000).chain((0x3_4000..0x11_0000).step_by(97)).chain(0xE_0000..0xE_0200);
    let every: String = code_points.filter_map(char::from_u32).map(|c| format!("a{c}A{c}1")).collect();
    for part in every.as_bytes().chunks(1 << 16) {
        same_as_published(&String::from_utf8_lossy(part));
    }
}

#[test]
fn long_pieces_are_merged_as_the_published_tokenizer_does() {
    let mut random = Random(7);
    for alphabet in ["a", "ab", "abcdefghijklmnopqrstuvwxyz", " ", "-=", "é", "語日本"] {
        let letters: Vec<char> = alphabet.chars().collect();
        for length in [2, 20, 500, 3_000] {
            let text: String = (0..length).map(|_| letters[random.below(letters.len())]).collect();
            same_as_published(&text);
        }
    }
}

#[test]
fn a_very_long_piece_takes_less_than_quadratic_time() {
    for unit in ["a", " ", "\n", "A", "-", "語", "ab"] {
        let text = unit.repeat(200_000 / unit.len());
        let started = Instant::now();
        let count = Encoder::new(&O200K).count(&text);
        assert!(count > 1_000, "{unit:?}");
        // Quadratic time would be far more; this is for the slowest machine without optimisation.
        assert!(started.elapsed() < Duration::from_secs(60), "{unit:?}: {:?}", started.elapsed());
    }
}

fn pieces(text: &str, size: u32, overlap: u32, boundary: Boundary) -> Vec<&str> {
    let plan = Plan::new(size, overlap, boundary).unwrap();
    let mut encoder = Encoder::new(&O200K);
    let chunks = cut::chunks(text, plan, &mut encoder);
    chunks.iter().map(|chunk| &text[chunk.start..chunk.end]).collect()
}

#[test]
fn chunks_joined_are_the_text_and_each_fits() {
    let mut random = Random(99);
    let mut encoder = Encoder::new(&CL100K);
    for round in 0..3_000 {
        let text = random.text(200);
        let size = 4 + random.number(40);
        let overlap = if round % 2 == 0 { 0 } else { random.number(size / 2 + 1) };
        let boundary =
            [Boundary::Token, Boundary::Word, Boundary::Sentence, Boundary::Line, Boundary::Paragraph][random.below(5)];
        let chunks = cut::chunks(&text, Plan::new(size, overlap, boundary).unwrap(), &mut encoder);
        let mut joined = String::new();
        let mut before: Option<cut::Chunk> = None;
        for chunk in &chunks {
            let piece = &text[chunk.start..chunk.end];
            assert_eq!(encoder.count(piece), chunk.tokens);
            assert!(chunk.tokens <= size as usize && !piece.is_empty(), "{chunk:?} of {size}");
            if let Some(before) = before {
                assert!(chunk.start <= before.end && chunk.start > before.start && chunk.end > before.end);
                let repeated = encoder.count(&text[chunk.start..before.end]);
                assert!(repeated <= overlap as usize, "{repeated} of {overlap}");
            }
            joined.push_str(&text[joined.len()..chunk.end]);
            if overlap == 0 {
                assert_eq!(joined.len() - piece.len(), chunk.start);
            }
            before = Some(*chunk);
        }
        assert_eq!(joined, text);
    }
}

#[test]
fn chunks_end_where_a_reader_would_cut() {
    let paragraphs = pieces(PROSE, 40, 0, Boundary::Paragraph);
    assert!(paragraphs[0].ends_with("in want of a wife.\n\n"), "{paragraphs:?}");
    assert_eq!(
        pieces("One two. Three four. Five six.", 8, 0, Boundary::Paragraph),
        ["One two. Three four. ", "Five six."]
    );
    assert_eq!(
        pieces("alpha beta gamma delta epsilon", 4, 0, Boundary::Word).concat(),
        "alpha beta gamma delta epsilon"
    );
    for piece in &pieces("alpha beta gamma delta epsilon", 4, 0, Boundary::Word)[1..] {
        assert!(!piece.starts_with(' '), "{piece:?}");
    }
    assert_eq!(pieces("", 8, 0, Boundary::Paragraph), [""; 0]);
    assert_eq!(pieces("short", 8, 4, Boundary::Paragraph), ["short"]);
}

#[test]
fn overlap_repeats_words() {
    let pieces = pieces(PROSE, 40, 10, Boundary::Sentence);
    for pair in pieces.windows(2) {
        let repeated = (1..=pair[1].len()).rev().filter(|end| pair[1].is_char_boundary(*end));
        let longest = repeated.map(|end| &pair[1][..end]).find(|start| pair[0].ends_with(start));
        assert!(longest.is_some_and(|repeated| repeated.len() > 5), "{pair:?}");
    }
}

#[test]
fn sizes_that_cannot_be_are_refused() {
    assert!(Plan::new(3, 0, Boundary::Token).is_err());
    assert!(Plan::new(0, 0, Boundary::Token).is_err());
    assert!(Plan::new(10, 6, Boundary::Token).is_err());
    assert!(Plan::new(u32::MAX, u32::MAX / 2, Boundary::Token).is_ok());
}

#[test]
fn small_chunks_of_a_long_word_take_linear_time() {
    let text = "a".repeat(200_000);
    let started = Instant::now();
    assert_eq!(pieces(&text, 4, 2, Boundary::Paragraph).last().map(|last| last.is_empty()), Some(false));
    assert!(started.elapsed() < Duration::from_secs(60), "{:?}", started.elapsed());
}

#[test]
fn truncation_keeps_one_end_and_fits() {
    let mut random = Random(3);
    let mut encoder = Encoder::new(&O200K);
    for _ in 0..2_000 {
        let text = random.text(60);
        let limit = random.below(40);
        for keep in [Keep::Start, Keep::End] {
            let (chunk, total) = cut::truncate(&text, limit, keep, &mut encoder);
            let piece = &text[chunk.start..chunk.end];
            assert_eq!(encoder.count(piece), chunk.tokens);
            assert_eq!(encoder.count(&text), total);
            assert!(chunk.tokens <= limit);
            assert!(if keep == Keep::Start { text.starts_with(piece) } else { text.ends_with(piece) });
            assert_eq!(total <= limit, piece.len() == text.len());
        }
    }
    assert_eq!(cut::truncate("one two three", 2, Keep::Start, &mut encoder).0.end, 7);
    assert_eq!(cut::truncate("one two three", 2, Keep::End, &mut encoder).0.start, 3);
}

//! Writes the vocabularies and the classes of characters as tables that are looked up where they lie.
//!
//! The published tokenizers parse their vocabulary into maps when they start. In a skill every call is a new instance,
//! so that work would be done at every call, and it is far more than most calls need. So the build asks one of them
//! for its tokens and lays them out once; a call starts with nothing to do.

#![expect(clippy::indexing_slicing, reason = "a panic stops the build, and nothing else")]

use std::collections::HashSet;
use std::error::Error;
use std::fs;
use std::path::Path;

use tiktoken_rs::CoreBPE;

#[path = "src/hash.rs"]
mod hash;

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=src/hash.rs");
    let out = std::env::var_os("OUT_DIR").ok_or("cargo sets OUT_DIR")?;
    let out = Path::new(&out);
    vocabulary(out, "o200k", &tiktoken_rs::o200k_base()?)?;
    vocabulary(out, "cl100k", &tiktoken_rs::cl100k_base()?)?;
    classes(out)
}

/// Three files: the bytes of all tokens by rank, where each starts, and a table with open addressing over them.
fn vocabulary(out: &Path, name: &str, encoding: &CoreBPE) -> Result<(), Box<dyn Error>> {
    let mut bytes = Vec::new();
    let mut starts: Vec<u32> = vec![0];
    let mut hashes = Vec::new();
    let mut longest = 0;
    // Ranks have no gap up to the last; the special tokens come after one.
    for rank in 0.. {
        let Ok(token) = encoding.decode_bytes(&[rank]) else { break };
        longest = longest.max(token.len());
        hashes.push(hash::hash(&token));
        bytes.extend_from_slice(&token);
        starts.push(u32::try_from(bytes.len())?);
    }
    if hashes.len() < 100_000 || hashes.len() >= 1 << hash::TOKEN_BITS {
        return Err(format!("{name} has {} tokens", hashes.len()).into());
    }
    let mut slots = vec![hash::EMPTY; hashes.len() * 2];
    for (token, hash) in hashes.iter().enumerate() {
        let mut at = hash::first_slot(*hash, slots.len());
        while slots[at] != hash::EMPTY {
            at = (at + 1) % slots.len();
        }
        slots[at] = hash::fingerprint(*hash) | u32::try_from(token)?;
    }
    fs::write(out.join(format!("{name}.bytes")), bytes)?;
    fs::write(out.join(format!("{name}.starts")), little_endian(&starts))?;
    fs::write(out.join(format!("{name}.slots")), little_endian(&slots))?;
    fs::write(out.join(format!("{name}.longest")), longest.to_string())?;
    Ok(())
}

fn little_endian(numbers: &[u32]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_le_bytes()).collect()
}

/// Two files: for each 256 code points which block describes them, and the blocks, a byte a code point.
///
/// They are the classes that the patterns of the encodings name, from the tables of the very crate that the published
/// tokenizers compile those patterns with.
fn classes(out: &Path) -> Result<(), Box<dyn Error>> {
    let mut classes = vec![0_u8; 0x11_0000];
    // The numbers are those of `src/scan.rs`.
    for (class, pattern) in
        [(1, r"[\p{Lu}\p{Lt}]"), (2, r"\p{Ll}"), (3, r"[\p{Lm}\p{Lo}]"), (4, r"\p{M}"), (5, r"\p{N}"), (6, r"\s")]
    {
        for (first, last) in ranges(pattern)? {
            classes[first as usize..=last as usize].fill(class);
        }
    }
    let mut index = Vec::new();
    let mut blocks: Vec<&[u8]> = Vec::new();
    for block in classes.chunks(256) {
        let at = blocks.iter().position(|known| *known == block).unwrap_or_else(|| {
            blocks.push(block);
            blocks.len() - 1
        });
        index.push(u8::try_from(at)?);
    }
    fs::write(out.join("classes.index"), index)?;
    fs::write(out.join("classes.blocks"), blocks.concat())?;
    // The classes have no code point in common, or the order above would matter.
    let named: HashSet<u8> = classes.iter().copied().collect();
    if named.len() == 7 { Ok(()) } else { Err("a class is empty".into()) }
}

fn ranges(pattern: &str) -> Result<Vec<(char, char)>, Box<dyn Error>> {
    match regex_syntax::Parser::new().parse(pattern)?.into_kind() {
        regex_syntax::hir::HirKind::Class(regex_syntax::hir::Class::Unicode(class)) => {
            Ok(class.iter().map(|range| (range.start(), range.end())).collect())
        }
        other => Err(format!("{pattern} is no class: {other:?}").into()),
    }
}

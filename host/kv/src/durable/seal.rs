//! Checksums of rows: a read returns what was written, or fails.
//!
//! The database checks its pages only when it repairs a file. So each row ends in a checksum of its own, over its
//! table, its key and its content. It finds what disks, copies and editors do by accident. It is no signature: whoever
//! can write the file can write a row with its checksum.

use super::area::Area;
use crate::error::Error;

/// Bytes of a checksum.
const SUM: usize = 16;

fn sum<'a>(area: Area, key: &[u8], content: impl Iterator<Item = &'a [u8]>) -> [u8; SUM] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(area.name().as_bytes());
    // Neither the name nor the key can reach into what follows.
    for length in [area.name().len(), key.len()] {
        hasher.update(&u64::try_from(length).unwrap_or(u64::MAX).to_be_bytes());
    }
    hasher.update(key);
    for part in content {
        hasher.update(part);
    }
    let mut sum = [0; SUM];
    hasher.finalize_xof().fill(&mut sum);
    sum
}

/// Returns a row: the parts of its content, and their checksum.
pub(super) fn sealed(area: Area, key: &[u8], parts: &[&[u8]]) -> Vec<u8> {
    let sum = sum(area, key, parts.iter().copied());
    let length = parts.iter().fold(SUM, |length, part| length.saturating_add(part.len()));
    let mut row = Vec::with_capacity(length);
    for part in parts {
        row.extend_from_slice(part);
    }
    row.extend_from_slice(&sum);
    row
}

/// Returns the content of a row.
///
/// # Errors
///
/// [`Error::Damaged`] if the row has another checksum.
pub(super) fn opened<'a>(area: Area, key: &[u8], row: &'a [u8]) -> Result<&'a [u8], Error> {
    let (content, found) = row.split_last_chunk::<SUM>().ok_or(Error::Damaged { table: area.name() })?;
    if sum(area, key, std::iter::once(content)) == *found {
        Ok(content)
    } else {
        Err(Error::Damaged { table: area.name() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_opens_under_its_own_table_and_key_alone() {
        let row = sealed(Area::Values, b"key", &[b"12345678", b"value"]);
        assert_eq!(opened(Area::Values, b"key", &row).unwrap(), b"12345678value");
        for (area, key) in
            [(Area::Heads, &b"key"[..]), (Area::Values, b"kez"), (Area::Values, b"ke"), (Area::Values, b"")]
        {
            assert!(matches!(opened(area, key, &row), Err(Error::Damaged { .. })));
        }
    }

    #[test]
    fn every_flipped_bit_and_every_cut_is_found() {
        let row = sealed(Area::Values, b"key", &[b"12345678", b"value"]);
        for at in 0..row.len() {
            for bit in 0..8 {
                let mut other = row.clone();
                other[at] ^= 1 << bit;
                assert!(opened(Area::Values, b"key", &other).is_err(), "byte {at}, bit {bit}");
            }
            assert!(opened(Area::Values, b"key", &row[..at]).is_err(), "cut at {at}");
            assert!(at == 0 || opened(Area::Values, b"key", &row[at..]).is_err(), "cut before {at}");
        }
    }
}

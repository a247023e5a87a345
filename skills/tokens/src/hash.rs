//! Where a token is in the table of its vocabulary; the same function for the build that writes the table and for the
//! component that reads it.

/// A hash of `bytes`: the upper half chooses the slot, the lower bits are the fingerprint.
pub(crate) fn hash(bytes: &[u8]) -> u64 {
    const FACTOR: u64 = 0x9E37_79B9_7F4A_7C15;
    let mut hash = FACTOR ^ (bytes.len() as u64);
    let (words, rest) = bytes.as_chunks::<8>();
    for word in words {
        hash = (hash ^ u64::from_le_bytes(*word)).wrapping_mul(FACTOR);
        hash ^= hash >> 32;
    }
    hash = (hash ^ short(rest)).wrapping_mul(FACTOR);
    hash ^= hash >> 29;
    hash = hash.wrapping_mul(FACTOR);
    hash ^ (hash >> 32)
}

/// Fewer than eight bytes in one word; those of equal length that differ give words that differ.
fn short(bytes: &[u8]) -> u64 {
    match (bytes.first_chunk::<4>(), bytes.last_chunk::<4>(), bytes) {
        (Some(first), Some(last), _) => {
            u64::from(u32::from_le_bytes(*first)) | (u64::from(u32::from_le_bytes(*last)) << 32)
        }
        (_, _, [first, .., last]) => {
            let second = bytes.get(1).copied().unwrap_or_default();
            u64::from(*first) | (u64::from(second) << 8) | (u64::from(*last) << 16)
        }
        (_, _, [byte]) => u64::from(*byte),
        _ => 0,
    }
}

/// Which of `slots` slots is looked at first.
pub(crate) fn first_slot(hash: u64, slots: usize) -> usize {
    usize::try_from(((hash >> 32).wrapping_mul(slots as u64)) >> 32).unwrap_or_default()
}

/// A slot with nothing in it.
pub(crate) const EMPTY: u32 = u32::MAX;

/// Bits of a slot that hold the token; the others hold the fingerprint.
pub(crate) const TOKEN_BITS: u32 = 18;

/// The bits of `hash` that a slot keeps, so that other tokens are mostly told apart without a look at their bytes.
pub(crate) fn fingerprint(hash: u64) -> u32 {
    const MASK: u64 = (1 << (u32::BITS - TOKEN_BITS)) - 1;
    u32::try_from(hash & MASK).unwrap_or_default() << TOKEN_BITS
}

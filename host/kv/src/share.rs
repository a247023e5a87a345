//! Room in the whole store, and each holder's share of it, so that nobody fills the store for the others.
//!
//! A holder is the principal of a space, or the owner of its skill where all principals share the space.

use crate::error::Quota;
use crate::quota::Usage;

/// The most bytes of the whole store, and of one holder's spaces.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Room {
    pub(crate) store_bytes: u64,
    pub(crate) share_bytes: u64,
}

/// The bytes after a step of one space: of the whole store, and of the holder's spaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Next {
    pub(crate) total: u64,
    pub(crate) share: u64,
}

impl Room {
    /// Room for copies, whose rows some store has held already.
    pub(crate) const ENDLESS: Self = Self { store_bytes: u64::MAX, share_bytes: u64::MAX };

    /// Returns the bytes after a step of one space. A step that frees bytes always passes. `whole` lets the space take
    /// more than the holder's share.
    pub(crate) fn step(
        &self,
        total: u64,
        share: u64,
        before: Usage,
        after: Usage,
        whole: bool,
    ) -> Result<Next, Quota> {
        let of = |sum: u64| sum.saturating_sub(before.bytes).saturating_add(after.bytes);
        let next = Next { total: of(total), share: of(share) };
        let grows = after.bytes > before.bytes;
        if grows && next.total > self.store_bytes {
            return Err(Quota::StoreBytes { limit: self.store_bytes });
        }
        if grows && !whole && next.share > self.share_bytes {
            return Err(Quota::ShareBytes { limit: self.share_bytes });
        }
        Ok(next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usage(bytes: u64) -> Usage {
        Usage { bytes, ..Usage::default() }
    }

    #[test]
    fn a_step_passes_up_to_the_share_and_up_to_the_store() {
        let room = Room { store_bytes: 100, share_bytes: 40 };
        let step = |total, share, before, after| room.step(total, share, usage(before), usage(after), false);
        assert_eq!(step(60, 30, 10, 20), Ok(Next { total: 70, share: 40 }));
        assert_eq!(step(60, 30, 10, 21), Err(Quota::ShareBytes { limit: 40 }));
        assert_eq!(step(95, 10, 0, 5), Ok(Next { total: 100, share: 15 }));
        assert_eq!(step(95, 10, 0, 6), Err(Quota::StoreBytes { limit: 100 }));
        // What is over a lowered limit can shrink.
        assert_eq!(step(200, 90, 50, 49), Ok(Next { total: 199, share: 89 }));
        assert_eq!(step(200, 90, 50, 50), Ok(Next { total: 200, share: 90 }));
        // An operator takes what the store has.
        assert_eq!(room.step(60, 30, usage(10), usage(50), true), Ok(Next { total: 100, share: 70 }));
        assert!(room.step(60, 30, usage(10), usage(51), true).is_err());
    }
}

//! The bytes of a file, in blocks. A block exists from the first write to it; before, it reads as zeros.

use std::collections::BTreeMap;

/// Bytes of a block, which is also what it counts in the memory limit.
pub(super) const BLOCK: u64 = 4096;

/// The contents of a file.
#[derive(Debug, Default)]
pub(super) struct Contents {
    size: u64,
    blocks: BTreeMap<u64, Box<[u8]>>,
}

impl Contents {
    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// Returns the number of blocks that exist.
    pub(super) fn blocks(&self) -> u64 {
        self.blocks.len() as u64
    }

    /// Returns how many blocks a write would add.
    pub(super) fn missing(&self, offset: u64, bytes: u64) -> u64 {
        let Some(end) = offset.checked_add(bytes).and_then(|end| end.checked_sub(1)).filter(|_| bytes > 0)
        else {
            return 0;
        };
        let (first, last) = (offset.div_euclid(BLOCK), end.div_euclid(BLOCK));
        let touched = last.saturating_sub(first).saturating_add(1);
        touched.saturating_sub(self.blocks.range(first..=last).count() as u64)
    }

    /// Reads at most `bytes` from an offset, up to the end.
    pub(super) fn read(&self, offset: u64, bytes: u64) -> Vec<u8> {
        let end = offset.saturating_add(bytes).min(self.size);
        if end <= offset {
            return Vec::new();
        }
        let mut read = vec![0; place(end.saturating_sub(offset))];
        for (index, block) in self.blocks.range(offset.div_euclid(BLOCK)..=end.div_euclid(BLOCK)) {
            let start = index.saturating_mul(BLOCK);
            let (from, to) = (start.max(offset), start.saturating_add(BLOCK).min(end));
            let target = read.get_mut(place(from.saturating_sub(offset))..place(to.saturating_sub(offset)));
            let source = block.get(place(from.saturating_sub(start))..place(to.saturating_sub(start)));
            if let (Some(target), Some(source)) = (target, source) {
                target.copy_from_slice(source);
            }
        }
        read
    }

    /// Writes bytes at an offset, and grows the file if they end beyond it.
    pub(super) fn write(&mut self, offset: u64, bytes: &[u8]) {
        let mut at = offset;
        let mut rest = bytes;
        while !rest.is_empty() {
            let (index, within) = (at.div_euclid(BLOCK), place(at.rem_euclid(BLOCK)));
            let block = self.blocks.entry(index).or_insert_with(|| vec![0; place(BLOCK)].into_boxed_slice());
            let room = block.get_mut(within..).unwrap_or_default();
            let count = room.len().min(rest.len());
            let (now, later) = rest.split_at(count);
            if let Some(target) = room.get_mut(..count) {
                target.copy_from_slice(now);
            }
            rest = later;
            at = at.saturating_add(count as u64);
        }
        if !bytes.is_empty() {
            self.size = self.size.max(at);
        }
    }

    /// Sets the size. Returns the number of freed blocks.
    pub(super) fn resize(&mut self, size: u64) -> u64 {
        let before = self.blocks();
        if size < self.size {
            self.blocks.split_off(&size.div_ceil(BLOCK));
            // Growing again must not show old bytes.
            if let Some(last) = self.blocks.get_mut(&size.div_euclid(BLOCK))
                && let Some(tail) = last.get_mut(place(size.rem_euclid(BLOCK))..)
            {
                tail.fill(0);
            }
        }
        self.size = size;
        before.saturating_sub(self.blocks())
    }
}

/// An offset in a slice. Blocks and reads are small, so that it always fits.
fn place(offset: u64) -> usize {
    usize::try_from(offset).unwrap_or(usize::MAX)
}

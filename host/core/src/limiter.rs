//! Limits memory and tables of one run, summed over all instances of the component. Scratch files count as memory.
//!
//! The engine asks about each memory alone, so the sums are here. The limiter remembers a refusal, so that the outcome
//! can name it. Granted growth also counts in the host's budget.

use wasmtime::ResourceLimiter;

use crate::admit::Permit;
use crate::limits::Limits;

/// Bytes of one table element in the engine.
const ELEMENT: u64 = 8;

#[derive(Debug)]
pub(crate) struct Limiter {
    memory: Sum,
    elements: Sum,
    counts: [u32; 3],
    /// Growths that the run's limits refused.
    pub(crate) refused: u64,
    /// Whether the host's budget refused a growth: the run ends, and it is nobody's fault.
    pub(crate) host_refused: bool,
    /// Amount of the last granted growth, in case the engine cannot make it.
    last: u64,
    permit: Permit,
}

/// A total and its limit.
#[derive(Debug)]
struct Sum {
    now: u64,
    peak: u64,
    limit: u64,
}

impl Sum {
    fn new(limit: u64) -> Self {
        Self { now: 0, peak: 0, limit }
    }

    /// Returns the total after growing from `current` to `desired`, if it is within the limit.
    fn after(&self, current: usize, desired: usize) -> Option<(u64, u64)> {
        let more = (desired as u64).checked_sub(current as u64)?;
        let total = self.now.checked_add(more)?;
        (total <= self.limit).then_some((more, total))
    }

    fn set(&mut self, total: u64) {
        self.now = total;
        self.peak = self.peak.max(total);
    }
}

impl Limiter {
    pub(crate) fn new(limits: &Limits, permit: Permit) -> Self {
        Self {
            memory: Sum::new(limits.memory),
            elements: Sum::new(limits.table_elements),
            counts: [limits.instances, limits.tables, limits.memories],
            refused: 0,
            host_refused: false,
            last: 0,
            permit,
        }
    }

    pub(crate) fn peak_memory(&self) -> u64 {
        self.memory.peak
    }

    pub(crate) fn peak_elements(&self) -> u64 {
        self.elements.peak
    }

    pub(crate) fn memory_left(&self) -> u64 {
        self.memory.limit.saturating_sub(self.memory.now)
    }

    /// Takes bytes for scratch files. False if the memory limit refuses them; an `Err` ends the run.
    pub(crate) fn take_scratch(&mut self, bytes: u64) -> wasmtime::Result<bool> {
        let Some(total) = self.memory.now.checked_add(bytes).filter(|total| *total <= self.memory.limit)
        else {
            self.refused = self.refused.saturating_add(1);
            return Ok(false);
        };
        self.cover(total, self.elements.now)?;
        self.memory.set(total);
        Ok(true)
    }

    /// Returns bytes of scratch files.
    pub(crate) fn give_scratch(&mut self, bytes: u64) {
        self.memory.now = self.memory.now.saturating_sub(bytes);
    }

    /// Reserves memory and table elements in the host's budget.
    fn cover(&mut self, memory: u64, elements: u64) -> wasmtime::Result<()> {
        if !self.permit.cover_guest(memory.saturating_add(elements.saturating_mul(ELEMENT))) {
            self.host_refused = true;
            return Err(wasmtime::Error::msg("the host's memory budget is exhausted"));
        }
        Ok(())
    }

    /// Grants or refuses a growth; an `Err` ends the run.
    fn grow(
        &mut self,
        which: Which,
        current: usize,
        desired: usize,
        max: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let sum = match which {
            Which::Memory => &self.memory,
            Which::Elements => &self.elements,
        };
        let Some((more, total)) = sum.after(current, desired) else {
            self.refused = self.refused.saturating_add(1);
            return Ok(false);
        };
        // The guest's own maximum: an ordinary -1, and no refusal of ours.
        if max.is_some_and(|max| desired > max) {
            self.last = 0;
            return Ok(true);
        }
        let (memory, elements) = match which {
            Which::Memory => (total, self.elements.now),
            Which::Elements => (self.memory.now, total),
        };
        self.cover(memory, elements)?;
        self.last = more;
        match which {
            Which::Memory => self.memory.set(total),
            Which::Elements => self.elements.set(total),
        }
        Ok(true)
    }
}

#[derive(Clone, Copy)]
enum Which {
    Memory,
    Elements,
}

impl ResourceLimiter for Limiter {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        max: Option<usize>,
    ) -> wasmtime::Result<bool> {
        self.grow(Which::Memory, current, desired, max)
    }

    fn memory_grow_failed(&mut self, _: wasmtime::Error) -> wasmtime::Result<()> {
        self.memory.now = self.memory.now.saturating_sub(std::mem::take(&mut self.last));
        Ok(())
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        max: Option<usize>,
    ) -> wasmtime::Result<bool> {
        self.grow(Which::Elements, current, desired, max)
    }

    fn table_grow_failed(&mut self, _: wasmtime::Error) -> wasmtime::Result<()> {
        self.elements.now = self.elements.now.saturating_sub(std::mem::take(&mut self.last));
        Ok(())
    }

    fn instances(&self) -> usize {
        self.counts[0] as usize
    }

    fn tables(&self) -> usize {
        self.counts[1] as usize
    }

    fn memories(&self) -> usize {
        self.counts[2] as usize
    }
}

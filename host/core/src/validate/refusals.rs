//! Collects reasons against a component, up to a readable number: a hostile file has a hundred thousand.

use crate::error::Refusal;

/// Maximum number of listed reasons.
const TOLD: usize = 50;

#[derive(Debug, Default)]
pub(super) struct Refusals {
    told: Vec<Refusal>,
    more: u64,
}

impl Refusals {
    /// Adds a reason, and makes it only if it is listed.
    pub(super) fn push_with(&mut self, reason: impl FnOnce() -> Refusal) {
        if self.told.len() < TOLD {
            self.told.push(reason());
        } else {
            self.more = self.more.saturating_add(1);
        }
    }

    pub(super) fn push(&mut self, reason: Refusal) {
        self.push_with(|| reason);
    }

    pub(super) fn len(&self) -> usize {
        self.told.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.told.is_empty()
    }

    pub(super) fn finish(mut self) -> Vec<Refusal> {
        if self.more > 0 {
            self.told.push(Refusal::More { count: self.more });
        }
        self.told
    }
}

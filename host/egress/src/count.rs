//! Counts the bytes of one body, in either direction, under the cap of its rule and in the accounts of its run.

use std::sync::Arc;

use crate::accounts::Permit;
use crate::error::Limit;

/// Which body of an exchange is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    /// The body of the request.
    Sent,
    /// The body of the response.
    Received,
}

/// The count of one body.
#[derive(Debug)]
pub(crate) struct Count {
    direction: Direction,
    bytes: u64,
    most: u64,
    permit: Arc<Permit>,
}

impl Count {
    pub(crate) fn new(direction: Direction, most: u64, permit: Arc<Permit>) -> Self {
        Self { direction, bytes: 0, most, permit }
    }

    /// Returns the bytes so far.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Counts a piece: first under the cap of the rule, then in the accounts.
    pub(crate) fn add(&mut self, length: usize) -> Result<(), Limit> {
        let length = u64::try_from(length).unwrap_or(u64::MAX);
        self.bytes = self.bytes.saturating_add(length);
        let fits = self.bytes <= self.most;
        match self.direction {
            Direction::Sent if fits => self.permit.sent(length),
            Direction::Received if fits => self.permit.received(length),
            Direction::Sent => Err(Limit::RequestBody),
            Direction::Received => Err(Limit::ResponseBody),
        }
    }
}

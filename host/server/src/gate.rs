//! The gate before the sandbox: a call gets a place, waits for one a bounded time in a bounded queue, or is told at
//! once to come again.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::error::ServeError;
use crate::principal::Principal;
use crate::quota::Share;

/// Places for runs, and the queue before them.
#[derive(Debug)]
pub(crate) struct Gate {
    places: Arc<Semaphore>,
    size: usize,
    waiting: AtomicU64,
    queue: u64,
    closed: AtomicBool,
}

/// Leave for one call. Dropped, it gives back its place and its share of the principal's account.
#[derive(Debug)]
pub(crate) struct Pass {
    /// Before the place: who comes next finds the account as it is.
    share: Share,
    place: Option<Place>,
}

/// A place of the gate. Dropped, the next one in the queue has it.
#[derive(Debug)]
pub(crate) struct Place(
    #[expect(dead_code, reason = "held, and given back when it is dropped")] OwnedSemaphorePermit,
);

impl Pass {
    /// Says that the run begins.
    pub(crate) fn begin(&mut self) {
        self.share.begin();
    }

    /// Takes the place out, for the run to keep until it has really ended.
    pub(crate) fn take_place(&mut self) -> Option<Place> {
        self.place.take()
    }

    /// Says what the run burnt.
    pub(crate) fn burnt(&mut self, fuel: u64) {
        self.share.burnt(fuel);
    }
}

impl Gate {
    pub(crate) fn new(places: usize, queue: u64) -> Self {
        Self {
            places: Arc::new(Semaphore::new(places)),
            size: places,
            waiting: AtomicU64::new(0),
            queue,
            closed: AtomicBool::new(false),
        }
    }

    /// Lets a call in: within its principal's account at once, and then as soon as there is a place.
    pub(crate) async fn enter(
        &self,
        principal: &Principal,
        fuel: u64,
        patience: Duration,
    ) -> Result<Pass, ServeError> {
        if self.closed.load(Ordering::Relaxed) {
            return Err(ServeError::Stopping);
        }
        let share = principal.account.begin(fuel)?;
        let place = match Arc::clone(&self.places).try_acquire_owned() {
            Ok(place) => place,
            Err(_) => self.wait(patience).await?,
        };
        Ok(Pass { share, place: Some(Place(place)) })
    }

    async fn wait(&self, patience: Duration) -> Result<OwnedSemaphorePermit, ServeError> {
        let one_more = |waiting: u64| waiting.checked_add(1).filter(|waiting| *waiting <= self.queue);
        if self.waiting.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more).is_err() {
            return Err(ServeError::QueueFull);
        }
        // Counted as long as it waits, however the wait ends.
        let _waits = Waits(&self.waiting);
        match tokio::time::timeout(patience, Arc::clone(&self.places).acquire_owned()).await {
            Ok(Ok(place)) => Ok(place),
            Ok(Err(_)) => Err(ServeError::Stopping),
            Err(_) => Err(ServeError::QueueTimeout(patience)),
        }
    }

    /// Lets nobody in any more. Who waits goes on waiting.
    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Relaxed)
    }

    /// Calls that have a place.
    pub(crate) fn inside(&self) -> u64 {
        self.size.saturating_sub(self.places.available_permits()) as u64
    }

    /// Places in all.
    pub(crate) fn size(&self) -> u64 {
        self.size as u64
    }

    /// Calls that wait.
    pub(crate) fn waiting(&self) -> u64 {
        self.waiting.load(Ordering::Relaxed)
    }
}

struct Waits<'a>(&'a AtomicU64);

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

//! The queue of one space: how much of it can wait, and how often it can write.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use crate::change::{Changed, Write};
use crate::data::Options;
use crate::error::Error;
use crate::quota::{Clock, Rate};

/// A write that waits for the thread that commits.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) write: Write,
    pub(crate) answer: oneshot::Sender<Result<Vec<Changed>, Error>>,
    /// The job's place in the queue, returned when the job is dropped.
    pub(crate) _place: OwnedSemaphorePermit,
}

/// The queue of one space.
#[derive(Debug)]
pub(crate) struct Lane {
    pub(crate) space: Vec<u8>,
    jobs: Mutex<VecDeque<Job>>,
    places: Arc<Semaphore>,
    capacity: u32,
    rate: Mutex<Rate>,
}

const PLACE_BYTES: usize = 4096;

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    // No code in these sections can panic half-way through a change.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Lane {
    /// Takes `writes` from the space's writes of this minute.
    pub(crate) fn charge(&self, now: Duration, limit: u32, writes: usize) -> Result<(), Error> {
        locked(&self.rate).charge(now, limit, u32::try_from(writes).unwrap_or(u32::MAX))
    }

    /// Waits for a place in the queue. Waiters get theirs in the order in which they came.
    pub(crate) async fn place(&self, bytes: usize) -> Result<OwnedSemaphorePermit, Error> {
        let extra = u32::try_from(bytes / PLACE_BYTES).unwrap_or(u32::MAX);
        let places = extra.saturating_add(1).min(self.capacity);
        self.places.clone().acquire_many_owned(places).await.map_err(|_closed| Error::Closed)
    }

    /// Queues a job. Returns whether it is the first one, so that the lane must join the turns.
    pub(crate) fn push(&self, job: Job) -> bool {
        let mut jobs = locked(&self.jobs);
        jobs.push_back(job);
        jobs.len() == 1
    }

    #[cfg(test)]
    pub(crate) fn queued(&self) -> usize {
        locked(&self.jobs).len()
    }

    /// Takes the oldest job. Returns whether more jobs wait.
    pub(crate) fn pop(&self) -> Option<(Job, bool)> {
        let mut jobs = locked(&self.jobs);
        let job = jobs.pop_front()?;
        Some((job, !jobs.is_empty()))
    }
}

/// All lanes of a store. A lane stays until its writes of a minute have refilled, so that dropping a keyspace and
/// opening it again gains nothing.
#[derive(Debug)]
pub(crate) struct Lanes {
    clock: Arc<dyn Clock>,
    queue: u32,
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    lanes: HashMap<Vec<u8>, Arc<Lane>>,
    /// Lanes after the last sweep: the next one is due at twice as many.
    swept: usize,
}

const SWEEP: usize = 64;

impl Lanes {
    pub(crate) fn new(options: &Options) -> Self {
        let most = u32::try_from(Semaphore::MAX_PERMITS).unwrap_or(u32::MAX);
        let queue = options.queue.clamp(1, most);
        Self { clock: options.clock.clone(), queue, known: Mutex::default() }
    }

    pub(crate) fn now(&self) -> Duration {
        self.clock.now()
    }

    pub(crate) fn lane(&self, space: &[u8]) -> Arc<Lane> {
        let mut known = locked(&self.known);
        if let Some(lane) = known.lanes.get(space) {
            return lane.clone();
        }
        if known.lanes.len() >= known.swept.saturating_mul(2).max(SWEEP) {
            let now = self.clock.now();
            // A lane that somebody holds has two references. No new one can appear while the map is locked.
            known.lanes.retain(|_, lane| Arc::strong_count(lane) > 1 || !locked(&lane.rate).rested(now));
            known.swept = known.lanes.len();
        }
        let lane = Arc::new(Lane {
            space: space.to_vec(),
            jobs: Mutex::default(),
            places: Arc::new(Semaphore::new(usize::try_from(self.queue).unwrap_or(usize::MAX))),
            capacity: self.queue,
            rate: Mutex::default(),
        });
        known.lanes.insert(space.to_vec(), lane.clone());
        lane
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        locked(&self.known).lanes.len()
    }
}

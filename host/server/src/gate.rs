//! The gate before the sandbox. A call gets a place, waits in a bounded queue for a bounded time, or is refused at
//! once.
//!
//! Free places go to principals in turn, however many calls each has waiting. If the queue is full, the principal
//! with the most calls in it loses its newest call to a principal with fewer.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;

use crate::error::ServeError;
use crate::principal::Principal;
use crate::quota::Share;

/// Places for runs, and the queue before them.
#[derive(Debug)]
pub(crate) struct Gate {
    shared: Arc<Shared>,
    size: u64,
    queue: u64,
    closed: AtomicBool,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    free: u64,
    /// Number of waiting calls of all principals.
    waiting: u64,
    /// Principals with waiting calls, in the order of their turns.
    turns: VecDeque<Arc<str>>,
    queues: HashMap<Arc<str>, VecDeque<Waiter>>,
}

#[derive(Debug)]
struct Waiter {
    ticket: Arc<()>,
    place: oneshot::Sender<Place>,
}

/// The pass of one call. Dropping it frees the place and the share of the principal's account.
#[derive(Debug)]
pub(crate) struct Pass {
    /// Dropped before the place, so that the next call sees the current account.
    share: Share,
    place: Option<Place>,
}

/// A place in the gate. Dropping it hands it to the principal whose turn it is.
#[derive(Debug)]
pub(crate) struct Place {
    /// None after the place was handed on.
    of: Option<Arc<Shared>>,
}

impl Pass {
    /// Records that the run begins.
    pub(crate) fn begin(&mut self) {
        self.share.begin();
    }

    /// Takes the place, which the run keeps until it has really ended.
    pub(crate) fn take_place(&mut self) -> Option<Place> {
        self.place.take()
    }

    /// Records the burnt fuel.
    pub(crate) fn burnt(&mut self, fuel: u64) {
        self.share.burnt(fuel);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(shared) = self.of.take() {
            shared.hand_on();
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Hands a place to the next waiting call, or frees it.
    fn hand_on(self: &Arc<Self>) {
        let mut place = Place { of: Some(Arc::clone(self)) };
        loop {
            let mut state = self.lock();
            let Some(waiter) = state.next() else {
                state.free = state.free.saturating_add(1);
                place.of = None;
                return;
            };
            drop(state);
            match waiter.place.send(place) {
                Ok(()) => return,
                // It went away meanwhile.
                Err(back) => place = back,
            }
        }
    }
}

impl State {
    /// Removes the first call of the principal whose turn it is.
    fn next(&mut self) -> Option<Waiter> {
        while let Some(key) = self.turns.pop_front() {
            let Some(queue) = self.queues.get_mut(&key) else { continue };
            let waiter = queue.pop_front();
            if queue.is_empty() {
                self.queues.remove(&key);
            } else {
                self.turns.push_back(key);
            }
            if let Some(waiter) = waiter {
                self.waiting = self.waiting.saturating_sub(1);
                return Some(waiter);
            }
        }
        None
    }

    /// Drops a call from a full queue for a principal with fewer calls than another. Returns false if no principal
    /// has more.
    fn make_room(&mut self, key: &Arc<str>) -> bool {
        let own = self.queues.get(key).map_or(0, VecDeque::len);
        let longest = self.queues.iter().max_by_key(|(_, queue)| queue.len());
        let Some(other) =
            longest.filter(|(_, queue)| queue.len() > own.saturating_add(1)).map(|(key, _)| key)
        else {
            return false;
        };
        let other = Arc::clone(other);
        // Its receiver learns that the queue is full.
        let dropped = self.queues.get_mut(&other).and_then(VecDeque::pop_back);
        self.waiting = self.waiting.saturating_sub(1);
        dropped.is_some()
    }

    fn push(&mut self, key: &Arc<str>, waiter: Waiter) {
        let queue = self.queues.entry(Arc::clone(key)).or_default();
        if queue.is_empty() {
            self.turns.push_back(Arc::clone(key));
        }
        queue.push_back(waiter);
        self.waiting = self.waiting.saturating_add(1);
    }

    /// Removes a call that no longer waits.
    fn remove(&mut self, key: &Arc<str>, ticket: &Arc<()>) {
        let Some(queue) = self.queues.get_mut(key) else { return };
        let before = queue.len();
        queue.retain(|waiter| !Arc::ptr_eq(&waiter.ticket, ticket));
        let gone = before.saturating_sub(queue.len()) as u64;
        self.waiting = self.waiting.saturating_sub(gone);
        if queue.is_empty() {
            self.queues.remove(key);
            self.turns.retain(|turn| turn != key);
        }
    }
}

impl Gate {
    pub(crate) fn new(places: usize, queue: u64) -> Self {
        let size = places as u64;
        let state = State { free: size, waiting: 0, turns: VecDeque::new(), queues: HashMap::new() };
        Self {
            shared: Arc::new(Shared { state: Mutex::new(state) }),
            size,
            queue,
            closed: AtomicBool::new(false),
        }
    }

    /// Admits a call: charges its principal's account at once, and then waits for a place.
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
        let place = self.place(principal.share_key(), patience).await?;
        Ok(Pass { share, place: Some(place) })
    }

    async fn place(&self, key: &Arc<str>, patience: Duration) -> Result<Place, ServeError> {
        let (place, received) = oneshot::channel();
        let ticket = Arc::new(());
        {
            let mut state = self.shared.lock();
            if state.free > 0 {
                state.free = state.free.saturating_sub(1);
                return Ok(Place { of: Some(Arc::clone(&self.shared)) });
            }
            if state.waiting >= self.queue && !state.make_room(key) {
                return Err(ServeError::QueueFull);
            }
            state.push(key, Waiter { ticket: Arc::clone(&ticket), place });
        }
        // Taken out however the wait ends.
        let _waits = Waits { shared: &self.shared, key, ticket: &ticket };
        match tokio::time::timeout(patience, received).await {
            Ok(Ok(place)) => Ok(place),
            Ok(Err(_)) => Err(ServeError::QueueFull),
            Err(_) => Err(ServeError::QueueTimeout(patience)),
        }
    }

    /// Closes the gate to new calls. Waiting calls stay.
    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Relaxed)
    }

    /// Returns the number of calls with a place.
    pub(crate) fn inside(&self) -> u64 {
        self.size.saturating_sub(self.shared.lock().free)
    }

    /// Returns the number of places.
    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// Returns the number of waiting calls.
    pub(crate) fn waiting(&self) -> u64 {
        self.shared.lock().waiting
    }
}

struct Waits<'a> {
    shared: &'a Shared,
    key: &'a Arc<str>,
    ticket: &'a Arc<()>,
}

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        self.shared.lock().remove(self.key, self.ticket);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(3_600);

    fn key(name: &str) -> Arc<str> {
        Arc::from(name)
    }

    /// Polls a future once, so that it enters the queue.
    fn begin<F: Future>(future: &mut std::pin::Pin<Box<F>>) -> bool {
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        future.as_mut().poll(&mut context).is_ready()
    }

    #[tokio::test]
    async fn slots_go_to_principals_in_turn() {
        let gate = Gate::new(1, 10);
        let (busy, quiet) = (key("busy"), key("quiet"));
        let first = gate.place(&busy, LONG).await.unwrap();
        let mut of_busy: Vec<_> = (0..3).map(|_| Box::pin(gate.place(&busy, LONG))).collect();
        assert!(!of_busy.iter_mut().any(begin), "no place is free");
        let mut of_quiet = Box::pin(gate.place(&quiet, LONG));
        assert!(!begin(&mut of_quiet));
        drop(first);
        let second = of_busy.remove(0).await.unwrap();
        drop(second);
        // The other principal's turn, though it came after three calls of the first.
        let third = of_quiet.await.unwrap();
        assert_eq!((gate.inside(), gate.waiting()), (1, 2));
        drop(third);
        drop(of_busy);
        assert_eq!((gate.inside(), gate.waiting()), (0, 0));
    }

    #[tokio::test]
    async fn a_full_queue_makes_room_for_a_principal_with_fewer_calls() {
        let gate = Gate::new(1, 2);
        let (busy, quiet) = (key("busy"), key("quiet"));
        let place = gate.place(&busy, LONG).await.unwrap();
        let mut one = Box::pin(gate.place(&busy, LONG));
        let mut two = Box::pin(gate.place(&busy, LONG));
        assert!(!begin(&mut one) && !begin(&mut two));
        assert!(matches!(gate.place(&busy, LONG).await, Err(ServeError::QueueFull)));
        let mut other = Box::pin(gate.place(&quiet, LONG));
        assert!(!begin(&mut other));
        assert!(matches!(two.await, Err(ServeError::QueueFull)), "the newest of the busiest gives way");
        drop(place);
        drop(one.await.unwrap());
        drop(other.await.unwrap());
        assert_eq!((gate.inside(), gate.waiting()), (0, 0));
    }
}

//! Turns at a scarce resource: a number at once, in a circle between the owners that wait. A thousand requests of one
//! owner thus delay another's by one.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::oneshot;

/// A fair queue. A clone is the same queue.
#[derive(Debug, Clone)]
pub struct Turns {
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    free: usize,
    /// Owners with waiting requests, in the order of their next turns.
    circle: VecDeque<Arc<str>>,
    waiting: HashMap<Arc<str>, VecDeque<Waiter>>,
}

#[derive(Debug)]
struct Waiter {
    /// The subject of the request, for [`Turns::hurry`].
    what: String,
    turn: oneshot::Sender<Turn>,
}

/// A turn. Dropping it starts the next one.
#[derive(Debug)]
pub struct Turn {
    /// None once the turn has passed on.
    turns: Option<Turns>,
}

/// Number of an owner's waiting requests at which cancelled ones are removed, and again at each doubling.
const MANY: usize = 64;

impl Turns {
    /// Creates a queue with a number of concurrent turns.
    pub fn new(at_once: usize) -> Self {
        let state = State { free: at_once, circle: VecDeque::new(), waiting: HashMap::new() };
        Self { state: Arc::new(Mutex::new(state)) }
    }

    /// Waits for a turn of an owner. `what` names the subject; see [`Turns::hurry`].
    pub async fn wait(&self, owner: &str, what: &str) -> Turn {
        let waits = {
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            match state.free.checked_sub(1) {
                Some(free) => {
                    state.free = free;
                    return Turn { turns: Some(self.clone()) };
                }
                None => state.queue(owner, what),
            }
        };
        match waits.await {
            Ok(turn) => turn,
            // The queue is held by whoever has a turn, so it is there as long as somebody waits.
            Err(_) => Turn { turns: None },
        }
    }

    /// Moves an owner's waiting requests for a subject before its others. It does not affect other owners.
    pub fn hurry(&self, owner: &str, what: &str) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(queue) = state.waiting.get_mut(owner)
            && let Some(at) = queue.iter().position(|waiter| waiter.what == what)
            && let Some(waiter) = queue.remove(at)
        {
            queue.push_front(waiter);
        }
    }

    /// Returns the number of waiting requests, cancelled ones included.
    pub fn waiting(&self) -> usize {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.waiting.values().map(VecDeque::len).sum()
    }

    /// Passes a turn to the next waiting request.
    fn pass_on(&self) {
        loop {
            let next = {
                let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
                let next = state.next();
                if next.is_none() {
                    state.free = state.free.saturating_add(1);
                }
                next
            };
            let Some(waiter) = next else { return };
            match waiter.turn.send(Turn { turns: Some(self.clone()) }) {
                Ok(()) => return,
                // It has gone away: this turn is the next one's, and is not given back a second time.
                Err(mut turn) => turn.turns = None,
            }
        }
    }
}

impl State {
    fn queue(&mut self, owner: &str, what: &str) -> oneshot::Receiver<Turn> {
        let (turn, waits) = oneshot::channel();
        let owner: Arc<str> = owner.into();
        let queue = self.waiting.entry(Arc::clone(&owner)).or_default();
        if queue.is_empty() {
            self.circle.push_back(owner);
        }
        if queue.len() >= MANY && queue.len().is_power_of_two() {
            queue.retain(|waiter| !waiter.turn.is_closed());
            // Whoever stands in the circle has somebody who waits, or is passed over.
        }
        queue.push_back(Waiter { what: what.to_owned(), turn });
        waits
    }

    /// Takes the next waiting request, of the owner whose turn it is.
    fn next(&mut self) -> Option<Waiter> {
        loop {
            let owner = self.circle.pop_front()?;
            let Some(queue) = self.waiting.get_mut(&owner) else { continue };
            let next = queue.pop_front();
            if queue.is_empty() {
                self.waiting.remove(&owner);
            } else {
                self.circle.push_back(owner);
            }
            if next.is_some() {
                return next;
            }
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if let Some(turns) = self.turns.take() {
            turns.pass_on();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use super::*;

    /// Polls a future once.
    fn poll<F: Future>(future: std::pin::Pin<&mut F>) -> Poll<F::Output> {
        future.poll(&mut Context::from_waker(Waker::noop()))
    }

    fn now(turns: &Turns, owner: &str) -> Turn {
        match poll(pin!(turns.wait(owner, ""))) {
            Poll::Ready(turn) => turn,
            Poll::Pending => panic!("there is a turn"),
        }
    }

    #[test]
    fn owners_take_turns_however_many_of_one_wait() {
        let turns = Turns::new(1);
        let mut turn = now(&turns, "alice");
        let waiters = ["alice", "alice", "alice", "bob", "carol", "bob"];
        let mut futures: Vec<_> = waiters.iter().map(|owner| Box::pin(turns.wait(owner, ""))).collect();
        assert!(futures.iter_mut().all(|future| poll(future.as_mut()).is_pending()));
        let mut order = Vec::new();
        while !futures.is_empty() {
            drop(turn);
            let (at, next) = futures
                .iter_mut()
                .enumerate()
                .find_map(|(at, future)| match poll(future.as_mut()) {
                    Poll::Ready(turn) => Some((at, turn)),
                    Poll::Pending => None,
                })
                .expect("somebody has the turn");
            order.push(at);
            // One at a time.
            turn = next;
            drop(futures.remove(at));
            assert!(futures.iter_mut().all(|future| poll(future.as_mut()).is_pending()));
        }
        // By position among those that are left: alice, bob, carol, alice, bob, alice.
        assert_eq!(order, [0, 2, 2, 0, 1, 0]);
        drop(turn);
        assert_eq!(turns.waiting(), 0);
        drop(now(&turns, "dave"));
    }

    #[test]
    fn an_owner_that_gave_up_is_skipped() {
        let turns = Turns::new(1);
        let turn = now(&turns, "alice");
        let mut gone = Box::pin(turns.wait("bob", ""));
        assert!(poll(gone.as_mut()).is_pending());
        let mut stays = Box::pin(turns.wait("carol", ""));
        assert!(poll(stays.as_mut()).is_pending());
        drop(gone);
        drop(turn);
        let Poll::Ready(turn) = poll(stays.as_mut()) else { panic!("carol is next") };
        drop(turn);
        // Handed over and not taken: it is not lost.
        let turn = now(&turns, "alice");
        let mut late = Box::pin(turns.wait("bob", ""));
        assert!(poll(late.as_mut()).is_pending());
        drop(turn);
        drop(late);
        drop(now(&turns, "carol"));
    }

    #[test]
    fn many_that_gave_up_are_not_kept() {
        let turns = Turns::new(1);
        let turn = now(&turns, "alice");
        for _ in 0..10_000 {
            assert!(poll(Box::pin(turns.wait("bob", "")).as_mut()).is_pending());
        }
        assert!(turns.waiting() <= MANY, "{}", turns.waiting());
        drop(turn);
        drop(now(&turns, "bob"));
    }

    #[test]
    fn a_requested_item_is_its_owners_next() {
        let turns = Turns::new(1);
        let turn = now(&turns, "alice");
        let mut futures: Vec<_> = [("alice", "a"), ("alice", "b"), ("bob", "c")]
            .into_iter()
            .map(|(owner, what)| Box::pin(turns.wait(owner, what)))
            .collect();
        assert!(futures.iter_mut().all(|future| poll(future.as_mut()).is_pending()));
        turns.hurry("alice", "b");
        turns.hurry("alice", "absent");
        drop(turn);
        assert!(poll(futures.remove(1).as_mut()).is_ready(), "b is first now");
    }
}

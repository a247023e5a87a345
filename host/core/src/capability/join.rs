//! Waits for several futures at once.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::Poll;

/// Waits for all futures; the results have their order. Every wake polls all that have not ended, which suits some
/// hundred.
pub(super) async fn join<F: Future>(futures: Vec<F>) -> Vec<F::Output> {
    let mut futures: Vec<Entry<F>> =
        futures.into_iter().map(|future| Entry::Waits(Box::pin(future))).collect();
    poll_fn(|context| {
        let mut waits = false;
        for entry in &mut futures {
            if let Entry::Waits(future) = entry {
                match future.as_mut().poll(context) {
                    Poll::Ready(output) => *entry = Entry::Ended(output),
                    Poll::Pending => waits = true,
                }
            }
        }
        if waits { Poll::Pending } else { Poll::Ready(()) }
    })
    .await;
    let ended = |entry| match entry {
        Entry::Ended(output) => Some(output),
        // `poll_fn` returned, so none waits.
        Entry::Waits(_) => None,
    };
    futures.into_iter().filter_map(ended).collect()
}

enum Entry<F: Future> {
    Waits(Pin<Box<F>>),
    Ended(F::Output),
}

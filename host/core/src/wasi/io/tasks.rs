//! What the host does for a run while the guest computes or waits: requests that are under way, bodies that are read.
//!
//! Every wait in `wasi:io` drives all of it, so requests overlap whatever the guest waits for there. Nothing runs by itself:
//! there is no task of a runtime, no thread, and the end of the run drops everything.

use std::collections::BTreeMap;
use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

/// The futures of a run.
#[derive(Default)]
pub(crate) struct Tasks {
    waiting: Arc<Waiting>,
    list: Mutex<List>,
}

#[derive(Default)]
struct List {
    next: u64,
    tasks: BTreeMap<u64, Task>,
}

struct Task {
    future: Pin<Box<dyn Future<Output = ()> + Send>>,
    signal: Arc<Signal>,
}

/// Names a task of a run; never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TaskId(u64);

/// Who waits for any task of the run.
#[derive(Default)]
struct Waiting(Mutex<Option<Waker>>);

/// Whether a task can go on. It is the waker of that task.
struct Signal {
    woken: AtomicBool,
    waiting: Arc<Waiting>,
}

impl Wake for Signal {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.woken.store(true, Ordering::Release);
        let waiting = self.waiting.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(waker) = waiting {
            waker.wake();
        }
    }
}

impl fmt::Debug for Tasks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tasks").finish_non_exhaustive()
    }
}

impl Tasks {
    /// Adds a future and polls it once. None if it has ended by that.
    pub(crate) fn spawn(&self, future: impl Future<Output = ()> + Send + 'static) -> Option<TaskId> {
        let mut task = self.task(future, false);
        if task.poll().is_ready() { None } else { Some(self.add(task)) }
    }

    /// Adds a future that nobody polls before the next wait.
    pub(crate) fn spawn_later(&self, future: impl Future<Output = ()> + Send + 'static) -> TaskId {
        self.add(self.task(future, true))
    }

    fn task(&self, future: impl Future<Output = ()> + Send + 'static, woken: bool) -> Task {
        let signal = Signal { woken: AtomicBool::new(woken), waiting: Arc::clone(&self.waiting) };
        Task { future: Box::pin(future), signal: Arc::new(signal) }
    }

    fn add(&self, task: Task) -> TaskId {
        let mut list = self.list.lock().unwrap_or_else(PoisonError::into_inner);
        let id = list.next;
        list.next = list.next.saturating_add(1);
        list.tasks.insert(id, task);
        TaskId(id)
    }

    /// Drops a task, if it has not ended.
    pub(crate) fn cancel(&self, id: TaskId) {
        let task = self.list.lock().unwrap_or_else(PoisonError::into_inner).tasks.remove(&id.0);
        drop(task);
    }

    /// Polls the tasks that can go on.
    pub(crate) fn drive(&self) {
        let mut list = self.list.lock().unwrap_or_else(PoisonError::into_inner);
        list.tasks
            .retain(|_, task| !(task.signal.woken.swap(false, Ordering::AcqRel) && task.poll().is_ready()));
    }

    /// Has a waker called when any task can go on. Call it before [`Tasks::drive`].
    pub(crate) fn register(&self, waker: &Waker) {
        let mut waiting = self.waiting.0.lock().unwrap_or_else(PoisonError::into_inner);
        match &mut *waiting {
            Some(old) => old.clone_from(waker),
            None => *waiting = Some(waker.clone()),
        }
    }
}

impl Task {
    fn poll(&mut self) -> Poll<()> {
        let waker = Waker::from(Arc::clone(&self.signal));
        self.future.as_mut().poll(&mut Context::from_waker(&waker))
    }
}

/// Returns to whoever drives the tasks. A task that always finds more to do would hold its thread past the deadline.
pub(crate) async fn pass() {
    let mut passed = false;
    poll_fn(|context| {
        if std::mem::replace(&mut passed, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use super::*;

    /// Counts its polls and ends when told.
    #[derive(Clone, Default)]
    struct Slow {
        polls: Arc<AtomicUsize>,
        done: Arc<AtomicBool>,
        waker: Arc<Mutex<Option<Waker>>>,
    }

    impl Future for Slow {
        type Output = ();

        fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
            self.polls.fetch_add(1, Ordering::SeqCst);
            *self.waker.lock().expect("not poisoned") = Some(context.waker().clone());
            if self.done.load(Ordering::SeqCst) { Poll::Ready(()) } else { Poll::Pending }
        }
    }

    #[test]
    fn a_task_is_polled_once_at_first_and_then_only_when_woken() {
        let (tasks, slow) = (Tasks::default(), Slow::default());
        assert!(tasks.spawn(slow.clone()).is_some());
        tasks.drive();
        tasks.drive();
        assert_eq!(slow.polls.load(Ordering::SeqCst), 1);
        slow.done.store(true, Ordering::SeqCst);
        slow.waker.lock().expect("not poisoned").take().expect("a waker").wake();
        tasks.drive();
        assert_eq!(slow.polls.load(Ordering::SeqCst), 2);
        assert!(tasks.list.lock().expect("not poisoned").tasks.is_empty());
    }

    #[test]
    fn a_later_task_begins_with_the_next_drive() {
        let (tasks, slow) = (Tasks::default(), Slow::default());
        tasks.spawn_later(slow.clone());
        assert_eq!(slow.polls.load(Ordering::SeqCst), 0);
        tasks.drive();
        tasks.drive();
        assert_eq!(slow.polls.load(Ordering::SeqCst), 1);
    }

    #[test]
    fn whatever_wakes_a_task_wakes_who_waits() {
        struct Count(AtomicUsize);
        impl Wake for Count {
            fn wake(self: Arc<Self>) {
                self.0.fetch_add(1, Ordering::SeqCst);
            }
        }
        let (tasks, slow) = (Tasks::default(), Slow::default());
        tasks.spawn(slow.clone());
        let count = Arc::new(Count(AtomicUsize::new(0)));
        tasks.register(&Waker::from(Arc::clone(&count)));
        slow.waker.lock().expect("not poisoned").take().expect("a waker").wake();
        assert_eq!(count.0.load(Ordering::SeqCst), 1);
    }

    #[test]
    fn a_cancelled_task_is_dropped_and_one_that_ends_at_once_is_never_kept() {
        let (tasks, slow) = (Tasks::default(), Slow::default());
        let id = tasks.spawn(slow.clone()).expect("it waits");
        let held = Arc::strong_count(&slow.polls);
        tasks.cancel(id);
        assert_eq!(Arc::strong_count(&slow.polls), held - 1);
        assert_eq!(tasks.spawn(std::future::ready(())), None);
    }
}

//! Shares the processor fairly: a run that outlives its first slice continues here, a slice at a time.
//!
//! ```text
//! caller's thread: first slice ──ended──▶ report
//!                      └──spent──▶ queue of its principal ──▶ run threads: slice, queue, slice, …
//! ```
//!
//! Short runs never leave the thread of their caller. A longer run joins the queue of its principal. One thread per
//! core takes slices, always from the principal that has had the least time (start-time fair queueing: Goyal, Vin,
//! Cheng, SIGCOMM 1996). A principal alone therefore gets the whole machine, and of k busy ones each gets a k-th,
//! however many runs it has. First slices count too, and a principal that is ahead of the others must queue for them.
//!
//! A run has its own clock: its timer and its token wake it. A run that is woken in the queue goes to the front, so
//! that a deadline holds however long the queue is.

mod overrun;
mod window;

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio::sync::oneshot;

use crate::admit::Parking;
use crate::error::RunError;
use overrun::Watched;
use window::Window;

/// Time of a run on its caller's thread, before it continues on a run thread.
const FIRST_SLICE: Duration = Duration::from_micros(300);

/// Time of a slice on a run thread.
const SLICE: Duration = Duration::from_millis(1);

/// Lead, in nanoseconds, over a waiting principal with which a run can still begin on its caller's thread.
const LEAD: u64 = 3_000_000;

/// After a first slice overran, its principal goes straight to the run threads for this many times the slice's time.
const PENALTY: u32 = 200;

/// Time for which a principal goes straight to the run threads after its first slices crowded out others'.
const CROWD_PENALTY: Duration = Duration::from_secs(1);

/// One of this many runs from a principal's queue has had a slice before. The others are new, and likely to be short.
const LONG_EVERY: u32 = 4;

/// Niceness of run threads: the threads of callers get about ten times as much of a contended core. A slice that cannot
/// yield thus delays no short call.
#[cfg(target_os = "linux")]
const NICE: i32 = 10;

/// Number of accounts below which none is dropped.
const PRUNE: usize = 1_024;

type Work = Pin<Box<dyn Future<Output = ()> + Send>>;

/// The name of a principal: see [`crate::Call::principal`].
type Principal = Arc<str>;

/// Hands out slices of run threads. Dropping it stops them.
#[derive(Debug)]
pub(crate) struct Scheduler {
    shared: Arc<Shared>,
}

impl Drop for Scheduler {
    fn drop(&mut self) {
        self.shared.lock().closed = true;
        self.shared.changed.notify_all();
    }
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
    /// Number of principals that wait or have a penalty. While it is 0 nobody competes, and calls take no lock.
    attention: AtomicUsize,
    most_threads: usize,
    window: Mutex<Window>,
}

#[derive(Debug, Default)]
struct State {
    accounts: HashMap<Principal, Account>,
    /// Principals with queued runs, by the time that they have had.
    ready: BTreeSet<(u64, Principal)>,
    /// Runs that were woken in their queue.
    urgent: VecDeque<Entry>,
    /// The time of the principal whose run was taken last.
    clock: u64,
    /// Principals whose runs must not begin on their callers' threads, and until when.
    slow: BTreeSet<(Instant, Principal)>,
    tickets: u64,
    threads: usize,
    closed: bool,
    /// Number of accounts at which idle ones are dropped.
    prune_at: usize,
}

/// The account of a principal with current or recent runs.
#[derive(Debug, Default)]
struct Account {
    /// Nanoseconds that it has had; at its first run at least the clock's.
    had: u64,
    new: VecDeque<Entry>,
    long: VecDeque<Entry>,
    taken: u32,
    running: usize,
    slow_until: Option<Instant>,
}

/// A place in a queue. It is void once the task was taken in another way.
#[derive(Debug, Clone)]
struct Entry {
    task: Arc<Task>,
    ticket: u64,
}

/// A run that continues on the run threads.
struct Task {
    shared: Arc<Shared>,
    parking: Arc<Parking>,
    runtime: Handle,
    /// The run, locked during a slice; none when it has ended.
    work: Mutex<Option<Work>>,
    status: Mutex<Status>,
    cancelled: AtomicBool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Status {
    /// In a queue, with the ticket of the entry that counts.
    Queued {
        ticket: u64,
        urgent: bool,
    },
    /// On a thread; if it is woken meanwhile, it is queued again.
    Running {
        woken: bool,
    },
    Waiting,
    Ended,
}

impl std::fmt::Debug for Task {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Task").field("principal", self.principal()).finish_non_exhaustive()
    }
}

impl Scheduler {
    /// Creates a scheduler with a thread per core, each of which starts when it has work.
    pub(crate) fn new() -> Self {
        let shared = Shared {
            state: Mutex::default(),
            changed: Condvar::new(),
            attention: AtomicUsize::new(0),
            most_threads: thread::available_parallelism().map_or(1, std::num::NonZero::get),
            window: Mutex::new(Window { since: Instant::now(), total: Duration::ZERO, by: HashMap::new() }),
        };
        Self { shared: Arc::new(shared) }
    }

    /// Runs `work` to its end: its first slice on this thread, and the rest on run threads.
    ///
    /// If it is `heavy` or its principal must queue, the first slice is on a run thread, too. `begun` is the current
    /// time. Dropping the future drops `work`, at the latest at the end of its slice.
    ///
    /// # Errors
    ///
    /// Fails with [`RunError::Host`] if the thread of the run is gone. No guest can cause that.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        parking: Arc<Parking>,
        heavy: bool,
        begun: Instant,
        mut work: Pin<Box<dyn Future<Output = Result<T, RunError>> + Send>>,
    ) -> Result<T, RunError> {
        if !heavy && self.shared.may_begin_here(parking.principal()) {
            let (mut used, mut begun) = (Duration::ZERO, Some(begun));
            let first = std::future::poll_fn(|context| {
                let outer = context.waker().clone();
                let begun = begun.take().unwrap_or_else(Instant::now);
                let watched = Watched::begin(begun);
                parking.resume();
                let end = slice(work.as_mut(), outer, begun, FIRST_SLICE.saturating_sub(used), None);
                let now = Instant::now();
                let took = now.saturating_duration_since(begun);
                used = used.saturating_add(took);
                self.shared.used_here(parking.principal(), took, now, watched.overran(now));
                match end {
                    End::Ready(ended) => return Poll::Ready(Some(ended)),
                    End::Spent | End::Waits => parking.park(),
                }
                if let End::Spent = end { Poll::Ready(None) } else { Poll::Pending }
            });
            if let Some(ended) = first.await {
                return ended;
            }
        }
        let (sender, receiver) = oneshot::channel();
        let work = Box::pin(async move {
            // Nobody waits for it any more: it was dropped.
            let _ = sender.send(work.await);
        });
        let task = Shared::begin(&self.shared, parking, work)?;
        let _stops = Stops(task);
        match receiver.await {
            Ok(ended) => ended,
            Err(_) => Err(RunError::host("the thread of the run ended unexpectedly")),
        }
    }
}

/// Stops a task when its caller drops the call.
struct Stops(Arc<Task>);

impl Drop for Stops {
    fn drop(&mut self) {
        self.0.parking.leave();
        self.0.cancelled.store(true, Ordering::SeqCst);
        // A slice that is running drops it at its next yield.
        if let Ok(mut work) = self.0.work.try_lock() {
            let _ = catch_unwind(AssertUnwindSafe(|| drop(work.take())));
        }
    }
}

/// How a slice ended.
enum End<T> {
    Ready(T),
    /// The time is over, and the run would continue at once.
    Spent,
    /// The run waits for something that wakes it.
    Waits,
}

/// Polls the run while it would continue at once and has time.
fn slice<T>(
    mut work: Pin<&mut (dyn Future<Output = T> + Send)>,
    outer: Waker,
    begun: Instant,
    time: Duration,
    cancelled: Option<&AtomicBool>,
) -> End<T> {
    let flag = Arc::new(Flag { polling: AtomicBool::new(true), woken: AtomicBool::new(false), outer });
    let waker = Waker::from(Arc::clone(&flag));
    let mut context = Context::from_waker(&waker);
    loop {
        if let Poll::Ready(ended) = work.as_mut().poll(&mut context) {
            return End::Ready(ended);
        }
        if !flag.woken.swap(false, Ordering::SeqCst) {
            // From here on a wake goes to whoever polls; one in between was seen by nobody else.
            flag.polling.store(false, Ordering::SeqCst);
            if !flag.woken.swap(false, Ordering::SeqCst) {
                return End::Waits;
            }
            flag.polling.store(true, Ordering::SeqCst);
        }
        let stopped = cancelled.is_some_and(|cancelled| cancelled.load(Ordering::Relaxed));
        if stopped || begun.elapsed() >= time {
            flag.polling.store(false, Ordering::SeqCst);
            return End::Spent;
        }
    }
}

/// Distinguishes a run that yields from one that waits: a run that is woken during its poll would continue at once.
struct Flag {
    polling: AtomicBool,
    woken: AtomicBool,
    outer: Waker,
}

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.woken.store(true, Ordering::SeqCst);
        if !self.polling.load(Ordering::SeqCst) {
            self.outer.wake_by_ref();
        }
    }
}

impl Wake for Task {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let mut state = self.shared.lock();
        let mut status = self.status();
        match *status {
            Status::Waiting if self.parking.is_late() => self.next(&mut state, &mut status),
            Status::Waiting => self.shared.queue(&mut state, self, &mut status, Age::Long),
            Status::Queued { urgent: false, .. } => self.next(&mut state, &mut status),
            Status::Running { .. } => *status = Status::Running { woken: true },
            Status::Queued { urgent: true, .. } | Status::Ended => {}
        }
    }
}

impl Task {
    /// Drops the run with all its resources.
    fn drop_work(&self) {
        let work = self.work.lock().unwrap_or_else(PoisonError::into_inner).take();
        let _ = catch_unwind(AssertUnwindSafe(|| drop(work)));
    }

    /// Puts the run to the front of all queues.
    fn next(self: &Arc<Self>, state: &mut State, status: &mut Status) {
        let ticket = state.next_ticket();
        *status = Status::Queued { ticket, urgent: true };
        state.urgent.push_back(Entry { task: Arc::clone(self), ticket });
        self.shared.changed.notify_one();
    }

    fn principal(&self) -> &Principal {
        self.parking.principal()
    }

    fn status(&self) -> MutexGuard<'_, Status> {
        self.status.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a run has had a slice here before.
#[derive(Clone, Copy)]
enum Age {
    New,
    Long,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns whether a principal's run can have its first slice on its caller's thread.
    fn may_begin_here(&self, principal: &Principal) -> bool {
        if self.attention.load(Ordering::Relaxed) == 0 {
            return true;
        }
        let mut state = self.lock();
        state.expire(Instant::now());
        self.recount(&state);
        let Some(account) = state.accounts.get(principal) else { return true };
        if account.slow_until.is_some() {
            return false;
        }
        match state.ready.first() {
            Some((least, other)) if other != principal => account.had <= least.saturating_add(LEAD),
            _ => true,
        }
    }

    /// Counts time on a caller's thread.
    fn used_here(&self, principal: &Principal, took: Duration, now: Instant, overrun: bool) {
        // One that another thread counts just now is not counted: it is a sample, and no call waits for it.
        let crowds = window::batch(principal, took).is_some_and(|took| {
            let window = self.window.try_lock();
            window.is_ok_and(|mut window| window.add(principal, took, now, self.most_threads))
        });
        if !overrun && !crowds && self.attention.load(Ordering::Relaxed) == 0 {
            return;
        }
        let mut state = self.lock();
        let clock = state.clock;
        let account = state.account(principal);
        if account.is_idle() {
            account.had = account.had.max(clock);
        }
        if overrun {
            state.slow_down(principal, took.saturating_mul(PENALTY));
        } else if crowds {
            state.slow_down(principal, CROWD_PENALTY);
        }
        state.charge(principal, took);
        self.recount(&state);
    }

    /// Takes a run over from its caller's thread.
    fn begin(shared: &Arc<Self>, parking: Arc<Parking>, work: Work) -> Result<Arc<Task>, RunError> {
        let runtime = Handle::try_current()
            .map_err(|error| RunError::host_because("cannot run outside of a tokio runtime", error))?;
        let task = Arc::new(Task {
            shared: Arc::clone(shared),
            parking,
            runtime,
            work: Mutex::new(Some(work)),
            status: Mutex::new(Status::Waiting),
            cancelled: AtomicBool::new(false),
        });
        let mut state = shared.lock();
        shared.queue(&mut state, &task, &mut task.status(), Age::New);
        if state.threads < shared.most_threads {
            let of_thread = Arc::clone(shared);
            let started = thread::Builder::new().name("ringfence-run".into()).spawn(move || of_thread.work());
            match started {
                Ok(_) => state.threads = state.threads.saturating_add(1),
                // The threads that there are do it all.
                Err(_) if state.threads > 0 => {}
                Err(error) => return Err(RunError::host_because("cannot start a thread for runs", error)),
            }
        }
        drop(state);
        Ok(task)
    }

    fn queue(&self, state: &mut State, task: &Arc<Task>, status: &mut Status, age: Age) {
        let ticket = state.next_ticket();
        *status = Status::Queued { ticket, urgent: false };
        let clock = state.clock;
        let account = state.account(task.principal());
        if account.is_idle() {
            account.had = account.had.max(clock);
        }
        let had = account.had;
        let entry = Entry { task: Arc::clone(task), ticket };
        match age {
            Age::New => account.new.push_back(entry),
            Age::Long => account.long.push_back(entry),
        }
        state.ready.insert((had, Arc::clone(task.principal())));
        self.recount(state);
        self.changed.notify_one();
    }

    fn recount(&self, state: &State) {
        self.attention.store(state.ready.len().saturating_add(state.slow.len()), Ordering::Relaxed);
    }

    /// Runs slices on a run thread until the host is gone.
    fn work(self: Arc<Self>) {
        // On Linux it is of the thread alone; elsewhere of the process, which must stay as it is.
        #[cfg(target_os = "linux")]
        let _ = rustix::process::setpriority_process(None, NICE);
        let mut state = self.lock();
        loop {
            if state.closed {
                return;
            }
            let Some(task) = state.take() else {
                state.forget();
                self.recount(&state);
                state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            self.recount(&state);
            drop(state);
            let begun = Instant::now();
            let mut goes_on = run_slice(&task);
            // A caller that went away while the slice was locked could not drop the run.
            if task.cancelled.load(Ordering::SeqCst) {
                task.drop_work();
                goes_on = Goes::Ended;
            }
            let took = begun.elapsed();
            state = self.lock();
            state.charge(task.principal(), took);
            let account = state.account(task.principal());
            account.running = account.running.saturating_sub(1);
            let mut status = task.status();
            match (goes_on, *status) {
                (Goes::Ended, _) => *status = Status::Ended,
                (Goes::On, _) | (Goes::Waits, Status::Running { woken: true }) => {
                    self.queue(&mut state, &task, &mut status, Age::Long);
                }
                (Goes::Waits, _) => *status = Status::Waiting,
            }
        }
    }
}

enum Goes {
    On,
    Waits,
    Ended,
}

/// Runs a slice of a task.
fn run_slice(task: &Arc<Task>) -> Goes {
    let mut place = task.work.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(work) = place.as_mut() else { return Goes::Ended };
    // Timers that the run makes are its caller's runtime's.
    let _runtime = task.runtime.enter();
    let outer = Waker::from(Arc::clone(task));
    task.parking.resume();
    let end = catch_unwind(AssertUnwindSafe(|| {
        slice(work.as_mut(), outer, Instant::now(), SLICE, Some(&task.cancelled))
    }));
    let goes = match end {
        Ok(End::Spent) => Goes::On,
        Ok(End::Waits) => Goes::Waits,
        Ok(End::Ready(())) | Err(_) => Goes::Ended,
    };
    match goes {
        Goes::On | Goes::Waits => task.parking.park(),
        Goes::Ended => {}
    }
    drop(place);
    if let Goes::Ended = goes {
        task.drop_work();
    }
    goes
}

impl Account {
    fn is_idle(&self) -> bool {
        self.running == 0 && self.new.is_empty() && self.long.is_empty()
    }

    /// Returns the next run: mostly new ones, now and then a longer one.
    fn next(&mut self) -> Option<Entry> {
        self.taken = self.taken.wrapping_add(1);
        let long_first = self.taken.checked_rem(LONG_EVERY) == Some(0);
        if long_first {
            self.long.pop_front().or_else(|| self.new.pop_front())
        } else {
            self.new.pop_front().or_else(|| self.long.pop_front())
        }
    }
}

impl State {
    fn account(&mut self, principal: &Principal) -> &mut Account {
        if self.accounts.len() >= self.prune_at.max(PRUNE) && !self.accounts.contains_key(principal) {
            self.forget();
            self.prune_at = self.accounts.len().saturating_mul(2);
        }
        self.accounts.entry(Arc::clone(principal)).or_default()
    }

    /// Sends a principal's runs to the run threads for a time.
    fn slow_down(&mut self, principal: &Principal, time: Duration) {
        let Some(until) = Instant::now().checked_add(time) else { return };
        if let Some(before) = self.account(principal).slow_until.replace(until) {
            self.slow.remove(&(before, Arc::clone(principal)));
        }
        self.slow.insert((until, Arc::clone(principal)));
    }

    fn expire(&mut self, now: Instant) {
        while let Some((until, principal)) = self.slow.first().cloned()
            && until <= now
        {
            self.account(&principal).slow_until = None;
            self.slow.remove(&(until, principal));
        }
    }

    fn next_ticket(&mut self) -> u64 {
        self.tickets = self.tickets.wrapping_add(1);
        self.tickets
    }

    /// Takes the next run.
    fn take(&mut self) -> Option<Arc<Task>> {
        while let Some(entry) = self.urgent.pop_front() {
            if self.begins(&entry) {
                return Some(entry.task);
            }
        }
        while let Some((had, principal)) = self.ready.first().cloned() {
            let entry = self.account(&principal).next();
            let account = self.account(&principal);
            if account.new.is_empty() && account.long.is_empty() {
                self.ready.remove(&(had, principal));
            }
            self.clock = self.clock.max(had);
            if let Some(entry) = entry
                && self.begins(&entry)
            {
                return Some(entry.task);
            }
        }
        None
    }

    /// Returns whether the entry is valid, and marks its task as running then.
    fn begins(&mut self, entry: &Entry) -> bool {
        let mut status = entry.task.status();
        match *status {
            Status::Queued { ticket, .. } if ticket == entry.ticket => {
                *status = Status::Running { woken: false };
                let account = self.account(entry.task.principal());
                account.running = account.running.saturating_add(1);
                true
            }
            _ => false,
        }
    }

    fn charge(&mut self, principal: &Principal, took: Duration) {
        let nanos = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        let account = self.account(principal);
        let before = account.had;
        account.had = before.saturating_add(nanos);
        let after = account.had;
        if self.ready.remove(&(before, Arc::clone(principal))) {
            self.ready.insert((after, Arc::clone(principal)));
        }
    }

    /// Drops the accounts of principals that have no run and are ahead of nobody.
    fn forget(&mut self) {
        let clock = self.clock;
        let nobody_waits = self.ready.is_empty();
        self.accounts.retain(|_, account| {
            account.slow_until.is_some() || !account.is_idle() || (!nobody_waits && account.had > clock)
        });
    }
}

#[cfg(test)]
mod tests;

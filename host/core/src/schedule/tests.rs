//! Shares, turns and first slices, on a scheduler whose threads do not run.

use super::window::WINDOW;
use super::*;

fn parking(principal: &str) -> Arc<Parking> {
    let caps = crate::SkillCaps::default();
    let admission = crate::admit::Admission::new(crate::engine::Capacity::new(1, &caps), 0);
    Parking::new(&Arc::new(admission), crate::Principal::new(principal))
}

/// A run that never ends, in the queue of a principal.
fn add(shared: &Arc<Shared>, principal: &str) {
    let task = Arc::new(Task {
        shared: Arc::clone(shared),
        parking: parking(principal),
        runtime: Handle::current(),
        work: Mutex::new(Some(Box::pin(std::future::pending()))),
        status: Mutex::new(Status::Waiting),
        cancelled: AtomicBool::new(false),
    });
    shared.queue(&mut shared.lock(), &task, &mut task.status(), Age::New);
}

/// Hands out so many slices of a millisecond, and counts those of each principal.
fn slices(shared: &Arc<Shared>, count: u32) -> HashMap<Principal, u32> {
    let mut had = HashMap::new();
    for _ in 0..count {
        let mut state = shared.lock();
        let Some(task) = state.take() else { break };
        let turns: &mut u32 = had.entry(Arc::clone(task.principal())).or_default();
        *turns = turns.saturating_add(1);
        state.charge(task.principal(), SLICE);
        let account = state.account(task.principal());
        account.running = account.running.saturating_sub(1);
        shared.queue(&mut state, &task, &mut task.status(), Age::Long);
    }
    had
}

#[tokio::test]
async fn busy_principals_share_equally_however_many_runs_each_has() {
    let scheduler = Scheduler::new();
    for _ in 0..250 {
        add(&scheduler.shared, "many");
    }
    add(&scheduler.shared, "one");
    add(&scheduler.shared, "another");
    let had = slices(&scheduler.shared, 300);
    for principal in ["many", "one", "another"] {
        assert_eq!(had.get(principal), Some(&100), "{had:?}");
    }
}

#[tokio::test]
async fn a_new_principal_gets_no_credit_for_the_past() {
    let scheduler = Scheduler::new();
    add(&scheduler.shared, "first");
    slices(&scheduler.shared, 1_000);
    add(&scheduler.shared, "later");
    let had = slices(&scheduler.shared, 100);
    assert!(had.values().all(|slices| (49..=51).contains(slices)), "{had:?}");
}

#[tokio::test]
async fn a_run_that_is_woken_while_it_is_queued_is_next() {
    let scheduler = Scheduler::new();
    add(&scheduler.shared, "quiet");
    for _ in 0..10 {
        add(&scheduler.shared, "busy");
    }
    let last = scheduler.shared.lock().accounts.get("busy").and_then(|of| of.new.back().cloned());
    let last = last.expect("it was queued").task;
    last.wake_by_ref();
    let next = scheduler.shared.lock().take().expect("a run");
    assert!(Arc::ptr_eq(&next, &last));
}

#[tokio::test]
async fn a_principal_that_is_ahead_of_one_that_waits_begins_in_the_queue() {
    let scheduler = Scheduler::new();
    let (ahead, other) = (Principal::from("ahead"), Principal::from("other"));
    assert!(scheduler.shared.may_begin_here(&ahead));
    add(&scheduler.shared, "other");
    for _ in 0..3 {
        scheduler.shared.used_here(&ahead, Duration::from_nanos(LEAD / 3), Instant::now(), false);
    }
    assert!(scheduler.shared.may_begin_here(&ahead), "ahead by no more than it may be");
    scheduler.shared.used_here(&ahead, Duration::from_nanos(1), Instant::now(), false);
    assert!(!scheduler.shared.may_begin_here(&ahead));
    assert!(scheduler.shared.may_begin_here(&other));
}

#[tokio::test]
async fn a_principal_whose_first_slice_overran_begins_in_the_queue() {
    let scheduler = Scheduler::new();
    let (principal, now) = (Principal::from("slow"), Instant::now());
    scheduler.shared.used_here(&principal, FIRST_SLICE, now, false);
    assert!(scheduler.shared.may_begin_here(&principal));
    scheduler.shared.used_here(&principal, FIRST_SLICE, now, true);
    assert!(!scheduler.shared.may_begin_here(&principal));
}

#[test]
fn a_principal_whose_first_slices_crowd_out_others_is_found() {
    let (busy, quiet) = (Principal::from("busy"), Principal::from("quiet"));
    let start = Instant::now();
    let window = || Window { since: start, total: Duration::ZERO, by: HashMap::new() };
    // A quarter of what two threads have in ten milliseconds.
    let much = Duration::from_millis(5);
    let mut alone = window();
    assert!(!alone.add(&busy, much, start, 2), "nobody else is there");
    let mut crowded = window();
    assert!(!crowded.add(&quiet, Duration::from_micros(50), start, 2));
    assert!(crowded.add(&busy, much, start, 2));
    assert!(!crowded.add(&quiet, Duration::from_micros(50), start, 2), "the other is not at fault");
    assert!(!crowded.add(&busy, Duration::from_micros(50), start + WINDOW, 2), "it is over");
    let mut two = window();
    let third = Principal::from("third");
    assert!(!two.add(&quiet, Duration::from_micros(300), start, 2));
    assert!(!two.add(&third, much / 2, start, 2), "it is not much yet");
    assert!(two.add(&busy, much / 2, start, 2), "two that crowd out a third are both found");
    assert!(two.add(&third, Duration::from_micros(50), start, 2));
    assert!(!two.add(&quiet, Duration::from_micros(50), start, 2));
    let mut little = window();
    assert!(!little.add(&quiet, Duration::from_micros(50), start, 2));
    assert!(!little.add(&busy, much - Duration::from_micros(51), start, 2));
}

#[test]
fn short_first_slices_of_one_principal_are_counted_together() {
    let (busy, other) = (Principal::from("busy"), Principal::from("other"));
    let some = Duration::from_micros(60);
    assert_eq!(window::batch(&busy, some), Some(some), "the first of a principal");
    assert_eq!(window::batch(&busy, some), None);
    assert_eq!(window::batch(&busy, some), Some(some + some));
    assert_eq!(window::batch(&busy, some), None);
    assert_eq!(window::batch(&other, some), Some(some), "another's is never kept back");
    assert_eq!(window::batch(&busy, some), Some(some));
}

#[tokio::test]
async fn accounts_that_count_for_nothing_are_dropped() {
    let scheduler = Scheduler::new();
    add(&scheduler.shared, "waits");
    for number in 0..PRUNE * 4 {
        scheduler.shared.used_here(
            &Principal::from(format!("{number}")),
            Duration::ZERO,
            Instant::now(),
            false,
        );
    }
    assert!(scheduler.shared.lock().accounts.len() <= PRUNE);
}

#[tokio::test]
async fn a_dropped_run_returns_its_reservation() {
    let (scheduler, held) = (Scheduler::new(), Arc::new(()));
    let of_run = Arc::clone(&held);
    let run = scheduler.run::<()>(
        parking("principal"),
        true,
        Instant::now(),
        Box::pin(async move {
            let _of_run = of_run;
            std::future::pending().await
        }),
    );
    let mut run = Box::pin(run);
    let mut context = Context::from_waker(Waker::noop());
    assert!(run.as_mut().poll(&mut context).is_pending());
    drop(run);
    while Arc::strong_count(&held) > 1 {
        tokio::task::yield_now().await;
    }
}

//! One run never touches another: 64 endless loops starve nobody, and a deadline ends its own run only.

use std::time::Duration;

use ringfence::{Allocator, CancellationToken, Limits, Outcome};
use ringfence_sandbox_tests::{host, limits, load, runtime, wat_guests as guests};
use serde_json::json;

/// Limits that end nothing in the time of this test.
fn endless() -> Limits {
    limits(|l| {
        l.fuel = u64::MAX / 2;
        l.deadline = Duration::from_secs(600);
    })
}

#[test]
fn loops_do_not_starve_a_good_call() {
    let host = host(Allocator::Pooling);
    let spin = load(host, &guests::spin());
    let echo = load(host, guests::ECHO);
    runtime().block_on(async {
        let token = CancellationToken::new();
        let loops: Vec<_> = (0..64)
            .map(|_| {
                let (spin, token) = (spin.clone(), token.clone());
                tokio::spawn(async move {
                    host.call(&spin, "run").limits(&endless()).cancel(token).json("{}").await
                })
            })
            .collect();
        // Beside them on the same two workers.
        let good = tokio::spawn(async move {
            for n in 0..200 {
                let text = format!("call {n}");
                let report = host.run(&echo, "echo", json!({"text": text}), &Limits::default()).await;
                match report.expect("a run").outcome {
                    Outcome::Completed(value) => assert_eq!(value, json!(text)),
                    other => panic!("{other:?}"),
                }
            }
        });
        good.await.expect("every good call answers, under the default deadline");
        assert!(loops.iter().all(|run| !run.is_finished()), "the loops were still running");
        token.cancel();
        for run in loops {
            let report = run.await.expect("no panic").expect("a run");
            assert!(matches!(report.outcome, Outcome::Cancelled));
        }
    });
}

#[test]
fn a_deadline_ends_its_own_run_only() {
    let host = host(Allocator::Pooling);
    let spin = load(host, &guests::spin());
    let count = load(host, &guests::count_down());
    runtime().block_on(async {
        let soon = limits(|l| {
            l.fuel = u64::MAX / 2;
            l.deadline = Duration::from_millis(20);
        });
        let token = CancellationToken::new();
        // Four that end by their deadline, again and again, beside one that has time.
        let ending: Vec<_> = (0..4)
            .map(|_| {
                let (spin, soon, token) = (spin.clone(), soon.clone(), token.clone());
                tokio::spawn(async move {
                    let mut ended = 0;
                    while !token.is_cancelled() {
                        let report = host.run(&spin, "run", "{}", &soon).await.expect("a run");
                        assert!(matches!(report.outcome, Outcome::DeadlineExceeded));
                        ended += 1;
                    }
                    ended
                })
            })
            .collect();
        let input = json!({"n": 50_000_000});
        let report = host.run(&count, "run", input, &endless()).await.expect("a run");
        token.cancel();
        assert!(matches!(report.outcome, Outcome::Completed(_)), "{:?}", report.outcome);
        let mut ended = 0;
        for run in ending {
            ended += run.await.expect("no panic");
        }
        assert!(ended >= 4, "{ended} deadlines passed meanwhile");
    });
}

#[test]
fn one_trap_or_exhaustion_does_not_touch_the_next_run() {
    let host = host(Allocator::Pooling);
    let spin = load(host, &guests::spin());
    let echo = load(host, guests::ECHO);
    runtime().block_on(async {
        for n in 0..50 {
            let little = limits(|l| l.fuel = 1_000);
            let report = host.run(&spin, "run", "{}", &little).await.expect("a run");
            assert!(matches!(report.outcome, Outcome::OutOfFuel));
            let text = format!("after {n}");
            let report = host.run(&echo, "echo", json!({"text": text}), &Limits::default()).await;
            assert!(
                matches!(report.expect("a run").outcome, Outcome::Completed(value) if value == json!(text))
            );
        }
    });
}

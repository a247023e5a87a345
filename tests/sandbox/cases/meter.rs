//! What a host call costs, to the unit, and what a run that waits holds.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use ringfence::{
    HOST_CALL_FUEL, Host, HostConfig, Limits, Outcome, Principal, Report, RunError, TRANSFER_FUEL,
};
use ringfence_sandbox_tests::{limits, load, runtime};
use serde_json::json;

/// Calls `f` of the embedder with a text of `length` bytes, `times` times.
const CALLER: &str = r#"(component
  (import "acme:test/host@1.0.0" (instance $host (export "f" (func (param "text" string)))))
  (core module $libc (memory (export "memory") 17))
  (core instance $libc (instantiate $libc))
  (alias core export $libc "memory" (core memory $memory))
  (core func $f (canon lower (func $host "f") (memory $memory)))
  (core module $m
    (import "host" "f" (func $f (param i32 i32)))
    (func (export "run") (param $times i32) (param $length i32)
      (loop $next
        (call $f (i32.const 0) (local.get $length))
        (br_if $next (local.tee $times (i32.sub (local.get $times) (i32.const 1)))))))
  (core instance $i (instantiate $m (with "host" (instance (export "f" (func $f))))))
  (func (export "run") (param "times" u32) (param "length" u32) (canon lift (core func $i "run"))))"#;

/// 8 MiB of memory that it does not touch, and a call that does not come back.
const WAITS: &str = r#"(component
  (import "acme:test/host@1.0.0" (instance $host (export "never" (func))))
  (core func $never (canon lower (func $host "never")))
  (core module $m
    (import "host" "never" (func $never))
    (memory (export "memory") 128)
    (func (export "untouched") (call $never))
    (func (export "touched")
      (memory.fill (i32.const 0) (i32.const 1) (i32.const 8388608)) (call $never)))
  (core instance $i (instantiate $m (with "host" (instance (export "never" (func $never))))))
  (func (export "untouched") (canon lift (core func $i "untouched")))
  (func (export "touched") (canon lift (core func $i "touched"))))"#;

fn host(memory: u64) -> Host {
    Host::builder(HostConfig::pooled().with_runs(64).with_memory(memory))
        .provide("acme:test/host@1.0.0", |host| {
            host.func("f", |_, (_,): (String,)| Ok(()));
            host.func_async("never", |_, (): ()| std::future::pending::<Result<(), _>>());
        })
        .build()
        .expect("a host")
}

fn call(host: &Host, times: u32, length: u32, limits: &Limits) -> Report {
    let skill = load(host, CALLER);
    let input = json!({"times": times, "length": length});
    runtime().block_on(host.run(&skill, "run", input, limits)).expect("a run")
}

#[test]
fn a_host_call_costs_a_fixed_amount_and_one_unit_a_byte() {
    let host = host(1 << 30);
    let fuel = |times, length| call(&host, times, length, &Limits::default()).usage.fuel;
    let empty = fuel(1, 0);
    assert_eq!(fuel(1, 1_000) - empty, 1_000 * TRANSFER_FUEL);
    // The guest's own part of an iteration is a handful of units.
    let one_more = fuel(2, 0) - empty;
    assert!((HOST_CALL_FUEL..HOST_CALL_FUEL + 50).contains(&one_more), "{one_more}");
    assert_eq!(fuel(100, 70_000), fuel(100, 70_000), "the same each time");
}

#[test]
fn fuel_for_host_calls_ends_to_the_unit() {
    let host = host(1 << 30);
    let needed = call(&host, 3, 100, &Limits::default()).usage.fuel;
    let exact = call(&host, 3, 100, &limits(|l| l.fuel = needed));
    assert!(matches!(exact.outcome, Outcome::Completed(_)), "{:?}", exact.outcome);
    let short = call(&host, 3, 100, &limits(|l| l.fuel = needed - 1));
    assert!(matches!(short.outcome, Outcome::OutOfFuel), "{:?}", short.outcome);
    assert_eq!(short.usage.fuel, needed - 1, "never more than the limit");
}

#[test]
fn a_guest_that_only_calls_the_host_does_not_block_others() {
    let host = host(1 << 30);
    let skill = load(&host, CALLER);
    let other = Arc::new(AtomicU64::new(0));
    let turns = Arc::clone(&other);
    runtime().block_on(async move {
        let task = tokio::spawn(async move {
            loop {
                turns.fetch_add(1, Ordering::Relaxed);
                tokio::task::yield_now().await;
            }
        });
        let limits = limits(|l| {
            (l.host_calls, l.fuel, l.deadline) = (5_000, 10_000_000_000, Duration::from_secs(3_600));
        });
        let run = host.run(&skill, "run", json!({"times": 5_000, "length": 1_000_000}), &limits);
        let report = run.await.expect("a run");
        assert!(matches!(report.outcome, Outcome::Completed(_)), "{:?}", report.outcome);
        task.abort();
    });
    assert!(other.load(Ordering::Relaxed) > 10);
}

#[test]
fn a_waiting_run_reserves_the_pages_that_it_touched() {
    let host = host(1 << 30);
    let skill = load(&host, WAITS);
    runtime().block_on(async {
        let mut held = Vec::new();
        for tool in ["untouched", "touched"] {
            let mut run = Box::pin(host.call(&skill, tool).json(json!({})));
            while host.runs() == 0 || host.reserved_bytes() == 0 {
                assert!(futures_poll(&mut run).await.is_none());
            }
            // The memory is filled after a few slices.
            for _ in 0..1_000 {
                assert!(futures_poll(&mut run).await.is_none());
                tokio::task::yield_now().await;
            }
            held.push(host.reserved_bytes());
            drop(run);
            while host.reserved_bytes() > 0 {
                tokio::task::yield_now().await;
            }
        }
        let [untouched, touched] = held[..] else { unreachable!() };
        assert!(untouched < 4 << 20, "{untouched}");
        assert!(touched >= 8 << 20, "{touched}");
    });
}

/// Polls once.
async fn futures_poll<F: Future>(run: &mut std::pin::Pin<Box<F>>) -> Option<F::Output> {
    std::future::poll_fn(|context| {
        std::task::Poll::Ready(match run.as_mut().poll(context) {
            std::task::Poll::Ready(ended) => Some(ended),
            std::task::Poll::Pending => None,
        })
    })
    .await
}

#[test]
fn the_share_of_a_principal_is_its_own() {
    let host = host(1 << 30);
    let skill = load(&host, CALLER);
    let run = |principal: &Principal| {
        let call = host.call(&skill, "run").principal(principal);
        runtime().block_on(call.json(json!({"times": 1, "length": 0})))
    };
    let (poor, rich) = (Principal::new("poor"), Principal::new("rich"));
    run(&poor).expect("a share without a bound");
    // What the run needs at once: more than a mebibyte for its memory, and as much for its result.
    poor.set_memory(1 << 20);
    assert!(matches!(run(&poor), Err(RunError::TooLarge { .. })));
    run(&rich).expect("the share of another");
    poor.set_memory(64 << 20);
    run(&poor).expect("within the share");
    assert_eq!((poor.memory_used(), rich.memory_used()), (0, 0));
}

#[test]
fn a_run_waits_for_the_share_that_another_of_its_principal_holds() {
    let host = host(1 << 30);
    let skill = load(&host, WAITS);
    let principal = Principal::new("tenant");
    principal.set_memory(12 << 20);
    runtime().block_on(async {
        let mut first = Box::pin(host.call(&skill, "untouched").principal(&principal).json(json!({})));
        assert!(futures_poll(&mut first).await.is_none());
        let second = host.call(&skill, "untouched").principal(&principal).json(json!({})).await;
        assert!(matches!(second, Err(RunError::Overloaded { .. })), "{second:?}");
        let patient = host.call(&skill, "untouched").principal(&principal).wait(Duration::from_secs(3_600));
        let soon = limits(|l| l.deadline = Duration::from_secs(3_600));
        let mut third = Box::pin(patient.limits(&soon).json(json!({})));
        assert!(futures_poll(&mut third).await.is_none());
        assert_eq!(host.runs(), 1, "it waits");
        drop(first);
        while host.runs() != 1 {
            assert!(futures_poll(&mut third).await.is_none());
            tokio::task::yield_now().await;
        }
    });
}

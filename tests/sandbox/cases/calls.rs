//! The ways to call: JSON, values, Rust types, blocking, listened to, cancelled, repeated exactly.

use std::future::poll_fn;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;
use std::time::Duration;

use ringfence::wasmtime::component::Val;
use ringfence::{
    Allocator, CancellationToken, Clock, Event, Host, HostConfig, Level, Limits, Outcome, Report, RunError,
    Source,
};
use ringfence_sandbox_tests::{host, limits, load, runtime, wat_guests as guests};
use serde_json::json;

fn pooled() -> &'static Host {
    host(Allocator::Pooling)
}

#[test]
fn json_in_and_out() {
    let skill = load(pooled(), guests::ECHO);
    let limits = Limits::default();
    let report =
        runtime().block_on(pooled().run(&skill, "echo", json!({"text": "hi"}), &limits)).expect("a run");
    assert_eq!(report.outcome.name(), "completed");
    assert!(matches!(&report.outcome, Outcome::Completed(value) if value.as_str() == "\"hi\""));
    assert_eq!(report.skill, skill.digest());
    assert_eq!(&*report.tool, "echo");
}

#[test]
fn the_report_as_json() {
    let skill = load(pooled(), &guests::log(3));
    let limits = Limits::default();
    let report = runtime().block_on(pooled().run(&skill, "run", json!({"n": 1}), &limits)).expect("a run");
    let report = serde_json::to_value(&report).expect("JSON");
    let keys: Vec<&String> = report.as_object().expect("an object").keys().collect();
    assert_eq!(keys, ["run", "skill", "tool", "outcome", "value", "usage", "limits", "log"]);
    assert_eq!(report["outcome"], "completed");
    assert_eq!(report["value"], 1);
    assert_eq!(report["limits"]["deadline_ms"], 5000);
    assert_eq!(report["usage"]["host_calls"], 1);
    assert_eq!(report["log"], json!([{"level": "info", "source": "log", "message": "aaa"}]));
}

#[test]
fn values_in_and_out() {
    let skill = load(pooled(), guests::ECHO);
    let call = |val: Val, limits: &Limits| {
        runtime().block_on(pooled().call(&skill, "echo").limits(limits).values(vec![val]))
    };
    let report = call(Val::String("hi".into()), &Limits::default()).expect("a run");
    assert!(matches!(report.outcome, Outcome::Completed(Some(Val::String(text))) if text == "hi"));
    assert_eq!(report.usage.output_bytes, 4);
    // The limits hold as they do for JSON.
    let small = limits(|l| l.output_size = 4);
    assert!(matches!(call(Val::String("hi".into()), &small).expect("a run").outcome, Outcome::Completed(_)));
    assert!(matches!(call(Val::String("hi!".into()), &small).expect("a run").outcome, Outcome::OutputLimit));
    let small = limits(|l| l.input_size = 4);
    assert!(matches!(
        call(Val::String("hi!".into()), &small),
        Err(RunError::InputTooLarge { size: 5, limit: 4 })
    ));
    let wrong = call(Val::U8(1), &Limits::default());
    assert!(matches!(wrong, Err(RunError::Input { pointer, .. }) if pointer == "/text"));
    let none = runtime().block_on(pooled().call(&skill, "echo").values(vec![]));
    assert!(matches!(none, Err(RunError::Input { .. })));
}

#[test]
fn rust_types_in_and_out() {
    let skill = load(pooled(), guests::ECHO);
    let call = pooled().call(&skill, "echo").typed::<(String,), (String,)>(("hi".into(),));
    let report: Report<(String,)> = runtime().block_on(call).expect("a run");
    assert!(matches!(report.outcome, Outcome::Completed((text,)) if text == "hi"));
    let wrong = pooled().call(&skill, "echo").typed::<(u32,), (String,)>((1,));
    assert!(matches!(runtime().block_on(wrong), Err(RunError::Input { .. })));
}

#[test]
fn from_a_thread_without_a_runtime() {
    let skill = load(pooled(), guests::ECHO);
    let run = || pooled().run_blocking(&skill, "echo", r#"{"text":"hi"}"#, &Limits::default());
    assert!(matches!(run().expect("a run").outcome, Outcome::Completed(_)));
    // Within a runtime it would block a worker.
    assert!(matches!(runtime().block_on(async { run() }), Err(RunError::Host { .. })));
    // Waits and deadlines work there as well.
    let skill = load(pooled(), guests::WAIT);
    let soon = limits(|l| l.deadline = Duration::from_millis(20));
    let report = pooled().run_blocking(&skill, "run", json!({"ms": 3_600_000}), &soon).expect("a run");
    assert!(matches!(report.outcome, Outcome::DeadlineExceeded));
}

#[test]
fn events_arrive_during_a_run() {
    let skill = load(pooled(), &guests::log(3));
    runtime().block_on(async {
        let mut run = pooled().call(&skill, "run").start(json!({"n": 2}));
        let mut events = Vec::new();
        while let Some(event) = run.next_event().await {
            events.push(event);
        }
        let report = run.report().await.expect("a run");
        assert_eq!(events.len(), 2);
        assert_eq!(events, report.log.iter().cloned().map(Event::Log).collect::<Vec<_>>());
        assert_eq!((report.log[0].level, report.log[0].source), (Level::Info, Source::Log));
    });
    let skill = load(pooled(), &guests::emit(2));
    runtime().block_on(async {
        let mut run = pooled().call(&skill, "run").start(json!({"n": 3}));
        assert_eq!(run.next_event().await, Some(Event::Chunk("aa".into())));
        // Whoever does not care for the rest may go straight for the report.
        let report = run.report().await.expect("a run");
        assert!(matches!(report.outcome, Outcome::Completed(_)));
    });
}

#[test]
fn a_run_can_move_to_another_thread() {
    let skill = load(pooled(), &guests::emit(2));
    let mut run = pooled().call(&skill, "run").start(json!({"n": 3}));
    let away = runtime().spawn(async move {
        let first = run.next_event().await;
        (first, run.report().await)
    });
    let (first, report) = runtime().block_on(away).expect("no panic");
    assert_eq!(first, Some(Event::Chunk("aa".into())));
    assert!(matches!(report.expect("a run").outcome, Outcome::Completed(_)));
}

#[test]
fn cancelled_while_busy_and_while_waiting() {
    let long = limits(|l| {
        l.fuel = u64::MAX / 2;
        l.deadline = Duration::from_secs(600);
    });
    for (guest, input) in [(guests::spin(), json!({})), (guests::WAIT.to_owned(), json!({"ms": 3_600_000}))] {
        let skill = load(pooled(), &guest);
        runtime().block_on(async {
            let token = CancellationToken::new();
            let run = pooled().call(&skill, "run").limits(&long).cancel(token.clone()).json(input);
            let (report, ()) = tokio::join!(run, async {
                tokio::task::yield_now().await;
                token.cancel();
            });
            assert!(matches!(report.expect("a run").outcome, Outcome::Cancelled));
        });
    }
}

#[test]
fn nothing_runs_under_a_cancelled_token() {
    let skill = load(pooled(), guests::ECHO);
    let token = CancellationToken::new();
    token.cancel();
    let call = pooled().call(&skill, "echo").cancel(token).json(json!({"text": "hi"}));
    let report = runtime().block_on(call).expect("a report");
    assert!(matches!(report.outcome, Outcome::Cancelled));
    assert_eq!(report.usage.fuel, 0);
}

/// `run: func() -> tuple<u64, u64, u64>`: two random numbers and a look at the clock.
const CHANCE: &str = r#"
(component
  (import "wasi:random/random@0.2.0" (instance $random (export "get-random-u64" (func (result u64)))))
  (import "wasi:clocks/monotonic-clock@0.2.0" (instance $clock (export "now" (func (result u64)))))
  (core func $number (canon lower (func $random "get-random-u64")))
  (core func $now (canon lower (func $clock "now")))
  (core module $m
    (import "host" "number" (func $number (result i64)))
    (import "host" "now" (func $now (result i64)))
    (memory (export "memory") 1)
    (func (export "run") (result i32)
      (i64.store (i32.const 8) (call $number))
      (i64.store (i32.const 16) (call $number))
      (i64.store (i32.const 24) (call $now))
      (i32.const 8)))
  (core instance $i (instantiate $m (with "host" (instance
    (export "number" (func $number)) (export "now" (func $now))))))
  (alias core export $i "memory" (core memory $memory))
  (func (export "run") (result (tuple u64 u64 u64)) (canon lift (core func $i "run") (memory $memory))))"#;

#[test]
fn a_run_with_seed_and_clock_repeats_exactly() {
    let skill = load(pooled(), CHANCE);
    let call = |seed: Option<u64>| {
        let mut call = pooled().call(&skill, "run").clock(Clock::Fixed(Duration::from_secs(1_000)));
        if let Some(seed) = seed {
            call = call.seed(seed);
        }
        let report = runtime().block_on(call.json("{}")).expect("a run");
        match report.outcome {
            Outcome::Completed(value) => (value.as_str().to_owned(), report.usage.fuel),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(call(Some(7)), call(Some(7)));
    assert_ne!(call(Some(7)).0, call(Some(8)).0);
    assert_ne!(call(None).0, call(None).0);
}

#[test]
fn a_fixed_clock_waits_for_nothing() {
    let skill = load(pooled(), guests::WAIT);
    let call =
        pooled().call(&skill, "run").clock(Clock::Fixed(Duration::ZERO)).json(json!({"ms": 3_600_000}));
    assert!(matches!(runtime().block_on(call).expect("a run").outcome, Outcome::Completed(_)));
}

#[test]
fn unknown_tools_and_foreign_skills_are_refused() {
    let skill = load(pooled(), guests::ECHO);
    let limits = Limits::default();
    let none = runtime().block_on(pooled().run(&skill, "shout", json!({}), &limits));
    assert!(matches!(none, Err(RunError::NoSuchTool { known, .. }) if known == "echo"));
    let other = Host::new(HostConfig::pooled()).expect("a host");
    let foreign = runtime().block_on(other.run(&skill, "echo", json!({"text": ""}), &limits));
    assert!(matches!(foreign, Err(RunError::ForeignSkill { .. })));
}

#[test]
fn the_digest_names_the_bytes() {
    let host = pooled();
    let bytes = ringfence_sandbox_tests::wasm(guests::ECHO);
    let digest = host.validate(bytes.clone()).expect("valid").digest();
    assert_eq!(digest, host.load(bytes.clone()).expect("it loads").digest());
    assert_eq!(digest, ringfence::Digest::of(&bytes));
    assert!(digest.to_string().starts_with("sha256:"));
    assert_eq!(digest.to_string().parse(), Ok(digest));
    assert_eq!(digest.to_string()[7..].parse(), Ok(digest));
    for wrong in ["", "sha256:", "sha256:12", &digest.to_string().replace(':', "+"), &"g".repeat(64)] {
        assert!(wrong.parse::<ringfence::Digest>().is_err(), "{wrong}");
    }
}

/// The timers of a runtime panic once it is gone: a run thread must not touch them then.
#[test]
fn a_caller_that_leaves_with_its_runtime_causes_no_panic() {
    static PANICS: AtomicUsize = AtomicUsize::new(0);
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if std::thread::current().name() == Some("ringfence-run") {
            PANICS.fetch_add(1, Ordering::SeqCst);
        }
        before(panic);
    }));
    let host = Host::new(HostConfig::default()).expect("a host");
    let skill = load(&host, &guests::spin());
    let limits = Limits::default().with_fuel(1 << 40).with_deadline(Duration::from_secs(60));
    for round in 0..300_u32 {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
        let mut run = Box::pin(host.run(&skill, "run", "{}", &limits));
        // Once: its first slice is here, and the others on a run thread.
        runtime.block_on(poll_fn(|context| {
            assert!(run.as_mut().poll(context).is_pending());
            Poll::Ready(())
        }));
        (0..round).for_each(|_| std::thread::yield_now());
        drop(run);
        drop(runtime);
    }
    while host.runs() > 0 {
        std::thread::yield_now();
    }
    assert_eq!(PANICS.load(Ordering::SeqCst), 0);
}

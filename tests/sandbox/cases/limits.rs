//! Every limit in pairs: exactly at it the run passes, one more and it ends in that limit's outcome.

use std::time::Duration;

use ringfence::{Allocator, Host, HostConfig, Limits, Outcome, Report, RunError};
use ringfence_sandbox_tests::wat_guests as guests;
use ringfence_sandbox_tests::{Expect, check, host, limits, load, runtime};
use serde_json::{Value, json};

const MEMORY_LIMIT: Expect = Expect::Outcome("memory-limit");
const OUTPUT_LIMIT: Expect = Expect::Outcome("output-limit");

/// A run that ends later than this after a deadline of milliseconds was not ended by it. Generous, since
/// the machine may be busy with other things; how late runs are is measured in the benches.
const LATE: Duration = Duration::from_secs(3);

/// A run that must take place.
fn run(wat: &str, input: Value, limits: &Limits) -> Report {
    check(wat, "run", input, limits, &Expect::Completed).expect("a run")
}

#[test]
fn fuel_is_exact_to_the_unit() {
    let guest = guests::count_down();
    let input = json!({"n": 1000});
    let burnt = run(&guest, input.clone(), &Limits::default()).usage.fuel;
    assert!(burnt > 1000, "{burnt}");
    run(&guest, input.clone(), &limits(|l| l.fuel = burnt));
    check(&guest, "run", input, &limits(|l| l.fuel = burnt - 1), &Expect::Outcome("out-of-fuel"));
}

#[test]
fn fuel_is_equal_on_every_run() {
    let guest = guests::count_down();
    let burnt = || run(&guest, json!({"n": 123_456}), &Limits::default()).usage.fuel;
    assert_eq!(burnt(), burnt());
}

#[test]
fn a_busy_guest_ends_at_its_deadline() {
    let soon = limits(|l| {
        l.deadline = Duration::from_millis(30);
        l.fuel = u64::MAX / 2;
    });
    let report = check(&guests::spin(), "run", json!({}), &soon, &Expect::Outcome("deadline-exceeded"));
    let usage = report.expect("a run").usage;
    assert!(usage.wall >= Duration::from_millis(30), "not before the deadline: {usage:?}");
    assert!(usage.wall < LATE, "not long after it: {usage:?}");
    run(&guests::count_down(), json!({"n": 1_000_000}), &Limits::default());
}

#[test]
fn a_guest_that_waits_in_the_host_ends_at_its_deadline() {
    run(guests::WAIT, json!({"ms": 5}), &Limits::default());
    let soon = limits(|l| l.deadline = Duration::from_millis(30));
    let report =
        check(guests::WAIT, "run", json!({"ms": 3_600_000}), &soon, &Expect::Outcome("deadline-exceeded"));
    let usage = report.expect("a run").usage;
    assert!(usage.busy < usage.wall / 2, "waiting is not being busy: {usage:?}");
    assert!(usage.wall < LATE, "not long after it: {usage:?}");
}

#[test]
fn a_guest_in_a_bulk_operation_ends_soon_after_its_deadline() {
    let soon = limits(|l| {
        l.deadline = Duration::from_millis(30);
        l.fuel = u64::MAX / 2;
    });
    let report = check(&guests::fill(), "run", json!({}), &soon, &Expect::Outcome("deadline-exceeded"));
    assert!(report.expect("a run").usage.wall < LATE);
    let little = limits(|l| l.fuel = 67_108_864 * 3);
    check(&guests::fill(), "run", json!({}), &little, &Expect::Outcome("out-of-fuel"));
}

#[test]
fn a_result_after_the_deadline_is_discarded() {
    // One instruction, which nothing interrupts, takes longer than the deadline; then the tool returns.
    let guest = guests::fill().replace("(loop (memory.fill", "(block (memory.fill").replace("(br 0)))", "))");
    let soon = limits(|l| l.deadline = Duration::from_millis(1));
    check(&guest, "run", json!({}), &soon, &Expect::Outcome("deadline-exceeded"));
    run(&guest, json!({}), &Limits::default());
}

#[test]
fn memory_over_all_memories() {
    let pages = |a: u32, b: u32| json!({"a": a, "b": b});
    let report = run(guests::TWO_MEMORIES, pages(1024, 0), &Limits::default());
    assert_eq!(report.usage.peak_memory, 64 << 20);
    let report = run(guests::TWO_MEMORIES, pages(512, 512), &Limits::default());
    assert_eq!(report.usage.peak_memory, 64 << 20);
    for over in [pages(1025, 0), pages(512, 513), pages(0, 1025)] {
        let report = check(guests::TWO_MEMORIES, "run", over, &Limits::default(), &MEMORY_LIMIT);
        assert_eq!(report.expect("a run").usage.refused_growths, 1);
    }
}

#[test]
fn memory_at_the_start() {
    let start = |pages: u32| guests::many(&format!("(memory {pages})"), 2);
    run(&start(512), json!({}), &Limits::default());
    check(&start(513), "run", json!({}), &Limits::default(), &MEMORY_LIMIT);
}

#[test]
fn a_guest_can_survive_a_refused_growth() {
    let guest = guests::component(
        r#"(memory 0) (func (export "run") (param i32) (result i32) (memory.grow (local.get 0)))"#,
        guests::RUN_U32,
    );
    let report =
        check(&guest, "run", json!({"n": 1025}), &Limits::default(), &Expect::Value(json!(u32::MAX)));
    assert_eq!(report.expect("a run").usage.refused_growths, 1);
    // The guest's own maximum is no refusal of ours.
    let own = guest.replace("(memory 0)", "(memory 0 1)");
    let report = check(&own, "run", json!({"n": 2}), &Limits::default(), &Expect::Value(json!(u32::MAX)));
    assert_eq!(report.expect("a run").usage.refused_growths, 0);
}

#[test]
fn other_traps_after_a_refusal_keep_their_name_and_say_so() {
    let guest = guests::component(
        r#"(memory 0) (func (export "run") (param i32) (result i32)
             (i32.load (i32.mul (memory.grow (local.get 0)) (i32.const 65536))))"#,
        guests::RUN_U32,
    );
    let expect = Expect::Trap("memory-out-of-bounds");
    let report = check(&guest, "run", json!({"n": 1025}), &Limits::default(), &expect).expect("a run");
    assert!(matches!(report.outcome, Outcome::Trapped(trap) if trap.growth_refused));
}

#[test]
fn table_elements_over_all_tables() {
    let guest = guests::two_tables();
    let report = run(&guest, json!({"a": 60_000, "b": 40_000}), &Limits::default());
    assert_eq!(report.usage.peak_table_elements, 100_000);
    check(&guest, "run", json!({"a": 60_000, "b": 40_001}), &Limits::default(), &MEMORY_LIMIT);
}

#[test]
fn a_core_instance_over_the_limit_is_refused() {
    run(&guests::instances(63), json!({}), &Limits::default());
    check(&guests::instances(64), "run", json!({}), &Limits::default(), &Expect::Refused("over-cap"));
    let few = limits(|l| l.instances = 4);
    run(&guests::instances(3), json!({}), &few);
    check(&guests::instances(4), "run", json!({}), &few, &MEMORY_LIMIT);
}

#[test]
fn a_memory_over_the_limit_is_refused() {
    let guest = |n| guests::many("(memory 0)", n);
    run(&guest(16), json!({}), &Limits::default());
    check(&guest(17), "run", json!({}), &Limits::default(), &Expect::Refused("over-cap"));
    let few = limits(|l| l.memories = 4);
    run(&guest(4), json!({}), &few);
    check(&guest(5), "run", json!({}), &few, &MEMORY_LIMIT);
}

#[test]
fn a_table_over_the_limit_is_refused() {
    // A table in each instance; then two, so that tables run out before instances do.
    let guest = |n| guests::many("(table 0 funcref)", n);
    run(&guest(63), json!({}), &Limits::default());
    let two = |n| guests::many("(table 0 funcref) (table 0 funcref)", n);
    run(&two(32), json!({}), &Limits::default());
    check(&two(33), "run", json!({}), &Limits::default(), &Expect::Refused("over-cap"));
    let few = limits(|l| l.tables = 4);
    run(&guest(4), json!({}), &few);
    check(&guest(5), "run", json!({}), &few, &MEMORY_LIMIT);
}

#[test]
fn a_stack_overflow_traps() {
    let host = host(Allocator::Pooling);
    let skill = load(host, &guests::recurse());
    let deep = |n: u32| {
        let limits = Limits::default();
        runtime().block_on(host.run(&skill, "run", json!({"n": n}), &limits)).expect("a run").outcome
    };
    // Between a depth that passes and one that does not, find the last that passes.
    let (mut passes, mut fails) = (1_000, 1_000_000);
    assert!(matches!(deep(passes), Outcome::Completed(_)));
    while fails - passes > 1 {
        let middle = passes + (fails - passes) / 2;
        match deep(middle) {
            Outcome::Completed(value) => {
                assert_eq!(value, json!(middle));
                passes = middle;
            }
            Outcome::Trapped(trap) if trap.code == "stack-overflow" => fails = middle,
            other => panic!("{other:?}"),
        }
    }
    // A frame of this function takes at least 16 bytes and at most 128.
    let stack = u32::try_from(ringfence::WASM_STACK).expect("small");
    assert!((stack / 128..=stack / 16).contains(&passes), "{passes} deep in {stack} bytes");
    check(
        &guests::recurse(),
        "run",
        json!({"n": fails}),
        &Limits::default(),
        &Expect::Trap("stack-overflow"),
    );
}

#[test]
fn input_over_its_limit_is_refused() {
    let text = |bytes: usize| format!("{{\"text\":\"{}\"}}", "a".repeat(bytes - 11));
    let small = limits(|l| l.input_size = 5_000);
    let host = host(Allocator::Pooling);
    let skill = load(host, guests::ECHO);
    let run = |input: ringfence::Input| runtime().block_on(host.run(&skill, "echo", input, &small));
    assert!(run(text(5_000).into()).is_ok());
    let refused = run(text(5_001).into());
    assert!(matches!(refused, Err(RunError::InputTooLarge { size: 5_001, limit: 5_000 })), "{refused:?}");
    let tree = |bytes| serde_json::from_str::<Value>(&text(bytes)).expect("JSON");
    assert!(run(tree(5_000).into()).is_ok());
    assert!(matches!(run(tree(5_001).into()), Err(RunError::InputTooLarge { .. })));
}

#[test]
fn short_input_with_large_values_is_bounded() {
    let fields: String = (0..1000).map(|i| format!("(field \"f{i}\" (option u8))")).collect();
    let guest = format!(
        r#"(component
             (core module $m (memory (export "memory") 1)
               (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 8))
               (func (export "run") (param i32 i32)))
             (core instance $i (instantiate $m))
             (alias core export $i "memory" (core memory $memory))
             (type $r' (record {fields}))
             (export $r "r" (type $r'))
             (func $run (param "all" (list $r))
               (canon lift (core func $i "run") (memory $memory) (realloc (core func $i "realloc"))))
             (export "run" (func $run)))"#
    );
    let list = |n: usize| format!("{{\"all\":[{}]}}", vec!["{}"; n].join(","));
    let host = host(Allocator::Pooling);
    let skill = load(host, &guest);
    let small = limits(|l| l.input_size = 10_000);
    let run = |n| runtime().block_on(host.run(&skill, "run", list(n), &small));
    assert!(run(2).is_ok());
    let refused = run(3_000);
    assert!(matches!(refused, Err(RunError::Input { .. })), "{refused:?}");
}

#[test]
fn a_result_over_the_output_limit_ends_the_run() {
    let guest = guests::letters();
    let small = limits(|l| l.output_size = 10_000);
    let report = run(&guest, json!({"n": 9_998}), &small);
    assert_eq!(report.usage.output_bytes, 10_000);
    check(&guest, "run", json!({"n": 9_999}), &small, &OUTPUT_LIMIT);
    // At the default, and where the engine refuses to lift it at all.
    run(&guest, json!({"n": (1 << 20) - 2}), &Limits::default());
    check(&guest, "run", json!({"n": (1 << 20) - 1}), &Limits::default(), &OUTPUT_LIMIT);
    check(&guest, "run", json!({"n": 2_100_000}), &Limits::default(), &OUTPUT_LIMIT);
}

#[test]
fn chunks_over_the_output_limit_end_the_run() {
    // A chunk of 98 letters is 100 bytes of JSON; the result is the number itself.
    let guest = guests::emit(98);
    let small = limits(|l| l.output_size = 1_002);
    let report = run(&guest, json!({"n": 10}), &small);
    assert_eq!(report.usage.output_bytes, 1_002);
    check(&guest, "run", json!({"n": 10}), &limits(|l| l.output_size = 1_001), &OUTPUT_LIMIT);
    check(&guest, "run", json!({"n": 11}), &small, &OUTPUT_LIMIT);
}

#[test]
fn log_lines_over_the_limit_are_dropped() {
    let guest = guests::log(10);
    let report = run(&guest, json!({"n": 1_000}), &Limits::default());
    assert_eq!((report.log.len(), report.usage.log_dropped), (1_000, 0));
    let report = run(&guest, json!({"n": 1_001}), &Limits::default());
    assert_eq!((report.log.len(), report.usage.log_dropped), (1_000, 1));
}

#[test]
fn log_bytes_over_the_limit_are_dropped() {
    let guest = guests::log(1_024);
    let report = run(&guest, json!({"n": 64}), &Limits::default());
    assert_eq!((report.usage.log_bytes, report.usage.log_dropped), (64 << 10, 0));
    let report = run(&guest, json!({"n": 65}), &Limits::default());
    assert_eq!((report.usage.log_bytes, report.usage.log_dropped), (64 << 10, 1));
}

#[test]
fn long_log_lines_are_cut() {
    let report = run(&guests::log(4_096), json!({"n": 1}), &Limits::default());
    assert_eq!((report.usage.log_bytes, report.usage.log_dropped), (4_096, 0));
    let report = run(&guests::log(4_097), json!({"n": 1}), &Limits::default());
    assert_eq!((report.usage.log_bytes, report.usage.log_dropped), (4_096, 1));
}

#[test]
fn one_host_call_moves_a_bounded_number_of_bytes() {
    let most = u32::try_from(ringfence::HOST_CALL_BYTES).expect("small");
    run(&guests::log(most), json!({"n": 1}), &Limits::default());
    check(&guests::log(most + 1), "run", json!({"n": 1}), &Limits::default(), &OUTPUT_LIMIT);
}

#[test]
fn one_host_call_over_the_limit_ends_the_run() {
    for guest in [guests::log(0), guests::clock()] {
        let report = run(&guest, json!({"n": 10_000}), &Limits::default());
        assert_eq!(report.usage.host_calls, 10_000);
        check(&guest, "run", json!({"n": 10_001}), &Limits::default(), &Expect::Outcome("host-call-limit"));
    }
}

#[test]
fn limits_that_cannot_be_enforced_are_refused() {
    let refused = |change: fn(&mut Limits)| {
        check(&guests::spin(), "run", json!({}), &limits(change), &Expect::Error("bad-limit"));
    };
    refused(|l| l.fuel = 0);
    refused(|l| l.deadline = Duration::ZERO);
    refused(|l| l.memory = 0);
    refused(|l| l.memory = u64::MAX);
    refused(|l| l.table_elements = 100_001);
    refused(|l| l.instances = 65);
    refused(|l| l.memories = 17);
    refused(|l| l.tables = 65);
    refused(|l| l.output_size = u64::MAX);
}

/// A host with little memory for all runs together.
fn small_host(memory: u64) -> Host {
    Host::new(HostConfig::pooled().with_runs(4).with_memory(memory)).expect("a host")
}

#[test]
fn a_run_that_does_not_fit_the_hosts_memory_is_refused() {
    let host = small_host(4 << 20);
    let run = |pages: u32| {
        let skill = load(&host, &guests::many(&format!("(memory {pages})"), 1));
        runtime().block_on(host.run(&skill, "run", json!({}), &Limits::default()))
    };
    assert!(run(1).is_ok());
    // What can never fit is not said to be worth another try.
    assert!(matches!(run(64), Err(RunError::TooLarge { .. })));
    assert_eq!((host.runs(), host.reserved_bytes()), (0, 0));
}

#[test]
fn host_memory_beside_another_run() {
    // Room for one run of 8 MiB and its surroundings, and not for another beside what one holds that waits.
    let host = small_host(12 << 20);
    let big = guests::many("(memory 128)", 1);
    let waiting = guests::WAIT
        .replace("(func (export \"run\") (param $ms", "(memory 128) (func (export \"run\") (param $ms");
    let (big, waiting) = (load(&host, &big), load(&host, &waiting));
    runtime().block_on(async {
        let limits = Limits::default();
        let mut first = Box::pin(host.run(&waiting, "run", json!({"ms": 3_600_000}), &limits));
        assert!(futures_poll(first.as_mut()).await.is_none());
        let second = host.run(&big, "run", json!({}), &limits).await;
        assert!(matches!(second, Err(RunError::Overloaded { .. })), "{second:?}");
        drop(first);
        assert!(host.run(&big, "run", json!({}), &limits).await.is_ok());
    });
}

#[test]
fn host_memory_while_growing() {
    let host = small_host(40 << 20);
    let skill = load(&host, guests::TWO_MEMORIES);
    let run = |a: u32, b: u32| {
        let limits = Limits::default();
        runtime().block_on(host.run(&skill, "run", json!({"a": a, "b": b}), &limits)).expect("a run").outcome
    };
    assert!(matches!(run(256, 256), Outcome::Completed(_)));
    assert!(matches!(run(256, 500), Outcome::HostOverloaded));
    assert_eq!((host.runs(), host.reserved_bytes()), (0, 0));
}

#[test]
fn runs_at_once() {
    let host = small_host(1 << 30);
    let skill = load(&host, guests::WAIT);
    runtime().block_on(async {
        let limits = Limits::default();
        let input = || json!({"ms": 3_600_000});
        let mut waiting: Vec<_> =
            (0..4).map(|_| Box::pin(host.run(&skill, "run", input(), &limits))).collect();
        for run in &mut waiting {
            let polled = futures_poll(run.as_mut()).await;
            assert!(polled.is_none(), "{polled:?}");
        }
        assert_eq!(host.runs(), 4);
        let fifth = host.run(&skill, "run", input(), &limits).await;
        assert!(matches!(fifth, Err(RunError::Overloaded { .. })), "{fifth:?}");
        // Dropping a run's future gives everything back at once.
        waiting.pop();
        assert_eq!(host.runs(), 3);
        drop(waiting);
        assert_eq!((host.runs(), host.reserved_bytes()), (0, 0));
    });
}

/// Polls once.
async fn futures_poll<F: Future + ?Sized>(mut future: std::pin::Pin<&mut F>) -> Option<F::Output> {
    std::future::poll_fn(|context| {
        std::task::Poll::Ready(match future.as_mut().poll(context) {
            std::task::Poll::Ready(output) => Some(output),
            std::task::Poll::Pending => None,
        })
    })
    .await
}

//! The floor: a call through `Host` beside bare wasmtime with the same settings, in turns, as a ratio.
//!
//! Bare: those settings of `host/core/src/engine.rs` that a call's cost depends on, a store with
//! wasmtime's own limiter, fuel and yields, instantiation from an
//! `InstancePre`, one typed async call, drop. The ratios are of CPU time, pair by pair, and the median is printed: absolute times drift on a shared
//! machine, ratios of neighbours do not.
//!
//! `cargo run --release -p ringfence-benches --bin floor [ROUNDS]`, with `RUST_BACKTRACE` unset: set,
//! it slows wasm calls.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ringfence::{Host, HostConfig, Limits, Outcome, Skill};
use rustix::time::{ClockId, clock_gettime};
use wasmtime::component::{Component, ComponentExportIndex, InstancePre, Linker};
use wasmtime::{
    Config, Enabled, Engine, InstanceAllocationStrategy, PoolingAllocationConfig, Store, StoreLimits,
    StoreLimitsBuilder,
};

/// Calls of each kind in a round.
const CALLS: u32 = 2_000;

/// With its member, `{"text":"…"}`, one hundred bytes of JSON.
const TEXT: &str =
    "the quick brown fox jumps over the lazy dog, and then it sleeps for a very long while on.";

fn main() {
    if std::env::var_os("RUST_BACKTRACE").is_some() {
        eprintln!("note: RUST_BACKTRACE is set, which slows wasm calls; unset it for figures to quote");
    }
    let rounds: usize = std::env::args().nth(1).and_then(|arg| arg.parse().ok()).unwrap_or(40);
    let wasm = wat::parse_str(include_str!("echo.wat")).expect("the guest's text is valid");
    let bare = Bare::new(&wasm);
    let host = Host::new(HostConfig::default()).expect("a host");
    let skill = host.load(wasm).expect("the guest loads");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    let input = format!("{{\"text\":\"{TEXT}\"}}");
    let limits = Limits::default();

    let mut table: Vec<(&str, Vec<f64>)> = Vec::new();
    let mut floor = Vec::new();
    for round in 0..=rounds {
        let base = per_call(|| runtime.block_on(bare.calls()));
        let kinds: [(&str, f64); 3] = [
            ("typed", per_call(|| runtime.block_on(typed(&host, &skill)))),
            ("values", per_call(|| runtime.block_on(values(&host, &skill)))),
            ("json, 100 bytes", per_call(|| runtime.block_on(json(&host, &skill, &input, &limits)))),
        ];
        // The first round warms up.
        if round == 0 {
            table = kinds.iter().map(|(name, _)| (*name, Vec::new())).collect();
            continue;
        }
        floor.push(base);
        for ((_, ratios), (_, cost)) in table.iter_mut().zip(kinds) {
            ratios.push(cost / base);
        }
    }
    println!("{rounds} rounds of {CALLS} calls each, CPU time");
    println!("bare wasmtime         {:6.2} µs a call (median)", median(&mut floor));
    for (name, ratios) in &mut table {
        let target = if *name == "typed" { 1.25 } else { 2.0 };
        let middle = median(ratios);
        println!("{name:20}  {middle:6.2} × bare (median; to reach: ≤ {target})");
    }
    threads(&Arc::new(Shared { host, skill, bare }), rounds);
}

/// What both threads call.
struct Shared {
    host: Host,
    skill: Skill,
    bare: Bare,
}

type Work = std::pin::Pin<Box<dyn Future<Output = ()> + Send>>;

/// Calls a second on two threads at once.
fn threads(shared: &Arc<Shared>, rounds: usize) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_time()
        .event_interval(1)
        .global_queue_interval(1)
        .build()
        .expect("a runtime");
    let mut ratios = Vec::new();
    let (mut ours, mut floor) = (Vec::new(), Vec::new());
    for _ in 0..rounds.div_ceil(4) {
        let both = |work: fn(Arc<Shared>) -> Work| {
            wall(|| {
                let tasks =
                    [runtime.spawn(work(Arc::clone(shared))), runtime.spawn(work(Arc::clone(shared)))];
                for task in tasks {
                    runtime.block_on(task).expect("the calls succeed");
                }
            })
        };
        let base = both(|shared| Box::pin(async move { shared.bare.calls().await }));
        let cost = both(|shared| Box::pin(async move { typed(&shared.host, &shared.skill).await }));
        let calls = f64::from(CALLS) * 2.0;
        floor.push(calls / base.as_secs_f64());
        ours.push(calls / cost.as_secs_f64());
        ratios.push(base.as_secs_f64() / cost.as_secs_f64());
    }
    println!("bare wasmtime, 2 threads  {:9.0} calls/s (median)", median(&mut floor));
    println!(
        "typed, 2 threads          {:9.0} calls/s, {:.2} × bare (median; to reach: ≥ 0.8)",
        median(&mut ours),
        median(&mut ratios)
    );
}

async fn typed(host: &Host, skill: &Skill) {
    for _ in 0..CALLS {
        let report = host.call(skill, "echo").typed::<(String,), (String,)>((TEXT.to_owned(),)).await;
        match report.expect("a run").outcome {
            Outcome::Completed((text,)) => assert_eq!(text.len(), TEXT.len()),
            other => panic!("{other:?}"),
        }
    }
}

async fn values(host: &Host, skill: &Skill) {
    for _ in 0..CALLS {
        let report = host.call(skill, "echo").values(vec![ringfence::Val::String(TEXT.to_owned())]).await;
        assert!(matches!(report.expect("a run").outcome, Outcome::Completed(Some(_))));
    }
}

async fn json(host: &Host, skill: &Skill, input: &str, limits: &Limits) {
    for _ in 0..CALLS {
        let report = host.run(skill, "echo", input, limits).await.expect("a run");
        match report.outcome {
            Outcome::Completed(value) => assert_eq!(value.as_str().len(), TEXT.len() + 2),
            other => panic!("{other:?}"),
        }
    }
}

/// wasmtime with the same settings and nothing of ours.
struct Bare {
    engine: Engine,
    pre: InstancePre<StoreLimits>,
    echo: ComponentExportIndex,
}

impl Bare {
    fn new(wasm: &[u8]) -> Self {
        let mut pool = PoolingAllocationConfig::new();
        pool.total_component_instances(1_000)
            .total_core_instances(64_000)
            .total_memories(4_000)
            .total_tables(8_000)
            .total_stacks(1_000)
            .total_gc_heaps(0)
            .table_elements(100_000)
            .linear_memory_keep_resident(2 << 20)
            .table_keep_resident(1 << 20)
            .pagemap_scan(Enabled::Auto);
        let mut config = Config::new();
        config
            .allocation_strategy(InstanceAllocationStrategy::Pooling(pool))
            .consume_fuel(true)
            .max_wasm_stack(512 << 10)
            .async_stack_size(3 << 19)
            .gc_support(false)
            .concurrency_support(false)
            .wasm_function_references(false)
            .wasm_gc(false)
            .wasm_exceptions(false);
        let engine = Engine::new(&config).expect("an engine");
        let component = Component::from_binary(&engine, wasm).expect("the guest compiles");
        let echo = component.get_export_index(None, "echo").expect("the guest exports it");
        let pre = Linker::new(&engine).instantiate_pre(&component).expect("the guest links");
        Self { engine, pre, echo }
    }

    async fn calls(&self) {
        for _ in 0..CALLS {
            let limits = StoreLimitsBuilder::new().memory_size(64 << 20).table_elements(100_000).build();
            let mut store = Store::new(&self.engine, limits);
            store.limiter(|limits| limits);
            store.set_hostcall_fuel(1 << 20);
            store.set_fuel(1_000_000_000).expect("fuel is on");
            store.fuel_async_yield_interval(Some(100_000)).expect("fuel is on");
            let instance = self.pre.instantiate_async(&mut store).await.expect("it instantiates");
            let echo =
                instance.get_typed_func::<(&str,), (String,)>(&mut store, self.echo).expect("its type");
            let (text,) = echo.call_async(&mut store, (TEXT,)).await.expect("it returns");
            assert_eq!(text.len(), TEXT.len());
        }
    }
}

/// CPU time of this thread for one call, in microseconds.
fn per_call(work: impl FnOnce()) -> f64 {
    let before = clock_gettime(ClockId::ThreadCPUTime);
    work();
    let after = clock_gettime(ClockId::ThreadCPUTime);
    let seconds = (after.tv_sec - before.tv_sec) as f64 + (after.tv_nsec - before.tv_nsec) as f64 / 1e9;
    seconds * 1e6 / f64::from(CALLS)
}

fn wall(work: impl FnOnce()) -> Duration {
    let begun = Instant::now();
    work();
    begun.elapsed()
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

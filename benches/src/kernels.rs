//! What metering costs a guest that computes: nine kernels through `Host`, and through wasmtime without any metering, in
//! turns, as ratios of CPU time and their geometric mean.
//!
//! `cargo run --release -p ringfence-benches --bin kernels [ROUNDS]`

use ringfence::{Host, HostConfig, Limits, Outcome, Skill};
use rustix::time::{ClockId, clock_gettime};
use wasmtime::component::{Component, Linker};
use wasmtime::{Config, Engine, OptLevel, Store};

const KERNELS: [&str; 9] = ["fib", "sieve", "arx", "bytes", "bulk", "tight", "random", "f64", "simd"];

fn main() {
    let rounds: usize = std::env::args().nth(1).and_then(|arg| arg.parse().ok()).unwrap_or(11);
    let wasm = wat::parse_str(include_str!("kernels.wat")).expect("the guest's text is valid");
    let mut config = Config::new();
    config.gc_support(false).concurrency_support(false).cranelift_opt_level(OptLevel::Speed);
    let engine = Engine::new(&config).expect("an engine");
    let component = Component::from_binary(&engine, &wasm).expect("the guest compiles");
    let host = Host::new(HostConfig::default()).expect("a host");
    let skill = host.load(wasm).expect("the guest loads");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");

    println!("kernel     unmetered   metered   ratio");
    let mut product = 1.0;
    for kernel in KERNELS {
        let (mut times, mut ratios) = ([Vec::new(), Vec::new()], Vec::new());
        for round in 0..=rounds {
            let (bare, expected) = cpu(|| unmetered(&engine, &component, kernel));
            let (ours, value) = cpu(|| runtime.block_on(metered(&host, &skill, kernel)));
            assert_eq!(value, expected, "{kernel}");
            // The first round warms up.
            if round > 0 {
                times[0].push(bare);
                times[1].push(ours);
                ratios.push(ours / bare);
            }
        }
        let [bare, ours] = &mut times;
        let ratio = median(&mut ratios);
        product *= ratio;
        println!("{kernel:<8} {:8.2} ms {:6.2} ms   {ratio:5.2}", median(bare), median(ours));
    }
    let mean = product.powf(1.0 / KERNELS.len() as f64);
    println!("geometric mean               {mean:5.2}   (to reach: 1.36)");
}

fn unmetered(engine: &Engine, component: &Component, kernel: &str) -> u32 {
    let mut store = Store::new(engine, ());
    let instance = Linker::new(engine).instantiate(&mut store, component).expect("an instance");
    let run = instance.get_typed_func::<(), (u32,)>(&mut store, kernel).expect("its type");
    run.call(&mut store, ()).expect("it returns").0
}

async fn metered(host: &Host, skill: &Skill, kernel: &str) -> u32 {
    let limits = Limits { fuel: 1 << 40, ..Limits::default() };
    let report = host.call(skill, kernel).limits(&limits).typed::<(), (u32,)>(()).await.expect("a run");
    match report.outcome {
        Outcome::Completed((value,)) => value,
        other => panic!("{kernel}: {other:?}"),
    }
}

/// CPU time of this process in milliseconds: a long run goes on on another thread.
fn cpu<T>(work: impl FnOnce() -> T) -> (f64, T) {
    let before = clock_gettime(ClockId::ProcessCPUTime);
    let value = work();
    let after = clock_gettime(ClockId::ProcessCPUTime);
    let nanos = (after.tv_sec - before.tv_sec) as f64 * 1e9 + (after.tv_nsec - before.tv_nsec) as f64;
    (nanos / 1e6, value)
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

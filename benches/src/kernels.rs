//! `kernels`: nine kernels through `Host`, to the same kernels through wasmtime without metering.
//!
//! Both run in turns. Each ratio is of the CPU time of the whole process, since a long run goes on on another thread.

use ringfence::{Host, HostConfig, Limits, Outcome, Skill};
use wasmtime::component::{Component, Linker};
use wasmtime::{Config, Engine, OptLevel, Store};

use crate::args::Plan;
use crate::kit::book::Book;
use crate::kit::clock::process_cpu;
use crate::kit::guests;
use crate::kit::stats::{geometric_mean, median};

const KERNELS: [&str; 9] = ["fib", "sieve", "arx", "bytes", "bulk", "tight", "random", "f64", "simd"];

pub(crate) fn measure(plan: &Plan, book: &mut Book) -> Result<(), String> {
    let rounds = plan.rounds(11);
    let wasm = guests::component(include_str!("guests/kernels.wat"));
    let mut config = Config::new();
    config.gc_support(false).concurrency_support(false).cranelift_opt_level(OptLevel::Speed);
    let engine = Engine::new(&config).expect("an engine");
    let component = Component::from_binary(&engine, &wasm).expect("the guest compiles");
    let host = Host::new(HostConfig::pooled()).expect("a host");
    let skill = host.load(wasm).expect("the guest loads");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");

    let mut all = Vec::new();
    for kernel in KERNELS {
        let (mut times, mut ratios) = ([Vec::new(), Vec::new()], Vec::new());
        for round in 0..=rounds {
            let (bare, expected) = process_cpu(|| unmetered(&engine, &component, kernel));
            let (ours, value) = process_cpu(|| runtime.block_on(metered(&host, &skill, kernel)));
            assert_eq!(value, expected, "{kernel}");
            // The first round warms up.
            if round > 0 {
                times[0].push(bare * 1e3);
                times[1].push(ours * 1e3);
                ratios.push(ours / bare);
            }
        }
        let [bare, ours] = &times;
        println!("{kernel:<8} unmetered {:7.2} ms, metered {:7.2} ms", median(bare), median(ours));
        book.figure(&format!("kernels-{kernel}"), median(&ratios));
        all.push(median(&ratios));
    }
    book.figure("kernels-mean", geometric_mean(&all));
    Ok(())
}

fn unmetered(engine: &Engine, component: &Component, kernel: &str) -> u32 {
    let mut store = Store::new(engine, ());
    let instance = Linker::new(engine).instantiate(&mut store, component).expect("an instance");
    let run = instance.get_typed_func::<(), (u32,)>(&mut store, kernel).expect("its type");
    run.call(&mut store, ()).expect("it returns").0
}

async fn metered(host: &Host, skill: &Skill, kernel: &str) -> u32 {
    let limits = Limits::default().with_fuel(1 << 40);
    let report = host.call(skill, kernel).limits(&limits).typed::<(), (u32,)>(()).await.expect("a run");
    match report.outcome {
        Outcome::Completed((value,)) => value,
        other => panic!("{kernel}: {other:?}"),
    }
}

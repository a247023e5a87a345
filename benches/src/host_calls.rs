//! `host-calls`: a host call, to the same call in bare wasmtime with the same settings.
//!
//! A guest logs the same 32 letters in a loop. Bare: a function of wasmtime's linker that keeps level and text. Both run in
//! turns. Each ratio is of the CPU time of the whole process, since a long run goes on on another thread.

use ringfence::{Host, HostConfig, Limits, Outcome, Skill};
use ringfence_sandbox_tests::wat_guests;
use wasmtime::component::{ComponentType, InstancePre, Lift, Linker};
use wasmtime::{Engine, StoreContextMut};

use crate::args::Plan;
use crate::kit::bare::{self, Data};
use crate::kit::book::Book;
use crate::kit::clock::process_cpu;
use crate::kit::guests;
use crate::kit::stats::median;

/// Letters of a line.
const LETTERS: u32 = 32;

/// Lines of a run.
const LINES: u32 = 20_000;

/// `log.level`
#[derive(Debug, Clone, Copy, ComponentType, Lift)]
#[component(enum)]
#[repr(u8)]
#[expect(dead_code, reason = "made by the engine out of what the guest passes")]
enum Level {
    #[component(name = "trace")]
    Trace,
    #[component(name = "debug")]
    Debug,
    #[component(name = "info")]
    Info,
    #[component(name = "warn")]
    Warn,
    #[component(name = "error")]
    Error,
}

type Lines = Vec<(Level, String)>;

pub(crate) fn measure(plan: &Plan, book: &mut Book) -> Result<(), String> {
    let lines = plan.scaled(LINES, 20);
    let wasm = guests::component(&wat_guests::log(LETTERS));
    let bare = Bare::new(&wasm);
    let host = Host::new(HostConfig::pooled()).expect("a host");
    let skill = host.load(wasm).expect("the guest loads");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    let (mut floor, mut ours, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    let rounds = plan.rounds(40);
    for round in 0..=rounds {
        let (base, ()) = process_cpu(|| runtime.block_on(bare.run(lines)));
        let (cost, ()) = process_cpu(|| runtime.block_on(run(&host, &skill, lines)));
        // The first round warms up.
        if round > 0 {
            floor.push(base * 1e9 / f64::from(lines));
            ours.push(cost * 1e9 / f64::from(lines));
            ratios.push(cost / base);
        }
    }
    println!("{rounds} rounds of {lines} calls each");
    book.figure("log-bare", median(&floor));
    book.figure("log", median(&ours));
    book.figure("log-ratio", median(&ratios));
    Ok(())
}

async fn run(host: &Host, skill: &Skill, lines: u32) {
    let limits = Limits::default()
        .with_fuel(1 << 40)
        .with_log_lines(LINES)
        .with_log_size(u64::from(LINES * LETTERS))
        .with_host_calls(u64::MAX);
    let call = host.call(skill, "run").limits(&limits).typed::<(u32,), (u32,)>((lines,));
    let report = call.await.expect("a run");
    assert!(matches!(report.outcome, Outcome::Completed(_)), "{:?}", report.outcome);
    assert_eq!(report.log.len(), lines as usize, "every line is kept");
}

struct Bare {
    engine: Engine,
    pre: InstancePre<Data<Lines>>,
}

impl Bare {
    fn new(wasm: &[u8]) -> Self {
        let engine = bare::engine();
        let component =
            wasmtime::component::Component::from_binary(&engine, wasm).expect("the guest compiles");
        let mut linker = Linker::new(&engine);
        let mut log = linker.instance("ringfence:skill/log@0.1.0").expect("a new name");
        log.func_wrap("write", |mut store: StoreContextMut<'_, Data<Lines>>, line: (Level, String)| {
            store.data_mut().kept.push(line);
            Ok(())
        })
        .expect("a new function");
        let pre = linker.instantiate_pre(&component).expect("the guest links");
        Self { engine, pre }
    }

    async fn run(&self, lines: u32) {
        let mut store = bare::store(&self.engine, Lines::new());
        let instance = self.pre.instantiate_async(&mut store).await.expect("it instantiates");
        let run = instance.get_typed_func::<(u32,), (u32,)>(&mut store, "run").expect("its type");
        run.call_async(&mut store, (lines,)).await.expect("it returns");
        assert_eq!(store.data().kept.len(), lines as usize, "every line is kept");
    }
}

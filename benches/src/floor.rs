//! `floor`: a call through `Host`, to bare wasmtime with the same settings.
//!
//! Bare: a store with wasmtime's own limiter, fuel and yields, instantiation from an `InstancePre`, one typed async call,
//! drop. Both run in turns. Each ratio is of CPU time within one turn, and the figure is the median: absolute times drift
//! on a shared machine, ratios of neighbours do not.

use std::sync::Arc;

use ringfence::{Host, HostConfig, Limits, Outcome, Skill};
use wasmtime::Engine;
use wasmtime::component::{Component, ComponentExportIndex, InstancePre, Linker};

use crate::args::Plan;
use crate::kit::bare::{self, Data};
use crate::kit::book::Book;
use crate::kit::clock::{thread_cpu, wall};
use crate::kit::guests;
use crate::kit::stats::median;

/// Calls of each kind in a round.
const CALLS: u32 = 2_000;

/// Makes one hundred bytes of JSON as `{"text":"…"}`.
const TEXT: &str =
    "the quick brown fox jumps over the lazy dog, and then it sleeps for a very long while on.";

pub(crate) fn measure(plan: &Plan, book: &mut Book) -> Result<(), String> {
    let rounds = plan.rounds(40);
    let bare = Bare::new(&guests::echo());
    let host = Host::new(HostConfig::pooled()).expect("a host");
    let skill = host.load(guests::echo()).expect("the guest loads");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    let input = format!("{{\"text\":\"{TEXT}\"}}");
    let limits = Limits::default();
    let calls = plan.scaled(CALLS, 20);

    let mut floor = Vec::new();
    let kinds = ["floor-typed", "floor-values", "floor-json"];
    let mut ratios = kinds.map(|_| Vec::new());
    for round in 0..=rounds {
        let base = per_call(calls, || runtime.block_on(bare.calls(calls)));
        let costs = [
            per_call(calls, || runtime.block_on(typed(&host, &skill, calls))),
            per_call(calls, || runtime.block_on(values(&host, &skill, calls))),
            per_call(calls, || runtime.block_on(json(&host, &skill, &input, &limits, calls))),
        ];
        // The first round warms up.
        if round > 0 {
            floor.push(base);
            for (ratios, cost) in ratios.iter_mut().zip(costs) {
                ratios.push(cost / base);
            }
        }
    }
    println!("{rounds} rounds of {calls} calls each");
    book.figure("floor-bare", median(&floor));
    for (id, ratios) in kinds.into_iter().zip(&ratios) {
        book.figure(id, median(ratios));
    }
    threads(&Arc::new(Shared { host, skill, bare, calls }), rounds, book);
    Ok(())
}

/// What both threads call.
struct Shared {
    host: Host,
    skill: Skill,
    bare: Bare,
    calls: u32,
}

type Work = std::pin::Pin<Box<dyn Future<Output = ()> + Send>>;

/// Calls a second on two threads at once.
fn threads(shared: &Arc<Shared>, rounds: usize, book: &mut Book) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_time()
        .event_interval(1)
        .global_queue_interval(1)
        .build()
        .expect("a runtime");
    let mut ratios = Vec::new();
    let mut ours = Vec::new();
    for _ in 0..rounds.div_ceil(4) {
        let both = |work: fn(Arc<Shared>) -> Work| {
            wall(|| {
                let tasks =
                    [runtime.spawn(work(Arc::clone(shared))), runtime.spawn(work(Arc::clone(shared)))];
                for task in tasks {
                    runtime.block_on(task).expect("the calls succeed");
                }
            })
            .0
        };
        let base = both(|shared| Box::pin(async move { shared.bare.calls(shared.calls).await }));
        let cost =
            both(|shared| Box::pin(async move { typed(&shared.host, &shared.skill, shared.calls).await }));
        ours.push(f64::from(shared.calls) * 2.0 / cost);
        ratios.push(base / cost);
    }
    book.figure("floor-calls", median(&ours));
    book.figure("floor-threads", median(&ratios));
}

async fn typed(host: &Host, skill: &Skill, calls: u32) {
    for _ in 0..calls {
        let report = host.call(skill, "echo").typed::<(String,), (String,)>((TEXT.to_owned(),)).await;
        match report.expect("a run").outcome {
            Outcome::Completed((text,)) => assert_eq!(text.len(), TEXT.len()),
            other => panic!("{other:?}"),
        }
    }
}

async fn values(host: &Host, skill: &Skill, calls: u32) {
    for _ in 0..calls {
        let report = host
            .call(skill, "echo")
            .values(vec![ringfence::wasmtime::component::Val::String(TEXT.to_owned())])
            .await;
        assert!(matches!(report.expect("a run").outcome, Outcome::Completed(Some(_))));
    }
}

async fn json(host: &Host, skill: &Skill, input: &str, limits: &Limits, calls: u32) {
    for _ in 0..calls {
        let report = host.run(skill, "echo", input, limits).await.expect("a run");
        match report.outcome {
            Outcome::Completed(value) => assert_eq!(value.as_str().len(), TEXT.len() + 2),
            other => panic!("{other:?}"),
        }
    }
}

struct Bare {
    engine: Engine,
    pre: InstancePre<Data<()>>,
    echo: ComponentExportIndex,
}

impl Bare {
    fn new(wasm: &[u8]) -> Self {
        let engine = bare::engine();
        let component = Component::from_binary(&engine, wasm).expect("the guest compiles");
        let echo = component.get_export_index(None, "echo").expect("the guest exports it");
        let pre = Linker::new(&engine).instantiate_pre(&component).expect("the guest links");
        Self { engine, pre, echo }
    }

    async fn calls(&self, calls: u32) {
        for _ in 0..calls {
            let mut store = bare::store(&self.engine, ());
            let instance = self.pre.instantiate_async(&mut store).await.expect("it instantiates");
            let echo =
                instance.get_typed_func::<(&str,), (String,)>(&mut store, self.echo).expect("its type");
            let (text,) = echo.call_async(&mut store, (TEXT,)).await.expect("it returns");
            assert_eq!(text.len(), TEXT.len());
        }
    }
}

/// CPU time of this thread for one call, in microseconds.
fn per_call(calls: u32, work: impl FnOnce()) -> f64 {
    thread_cpu(work).0 * 1e6 / f64::from(calls)
}

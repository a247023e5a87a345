//! Support for the sandbox tests: hosts, guests, and the one `check` through which most of them go.

pub mod files;
pub mod hostile;
pub mod map;
pub mod relay;
pub mod scratch;
pub mod storm;
pub mod types;
pub mod wasi_guest;
pub mod wat_guests;
pub mod worker;

use std::sync::OnceLock;

use ringfence::{Allocator, Host, HostConfig, Limits, Outcome, Report, RunError, Skill};
use serde_json::Value;
use tokio::runtime::Runtime;

/// How a run must end.
#[derive(Debug, Clone, PartialEq)]
pub enum Expect {
    /// Completed with this value.
    Value(Value),
    /// Completed, whatever the value.
    Completed,
    /// The tool's own error.
    Failed(Value),
    /// Trapped with this code.
    Trap(&'static str),
    /// This outcome, by its name.
    Outcome(&'static str),
    /// No run took place: an error with this code.
    Error(&'static str),
    /// The component is not loaded: the first reason has this code.
    Refused(&'static str),
}

/// One host for each allocator, shared by all tests of a process.
pub fn host(allocator: Allocator) -> &'static Host {
    static POOLING: OnceLock<Host> = OnceLock::new();
    static ON_DEMAND: OnceLock<Host> = OnceLock::new();
    let cell = match allocator {
        Allocator::Pooling => &POOLING,
        Allocator::OnDemand => &ON_DEMAND,
        other => panic!("no tests of {other:?}"),
    };
    cell.get_or_init(|| own_host(allocator))
}

/// A host that no other test uses, for what is said of all its runs together.
pub fn own_host(allocator: Allocator) -> Host {
    Host::new(HostConfig::default().with_allocator(allocator).with_runs(200)).expect("a host")
}

/// Both allocators: what a guest may do must not depend on where it is placed.
pub const ALLOCATORS: [Allocator; 2] = [Allocator::Pooling, Allocator::OnDemand];

/// A runtime of two workers, as the design measures fairness on.
pub fn runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| {
        tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_time()
            .event_interval(1)
            .global_queue_interval(1)
            .build()
            .expect("a runtime")
    })
}

/// Component text to bytes.
pub fn wasm(wat: &str) -> Vec<u8> {
    wat::parse_str(wat).unwrap_or_else(|error| panic!("the test's own text: {error}\n{wat}"))
}

/// Loads a guest that must load.
pub fn load(host: &Host, wat: &str) -> Skill {
    host.load(wasm(wat)).unwrap_or_else(|error| panic!("{error}"))
}

/// The default limits, changed.
pub fn limits(change: impl FnOnce(&mut Limits)) -> Limits {
    let mut limits = Limits::default();
    change(&mut limits);
    limits
}

/// Runs a guest under both allocators, and out of a bundle on the edge's worker, and compares how it ends. Gives the last
/// report, if there was a run.
#[track_caller]
pub fn check(wat: &str, tool: &str, input: Value, limits: &Limits, expect: &Expect) -> Option<Report> {
    let mut last = None;
    for allocator in ALLOCATORS {
        let host = host(allocator);
        let ran = match host.load(wasm(wat)) {
            Ok(skill) => runtime().block_on(host.run(&skill, tool, input.clone(), limits)),
            Err(error) => {
                assert_eq!(&Expect::Refused(error.code()), expect, "{allocator:?}: {error}");
                continue;
            }
        };
        if let Err(difference) = matches(expect, &ran) {
            panic!("{allocator:?}: {difference}");
        }
        last = ran.ok();
    }
    let host = host(Allocator::OnDemand);
    if let Ok(skill) = host.validate(wasm(wat))
        && limits.check(host.caps()).is_ok()
        && let Err(difference) = matches(expect, &worker::run(&skill, tool, input, limits))
    {
        panic!("on the worker: {difference}");
    }
    last
}

/// Says in what a run differs from what was expected.
pub fn matches(expect: &Expect, ran: &Result<Report, RunError>) -> Result<(), String> {
    let fits = match (expect, ran) {
        (Expect::Error(code), Err(error)) => *code == error.code(),
        (Expect::Value(value), Ok(report)) => {
            matches!(&report.outcome, Outcome::Completed(got) if got == value)
        }
        (Expect::Failed(value), Ok(report)) => {
            matches!(&report.outcome, Outcome::Failed(got) if got == value)
        }
        (Expect::Completed, Ok(report)) => matches!(&report.outcome, Outcome::Completed(_)),
        (Expect::Trap(code), Ok(report)) => {
            matches!(&report.outcome, Outcome::Trapped(trap) if trap.code == *code)
        }
        (Expect::Outcome(name), Ok(report)) => report.outcome.name() == *name,
        (Expect::Refused(_), _) | (_, Err(_)) | (Expect::Error(_), Ok(_)) => false,
    };
    if fits { Ok(()) } else { Err(format!("expected {expect:?}, got {ran:#?}")) }
}

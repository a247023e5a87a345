//! The compile child: what hits a limit is refused with that limit's name, and nothing else notices.
//!
//! The child is the `ringfence` binary itself, so these tests stand beside the command line's.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]
#![expect(
    clippy::disallowed_methods,
    reason = "the compiler is tested here beside the store that decides what may run"
)]

mod jail;
mod queue;

use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use ringfence::{Host, HostConfig, Limits, Outcome, ValidatedSkill};
use ringfence_compile::{CompileError, CompileLimits, CompileStage, Compiler};

fn compiler(change: impl FnOnce(&mut CompileLimits)) -> Compiler {
    let mut limits = CompileLimits::default();
    change(&mut limits);
    Compiler::program(PathBuf::from(env!("CARGO_BIN_EXE_ringfence")), limits)
}

fn host() -> Host {
    Host::new(HostConfig::pooled().with_runs(1)).expect("a host")
}

/// `run: func() -> u32`, after `n` functions of some size that nobody calls.
fn large(n: u32) -> Vec<u8> {
    let mut body = String::from("(memory 1)");
    for i in 0..n {
        let _ = write!(body, "(func (param i32) (result i32) (local i32)");
        for j in 0..200 {
            let _ = write!(
                body,
                "(local.set 1 (i32.add (i32.load (local.get 0)) (i32.mul (local.get 1) (i32.const {}))))",
                i ^ j
            );
        }
        body.push_str("(local.get 1))");
    }
    let text = format!(
        r#"(component (core module $m {body} (func (export "run") (result i32) (i32.const 7)))
             (core instance $i (instantiate $m))
             (func (export "run") (result u32) (canon lift (core func $i "run"))))"#
    );
    wat::parse_str(text).expect("valid")
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(future)
}

fn validated(host: &Host, n: u32) -> ValidatedSkill {
    host.validate(large(n)).expect("valid")
}

#[test]
fn compiled_code_runs() {
    let host = host();
    let skill = validated(&host, 10);
    block_on(async {
        let artifact = compiler(|_| {}).compile(&skill).await.expect("it compiles");
        let skill = host.link(&skill, &artifact).expect("it fits");
        let report = host.run(&skill, "run", "{}", &Limits::default()).await.expect("a run");
        assert!(matches!(report.outcome, Outcome::Completed(value) if value.as_str() == "7"));
    });
}

#[test]
fn over_the_limit_on_cpu_time() {
    let skill = validated(&host(), 10_000);
    let refused = block_on(compiler(|l| l.cpu = Duration::from_secs(1)).compile(&skill));
    assert!(matches!(refused, Err(CompileError::OverCpu(_))), "{refused:?}");
}

/// A compiler that never ends by itself, and uses no CPU time.
fn idle(limits: CompileLimits) -> Compiler {
    let script = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/compile/waits.sh");
    Compiler::program(script, limits)
}

#[test]
fn a_child_without_cpu_time_is_given_up_and_its_component_is_not_blamed() {
    let skill = validated(&host(), 1);
    let stalled = Duration::from_millis(50);
    let refused = block_on(idle(CompileLimits::default().with_stalled(stalled)).compile(&skill));
    let Err(error) = refused else { panic!("it compiled") };
    assert!(matches!(error, CompileError::Stalled(limit) if limit == stalled), "{error:?}");
    assert_eq!((error.code(), error.fault()), ("compile-stalled", ringfence::Fault::Load));
}

#[test]
fn the_stage_of_a_compilation_is_reported() {
    let skill = validated(&host(), 10);
    let one = compiler(|limits| {
        limits.at_once = 1;
        limits.queue = 2;
    });
    let told = std::sync::Mutex::new(Vec::new());
    let on = |stage| told.lock().expect("whole").push(stage);
    block_on(async {
        let (first, second) = tokio::join!(one.compile_watched(&skill, on), one.compile_watched(&skill, on));
        assert!(first.is_ok() && second.is_ok());
    });
    let told = told.into_inner().expect("whole");
    let begun = |stage: &&CompileStage| matches!(stage, CompileStage::Compiling { .. });
    assert!(begun(&told.first().expect("the first begins at once")));
    assert!(told.contains(&CompileStage::Waiting { others: 0 }), "{told:?}");
    let limit = CompileLimits::default().cpu;
    assert!(
        told.iter()
            .filter(begun)
            .all(|stage| matches!(stage, CompileStage::Compiling { limit: it, .. } if *it == limit))
    );
    assert!(begun(&told.last().expect("the second ends last")));
}

#[test]
fn over_the_limit_on_memory() {
    let skill = validated(&host(), 10_000);
    let refused = block_on(compiler(|l| l.memory = 160 << 20).compile(&skill));
    assert!(matches!(refused, Err(CompileError::OverMemory(_))), "{refused:?}");
}

#[test]
fn over_the_limit_on_output() {
    let skill = validated(&host(), 100);
    let refused = block_on(compiler(|l| l.output = 10_000).compile(&skill));
    assert!(matches!(refused, Err(CompileError::OverOutput(10_000))), "{refused:?}");
}

#[test]
fn compiling_with_another_program_fails() {
    let skill = validated(&host(), 1);
    let none = Compiler::program(PathBuf::from("/nowhere/at/all"), CompileLimits::default());
    assert!(matches!(block_on(none.compile(&skill)), Err(CompileError::Host(_))));
    let other = Compiler::program(PathBuf::from("/bin/false"), CompileLimits::default());
    assert!(matches!(block_on(other.compile(&skill)), Err(CompileError::Host(_))));
}

//! The embedder's own interfaces: typed, sync and async, counted, capped, and never the guest's to break.

use std::sync::Arc;
use std::time::Duration;

use ringfence::wasmtime;
use ringfence::{Host, HostBuilder, HostConfig, HostError, Limits, LoadError, Outcome, Refusal, RunError};
use ringfence_sandbox_tests::{limits, load, runtime, wasm};
use serde_json::json;

/// Calls `acme:crm/customers@1.0.0#NAME` with its `u32` and gives its `u32`.
fn caller(function: &str, result: &str) -> String {
    format!(
        r#"(component
             (import "acme:crm/customers@1.0.0" (instance $crm
               (export "{function}" (func (param "id" u32) (result {result})))))
             (core func $f (canon lower (func $crm "{function}")))
             (core module $m
               (import "host" "f" (func $f (param i32) (result i32)))
               (func (export "run") (param i32) (result i32) (call $f (local.get 0))))
             (core instance $i (instantiate $m (with "host" (instance (export "f" (func $f))))))
             (func (export "run") (param "id" u32) (result u32) (canon lift (core func $i "run"))))"#
    )
}

fn config() -> HostConfig {
    HostConfig::pooled().with_runs(4)
}

fn host() -> Host {
    Host::builder(config())
        .provide("acme:crm/customers@1.0.0", |customers| {
            customers
                .func("twice", |_, (id,): (u32,)| Ok((id.wrapping_mul(2),)))
                .func("tenant", |call, (_,): (u32,)| Ok((*call.context::<u32>().unwrap_or(&0),)))
                .func("broken", |_, (_,): (u32,)| -> Result<(u32,), _> { Err("the database is gone".into()) })
                .func_async("later", |_, (id,): (u32,)| async move {
                    tokio::task::yield_now().await;
                    Ok((id + 1,))
                })
                .func_async("never", |_, (_,): (u32,)| std::future::pending::<Result<(u32,), _>>());
        })
        .build()
        .expect("a host")
}

fn outcome(host: &Host, function: &str, limits: &Limits) -> Result<Outcome, RunError> {
    let skill = load(host, &caller(function, "u32"));
    let report = runtime().block_on(host.run(&skill, "run", json!({"id": 20}), limits))?;
    assert_eq!(
        report.usage.host_calls,
        u64::from(report.outcome.name() != "host-call-limit"),
        "counted once"
    );
    Ok(report.outcome)
}

#[test]
fn synchronous_and_asynchronous_functions_work() {
    let host = host();
    let twice = outcome(&host, "twice", &Limits::default()).expect("a run");
    assert!(matches!(twice, Outcome::Completed(value) if value == json!(40)));
    let later = outcome(&host, "later", &Limits::default()).expect("a run");
    assert!(matches!(later, Outcome::Completed(value) if value == json!(21)));
}

#[test]
fn host_interface_calls_are_counted_and_end_at_the_deadline() {
    let host = host();
    for function in ["twice", "later", "broken"] {
        let none = limits(|l| l.host_calls = 0);
        let ended = outcome(&host, function, &none).expect("a run");
        assert!(matches!(ended, Outcome::HostCallLimit), "{function}");
    }
    let soon = limits(|l| l.deadline = Duration::from_millis(20));
    assert!(matches!(outcome(&host, "never", &soon).expect("a run"), Outcome::DeadlineExceeded));
    assert_eq!((host.runs(), host.reserved_bytes()), (0, 0));
}

#[test]
fn a_failure_of_the_embedder_is_an_error_and_no_outcome() {
    match outcome(&host(), "broken", &Limits::default()) {
        Err(RunError::HostFunction { function, source }) => {
            assert_eq!(function, "acme:crm/customers@1.0.0#broken");
            assert_eq!(source.to_string(), "the database is gone");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn host_interfaces_see_the_context_of_the_call() {
    let host = host();
    let skill = load(&host, &caller("tenant", "u32"));
    for tenant in [7_u32, 8] {
        let call = host.call(&skill, "run").context(Arc::new(tenant)).json(json!({"id": 1}));
        let report = runtime().block_on(call).expect("a run");
        assert!(matches!(report.outcome, Outcome::Completed(value) if value == json!(tenant)));
    }
}

/// The Rust side of a record.
#[derive(wasmtime::component::ComponentType, wasmtime::component::Lift, wasmtime::component::Lower)]
#[component(record)]
struct Pair {
    first: u32,
    second: u32,
}

impl ringfence::Transfer for Pair {}

#[test]
fn derived_records_pass_both_ways() {
    let host = Host::builder(config())
        .provide("acme:math/pairs@1.0.0", |pairs| {
            pairs.func("swap", |_, (pair,): (Pair,)| Ok((Pair { first: pair.second, second: pair.first },)));
        })
        .build()
        .expect("a host");
    let wat = r#"(component
        (import "acme:math/pairs@1.0.0" (instance $pairs
          (type $pair' (record (field "first" u32) (field "second" u32)))
          (export "pair" (type $pair (eq $pair')))
          (export "swap" (func (param "pair" $pair) (result $pair)))))
        (core module $libc (memory (export "memory") 1))
        (core instance $libc (instantiate $libc))
        (alias core export $libc "memory" (core memory $memory))
        (core func $swap (canon lower (func $pairs "swap") (memory $memory)))
        (core module $m
          (import "host" "swap" (func $swap (param i32 i32 i32)))
          (func (export "run") (param i32 i32) (result i32)
            (call $swap (local.get 0) (local.get 1) (i32.const 64)) (i32.const 64)))
        (core instance $i (instantiate $m (with "host" (instance (export "swap" (func $swap))))))
        (func (export "run") (param "a" u32) (param "b" u32) (result (tuple u32 u32))
          (canon lift (core func $i "run") (memory $memory))))"#;
    let skill = load(&host, wat);
    let limits = Limits::default();
    let report =
        runtime().block_on(host.run(&skill, "run", json!({"a": 1, "b": 2}), &limits)).expect("a run");
    assert!(matches!(report.outcome, Outcome::Completed(value) if value == json!([2, 1])));
}

#[test]
fn other_types_are_refused_at_load() {
    let host = host();
    let wat = caller("twice", "s32");
    match host.load(wasm(&wat)) {
        Err(LoadError::Refused(reasons)) => {
            assert!(
                matches!(&reasons[..], [Refusal::ImportMismatch { import, .. }] if import.contains("acme:crm"))
            );
        }
        other => panic!("{other:?}"),
    }
    // A function that is not provided is named with the nearest that is.
    match host.load(wasm(&caller("thrice", "u32"))) {
        Err(LoadError::Refused(reasons)) => assert_eq!(
            reasons,
            [Refusal::ImportNotOffered {
                import: "acme:crm/customers@1.0.0#thrice".into(),
                nearest: Some("acme:crm/customers@1.0.0#twice".into()),
            }]
        ),
        other => panic!("{other:?}"),
    }
}

#[test]
fn reserved_and_malformed_names_are_refused() {
    let provide = |name: &str| -> Result<Host, HostError> {
        let builder: HostBuilder = Host::builder(config());
        builder.provide(name, |_| {}).build()
    };
    for name in [
        "",
        "customers",
        "acme:crm",
        "acme:crm/",
        "acme:crm/customers@1",
        "acme:crm/customers@1@2",
        "acme:crm/customers list@1.0.0",
        "wasi:cli/environment@0.2.0",
        "ringfence:skill/log@0.1.0",
    ] {
        assert!(matches!(provide(name), Err(HostError::Interface { .. })), "{name}");
    }
    for name in ["acme:crm/customers", "acme:crm/customers@1.0.0", "a:b/c-d@0.1.0-rc.1"] {
        assert!(provide(name).is_ok(), "{name}");
    }
    let twice = Host::builder(config()).provide("a:b/c@1.0.0", |_| {}).provide("a:b/c@1.2.0", |_| {}).build();
    assert!(matches!(twice, Err(HostError::Interface { .. })));
}

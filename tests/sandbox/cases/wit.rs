//! The WIT files are what the host links: a component made of them loads, and an interface without a grant says so.

use ringfence::{Allocator, Limits, Outcome};
use ringfence_sandbox_tests::files::root;
use ringfence_sandbox_tests::{Expect, check, host, load, runtime, wasm};
use serde_json::json;
use wit_component::{ComponentEncoder, StringEncoding, dummy_module, embed_component_metadata};
use wit_parser::{ManglingAndAbi, Resolve};

/// The versions of the package, their folders, and their interfaces.
const VERSIONS: [(&str, &str, &[&str]); 2] = [
    ("0.1.0", "wit", &["log", "progress", "budget", "http", "kv", "skills"]),
    ("0.2.0", "wit/0.2.0", &["log", "progress", "budget", "http", "kv", "config", "secrets", "tools"]),
];

#[test]
fn a_component_that_imports_all_of_a_version_loads() {
    for (version, folder, interfaces) in VERSIONS {
        imports_all(version, folder, interfaces);
    }
}

fn imports_all(version: &str, folder: &str, interfaces: &[&str]) {
    let mut resolve = Resolve::default();
    resolve.push_dir(root().join(folder)).expect("the files are valid WIT");
    let text = format!(
        "package test:all; world all {{ include ringfence:skill/imports@{version}; export run: func(); }}"
    );
    let package = resolve.push_str("all.wit", &text).expect("valid WIT");
    let world = resolve.select_world(&[package], Some("all")).expect("the world");
    let mut module = dummy_module(&resolve, world, ManglingAndAbi::Standard32);
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).expect("it embeds");
    let encoder = ComponentEncoder::default().validate(true);
    let component = encoder.module(&module).expect("a module").encode().expect("a component");
    let skill = host(Allocator::Pooling).load(component).unwrap_or_else(|error| panic!("{error}"));
    let imports: Vec<&str> = skill.imports().iter().map(|import| import.name.as_str()).collect();
    for interface in interfaces {
        let name = format!("ringfence:skill/{interface}@{version}");
        assert!(imports.contains(&name.as_str()), "{name}: {imports:?}");
    }
}

#[test]
fn every_item_is_documented() {
    for (_, folder, _) in VERSIONS {
        documented(folder);
    }
}

fn documented(folder: &str) {
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_dir(root().join(folder)).expect("the files are valid WIT");
    for (name, id) in &resolve.packages[package].interfaces {
        let interface = &resolve.interfaces[*id];
        assert!(interface.docs.contents.is_some(), "{name}");
        for function in interface.functions.values() {
            assert!(function.docs.contents.is_some(), "{name}.{}", function.name);
        }
        for (ty, id) in &interface.types {
            assert!(resolve.types[*id].docs.contents.is_some(), "{name}.{ty}");
        }
    }
}

/// Calls one function of each interface without a grant, and returns `256 × err + case` for each.
const DENIED: &str = r#"
(component
  (import "ringfence:skill/kv@0.1.0" (instance $kv
    (type $error' (variant (case "denied") (case "limit") (case "failed" string)))
    (export "error" (type $error (eq $error')))
    (export "delete" (func (param "key" string) (result (result bool (error $error)))))))
  (import "ringfence:skill/skills@0.1.0" (instance $skills
    (type $error' (variant (case "denied") (case "invalid" string) (case "failed" string) (case "ended" string)))
    (export "error" (type $error (eq $error')))
    (export "call" (func (param "tool" string) (param "input" string) (result (result string (error $error)))))))
  (import "ringfence:skill/http@0.1.0" (instance $http
    (type $error' (variant (case "denied") (case "invalid" string) (case "limit") (case "failed" string)))
    (export "error" (type $error (eq $error')))
    (type $header (tuple string (list u8)))
    (type $request' (record (field "method" string) (field "url" string)
      (field "headers" (list $header)) (field "body" (option (list u8)))))
    (export "request" (type $request (eq $request')))
    (type $response' (record (field "status" u16) (field "headers" (list $header)) (field "body" (list u8))))
    (export "response" (type $response (eq $response')))
    (export "fetch" (func (param "request" $request) (result (result $response (error $error)))))))
  (core module $libc (memory (export "memory") 1)
    (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024)))
  (core instance $libc (instantiate $libc))
  (alias core export $libc "memory" (core memory $memory))
  (alias core export $libc "realloc" (core func $realloc))
  (core func $delete (canon lower (func $kv "delete") (memory $memory) (realloc $realloc)))
  (core func $call (canon lower (func $skills "call") (memory $memory) (realloc $realloc)))
  (core func $fetch (canon lower (func $http "fetch") (memory $memory) (realloc $realloc)))
  (core module $m
    (import "libc" "memory" (memory 1))
    (import "host" "delete" (func $delete (param i32 i32 i32)))
    (import "host" "call" (func $call (param i32 i32 i32 i32 i32)))
    (import "host" "fetch" (func $fetch (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32)))
    (func $answer (param $at i32) (result i32)
      (i32.add (i32.mul (i32.load8_u (local.get $at)) (i32.const 256))
               (i32.load8_u (i32.add (local.get $at) (i32.const 4)))))
    (func (export "run") (result i32)
      (call $delete (i32.const 0) (i32.const 0) (i32.const 256))
      (call $call (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 320))
      (call $fetch (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)
                   (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 384))
      (i32.store (i32.const 8) (call $answer (i32.const 256)))
      (i32.store (i32.const 12) (call $answer (i32.const 320)))
      (i32.store (i32.const 16) (call $answer (i32.const 384)))
      (i32.const 8)))
  (core instance $i (instantiate $m
    (with "libc" (instance $libc))
    (with "host" (instance
      (export "delete" (func $delete)) (export "call" (func $call)) (export "fetch" (func $fetch))))))
  (func (export "run") (result (tuple u32 u32 u32)) (canon lift (core func $i "run") (memory $memory))))"#;

#[test]
fn interfaces_without_a_grant_return_denied() {
    let host = host(Allocator::Pooling);
    let limits = Limits::default();
    let report = check(DENIED, "run", json!({}), &limits, &Expect::Value(json!([256, 256, 256])));
    assert_eq!(report.expect("a run").usage.host_calls, 3);
    // The same types under a name that is not in the file are refused.
    assert!(host.load(wasm(&DENIED.replace("\"delete\"", "\"remove\""))).is_err());
}

#[test]
fn a_large_value_is_denied_like_a_small_one() {
    let guest = |len: u32| {
        format!(
            r#"(component
                 (import "ringfence:skill/kv@0.1.0" (instance $kv
                   (type $error' (variant (case "denied") (case "limit") (case "failed" string)))
                   (export "error" (type $error (eq $error')))
                   (export "set" (func (param "key" string) (param "value" (list u8))
                     (result (result (error $error)))))))
                 (core module $libc (memory (export "memory") 16)
                   (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 64)))
                 (core instance $libc (instantiate $libc))
                 (alias core export $libc "memory" (core memory $memory))
                 (core func $set (canon lower (func $kv "set") (memory $memory)
                   (realloc (core func $libc "realloc"))))
                 (core module $m
                   (import "libc" "memory" (memory 1))
                   (import "host" "set" (func $set (param i32 i32 i32 i32 i32)))
                   (func (export "run") (result i32)
                     (call $set (i32.const 0) (i32.const 0) (i32.const 0) (i32.const {len}) (i32.const 16))
                     (i32.add (i32.mul (i32.load8_u (i32.const 16)) (i32.const 256)) (i32.load8_u (i32.const 20)))))
                 (core instance $i (instantiate $m
                   (with "libc" (instance $libc)) (with "host" (instance (export "set" (func $set))))))
                 (func (export "run") (result u32) (canon lift (core func $i "run"))))"#
        )
    };
    let host = host(Allocator::Pooling);
    let limits = Limits::default();
    for len in [0, 1_000_000] {
        let skill = load(host, &guest(len));
        let report = runtime().block_on(host.run(&skill, "run", "{}", &limits)).expect("a run");
        assert!(
            matches!(&report.outcome, Outcome::Completed(value) if *value == json!(256)),
            "{len}: {report:?}"
        );
    }
}

/// `run: func() -> tuple<u64, u64, u64, u64, u64>`: what the budget says is left.
const BUDGET: &str = r#"
(component
  (import "ringfence:skill/budget@0.1.0" (instance $budget
    (type $left' (record (field "fuel" u64) (field "milliseconds" u64) (field "memory" u64)
      (field "output" u64) (field "host-calls" u64)))
    (export "left" (type $left (eq $left')))
    (export "remaining" (func (result $left)))))
  (core module $libc (memory (export "memory") 1))
  (core instance $libc (instantiate $libc))
  (alias core export $libc "memory" (core memory $memory))
  (core func $remaining (canon lower (func $budget "remaining") (memory $memory)))
  (core module $m
    (import "host" "remaining" (func $remaining (param i32)))
    (func (export "run") (result i32) (call $remaining (i32.const 64)) (i32.const 64)))
  (core instance $i (instantiate $m (with "host" (instance (export "remaining" (func $remaining))))))
  (func (export "run") (result (tuple u64 u64 u64 u64 u64))
    (canon lift (core func $i "run") (memory $memory))))"#;

#[test]
fn the_budget_is_the_rest_of_the_limits() {
    let host = host(Allocator::Pooling);
    let skill = load(host, BUDGET);
    let limits = Limits::default();
    let report = runtime().block_on(host.run(&skill, "run", "{}", &limits)).expect("a run");
    let Outcome::Completed(value) = &report.outcome else { panic!("{report:?}") };
    let value = value.to_value();
    let left = |index: usize| value[index].as_u64().expect("a number");
    assert!(left(0) < limits.fuel && left(0) >= limits.fuel - report.usage.fuel, "{value}");
    assert!((4_000..=5_000).contains(&left(1)), "{value}");
    assert_eq!(left(2), limits.memory - 65_536);
    assert_eq!((left(3), left(4)), (limits.output_size, limits.host_calls - 1));
}

//! Standard interfaces over the same grants: `wasi:keyvalue` and `wasi:config`.

use std::collections::BTreeMap;
use std::sync::Arc;

use ringfence::{Access, Allocator, Granted, Kv, Limits, Outcome, Report};
use ringfence_sandbox_tests::map::Map;
use ringfence_sandbox_tests::{host, relay, runtime};
use serde_json::{Value, json};

const VERSIONS: [&str; 2] = ["0.2.0-draft2", "0.2.0-draft"];

fn run(component: Vec<u8>, tool: &str, input: Value, granted: Granted) -> Report {
    let host = host(Allocator::Pooling);
    let skill = host.load(component).unwrap_or_else(|error| panic!("{error}"));
    let limits = Limits::default().with_output_size(8 << 20).with_input_size(8 << 20);
    let call = host.call(&skill, tool).limits(&limits).grant(granted);
    runtime().block_on(call.json(input)).unwrap_or_else(|error| panic!("{error}"))
}

#[track_caller]
fn completed(report: &Report) -> Value {
    match &report.outcome {
        Outcome::Completed(value) => value.to_value(),
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn failed(report: &Report) -> Value {
    match &report.outcome {
        Outcome::Failed(error) => error.to_value(),
        other => panic!("{other:?}"),
    }
}

/// One space, and calls of `wasi:keyvalue` on it.
struct Bucket {
    map: Arc<Map>,
    version: &'static str,
}

impl Bucket {
    fn new(version: &'static str) -> Self {
        Self { map: Arc::default(), version }
    }

    fn call(&self, interface: &str, tool: &str, input: Value) -> Report {
        let granted = Granted::nothing().kv(Arc::clone(&self.map) as Arc<dyn Kv>);
        run(relay::keyvalue(interface, self.version), tool, input, granted)
    }

    fn store(&self, tool: &str, input: Value) -> Value {
        completed(&self.call("store", tool, input))
    }
}

#[test]
fn a_bucket_keeps_values_and_counts_its_use() {
    for version in VERSIONS {
        let bucket = Bucket::new(version);
        assert_eq!(bucket.store("get", json!({"key": "a"})), json!(null));
        assert_eq!(bucket.store("exists", json!({"key": "a"})), json!(false));
        assert_eq!(bucket.store("set", json!({"key": "a", "value": "AQ=="})), json!(null));
        assert_eq!(bucket.store("get", json!({"key": "a"})), json!("AQ=="));
        assert_eq!(bucket.store("exists", json!({"key": "a"})), json!(true));
        assert_eq!(bucket.store("delete", json!({"key": "a"})), json!(null));
        assert_eq!(bucket.store("delete", json!({"key": "a"})), json!(null));
        let report = bucket.call("store", "set", json!({"key": "ab", "value": "AQID"}));
        let kv = report.usage.capabilities.kv;
        // `open` of `default`, and `set`.
        assert_eq!((kv.calls, kv.sent, kv.received), (2, 7 + 5, 0), "{version}");
        let report = bucket.call("store", "get", json!({"key": "ab"}));
        assert_eq!(report.usage.capabilities.kv.received, 3);
    }
}

#[test]
fn the_skill_and_the_standard_interface_share_one_space() {
    let bucket = Bucket::new("0.2.0-draft2");
    bucket.store("set", json!({"key": "a", "value": "AQ=="}));
    let granted = Granted::nothing().kv(Arc::clone(&bucket.map) as Arc<dyn Kv>);
    let report = run(relay::kv(), "get", json!({"key": "a"}), granted);
    assert_eq!(completed(&report), json!({"value": "AQ==", "revision": 1}));
}

#[test]
fn keys_are_listed_in_pages() {
    for version in VERSIONS {
        let bucket = Bucket::new(version);
        for first in ["a", "b", "c", "d", "e"] {
            let pairs: Vec<Value> = (0..201).map(|n| json!([format!("{first}{n:03}"), ""])).collect();
            completed(&bucket.call("batch", "set-many", json!({"key-values": pairs})));
        }
        let first = bucket.store("list-keys", json!({"cursor": null}));
        assert_eq!(first["keys"].as_array().map(Vec::len), Some(1_000), "{version}");
        let rest = bucket.store("list-keys", json!({"cursor": first["cursor"]}));
        assert_eq!(rest["keys"], json!(["e196", "e197", "e198", "e199", "e200"]), "{version}");
        assert!(rest.get("cursor").is_none_or(Value::is_null), "{rest}");
    }
    let past = Bucket::new("0.2.0-draft");
    assert_eq!(past.store("list-keys", json!({"cursor": 10_000}))["keys"], json!([]));
    let over = failed(&past.call("store", "list-keys", json!({"cursor": 10_001})));
    assert!(over["other"].as_str().is_some_and(|text| text.contains("10000")), "{over}");
}

#[test]
fn increment_begins_at_nothing_and_keeps_to_its_type() {
    let draft2 = Bucket::new("0.2.0-draft2");
    let add = |bucket: &Bucket, delta: Value| {
        bucket.call("atomics", "increment", json!({"key": "n", "delta": delta}))
    };
    assert_eq!(completed(&add(&draft2, json!(5))), json!(5));
    assert_eq!(completed(&add(&draft2, json!(-7))), json!(-2));
    // What version 0.2.0-draft cannot say is an error.
    let draft = Bucket { map: Arc::clone(&draft2.map), version: "0.2.0-draft" };
    assert!(failed(&add(&draft, json!(1)))["other"].as_str().is_some_and(|text| text.contains("negative")));
    assert!(failed(&add(&draft, json!(u64::MAX)))["other"].is_string());
    assert_eq!(completed(&add(&draft, json!(8))), json!(7));
}

#[test]
fn a_batch_takes_256_keys_and_each_counts() {
    for version in VERSIONS {
        let bucket = Bucket::new(version);
        let keys = |count: usize| (0..count).map(|n| n.to_string()).collect::<Vec<_>>();
        let pairs =
            |count: usize| keys(count).into_iter().map(|key| json!([key, "AQ=="])).collect::<Vec<_>>();
        let set = |count| bucket.call("batch", "set-many", json!({"key-values": pairs(count)}));
        let report = set(256);
        completed(&report);
        assert_eq!(report.usage.capabilities.kv.calls, 1 + 256);
        let over = failed(&set(257));
        assert!(over["other"].as_str().is_some_and(|text| text.contains("256")), "{over}");
        let got = completed(&bucket.call("batch", "get-many", json!({"keys": ["1", "no", "255"]})));
        assert_eq!(got, json!([["1", "AQ=="], null, ["255", "AQ=="]]));
        completed(&bucket.call("batch", "delete-many", json!({"keys": keys(256)})));
        assert_eq!(bucket.store("list-keys", json!({"cursor": null}))["keys"], json!([]));
    }
}

/// The values of one call are together at most what a host call moves.
#[test]
fn a_batch_returns_at_most_a_mib_of_values() {
    let bucket = Bucket::new("0.2.0-draft2");
    for key in ["a", "b"] {
        let half = "AAAA".repeat((512 << 10) / 3);
        bucket.store("set", json!({"key": key, "value": half}));
    }
    completed(&bucket.call("batch", "get-many", json!({"keys": ["a", "b"]})));
    bucket.store("set", json!({"key": "c", "value": "AAAA"}));
    let over = failed(&bucket.call("batch", "get-many", json!({"keys": ["a", "b", "c"]})));
    assert!(over["other"].as_str().is_some_and(|text| text.contains("1 MiB")), "{over}");
}

#[test]
fn without_a_grant_no_bucket_opens_and_the_report_says_so() {
    for version in VERSIONS {
        let report = run(relay::keyvalue("store", version), "get", json!({"key": "a"}), Granted::nothing());
        assert_eq!(failed(&report), json!("access-denied"));
        assert_eq!(report.denied.len(), 1);
        assert_eq!(report.denied[0].reason, "no grant for kv");
        assert_eq!(report.usage.capabilities.kv.calls, 1);
    }
}

/// `try-open: func(identifier: string) -> u32`: 0, or the case of the error plus 1.
fn opener() -> Vec<u8> {
    let module = format!(
        r#"(module
  (import "wasi:keyvalue/store@0.2.0-draft2" "open" (func $open (param i32 i32 i32)))
  {}
  (func (export "try-open") (param i32 i32) (result i32)
    (call $open (local.get 0) (local.get 1) (i32.const 64))
    (if (result i32) (i32.load8_u (i32.const 64))
      (then (i32.add (i32.load8_u (i32.const 68)) (i32.const 1)))
      (else (i32.const 0)))))"#,
        relay::ALLOCATOR
    );
    let world = "import wasi:keyvalue/store@0.2.0-draft2; export try-open: func(identifier: string) -> u32;";
    relay::component(world, &module)
}

#[test]
fn the_space_is_the_default_bucket_and_there_is_no_other() {
    let open = |identifier: &str| {
        let granted = Granted::nothing().kv(Arc::new(Map::default()));
        completed(&run(opener(), "try-open", json!({"identifier": identifier}), granted))
    };
    assert_eq!((open("default"), open(""), open("other")), (json!(0), json!(0), json!(1)));
}

/// Opens a handle of `cas` for the key `k`, sets the key to `x` in between if told so, and swaps in `y`. A swap that fails
/// is tried again with the new handle, after a look at the current value. Returns the number of swaps that failed, and the
/// first byte of the value that was seen then.
fn swapper() -> Vec<u8> {
    let module = format!(
        r#"(module
  (import "wasi:keyvalue/store@0.2.0-draft2" "open" (func $open (param i32 i32 i32)))
  (import "wasi:keyvalue/store@0.2.0-draft2" "[method]bucket.set" (func $set (param i32 i32 i32 i32 i32 i32)))
  (import "wasi:keyvalue/atomics@0.2.0-draft2" "[static]cas.new" (func $new (param i32 i32 i32 i32)))
  (import "wasi:keyvalue/atomics@0.2.0-draft2" "[method]cas.current" (func $current (param i32 i32)))
  (import "wasi:keyvalue/atomics@0.2.0-draft2" "swap" (func $swap (param i32 i32 i32 i32)))
  {}
  (data (i32.const 600) "kxy")
  (func (export "race") (param $between i32) (result i32) (local $bucket i32) (local $cas i32)
    (call $open (i32.const 512) (i32.const 7) (i32.const 64))
    (local.set $bucket (i32.load (i32.const 68)))
    (call $new (local.get $bucket) (i32.const 600) (i32.const 1) (i32.const 64))
    (local.set $cas (i32.load (i32.const 68)))
    (if (local.get $between) (then
      (call $set (local.get $bucket) (i32.const 600) (i32.const 1) (i32.const 601) (i32.const 1) (i32.const 64))))
    (call $swap (local.get $cas) (i32.const 602) (i32.const 1) (i32.const 64))
    (if (i32.eqz (i32.load8_u (i32.const 64))) (then (return (i32.const 0))))
    (if (i32.ne (i32.load8_u (i32.const 68)) (i32.const 1)) (then (return (i32.const 9))))
    (local.set $cas (i32.load (i32.const 72)))
    (call $current (local.get $cas) (i32.const 64))
    (call $swap (local.get $cas) (i32.const 602) (i32.const 1) (i32.const 96))
    (if (i32.load8_u (i32.const 96)) (then (return (i32.const 8))))
    (i32.add (i32.const 100) (i32.load8_u (i32.load (i32.const 72))))))"#,
        relay::ALLOCATOR
    );
    let world = "import wasi:keyvalue/store@0.2.0-draft2; import wasi:keyvalue/atomics@0.2.0-draft2;
                 export race: func(between: bool) -> u32;";
    relay::component(world, &module)
}

#[test]
fn a_swap_fails_if_the_key_changed_and_succeeds_with_the_new_handle() {
    let bucket = Bucket::new("0.2.0-draft2");
    let race = |between: bool| {
        let granted = Granted::nothing().kv(Arc::clone(&bucket.map) as Arc<dyn Kv>);
        completed(&run(swapper(), "race", json!({"between": between}), granted))
    };
    // Absent, then with a revision, then changed meanwhile.
    assert_eq!(race(false), json!(0));
    assert_eq!(bucket.store("get", json!({"key": "k"})), json!("eQ=="));
    assert_eq!(race(false), json!(0));
    assert_eq!(race(true), json!(100 + u32::from(b'x')));
    assert_eq!(bucket.store("get", json!({"key": "k"})), json!("eQ=="));
}

/// Opens handles of `cas` until the host ends the run; each has a key of as many bytes.
fn hoarder(handles: u32, key: u32) -> Report {
    let module = format!(
        r#"(module
  (import "wasi:keyvalue/store@0.2.0-draft2" "open" (func $open (param i32 i32 i32)))
  (import "wasi:keyvalue/atomics@0.2.0-draft2" "[static]cas.new" (func $new (param i32 i32 i32 i32)))
  {}
  (func (export "hoard") (result i32) (local $left i32)
    (local.set $left (i32.const {handles}))
    (memory.fill (i32.const 4096) (i32.const 97) (i32.const {key}))
    (call $open (i32.const 512) (i32.const 7) (i32.const 64))
    (loop $again
      (call $new (i32.load (i32.const 68)) (i32.const 4096) (i32.const {key}) (i32.const 96))
      (if (i32.load8_u (i32.const 96)) (then (return (local.get $left))))
      (local.set $left (i32.sub (local.get $left) (i32.const 1)))
      (br_if $again (local.get $left)))
    (i32.const 0)))"#,
        relay::ALLOCATOR
    );
    let world = "import wasi:keyvalue/store@0.2.0-draft2; import wasi:keyvalue/atomics@0.2.0-draft2;
                 export hoard: func() -> u32;";
    let granted = Granted::nothing().kv(Arc::new(Map::default()));
    run(relay::component(world, &module), "hoard", json!({}), granted)
}

#[test]
fn a_run_keeps_few_and_small_handles() {
    // One of the engine's handles is the bucket.
    assert_eq!(completed(&hoarder(900, 1_024)), json!(0));
    assert_eq!(completed(&hoarder(900, 1_025)), json!(900));
    match hoarder(1_001, 1).outcome {
        Outcome::Trapped(trap) => assert_eq!(trap.code, "too-many-handles", "{trap:?}"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn values_are_read_by_every_name_of_the_interface() {
    for (interface, error) in [
        ("store@0.2.0-rc.1", "error"),
        ("store@0.2.0-draft", "error"),
        ("runtime@0.2.0-draft", "config-error"),
    ] {
        let values = BTreeMap::from([("base".to_owned(), "https://a.test".to_owned())]);
        let call = |tool: &str, input: Value| {
            let granted = Granted::nothing().config(Arc::new(values.clone()));
            run(relay::wasi_config(interface, error), tool, input, granted)
        };
        let report = call("get", json!({"key": "base"}));
        assert_eq!(completed(&report), json!("https://a.test"), "{interface}");
        assert_eq!(report.usage.capabilities.config.calls, 1);
        assert_eq!(completed(&call("get-all", json!({}))), json!([["base", "https://a.test"]]));
        let report = call("get", json!({"key": "other"}));
        assert_eq!(completed(&report), json!(null));
        assert_eq!(report.denied[0].wanted, "other");
    }
}

#[test]
fn the_imports_are_by_grant() {
    let host = host(Allocator::Pooling);
    for component in [
        relay::keyvalue("store", "0.2.0-draft2"),
        relay::keyvalue("batch", "0.2.0-draft"),
        relay::wasi_config("store@0.2.0-rc.1", "error"),
    ] {
        let skill = host.load(component).unwrap_or_else(|error| panic!("{error}"));
        // The others are names of types.
        let wasi = skill.imports().iter().filter(|import| import.name.starts_with("wasi:"));
        let all: Vec<Access> = wasi.map(|import| import.access).collect();
        assert!(
            !all.is_empty() && all.iter().all(|access| *access == Access::ByGrant),
            "{:?}",
            skill.imports()
        );
    }
}

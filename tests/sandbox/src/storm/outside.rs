//! Guests whose work is done around the guest's own code: while it is instantiated, when its arguments are lowered and
//! its result is lifted, when it traps. Each run is short; what matters is what it costs those beside it.

use super::Storm;

/// They end by themselves.
const ENDS: &[&str] =
    &["completed", "trapped", "output-limit", "out-of-fuel", "memory-limit", "deadline-exceeded"];

/// Bytes of each data segment, and how often the module that has it is instantiated. The file is a little larger.
const DATA: usize = 8 << 20;
const INSTANCES: usize = 60;

fn storm(name: &str, wat: &str) -> Storm {
    Storm { ends: ENDS, ..Storm::of_text(&format!("outside: {name}"), wat) }
}

fn with_input_size(name: &str, wat: &str, input: String) -> Storm {
    Storm { input, ..storm(name, wat) }
}

/// All of them.
pub(super) fn guests() -> Vec<Storm> {
    let numbers = |count: usize, number: &str| format!("[{}]", vec![number; count].join(","));
    vec![
        storm("60 instances copy 8 MiB each", &data()),
        storm("60 instances fill a table of 90,000", &elements()),
        storm("1,000 instances of an empty component", &components()),
        storm("a stack overflow", OVERFLOW),
        storm("a host call with as much as the largest result may be", UNDER_A_RESULT),
        storm("a result of 500,000 bytes as list<u8>", &result("(list u8)", 500_000)),
        storm("a result of 1,048,000 bytes as list<u8>, too large as JSON", &result("(list u8)", 1_048_000)),
        storm("a result of 200,000 absent options", &result("(list (option u8))", 200_000)),
        storm("a result of 1,000,000 letters", &result("string", 1_000_000)),
        storm("a result of 90,000 tuples", &result("(list (tuple u8 u8 u8 u8))", 90_000)),
        storm("a result of 250,000 floats", &result("(list f32)", 250_000)),
        storm("a result of 40,000 empty lists of strings", &result("(list (list string))", 40_000)),
        with_input_size(
            "500,000 numbers as input",
            &input("(list u8)"),
            format!("{{\"x\":{}}}", numbers(500_000, "7")),
        ),
        with_input_size(
            "a wrong last number of 500,000",
            &input("(list u8)"),
            format!("{{\"x\":{}}}", numbers(500_000, "7").replace("7]", "300]")),
        ),
        with_input_size(
            "200,000 absent options as input",
            &input("(list (option u8))"),
            format!("{{\"x\":{}}}", numbers(200_000, "null")),
        ),
        with_input_size(
            "90,000 floats as input",
            &input("(list f64)"),
            format!("{{\"x\":{}}}", numbers(90_000, "0.1e-300")),
        ),
        with_input_size(
            "1,000,000 escapes as input",
            &input("string"),
            format!("{{\"x\":\"{}\"}}", "\\u00e9".repeat(170_000)),
        ),
        with_input_size(
            "340,000 empty lists as input",
            &input("(list (list u8))"),
            format!("{{\"x\":{}}}", numbers(340_000, "[]")),
        ),
    ]
}

/// One memory, into which every instance of a module copies its data, at an offset that is known only then.
fn data() -> String {
    let instances: String = (0..INSTANCES)
        .map(|_| "(core instance (instantiate $m (with \"libc\" (instance $libc))))\n")
        .collect();
    let pages = (DATA >> 16) + 1;
    format!(
        r#"(component
  (core module $l (memory (export "memory") {pages}) (global (export "at") i32 (i32.const 8)) (func (export "run")))
  (core instance $libc (instantiate $l))
  (core module $m (import "libc" "memory" (memory {pages})) (import "libc" "at" (global $at i32))
    (data (offset (global.get $at)) "{}"))
  {instances}
  (func (export "run") (canon lift (core func $libc "run"))))"#,
        "a".repeat(DATA)
    )
}

/// The same for a table.
fn elements() -> String {
    let instances: String = (0..INSTANCES)
        .map(|_| "(core instance (instantiate $m (with \"libc\" (instance $libc))))\n")
        .collect();
    format!(
        r#"(component
  (core module $l (table (export "table") 90001 funcref) (global (export "at") i32 (i32.const 1)) (func (export "run")))
  (core instance $libc (instantiate $l))
  (core module $m (import "libc" "table" (table 90001 funcref)) (import "libc" "at" (global $at i32)) (func)
    (elem (offset (global.get $at)) func{}))
  {instances}
  (func (export "run") (canon lift (core func $libc "run"))))"#,
        " 0".repeat(90_000)
    )
}

fn components() -> String {
    let instances = "(instance (instantiate $c))\n".repeat(990);
    format!(
        r#"(component
  (component $c)
  (core module $l (func (export "run")))
  (core instance $i (instantiate $l))
  {instances}
  (func (export "run") (canon lift (core func $i "run"))))"#
    )
}

const OVERFLOW: &str = r#"(component
  (core module $m (func $f (call $f)) (func (export "run") (call $f)))
  (core instance $i (instantiate $m))
  (func (export "run") (canon lift (core func $i "run"))))"#;

/// What a host call may hand over follows from the result's type, too: here 500,000 numbers, each a value of its own.
const UNDER_A_RESULT: &str = r#"(component
  (import "wasi:sockets/ip-name-lookup@0.2.12" (instance $lookup
    (export "resolve-addresses" (func (param "x" (list u8)) (result (result))))))
  (core module $libc (memory (export "memory") 16))
  (core instance $libc (instantiate $libc))
  (alias core export $libc "memory" (core memory $memory))
  (core func $call (canon lower (func $lookup "resolve-addresses") (memory $memory)))
  (core module $m
    (import "host" "call" (func $call (param i32 i32) (result i32)))
    (import "libc" "memory" (memory 1))
    (func (export "run") (result i32)
      (loop $a (drop (call $call (i32.const 0) (i32.const 500000))) (br $a)) (i32.const 0)))
  (core instance $i (instantiate $m (with "libc" (instance $libc)) (with "host" (instance (export "call" (func $call))))))
  (func (export "run") (result (list (option u8))) (canon lift (core func $i "run") (memory $memory))))"#;

/// `run` gives so many elements of a type, all of whose bytes are 0, or letters.
fn result(ty: &str, count: usize) -> String {
    let fill = if ty == "string" { "a" } else { "\\00" };
    format!(
        r#"(component
  (core module $m (memory (export "memory") 100) (data (i32.const 0) "{fill}")
    (func (export "run") (result i32)
      (memory.fill (i32.const 64) (i32.load8_u (i32.const 0)) (i32.const 6000000))
      (i32.store (i32.const 16) (i32.const 64)) (i32.store (i32.const 20) (i32.const {count})) (i32.const 16)))
  (core instance $i (instantiate $m))
  (func (export "run") (result {ty}) (canon lift (core func $i "run") (memory (core memory $i "memory")))))"#
    )
}

/// `run` takes a value and does nothing with it.
fn input(ty: &str) -> String {
    format!(
        r#"(component
  (core module $m (memory (export "memory") 200)
    (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 64))
    (func (export "run") (param i32 i32)))
  (core instance $i (instantiate $m))
  (func (export "run") (param "x" {ty}) (canon lift (core func $i "run")
    (memory (core memory $i "memory")) (realloc (core func $i "realloc")))))"#
    )
}

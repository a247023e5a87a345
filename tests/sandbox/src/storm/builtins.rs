//! Guests that keep the engine busy without any host function: canonical built-ins, `realloc` as the host calls it, bulk
//! memory, tables, post-return, start functions, and adapters between components.

use super::Storm;

/// What ends a guest of this file.
const LOOPS: &[&str] = &["out-of-fuel", "deadline-exceeded"];

fn storm(name: &str, wat: &str) -> Storm {
    Storm { ends: LOOPS, ..Storm::of_text(&format!("built-in: {name}"), wat) }
}

/// `run: func()` with a body over one memory of 32 MiB, one table, and data and elements that can be dropped.
fn body(name: &str, body: &str) -> Storm {
    storm(
        name,
        &format!(
            r#"(component
  (core module $m
    (memory (export "memory") 512)
    (table $t 90000 funcref)
    (elem $e func 0 0 0 0 0 0 0 0)
    (data $d "{}")
    (func)
    (func (export "run") (local $i i32) {body}))
  (core instance $i (instantiate $m))
  (func (export "run") (canon lift (core func $i "run"))))"#,
            "\\61".repeat(64 << 10)
        ),
    )
}

/// All of them.
pub(super) fn guests() -> Vec<Storm> {
    let mut guests = vec![
        body("loop", "(loop $a (br $a))"),
        body(
            "memory.fill of 32 MiB",
            "(loop $a (memory.fill (i32.const 0) (i32.const 7) (i32.const 33554432)) (br $a))",
        ),
        body(
            "memory.fill of 64 KiB",
            "(loop $a (memory.fill (i32.const 0) (i32.const 7) (i32.const 65536)) (br $a))",
        ),
        body(
            "memory.copy of 16 MiB",
            "(loop $a (memory.copy (i32.const 1) (i32.const 16777216) (i32.const 16777215)) (br $a))",
        ),
        body(
            "memory.copy of 16 MiB, overlapping",
            "(loop $a (memory.copy (i32.const 1) (i32.const 0) (i32.const 16777215)) (br $a))",
        ),
        body(
            "memory.init of 64 KiB",
            "(loop $a (memory.init $d (i32.const 0) (i32.const 0) (i32.const 65536)) (br $a))",
        ),
        body(
            "table.fill of 90,000",
            "(loop $a (table.fill $t (i32.const 0) (ref.func 0) (i32.const 90000)) (br $a))",
        ),
        body(
            "table.copy of 45,000",
            "(loop $a (table.copy $t $t (i32.const 0) (i32.const 45000) (i32.const 45000)) (br $a))",
        ),
        body("table.init", "(loop $a (table.init $t $e (i32.const 0) (i32.const 0) (i32.const 8)) (br $a))"),
        body(
            "table.set and table.get",
            "(loop $a (table.set $t (i32.const 1) (table.get $t (i32.const 0))) (br $a))",
        ),
        body(
            "table.grow by nothing",
            "(loop $a (drop (table.grow $t (ref.null func) (i32.const 0))) (br $a))",
        ),
        body(
            "table.grow that is refused",
            "(loop $a (drop (table.grow $t (ref.null func) (i32.const 20000))) (br $a))",
        ),
        body("memory.grow by nothing", "(loop $a (drop (memory.grow (i32.const 0))) (br $a))"),
        body("memory.grow that is refused", "(loop $a (drop (memory.grow (i32.const 60000))) (br $a))"),
        body("memory.grow by one", "(loop $a (drop (memory.grow (i32.const 1))) (br $a))"),
        body(
            "straight code",
            &format!(
                "(loop $a {} (br $a))",
                "(local.set $i (i32.add (local.get $i) (i32.const 1)))".repeat(20_000)
            ),
        ),
        body(
            "loads of all pages",
            "(loop $a (i32.store (local.get $i) (i32.const 1)) (local.set $i (i32.and (i32.add (local.get $i) (i32.const 4096)) (i32.const 0x1ffffff))) (br $a))",
        ),
        body(
            "division",
            "(loop $a (local.set $i (i32.div_u (i32.const 0x7fffffff) (i32.or (local.get $i) (i32.const 1)))) (br $a))",
        ),
    ];
    guests.extend([
        storm("start", START),
        storm("post-return", POST_RETURN),
        storm("realloc that spins", &realloc("(loop $a (br $a)) (i32.const 0)")),
        storm("resource.new and drop", &resource("(call $drop (call $new (i32.const 1)))")),
        storm("resource.rep", &resource("(drop (call $rep (local.get $h)))")),
        storm("destructor that spins", DESTRUCTOR),
        storm("realloc for a result, filled each time", &realloc_each()),
        storm("recursion", RECURSION),
    ]);
    let between = [
        ("utf8", "utf16"),
        ("utf16", "utf8"),
        ("utf8", "latin1+utf16"),
        ("latin1+utf16", "utf8"),
        ("latin1+utf16", "utf16"),
        ("utf16", "latin1+utf16"),
        ("utf8", "utf8"),
    ];
    guests.extend(
        between.iter().map(|(from, to)| storm(&format!("text from {from} to {to}"), &adapter(from, to))),
    );
    guests
}

const START: &str = r#"(component
  (core module $m (func $s (loop $a (br $a))) (start $s) (func (export "run")))
  (core instance $i (instantiate $m))
  (func (export "run") (canon lift (core func $i "run"))))"#;

const POST_RETURN: &str = r#"(component
  (core module $m (memory (export "memory") 1)
    (func (export "run") (result i32) (i32.store (i32.const 0) (i32.const 16)) (i32.const 0))
    (func (export "post") (param i32) (loop $a (br $a))))
  (core instance $i (instantiate $m))
  (func (export "run") (result string)
    (canon lift (core func $i "run") (memory (core memory $i "memory")) (post-return (core func $i "post")))))"#;

const RECURSION: &str = r#"(component
  (core module $m
    (func $f (param i32) (if (local.get 0) (then (call $f (i32.sub (local.get 0) (i32.const 1))))))
    (func (export "run") (loop $a (call $f (i32.const 5000)) (br $a))))
  (core instance $i (instantiate $m))
  (func (export "run") (canon lift (core func $i "run"))))"#;

/// The host allocates a result of `get-arguments`-like functions through this.
fn realloc(body: &str) -> String {
    format!(
        r#"(component
  (import "wasi:random/random@0.2.12" (instance $random
    (export "get-random-bytes" (func (param "len" u64) (result (list u8))))))
  (core module $libc (memory (export "memory") 32)
    (func (export "realloc") (param i32 i32 i32 i32) (result i32) {body}))
  (core instance $libc (instantiate $libc))
  (core func $get (canon lower (func $random "get-random-bytes")
    (memory (core memory $libc "memory")) (realloc (core func $libc "realloc"))))
  (core module $m
    (import "host" "get" (func $get (param i64 i32)))
    (func (export "run") (loop $a (call $get (i64.const 1) (i32.const 16)) (br $a))))
  (core instance $i (instantiate $m (with "host" (instance (export "get" (func $get))))))
  (func (export "run") (canon lift (core func $i "run"))))"#
    )
}

/// Each allocation fills a MiB before it returns.
fn realloc_each() -> String {
    realloc("(memory.fill (i32.const 1024) (i32.const 1) (i32.const 1048576)) (i32.const 1024)")
}

/// Calls on a resource of the component's own, `$h` among them.
fn resource(call: &str) -> String {
    format!(
        r#"(component
  (type $r (resource (rep i32)))
  (core func $new (canon resource.new $r))
  (core func $drop (canon resource.drop $r))
  (core func $rep (canon resource.rep $r))
  (core module $m
    (import "host" "new" (func $new (param i32) (result i32)))
    (import "host" "drop" (func $drop (param i32)))
    (import "host" "rep" (func $rep (param i32) (result i32)))
    (func (export "run") (local $h i32)
      (local.set $h (call $new (i32.const 1)))
      (loop $a {call} (br $a))))
  (core instance $i (instantiate $m (with "host" (instance
    (export "new" (func $new)) (export "drop" (func $drop)) (export "rep" (func $rep))))))
  (func (export "run") (canon lift (core func $i "run"))))"#
    )
}

const DESTRUCTOR: &str = r#"(component
  (core module $d (func (export "dtor") (param i32) (local i32)
    (local.set 1 (i32.const 100000))
    (loop $a (br_if $a (local.tee 1 (i32.sub (local.get 1) (i32.const 1)))))))
  (core instance $d (instantiate $d))
  (type $r (resource (rep i32) (dtor (core func $d "dtor"))))
  (core func $new (canon resource.new $r))
  (core func $drop (canon resource.drop $r))
  (core module $m
    (import "host" "new" (func $new (param i32) (result i32)))
    (import "host" "drop" (func $drop (param i32)))
    (func (export "run") (loop $a (call $drop (call $new (i32.const 1))) (br $a))))
  (core instance $i (instantiate $m (with "host" (instance (export "new" (func $new)) (export "drop" (func $drop))))))
  (func (export "run") (canon lift (core func $i "run"))))"#;

/// A component that passes a MiB of text to another in an endless loop; the engine's adapter transcodes it.
fn adapter(from: &str, to: &str) -> String {
    format!(
        r#"(component
  (component $callee
    (core module $m (memory (export "memory") 64)
      (func (export "take") (param i32 i32))
      (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024)))
    (core instance $i (instantiate $m))
    (func (export "take") (param "text" string) (canon lift (core func $i "take")
      (memory (core memory $i "memory")) (realloc (core func $i "realloc")) string-encoding={to})))
  (instance $callee (instantiate $callee))
  (component $caller
    (import "take" (func $take (param "text" string)))
    (core module $libc (memory (export "memory") 32))
    (core instance $libc (instantiate $libc))
    (core func $take (canon lower (func $take) (memory (core memory $libc "memory")) string-encoding={from}))
    (core module $m
      (import "libc" "memory" (memory 1))
      (import "host" "take" (func $take (param i32 i32)))
      (func (export "run")
        (memory.fill (i32.const 0) (i32.const {fill}) (i32.const 1048576))
        (loop $a (call $take (i32.const 0) (i32.const {units})) (br $a))))
    (core instance $i (instantiate $m (with "libc" (instance $libc)) (with "host" (instance (export "take" (func $take))))))
    (func (export "run") (canon lift (core func $i "run"))))
  (instance $caller (instantiate $caller (with "take" (func $callee "take"))))
  (export "run" (func $caller "run")))"#,
        fill = match from {
            "utf8" => 0x61,
            "utf16" => 0x44,
            _ => 0xe9,
        },
        units = if from == "utf16" { 1 << 19 } else { 1 << 20 },
    )
}

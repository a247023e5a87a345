//! Guests for exact limits: small component texts, made to measure.

/// A component of one core module; `core` is its body, `lifts` the component-level rest.
pub fn component(core: &str, lifts: &str) -> String {
    format!("(component (core module $m {core}) (core instance $i (instantiate $m)) {lifts})")
}

/// `run: func(n: u32) -> u32` over the core function `run`.
pub const RUN_U32: &str =
    r#"(func (export "run") (param "n" u32) (result u32) (canon lift (core func $i "run")))"#;

/// `run: func(n: u32)`, which goes round a loop `n` times.
pub fn count_down() -> String {
    component(
        r#"(func (export "run") (param $n i32)
             (block $done (loop $again
               (br_if $done (i32.eqz (local.get $n)))
               (local.set $n (i32.sub (local.get $n) (i32.const 1)))
               (br $again))))"#,
        r#"(func (export "run") (param "n" u32) (canon lift (core func $i "run")))"#,
    )
}

/// `run: func()`, which never returns.
pub fn spin() -> String {
    component(
        r#"(func (export "run") (loop (br 0)))"#,
        r#"(func (export "run") (canon lift (core func $i "run")))"#,
    )
}

/// `echo: func(text: string) -> string`
pub const ECHO: &str = r#"
(component
  (core module $m
    (memory (export "memory") 1)
    (global $next (mut i32) (i32.const 1024))
    (func (export "realloc") (param i32 i32 i32) (param $size i32) (result i32)
      (local $at i32)
      (local.set $at (global.get $next))
      (global.set $next (i32.add (local.get $at) (local.get $size)))
      (block $fits (loop $grow
        (br_if $fits (i32.le_u (global.get $next) (i32.mul (memory.size) (i32.const 65536))))
        (if (i32.eq (memory.grow (i32.const 1)) (i32.const -1)) (then unreachable))
        (br $grow)))
      (local.get $at))
    (func (export "echo") (param $ptr i32) (param $len i32) (result i32)
      (i32.store (i32.const 16) (local.get $ptr))
      (i32.store (i32.const 20) (local.get $len))
      (i32.const 16)))
  (core instance $i (instantiate $m))
  (alias core export $i "memory" (core memory $memory))
  (func (export "echo") (param "text" string) (result string)
    (canon lift (core func $i "echo") (memory $memory) (realloc (core func $i "realloc")))))"#;

/// `run: func(n: u32) -> string` of `n` letters, out of a memory of 33 pages.
pub fn letters() -> String {
    component(
        r#"(memory (export "memory") 33)
           (func (export "run") (param $n i32) (result i32)
             (memory.fill (i32.const 64) (i32.const 97) (local.get $n))
             (i32.store (i32.const 16) (i32.const 64))
             (i32.store (i32.const 20) (local.get $n))
             (i32.const 16))"#,
        r#"(alias core export $i "memory" (core memory $memory))
           (func (export "run") (param "n" u32) (result string)
             (canon lift (core func $i "run") (memory $memory)))"#,
    )
}

/// `run: func(n: u32) -> u32`: calls an import `n` times through the core function `call`.
///
/// `import` is component text that defines the core function `$call`, taking nothing and giving
/// nothing; `$memory` is there.
pub fn call_many(import: &str, call: &str) -> String {
    format!(
        r#"(component
             {import}
             (core module $m
               (import "host" "call" (func $call {call}))
               (import "libc" "memory" (memory 1))
               (func (export "run") (param $n i32) (result i32)
                 (local $left i32)
                 (local.set $left (local.get $n))
                 (block $done (loop $again
                   (br_if $done (i32.eqz (local.get $left)))
                   (local.set $left (i32.sub (local.get $left) (i32.const 1)))
                   (call $once)
                   (br $again)))
                 (local.get $n))
               (func $once {body}))
             (core instance $i (instantiate $m
               (with "host" (instance (export "call" (func $call))))
               (with "libc" (instance $libc))))
             {RUN_U32})"#,
        body = match call {
            "(result i64)" => "(drop (call $call))",
            "(param i32)" => "(call $call (i32.const 32))",
            "(param i32 i32)" => "(call $call (i32.const 64) (i32.load (i32.const 0)))",
            "(param i32 i32 i32)" => "(call $call (i32.const 2) (i32.const 64) (i32.load (i32.const 0)))",
            other => panic!("no call with {other}"),
        }
    )
}

/// A core instance `$libc` with a memory: letters from 64 on, and at 0 their number `len`.
pub fn libc(len: u32) -> String {
    let pages = (len + 64) / 65_536 + 1;
    format!(
        r#"(core module $libc_m (memory (export "memory") {pages})
             (func $start (memory.fill (i32.const 64) (i32.const 97) (i32.const {len}))
                          (i32.store (i32.const 0) (i32.const {len})))
             (start $start))
           (core instance $libc (instantiate $libc_m))
           (alias core export $libc "memory" (core memory $memory))"#
    )
}

/// Calls `ringfence:skill/log.write` with `len` letters.
pub fn log(len: u32) -> String {
    let import = format!(
        r#"(import "ringfence:skill/log@0.1.0" (instance $log
             (type $level' (enum "trace" "debug" "info" "warn" "error"))
             (export "level" (type $level (eq $level')))
             (export "write" (func (param "level" $level) (param "message" string)))))
           {}
           (core func $call (canon lower (func $log "write") (memory $memory)))"#,
        libc(len)
    );
    call_many(&import, "(param i32 i32 i32)")
}

/// Calls `ringfence:skill/progress.emit` with `len` letters.
pub fn emit(len: u32) -> String {
    let import = format!(
        r#"(import "ringfence:skill/progress@0.1.0" (instance $progress
             (export "emit" (func (param "chunk" string)))))
           {}
           (core func $call (canon lower (func $progress "emit") (memory $memory)))"#,
        libc(len)
    );
    call_many(&import, "(param i32 i32)")
}

/// Calls `wasi:clocks/monotonic-clock.now`.
pub fn clock() -> String {
    let import = format!(
        r#"(import "wasi:clocks/monotonic-clock@0.2.0" (instance $clock
             (export "now" (func (result u64)))))
           {}
           (core func $call (canon lower (func $clock "now")))"#,
        libc(0)
    );
    call_many(&import, "(result i64)")
}

/// `run: func(ms: u64)`: waits in the host, by the pollable of a WASI clock.
pub const WAIT: &str = r#"
(component
  (import "wasi:io/poll@0.2.0" (instance $poll
    (export "pollable" (type $pollable (sub resource)))
    (export "[method]pollable.block" (func (param "self" (borrow $pollable))))))
  (alias export $poll "pollable" (type $pollable))
  (import "wasi:clocks/monotonic-clock@0.2.0" (instance $clock
    (alias outer 1 $pollable (type $outer))
    (export "pollable" (type $p (eq $outer)))
    (export "subscribe-duration" (func (param "when" u64) (result (own $p))))))
  (core func $subscribe (canon lower (func $clock "subscribe-duration")))
  (core func $block (canon lower (func $poll "[method]pollable.block")))
  (core module $m
    (import "host" "subscribe" (func $subscribe (param i64) (result i32)))
    (import "host" "block" (func $block (param i32)))
    (func (export "run") (param $ms i64)
      (call $block (call $subscribe (i64.mul (local.get $ms) (i64.const 1000000))))))
  (core instance $i (instantiate $m (with "host" (instance
    (export "subscribe" (func $subscribe))
    (export "block" (func $block))))))
  (func (export "run") (param "ms" u64) (canon lift (core func $i "run"))))"#;

/// `run: func(a: u32, b: u32)`: grows two memories, of two core instances, by so many pages; traps when
/// one is refused.
pub const TWO_MEMORIES: &str = r#"
(component
  (core module $one
    (memory 0)
    (func (export "grow") (param i32)
      (if (i32.eq (memory.grow (local.get 0)) (i32.const -1)) (then unreachable))))
  (core instance $a (instantiate $one))
  (core instance $b (instantiate $one))
  (core module $m
    (import "a" "grow" (func $a (param i32)))
    (import "b" "grow" (func $b (param i32)))
    (func (export "run") (param i32 i32) (call $a (local.get 0)) (call $b (local.get 1))))
  (core instance $i (instantiate $m (with "a" (instance $a)) (with "b" (instance $b))))
  (func (export "run") (param "a" u32) (param "b" u32) (canon lift (core func $i "run"))))"#;

/// The same with the elements of two tables.
pub fn two_tables() -> String {
    TWO_MEMORIES
        .replace("(memory 0)", "(table 0 funcref)")
        .replace("(memory.grow (local.get 0))", "(table.grow (ref.null func) (local.get 0))")
}

/// A component of `n` core instances beside the one that is called.
pub fn instances(n: u32) -> String {
    let more = "(core instance (instantiate $empty))".repeat(n as usize);
    format!(
        r#"(component (core module $empty) {more}
             (core module $m (func (export "run")))
             (core instance $i (instantiate $m))
             (func (export "run") (canon lift (core func $i "run"))))"#
    )
}

/// A component with `n` core instances that each have `what`, such as `(memory 0)`.
pub fn many(what: &str, n: u32) -> String {
    let more = "(core instance (instantiate $one))".repeat(n as usize);
    format!(
        r#"(component (core module $one {what}) {more}
             (core module $m (func (export "run")))
             (core instance $i (instantiate $m))
             (func (export "run") (canon lift (core func $i "run"))))"#
    )
}

/// `run: func(n: u32) -> u32`: calls itself `n` deep.
pub fn recurse() -> String {
    component(
        r#"(func $run (export "run") (param $n i32) (result i32)
             (if (result i32) (i32.eqz (local.get $n))
               (then (i32.const 0))
               (else (i32.add (i32.const 1) (call $run (i32.sub (local.get $n) (i32.const 1)))))))"#,
        RUN_U32,
    )
}

/// `run: func()`: fills a memory of 64 MiB again and again.
pub fn fill() -> String {
    component(
        r#"(memory 1024)
           (func (export "run")
             (loop (memory.fill (i32.const 0) (i32.const 1) (i32.const 67108864)) (br 0)))"#,
        r#"(func (export "run") (canon lift (core func $i "run")))"#,
    )
}

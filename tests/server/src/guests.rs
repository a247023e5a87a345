//! Guests as text: each the least that shows one thing.

/// The bytes of a component.
#[track_caller]
pub fn component(wat: &str) -> Vec<u8> {
    wat::parse_str(wat).unwrap_or_else(|error| panic!("{error}"))
}

/// A component with a `ringfence:skill` section.
#[track_caller]
pub fn documented(wat: &str, metadata: &serde_json::Value) -> Vec<u8> {
    let mut bytes = component(wat);
    let mut section = vec![15];
    section.extend_from_slice(b"ringfence:skill");
    section.extend_from_slice(metadata.to_string().as_bytes());
    bytes.push(0);
    let mut size = section.len();
    loop {
        let byte = u8::try_from(size & 0x7f).expect("seven bits");
        size >>= 7;
        bytes.push(if size == 0 { byte } else { byte | 0x80 });
        if size == 0 {
            break;
        }
    }
    bytes.extend_from_slice(&section);
    bytes
}

/// `echo: func(text: string) -> string`
pub const ECHO: &str = r#"(component
  (core module $m
    (memory (export "memory") 1)
    (func (export "realloc") (param i32 i32 i32 i32) (result i32)
      (if (i32.gt_u (i32.add (i32.const 1024) (local.get 3)) (i32.mul (memory.size) (i32.const 65536)))
        (then (drop (memory.grow (i32.add (i32.div_u (local.get 3) (i32.const 65536)) (i32.const 1))))))
      (i32.const 1024))
    (func (export "echo") (param i32 i32) (result i32)
      (i32.store (i32.const 16) (local.get 0))
      (i32.store (i32.const 20) (local.get 1))
      (i32.const 16)))
  (core instance $i (instantiate $m))
  (alias core export $i "memory" (core memory $memory))
  (func (export "echo") (param "text" string) (result string)
    (canon lift (core func $i "echo") (memory $memory) (realloc (core func $i "realloc")))))"#;

/// One tool for each way to end that a guest can bring about by itself.
pub const ENDINGS: &str = r#"(component
  (core module $m
    (memory (export "memory") 1)
    (func (export "spin") (loop (br 0)))
    (func (export "trap") unreachable)
    (func (export "grow")
      (if (i32.eq (memory.grow (i32.const 5000)) (i32.const -1)) (then unreachable)))
    (func (export "fail") (result i32) (i32.const 1))
    (func (export "big") (result i32)
      (i32.store (i32.const 0) (i32.const 16))
      (i32.store (i32.const 4) (i32.const 5000))
      (i32.const 0))
    (func (export "nothing"))
    (func (export "number") (param i32) (result i32) (local.get 0)))
  (core instance $i (instantiate $m))
  (alias core export $i "memory" (core memory $memory))
  (func (export "spin") (canon lift (core func $i "spin")))
  (func (export "trap") (canon lift (core func $i "trap")))
  (func (export "grow") (canon lift (core func $i "grow")))
  (func (export "fail") (result (result)) (canon lift (core func $i "fail")))
  (func (export "big") (result string) (canon lift (core func $i "big") (memory $memory)))
  (func (export "nothing") (canon lift (core func $i "nothing")))
  (func (export "number") (param "n" u32) (result u32) (canon lift (core func $i "number"))))"#;

/// `talk: func(times: u32)` logs a line, reports progress and emits a chunk, so many times; `talk-on` does so without
/// end, and burns fuel in between.
pub const TALKS: &str = r#"(component
  (import "ringfence:skill/log@0.1.0" (instance $log
    (type (enum "trace" "debug" "info" "warn" "error"))
    (export "level" (type $level (eq 0)))
    (export "write" (func (param "level" $level) (param "message" string)))))
  (import "ringfence:skill/progress@0.1.0" (instance $progress
    (export "report" (func (param "done" u64) (param "total" (option u64)) (param "note" string)))
    (export "emit" (func (param "chunk" string)))))
  (core module $memory
    (memory (export "memory") 1)
    (data (i32.const 0) "a line\nevent: report\ndata: forged")
    (data (i32.const 64) "piece"))
  (core instance $memory (instantiate $memory))
  (alias core export $memory "memory" (core memory $mem))
  (core func $write (canon lower (func $log "write") (memory $mem)))
  (core func $report (canon lower (func $progress "report") (memory $mem)))
  (core func $emit (canon lower (func $progress "emit") (memory $mem)))
  (core module $m
    (import "host" "write" (func $write (param i32 i32 i32)))
    (import "host" "report" (func $report (param i64 i32 i64 i32 i32)))
    (import "host" "emit" (func $emit (param i32 i32)))
    (func $once (param $i i32)
      (call $write (i32.const 2) (i32.const 0) (i32.const 33))
      (call $report (i64.extend_i32_u (local.get $i)) (i32.const 1) (i64.const 3) (i32.const 64) (i32.const 5))
      (call $emit (i32.const 64) (i32.const 5)))
    (func (export "talk") (param $times i32)
      (local $i i32)
      (block $done
        (loop $again
          (br_if $done (i32.ge_u (local.get $i) (local.get $times)))
          (local.set $i (i32.add (local.get $i) (i32.const 1)))
          (call $once (local.get $i))
          (br $again))))
    (func (export "talk-on")
      (local $i i32)
      (call $once (i32.const 1))
      (loop (br 0))))
  (core instance $i (instantiate $m (with "host" (instance
    (export "write" (func $write)) (export "report" (func $report)) (export "emit" (func $emit))))))
  (func (export "talk") (param "times" u32) (canon lift (core func $i "talk")))
  (func (export "talk-on") (canon lift (core func $i "talk-on"))))"#;

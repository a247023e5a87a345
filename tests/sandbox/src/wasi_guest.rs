//! A guest of WASI's I/O and HTTP, written as instructions: every function that the host links with types is at hand.

use std::fmt::Write as _;

use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;
use wit_parser::TypeDefKind;
use wit_parser::abi::{AbiVariant, WasmType};

/// Interfaces whose functions are imported, as `$"[method]fields.get"`, with `$"drop fields"` for each resource.
const INTERFACES: [&str; 6] = [
    "wasi:io/error@0.2.12",
    "wasi:io/poll@0.2.12",
    "wasi:io/streams@0.2.12",
    "wasi:clocks/monotonic-clock@0.2.12",
    "wasi:http/types@0.2.12",
    "wasi:http/outgoing-handler@0.2.12",
];

/// Where texts lie.
const TEXTS: usize = 128 << 10;

/// The texts of a guest.
#[derive(Debug, Default)]
pub struct Texts(Vec<u8>);

impl Texts {
    /// Places a text, and returns its address and length as two instructions.
    pub fn put(&mut self, text: &str) -> String {
        let at = TEXTS + self.0.len();
        self.0.extend_from_slice(text.as_bytes());
        format!("(i32.const {at}) (i32.const {})", text.len())
    }
}

/// Makes a component with `run: func() -> list<u32>`: the numbers that the code passes to `$note`.
///
/// The code has the locals `$a` to `$e`, 8 MiB of memory, and the functions of `PRELUDE`.
pub fn guest(write: impl FnOnce(&mut Texts) -> String) -> Vec<u8> {
    let mut resolve = Resolve::default();
    resolve.push_source("wasi.wit", include_str!("storm/wasi.wit")).expect("the WIT of WASI");
    let imports: String = INTERFACES.iter().map(|name| format!("import {name}; ")).collect();
    let world = format!("package test:wasi; world guest {{ {imports} export run: func() -> list<u32>; }}");
    let package = resolve.push_source("guest.wit", &world).expect("a world");
    let world = resolve.select_world(&[package], Some("guest")).expect("the world");
    let functions = functions(&resolve);
    let mut texts = Texts::default();
    let host = texts.put("a.test");
    let code = write(&mut texts);
    let data: String = texts.0.iter().map(|byte| format!("\\{byte:02x}")).collect();
    let module = format!(
        r#"(module
  {functions}
  (memory (export "memory") 128)
  (data (i32.const {TEXTS}) "{data}")
  (global $top (mut i32) (i32.const 1048576))
  (global $noted (mut i32) (i32.const 0))
  (global $body (mut i32) (i32.const 0))
  (global $error (mut i32) (i32.const 0))
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
    ;; From the start again when it is full: what a guest has noted lies elsewhere.
    (if (i32.gt_u (i32.add (global.get $top) (local.get 3)) (i32.const 8000000))
      (then (global.set $top (i32.const 1048576))))
    (global.get $top)
    (global.set $top (i32.and (i32.add (i32.add (global.get $top) (local.get 3)) (i32.const 15)) (i32.const -8))))
  {prelude}
  (func (export "run") (result i32)
    (local $a i32) (local $b i32) (local $c i32) (local $d i32) (local $e i32) (local $n i64)
    {code}
    (i32.store (i32.const 16) (i32.const 4096))
    (i32.store (i32.const 20) (global.get $noted))
    (i32.const 16)))"#,
        prelude = PRELUDE.replace("HOST", &host),
    );
    let mut bytes = wat::parse_str(&module).unwrap_or_else(|error| panic!("{error}\n{module}"));
    embed_component_metadata(&mut bytes, &resolve, world, StringEncoding::UTF8).expect("it embeds");
    let encoder = ComponentEncoder::default().validate(true);
    encoder
        .module(&bytes)
        .and_then(|mut encoder| encoder.encode())
        .unwrap_or_else(|error| panic!("{error:#}"))
}

/// What most guests do. Results of the host lie at 64.
///
/// - `$note`: adds a number to the result;
/// - `$request`: makes a request to `http://a.test` with a path;
/// - `$send`: sends a request, returns the future; or notes 1000 and the error, and returns -1;
/// - `$await`: waits for a response and returns it; or notes 1000 and the error, and returns -1, as it does for -1;
/// - `$stream`: returns the stream of a response, and keeps its body in `$body`;
/// - `$read`: waits and reads; returns the number of bytes, -1 at the end, or -2 with the failure in `$error`;
/// - `$written`: returns the outcome of a function of a stream: 0, -1 or -2 as above.
const PRELUDE: &str = r#"
  (func $note (param i32)
    (i32.store (i32.add (i32.const 4096) (i32.mul (global.get $noted) (i32.const 4))) (local.get 0))
    (global.set $noted (i32.add (global.get $noted) (i32.const 1))))
  (func $request (param $at i32) (param $length i32) (result i32)
    (local $request i32)
    (local.set $request (call $"[constructor]outgoing-request" (call $"[constructor]fields")))
    (call $target (local.get $request) (local.get $at) (local.get $length))
    (local.get $request))
  (func $target (param $request i32) (param $at i32) (param $length i32)
    (drop (call $"[method]outgoing-request.set-scheme" (local.get $request)
      (i32.const 1) (i32.const 0) (i32.const 0) (i32.const 0)))
    (drop (call $"[method]outgoing-request.set-authority" (local.get $request) (i32.const 1) HOST))
    (drop (call $"[method]outgoing-request.set-path-with-query" (local.get $request)
      (i32.const 1) (local.get $at) (local.get $length))))
  (func $send (param $request i32) (result i32)
    (call $send_with (local.get $request) (i32.const 0) (i32.const 0)))
  (func $send_with (param $request i32) (param $some i32) (param $options i32) (result i32)
    (call $"handle" (local.get $request) (local.get $some) (local.get $options) (i32.const 64))
    (if (i32.load8_u (i32.const 64)) (then
      (call $note (i32.add (i32.const 1000) (i32.load8_u (i32.const 72))))
      (return (i32.const -1))))
    (i32.load (i32.const 72)))
  (func $wait (param $pollable i32)
    (call $"[method]pollable.block" (local.get $pollable))
    (call $"drop pollable" (local.get $pollable)))
  (func $await (param $future i32) (result i32)
    (if (i32.eq (local.get $future) (i32.const -1)) (then (return (i32.const -1))))
    (call $wait (call $"[method]future-incoming-response.subscribe" (local.get $future)))
    (call $"[method]future-incoming-response.get" (local.get $future) (i32.const 64))
    (if (i32.eqz (i32.load8_u (i32.const 64))) (then (call $note (i32.const 2000)) (return (i32.const -1))))
    (if (i32.load8_u (i32.const 72)) (then (call $note (i32.const 2001)) (return (i32.const -1))))
    (if (i32.load8_u (i32.const 80)) (then
      (call $note (i32.add (i32.const 1000) (i32.load8_u (i32.const 88))))
      (return (i32.const -1))))
    (i32.load (i32.const 88)))
  (func $stream (param $response i32) (result i32)
    (call $"[method]incoming-response.consume" (local.get $response) (i32.const 64))
    (if (i32.load8_u (i32.const 64)) (then unreachable))
    (global.set $body (i32.load (i32.const 68)))
    (call $"[method]incoming-body.stream" (global.get $body) (i32.const 64))
    (if (i32.load8_u (i32.const 64)) (then unreachable))
    (i32.load (i32.const 68)))
  (func $written (result i32)
    (if (i32.eqz (i32.load8_u (i32.const 64))) (then (return (i32.const 0))))
    (if (i32.load8_u (i32.const 68)) (then (return (i32.const -1))))
    (global.set $error (i32.load (i32.const 72)))
    (i32.const -2))
  (func $read (param $stream i32) (param $most i64) (result i32)
    (call $"[method]input-stream.blocking-read" (local.get $stream) (local.get $most) (i32.const 64))
    (if (i32.load8_u (i32.const 64)) (then (return (call $written))))
    (i32.load (i32.const 72)))
  (func $writer (param $body i32) (result i32)
    (call $"[method]outgoing-body.write" (local.get $body) (i32.const 64))
    (if (i32.load8_u (i32.const 64)) (then unreachable))
    (i32.load (i32.const 68)))
  (func $body_of (param $request i32) (result i32)
    (call $"[method]outgoing-request.body" (local.get $request) (i32.const 64))
    (if (i32.load8_u (i32.const 64)) (then unreachable))
    (i32.load (i32.const 68)))
  (func $write (param $stream i32) (param $length i32) (result i32)
    (call $"[method]output-stream.write" (local.get $stream)
      (i32.const 524288) (local.get $length) (i32.const 64))
    (call $written))
  (func $room (param $stream i32) (result i32)
    (call $"[method]output-stream.check-write" (local.get $stream) (i32.const 64))
    (if (i32.load8_u (i32.const 64)) (then
      (if (i32.load8_u (i32.const 72)) (then (return (i32.const -1))))
      (global.set $error (i32.load (i32.const 76)))
      (return (i32.const -2))))
    (i32.load (i32.const 72)))
  (func $pair (param $to i32) (param $at i32) (param $length i32)
    (i32.store (local.get $to) (local.get $at))
    (i32.store (i32.add (local.get $to) (i32.const 4)) (local.get $length)))
  ;; Notes 0, or 1000 and the error.
  (func $finish (param $body i32)
    (call $"[static]outgoing-body.finish" (local.get $body) (i32.const 0) (i32.const 0) (i32.const 64))
    (call $note (select (i32.add (i32.const 1000) (i32.load8_u (i32.const 72))) (i32.const 0)
      (i32.load8_u (i32.const 64)))))
"#;

/// Imports every function of the interfaces.
fn functions(resolve: &Resolve) -> String {
    let mut text = String::new();
    for (id, interface) in resolve.interfaces.iter() {
        let Some(name) = resolve.id_of(id).filter(|name| INTERFACES.contains(&name.as_str())) else {
            continue;
        };
        for function in interface.functions.values() {
            let signature = resolve.wasm_signature(AbiVariant::GuestImport, function);
            let types =
                |types: &[WasmType]| types.iter().map(|ty| format!(" {}", core(*ty))).collect::<String>();
            let (params, results) = (types(&signature.params), types(&signature.results));
            let function = &function.name;
            let _ = writeln!(
                text,
                r#"(import "{name}" "{function}" (func $"{function}" (param{params}) (result{results})))"#
            );
        }
        for (resource, ty) in &interface.types {
            if matches!(resolve.types[*ty].kind, TypeDefKind::Resource) {
                let _ = writeln!(
                    text,
                    r#"(import "{name}" "[resource-drop]{resource}" (func $"drop {resource}" (param i32)))"#
                );
            }
        }
    }
    text
}

fn core(ty: WasmType) -> &'static str {
    match ty {
        WasmType::I32 | WasmType::Pointer | WasmType::Length => "i32",
        WasmType::I64 | WasmType::PointerOrI64 => "i64",
        WasmType::F32 => "f32",
        WasmType::F64 => "f64",
    }
}

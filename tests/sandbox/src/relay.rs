//! Components whose tools are functions of the host: each passes its arguments on, and returns the host's answer.

use std::fmt::Write as _;

use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::abi::{AbiVariant, WasmSignature, WasmType};
use wit_parser::{Function, Resolve, WorldItem};

use crate::files::root;

/// Makes a component of a world that imports one interface of `wit/<version>` and exports functions with the names and
/// the types of that interface: `export get: func(key: string) -> …;`.
pub fn relay(interface: &str, version: &str, uses: &str, exports: &str) -> Vec<u8> {
    let mut resolve = Resolve::default();
    let dir = if version == "0.1.0" { root().join("wit") } else { root().join("wit").join(version) };
    resolve.push_dir(dir).expect("the files are valid WIT");
    let name = format!("ringfence:skill/{interface}@{version}");
    let uses = if uses.is_empty() { String::new() } else { format!("use {name}.{{{uses}}};") };
    let text = format!("package test:relay; world relay {{ import {name}; {uses} {exports} }}");
    let package = resolve.push_str("relay.wit", &text).expect("a valid world");
    let world = resolve.select_world(&[package], Some("relay")).expect("the world");

    let (mut imports, mut functions) = (String::new(), String::new());
    for (_, item) in &resolve.worlds[world].exports {
        let WorldItem::Function(export) = item else { continue };
        let import = imported(&resolve, &name, &export.name);
        let outer = resolve.wasm_signature(AbiVariant::GuestExport, export);
        let inner = resolve.wasm_signature(AbiVariant::GuestImport, import);
        write_function(&mut imports, &mut functions, &name, &export.name, &outer, &inner);
    }
    let module = format!("(module {imports} {ALLOCATOR} {functions})");
    let mut module = wat::parse_str(&module).unwrap_or_else(|error| panic!("{error}\n{module}"));
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8, false).expect("it embeds");
    let mut encoder = ComponentEncoder::default();
    encoder.module(&module).expect("a module").validate(true);
    encoder.encode().expect("a component")
}

/// Memory, and an allocator that never frees: a run is one call.
const ALLOCATOR: &str = r#"
  (memory (export "memory") 2)
  (global $top (mut i32) (i32.const 65536))
  (func (export "cabi_realloc") (param $old i32) (param $size i32) (param $align i32) (param $new i32) (result i32)
    (local $at i32)
    (local.set $at (i32.and (i32.add (global.get $top) (i32.const 7)) (i32.const -8)))
    (global.set $top (i32.add (local.get $at) (local.get $new)))
    (block $fits (loop $grow
      (br_if $fits (i32.le_u (global.get $top) (i32.mul (memory.size) (i32.const 65536))))
      (if (i32.eq (memory.grow (i32.const 16)) (i32.const -1)) (then unreachable))
      (br $grow)))
    (if (local.get $old) (then (memory.copy (local.get $at) (local.get $old) (local.get $size))))
    (local.get $at))"#;

/// Where the host writes results.
const ANSWER: u32 = 1024;

fn imported<'a>(resolve: &'a Resolve, interface: &str, function: &str) -> &'a Function {
    let found = resolve.interfaces.iter().find(|(id, _)| resolve.id_of(*id).as_deref() == Some(interface));
    let (_, interface) = found.expect("the interface");
    interface.functions.get(function).unwrap_or_else(|| panic!("no function {function}"))
}

fn write_function(
    imports: &mut String,
    functions: &mut String,
    interface: &str,
    name: &str,
    outer: &WasmSignature,
    inner: &WasmSignature,
) {
    let types = |types: &[WasmType]| types.iter().map(|ty| format!(" {}", core(*ty))).collect::<String>();
    let (params, results) = (types(&inner.params), types(&inner.results));
    let _ = write!(
        imports,
        r#"(import "{interface}" "{name}" (func ${name} (param{params}) (result{results})))"#
    );
    let (params, results) = (types(&outer.params), types(&outer.results));
    let _ = write!(functions, r#"(func (export "{name}") (param{params}) (result{results})"#);
    for index in 0..outer.params.len() {
        let _ = write!(functions, " (local.get {index})");
    }
    if inner.retptr {
        let _ = write!(functions, " (i32.const {ANSWER})");
    }
    let _ = write!(functions, " (call ${name})");
    if inner.retptr {
        let _ = write!(functions, " (i32.const {ANSWER})");
    }
    functions.push(')');
}

fn core(ty: WasmType) -> &'static str {
    match ty {
        WasmType::I32 | WasmType::Pointer | WasmType::Length => "i32",
        WasmType::I64 | WasmType::PointerOrI64 => "i64",
        WasmType::F32 => "f32",
        WasmType::F64 => "f64",
    }
}

/// `kv` of version 0.2.0, all of it.
pub fn kv() -> Vec<u8> {
    relay(
        "kv",
        "0.2.0",
        "entry, expected, page, error",
        "export get: func(key: string) -> result<option<entry>, error>;
         export set: func(key: string, value: list<u8>, expected: expected) -> result<u64, error>;
         export delete: func(key: string, expected: expected) -> result<bool, error>;
         export increment: func(key: string, delta: s64) -> result<s64, error>;
         export %list: func(prefix: string, cursor: option<string>, limit: u32) -> result<page, error>;",
    )
}

/// `http` of version 0.2.0, but for `open`, which returns a handle.
pub fn http() -> Vec<u8> {
    relay(
        "http",
        "0.2.0",
        "request, response, error",
        "export fetch: func(request: request) -> result<response, error>;
         export fetch-many: func(requests: list<request>) -> result<list<result<response, error>>, error>;",
    )
}

/// `config` of version 0.2.0.
pub fn config() -> Vec<u8> {
    relay(
        "config",
        "0.2.0",
        "",
        "export get: func(key: string) -> option<string>;
         export get-all: func() -> list<tuple<string, string>>;",
    )
}

/// `secrets` of version 0.2.0.
pub fn secrets() -> Vec<u8> {
    relay("secrets", "0.2.0", "", "export exists: func(name: string) -> bool;")
}

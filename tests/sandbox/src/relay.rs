//! Components whose tools are functions of the host: each passes its arguments on, and returns the host's answer.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::abi::{AbiVariant, WasmSignature, WasmType};
use wit_parser::{Function, Resolve, WorldId, WorldItem};

use crate::storm::resolve;

/// Makes a component of a world that imports an interface and exports functions with the names and the types of that
/// interface: `export get: func(key: string) -> …;`.
///
/// A function of a bucket of `wasi:keyvalue` is exported without its bucket: the component opens `default` for each call.
fn relay(name: &str, uses: &str, exports: &str) -> Vec<u8> {
    let mut resolve = resolve();
    let version = name.split_once('@').map(|(_, version)| version).unwrap_or_default();
    let store = name.starts_with("wasi:keyvalue/").then(|| format!("wasi:keyvalue/store@{version}"));
    let imports: BTreeSet<&str> = store.as_deref().into_iter().chain([name]).collect();
    let imports: String = imports.into_iter().map(|import| format!("import {import}; ")).collect();
    let from = store.as_deref().unwrap_or(name);
    let uses = if uses.is_empty() { String::new() } else { format!("use {from}.{{{uses}}};") };
    let text = format!("package test:relay; world relay {{ {imports} {uses} {exports} }}");
    let package = resolve.push_str("relay.wit", &text).expect("a valid world");
    let world = resolve.select_world(&[package], Some("relay")).expect("the world");

    let (mut imports, mut functions) = (String::new(), String::new());
    if let Some(store) = &store {
        let _ = write!(imports, r#"(import "{store}" "open" (func $open (param i32 i32 i32)))"#);
    }
    for (_, item) in &resolve.worlds[world].exports {
        let WorldItem::Function(export) = item else { continue };
        let import = imported(&resolve, name, &export.name);
        let outer = resolve.wasm_signature(AbiVariant::GuestExport, export);
        let inner = resolve.wasm_signature(AbiVariant::GuestImport, import);
        let of_bucket = import.params.len() > export.params.len();
        write_function(
            &mut imports,
            &mut functions,
            (name, import),
            &export.name,
            (&outer, &inner),
            of_bucket,
        );
    }
    let module = format!("(module {imports} {ALLOCATOR} {functions})");
    component_of(&resolve, world, &module)
}

/// Makes a component of a world of the interfaces that hosts offer, and a module of text.
pub fn component(world: &str, module: &str) -> Vec<u8> {
    let mut resolve = resolve();
    let text = format!("package test:hand; world hand {{ {world} }}");
    let package = resolve.push_str("hand.wit", &text).expect("a valid world");
    let world = resolve.select_world(&[package], Some("hand")).expect("the world");
    component_of(&resolve, world, module)
}

fn component_of(resolve: &Resolve, world: WorldId, module: &str) -> Vec<u8> {
    let mut module = wat::parse_str(module).unwrap_or_else(|error| panic!("{error}\n{module}"));
    embed_component_metadata(&mut module, resolve, world, StringEncoding::UTF8).expect("it embeds");
    let encoder = ComponentEncoder::default().validate(true);
    encoder.module(&module).expect("a module").encode().expect("a component")
}

/// Memory with `default` at the address 512, and an allocator that never frees: a run is one call.
pub const ALLOCATOR: &str = r#"
  (memory (export "memory") 2)
  (data (i32.const 512) "default")
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
    let found = interface.functions.get(function);
    let found = found.or_else(|| interface.functions.get(&format!("[method]bucket.{function}")));
    found.unwrap_or_else(|| panic!("no function {function}"))
}

fn write_function(
    imports: &mut String,
    functions: &mut String,
    (interface, import): (&str, &Function),
    name: &str,
    (outer, inner): (&WasmSignature, &WasmSignature),
    of_bucket: bool,
) {
    let types = |types: &[WasmType]| types.iter().map(|ty| format!(" {}", core(*ty))).collect::<String>();
    let (params, results) = (types(&inner.params), types(&inner.results));
    let _ = write!(
        imports,
        r#"(import "{interface}" "{}" (func ${name} (param{params}) (result{results})))"#,
        import.name
    );
    let (params, results) = (types(&outer.params), types(&outer.results));
    let _ = write!(functions, r#"(func (export "{name}") (param{params}) (result{results})"#);
    if of_bucket {
        // An error is where the function's own would be, unless its value has 64 bits.
        let _ = write!(
            functions,
            "(call $open (i32.const 512) (i32.const 7) (i32.const {ANSWER}))
             (if (i32.load8_u (i32.const {ANSWER})) (then (return (i32.const {ANSWER}))))
             (i32.load (i32.const {}))",
            ANSWER + 4
        );
    }
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
        "ringfence:skill/kv@0.2.0",
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
        "ringfence:skill/http@0.2.0",
        "request, response, error",
        "export fetch: func(request: request) -> result<response, error>;
         export fetch-many: func(requests: list<request>) -> result<list<result<response, error>>, error>;",
    )
}

/// `config` of version 0.2.0.
pub fn config() -> Vec<u8> {
    relay(
        "ringfence:skill/config@0.2.0",
        "",
        "export get: func(key: string) -> option<string>;
         export get-all: func() -> list<tuple<string, string>>;",
    )
}

/// `secrets` of version 0.2.0.
pub fn secrets() -> Vec<u8> {
    relay("ringfence:skill/secrets@0.2.0", "", "export exists: func(name: string) -> bool;")
}

/// `store`, `atomics.increment` or `batch` of `wasi:keyvalue`, in a version.
pub fn keyvalue(interface: &str, version: &str) -> Vec<u8> {
    let draft2 = version == "0.2.0-draft2";
    let (cursor, number) = if draft2 { ("string", "s64") } else { ("u64", "u64") };
    let (uses, exports) = match interface {
        "store" => (
            "error, key-response",
            format!(
                "export get: func(key: string) -> result<option<list<u8>>, error>;
                 export set: func(key: string, value: list<u8>) -> result<_, error>;
                 export delete: func(key: string) -> result<_, error>;
                 export exists: func(key: string) -> result<bool, error>;
                 export list-keys: func(cursor: option<{cursor}>) -> result<key-response, error>;"
            ),
        ),
        "atomics" => (
            "error",
            format!("export increment: func(key: string, delta: {number}) -> result<{number}, error>;"),
        ),
        _ => (
            "error",
            "export get-many: func(keys: list<string>) -> result<list<option<tuple<string, list<u8>>>>, error>;
             export set-many: func(key-values: list<tuple<string, list<u8>>>) -> result<_, error>;
             export delete-many: func(keys: list<string>) -> result<_, error>;"
                .to_owned(),
        ),
    };
    relay(&format!("wasi:keyvalue/{interface}@{version}"), uses, &exports)
}

/// `wasi:config`, by its interface with version, and the name of its error.
pub fn wasi_config(interface: &str, error: &str) -> Vec<u8> {
    relay(
        &format!("wasi:config/{interface}"),
        error,
        &format!(
            "export get: func(key: string) -> result<option<string>, {error}>;
             export get-all: func() -> result<list<tuple<string, string>>, {error}>;"
        ),
    )
}

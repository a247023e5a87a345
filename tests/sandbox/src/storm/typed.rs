//! A guest that calls one typed host function in an endless loop, made from the function's WIT: its arguments are as
//! large as the shape says, its handles come from the functions that make them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;

use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::abi::{AbiVariant, FlatTypes, WasmType};
use wit_parser::{Function, Handle, InterfaceId, Resolve, SizeAlign, Type, TypeDefKind, TypeId};

/// How large arguments are.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shape {
    /// Bytes of each string and each list of bytes.
    pub(super) bytes: u32,
    /// Elements of each other list. With more than one, strings inside of them are empty.
    pub(super) elements: u32,
    /// Numbers that are lengths.
    pub(super) length: u64,
}

impl Default for Shape {
    fn default() -> Self {
        Self { bytes: 0, elements: 1, length: 0 }
    }
}

/// How strings are encoded in the guest, and the byte that fills them.
pub(super) const ENCODINGS: [(StringEncoding, u8, &str); 3] = [
    (StringEncoding::UTF8, b'a', "utf8"),
    (StringEncoding::UTF16, 0x44, "utf16"),
    (StringEncoding::CompactUTF16, 0xe9, "latin1"),
];

const HTTP: &str = "wasi:http/types@0.2.12";

/// How a guest gets a handle: the resource, the functions that it imports for it, and the code, in which `{n}` is the
/// function of that index.
struct Maker {
    resource: &'static str,
    /// The interface of the resource, where several have one of its name.
    of: Option<&'static str>,
    imports: &'static [(&'static str, &'static str, &'static str)],
    code: &'static str,
}

const FIELDS: (&str, &str, &str) = (HTTP, "[constructor]fields", "(result i32)");
const REQUEST: (&str, &str, &str) = (HTTP, "[constructor]outgoing-request", "(param i32) (result i32)");

impl Maker {
    fn makes(&self, resource: &str, of: &str) -> bool {
        self.resource == resource && self.of.is_none_or(|own| own == of)
    }
}

/// A bucket of `wasi:keyvalue`: the one with the empty identifier.
const fn bucket(imports: &'static [(&'static str, &'static str, &'static str); 1]) -> Maker {
    Maker {
        resource: "bucket",
        of: Some(imports[0].0),
        imports,
        code: "(call {0} (i32.const 0) (i32.const 0) (i32.const 48)) (i32.load (i32.const 52))",
    }
}

const OPEN: (&str, &str, &str) = ("wasi:keyvalue/store@0.2.0-draft2", "open", "(param i32 i32 i32)");
const OPEN_OLD: (&str, &str, &str) = ("wasi:keyvalue/store@0.2.0-draft", "open", "(param i32 i32 i32)");

const MAKERS: &[Maker] = &[
    Maker {
        resource: "pollable",
        of: None,
        imports: &[("wasi:clocks/monotonic-clock@0.2.12", "subscribe-duration", "(param i64) (result i32)")],
        code: "(call {0} (i64.const 0))",
    },
    Maker {
        resource: "input-stream",
        of: None,
        imports: &[("wasi:cli/stdin@0.2.12", "get-stdin", "(result i32)")],
        code: "(call {0})",
    },
    Maker {
        resource: "output-stream",
        of: None,
        imports: &[("wasi:cli/stdout@0.2.12", "get-stdout", "(result i32)")],
        code: "(call {0})",
    },
    Maker {
        resource: "network",
        of: None,
        imports: &[("wasi:sockets/instance-network@0.2.12", "instance-network", "(result i32)")],
        code: "(call {0})",
    },
    Maker { resource: "fields", of: None, imports: &[FIELDS], code: "(call {0})" },
    Maker {
        resource: "outgoing-request",
        of: None,
        imports: &[FIELDS, REQUEST],
        code: "(call {1} (call {0}))",
    },
    Maker {
        resource: "request-options",
        of: None,
        imports: &[(HTTP, "[constructor]request-options", "(result i32)")],
        code: "(call {0})",
    },
    // Of a request that nobody sends: the body is all that the function needs.
    Maker {
        resource: "outgoing-body",
        of: None,
        imports: &[
            FIELDS,
            REQUEST,
            (HTTP, "[method]outgoing-request.body", "(param i32 i32)"),
            (HTTP, "[resource-drop]outgoing-request", "(param i32)"),
        ],
        code: "(local.set $t (call {1} (call {0})))
          (call {2} (local.get $t) (i32.const 48))
          (call {3} (local.get $t))
          (i32.load (i32.const 52))",
    },
    Maker {
        resource: "descriptor",
        of: None,
        imports: &[ROOTS],
        code: "(call {0} (i32.const 48)) (i32.load (i32.const 512))",
    },
    // What `OF_FILES` get for a descriptor: a file `f` of 2 MiB.
    Maker {
        resource: "file",
        of: None,
        imports: &[
            ROOTS,
            (TYPES, "[method]descriptor.open-at", "(param i32 i32 i32 i32 i32 i32 i32)"),
            (TYPES, "[method]descriptor.set-size", "(param i32 i64 i32)"),
        ],
        code: "(call {0} (i32.const 48))
          (i32.store8 (i32.const 16) (i32.const 102))
          (call {1} (i32.load (i32.const 512)) (i32.const 0) (i32.const 16) (i32.const 1) (i32.const 1) (i32.const 3)
            (i32.const 48))
          (local.set $t (i32.load (i32.const 52)))
          (call {2} (local.get $t) (i64.const 2097152) (i32.const 48))
          (local.get $t)",
    },
    Maker {
        resource: "directory-entry-stream",
        of: None,
        imports: &[ROOTS, (TYPES, "[method]descriptor.read-directory", "(param i32 i32)")],
        code: "(call {0} (i32.const 48))
          (call {1} (i32.load (i32.const 512)) (i32.const 48))
          (i32.load (i32.const 52))",
    },
    bucket(&[OPEN]),
    bucket(&[OPEN_OLD]),
    Maker {
        resource: "cas",
        of: None,
        imports: &[
            OPEN,
            ("wasi:keyvalue/atomics@0.2.0-draft2", "[static]cas.new", "(param i32 i32 i32 i32)"),
            (OPEN.0, "[resource-drop]bucket", "(param i32)"),
        ],
        code: "(call {0} (i32.const 0) (i32.const 0) (i32.const 48))
          (local.set $t (i32.load (i32.const 52)))
          (call {1} (local.get $t) (i32.const 0) (i32.const 0) (i32.const 48))
          (call {2} (local.get $t))
          (i32.load (i32.const 52))",
    },
];

/// Functions whose number is a length, which has a largest, or an offset.
const LENGTHS: &[&str] = &[
    "get-random-bytes",
    "get-insecure-random-bytes",
    "[method]descriptor.read",
    "[method]descriptor.write",
    "[method]descriptor.set-size",
    "[method]descriptor.read-via-stream",
    "[method]descriptor.write-via-stream",
];

/// Methods of `descriptor` that need a file rather than the directory.
const OF_FILES: &[&str] = &[
    "[method]descriptor.read",
    "[method]descriptor.write",
    "[method]descriptor.set-size",
    "[method]descriptor.advise",
    "[method]descriptor.read-via-stream",
    "[method]descriptor.write-via-stream",
    "[method]descriptor.append-via-stream",
];

const TYPES: &str = "wasi:filesystem/types@0.2.12";
const ROOTS: (&str, &str, &str) = ("wasi:filesystem/preopens@0.2.12", "get-directories", "(param i32)");

pub(super) fn is_length(function: &str) -> bool {
    LENGTHS.contains(&function)
}

/// Where results, strings and bytes lie, and what a result that the host allocates gets.
const RESULT: u32 = 64;
/// What a small result that the host allocates gets; larger ones and texts lie behind all else.
const SMALL: u32 = 512;
const BLOB: u32 = 64 << 10;

/// The WIT of every typed function: ours from `wit/`, WASI's from this folder.
pub(crate) fn resolve() -> Resolve {
    let mut resolve = Resolve::default();
    let wit = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../wit"));
    resolve.push_dir(wit).expect("our own WIT");
    resolve.push_dir(wit.join("0.2.0")).expect("its newer version");
    resolve.push_source("wasi.wit", include_str!("wasi.wit")).expect("the WIT of WASI in this folder");
    resolve
}

/// What is known of an item of an interface.
pub(super) enum Known {
    Function,
    Resource,
    Nothing,
}

/// Looks an item up in the WIT.
pub(super) fn known(resolve: &Resolve, interface: &str, item: &str) -> Known {
    let Some(id) = interface_of(resolve, interface) else { return Known::Nothing };
    if resolve.interfaces[id].functions.contains_key(item) {
        Known::Function
    } else if resolve.interfaces[id].types.contains_key(item) {
        Known::Resource
    } else {
        Known::Nothing
    }
}

fn interface_of(resolve: &Resolve, name: &str) -> Option<InterfaceId> {
    resolve.interfaces.iter().map(|(id, _)| id).find(|id| resolve.id_of(*id).as_deref() == Some(name))
}

/// What the parameters of a function have that can be large.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Large {
    pub(super) strings: bool,
    pub(super) bytes: bool,
    pub(super) lists: bool,
}

/// Looks for what can be large in the parameters of a function.
pub(super) fn large(resolve: &Resolve, interface: &str, function: &str) -> Large {
    let mut large = Large::default();
    if let Some(id) = interface_of(resolve, interface) {
        for param in &resolve.interfaces[id].functions[function].params {
            look(resolve, &param.ty, &mut large);
        }
    }
    large
}

fn look(resolve: &Resolve, ty: &Type, large: &mut Large) {
    match ty {
        Type::String => large.strings = true,
        Type::Id(id) => match &resolve.types[*id].kind {
            TypeDefKind::List(Type::U8) => large.bytes = true,
            TypeDefKind::List(item) => {
                large.lists = true;
                look(resolve, item, large);
            }
            TypeDefKind::Record(record) => {
                record.fields.iter().for_each(|field| look(resolve, &field.ty, large));
            }
            TypeDefKind::Tuple(tuple) => tuple.types.iter().for_each(|ty| look(resolve, ty, large)),
            TypeDefKind::Option(ty) | TypeDefKind::Type(ty) => look(resolve, ty, large),
            _ => {}
        },
        _ => {}
    }
}

/// The component: `run: func()` calls the function without end.
pub(super) fn guest(
    base: &Resolve,
    interface: &str,
    function: &str,
    shape: Shape,
    (encoding, fill, _): (StringEncoding, u8, &str),
) -> Vec<u8> {
    let mut resolve = base.clone();
    let makers = MAKERS.iter().flat_map(|maker| maker.imports).map(|(interface, ..)| *interface);
    let interfaces: BTreeSet<&str> = makers.chain([interface]).collect();
    let imports: String = interfaces.iter().map(|interface| format!("import {interface};\n")).collect();
    let world = format!("package storm:guest;\nworld storm {{\n{imports}export run: func();\n}}\n");
    let package = resolve.push_source("storm.wit", &world).expect("a world");
    let world = resolve.select_world(&[package], Some("storm")).expect("the world");
    let id = interface_of(&resolve, interface).expect("an interface that is known");
    let func = resolve.interfaces[id].functions[function].clone();
    let mut sizes = SizeAlign::default();
    sizes.fill(&resolve);
    let length = is_length(function).then_some(shape.length);
    let next = BLOB + shape.bytes.next_multiple_of(8);
    let image = Image {
        resolve: &resolve,
        sizes,
        shape,
        encoding,
        length,
        next,
        data: Vec::new(),
        init: String::new(),
        handles: Vec::new(),
        inside: false,
    };
    let module = image.module(interface, &func, fill);
    let mut bytes = wat::parse_str(&module).unwrap_or_else(|error| panic!("{error}\n{module}"));
    embed_component_metadata(&mut bytes, &resolve, world, encoding).expect("metadata");
    let encoder = ComponentEncoder::default().validate(true);
    encoder.module(&bytes).and_then(|mut encoder| encoder.encode()).unwrap_or_else(|error| {
        panic!("{interface}#{function}: {error:#}\n{module}");
    })
}

/// The memory of a guest as it is being made.
struct Image<'a> {
    resolve: &'a Resolve,
    sizes: SizeAlign,
    shape: Shape,
    encoding: StringEncoding,
    /// In place of the largest number.
    length: Option<u64>,
    next: u32,
    data: Vec<(u32, Vec<u8>)>,
    /// Instructions before the loop.
    init: String,
    /// Handles by the local that holds them: the resource, its interface, and whether the call takes it.
    handles: Vec<(String, String, bool)>,
    /// Within a list of many.
    inside: bool,
}

/// A value as it lies in memory, and where in it there are handles.
#[derive(Default)]
struct Value {
    bytes: Vec<u8>,
    handles: Vec<(usize, usize)>,
}

impl Value {
    fn put(&mut self, at: usize, other: &Value) {
        if self.bytes.len() < at + other.bytes.len() {
            self.bytes.resize(at + other.bytes.len(), 0);
        }
        self.bytes[at..at + other.bytes.len()].copy_from_slice(&other.bytes);
        self.handles.extend(other.handles.iter().map(|(offset, local)| (at + offset, *local)));
    }
}

impl Image<'_> {
    fn module(mut self, interface: &str, func: &Function, fill: u8) -> String {
        let signature = self.resolve.wasm_signature(AbiVariant::GuestImport, func);
        let mut arguments = Vec::new();
        if signature.indirect_params {
            let types: Vec<Type> = func.params.iter().map(|param| param.ty).collect();
            let value = self.fields(&types, 0);
            let at = self.place(&value, 1);
            arguments.push(format!("(i32.const {at})"));
        } else {
            for param in &func.params {
                let flat = self.flat(&param.ty);
                arguments.extend(flat.into_iter().map(|(_, text)| text));
            }
        }
        if signature.retptr {
            arguments.push(format!("(i32.const {RESULT})"));
        }
        let core = |types: &[WasmType]| types.iter().map(|ty| core(*ty)).collect::<Vec<_>>().join(" ");
        let mut imports = format!(
            "(import \"{interface}\" \"{}\" (func $target (param {}) (result {})))\n",
            func.name,
            core(&signature.params),
            core(&signature.results)
        );
        // Handles that a call takes are made anew for each.
        let (mut once, mut each, mut locals) = (String::new(), String::new(), String::new());
        for (local, (resource, of, taken)) in self.handles.iter().enumerate() {
            let _ = writeln!(locals, "(local $h{local} i32)");
            let file = resource == "descriptor" && OF_FILES.contains(&func.name.as_str());
            let resource = if file { "file" } else { resource.as_str() };
            let Some(maker) = MAKERS.iter().find(|maker| maker.makes(resource, of)) else { continue };
            let mut code = maker.code.to_owned();
            for (index, (from, function, ty)) in maker.imports.iter().enumerate() {
                let _ =
                    writeln!(imports, "(import \"{from}\" \"{function}\" (func $make{local}_{index} {ty}))");
                code = code.replace(&format!("{{{index}}}"), &format!("$make{local}_{index}"));
            }
            let into = if *taken { &mut each } else { &mut once };
            let _ = writeln!(into, "(local.set $h{local} (block (result i32) {code}))");
        }
        let handle = match func.result {
            Some(Type::Id(id)) => self.handle(id).or_else(|| self.handle_of_result(id)),
            _ => None,
        };
        if let Some((resource, from, _)) = &handle {
            let _ = writeln!(
                imports,
                "(import \"{from}\" \"[resource-drop]{resource}\" (func $drop (param i32)))"
            );
        }
        let after = match (handle, signature.results.is_empty()) {
            (Some(_), false) => "(call $drop)".to_owned(),
            (None, false) => "(drop)".to_owned(),
            (Some(_), true) => format!(
                "(if (i32.eqz (i32.load8_u (i32.const {RESULT}))) (then (call $drop (i32.load (i32.const {})))))",
                RESULT + 4
            ),
            (None, true) if func.name == "get-directories" => {
                let _ = writeln!(
                    imports,
                    "(import \"{TYPES}\" \"[resource-drop]descriptor\" (func $drop (param i32)))"
                );
                format!("(call $drop (i32.load (i32.const {SMALL})))")
            }
            (None, true) => String::new(),
        };
        let data: String = self.data.iter().map(|(at, bytes)| segment(*at, bytes)).collect();
        let allocated = self.next.next_multiple_of(16);
        let pages = (allocated >> 16) + 34;
        each_once(&format!(
            r#"(module
{imports}
  (memory (export "memory") {pages})
  {data}
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
    (select (i32.const {SMALL}) (i32.const {allocated})
      (i32.and (i32.gt_u (local.get 2) (i32.const 2)) (i32.le_u (local.get 3) (i32.const 256)))))
  (func (export "run") (local $t i32)
    {locals}
    {once}
    (memory.fill (i32.const {BLOB}) (i32.const {fill}) (i32.const {}))
    {}
    (loop $again
      {each}
      (call $target {})
      {after}
      (br $again))))"#,
            self.shape.bytes,
            self.init,
            arguments.join(" ")
        ))
    }

    /// The resource of a handle, the interface that it is of, and whether it is given away.
    fn handle(&self, id: TypeId) -> Option<(String, String, bool)> {
        let (id, owned) = match &self.resolve.types[id].kind {
            TypeDefKind::Handle(Handle::Borrow(id)) => (*id, false),
            TypeDefKind::Handle(Handle::Own(id)) => (*id, true),
            TypeDefKind::Type(Type::Id(id)) => return self.handle(*id),
            _ => return None,
        };
        let mut end = id;
        while let TypeDefKind::Type(Type::Id(next)) = self.resolve.types[end].kind {
            end = next;
        }
        let wit_parser::TypeOwner::Interface(from) = self.resolve.types[end].owner else { return None };
        Some((self.resolve.types[end].name.clone()?, self.resolve.id_of(from)?, owned))
    }

    /// The handle in a result that has errors without large numbers.
    fn handle_of_result(&self, id: TypeId) -> Option<(String, String, bool)> {
        match &self.resolve.types[id].kind {
            TypeDefKind::Result(result) => match (result.ok?, result.err) {
                (Type::Id(ok), Some(_)) if self.sizes.align(&Type::Id(id)).align_wasm32() == 4 => {
                    self.handle(ok)
                }
                _ => None,
            },
            _ => None,
        }
    }

    /// Puts values of a kind one after the other into memory; gives where.
    fn place(&mut self, value: &Value, count: u32) -> u32 {
        let (at, size) = (self.next.next_multiple_of(8), u32::try_from(value.bytes.len()).expect("small"));
        self.next = at + size * count;
        self.data.push((at, value.bytes.clone()));
        for (offset, local) in &value.handles {
            let offset = at + u32::try_from(*offset).expect("small");
            let _ = writeln!(self.init, "(i32.store (i32.const {offset}) (local.get $h{local}))");
        }
        let mut done = 1;
        while done < count {
            let more = done.min(count - done);
            let _ = writeln!(
                self.init,
                "(memory.copy (i32.const {}) (i32.const {at}) (i32.const {}))",
                at + done * size,
                more * size
            );
            done += more;
        }
        at
    }

    fn text_length(&self, bytes: u32) -> u32 {
        if self.encoding == StringEncoding::UTF16 { bytes / 2 } else { bytes }
    }

    /// Pointer and length of a string or list.
    fn pair(&mut self, ty: &Type) -> (u32, u32) {
        let bytes = if self.inside { 0 } else { self.shape.bytes };
        let Type::Id(id) = ty else { return (BLOB, self.text_length(bytes)) };
        let TypeDefKind::List(item) = self.resolve.types[*id].kind.clone() else { panic!("no list: {ty:?}") };
        if item == Type::U8 {
            return (BLOB, bytes);
        }
        let count = self.shape.elements;
        let outer = std::mem::replace(&mut self.inside, count > 1);
        let value = self.value(&item);
        self.inside = outer;
        (self.place(&value, count), count)
    }

    /// A value as it lies in memory.
    fn value(&mut self, ty: &Type) -> Value {
        let size = self.sizes.size(ty).size_wasm32();
        let mut value = Value { bytes: vec![0; size], ..Value::default() };
        let number = |number: u64| number.to_le_bytes()[..size].to_vec();
        match ty {
            Type::String => value.bytes = pair_bytes(self.pair(ty)),
            Type::Bool => value.bytes = vec![1],
            Type::Char => value.bytes = number('a'.into()),
            Type::Id(id) => return self.compound(*id, value),
            _ => value.bytes = number(self.length.unwrap_or(u64::MAX)),
        }
        value
    }

    fn compound(&mut self, id: TypeId, mut value: Value) -> Value {
        if let Some(handle) = self.handle(id) {
            let local = self.local(handle);
            value.handles.push((0, local));
            return value;
        }
        match self.resolve.types[id].kind.clone() {
            TypeDefKind::List(_) => value.bytes = pair_bytes(self.pair(&Type::Id(id))),
            TypeDefKind::Type(ty) => value = self.value(&ty),
            TypeDefKind::Record(record) => {
                let types: Vec<Type> = record.fields.iter().map(|field| field.ty).collect();
                let fields = self.fields(&types, value.bytes.len());
                value = fields;
            }
            TypeDefKind::Tuple(tuple) => value = self.fields(&tuple.types, value.bytes.len()),
            TypeDefKind::Option(ty) => {
                value.bytes[0] = 1;
                let at = self.sizes.align(&ty).align_wasm32();
                let inner = self.value(&ty);
                value.put(at, &inner);
            }
            // The first case; all flags.
            TypeDefKind::Flags(flags) => {
                for index in 0..flags.flags.len() {
                    value.bytes[index / 8] |= 1 << (index % 8);
                }
            }
            TypeDefKind::Enum(_) => {}
            kind => panic!("no recipe for a {} in memory", kind.as_str()),
        }
        value
    }

    fn fields(&mut self, types: &[Type], size: usize) -> Value {
        let mut value = Value { bytes: vec![0; size], ..Value::default() };
        let offsets: Vec<usize> =
            self.sizes.field_offsets(types).into_iter().map(|(offset, _)| offset.size_wasm32()).collect();
        for (offset, ty) in offsets.into_iter().zip(types) {
            let field = self.value(ty);
            value.put(offset, &field);
        }
        value
    }

    fn local(&mut self, handle: (String, String, bool)) -> usize {
        self.handles.push(handle);
        self.handles.len() - 1
    }

    /// A value as arguments.
    fn flat(&mut self, ty: &Type) -> Vec<(WasmType, String)> {
        let int = |number: u64| vec![(WasmType::I32, format!("(i32.const {number})"))];
        match ty {
            Type::String => pair_flat(self.pair(ty)),
            Type::Bool => int(1),
            Type::U8 | Type::S8 => int(0x7f),
            Type::U16 | Type::S16 => int(0x7fff),
            Type::U32 | Type::S32 => int(0x7fff_ffff),
            Type::Char => int('a'.into()),
            Type::U64 | Type::S64 => {
                let number = self.length.unwrap_or(u64::MAX).cast_signed();
                vec![(WasmType::I64, format!("(i64.const {number})"))]
            }
            Type::F32 => vec![(WasmType::F32, "(f32.const 1)".to_owned())],
            Type::F64 => vec![(WasmType::F64, "(f64.const 1)".to_owned())],
            Type::ErrorContext => panic!("no recipe for an error context"),
            Type::Id(id) => self.flat_compound(*id),
        }
    }

    fn flat_compound(&mut self, id: TypeId) -> Vec<(WasmType, String)> {
        if let Some(handle) = self.handle(id) {
            let local = self.local(handle);
            return vec![(WasmType::I32, format!("(local.get $h{local})"))];
        }
        match self.resolve.types[id].kind.clone() {
            TypeDefKind::List(_) => pair_flat(self.pair(&Type::Id(id))),
            TypeDefKind::Type(ty) => self.flat(&ty),
            TypeDefKind::Record(record) => {
                record.fields.iter().flat_map(|field| self.flat(&field.ty)).collect()
            }
            TypeDefKind::Tuple(tuple) => tuple.types.iter().flat_map(|ty| self.flat(ty)).collect(),
            TypeDefKind::Option(ty) => {
                let mut flat = vec![(WasmType::I32, "(i32.const 1)".to_owned())];
                flat.extend(self.flat(&ty));
                flat
            }
            // The first case, and nothing in it.
            _ => {
                let mut types = [WasmType::I32; 17];
                let mut flat = FlatTypes::new(&mut types);
                assert!(self.resolve.push_flat(&Type::Id(id), &mut flat), "few enough to be arguments");
                flat.to_vec().into_iter().map(|ty| (ty, format!("({}.const 0)", core(ty)))).collect()
            }
        }
    }
}

/// Imports each function once: whatever names it a second time uses the first name.
fn each_once(module: &str) -> String {
    let (mut seen, mut text) = (BTreeMap::<String, String>::new(), String::new());
    let mut again = Vec::new();
    for line in module.lines() {
        let import = line.strip_prefix("(import ").and_then(|rest| rest.split_once(" (func "));
        let Some((key, rest)) = import else {
            let _ = writeln!(text, "{line}");
            continue;
        };
        let name: String = rest.chars().take_while(|c| !" )".contains(*c)).collect();
        match seen.get(key) {
            Some(first) => again.push((name, first.clone())),
            None => {
                seen.insert(key.to_owned(), name);
                let _ = writeln!(text, "{line}");
            }
        }
    }
    for (name, first) in again {
        text = text
            .replace(&format!("{name} "), &format!("{first} "))
            .replace(&format!("{name})"), &format!("{first})"));
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

fn pair_bytes((at, length): (u32, u32)) -> Vec<u8> {
    [at.to_le_bytes(), length.to_le_bytes()].concat()
}

fn pair_flat((at, length): (u32, u32)) -> Vec<(WasmType, String)> {
    [at, length].map(|number| (WasmType::I32, format!("(i32.const {number})"))).to_vec()
}

fn segment(at: u32, bytes: &[u8]) -> String {
    let text: String = bytes.iter().map(|byte| format!("\\{byte:02x}")).collect();
    format!("(data (i32.const {at}) \"{text}\")\n")
}

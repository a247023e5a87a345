//! The canonical ABI of types: values from memory and into it, and from flat parameters and into them.
//!
//! Every composite type has at most two functions, one that loads it from memory and one that stores it. Where a type
//! is in memory as Go has it (numbers, and lists of them), it is not copied.

use heck::ToUpperCamelCase;
use wit_parser::abi::{FlatTypes, WasmType};
use wit_parser::{Int, Resolve, Type, TypeDefKind};

use super::Generator;
use super::code::Code;
use super::names::dealias;
use super::types::{flags_type, int};

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Way {
    Load,
    Store,
}

/// A case of anything that is a discriminant and a payload.
struct Case {
    /// What Go makes of the case: NUL stands for the payload, if it has one.
    made: String,
    payload: Option<Type>,
}

/// The Go type of a core type.
pub(super) fn core(ty: WasmType) -> &'static str {
    match ty {
        WasmType::I32 | WasmType::Pointer | WasmType::Length => "uint32",
        WasmType::I64 | WasmType::PointerOrI64 => "uint64",
        WasmType::F32 => "float32",
        WasmType::F64 => "float64",
    }
}

impl Generator<'_> {
    pub(super) fn size(&self, ty: Type) -> usize {
        self.sizes.size(&ty).size_wasm32()
    }

    pub(super) fn offsets(&self, types: &[Type]) -> Vec<usize> {
        self.sizes.field_offsets(types).into_iter().map(|(offset, _)| offset.size_wasm32()).collect()
    }

    pub(super) fn variable(&mut self) -> String {
        self.variables = self.variables.saturating_add(1);
        format!("v{}", self.variables)
    }

    fn prim(&self, ty: Type) -> bool {
        !matches!(dealias(self.resolve, ty), Type::Id(_) | Type::String)
    }

    /// Whether a list of these is the same bytes in Go. What Go may hold and the host must not see is checked, so it
    /// is not.
    fn plain(&self, ty: Type, way: Way) -> bool {
        match dealias(self.resolve, ty) {
            Type::String | Type::ErrorContext => false,
            Type::Char => way == Way::Load,
            Type::Id(_) => {
                way == Way::Load
                    && matches!(self.kind(ty), Some((_, TypeDefKind::Enum(_) | TypeDefKind::Flags(_))))
            }
            _ => true,
        }
    }

    /// The parts of a record or tuple: the name of each field in Go, and its type.
    fn fields(&self, ty: Type) -> Option<Vec<(String, Type)>> {
        match self.kind(ty)?.1 {
            TypeDefKind::Record(record) => {
                Some(record.fields.iter().map(|field| (field.name.to_upper_camel_case(), field.ty)).collect())
            }
            TypeDefKind::Tuple(tuple) => {
                Some(tuple.types.iter().enumerate().map(|(index, ty)| (format!("F{index}"), *ty)).collect())
            }
            _ => None,
        }
    }

    /// The cases of a variant, option or result, and the type of the discriminant.
    fn cases(&self, ty: Type) -> Option<(Int, Vec<Case>)> {
        let (id, kind) = self.kind(ty)?;
        let go = self.go_type(ty);
        Some(match kind {
            TypeDefKind::Variant(variant) => {
                let case = |(case, name): (&wit_parser::Case, &String)| Case {
                    made: if case.ty.is_some() { format!("{name}{{\u{0}}}") } else { format!("{name}{{}}") },
                    payload: case.ty,
                };
                (variant.tag(), variant.cases.iter().zip(self.names.of_cases(id)).map(case).collect())
            }
            TypeDefKind::Option(inner) => (
                Int::U8,
                vec![
                    Case { made: "nil".to_owned(), payload: None },
                    Case { made: "&\u{0}".to_owned(), payload: Some(*inner) },
                ],
            ),
            TypeDefKind::Result(result) => {
                let ok = if result.ok.is_some() { format!("{go}{{Ok: \u{0}}}") } else { format!("{go}{{}}") };
                let err = if result.err.is_some() { "&\u{0}" } else { "&Unit{}" };
                let err = format!("{go}{{Err: {err}}}");
                (
                    Int::U8,
                    vec![Case { made: ok, payload: result.ok }, Case { made: err, payload: result.err }],
                )
            }
            _ => return None,
        })
    }

    fn payload_offset(&self, tag: Int, cases: &[Case]) -> usize {
        self.sizes.payload_offset(tag, cases.iter().map(|case| case.payload.as_ref())).size_wasm32()
    }

    /// An expression for the value at `offset` from the pointer `at`.
    pub(super) fn load(&mut self, ty: Type, at: &str, offset: usize) -> String {
        let place = place(at, offset);
        if dealias(self.resolve, ty) != Type::Bool && self.prim(ty) {
            return format!("*(*{})({place})", self.go_type(ty));
        }
        format!("{}({place})", self.loader(ty))
    }

    /// A function that loads a value from where its parameter points.
    fn loader(&mut self, ty: Type) -> String {
        let go = self.go_type(ty);
        match self.kind(ty) {
            None if dealias(self.resolve, ty) == Type::String => "abiLoadString".to_owned(),
            None | Some((_, TypeDefKind::Enum(_) | TypeDefKind::Flags(_) | TypeDefKind::Handle(_))) => {
                format!("abiLoad[{go}]")
            }
            Some((_, TypeDefKind::List(item))) if self.plain(*item, Way::Load) => {
                format!("abiLoadPlain[{}]", self.go_type(*item))
            }
            _ => self.helper(Way::Load, ty),
        }
    }

    /// The statement that stores a value at `offset` from the pointer `at`; the arena is `a`.
    pub(super) fn store(&mut self, code: &mut Code, ty: Type, at: &str, offset: usize, value: &str) {
        let place = place(at, offset);
        match dealias(self.resolve, ty) {
            Type::Char => code.line(format!("*(*uint32)({place}) = abiRune({value})")),
            _ if self.prim(ty) => code.line(format!("*(*{})({place}) = {value}", self.go_type(ty))),
            _ => {
                let storer = self.storer(ty);
                code.line(format!("{storer}(a, {place}, {value})"));
            }
        }
    }

    fn storer(&mut self, ty: Type) -> String {
        let go = self.go_type(ty);
        match self.kind(ty) {
            None => match dealias(self.resolve, ty) {
                Type::String => "abiStoreString".to_owned(),
                Type::Char => "abiStoreRune".to_owned(),
                _ => format!("abiStore[{go}]"),
            },
            Some((_, TypeDefKind::Handle(_))) => format!("abiStore[{go}]"),
            Some((_, TypeDefKind::List(item))) if self.plain(*item, Way::Store) => {
                format!("abiStorePlain[{}]", self.go_type(*item))
            }
            _ => self.helper(Way::Store, ty),
        }
    }

    /// The function for a composite type, which is written when it is first asked for.
    fn helper(&mut self, way: Way, ty: Type) -> String {
        let go = self.go_type(ty);
        let key = (way, go.clone());
        if let Some(name) = self.helpers.get(&key) {
            return name.clone();
        }
        let name = match way {
            Way::Load => format!("abiLoad{}", self.helpers.len()),
            Way::Store => format!("abiStore{}", self.helpers.len()),
        };
        self.helpers.insert(key, name.clone());
        let outer = std::mem::take(&mut self.variables);
        let mut code = Code::default();
        match way {
            Way::Load => {
                code.line(format!("func {name}(at unsafe.Pointer) {go} {{"));
                self.load_body(&mut code, ty, &go);
            }
            Way::Store => {
                code.line(format!("func {name}(a *abiArena, at unsafe.Pointer, value {go}) {{"));
                self.store_body(&mut code, ty, &go);
            }
        }
        code.line("}");
        code.line("");
        self.bodies.append(&code);
        self.variables = outer;
        name
    }

    fn load_body(&mut self, code: &mut Code, ty: Type, go: &str) {
        if let Some(fields) = self.fields(ty) {
            let types: Vec<_> = fields.iter().map(|(_, ty)| *ty).collect();
            code.line(format!("var value {go}"));
            for ((field, ty), offset) in fields.iter().zip(self.offsets(&types)) {
                let loaded = self.load(*ty, "at", offset);
                code.line(format!("value.{field} = {loaded}"));
            }
            code.line("return value");
        } else if let Some((tag, cases)) = self.cases(ty) {
            let offset = self.payload_offset(tag, &cases);
            code.line(format!("switch *(*{})(at) {{", int(tag)));
            for (index, case) in cases.iter().enumerate() {
                code.line(format!("case {index}:"));
                let made = match case.payload {
                    Some(ty) => {
                        let loaded = self.load(ty, "at", offset);
                        made(code, &case.made, "payload", &loaded)
                    }
                    None => case.made.clone(),
                };
                code.line(format!("return {made}"));
            }
            code.line("}");
            code.line(NO_SUCH_CASE);
        } else if let Some((_, TypeDefKind::List(item))) = self.kind(ty) {
            let item = *item;
            let (size, loader) = (self.size(item), self.loader(item));
            code.line(format!(
                "return abiList(*(*uint32)(at), *(*uint32)(unsafe.Add(at, 4)), {size}, {loader})"
            ));
        }
    }

    fn store_body(&mut self, code: &mut Code, ty: Type, go: &str) {
        if let Some(fields) = self.fields(ty) {
            let types: Vec<_> = fields.iter().map(|(_, ty)| *ty).collect();
            for ((field, ty), offset) in fields.iter().zip(self.offsets(&types)) {
                self.store(code, *ty, "at", offset, &format!("value.{field}"));
            }
        } else if let Some((tag, cases)) = self.cases(ty) {
            let offset = self.payload_offset(tag, &cases);
            self.switch(code, ty, "value", &cases, |generator, code, index, payload| {
                // The memory is zero already.
                if index > 0 {
                    code.line(format!("*(*{})(at) = {index}", int(tag)));
                }
                if let Some((ty, value)) = payload {
                    generator.store(code, ty, "at", offset, &value);
                }
            });
        } else {
            match self.kind(ty) {
                Some((_, TypeDefKind::List(item))) => {
                    let item = *item;
                    let (size, storer) = (self.size(item), self.storer(item));
                    code.line(format!("address, length := abiLowerList(a, value, {size}, {storer})"));
                    code.line("*(*uint32)(at) = address");
                    code.line("*(*uint32)(unsafe.Add(at, 4)) = length");
                }
                Some((_, TypeDefKind::Enum(listed))) => {
                    let (count, tag) = (listed.cases.len(), int(listed.tag()));
                    code.line(format!("*(*{tag})(at) = {tag}({})", checked("value", count, go)));
                }
                Some((_, TypeDefKind::Flags(flags))) => {
                    let (mask, repr) = (mask(flags.flags.len()), flags_type(flags));
                    code.line(format!("*(*{repr})(at) = {repr}(value) & {mask}"));
                }
                _ => {}
            }
        }
    }

    /// Writes a switch over the cases of a value. `each` writes one case, with its payload as an expression.
    fn switch(
        &mut self,
        code: &mut Code,
        ty: Type,
        value: &str,
        cases: &[Case],
        mut each: impl FnMut(&mut Self, &mut Code, usize, Option<(Type, String)>),
    ) {
        let names = match self.kind(ty) {
            Some((id, TypeDefKind::Variant(_))) => self.names.of_cases(id).to_vec(),
            _ => Vec::new(),
        };
        let result = matches!(self.kind(ty), Some((_, TypeDefKind::Result(_))));
        if names.is_empty() {
            // An option or a result: case 1 is the pointer that is not nil.
            let pointer = if result { format!("{value}.Err") } else { value.to_owned() };
            code.line(format!("if {pointer} != nil {{"));
            if let Some(case) = cases.get(1) {
                each(self, code, 1, case.payload.map(|ty| (ty, format!("(*{pointer})"))));
            }
            if result
                && let Some(case) = cases.first()
                && case.payload.is_some()
            {
                code.line_else();
                each(self, code, 0, case.payload.map(|ty| (ty, format!("{value}.Ok"))));
            }
            code.line("}");
            return;
        }
        let bound = self.variable();
        let any = cases.iter().any(|case| case.payload.is_some());
        let head = if any { format!("{bound} := ") } else { String::new() };
        code.line(format!("switch {head}{value}.(type) {{"));
        for ((index, case), name) in cases.iter().enumerate().zip(&names) {
            code.line(format!("case {name}:"));
            each(self, code, index, case.payload.map(|ty| (ty, format!("{bound}.Value"))));
        }
        code.line("default:");
        code.line(format!("panic(\"a {} is none of its cases\")", self.go_type(ty)));
        code.line("}");
    }

    /// The core types that a value is passed as.
    pub(super) fn flat(&self, ty: Type) -> Vec<WasmType> {
        let mut room = [WasmType::I32; Resolve::MAX_FLAT_PARAMS];
        let mut flat = FlatTypes::new(&mut room);
        self.resolve.push_flat(&ty, &mut flat);
        flat.to_vec()
    }

    /// An expression for the value that is passed as these core values; what needs statements goes into `code`.
    pub(super) fn lift(
        &mut self,
        code: &mut Code,
        ty: Type,
        flat: &mut dyn Iterator<Item = String>,
    ) -> String {
        let go = self.go_type(ty);
        let mut next = || flat.next().unwrap_or_default();
        let Some((_, kind)) = self.kind(ty) else {
            let first = next();
            return match dealias(self.resolve, ty) {
                Type::String => format!("abiString({first}, {})", next()),
                Type::Bool => format!("{first} != 0"),
                Type::U32 | Type::U64 | Type::F32 | Type::F64 => first,
                _ => format!("{go}({first})"),
            };
        };
        match kind {
            TypeDefKind::Enum(_) | TypeDefKind::Flags(_) | TypeDefKind::Handle(_) => {
                return format!("{go}({})", next());
            }
            TypeDefKind::List(item) => {
                let item = *item;
                let (address, length) = (next(), next());
                if self.plain(item, Way::Load) {
                    return format!("abiPlain[{}]({address}, {length})", self.go_type(item));
                }
                let (size, loader) = (self.size(item), self.loader(item));
                return format!("abiList({address}, {length}, {size}, {loader})");
            }
            _ => {}
        }
        if let Some(fields) = self.fields(ty) {
            let parts: Vec<_> =
                fields.iter().map(|(field, ty)| format!("{field}: {}", self.lift(code, *ty, flat))).collect();
            return format!("{go}{{{}}}", parts.join(", "));
        }
        let Some((_, cases)) = self.cases(ty) else { return String::new() };
        let joined: Vec<_> = self.flat(ty).into_iter().zip(flat).collect();
        let value = self.variable();
        code.line(format!("var {value} {go}"));
        let mut joined = joined.into_iter();
        let tag = joined.next().map(|(_, name)| name).unwrap_or_default();
        let joined: Vec<_> = joined.collect();
        code.line(format!("switch {tag} {{"));
        for (index, case) in cases.iter().enumerate() {
            code.line(format!("case {index}:"));
            let made = match case.payload {
                Some(ty) => {
                    let own = self.flat(ty);
                    let parts: Vec<_> = joined
                        .iter()
                        .zip(own)
                        .map(|((from, name), to)| Self::cast(name, *from, to))
                        .collect();
                    let payload = self.lift(code, ty, &mut parts.into_iter());
                    let name = self.variable();
                    made(code, &case.made, &name, &payload)
                }
                None => case.made.clone(),
            };
            code.line(format!("{value} = {made}"));
        }
        code.line("default:");
        code.line(NO_SUCH_CASE);
        code.line("}");
        value
    }

    /// Expressions for the core values that a value is passed as.
    pub(super) fn lower(&mut self, code: &mut Code, ty: Type, value: &str) -> Vec<String> {
        let go = self.go_type(ty);
        let pair = |generator: &mut Self, code: &mut Code, lowered: String| {
            let (address, length) = (generator.variable(), generator.variable());
            code.line(format!("{address}, {length} := {lowered}"));
            vec![address, length]
        };
        let Some((_, kind)) = self.kind(ty) else {
            return match dealias(self.resolve, ty) {
                Type::String => pair(self, code, format!("a.string({value})")),
                Type::Bool => vec![format!("abiBool({value})")],
                Type::Char => vec![format!("abiRune({value})")],
                Type::S64 => vec![format!("uint64({value})")],
                Type::U32 | Type::U64 | Type::F32 | Type::F64 => vec![value.to_owned()],
                _ => vec![format!("uint32({value})")],
            };
        };
        match kind {
            TypeDefKind::Enum(listed) => {
                return vec![format!("uint32({})", checked(value, listed.cases.len(), &go))];
            }
            TypeDefKind::Flags(flags) => {
                return vec![format!("uint32({value}) & {}", mask(flags.flags.len()))];
            }
            TypeDefKind::Handle(_) => return vec![format!("uint32({value})")],
            TypeDefKind::List(item) => {
                let item = *item;
                let lowered = if self.plain(item, Way::Store) {
                    format!("abiLowerPlain(a, {value})")
                } else {
                    let (size, storer) = (self.size(item), self.storer(item));
                    format!("abiLowerList(a, {value}, {size}, {storer})")
                };
                return pair(self, code, lowered);
            }
            _ => {}
        }
        if let Some(fields) = self.fields(ty) {
            return fields
                .iter()
                .flat_map(|(field, ty)| self.lower(code, *ty, &format!("{value}.{field}")))
                .collect();
        }
        let Some((_, cases)) = self.cases(ty) else { return Vec::new() };
        let joined = self.flat(ty);
        let names: Vec<_> = joined.iter().map(|_| self.variable()).collect();
        for (name, ty) in names.iter().zip(&joined) {
            code.line(format!("var {name} {}", core(*ty)));
        }
        self.switch(code, ty, value, &cases, |generator, code, index, payload| {
            if let (true, Some(tag)) = (index > 0, names.first()) {
                code.line(format!("{tag} = {index}"));
            }
            if let Some((ty, value)) = payload {
                let own = generator.flat(ty);
                let parts = generator.lower(code, ty, &value);
                for (((part, from), to), name) in
                    parts.iter().zip(own).zip(joined.iter().skip(1)).zip(names.iter().skip(1))
                {
                    let cast = Self::cast(part, from, *to);
                    code.line(format!("{name} = {cast}"));
                }
            }
        });
        names
    }

    /// The same bits as another core type: the payloads of a variant share their places.
    fn cast(value: &str, from: WasmType, to: WasmType) -> String {
        let (from, to) = (core(from), core(to));
        let math = |name: &str, value: &str| format!("math.{name}({value})");
        match (from, to) {
            ("uint32", "uint64") | ("uint64", "uint32") => format!("{to}({value})"),
            ("uint32", "float32") => math("Float32frombits", value),
            ("uint64", "float32") => math("Float32frombits", &format!("uint32({value})")),
            ("uint64", "float64") => math("Float64frombits", value),
            ("float32", "uint32") => math("Float32bits", value),
            ("float32", "uint64") => format!("uint64({})", math("Float32bits", value)),
            ("float64", "uint64") => math("Float64bits", value),
            _ => value.to_owned(),
        }
    }
}

const NO_SUCH_CASE: &str = "panic(\"the host gave a case that there is not\")";

fn place(at: &str, offset: usize) -> String {
    if offset == 0 { at.to_owned() } else { format!("unsafe.Add({at}, {offset})") }
}

/// The case with its payload; where that is pointed to, it is a variable of its own first.
fn made(code: &mut Code, case: &str, name: &str, payload: &str) -> String {
    if case.contains("&\u{0}") {
        code.line(format!("{name} := {payload}"));
        return case.replace('\u{0}', name);
    }
    case.replace('\u{0}', payload)
}

/// Writes a check of an enum's value, which panics with a message. To the host it would be an unnamed trap.
fn checked(value: &str, count: usize, go: &str) -> String {
    format!("abiCase({value}, {count}, \"{go}\")")
}

fn mask(count: usize) -> String {
    let mask =
        u32::MAX.checked_shr(32_u32.saturating_sub(u32::try_from(count).unwrap_or(32))).unwrap_or_default();
    format!("{mask:#x}")
}

//! Go types for WIT types, and their declarations.

use std::collections::BTreeSet;

use heck::ToUpperCamelCase;
use wit_parser::{Enum, Flags, FlagsRepr, Function, Handle, Int, Record, Type, TypeDefKind, TypeId, Variant};

use super::code::Code;
use super::names::dealias;
use super::{Generator, Used};

/// The form of a function's result.
pub(super) enum Form {
    Nothing,
    Value(Type),
    /// A top-level `result`: two values in Go, or one if only success is to be reported.
    Result(Option<Type>, Failure),
}

impl Form {
    /// The variable that says whether the function failed.
    pub(super) fn failure_name(&self) -> &'static str {
        match self {
            Self::Result(_, Failure::Bool) => "done",
            _ => "err",
        }
    }
}

/// How a function says that it failed.
pub(super) enum Failure {
    /// By `false`.
    Bool,
    /// By an `error`, whose text it is.
    Text,
    /// By a variant, which is an interface in Go.
    Variant(Type),
    /// By a pointer that is not nil.
    Pointer(Type),
}

impl Generator<'_> {
    pub(super) fn kind(&self, ty: Type) -> Option<(TypeId, &TypeDefKind)> {
        match dealias(self.resolve, ty) {
            Type::Id(id) => Some((id, &self.resolve.types[id].kind)),
            _ => None,
        }
    }

    pub(super) fn go_type(&self, ty: Type) -> String {
        let ty = dealias(self.resolve, ty);
        let name = match ty {
            Type::Bool => "bool",
            Type::U8 => "uint8",
            Type::U16 => "uint16",
            Type::U32 => "uint32",
            Type::U64 => "uint64",
            Type::S8 => "int8",
            Type::S16 => "int16",
            Type::S32 => "int32",
            Type::S64 => "int64",
            Type::F32 => "float32",
            Type::F64 => "float64",
            Type::Char => "rune",
            Type::String => "string",
            Type::ErrorContext | Type::Id(_) => "any",
        };
        let Type::Id(id) = ty else { return name.to_owned() };
        match &self.resolve.types[id].kind {
            TypeDefKind::List(inner) if dealias(self.resolve, *inner) == Type::U8 => "[]byte".to_owned(),
            TypeDefKind::List(inner) => format!("[]{}", self.go_type(*inner)),
            TypeDefKind::Option(inner) => format!("*{}", self.go_type(*inner)),
            TypeDefKind::Tuple(tuple) => {
                let parts: Vec<_> = tuple.types.iter().map(|ty| self.go_type(*ty)).collect();
                format!("Tuple{}[{}]", parts.len(), parts.join(", "))
            }
            TypeDefKind::Result(result) => {
                format!("Result[{}, {}]", self.payload(result.ok), self.payload(result.err))
            }
            TypeDefKind::Handle(Handle::Own(of) | Handle::Borrow(of)) => self.go_type(Type::Id(*of)),
            _ => self.names.of_type(id).to_owned(),
        }
    }

    pub(super) fn payload(&self, ty: Option<Type>) -> String {
        ty.map_or_else(|| "Unit".to_owned(), |ty| self.go_type(ty))
    }

    pub(super) fn form(&self, result: Option<Type>) -> Form {
        let Some(ty) = result else { return Form::Nothing };
        let Some((_, TypeDefKind::Result(result))) = self.kind(ty) else { return Form::Value(ty) };
        let failure = match result.err {
            None => Failure::Bool,
            Some(err) if dealias(self.resolve, err) == Type::String => Failure::Text,
            Some(err) => match self.kind(err) {
                Some((_, TypeDefKind::Variant(_))) => Failure::Variant(err),
                _ => Failure::Pointer(err),
            },
        };
        Form::Result(result.ok, failure)
    }

    pub(super) fn failure_type(&self, failure: &Failure) -> String {
        match failure {
            Failure::Bool => "bool".to_owned(),
            Failure::Text => "error".to_owned(),
            Failure::Variant(ty) => self.go_type(*ty),
            Failure::Pointer(ty) => format!("*{}", self.go_type(*ty)),
        }
    }

    /// Returns the note on a function's failure, which follows its documentation.
    pub(super) fn failure_note(&self, form: &Form) -> Option<String> {
        let Form::Result(_, failure) = form else { return None };
        Some(match failure {
            Failure::Bool => "It has failed when it gives false.".to_owned(),
            Failure::Text => {
                "It failed if the error is not nil; callers see the text of the error.".to_owned()
            }
            Failure::Variant(ty) => format!("It has failed when the {} is not nil.", self.go_type(*ty)),
            Failure::Pointer(_) => "It has failed when the pointer to the error is not nil.".to_owned(),
        })
    }

    /// The declarations of the types that functions reach.
    pub(super) fn declarations(&self, code: &mut Code, exports: &[Used<'_>], imports: &[Used<'_>]) {
        let functions = || exports.iter().chain(imports).map(|used| used.function);
        let errors: BTreeSet<String> = functions()
            .filter_map(|function| match self.form(function.result) {
                Form::Result(_, Failure::Variant(ty) | Failure::Pointer(ty)) => Some(self.go_type(ty)),
                _ => None,
            })
            .collect();
        for id in &self.names.declared {
            let def = &self.resolve.types[*id];
            let name = self.names.of_type(*id);
            let fails = errors.contains(name);
            let docs = def.docs.contents.as_deref();
            match &def.kind {
                TypeDefKind::Record(record) => self.record(code, name, docs, record, fails),
                TypeDefKind::Variant(variant) => self.variant(code, *id, docs, variant, fails),
                TypeDefKind::Enum(listed) => self.listed(code, *id, docs, listed, fails),
                TypeDefKind::Flags(flags) => self.flags(code, *id, docs, flags),
                TypeDefKind::Resource => Self::resource(code, name, docs),
                _ => {}
            }
        }
        self.generics(code, functions());
    }

    fn record(&self, code: &mut Code, name: &str, docs: Option<&str>, record: &Record, fails: bool) {
        code.docs(docs);
        code.line(format!("type {name} struct {{"));
        let fields: Vec<_> = record
            .fields
            .iter()
            .map(|field| {
                (field.name.to_upper_camel_case(), self.go_type(field.ty), field.docs.contents.as_deref())
            })
            .collect();
        // As gofmt has it: the types of fields in adjacent lines are in one column.
        for run in fields.chunk_by(|_, next| next.2.is_none()) {
            let width = run.iter().map(|(field, ..)| field.len()).max().unwrap_or_default();
            for (field, ty, docs) in run {
                code.docs(*docs);
                code.line(format!("{field:width$} {ty}"));
            }
        }
        code.line("}");
        code.line("");
        if fails && fields.iter().all(|(field, ..)| field != "Error") {
            let texts = || fields.iter().filter(|(_, ty, _)| ty == "string");
            let text = match texts().find(|(field, ..)| field == "Message").or_else(|| texts().next()) {
                Some((field, ..)) => format!("e.{field}"),
                None => format!("{name:?}"),
            };
            code.line(format!("func (e {name}) Error() string {{ return {text} }}"));
            code.line("");
        }
    }

    fn variant(&self, code: &mut Code, id: TypeId, docs: Option<&str>, variant: &Variant, fails: bool) {
        let name = self.names.of_type(id);
        let cases = self.names.of_cases(id);
        code.docs(docs);
        if docs.is_some() {
            code.line("//");
        }
        code.docs(Some(&format!("One of {}.", cases.join(", "))));
        code.line(format!("type {name} interface {{"));
        if fails {
            code.line("error");
        }
        code.line(format!("is{name}()"));
        code.line("}");
        code.line("");
        for (case, go) in variant.cases.iter().zip(cases) {
            code.docs(case.docs.contents.as_deref());
            match case.ty {
                Some(ty) => code.line(format!("type {go} struct{{ Value {} }}", self.go_type(ty))),
                None => code.line(format!("type {go} struct{{}}")),
            }
            code.line("");
            code.line(format!("func ({go}) is{name}() {{}}"));
            code.line("");
            if fails {
                let said = case.ty.and_then(|ty| match (dealias(self.resolve, ty), self.kind(ty)) {
                    (Type::String, _) => Some("e.Value"),
                    (_, Some((_, TypeDefKind::Enum(_)))) => Some("e.Value.String()"),
                    _ => None,
                });
                let text = match said {
                    Some(value) => format!("\"{}: \" + {value}", case.name),
                    None => format!("\"{}\"", case.name),
                };
                code.line(format!("func (e {go}) Error() string {{ return {text} }}"));
                code.line("");
            }
        }
    }

    fn listed(&self, code: &mut Code, id: TypeId, docs: Option<&str>, listed: &Enum, fails: bool) {
        let name = self.names.of_type(id);
        code.docs(docs);
        code.line(format!("type {name} {}", int(listed.tag())));
        code.line("");
        code.line("const (");
        for (index, (case, go)) in listed.cases.iter().zip(self.names.of_cases(id)).enumerate() {
            code.docs(case.docs.contents.as_deref());
            code.line(if index == 0 { format!("{go} {name} = iota") } else { go.clone() });
        }
        code.line(")");
        code.line("");
        code.docs(Some("String is the name that the case has in WIT."));
        code.line(format!("func (v {name}) String() string {{"));
        code.line("switch v {");
        for (case, go) in listed.cases.iter().zip(self.names.of_cases(id)) {
            code.line(format!("case {go}:"));
            code.line(format!("return \"{}\"", case.name));
        }
        code.line("}");
        code.line("return \"?\"");
        code.line("}");
        code.line("");
        if fails {
            code.line(format!("func (v {name}) Error() string {{ return v.String() }}"));
            code.line("");
        }
    }

    fn flags(&self, code: &mut Code, id: TypeId, docs: Option<&str>, flags: &Flags) {
        let name = self.names.of_type(id);
        code.docs(docs);
        if docs.is_some() {
            code.line("//");
        }
        code.docs(Some("A set: combine with |, ask with Has."));
        code.line(format!("type {name} {}", flags_type(flags)));
        code.line("");
        code.line("const (");
        for (index, (flag, go)) in flags.flags.iter().zip(self.names.of_cases(id)).enumerate() {
            code.docs(flag.docs.contents.as_deref());
            code.line(if index == 0 { format!("{go} {name} = 1 << iota") } else { go.clone() });
        }
        code.line(")");
        code.line("");
        code.docs(Some("Has says whether all of these flags are set."));
        code.line(format!("func (v {name}) Has(flags {name}) bool {{ return v&flags == flags }}"));
        code.line("");
    }

    /// The generic types and the function that the types of the world need.
    fn generics<'f>(&self, code: &mut Code, functions: impl Iterator<Item = &'f Function>) {
        let mut used = Generics::default();
        for function in functions {
            function.params.iter().for_each(|param| self.generic(param.ty, &mut used));
            match self.form(function.result) {
                Form::Nothing => {}
                Form::Value(ty) => self.generic(ty, &mut used),
                Form::Result(ok, failure) => {
                    ok.iter().for_each(|ty| self.generic(*ty, &mut used));
                    if let Failure::Variant(ty) | Failure::Pointer(ty) = failure {
                        self.generic(ty, &mut used);
                    }
                }
            }
        }
        for size in used.tuples {
            let letters: Vec<_> = (0..size).map(|index| format!("T{index}")).collect();
            code.docs(Some(&format!("Tuple{size} is a tuple.")));
            code.line(format!("type Tuple{size}[{} any] struct {{", letters.join(", ")));
            let width = letters.last().map_or(0, String::len);
            for letter in &letters {
                code.line(format!("{:width$} {letter}", letter.replace('T', "F")));
            }
            code.line("}");
            code.line("");
        }
        if used.result {
            code.docs(Some("Result is Ok, or Err if that is not nil."));
            code.line("type Result[T, E any] struct {");
            code.line("Ok  T");
            code.line("Err *E");
            code.line("}");
            code.line("");
            code.docs(Some("Unit is the Ok or Err of a Result that has none."));
            code.line("type Unit = struct{}");
            code.line("");
        }
        if used.option {
            code.docs(Some("Some is the pointer that an option with this value is."));
            code.line("func Some[T any](value T) *T { return &value }");
            code.line("");
        }
    }

    fn generic(&self, ty: Type, used: &mut Generics) {
        let Some((_, kind)) = self.kind(ty) else { return };
        match kind {
            TypeDefKind::Record(record) => {
                record.fields.iter().for_each(|field| self.generic(field.ty, used));
            }
            TypeDefKind::Tuple(tuple) => {
                used.tuples.insert(tuple.types.len());
                tuple.types.iter().for_each(|ty| self.generic(*ty, used));
            }
            TypeDefKind::Variant(variant) => {
                variant.cases.iter().filter_map(|case| case.ty).for_each(|ty| self.generic(ty, used));
            }
            TypeDefKind::Option(inner) => {
                used.option = true;
                self.generic(*inner, used);
            }
            TypeDefKind::List(inner) => self.generic(*inner, used),
            TypeDefKind::Result(result) => {
                used.result = true;
                result.ok.iter().chain(&result.err).for_each(|ty| self.generic(*ty, used));
            }
            _ => {}
        }
    }
}

#[derive(Default)]
struct Generics {
    tuples: BTreeSet<usize>,
    result: bool,
    option: bool,
}

pub(super) fn int(int: Int) -> &'static str {
    match int {
        Int::U8 => "uint8",
        Int::U16 => "uint16",
        Int::U32 => "uint32",
        Int::U64 => "uint64",
    }
}

pub(super) fn flags_type(flags: &Flags) -> &'static str {
    match flags.repr() {
        FlagsRepr::U8 => "uint8",
        FlagsRepr::U16 => "uint16",
        FlagsRepr::U32(_) => "uint32",
    }
}

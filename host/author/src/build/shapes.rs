//! The types of a contract as a table. The wrappers of Python and JavaScript check the results of tools by it.

use std::collections::BTreeMap;

use heck::{ToLowerCamelCase as _, ToShoutySnakeCase as _, ToSnakeCase as _, ToUpperCamelCase as _};
use serde_json::{Map, Value, json};
use wit_parser::{Function, InterfaceId, Resolve, Type, TypeDefKind, TypeId, WorldItem, WorldKey};

use crate::wit::Contract;

/// The naming style of a language.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Names {
    /// The names of componentize-py.
    Python,
    /// The names of componentize-js.
    JavaScript,
}

/// Python's keywords, to which componentize-py appends a `_`.
const KEYWORDS: [&str; 35] = [
    "False", "None", "True", "and", "as", "assert", "async", "await", "break", "class", "continue", "def",
    "del", "elif", "else", "except", "finally", "for", "from", "global", "if", "import", "in", "is",
    "lambda", "nonlocal", "not", "or", "pass", "raise", "return", "try", "while", "with", "yield",
];

impl Names {
    fn value(self, name: &str) -> String {
        match self {
            Self::Python => escape(name.to_snake_case()),
            Self::JavaScript => name.to_lower_camel_case(),
        }
    }

    fn ty(self, name: &str) -> String {
        match self {
            Self::Python => escape(name.to_upper_camel_case()),
            Self::JavaScript => name.to_upper_camel_case(),
        }
    }

    /// Returns the class of an interface, or of the world's own functions.
    pub(super) fn protocol(self, name: Option<&str>) -> String {
        self.ty(name.unwrap_or("wit-world"))
    }

    /// Returns the object of an interface.
    pub(super) fn interface(self, name: &str) -> String {
        self.value(name)
    }

    fn flag(self, name: &str) -> String {
        match self {
            Self::Python => name.to_shouty_snake_case(),
            Self::JavaScript => name.to_lower_camel_case(),
        }
    }
}

fn escape(name: String) -> String {
    if KEYWORDS.binary_search(&&*name).is_ok() { format!("{name}_") } else { name }
}

/// The exports of a world, and the types that check their results.
pub(super) struct Shapes {
    pub(super) exports: Vec<Export>,
    /// The table of types. A reference to a type is its index, or the name of a primitive type.
    pub(super) types: Vec<Value>,
}

/// An interface, or the functions of the world itself.
pub(super) struct Export {
    /// The name of the interface in the WIT; none for the world's own functions.
    pub(super) name: Option<String>,
    /// The name with package and version.
    pub(super) id: String,
    /// Whether each function can fail, and its types, by the function's name in the language.
    pub(super) functions: Map<String, Value>,
}

impl Shapes {
    pub(super) fn of(contract: &Contract, names: Names) -> Self {
        let resolve = &contract.resolve;
        let mut table = Table { resolve, names, places: BTreeMap::new(), types: Vec::new() };
        let mut exports = Vec::new();
        let mut own = Map::new();
        let items = resolve.worlds.get(contract.world).map(|world| &world.exports);
        for (key, item) in items.into_iter().flatten() {
            match item {
                WorldItem::Interface { id, .. } => exports.extend(table.interface(key, *id)),
                WorldItem::Function(function) => {
                    own.insert(names.value(&function.name), table.function(function));
                }
                WorldItem::Type { .. } => {}
            }
        }
        if !own.is_empty() {
            exports.push(Export { name: None, id: String::new(), functions: own });
        }
        Self { exports, types: table.types }
    }
}

struct Table<'a> {
    resolve: &'a Resolve,
    names: Names,
    /// The reference to each type.
    places: BTreeMap<TypeId, Value>,
    types: Vec<Value>,
}

impl Table<'_> {
    fn interface(&mut self, key: &WorldKey, id: InterfaceId) -> Option<Export> {
        let interface = self.resolve.interfaces.get(id)?;
        let name = match key {
            WorldKey::Name(name) => name.clone(),
            WorldKey::Interface(_) => interface.name.clone()?,
        };
        let mut functions = Map::new();
        for function in interface.functions.values() {
            functions.insert(self.names.value(&function.name), self.function(function));
        }
        Some(Export { name: Some(name), id: self.resolve.name_world_key(key), functions })
    }

    fn function(&mut self, function: &Function) -> Value {
        let named = function.result.and_then(|ty| match ty {
            Type::Id(id) => self.resolve.types.get(id),
            _ => None,
        });
        // A result under another name of its own is returned as a value.
        if let Some(TypeDefKind::Result(result)) = named.map(|ty| &ty.kind) {
            let ok = self.optional(result.ok);
            let err = self.optional(result.err);
            // Cases of a variant that could be taken for a result.
            let tags = result.ok.map(|ty| self.tags(ty)).unwrap_or_default();
            return json!({"fallible": true, "ok": ok, "err": err, "tags": tags});
        }
        json!({"fallible": false, "ok": self.optional(function.result), "err": null, "tags": []})
    }

    /// Returns the `tag`s of a value of this type in JavaScript that a result also has.
    fn tags(&self, ty: Type) -> Vec<String> {
        let own = |name: &str| name == "ok" || name == "err";
        match self.kind(ty) {
            Some(TypeDefKind::Result(_)) => vec!["ok".to_owned(), "err".to_owned()],
            Some(TypeDefKind::Variant(variant)) => {
                variant.cases.iter().map(|case| case.name.clone()).filter(|name| own(name)).collect()
            }
            Some(TypeDefKind::Record(record)) if record.fields.iter().any(|field| field.name == "tag") => {
                vec!["ok".to_owned(), "err".to_owned()]
            }
            _ => Vec::new(),
        }
    }

    /// Returns the definition of a type, behind all of its aliases.
    fn kind(&self, ty: Type) -> Option<&TypeDefKind> {
        let Type::Id(mut id) = ty else { return None };
        loop {
            match &self.resolve.types.get(id)?.kind {
                TypeDefKind::Type(Type::Id(next)) => id = *next,
                TypeDefKind::Type(_) => return None,
                kind => return Some(kind),
            }
        }
    }

    fn optional(&mut self, ty: Option<Type>) -> Value {
        ty.map_or(Value::Null, |ty| self.ty(ty))
    }

    fn ty(&mut self, ty: Type) -> Value {
        let id = match ty {
            Type::Id(id) => id,
            Type::ErrorContext => return json!("any"),
            primitive => return json!(primitive_name(primitive)),
        };
        if let Some(place) = self.places.get(&id) {
            return place.clone();
        }
        let Some(def) = self.resolve.types.get(id) else { return json!("any") };
        let entry = match &def.kind {
            TypeDefKind::Type(of) => {
                let place = self.ty(*of);
                self.places.insert(id, place.clone());
                return place;
            }
            TypeDefKind::Record(record) => {
                let names = self.names;
                let fields: Vec<Value> = record
                    .fields
                    .iter()
                    .map(|field| json!([names.value(&field.name), self.ty(field.ty)]))
                    .collect();
                json!({"is": "record", "fields": fields})
            }
            TypeDefKind::Variant(variant) => {
                let class = self.names.ty(def.name.as_deref().unwrap_or_default());
                let names = self.names;
                let cases: Vec<Value> = variant
                    .cases
                    .iter()
                    .map(|case| {
                        let name = format!("{class}_{}", names.ty(&case.name));
                        json!([case.name, name, self.optional(case.ty)])
                    })
                    .collect();
                json!({"is": "variant", "cases": cases})
            }
            TypeDefKind::Enum(of) => {
                let cases: Vec<&str> = of.cases.iter().map(|case| &*case.name).collect();
                json!({"is": "enum", "cases": cases})
            }
            TypeDefKind::Flags(of) => {
                let flags: Vec<String> = of.flags.iter().map(|flag| self.names.flag(&flag.name)).collect();
                json!({"is": "flags", "flags": flags})
            }
            TypeDefKind::Option(of) => {
                let nested = matches!(self.kind(*of), Some(TypeDefKind::Option(_)));
                json!({"is": "option", "of": self.ty(*of), "nested": nested})
            }
            TypeDefKind::Result(of) => {
                json!({"is": "result", "ok": self.optional(of.ok), "err": self.optional(of.err)})
            }
            TypeDefKind::Tuple(of) => {
                let of: Vec<Value> = of.types.iter().map(|ty| self.ty(*ty)).collect();
                json!({"is": "tuple", "of": of})
            }
            TypeDefKind::List(of) => json!({"is": "list", "of": self.ty(*of)}),
            // What no tool returns; a host refuses it.
            _ => return json!("any"),
        };
        let wit = spelt(self.resolve, ty);
        let name = def.name.as_deref().map(|name| self.names.ty(name));
        let place = json!(self.types.len());
        self.types.push(with(entry, [("wit", json!(wit)), ("name", json!(name))]));
        self.places.insert(id, place.clone());
        place
    }
}

fn with(mut entry: Value, more: [(&str, Value); 2]) -> Value {
    if let Some(members) = entry.as_object_mut() {
        members.extend(more.map(|(name, value)| (name.to_owned(), value)));
    }
    entry
}

fn primitive_name(ty: Type) -> &'static str {
    match ty {
        Type::Bool => "bool",
        Type::U8 => "u8",
        Type::U16 => "u16",
        Type::U32 => "u32",
        Type::U64 => "u64",
        Type::S8 => "s8",
        Type::S16 => "s16",
        Type::S32 => "s32",
        Type::S64 => "s64",
        Type::F32 => "f32",
        Type::F64 => "f64",
        Type::Char => "char",
        Type::String => "string",
        Type::ErrorContext | Type::Id(_) => "any",
    }
}

/// Returns a type as written in the WIT: by its name if it has one.
fn spelt(resolve: &Resolve, ty: Type) -> String {
    let Type::Id(id) = ty else { return primitive_name(ty).to_owned() };
    let Some(def) = resolve.types.get(id) else { return "any".to_owned() };
    if let Some(name) = &def.name {
        return name.clone();
    }
    let all = |types: &[Type]| types.iter().map(|ty| spelt(resolve, *ty)).collect::<Vec<_>>().join(", ");
    match &def.kind {
        TypeDefKind::Option(of) => format!("option<{}>", spelt(resolve, *of)),
        TypeDefKind::List(of) => format!("list<{}>", spelt(resolve, *of)),
        TypeDefKind::Tuple(of) => format!("tuple<{}>", all(&of.types)),
        TypeDefKind::Result(of) => match (of.ok, of.err) {
            (None, None) => "result".to_owned(),
            (Some(ok), None) => format!("result<{}>", spelt(resolve, ok)),
            (None, Some(err)) => format!("result<_, {}>", spelt(resolve, err)),
            (Some(ok), Some(err)) => format!("result<{}>", all(&[ok, err])),
        },
        TypeDefKind::Type(of) => spelt(resolve, *of),
        _ => "any".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WIT: &str = "package a:b@1.0.0;
        interface things {
            record line { %from: string, qty: option<option<u8>>, is-XML: bool }
            variant del { ok(list<u8>), raise(line) }
            flags perks { gift-wrap }
            enum %none { %true }
            type why = del;
            yield: func(x: u8) -> result<why, %none>;
            plain: func() -> tuple<perks, list<line>>;
            nothing: func();
        }
        world w { export things; export alone: func() -> u64; }";

    fn shapes(names: Names) -> Shapes {
        Shapes::of(&Contract::parse(WIT, None).expect("it parses"), names)
    }

    #[test]
    fn keywords_are_sorted() {
        assert!(KEYWORDS.is_sorted());
    }

    #[test]
    fn python_names_are_those_of_componentize_py() {
        let shapes = shapes(Names::Python);
        let [things, world] = &*shapes.exports else { panic!("two exports") };
        assert_eq!((things.name.as_deref(), &*things.id), (Some("things"), "a:b/things@1.0.0"));
        assert_eq!(things.functions.keys().collect::<Vec<_>>(), ["yield_", "plain", "nothing"]);
        assert_eq!(
            world.functions["alone"],
            json!({"fallible": false, "ok": "u64", "err": null, "tags": []})
        );
        let text = Value::from(shapes.types).to_string();
        for part in
            [r#"["from_","string"]"#, r#"["is_xml","bool"]"#, "\"Del_Raise\"", "\"GIFT_WRAP\"", "\"None_\""]
        {
            assert!(text.contains(part), "{part} in {text}");
        }
    }

    #[test]
    fn javascript_names_are_those_of_componentize_js() {
        let shapes = shapes(Names::JavaScript);
        let text = Value::from(shapes.types).to_string();
        for part in
            [r#"["from","string"]"#, r#"["isXml","bool"]"#, r#"["raise","Del_Raise","#, "\"giftWrap\""]
        {
            assert!(text.contains(part), "{part} in {text}");
        }
        // A value that has a case called `ok` is not taken for a result.
        let things = shapes.exports.first().expect("it is there");
        assert_eq!(things.functions["yield"]["tags"], json!(["ok"]));
    }

    #[test]
    fn a_type_is_in_the_table_once_and_spelt_as_in_the_wit() {
        let shapes = shapes(Names::Python);
        let wit: Vec<&str> = shapes.types.iter().filter_map(|ty| ty["wit"].as_str()).collect();
        let mut sorted = wit.clone();
        sorted.sort_unstable();
        assert_eq!(
            sorted,
            [
                "del",
                "line",
                "list<line>",
                "list<u8>",
                "none",
                "option<option<u8>>",
                "option<u8>",
                "perks",
                "tuple<perks, list<line>>"
            ]
        );
    }
}

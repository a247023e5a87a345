//! JSON Schema 2020-12 for the parameters and the result of a tool. Shared types stand once, in `$defs`.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use crate::description::{ToolDescription, ToolResult};
use crate::json::{F32_END, SAFE_INTEGER};
use crate::types::{TypeDef, TypeId, TypeTable};

/// The dialect that every schema names.
const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";

/// Returns the schema of a call's input: an object with a member for each parameter.
pub(crate) fn parameters(types: &TypeTable, tool: &ToolDescription) -> Value {
    let mut schema = Schema::new(types, tool.params.iter().map(|(_, ty)| *ty));
    let mut object = schema.object(&tool.params);
    if let Some(docs) = &tool.docs {
        describe(&mut object, &docs.parameters.0);
        if !docs.examples.is_empty()
            && let Value::Object(members) = &mut object
        {
            let inputs = docs.examples.iter().map(|example| example.input.clone());
            members.insert("examples".into(), Value::Array(inputs.collect()));
        }
    }
    schema.finish(object)
}

/// Returns the schema of a completed run's value.
pub(crate) fn result(types: &TypeTable, tool: &ToolDescription) -> Value {
    match tool.result {
        ToolResult::Nothing | ToolResult::Fallible { ok: None, .. } => schema_of(types, None),
        ToolResult::Value(ty) | ToolResult::Fallible { ok: Some(ty), .. } => schema_of(types, Some(ty)),
    }
}

/// Returns the schema of a failed run's value, or none for a tool that cannot fail.
pub(crate) fn failure(types: &TypeTable, tool: &ToolDescription) -> Option<Value> {
    match tool.result {
        ToolResult::Nothing | ToolResult::Value(_) => None,
        ToolResult::Fallible { err, .. } => Some(schema_of(types, err)),
    }
}

/// Returns the bytes of all schemas of a tool.
pub(crate) fn size(types: &TypeTable, tool: &ToolDescription) -> u64 {
    let failure = failure(types, tool).unwrap_or_default();
    let all = [parameters(types, tool), result(types, tool), failure];
    all.iter().map(|schema| schema.to_string().len() as u64).sum()
}

fn schema_of(types: &TypeTable, ty: Option<TypeId>) -> Value {
    let mut schema = Schema::new(types, ty.into_iter());
    let body = match ty {
        Some(ty) => schema.value(ty),
        None => json!({"type": "null"}),
    };
    schema.finish(body)
}

/// Returns the types that occur more than once below the roots, with a name for each.
pub(crate) fn shared(types: &TypeTable, roots: impl Iterator<Item = TypeId>) -> BTreeMap<TypeId, String> {
    let mut uses = BTreeMap::new();
    for root in roots {
        count_uses(types, root, &mut uses);
    }
    let mut names: BTreeMap<TypeId, String> = BTreeMap::new();
    let mut taken: BTreeMap<String, u32> = BTreeMap::new();
    for (ty, uses) in uses {
        if uses < 2 || is_scalar(types.get(ty)) {
            continue;
        }
        let base = types.name_of(ty).map_or_else(|| "type".to_owned(), |name| name.to_string());
        let count = taken.entry(base.clone()).or_default();
        *count = count.saturating_add(1);
        // `_` cannot stand in a WIT name, so a numbered name never meets a given one.
        let name = if *count == 1 { base } else { format!("{base}_{count}") };
        names.insert(ty, name);
    }
    names
}

struct Schema<'t> {
    types: &'t TypeTable,
    /// Types in `$defs`, with their name there.
    names: BTreeMap<TypeId, String>,
    defs: BTreeMap<String, Value>,
}

impl<'t> Schema<'t> {
    fn new(types: &'t TypeTable, roots: impl Iterator<Item = TypeId>) -> Self {
        Self { types, names: shared(types, roots), defs: BTreeMap::new() }
    }

    fn finish(self, body: Value) -> Value {
        let mut root = Map::new();
        root.insert("$schema".into(), DIALECT.into());
        match body {
            Value::Object(members) => root.extend(members),
            other => {
                root.insert("const".into(), other);
            }
        }
        if !self.defs.is_empty() {
            root.insert("$defs".into(), Value::Object(self.defs.into_iter().collect()));
        }
        Value::Object(root)
    }

    fn value(&mut self, ty: TypeId) -> Value {
        let Some(name) = self.names.get(&ty).cloned() else { return self.documented(ty) };
        if !self.defs.contains_key(&name) {
            self.defs.insert(name.clone(), Value::Null);
            let body = self.documented(ty);
            self.defs.insert(name.clone(), body);
        }
        json!({"$ref": format!("#/$defs/{name}")})
    }

    /// Returns the schema of a type with the author's texts.
    fn documented(&mut self, ty: TypeId) -> Value {
        let mut body = self.inline(ty);
        let Some(docs) = self.types.docs_of(ty) else { return body };
        let mut text = docs.description.clone().unwrap_or_default();
        match self.types.get(ty) {
            TypeDef::Record(_) => describe(&mut body, &docs.fields),
            // A case is a value and not a member, so it has no place for a text of its own.
            _ => {
                for (name, line) in &docs.fields {
                    let end = if text.is_empty() { "" } else { "\n" };
                    text = format!("{text}{end}`{name}`: {line}");
                }
            }
        }
        if let Value::Object(members) = &mut body
            && !text.is_empty()
        {
            members.insert("description".into(), text.into());
        }
        body
    }

    fn inline(&mut self, ty: TypeId) -> Value {
        match self.types.get(ty) {
            TypeDef::Bool => json!({"type": "boolean"}),
            TypeDef::S8 => integer(i8::MIN, i8::MAX),
            TypeDef::U8 => integer(u8::MIN, u8::MAX),
            TypeDef::S16 => integer(i16::MIN, i16::MAX),
            TypeDef::U16 => integer(u16::MIN, u16::MAX),
            TypeDef::S32 => integer(i32::MIN, i32::MAX),
            TypeDef::U32 => integer(u32::MIN, u32::MAX),
            TypeDef::S64 => self.long("s64", integer(i64::MIN, i64::MAX), long_pattern(true)),
            TypeDef::U64 => self.long("u64", integer(u64::MIN, u64::MAX), long_pattern(false)),
            TypeDef::F32 => {
                float(json!({"type": "number", "exclusiveMinimum": -F32_END, "exclusiveMaximum": F32_END}))
            }
            TypeDef::F64 => float(json!({"type": "number"})),
            TypeDef::Char => json!({"type": "string", "minLength": 1, "maxLength": 1}),
            TypeDef::String => json!({"type": "string"}),
            TypeDef::Bytes => json!({
                "type": "string",
                "contentEncoding": "base64",
                "pattern": "^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/][AQgw]==|[A-Za-z0-9+/]{2}[AEIMQUYcgkosw048]=)?$",
            }),
            TypeDef::List(item) => {
                let item = self.value(*item);
                json!({"type": "array", "items": item})
            }
            TypeDef::Tuple(items) => {
                let count = items.len();
                let items: Vec<Value> = items.iter().map(|item| self.value(*item)).collect();
                json!({"type": "array", "prefixItems": items, "items": false, "minItems": count, "maxItems": count})
            }
            TypeDef::Record(fields) => self.object(fields),
            TypeDef::Variant(cases) => {
                let plain: Vec<&str> =
                    cases.iter().filter(|(_, ty)| ty.is_none()).map(|(name, _)| &**name).collect();
                let mut any = Vec::new();
                if !plain.is_empty() {
                    any.push(json!({"type": "string", "enum": plain}));
                }
                for (name, ty) in cases {
                    if let Some(ty) = ty {
                        let value = self.value(*ty);
                        any.push(single(name, value));
                    }
                }
                one_of(any)
            }
            TypeDef::Enum(names) => json!({"type": "string", "enum": strs(names)}),
            TypeDef::Flags(names) => json!({
                "type": "array",
                "items": {"type": "string", "enum": strs(names)},
                "uniqueItems": true,
            }),
            TypeDef::Option(inner) => {
                let value = self.value(*inner);
                let some = if self.types.nullable(*inner) { single("some", value) } else { value };
                one_of(vec![json!({"type": "null"}), some])
            }
            TypeDef::Result(ok, err) => {
                let mut side = |name, ty: &Option<TypeId>| {
                    let value = ty.map_or_else(|| json!({"type": "null"}), |ty| self.value(ty));
                    single(name, value)
                };
                let (ok, err) = (side("ok", ok), side("error", err));
                one_of(vec![ok, err])
            }
        }
    }

    fn object(&mut self, fields: &[(Arc<str>, TypeId)]) -> Value {
        let properties: Map<String, Value> =
            fields.iter().map(|(name, ty)| (name.to_string(), self.value(*ty))).collect();
        let required: Vec<&str> =
            fields.iter().filter(|(_, ty)| !self.types.nullable(*ty)).map(|(name, _)| &**name).collect();
        json!({"type": "object", "properties": properties, "required": required, "additionalProperties": false})
    }

    /// Returns a reference to a 64-bit integer: its schema is long, so it is always in `$defs`. The name has a `_`,
    /// which no WIT name has.
    fn long(&mut self, name: &str, number: Value, pattern: String) -> Value {
        let name = format!("wit_{name}");
        let body = json!({
            "description": format!(
                "an integer, as a number or a decimal string; results beyond ±{SAFE_INTEGER} are strings"
            ),
            "anyOf": [number, {"type": "string", "pattern": pattern}],
        });
        self.defs.entry(name.clone()).or_insert(body);
        json!({"$ref": format!("#/$defs/{name}")})
    }
}

/// Adds texts to the members of an object's schema. Beside a `$ref` a description is the member's own.
fn describe(object: &mut Value, texts: &BTreeMap<String, String>) {
    let Some(Value::Object(properties)) = object.pointer_mut("/properties") else { return };
    for (name, text) in texts {
        if let Some(Value::Object(property)) = properties.get_mut(name) {
            property.insert("description".into(), text.clone().into());
        }
    }
}

fn count_uses(types: &TypeTable, ty: TypeId, uses: &mut BTreeMap<TypeId, u32>) {
    let count = uses.entry(ty).or_default();
    *count = count.saturating_add(1);
    if *count > 1 {
        return;
    }
    match types.get(ty) {
        TypeDef::List(item) | TypeDef::Option(item) => count_uses(types, *item, uses),
        TypeDef::Tuple(items) => items.iter().for_each(|item| count_uses(types, *item, uses)),
        TypeDef::Record(fields) => fields.iter().for_each(|(_, ty)| count_uses(types, *ty, uses)),
        TypeDef::Variant(cases) => {
            cases.iter().filter_map(|(_, ty)| *ty).for_each(|ty| count_uses(types, ty, uses));
        }
        TypeDef::Result(ok, err) => {
            [ok, err].into_iter().flatten().for_each(|ty| count_uses(types, *ty, uses));
        }
        TypeDef::Bool
        | TypeDef::S8
        | TypeDef::U8
        | TypeDef::S16
        | TypeDef::U16
        | TypeDef::S32
        | TypeDef::U32
        | TypeDef::S64
        | TypeDef::U64
        | TypeDef::F32
        | TypeDef::F64
        | TypeDef::Char
        | TypeDef::String
        | TypeDef::Bytes
        | TypeDef::Enum(_)
        | TypeDef::Flags(_) => {}
    }
}

/// Returns whether a type's schema is as short as a reference to it.
fn is_scalar(def: &TypeDef) -> bool {
    match def {
        TypeDef::Bool
        | TypeDef::S8
        | TypeDef::U8
        | TypeDef::S16
        | TypeDef::U16
        | TypeDef::S32
        | TypeDef::U32
        | TypeDef::S64
        | TypeDef::U64
        | TypeDef::F32
        | TypeDef::F64
        | TypeDef::Char
        | TypeDef::String => true,
        TypeDef::Bytes
        | TypeDef::List(_)
        | TypeDef::Tuple(_)
        | TypeDef::Record(_)
        | TypeDef::Variant(_)
        | TypeDef::Enum(_)
        | TypeDef::Flags(_)
        | TypeDef::Option(_)
        | TypeDef::Result(..) => false,
    }
}

fn integer<T: serde::Serialize>(min: T, max: T) -> Value {
    json!({"type": "integer", "minimum": min, "maximum": max})
}

fn float(number: Value) -> Value {
    json!({"anyOf": [number, {"type": "string", "enum": ["NaN", "Infinity", "-Infinity"]}]})
}

fn single(name: &str, value: Value) -> Value {
    json!({"type": "object", "properties": {name: value}, "required": [name], "additionalProperties": false})
}

fn one_of(mut schemas: Vec<Value>) -> Value {
    if schemas.len() == 1 { schemas.swap_remove(0) } else { json!({"anyOf": schemas}) }
}

fn strs(names: &[Arc<str>]) -> Vec<&str> {
    names.iter().map(|name| &**name).collect()
}

/// Returns the pattern of canonical decimal strings of 64-bit integers.
fn long_pattern(signed: bool) -> String {
    if signed {
        let positive = up_to("9223372036854775807");
        let negative = up_to("9223372036854775808");
        format!("^(0|{positive}|-({negative}))$")
    } else {
        format!("^(0|{})$", up_to("18446744073709551615"))
    }
}

/// Returns the pattern of decimal strings from 1 to `max`, without leading zeros.
fn up_to(max: &str) -> String {
    let shorter = max.len().saturating_sub(2);
    let mut alternatives = vec![format!("[1-9][0-9]{{0,{shorter}}}")];
    for (at, digit) in max.char_indices() {
        let least = if at == 0 { '1' } else { '0' };
        let Some(below) = digit.to_digit(10).and_then(|digit| digit.checked_sub(1)) else { continue };
        let Some(below) = char::from_digit(below, 10).filter(|below| *below >= least) else { continue };
        let (prefix, rest) = max.split_at(at);
        let rest = rest.len().saturating_sub(1);
        alternatives.push(format!("{prefix}[{least}-{below}][0-9]{{{rest}}}"));
    }
    alternatives.push(max.to_owned());
    alternatives.join("|")
}

//! Schemas in the dialects of agents' clients: all except the exact one.
//!
//! Clients convert a schema into types of their own, and each supports another part of JSON Schema. The schema of an
//! input uses the part that all support. It is narrower than what the host accepts, and wider only by bounds that stand
//! in the text. The schema of a result accepts every value that the host writes, because clients check results and drop
//! invalid ones.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::description::{ToolDescription, ToolResult};
use crate::json::SAFE_INTEGER;
use crate::schema;
use crate::spelling;
use crate::style::{Bounds, Cases, Dialect, Null, OUTPUT, Objects, SchemaStyle, Side};
use crate::types::{TypeDef, TypeId, TypeTable};

/// Returns the schema of a call's input.
pub(crate) fn parameters(types: &TypeTable, tool: &ToolDescription, style: SchemaStyle) -> Value {
    let exact = schema::parameters(types, tool);
    let Some(dialect) = style.dialect() else { return exact };
    let roots = || tool.params.iter().map(|(_, ty)| *ty);
    build(types, dialect, &exact, roots, |builder| {
        let mut object = builder.object(&tool.params, true);
        if let Some(docs) = &tool.docs {
            builder.describe(&mut object, &docs.parameters.0);
        }
        object
    })
}

/// Returns the schema of a completed run's value.
pub(crate) fn result(types: &TypeTable, tool: &ToolDescription, style: SchemaStyle) -> Value {
    let exact = schema::result(types, tool);
    match tool.result {
        _ if style == SchemaStyle::Exact => exact,
        ToolResult::Nothing | ToolResult::Fallible { ok: None, .. } => output(types, None, &exact),
        ToolResult::Value(ty) | ToolResult::Fallible { ok: Some(ty), .. } => output(types, Some(ty), &exact),
    }
}

/// Returns the schema of a failed run's value, or none for a tool that cannot fail.
pub(crate) fn failure(types: &TypeTable, tool: &ToolDescription, style: SchemaStyle) -> Option<Value> {
    let exact = schema::failure(types, tool)?;
    match tool.result {
        _ if style == SchemaStyle::Exact => Some(exact),
        ToolResult::Nothing | ToolResult::Value(_) => None,
        ToolResult::Fallible { err, .. } => Some(output(types, err, &exact)),
    }
}

fn output(types: &TypeTable, ty: Option<TypeId>, exact: &Value) -> Value {
    let Some(ty) = ty else { return json!({"type": "null"}) };
    build(types, &OUTPUT, exact, || std::iter::once(ty), |builder| builder.value(ty))
}

/// Maximum bytes of a schema without `$defs`, however often a type occurs.
const INLINE: u64 = 8 << 10;

/// Maximum ratio of such a schema to the exact one, so that the cap on exact schemas applies here too.
const GROWTH: u64 = 4;

/// Number of a tuple's items that its description names.
const NAMED_ITEMS: usize = 12;

/// Builds a schema without references, or with `$defs` where it would be too long.
fn build<I: Iterator<Item = TypeId>>(
    types: &TypeTable,
    dialect: &Dialect,
    exact: &Value,
    roots: impl Fn() -> I,
    body: impl Fn(&mut Builder<'_>) -> Value,
) -> Value {
    let room = (exact.to_string().len() as u64).saturating_mul(GROWTH).min(INLINE);
    let mut inline =
        Builder { types, dialect, room: Some(room), names: BTreeMap::new(), defs: BTreeMap::new() };
    let schema = body(&mut inline);
    // The room bounds the work; what it comes to as text is more.
    if inline.room.is_some() && schema.to_string().len() as u64 <= room {
        return schema;
    }
    let names = schema::shared(types, roots());
    let mut builder = Builder { types, dialect, room: Some(u64::MAX), names, defs: BTreeMap::new() };
    let mut schema = body(&mut builder);
    if let Value::Object(members) = &mut schema
        && !builder.defs.is_empty()
    {
        members.insert("$defs".into(), Value::Object(builder.defs.into_iter().collect()));
    }
    schema
}

struct Builder<'t> {
    types: &'t TypeTable,
    dialect: &'t Dialect,
    /// Remaining bytes; none once they were too few.
    room: Option<u64>,
    /// Types in `$defs`, with their name there.
    names: BTreeMap<TypeId, String>,
    defs: BTreeMap<String, Value>,
}

impl Builder<'_> {
    fn spend(&mut self, bytes: usize) {
        self.room = self.room.and_then(|room| room.checked_sub(bytes as u64));
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

    /// Returns the schema of a type, for input with the author's texts. Schemas of results have none: clients check
    /// results by them and seldom show them to a model, and texts are half of a list.
    fn documented(&mut self, ty: TypeId) -> Value {
        // About what a node without a name takes.
        self.spend(16);
        if self.room.is_none() {
            return Value::Null;
        }
        let mut body = self.inline(ty);
        let types = self.types;
        let Some(docs) = types.docs_of(ty).filter(|_| self.dialect.side == Side::Input) else { return body };
        let mut text = docs.description.clone().unwrap_or_default();
        if body.get("properties").is_some() {
            self.describe(&mut body, &docs.fields);
        } else {
            for (name, line) in &docs.fields {
                let end = if text.is_empty() { "" } else { "\n" };
                text = format!("{text}{end}`{name}`: {line}");
            }
        }
        self.note(&mut body, &text);
        body
    }

    fn inline(&mut self, ty: TypeId) -> Value {
        let types = self.types;
        match types.get(ty) {
            TypeDef::Bool => json!({"type": "boolean"}),
            TypeDef::S8 => self.integer(i8::MIN, i8::MAX),
            TypeDef::U8 => self.integer(u8::MIN, u8::MAX),
            TypeDef::S16 => self.integer(i16::MIN, i16::MAX),
            TypeDef::U16 => self.integer(u16::MIN, u16::MAX),
            TypeDef::S32 => self.integer(i32::MIN, i32::MAX),
            TypeDef::U32 => self.integer(u32::MIN, u32::MAX),
            TypeDef::S64 => self.long(true),
            TypeDef::U64 => self.long(false),
            // Infinities and NaN are strings.
            TypeDef::F32 | TypeDef::F64 if self.dialect.side == Side::Output => {
                union(vec![json!({"type": "number"}), json!({"type": "string"})])
            }
            TypeDef::F32 | TypeDef::F64 => json!({"type": "number"}),
            TypeDef::Char if self.dialect.side == Side::Input => {
                json!({"type": "string", "description": "one character"})
            }
            TypeDef::Char | TypeDef::String => json!({"type": "string"}),
            TypeDef::Bytes => json!({"type": "string", "description": "base64"}),
            TypeDef::List(item) => {
                let item = self.value(*item);
                json!({"type": "array", "items": item})
            }
            TypeDef::Tuple(items) => self.tuple(items),
            TypeDef::Record(fields) => self.object(fields, false),
            TypeDef::Variant(cases) => {
                let cases: Vec<(&str, Option<TypeId>)> =
                    cases.iter().map(|(name, ty)| (&**name, *ty)).collect();
                self.variant(&cases)
            }
            TypeDef::Enum(names) => self.strings(names.iter().map(|name| &**name)),
            TypeDef::Flags(names) => {
                let items = self.strings(names.iter().map(|name| &**name));
                match self.dialect.side {
                    Side::Input => {
                        json!({"type": "array", "items": items, "description": "each at most once"})
                    }
                    Side::Output => json!({"type": "array", "items": items}),
                }
            }
            TypeDef::Option(inner) => {
                let some = self.some(*inner);
                match self.dialect.null {
                    Null::Keyword => nullable(some),
                    Null::Member | Null::Union => union(vec![some, json!({"type": "null"})]),
                }
            }
            TypeDef::Result(ok, err) => match self.dialect.cases {
                Cases::Members => self.members(&[("ok", *ok), ("error", *err)]),
                Cases::Union => {
                    let mut side = |name, ty: &Option<TypeId>| {
                        let value = ty.map_or_else(|| json!({"type": "null"}), |ty| self.value(ty));
                        self.single(name, value)
                    };
                    let (ok, err) = (side("ok", ok), side("error", err));
                    union(vec![ok, err])
                }
            },
        }
    }

    /// Returns the schema of a present option's value.
    fn some(&mut self, inner: TypeId) -> Value {
        let value = self.value(inner);
        if self.types.nullable(inner) { self.single("some", value) } else { value }
    }

    /// Returns an object with these members. In the input itself (`root`) parameters are never references.
    fn object(&mut self, fields: &[(Arc<str>, TypeId)], root: bool) -> Value {
        let types = self.types;
        let (mut properties, mut required) = (Map::new(), Vec::new());
        for (name, ty) in fields {
            let name = self.spelled(name);
            // The name may stand twice, and some signs stand around it.
            self.spend(name.len().saturating_mul(2).saturating_add(8));
            let (value, must) = match types.get(*ty) {
                TypeDef::Option(inner) => {
                    let some = if root && !types.nullable(*inner) {
                        self.documented(*inner)
                    } else {
                        self.some(*inner)
                    };
                    (self.absent(some, root), self.dialect.objects == Objects::Whole)
                }
                _ if root => (self.documented(*ty), true),
                _ => (self.value(*ty), true),
            };
            if must {
                required.push(name.clone());
            }
            properties.insert(name, value);
        }
        let mut object = json!({"type": "object", "properties": properties});
        if let Value::Object(members) = &mut object {
            if root || !required.is_empty() {
                members.insert("required".into(), required.into());
            }
            self.close(members);
        }
        object
    }

    /// Returns the schema of an optional member. For a parameter (`root`) the list of required members tells all
    /// clients.
    fn absent(&self, some: Value, root: bool) -> Value {
        match self.dialect.null {
            // What is absent is not written.
            _ if self.dialect.side == Side::Output => some,
            Null::Keyword => nullable(some),
            Null::Member if some.get("type").is_some() => {
                let mut some = nullable(some);
                if let Value::Object(members) = &mut some
                    && !root
                {
                    members.insert("default".into(), Value::Null);
                }
                some
            }
            Null::Member | Null::Union => union(vec![some, json!({"type": "null"})]),
        }
    }

    fn variant(&mut self, cases: &[(&str, Option<TypeId>)]) -> Value {
        let plain: Vec<&str> = cases.iter().filter(|(_, ty)| ty.is_none()).map(|(name, _)| *name).collect();
        if plain.len() == cases.len() {
            return self.strings(plain.into_iter());
        }
        if self.dialect.cases == Cases::Members {
            return self.members(cases);
        }
        let mut any = Vec::new();
        if !plain.is_empty() {
            any.push(self.strings(plain.into_iter()));
        }
        for (name, ty) in cases {
            if let Some(ty) = ty {
                let value = self.value(*ty);
                any.push(self.single(name, value));
            }
        }
        union(any)
    }

    /// Returns the cases as members of one object, of which one must be present.
    fn members(&mut self, cases: &[(&str, Option<TypeId>)]) -> Value {
        if let [(name, Some(ty))] = cases {
            let value = self.value(*ty);
            return self.single(name, value);
        }
        let mut properties = Map::new();
        for (name, ty) in cases {
            let name = self.spelled(name);
            self.spend(name.len().saturating_add(32));
            let value = ty.map_or_else(|| json!({"type": "boolean"}), |ty| self.value(ty));
            properties.insert(name, self.absent(value, false));
        }
        json!({"type": "object", "properties": properties, "description": "exactly one member"})
    }

    /// Returns an object with one member.
    fn single(&mut self, name: &str, value: Value) -> Value {
        let name = self.spelled(name);
        self.spend(name.len().saturating_mul(2).saturating_add(48));
        let mut object = json!({"type": "object", "properties": {&*name: value}, "required": [name]});
        if let Value::Object(members) = &mut object {
            self.close(members);
        }
        object
    }

    fn close(&self, object: &mut Map<String, Value>) {
        if matches!(self.dialect.objects, Objects::Closed | Objects::Whole) {
            object.insert("additionalProperties".into(), false.into());
        }
    }

    fn tuple(&mut self, items: &[TypeId]) -> Value {
        let (count, mut distinct) = (items.len(), Vec::new());
        for item in items {
            let item = self.value(*item);
            if !distinct.contains(&item) {
                distinct.push(item);
            }
        }
        let mut text = format!("exactly {count} items");
        if distinct.len() > 1 {
            let mut words: Vec<&str> = items.iter().take(NAMED_ITEMS).map(|item| self.word(*item)).collect();
            if count > NAMED_ITEMS {
                words.push("…");
            }
            text = format!("{text}: {}", words.join(", "));
        }
        self.spend(text.len());
        let mut array = json!({"type": "array", "items": union(distinct), "description": text});
        if let Value::Object(members) = &mut array
            && self.dialect.bounds == Bounds::Keywords
        {
            members.insert("minItems".into(), count.into());
            members.insert("maxItems".into(), count.into());
        }
        array
    }

    /// Describes a value in one word.
    fn word(&self, ty: TypeId) -> &str {
        if let Some(name) = self.types.name_of(ty) {
            return name;
        }
        match self.types.get(ty) {
            TypeDef::Bool => "boolean",
            TypeDef::S8
            | TypeDef::U8
            | TypeDef::S16
            | TypeDef::U16
            | TypeDef::S32
            | TypeDef::U32
            | TypeDef::S64
            | TypeDef::U64 => "integer",
            TypeDef::F32 | TypeDef::F64 => "number",
            TypeDef::Char | TypeDef::String | TypeDef::Bytes | TypeDef::Enum(_) => "string",
            TypeDef::List(_) | TypeDef::Tuple(_) | TypeDef::Flags(_) => "array",
            TypeDef::Record(_) | TypeDef::Variant(_) | TypeDef::Result(..) => "object",
            TypeDef::Option(inner) => self.word(*inner),
        }
    }

    fn strings<'a>(&mut self, names: impl Iterator<Item = &'a str>) -> Value {
        let names: Vec<&str> = names.collect();
        self.spend(
            names.iter().fold(0, |bytes: usize, name| bytes.saturating_add(name.len()).saturating_add(3)),
        );
        json!({"type": "string", "enum": names})
    }

    fn integer<T: Serialize + fmt::Display>(&self, min: T, max: T) -> Value {
        match self.dialect.bounds {
            // A value that is there needs no bounds.
            _ if self.dialect.side == Side::Output => json!({"type": "integer"}),
            Bounds::Keywords => json!({"type": "integer", "minimum": min, "maximum": max}),
            Bounds::Text => json!({"type": "integer", "description": format!("{min} to {max}")}),
        }
    }

    /// Returns the schema of a 64-bit integer. Beyond 2^53 − 1 the host writes text. A number there loses digits in
    /// many clients, so the schema describes none.
    fn long(&self, signed: bool) -> Value {
        if self.dialect.side == Side::Output {
            return union(vec![json!({"type": "integer"}), json!({"type": "string"})]);
        }
        let most = i64::try_from(SAFE_INTEGER).unwrap_or(i64::MAX);
        let mut schema = self.integer(if signed { most.saturating_neg() } else { 0 }, most);
        self.note(&mut schema, "pass larger values as a decimal string");
        schema
    }

    /// Returns a member's name in the dialect.
    fn spelled(&self, name: &str) -> String {
        match self.dialect.side {
            Side::Input => spelling::portable(name).into_owned(),
            Side::Output => name.to_owned(),
        }
    }

    /// Adds texts to the members of an object's schema.
    fn describe(&mut self, object: &mut Value, texts: &BTreeMap<String, String>) {
        for (name, text) in texts {
            self.spend(text.len());
            let name = self.spelled(name);
            let properties = object.pointer_mut("/properties").and_then(Value::as_object_mut);
            if let Some(property) = properties.and_then(|properties| properties.get_mut(&name)) {
                self.note(property, text);
            }
        }
    }

    /// Puts a text before the description of a schema.
    fn note(&self, schema: &mut Value, text: &str) {
        if text.is_empty() {
            return;
        }
        // Beside a reference some clients lose it.
        if schema.get("$ref").is_some() {
            *schema = json!({"anyOf": [schema.take()]});
        }
        if let Value::Object(members) = schema {
            let text = match members.get("description").and_then(Value::as_str) {
                Some(said) => format!("{text}\n{said}"),
                None => text.to_owned(),
            };
            members.insert("description".into(), text.into());
        }
    }
}

/// Returns the schema extended by null.
fn nullable(mut schema: Value) -> Value {
    if schema.get("$ref").is_some() {
        schema = json!({"anyOf": [schema]});
    }
    if let Value::Object(members) = &mut schema {
        members.insert("nullable".into(), true.into());
    }
    schema
}

/// Returns the union of schemas. It inlines a schema that is only a union itself.
fn union(schemas: Vec<Value>) -> Value {
    let mut flat = Vec::new();
    for schema in schemas {
        match schema {
            Value::Object(mut members) if members.len() == 1 && members.contains_key("anyOf") => {
                if let Some(Value::Array(inner)) = members.remove("anyOf") {
                    flat.extend(inner);
                }
            }
            other => flat.push(other),
        }
    }
    if flat.len() == 1 { flat.swap_remove(0) } else { json!({"anyOf": flat}) }
}

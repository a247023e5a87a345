//! Value types of a skill's tools, in one table for each skill. It has each type once, so that shared types stay shared.
//!
//! A type determines its JSON (`json`), its schema (`schema`), its WIT text, and the maximum memory of the host while
//! it lifts a result.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::sync::Arc;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::spelling;

/// Identifies a type in its [`TypeTable`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) struct TypeId(u32);

/// A value type of WIT. Its parts are ids.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) enum TypeDef {
    Bool,
    S8,
    U8,
    S16,
    U16,
    S32,
    U32,
    S64,
    U64,
    F32,
    F64,
    Char,
    String,
    /// `list<u8>`
    Bytes,
    List(TypeId),
    Tuple(Vec<TypeId>),
    Record(Vec<(Arc<str>, TypeId)>),
    Variant(Vec<(Arc<str>, Option<TypeId>)>),
    Enum(Vec<Arc<str>>),
    Flags(Vec<Arc<str>>),
    Option(TypeId),
    Result(Option<TypeId>, Option<TypeId>),
}

impl TypeDef {
    /// Returns the parts of the type, one level down.
    fn parts(&self) -> Vec<TypeId> {
        match self {
            Self::Bool
            | Self::S8
            | Self::U8
            | Self::S16
            | Self::U16
            | Self::S32
            | Self::U32
            | Self::S64
            | Self::U64
            | Self::F32
            | Self::F64
            | Self::Char
            | Self::String
            | Self::Bytes
            | Self::Enum(_)
            | Self::Flags(_) => Vec::new(),
            Self::List(part) | Self::Option(part) => vec![*part],
            Self::Tuple(parts) => parts.clone(),
            Self::Record(fields) => fields.iter().map(|(_, part)| *part).collect(),
            Self::Variant(cases) => cases.iter().filter_map(|(_, part)| *part).collect(),
            Self::Result(ok, err) => [*ok, *err].into_iter().flatten().collect(),
        }
    }
}

/// All types of a skill.
#[derive(Debug, Clone, Default)]
pub(crate) struct TypeTable {
    defs: Vec<TypeDef>,
    ids: HashMap<TypeDef, TypeId>,
    names: HashMap<u32, Arc<str>>,
    docs: BTreeMap<u32, TypeDocs>,
    bounds: Vec<Bounds>,
    /// Members, cases or flags by name, for types with many of them.
    members: HashMap<TypeId, HashMap<Arc<str>, usize>>,
}

/// The author's texts on a type. Untrusted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TypeDocs {
    #[serde(default)]
    pub(crate) description: Option<String>,
    /// Texts by the name of the field, case or flag.
    #[serde(default)]
    pub(crate) fields: BTreeMap<String, String>,
}

/// Maximum depth of a type, as in the validator; a type without parts has depth 1. Code recurses into types and relies
/// on it.
const DEPTH: u32 = 100;

/// Number of names from which a type has an index of them.
const MANY: usize = 9;

/// Bounds of a value's memory in the host, relative to its JSON.
///
/// For every value: bytes that the engine charges for lifting it ≤ `fixed` + `ratio` × JSON bytes.
#[derive(Debug, Clone, Copy, Default)]
struct Bounds {
    /// Minimum bytes of JSON.
    json: u64,
    /// Maximum bytes charged outside of lists and strings.
    fixed: u64,
    /// Maximum bytes charged for each byte of JSON.
    ratio: u64,
}

/// Bytes that the engine charges for one `Val`.
const VAL: u64 = size_of::<wasmtime::component::Val>() as u64;

impl TypeTable {
    /// Returns the id of `def`, whose parts must be in this table.
    pub(crate) fn intern(&mut self, def: TypeDef) -> TypeId {
        if let Some(id) = self.ids.get(&def) {
            return *id;
        }
        let id = TypeId(u32::try_from(self.defs.len()).unwrap_or(u32::MAX));
        self.bounds.push(self.bounds_of(&def));
        let index = index_of(&def);
        if index.len() >= MANY {
            self.members.insert(id, index);
        }
        self.defs.push(def.clone());
        self.ids.insert(def, id);
        id
    }

    /// Sets the exported name of a type; the first name stays.
    pub(crate) fn name(&mut self, id: TypeId, name: &str) {
        self.names.entry(id.0).or_insert_with(|| name.into());
    }

    /// Sets the texts of a type. Two types of one shape are one type here. If their texts differ, the type has none,
    /// since either would be wrong for one of them.
    pub(crate) fn document(&mut self, id: TypeId, docs: TypeDocs) {
        let said = self.docs.entry(id.0).or_insert_with(|| docs.clone());
        if *said != docs {
            *said = TypeDocs::default();
        }
    }

    /// Returns the author's texts on a type.
    pub(crate) fn docs_of(&self, id: TypeId) -> Option<&TypeDocs> {
        self.docs.get(&id.0)
    }

    pub(crate) fn get(&self, id: TypeId) -> &TypeDef {
        // Ids come from this table, which only grows.
        self.defs.get(id.0 as usize).unwrap_or(&TypeDef::Bool)
    }

    /// Returns the position of a member, case or flag by its name.
    pub(crate) fn position(&self, id: TypeId, name: &str) -> Option<usize> {
        if let Some(index) = self.members.get(&id) {
            return index.get(name).copied();
        }
        match self.get(id) {
            TypeDef::Record(fields) => fields.iter().position(|(known, _)| **known == *name),
            TypeDef::Variant(cases) => cases.iter().position(|(known, _)| **known == *name),
            TypeDef::Enum(names) | TypeDef::Flags(names) => names.iter().position(|known| **known == *name),
            _ => None,
        }
    }

    /// Returns the position of a member or case by its name in either spelling.
    pub(crate) fn member(&self, id: TypeId, key: &str) -> Option<usize> {
        if let Some(at) = self.position(id, key) {
            return Some(at);
        }
        if self.members.contains_key(&id) {
            // The index has the second spelling of long names beside the first.
            return self.position(id, &spelling::original(key)?);
        }
        match self.get(id) {
            TypeDef::Record(fields) => fields.iter().position(|(known, _)| spelling::is(known, key)),
            TypeDef::Variant(cases) => cases.iter().position(|(known, _)| spelling::is(known, key)),
            _ => None,
        }
    }

    /// Returns whether the table has a type of that id.
    pub(crate) fn has(&self, id: TypeId) -> bool {
        (id.0 as usize) < self.defs.len()
    }

    pub(crate) fn name_of(&self, id: TypeId) -> Option<&Arc<str>> {
        self.names.get(&id.0)
    }

    /// Returns whether `null` is a value of this type.
    pub(crate) fn nullable(&self, id: TypeId) -> bool {
        matches!(self.get(id), TypeDef::Option(_))
    }

    /// Returns the maximum bytes that the engine charges for lifting a value with `json` bytes of JSON.
    pub(crate) fn lift_bound(&self, id: TypeId, json: u64) -> u64 {
        let bounds = self.bound(id);
        bounds.fixed.saturating_add(bounds.ratio.saturating_mul(json))
    }

    fn bound(&self, id: TypeId) -> Bounds {
        self.bounds.get(id.0 as usize).copied().unwrap_or_default()
    }

    fn bounds_of(&self, def: &TypeDef) -> Bounds {
        let len = |name: &Arc<str>| name.len() as u64;
        let scalar = |json| Bounds { json, fixed: 0, ratio: 0 };
        match def {
            TypeDef::Bool => scalar(4),
            TypeDef::S8 | TypeDef::U8 | TypeDef::S16 | TypeDef::U16 => scalar(1),
            TypeDef::S32 | TypeDef::U32 | TypeDef::S64 | TypeDef::U64 => scalar(1),
            TypeDef::F32 | TypeDef::F64 => scalar(1),
            TypeDef::Char => scalar(3),
            // UTF-16 is charged at two bytes a unit and may come out as one byte of JSON.
            TypeDef::String => Bounds { json: 2, fixed: 0, ratio: 2 },
            // Base64 writes four bytes for three elements.
            TypeDef::Bytes => Bounds { json: 2, fixed: VAL * 3, ratio: VAL },
            // n items charge n × (VAL + theirs) and write 1 + n × (theirs + 1) bytes. With `fixed` and
            // `ratio` of an item, the ratio below holds for the shortest item and so for every other.
            TypeDef::List(item) => {
                let item = self.bound(*item);
                let shortest = item.ratio.saturating_mul(item.json).saturating_add(item.fixed);
                let ratio = shortest.saturating_add(VAL).div_ceil(item.json.saturating_add(1));
                Bounds { json: 2, fixed: 0, ratio: ratio.max(item.ratio) }
            }
            TypeDef::Tuple(items) => {
                let bounds: Vec<_> = items.iter().map(|item| self.bound(*item)).collect();
                let json = bounds.iter().fold(1, |n: u64, b| n.saturating_add(b.json).saturating_add(1));
                product(json, bounds.iter().map(|b| (0, *b)))
            }
            TypeDef::Record(fields) => {
                let bounds: Vec<_> = fields.iter().map(|(n, ty)| (n, *ty, self.bound(*ty))).collect();
                let json =
                    bounds.iter().filter(|(_, ty, _)| !self.nullable(*ty)).fold(1, |n: u64, (name, _, b)| {
                        n.saturating_add(len(name)).saturating_add(4).saturating_add(b.json)
                    });
                product(json, bounds.iter().map(|(name, _, b)| (len(name), *b)))
            }
            TypeDef::Variant(cases) => sum(cases.iter().map(|(name, ty)| {
                let inner = ty.map(|ty| self.bound(ty)).unwrap_or_default();
                (len(name).saturating_add(2), len(name), inner)
            })),
            TypeDef::Enum(names) => {
                sum(names.iter().map(|name| (len(name).saturating_add(2), len(name), Bounds::default())))
            }
            TypeDef::Flags(names) => Bounds {
                json: 2,
                fixed: names.iter().fold(0, |n: u64, name| n.saturating_add(len(name)).saturating_add(VAL)),
                ratio: 0,
            },
            TypeDef::Option(ty) => {
                let inner = self.bound(*ty);
                sum([(4, 0, Bounds::default()), (inner.json, 0, inner)].into_iter())
            }
            TypeDef::Result(ok, err) => sum([ok, err].into_iter().map(|ty| {
                let inner = ty.map(|ty| self.bound(ty)).unwrap_or_default();
                (7, 0, inner)
            })),
        }
    }
}

/// The stored form of a table: the types in their order, and their names.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct KeptTypes {
    defs: Vec<TypeDef>,
    names: Vec<(u32, Arc<str>)>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    docs: BTreeMap<u32, TypeDocs>,
}

impl Serialize for TypeTable {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut names: Vec<_> = self.names.iter().map(|(id, name)| (*id, Arc::clone(name))).collect();
        names.sort();
        KeptTypes { defs: self.defs.clone(), names, docs: self.docs.clone() }.serialize(serializer)
    }
}

/// Accepts only tables as validation makes them: a type comes after its parts, none comes twice, none is too deep. Only
/// for that reason recursion into a type ends, and ids are unique.
impl<'de> Deserialize<'de> for TypeTable {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let kept = KeptTypes::deserialize(deserializer)?;
        let mut table = Self::default();
        let mut depths: Vec<u32> = Vec::new();
        for def in kept.defs {
            let mut below = 0;
            for part in def.parts() {
                let depth = depths.get(part.0 as usize).ok_or_else(|| D::Error::custom(Unsound::Order))?;
                below = below.max(*depth);
            }
            let depth = below.saturating_add(1);
            if depth > DEPTH {
                return Err(D::Error::custom(Unsound::Depth));
            }
            if table.intern(def).0 as usize != depths.len() {
                return Err(D::Error::custom(Unsound::Twice));
            }
            depths.push(depth);
        }
        for (id, name) in kept.names {
            if !table.has(TypeId(id)) {
                return Err(D::Error::custom(Unsound::Name));
            }
            table.name(TypeId(id), &name);
        }
        for (id, docs) in kept.docs {
            if !table.has(TypeId(id)) {
                return Err(D::Error::custom(Unsound::Name));
            }
            table.document(TypeId(id), docs);
        }
        Ok(table)
    }
}

/// Why stored types are not those of a skill.
#[derive(Debug, thiserror::Error)]
enum Unsound {
    #[error("a type refers to a type that does not come before it")]
    Order,
    #[error("types are nested more than {DEPTH} levels deep")]
    Depth,
    #[error("a type occurs twice")]
    Twice,
    #[error("a name or description belongs to no type")]
    Name,
}

fn index_of(def: &TypeDef) -> HashMap<Arc<str>, usize> {
    let index = |names: &mut dyn Iterator<Item = &Arc<str>>| names.cloned().zip(0..).collect();
    match def {
        TypeDef::Record(fields) => members_of(fields.iter().map(|(name, _)| name)),
        TypeDef::Variant(cases) => members_of(cases.iter().map(|(name, _)| name)),
        TypeDef::Enum(names) | TypeDef::Flags(names) => index(&mut names.iter()),
        _ => HashMap::new(),
    }
}

/// Returns positions by name. Long names also have their second spelling, which cannot be reversed.
fn members_of<'a>(names: impl Iterator<Item = &'a Arc<str>>) -> HashMap<Arc<str>, usize> {
    let mut index = HashMap::new();
    for (name, at) in names.zip(0..) {
        index.insert(Arc::clone(name), at);
        if spelling::is_long(name) {
            index.insert(spelling::portable(name).into(), at);
        }
    }
    index
}

/// Returns the bounds of a type with all of its parts; each part comes with the bytes charged for its name.
fn product(json: u64, parts: impl Iterator<Item = (u64, Bounds)>) -> Bounds {
    parts.fold(Bounds { json: json.max(2), fixed: 0, ratio: 0 }, |all, (name, part)| Bounds {
        json: all.json,
        fixed: all.fixed.saturating_add(VAL).saturating_add(name).saturating_add(part.fixed),
        ratio: all.ratio.max(part.ratio),
    })
}

/// Returns the bounds of a type with one of its parts; each comes with its minimum JSON and the bytes of its name.
fn sum(parts: impl Iterator<Item = (u64, u64, Bounds)>) -> Bounds {
    let mut all = Bounds { json: u64::MAX, fixed: 0, ratio: 0 };
    for (json, name, part) in parts {
        all.json = all.json.min(json);
        all.fixed = all.fixed.max(VAL.saturating_add(name).saturating_add(part.fixed));
        all.ratio = all.ratio.max(part.ratio);
    }
    if all.json == u64::MAX {
        all.json = 2;
    }
    all
}

/// Maximum bytes of a signature's WIT text. A longer one is cut, so that shared types cannot inflate it.
const SIGNATURE_BYTES: usize = 4096;

impl TypeTable {
    /// Returns `name: func(…) -> …` in WIT, cut at 4 KiB.
    pub(crate) fn signature(
        &self,
        name: &str,
        params: &[(Arc<str>, TypeId)],
        result: Option<TypeId>,
    ) -> String {
        let mut out = format!("{name}: func(");
        for (i, (name, ty)) in params.iter().enumerate() {
            if i > 0 {
                out.push_str(", ");
            }
            let _ = write!(out, "{name}: ");
            self.write_wit(&mut out, *ty);
        }
        out.push(')');
        if let Some(ty) = result {
            out.push_str(" -> ");
            self.write_wit(&mut out, ty);
        }
        if out.len() > SIGNATURE_BYTES {
            out.truncate(out.floor_char_boundary(SIGNATURE_BYTES));
            out.push('…');
        }
        out
    }

    fn write_wit(&self, out: &mut String, id: TypeId) {
        if out.len() > SIGNATURE_BYTES {
            return;
        }
        if let Some(name) = self.name_of(id) {
            out.push_str(name);
            return;
        }
        self.write_body(out, id);
    }

    /// Returns the WIT text of a type, written out even if it has a name, and cut at `bytes`.
    pub(crate) fn text(&self, id: TypeId, bytes: usize) -> String {
        let mut out = String::new();
        self.write_body(&mut out, id);
        crate::text::clean(&out, bytes)
    }

    fn write_body(&self, out: &mut String, id: TypeId) {
        match self.get(id) {
            TypeDef::Bool => out.push_str("bool"),
            TypeDef::S8 => out.push_str("s8"),
            TypeDef::U8 => out.push_str("u8"),
            TypeDef::S16 => out.push_str("s16"),
            TypeDef::U16 => out.push_str("u16"),
            TypeDef::S32 => out.push_str("s32"),
            TypeDef::U32 => out.push_str("u32"),
            TypeDef::S64 => out.push_str("s64"),
            TypeDef::U64 => out.push_str("u64"),
            TypeDef::F32 => out.push_str("f32"),
            TypeDef::F64 => out.push_str("f64"),
            TypeDef::Char => out.push_str("char"),
            TypeDef::String => out.push_str("string"),
            TypeDef::Bytes => out.push_str("list<u8>"),
            TypeDef::List(item) => self.write_wrapped(out, "list", &[Some(*item)]),
            TypeDef::Tuple(items) => {
                let items: Vec<_> = items.iter().copied().map(Some).collect();
                self.write_wrapped(out, "tuple", &items);
            }
            TypeDef::Option(item) => self.write_wrapped(out, "option", &[Some(*item)]),
            TypeDef::Result(None, None) => out.push_str("result"),
            TypeDef::Result(ok, None) => self.write_wrapped(out, "result", &[*ok]),
            TypeDef::Result(ok, err) => self.write_wrapped(out, "result", &[*ok, *err]),
            TypeDef::Record(fields) => {
                self.write_block(out, "record", fields.iter().map(|(name, ty)| (name, Some(*ty))), ": ", "");
            }
            TypeDef::Variant(cases) => {
                self.write_block(out, "variant", cases.iter().map(|(name, ty)| (name, *ty)), "(", ")");
            }
            TypeDef::Enum(names) => self.write_block(out, "enum", names.iter().map(|n| (n, None)), "", ""),
            TypeDef::Flags(names) => self.write_block(out, "flags", names.iter().map(|n| (n, None)), "", ""),
        }
    }

    fn write_wrapped(&self, out: &mut String, outer: &str, items: &[Option<TypeId>]) {
        let _ = write!(out, "{outer}<");
        for (i, item) in items.iter().enumerate() {
            if i > 0 {
                out.push_str(", ");
            }
            match item {
                Some(ty) => self.write_wit(out, *ty),
                None => out.push('_'),
            }
        }
        out.push('>');
    }

    fn write_block<'a>(
        &self,
        out: &mut String,
        kind: &str,
        parts: impl Iterator<Item = (&'a Arc<str>, Option<TypeId>)>,
        open: &str,
        close: &str,
    ) {
        let _ = write!(out, "{kind} {{ ");
        for (i, (name, ty)) in parts.enumerate() {
            if i > 0 {
                out.push_str(", ");
            }
            if out.len() > SIGNATURE_BYTES {
                break;
            }
            out.push_str(name);
            if let Some(ty) = ty {
                out.push_str(open);
                self.write_wit(out, ty);
                out.push_str(close);
            }
        }
        out.push_str(" }");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(defs: &str, names: &str) -> Result<TypeTable, String> {
        let text = format!(r#"{{"defs":{defs},"names":{names}}}"#);
        serde_json::from_str(&text).map_err(|error| error.to_string())
    }

    #[test]
    fn stored_types_keep_their_ids() {
        let mut table = TypeTable::default();
        let text = table.intern(TypeDef::String);
        let pair = table.intern(TypeDef::Tuple(vec![text, text]));
        let list = table.intern(TypeDef::List(pair));
        table.name(pair, "pair");
        let kept = serde_json::to_string(&table).expect("plain data");
        let again: TypeTable = serde_json::from_str(&kept).expect("what was written");
        assert_eq!(serde_json::to_string(&again).expect("plain data"), kept);
        assert_eq!(again.text(list, 100), table.text(list, 100));
        assert!(again.has(list) && !again.has(TypeId(3)));
    }

    #[test]
    fn stored_types_that_validation_never_makes_are_refused() {
        for (defs, names, why) in [
            // Cycles, of one and of two; a part that comes later; one that never comes.
            (r#"[{"List":0}]"#, "[]", "does not come before"),
            (r#"[{"List":1},{"List":0}]"#, "[]", "does not come before"),
            (r#"[{"Option":1},"Bool"]"#, "[]", "does not come before"),
            (r#"["Bool",{"Tuple":[0,7]}]"#, "[]", "does not come before"),
            (r#"["Bool",{"Record":[["a",0],["b",2]]}]"#, "[]", "does not come before"),
            (r#"["Bool",{"Variant":[["a",null],["b",2]]}]"#, "[]", "does not come before"),
            (r#"["Bool",{"Result":[null,1]}]"#, "[]", "does not come before"),
            // All ids after it would be one less than they are written.
            (r#"["Bool","Bool","String"]"#, "[]", "occurs twice"),
            (r#"["Bool"]"#, r#"[[1,"nothing"]]"#, "belongs to no type"),
        ] {
            let refused = read(defs, names).expect_err(defs);
            assert!(refused.contains(why), "{defs}: {refused}");
        }
    }

    #[test]
    fn stored_types_are_read_up_to_the_validators_depth() {
        let chain = |levels: usize| {
            let lists: Vec<String> =
                (1..levels).map(|level| format!(r#"{{"List":{}}}"#, level - 1)).collect();
            read(&format!(r#"["Bool",{}]"#, lists.join(",")), "[]")
        };
        assert!(chain(100).is_ok());
        assert!(chain(101).expect_err("too deep").contains("more than 100 levels deep"));
    }
}

//! Finds the tools of a component among its exports: names, parameter and result types, or refusals.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use wasmparser::component_types::{
    ComponentDefinedType, ComponentDefinedTypeId, ComponentEntityType, ComponentFuncTypeId, ComponentValType,
};
use wasmparser::types::TypesRef;
use wasmparser::{ComponentExternalKind, PrimitiveValType};

use super::refusals::Refusals;
use crate::description::{ToolDescription, ToolResult};
use crate::error::Refusal;
use crate::limits::SkillCaps;
use crate::types::{TypeDef, TypeId, TypeTable};

/// Maximum characters of a tool name, as in MCP.
const NAME_CAP: usize = 128;

/// The tools of a skill, in the order of its exports, and their types.
pub(super) struct Exports {
    pub(super) tools: Vec<ToolDescription>,
    pub(super) types: TypeTable,
    pub(super) named: Vec<NamedType>,
}

/// A type with its exported name.
pub(super) struct NamedType {
    /// `interface_type`; the same as the name for a type at the top level.
    pub(super) full_name: String,
    pub(super) name: String,
    pub(super) ty: TypeId,
}

/// Reads the exports named in `names`; adds a refusal for each that cannot be a tool.
pub(super) fn read(
    types: TypesRef<'_>,
    names: &[(String, ComponentExternalKind)],
    caps: &SkillCaps,
    refusals: &mut Refusals,
) -> Exports {
    let mut reader = Reader {
        types,
        table: TypeTable::default(),
        known: HashMap::new(),
        budget: caps.type_nodes,
        found: Vec::new(),
        count: 0,
        cap: caps.tools,
        named: Vec::new(),
    };
    for (name, _) in names {
        let Some(item) = types.component_item_for_export(name) else { continue };
        match item.ty {
            ComponentEntityType::Func(func) => {
                if !is_initialiser(types, name, func, names.len()) {
                    reader.find(None, name, func);
                }
            }
            ComponentEntityType::Instance(instance) if !name.starts_with("wasi:") => {
                let Some(instance) = types.get(instance) else { continue };
                let interface: Arc<str> = name.as_str().into();
                // Named types first: a signature is written with the names it is exported beside.
                for (export, item) in &instance.exports {
                    reader.name_type(Some(name), export, &item.ty);
                }
                for (export, item) in &instance.exports {
                    if let ComponentEntityType::Func(func) = item.ty {
                        // componentize-py exports an instance `exports` with its initialiser.
                        if !(name == "exports" && export == "init") {
                            reader.find(Some(&interface), export, func);
                        }
                    }
                }
            }
            ComponentEntityType::Type { .. } => reader.name_type(None, name, &item.ty),
            ComponentEntityType::Instance(_)
            | ComponentEntityType::Module(_)
            | ComponentEntityType::Value(_)
            | ComponentEntityType::Component(_) => {}
        }
    }
    let count = reader.count;
    if count > caps.tools.into() {
        refusals.push(Refusal::OverCap { what: "exported functions", value: count, cap: caps.tools.into() });
        reader.found.clear();
    } else if count == 0 {
        let hint = if names.iter().any(|(name, _)| name.starts_with("wasi:")) {
            "; exports of `wasi:*` interfaces are not tools; build a library with its own world instead of a command"
        } else {
            ""
        };
        refusals.push(Refusal::NothingExported { hint });
    }
    let tools = reader.tools(caps, refusals);
    Exports { tools, types: reader.table, named: reader.named }
}

/// The bare export `init` of componentize-js's QuickJS back end, beside the author's functions.
fn is_initialiser(types: TypesRef<'_>, name: &str, func: ComponentFuncTypeId, exports: usize) -> bool {
    name == "init"
        && exports > 1
        && types.get(func).is_some_and(|func| func.params.is_empty() && func.result.is_none())
}

struct Found {
    interface: Option<Arc<str>>,
    function: String,
    func: ComponentFuncTypeId,
}

impl Found {
    /// `interface#function`, as error messages name it.
    fn export(&self) -> String {
        match &self.interface {
            Some(interface) => format!("{interface}#{}", self.function),
            None => self.function.clone(),
        }
    }

    fn full_name(&self) -> String {
        full_name(self.interface.as_deref(), &self.function)
    }
}

/// `interface_name`, where `ns:pkg/iface@1.0.0` is called `iface`; at the top level the name itself.
fn full_name(interface: Option<&str>, name: &str) -> String {
    let Some(interface) = interface else { return name.to_owned() };
    let path = interface.split_once('@').map_or(interface, |(path, _)| path);
    let short = path.rsplit_once('/').map_or(path, |(_, short)| short);
    format!("{short}_{name}")
}

struct Reader<'a> {
    types: TypesRef<'a>,
    table: TypeTable,
    known: HashMap<ComponentDefinedTypeId, TypeId>,
    /// Remaining type nodes.
    budget: u32,
    found: Vec<Found>,
    /// Number of functions, including those beyond the cap.
    count: u64,
    cap: u32,
    named: Vec<NamedType>,
}

/// Why a type cannot be in a tool's signature.
enum Unfit {
    Kind(&'static str),
    TooMany,
}

impl Reader<'_> {
    fn find(&mut self, interface: Option<&Arc<str>>, function: &str, func: ComponentFuncTypeId) {
        self.count = self.count.saturating_add(1);
        if self.count <= self.cap.into() {
            self.found.push(Found { interface: interface.cloned(), function: function.to_owned(), func });
        }
    }

    fn tools(&mut self, caps: &SkillCaps, refusals: &mut Refusals) -> Vec<ToolDescription> {
        let found = std::mem::take(&mut self.found);
        let mut bare: BTreeMap<String, u32> = BTreeMap::new();
        for tool in &found {
            let count = bare.entry(tool.function.to_lowercase()).or_default();
            *count = count.saturating_add(1);
        }
        let mut taken: BTreeMap<String, String> = BTreeMap::new();
        let mut tools = Vec::new();
        for tool in &found {
            let full = tool.full_name();
            let unique = bare.get(&tool.function.to_lowercase()) == Some(&1);
            let name = if unique { tool.function.clone() } else { full.clone() };
            // A validator takes a function under the name of an interface; agents take no such name of a tool.
            if !tool.function.starts_with('[')
                && !tool.function.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            {
                refusals.push(Refusal::ToolName { name: crate::text::clean(&tool.function, 128) });
                continue;
            }
            for name in if name == full { vec![&full] } else { vec![&name, &full] } {
                let length = name.chars().count();
                if length > NAME_CAP {
                    let name = crate::text::clean(name, 64);
                    refusals.push(Refusal::NameTooLong { name, length, cap: NAME_CAP });
                }
                // Kebab-case allows words in capitals: names that differ in nothing else collide.
                if let Some(first) = taken.insert(name.to_lowercase(), tool.export()) {
                    refusals.push(Refusal::NameCollision {
                        name: name.clone(),
                        first,
                        second: tool.export(),
                    });
                }
            }
            match self.signature(tool) {
                Ok((params, result)) => tools.push(ToolDescription {
                    name: name.as_str().into(),
                    full_name: full.as_str().into(),
                    interface: tool.interface.clone(),
                    function: tool.function.as_str().into(),
                    params,
                    result,
                    docs: None,
                }),
                Err(Some(refusal)) => refusals.push(refusal),
                Err(None) => {
                    let cap = u64::from(caps.type_nodes);
                    let value = cap.saturating_add(1);
                    refusals.push(Refusal::OverCap {
                        what: "or more type nodes in its signatures",
                        value,
                        cap,
                    });
                    break;
                }
            }
        }
        tools
    }

    /// Reads the parameters and the result of a function; `Err(None)` if it has too many types.
    #[expect(clippy::type_complexity, reason = "one use, read at once")]
    fn signature(&mut self, tool: &Found) -> Result<(Vec<(Arc<str>, TypeId)>, ToolResult), Option<Refusal>> {
        let refuse = |kind, place: String| {
            Some(Refusal::Signature { function: crate::text::clean(&tool.export(), 256), kind, place })
        };
        let Some(func) = self.types.get(tool.func) else { return Err(refuse("type", "signature".into())) };
        if func.async_ {
            return Err(refuse("async lift", "the function".into()));
        }
        let mut params = Vec::with_capacity(func.params.len());
        for (name, ty) in &func.params {
            match self.value(*ty) {
                Ok(ty) => params.push((Arc::from(name.as_str()), ty)),
                Err(Unfit::Kind(kind)) => return Err(refuse(kind, format!("parameter `{name}`"))),
                Err(Unfit::TooMany) => return Err(None),
            }
        }
        let result = match func.result.map(|ty| self.value(ty)) {
            None => ToolResult::Nothing,
            Some(Ok(ty)) => match self.table.get(ty) {
                TypeDef::Result(ok, err) => ToolResult::Fallible { whole: ty, ok: *ok, err: *err },
                _ => ToolResult::Value(ty),
            },
            Some(Err(Unfit::Kind(kind))) => return Err(refuse(kind, "the result".into())),
            Some(Err(Unfit::TooMany)) => return Err(None),
        };
        Ok((params, result))
    }

    /// Remembers the name under which a value type is exported.
    fn name_type(&mut self, interface: Option<&str>, name: &str, ty: &ComponentEntityType) {
        if let ComponentEntityType::Type { created, .. } = ty
            && let wasmparser::component_types::ComponentAnyTypeId::Defined(id) = created
            && let Ok(ty) = self.value(ComponentValType::Type(*id))
            && matches!(
                self.table.get(ty),
                TypeDef::Record(_) | TypeDef::Variant(_) | TypeDef::Enum(_) | TypeDef::Flags(_)
            )
        {
            self.table.name(ty, name);
            self.named.push(NamedType { full_name: full_name(interface, name), name: name.to_owned(), ty });
        }
    }

    fn value(&mut self, ty: ComponentValType) -> Result<TypeId, Unfit> {
        match ty {
            ComponentValType::Primitive(primitive) => self.primitive(primitive),
            ComponentValType::Type(id) => {
                if let Some(known) = self.known.get(&id) {
                    return Ok(*known);
                }
                let known = self.defined(id)?;
                self.known.insert(id, known);
                Ok(known)
            }
        }
    }

    fn primitive(&mut self, primitive: PrimitiveValType) -> Result<TypeId, Unfit> {
        let def = match primitive {
            PrimitiveValType::Bool => TypeDef::Bool,
            PrimitiveValType::S8 => TypeDef::S8,
            PrimitiveValType::U8 => TypeDef::U8,
            PrimitiveValType::S16 => TypeDef::S16,
            PrimitiveValType::U16 => TypeDef::U16,
            PrimitiveValType::S32 => TypeDef::S32,
            PrimitiveValType::U32 => TypeDef::U32,
            PrimitiveValType::S64 => TypeDef::S64,
            PrimitiveValType::U64 => TypeDef::U64,
            PrimitiveValType::F32 => TypeDef::F32,
            PrimitiveValType::F64 => TypeDef::F64,
            PrimitiveValType::Char => TypeDef::Char,
            PrimitiveValType::String => TypeDef::String,
            PrimitiveValType::ErrorContext => return Err(Unfit::Kind("error-context")),
        };
        Ok(self.table.intern(def))
    }

    /// Reads a type. The validator bounds its depth (100 levels), the budget its width.
    fn defined(&mut self, id: ComponentDefinedTypeId) -> Result<TypeId, Unfit> {
        let Some(ty) = self.types.get(id) else { return Err(Unfit::Kind("unknown type")) };
        let width = match ty {
            ComponentDefinedType::Record(record) => record.fields.len(),
            ComponentDefinedType::Variant(variant) => variant.cases.len(),
            ComponentDefinedType::Tuple(tuple) => tuple.types.len(),
            ComponentDefinedType::Flags(names) | ComponentDefinedType::Enum(names) => names.len(),
            _ => 1,
        };
        let cost = u32::try_from(width.saturating_add(1)).unwrap_or(u32::MAX);
        self.budget = self.budget.checked_sub(cost).ok_or(Unfit::TooMany)?;
        let def = match ty {
            ComponentDefinedType::Primitive(primitive) => return self.primitive(*primitive),
            ComponentDefinedType::List { element, .. } => match self.value(*element)? {
                item if *self.table.get(item) == TypeDef::U8 => TypeDef::Bytes,
                item => TypeDef::List(item),
            },
            ComponentDefinedType::Tuple(tuple) => {
                TypeDef::Tuple(tuple.types.iter().map(|ty| self.value(*ty)).collect::<Result<_, _>>()?)
            }
            ComponentDefinedType::Record(record) => TypeDef::Record(
                record
                    .fields
                    .iter()
                    .map(|(name, ty)| Ok((Arc::from(name.as_str()), self.value(*ty)?)))
                    .collect::<Result<_, _>>()?,
            ),
            ComponentDefinedType::Variant(variant) => TypeDef::Variant(
                variant
                    .cases
                    .iter()
                    .map(|(name, case)| {
                        Ok((Arc::from(name.as_str()), case.ty.map(|ty| self.value(ty)).transpose()?))
                    })
                    .collect::<Result<_, _>>()?,
            ),
            ComponentDefinedType::Enum(names) => {
                TypeDef::Enum(names.iter().map(|n| n.as_str().into()).collect())
            }
            ComponentDefinedType::Flags(names) => {
                TypeDef::Flags(names.iter().map(|n| n.as_str().into()).collect())
            }
            ComponentDefinedType::Option { ty, .. } => TypeDef::Option(self.value(*ty)?),
            ComponentDefinedType::Result { ok, err, .. } => TypeDef::Result(
                ok.map(|ty| self.value(ty)).transpose()?,
                err.map(|ty| self.value(ty)).transpose()?,
            ),
            ComponentDefinedType::Own(_) | ComponentDefinedType::Borrow(_) => {
                return Err(Unfit::Kind("resource"));
            }
            ComponentDefinedType::Future { .. } => return Err(Unfit::Kind("future")),
            ComponentDefinedType::Stream { .. } => return Err(Unfit::Kind("stream")),
            ComponentDefinedType::Map { .. } => return Err(Unfit::Kind("map")),
            ComponentDefinedType::FixedLengthList { .. } => return Err(Unfit::Kind("fixed-length list")),
        };
        Ok(self.table.intern(def))
    }
}

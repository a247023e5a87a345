//! Which Go name each type and function of the world has.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use heck::{ToLowerCamelCase, ToUpperCamelCase};
use wit_parser::{Handle, Resolve, Type, TypeDefKind, TypeId, TypeOwner, WorldId};

use super::{Used, check};

/// Words that are no names in Go.
const KEYWORDS: &[&str] = &[
    "break",
    "case",
    "chan",
    "const",
    "continue",
    "default",
    "defer",
    "else",
    "fallthrough",
    "for",
    "func",
    "go",
    "goto",
    "if",
    "import",
    "interface",
    "map",
    "package",
    "range",
    "return",
    "select",
    "struct",
    "switch",
    "type",
    "var",
];

/// Names that generated function bodies use, and that a parameter could hide.
const USED: &[&str] = &[
    "a", "any", "at", "bool", "byte", "done", "err", "error", "float32", "float64", "int16", "int32",
    "int64", "int8", "math", "nil", "ok", "panic", "ret", "rune", "string", "uint16", "uint32", "uint64",
    "uint8", "unsafe",
];

pub(super) struct Names {
    taken: BTreeSet<String>,
    types: HashMap<TypeId, String>,
    /// The Go name of each case of a variant, an enum or flags.
    cases: HashMap<TypeId, Vec<String>>,
    /// By module and function.
    functions: BTreeMap<(Option<String>, String), String>,
    /// The named types, in the order of their declaration.
    pub(super) declared: Vec<TypeId>,
}

impl Names {
    pub(super) fn new(resolve: &Resolve, world: WorldId, exports: &[Used<'_>], imports: &[Used<'_>]) -> Self {
        let reserved = ["Skill", "Exports", "Result", "Unit", "Some"];
        let mut names = Self {
            taken: reserved.into_iter().map(str::to_owned).collect(),
            types: HashMap::new(),
            cases: HashMap::new(),
            functions: BTreeMap::new(),
            declared: Vec::new(),
        };
        // Exports first, so that it is their types which have the short names.
        for used in exports.iter().chain(imports) {
            for ty in check::types(used.function) {
                names.reach(resolve, world, ty);
            }
        }
        let short = |used: &Used<'_>| plain_name(&used.function.name).to_upper_camel_case();
        for used in exports {
            let clashes = exports.iter().filter(|other| short(other) == short(used)).count() > 1;
            let prefix = if clashes { used.interface.as_deref().unwrap_or_default() } else { "" };
            let name = format!("{}{}", prefix.to_upper_camel_case(), short(used));
            names.functions.insert((used.module.clone(), used.function.name.clone()), name);
        }
        for used in imports {
            let prefix = used.interface.as_deref().unwrap_or_default().to_upper_camel_case();
            let name = names.claim(format!("{prefix}{}", short(used)));
            names.functions.insert((import_key(used), used.function.name.clone()), name);
        }
        names
    }

    /// Names the types that a type consists of, and then the type.
    fn reach(&mut self, resolve: &Resolve, world: WorldId, ty: &Type) {
        let Type::Id(id) = dealias(resolve, *ty) else { return };
        if self.types.contains_key(&id) {
            return;
        }
        let def = &resolve.types[id];
        match &def.kind {
            TypeDefKind::Record(record) => {
                record.fields.iter().for_each(|field| self.reach(resolve, world, &field.ty));
            }
            TypeDefKind::Variant(variant) => {
                variant
                    .cases
                    .iter()
                    .filter_map(|case| case.ty.as_ref())
                    .for_each(|ty| self.reach(resolve, world, ty));
            }
            TypeDefKind::Tuple(tuple) => tuple.types.iter().for_each(|ty| self.reach(resolve, world, ty)),
            TypeDefKind::Option(inner) | TypeDefKind::List(inner) => self.reach(resolve, world, inner),
            TypeDefKind::Handle(Handle::Own(of) | Handle::Borrow(of)) => {
                self.reach(resolve, world, &Type::Id(*of));
            }
            TypeDefKind::Result(result) => {
                result.ok.iter().chain(&result.err).for_each(|ty| self.reach(resolve, world, ty));
            }
            _ => {}
        }
        let named = matches!(
            def.kind,
            TypeDefKind::Record(_)
                | TypeDefKind::Variant(_)
                | TypeDefKind::Enum(_)
                | TypeDefKind::Flags(_)
                | TypeDefKind::Resource
        );
        if let (true, Some(name)) = (named, &def.name) {
            let short = name.to_upper_camel_case();
            let mut long = short.clone();
            let mut foreign = false;
            if let TypeOwner::Interface(interface) = def.owner {
                let interface = &resolve.interfaces[interface];
                let prefix = interface.name.as_deref().unwrap_or_default().to_upper_camel_case();
                long = format!("{prefix}{short}");
                foreign = interface.package != resolve.worlds[world].package;
            }
            let name = if foreign || self.taken.contains(&short) { long } else { short };
            let name = self.claim(name);
            let cases: Vec<&str> = match &def.kind {
                TypeDefKind::Variant(variant) => {
                    variant.cases.iter().map(|case| case.name.as_str()).collect()
                }
                TypeDefKind::Enum(listed) => listed.cases.iter().map(|case| case.name.as_str()).collect(),
                TypeDefKind::Flags(flags) => flags.flags.iter().map(|flag| flag.name.as_str()).collect(),
                _ => Vec::new(),
            };
            let cases = cases.iter().map(|case| self.claim(format!("{name}{}", case.to_upper_camel_case())));
            let cases = cases.collect();
            self.cases.insert(id, cases);
            self.types.insert(id, name);
            self.declared.push(id);
        }
    }

    /// The name, or the next free one: no two declarations may have one name.
    pub(super) fn claim(&mut self, mut name: String) -> String {
        while !self.taken.insert(name.clone()) {
            name.push('_');
        }
        name
    }

    pub(super) fn of_type(&self, id: TypeId) -> &str {
        self.types.get(&id).map_or("any", String::as_str)
    }

    pub(super) fn of_cases(&self, id: TypeId) -> &[String] {
        self.cases.get(&id).map_or(&[], Vec::as_slice)
    }

    pub(super) fn of_export(&self, used: &Used<'_>) -> &str {
        self.of_function(used.module.clone(), used)
    }

    pub(super) fn of_import(&self, used: &Used<'_>) -> &str {
        self.of_function(import_key(used), used)
    }

    fn of_function(&self, module: Option<String>, used: &Used<'_>) -> &str {
        self.functions.get(&(module, used.function.name.clone())).map_or("_", String::as_str)
    }
}

/// The name of a function without what WIT puts around a resource's: `[method]body.read` is `body.read`.
fn plain_name(name: &str) -> String {
    match name.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some(("constructor", resource)) => format!("new-{resource}"),
        Some((_, rest)) => rest.to_owned(),
        None => name.to_owned(),
    }
}

/// An interface may be imported and exported.
fn import_key(used: &Used<'_>) -> Option<String> {
    Some(format!("import {}", used.module.as_deref().unwrap_or("$root")))
}

/// The type that an alias stands for.
pub(super) fn dealias(resolve: &Resolve, mut ty: Type) -> Type {
    while let Type::Id(id) = ty {
        let TypeDefKind::Type(inner) = resolve.types[id].kind else { break };
        ty = inner;
    }
    ty
}

/// Whether the generated code has variables of such names.
fn numbered(name: &str) -> bool {
    name.strip_prefix(['p', 'v'])
        .is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit()))
}

/// The names of the parameters, in the order of the function; `with_body`: for a function whose body is generated, not
/// for a method that is only declared.
pub(super) fn parameters(used: &Used<'_>, with_body: bool) -> Vec<String> {
    let mut taken = BTreeSet::new();
    let named = |name: &str| {
        let mut name = name.to_lower_camel_case();
        let hides = with_body && (USED.contains(&name.as_str()) || numbered(&name));
        while KEYWORDS.contains(&name.as_str())
            || (hides && !name.ends_with('_'))
            || !taken.insert(name.clone())
        {
            name.push('_');
        }
        name
    };
    used.function.params.iter().map(|param| param.name.as_str()).map(named).collect()
}

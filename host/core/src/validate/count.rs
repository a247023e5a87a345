//! Counts the instances, memories and tables of a component without making them. Nested components multiply.
//!
//! The counts follow the component's own instructions: every core instantiation, times every
//! instantiation of the component around it. A module that is an import, or an argument of a nested
//! component, counts as one instance; the run's limits catch the rest.

use wasmparser::{
    CanonicalFunction, CanonicalOption, ComponentAlias, ComponentExternalKind, ComponentInstance,
    ComponentOuterAliasKind, ComponentType, ComponentTypeDeclaration, ComponentTypeRef, Encoding, Instance,
    InstanceTypeDeclaration, Parser, Payload, TableInit,
};

use super::refusals::Refusals;
use crate::description::Counts;
use crate::error::Refusal;
use crate::limits::SkillCaps;

/// Counts of the file, whatever its instructions make of it.
#[derive(Debug, Default)]
struct Contents {
    modules: u64,
    functions: u64,
    globals: u64,
    largest_function: u64,
    segment_elements: u64,
    /// Types, and declarations of component and instance types.
    declarations: u64,
    /// Instantiations of components in the file.
    instantiations: u64,
}

impl Contents {
    fn declare(&mut self, count: u32) {
        self.declarations = self.declarations.saturating_add(count.into());
    }
}

/// Counts the declarations of a type, types within types included.
fn declared(ty: &ComponentType<'_>) -> usize {
    match ty {
        ComponentType::Component(items) => items.iter().fold(items.len(), |sum, item| {
            let inner = match item {
                ComponentTypeDeclaration::Type(ty) => declared(ty),
                _ => 0,
            };
            sum.saturating_add(inner)
        }),
        ComponentType::Instance(items) => items.iter().fold(items.len(), |sum, item| {
            let inner = match item {
                InstanceTypeDeclaration::Type(ty) => declared(ty),
                _ => 0,
            };
            sum.saturating_add(inner)
        }),
        ComponentType::Defined(_) | ComponentType::Func(_) | ComponentType::Resource { .. } => 0,
    }
}

/// The state of reading one component or module: its index spaces, and the counts of an instance.
#[derive(Debug, Default)]
struct Frame {
    is_module: bool,
    modules: Vec<Counts>,
    components: Vec<Counts>,
    makes: Counts,
}

/// Counts a component, valid or not, and adds a refusal for every exceeded cap. None if it exceeds a cap that keeps
/// validation itself short: validation takes quadratic time and memory for some counts.
pub(crate) fn count(bytes: &[u8], caps: &SkillCaps, refusals: &mut Refusals) -> Option<Counts> {
    let mut contents = Contents::default();
    let mut frames: Vec<Frame> = Vec::new();
    let mut total = Counts::default();
    for payload in Parser::new(0).parse_all(bytes) {
        let Ok(payload) = payload else { break };
        if let Payload::Version { encoding, .. } = &payload {
            frames.push(Frame { is_module: *encoding == Encoding::Module, ..Frame::default() });
            if frames.len() > DEPTH {
                let value = frames.len() as u64;
                refusals.push(Refusal::OverCap { what: "levels of components", value, cap: DEPTH as u64 });
                return None;
            }
        } else if matches!(payload, Payload::End(_)) {
            let Some(done) = frames.pop() else { break };
            contents.modules = contents.modules.saturating_add(1);
            match frames.last_mut() {
                Some(parent) if done.is_module => parent.modules.push(done.makes),
                Some(parent) => parent.components.push(done.makes),
                None => total = done.makes,
            }
        } else {
            read(&payload, &mut frames, &mut contents);
        }
    }
    let rows = [
        ("core instances", total.instances, u64::from(caps.instances)),
        ("instances of nested components", total.components, caps.components.into()),
        ("linear memories", total.memories, caps.memories.into()),
        ("tables", total.tables, caps.tables.into()),
        ("initial table elements", total.table_elements, caps.table_elements),
        ("bytes of the engine's records", total.records, RECORDS),
        ("bytes in its largest function", contents.largest_function, caps.function_size.into()),
        ("elements in its element segments", contents.segment_elements, caps.segment_elements),
    ];
    let first = [
        ("core modules and components", contents.modules, caps.modules.into()),
        ("functions", contents.functions, caps.functions.into()),
        ("globals", contents.globals, caps.globals.into()),
        ("types and declared items", contents.declarations, caps.declarations.into()),
        (
            "instantiations times declared items",
            contents.instantiations.saturating_mul(contents.declarations),
            LINKING,
        ),
    ];
    let before = refusals.len();
    let over = |(what, value, cap)| (value > cap).then_some(Refusal::OverCap { what, value, cap });
    first.into_iter().filter_map(over).for_each(|refusal| refusals.push(refusal));
    let valid = refusals.len() == before;
    rows.into_iter().filter_map(over).for_each(|refusal| refusals.push(refusal));
    valid.then_some(total)
}

/// Maximum depth of nested components.
const DEPTH: usize = 100;

/// Maximum bytes of the engine's records of a run, mostly functions and globals, as in the pool.
const RECORDS: u64 = 16 << 20;

/// Maximum of instantiations times declarations. The validator checks each instantiation against the declarations; this
/// many checks take about half a second.
const LINKING: u64 = 250_000;

/// The counts of a module outside of the file.
const UNKNOWN: Counts = Counts {
    instances: 1,
    components: 0,
    memories: 0,
    tables: 0,
    memory: 0,
    table_elements: 0,
    records: 4096,
    hands_over: false,
};

fn read(payload: &Payload<'_>, frames: &mut [Frame], contents: &mut Contents) {
    let Some((frame, outer)) = frames.split_last_mut() else { return };
    match payload {
        Payload::TypeSection(types) => contents.declare(types.count()),
        Payload::CoreTypeSection(types) => contents.declare(types.count()),
        Payload::ComponentTypeSection(types) => {
            for ty in types.clone().into_iter().flatten() {
                contents.declare(1);
                contents.declare(u32::try_from(declared(&ty)).unwrap_or(u32::MAX));
            }
        }
        Payload::MemorySection(memories) => {
            for memory in memories.clone().into_iter().flatten() {
                let page = 1_u64.checked_shl(memory.page_size_log2.unwrap_or(16)).unwrap_or(u64::MAX);
                frame.makes.memories = frame.makes.memories.saturating_add(1);
                frame.makes.memory = frame.makes.memory.saturating_add(memory.initial.saturating_mul(page));
            }
        }
        Payload::TableSection(tables) => {
            for table in tables.clone().into_iter().flatten() {
                debug_assert!(matches!(table.init, TableInit::RefNull | TableInit::Expr(_)));
                frame.makes.tables = frame.makes.tables.saturating_add(1);
                frame.makes.table_elements = frame.makes.table_elements.saturating_add(table.ty.initial);
            }
        }
        Payload::FunctionSection(functions) => {
            contents.functions = contents.functions.saturating_add(functions.count().into());
            frame.makes.record(functions.count());
        }
        Payload::GlobalSection(globals) => {
            contents.globals = contents.globals.saturating_add(globals.count().into());
            frame.makes.record(globals.count());
        }
        // The outermost component's functions are called by the host and call it, and the host is charged for.
        Payload::ComponentCanonicalSection(functions) if !outer.is_empty() => {
            let with_memory = functions.clone().into_iter().flatten().any(|function| match function {
                CanonicalFunction::Lift { options, .. } | CanonicalFunction::Lower { options, .. } => {
                    options.iter().any(|option| matches!(option, CanonicalOption::Memory(_)))
                }
                _ => false,
            });
            frame.makes.hands_over |= with_memory;
        }
        Payload::ImportSection(imports) => frame.makes.record(imports.count()),
        Payload::CodeSectionEntry(body) => {
            let size = body.range().len() as u64;
            contents.largest_function = contents.largest_function.max(size);
        }
        Payload::ElementSection(segments) => {
            for segment in segments.clone().into_iter().flatten() {
                let count = match segment.items {
                    wasmparser::ElementItems::Functions(items) => items.count(),
                    wasmparser::ElementItems::Expressions(_, items) => items.count(),
                };
                contents.segment_elements = contents.segment_elements.saturating_add(count.into());
            }
        }
        Payload::InstanceSection(instances) => {
            for instance in instances.clone().into_iter().flatten() {
                if let Instance::Instantiate { module_index, .. } = instance {
                    let module = at(&frame.modules, module_index);
                    frame.makes.add(Counts { instances: 1, ..module });
                }
            }
        }
        Payload::ComponentInstanceSection(instances) => {
            for instance in instances.clone().into_iter().flatten() {
                if let ComponentInstance::Instantiate { component_index, .. } = instance {
                    let component = at(&frame.components, component_index);
                    frame.makes.add(component);
                    contents.instantiations = contents.instantiations.saturating_add(1);
                    frame.makes.components = frame.makes.components.saturating_add(1);
                }
            }
        }
        Payload::ComponentAliasSection(aliases) => {
            contents.declare(aliases.count());
            for alias in aliases.clone().into_iter().flatten() {
                alias_of(&alias, frame, outer);
            }
        }
        Payload::ComponentImportSection(imports) => {
            contents.declare(imports.count());
            for import in imports.clone().into_iter().flatten() {
                match import.ty {
                    ComponentTypeRef::Module(_) => frame.modules.push(UNKNOWN),
                    ComponentTypeRef::Component(_) => frame.components.push(UNKNOWN),
                    ComponentTypeRef::Func(_)
                    | ComponentTypeRef::Value(_)
                    | ComponentTypeRef::Type(_)
                    | ComponentTypeRef::Instance(_) => {}
                }
            }
        }
        Payload::ComponentExportSection(exports) => {
            contents.declare(exports.count());
            for export in exports.clone().into_iter().flatten() {
                match export.kind {
                    ComponentExternalKind::Module => frame.modules.push(at(&frame.modules, export.index)),
                    ComponentExternalKind::Component => {
                        frame.components.push(at(&frame.components, export.index));
                    }
                    ComponentExternalKind::Func
                    | ComponentExternalKind::Value
                    | ComponentExternalKind::Type
                    | ComponentExternalKind::Instance => {}
                }
            }
        }
        // Everything else adds nothing to the counts.
        _ => {}
    }
}

fn alias_of(alias: &ComponentAlias<'_>, frame: &mut Frame, outer: &[Frame]) {
    match alias {
        ComponentAlias::Outer { kind, count, index } => {
            // `count` 0 is this component, 1 the one around it.
            let from = (*count as usize)
                .checked_sub(1)
                .map(|up| outer.len().checked_sub(up.saturating_add(1)).and_then(|i| outer.get(i)));
            let found = |own: &[Counts], theirs: fn(&Frame) -> &[Counts]| match from {
                None => at(own, *index),
                Some(parent) => parent.map_or(UNKNOWN, |parent| at(theirs(parent), *index)),
            };
            match kind {
                ComponentOuterAliasKind::CoreModule => {
                    let counts = found(&frame.modules, |parent| &parent.modules);
                    frame.modules.push(counts);
                }
                ComponentOuterAliasKind::Component => {
                    let counts = found(&frame.components, |parent| &parent.components);
                    frame.components.push(counts);
                }
                ComponentOuterAliasKind::CoreType | ComponentOuterAliasKind::Type => {}
            }
        }
        ComponentAlias::InstanceExport { kind, .. } => match kind {
            ComponentExternalKind::Module => frame.modules.push(UNKNOWN),
            ComponentExternalKind::Component => frame.components.push(UNKNOWN),
            ComponentExternalKind::Func
            | ComponentExternalKind::Value
            | ComponentExternalKind::Type
            | ComponentExternalKind::Instance => {}
        },
        ComponentAlias::CoreInstanceExport { .. } => {}
    }
}

fn at(counts: &[Counts], index: u32) -> Counts {
    counts.get(index as usize).copied().unwrap_or(UNKNOWN)
}

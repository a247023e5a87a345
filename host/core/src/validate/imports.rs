//! Whether everything a component imports is offered; what is not is named, with the nearest that is.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use wasmparser::component_types::{ComponentAnyTypeId, ComponentEntityType};
use wasmparser::types::TypesRef;

use super::description::Lending;
use super::refusals::Refusals;
use crate::error::Refusal;
use crate::text::nearest;

/// Every interface that a host offers, with its functions and resources. Made while they are linked,
/// so that the list and the linker cannot differ.
#[derive(Debug, Clone, Default)]
pub(crate) struct Offer {
    interfaces: BTreeMap<String, Interface>,
    /// By what is equal for compatible versions.
    compatible: HashMap<String, String>,
}

#[derive(Debug, Clone)]
struct Interface {
    lending: Lending,
    items: BTreeSet<String>,
}

impl Offer {
    /// Adds an interface; false when it is there already, in this or a compatible version.
    pub(crate) fn add_interface(&mut self, name: &str, lending: Lending) -> bool {
        let free = self.compatible.insert(compatible(name), name.to_owned()).is_none();
        self.interfaces.insert(name.to_owned(), Interface { lending, items: BTreeSet::new() });
        free
    }

    /// All that a description depends on, as text.
    #[cfg(feature = "compiler")]
    pub(crate) fn summary(&self) -> String {
        format!("{:?}", self.interfaces)
    }

    pub(crate) fn add_item(&mut self, interface: &str, item: &str) {
        if let Some(interface) = self.interfaces.get_mut(interface) {
            interface.items.insert(item.to_owned());
        }
    }

    /// Each function and resource with its interface.
    pub(crate) fn items(&self) -> impl Iterator<Item = (&str, &str)> {
        self.interfaces.iter().flat_map(|(name, interface)| {
            interface.items.iter().map(move |item| (name.as_str(), item.as_str()))
        })
    }

    /// The interface offered under `name` or under a version that is compatible with it.
    fn find(&self, name: &str) -> Option<(&str, &Interface)> {
        let offered = self.compatible.get(&compatible(name))?;
        Some((offered, self.interfaces.get(offered)?))
    }

    /// What stands behind an import, for `inspect`.
    pub(super) fn lending(&self, name: &str) -> Lending {
        self.find(name).map_or(Lending::TypesOnly, |(_, interface)| interface.lending)
    }

    /// The offered interface whose name is nearest to `name`.
    fn nearest(&self, name: &str) -> Option<String> {
        nearest(self.interfaces.keys().map(String::as_str), name).map(str::to_owned)
    }
}

/// What is equal for versions that stand in for one another: `1.x.y` by the major, `0.x.y` by the
/// minor, everything else as it is. The engine's linker goes by the same rule.
fn compatible(name: &str) -> String {
    let Some((path, version)) = name.split_once('@') else { return name.to_owned() };
    let version = version.split_once('+').map_or(version, |(version, _build)| version);
    if version.contains('-') {
        return name.to_owned();
    }
    match version.split('.').collect::<Vec<_>>().as_slice() {
        ["0", "0", _] => name.to_owned(),
        ["0", minor, _] => format!("{path}@0.{minor}"),
        [major, _, _] => format!("{path}@{major}"),
        _ => name.to_owned(),
    }
}

/// What a component imports, and whether something stands behind it.
pub(super) fn read(types: TypesRef<'_>, names: &[String], offer: &Offer, refusals: &mut Refusals) {
    for name in names {
        let Some(item) = types.component_item_for_import(name) else { continue };
        match item.ty {
            ComponentEntityType::Instance(id) => {
                let Some(instance) = types.get(id) else { continue };
                match offer.find(name) {
                    // Resources of an offered interface are checked with the types, when it is linked.
                    Some((offered, interface)) => {
                        let functions = instance.exports.iter().filter(|(_, item)| is_function(&item.ty));
                        for (item, _) in functions.filter(|(item, _)| !interface.items.contains(*item)) {
                            refusals.push_with(|| Refusal::ImportNotOffered {
                                import: clean(&format!("{name}#{item}")),
                                nearest: nearest(interface.items.iter().map(String::as_str), item)
                                    .map(|near| format!("{offered}#{near}")),
                            });
                        }
                    }
                    // An interface of plain types needs nothing behind it.
                    None if !instance.exports.values().any(|item| needs_host(&item.ty)) => {}
                    None => refuse(name, offer, refusals),
                }
            }
            ComponentEntityType::Type { created: ComponentAnyTypeId::Defined(_), .. } => {}
            ComponentEntityType::Func(_)
            | ComponentEntityType::Type { .. }
            | ComponentEntityType::Module(_)
            | ComponentEntityType::Value(_)
            | ComponentEntityType::Component(_) => refuse(name, offer, refusals),
        }
    }
}

fn refuse(name: &str, offer: &Offer, refusals: &mut Refusals) {
    refusals.push_with(|| Refusal::ImportNotOffered { import: clean(name), nearest: offer.nearest(name) });
}

fn is_function(ty: &ComponentEntityType) -> bool {
    matches!(ty, ComponentEntityType::Func(_))
}

/// Whether an item of an imported interface is more than a name for a plain type.
fn needs_host(ty: &ComponentEntityType) -> bool {
    match ty {
        ComponentEntityType::Type { created, .. } => match created {
            ComponentAnyTypeId::Resource(_) => true,
            ComponentAnyTypeId::Defined(_)
            | ComponentAnyTypeId::Func(_)
            | ComponentAnyTypeId::Component(_)
            | ComponentAnyTypeId::Instance(_) => false,
        },
        ComponentEntityType::Func(_)
        | ComponentEntityType::Module(_)
        | ComponentEntityType::Value(_)
        | ComponentEntityType::Instance(_)
        | ComponentEntityType::Component(_) => true,
    }
}

fn clean(name: &str) -> String {
    crate::text::clean(name, 256)
}

//! Checks that the host offers every import of a component, and names the others with their nearest offered name.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use wasmparser::component_types::{ComponentAnyTypeId, ComponentEntityType};
use wasmparser::types::TypesRef;

use super::refusals::Refusals;
use crate::description::Access;
use crate::error::Refusal;
use crate::text::nearest;

/// Every interface that a host offers, with its functions and resources. Linking fills it, so that list and linker
/// cannot differ.
#[derive(Debug, Clone, Default)]
pub(crate) struct Offer {
    interfaces: BTreeMap<String, Interface>,
    /// Interfaces by the part of a version that compatible versions share.
    compatible: HashMap<String, String>,
}

#[derive(Debug, Clone)]
struct Interface {
    access: Access,
    items: BTreeSet<String>,
}

impl Offer {
    /// Adds an interface; false if it exists already, in this or a compatible version.
    pub(crate) fn add_interface(&mut self, name: &str, access: Access) -> bool {
        let free = self.compatible.insert(compatible(name), name.to_owned()).is_none();
        self.interfaces.insert(name.to_owned(), Interface { access, items: BTreeSet::new() });
        free
    }

    /// Returns everything on which a description depends, as text.
    #[cfg(feature = "compiler")]
    pub(crate) fn summary(&self) -> String {
        format!("{:?}", self.interfaces)
    }

    pub(crate) fn add_item(&mut self, interface: &str, item: &str) {
        if let Some(interface) = self.interfaces.get_mut(interface) {
            interface.items.insert(item.to_owned());
        }
    }

    /// Returns each function and resource with its interface.
    pub(crate) fn items(&self) -> impl Iterator<Item = (&str, &str)> {
        self.interfaces.iter().flat_map(|(name, interface)| {
            interface.items.iter().map(move |item| (name.as_str(), item.as_str()))
        })
    }

    /// Returns the interface of this name, or of a compatible version.
    fn find(&self, name: &str) -> Option<(&str, &Interface)> {
        let offered = self.compatible.get(&compatible(name))?;
        Some((offered, self.interfaces.get(offered)?))
    }

    /// Returns what the host provides for an import, for `inspect`.
    pub(super) fn access(&self, name: &str) -> Access {
        self.find(name).map_or(Access::TypesOnly, |(_, interface)| interface.access)
    }

    /// Returns the offered interface with the nearest name.
    fn nearest(&self, name: &str) -> Option<String> {
        nearest(self.interfaces.keys().map(String::as_str), name).map(str::to_owned)
    }
}

/// Returns the part of a name that compatible versions share: `1.x.y` has the major, `0.x.y` the minor, everything else
/// stays as it is. The engine's linker uses the same rule.
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

/// Reads the imports of a component, with what the host provides for each.
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

/// Returns whether an item of an imported interface is more than a name of a plain type.
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

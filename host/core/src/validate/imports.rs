//! Whether everything a component imports is offered; what is not is named, with the nearest that is.

use std::collections::{BTreeMap, BTreeSet};

use wasmparser::component_types::{ComponentAnyTypeId, ComponentEntityType};
use wasmparser::types::TypesRef;

use crate::error::Refusal;

/// Every interface that a host offers, with its functions and resources. Made while they are linked,
/// so that the list and the linker cannot differ.
#[derive(Debug, Clone, Default)]
pub(crate) struct Offer {
    interfaces: BTreeMap<String, BTreeSet<String>>,
}

impl Offer {
    /// Adds an interface; false when it is there already, in this or a compatible version.
    pub(crate) fn add_interface(&mut self, name: &str) -> bool {
        let free = self.find(name).is_none();
        self.interfaces.entry(name.to_owned()).or_default();
        free
    }

    pub(crate) fn add_item(&mut self, interface: &str, item: &str) {
        self.interfaces.entry(interface.to_owned()).or_default().insert(item.to_owned());
    }

    /// The interface offered under `name` or under a version that is compatible with it.
    fn find(&self, name: &str) -> Option<(&String, &BTreeSet<String>)> {
        let key = compatible(name);
        self.interfaces.iter().find(|(offered, _)| compatible(offered) == key)
    }

    /// The offered interface whose name is nearest to `name`.
    fn nearest(&self, name: &str) -> String {
        // Names are short; one from the file may not be.
        let name: String = name.chars().take(256).collect();
        let nearest = self.interfaces.keys().min_by_key(|offered| strsim::levenshtein(offered, &name));
        nearest.cloned().unwrap_or_default()
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
pub(super) fn read(types: TypesRef<'_>, names: &[String], offer: &Offer, refusals: &mut Vec<Refusal>) {
    for name in names {
        let Some(item) = types.component_item_for_import(name) else { continue };
        match item.ty {
            ComponentEntityType::Instance(id) => {
                let Some(instance) = types.get(id) else { continue };
                let needed = instance.exports.iter().filter(|(_, item)| needs_host(&item.ty));
                match offer.find(name) {
                    Some((offered, items)) => {
                        for (item, _) in needed.filter(|(item, _)| !items.contains(*item)) {
                            let nearest = items.iter().min_by_key(|known| strsim::levenshtein(known, item));
                            refusals.push(Refusal::ImportNotOffered {
                                import: clean(&format!("{name}#{item}")),
                                nearest: format!("{offered}#{}", nearest.map_or("", |n| n)),
                            });
                        }
                    }
                    // An interface of plain types needs nothing behind it.
                    None if needed.count() == 0 => {}
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

fn refuse(name: &str, offer: &Offer, refusals: &mut Vec<Refusal>) {
    refusals.push(Refusal::ImportNotOffered { import: clean(name), nearest: offer.nearest(name) });
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

/// Whether an interface that a skill imports is lent to it, for `inspect`.
pub(super) fn lent(offer: &Offer, name: &str) -> bool {
    offer.find(name).is_some()
}

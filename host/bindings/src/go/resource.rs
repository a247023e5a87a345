//! Resources of the host, which Go holds by number.

use wit_parser::{TypeDefKind, TypeId, TypeOwner, WorldId, WorldItem};

use super::Generator;
use super::code::Code;

impl Generator<'_> {
    /// The type of a resource.
    pub(super) fn resource(code: &mut Code, name: &str, docs: Option<&str>) {
        code.docs(docs);
        if docs.is_some() {
            code.line("//");
        }
        code.docs(Some("The host keeps it until Drop, and at most until the end of the run."));
        code.line(format!("type {name} uint32"));
        code.line("");
    }

    /// The functions that give resources back.
    pub(super) fn drops(&self, code: &mut Code, world: WorldId) {
        for (index, id) in self.resources().enumerate() {
            let (name, def) = (self.names.of_type(id), self.resolve.types.get(id));
            let of = def.and_then(|def| def.name.as_deref()).unwrap_or_default();
            code.line(format!("//go:wasmimport {} [resource-drop]{of}", self.owner(id, world)));
            code.line(format!("func abiDrop{index}(handle uint32)"));
            code.line("");
            code.docs(Some("Drop gives the resource back to the host. Nothing can use it afterwards."));
            code.line(format!("func (resource {name}) Drop() {{"));
            code.line("a := abiCall()");
            code.line("abiLeave()");
            code.line(format!("abiDrop{index}(uint32(resource))"));
            code.line("abiEnter()");
            code.line("a.end()");
            code.line("}");
            code.line("");
        }
    }

    /// The same functions where there is no host.
    pub(super) fn drops_elsewhere(&self, code: &mut Code) {
        for id in self.resources() {
            code.line(format!("func ({}) Drop() {{}}", self.names.of_type(id)));
            code.line("");
        }
    }

    fn resources(&self) -> impl Iterator<Item = TypeId> {
        let kind = |id: &TypeId| self.resolve.types.get(*id).map(|def| &def.kind);
        self.names.declared.iter().copied().filter(move |id| matches!(kind(id), Some(TypeDefKind::Resource)))
    }

    /// The module from which the core module imports the functions of a resource.
    fn owner(&self, id: TypeId, world: WorldId) -> String {
        let owner = self.resolve.types.get(id).map(|def| def.owner);
        let imports = self.resolve.worlds.get(world).map(|world| &world.imports);
        let found = imports.into_iter().flatten().find_map(|(key, item)| match (item, owner) {
            (WorldItem::Interface { id, .. }, Some(TypeOwner::Interface(owner))) if *id == owner => Some(key),
            _ => None,
        });
        found.map_or_else(|| "$root".to_owned(), |key| self.resolve.name_world_key(key))
    }
}

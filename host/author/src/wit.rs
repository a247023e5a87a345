//! The contract of a skill: parsed from WIT, and turned into documentation by the names of the component's exports.

use std::collections::BTreeMap;
use std::path::Path;

use ringfence_section::{Section, ToolDocs, TypeDocs};
use wit_parser::{
    Docs, Function, InterfaceId, Resolve, Span, Stability, Type, TypeDefKind, TypeId, WorldId, WorldItem,
    WorldKey,
};

use crate::error::AuthorError;

/// The interface by which a skill sends HTTP requests.
pub(crate) const HTTP: &str = "ringfence:skill/http@0.2.0";
/// Its text, as a package of its own.
const HTTP_TEXT: &str = include_str!("../../../skills/sdk/wit/0.2.0/http.wit");

/// A world and its dependencies.
#[derive(Debug)]
pub struct Contract {
    /// All parsed packages.
    pub resolve: Resolve,
    /// The skill's world.
    pub world: WorldId,
    /// Whether [`Contract::import_http`] changed the world, so that the author's files say less.
    pub(crate) changed: bool,
}

/// The documentation of a world's exports, by the names that a host uses: `interface_function`, `interface_type`.
#[derive(Debug, Default)]
pub(crate) struct Texts {
    /// The documentation of the world, or else of the package.
    pub(crate) about: Option<String>,
    pub(crate) tools: BTreeMap<String, ToolDocs>,
    pub(crate) types: BTreeMap<String, TypeDocs>,
}

impl Texts {
    /// Returns the part of an earlier packing that came from a WIT. The rest came from `skill.toml`.
    pub(crate) fn of_section(section: Section) -> Self {
        let of_wit = |(name, tool): (String, ToolDocs)| {
            (name, ToolDocs { annotations: None, examples: Vec::new(), ..tool })
        };
        Self {
            about: section.description,
            tools: section.tools.0.into_iter().map(of_wit).collect(),
            types: section.types.0,
        }
    }
}

impl Contract {
    /// Parses a WIT file, or a folder of WIT with its `deps/`.
    ///
    /// # Errors
    ///
    /// Fails with [`AuthorError::Wit`], which has the parser's message.
    pub fn read(path: &Path, world: Option<&str>) -> Result<Self, AuthorError> {
        let wrong = |reason| AuthorError::Wit { path: path.to_owned(), reason };
        let mut resolve = Resolve::default();
        let read = resolve.push_path(path).map(|(package, _)| package);
        // The parser's own text has neither file nor line.
        let package = read.map_err(|error| wrong(resolve.render_error(&error)))?;
        let world = resolve.select_world(&[package], world);
        let world = world.map_err(|error| wrong(format!("{error:#}")))?;
        Ok(Self { resolve, world, changed: false })
    }

    /// Parses a WIT text.
    ///
    /// # Errors
    ///
    /// Fails with [`AuthorError::Wit`], which has the parser's message.
    pub fn parse(text: &str, world: Option<&str>) -> Result<Self, AuthorError> {
        let wrong = |reason| AuthorError::Wit { path: "the WIT in the component".into(), reason };
        let mut resolve = Resolve::default();
        let read = resolve.push_str("skill.wit", text);
        let package = read.map_err(|error| wrong(resolve.render_error(&error)))?;
        let world = resolve.select_world(&[package], world);
        let world = world.map_err(|error| wrong(format!("{error:#}")))?;
        Ok(Self { resolve, world, changed: false })
    }

    /// Returns the interface `ringfence:skill/http@0.2.0`, if one of the packages has it.
    pub(crate) fn http(&self) -> Option<InterfaceId> {
        let mut interfaces = self.resolve.interfaces.iter().map(|(id, _)| id);
        interfaces.find(|id| self.resolve.id_of(*id).as_deref() == Some(HTTP))
    }

    /// Returns whether the world imports `ringfence:skill/http@0.2.0`.
    pub(crate) fn imports_http(&self) -> bool {
        let world = self.resolve.worlds.get(self.world);
        self.http().is_some_and(|http| {
            world.is_some_and(|world| world.imports.contains_key(&WorldKey::Interface(http)))
        })
    }

    /// Adds the import of `ringfence:skill/http@0.2.0` to the world, unless it has it.
    ///
    /// # Errors
    ///
    /// Fails with [`AuthorError::Wit`] if the author's WIT has that package without the interface.
    pub(crate) fn import_http(&mut self) -> Result<(), AuthorError> {
        if self.imports_http() {
            return Ok(());
        }
        if self.http().is_none() {
            let read = self.resolve.push_str("http.wit", HTTP_TEXT);
            read.map_err(|error| AuthorError::Wit {
                path: "wit/deps/ringfence-skill".into(),
                reason: format!("the skill requests `http`, but the package lacks `http.wit`: {error}"),
            })?;
        }
        if let (Some(id), Some(world)) = (self.http(), self.resolve.worlds.get_mut(self.world)) {
            let item = WorldItem::Interface {
                id,
                stability: Stability::Unknown,
                external_id: None,
                docs: Docs::default(),
                span: Span::default(),
            };
            world.imports.insert(WorldKey::Interface(id), item);
            self.changed = true;
        }
        Ok(())
    }

    /// Returns the WIT of all packages, that of the world first.
    ///
    /// # Errors
    ///
    /// Fails with [`AuthorError::Made`].
    pub(crate) fn to_wit(&self) -> Result<String, AuthorError> {
        let failed = |what: String| AuthorError::Made { what };
        let own = self.resolve.worlds.get(self.world).and_then(|world| world.package);
        let own = own.ok_or_else(|| failed("the world has no package".to_owned()))?;
        let others: Vec<_> = self.resolve.packages.iter().map(|(id, _)| id).filter(|id| *id != own).collect();
        let mut printer = wit_component::WitPrinter::default();
        printer.print(&self.resolve, own, &others).map_err(|error| failed(format!("{error:#}")))?;
        Ok(printer.output.to_string())
    }

    /// Returns the name of the world.
    pub fn name(&self) -> &str {
        self.resolve.worlds.get(self.world).map_or("", |world| &world.name)
    }

    /// Returns the documentation of the world's exports.
    pub(crate) fn texts(&self) -> Texts {
        let mut texts = Texts::default();
        let Some(world) = self.resolve.worlds.get(self.world) else { return texts };
        let package = world.package.and_then(|package| self.resolve.packages.get(package));
        texts.about = text(&world.docs).or_else(|| package.and_then(|package| text(&package.docs)));
        for (key, item) in &world.exports {
            match item {
                WorldItem::Interface { id, .. } => self.interface(key, *id, &mut texts),
                WorldItem::Function(function) => {
                    texts.tools.insert(function.name.clone(), of_function(function));
                }
                WorldItem::Type { .. } => {}
            }
        }
        // Types that functions at the top level use.
        for item in world.imports.values().chain(world.exports.values()) {
            if let WorldItem::Type { id, .. } = item
                && let Some(ty) = self.resolve.types.get(*id)
                && let Some(name) = &ty.name
            {
                self.ty(name.clone(), *id, &mut texts);
            }
        }
        texts
    }

    fn interface(&self, key: &WorldKey, id: InterfaceId, texts: &mut Texts) {
        let Some(interface) = self.resolve.interfaces.get(id) else { return };
        let name = match key {
            WorldKey::Name(name) => name,
            WorldKey::Interface(_) => interface.name.as_deref().unwrap_or_default(),
        };
        for (function, it) in &interface.functions {
            texts.tools.insert(format!("{name}_{function}"), of_function(it));
        }
        for (ty, id) in &interface.types {
            self.ty(format!("{name}_{ty}"), *id, texts);
        }
        // A package of one interface is often described there.
        if texts.about.is_none() {
            texts.about = text(&interface.docs);
        }
    }

    fn ty(&self, name: String, id: TypeId, texts: &mut Texts) {
        let mut docs = TypeDocs::default();
        let mut at = id;
        // A type that is used from elsewhere is a name for that one.
        while let Some(ty) = self.resolve.types.get(at) {
            docs.description = docs.description.or_else(|| text(&ty.docs));
            let mut field = |name: &str, of: &Docs| {
                if let Some(text) = text(of) {
                    docs.fields.0.insert(name.to_owned(), text);
                }
            };
            match &ty.kind {
                TypeDefKind::Type(Type::Id(next)) => {
                    at = *next;
                    continue;
                }
                TypeDefKind::Record(record) => record.fields.iter().for_each(|it| field(&it.name, &it.docs)),
                TypeDefKind::Variant(variant) => {
                    variant.cases.iter().for_each(|it| field(&it.name, &it.docs))
                }
                TypeDefKind::Enum(it) => it.cases.iter().for_each(|it| field(&it.name, &it.docs)),
                TypeDefKind::Flags(flags) => flags.flags.iter().for_each(|it| field(&it.name, &it.docs)),
                // What has no name in a component has no text there.
                _ => return,
            }
            break;
        }
        if docs.description.is_some() || !docs.fields.is_empty() {
            texts.types.insert(name, docs);
        }
    }
}

fn of_function(function: &Function) -> ToolDocs {
    let description = text(&function.docs);
    let listed = description.as_deref().map(items).unwrap_or_default();
    let is_parameter = |name: &str| function.params.iter().any(|param| param.name == name);
    let parameters = listed.into_iter().filter(|(name, _)| is_parameter(name)).collect();
    ToolDocs { description, parameters, ..ToolDocs::default() }
}

/// Parses list items that begin with a name, such as "- `text`: what to measure", and their continuation lines.
fn items(text: &str) -> BTreeMap<String, String> {
    let mut items = BTreeMap::new();
    let mut current: Option<(String, String)> = None;
    for line in text.lines().chain([""]) {
        let item = line.trim_start().strip_prefix("- ").or_else(|| line.trim_start().strip_prefix("* "));
        let named = item.and_then(|item| item.strip_prefix('`')?.split_once('`'));
        let begun =
            named.and_then(|(name, rest)| Some((name.to_owned(), rest.strip_prefix(':')?.trim().to_owned())));
        let goes_on = item.is_none() && line.starts_with(' ') && !line.trim().is_empty();
        match &mut current {
            Some((_, so_far)) if goes_on => {
                so_far.push(' ');
                so_far.push_str(line.trim());
            }
            _ => {
                items.extend(current.take());
                current = begun;
            }
        }
    }
    items
}

fn text(docs: &Docs) -> Option<String> {
    docs.contents.as_deref().map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_names_file_line_and_column() {
        let rows = [
            ("package a:b;\ninterface i {\n    f: func(x: strng);\n}\nworld w { export i; }", ":3:16"),
            ("package a:b;\ninterface i {\n    f: func(\n}\n", ":4:1"),
            ("package a:b;\nworld w { export nowhere; }", ":2:18"),
            ("package a:b;\nworld w {\n  use c:d/e.{f};\n}", ":3:7"),
            ("package a:b;\ninterface i { use j.{t}; }\ninterface j { }\nworld w { export i; }", ":2:22"),
            ("package a:b;\ninterface i { type t = t; }\nworld w { export i; }", ":2:"),
            ("package a:b;\n\nworld w { # }", ":3:11"),
        ];
        let dir = tempfile::tempdir().expect("a folder");
        let file = dir.path().join("skill.wit");
        for (text, place) in rows {
            std::fs::write(&file, text).expect("written");
            for path in [dir.path(), &*file] {
                let error = Contract::read(path, None).expect_err("it is wrong").to_string();
                assert!(error.contains(&format!("skill.wit{place}")), "{text}: {error}");
            }
        }
    }

    #[test]
    fn the_import_of_http_is_added_once() {
        let plain = "package a:b; interface i { f: func(); } world w { export i; }";
        let mut contract = Contract::parse(plain, None).expect("it parses");
        assert!(!contract.imports_http());
        for _ in 0..2 {
            contract.import_http().expect("it is added");
            assert!(contract.imports_http());
            assert!(contract.changed);
            assert_eq!(contract.resolve.worlds[contract.world].imports.len(), 1);
        }
        let again = Contract::parse(&contract.to_wit().expect("it prints"), Some("w")).expect("it parses");
        assert!(again.imports_http());
        assert_eq!(again.name(), "w");
    }

    #[test]
    fn comments_on_parameters_functions_and_types_are_read() {
        let text = "/// About.
            package acme:demo@1.0.0;
            interface shapes { /// Two.
                record pair { /// The left one.
                    left: u32, right: u32 } }
            interface things {
                use shapes.{pair};
                /// A tone.
                enum tone { /// Deep.
                    low, high }
                /// Goes.
                ///
                /// - `pair`: what goes,
                ///   and where
                /// - `gone`: is none
                /// * `tone`: how
                go: func(pair: pair, tone: tone, rest: string);
            }
            world demo { export things; /// Alone.
                export bare: func(); }";
        let texts = Contract::parse(text, None).expect("it parses").texts();
        assert_eq!(texts.about.as_deref(), Some("About."));
        let go = texts.tools.get("things_go").expect("it is there");
        assert!(go.description.as_deref().is_some_and(|text| text.starts_with("Goes.")));
        let parameters: Vec<_> = go.parameters.0.iter().map(|(name, text)| (&**name, &**text)).collect();
        assert_eq!(parameters, [("pair", "what goes, and where"), ("tone", "how")]);
        assert_eq!(texts.tools.get("bare").and_then(|bare| bare.description.as_deref()), Some("Alone."));
        // A type of another interface is known by the name that it has in this one.
        let pair = texts.types.get("things_pair").expect("it is there");
        assert_eq!(pair.description.as_deref(), Some("Two."));
        assert_eq!(pair.fields.0.get("left").map(String::as_str), Some("The left one."));
        assert!(!pair.fields.0.contains_key("right"));
        assert_eq!(
            texts.types.get("things_tone").and_then(|tone| tone.fields.0.get("low")).map(String::as_str),
            Some("Deep.")
        );
    }
}

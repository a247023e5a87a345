//! Packs a component and its documentation into one file. It adds the `ringfence:skill` section, and the standard
//! metadata that other tools read.

use std::collections::{BTreeMap, BTreeSet};

use ringfence_section::{CAP, Example, Members, NAME as SECTION, Section, ToolDocs};
use wasm_encoder::{Component, RawSection};
use wasm_metadata::{AddMetadata, AddMetadataField, Description, Licenses, Version};
use wasmparser::{Parser, Payload};
use wit_parser::decoding::{DecodedWasm, decode};
use wit_parser::{WorldItem, WorldKey};

use crate::error::AuthorError;
use crate::manifest::Manifest;
use crate::wit::{Contract, Texts};

/// The section in which a core module carries the WIT of its Rust source. Packing removes it.
const WIT_SECTION: &str = "ringfence:wit";

/// The input of [`pack`].
#[derive(Debug)]
pub struct Pack<'a> {
    /// The component, which may have been packed before.
    pub component: &'a [u8],
    /// The contract. Default: the WIT that the component carries; without either there is no documentation.
    pub contract: Option<&'a Contract>,
    /// The content of `skill.toml`.
    pub manifest: &'a Manifest,
    /// The text of a SKILL.md.
    pub skill_md: Option<String>,
}

/// A component with its documentation.
#[derive(Debug)]
pub struct Packed {
    /// The bytes of the component.
    pub component: Vec<u8>,
    /// Tools without a description. An agent sees only their names and types.
    pub undocumented: Vec<String>,
    /// Tools of the WIT that the component does not export. Their documentation is left out.
    pub absent: Vec<String>,
}

/// Packs a component with its documentation. Equal inputs produce equal bytes.
///
/// Packing a packed component replaces its documentation. Without a WIT, the texts that an earlier packing took from
/// one are kept.
///
/// # Errors
///
/// - [`AuthorError::NotComponent`]: the bytes are no component.
/// - [`AuthorError::NoSuchTool`], [`AuthorError::Twice`], [`AuthorError::License`]: `skill.toml` is wrong.
/// - [`AuthorError::Wit`]: the WIT in the component is wrong.
/// - [`AuthorError::TooLong`]: the documentation is too large.
pub fn pack(pack: &Pack<'_>) -> Result<Packed, AuthorError> {
    let Parts { component: bare, carried, section: before } = take_out(pack.component, &[SECTION])?;
    let of_component = match (&pack.contract, &carried) {
        (None, Some(text)) => Some(Contract::parse(text, pack.manifest.world.as_deref())?),
        _ => None,
    };
    let texts = match (pack.contract.or(of_component.as_ref()), &before) {
        (Some(contract), _) => contract.texts(),
        // What an earlier packing took from a source that is not here stays.
        (None, Some(section)) => Texts::of_section(Section::from_bytes(section).unwrap_or_default()),
        (None, None) => Texts::default(),
    };
    let exports = Exports::of(&bare);
    let (section, mut packed) = section(pack, &texts, &exports)?;
    let json = section.to_bytes();
    if json.len() > CAP {
        return Err(AuthorError::TooLong { size: json.len(), cap: CAP });
    }
    packed.component = standard(&bare, pack.manifest, section.description.as_deref(), before.is_some())?;
    let section = wasm_encoder::CustomSection { name: SECTION.into(), data: json.into() };
    wasm_encoder::ComponentSection::append_to_component(&section, &mut packed.component);
    Ok(packed)
}

fn section(pack: &Pack<'_>, texts: &Texts, exports: &Exports) -> Result<(Section, Packed), AuthorError> {
    let mut tools: BTreeMap<String, ToolDocs> = BTreeMap::new();
    let mut absent = Vec::new();
    for (name, said) in &texts.tools {
        if !exports.has_tool(name) {
            absent.push(name.clone());
            continue;
        }
        tools.insert(name.clone(), said.clone());
    }
    let mut claimed = BTreeSet::new();
    for (name, claims) in &pack.manifest.tools {
        let full = exports.tool(name, texts)?;
        if !claimed.insert(full.clone()) {
            return Err(AuthorError::Twice { tool: full });
        }
        let tool = tools.entry(full).or_default();
        tool.annotations = claims.annotations();
        tool.parameters.0.extend(claims.parameters.clone());
    }
    for example in &pack.manifest.examples {
        let name = match &example.tool {
            Some(name) => exports.tool(name, texts)?,
            None => exports.only(texts)?,
        };
        let tool = tools.entry(name).or_default();
        tool.examples.push(Example::new(&*example.name, example.input.clone()));
    }
    let said = |name: &String| tools.get(name).is_some_and(|tool| tool.description.is_some());
    let undocumented = exports.tools.iter().filter(|name| !said(name)).cloned().collect();
    let types = texts.types.iter().filter(|(name, _)| exports.has_type(name));
    let manifest = pack.manifest;
    let section = Section {
        name: manifest.name.clone(),
        version: manifest.version.clone(),
        license: manifest.license.clone(),
        description: manifest.description.clone().or_else(|| texts.about.clone()),
        grants: manifest.grants.clone(),
        skill_md: pack.skill_md.clone(),
        types: types.map(|(name, texts)| (name.clone(), texts.clone())).collect(),
        tools: Members(tools),
    };
    Ok((section, Packed { component: Vec::new(), undocumented, absent }))
}

/// The exports of a component, by the names that a host uses. Empty if its types cannot be read as WIT; then not
/// packing but the host that loads it checks the documentation.
struct Exports {
    known: bool,
    tools: BTreeSet<String>,
    types: BTreeSet<String>,
}

impl Exports {
    fn of(component: &[u8]) -> Self {
        let mut exports = Self { known: false, tools: BTreeSet::new(), types: BTreeSet::new() };
        let Ok(DecodedWasm::Component(resolve, world)) = decode(component) else { return exports };
        let Some(world) = resolve.worlds.get(world) else { return exports };
        exports.known = true;
        for (key, item) in &world.exports {
            match item {
                WorldItem::Interface { id, .. } => {
                    let Some(interface) = resolve.interfaces.get(*id) else { continue };
                    let package = interface.package.and_then(|package| resolve.packages.get(package));
                    let is_wasi = package.is_some_and(|package| package.name.namespace == "wasi");
                    let name = match key {
                        WorldKey::Name(name) => name.clone(),
                        WorldKey::Interface(_) => interface.name.clone().unwrap_or_default(),
                    };
                    // What the languages' own tools export is no tool of the author's.
                    if is_wasi {
                        continue;
                    }
                    let functions = interface.functions.keys().map(|function| format!("{name}_{function}"));
                    exports.tools.extend(functions.filter(|function| function != "exports_init"));
                    exports.types.extend(interface.types.keys().map(|ty| format!("{name}_{ty}")));
                }
                WorldItem::Function(function) => {
                    exports.tools.insert(function.name.clone());
                }
                WorldItem::Type { .. } => {}
            }
        }
        for item in world.imports.values().chain(world.exports.values()) {
            if let WorldItem::Type { id, .. } = item
                && let Some(name) = resolve.types.get(*id).and_then(|ty| ty.name.clone())
            {
                exports.types.insert(name);
            }
        }
        exports
    }

    fn has_tool(&self, name: &str) -> bool {
        !self.known || self.tools.contains(name)
    }

    fn has_type(&self, name: &str) -> bool {
        !self.known || self.types.contains(name)
    }

    /// Returns the full name of a tool, from its full or its bare name.
    fn tool(&self, name: &str, texts: &Texts) -> Result<String, AuthorError> {
        let all: Vec<&String> =
            if self.known { self.tools.iter().collect() } else { texts.tools.keys().collect() };
        if all.iter().any(|tool| *tool == name) || (!self.known && all.is_empty()) {
            return Ok(name.to_owned());
        }
        let bare = |tool: &&&String| tool.split_once('_').is_some_and(|(_, bare)| bare == name);
        let mut found = all.iter().filter(bare);
        match (found.next(), found.next()) {
            (Some(tool), None) => Ok((*tool).clone()),
            _ => Err(no_such_tool(name, &all)),
        }
    }

    fn only(&self, texts: &Texts) -> Result<String, AuthorError> {
        let all: Vec<&String> =
            if self.known { self.tools.iter().collect() } else { texts.tools.keys().collect() };
        match &*all {
            [only] => Ok((*only).clone()),
            _ => Err(no_such_tool("(none; set `tool` in the example)", &all)),
        }
    }
}

/// Lists the tools by their bare names; by full names where two interfaces share one.
fn no_such_tool(name: &str, all: &[&String]) -> AuthorError {
    let bare = |tool: &str| tool.split_once('_').map_or(tool, |(_, bare)| bare).to_owned();
    let called = |tool: &&String| {
        let one = all.iter().filter(|other| bare(other) == bare(tool)).count() == 1;
        if one { bare(tool) } else { (*tool).clone() }
    };
    let known = all.iter().map(called).collect::<Vec<_>>().join(", ");
    AuthorError::NoSuchTool { tool: name.to_owned(), known }
}

/// Returns the WIT that a component carries from its source, if any.
///
/// # Errors
///
/// Fails with [`AuthorError::NotComponent`].
pub fn carried_wit(component: &[u8]) -> Result<Option<String>, AuthorError> {
    take_out(component, &[SECTION]).map(|parts| parts.carried)
}

/// The parts of a component.
struct Parts {
    component: Vec<u8>,
    /// The WIT that its module carried.
    carried: Option<String>,
    /// The section of an earlier packing.
    section: Option<Vec<u8>>,
}

fn not_component(
    reason: impl Into<String>,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
) -> AuthorError {
    AuthorError::NotComponent { reason: reason.into(), source }
}

/// Returns the component without the sections of these names, and the WIT that its module carries.
fn take_out(component: &[u8], sections: &[&str]) -> Result<Parts, AuthorError> {
    let wrong = |error: wasmparser::BinaryReaderError| not_component(error.to_string(), Some(error.into()));
    if !Parser::is_component(component) {
        return Err(not_component("the bytes do not start with the header of a component", None));
    }
    let mut out = Component::new();
    let (mut carried, mut section) = (None, None);
    let mut parser = Parser::new(0);
    let mut rest = component;
    loop {
        let (payload, used) = match parser.parse(rest, true).map_err(wrong)? {
            wasmparser::Chunk::Parsed { consumed, payload } => (payload, consumed),
            wasmparser::Chunk::NeedMoreData(_) => {
                return Err(not_component("the file is truncated", None));
            }
        };
        rest = rest.get(used..).unwrap_or_default();
        match payload {
            Payload::End(_) => break,
            Payload::ModuleSection { unchecked_range, .. } => {
                let module = component.get(unchecked_range.clone()).unwrap_or_default();
                let (module, text) = without_wit(module).map_err(wrong)?;
                carried = carried.or(text);
                out.section(&RawSection { id: 1, data: &module });
                rest = component.get(unchecked_range.end..).unwrap_or_default();
            }
            Payload::ComponentSection { unchecked_range, .. } => {
                let nested = component.get(unchecked_range.clone()).unwrap_or_default();
                out.section(&RawSection { id: 4, data: nested });
                rest = component.get(unchecked_range.end..).unwrap_or_default();
            }
            Payload::CustomSection(custom) if sections.contains(&custom.name()) => {
                if custom.name() == SECTION {
                    section = Some(custom.data().to_vec());
                }
            }
            payload => {
                if let Some((id, range)) = payload.as_section() {
                    let data = component.get(range).unwrap_or_default();
                    out.section(&RawSection { id, data });
                }
            }
        }
    }
    Ok(Parts { component: out.finish(), carried, section })
}

/// Returns a core module without the section of the WIT, and the WIT.
fn without_wit(module: &[u8]) -> Result<(Vec<u8>, Option<String>), wasmparser::BinaryReaderError> {
    let mut out = wasm_encoder::Module::new();
    let mut carried = None;
    for payload in Parser::new(0).parse_all(module) {
        let payload = payload?;
        match &payload {
            Payload::CustomSection(section) if section.name() == WIT_SECTION => {
                carried = carried.or_else(|| String::from_utf8(section.data().to_vec()).ok());
            }
            _ => {
                if let Some((id, range)) = payload.as_section() {
                    let data = module.get(range).unwrap_or_default();
                    out.section(&RawSection { id, data });
                }
            }
        }
    }
    // Most have none, and stay as they are to the byte.
    if carried.is_none() { Ok((module.to_vec(), None)) } else { Ok((out.finish(), carried)) }
}

/// Adds the standard metadata. Fields that the manifest lacks stay, unless they came from an earlier packing.
fn standard(
    component: &[u8],
    manifest: &Manifest,
    description: Option<&str>,
    packed_before: bool,
) -> Result<Vec<u8>, AuthorError> {
    let mut add = AddMetadata::default();
    // Written beside what is there, it would be there twice.
    let mut said = vec!["version", "licenses", "description"];
    let is_said = [manifest.version.is_some(), manifest.license.is_some(), description.is_some()];
    let mut keep = is_said.iter();
    said.retain(|_| keep.next() == Some(&true) || packed_before);
    let Parts { component, .. } = take_out(component, &said)?;
    if let Some(name) = &manifest.name {
        add.name = AddMetadataField::Set(name.clone());
    }
    if let Some(version) = &manifest.version {
        add.version = AddMetadataField::Set(Version::new(version.clone()));
    }
    if let Some(license) = &manifest.license {
        let license = Licenses::new(license).map_err(|_| AuthorError::License(license.clone()))?;
        add.licenses = AddMetadataField::Set(license);
    }
    if let Some(description) = description {
        add.description = AddMetadataField::Set(Description::new(description.to_owned()));
    }
    add.to_wasm(&component).map_err(|error| not_component(format!("{error:#}"), Some(error.into())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;
    use wit_component::{ComponentEncoder, StringEncoding, dummy_module, embed_component_metadata};
    use wit_parser::ManglingAndAbi;

    const WIT: &str = "/// Shouts.
        package acme:demo@1.0.0;
        interface tools {
            /// How loud.
            enum loudness { low, /// With marks.
                high }
            /// Shouts it.
            ///
            /// - `text`: what to shout
            shout: func(text: string, loudness: loudness) -> string;
            whisper: func(text: string) -> string;
        }
        world demo { export tools; }";

    /// A component of a world, whose module may carry its WIT.
    fn component(wit: &str, carries: bool) -> Vec<u8> {
        let Contract { resolve, world, .. } = Contract::parse(wit, None).expect("it parses");
        let mut core = dummy_module(&resolve, world, ManglingAndAbi::Standard32);
        embed_component_metadata(&mut core, &resolve, world, StringEncoding::UTF8).expect("embedded");
        if carries {
            let section =
                wasm_encoder::CustomSection { name: WIT_SECTION.into(), data: wit.as_bytes().into() };
            wasm_encoder::Section::append_to(&section, &mut core);
        }
        ComponentEncoder::default().module(&core).expect("a module").encode().expect("a component")
    }

    fn section_of(component: &[u8]) -> Value {
        let mut found =
            Parser::new(0).parse_all(component).filter_map(|payload| match payload.expect("valid") {
                Payload::CustomSection(section) if section.name() == SECTION => Some(section.data().to_vec()),
                _ => None,
            });
        let section = found.next().expect("it is there");
        assert!(found.next().is_none(), "it is there once");
        serde_json::from_slice(&section).expect("JSON")
    }

    fn pack_again(component: &[u8], manifest: &Manifest) -> Vec<u8> {
        let what = Pack { component, contract: None, manifest, skill_md: None };
        pack(&what).expect("it is packed").component
    }

    fn manifest(toml: &str) -> Manifest {
        Manifest::parse(toml, "skill.toml".as_ref()).expect("it parses")
    }

    #[test]
    fn documentation_is_packed_under_the_names_of_the_component() {
        let bare = component(WIT, false);
        let contract = Contract::parse(WIT, None).expect("it parses");
        let manifest = manifest(
            "name = \"demo\"\nversion = \"1.2.0\"\nlicense = \"MIT\"\n[grants]\nkv = true\n[tools.shout]\nread-only = true\n\
             [tools.tools_whisper.parameters]\ntext = \"quietly\"\n[[example]]\nname = \"e\"\ntool = \"shout\"\ninput = {text = \"a\", loudness = \"low\"}",
        );
        let what = Pack {
            component: &bare,
            contract: Some(&contract),
            manifest: &manifest,
            skill_md: Some("# S".into()),
        };
        let packed = pack(&what).expect("it is packed");
        assert_eq!(packed.undocumented, ["tools_whisper"]);
        assert_eq!(packed.absent, Vec::<String>::new());
        let expected = serde_json::json!({
            "name": "demo", "version": "1.2.0", "license": "MIT", "description": "Shouts.",
            "grants": {"kv": true}, "skill-md": "# S",
            "tools": {
                "tools_shout": {
                    "description": "Shouts it.\n\n- `text`: what to shout",
                    "parameters": {"text": "what to shout"},
                    "annotations": {"read-only": true},
                    "examples": [{"name": "e", "input": {"text": "a", "loudness": "low"}}],
                },
                "tools_whisper": {"parameters": {"text": "quietly"}},
            },
            "types": {"tools_loudness": {"description": "How loud.", "fields": {"high": "With marks."}}},
        });
        assert_eq!(section_of(&packed.component), expected);
        // Packed again without the WIT it says the same of tools and types; without a licence it has none.
        let without = Manifest { license: None, ..manifest.clone() };
        let kept = pack_again(&packed.component, &without);
        assert_eq!(section_of(&kept)["tools"], expected["tools"]);
        assert_eq!(section_of(&kept)["types"], expected["types"]);
        assert!(!kept.windows(11).any(|window| window == b"licensesMIT"));
        assert!(packed.component.windows(11).any(|window| window == b"licensesMIT"));
        // Packed again it is the same, and the component is whole.
        let again = pack(&Pack { component: &packed.component, ..what }).expect("it is packed");
        assert!(again.component == packed.component);
        assert!(matches!(decode(&packed.component), Ok(DecodedWasm::Component(..))));
    }

    #[test]
    fn the_wit_text_in_a_module_is_extracted_and_used() {
        let carrying = component(WIT, true);
        let packed = pack(&Pack {
            component: &carrying,
            contract: None,
            manifest: &Manifest::default(),
            skill_md: None,
        });
        let packed = packed.expect("it is packed");
        assert_eq!(section_of(&packed.component)["description"], "Shouts.");
        assert_eq!(carried_wit(&packed.component).expect("a component"), None);
        assert_eq!(carried_wit(&carrying).expect("a component").as_deref(), Some(WIT));
    }

    #[test]
    fn documentation_of_missing_tools_is_reported_or_refused() {
        let bare = component(WIT, false);
        let more = WIT.replace("whisper:", "/// Sings. \n sing: func(); whisper:");
        let contract = Contract::parse(&more, None).expect("it parses");
        let with = |manifest: &Manifest| {
            pack(&Pack { component: &bare, contract: Some(&contract), manifest, skill_md: None })
        };
        assert_eq!(with(&Manifest::default()).expect("it is packed").absent, ["tools_sing"]);
        for toml in [
            "[tools.sing]\nread-only = true",
            "[[example]]\nname = \"e\"\ntool = \"hum\"",
            "[[example]]\nname = \"e\"",
        ] {
            assert!(matches!(with(&manifest(toml)), Err(AuthorError::NoSuchTool { .. })), "{toml}");
        }
        let twice = "[tools.shout]\nread-only = true\n[tools.tools_shout]\nread-only = false";
        assert!(matches!(with(&manifest(twice)), Err(AuthorError::Twice { .. })));
        let long = Manifest { description: Some("x".repeat(CAP)), ..Manifest::default() };
        assert!(matches!(with(&long), Err(AuthorError::TooLong { .. })));
    }

    #[test]
    fn bytes_that_are_not_a_component_are_refused() {
        let whole = component(WIT, false);
        let module = wasm_encoder::Module::new().finish();
        for bytes in [&b""[..], b"\0asm", &module, whole.get(..whole.len() / 2).unwrap_or_default()] {
            let packed = pack(&Pack {
                component: bytes,
                contract: None,
                manifest: &Manifest::default(),
                skill_md: None,
            });
            assert!(matches!(packed, Err(AuthorError::NotComponent { .. })), "{} bytes", bytes.len());
        }
    }
}

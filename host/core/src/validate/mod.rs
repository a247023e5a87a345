//! Validates a component without compiling it, and finds every reason against it.
//!
//! Validation is pure: it takes bytes and caps, and returns a description or refusals. The order is size, header,
//! counts, validity under the allowed features, imports, exports, documentation, schemas. It reports all reasons at
//! once.

mod count;
mod exports;
mod features;
mod imports;
mod metadata;
mod refusals;

use std::sync::Arc;

use wasmparser::{ComponentExternalKind, Parser, Payload};

pub(crate) use imports::Offer;

use refusals::Refusals;

use crate::description::{Access, Description, Import, SkillDocs};
use crate::digest::Digest;
use crate::error::{LoadError, Refusal};
use crate::limits::SkillCaps;
use crate::schema;

/// Submitted bytes and their digest. Only their size has been checked.
#[derive(Debug, Clone)]
pub struct Submission {
    bytes: Arc<[u8]>,
    digest: Digest,
}

impl Submission {
    /// Accepts bytes within the cap on size.
    ///
    /// # Errors
    ///
    /// Fails with [`Refusal::OverCap`], which has both sizes.
    pub fn new(bytes: impl Into<Arc<[u8]>>, caps: &SkillCaps) -> Result<Self, LoadError> {
        let bytes = bytes.into();
        let size = bytes.len() as u64;
        if size > caps.size {
            let refusal = Refusal::OverCap { what: "bytes", value: size, cap: caps.size };
            return Err(LoadError::Refused(vec![refusal]));
        }
        let digest = Digest::of(&bytes);
        Ok(Self { bytes, digest })
    }

    /// Returns the SHA-256 of the bytes.
    pub fn digest(&self) -> Digest {
        self.digest
    }
}

/// A component that passed every check before compilation.
#[derive(Debug, Clone)]
pub struct ValidatedSkill {
    pub(crate) bytes: Arc<[u8]>,
    pub(crate) digest: Digest,
    pub(crate) description: Arc<Description>,
}

impl ValidatedSkill {
    /// Returns the component's bytes, for a compiler in another process.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Returns the SHA-256 of the bytes, which identifies the skill.
    pub fn digest(&self) -> Digest {
        self.digest
    }
}

/// Checks a submission against `caps` and the host's interfaces.
pub(crate) fn validate(
    submission: Submission,
    caps: &SkillCaps,
    offer: &Offer,
) -> Result<ValidatedSkill, LoadError> {
    let Submission { bytes, digest } = submission;
    let mut refusals = Refusals::default();
    match describe(&bytes, caps, offer, &mut refusals) {
        Some(description) if refusals.is_empty() => {
            Ok(ValidatedSkill { bytes, digest, description: Arc::new(description) })
        }
        _ => {
            if refusals.is_empty() {
                refusals.push(Refusal::Malformed { offset: 0, message: "no top-level component".into() });
            }
            Err(LoadError::Refused(refusals.finish()))
        }
    }
}

fn describe(bytes: &[u8], caps: &SkillCaps, offer: &Offer, refusals: &mut Refusals) -> Option<Description> {
    if let Some(refusal) = header(bytes) {
        refusals.push(refusal);
        return None;
    }
    let counts = count::count(bytes, caps, refusals)?;
    let types = features::validate(bytes, refusals)?;
    let top = top_level(bytes);
    imports::read(types.as_ref(), &top.imports, offer, refusals);
    let mut exports = exports::read(types.as_ref(), &top.exports, caps, refusals);
    let mut docs = SkillDocs::default();
    if let Some(section) = top.metadata {
        docs = metadata::apply(section, top.sections, &mut exports, refusals);
    }
    // A large schema refuses the skill here, so that nobody has to carry it later.
    let mut schema_bytes: u64 = 0;
    for tool in &exports.tools {
        schema_bytes = schema_bytes.saturating_add(schema::size(&exports.types, tool));
        if schema_bytes > caps.schema {
            refusals.push(Refusal::OverCap {
                what: "or more bytes of JSON Schema",
                value: schema_bytes,
                cap: caps.schema,
            });
            break;
        }
    }
    let scratch = docs.manifest.grants.scratch;
    let access = |name: &str| match offer.access(name) {
        // What nobody asks for stays empty.
        Access::Empty if scratch && name.starts_with("wasi:filesystem/") => Access::ByGrant,
        access => access,
    };
    let imports = top.imports.iter().map(|name| Import { name: name.clone(), access: access(name) });
    Some(Description { tools: exports.tools, types: exports.types, imports: imports.collect(), counts, docs })
}

/// Refuses bytes that are no component, by their first eight bytes.
fn header(bytes: &[u8]) -> Option<Refusal> {
    match bytes {
        [0, b'a', b's', b'm', 0x0d, 0, 1, 0, ..] => None,
        [0, b'a', b's', b'm', 1, 0, 0, 0, ..] => Some(Refusal::CoreModule),
        [0, b'a', b's', b'm', ..] => {
            let message = if bytes.len() < 8 { "truncated header" } else { "unknown version or layer" };
            Some(Refusal::Malformed { offset: 4, message: message.into() })
        }
        _ => {
            let start = bytes.trim_ascii_start();
            let hint = if bytes.is_empty() {
                "; the file is empty"
            } else if start.starts_with(b"(component")
                || start.starts_with(b"(module")
                || start.starts_with(b";;")
            {
                "; it is WebAssembly text; assemble it, for example with `wasm-tools parse`"
            } else if bytes.starts_with(b"\x7fELF") {
                "; it is a native program or compiled code, which Ringfence never loads from a file"
            } else if bytes.starts_with(&[0x1f, 0x8b]) || bytes.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]) {
                "; it is compressed; unpack it first"
            } else {
                ""
            };
            Some(Refusal::NotWasm { hint })
        }
    }
}

#[derive(Default)]
struct TopLevel<'a> {
    imports: Vec<String>,
    exports: Vec<(String, ComponentExternalKind)>,
    metadata: Option<&'a [u8]>,
    /// Sections of that name.
    sections: u32,
}

/// The names at the top level of a valid component, in the order of the file.
fn top_level(bytes: &[u8]) -> TopLevel<'_> {
    let mut top = TopLevel::default();
    let mut depth: u32 = 0;
    for payload in Parser::new(0).parse_all(bytes).map_while(Result::ok) {
        match payload {
            Payload::Version { .. } => depth = depth.saturating_add(1),
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::ComponentImportSection(imports) if depth == 1 => {
                top.imports.extend(imports.into_iter().flatten().map(|import| import.name.name.to_owned()));
            }
            Payload::ComponentExportSection(exports) if depth == 1 => {
                let exports = exports.into_iter().flatten();
                top.exports.extend(exports.map(|export| (export.name.name.to_owned(), export.kind)));
            }
            Payload::CustomSection(section) if depth == 1 && section.name() == ringfence_section::NAME => {
                top.metadata = Some(section.data());
                top.sections = top.sections.saturating_add(1);
            }
            _ => {}
        }
    }
    top
}

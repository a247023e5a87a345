//! A loaded skill: compiled, linked to the host's interfaces, its tools known by name.

use std::collections::HashMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use wasmtime::component::types::{self, ComponentItem};
use wasmtime::component::{
    Component, ComponentExportIndex, ComponentNamedList, InstancePre, Lift, Linker, Lower,
};

use crate::artifact::Artifact;
use crate::compat::{self, BreakingChange};
use crate::description::{Counts, Description, Import, Manifest, ToolDescription, ToolResult};
use crate::digest::Digest;
use crate::error::{LoadError, Refusal, RunError};
use crate::limits::{HOST_CALL_BYTES, SkillCaps};
use crate::portable;
use crate::schema;
use crate::state::GuestState;
use crate::style::SchemaStyle;
use crate::types::TypeTable;
use crate::validate::ValidatedSkill;
use ringfence_section::{Annotations, Example};

/// The result of validation: a skill's tools, types, imports and counts.
///
/// If you store it beside the artifact, another process with the same [`crate::Host::fingerprint`] need not validate
/// again.
#[derive(Debug, Clone)]
pub struct SkillDescription {
    digest: Digest,
    size: u64,
    description: Arc<Description>,
}

#[derive(Serialize)]
struct Keep<'a> {
    digest: Digest,
    size: u64,
    description: &'a Description,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    digest: Digest,
    size: u64,
    description: Description,
}

impl SkillDescription {
    /// Returns the SHA-256 of the component's bytes, which identifies the skill.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// Returns the component's size in bytes.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Returns the author's description of the skill. Untrusted text.
    pub fn about(&self) -> Option<&str> {
        self.description.docs.description.as_deref()
    }

    /// Returns the author's name, version, licence and requested grants. Untrusted text.
    pub fn manifest(&self) -> &Manifest {
        &self.description.docs.manifest
    }

    /// Returns the SKILL.md that the author packed: instructions for an agent. Untrusted text.
    pub fn skill_md(&self) -> Option<&str> {
        self.description.docs.skill_md.as_deref()
    }

    /// Returns the tools, in the order of their exports.
    pub fn tools(&self) -> impl ExactSizeIterator<Item = Tool<'_>> {
        tools(&self.description)
    }

    /// Returns the imports.
    pub fn imports(&self) -> &[Import] {
        &self.description.imports
    }

    /// Serialises the description. Authenticate the bytes before you read them again.
    pub fn to_bytes(&self) -> Vec<u8> {
        let kept = Keep { digest: self.digest, size: self.size, description: &self.description };
        // Plain data with string keys: there is nothing that could fail.
        serde_json::to_vec(&kept).unwrap_or_default()
    }

    /// Reads the bytes of [`SkillDescription::to_bytes`] under the same fingerprint.
    ///
    /// It checks only that a skill can have such types: complete, not recursive, at most 100 levels deep. With wrong types
    /// or tools, calls return wrong values or fail. With counts that are too low, a run takes more memory and slots than
    /// admission reserves, so other runs can be refused. Read only authenticated bytes, as for the code beside them.
    ///
    /// # Errors
    ///
    /// Fails with [`LoadError::Artifact`] for bytes of another format, and for types that no skill has.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, LoadError> {
        let Kept { digest, size, description } =
            serde_json::from_slice(bytes).map_err(|error| LoadError::Artifact {
                reason: format!("unreadable description: {error}"),
                source: Some(error.into()),
            })?;
        if !description.is_sound() {
            return Err(LoadError::artifact("the description refers to undefined types"));
        }
        Ok(Self { digest, size, description: Arc::new(description) })
    }

    /// Lists what breaks for callers of `old` if this skill replaces it; see
    /// [`ValidatedSkill::breaking_changes_since`].
    pub fn breaking_changes_since(&self, old: &Self) -> Vec<BreakingChange> {
        compat::breaking(&old.description, &self.description)
    }
}

/// A skill that a [`crate::Host`] loaded. It is cheap to clone, and its runs share no mutable state.
#[derive(Clone)]
pub struct Skill {
    inner: Arc<Inner>,
}

struct Inner {
    digest: Digest,
    size: u64,
    description: Arc<Description>,
    pre: InstancePre<GuestState>,
    exports: Vec<Export>,
    names: HashMap<Arc<str>, usize>,
    counts: Counts,
    /// The engine's record of the types, for calls with Rust types.
    types: types::Component,
}

impl std::fmt::Debug for Skill {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Skill").field("digest", &self.inner.digest).finish_non_exhaustive()
    }
}

impl Skill {
    /// Maps the artifact and links it once, for all runs.
    pub(crate) fn link(
        skill: &SkillDescription,
        artifact: &Artifact,
        linker: &Linker<GuestState>,
        caps: &SkillCaps,
    ) -> Result<Self, LoadError> {
        let component = artifact.load(linker.engine(), skill.digest)?;
        let pre = linker.instantiate_pre(&component).map_err(|error| {
            // The names are checked before compiling; what is left are the types behind them.
            let text = format!("{error:#}");
            let import = text.split('`').nth(1).unwrap_or("an interface").to_owned();
            let import = crate::text::clean(&import, 256);
            let message = crate::text::clean(&text, 512);
            LoadError::Refused(vec![Refusal::ImportMismatch { import, message }])
        })?;
        let mut names = HashMap::new();
        let mut exports = Vec::new();
        for (index, tool) in skill.description.tools.iter().enumerate() {
            exports.push(find(&component, tool)?);
            names.insert(Arc::clone(&tool.name), index);
            names.insert(Arc::clone(&tool.full_name), index);
        }
        let description = Arc::clone(&skill.description);
        let counts = counts(&component, &description.counts, caps);
        let inner = Inner {
            digest: skill.digest,
            size: skill.size,
            description,
            pre,
            exports,
            names,
            counts,
            types: component.component_type(),
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Returns the SHA-256 of the component's bytes, which identifies the skill.
    pub fn digest(&self) -> Digest {
        self.inner.digest
    }

    /// Returns the tools, in the order of their exports.
    pub fn tools(&self) -> impl ExactSizeIterator<Item = Tool<'_>> {
        tools(&self.inner.description)
    }

    /// Returns the author's description of the skill. Untrusted text.
    pub fn about(&self) -> Option<&str> {
        self.inner.description.docs.description.as_deref()
    }

    /// Returns the author's name, version, licence and requested grants. Untrusted text.
    pub fn manifest(&self) -> &Manifest {
        &self.inner.description.docs.manifest
    }

    /// Returns the SKILL.md that the author packed: instructions for an agent. Untrusted text.
    pub fn skill_md(&self) -> Option<&str> {
        self.inner.description.docs.skill_md.as_deref()
    }

    /// Returns the tool of a name: the function's own name if it is unique, or `interface_function`.
    pub fn tool(&self, name: &str) -> Option<Tool<'_>> {
        let index = *self.inner.names.get(name)?;
        self.tools().nth(index)
    }

    /// Returns the imports.
    pub fn imports(&self) -> &[Import] {
        &self.inner.description.imports
    }

    /// Returns the approximate bytes of the loaded skill: its code and its description.
    pub fn footprint(&self) -> u64 {
        let described = serde_json::to_vec(&*self.inner.description).map_or(0, |text| text.len() as u64);
        self.code_size().saturating_add(described)
    }

    /// Its description, which stays after the skill is dropped.
    pub fn described(&self) -> SkillDescription {
        let Inner { digest, size, description, .. } = &*self.inner;
        SkillDescription { digest: *digest, size: *size, description: Arc::clone(description) }
    }

    /// Bytes of its compiled code, as it is mapped.
    pub fn code_size(&self) -> u64 {
        let image = self.inner.pre.component().image_range();
        image.end.addr().saturating_sub(image.start.addr()) as u64
    }

    /// Returns whether the skill can emit chunks and progress: it imports `ringfence:skill/progress`.
    pub fn emits(&self) -> bool {
        self.imports().iter().any(|import| import.name.starts_with("ringfence:skill/progress@"))
    }

    /// Finds the tool of a name and its function, for a call.
    pub(crate) fn lookup(&self, name: &str) -> Result<Found<'_>, RunError> {
        let inner = &*self.inner;
        let found = inner.names.get(name).and_then(|index| {
            let tool = inner.description.tools.get(*index)?;
            Some(Found {
                tool,
                types: &inner.description.types,
                export: inner.exports.get(*index)?,
                component: &inner.types,
            })
        });
        found.ok_or_else(|| {
            let known: Vec<&str> = inner.description.tools.iter().take(20).map(|tool| &*tool.name).collect();
            RunError::NoSuchTool {
                skill: inner.digest,
                tool: crate::text::clean(name, 128),
                known: known.join(", "),
            }
        })
    }

    pub(crate) fn pre(&self) -> &InstancePre<GuestState> {
        &self.inner.pre
    }

    pub(crate) fn counts(&self) -> &Counts {
        &self.inner.counts
    }
}

impl ValidatedSkill {
    /// Returns the description of the skill, without its bytes.
    pub fn described(&self) -> SkillDescription {
        let size = self.bytes.len() as u64;
        SkillDescription { digest: self.digest, size, description: Arc::clone(&self.description) }
    }

    /// Returns the author's description of the skill. Untrusted text.
    pub fn description(&self) -> Option<&str> {
        self.description.docs.description.as_deref()
    }

    /// Returns the tools, in the order of their exports.
    pub fn tools(&self) -> impl ExactSizeIterator<Item = Tool<'_>> {
        tools(&self.description)
    }

    /// Returns the imports.
    pub fn imports(&self) -> &[Import] {
        &self.description.imports
    }
}

fn tools(description: &Description) -> impl ExactSizeIterator<Item = Tool<'_>> {
    description.tools.iter().map(|tool| Tool { types: &description.types, tool })
}

/// Maximum bytes of a result in the host for each byte of JSON that the output limit allows.
const EXPANSION: u64 = 32;

/// A tool and where its function is.
#[derive(Clone, Copy)]
pub(crate) struct Found<'a> {
    pub(crate) tool: &'a ToolDescription,
    pub(crate) types: &'a TypeTable,
    pub(crate) export: &'a Export,
    component: &'a types::Component,
}

impl Found<'_> {
    /// Checks that Rust types are those of the tool, before the guest runs.
    pub(crate) fn check_types<P, R>(&self) -> Result<(), RunError>
    where
        P: ComponentNamedList + Lower,
        R: ComponentNamedList + Lift,
    {
        self.export.ty.typecheck::<P, R>(&self.component.instance_type()).map_err(|error| RunError::Input {
            pointer: String::new(),
            message: format!("the Rust types do not match the tool's signature: {error:#}"),
        })
    }

    /// Returns the maximum bytes that the engine moves from the guest to the host in one call.
    pub(crate) fn transfer_bound(&self, output: u64) -> u64 {
        let most = output.saturating_mul(EXPANSION);
        lift_bound(self.types, self.tool, output).min(most).max(HOST_CALL_BYTES)
    }
}

/// Returns what a run instantiates: the counts of the pre-scan, and at least those of the compiler. Neither contains a
/// module that a nested component gets as an argument, so such a skill counts as one at its caps.
fn counts(component: &Component, scanned: &Counts, caps: &SkillCaps) -> Counts {
    let (memories, tables) = match component.resources_required() {
        Some(known) => (known.num_memories.into(), known.num_tables.into()),
        None => (caps.memories.into(), caps.tables.into()),
    };
    Counts { memories: scanned.memories.max(memories), tables: scanned.tables.max(tables), ..*scanned }
}

/// Where a tool's function is in the component, and the engine's record of its type.
pub(crate) struct Export {
    pub(crate) index: ComponentExportIndex,
    ty: types::ComponentFunc,
}

fn find(component: &Component, tool: &ToolDescription) -> Result<Export, LoadError> {
    let instance = match &tool.interface {
        Some(interface) => component.get_export(None, &**interface).map(|(_, index)| Some(index)),
        None => Some(None),
    };
    let export = instance.and_then(|instance| component.get_export(instance.as_ref(), &*tool.function));
    // The engine and the validator read the same bytes, so they differ only where a digest that the caller vouches for is
    // wrong.
    match export {
        Some((ComponentItem::ComponentFunc(ty), index)) => Ok(Export { index, ty }),
        _ => Err(LoadError::artifact(format!("the function `{}` is missing", tool.full_name))),
    }
}

fn lift_bound(types: &TypeTable, tool: &ToolDescription, output: u64) -> u64 {
    tool.result.whole().map_or(0, |ty| {
        // The top-level `result` is taken off before JSON is written, so its member's name is not.
        types.lift_bound(ty, output.saturating_add(16))
    })
}

/// A tool of a skill: an exported function with its types and texts.
#[derive(Clone, Copy)]
pub struct Tool<'a> {
    types: &'a TypeTable,
    tool: &'a ToolDescription,
}

impl std::fmt::Debug for Tool<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tool").field("name", &self.tool.name).finish_non_exhaustive()
    }
}

impl<'a> Tool<'a> {
    /// Returns the shortest name: the function's own name if it is unique in the skill.
    pub fn name(&self) -> &'a str {
        &self.tool.name
    }

    /// Returns the name that always works: `interface_function`, or the name of a bare function.
    pub fn full_name(&self) -> &'a str {
        &self.tool.full_name
    }

    /// Returns the exporting interface with package and version, or none for a bare function.
    pub fn interface(&self) -> Option<&'a str> {
        self.tool.interface.as_deref()
    }

    /// Returns the signature in WIT, cut at 4 KiB.
    pub fn signature(&self) -> String {
        self.types.signature(&self.tool.function, &self.tool.params, self.tool.result.whole())
    }

    /// Returns the author's description of the tool. Untrusted text.
    pub fn description(&self) -> Option<&'a str> {
        self.tool.docs.as_ref()?.description.as_deref()
    }

    /// Returns example inputs. Each fits the tool.
    pub fn examples(&self) -> &'a [Example] {
        self.tool.docs.as_ref().map_or(&[], |docs| &docs.examples)
    }

    /// Returns the author's claims about the tool's behaviour. Nothing checks them.
    pub fn annotations(&self) -> Option<&'a Annotations> {
        self.tool.docs.as_ref()?.annotations.as_ref()
    }

    /// Returns the JSON Schema 2020-12 of the input: an object with a member for each parameter.
    pub fn parameters_schema(&self) -> Value {
        schema::parameters(self.types, self.tool)
    }

    /// Returns the JSON Schema of a completed run's value.
    pub fn result_schema(&self) -> Value {
        schema::result(self.types, self.tool)
    }

    /// Returns the JSON Schema of a failed run's value, or none for a tool that cannot fail.
    pub fn failure_schema(&self) -> Option<Value> {
        schema::failure(self.types, self.tool)
    }

    /// Returns the schema of the input in another style, for readers that do not know all of JSON Schema.
    pub fn parameters_schema_as(&self, style: SchemaStyle) -> Value {
        portable::parameters(self.types, self.tool, style)
    }

    /// Returns the schema of a completed run's value in another style. Every such value is valid under it.
    pub fn result_schema_as(&self, style: SchemaStyle) -> Value {
        portable::result(self.types, self.tool, style)
    }

    /// Returns the schema of a failed run's value in another style, or none for a tool that cannot fail.
    pub fn failure_schema_as(&self, style: SchemaStyle) -> Option<Value> {
        portable::failure(self.types, self.tool, style)
    }

    /// Returns whether the tool can return an error of its own, by a top-level `result`.
    pub fn can_fail(&self) -> bool {
        match self.tool.result {
            ToolResult::Nothing | ToolResult::Value(_) => false,
            ToolResult::Fallible { .. } => true,
        }
    }

    /// Returns the maximum bytes that the engine may lift for a result of `output` bytes of JSON.
    ///
    /// The type of the result determines it: about twice the size of the JSON for strings, and up to 32 times for lists
    /// of small values.
    pub fn lift_bound(&self, output: u64) -> u64 {
        lift_bound(self.types, self.tool, output).min(output.saturating_mul(EXPANSION))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::description::SkillDocs;
    use crate::types::TypeDef;

    /// `f: func(text: string) -> result<string>`, as it is kept.
    fn kept() -> Value {
        let mut types = TypeTable::default();
        let text = types.intern(TypeDef::String);
        let whole = types.intern(TypeDef::Result(Some(text), None));
        let name: Arc<str> = "f".into();
        let tool = ToolDescription {
            name: Arc::clone(&name),
            full_name: Arc::clone(&name),
            interface: None,
            function: name,
            params: vec![("text".into(), text)],
            result: ToolResult::Fallible { whole, ok: Some(text), err: None },
            docs: None,
        };
        let description = Description {
            tools: vec![tool],
            types,
            imports: Vec::new(),
            counts: Counts::default(),
            docs: SkillDocs::default(),
        };
        let kept = SkillDescription { digest: Digest::of(b""), size: 0, description: Arc::new(description) };
        serde_json::from_slice(&kept.to_bytes()).expect("it is JSON")
    }

    fn read(kept: &Value) -> Result<SkillDescription, String> {
        SkillDescription::from_bytes(kept.to_string().as_bytes()).map_err(|error| error.to_string())
    }

    #[test]
    fn a_stored_description_is_read_back() {
        let skill = read(&kept()).expect("what was written");
        let signatures: Vec<String> = skill.tools().map(|tool| tool.signature()).collect();
        assert_eq!(signatures, ["f: func(text: string) -> result<string>"]);
    }

    #[test]
    fn a_stored_description_with_invalid_types_is_refused() {
        for (place, wrong, why) in [
            ("/description/tools/0/params/0/1", Value::from(2), "refers to undefined types"),
            ("/description/tools/0/result/Fallible/whole", 2.into(), "refers to undefined types"),
            ("/description/tools/0/result/Fallible/whole", 0.into(), "refers to undefined types"),
            ("/description/tools/0/result/Fallible/ok", 2.into(), "refers to undefined types"),
            ("/description/tools/0/result/Fallible/err", 0.into(), "refers to undefined types"),
            ("/description/tools/0/result", serde_json::json!({"Value": 2}), "refers to undefined types"),
            // A list of itself, which whoever writes its schema would go down without end.
            ("/description/types/defs/1", serde_json::json!({"List": 1}), "does not come before"),
        ] {
            let mut kept = kept();
            *kept.pointer_mut(place).expect("it is there") = wrong;
            let refused = read(&kept).expect_err(place);
            assert!(refused.contains(why), "{place}: {refused}");
        }
    }
}

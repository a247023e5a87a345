//! The SKILL.md that a skill carries, served as `skill://NAME/SKILL.md` (extension `io.modelcontextprotocol/skills`).

use ringfence_store::Name;
use rmcp::model::{JsonObject, Resource, Skill, SkillFrontmatter, SkillResource, SkillResources};
use serde_json::Value;

/// A SKILL.md: untrusted text for an agent, whose frontmatter fits the extension and claims nothing but a licence, what it
/// is compatible with, and metadata.
#[derive(Debug)]
pub(crate) struct SkillMd {
    pub(super) entry: Skill,
    pub(super) text: String,
}

impl SkillMd {
    /// Reads one; the reason where it is none.
    pub(super) fn new(name: &Name, text: &str) -> Result<Self, String> {
        let rest = text.strip_prefix("---\n").ok_or("it does not begin with a line `---`")?;
        let (head, body) =
            rest.split_once("\n---").ok_or("its frontmatter has no end: a second line `---`")?;
        let mut fields: JsonObject = serde_saphyr::from_str(head)
            .map_err(|error| ringfence::text::clean(&format!("its frontmatter is no YAML: {error}"), 512))?;
        let mut take = |key: &str| match fields.remove(key) {
            Some(Value::String(text)) => Ok(text),
            _ => Err(format!("its frontmatter has no text `{key}`")),
        };
        let (said, description) = (take("name")?, take("description")?);
        if said != name.as_str() {
            let said = ringfence::text::clean(&said, 80);
            return Err(format!("its frontmatter names it `{said}`, and it was submitted as `{name}`"));
        }
        let fields_said = fields.len();
        fields.retain(|key, _| ["license", "compatibility", "metadata"].contains(&key.as_str()));
        // Others give rights in some clients (`allowed-tools`, `hooks`), which are not the author's to give: then the
        // frontmatter is written anew.
        let mut text = text.to_owned();
        if fields.len() < fields_said {
            text = format!("---\nname: {said}\ndescription: {}\n", Value::from(description.as_str()));
            for (key, value) in &fields {
                // JSON is YAML.
                text.push_str(&format!("{key}: {value}\n"));
            }
            text.push_str("---");
            text.push_str(body);
        }
        let mut frontmatter = SkillFrontmatter::new(said, description);
        frontmatter.extra = fields;
        let uri = format!("skill://{name}/SKILL.md");
        let file = SkillResource::from_bytes(uri.clone(), text.as_bytes());
        let entry = Skill::new(uri, frontmatter, SkillResources::Files(vec![file]));
        entry.validate().map_err(|error| ringfence::text::clean(&error.to_string(), 512))?;
        Ok(Self { entry, text })
    }

    /// It as a resource.
    pub(super) fn resource(&self) -> Resource {
        Resource::new(&self.entry.uri, self.entry.name())
            .with_description(&self.entry.frontmatter.description)
            .with_mime_type("text/markdown")
            .with_size(self.text.len() as u64)
    }
}

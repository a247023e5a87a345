//! Serves the SKILL.md of a skill as `skill://NAME/SKILL.md`, by the extension `io.modelcontextprotocol/skills`.

use ringfence_store::Name;
use rmcp::model::{Resource, Skill, SkillFrontmatter, SkillResource, SkillResources};

/// A SKILL.md for agents, written from the fields that `ringfence_skill_md` parsed and checked.
#[derive(Debug)]
pub(crate) struct SkillMd {
    pub(crate) entry: Skill,
    pub(crate) text: String,
    /// Bytes of its entry in a list.
    pub(crate) size: usize,
}

impl SkillMd {
    /// Parses a SKILL.md; fails with the reason.
    pub(super) fn new(name: &Name, text: &str) -> Result<Self, String> {
        let parsed = ringfence_skill_md::SkillMd::parse(text).map_err(|error| error.to_string())?;
        if parsed.name() != name.as_str() {
            let said = parsed.name();
            return Err(format!(
                "the frontmatter names the skill `{said}`, but it was submitted as `{name}`"
            ));
        }
        let mut frontmatter = SkillFrontmatter::new(parsed.name(), parsed.description());
        frontmatter.extra = parsed.extra();
        let text = parsed.to_text();
        let uri = format!("skill://{name}/SKILL.md");
        let file = SkillResource::from_bytes(uri.clone(), text.as_bytes());
        let entry = Skill::new(uri, frontmatter, SkillResources::Files(vec![file]));
        entry.validate().map_err(|error| ringfence::text::clean(&error.to_string(), 512))?;
        let size = serde_json::to_vec(&entry).map_or(0, |entry| entry.len());
        Ok(Self { entry, text, size })
    }

    /// Returns the resource for it.
    pub(crate) fn resource(&self) -> Resource {
        Resource::new(&self.entry.uri, self.entry.name())
            .with_description(&self.entry.frontmatter.description)
            .with_mime_type("text/markdown")
            .with_size(self.text.len() as u64)
    }
}

//! Reads and writes SKILL.md, the file of the Agent Skills format: YAML front matter between two lines `---`, then
//! instructions in Markdown.
//!
//! An agent's client acts on some fields of the front matter: `allowed-tools` and `hooks` grant rights, and others
//! could tomorrow. A text from a stranger therefore never passes unchanged. [`SkillMd::parse`] reads the known fields
//! and checks them after YAML has decoded them. [`SkillMd::to_text`] writes the file anew from these fields alone.
//!
//! ```
//! # use ringfence_skill_md::SkillMd;
//! let text = "---\nname: echo\ndescription: >\n  Says it\n  again.\nallowed-tools: Bash(*)\n---\nCall `echo`.\n";
//! let skill_md = SkillMd::parse(text)?;
//! assert_eq!(skill_md.to_text(), "---\nname: echo\ndescription: \"Says it again.\"\n---\n\nCall `echo`.\n");
//! # Ok::<(), ringfence_skill_md::SkillMdError>(())
//! ```

use std::collections::BTreeMap;

use ringfence::text::{clean, is_unsafe};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// Maximum characters of the description.
pub const DESCRIPTION: usize = 1024;
/// Maximum characters of the licence.
const LICENSE: usize = 256;
/// Maximum characters of the compatibility text.
const COMPATIBILITY: usize = 500;
/// Maximum entries of the metadata.
const ENTRIES: usize = 32;
/// Maximum characters of a metadata key.
const KEY: usize = 64;
/// Maximum characters of a metadata value.
const VALUE: usize = 1024;
/// Maximum bytes of a file; a component carries 64 KiB.
const FILE: usize = 256 << 10;

/// Why a text is no usable SKILL.md.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SkillMdError {
    /// The first line is not `---`.
    #[error("missing frontmatter; the first line must be `---`")]
    NoBeginning,
    /// No second line is exactly `---`.
    #[error("unterminated frontmatter; end it with a line `---`")]
    NoEnd,
    /// The front matter contains a line that begins or ends a YAML document.
    #[error("line {line}: the frontmatter must be a single YAML document; remove this line")]
    Documents {
        /// The line, counted from 1.
        line: usize,
    },
    /// The front matter is no YAML, or uses needless features: anchors, aliases, merges, tags, duplicate keys.
    #[error("invalid frontmatter: {reason}")]
    Yaml {
        /// What is wrong.
        reason: String,
    },
    /// A field has an invalid value.
    #[error("`{field}`: {reason}")]
    Field {
        /// The field.
        field: String,
        /// What is wrong.
        reason: String,
    },
    /// The file is too long.
    #[error("too large: {size} bytes; the cap is {FILE}")]
    TooLong {
        /// Bytes.
        size: usize,
    },
}

/// A SKILL.md with checked fields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SkillMd {
    name: String,
    description: String,
    license: Option<String>,
    compatibility: Option<String>,
    metadata: BTreeMap<String, String>,
    body: String,
}

/// The known fields. Others are omitted.
#[derive(Debug, Deserialize)]
struct Head<M> {
    name: String,
    description: String,
    license: Option<String>,
    compatibility: Option<String>,
    metadata: Option<M>,
}

impl SkillMd {
    /// Creates a SKILL.md from a name, a description and instructions.
    ///
    /// # Errors
    ///
    /// Fails with [`SkillMdError::Field`] for an invalid value.
    pub fn new(name: &str, description: &str, body: &str) -> Result<Self, SkillMdError> {
        if !is_name(name) {
            let reason = format!(
                "invalid name `{}`; expected a-z, 0-9 and single hyphens between them",
                clean(name, 80)
            );
            return Err(field("name", reason));
        }
        Ok(Self {
            name: name.to_owned(),
            description: line("description", description, DESCRIPTION)?,
            license: None,
            compatibility: None,
            metadata: BTreeMap::new(),
            body: check_body(body)?,
        })
    }

    /// Sets the licence.
    ///
    /// # Errors
    ///
    /// Fails with [`SkillMdError::Field`] for an invalid value.
    pub fn license(mut self, license: &str) -> Result<Self, SkillMdError> {
        self.license = Some(line("license", license, LICENSE)?);
        Ok(self)
    }

    /// Sets the compatibility text.
    ///
    /// # Errors
    ///
    /// Fails with [`SkillMdError::Field`] for an invalid value.
    pub fn compatibility(mut self, compatibility: &str) -> Result<Self, SkillMdError> {
        self.compatibility = Some(line("compatibility", compatibility, COMPATIBILITY)?);
        Ok(self)
    }

    /// Adds an entry to the metadata.
    ///
    /// # Errors
    ///
    /// Fails with [`SkillMdError::Field`] for an invalid value.
    pub fn metadata(mut self, key: &str, value: &str) -> Result<Self, SkillMdError> {
        let key = line("metadata", key, KEY)?;
        let value = line(&format!("metadata.{key}"), value, VALUE)?;
        self.metadata.insert(key, value);
        if self.metadata.len() > ENTRIES {
            return Err(field("metadata", format!("more than {ENTRIES} entries")));
        }
        Ok(self)
    }

    /// Parses a text from a stranger.
    ///
    /// # Errors
    ///
    /// Fails with a [`SkillMdError`] if the text is not usable.
    pub fn parse(text: &str) -> Result<Self, SkillMdError> {
        let text = lines_of(text)?;
        let (head, body) = cut(&text)?;
        let (head, metadata) = read(&head)?;
        let mut made = Self::new(&head.0, &head.1, body)?;
        if let Some(license) = head.2 {
            made = made.license(&license)?;
        }
        if let Some(compatibility) = head.3 {
            made = made.compatibility(&compatibility)?;
        }
        for (key, value) in metadata {
            made = made.metadata(&key, &value)?;
        }
        Ok(made)
    }

    /// Returns the instructions of a text with or without front matter. It fails for a text whose front matter begins
    /// and does not end.
    ///
    /// # Errors
    ///
    /// Fails with a [`SkillMdError`] if the front matter is broken.
    pub fn body_of(text: &str) -> Result<String, SkillMdError> {
        let text = lines_of(text)?;
        match cut(&text) {
            Ok((_, body)) => check_body(body),
            Err(SkillMdError::NoBeginning) if !text.trim_start().starts_with("---") => check_body(&text),
            Err(error) => Err(error),
        }
    }

    /// Returns the name of the skill.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the description of the skill.
    pub fn description(&self) -> &str {
        &self.description
    }

    /// Returns the instructions.
    pub fn body(&self) -> &str {
        &self.body
    }

    /// Returns the other fields as JSON.
    pub fn extra(&self) -> serde_json::Map<String, Value> {
        let mut fields = serde_json::Map::new();
        let lines = [("license", &self.license), ("compatibility", &self.compatibility)];
        for (key, value) in lines {
            fields.extend(value.as_ref().map(|value| (key.to_owned(), value.as_str().into())));
        }
        if !self.metadata.is_empty() {
            let entries = self.metadata.iter().map(|(key, value)| (key.clone(), value.as_str().into()));
            fields.insert("metadata".to_owned(), Value::Object(entries.collect()));
        }
        fields
    }

    /// Writes the file from the checked fields.
    pub fn to_text(&self) -> String {
        let mut out = String::from("---\n");
        let mut add = |line: String| {
            out.push_str(&line);
            out.push('\n');
        };
        add(format!("name: {}", plain_or_quoted(&self.name)));
        add(format!("description: {}", quoted(&self.description)));
        if let Some(license) = &self.license {
            add(format!("license: {}", quoted(license)));
        }
        if let Some(compatibility) = &self.compatibility {
            add(format!("compatibility: {}", quoted(compatibility)));
        }
        if !self.metadata.is_empty() {
            add("metadata:".to_owned());
        }
        for (key, value) in &self.metadata {
            add(format!("  {}: {}", plain_or_quoted(key), quoted(value)));
        }
        add("---".to_owned());
        if !self.body.is_empty() {
            add(format!("\n{}", self.body));
        }
        out
    }
}

/// Returns the text with Unix line breaks and without a byte order mark.
fn lines_of(text: &str) -> Result<String, SkillMdError> {
    if text.len() > FILE {
        return Err(SkillMdError::TooLong { size: text.len() });
    }
    let text = text.strip_prefix('\u{FEFF}').unwrap_or(text).replace("\r\n", "\n");
    // What is left of them breaks lines for some readers only.
    if text.contains('\r') {
        return Err(field("frontmatter", "it contains a carriage return without a line feed".to_owned()));
    }
    Ok(text)
}

/// Splits the front matter from the rest. It ends only at a line that is exactly `---`.
fn cut(text: &str) -> Result<(String, &str), SkillMdError> {
    let rest = match text.strip_prefix("---\n") {
        Some(rest) => rest,
        None if text == "---" => return Err(SkillMdError::NoEnd),
        None => return Err(SkillMdError::NoBeginning),
    };
    let (mut head, mut number) = (String::new(), 1_usize);
    for line in rest.split_inclusive('\n') {
        number = number.saturating_add(1);
        let bare = line.strip_suffix('\n').unwrap_or(line);
        if bare == "---" {
            let body = rest.get(head.len().saturating_add(line.len())..).unwrap_or_default();
            return Ok((head, body));
        }
        // To YAML these are the marks of a document, whatever follows them; other readers may see an end here.
        let mark = bare.strip_prefix("---").or_else(|| bare.strip_prefix("..."));
        if mark.is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t'])) {
            return Err(SkillMdError::Documents { line: number });
        }
        head.push_str(line);
    }
    Err(SkillMdError::NoEnd)
}

/// Name, description, licence, compatibility.
type Texts = (String, String, Option<String>, Option<String>);

fn read(head: &str) -> Result<(Texts, BTreeMap<String, String>), SkillMdError> {
    // Each value as it is written, such as `1.10`; where some are lists or maps, those that are text.
    if let Ok(head) = yaml::<Head<BTreeMap<String, String>>>(head) {
        let metadata = head.metadata.unwrap_or_default();
        return Ok(((head.name, head.description, head.license, head.compatibility), metadata));
    }
    let head = yaml::<Head<Value>>(head)?;
    let entries = match head.metadata {
        Some(Value::Object(entries)) => entries,
        Some(_) | None => serde_json::Map::new(),
    };
    let texts = entries.into_iter().filter_map(|(key, value)| match value {
        Value::String(text) => Some((key, text)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => None,
    });
    Ok(((head.name, head.description, head.license, head.compatibility), texts.collect()))
}

/// Parses YAML, without the features on which readers disagree.
fn yaml<T: DeserializeOwned>(text: &str) -> Result<T, SkillMdError> {
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_documents: 1,
            max_anchors: 0,
            max_aliases: 0,
            max_depth: 16,
            max_nodes: 2_000,
            max_events: 8_000,
        },
        duplicate_keys: serde_saphyr::DuplicateKeyPolicy::Error,
        merge_keys: serde_saphyr::options::MergeKeyPolicy::Error,
        reject_unsupported_tags: true,
        with_snippet: false,
    };
    serde_saphyr::from_str_with_options(text, options)
        .map_err(|error| SkillMdError::Yaml { reason: clean(&error.to_string(), 400) })
}

/// Returns whether the format accepts a name: 1 to 64 of a-z, 0-9 and single hyphens, none at an end.
pub fn is_name(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=64).contains(&name.len())
        && name.bytes().all(plain)
        && !name.starts_with('-')
        && !name.ends_with('-')
        && !name.contains("--")
}

/// Returns a text as one line: every line break becomes a space.
fn line(what: &str, text: &str, most: usize) -> Result<String, SkillMdError> {
    if let Some(found) = text.chars().find(|c| is_unsafe(*c) && !['\n', '\t'].contains(c)) {
        let reason =
            format!("it has the character U+{:04X}, which changes how text is shown", u32::from(found));
        return Err(field(what, reason));
    }
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let count = line.chars().count();
    match count {
        0 => Err(field(what, "it is empty".to_owned())),
        count if count > most => Err(field(what, format!("{count} characters; the cap is {most}"))),
        _ => Ok(line),
    }
}

fn check_body(body: &str) -> Result<String, SkillMdError> {
    match body.chars().find(|c| is_unsafe(*c) && !['\n', '\t'].contains(c)) {
        None => Ok(body.trim().to_owned()),
        Some(found) => {
            let code = u32::from(found);
            Err(field("body", format!("it has the character U+{code:04X}, which changes how text is shown")))
        }
    }
}

fn field(field: &str, reason: String) -> SkillMdError {
    SkillMdError::Field { field: clean(field, 80), reason }
}

/// Returns a JSON string, which is a YAML string on one line.
fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

/// Returns the text unquoted if every reader takes it for a string, else quoted: some do not for `null`, `on`, `1e3`.
fn plain_or_quoted(text: &str) -> String {
    const WORDS: [&str; 10] = ["true", "false", "null", "yes", "no", "on", "off", "y", "n", "nan"];
    let plain = text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    let begins = text.bytes().next().is_some_and(|byte| byte.is_ascii_lowercase());
    if plain && begins && !WORDS.contains(&text) { text.to_owned() } else { quoted(text) }
}

#[cfg(test)]
mod tests;

/// The examples of the README, for `cargo test --doc`.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

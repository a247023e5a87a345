//! The custom section `ringfence:skill` of a component: an author's texts and claims, as JSON.
//!
//! A component does not contain the comments of its WIT; this section does. Authors' tools write a [`Section`], and hosts
//! read it. `wit/README.md` describes the members. Reading refuses unknown members and repeated keys. A host checks the
//! texts, and whether the things that they name exist.
//!
//! ```
//! use ringfence_section::{Section, ToolDocs};
//!
//! let mut section = Section { name: Some("echo".to_owned()), ..Section::default() };
//! let docs = ToolDocs { description: Some("Repeats a text.".to_owned()), ..ToolDocs::default() };
//! section.tools.0.insert("say".to_owned(), docs);
//!
//! let bytes = section.to_bytes();
//! assert_eq!(bytes, br#"{"name":"echo","tools":{"say":{"description":"Repeats a text."}}}"#);
//! assert_eq!(Section::from_bytes(&bytes)?, section);
//! # Ok::<(), serde_json::Error>(())
//! ```

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

/// The name of the section.
pub const NAME: &str = "ringfence:skill";

/// Maximum bytes of the section.
pub const CAP: usize = 64 << 10;

/// The content of the section. Every member is optional.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Section {
    /// The author's name of the skill.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The author's version of the skill.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The author's licence, an SPDX expression.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub license: Option<String>,
    /// The description of the skill.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The requested grants.
    #[serde(skip_serializing_if = "Asks::is_empty")]
    pub grants: Asks,
    /// The text of a SKILL.md.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub skill_md: Option<String>,
    /// Texts and claims on tools, by `tool` or `interface_tool`.
    #[serde(skip_serializing_if = "Members::is_empty")]
    pub tools: Members<ToolDocs>,
    /// Texts on types, by `type` or `interface_type`.
    #[serde(skip_serializing_if = "Members::is_empty")]
    pub types: Members<TypeDocs>,
}

impl Section {
    /// Reads the bytes of a section.
    ///
    /// # Errors
    ///
    /// Fails with the position of invalid JSON, an unknown member, or a repeated key.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(bytes)
    }

    /// Writes the bytes of a section. Equal sections have equal bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        // Plain data with string keys: there is nothing that could fail.
        serde_json::to_vec(self).unwrap_or_default()
    }
}

/// Grants that a skill requests beyond what every skill has. A request grants nothing; the operator does.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct Asks {
    /// URLs to which the skill sends requests: a pattern as in a grant, a host for `https://HOST/`, or `*` for URLs that
    /// the input names.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub http: Vec<String>,
    /// Whether the skill stores keys and values.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub kv: bool,
    /// Other tools that the skill calls, as `skill_tool`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub skills: Vec<String>,
    /// Whether the skill uses scratch files.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub scratch: bool,
}

impl Asks {
    /// Returns whether the skill requests nothing.
    pub fn is_empty(&self) -> bool {
        self.http.is_empty() && !self.kv && self.skills.is_empty() && !self.scratch
    }
}

/// An author's texts and claims on a tool.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ToolDocs {
    /// What the tool does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The meaning of each parameter.
    #[serde(skip_serializing_if = "Members::is_empty")]
    pub parameters: Members<String>,
    /// Claims about the tool's behaviour.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub annotations: Option<Annotations>,
    /// Example inputs.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub examples: Vec<Example>,
}

/// An author's texts on a type.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TypeDocs {
    /// What the type stands for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The meaning of each field, case or flag.
    #[serde(skip_serializing_if = "Members::is_empty")]
    pub fields: Members<String>,
}

/// An example input of a tool.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Example {
    /// What the example shows. Untrusted text.
    pub name: String,
    /// The input, as JSON.
    pub input: Value,
}

impl Example {
    /// Creates an example.
    pub fn new(name: impl Into<String>, input: Value) -> Self {
        Self { name: name.into(), input }
    }
}

/// An author's claims about a tool's behaviour, in the words of MCP.
///
/// Nothing here checks or enforces a claim. Show it to an agent only after a trusted person has accepted it. An absent
/// member claims nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Annotations {
    /// A title for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// The tool changes nothing in its environment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub read_only: Option<bool>,
    /// The tool can destroy existing things, and not only add new ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub destructive: Option<bool>,
    /// A repeated call with the same input has no further effect.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idempotent: Option<bool>,
    /// The tool interacts with external systems, such as the web.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub open_world: Option<bool>,
}

impl Annotations {
    /// Returns whether nothing is claimed.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// The members of an object. Reading refuses a key that occurs twice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Members<T>(pub BTreeMap<String, T>);

impl<T> Members<T> {
    /// Returns whether there is no member.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<T> Default for Members<T> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<T> FromIterator<(String, T)> for Members<T> {
    fn from_iter<I: IntoIterator<Item = (String, T)>>(members: I) -> Self {
        Self(members.into_iter().collect())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Members<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Read<T> {
            type Value = Members<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = BTreeMap::new();
                while let Some((key, value)) = map.next_entry::<String, T>()? {
                    if members.contains_key(&key) {
                        return Err(A::Error::custom(format_args!("duplicate key `{key}`")));
                    }
                    members.insert(key, value);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Read(PhantomData))
    }
}

/// The examples of the README, for `cargo test --doc`.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn full() -> Section {
        let text = |text: &str| Some(text.to_owned());
        let of = |key: &str, value: &str| [(key.to_owned(), value.to_owned())].into_iter().collect();
        let annotations = Annotations {
            title: text("Shout"),
            read_only: Some(true),
            destructive: Some(false),
            idempotent: Some(true),
            open_world: Some(false),
        };
        let tool = ToolDocs {
            description: text("Shouts it."),
            parameters: of("text", "what to shout"),
            annotations: Some(annotations),
            examples: vec![Example::new("e", json!({"text": "a"}))],
        };
        let docs = TypeDocs { description: text("How loud."), fields: of("high", "With marks.") };
        Section {
            name: text("demo"),
            version: text("1.2.0"),
            license: text("MIT"),
            description: text("Shouts."),
            grants: Asks {
                http: vec!["a.example".into()],
                kv: true,
                skills: vec!["other_run".into()],
                scratch: true,
            },
            skill_md: text("# Demo"),
            tools: [("tools_shout".to_owned(), tool)].into_iter().collect(),
            types: [("tools_loudness".to_owned(), docs)].into_iter().collect(),
        }
    }

    #[test]
    fn a_section_with_every_member_is_read_as_it_was_written() {
        let bytes = full().to_bytes();
        assert_eq!(Section::from_bytes(&bytes).expect("a section"), full());
        let json: Value = serde_json::from_slice(&bytes).expect("JSON");
        assert_eq!(
            json,
            json!({
                "name": "demo", "version": "1.2.0", "license": "MIT", "description": "Shouts.",
                "grants": {"http": ["a.example"], "kv": true, "skills": ["other_run"], "scratch": true}, "skill-md": "# Demo",
                "tools": {"tools_shout": {
                    "description": "Shouts it.", "parameters": {"text": "what to shout"},
                    "annotations": {"title": "Shout", "read-only": true, "destructive": false, "idempotent": true, "open-world": false},
                    "examples": [{"name": "e", "input": {"text": "a"}}],
                }},
                "types": {"tools_loudness": {"description": "How loud.", "fields": {"high": "With marks."}}},
            })
        );
    }

    #[test]
    fn absent_members_are_not_written() {
        assert_eq!(Section::default().to_bytes(), b"{}");
        let mut section = Section::default();
        section.tools.0.insert("t".into(), ToolDocs::default());
        section.types.0.insert("d".into(), TypeDocs::default());
        assert_eq!(section.to_bytes(), br#"{"tools":{"t":{}},"types":{"d":{}}}"#);
        assert_eq!(Section::from_bytes(&section.to_bytes()).expect("a section"), section);
    }

    #[test]
    fn unknown_members_and_repeated_keys_are_refused() {
        for wrong in [
            r#"{"nam": "a"}"#,
            r#"{"name": "a", "name": "b"}"#,
            r#"{"tools": {"t": {}, "t": {}}}"#,
            r#"{"tools": {"t": {"parameters": {"p": "a", "p": "b"}}}}"#,
            r#"{"tools": {"t": {"annotations": {"safe": true}}}}"#,
            r#"{"types": {"t": {"field": {}}}}"#,
            r#"{"grants": {"files": true}}"#,
            r#"{"tools": []}"#,
        ] {
            assert!(Section::from_bytes(wrong.as_bytes()).is_err(), "{wrong}");
        }
    }
}

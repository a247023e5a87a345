//! The languages that a skill can be written in.

use serde::Deserialize;

/// A language that a skill can be written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "they say themselves")]
pub enum Language {
    Rust,
    JavaScript,
    Python,
    Go,
    C,
}

impl Language {
    /// All languages.
    pub const ALL: [Self; 5] = [Self::Rust, Self::JavaScript, Self::Python, Self::Go, Self::C];

    /// Returns the name as written in `skill.toml` and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Rust => "rust",
            Self::JavaScript => "javascript",
            Self::Python => "python",
            Self::Go => "go",
            Self::C => "c",
        }
    }

    /// Returns the file by which the language is detected if `skill.toml` does not name it.
    pub(crate) fn sign(self) -> &'static str {
        match self {
            Self::Rust => "Cargo.toml",
            Self::JavaScript => "skill.js",
            Self::Python => "app.py",
            Self::Go => "go.mod",
            Self::C => "skill.c",
        }
    }
}

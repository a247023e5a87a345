//! Why an author's work does not become a skill: each names the thing, and what to do.

use std::io;
use std::path::PathBuf;

/// Why creating, building or packing a skill failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuthorError {
    /// A name is invalid for a skill, or in one of the languages.
    #[error("invalid skill name `{name}`: {reason}")]
    Name {
        /// The name.
        name: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The folder exists already.
    #[error(
        "{0} already exists; nothing was written; choose another name, or another directory with `--dir`"
    )]
    Exists(PathBuf),
    /// A file or folder cannot be used.
    #[error("cannot {action} {path}: {source}")]
    Io {
        /// The attempted action.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// `skill.toml` is invalid.
    #[error("{file}:{line}: {reason}")]
    Manifest {
        /// The file.
        file: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong.
        reason: String,
    },
    /// The WIT text does not parse, or has no world to choose.
    #[error("{path}: {reason}")]
    Wit {
        /// The file or folder.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The skill has no WIT text.
    #[error("no WIT in {0}; describe the skill's tools in `wit/*.wit`")]
    NoWit(PathBuf),
    /// The folder contains no skill.
    #[error(
        "{0} is not the folder of a skill: it has neither `skill.toml` nor source files of a known language; create one \
         with `ringfence new NAME`"
    )]
    NoSkill(PathBuf),
    /// The skill's language is unknown.
    #[error(
        "cannot tell the language of {0}; add `language = \"rust\"` (or javascript, python, go, c) to skill.toml"
    )]
    NoLanguage(PathBuf),
    /// A tool for the build is missing.
    #[error("missing {what}, which the build of {language} skills needs; install it with: {install}")]
    MissingTool {
        /// The tool.
        what: String,
        /// The language.
        language: &'static str,
        /// The command that installs it.
        install: String,
    },
    /// A tool of the build failed.
    #[error("{command} failed ({status}){output}")]
    ToolFailed {
        /// The command line.
        command: String,
        /// How it ended.
        status: String,
        /// The end of its output, on a new line.
        output: String,
    },
    /// The tools of the build made no component.
    #[error("{what}")]
    Made {
        /// What is wrong.
        what: String,
    },
    /// The bytes are not a component.
    #[error("not a component: {reason}")]
    NotComponent {
        /// What is wrong.
        reason: String,
        /// The error of the parser, if it has one.
        source: Option<Box<dyn std::error::Error + Send + Sync>>,
    },
    /// `skill.toml` names a tool that the component does not export.
    #[error("skill.toml names the tool `{tool}`, but the component exports only: {known}")]
    NoSuchTool {
        /// The name.
        tool: String,
        /// The exported tools.
        known: String,
    },
    /// `skill.toml` describes a tool under both of its names.
    #[error("skill.toml describes the tool `{tool}` under both of its names; keep one")]
    Twice {
        /// Its full name.
        tool: String,
    },
    /// The licence is not a valid SPDX expression.
    #[error(
        "skill.toml: invalid license `{0}`; expected an SPDX expression such as `MIT` or `Apache-2.0 OR MIT`"
    )]
    License(String),
    /// The documentation is larger than a host accepts.
    #[error(
        "the documentation is too long: {size} bytes; the cap is {cap}; shorten the comments in the WIT, the examples or \
         SKILL.md"
    )]
    TooLong {
        /// Bytes.
        size: usize,
        /// The cap.
        cap: usize,
    },
}

impl AuthorError {
    /// Returns the stable code, in kebab-case.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Name { .. } => "bad-name",
            Self::Exists(_) => "exists",
            Self::Io { .. } => "io",
            Self::Manifest { .. } => "bad-manifest",
            Self::Wit { .. } => "bad-wit",
            Self::NoWit(_) => "no-wit",
            Self::NoSkill(_) => "no-skill-folder",
            Self::NoLanguage(_) => "no-language",
            Self::MissingTool { .. } => "missing-tool",
            Self::ToolFailed { .. } => "build-failed",
            Self::Made { .. } => "build-made-nothing",
            Self::NotComponent { .. } => "not-a-component",
            Self::NoSuchTool { .. } => "no-such-tool",
            Self::Twice { .. } => "described-twice",
            Self::License(_) => "bad-license",
            Self::TooLong { .. } => "documentation-too-long",
        }
    }

    pub(crate) fn io(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { action, path, source }
    }
}

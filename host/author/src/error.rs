//! Why an author's work does not become a skill: each names the thing, and what to do.

use std::io;
use std::path::PathBuf;

/// An error of [`crate`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuthorError {
    /// A name that cannot be a skill's, or not in every language.
    #[error("`{name}` cannot be the name of a new skill: {reason}")]
    Name {
        /// The name.
        name: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The folder is there.
    #[error("{0} is there already; nothing was written. Choose another name, or another place with `--dir`")]
    Exists(PathBuf),
    /// A file or folder cannot be used.
    #[error("{path}: cannot {action}: {source}")]
    Io {
        /// What was to be done.
        action: &'static str,
        /// With what.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// `skill.toml` is not one.
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
    /// There is no text of the contract.
    #[error("there is no WIT in {0}: a skill's contract is in `wit/*.wit`")]
    NoWit(PathBuf),
    /// The folder is no skill's.
    #[error(
        "{0} is no skill's folder: there is neither `skill.toml` nor a source that shows the language. \
         `ringfence new NAME` makes one"
    )]
    NoSkill(PathBuf),
    /// Nothing says which language it is.
    #[error(
        "{0} does not say its language: add `language = \"rust\"` (or javascript, python, go, c) to skill.toml"
    )]
    NoLanguage(PathBuf),
    /// A tool that the build needs is not there.
    #[error("{what} is missing, which building {language} needs; run: {install}")]
    MissingTool {
        /// The tool.
        what: String,
        /// For which language.
        language: &'static str,
        /// What installs it.
        install: String,
    },
    /// A tool of the build failed.
    #[error("{command} failed ({status}){output}")]
    ToolFailed {
        /// The command, as one would type it.
        command: String,
        /// How it ended.
        status: String,
        /// The end of what it said, from a new line on.
        output: String,
    },
    /// The tools ran, and what they made is no component.
    #[error("{what}")]
    Made {
        /// What came of it.
        what: String,
    },
    /// The bytes are no component.
    #[error("not a component: {0}")]
    NotComponent(String),
    /// `skill.toml` and the component do not agree.
    #[error("skill.toml names the tool `{tool}`, which the component does not export; it has: {known}")]
    NoSuchTool {
        /// The name.
        tool: String,
        /// Those that are there.
        known: String,
    },
    /// A tool is described under both of its names.
    #[error("skill.toml describes the tool `{tool}` under both of its names; keep one")]
    Twice {
        /// Its full name.
        tool: String,
    },
    /// The licence is none that has a name.
    #[error("skill.toml: `{0}` is no SPDX licence expression, such as `MIT` or `Apache-2.0 OR MIT`")]
    License(String),
    /// The documentation is larger than a host takes.
    #[error(
        "the documentation takes {size} bytes; a host takes {cap}. Shorten the comments in the WIT, the examples or \
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
    /// The stable code, in kebab-case.
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
            Self::NotComponent(_) => "not-a-component",
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

//! Installs missing packages of a build into the skill's folder, at fixed versions, if the author allows it.

use std::path::Path;

use super::BuildOptions;
use super::tool::{Tool, find};
use crate::error::AuthorError;
use crate::language::Language;

/// A package, at the version with which builds are tested.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Package {
    /// From PyPI, into `.venv`, because many systems refuse to install packages beside their own.
    Pip(&'static str),
    /// From npm, into `node_modules`.
    Npm(&'static str),
}

impl Package {
    /// Returns name and version.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Pip(name) | Self::Npm(name) => name,
        }
    }

    /// Returns the advice to the author: let the build install the package, or run the commands.
    pub(super) fn advice(self, dir: &Path) -> String {
        let by_hand = match self {
            Self::Pip(name) => {
                let dir = dir.display();
                format!("python3 -m venv {dir}/.venv && {dir}/.venv/bin/pip install {name}")
            }
            Self::Npm(name) => {
                format!("npm install --prefix {} --save-dev --save-exact {name}", dir.display())
            }
        };
        format!("ringfence build --install   (or by hand: {by_hand})")
    }

    /// Installs the package into the folder.
    pub(super) fn install(
        self,
        dir: &Path,
        language: Language,
        options: BuildOptions,
    ) -> Result<(), AuthorError> {
        let program = |name: &str, what: &str| {
            find(name, &[]).ok_or_else(|| AuthorError::MissingTool {
                what: what.to_owned(),
                language: language.name(),
                install: format!("install {what} with your system's packages"),
            })
        };
        match self {
            Self::Pip(name) => {
                let pip = dir.join(".venv/bin/pip");
                if !pip.is_file() {
                    let python = program("python3", "python3 with venv")?;
                    Tool::new(python, dir, options).args(["-m", "venv", ".venv"]).run()?;
                }
                let pip = Tool::new(pip, dir, options);
                pip.args(["--quiet", "--disable-pip-version-check", "install", name]).run()?;
            }
            Self::Npm(name) => {
                let npm = program("npm", "npm")?;
                let npm = Tool::new(npm, dir, options);
                npm.args(["install", "--no-audit", "--no-fund", "--save-dev", "--save-exact", name]).run()?;
            }
        }
        Ok(())
    }
}

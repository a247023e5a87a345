//! The folder of a skill: its manifest, language and WIT.

use std::path::{Path, PathBuf};

use crate::error::AuthorError;
use crate::language::Language;
use crate::manifest::Manifest;

/// The folder of a skill.
#[derive(Debug, Clone)]
pub struct Project {
    dir: PathBuf,
    manifest: Manifest,
}

impl Project {
    /// Opens the folder that contains this manifest, which may have another name than `skill.toml`.
    ///
    /// # Errors
    ///
    /// Fails with [`AuthorError::Manifest`] or [`AuthorError::Io`].
    pub fn of_manifest(file: &Path) -> Result<Self, AuthorError> {
        let source = std::fs::read_to_string(file).map_err(AuthorError::io("read", file))?;
        let manifest = Manifest::parse(&source, file)?;
        Ok(Self { dir: file.parent().unwrap_or(Path::new("")).to_owned(), manifest })
    }

    /// Opens the folder of a skill.
    ///
    /// # Errors
    ///
    /// Fails with [`AuthorError::NoSkill`], [`AuthorError::Manifest`] or [`AuthorError::Io`].
    pub fn open(dir: &Path) -> Result<Self, AuthorError> {
        let manifest = Manifest::read(dir)?;
        if manifest.is_none() && !Language::ALL.iter().any(|language| dir.join(language.sign()).is_file()) {
            return Err(AuthorError::NoSkill(dir.to_owned()));
        }
        // Tools run elsewhere and are told where it is.
        let dir = dir.canonicalize().map_err(AuthorError::io("open", dir))?;
        Ok(Self { dir, manifest: manifest.unwrap_or_default() })
    }

    /// Returns the absolute path of the folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Returns the content of `skill.toml`.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Returns the name of the skill: that in `skill.toml`, or else the folder's.
    pub fn name(&self) -> String {
        let folder = || self.dir.file_name().map(|name| name.to_string_lossy().into_owned());
        self.manifest.name.clone().or_else(folder).unwrap_or_else(|| "skill".to_owned())
    }

    /// Returns the language: that in `skill.toml`, or else detected from the files.
    ///
    /// # Errors
    ///
    /// Fails with [`AuthorError::NoLanguage`].
    pub fn language(&self) -> Result<Language, AuthorError> {
        let shown = || {
            let mut shown =
                Language::ALL.into_iter().filter(|language| self.dir.join(language.sign()).is_file());
            shown.next().filter(|_| shown.next().is_none())
        };
        self.manifest.language.or_else(shown).ok_or_else(|| AuthorError::NoLanguage(self.dir.clone()))
    }

    /// Returns the path of the WIT, if any.
    pub fn wit(&self) -> Option<PathBuf> {
        let given = self.manifest.wit.as_ref().map(|wit| self.dir.join(wit));
        given.or_else(|| Some(self.dir.join("wit")).filter(|wit| wit.is_dir()))
    }

    /// Returns the text of SKILL.md, if any.
    ///
    /// # Errors
    ///
    /// Fails with [`AuthorError::Io`] if `skill.toml` names a file that cannot be read.
    pub fn skill_md(&self) -> Result<Option<String>, AuthorError> {
        let named = self.manifest.skill_md.as_ref().map(|file| self.dir.join(file));
        let file = named.or_else(|| Some(self.dir.join("SKILL.md")).filter(|file| file.is_file()));
        file.as_deref().map(read_text).transpose()
    }
}

/// Maximum bytes read of a SKILL.md; a component carries 64 KiB.
const TEXT: u64 = 1 << 20;

/// Normalizes the line ends of a text, as a component carries them.
pub(crate) fn read_text(file: &Path) -> Result<String, AuthorError> {
    let wrong = |reason: &str| AuthorError::io("read", file)(std::io::Error::other(reason.to_owned()));
    let found = std::fs::metadata(file).map_err(AuthorError::io("read", file))?;
    // Devices and pipes have no end.
    if !found.is_file() {
        return Err(wrong("not a regular file"));
    }
    if found.len() > TEXT {
        return Err(wrong("larger than 1 MiB"));
    }
    let text = std::fs::read_to_string(file).map_err(AuthorError::io("read", file))?;
    Ok(text.replace("\r\n", "\n"))
}

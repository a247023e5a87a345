//! Builds the component of a skill from its folder, with the tools of its language, and packs it.
//!
//! The tools run with the author's rights and environment. Their output is kept, and shown if they fail.

mod c;
mod go;
mod install;
mod javascript;
mod python;
mod rust;
mod shapes;
mod tool;

use std::path::{Path, PathBuf};

use ringfence_files::{ORDINARY, replace};

use crate::error::AuthorError;
use crate::language::Language;
use crate::pack::{Pack, Packed, carried_wit, pack};
use crate::project::Project;
use crate::wit::Contract;

/// Options of a build.
#[derive(Debug, Clone, Copy, Default)]
pub struct BuildOptions {
    /// Whether to write the tools' output to standard error: their errors at once, the rest when they end.
    pub verbose: bool,
    /// Whether to install missing packages into the skill's folder, from PyPI or npm, at fixed versions.
    pub install: bool,
}

/// The current stage of a build.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stage {
    /// A missing package is installed.
    Installing(&'static str),
    /// The tools of the language compile the component.
    Building(Language),
    /// The documentation is added to the component.
    Packing,
}

/// Builds a skill, and reports each stage to `on`.
///
/// The skill's folder gets the files that the tools write, bindings (`zz_*.go`, `bindings/`), and `wit/skill.wit` if
/// the WIT comes from the source.
///
/// # Errors
///
/// Fails with an [`AuthorError`], which says what is missing or wrong, or has the output of a failed tool.
pub fn build(
    project: &Project,
    options: BuildOptions,
    on: &mut dyn FnMut(Stage),
) -> Result<Packed, AuthorError> {
    let language = project.language()?;
    let read = || match project.wit() {
        Some(wit) => Contract::read(&wit, project.manifest().world.as_deref()).map(Some),
        None => Ok(None),
    };
    // In Rust it may be made from the source, and what an earlier build wrote must not be in the way.
    let mut contract = if language == Language::Rust { None } else { read()? };
    // The HTTP clients of these languages send through it.
    if matches!(language, Language::Python | Language::Go | Language::JavaScript)
        && !project.manifest().grants.http.is_empty()
        && let Some(contract) = &mut contract
    {
        contract.import_http()?;
    }
    let contract = contract;
    let needed = || contract.as_ref().ok_or_else(|| AuthorError::NoWit(project.dir().to_owned()));
    if options.install
        && let Some(package) = lacking(project.dir(), language)
    {
        on(Stage::Installing(package.name()));
        package.install(project.dir(), language, options)?;
    }
    on(Stage::Building(language));
    let component = match language {
        Language::Rust => rust::build(project, options)?,
        Language::JavaScript => javascript::build(project, needed()?, options)?,
        Language::Python => python::build(project, needed()?, options)?,
        Language::Go => go::build(project, needed()?, options)?,
        Language::C => c::build(project, needed()?, options)?,
    };
    on(Stage::Packing);
    let carried = carried_wit(&component)?;
    if let Some(text) = &carried {
        write_wit(project, text)?;
    }
    let contract = if language == Language::Rust && carried.is_none() { read()? } else { contract };
    let packed = pack(&Pack {
        component: &component,
        contract: contract.as_ref(),
        manifest: project.manifest(),
        skill_md: project.skill_md()?,
    })?;
    Ok(packed)
}

/// First words of each generated WIT file.
const MADE: &str = "// Made by `ringfence";

/// Writes the WIT of the source, for people to read. Keeps a file that the author wrote.
fn write_wit(project: &Project, text: &str) -> Result<(), AuthorError> {
    let dir = project.dir().join("wit");
    let file = dir.join("skill.wit");
    if std::fs::read_to_string(&file).is_ok_and(|before| !before.starts_with(MADE)) {
        return Ok(());
    }
    let text = format!("{MADE} build` from the source: changes here are lost.\n{}\n", text.trim());
    std::fs::create_dir_all(&dir).map_err(AuthorError::io("make", &dir))?;
    generated(&file, text.as_bytes())
}

/// Returns the package that a build in this folder lacks, if a registry has it.
fn lacking(dir: &Path, language: Language) -> Option<install::Package> {
    match language {
        Language::Python => python::lacks(dir),
        Language::JavaScript => javascript::lacks(dir),
        Language::Go => go::lacks(dir),
        Language::C => c::lacks(dir),
        // rustup's targets belong to the toolchain, not to the folder.
        Language::Rust => None,
    }
}

/// Returns the path of the WIT: the author's, or a file in `place` if the build changed the contract.
fn wit_of(project: &Project, contract: &Contract, place: &Path) -> Result<PathBuf, AuthorError> {
    if !contract.changed {
        return project.wit().ok_or_else(|| AuthorError::NoWit(project.dir().to_owned()));
    }
    let file = place.join("skill.wit");
    std::fs::write(&file, contract.to_wit()?).map_err(AuthorError::io("write", &file))?;
    Ok(file)
}

/// Creates a folder for intermediate files.
fn temporary() -> Result<tempfile::TempDir, AuthorError> {
    tempfile::tempdir().map_err(AuthorError::io("create a temporary folder in", std::env::temp_dir()))
}

/// Reads the file that a tool made.
fn made(file: &Path) -> Result<Vec<u8>, AuthorError> {
    std::fs::read(file).map_err(AuthorError::io("read", file))
}

/// Converts the error of a generator or encoder.
fn refused(error: ringfence_bindings::Error) -> AuthorError {
    AuthorError::Made { what: error.to_string() }
}

/// Writes a generated file if its content changed, because build tools compare times.
fn generated(file: &Path, content: &[u8]) -> Result<(), AuthorError> {
    if std::fs::read(file).ok().as_deref() == Some(content) {
        return Ok(());
    }
    replace(file, content, ORDINARY).map_err(AuthorError::io("write", file))
}

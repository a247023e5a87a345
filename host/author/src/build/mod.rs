//! From a skill's folder to its component: the language's own tools, then packing.
//!
//! The tools run with the author's rights and environment. What they print is kept, and shown when they fail.

mod c;
mod go;
mod install;
mod javascript;
mod python;
mod rust;
mod shapes;
mod tool;

use std::path::Path;

use crate::error::AuthorError;
use crate::pack::{Pack, Packed, carried_wit, pack};
use crate::project::{Language, Project};
use crate::whole::write_whole;
use crate::wit::Contract;

/// How to build.
#[derive(Debug, Clone, Copy, Default)]
pub struct BuildOptions {
    /// Whether the tools' own output goes to standard error: their errors as they come, the rest when they end.
    pub verbose: bool,
    /// Whether packages that the build lacks are installed into the skill's folder, from PyPI or npm, at one version.
    pub install: bool,
}

/// What is being done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stage {
    /// A package is installed that the build lacks.
    Installing(&'static str),
    /// The language's tools compile, and make a component.
    Building(Language),
    /// What the author says goes in.
    Packing,
}

/// Builds a skill. Nothing is written into its folder but what the tools write, bindings (`zz_*.go`, `bindings/`), and
/// `wit/skill.wit` where the source makes it.
///
/// # Errors
///
/// [`AuthorError`]: what is missing or wrong, and whatever the tools say.
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
    let contract = if language == Language::Rust { None } else { read()? };
    let needed = || contract.as_ref().ok_or_else(|| AuthorError::NoWit(project.dir().to_owned()));
    if options.install
        && let Some(package) = install::lacking(project.dir(), language)
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

/// What a file begins with that this writes.
const MADE: &str = "// Made by `ringfence";

/// Writes the WIT that a source was turned into, for people to read. A file of somebody's own stays.
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

/// A folder for what is made on the way.
fn temporary() -> Result<tempfile::TempDir, AuthorError> {
    tempfile::tempdir().map_err(AuthorError::io("make a temporary folder", std::env::temp_dir()))
}

/// What a tool made.
fn made(file: &Path) -> Result<Vec<u8>, AuthorError> {
    std::fs::read(file).map_err(AuthorError::io("read", file))
}

/// What a generator or an encoder refused.
fn refused(error: ringfence_bindings::Error) -> AuthorError {
    AuthorError::Made { what: error.to_string() }
}

/// Writes a file that is made from others, if it is another one than is there: build tools look at times.
fn generated(file: &Path, content: &[u8]) -> Result<(), AuthorError> {
    if std::fs::read(file).ok().as_deref() == Some(content) {
        return Ok(());
    }
    write_whole(file, content)
}

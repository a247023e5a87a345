//! From a skill's folder to its component: the language's own tools, then packing.
//!
//! The tools run with the author's rights and environment. What they print is kept, and shown when they fail.

mod c;
mod go;
mod javascript;
mod python;
mod rust;
mod tool;

use std::path::{Path, PathBuf};

use crate::error::AuthorError;
use crate::pack::{Pack, Packed, carried_wit, pack};
use crate::project::{Language, Project};
use crate::wit::Contract;

/// How to build.
#[derive(Debug, Clone, Copy, Default)]
pub struct BuildOptions {
    /// Whether the tools' own output goes to standard error as it comes.
    pub verbose: bool,
}

/// What is being done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stage {
    /// The language's tools compile, and make a component.
    Building(Language),
    /// What the author says goes in.
    Packing,
}

/// A built skill.
#[derive(Debug)]
pub struct Built {
    /// The component and what was noticed.
    pub packed: Packed,
    /// Where it belongs: `NAME.wasm` in the folder.
    pub file: PathBuf,
    /// The WIT that was made from Rust, written to `wit/skill.wit` for people to read.
    pub wit: Option<PathBuf>,
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
) -> Result<Built, AuthorError> {
    let language = project.language()?;
    let contract = project.wit().map(|wit| Contract::read(&wit, project.manifest().world.as_deref()));
    let contract = contract.transpose()?;
    let needed = || contract.as_ref().ok_or_else(|| AuthorError::NoWit(project.dir().to_owned()));
    on(Stage::Building(language));
    let component = match language {
        Language::Rust => rust::build(project, options)?,
        Language::JavaScript => javascript::build(project, needed()?, options)?,
        Language::Python => python::build(project, needed()?, options)?,
        Language::Go => go::build(project, needed()?, options)?,
        Language::C => c::build(project, needed()?, options)?,
    };
    on(Stage::Packing);
    // What a source carries is newer than what an earlier build wrote.
    let carried = carried_wit(&component)?;
    let wit = carried.as_deref().map(|text| write_wit(project, text)).transpose()?;
    let packed = pack(&Pack {
        component: &component,
        contract: contract.as_ref().filter(|_| carried.is_none()),
        manifest: project.manifest(),
        skill_md: project.skill_md()?,
    })?;
    Ok(Built { packed, file: project.component(), wit })
}

/// Writes the WIT that a source was turned into.
fn write_wit(project: &Project, text: &str) -> Result<PathBuf, AuthorError> {
    let dir = project.dir().join("wit");
    let file = dir.join("skill.wit");
    let text =
        format!("// Made by `ringfence build` from the source: changes here are lost.\n{}\n", text.trim());
    std::fs::create_dir_all(&dir).map_err(AuthorError::io("make", &dir))?;
    generated(&file, text.as_bytes())?;
    Ok(file)
}

/// Writes a file that is made from others, if it is another one than is there: build tools look at times.
fn generated(file: &Path, content: &[u8]) -> Result<(), AuthorError> {
    if std::fs::read(file).ok().as_deref() == Some(content) {
        return Ok(());
    }
    std::fs::write(file, content).map_err(AuthorError::io("write", file))
}

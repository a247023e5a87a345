//! The commands of skill authors: `new`, `build`, `pack`, `test`, `export-skill`.

mod build;
mod evaluate;
mod export;
mod new;
mod pack;
mod subject;
mod test;

pub(crate) use build::exec as build;
pub(crate) use export::exec as export_skill;
pub(crate) use new::exec as new;
pub(crate) use pack::exec as pack;
pub(crate) use test::exec as test;

use std::path::{Path, PathBuf};

use ringfence::{Limits, ValidatedSkill, text};
use ringfence_author::{AuthorError, Packed, Project};

use crate::output::{Refused, note};
use crate::{exit, load};

impl From<AuthorError> for Refused {
    fn from(error: AuthorError) -> Self {
        let exit = match &error {
            AuthorError::Name { .. } | AuthorError::Exists(_) | AuthorError::NoSkill(_) => exit::USAGE,
            AuthorError::Io { .. } | AuthorError::MissingTool { .. } | AuthorError::ToolFailed { .. } => {
                exit::FAULT
            }
            _ => exit::REFUSED,
        };
        // What files and tools say must not begin a line of ours.
        let message = error.to_string().replace('\n', "\n  | ");
        Self { exit, code: error.code(), ..Self::fault(message) }
    }
}

/// Where the built component of a folder is, as the folder was called.
fn component(dir: &Path, project: &Project) -> PathBuf {
    dir.join(format!("{}.wasm", project.name()))
}

/// Checks that a host accepts a packed component, writes it, and prints warnings for the author.
fn keep(packed: &Packed, file: &Path) -> Result<ValidatedSkill, Refused> {
    let checked = load::host(&Limits::default())?.validate(packed.component.clone());
    let skill = checked.map_err(|error| load::refused(&error))?;
    let written = ringfence_files::replace(file, &packed.component, ringfence_files::ORDINARY);
    written.map_err(|error| Refused::unwritten(file, &error))?;
    for tool in &packed.undocumented {
        let tool = text::clean(tool, 128);
        note(&format!("note: the tool {tool} has no description; agents see only its name and types"));
    }
    for tool in &packed.absent {
        let tool = text::clean(tool, 128);
        note(&format!("warning: the WIT declares the tool {tool}, but the component does not export it"));
    }
    Ok(skill)
}

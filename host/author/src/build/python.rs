//! Python: componentize-py, with WASI stubbed out.

use std::fs;
use std::path::{Path, PathBuf};

use super::tool::{Tool, find};
use super::{BuildOptions, made, temporary};
use crate::error::AuthorError;
use crate::project::Project;
use crate::wit::Contract;

const LANGUAGE: &str = "python";
const TOOL: &str = "componentize-py";

/// Folders that are no source.
const NOT_SOURCE: [&str; 6] = [".git", ".venv", "venv", "__pycache__", "node_modules", "target"];

pub(super) fn build(
    project: &Project,
    contract: &Contract,
    options: BuildOptions,
) -> Result<Vec<u8>, AuthorError> {
    let dir = project.dir();
    let own = [dir.join(".venv/bin"), dir.join("venv/bin")];
    let tool = find(TOOL, &own).ok_or_else(|| AuthorError::MissingTool {
        what: TOOL.to_owned(),
        language: LANGUAGE,
        install: super::tool::venv(dir, &format!("{TOOL}==0.25.1")),
    })?;
    let wit = project.wit().ok_or_else(|| AuthorError::NoWit(dir.to_owned()))?;
    let place = temporary()?;
    // A copy, since the interpreter leaves what it compiled beside the sources.
    let sources = place.path().join("sources");
    copy_sources(dir, &sources)?;
    let mut paths = vec![sources];
    paths.extend(site_packages(&own));
    let file = place.path().join("skill.wasm");
    let mut command = Tool::new(&tool, place.path(), options).arg("--wit-path").arg(wit).args([
        "--world",
        contract.name(),
        "componentize",
        "--stub-wasi",
    ]);
    for path in &paths {
        command = command.arg("--python-path").arg(path);
    }
    command.arg("--output").arg(&file).arg("app").run()?;
    made(&file)
}

/// The packages of the skill's own environment: pure Python goes into the component with it.
fn site_packages(environments: &[PathBuf]) -> Vec<PathBuf> {
    let libs = environments.iter().filter_map(|bin| fs::read_dir(bin.parent()?.join("lib")).ok());
    let dirs = libs.flatten().flatten().map(|entry| entry.path().join("site-packages"));
    dirs.filter(|dir| dir.is_dir()).collect()
}

/// Copies `.py` files and the folders that have some.
fn copy_sources(from: &Path, to: &Path) -> Result<(), AuthorError> {
    fs::create_dir_all(to).map_err(AuthorError::io("make", to))?;
    for entry in fs::read_dir(from).map_err(AuthorError::io("read", from))? {
        let entry = entry.map_err(AuthorError::io("read", from))?;
        let (path, name) = (entry.path(), entry.file_name());
        let kind = entry.file_type().map_err(AuthorError::io("read", &path))?;
        if kind.is_dir() && !NOT_SOURCE.iter().any(|not| name == *not) {
            copy_sources(&path, &to.join(name))?;
        } else if kind.is_file() && path.extension().is_some_and(|extension| extension == "py") {
            fs::copy(&path, to.join(name)).map_err(AuthorError::io("copy", path))?;
        }
    }
    Ok(())
}

//! Builds skills in Python with componentize-py. A generated module wraps the author's.

use std::fs;
use std::path::{Path, PathBuf};

use super::install::Package;
use super::shapes::{Names, Shapes};
use super::tool::{Tool, find};
use super::{BuildOptions, made, temporary, wit_of};
use crate::error::AuthorError;
use crate::project::Project;
use crate::wit::Contract;

const LANGUAGE: &str = "python";
const TOOL: &str = "componentize-py";
const PACKAGE: Package = Package::Pip("componentize-py==0.25.1");

/// The module that componentize-py builds; it calls the author's `app`.
const ENTRY: &str = "ringfence_entry";
const ENTRY_TEXT: &str = include_str!("guest/entry.py");

/// The modules by which Python's HTTP clients send through `ringfence:skill/http`.
const HTTP_MODULES: [(&str, &str); 2] = [
    ("ringfence_http.py", include_str!("guest/ringfence_http.py")),
    ("ringfence_ssl.py", include_str!("guest/ringfence_ssl.py")),
];

/// Folders without sources.
const NOT_SOURCE: [&str; 6] = [".git", ".venv", "venv", "__pycache__", "node_modules", "target"];

pub(super) fn build(
    project: &Project,
    contract: &Contract,
    options: BuildOptions,
) -> Result<Vec<u8>, AuthorError> {
    let dir = project.dir();
    let own = environments(dir);
    let tool = find(TOOL, &own).ok_or_else(|| AuthorError::MissingTool {
        what: TOOL.to_owned(),
        language: LANGUAGE,
        install: PACKAGE.advice(dir),
    })?;
    let place = temporary()?;
    let wit = wit_of(project, contract, place.path())?;
    // A copy, since the interpreter leaves what it compiled beside the sources.
    let sources = place.path().join("sources");
    copy_sources(dir, &sources)?;
    let entry = place.path().join("entry");
    fs::create_dir_all(&entry).map_err(AuthorError::io("make", &entry))?;
    let module = entry.join(ENTRY).with_extension("py");
    fs::write(&module, entry_of(contract)).map_err(AuthorError::io("write", &module))?;
    if contract.imports_http() {
        for (name, text) in HTTP_MODULES {
            let module = entry.join(name);
            fs::write(&module, text).map_err(AuthorError::io("write", &module))?;
        }
    }
    let mut paths = vec![sources, entry];
    paths.extend(site_packages(&own));
    let file = place.path().join("skill.wasm");
    // Without `--stub-wasi`: what is printed, the clock and random numbers are those of the run.
    let mut command = Tool::new(&tool, place.path(), options).arg("--wit-path").arg(wit).args([
        "--world",
        contract.name(),
        "componentize",
    ]);
    for path in &paths {
        command = command.arg("--python-path").arg(path);
    }
    command.arg("--output").arg(&file).arg(ENTRY).run()?;
    made(&file)
}

/// Returns the module that wraps the author's, with the types that the tools must return.
fn entry_of(contract: &Contract) -> String {
    let shapes = Shapes::of(contract, Names::Python);
    let exports: serde_json::Map<String, serde_json::Value> = shapes
        .exports
        .into_iter()
        .map(|export| (Names::Python.protocol(export.name.as_deref()), export.functions.into()))
        .collect();
    // JSON is Python, but for three words.
    format!(
        "{ENTRY_TEXT}null, true, false = None, True, False\n_TYPES = {}\n_EXPORTS = {}\n_wrap()\n",
        serde_json::Value::from(shapes.types),
        serde_json::Value::from(exports),
    )
}

fn environments(dir: &Path) -> [PathBuf; 2] {
    [dir.join(".venv/bin"), dir.join("venv/bin")]
}

pub(super) fn lacks(dir: &Path) -> Option<Package> {
    find(TOOL, &environments(dir)).is_none().then_some(PACKAGE)
}

/// Returns the packages of the skill's environment, whose pure Python goes into the component.
fn site_packages(environments: &[PathBuf]) -> Vec<PathBuf> {
    let libs = environments.iter().filter_map(|bin| fs::read_dir(bin.parent()?.join("lib")).ok());
    let dirs = libs.flatten().flatten().map(|entry| entry.path().join("site-packages"));
    dirs.filter(|dir| dir.is_dir()).collect()
}

/// Copies `.py` files and the folders that contain some.
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

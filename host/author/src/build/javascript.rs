//! Builds skills in JavaScript with componentize-js and its engine StarlingMonkey. A generated module wraps the
//! author's.

use serde_json::Value;

use super::install::Package;
use super::shapes::{Names, Shapes};
use super::tool::{Tool, find};
use super::{BuildOptions, generated, made, temporary, wit_of};
use crate::error::AuthorError;
use crate::project::Project;
use crate::wit::Contract;
use std::path::Path;

const LANGUAGE: &str = "javascript";
const SOURCE: &str = "skill.js";
const PACKAGE: Package = Package::Npm("@bytecodealliance/componentize-js@0.23.0");

/// The generated modules in `bindings/`: one that all skills share, one with this skill's types.
const RUNTIME: &str = "ringfence.js";
const RUNTIME_TEXT: &str = include_str!("guest/runtime.js");
const ENTRY: &str = "entry.js";

/// The module that is `fetch`, for skills that import `ringfence:skill/http`.
const FETCH: &str = "fetch.js";
const FETCH_TEXT: &str = include_str!("guest/fetch.js");

/// The build script, with the arguments source, WIT, world and result.
///
/// It disables only the engine's own network. Without the other features, clock and random numbers would be those of the
/// build, and printed text would be lost.
const SCRIPT: &str = r#"
import { writeFile } from "node:fs/promises";
import { componentize } from "@bytecodealliance/componentize-js";
const [sourcePath, witPath, worldName, out] = process.argv.slice(1);
const disableFeatures = ["http", "fetch-event"];
const { component } = await componentize({ sourcePath, sourceName: "skill.js", witPath, worldName, disableFeatures });
await writeFile(out, component);
"#;

pub(super) fn build(
    project: &Project,
    contract: &Contract,
    options: BuildOptions,
) -> Result<Vec<u8>, AuthorError> {
    let dir = project.dir();
    let missing = |what: &str, install: &str| AuthorError::MissingTool {
        what: what.to_owned(),
        language: LANGUAGE,
        install: install.to_owned(),
    };
    let next = "download it from https://nodejs.org (on Debian 13 and later: apt-get install nodejs npm)";
    let node = find("node", &[]).ok_or_else(|| missing("Node 20 or later", next))?;
    let version = Tool::new(&node, dir, BuildOptions::default()).arg("--version").for_machine().run()?;
    let version = String::from_utf8_lossy(&version).trim().to_owned();
    let major = version.strip_prefix('v').and_then(|rest| rest.split('.').next()?.parse::<u32>().ok());
    if major.is_none_or(|major| major < 20) {
        return Err(missing(&format!("Node 20 or later (found {version} at {})", node.display()), next));
    }
    if lacks(dir).is_some() {
        return Err(missing("componentize-js", &PACKAGE.advice(dir)));
    }
    let out = temporary()?;
    let wit = wit_of(project, contract, out.path())?;
    let bindings = dir.join("bindings");
    std::fs::create_dir_all(&bindings).map_err(AuthorError::io("make", &bindings))?;
    generated(&bindings.join(RUNTIME), RUNTIME_TEXT.as_bytes())?;
    generated(&bindings.join(ENTRY), entry_of(contract).as_bytes())?;
    if contract.imports_http() {
        generated(&bindings.join(FETCH), FETCH_TEXT.as_bytes())?;
    }
    let file = out.path().join("skill.wasm");
    Tool::new(&node, dir, options)
        .args(["--input-type=module", "--eval", SCRIPT, "--"])
        .arg(bindings.join(ENTRY))
        .arg(wit)
        .arg(contract.name())
        .arg(&file)
        .run()?;
    made(&file)
}

pub(super) fn lacks(dir: &Path) -> Option<Package> {
    let mut parents = dir.ancestors();
    let there = parents.any(|parent| parent.join("node_modules/@bytecodealliance/componentize-js").is_dir());
    (!there).then_some(PACKAGE)
}

/// Returns the module that wraps the author's, with the types that the tools must return.
fn entry_of(contract: &Contract) -> String {
    let shapes = Shapes::of(contract, Names::JavaScript);
    // Before the author's module, which may keep `fetch`.
    let network = if contract.imports_http() { format!("import \"./{FETCH}\";\n") } else { String::new() };
    let mut text = format!(
        "// Made by `ringfence build` from the WIT: changes here are lost.\n\
         import {{ checks, tool, tools }} from \"./{RUNTIME}\";\n\
         {network}import * as skill from \"../{SOURCE}\";\n\n\
         const check = checks({});\n",
        Value::from(shapes.types),
    );
    let mut lines = Vec::new();
    for (export, at) in shapes.exports.into_iter().zip(0..) {
        match export.name {
            Some(name) => {
                let names = Value::from(vec![export.id.clone(), Names::JavaScript.interface(&name)]);
                let functions = Value::from(export.functions);
                lines.push(format!("const i{at} = tools(skill, {names}, {functions}, check);"));
                lines.push(format!("export {{ i{at} as {} }};", Value::from(export.id)));
            }
            // The world's own.
            None => {
                for ((name, function), at) in export.functions.into_iter().zip(0..) {
                    let name = Value::from(name);
                    lines.push(format!("const f{at} = tool(skill, {name}, {function}, check);"));
                    lines.push(format!("export {{ f{at} as {name} }};"));
                }
            }
        }
    }
    for line in lines {
        text.push_str(&line);
        text.push('\n');
    }
    text
}

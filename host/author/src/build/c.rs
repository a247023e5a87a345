//! Builds skills in C with Zig's compiler and the bindings of wit-bindgen-c.
//!
//! Zig brings a C library for WebAssembly. Clang alone has none, and distributions differ in where they put one. So
//! only Zig is supported.

use std::path::{Path, PathBuf};

use ringfence_bindings::{Adapter, c, component};

use super::install::Package;
use super::tool::{Tool, find};
use super::{BuildOptions, generated, made, refused, temporary};
use crate::error::AuthorError;
use crate::project::Project;
use crate::wit::Contract;

const LANGUAGE: &str = "c";
const PACKAGE: Package = Package::Pip("ziglang==0.17.0");

/// Code that turns the buffers of the streams off. Else a text without a line break would be lost with the instance.
const STDIO: &str = "// Made by `ringfence build`: what is printed reaches the log of the run at once.\n\
                     #include <stdio.h>\n\n\
                     __attribute__((constructor)) static void ringfence_stdio(void) {\n  \
                     setvbuf(stdout, NULL, _IONBF, 0);\n}\n";

/// Functions whose numbers are the same in every instance until somebody seeds them.
const RANDOM: [&str; 8] =
    ["rand", "random", "drand48", "erand48", "lrand48", "nrand48", "mrand48", "jrand48"];

/// Every run is an instance of its own, so what nobody seeds would begin alike in all of them.
const SEED: &str = "// Made by `ringfence build`: the numbers of `rand` and the like are those of the run.\n\
                    #include <stdlib.h>\n#include <unistd.h>\n\n\
                    __attribute__((constructor)) static void ringfence_seed(void) {\n  \
                    unsigned seed[3];\n  \
                    if (getentropy(seed, sizeof seed)) return;\n  \
                    srand(seed[0]);\n  \
                    srandom(seed[1]);\n  \
                    srand48(seed[2]);\n}\n";

pub(super) fn build(
    project: &Project,
    contract: &Contract,
    options: BuildOptions,
) -> Result<Vec<u8>, AuthorError> {
    let dir = project.dir();
    let (zig, first) = zig(dir).ok_or_else(|| AuthorError::MissingTool {
        what: "Zig (its C compiler targets WebAssembly)".to_owned(),
        language: LANGUAGE,
        install: PACKAGE.advice(dir),
    })?;
    let bindings = dir.join("bindings");
    std::fs::create_dir_all(&bindings).map_err(AuthorError::io("make", &bindings))?;
    let files = c::bindings(&contract.resolve, contract.world).map_err(refused)?;
    let mut sources = sources(dir)?;
    for (name, content) in files {
        let file = bindings.join(name);
        generated(&file, &content)?;
        if file.extension().is_some_and(|extension| extension == "c" || extension == "o") {
            sources.push(file);
        }
    }
    // Where nothing is printed the library's streams stay out of the component.
    let texts = texts(dir)?;
    if texts.iter().any(|text| text.windows(7).any(|part| part == b"stdio.h")) {
        let file = bindings.join("ringfence_stdio.c");
        generated(&file, STDIO.as_bytes())?;
        sources.push(file);
    }
    if texts.iter().any(|text| draws(text)) {
        let file = bindings.join("ringfence_seed.c");
        generated(&file, SEED.as_bytes())?;
        sources.push(file);
    }
    let place = temporary()?;
    let core = place.path().join("core.wasm");
    Tool::new(&zig, dir, options)
        .args(first)
        .args(["cc", "--target=wasm32-wasi", "-mexec-model=reactor", "-std=gnu11", "-O2", "-s"])
        // Zig's own default is 16 MiB, a quarter of what a run may have.
        // Zig takes `assert` out of optimised code: what it says is all that the log has of a fault.
        .args(["-Wl,-z,stack-size=1048576", "-UNDEBUG", "-Wall", "-Wextra", "-fno-sanitize=undefined"])
        .args(sources)
        .arg("-o")
        .arg(&core)
        .run()?;
    let core = made(&core)?;
    component(&core, None, Adapter::Wasi).map_err(refused)
}

pub(super) fn lacks(dir: &Path) -> Option<Package> {
    zig(dir).is_none().then_some(PACKAGE)
}

/// Finds the program and its first arguments: Zig itself, or Zig from PyPI.
fn zig(dir: &Path) -> Option<(PathBuf, &'static [&'static str])> {
    if let Some(zig) = find("zig", &[]) {
        return Some((zig, &[]));
    }
    let python = find("python3", &[dir.join(".venv/bin")])?;
    let has = Tool::new(&python, dir, BuildOptions::default()).args(["-c", "import ziglang"]).run().is_ok();
    has.then_some((python, &["-m", "ziglang"]))
}

/// Returns the sources and headers of the folder that can be read.
fn texts(dir: &Path) -> Result<Vec<Vec<u8>>, AuthorError> {
    let entries = std::fs::read_dir(dir).map_err(AuthorError::io("read", dir))?;
    let files = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|file| file.extension().is_some_and(|extension| extension == "c" || extension == "h"));
    Ok(files.filter_map(|file| std::fs::read(file).ok()).collect())
}

/// Returns whether a source names one of the functions of [`RANDOM`].
fn draws(text: &[u8]) -> bool {
    let mut words = text.split(|byte| !byte.is_ascii_alphanumeric() && *byte != b'_');
    words.any(|word| RANDOM.iter().any(|name| name.as_bytes() == word))
}

/// Returns the author's sources: files in the folder itself that end in `.c`.
fn sources(dir: &Path) -> Result<Vec<PathBuf>, AuthorError> {
    let entries = std::fs::read_dir(dir).map_err(AuthorError::io("read", dir))?;
    let files = entries.flatten().map(|entry| entry.path());
    let mut sources: Vec<PathBuf> =
        files.filter(|file| file.extension().is_some_and(|extension| extension == "c")).collect();
    sources.sort();
    Ok(sources)
}

#[cfg(test)]
mod tests {
    use super::draws;

    #[test]
    fn only_functions_that_draw_random_numbers_are_seeded() {
        for text in
            ["int n = rand();", "rand ( )", "int (*f)(void) = rand;", "return random() % 6;", "drand48()"]
        {
            assert!(draws(text.as_bytes()), "{text}");
        }
        for text in ["", "operand()", "srand(7);", "my_rand()", "rand2()", "arc4random()", "getentropy(b, 8)"]
        {
            assert!(!draws(text.as_bytes()), "{text}");
        }
    }
}

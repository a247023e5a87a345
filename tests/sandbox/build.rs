//! Lists the hostile guests, so that one without a test does not compile.
//!
//! For every `guests/hostile/NAME.wat` the corpus calls `cases::NAME()`: the function says with what
//! input and limits the guest runs, and how that must end.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::{env, fs};

fn main() {
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it"));
    let guests = root.join("guests/hostile");
    println!("cargo::rerun-if-changed={}", guests.display());
    let mut files: Vec<PathBuf> = fs::read_dir(&guests)
        .expect("the folder of hostile guests")
        .map(|entry| entry.expect("an entry of it").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "wat"))
        .collect();
    files.sort();
    let mut code = String::from("pub fn corpus() -> Vec<Guest> {\n    vec![\n");
    for file in &files {
        let name = file.file_stem().and_then(|name| name.to_str()).expect("a name in ASCII");
        let _ = writeln!(
            code,
            "        Guest {{ name: {name:?}, wat: include_str!({file:?}), case: cases::{name}() }},"
        );
    }
    code.push_str("    ]\n}\n");
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets it")).join("corpus.rs");
    fs::write(out, code).expect("the output folder is writable");
}

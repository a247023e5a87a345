//! Turns the doctor's guests from text into bytes, so that the program holds no parser of theirs.
//!
//! Each `src/doctor/guests/NAME.wat` becomes a field `NAME` of `Guests`. A field that no check reads is an
//! error, so a guest without a check does not compile.

use std::error::Error;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::{env, fs};

fn main() -> Result<(), Box<dyn Error>> {
    let variable = |name: &str| env::var_os(name).map(PathBuf::from).ok_or(format!("{name} is not set"));
    let folder = variable("CARGO_MANIFEST_DIR")?.join("src/doctor/guests");
    let out = variable("OUT_DIR")?;
    // `ringfence --version` names it.
    println!("cargo::rustc-env=RINGFENCE_TARGET={}", variable("TARGET")?.display());
    println!("cargo::rerun-if-changed={}", folder.display());
    let mut names = Vec::new();
    for entry in fs::read_dir(&folder)? {
        let path = entry?.path();
        let name = path.file_stem().and_then(|name| name.to_str()).ok_or("a file name is not UTF-8")?;
        let wasm = wat::parse_file(&path)?;
        fs::write(out.join(format!("{name}.wasm")), wasm)?;
        names.push(name.to_owned());
    }
    names.sort();
    let mut fields = String::new();
    let mut values = String::new();
    for name in names {
        let bytes = format!("include_bytes!(concat!(env!(\"OUT_DIR\"), \"/{name}.wasm\"))");
        writeln!(fields, "    pub(crate) {name}: Guest,")?;
        writeln!(values, "            {name}: guest(\"{name}\", {bytes}),")?;
    }
    let code = format!(
        "/// The hostile guests, one a file.\n#[deny(dead_code)]\npub(crate) struct Guests {{\n{fields}}}\n\n\
         impl Guests {{\n    /// Each of them, made by `guest` out of its name and its bytes.\n    \
         fn each(mut guest: impl FnMut(&'static str, &'static [u8]) -> Guest) -> Self {{\n        \
         Self {{\n{values}        }}\n    }}\n}}\n"
    );
    fs::write(out.join("guests.rs"), code)?;
    Ok(())
}

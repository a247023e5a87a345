//! Generates bindings and makes components, by hand: `bindings go|c WIT OUT-FOLDER` and `component go|c CORE WIT OUT`.

use std::error::Error;
use std::path::Path;
use std::{env, fs};

use ringfence_bindings::{Adapter, ModuleTypes, c, component, go};
use wit_parser::{Resolve, WorldId};

fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["bindings", language, wit, out] => {
            let (resolve, world) = world(wit)?;
            fs::create_dir_all(out)?;
            if *language == "go" {
                for (name, text) in go::bindings(&resolve, world)? {
                    fs::write(Path::new(out).join(name), text)?;
                }
            } else {
                for (name, content) in c::bindings(&resolve, world)? {
                    fs::write(Path::new(out).join(name), content)?;
                }
            }
        }
        ["component", language, core, wit, out] => {
            let core = fs::read(core)?;
            let (resolve, world) = world(wit)?;
            // The object file among the bindings for C has put the types into the module.
            let types = (*language == "go").then_some(ModuleTypes { resolve: &resolve, world });
            let made = component(&core, types, Adapter::Wasi)?;
            fs::write(out, made)?;
        }
        _ => return Err("bindings go|c WIT OUT-FOLDER, or component go|c CORE WIT OUT".into()),
    }
    Ok(())
}

fn world(wit: &str) -> Result<(Resolve, WorldId), Box<dyn Error>> {
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_path(wit)?;
    let world = resolve.select_world(&[package], None)?;
    Ok((resolve, world))
}

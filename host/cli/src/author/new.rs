//! `ringfence new`: creates the folder of a skill that builds and runs unchanged.

use std::path::Path;
use std::process::ExitCode;

use ringfence_author::Language;

use crate::args::NewArgs;
use crate::output::{Refused, note, print};

pub(crate) fn exec(args: &NewArgs) -> ExitCode {
    let Some(language) = Language::ALL.into_iter().find(|language| language.name() == args.lang) else {
        // The parser takes no other.
        return Refused::fault(format!("unknown language `{}`", args.lang)).say(false);
    };
    let parent = args.dir.as_deref().unwrap_or(Path::new("."));
    match ringfence_author::new(parent, &args.name, language) {
        Ok(dir) => {
            let dir = args.dir.as_ref().map_or_else(|| args.name.clone().into(), |_| dir);
            print(&dir.display().to_string());
            note(&format!(
                "next: read {}, then run `ringfence build {}`{}",
                dir.join("README.md").display(),
                dir.display(),
                install(language)
            ));
            ExitCode::SUCCESS
        }
        Err(error) => Refused::from(error).say(false),
    }
}

/// The next step for languages whose own tools do not include the compiler for components.
fn install(language: Language) -> &'static str {
    match language {
        Language::JavaScript | Language::Python | Language::Go | Language::C => {
            " (`--install` installs the tools that are missing)"
        }
        Language::Rust => "",
    }
}

//! `ringfence pack`: writes an author's documentation into a component, whatever tool built it.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use ringfence::{Limits, LoadError, Refusal};
use ringfence_author::manifest::{FILE, Manifest};
use ringfence_author::{Contract, Pack, Project};

use super::keep;
use crate::args::PackArgs;
use crate::output::{Refused, note, print};
use crate::{exit, load};

pub(crate) fn exec(args: &PackArgs) -> ExitCode {
    match pack(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(refused) => refused.say(false),
    }
}

fn pack(args: &PackArgs) -> Result<(), Refused> {
    let stdin = Path::new("-");
    let usage = |message: &str| {
        Err(Refused { exit: exit::USAGE, code: "bad-output", ..Refused::fault(message.to_owned()) })
    };
    if args.output.as_deref() == Some(stdin) {
        return usage("cannot write a component to standard output; pass a file to --output");
    }
    if args.component == stdin && args.output.is_none() {
        return usage("a component from standard input needs --output FILE");
    }
    let component = load::read(&args.component)?;
    // What no host takes is not worth packing, and what reads types below is not made for it.
    match load::host(&Limits::default())?.validate(component.clone()) {
        Err(error) if !only_misdocumented(&error) => return Err(load::refused(&error)),
        Ok(_) | Err(_) => {}
    }
    let beside = args.manifest.clone().or_else(|| Some(PathBuf::from(FILE)).filter(|file| file.is_file()));
    let project = beside.as_deref().map(Project::of_manifest).transpose()?;
    if project.is_none() {
        note(&format!(
            "note: no {FILE} in the current directory; adding only the documentation from the WIT"
        ));
    }
    let nothing = Manifest::default();
    let manifest = project.as_ref().map_or(&nothing, Project::manifest);
    let beside_it = || Some(PathBuf::from("wit")).filter(|wit| wit.is_dir() && project.is_none());
    let wit = args.wit.clone().or_else(|| project.as_ref().and_then(Project::wit)).or_else(beside_it);
    let world = args.world.as_deref().or(manifest.world.as_deref());
    let contract = wit.map(|wit| Contract::read(&wit, world)).transpose()?;
    let packed = ringfence_author::pack(&Pack {
        component: &component,
        contract: contract.as_ref(),
        manifest,
        skill_md: project.as_ref().map(Project::skill_md).transpose()?.flatten(),
    })?;
    let file = args.output.as_deref().unwrap_or(&args.component);
    keep(&packed, file)?;
    print(&file.display().to_string());
    Ok(())
}

/// Packing replaces an existing section, even an invalid one.
fn only_misdocumented(error: &LoadError) -> bool {
    match error {
        LoadError::Refused(reasons) => {
            reasons.iter().all(|reason| matches!(reason, Refusal::Metadata { .. }))
        }
        _ => false,
    }
}

//! `ringfence pack`: puts what an author says of a skill into a component, whoever built it.

use std::path::Path;
use std::process::ExitCode;

use ringfence_author::manifest::{FILE, Manifest};
use ringfence_author::{Contract, Pack};

use super::keep;
use crate::args::PackArgs;
use crate::load;
use crate::output::{Refused, note, print};

pub(crate) fn exec(args: &PackArgs) -> ExitCode {
    match pack(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(refused) => refused.say(false),
    }
}

fn pack(args: &PackArgs) -> Result<(), Refused> {
    let component = load::read(&args.component)?;
    let beside = args.manifest.as_deref().unwrap_or(Path::new(FILE));
    let manifest = match std::fs::read_to_string(beside) {
        Ok(source) => Manifest::parse(&source, beside)?,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && args.manifest.is_none() => {
            note(&format!(
                "note: there is no {FILE} here: the component gets the documentation of its WIT only"
            ));
            Manifest::default()
        }
        Err(error) => return Err(Refused::fault(format!("cannot read {}: {error}", beside.display()))),
    };
    let folder = beside.parent().unwrap_or(Path::new(""));
    let named = args.wit.clone().or_else(|| manifest.wit.as_ref().map(|wit| folder.join(wit)));
    let wit = named.or_else(|| Some(folder.join("wit")).filter(|wit| wit.is_dir()));
    let world = args.world.as_deref().or(manifest.world.as_deref());
    let contract = wit.map(|wit| Contract::read(&wit, world)).transpose()?;
    let skill_md = match &manifest.skill_md {
        Some(file) => Some(folder.join(file)),
        None => Some(folder.join("SKILL.md")).filter(|file| file.is_file() && args.manifest.is_some()),
    };
    let skill_md = skill_md.map(|file| {
        std::fs::read_to_string(&file)
            .map_err(|error| Refused::fault(format!("cannot read {}: {error}", file.display())))
    });
    let packed = ringfence_author::pack(&Pack {
        component: &component,
        contract: contract.as_ref(),
        manifest: &manifest,
        skill_md: skill_md.transpose()?,
    })?;
    let file = args.output.as_deref().unwrap_or(&args.component);
    if file == Path::new("-") {
        return Err(Refused::fault("a component from standard input needs --output FILE".to_owned()));
    }
    keep(&packed, file)?;
    print(&file.display().to_string());
    Ok(())
}

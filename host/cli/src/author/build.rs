//! `ringfence build`: the language's own tools, then packing; the component's path on stdout.

use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use bytesize::ByteSize;
use indicatif::{ProgressBar, ProgressStyle};
use ringfence_author::{BuildOptions, Project, Stage};

use super::{component, keep};
use crate::args::BuildArgs;
use crate::output::{Refused, note, print};

pub(crate) fn exec(args: &BuildArgs) -> ExitCode {
    match build(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(refused) => refused.say(false),
    }
}

fn build(args: &BuildArgs) -> Result<(), Refused> {
    let begun = Instant::now();
    let dir = args.dir.as_deref().unwrap_or(Path::new("."));
    let project = Project::open(dir)?;
    let bar = if args.verbose { ProgressBar::hidden() } else { ProgressBar::new_spinner() };
    if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} {elapsed}") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(100));
    let mut on = |stage| {
        let message = match stage {
            Stage::Installing(package) => format!("installing {package} into {}", dir.display()),
            Stage::Building(language) => format!("building {} ({})", project.name(), language.name()),
            _ => "packing".to_owned(),
        };
        // Where no spinner shows, a line says what takes its time.
        if bar.is_hidden() { note(&message) } else { bar.set_message(message) }
    };
    let options = BuildOptions { verbose: args.verbose, install: args.install };
    let built = ringfence_author::build(&project, options, &mut on);
    bar.finish_and_clear();
    let packed = built?;
    let file = args.output.clone().unwrap_or_else(|| component(dir, &project));
    let skill = keep(&packed, &file)?;
    print(&file.display().to_string());
    let tools = skill.tools().len();
    note(&format!(
        "built in {:.1} s · {} · {tools} tool{}",
        begun.elapsed().as_secs_f64(),
        ByteSize::b(packed.component.len() as u64).display().iec(),
        if tools == 1 { "" } else { "s" },
    ));
    Ok(())
}

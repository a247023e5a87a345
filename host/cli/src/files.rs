//! The caller's files of `ringfence run`: those that the run gets, and those that are saved when it has ended.
//!
//! Every path on this machine comes from the command line. A name in the run only selects what is written there.

use std::io::Read as _;

use ringfence::{Call, Report, ReturnedFile, text};

use crate::args::FileArgs;
use crate::exit;
use crate::output::{Refused, note};

/// Adds the files to a call, and asks for those to save. `memory` is the run's limit, which bounds both.
pub(crate) fn add(mut call: Call, args: &FileArgs, memory: u64) -> Result<Call, Refused> {
    let mut left = memory;
    for (name, path) in &args.bring {
        let mut contents = Vec::new();
        let read = std::fs::File::open(path)
            .and_then(|file| file.take(left.saturating_add(1)).read_to_end(&mut contents));
        if let Err(error) = read {
            let message = format!("cannot read {}: {error}; check the path of `--file`", path.display());
            return Err(Refused { code: "cannot-read", ..Refused::fault(message) });
        }
        left = left.checked_sub(contents.len() as u64).ok_or_else(|| Refused {
            exit: exit::CALL,
            code: "invalid-file",
            ..Refused::fault(format!(
                "{} is too large: the files are more than the memory limit of {memory} bytes; raise --memory",
                path.display()
            ))
        })?;
        call = call.file(name.clone(), contents);
    }
    // Before the run, because a run can take long.
    for (_, path) in &args.save {
        if path.symlink_metadata().is_ok() {
            return Err(exists(path));
        }
    }
    if args.save.is_empty() {
        return Ok(call);
    }
    Ok(call.return_files(args.save.iter().map(|(name, _)| name.clone()), memory))
}

fn exists(path: &std::path::Path) -> Refused {
    let message = format!("{} exists; remove it, or save the file elsewhere", path.display());
    Refused { exit: exit::CALL, code: "file-exists", ..Refused::fault(message) }
}

/// Writes the files to save, and takes their contents out of the report.
pub(crate) fn save(report: &mut Report, args: &FileArgs) -> Result<(), Refused> {
    for (name, path) in &args.save {
        let found = |file: &&ReturnedFile| file.path == name.trim_matches('/');
        let Some(contents) = report.files.iter().find(found).and_then(|file| file.contents.as_ref()) else {
            note(&format!("nothing saved: the run left no file `{}`", text::clean(name, 256)));
            continue;
        };
        ringfence_files::create(path, contents, ringfence_files::ORDINARY).map_err(|error| {
            match error.kind() {
                std::io::ErrorKind::AlreadyExists => exists(path),
                _ => Refused::unwritten(path, &error),
            }
        })?;
    }
    report.files.iter_mut().for_each(|file| file.contents = None);
    Ok(())
}

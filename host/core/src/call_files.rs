//! The files of a call: checks the paths that a caller gives, and puts its files into the tree of the run.

use crate::error::RunError;
use crate::limits::Limits;
use crate::scratch::{self, Brought, Refusal, Wanted};
use crate::state::{GuestState, RunState};

/// Maximum number of paths that a call returns.
const WANTED: usize = 100;

/// Returns the requested paths in their normal form, without those below another, and at most the run's memory in bytes.
pub(crate) fn normal(wanted: &Wanted, limits: &Limits) -> Result<Wanted, RunError> {
    if let Some(over) = wanted.paths.get(WANTED) {
        return Err(refused(over, "a call returns at most 100 paths; name a directory"));
    }
    let paths = wanted.paths.iter();
    let paths = paths.map(|path| scratch::normal(path).map(str::to_owned).map_err(|why| refused(path, why)));
    let mut paths = paths.collect::<Result<Vec<String>, _>>()?;
    // A directory comes before what is below it.
    paths.sort_unstable();
    let mut kept: Vec<String> = Vec::with_capacity(paths.len());
    for path in paths {
        let is_below = |above: &String| {
            let rest = path.strip_prefix(above.as_str());
            rest.is_some_and(|rest| above.is_empty() || rest.is_empty() || rest.starts_with('/'))
        };
        if !kept.iter().any(is_below) {
            kept.push(path);
        }
    }
    Ok(Wanted { paths: kept, bytes: wanted.bytes.min(limits.memory) })
}

/// Puts files into the tree of a run that has not begun.
pub(crate) fn bring(files: &[Brought], state: &mut GuestState) -> Result<(), RunError> {
    let Some(first) = files.first() else { return Ok(()) };
    state.begin_scratch();
    let RunState { scratch, limiter, wasi, .. } = &mut **state;
    let Some(own) = scratch else {
        return Err(refused(
            &first.path,
            "the run has no scratch files; grant `scratch` to the skill, which must request it",
        ));
    };
    let now = wasi.now();
    for file in files {
        let path = scratch::normal(&file.path).map_err(|why| refused(&file.path, why))?;
        own.tree.bring(path, &file.contents, now, limiter).map_err(|refusal| told(file, refusal))?;
    }
    Ok(())
}

fn told(file: &Brought, refusal: Refusal) -> RunError {
    let message = match refusal {
        Refusal::Host => {
            let wanted = file.contents.len() as u64;
            return RunError::Overloaded { what: "bytes of memory for files", wanted, free: 0 };
        }
        Refusal::NoSpace => {
            "no room; raise the caps of the `scratch` grant or the memory limit, or bring less"
        }
        Refusal::NameTooLong => "a name is too long; shorten it, or raise the grant's `name-bytes`",
        Refusal::Exists => "the path already exists; bring each file once",
        Refusal::NotDirectory => "a file has the name of a directory above it; rename one",
        Refusal::IsDirectory
        | Refusal::BadDescriptor
        | Refusal::Busy
        | Refusal::Invalid
        | Refusal::NoEntry
        | Refusal::NotEmpty
        | Refusal::NotPermitted => "the path names no file; expected for example `in/data.csv`",
    };
    refused(&file.path, message)
}

fn refused(path: &str, message: &str) -> RunError {
    RunError::File { path: crate::text::clean(path, 256), message: message.to_owned() }
}

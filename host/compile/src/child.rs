//! The child's half: limits itself, reads a component from stdin, writes the artifact to stdout.

use std::ffi::OsString;
use std::io::{Read, Write};
use std::process::ExitCode;

use rustix::process::{Resource, Rlimit, setrlimit};

use crate::{CHILD, REFUSED};

/// Does a child's work, if this process is one. To be called first in `main`.
///
/// Gives none in every other process; the code to exit with in a child.
#[must_use = "a child must exit with this code"]
pub fn child_main() -> Option<ExitCode> {
    let mut args = std::env::args_os().skip(1);
    if args.next()? != CHILD {
        return None;
    }
    Some(match work(&mut args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Refused(message)) => {
            say(&message);
            ExitCode::from(REFUSED)
        }
        Err(Failure::Broken(message)) => {
            say(&message);
            ExitCode::FAILURE
        }
    })
}

enum Failure {
    /// The component does not compile.
    Refused(String),
    /// The child could not do its work.
    Broken(String),
}

fn work(args: &mut dyn Iterator<Item = OsString>) -> Result<(), Failure> {
    let mut number = |name: &str| {
        let text = args.next().and_then(|arg| arg.into_string().ok());
        text.and_then(|text| text.parse::<u64>().ok())
            .ok_or_else(|| Failure::Broken(format!("no {name} given")))
    };
    let cpu = number("CPU limit")?;
    let memory = number("memory limit")?;
    // Set before a byte is read. A limit that cannot be set ends the child: it is never run without.
    limit(Resource::Cpu, cpu, cpu.saturating_add(1))?;
    limit(Resource::As, memory, memory)?;
    limit(Resource::Core, 0, 0)?;
    limit(Resource::Fsize, 0, 0)?;
    die_with_parent();
    let mut bytes = Vec::new();
    std::io::stdin().lock().read_to_end(&mut bytes).map_err(|error| Failure::Broken(error.to_string()))?;
    let artifact = ringfence::compile_bytes(&bytes).map_err(|error| Failure::Refused(error.to_string()))?;
    let mut stdout = std::io::stdout().lock();
    let written = stdout.write_all(artifact.as_bytes().unwrap_or_default()).and_then(|()| stdout.flush());
    written.map_err(|error| Failure::Broken(error.to_string()))
}

fn limit(resource: Resource, soft: u64, hard: u64) -> Result<(), Failure> {
    let limit = Rlimit { current: Some(soft), maximum: Some(hard) };
    setrlimit(resource, limit).map_err(|error| Failure::Broken(format!("cannot set a limit: {error}")))
}

/// A parent that is killed takes its child with it, where the kernel can do that; elsewhere the child goes
/// on to its own limits.
fn die_with_parent() {
    #[cfg(target_os = "linux")]
    {
        // Without it the limits still hold, so a failure changes nothing that is promised.
        let _ = rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL));
    }
}

fn say(message: &str) {
    // The parent reads it; if it is gone there is nobody to tell.
    let _ = writeln!(std::io::stderr(), "{message}");
}

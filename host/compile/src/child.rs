//! The code of the child: jails itself, reads a component from stdin, and writes the artifact to stdout.

use std::ffi::OsString;
use std::io::{Read, Write};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::ending::Ending;
use crate::jail::{self, Terms};
use crate::memory::IN_CHILD;
use crate::{CHILD, NATIVE, attempts};

/// Does the work of a child if this process is one, and returns its exit code. Returns none in every other process.
///
/// Call it first in `main`, before anything opens a file or starts a thread or runtime. A child closes all
/// descriptors except its pipes, and cannot start threads later. So do not call it from an `async fn main`, whose
/// runtime already runs.
#[must_use = "a child must exit with this code"]
pub fn child_main() -> Option<ExitCode> {
    ASKED.store(true, Ordering::Relaxed);
    let mut args = std::env::args_os().skip(1);
    if args.next()? != CHILD {
        return None;
    }
    IN_CHILD.store(true, Ordering::Relaxed);
    let ending = match work(&mut args) {
        Ok(()) => Ending::Done,
        Err(Failure::Refused(message)) => {
            say(&message);
            Ending::Refused
        }
        Err(Failure::Memory) => Ending::OverMemory,
        Err(Failure::Broken(message)) => {
            say(&message);
            Ending::Broken
        }
    };
    Some(ending.into())
}

/// Whether this program called [`child_main`]. A program that never does would start itself again and again.
pub(crate) static ASKED: AtomicBool = AtomicBool::new(false);

enum Failure {
    /// The component does not compile.
    Refused(String),
    /// The component itself does not fit into memory. If the compiler lacks memory, the allocator ends the process.
    Memory,
    /// The child could not do its work.
    Broken(String),
}

fn work(args: &mut dyn Iterator<Item = OsString>) -> Result<(), Failure> {
    let mut number = |name: &str| {
        let text = args.next().and_then(|arg| arg.into_string().ok());
        text.and_then(|text| text.parse::<u64>().ok())
            .ok_or_else(|| Failure::Broken(format!("no {name} given")))
    };
    let terms = Terms {
        cpu: number("CPU limit")?,
        memory: number("memory limit")?,
        threads: usize::try_from(number("number of threads")?).unwrap_or(1),
        parent: u32::try_from(number("parent")?).unwrap_or(0),
    };
    let target = match args.next().and_then(|name| name.into_string().ok()).as_deref() {
        Some(NATIVE) => None,
        Some(name) => Some(name.parse().map_err(|error| Failure::Broken(format!("{error}")))?),
        None => return Err(Failure::Broken("no target given".to_owned())),
    };
    // Before a byte is read. A child that cannot lock itself up ends: it never compiles outside.
    let jail = jail::enter(&terms).map_err(Failure::Broken)?;
    if let Some(name) = args.next() {
        let answer = attempts::answer(&name, &jail, &terms).map_err(Failure::Broken)?;
        return write(answer.as_bytes());
    }
    let mut bytes = Vec::new();
    std::io::stdin().lock().read_to_end(&mut bytes).map_err(|error| match error.kind() {
        std::io::ErrorKind::OutOfMemory => Failure::Memory,
        _ => Failure::Broken(error.to_string()),
    })?;
    let artifact =
        ringfence::compile_bytes(&bytes, target).map_err(|error| Failure::Refused(error.to_string()))?;
    write(artifact.as_bytes().unwrap_or_default())
}

fn write(bytes: &[u8]) -> Result<(), Failure> {
    let mut stdout = std::io::stdout().lock();
    let written = stdout.write_all(bytes).and_then(|()| stdout.flush());
    written.map_err(|error| Failure::Broken(error.to_string()))
}

fn say(message: &str) {
    // The parent reads it; if it is gone there is nobody to tell.
    let _ = writeln!(std::io::stderr(), "{message}");
}

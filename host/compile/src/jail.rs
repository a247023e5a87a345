//! The jail of a child: what it gives up before it reads a byte, so that a compiler that was taken over
//! has nothing to reach.
//!
//! Everything is given up for good: neither the compiler nor who takes it over can have it back.

#[cfg(target_os = "linux")]
#[path = "jail/linux.rs"]
mod system;
#[cfg(not(target_os = "linux"))]
#[path = "jail/other.rs"]
mod system;

#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
#[path = "jail/seccomp.rs"]
mod filters;
#[cfg(not(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64"))))]
#[path = "jail/no_seccomp.rs"]
mod filters;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::probe::Enforcement;

/// How far a child gives way: to about a tenth of a core where others want all of it. At 19 bystanders gain little
/// more, and a child is left a seventieth: honest components then take an hour.
const NICE: i32 = 10;

/// What holds this process.
#[derive(Debug)]
pub(crate) struct Jail {
    pub(crate) landlock: Enforcement,
    pub(crate) seccomp: Enforcement,
    /// Name and value, read back from the kernel.
    pub(crate) limits: Vec<(&'static str, String)>,
}

/// What a child is started with.
#[derive(Debug)]
pub(crate) struct Terms {
    /// Seconds of CPU time.
    pub(crate) cpu: u64,
    /// Bytes of address space.
    pub(crate) memory: u64,
    /// Threads that compile.
    pub(crate) threads: usize,
    /// The process that started this one.
    pub(crate) parent: u32,
}

/// Locks this process up, and starts the threads that compile, for afterwards nobody can.
///
/// What the kernel does not have is left out and said in the [`Jail`]; anything else that fails is an
/// error, after which the process must end.
pub(crate) fn enter(terms: &Terms) -> Result<Jail, String> {
    limit(Resource::Cpu, terms.cpu, terms.cpu.saturating_add(1))?;
    limit(Resource::As, terms.memory, terms.memory)?;
    limit(Resource::Core, 0, 0)?;
    limit(Resource::Fsize, 0, 0)?;
    system::let_go(terms.parent)?;
    // In the thread that starts all others, so that they inherit it: before version 8 it holds one thread.
    let landlock = system::landlock()?;
    // After landlock, which takes a descriptor for a moment. Not even 0, 1 and 2 could be opened again.
    limit(Resource::Nofile, 0, 0)?;
    // The last threads that there will be.
    rayon::ThreadPoolBuilder::new()
        .num_threads(terms.threads)
        .build_global()
        .map_err(|error| format!("cannot start threads: {error}"))?;
    // The last that the filters would refuse.
    let limits = limits();
    let seccomp = filters::enter()?;
    Ok(Jail { landlock, seccomp, limits })
}

fn limit(resource: Resource, soft: u64, hard: u64) -> Result<(), String> {
    // Somebody may have set a tighter one, which nobody can loosen.
    let hard = getrlimit(resource).maximum.map_or(hard, |there| there.min(hard));
    let limit = Rlimit { current: Some(soft.min(hard)), maximum: Some(hard) };
    setrlimit(resource, limit).map_err(|error| format!("cannot set a limit: {error}"))
}

fn limits() -> Vec<(&'static str, String)> {
    let read = |resource, unit: &str| match getrlimit(resource).current {
        Some(limit) => format!("{limit}{unit}"),
        None => String::from("none"),
    };
    let mut limits = vec![
        ("cpu", read(Resource::Cpu, " s")),
        ("address space", read(Resource::As, " bytes")),
        ("core file", read(Resource::Core, " bytes")),
        ("file size", read(Resource::Fsize, " bytes")),
        ("new descriptors", read(Resource::Nofile, "")),
        ("threads", rayon::current_num_threads().to_string()),
    ];
    if let Ok(nice) = rustix::process::getpriority_process(None) {
        limits.push(("nice", nice.to_string()));
    }
    limits
}

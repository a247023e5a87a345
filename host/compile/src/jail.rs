//! The jail of a child, which drops its rights before it reads a byte. A compromised compiler can then reach nothing.
//!
//! The rights are dropped for good: neither the compiler nor an attacker can restore them.

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

use crate::enforcement::Enforcement;

/// Nice value of a child. At 10 it gets about a tenth of a busy core. At 19 it would get a seventieth: honest
/// components would take an hour, and other processes would gain little.
const NICE: i32 = 10;

/// The jail of this process.
#[derive(Debug)]
pub(crate) struct Jail {
    pub(crate) landlock: Enforcement,
    pub(crate) seccomp: Enforcement,
    /// Name and value of each limit, read back from the kernel.
    pub(crate) limits: Vec<(&'static str, String)>,
}

/// Parameters of a child.
#[derive(Debug)]
pub(crate) struct Terms {
    /// Seconds of CPU time.
    pub(crate) cpu: u64,
    /// Bytes of address space.
    pub(crate) memory: u64,
    /// Number of compiling threads.
    pub(crate) threads: usize,
    /// Process id of the parent.
    pub(crate) parent: u32,
}

/// Jails this process. Starts the compiling threads first, because no thread can start later.
///
/// Skips what the kernel lacks, and says so in the [`Jail`].
///
/// # Errors
///
/// Fails with a message if anything else fails; the process must then end.
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

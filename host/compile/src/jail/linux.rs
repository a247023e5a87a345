//! The jail on Linux, except the filters on system calls.

use std::io;

use landlock::{
    ABI, Access as _, AccessFs, AccessNet, LandlockStatus, Ruleset, RulesetAttr as _, RulesetStatus, Scope,
};
use rustix::process::{DumpableBehavior, Signal};

use crate::enforcement::Enforcement;

/// Ties the child to its parent, lowers its priority, and closes descriptors. Leaves its directory, and forbids
/// inspection.
pub(super) fn let_go(parent: u32) -> Result<(), String> {
    let done = |what: &str, result: rustix::io::Result<()>| {
        result.map_err(|error| format!("cannot {what}: {error}"))
    };
    done("die with the parent", rustix::process::set_parent_process_death_signal(Some(Signal::KILL)))?;
    // A parent that ended before that line sends nothing any more.
    let now = rustix::process::getppid().map(|pid| pid.as_raw_nonzero().get());
    if now != i32::try_from(parent).ok() {
        return Err("the parent has ended".into());
    }
    // So that a component that takes the whole minute leaves most of a core to who wants it; not all of it, for
    // the reason at the value. There is no priority of its disk to lower: it has no file.
    done("lower the priority", rustix::process::nice(super::NICE).map(|_| ()))?;
    close_descriptors().map_err(|error| format!("cannot close descriptors: {error}"))?;
    // So that no directory of the parent's is held, by which a relative path would begin.
    done("leave the directory", rustix::process::chdir("/"))?;
    // No process of the same user may attach to it, and no core of it is written.
    done("forbid dumps", rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable))
}

/// Closes all descriptors except 0, 1 and 2. The standard library marks its own as not inherited, but other code of the
/// parent may have opened some without the mark.
fn close_descriptors() -> io::Result<()> {
    let most = libc::c_uint::MAX;
    // SAFETY: the call takes numbers and no pointers. Nothing owns a descriptor above 2: this runs in
    // `child_main`, first of all in a process that was just executed, with one thread, and nothing before
    // it keeps one open. Nothing is used afterwards that was closed here.
    #[expect(unsafe_code, reason = "proof above; no crate in the tree has a safe call")]
    let closed = unsafe { libc::syscall(libc::SYS_close_range, 3 as libc::c_uint, most, 0 as libc::c_uint) };
    if closed == 0 {
        return Ok(());
    }
    let error = io::Error::last_os_error();
    if error.raw_os_error() != Some(libc::ENOSYS) {
        return Err(error);
    }
    // Before Linux 5.9, one by one.
    let listed: Vec<libc::c_int> = std::fs::read_dir("/proc/self/fd")?
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter(|descriptor| *descriptor > 2)
        .collect();
    for descriptor in listed {
        // SAFETY: as above. The listing's own was closed with it, and closing it again fails and does
        // nothing, for no other thread opens one meanwhile.
        #[expect(unsafe_code, reason = "proof above")]
        let _ = unsafe { libc::close(descriptor) };
    }
    Ok(())
}

/// Applies a landlock ruleset that handles every kind of access and grants none. Forbids new privileges, even if the
/// kernel has no landlock.
///
/// It backs up the filters on system calls. Those refuse every open call; this refuses by the opened object. So it
/// still holds if the filters are missing or have a gap.
pub(super) fn landlock() -> Result<Enforcement, String> {
    // All that the newest version knows; what the kernel does not know is left out.
    let handled = ABI::V9;
    let status = Ruleset::default()
        .handle_access(AccessFs::from_all(handled))
        .and_then(|rules| rules.handle_access(AccessNet::from_all(handled)))
        .and_then(|rules| rules.scope(Scope::from_all(handled)))
        .and_then(Ruleset::create)
        .and_then(landlock::RulesetCreated::restrict_self)
        .map_err(|error| format!("cannot apply landlock: {error}"))?;
    if !status.no_new_privs {
        return Err("cannot forbid new privileges".into());
    }
    let abi = match status.landlock {
        LandlockStatus::Available { effective_abi, .. } => effective_abi,
        LandlockStatus::NotEnabled => {
            return Ok(Enforcement::Unavailable("disabled in this kernel".into()));
        }
        LandlockStatus::NotImplemented => {
            return Ok(Enforcement::Unavailable("not supported by this kernel".into()));
        }
    };
    if status.ruleset == RulesetStatus::NotEnforced {
        return Err("landlock is available but was not applied".into());
    }
    // The filters would hide a ruleset that holds nothing, so it is tried before they are there.
    if std::fs::read_dir("/").is_ok() {
        return Err("landlock was applied but does not hold".into());
    }
    let text = format!("ABI {}", abi as i32);
    // From version 6 on: files, TCP, signals and abstract sockets.
    Ok(if abi >= ABI::V6 { Enforcement::Full(text) } else { Enforcement::Partial(text) })
}

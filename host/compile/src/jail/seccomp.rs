//! Filters on system calls. A short list is allowed. Calls that only an exploit makes end the process. All others fail.

use std::collections::BTreeMap;

use libc::{EPERM, PROT_EXEC, c_long};
use seccompiler::{
    BpfProgram, Error, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, apply_filter_all_threads,
};

use crate::enforcement::Enforcement;

type Rules = BTreeMap<i64, Vec<SeccompRule>>;

/// Applies the filters to every thread of the process.
pub(super) fn enter() -> Result<Enforcement, String> {
    // Of the two the stricter answer counts. The allow-list is second, for it forbids to set filters.
    let killing = filter(deadly()?, SeccompAction::Allow, SeccompAction::KillProcess)?;
    let allowing = filter(allowed()?, SeccompAction::Errno(EPERM.unsigned_abs()), SeccompAction::Allow)?;
    match apply_filter_all_threads(&killing) {
        Ok(()) => {}
        Err(Error::Seccomp(error)) if error.raw_os_error() == Some(libc::ENOSYS) => {
            return Ok(Enforcement::Unavailable("not supported by this kernel".into()));
        }
        Err(error) => return Err(format!("cannot apply the filters: {error}")),
    }
    apply_filter_all_threads(&allowing).map_err(|error| format!("cannot apply the filters: {error}"))?;
    Ok(Enforcement::Full("two filters, on all threads".into()))
}

fn filter(rules: Rules, otherwise: SeccompAction, matched: SeccompAction) -> Result<BpfProgram, String> {
    std::env::consts::ARCH
        .try_into()
        .and_then(|arch| SeccompFilter::new(rules, otherwise, matched, arch))
        .and_then(BpfProgram::try_from)
        .map_err(|error| format!("cannot build the filters: {error}"))
}

/// The calls that compiling, writing the artifact and exiting need.
fn allowed() -> Result<Rules, String> {
    let mut rules = Rules::new();
    let always = [
        // Memory that is no code: giving it back, moving it, growing the heap.
        libc::SYS_munmap,
        libc::SYS_mremap,
        libc::SYS_madvise,
        libc::SYS_brk,
        // The threads that are there: waiting for each other, giving way, their number.
        libc::SYS_futex,
        libc::SYS_sched_yield,
        libc::SYS_sched_getaffinity,
        libc::SYS_set_robust_list,
        libc::SYS_rseq,
        libc::SYS_gettid,
        libc::SYS_getpid,
        // Handlers: the engine and the standard library set theirs for faults of memory, and abort
        // resets one. They act on this process alone.
        libc::SYS_rt_sigaction,
        libc::SYS_rt_sigprocmask,
        libc::SYS_rt_sigreturn,
        libc::SYS_sigaltstack,
        // Time and chance: the seeds of hash tables, a thread that waits with a limit. They are mostly
        // read without a call.
        libc::SYS_getrandom,
        libc::SYS_clock_gettime,
        libc::SYS_clock_nanosleep,
        libc::SYS_nanosleep,
        libc::SYS_restart_syscall,
        // The end.
        libc::SYS_exit,
        libc::SYS_exit_group,
    ];
    for call in always {
        rules.insert(call, Vec::new());
    }
    // Memory, but none that can be executed: a compiler writes code and runs none. Without this, an
    // exploit that can make a call could bring machine code of its own.
    let no_code = || arg(2, SeccompCmpOp::MaskedEq(u64::from(PROT_EXEC.unsigned_abs())), 0);
    rules.insert(libc::SYS_mmap, vec![rule(vec![no_code()?])?]);
    rules.insert(libc::SYS_mprotect, vec![rule(vec![no_code()?])?]);
    // The three pipes, each in its direction.
    rules.insert(libc::SYS_read, vec![rule(vec![arg(0, SeccompCmpOp::Eq, 0)?])?]);
    let out = || {
        Ok::<_, String>(vec![
            rule(vec![arg(0, SeccompCmpOp::Eq, 1)?])?,
            rule(vec![arg(0, SeccompCmpOp::Eq, 2)?])?,
        ])
    };
    rules.insert(libc::SYS_write, out()?);
    rules.insert(libc::SYS_writev, out()?);
    // Whether a descriptor is open, which the probe asks.
    let asks = u64::from(libc::F_GETFD.unsigned_abs());
    rules.insert(libc::SYS_fcntl, vec![rule(vec![arg(1, SeccompCmpOp::Eq, asks)?])?]);
    // Abort sends a signal to itself.
    rules.insert(libc::SYS_tgkill, vec![rule(vec![arg(0, SeccompCmpOp::Eq, own_id())?])?]);
    Ok(rules)
}

/// The calls that no compiler, allocator or runtime makes by itself. A caller of these has taken the compiler over,
/// and gets no second try.
fn deadly() -> Result<Rules, String> {
    let mut rules = Rules::new();
    let always: &[c_long] = &[
        // Another program, process or thread.
        libc::SYS_execve,
        libc::SYS_execveat,
        libc::SYS_clone,
        libc::SYS_clone3,
        #[cfg(target_arch = "x86_64")]
        libc::SYS_fork,
        #[cfg(target_arch = "x86_64")]
        libc::SYS_vfork,
        // Other processes: their memory, their descriptors, signals to them.
        libc::SYS_ptrace,
        libc::SYS_process_vm_readv,
        libc::SYS_process_vm_writev,
        libc::SYS_process_madvise,
        libc::SYS_pidfd_open,
        libc::SYS_pidfd_getfd,
        libc::SYS_pidfd_send_signal,
        libc::SYS_kcmp,
        libc::SYS_kill,
        // musl's abort makes this call, so that there it only fails, and abort ends the process otherwise.
        #[cfg(not(target_env = "musl"))]
        libc::SYS_tkill,
        libc::SYS_rt_sigqueueinfo,
        libc::SYS_rt_tgsigqueueinfo,
        // The network, and other programs by it.
        libc::SYS_socket,
        libc::SYS_socketpair,
        libc::SYS_connect,
        libc::SYS_bind,
        libc::SYS_listen,
        libc::SYS_accept,
        libc::SYS_accept4,
        libc::SYS_sendto,
        libc::SYS_sendmsg,
        libc::SYS_sendmmsg,
        // Parts of the kernel by which others escaped.
        libc::SYS_bpf,
        libc::SYS_userfaultfd,
        libc::SYS_perf_event_open,
        libc::SYS_io_uring_setup,
        libc::SYS_io_uring_enter,
        libc::SYS_io_uring_register,
        libc::SYS_keyctl,
        libc::SYS_add_key,
        libc::SYS_request_key,
        // A file without a name, from which code could be executed.
        libc::SYS_memfd_create,
        // Another view of the machine.
        libc::SYS_unshare,
        libc::SYS_setns,
        libc::SYS_chroot,
        libc::SYS_pivot_root,
        libc::SYS_mount,
        libc::SYS_umount2,
        libc::SYS_open_tree,
        libc::SYS_move_mount,
        libc::SYS_fsopen,
        libc::SYS_open_by_handle_at,
        // Other rights.
        libc::SYS_setuid,
        libc::SYS_setgid,
        libc::SYS_setresuid,
        libc::SYS_setresgid,
        libc::SYS_setgroups,
        libc::SYS_capset,
        // The kernel itself.
        libc::SYS_init_module,
        libc::SYS_finit_module,
        libc::SYS_delete_module,
        libc::SYS_kexec_load,
        libc::SYS_reboot,
        libc::SYS_swapon,
        libc::SYS_personality,
        #[cfg(target_arch = "x86_64")]
        libc::SYS_iopl,
        #[cfg(target_arch = "x86_64")]
        libc::SYS_ioperm,
    ];
    for call in always {
        rules.insert(*call, Vec::new());
    }
    // Signals to threads of any other process.
    rules.insert(libc::SYS_tgkill, vec![rule(vec![arg(0, SeccompCmpOp::Ne, own_id())?])?]);
    Ok(rules)
}

fn own_id() -> u64 {
    u64::from(std::process::id())
}

/// Compares the lower half of an argument; all compared values fit into it.
fn arg(index: u8, compare: SeccompCmpOp, value: u64) -> Result<SeccompCondition, String> {
    SeccompCondition::new(index, SeccompCmpArgLen::Dword, compare, value)
        .map_err(|error| format!("cannot build the filters: {error}"))
}

fn rule(conditions: Vec<SeccompCondition>) -> Result<SeccompRule, String> {
    SeccompRule::new(conditions).map_err(|error| format!("cannot build the filters: {error}"))
}

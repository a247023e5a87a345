//! The jail: what a compiler that was taken over would try comes to nothing, and who compiles notices none
//! of it.

use std::path::{Path, PathBuf};
#[cfg(target_os = "linux")]
use std::time::{Duration, Instant};

use ringfence::Fault;
use ringfence_compile::{CompileError, CompileLimits, Compiler, Enforcement, JailReport};

#[cfg(target_os = "linux")]
use crate::queue::turn;
use crate::{block_on, compiler, host, validated};

fn probed() -> JailReport {
    block_on(compiler(|_| {}).probe()).expect("a report")
}

/// The whole list, so that none is lost unseen.
#[test]
#[cfg(target_os = "linux")]
fn every_attempt_is_stopped() {
    let report = probed();
    let let_through: Vec<_> = report.attempts.iter().filter(|attempt| !attempt.stopped).collect();
    assert!(let_through.is_empty(), "{let_through:?}");
    let tried: Vec<&str> = report.attempts.iter().map(|attempt| attempt.what.as_str()).collect();
    assert_eq!(
        tried,
        [
            "read /etc/passwd",
            "list /",
            "write a file in /tmp",
            "open a TCP socket",
            "start a process",
            "start a thread",
            "read the environment",
            "use inherited descriptors",
            "read the parent's memory",
            "signal the parent",
            "map executable memory",
            "make memory executable",
            "create a descriptor",
        ]
    );
    // These end the child, which no error could do.
    for what in ["open a TCP socket", "start a process", "start a thread", "signal the parent"] {
        let attempt = report.attempts.iter().find(|attempt| attempt.what == what).expect("it was tried");
        assert!(attempt.detail.contains("SIGSYS"), "{attempt:?}");
    }
}

#[test]
#[cfg(target_os = "linux")]
fn the_jail_stops_every_attempt_and_sets_every_limit() {
    let report = probed();
    // Whatever the kernel has, no attempt comes to anything.
    assert!(report.holds(), "{report:?}");
    assert!(is_all_that_the_kernel_has(&report.landlock), "{report:?}");
    assert!(matches!(&report.seccomp, Enforcement::Full(_)), "{report:?}");
    let limit = |name: &str| {
        let found = report.limits.iter().find(|limit| limit.name == name);
        found.map_or("", |limit| limit.value.as_str())
    };
    assert_eq!(limit("cpu"), "60 s");
    assert_eq!(limit("address space"), "2147483648 bytes");
    assert_eq!(limit("core file"), "0 bytes");
    assert_eq!(limit("file size"), "0 bytes");
    assert_eq!(limit("new descriptors"), "0");
    assert_eq!(limit("nice"), "10");
}

/// Whether landlock holds as much as a kernel of the version that it tells can: all from version 6 on, a part
/// before, nothing where there is none or it was not switched on.
fn is_all_that_the_kernel_has(landlock: &Enforcement) -> bool {
    let version = |text: &str| text.strip_prefix("ABI ").and_then(|version| version.parse::<u32>().ok());
    match landlock {
        Enforcement::Full(text) => version(text).is_some_and(|version| version >= 6),
        Enforcement::Partial(text) => version(text).is_some_and(|version| (1..6).contains(&version)),
        Enforcement::Unavailable(why) => why.starts_with("not supported") || why.starts_with("disabled"),
    }
}

#[test]
fn landlock_counts_as_complete_by_kernel_version() {
    for (landlock, all) in [
        (Enforcement::Full("ABI 6".into()), true),
        (Enforcement::Full("ABI 9".into()), true),
        (Enforcement::Full("ABI 5".into()), false),
        (Enforcement::Partial("ABI 1".into()), true),
        (Enforcement::Partial("ABI 6".into()), false),
        (Enforcement::Partial(String::new()), false),
        (Enforcement::Unavailable("not supported by this kernel".into()), true),
        (Enforcement::Unavailable(String::new()), false),
    ] {
        assert_eq!(is_all_that_the_kernel_has(&landlock), all, "{landlock:?}");
    }
}

/// A descriptor that other code of the parent's opened and did not mark is inherited by every child, and
/// closed by this one.
#[test]
#[cfg(target_os = "linux")]
fn an_inherited_descriptor_is_closed() {
    use rustix::io::{FdFlags, fcntl_setfd};

    let file = std::fs::File::open("/etc/passwd").expect("a file");
    fcntl_setfd(&file, FdFlags::empty()).expect("the mark is gone");
    // It is inherited indeed, by a program that does not close it.
    let number = std::os::fd::AsRawFd::as_raw_fd(&file);
    let inherits = std::process::Command::new("/bin/sh")
        .args(["-c", &format!("test -e /proc/self/fd/{number}")])
        .status()
        .expect("a shell");
    assert!(inherits.success());
    let report = probed();
    let seen = report.attempts.iter().find(|attempt| attempt.what.contains("descriptors")).expect("tried");
    assert_eq!((seen.stopped, seen.detail.as_str()), (true, "0 descriptors"));
    drop(file);
}

#[test]
#[cfg(target_os = "linux")]
fn no_environment() {
    // Cargo gives this process one, so there is something to pass on.
    assert!(std::env::vars_os().count() > 0);
    let report = probed();
    let seen = report.attempts.iter().find(|attempt| attempt.what.contains("environment")).expect("tried");
    assert_eq!((seen.stopped, seen.detail.as_str()), (true, "0 variables"));
}

#[test]
fn how_a_child_was_killed() {
    let skill = validated(&host(), 1);
    let ended = |script: &str| {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/compile").join(script);
        let error = block_on(Compiler::program(script, CompileLimits::default()).compile(&skill));
        error.expect_err("it compiles nothing")
    };
    let jailed = ended("killed-by-sigsys.sh");
    assert!(matches!(jailed, CompileError::JailViolation), "{jailed:?}");
    assert_eq!((jailed.code(), jailed.fault()), ("compile-jail-violation", Fault::Author));
    // As the kernel does when memory runs out: nobody knows of the component that it did anything.
    let killed = ended("killed-by-sigkill.sh");
    assert!(matches!(killed, CompileError::Killed { .. }), "{killed:?}");
    assert_eq!((killed.code(), killed.fault()), ("compiler-killed", Fault::Host));
    let message = killed.to_string();
    assert!(message.contains("SIGKILL") && message.contains("try again"), "{message}");
    let crashed = ended("killed-by-sigsegv.sh");
    assert!(matches!(crashed, CompileError::Crashed { .. }), "{crashed:?}");
    assert_eq!((crashed.code(), crashed.fault()), ("compiler-crashed", Fault::Author));
}

/// A child ends by its exit code or its signal; its words are shown, and decide nothing.
#[test]
fn words_of_a_child_decide_nothing() {
    let skill = validated(&host(), 1);
    let ended = |script: &str| {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/compile").join(script);
        let error = block_on(Compiler::program(script, CompileLimits::default()).compile(&skill));
        error.expect_err("it compiles nothing")
    };
    let refused = ended("refuses-in-words-of-memory.sh");
    assert!(
        matches!(&refused, CompileError::Refused(words) if words.contains("allocation of 4096 bytes")),
        "{refused:?}"
    );
    let crashed = ended("aborts-in-words-of-memory.sh");
    assert!(matches!(crashed, CompileError::Crashed { .. }), "{crashed:?}");
    let memory = ended("over-memory.sh");
    assert!(matches!(memory, CompileError::OverMemory(limit) if limit == 2 << 30), "{memory:?}");
}

/// The kernel ends a child with the thread that started it. Threads of a runtime end while what they began goes
/// on elsewhere, so it must be none of them.
#[test]
#[cfg(target_os = "linux")]
fn a_child_outlives_the_thread_that_began_it() {
    // More than a pipe holds, so that the child cannot end before it is fed on, below.
    let skill = validated(&host(), 100);
    // A limit that no other test has: it stands in the child's arguments.
    let compiler = compiler(|limits| limits.cpu = Duration::from_secs(59));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let mut compiles = Box::pin(compiler.compile(&skill));
    std::thread::scope(|threads| {
        threads.spawn(|| {
            let _inside = runtime.enter();
            assert!(turn(compiles.as_mut()).is_pending());
            // By then it has asked the kernel to be ended with its parent.
            let begun = Instant::now();
            while !is_nice("59") {
                assert!(begun.elapsed() < Duration::from_secs(60), "no such child");
                std::thread::yield_now();
            }
        });
    });
    let compiled = runtime.block_on(compiles);
    assert!(compiled.is_ok(), "{compiled:?}");
}

/// Whether a child of this process with that limit on CPU time has lowered its priority.
#[cfg(target_os = "linux")]
fn is_nice(cpu: &str) -> bool {
    let parent = std::process::id().to_string();
    let processes = std::fs::read_dir("/proc").expect("it is mounted").filter_map(Result::ok);
    let found = processes.map(|process| process.path()).find(|process| {
        let line = std::fs::read_to_string(process.join("cmdline")).unwrap_or_default();
        let arguments: Vec<&str> = line.split('\0').collect();
        arguments.get(1..3) == Some(&["__ringfence-compile", cpu]) && arguments.get(5) == Some(&&*parent)
    });
    let stat = found.and_then(|process| std::fs::read_to_string(process.join("stat")).ok());
    // The 19th field; the second is a name in brackets, which may hold anything.
    let nice = stat.and_then(|stat| Some(stat.rsplit_once(')')?.1.split_whitespace().nth(16)?.to_owned()));
    nice.as_deref() == Some("10")
}

#[test]
fn a_probe_of_another_program_fails() {
    for program in ["/nowhere/at/all", "/bin/false", "/bin/true", "/bin/echo"] {
        let other = Compiler::program(PathBuf::from(program), CompileLimits::default());
        let refused = block_on(other.probe());
        assert!(matches!(refused, Err(CompileError::Host(_))), "{program}: {refused:?}");
    }
}

/// Whoever calls the program by hand gets no compiler outside the jail: here the parent is not who it says.
#[test]
#[cfg(target_os = "linux")]
fn a_child_that_cannot_be_locked_up_ends() {
    let child = std::process::Command::new(env!("CARGO_BIN_EXE_ringfence"))
        .args(["__ringfence-compile", "60", "2147483648", "1", "1", "native"])
        .output()
        .expect("it starts");
    assert_eq!((child.status.code(), child.stdout.len()), (Some(1), 0), "{child:?}");
    assert_eq!(String::from_utf8_lossy(&child.stderr).trim(), "the parent has ended");
}

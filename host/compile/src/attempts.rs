//! The attempts of a probe: what a child tries to prove its jail. Each is a process, because some attempts end it.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Write as _};
use std::net::TcpListener;

use crate::jail::{Jail, Terms};

/// Requests a report of the jail instead of an attempt.
pub(crate) const REPORT: &str = "report";

/// The first word of an answer: the attempt was stopped, or succeeded.
pub(crate) const STOPPED: &str = "stopped";
pub(crate) const DONE: &str = "done";

/// The attempts: name on the command line, and description.
pub(crate) const ATTEMPTS: [(&str, &str); 13] = [
    ("read", "read /etc/passwd"),
    ("list", "list /"),
    ("write", "write a file in /tmp"),
    ("socket", "open a TCP socket"),
    ("process", "start a process"),
    ("thread", "start a thread"),
    ("environment", "read the environment"),
    ("descriptors", "use inherited descriptors"),
    ("parent-memory", "read the parent's memory"),
    ("parent-signal", "signal the parent"),
    ("map-code", "map executable memory"),
    ("make-code", "make memory executable"),
    ("new-descriptor", "create a descriptor"),
];

/// Returns the answer for the parent.
pub(crate) fn answer(name: &OsStr, jail: &Jail, terms: &Terms) -> Result<String, String> {
    let name = name.to_str().unwrap_or_default();
    if name == REPORT {
        let mut text = format!("landlock\t{}\nseccomp\t{}\n", jail.landlock, jail.seccomp);
        for (name, value) in &jail.limits {
            text.push_str(&format!("limit\t{name}\t{value}\n"));
        }
        return Ok(text);
    }
    let tried = attempt(name, terms).ok_or_else(|| format!("unknown attempt `{name}`"))?;
    Ok(match tried {
        Ok(done) => format!("{DONE}\t{done}\n"),
        Err(stopped) => format!("{STOPPED}\t{stopped}\n"),
    })
}

/// Makes an attempt. Returns what succeeded or what stopped it, and none for a name that is not in [`ATTEMPTS`].
fn attempt(name: &str, terms: &Terms) -> Option<io::Result<String>> {
    Some(match name {
        "read" => std::fs::read("/etc/passwd").map(|bytes| format!("{} bytes", bytes.len())),
        "list" => std::fs::read_dir("/").map(|entries| format!("{} entries", entries.count())),
        "write" => write(),
        "socket" => TcpListener::bind(("127.0.0.1", 0)).map(|_| "it listens".into()),
        "process" => std::process::Command::new("/bin/true").status().map(|status| status.to_string()),
        "thread" => std::thread::Builder::new().spawn(|| {}).map(|_| "it runs".into()),
        "environment" => none_of(std::env::vars_os().count(), "variables"),
        "descriptors" => none_of(descriptors(), "descriptors"),
        "parent-memory" => File::open(format!("/proc/{}/mem", terms.parent)).map(|_| "it is open".into()),
        "parent-signal" => signal(terms.parent),
        "map-code" => map(libc::PROT_READ | libc::PROT_EXEC).map(|_| "it is mapped".into()),
        "make-code" => make_code(),
        "new-descriptor" => io::pipe().map(|_| "a pipe".into()),
        _ => return None,
    })
}

fn write() -> io::Result<String> {
    let path = format!("/tmp/ringfence-probe-{}", std::process::id());
    File::create(&path)?.write_all(b"a probe of the jail")?;
    std::fs::remove_file(&path)?;
    Ok("it was written".into())
}

/// Fails if the count is 0, because an attempt that sees nothing was stopped.
fn none_of(count: usize, what: &str) -> io::Result<String> {
    if count == 0 { Err(io::Error::other(format!("0 {what}"))) } else { Ok(format!("{count} {what}")) }
}

/// Returns the number of open descriptors above 2. Counts a descriptor as open if its state is unknown.
fn descriptors() -> usize {
    let open = |descriptor: &libc::c_int| {
        // SAFETY: the call takes numbers, and asks about a descriptor without using it.
        #[expect(unsafe_code, reason = "proof above; a safe call would need a descriptor that is open")]
        let flags = unsafe { libc::fcntl(*descriptor, libc::F_GETFD) };
        flags != -1 || io::Error::last_os_error().raw_os_error() != Some(libc::EBADF)
    };
    (3..65_536).filter(open).count()
}

fn signal(parent: u32) -> io::Result<String> {
    let parent = i32::try_from(parent).ok().and_then(rustix::process::Pid::from_raw);
    // Only asks whether it could be sent.
    rustix::process::test_kill_process(parent.ok_or(io::ErrorKind::NotFound)?)?;
    Ok("it could be sent".into())
}

const PAGE: usize = 64 << 10;

fn map(access: libc::c_int) -> io::Result<*mut libc::c_void> {
    // SAFETY: a new private mapping at a place of the kernel's choice, which nothing else uses, and which
    // is left alone for the rest of the process.
    #[expect(unsafe_code, reason = "proof above")]
    let memory =
        unsafe { libc::mmap(std::ptr::null_mut(), PAGE, access, libc::MAP_PRIVATE | libc::MAP_ANON, -1, 0) };
    if memory == libc::MAP_FAILED { Err(io::Error::last_os_error()) } else { Ok(memory) }
}

fn make_code() -> io::Result<String> {
    let memory = map(libc::PROT_READ | libc::PROT_WRITE)?;
    // SAFETY: the mapping of the line above, whole, that nobody else knows.
    #[expect(unsafe_code, reason = "proof above")]
    let changed = unsafe { libc::mprotect(memory, PAGE, libc::PROT_READ | libc::PROT_EXEC) };
    if changed == 0 { Ok("it is executable".into()) } else { Err(io::Error::last_os_error()) }
}

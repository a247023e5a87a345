//! The code of the parent: starts children, feeds them, and reports which limit a child reached.

use std::io;
use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use ringfence::{Artifact, Fault, Target, ValidatedSkill, text};
use rustix::process::Signal;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, Command};
use tokio::sync::{Semaphore, SemaphorePermit, TryAcquireError};

use crate::ending::Ending;
use crate::stall::{LOOK, Stall, cpu_time};
use crate::starter::Starter;
use crate::{CHILD, NATIVE};

/// The kernel's signal at the limit on CPU time.
const SIGXCPU: i32 = Signal::XCPU.as_raw();

/// The kernel's signal for a system call that no compiler makes.
const SIGSYS: i32 = Signal::SYS.as_raw();

/// Signals by which others end a process: the kernel when memory runs out, an operator, a terminal, a supervisor.
///
/// No fault in a program raises one of them. An attacker in the compiler can raise one, or can use CPU time up to the
/// hard limit. The only gain is that the host is blamed instead of the component.
const FROM_OUTSIDE: [i32; 5] = [
    Signal::KILL.as_raw(),
    Signal::TERM.as_raw(),
    Signal::INT.as_raw(),
    Signal::HUP.as_raw(),
    Signal::QUIT.as_raw(),
];

/// Maximum number of threads of a child; fewer on a machine with fewer cores.
const THREADS: usize = 4;

/// Limits of one compilation.
///
/// Defaults: 60 s of CPU time, 60 s without any, 2 GiB of address space, 256 MiB of output, 2 at once in this
/// process, 64 waiting in it. Other processes count separately.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct CompileLimits {
    /// CPU time over all threads of the child, in whole seconds. Default: 60 s.
    pub cpu: Duration,
    /// Longest wall time without any CPU time for the child: it hangs, or the machine never runs it. The parent waits
    /// for a child that gets only little. Where the system does not report a child's CPU time, its wall time is limited
    /// to twenty times this. Default: 60 s.
    pub stalled: Duration,
    /// Maximum bytes of the child's address space. Default: 2 GiB.
    pub memory: u64,
    /// Maximum bytes of the artifact. Default: 256 MiB.
    pub output: u64,
    /// Maximum number of concurrent compilations of a [`Compiler`] and its clones; others wait. Default: 2, and at
    /// least 1.
    pub at_once: usize,
    /// Maximum number of waiting compilations; others are refused at once. Default: 64.
    pub queue: usize,
}

ringfence_setters::setters!(CompileLimits {
    with_cpu(cpu: Duration);
    with_stalled(stalled: Duration);
    with_memory(memory: u64);
    with_output(output: u64);
    with_at_once(at_once: usize);
    with_queue(queue: usize);
});

impl Default for CompileLimits {
    fn default() -> Self {
        Self {
            cpu: Duration::from_secs(60),
            stalled: Duration::from_secs(60),
            memory: 2 << 30,
            output: 256 << 20,
            at_once: 2,
            queue: 64,
        }
    }
}

/// Why compiling a component failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CompileError {
    /// The compiler refused the component.
    #[error("{0}")]
    Refused(String),
    /// The compilation exceeded its CPU time.
    #[error("compiling needs more than {} s of CPU time; simplify or split the component", .0.as_secs())]
    OverCpu(Duration),
    /// The child got no CPU time. It says nothing about the component.
    #[error(
        "the compiler got no CPU time for {} s, because the machine is overloaded or the process was stopped; try again later",
        .0.as_secs()
    )]
    Stalled(Duration),
    /// The compilation exceeded its memory.
    #[error("compiling needs more than {} MiB of memory; simplify or split the component", .0 >> 20)]
    OverMemory(u64),
    /// The compiled code is too large.
    #[error("the compiled code is larger than {} MiB; simplify or split the component", .0 >> 20)]
    OverOutput(u64),
    /// The compiler tried something that only an exploit tries, and the kernel ended it.
    #[error(
        "the jail stopped the compiler, because it tried something that no compiler needs, such as starting a process or \
         opening a socket; treat the component as hostile"
    )]
    JailViolation,
    /// The compiler crashed.
    #[error("the compiler crashed ({status}){said}")]
    Crashed {
        /// How the child ended.
        status: ExitStatus,
        /// The end of its error output, or nothing.
        said: String,
    },
    /// Something outside ended the child: the system for lack of memory, an operator, a supervisor. It says nothing
    /// about the component.
    #[error(
        "another process killed the compiler ({status}), perhaps the system for lack of memory; try again; if it happens \
         again, check the system's log, and add memory or lower `CompileLimits::memory`"
    )]
    Killed {
        /// How the child ended.
        status: ExitStatus,
    },
    /// The compiler is at capacity: all its places and its queue are taken. Try again later.
    #[error(
        "the compiler is at capacity: {waiting} components are waiting; the cap is {cap}; try again later"
    )]
    QueueFull {
        /// Number of waiting compilations.
        waiting: usize,
        /// Maximum number of waiting compilations.
        cap: usize,
    },
    /// The host could not start, jail or feed the child.
    #[error("cannot run the compiler: {0}")]
    Host(#[from] io::Error),
}

impl CompileError {
    /// Returns whose fault it is.
    pub fn fault(&self) -> Fault {
        match self {
            Self::Refused(_)
            | Self::OverCpu(_)
            | Self::OverMemory(_)
            | Self::OverOutput(_)
            | Self::JailViolation
            | Self::Crashed { .. } => Fault::Author,
            Self::QueueFull { .. } | Self::Stalled(_) => Fault::Load,
            Self::Killed { .. } | Self::Host(_) => Fault::Host,
        }
    }

    /// Returns the stable code, in kebab-case.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Refused(_) => "compile-failed",
            Self::OverCpu(_) => "compile-cpu-limit",
            Self::Stalled(_) => "compile-stalled",
            Self::OverMemory(_) => "compile-memory-limit",
            Self::OverOutput(_) => "compile-output-limit",
            Self::JailViolation => "compile-jail-violation",
            Self::Crashed { .. } => "compiler-crashed",
            Self::Killed { .. } => "compiler-killed",
            Self::QueueFull { .. } => "compile-queue-full",
            Self::Host(_) => "host-fault",
        }
    }
}

/// What a compilation is at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum CompileStage {
    /// The compilation waits for a place.
    Waiting {
        /// Number of other waiting compilations.
        others: usize,
    },
    /// The child compiles.
    Compiling {
        /// CPU time used, where the system reports it.
        cpu: Option<Duration>,
        /// The limit on CPU time.
        limit: Duration,
    },
}

/// Starts children of one program, a few at once in this process. Clones share the places and the queue.
#[derive(Debug, Clone)]
pub struct Compiler {
    program: PathBuf,
    limits: CompileLimits,
    places: Arc<Semaphore>,
    queue: Arc<Semaphore>,
    starter: Arc<Starter>,
}

impl Compiler {
    /// Creates a compiler whose children are this program, which must call [`crate::child_main`] first.
    ///
    /// # Errors
    ///
    /// Fails if this process never called [`crate::child_main`], because its children would not compile then. Also
    /// fails if the system does not report the path of this program.
    pub fn this_program(limits: CompileLimits) -> io::Result<Self> {
        if !crate::child::ASKED.load(Ordering::Relaxed) {
            let message = "call `ringfence_compile::child_main` first in `main`, before any runtime";
            return Err(io::Error::other(message));
        }
        // On Linux the link names the file that runs, whatever has happened to its path since.
        let link = PathBuf::from("/proc/self/exe");
        let program = if link.exists() { link } else { std::env::current_exe()? };
        Ok(Self::program(program, limits))
    }

    /// Creates a compiler whose children are `program`, which must call [`crate::child_main`] first and have this
    /// version.
    pub fn program(program: PathBuf, limits: CompileLimits) -> Self {
        let semaphore = |permits: usize| Arc::new(Semaphore::new(permits.min(Semaphore::MAX_PERMITS)));
        let places = semaphore(limits.at_once.max(1));
        let queue = semaphore(limits.queue);
        Self { program, limits, places, queue, starter: Arc::default() }
    }

    /// Compiles a validated skill in a child.
    ///
    /// Dropping the future ends the child, or frees its place in the queue. On Linux the child also ends with this
    /// process, however that ends.
    ///
    /// # Errors
    ///
    /// Fails with a [`CompileError`], which names an exceeded limit.
    pub async fn compile(&self, skill: &ValidatedSkill) -> Result<Artifact, CompileError> {
        self.compile_to(skill, None, |_| {}).await
    }

    /// Compiles as [`Compiler::compile`] does, and reports progress to `on`: when it waits, when the child begins, and
    /// about twice a second the CPU time used.
    ///
    /// # Errors
    ///
    /// As [`Compiler::compile`].
    pub async fn compile_watched(
        &self,
        skill: &ValidatedSkill,
        on: impl FnMut(CompileStage),
    ) -> Result<Artifact, CompileError> {
        self.compile_to(skill, None, on).await
    }

    /// Compiles ahead of time, for a target instead of for this machine.
    ///
    /// # Errors
    ///
    /// As [`Compiler::compile`]. Fails with [`CompileError::Refused`] if the compiler does not know the target.
    pub async fn compile_for(
        &self,
        skill: &ValidatedSkill,
        target: Target,
    ) -> Result<Artifact, CompileError> {
        self.compile_to(skill, Some(target), |_| {}).await
    }

    async fn compile_to(
        &self,
        skill: &ValidatedSkill,
        target: Option<Target>,
        mut on: impl FnMut(CompileStage),
    ) -> Result<Artifact, CompileError> {
        let _place = self.place(&mut on).await?;
        let said = self.converse(self.start(target, None)?, skill.bytes(), on).await?;
        let code = self.judge(said)?;
        // SAFETY: the bytes are what `Artifact::as_bytes` gave in a process that ran this same
        // program, from its private pipe, read to the end of a child that ended well; nothing
        // else holds the other end of that pipe. The child compiled the bytes of `skill`.
        #[expect(unsafe_code, reason = "proof above")]
        Ok(unsafe { Artifact::from_trusted(skill.digest(), code) })
    }

    /// Runs a child that tries one forbidden thing, and returns its output.
    pub(crate) async fn ask(&self, attempt: &str) -> Result<Said, CompileError> {
        self.converse(self.start(None, Some(attempt))?, &[], |_| {}).await
    }

    /// Waits for a place to compile.
    async fn place(&self, on: &mut impl FnMut(CompileStage)) -> Result<SemaphorePermit<'_>, CompileError> {
        match self.places.try_acquire() {
            Ok(place) => return Ok(place),
            Err(TryAcquireError::NoPermits) => {}
            Err(TryAcquireError::Closed) => return Err(io::Error::other("the compiler is shut down").into()),
        }
        let Ok(_waits) = self.queue.try_acquire() else {
            let cap = self.limits.queue;
            let waiting = cap.saturating_sub(self.queue.available_permits());
            return Err(CompileError::QueueFull { waiting, cap });
        };
        let waiting =
            self.limits.queue.min(Semaphore::MAX_PERMITS).saturating_sub(self.queue.available_permits());
        on(CompileStage::Waiting { others: waiting.saturating_sub(1) });
        Ok(self.places.acquire().await.map_err(io::Error::other)?)
    }

    fn start(&self, target: Option<Target>, attempt: Option<&str>) -> io::Result<Child> {
        let limits = &self.limits;
        let threads = std::thread::available_parallelism().map_or(1, |cores| cores.get().min(THREADS));
        let mut command = Command::new(&self.program);
        command
            .arg(CHILD)
            .arg(limits.cpu.as_secs().max(1).to_string())
            .arg(limits.memory.to_string())
            // Each thread takes address space, which is limited.
            .arg(threads.to_string())
            .arg(std::process::id().to_string())
            .arg(target.map_or(NATIVE, Target::name))
            .args(attempt)
            .env_clear()
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        self.starter.start(command)
    }

    async fn converse(
        &self,
        mut child: Child,
        bytes: &[u8],
        on: impl FnMut(CompileStage),
    ) -> Result<Said, CompileError> {
        let pid = child.id();
        tokio::select! {
            said = talk(&mut child, bytes, self.limits.output) => Ok(said?),
            // The child dies with `child`.
            () = self.watch(pid, on) => Err(CompileError::Stalled(self.limits.stalled)),
        }
    }

    /// Waits until the child has got no CPU time for too long.
    async fn watch(&self, pid: Option<u32>, mut on: impl FnMut(CompileStage)) {
        let mut stall = Stall::new(self.limits.stalled, Instant::now());
        let mut told = None;
        loop {
            let cpu = pid.and_then(cpu_time);
            if told != Some(cpu) {
                told = Some(cpu);
                on(CompileStage::Compiling { cpu, limit: self.limits.cpu });
            }
            if stall.is_over(Instant::now(), cpu) {
                return;
            }
            tokio::time::sleep(LOOK.min(self.limits.stalled)).await;
        }
    }

    /// Returns the output of a successful child, or why it failed.
    pub(crate) fn judge(&self, said: Said) -> Result<Vec<u8>, CompileError> {
        let Said { code, over, words, status } = said;
        if over {
            return Err(CompileError::OverOutput(self.limits.output));
        }
        if status.success() {
            return Ok(code);
        }
        // Before its words, which it may have written itself.
        if is_jail_violation(status) {
            return Err(CompileError::JailViolation);
        }
        let words = text::clean(words.trim(), 512);
        match (Ending::of(status), status.signal()) {
            (Some(Ending::Refused), _) => Err(CompileError::Refused(words)),
            (Some(Ending::OverMemory), _) => Err(CompileError::OverMemory(self.limits.memory)),
            (Some(Ending::Broken), _) => Err(CompileError::Host(io::Error::other(words))),
            (_, Some(SIGXCPU)) => Err(CompileError::OverCpu(self.limits.cpu)),
            (_, Some(signal)) if FROM_OUTSIDE.contains(&signal) => Err(CompileError::Killed { status }),
            _ => {
                let said = if words.is_empty() { String::new() } else { format!(": {words}") };
                Err(CompileError::Crashed { status, said })
            }
        }
    }
}

/// Returns whether the kernel ended a child for a system call.
pub(crate) fn is_jail_violation(status: ExitStatus) -> bool {
    status.signal() == Some(SIGSYS)
}

/// The output of a child, and how it ended.
pub(crate) struct Said {
    code: Vec<u8>,
    over: bool,
    words: String,
    pub(crate) status: ExitStatus,
}

/// Feeds and reads a child at the same time, so that neither pipe can block the other.
async fn talk(child: &mut Child, bytes: &[u8], most: u64) -> io::Result<Said> {
    let pipe = || io::Error::other("a pipe is missing");
    let mut stdin = child.stdin.take().ok_or_else(pipe)?;
    let stdout = child.stdout.take().ok_or_else(pipe)?;
    let stderr = child.stderr.take().ok_or_else(pipe)?;
    let feed = async {
        // A child that ends early closes its end: how it ended says more than this error.
        let _ = stdin.write_all(bytes).await;
        drop(stdin);
    };
    let read = async {
        let mut code = Vec::new();
        stdout.take(most.saturating_add(1)).read_to_end(&mut code).await.map(|_| code)
    };
    let listen = async {
        let mut words = Vec::new();
        let read = stderr.take(4096).read_to_end(&mut words).await;
        read.map(|_| String::from_utf8_lossy(&words).into_owned())
    };
    let ((), code, words) = tokio::join!(feed, read, listen);
    let (code, words) = (code?, words?);
    let over = code.len() as u64 > most;
    if over {
        child.start_kill()?;
    }
    let status = child.wait().await?;
    Ok(Said { code, over, words, status })
}

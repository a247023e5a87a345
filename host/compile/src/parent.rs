//! The parent's half: starts children, feeds them, and says which limit one of them hit.

use std::io;
use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use ringfence::{Artifact, Fault, ValidatedSkill, text};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, Command};
use tokio::sync::Semaphore;

use crate::{CHILD, REFUSED};

/// What the kernel sends at the limit on CPU time: 24 on every platform that is meant.
const SIGXCPU: i32 = 24;

/// Threads of a child, on a machine that has so many cores.
const THREADS: usize = 4;

/// Limits of one compilation.
///
/// Defaults: 60 s of CPU, 120 s of wall time, 2 GiB of address space, 256 MiB of output, 2 at once.
#[derive(Debug, Clone)]
pub struct CompileLimits {
    /// CPU time over all threads of the child, in whole seconds. Default: 60 s.
    pub cpu: Duration,
    /// Wall time, the wait for a free place left out. Default: 120 s.
    pub wall: Duration,
    /// Bytes of address space. Default: 2 GiB.
    pub memory: u64,
    /// Bytes of the artifact. Default: 256 MiB.
    pub output: u64,
    /// Compilations at once; others wait. Default: 2.
    pub at_once: usize,
}

impl Default for CompileLimits {
    fn default() -> Self {
        Self {
            cpu: Duration::from_secs(60),
            wall: Duration::from_secs(120),
            memory: 2 << 30,
            output: 256 << 20,
            at_once: 2,
        }
    }
}

/// Why a component was not compiled.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CompileError {
    /// The compiler refused it.
    #[error("{0}")]
    Refused(String),
    /// It took too much CPU time.
    #[error("compiling it takes more than {} s of CPU time: the component is too complex", .0.as_secs())]
    OverCpu(Duration),
    /// It took too long.
    #[error("compiling it takes longer than {} s: the component is too complex", .0.as_secs())]
    OverWall(Duration),
    /// It took too much memory.
    #[error("compiling it takes more than {} MiB of memory: the component is too complex", .0 >> 20)]
    OverMemory(u64),
    /// It compiles to too much code.
    #[error("it compiles to more than {} MiB of code", .0 >> 20)]
    OverOutput(u64),
    /// The compiler crashed.
    #[error("the compiler ended with {status}{said}")]
    Crashed {
        /// How the child ended.
        status: ExitStatus,
        /// Its last words, or nothing.
        said: String,
    },
    /// The child could not be started or fed. The host's fault.
    #[error("the compiler could not be run: {0}")]
    Host(#[from] io::Error),
}

impl CompileError {
    /// Whose fault it is.
    pub fn fault(&self) -> Fault {
        match self {
            Self::Refused(_)
            | Self::OverCpu(_)
            | Self::OverWall(_)
            | Self::OverMemory(_)
            | Self::OverOutput(_)
            | Self::Crashed { .. } => Fault::Author,
            Self::Host(_) => Fault::Host,
        }
    }

    /// The stable code, in kebab-case.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Refused(_) => "compile-failed",
            Self::OverCpu(_) => "compile-cpu-limit",
            Self::OverWall(_) => "compile-time-limit",
            Self::OverMemory(_) => "compile-memory-limit",
            Self::OverOutput(_) => "compile-output-limit",
            Self::Crashed { .. } => "compiler-crashed",
            Self::Host(_) => "host-fault",
        }
    }
}

/// Starts children of one program, a few at once.
#[derive(Debug, Clone)]
pub struct Compiler {
    program: PathBuf,
    limits: CompileLimits,
    places: Arc<Semaphore>,
}

impl Compiler {
    /// Children are this very program, which calls [`crate::child_main`] first.
    ///
    /// # Errors
    ///
    /// When the system does not tell which program this is.
    pub fn this_program(limits: CompileLimits) -> io::Result<Self> {
        // On Linux the link names the file that runs, whatever has happened to its path since.
        let link = PathBuf::from("/proc/self/exe");
        let program = if link.exists() { link } else { std::env::current_exe()? };
        Ok(Self::program(program, limits))
    }

    /// Children are `program`, which calls [`crate::child_main`] first and is of this very version.
    pub fn program(program: PathBuf, limits: CompileLimits) -> Self {
        let places = Arc::new(Semaphore::new(limits.at_once.max(1)));
        Self { program, limits, places }
    }

    /// Compiles a validated skill in a child. Dropping the future ends the child.
    ///
    /// # Errors
    ///
    /// [`CompileError`], which names the limit that was hit.
    pub async fn compile(&self, skill: &ValidatedSkill) -> Result<Artifact, CompileError> {
        let _place = self.places.acquire().await.map_err(io::Error::other)?;
        let limits = &self.limits;
        let threads = std::thread::available_parallelism().map_or(1, |cores| cores.get().min(THREADS));
        let mut child = Command::new(&self.program)
            .arg(CHILD)
            .arg(limits.cpu.as_secs().max(1).to_string())
            .arg(limits.memory.to_string())
            .env_clear()
            // Each thread and each arena of the allocator takes address space, which is limited.
            .env("RAYON_NUM_THREADS", threads.to_string())
            .env("MALLOC_ARENA_MAX", "2")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        match tokio::time::timeout(limits.wall, talk(&mut child, skill.bytes(), limits.output)).await {
            Ok(said) => self.judge(said?),
            // The child dies with `child`.
            Err(_) => Err(CompileError::OverWall(limits.wall)),
        }
    }

    fn judge(&self, said: Said) -> Result<Artifact, CompileError> {
        let Said { code, over, words, status } = said;
        if over {
            return Err(CompileError::OverOutput(self.limits.output));
        }
        if status.success() {
            // SAFETY: the bytes are what `Artifact::as_bytes` gave in a process that ran this same
            // program, from its private pipe, read to the end of a child that ended well; nothing
            // else holds the other end of that pipe.
            #[expect(unsafe_code, reason = "proof above")]
            return Ok(unsafe { Artifact::from_trusted(code) });
        }
        let words = text::clean(words.trim(), 512);
        // What the standard library makes of an allocation that fails, and the engine of a mapping.
        if words.contains("memory allocation of") || words.contains("Cannot allocate memory") {
            return Err(CompileError::OverMemory(self.limits.memory));
        }
        match (status.code(), status.signal()) {
            (Some(exit), _) if exit == i32::from(REFUSED) => Err(CompileError::Refused(words)),
            // The child could not do its work: its limits could not be set, or a pipe broke.
            (Some(1), _) => Err(CompileError::Host(io::Error::other(words))),
            (_, Some(SIGXCPU)) => Err(CompileError::OverCpu(self.limits.cpu)),
            _ => {
                let said = if words.is_empty() { String::new() } else { format!(": {words}") };
                Err(CompileError::Crashed { status, said })
            }
        }
    }
}

struct Said {
    code: Vec<u8>,
    over: bool,
    words: String,
    status: ExitStatus,
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

//! The program `ringfence-edge`, built alone: in one build with the rest of the workspace it would get the compiler.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::OnceLock;

/// Builds it once, or takes the one that `RINGFENCE_EDGE` names.
pub fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        if let Some(given) = std::env::var_os("RINGFENCE_EDGE") {
            return given.into();
        }
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        // Beside the other builds, so that neither undoes the other.
        let target = std::env::var_os("CARGO_TARGET_DIR")
            .map_or_else(|| root.join("target"), PathBuf::from)
            .join("alone");
        let built = Command::new(env!("CARGO"))
            .args(["build", "--locked", "--quiet", "-p", "ringfence-edge", "--features", "https,pulley"])
            .current_dir(&root)
            .env("CARGO_TARGET_DIR", &target)
            .env_remove("RUSTFLAGS")
            .status();
        assert!(built.expect("cargo").success(), "the worker does not build");
        target.join("debug/ringfence-edge")
    })
}

/// Runs the program to its end.
pub fn run(args: &[&str], dir: &Path, input: &str) -> Output {
    let mut child = command(args, dir).stdin(Stdio::piped()).spawn().expect("it starts");
    // It may end without reading.
    let _ = child.stdin.take().expect("piped").write_all(input.as_bytes());
    child.wait_with_output().expect("it ends")
}

fn command(args: &[&str], dir: &Path) -> Command {
    let mut command = Command::new(program());
    command
        .args(args)
        .current_dir(dir)
        .env_remove("RUST_BACKTRACE")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// A worker that serves, until this is dropped.
pub struct Node {
    child: Child,
    /// Where it listens.
    pub address: SocketAddr,
    errors: BufReader<std::process::ChildStderr>,
}

impl Node {
    /// Starts `ringfence-edge serve` with these arguments, at a free port.
    pub fn start(args: &[&str], dir: &Path) -> Self {
        let mut all = vec!["serve", "--listen", "127.0.0.1:0"];
        all.extend(args);
        Self::spawn(command(&all, dir))
    }

    /// Starts it through another program, such as `prlimit`, which is given its command line.
    pub fn start_by(by: &[&str], args: &[&str], dir: &Path) -> Self {
        let (first, rest) = by.split_first().expect("a program");
        let mut command = Command::new(first);
        command
            .args(rest)
            .arg(program())
            .args(["serve", "--listen", "127.0.0.1:0"])
            .args(args)
            .current_dir(dir)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        Self::spawn(command)
    }

    fn spawn(mut command: Command) -> Self {
        let mut child = command.stdin(Stdio::null()).spawn().expect("it starts");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("piped")).read_line(&mut line).expect("a line");
        let mut errors = BufReader::new(child.stderr.take().expect("piped"));
        let Some(address) = line.trim().strip_prefix("http://") else {
            let mut said = String::new();
            let _ = std::io::Read::read_to_string(&mut errors, &mut said);
            panic!("it does not listen: {line}{said}");
        };
        let address = address.parse().expect("an address");
        Self { child, address, errors }
    }

    /// Waits for a line on standard error that holds this text.
    pub fn wait_for(&mut self, text: &str) -> String {
        let mut all = String::new();
        loop {
            let mut line = String::new();
            assert!(
                self.errors.read_line(&mut line).expect("readable") > 0,
                "it ended without `{text}`: {all}"
            );
            if line.contains(text) {
                return line;
            }
            all.push_str(&line);
        }
    }

    /// Sends a signal.
    pub fn signal(&self, signal: rustix::process::Signal) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, signal).expect("it runs");
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits for its end.
    pub fn end(mut self) -> std::process::ExitStatus {
        self.child.wait().expect("it ends")
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

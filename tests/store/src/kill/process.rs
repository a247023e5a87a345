//! The processes of a round: this very program, started again, and the lines it says.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::Sender;

use super::model::{Op, World};

/// A line of a process, or none at the end of all lines.
pub type Line = (usize, Option<String>);

pub struct Process {
    child: Child,
    stdin: ChildStdin,
}

impl Process {
    pub fn start(role: &str, store: &Path, rest: &[String], who: usize, lines: Sender<Line>) -> Self {
        let mut child = Command::new(std::env::current_exe().expect("this program"))
            .arg(role)
            .arg(store)
            .args(rest)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a process");
        let (stdin, stdout) = (child.stdin.take().expect("stdin"), child.stdout.take().expect("stdout"));
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                if lines.send((who, Some(line))).is_err() {
                    return;
                }
            }
            let _ = lines.send((who, None));
        });
        Self { child, stdin }
    }

    /// One line to it; false when it is gone.
    pub fn tell(&mut self) -> bool {
        writeln!(self.stdin).is_ok()
    }

    pub fn kill(&mut self) {
        self.child.kill().expect("SIGKILL");
    }

    pub fn wait(&mut self) -> ExitStatus {
        self.child.wait().expect("its end")
    }

    pub fn end(self) {
        let Self { mut child, stdin } = self;
        drop(stdin);
        let _ = child.wait();
    }
}

/// What is known of a writer from its lines.
pub struct Log {
    pub world: World,
    /// Said, and not done.
    pub pending: Option<Op>,
    pub stage: String,
    pub intents: usize,
    pub done: u64,
    pub failed: Option<String>,
    pub ended: bool,
}

impl Log {
    pub fn new(world: World) -> Self {
        let stage = "starting".to_owned();
        Self { world, pending: None, stage, intents: 0, done: 0, failed: None, ended: false }
    }

    pub fn read(&mut self, line: Option<String>) {
        let Some(line) = line else {
            self.ended = true;
            return;
        };
        let (what, rest) = line.split_once(' ').unwrap_or((&line, ""));
        match what {
            "intent" => {
                // The last line of a killed process can be cut: then the operation was not begun.
                self.pending = serde_json::from_str(rest).ok();
                self.intents += 1;
                "begun".clone_into(&mut self.stage);
            }
            "opening" | "stage" => rest.clone_into(&mut self.stage),
            "done" => {
                if let Some(op) = self.pending.take() {
                    self.world = self.world.after(&op);
                    self.done += 1;
                }
            }
            "failed" => self.failed = Some(rest.to_owned()),
            _ => {}
        }
    }

    /// Whether it is changing the store, and does not check or compile.
    pub fn is_writing(&self) -> bool {
        match &self.pending {
            None => self.intents == 0,
            Some(Op::Submit { .. } | Op::Load { .. }) => self.stage == "keeping",
            Some(_) => true,
        }
    }

    /// What may be there now.
    pub fn allowed(&self) -> Vec<World> {
        let after = self.pending.as_ref().map(|op| self.world.after(op));
        std::iter::once(self.world.clone()).chain(after).collect()
    }
}

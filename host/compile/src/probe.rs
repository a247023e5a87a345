//! What a jailed child proves: each forbidden thing is tried in a child of its own, and what came of it
//! is reported.

use std::fmt;
use std::process::ExitStatus;

use crate::attempts::{ATTEMPTS, DONE, REPORT, STOPPED};
use crate::parent::{CompileError, Compiler, Said, is_jail_violation};

/// What holds a child on this machine, by [`Compiler::probe`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JailReport {
    /// The rules on files, TCP, signals and abstract sockets.
    pub landlock: Enforcement,
    /// The filters on system calls.
    pub seccomp: Enforcement,
    /// Name and value of each limit, read back from the kernel in the child.
    pub limits: Vec<(String, String)>,
    /// What was tried from inside.
    pub attempts: Vec<Attempt>,
}

impl JailReport {
    /// Whether every attempt was stopped.
    pub fn holds(&self) -> bool {
        self.attempts.iter().all(|attempt| attempt.stopped)
    }
}

/// How much of one mechanism this kernel has. The text says which version, or why not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Enforcement {
    /// All that is promised.
    Full(String),
    /// A part: the kernel is too old for the rest.
    Partial(String),
    /// Nothing: the other mechanisms hold alone.
    Unavailable(String),
}

impl fmt::Display for Enforcement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full(text) => write!(f, "full: {text}"),
            Self::Partial(text) => write!(f, "partial: {text}"),
            Self::Unavailable(text) => write!(f, "unavailable: {text}"),
        }
    }
}

impl Enforcement {
    /// From the words that [`fmt::Display`] gives.
    fn parse(text: &str) -> Option<Self> {
        let (how, text) = text.split_once(": ")?;
        match how {
            "full" => Some(Self::Full(text.into())),
            "partial" => Some(Self::Partial(text.into())),
            "unavailable" => Some(Self::Unavailable(text.into())),
            _ => None,
        }
    }
}

/// One forbidden thing that a jailed child tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// What was tried.
    pub what: String,
    /// Whether it came to nothing.
    pub stopped: bool,
    /// What stopped it, or what came of it.
    pub detail: String,
}

impl Compiler {
    /// Tries from inside a child's jail what a compiler that was taken over would try: a child for each
    /// attempt, one after the other, by the same code that locks up a child that compiles.
    ///
    /// Takes no place of those that compile, so a busy host can be probed.
    ///
    /// # Errors
    ///
    /// [`CompileError::Host`] when a child cannot be started or locked up, or is no compiler; the limits'
    /// errors, [`CompileError::Killed`] and [`CompileError::Crashed`] when one ends in another way than an attempt
    /// can.
    pub async fn probe(&self) -> Result<JailReport, CompileError> {
        let said = self.ask(REPORT).await?;
        let mut report = report(&self.words_of(said)?).ok_or_else(not_understood)?;
        for (name, what) in ATTEMPTS {
            let said = self.ask(name).await?;
            let (stopped, detail) = if is_jail_violation(said.status) {
                (true, ended(said.status))
            } else {
                let answer = self.words_of(said)?;
                match answer.trim_end().split_once('\t') {
                    Some((STOPPED, detail)) => (true, detail.to_owned()),
                    Some((DONE, detail)) => (false, detail.to_owned()),
                    _ => return Err(not_understood()),
                }
            };
            report.attempts.push(Attempt { what: what.to_owned(), stopped, detail });
        }
        Ok(report)
    }

    /// The answer of a child that ended well.
    fn words_of(&self, said: Said) -> Result<String, CompileError> {
        let code = self.judge(said)?;
        String::from_utf8(code).map_err(|_| not_understood())
    }
}

fn ended(status: ExitStatus) -> String {
    format!("the kernel ended it: {status}")
}

fn not_understood() -> CompileError {
    CompileError::Host(std::io::Error::other("the program's answer is none of a compiler's"))
}

fn report(text: &str) -> Option<JailReport> {
    let (mut landlock, mut seccomp, mut limits) = (None, None, Vec::new());
    for line in text.lines() {
        match line.split_once('\t')? {
            ("landlock", text) => landlock = Enforcement::parse(text),
            ("seccomp", text) => seccomp = Enforcement::parse(text),
            ("limit", text) => {
                let (name, value) = text.split_once('\t')?;
                limits.push((name.to_owned(), value.to_owned()));
            }
            _ => return None,
        }
    }
    Some(JailReport { landlock: landlock?, seccomp: seccomp?, limits, attempts: Vec::new() })
}

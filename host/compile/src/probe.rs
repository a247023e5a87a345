//! Probes the jail: tries each forbidden action in a child of its own, and reports the result.

use std::process::ExitStatus;

use crate::attempts::{ATTEMPTS, DONE, REPORT, STOPPED};
use crate::enforcement::Enforcement;
use crate::parent::{CompileError, Compiler, Said, is_jail_violation};

/// A report on the jail of a child on this machine, from [`Compiler::probe`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JailReport {
    /// Landlock: rules on files, TCP, signals and abstract sockets.
    pub landlock: Enforcement,
    /// Seccomp: filters on system calls.
    pub seccomp: Enforcement,
    /// The limits, read back from the kernel in the child.
    pub limits: Vec<JailLimit>,
    /// The attempts from inside the jail.
    pub attempts: Vec<Attempt>,
}

impl JailReport {
    /// Returns whether every attempt was stopped.
    pub fn holds(&self) -> bool {
        self.attempts.iter().all(|attempt| attempt.stopped)
    }
}

/// A limit of a jailed child.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JailLimit {
    /// The name, such as `address space`.
    pub name: String,
    /// The value with its unit, such as `2147483648 bytes`.
    pub value: String,
}

/// A forbidden action that a jailed child tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// The action.
    pub what: String,
    /// Whether it was stopped.
    pub stopped: bool,
    /// What stopped it, or its result.
    pub detail: String,
}

impl Compiler {
    /// Probes the jail of a child: tries from inside what a compromised compiler would try.
    ///
    /// Each attempt is a child, one after the other. The same code jails them as jails a compiling child. A probe
    /// takes no place of a compilation, so a busy host can be probed.
    ///
    /// # Errors
    ///
    /// - [`CompileError::Host`]: a child could not be started or jailed, or the program is no compiler.
    /// - [`CompileError::Killed`], [`CompileError::Crashed`] or an exceeded limit: a child ended in another way than an
    ///   attempt can.
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

    /// Returns the answer of a successful child.
    fn words_of(&self, said: Said) -> Result<String, CompileError> {
        let code = self.judge(said)?;
        String::from_utf8(code).map_err(|_| not_understood())
    }
}

fn ended(status: ExitStatus) -> String {
    format!("the kernel killed it: {status}")
}

fn not_understood() -> CompileError {
    CompileError::Host(std::io::Error::other("unexpected answer from the compiler process"))
}

fn report(text: &str) -> Option<JailReport> {
    let (mut landlock, mut seccomp, mut limits) = (None, None, Vec::new());
    for line in text.lines() {
        match line.split_once('\t')? {
            ("landlock", text) => landlock = Enforcement::parse(text),
            ("seccomp", text) => seccomp = Enforcement::parse(text),
            ("limit", text) => {
                let (name, value) = text.split_once('\t')?;
                limits.push(JailLimit { name: name.to_owned(), value: value.to_owned() });
            }
            _ => return None,
        }
    }
    Some(JailReport { landlock: landlock?, seccomp: seccomp?, limits, attempts: Vec::new() })
}

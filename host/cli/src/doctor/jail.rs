//! The jail of the compile child: from what a probe of it tells to rows.
//!
//! The types here mirror the report of `ringfence_compile::Compiler::probe`.

use super::report::{Check, Finding, Group};

/// What the child found of its own jail.
#[derive(Debug)]
pub(crate) struct JailReport {
    pub(crate) landlock: Enforcement,
    pub(crate) seccomp: Enforcement,
    /// Resource and limit, as the kernel has them.
    pub(crate) limits: Vec<(String, String)>,
    pub(crate) attempts: Vec<Attempt>,
}

/// How far a mechanism holds, in its own words.
#[derive(Debug)]
pub(crate) enum Enforcement {
    Full(String),
    Partial(String),
    Unavailable(String),
}

/// Something that the child tried and must not be able to do.
#[derive(Debug)]
pub(crate) struct Attempt {
    pub(crate) what: String,
    pub(crate) stopped: bool,
    pub(crate) detail: String,
}

/// One row for each mechanism, the limits, and each attempt.
pub(crate) fn rows(report: &JailReport) -> Vec<Check> {
    let new = |name: &str| Check::new(Group::Jail, name, "");
    let mut rows = vec![
        new("landlock").found(Ok(judge_enforcement(&report.landlock))),
        new("seccomp").found(Ok(judge_enforcement(&report.seccomp))),
    ];
    rows.extend(report.limits.iter().map(|(what, limit)| new(&format!("limit, {what}")).fact(limit)));
    rows.extend(report.attempts.iter().map(|attempt| new(&attempt.what).found(Ok(judge_attempt(attempt)))));
    rows
}

/// Less than all that the mechanism could do is a failure; a kernel without it is shown, and the attempts
/// say what that means.
fn judge_enforcement(enforcement: &Enforcement) -> Finding {
    match enforcement {
        Enforcement::Full(how) => Finding::Pass(how.clone()),
        Enforcement::Partial(how) => Finding::Fail(how.clone(), "it holds in part only".to_owned()),
        Enforcement::Unavailable(why) => Finding::Skip(why.clone()),
    }
}

fn judge_attempt(attempt: &Attempt) -> Finding {
    if attempt.stopped {
        return Finding::Pass(attempt.detail.clone());
    }
    let why = "a component that takes over the compiler could do this".to_owned();
    Finding::Fail(format!("not stopped: {}", attempt.detail), why)
}

#[cfg(test)]
mod tests {
    use super::super::judged::{fails, passes, skips};
    use super::super::report::Verdict;
    use super::*;

    #[test]
    fn a_probe_becomes_rows() {
        let report = JailReport {
            landlock: Enforcement::Full("no file can be opened".into()),
            seccomp: Enforcement::Partial("no filter on this machine's calls".into()),
            limits: vec![("cpu".into(), "60 s".into())],
            attempts: vec![Attempt { what: "open a file".into(), stopped: false, detail: "opened".into() }],
        };
        let verdicts: Vec<Verdict> = rows(&report).iter().map(|row| row.verdict).collect();
        assert_eq!(verdicts, [Verdict::Pass, Verdict::Fail, Verdict::Info, Verdict::Fail]);
        skips(&judge_enforcement(&Enforcement::Unavailable("an old kernel".into())));
        passes(&judge_attempt(&Attempt { what: "x".into(), stopped: true, detail: "EACCES".into() }));
        fails(&judge_attempt(&Attempt { what: "x".into(), stopped: false, detail: "".into() }));
    }
}

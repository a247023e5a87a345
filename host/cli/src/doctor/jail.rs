//! The jail of the compile child: turns the results of a probe into rows.

use ringfence_compile::{Attempt, Enforcement, JailReport};

use super::report::{Check, Finding, Group, size};

/// One row for each mechanism, the limits, and each attempt.
pub(crate) fn rows(report: &JailReport) -> Vec<Check> {
    let new = |name: &str| Check::new(Group::Jail, name, "");
    let mut rows = vec![
        new("landlock").found(Ok(judge_enforcement(&report.landlock))),
        new("seccomp").found(Ok(judge_enforcement(&report.seccomp))),
    ];
    let limits: Vec<String> =
        report.limits.iter().map(|limit| format!("{} {}", limit.name, readable(&limit.value))).collect();
    rows.push(new("limits").fact(limits.join(", ")));
    rows.extend(report.attempts.iter().map(|attempt| new(&attempt.what).found(Ok(judge_attempt(attempt)))));
    rows
}

/// `2147483648 bytes` as `2 GiB`.
fn readable(limit: &str) -> String {
    let bytes = limit.strip_suffix(" bytes").and_then(|number| number.parse().ok());
    bytes.map_or_else(|| limit.to_owned(), size)
}

/// An older kernel has less of a mechanism or none: that is shown, and the attempts say what it means.
fn judge_enforcement(enforcement: &Enforcement) -> Finding {
    match enforcement {
        Enforcement::Full(how) => Finding::Pass(how.clone()),
        Enforcement::Partial(how) => Finding::Pass(format!("partial: {how}")),
        Enforcement::Unavailable(why) => Finding::Skip(why.clone()),
    }
}

fn judge_attempt(attempt: &Attempt) -> Finding {
    if attempt.stopped {
        return Finding::Pass(attempt.detail.clone());
    }
    let why = "a component that exploits the compiler could do this".to_owned();
    Finding::Fail(format!("not stopped: {}", attempt.detail), why)
}

#[cfg(test)]
mod tests {
    use super::super::judged::{fails, passes, skips};
    use super::super::report::Verdict;
    use ringfence_compile::JailLimit;

    use super::*;

    #[test]
    fn a_probe_becomes_rows() {
        let report = JailReport {
            landlock: Enforcement::Full("no file can be opened".into()),
            seccomp: Enforcement::Partial("no filter on this machine's calls".into()),
            limits: vec![JailLimit { name: "cpu".into(), value: "60 s".into() }],
            attempts: vec![Attempt { what: "open a file".into(), stopped: false, detail: "opened".into() }],
        };
        let verdicts: Vec<Verdict> = rows(&report).iter().map(|row| row.verdict).collect();
        assert_eq!(verdicts, [Verdict::Pass, Verdict::Pass, Verdict::Info, Verdict::Fail]);
        skips(&judge_enforcement(&Enforcement::Unavailable("an old kernel".into())));
        passes(&judge_attempt(&Attempt { what: "x".into(), stopped: true, detail: "EACCES".into() }));
        fails(&judge_attempt(&Attempt { what: "x".into(), stopped: false, detail: "".into() }));
    }
}

//! The doctor's report: the rows, as JSON and as a table of 100 columns.

use std::io::IsTerminal as _;
use std::time::Duration;

use ringfence::{Limits, text};
use serde::{Serialize, Serializer};

use crate::output::thousands;

/// Widths of the columns: name, configured value and observed value, then two figures.
const NAME: usize = 25;
const CONFIGURED: usize = 17;
const OBSERVED: usize = 36;
const FIGURE: usize = 8;
const WIDTH: usize = 100;

/// The subject of a check, in the order of the report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Group {
    Limits,
    Isolation,
    Grants,
    Compiler,
    Jail,
    Store,
    Kernel,
    Engine,
}

impl Group {
    const ALL: [Self; 8] = [
        Self::Limits,
        Self::Isolation,
        Self::Grants,
        Self::Compiler,
        Self::Jail,
        Self::Store,
        Self::Kernel,
        Self::Engine,
    ];

    fn title(self) -> &'static str {
        match self {
            Self::Limits => "LIMITS",
            Self::Isolation => "ISOLATION",
            Self::Grants => "GRANTS",
            Self::Compiler => "COMPILER",
            Self::Jail => "JAIL",
            Self::Store => "STORE",
            Self::Kernel => "KERNEL",
            Self::Engine => "ENGINE",
        }
    }
}

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Verdict {
    Pass,
    Fail,
    /// Could not run, or does not apply; the detail has the reason.
    Skipped,
    /// A fact, which nothing judges.
    Info,
}

impl Verdict {
    fn mark(self) -> &'static str {
        match self {
            Self::Pass => "✓",
            Self::Fail => "✗",
            Self::Skipped => "–",
            Self::Info => "·",
        }
    }
}

/// The verdict of a judge on the observations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Finding {
    /// As it must be; in these words.
    Pass(String),
    /// Not as expected: the observation, and its meaning or the next step.
    Fail(String, String),
    /// Could not be tried, for this reason.
    Skip(String),
}

/// One row.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Check {
    pub(crate) group: Group,
    pub(crate) name: String,
    pub(crate) verdict: Verdict,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) configured: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) observed: String,
    /// From the start of the run to its end.
    #[serde(rename = "time_us", serialize_with = "micros", skip_serializing_if = "Option::is_none")]
    pub(crate) time: Option<Duration>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) peak_memory: Option<u64>,
    /// Why it failed or was skipped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) detail: Option<String>,
}

impl Check {
    /// A row to which a finding is still to come: without one it has failed.
    pub(crate) fn new(group: Group, name: &str, configured: impl Into<String>) -> Self {
        Self {
            group,
            name: name.to_owned(),
            verdict: Verdict::Fail,
            configured: configured.into(),
            observed: String::new(),
            time: None,
            peak_memory: None,
            detail: None,
        }
    }

    pub(crate) fn took(mut self, time: Duration) -> Self {
        self.time = Some(time);
        self
    }

    pub(crate) fn peak(mut self, bytes: u64) -> Self {
        self.peak_memory = Some(bytes);
        self
    }

    /// The row with the verdict. An error means that the check could not run: it fails, with the reason.
    pub(crate) fn found(mut self, finding: Result<Finding, String>) -> Self {
        let (verdict, observed, detail) = match finding {
            Ok(Finding::Pass(observed)) => (Verdict::Pass, observed, None),
            Ok(Finding::Fail(observed, why)) => (Verdict::Fail, observed, Some(why)),
            Ok(Finding::Skip(why)) => (Verdict::Skipped, String::new(), Some(why)),
            Err(error) => (Verdict::Fail, "could not run".to_owned(), Some(error)),
        };
        self.verdict = verdict;
        // Some of it are the words of a compiler or a kernel about what a stranger wrote.
        self.observed = text::clean(&observed, 400);
        self.detail = detail.map(|detail| text::clean(&detail, 400));
        self
    }

    /// A fact that nothing judges.
    pub(crate) fn fact(mut self, observed: impl AsRef<str>) -> Self {
        self.verdict = Verdict::Info;
        self.observed = text::clean(observed.as_ref(), 400);
        self
    }
}

/// All of it.
#[derive(Debug, Serialize)]
pub(crate) struct Diagnosis {
    pub(crate) ok: bool,
    pub(crate) version: &'static str,
    pub(crate) wasmtime: &'static str,
    pub(crate) passed: usize,
    pub(crate) failed: usize,
    pub(crate) skipped: usize,
    #[serde(rename = "took_ms", serialize_with = "millis")]
    pub(crate) took: Duration,
    pub(crate) limits: Limits,
    pub(crate) checks: Vec<Check>,
}

impl Diagnosis {
    pub(crate) fn new(checks: Vec<Check>, limits: Limits, took: Duration) -> Self {
        let count = |verdict| checks.iter().filter(|check| check.verdict == verdict).count();
        let failed = count(Verdict::Fail);
        Self {
            // Nothing found amiss because nothing was looked at is no bill of health.
            ok: failed == 0 && count(Verdict::Pass) > 0,
            version: env!("CARGO_PKG_VERSION"),
            wasmtime: ringfence::WASMTIME_VERSION,
            passed: count(Verdict::Pass),
            failed,
            skipped: count(Verdict::Skipped),
            took,
            limits,
            checks,
        }
    }

    /// The table, in colour where `paint` is.
    pub(crate) fn table(&self, paint: Paint) -> String {
        let mut lines = vec![
            paint.bold("Ringfence doctor: limits tested with hostile guests on this machine"),
            String::new(),
        ];
        for group in Group::ALL {
            let rows: Vec<&Check> = self.checks.iter().filter(|check| check.group == group).collect();
            if rows.is_empty() {
                continue;
            }
            let figures = rows.iter().any(|row| row.time.is_some());
            let heads = if figures { ["configured", "observed", "time", "peak"] } else { [""; 4] };
            lines.push(paint.bold(&columns(group.title(), NAME.saturating_add(2), heads)));
            for row in rows {
                show(row, paint, &mut lines);
            }
            lines.push(String::new());
        }
        lines.push(self.summary(paint));
        lines.join("\n")
    }

    fn summary(&self, paint: Paint) -> String {
        let took = time(self.took);
        let skipped = if self.skipped > 0 { format!(", {} skipped", self.skipped) } else { String::new() };
        if self.ok {
            return paint.good(&format!("✓ {} checks passed in {took}{skipped}", self.passed));
        }
        let all = self.passed.saturating_add(self.failed);
        paint.bad(&format!(
            "✗ {} of {all} checks failed in {took}{skipped}; see the advice below each ✗",
            self.failed
        ))
    }
}

/// A head or a row, without colour; the part before `configured` is `first` columns wide.
fn columns(name: &str, first: usize, [configured, observed, time, peak]: [&str; 4]) -> String {
    let line = format!(
        "{name:<first$} {configured:<CONFIGURED$} {observed:<OBSERVED$} {time:>FIGURE$} {peak:>FIGURE$}"
    );
    line.trim_end().to_owned()
}

fn show(row: &Check, paint: Paint, lines: &mut Vec<String>) {
    let figures = row.time.is_some() || row.peak_memory.is_some();
    // What was seen may take the room of figures that are not there.
    let room = if figures { OBSERVED } else { OBSERVED.saturating_add(2 * FIGURE + 2) };
    let seen = if row.verdict == Verdict::Skipped {
        format!("skipped: {}", row.detail.as_deref().unwrap_or_default())
    } else {
        row.observed.clone()
    };
    let mut seen = wrap(&seen, room).into_iter();
    let first = columns(
        &row.name,
        NAME,
        [
            &row.configured,
            &seen.next().unwrap_or_default(),
            &row.time.map(time).unwrap_or_default(),
            &row.peak_memory.map(size).unwrap_or_default(),
        ],
    );
    lines.push(format!("{} {first}", paint.mark(row.verdict)));
    let indent = NAME.saturating_add(CONFIGURED).saturating_add(4);
    lines.extend(seen.map(|more| format!("{}{more}", " ".repeat(indent))));
    if let (Verdict::Fail, Some(why)) = (row.verdict, &row.detail) {
        lines.extend(wrap(why, WIDTH.saturating_sub(4)).iter().map(|line| paint.bad(&format!("    {line}"))));
    }
}

/// Cuts at blanks, so that no line is longer than `width`, if no word is.
fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line)
                if line.chars().count().saturating_add(word.chars().count()).saturating_add(1) <= width =>
            {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

/// Colours, if the output is a terminal and the user has not switched them off.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Paint(bool);

impl Paint {
    pub(crate) fn for_stdout() -> Self {
        let none = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self(std::io::stdout().is_terminal() && !none)
    }

    fn with(self, code: &str, text: &str) -> String {
        if self.0 { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }

    fn bold(self, text: &str) -> String {
        self.with("1", text)
    }

    fn good(self, text: &str) -> String {
        self.with("32", text)
    }

    fn bad(self, text: &str) -> String {
        self.with("31", text)
    }

    fn mark(self, verdict: Verdict) -> String {
        match verdict {
            Verdict::Pass => self.good(verdict.mark()),
            Verdict::Fail => self.bad(verdict.mark()),
            Verdict::Skipped | Verdict::Info => self.with("2", verdict.mark()),
        }
    }
}

/// `24 µs`, `0.4 ms`, `412 ms`, `5.001 s`.
pub(crate) fn time(time: Duration) -> String {
    let micros = time.as_micros();
    match micros {
        0..100 => format!("{micros} µs"),
        100..10_000 => format!("{}.{} ms", micros / 1_000, micros % 1_000 / 100),
        10_000..1_000_000 => format!("{} ms", time.as_millis()),
        _ => format!("{}.{:03} s", time.as_secs(), time.subsec_millis()),
    }
}

/// `512 B`, `64 MiB`, `1.5 GiB`.
pub(crate) fn size(bytes: u64) -> String {
    let units = [(1_u64 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    match units.into_iter().find(|(unit, _)| bytes >= *unit) {
        None => format!("{} B", thousands(bytes)),
        Some((unit, name)) => {
            let tenths =
                bytes.checked_rem(unit).unwrap_or(0).saturating_mul(10).checked_div(unit).unwrap_or(0);
            let whole = bytes.checked_div(unit).unwrap_or(0);
            let whole = thousands(whole);
            if tenths == 0 { format!("{whole} {name}") } else { format!("{whole}.{tenths} {name}") }
        }
    }
}

fn micros<S: Serializer>(time: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
    time.map(|time| u64::try_from(time.as_micros()).unwrap_or(u64::MAX)).serialize(serializer)
}

fn millis<S: Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX).serialize(serializer)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(paint: Paint) -> String {
        let check = |name| Check::new(Group::Limits, name, "1,000,000,000");
        let long = "one instruction is not interrupted, so a run may be late by it: ".repeat(3);
        let checks = vec![
            check("passes").found(Ok(Finding::Pass("out-of-fuel".into()))).took(Duration::from_millis(412)),
            check("fails").peak(64 << 20).found(Ok(Finding::Fail("completed".into(), long))),
            check("cannot run").found(Err("the guest \u{1b}[31m".into())),
            Check::new(Group::Kernel, "is skipped", "").found(Ok(Finding::Skip("an old kernel".into()))),
            Check::new(Group::Kernel, "is told", "").fact("linux"),
        ];
        Diagnosis::new(checks, Limits::default(), Duration::from_secs(6)).table(paint)
    }

    #[test]
    fn the_table() {
        let told = "\
Ringfence doctor: limits tested with hostile guests on this machine

LIMITS                      configured        observed                                 time     peak
✓ passes                    1,000,000,000     out-of-fuel                            412 ms
✗ fails                     1,000,000,000     completed                                       64 MiB
    one instruction is not interrupted, so a run may be late by it: one instruction is not
    interrupted, so a run may be late by it: one instruction is not interrupted, so a run may be
    late by it:
✗ cannot run                1,000,000,000     could not run
    the guest \u{fffd}[31m

KERNEL
– is skipped                                  skipped: an old kernel
· is told                                     linux

✗ 2 of 3 checks failed in 6.000 s, 1 skipped; see the advice below each ✗";
        let table = table(Paint(false));
        let plain: Vec<&str> = table.lines().map(str::trim_end).collect();
        assert_eq!(plain.join("\n"), told);
        assert!(plain.iter().all(|line| line.chars().count() <= WIDTH), "{table}");
    }

    #[test]
    fn colours_change_no_column() {
        let painted = table(Paint(true));
        let mut plain = painted.clone();
        for code in ["0", "1", "2", "31", "32"] {
            plain = plain.replace(&format!("\u{1b}[{code}m"), "");
        }
        assert_ne!(painted, plain);
        assert_eq!(plain, table(Paint(false)));
    }

    #[test]
    fn times_and_sizes() {
        let shown = [24, 412, 41_200, 412_000, 5_001_000].map(|micros| time(Duration::from_micros(micros)));
        assert_eq!(shown, ["24 µs", "0.4 ms", "41 ms", "412 ms", "5.001 s"]);
        let shown = [0, 1_023, 1_024, 1_600, 64 << 20, 5 << 29].map(size);
        assert_eq!(shown, ["0 B", "1,023 B", "1 KiB", "1.5 KiB", "64 MiB", "2.5 GiB"]);
    }
}

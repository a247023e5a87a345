//! The command line: benches first, then options.

use std::path::PathBuf;
use std::time::Duration;

/// What `--help` prints.
pub(crate) const USAGE: &str = "\
usage: ringfence-benches BENCH... [OPTION...]

Benches:
  floor           a call through the library, to bare wasmtime
  host-calls      a host call, to the same call in bare wasmtime
  kernels         metered compute, to the same code unmetered
  http            a call over HTTP, to the same server's bare echo (needs wrk)
  mcp             a call over MCP, to `/v1`; calls over stdio (needs wrk)
  rest            memory that a server keeps after large results
  storm           good calls beside hostile principals, and each principal's share
  bystanders      good calls beside compile bombs
  second-process  a skill's first call in a process that finds its code in the store
  store           a store of many skills
  interpreters    Python and JavaScript as skills; skipped without their components
  all             all of these, each in a process of its own

  render          write RESULTS.md and plots/ anew from results.json

Options:
  --short             try everything quickly; record nothing
  --strict            exit with 1 when a figure misses its target
  --into DIR          where results.json, RESULTS.md and plots/ are [default: benches/; of a dev build: nowhere]
  --rounds N          rounds of a bench that has rounds
  --seconds N         length of one measurement over HTTP or stdio [default: 5]
  --millis N          length of one measurement of storm [default: 800]
  --part PART         part of storm: calls, crowd, share or memory; repeatable [default: all]
  --only TEXT         only storm's guests whose name contains it; records nothing
  --every             also storm's guests of functions that every skill gets
  --skills N          skills in the store [default: 1000]
  --component FILE    component for second-process, with --function; records nothing
  --function NAME     its INTERFACE#FUNCTION, which takes no parameters
  --python FILE       Python as a skill, for interpreters
  --javascript FILE   JavaScript as a skill, for interpreters
  --live N            interpreters that live at once [default: 1600]";

/// A measurement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bench {
    Floor,
    HostCalls,
    Kernels,
    Http,
    Mcp,
    Rest,
    Storm,
    Bystanders,
    SecondProcess,
    Store,
    Interpreters,
}

impl Bench {
    const ALL: [Self; 11] = [
        Self::Floor,
        Self::HostCalls,
        Self::Kernels,
        Self::Http,
        Self::Mcp,
        Self::Rest,
        Self::Storm,
        Self::Bystanders,
        Self::SecondProcess,
        Self::Store,
        Self::Interpreters,
    ];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Floor => "floor",
            Self::HostCalls => "host-calls",
            Self::Kernels => "kernels",
            Self::Http => "http",
            Self::Mcp => "mcp",
            Self::Rest => "rest",
            Self::Storm => "storm",
            Self::Bystanders => "bystanders",
            Self::SecondProcess => "second-process",
            Self::Store => "store",
            Self::Interpreters => "interpreters",
        }
    }
}

/// A part of storm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    Calls,
    Crowd,
    Share,
    Memory,
}

impl Part {
    fn parse(text: &str) -> Option<Self> {
        match text {
            "calls" => Some(Self::Calls),
            "crowd" => Some(Self::Crowd),
            "share" => Some(Self::Share),
            "memory" => Some(Self::Memory),
            _ => None,
        }
    }
}

/// What this program does as a child of itself. Nobody types these.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Child {
    Serve { dir: PathBuf },
    Stdio { dir: PathBuf },
    Bare { file: PathBuf, function: String },
    Ours { store: PathBuf, function: String },
    Hash { file: PathBuf },
    First { store: PathBuf, source: String },
}

/// The first argument of a child.
const CHILD: &str = "__child";

impl Child {
    /// The arguments that make this program such a child.
    pub(crate) fn arguments(&self) -> Vec<String> {
        let path = |path: &PathBuf| path.to_str().expect("a path in UTF-8").to_owned();
        let words = match self {
            Self::Serve { dir } => vec!["serve".to_owned(), path(dir)],
            Self::Stdio { dir } => vec!["stdio".to_owned(), path(dir)],
            Self::Bare { file, function } => vec!["bare".to_owned(), path(file), function.clone()],
            Self::Ours { store, function } => vec!["ours".to_owned(), path(store), function.clone()],
            Self::Hash { file } => vec!["hash".to_owned(), path(file)],
            Self::First { store, source } => vec!["first".to_owned(), path(store), source.clone()],
        };
        std::iter::once(CHILD.to_owned()).chain(words).collect()
    }

    fn parse(words: &[&str]) -> Option<Self> {
        Some(match *words {
            ["serve", dir] => Self::Serve { dir: dir.into() },
            ["stdio", dir] => Self::Stdio { dir: dir.into() },
            ["bare", file, function] => Self::Bare { file: file.into(), function: function.into() },
            ["ours", store, function] => Self::Ours { store: store.into(), function: function.into() },
            ["hash", file] => Self::Hash { file: file.into() },
            ["first", store, source] => Self::First { store: store.into(), source: source.into() },
            _ => return None,
        })
    }
}

/// What was asked for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    Help,
    Render(PathBuf),
    Measure(Box<Plan>),
    Child(Child),
}

/// Which benches run, and how.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Plan {
    pub(crate) benches: Vec<Bench>,
    pub(crate) short: bool,
    pub(crate) strict: bool,
    into: Option<PathBuf>,
    rounds: Option<usize>,
    seconds: u64,
    /// Length of one measurement of storm.
    pub(crate) turn: Duration,
    parts: Vec<Part>,
    pub(crate) only: Option<String>,
    pub(crate) every: bool,
    skills: usize,
    /// File and function.
    pub(crate) component: Option<(PathBuf, String)>,
    pub(crate) python: Option<PathBuf>,
    pub(crate) javascript: Option<PathBuf>,
    live: u32,
}

impl Plan {
    /// Rounds of a bench: as given, or two for a short run.
    pub(crate) fn rounds(&self, usual: usize) -> usize {
        self.rounds.unwrap_or(if self.short { 2 } else { usual })
    }

    /// A count that a short run divides by this.
    pub(crate) fn scaled(&self, usual: u32, by: u32) -> u32 {
        if self.short { usual / by } else { usual }
    }

    pub(crate) fn seconds(&self) -> u64 {
        if self.short { 1 } else { self.seconds }
    }

    pub(crate) fn skills(&self) -> usize {
        if self.short { 20 } else { self.skills }
    }

    pub(crate) fn live(&self) -> u32 {
        if self.short { 10 } else { self.live }
    }

    pub(crate) fn takes(&self, part: Part) -> bool {
        self.parts.is_empty() || self.parts.contains(&part)
    }

    /// Where the results go; `None` where they say nothing about a release.
    pub(crate) fn record_into(&self) -> Option<PathBuf> {
        if self.short || self.only.is_some() || self.component.is_some() {
            return None;
        }
        self.into.clone().or_else(|| (!cfg!(debug_assertions)).then(own_dir))
    }
}

/// The folder `benches` of the checkout that this program was built from.
pub(crate) fn own_dir() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Reads a command line.
pub(crate) fn parse(given: &[String]) -> Result<Asked, String> {
    let words: Vec<&str> = given.iter().map(String::as_str).collect();
    if let [CHILD, rest @ ..] = words.as_slice() {
        return Child::parse(rest)
            .map(Asked::Child)
            .ok_or_else(|| "a child needs other arguments".to_owned());
    }
    let mut plan = Plan {
        benches: Vec::new(),
        short: false,
        strict: false,
        into: None,
        rounds: None,
        seconds: 5,
        turn: Duration::from_millis(800),
        parts: Vec::new(),
        only: None,
        every: false,
        skills: 1_000,
        component: None,
        python: None,
        javascript: None,
        live: 1_600,
    };
    let (mut render, mut file, mut function) = (false, None, None);
    let mut words = words.into_iter().peekable();
    while let Some(word) = words.next_if(|word| !word.starts_with('-')) {
        match word {
            "all" => plan.benches.extend(Bench::ALL),
            "render" => render = true,
            _ => {
                let bench = Bench::ALL.into_iter().find(|bench| bench.name() == word);
                plan.benches.push(bench.ok_or_else(|| format!("there is no bench `{word}`"))?);
            }
        }
    }
    while let Some(option) = words.next() {
        let mut value = || words.next().ok_or_else(|| format!("`{option}` needs a value"));
        match option {
            "-h" | "--help" => return Ok(Asked::Help),
            "--short" => plan.short = true,
            "--strict" => plan.strict = true,
            "--every" => plan.every = true,
            "--into" => plan.into = Some(value()?.into()),
            "--rounds" => plan.rounds = Some(number(option, value()?)?),
            "--seconds" => plan.seconds = number(option, value()?)?,
            "--millis" => plan.turn = Duration::from_millis(number(option, value()?)?),
            "--part" => {
                let part = value()?;
                plan.parts.push(Part::parse(part).ok_or_else(|| format!("storm has no part `{part}`"))?);
            }
            "--only" => plan.only = Some(value()?.to_owned()),
            "--skills" => plan.skills = number(option, value()?)?,
            "--component" => file = Some(value()?),
            "--function" => function = Some(value()?),
            "--python" => plan.python = Some(value()?.into()),
            "--javascript" => plan.javascript = Some(value()?.into()),
            "--live" => plan.live = number(option, value()?)?,
            _ => return Err(format!("unknown option `{option}`; benches come before options")),
        }
    }
    plan.component = match (file, function) {
        (Some(file), Some(function)) => Some((file.into(), function.to_owned())),
        (None, None) => None,
        _ => return Err("`--component` and `--function` go together".to_owned()),
    };
    match (render, plan.benches.is_empty()) {
        (true, true) => Ok(Asked::Render(plan.into.unwrap_or_else(own_dir))),
        (true, false) => Err("`render` measures nothing: leave the benches out".to_owned()),
        (false, true) => Err("missing BENCH".to_owned()),
        (false, false) => Ok(Asked::Measure(Box::new(plan))),
    }
}

fn number<N: std::str::FromStr>(option: &str, text: &str) -> Result<N, String> {
    text.parse().map_err(|_| format!("invalid number `{text}` for `{option}`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(line: &str) -> Result<Asked, String> {
        parse(&line.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    }

    fn plan(line: &str) -> Plan {
        match given(line) {
            Ok(Asked::Measure(plan)) => *plan,
            other => panic!("{line}: {other:?}"),
        }
    }

    #[test]
    fn every_bench_has_its_name_and_a_line_of_help() {
        for bench in Bench::ALL {
            assert_eq!(plan(bench.name()).benches, [bench]);
            assert!(USAGE.contains(&format!("\n  {} ", bench.name())), "{bench:?}");
        }
        assert_eq!(plan("all").benches, Bench::ALL);
    }

    #[test]
    fn children_are_read_as_they_are_written() {
        let children = [
            Child::Serve { dir: "d".into() },
            Child::Stdio { dir: "d".into() },
            Child::Bare { file: "f".into(), function: "i#f".into() },
            Child::Ours { store: "s".into(), function: "i#f".into() },
            Child::Hash { file: "f".into() },
            Child::First { store: "s".into(), source: "print(1 + 1)".into() },
        ];
        for child in children {
            let written = child.arguments();
            assert_eq!(parse(&written), Ok(Asked::Child(child)));
        }
    }

    #[test]
    fn runs_that_say_nothing_about_a_release_are_not_recorded() {
        for line in ["floor --short", "storm --only text", "second-process --component f --function g"] {
            assert_eq!(plan(&format!("{line} --into dir")).record_into(), None, "{line}");
        }
        assert_eq!(plan("floor --into dir").record_into(), Some("dir".into()));
        assert_eq!(plan("floor").record_into().is_some(), !cfg!(debug_assertions));
    }

    #[test]
    fn wrong_lines_are_refused() {
        for line in [
            "",
            "flor",
            "floor --fast",
            "floor --rounds",
            "floor --rounds x",
            "storm --part rain",
            "second-process --component f",
            "render floor",
            "__child serve",
        ] {
            assert!(given(line).is_err(), "{line}");
        }
    }
}

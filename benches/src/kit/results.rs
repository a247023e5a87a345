//! `results.json`: the last measurement of each group, with when, where and of what it was made.

use std::io::Write as _;
use std::path::Path;

use serde_json::{Map, Value, json};

const FILE: &str = "results.json";

/// All groups' last measurements.
pub(crate) struct Results(Map<String, Value>);

/// When, where and of what a measurement was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Run {
    pub(crate) date: String,
    pub(crate) commit: String,
    pub(crate) cpu: String,
    pub(crate) cores: String,
    pub(crate) memory: String,
    pub(crate) kernel: String,
    pub(crate) rustc: String,
    pub(crate) wasmtime: String,
}

impl Results {
    /// Those in this folder; none where the file is missing.
    pub(crate) fn load(dir: &Path) -> Self {
        let file = dir.join(FILE);
        match std::fs::read_to_string(&file) {
            Ok(text) => Self::parse(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display())),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Self(Map::new()),
            Err(error) => panic!("{}: {error}", file.display()),
        }
    }

    pub(crate) fn parse(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text).map(Self)
    }

    /// Sets a group's rows and leaves the others as they are.
    pub(crate) fn replace(&mut self, group: &str, run: &Run, values: &[(String, f64)]) {
        let figures: Map<String, Value> =
            values.iter().map(|(id, value)| (id.clone(), json!(rounded(*value)))).collect();
        let entry = json!({
            "date": run.date, "commit": run.commit, "cpu": run.cpu, "cores": run.cores, "memory": run.memory,
            "kernel": run.kernel, "rustc": run.rustc, "wasmtime": run.wasmtime, "figures": figures,
        });
        self.0.insert(group.to_owned(), entry);
    }

    /// Writes the file whole.
    pub(crate) fn save(&self, dir: &Path) {
        let mut sorted: Vec<_> = self.0.iter().collect();
        sorted.sort_by_key(|(group, _)| group.as_str());
        let sorted: Map<String, Value> =
            sorted.into_iter().map(|(group, entry)| (group.clone(), entry.clone())).collect();
        let mut text = serde_json::to_string_pretty(&sorted).expect("JSON");
        text.push('\n');
        std::fs::create_dir_all(dir).expect("the folder of the results");
        let mut file = tempfile::NamedTempFile::new_in(dir).expect("a file in the folder of the results");
        file.write_all(text.as_bytes()).expect("it is written");
        file.persist(dir.join(FILE)).expect("it takes its name");
    }

    pub(crate) fn run(&self, group: &str) -> Option<Run> {
        let entry = self.0.get(group)?;
        let text = |key: &str| entry[key].as_str().unwrap_or("unknown").to_owned();
        Some(Run {
            date: text("date"),
            commit: text("commit"),
            cpu: text("cpu"),
            cores: text("cores"),
            memory: text("memory"),
            kernel: text("kernel"),
            rustc: text("rustc"),
            wasmtime: text("wasmtime"),
        })
    }

    pub(crate) fn value(&self, group: &str, id: &str) -> Option<f64> {
        self.0.get(group)?["figures"][id].as_f64()
    }
}

/// Six decimals are more than any figure shows.
fn rounded(value: f64) -> f64 {
    (value * 1e6).round() / 1e6
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn run() -> Run {
        let text = str::to_owned;
        Run {
            date: text("2026-11-30"),
            commit: text("0123abc"),
            cpu: text("Some CPU"),
            cores: text("2"),
            memory: text("8 GiB"),
            kernel: text("6.1.0"),
            rustc: text("1.95.0"),
            wasmtime: text("48.0.8"),
        }
    }

    fn of(id: &str, value: f64) -> Vec<(String, f64)> {
        vec![(id.to_owned(), value)]
    }

    #[test]
    fn a_run_replaces_only_its_own_group() {
        let dir = tempfile::tempdir().expect("a folder");
        let mut results = Results::load(dir.path());
        results.replace("floor", &run(), &of("floor-typed", 1.5));
        results.replace("rest", &run(), &of("rest-kept", 12.0));
        results.save(dir.path());
        let mut again = Results::load(dir.path());
        let later = Run { date: "2026-12-01".to_owned(), ..run() };
        again.replace("floor", &later, &of("floor-json", 1.25));
        again.save(dir.path());
        let last = Results::load(dir.path());
        assert_eq!(last.value("floor", "floor-typed"), None);
        assert_eq!(last.value("floor", "floor-json"), Some(1.25));
        assert_eq!(last.run("floor"), Some(later));
        assert_eq!(last.value("rest", "rest-kept"), Some(12.0));
        assert_eq!(last.run("rest"), Some(run()));
        assert_eq!(last.run("kernels"), None);
    }
}

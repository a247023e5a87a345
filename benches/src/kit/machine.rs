//! When, where and of what a measurement is made.

use std::path::Path;
use std::process::Command;

use super::results::Run;
use crate::args::own_dir;

pub(crate) fn describe() -> Run {
    let root = own_dir();
    let root = root.parent().expect("`benches` is in the checkout");
    let cpuinfo = read("/proc/cpuinfo");
    let memory = field(&read("/proc/meminfo"), "MemTotal").unwrap_or_default();
    let kib = memory.split_whitespace().next().and_then(|kib| kib.parse::<f64>().ok()).unwrap_or(0.0);
    let version = said(root, "rustc", &["--version"]);
    Run {
        date: said(root, "date", &["-u", "+%F"]),
        commit: commit(root),
        cpu: field(&cpuinfo, "model name").unwrap_or_else(|| std::env::consts::ARCH.to_owned()),
        cores: std::thread::available_parallelism().map_or(0, usize::from).to_string(),
        memory: format!("{:.0} GiB", kib / f64::from(1 << 20)),
        kernel: read("/proc/sys/kernel/osrelease").trim().to_owned(),
        rustc: version.split_whitespace().nth(1).unwrap_or("unknown").to_owned(),
        wasmtime: locked(&std::fs::read_to_string(root.join("Cargo.lock")).unwrap_or_default(), "wasmtime"),
    }
}

/// The commit of the checkout, with `+` where it differs in more than the results themselves.
fn commit(root: &Path) -> String {
    let hash = said(root, "git", &["rev-parse", "--short=7", "HEAD"]);
    let mut status = vec!["status", "--porcelain", "--untracked-files=no", "--", "."];
    status.extend([
        ":!benches/results.json",
        ":!benches/RESULTS.md",
        ":!benches/plots",
        ":!README.md",
        ":!docs",
    ]);
    let changed = said(root, "git", &status);
    if changed.is_empty() || changed == "unknown" { hash } else { format!("{hash}+") }
}

fn said(root: &Path, program: &str, args: &[&str]) -> String {
    match Command::new(program).args(args).current_dir(root).output() {
        Ok(output) if output.status.success() => String::from_utf8_lossy(&output.stdout).trim().to_owned(),
        _ => "unknown".to_owned(),
    }
}

fn read(file: &str) -> String {
    std::fs::read_to_string(file).unwrap_or_default()
}

/// The value of the first line `key : value`.
fn field(text: &str, key: &str) -> Option<String> {
    text.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        (name.trim() == key).then(|| value.trim().to_owned())
    })
}

/// The version of a package in `Cargo.lock`.
fn locked(lock: &str, package: &str) -> String {
    let name = format!("name = \"{package}\"\nversion = \"");
    let version = lock.split_once(&name).and_then(|(_, rest)| rest.split_once('"'));
    version.map_or("unknown", |(version, _)| version).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_those_of_the_lock_file() {
        let lock = "[[package]]\nname = \"wasmtime-cache\"\nversion = \"1.0.0\"\n\n\
                    [[package]]\nname = \"wasmtime\"\nversion = \"2.0.0\"\n";
        assert_eq!(locked(lock, "wasmtime"), "2.0.0");
        assert_eq!(locked(lock, "wasm"), "unknown");
    }

    #[test]
    fn fields_are_found_whatever_their_blanks() {
        assert_eq!(field("a\nmodel name\t: Some CPU\n", "model name").as_deref(), Some("Some CPU"));
        assert_eq!(field("model name: x", "name"), None);
    }
}

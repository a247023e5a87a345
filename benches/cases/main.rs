//! The program as people start it.

use std::process::{Command, Output};

fn benches(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_ringfence-benches")).args(args).output().expect("the program starts")
}

#[test]
fn a_short_run_measures_and_records_nothing() {
    let dir = tempfile::tempdir().expect("a folder");
    let ended = benches(&["floor", "--short", "--into", dir.path().to_str().expect("UTF-8")]);
    let printed = String::from_utf8_lossy(&ended.stdout);
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
    assert!(printed.contains("call with Rust types, to bare wasmtime"), "{printed}");
    assert!(printed.contains("not recorded"), "{printed}");
    assert_eq!(dir.path().read_dir().expect("the folder").count(), 0);
}

#[test]
fn an_unknown_bench_is_refused() {
    let ended = benches(&["flor"]);
    let printed = String::from_utf8_lossy(&ended.stderr);
    assert_eq!(ended.status.code(), Some(2));
    assert!(printed.contains("there is no bench `flor`"), "{printed}");
}

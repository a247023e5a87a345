//! Components as toolchains make them: the skills of this repository, and what came from elsewhere.

use ringfence::{Allocator, Limits};
use ringfence_sandbox_tests::files::{root, run_cases};
use ringfence_sandbox_tests::{ALLOCATORS, host};

/// Runs the cases beside a committed component.
#[track_caller]
fn cases(component: &str, cases: &str) {
    for allocator in ALLOCATORS {
        let ran =
            run_cases(host(allocator), &root().join(component), &root().join(cases), &Limits::default());
        let (count, wrong) = ran.expect("the files are there");
        assert!(count > 5, "{count} cases");
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }
}

#[test]
fn text_stats() {
    cases("skills/text-stats.wasm", "skills/text-stats/cases.jsonl");
}

#[test]
fn json_query() {
    cases("skills/json-query.wasm", "skills/json-query/cases.jsonl");
}

/// Rust's standard library over WASI: it imports files, and finds none.
#[test]
fn wasi_rust() {
    cases("tests/origins/wasi-rust/wasi-rust.wasm", "tests/origins/wasi-rust/cases.jsonl");
}

/// Rust that uses files, without a grant.
#[test]
fn files_rust() {
    for allocator in ALLOCATORS {
        let folder = root().join("tests/origins/files-rust");
        let (component, cases) = (folder.join("files-rust.wasm"), folder.join("cases.jsonl"));
        let ran = run_cases(host(allocator), &component, &cases, &Limits::default());
        let (count, wrong) = ran.expect("the files are there");
        assert!(count > 1 && wrong.is_empty(), "{}", wrong.join("\n"));
    }
}

/// wit-bindgen with every kind of type.
#[test]
fn rust_bindgen() {
    cases("tests/origins/rust-bindgen/rust-bindgen.wasm", "tests/origins/rust-bindgen/cases.jsonl");
}

/// An HTTP client over `wasi:http`, without a grant. `capabilities: wasi_http` grants it.
#[test]
fn rust_wstd() {
    cases("tests/origins/rust-wstd/rust-wstd.wasm", "tests/origins/rust-wstd/cases.jsonl");
}

#[test]
fn the_shipped_skills_import_nothing() {
    for name in ["text-stats", "json-query"] {
        let bytes = std::fs::read(root().join(format!("skills/{name}.wasm"))).expect("it is committed");
        let skill = host(Allocator::Pooling).load(bytes).expect("it loads");
        assert_eq!(skill.imports(), [], "{name}");
    }
}

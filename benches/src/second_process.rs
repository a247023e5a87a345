//! The second process: from its start to the first result of a skill that another process compiled, beside
//! bare wasmtime that maps the same file, in turns, each time in a fresh process.
//!
//! `cargo run --release -p ringfence-benches --bin second-process [FILE.wasm INTERFACE#FUNCTION [ROUNDS]]`, of
//! a function without parameters; with no file, of a component of 2,000 functions that it makes. What is compared
//! is wall time inside the process, the median of all rounds: engine, mapping, linking, one call. `hashing` is
//! what reading and authenticating the file takes by itself. To reach: at most 5 ms + hashing over bare.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Instant;

use ringfence::{Host, HostConfig, Limits, Outcome};
use ringfence_compile::{CompileLimits, Compiler};
use ringfence_store::{Library, Origin, Store, Submit};
use wasmtime::component::{Component, Linker, Val};
use wasmtime::{Config, Engine, ModuleVersionStrategy};

fn main() -> ExitCode {
    let begun = Instant::now();
    if let Some(code) = ringfence_compile::child_main() {
        return code;
    }
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match args.as_slice() {
        ["__bare", file, function] => bare(begun, file, function),
        ["__ours", store, function] => ours(begun, store, function),
        ["__hash", file] => hash(file),
        [] => compare(&large(), "run", 20),
        [file, function] => compare(&read(file), function, 20),
        [file, function, rounds] => {
            compare(&read(file), function, rounds.parse().expect("a number of rounds"))
        }
        _ => {
            eprintln!("usage: second-process [FILE.wasm INTERFACE#FUNCTION [ROUNDS]]");
            return ExitCode::from(2);
        }
    }
    ExitCode::SUCCESS
}

fn compare(bytes: &[u8], function: &str, rounds: usize) {
    let dir = tempfile::tempdir().expect("a directory");
    let library = library(dir.path(), HostConfig::default());
    let submit = Submit::new("skill".parse().expect("a name"), "bench".parse().expect("a name"));
    let begun = Instant::now();
    block_on(library.submit(bytes.to_vec(), submit, |_| {})).expect("it is taken");
    println!(
        "component {:.1} MB, submitted in {:.1} s",
        megabytes(bytes.len() as u64),
        begun.elapsed().as_secs_f64()
    );
    let artifact = only(&only(&dir.path().join("artifacts")));
    let size = artifact.metadata().expect("a file").len();
    let (mut bare, mut ours, mut hash) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..=rounds {
        let taken = [
            child(&["__bare", path(&artifact), function]),
            child(&["__ours", path(dir.path()), function]),
            child(&["__hash", path(&artifact)]),
        ];
        // The first round warms the page cache.
        if round > 0 {
            bare.push(taken[0]);
            ours.push(taken[1]);
            hash.push(taken[2]);
        }
    }
    let (bare, ours, hash) = (median(&mut bare), median(&mut ours), median(&mut hash));
    println!("{rounds} fresh processes of each, wall time from `main` to the first result, medians");
    println!("bare wasmtime      {bare:7.2} ms (artifact of {:.1} MB)", megabytes(size));
    println!("through the store  {ours:7.2} ms");
    println!("hashing            {hash:7.2} ms");
    println!("over bare + hashing {:6.2} ms (to reach: ≤ 5)", ours - bare - hash);
}

/// wasmtime, the file, one call.
fn bare(begun: Instant, file: &str, function: &str) {
    let mut config = Config::new();
    config
        .module_version(ModuleVersionStrategy::None)
        .expect("a strategy")
        .consume_fuel(true)
        .max_wasm_stack(512 << 10)
        .async_stack_size(3 << 19)
        .gc_support(false)
        .concurrency_support(false)
        .wasm_function_references(false)
        .wasm_gc(false)
        .wasm_exceptions(false)
        .wasm_threads(false)
        .wasm_relaxed_simd(false);
    let engine = Engine::new(&config).expect("an engine");
    // SAFETY: the library of this very program wrote the file a moment ago, in a directory of its own.
    let component = unsafe { Component::deserialize_file(&engine, file) }.expect("it is mapped");
    let mut store = wasmtime::Store::new(&engine, ());
    store.set_fuel(u64::MAX).expect("fuel is on");
    let instance = Linker::new(&engine).instantiate(&mut store, &component).expect("an instance");
    let (interface, name) = function.split_once('#').unwrap_or(("", function));
    let interface = instance.get_export_index(&mut store, None, interface);
    let index = instance.get_export_index(&mut store, interface.as_ref(), name).expect("the function");
    let function = instance.get_func(&mut store, index).expect("a function");
    let mut results = vec![Val::Bool(false); function.ty(&store).results().len()];
    function.call(&mut store, &[], &mut results).expect("a result");
    report(begun);
}

/// The same through the store, with everything on.
fn ours(begun: Instant, store: &str, function: &str) {
    let library = library(Path::new(store), HostConfig { runs: 1, ..HostConfig::default() });
    let tool = function.split_once('#').map_or_else(
        || function.to_owned(),
        |(interface, name)| {
            let interface = interface.split('@').next().unwrap_or_default();
            format!("{}_{name}", interface.rsplit('/').next().unwrap_or_default())
        },
    );
    let (loaded, _) =
        block_on(library.load(&"skill".parse().expect("a name"), |_| {})).expect("it is loaded");
    assert_eq!(loaded.origin, Origin::Artifact);
    let report_of = block_on(library.host().run(&loaded.skill, &tool, "{}", &Limits::default()));
    assert!(matches!(report_of.expect("a run").outcome, Outcome::Completed(_)));
    report(begun);
}

fn hash(file: &str) {
    let key = [7; 32];
    let mut file = std::fs::File::open(file).expect("the artifact");
    let mut chunk = vec![0; 256 << 10];
    let begun = Instant::now();
    let mut hasher = blake3::Hasher::new_keyed(&key);
    loop {
        let read = file.read(&mut chunk).expect("it is read");
        if read == 0 {
            break;
        }
        hasher.update(&chunk[..read]);
    }
    std::hint::black_box(hasher.finalize());
    report(begun);
}

fn report(begun: Instant) {
    println!("{}", begun.elapsed().as_secs_f64() * 1e3);
}

fn child(args: &[&str]) -> f64 {
    let program = std::env::current_exe().expect("this program");
    let output = Command::new(program).args(args).output().expect("a child");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().parse().expect("milliseconds")
}

fn library(store: &Path, config: HostConfig) -> Library {
    let host = Host::new(config).expect("a host");
    let compiler = Compiler::this_program(CompileLimits::default()).expect("a compiler");
    Library::new(host, compiler, Ok(Store::open_or_make(store).expect("a store")))
}

/// A component of 2,000 functions of some size, and one without parameters.
fn large() -> Vec<u8> {
    let mut body = String::from("(memory 1)");
    for i in 0..2_000 {
        body.push_str("(func (param i32) (result i32) (local i32)");
        for j in 0..60 {
            body.push_str(&format!(
                "(local.set 1 (i32.add (i32.load (local.get 0)) (i32.mul (local.get 1) (i32.const {}))))",
                i ^ j
            ));
        }
        body.push_str("(local.get 1))");
    }
    let text = format!(
        r#"(component (core module $m {body} (func (export "run") (result i32) (i32.const 7)))
             (core instance $i (instantiate $m))
             (func (export "run") (result u32) (canon lift (core func $i "run"))))"#
    );
    wat::parse_str(text).expect("the component's text is valid")
}

fn read(file: &str) -> Vec<u8> {
    std::fs::read(file).unwrap_or_else(|error| panic!("cannot read {file}: {error}"))
}

/// The only thing in a directory.
fn only(dir: &Path) -> PathBuf {
    let mut entries = std::fs::read_dir(dir).expect("a directory");
    entries.next().expect("an entry").expect("an entry").path()
}

fn path(path: &Path) -> &str {
    path.to_str().expect("a path in UTF-8")
}

#[expect(clippy::cast_precision_loss, reason = "for people to read")]
fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(future)
}

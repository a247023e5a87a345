//! `second-process`: from the start of a process to the first result of a skill that another process compiled, beside bare
//! wasmtime that maps the same file.
//!
//! Each measurement is a fresh process, in turns. What is compared is wall time from `main` to the result: engine,
//! mapping, linking, one call. Reading and authenticating the file is measured by itself.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::Instant;

use ringfence::{HostConfig, Limits, Outcome};
use ringfence_store::Origin;
use wasmtime::component::{Component, Linker, Val};
use wasmtime::{Engine, ModuleVersionStrategy, Store};

use crate::args::{Child, Plan};
use crate::kit::bare::settings;
use crate::kit::book::Book;
use crate::kit::clock::wall;
use crate::kit::guests;
use crate::kit::server::{library, submit, this_program};
use crate::kit::stats::median;

pub(crate) fn measure(plan: &Plan, book: &mut Book) -> Result<(), String> {
    let rounds = plan.rounds(20);
    let (bytes, function) = match &plan.component {
        Some((file, function)) => {
            let bytes = std::fs::read(file);
            (bytes.map_err(|error| format!("cannot read {}: {error}", file.display()))?, function.clone())
        }
        None => (guests::large(2_000, 60), "run".to_owned()),
    };
    let dir = tempfile::tempdir().expect("a directory");
    let size = bytes.len() as f64 / 1e6;
    let library = library(dir.path(), HostConfig::pooled());
    let (seconds, ()) = wall(|| block_on(submit(&library, "skill", bytes)));
    println!("component {size:.1} MB, submitted in {seconds:.1} s");
    let artifact = only(&only(&dir.path().join("artifacts")));
    println!("artifact {:.1} MB, {rounds} rounds", artifact.metadata().expect("a file").len() as f64 / 1e6);
    let (mut bare, mut ours, mut hash) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..=rounds {
        let taken = [
            child(&Child::Bare { file: artifact.clone(), function: function.clone() }),
            child(&Child::Ours { store: dir.path().into(), function: function.clone() }),
            child(&Child::Hash { file: artifact.clone() }),
        ];
        // The first round warms the page cache.
        if round > 0 {
            bare.push(taken[0]);
            ours.push(taken[1]);
            hash.push(taken[2]);
        }
    }
    let (bare, ours, hash) = (median(&bare), median(&ours), median(&hash));
    book.figure("second-bare", bare);
    book.figure("second-ours", ours);
    book.figure("second-hash", hash);
    book.figure("second-over", ours - bare - hash);
    Ok(())
}

/// The child: wasmtime, the file, one call.
pub(crate) fn bare(begun: Instant, file: &Path, function: &str) {
    let mut config = settings();
    config.module_version(ModuleVersionStrategy::None).expect("a strategy");
    config.wasm_threads(false).wasm_relaxed_simd(false);
    let engine = Engine::new(&config).expect("an engine");
    // SAFETY: the library of this very program wrote the file a moment ago, in a directory of its own.
    let component = unsafe { Component::deserialize_file(&engine, file) }.expect("it is mapped");
    let mut store = Store::new(&engine, ());
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

/// The child: the same through the store, with everything on.
pub(crate) fn ours(begun: Instant, store: &Path, function: &str) {
    let library = library(store, HostConfig::pooled().with_runs(1));
    let tool = function.split_once('#').map_or_else(
        || function.to_owned(),
        |(interface, name)| {
            let interface = interface.split('@').next().unwrap_or_default();
            format!("{}_{name}", interface.rsplit('/').next().unwrap_or_default())
        },
    );
    let loaded = block_on(library.load(&"skill".parse().expect("a name"), |_| {})).expect("it is loaded");
    assert_eq!(loaded.origin, Origin::Artifact);
    let ended = block_on(library.host().run(&loaded.skill, &tool, "{}", &Limits::default()));
    assert!(matches!(ended.expect("a run").outcome, Outcome::Completed(_)));
    report(begun);
}

/// The child: what authenticating the file takes.
pub(crate) fn hash(file: &Path) {
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

/// Tells the parent the milliseconds since then.
pub(crate) fn report(begun: Instant) {
    println!("{}", begun.elapsed().as_secs_f64() * 1e3);
}

/// The milliseconds that a child reports.
pub(crate) fn child(child: &Child) -> f64 {
    let output = this_program(child).output().expect("a child");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().parse().expect("milliseconds")
}

/// The only thing in a directory.
fn only(dir: &Path) -> PathBuf {
    let mut entries = std::fs::read_dir(dir).expect("a directory");
    entries.next().expect("an entry").expect("an entry").path()
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(future)
}

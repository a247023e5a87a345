//! Support for the tests of the store: a shelf is a store in a directory of its own, and a library on it.

pub mod components;
pub mod files;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock};

use ringfence::{Allocator, Digest, Host, HostConfig, Limits, Outcome, Skill, SkillCaps};
use ringfence_compile::{CompileLimits, Compiler};
use ringfence_store::{
    Library, Loaded, Miss, Name, Owner, Policy, Record, Reference, Stage, Store, StoreError, Submit,
    Submitted, Verification, Version,
};
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// One host for all tests of a process.
pub fn host() -> Host {
    static HOST: OnceLock<Host> = OnceLock::new();
    HOST.get_or_init(|| {
        Host::new(HostConfig::default().with_allocator(Allocator::OnDemand).with_runs(16)).expect("a host")
    })
    .clone()
}

/// A host with another fingerprint: its artifacts are not those of [`host`].
pub fn other_host() -> Host {
    let caps = SkillCaps::default().with_tools(255);
    Host::new(HostConfig::default().with_allocator(Allocator::OnDemand).with_runs(16).with_caps(caps))
        .expect("a host")
}

pub fn runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| {
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime")
    })
}

/// A compiler whose children are `child`.
pub fn compiler(child: &Path) -> Compiler {
    Compiler::program(child.to_owned(), CompileLimits::default())
}

/// A library on a store that is there or is made.
pub fn library(root: &Path, child: &Path, host: Host) -> Result<Library, StoreError> {
    Ok(Library::new(host, compiler(child), Store::open_or_make(root)?))
}

/// A store in a directory of its own, and a library on it.
pub struct Shelf {
    pub dir: Arc<TempDir>,
    pub root: PathBuf,
    pub child: PathBuf,
    pub library: Library,
}

impl Shelf {
    /// An empty store; `child` is the compile child.
    pub fn new(child: &str) -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let (root, child) = (dir.path().join("store"), PathBuf::from(child));
        let library = library(&root, &child, host()).expect("a store");
        Self { dir: Arc::new(dir), root, child, library }
    }

    /// The same store as another process would see it: opened again, with nothing in memory.
    pub fn again(&self) -> Self {
        self.with(host(), &self.child)
    }

    /// As [`Shelf::again`], on another host.
    pub fn on(&self, host: Host) -> Self {
        self.with(host, &self.child)
    }

    /// As [`Shelf::again`], and whatever has to be compiled fails.
    pub fn without_compiler(&self) -> Self {
        self.with(host(), Path::new("/nonexistent/compiler"))
    }

    fn with(&self, host: Host, child: &Path) -> Self {
        let library = library(&self.root, child, host).expect("the store opens again");
        Self { dir: Arc::clone(&self.dir), root: self.root.clone(), child: child.to_owned(), library }
    }

    pub fn store(&self) -> &Store {
        self.library.store().expect("it was given one")
    }

    /// Releases a held version, whatever it breaks.
    pub fn release(&self, of: &str, wanted: &str) -> Result<Record, StoreError> {
        runtime().block_on(self.library.release(&name(of), &version(wanted), true))
    }

    /// Submits with all choices open.
    pub fn submit_as(&self, bytes: &[u8], submit: Submit) -> Result<Submitted, StoreError> {
        runtime().block_on(self.library.submit(bytes.to_vec(), submit, |_| {}))
    }

    /// Submits the next version of `name` for `alice`.
    pub fn submit(&self, name: &str, bytes: &[u8]) -> Result<Submitted, StoreError> {
        self.submit_as(bytes, by("alice", name))
    }

    /// Submits what must be taken; gives its version.
    #[track_caller]
    pub fn put(&self, name: &str, bytes: &[u8]) -> String {
        let taken = self.submit(name, bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
        taken.receipt.version.to_string()
    }

    pub fn load(&self, reference: &str) -> Result<Loaded, StoreError> {
        self.load_seen(reference).0
    }

    /// Loads, and tells why it was compiled, if it was or should have been.
    pub fn load_seen(&self, reference: &str) -> (Result<Loaded, StoreError>, Option<Miss>) {
        let seen = Mutex::new(None);
        let loaded = reference.parse::<Reference>().map_err(StoreError::from).and_then(|reference| {
            runtime().block_on(self.library.load(&reference, |stage| {
                if let Stage::Compiling { miss, .. } = stage {
                    *seen.lock().expect("nobody panics") = Some(miss);
                }
            }))
        });
        let miss = seen.lock().expect("nobody panics").take();
        (loaded, miss)
    }

    /// What the tool `run` of a skill answers.
    pub fn answer(&self, reference: &str) -> Result<u32, StoreError> {
        self.load(reference).map(|loaded| run(self.library.host(), &loaded.skill, "run"))
    }

    #[track_caller]
    pub fn expect(&self, reference: &str, answer: u32) {
        match self.answer(reference) {
            Ok(got) => assert_eq!(got, answer, "{reference}"),
            Err(error) => panic!("{reference}: {error}"),
        }
    }

    #[track_caller]
    pub fn refused(&self, reference: &str, code: &str) -> StoreError {
        match self.answer(reference) {
            Ok(got) => panic!("{reference} ran and answered {got}, instead of `{code}`"),
            Err(error) => {
                assert_eq!(error.code(), code, "{reference}: {error}");
                error
            }
        }
    }

    pub fn verify(&self) -> Verification {
        self.store().verify(|_, _| {}).expect("the store's directories can be listed")
    }

    /// Nothing at all is wrong, not even a leftover.
    #[track_caller]
    pub fn expect_sound(&self) {
        let found = self.verify();
        assert!(found.findings.is_empty(), "{:#?}", found.findings);
    }

    pub fn set_policy(&self, change: impl FnOnce(&mut Policy)) {
        let mut policy = Policy::default();
        change(&mut policy);
        self.store().set_policy(&policy).expect("the policy is set");
    }

    /// Where the artifact of a digest is, for this shelf's host.
    pub fn artifact(&self, digest: Digest) -> PathBuf {
        let engine = self.library.host().fingerprint();
        self.root.join("artifacts").join(hex(engine)).join(format!("{}.cwasm", hex(digest)))
    }

    /// Where the component of a digest is.
    pub fn component(&self, digest: Digest) -> PathBuf {
        self.root.join("components").join(format!("{}.wasm", hex(digest)))
    }

    /// Where the revocation of a digest is.
    pub fn revocation(&self, digest: Digest) -> PathBuf {
        self.root.join("revoked").join(format!("{}.json", hex(digest)))
    }

    /// Where the record of a name is.
    pub fn record(&self, name: &str) -> PathBuf {
        self.root.join("names").join(format!("{name}.json"))
    }
}

/// Runs a tool that takes nothing and answers a number.
pub fn run(host: &Host, skill: &Skill, tool: &str) -> u32 {
    let report = runtime().block_on(host.run(skill, tool, "{}", &Limits::default())).expect("a run");
    match report.outcome {
        Outcome::Completed(value) => value.as_str().parse().expect("a number"),
        other => panic!("{other:?}"),
    }
}

/// 64 hexadecimal digits.
pub fn hex(digest: Digest) -> String {
    digest.to_string().trim_start_matches("sha256:").to_owned()
}

pub fn name(text: &str) -> Name {
    text.parse().expect("a good name")
}

pub fn owner(text: &str) -> Owner {
    text.parse().expect("a good owner")
}

pub fn version(text: &str) -> Version {
    text.parse().expect("a good version")
}

/// The next version of `of`, for `who`.
pub fn by(who: &str, of: &str) -> Submit {
    Submit::new(name(of), owner(who))
}

/// The code of an error, or `ok`.
pub fn code<T>(result: &Result<T, StoreError>) -> &'static str {
    match result {
        Ok(_) => "ok",
        Err(error) => error.code(),
    }
}

//! Loads the skill of a command's argument: a file, or a skill of the store. Maps its code if the store has it, else
//! compiles in a jailed child and stores the code.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use bytesize::ByteSize;
use etcetera::BaseStrategy as _;
use indicatif::{ProgressBar, ProgressStyle};
use ringfence::{Host, HostConfig, Limits, LoadError, Refusal, Skill, SkillCaps};
use ringfence_compile::{CompileLimits, CompileStage, Compiler};
use ringfence_store::{
    GrammarError, Library, Miss, Origin, Reference, Stage, Store, StoreError, Wanted, Warning,
};

use crate::args::StoreArgs;
use crate::exit;
use crate::output::{self, Refused};

/// Size of a component from which on its compilation shows progress.
const LARGE: u64 = 512 << 10;

/// The source that an argument names.
#[derive(Debug)]
pub(crate) enum Source {
    /// A file, or standard input for `-`.
    File(PathBuf),
    /// A skill of the store.
    Store(Reference),
}

impl Source {
    /// Parses an argument. A name, `name@version` or digest is a skill of the store. Anything else is a file, as is an
    /// argument with a slash or the ending `.wasm`.
    pub(crate) fn of(given: &str) -> Self {
        let is_path = given == "-" || given.contains('/') || given.ends_with(".wasm");
        match given.parse() {
            Ok(reference) if !is_path => Self::Store(reference),
            Ok(_) | Err(_) => Self::File(PathBuf::from(given)),
        }
    }
}

/// A host for one run at a time, with room for all that its limits let it take: twice, for what an
/// allocator adds.
pub(crate) fn host(limits: &Limits) -> Result<Host, Refused> {
    let default = HostConfig::pooled();
    let copies = limits.input_size.saturating_add(limits.output_size).saturating_mul(32);
    let all = limits.memory.saturating_add(copies).saturating_add(limits.log_size);
    let memory = default.memory.max(all.saturating_mul(2));
    Host::new(default.with_runs(1).with_memory(memory)).map_err(|error| Refused::fault(error.to_string()))
}

/// The compiler, in a child of this program, for a library to have: `clippy.toml` bans its own functions here, since
/// what is compiled to be run was cleared by a library.
pub(crate) fn compiler() -> Result<Compiler, Refused> {
    Compiler::this_program(CompileLimits::default())
        .map_err(|error| Refused::fault(format!("cannot start the compiler process: {error}")))
}

/// The store's directory: as given, or the platform's.
pub(crate) fn directory(args: &StoreArgs) -> Result<PathBuf, Refused> {
    if let Some(given) = args.named() {
        return Ok(given);
    }
    let base = etcetera::choose_base_strategy().map_err(|_| {
        let message =
            "cannot locate the store: this user has no home directory; set --store DIR or RINGFENCE_HOME"
                .to_owned();
        Refused { code: "no-store", ..Refused::fault(message) }
    })?;
    Ok(base.data_dir().join("ringfence"))
}

/// Opens the store, which must exist.
pub(crate) fn store(args: &StoreArgs) -> Result<Store, Refused> {
    Ok(Store::open(&directory(args)?)?)
}

/// Opens the store, and creates it if it does not exist.
pub(crate) fn store_or_new(args: &StoreArgs) -> Result<Store, Refused> {
    Ok(Store::open_or_make(&directory(args)?)?)
}

/// A store, or why there is none.
pub(crate) enum StoreIfAny {
    Store(Box<Store>),
    None { reason: String },
}

impl StoreIfAny {
    pub(crate) fn of(store: Store) -> Self {
        Self::Store(Box::new(store))
    }

    fn none(reason: impl ToString) -> Self {
        Self::None { reason: reason.to_string() }
    }

    /// A library on the store, or on none.
    fn library(self, host: Host, compiler: Compiler) -> Library {
        match self {
            Self::Store(store) => Library::new(host, compiler, *store),
            Self::None { reason } => Library::without_store(host, compiler, reason),
        }
    }
}

/// Opens the store if it exists; else returns the reason. For commands on files: a store that exists and cannot be used is
/// an error, because it may have revoked them.
pub(crate) fn store_if_any(args: &StoreArgs) -> Result<StoreIfAny, Refused> {
    let path = match directory(args) {
        Ok(path) => path,
        Err(refused) => return Ok(StoreIfAny::none(refused.message)),
    };
    match Store::open(&path) {
        // Whoever names a store means what it says of the files.
        Err(error @ StoreError::NoStore { .. }) if args.given().is_none() => Ok(StoreIfAny::none(error)),
        store => Ok(StoreIfAny::of(store?)),
    }
}

/// A library on a store.
pub(crate) fn library_on(store: Store) -> Result<Library, Refused> {
    library_of(StoreIfAny::of(store))
}

/// A library on a store, or on none.
pub(crate) fn library_of(store: StoreIfAny) -> Result<Library, Refused> {
    Ok(store.library(host(&Limits::default())?, compiler()?))
}

/// Converts the source into a request for [`Library::clear`], which decides whether it may run.
pub(crate) fn wanted(source: &Source) -> Result<Wanted, Refused> {
    Ok(match source {
        Source::File(path) => Wanted::Bytes(read(path)?),
        Source::Store(reference) => Wanted::Reference(reference.clone()),
    })
}

/// Returns a library for a source. A file runs without a store only if there is none and none can be created. A store that
/// exists and cannot be used may have revoked the file.
pub(crate) fn library(args: &StoreArgs, source: &Source, limits: &Limits) -> Result<Library, Refused> {
    let (host, compiler) = (host(limits)?, compiler()?);
    let store = match source {
        Source::Store(_) => StoreIfAny::of(store(args)?),
        Source::File(_) => match (directory(args), args.named()) {
            (Ok(path), Some(_)) => StoreIfAny::of(Store::open_or_make(&path)?),
            (Ok(path), None) => match Store::open(&path) {
                Err(StoreError::NoStore { .. }) => {
                    Store::open_or_make(&path).map_or_else(StoreIfAny::none, StoreIfAny::of)
                }
                store => StoreIfAny::of(store?),
            },
            (Err(refused), _) => StoreIfAny::none(refused.message),
        },
    };
    Ok(store.library(host, compiler))
}

/// Reads a file, or standard input for `-`, as far as the cap on a component's size.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, Refused> {
    let most = SkillCaps::default().size.saturating_add(1);
    let read = |source: &mut dyn std::io::Read| {
        let mut bytes = Vec::new();
        source.take(most).read_to_end(&mut bytes).map(|_| bytes)
    };
    let bytes = if path == Path::new("-") {
        read(&mut std::io::stdin().lock())
    } else {
        // Told by its size, not by where reading stopped.
        let (value, cap) =
            (std::fs::metadata(path).map_or(0, |found| found.len()), SkillCaps::default().size);
        if value > cap && starts_as_bundle(path) {
            return Err(bundle(path));
        }
        if value > cap {
            return Err(refused(&LoadError::Refused(vec![Refusal::OverCap { what: "bytes", value, cap }])));
        }
        std::fs::File::open(path).and_then(|mut file| read(&mut file))
    };
    let bytes = bytes.map_err(|error| {
        let mut message = format!("cannot read `{}`: {error}", path.display());
        if error.kind() == std::io::ErrorKind::NotFound
            && path.extension().is_none()
            && path.parent() == Some(Path::new(""))
        {
            message.push_str("; it is not a skill name either, because names contain only a-z, 0-9 and -");
        }
        Refused { code: "cannot-read", ..Refused::fault(message) }
    })?;
    if ringfence_bundle::is_bundle(&bytes) { Err(bundle(path)) } else { Ok(bytes) }
}

/// Returns whether a file of any size is a bundle.
fn starts_as_bundle(path: &Path) -> bool {
    let mut start = Vec::new();
    let file = std::fs::File::open(path);
    let read = file.and_then(|file| file.take(64).read_to_end(&mut start));
    read.is_ok() && ringfence_bundle::is_bundle(&start)
}

/// A bundle where a skill is expected.
fn bundle(path: &Path) -> Refused {
    let file = path.display();
    let message = format!(
        "`{file}` is a signed bundle, not a skill; `ringfence bundle show {file}` lists its skills, and \
         `ringfence-edge run {file} SKILL --key FILE` runs one"
    );
    Refused { exit: exit::REFUSED, code: "not-wasm", ..Refused::fault(message) }
}

/// Loads the source, and prints notes about the compilation on stderr.
pub(crate) async fn load(library: &Library, source: &Source) -> Result<Skill, Refused> {
    let begun = Instant::now();
    let mut progress = Progress::default();
    let wanted = wanted(source)?;
    let loaded = match library.clear(wanted).await {
        Ok(cleared) => library.load_cleared(&cleared, |stage| progress.on(&stage)).await,
        Err(error) => Err(error),
    };
    progress.finish();
    let loaded = loaded.map_err(|error| at_hand(error, source))?;
    if let Origin::Compiled { miss, not_kept } = &loaded.origin {
        match miss {
            Miss::Rejected(reason) => {
                let warning = Warning::ArtifactRejected { reason: reason.clone() };
                output::note(&format!("warning: {warning}"));
            }
            Miss::Unreadable(reason) => output::note(&format!(
                "warning: cannot read the cached code, so the skill was compiled again: {reason}"
            )),
            _ => {}
        }
        // Who waited wants to know whether the next time is quicker; who did not wait does not care.
        if let Some(reason) = not_kept.as_ref().filter(|_| begun.elapsed() > Duration::from_secs(1)) {
            output::note(&format!(
                "note: cannot cache the compiled code, so the next load compiles again: {reason}"
            ));
        }
    }
    Ok(loaded.skill)
}

/// Adds the next step where a file was meant.
pub(crate) fn at_hand(error: StoreError, source: &Source) -> Refused {
    let mut refused = Refused::from(error);
    if let Source::Store(reference) = source {
        let file = PathBuf::from(reference.to_string());
        if refused.exit == exit::CALL && file.is_file() {
            refused
                .message
                .push_str(&format!("; to use the file of that name, write `./{}`", file.display()));
        }
    }
    refused
}

impl From<GrammarError> for Refused {
    fn from(error: GrammarError) -> Self {
        StoreError::from(error).into()
    }
}

impl From<StoreError> for Refused {
    fn from(error: StoreError) -> Self {
        match error.original() {
            StoreError::Load(error) => refused(error),
            _ => Self {
                exit: exit::of_fault(error.fault()),
                code: error.code(),
                ..Self::fault(error.to_string())
            },
        }
    }
}

pub(crate) fn refused(error: &LoadError) -> Refused {
    let reasons = match error {
        LoadError::Refused(reasons) => {
            reasons.iter().map(|reason| (reason.code(), reason.to_string())).collect()
        }
        _ => Vec::new(),
    };
    Refused {
        exit: exit::of_fault(error.fault()),
        code: error.code(),
        message: error.to_string(),
        pointer: None,
        reasons,
    }
}

/// What shows on a terminal while somebody waits. Nobody can know how far a compiler is: what shows is that it
/// works, and for how long.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    bar: Option<ProgressBar>,
    /// The text for a large component while it compiles.
    compiling: Option<String>,
}

impl Progress {
    pub(crate) fn on(&mut self, stage: &Stage) {
        let message = match stage {
            Stage::Compiling { size, .. } if *size < LARGE => return,
            // Of a small component only a wait is worth a word.
            Stage::Compiler(CompileStage::Compiling { .. }) if self.compiling.is_none() => return,
            Stage::Compiler(stage) => {
                let begun = self.compiling.as_deref().unwrap_or("compiling");
                match stage {
                    CompileStage::Waiting { others: 0 } => format!("{begun}: waiting for a compile slot"),
                    CompileStage::Waiting { others } => {
                        format!("{begun}: waiting for a compile slot with {others} others")
                    }
                    CompileStage::Compiling { cpu: Some(cpu), limit } => {
                        format!("{begun}: {} of {} s of CPU time", cpu.as_secs(), limit.as_secs())
                    }
                    _ => begun.to_owned(),
                }
            }
            Stage::Compiling { size, miss } => {
                let size = ByteSize::b(*size).display().iec();
                let why = match miss {
                    Miss::Rejected(_) => " again: the cached code failed authentication",
                    _ => "",
                };
                let message = format!("compiling {size}{why}");
                self.compiling = Some(message.clone());
                message
            }
            Stage::Validating => "validating".to_owned(),
            _ => "storing".to_owned(),
        };
        self.say(&message);
    }

    /// Shows the current stage.
    pub(crate) fn say(&mut self, message: &str) {
        let bar = self.bar.get_or_insert_with(|| {
            let bar = ProgressBar::new_spinner();
            if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} {elapsed}") {
                bar.set_style(style);
            }
            bar.enable_steady_tick(Duration::from_millis(100));
            bar
        });
        bar.set_message(message.to_owned());
    }

    pub(crate) fn finish(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}

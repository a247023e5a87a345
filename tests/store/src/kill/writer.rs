//! A writer: changes the store as fast as it can, and says before what it will do and after that it is done.

use std::fs;
use std::io::{Write as _, stdin, stdout};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use ringfence::{Digest, Host};
use ringfence_compile::Compiler;
use ringfence_store::{Gc, Library, Policy, Reference, Stage, Store, StoreError, Submit};

use super::model::{Op, World};
use super::{Chance, Digests, answer, compiler, component, host, runtime};

/// Operations after which a writer opens the store anew, as another process would.
const REOPEN: u64 = 16;

struct Writer {
    host: Host,
    compiler: Compiler,
    store: PathBuf,
    library: Library,
    owner: String,
    digests: Digests,
}

/// `writer STORE WHO SEED WORLD [OP]`: goes on until a line comes on stdin, or it is killed; or does one operation.
pub fn main(arguments: &[String]) -> ExitCode {
    let [store, who, seed, world, only @ ..] = arguments else { return ExitCode::from(2) };
    let only: Option<Op> = only.first().map(|op| serde_json::from_str(op).expect("an operation"));
    let who: usize = who.parse().expect("a number");
    let mut world: World = serde_json::from_str(world).expect("a world");
    let mut chance = Chance(seed.parse().expect("a seed"));
    let stop = Arc::new(AtomicBool::new(false));
    let stopping = Arc::clone(&stop);
    if only.is_none() {
        std::thread::spawn(move || {
            let _ = stdin().read_line(&mut String::new());
            stopping.store(true, Ordering::Relaxed);
        });
    }
    let (host, compiler, store) = (host(), compiler(), PathBuf::from(store));
    say("opening", "");
    let library = match open(&host, &compiler, &store) {
        Ok(library) => library,
        Err(error) => return fail("opening", &error.to_string()),
    };
    let owner = format!("owner-{who}");
    let mut writer = Writer { host, compiler, store, library, owner, digests: Digests::default() };
    let runtime = runtime();
    let mut done: u64 = 0;
    while !stop.load(Ordering::Relaxed) {
        let op = only.clone().unwrap_or_else(|| world.choose(who, &mut chance));
        let text = serde_json::to_string(&op).expect("an operation");
        say("intent", &text);
        if let Err(reason) = runtime.block_on(writer.perform(&op, &world)) {
            return fail(&text, &reason);
        }
        say("done", "");
        world = world.after(&op);
        done += 1;
        if only.is_some() {
            break;
        }
        if done.is_multiple_of(REOPEN) {
            writer.library = match open(&writer.host, &writer.compiler, &writer.store) {
                Ok(library) => library,
                Err(error) => return fail("opening again", &error.to_string()),
            };
        }
    }
    say("stopped", "");
    ExitCode::SUCCESS
}

fn open(host: &Host, compiler: &Compiler, store: &Path) -> Result<Library, StoreError> {
    Ok(Library::new(host.clone(), compiler.clone(), Store::open_or_make(store)?))
}

fn say(what: &str, rest: &str) {
    let mut out = stdout().lock();
    // The parent is gone: so is the reason to go on.
    if writeln!(out, "{what} {rest}").and_then(|()| out.flush()).is_err() {
        std::process::exit(1);
    }
}

fn fail(what: &str, reason: &str) -> ExitCode {
    say("failed", &format!("{what}: {}", reason.replace('\n', " ")));
    ExitCode::FAILURE
}

fn stage(stage: Stage) {
    // How far a compilation is says nothing of the store.
    if matches!(stage, Stage::Compiler(_)) {
        return;
    }
    say(
        "stage",
        match stage {
            Stage::Validating => "validating",
            Stage::Compiling { .. } => "compiling",
            Stage::Keeping => "keeping",
            _ => "other",
        },
    );
}

impl Writer {
    async fn perform(&mut self, op: &Op, world: &World) -> Result<(), String> {
        let told = |error: StoreError| format!("{}: {error}", error.code());
        let name = |name: &str| name.parse().expect("a name");
        let version = |version: &u64| version.to_string().parse().expect("a version");
        let owner = self.owner.parse().expect("an owner");
        let library = self.library.clone();
        let store = library.store().ok_or("no store")?;
        match op {
            Op::Submit { name: to, number, hold } => {
                let mut submit = Submit::new(name(to), owner);
                submit.hold = *hold;
                library.submit(component(*number), submit, stage).await.map(drop).map_err(told)
            }
            Op::Release { name: of, version: wanted } => {
                library.release(&name(of), &version(wanted), false).await.map(drop).map_err(told)
            }
            Op::RollBack { name: of } => {
                store.roll_back(&name(of), None, Some(&owner)).map(drop).map_err(told)
            }
            Op::RemoveName { name: of } => {
                store.remove(&name(of), None, Some(&owner)).map(drop).map_err(told)
            }
            Op::RemoveVersion { name: of, version: gone } => {
                store.remove(&name(of), Some(&version(gone)), Some(&owner)).map(drop).map_err(told)
            }
            Op::Revoke { number } => store.revoke(self.digests.of(*number), Some("as a test")).map_err(told),
            Op::Policy { skills, artifacts } => {
                let mut policy = Policy::default();
                (policy.skills, policy.artifacts) = (*skills, *artifacts);
                store.set_policy(&policy).map_err(told)
            }
            Op::Gc => store.gc(Gc::default(), self.host.fingerprint()).map(drop).map_err(told),
            Op::Load { name: of } => {
                let number = world.names[of].answers().ok_or("nothing is current")?;
                self.load(&Reference::Name(name(of)), number).await
            }
        }
    }

    async fn load(&mut self, reference: &Reference, number: u32) -> Result<(), String> {
        let digest = self.digests.of(number);
        self.library.forget(digest);
        take_code_away(&self.store, digest);
        let loaded = self.library.load(reference, stage).await.map_err(|error| error.to_string())?;
        let said = answer(&self.host, &loaded.skill).await?;
        if said == number { Ok(()) } else { Err(format!("it answered {said}, not {number}")) }
    }
}

fn take_code_away(store: &Path, digest: Digest) {
    let file = format!("{}.cwasm", digest.to_string().trim_start_matches("sha256:"));
    for engine in fs::read_dir(store.join("artifacts")).into_iter().flatten().flatten() {
        let _ = fs::remove_file(engine.path().join(&file));
    }
}

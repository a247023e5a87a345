//! Checks whether the store in use is sound, and whether a store on this machine refuses files that were tampered with.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use ringfence::Host;
use ringfence_compile::{CompileLimits, Compiler};
use ringfence_server::{KnownNames, Source};
use ringfence_store::{GrammarError, Library, Miss, Origin, Reference, Store, StoreError, Submit};

use super::report::{Check, Finding, Group, size};
use crate::output::thousands;

/// The rows: the store in use, if there is one, and then a store of the doctor's own, which it tampers with.
pub(crate) async fn rows(path: Option<PathBuf>, host: &Host, guest: &'static [u8]) -> Vec<Check> {
    let mut rows = in_use(path);
    rows.extend(tampered(host, guest).await);
    rows
}

fn new(name: &str, configured: &str) -> Check {
    Check::new(Group::Store, name, configured)
}

fn in_use(path: Option<PathBuf>) -> Vec<Check> {
    let check = new("in use", "");
    let Some(path) = path else {
        return vec![check.found(Ok(Finding::Skip("no home directory; set --store DIR".into())))];
    };
    let store = match Store::open(&path) {
        Ok(store) => store,
        Err(StoreError::NoStore { .. }) => {
            let none = "no store yet; `ringfence submit` creates one".to_owned();
            return vec![check.found(Ok(Finding::Skip(none)))];
        }
        Err(error) => return vec![check.found(Err(error.to_string()))],
    };
    let found = store.verify(|_, _| {});
    let sound = new("integrity", "").found(match &found {
        Ok(found) => Ok(judge_sound(
            found.is_sound(),
            &format!(
                "{} components, {} artifacts, {} read",
                thousands(found.components),
                thousands(found.artifacts),
                size(found.bytes)
            ),
        )),
        Err(error) => Err(error.to_string()),
    });
    let skills = found.map_or(0, |found| found.skills);
    vec![check.fact(format!("{} skills in {}", thousands(skills), path.display())), sound]
}

/// The configuration of a server: whether it is valid, and whether all of it has an effect.
///
/// The store is the `given` one, or else that of the configuration, or else the `usual` one.
pub(crate) fn configuration(file: &Path, given: Option<PathBuf>, usual: Option<PathBuf>) -> Check {
    let check = new("configuration", &file.display().to_string());
    let config = match (Source { file: file.to_owned(), address: None, store: given }).read() {
        Ok(config) => config,
        Err(error) => return check.found(Ok(Finding::Fail("refused".to_owned(), error.to_string()))),
    };
    let Some(path) = config.store.clone().or(usual) else {
        return check.found(Ok(Finding::Skip("no home directory; set --store DIR".into())));
    };
    match Store::open(&path).and_then(|store| KnownNames::of(&store)) {
        Ok(known) => check.found(Ok(judge_effect(&config.without_effect(&known)))),
        Err(StoreError::NoStore { .. }) => {
            check.found(Ok(Finding::Skip("valid; no store yet to compare it with".to_owned())))
        }
        Err(error) => check.found(Err(error.to_string())),
    }
}

fn judge_effect(without: &[String]) -> Finding {
    match without {
        [] => Finding::Pass("valid, and every setting has an effect".to_owned()),
        [only] => Finding::Fail("a setting has no effect".to_owned(), only.clone()),
        [first, more @ ..] => {
            let seen = format!("{} settings have no effect", more.len().saturating_add(1));
            Finding::Fail(seen, format!("{first}; `ringfence serve` logs all"))
        }
    }
}

fn judge_sound(sound: bool, seen: &str) -> Finding {
    if sound {
        return Finding::Pass(seen.to_owned());
    }
    Finding::Fail(seen.to_owned(), "run `ringfence verify` for the damaged or foreign files".to_owned())
}

/// A change of a store, and its expected effect.
const TRICKS: [(&str, &str, Trick); 3] = [
    ("a bit of compiled code", "flipped", flip_artifact),
    ("a bit of a component", "flipped", flip_component),
    ("a component", "now a link", link_component),
];

type Trick = fn(&Path) -> Result<(), String>;

async fn tampered(host: &Host, guest: &'static [u8]) -> Vec<Check> {
    let mut rows = Vec::new();
    for (name, configured, trick) in TRICKS {
        let check = new(name, configured);
        let seen = match Scratch::new() {
            Ok(scratch) => deceive(&scratch.0, host, guest, trick).await,
            Err(error) => Err(format!("cannot create a temporary directory: {error}")),
        };
        rows.push(check.found(seen));
    }
    rows
}

/// Submits the guest, does the trick, and loads it as another process would.
async fn deceive(dir: &Path, host: &Host, guest: &'static [u8], trick: Trick) -> Result<Finding, String> {
    let library = || -> Result<Library, String> {
        let compiler = Compiler::this_program(CompileLimits::default()).map_err(|error| error.to_string())?;
        let store = Store::open_or_make(dir).map_err(|error| error.to_string())?;
        Ok(Library::new(host.clone(), compiler, store))
    };
    let invalid = |error: GrammarError| error.to_string();
    let name = "guest".parse().map_err(invalid)?;
    let submit = Submit::new(name, "doctor".parse().map_err(invalid)?);
    let submitted = library()?.submit(guest.to_vec(), submit, |_| {}).await;
    submitted.map_err(|error| error.to_string())?;
    trick(dir)?;
    let reference: Reference = "guest".parse().map_err(invalid)?;
    Ok(judge(library()?.load(&reference, |_| {}).await.map(|loaded| loaded.origin)))
}

fn judge(loaded: Result<Origin, StoreError>) -> Finding {
    match loaded {
        Ok(Origin::Compiled { miss: Miss::Rejected(_), .. }) => {
            Finding::Pass("rejected and compiled again".to_owned())
        }
        Err(StoreError::Damaged { .. }) => Finding::Pass("refused: damaged".to_owned()),
        Err(StoreError::Foreign { .. }) => Finding::Pass("refused: link not followed".to_owned()),
        Ok(_) => Finding::Fail(
            "loaded".to_owned(),
            "make sure that other users cannot write to any store here".to_owned(),
        ),
        Err(error) => Finding::Fail(error.code().to_owned(), error.to_string()),
    }
}

fn flip_artifact(dir: &Path) -> Result<(), String> {
    let engine = only(&dir.join("artifacts"))?;
    flip(&only(&engine)?)
}

/// Also removes the code, so that the component is needed.
fn flip_component(dir: &Path) -> Result<(), String> {
    forget_code(dir)?;
    flip(&only(&dir.join("components"))?)
}

fn link_component(dir: &Path) -> Result<(), String> {
    forget_code(dir)?;
    let component = only(&dir.join("components"))?;
    let elsewhere = dir.join("elsewhere");
    let moved = fs::rename(&component, &elsewhere).and_then(|()| symlink(&elsewhere, &component));
    moved.map_err(|error| error.to_string())
}

fn forget_code(dir: &Path) -> Result<(), String> {
    let engine = only(&dir.join("artifacts"))?;
    fs::remove_dir_all(engine).map_err(|error| error.to_string())
}

fn flip(file: &Path) -> Result<(), String> {
    let flip = || {
        let mut bytes = fs::read(file)?;
        let middle = bytes.len() / 2;
        if let Some(byte) = bytes.get_mut(middle) {
            *byte ^= 1;
        }
        fs::set_permissions(file, Permissions::from_mode(0o600))?;
        fs::write(file, bytes)
    };
    flip().map_err(|error| error.to_string())
}

/// The only thing in a directory.
fn only(dir: &Path) -> Result<PathBuf, String> {
    let entry = fs::read_dir(dir).map_err(|error| error.to_string())?.next();
    let entry = entry.ok_or_else(|| format!("{} is empty", dir.display()))?;
    entry.map(|entry| entry.path()).map_err(|error| error.to_string())
}

/// A directory that is removed after the check.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> std::io::Result<Self> {
        let random = getrandom::u64().map_err(|error| std::io::Error::other(error.to_string()))?;
        let path = std::env::temp_dir().join(format!("ringfence-doctor-{random:016x}"));
        fs::create_dir(&path)?;
        Ok(Self(path))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What cannot be removed is in the temporary directory, which others clean.
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::super::judged::{fails, passes};
    use super::*;

    #[test]
    fn a_store_that_is_fooled_fails() {
        let rejected = Miss::Rejected("wrong".into());
        passes(&judge(Ok(Origin::Compiled { miss: rejected, not_kept: None })));
        fails(&judge(Ok(Origin::Artifact)));
        fails(&judge(Ok(Origin::Memory)));
        fails(&judge(Ok(Origin::Compiled { miss: Miss::Absent, not_kept: None })));
        fails(&judge(Err(StoreError::Busy { seconds: 1 })));
        passes(&judge_sound(true, "all"));
        fails(&judge_sound(false, "all"));
        passes(&judge_effect(&[]));
        fails(&judge_effect(&["one".to_owned()]));
        fails(&judge_effect(&["one".to_owned(), "two".to_owned()]));
    }
}

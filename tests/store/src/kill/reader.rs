//! The reader: lists, resolves, loads and runs all the time, and says what is not as it must be.

use std::io::{Write as _, stdin, stdout};
use std::path::Path;
use std::process::ExitCode;
use std::sync::mpsc::{Receiver, TryRecvError, channel};

use ringfence_store::{Library, Miss, Origin, Reference, StoreError};

use super::{Digests, answer, compiler, host, library, runtime};

/// How often a skill that seems damaged is looked at again: it may just have been removed or replaced.
const LOOKS: u32 = 20;

#[derive(Default)]
struct Seen {
    loads: u64,
    raced: u64,
    bad: Vec<String>,
    digests: Digests,
}

/// `reader STORE`: goes on until its stdin ends. A line on it makes it say `paused` and wait for another.
pub fn main(arguments: &[String]) -> ExitCode {
    let [store] = arguments else { return ExitCode::from(2) };
    let (send, lines) = channel();
    std::thread::spawn(move || {
        for line in stdin().lines() {
            if line.is_err() || send.send(()).is_err() {
                break;
            }
        }
    });
    let (host, compiler, runtime, mut seen) = (host(), compiler(), runtime(), Seen::default());
    while go_on(&lines, &mut seen) {
        // As a new process would: nothing is remembered.
        match library(&host, &compiler, Path::new(store)) {
            Ok(library) => runtime.block_on(seen.look(&library)),
            Err(StoreError::NoStore { .. }) => std::thread::yield_now(),
            Err(error) => seen.bad.push(format!("opening: {error}")),
        }
    }
    ExitCode::SUCCESS
}

fn go_on(lines: &Receiver<()>, seen: &mut Seen) -> bool {
    match lines.try_recv() {
        Err(TryRecvError::Empty) => true,
        Err(TryRecvError::Disconnected) => false,
        Ok(()) => {
            let mut out = stdout().lock();
            for bad in seen.bad.drain(..) {
                let _ = writeln!(out, "bad {}", bad.replace('\n', " "));
            }
            let said = writeln!(
                out,
                "paused {} {}",
                std::mem::take(&mut seen.loads),
                std::mem::take(&mut seen.raced)
            )
            .and_then(|()| out.flush());
            drop(out);
            said.is_ok() && lines.recv().is_ok()
        }
    }
}

impl Seen {
    async fn look(&mut self, library: &Library) {
        let Some(store) = library.store() else { return };
        let listed = match store.list() {
            Ok(listed) => listed,
            Err(error) => return self.bad.push(format!("listing: {error}")),
        };
        for listed in listed {
            match listed.record {
                Err(error) => self.bad.push(format!("the record of {}: {error}", listed.name)),
                Ok(record) if record.versions.is_empty() => {
                    self.bad.push(format!("{} has no version", listed.name));
                }
                Ok(_) => self.try_loads(library, &Reference::Name(listed.name)).await,
            }
        }
    }

    /// A name that goes away between two calls is no damage; one that stays and cannot be loaded is.
    async fn try_loads(&mut self, library: &Library, reference: &Reference) {
        let mut last = String::new();
        for _ in 0..LOOKS {
            match self.load(library, reference).await {
                Ok(()) => return,
                Err(Trouble::Gone) => return,
                Err(Trouble::Damaged(reason)) => (self.raced, last) = (self.raced + 1, reason),
                Err(Trouble::Wrong(reason)) => return self.bad.push(format!("{reference}: {reason}")),
            }
        }
        self.bad.push(format!("{reference}: {last}, {LOOKS} times"));
    }

    async fn load(&mut self, library: &Library, reference: &Reference) -> Result<(), Trouble> {
        let loaded = library.load(reference, |_| {}).await;
        let loaded = match loaded {
            Ok(loaded) => loaded,
            Err(StoreError::NoSuchSkill { .. } | StoreError::Held { .. } | StoreError::Revoked { .. }) => {
                return Err(Trouble::Gone);
            }
            Err(error @ StoreError::Damaged { .. }) => return Err(Trouble::Damaged(error.to_string())),
            Err(error) => return Err(Trouble::Wrong(format!("{}: {error}", error.code()))),
        };
        self.loads += 1;
        if let Origin::Compiled { miss: Miss::Rejected(reason), .. } = loaded.origin {
            return Err(Trouble::Wrong(format!("an artifact was rejected: {reason}")));
        }
        let number = answer(library.host(), &loaded.skill).await.map_err(Trouble::Wrong)?;
        let resolved = loaded.resolved.as_ref().ok_or_else(|| Trouble::Wrong("no digest".into()))?;
        if self.digests.of(number) == resolved.digest {
            Ok(())
        } else {
            Err(Trouble::Wrong(format!("it answers {number}, and is {}", resolved.digest)))
        }
    }
}

enum Trouble {
    Gone,
    Damaged(String),
    Wrong(String),
}

//! `remove`, `rollback`, `release`, `revoke`, `gc` and `policy`: each makes one change, and reports it in a line.

use std::process::ExitCode;

use bytesize::ByteSize;
use ringfence::Limits;
use ringfence_store::{Gc, Name, Policy, Reference, Revoke, Store};
use serde_json::json;

use super::{answer, name};
use crate::args::{GcArgs, NameArgs, PolicyArgs, ReleaseArgs, RevokeArgs};
use crate::load;
use crate::output::{self, Refused, note, print, thousands};

pub(crate) fn remove(args: &NameArgs) -> ExitCode {
    let exec = || -> Result<ExitCode, Refused> {
        let (name, version) = name(&args.skill)?;
        let store = load::store(&args.common.store)?;
        let gone = store.remove(&name, version.as_ref(), None)?;
        if args.common.json {
            output::print_json(&json!({"name": name, "removed": gone}));
        } else {
            let gone: Vec<&str> = gone.iter().map(|entry| entry.version.as_str()).collect();
            let versions = if gone.len() == 1 { "version" } else { "versions" };
            print(&format!("{name}  removed {versions} {}", gone.join(", ")));
            if store.record(&name)?.is_none() {
                if version.is_some() {
                    note(&format!("it was the only version of `{name}`, so the skill is removed too"));
                }
                note(&after_removal(&store, &name)?);
            }
        }
        Ok(ExitCode::SUCCESS)
    };
    answer(args.common.json, exec())
}

/// The owners who can submit a removed name again.
fn after_removal(store: &Store, name: &Name) -> Result<String, Refused> {
    let who = match store.reserved_for(name)? {
        Some(owner) => format!("only {owner} can submit the name again, because a prefix reserves it"),
        None => "any owner can submit the name again; `ringfence prefix reserve` keeps names for one owner"
            .to_owned(),
    };
    Ok(format!("{who}; its used version numbers stay used"))
}

pub(crate) fn rollback(args: &NameArgs) -> ExitCode {
    let exec = || -> Result<ExitCode, Refused> {
        let (name, version) = name(&args.skill)?;
        let record = load::store(&args.common.store)?.roll_back(&name, version.as_ref(), None)?;
        let current = record.current();
        if args.common.json {
            let digest = current.map(|entry| entry.digest);
            output::print_json(&json!({"name": name, "current": record.current, "digest": digest}));
        } else if let Some(entry) = current {
            print(&format!("{name}@{}  is current again: {}", entry.version, entry.digest));
        }
        Ok(ExitCode::SUCCESS)
    };
    answer(args.common.json, exec())
}

pub(crate) async fn release(args: ReleaseArgs) -> ExitCode {
    let json = args.common.json;
    answer(json, release_held(args).await)
}

async fn release_held(args: ReleaseArgs) -> Result<ExitCode, Refused> {
    let (name, version) = name(&args.skill)?;
    let store = load::store(&args.common.store)?;
    let record = store.expect(&name)?;
    let newest = || {
        let held = record.versions.iter().rev().find(|entry| entry.held);
        held.map(|entry| entry.version.clone()).ok_or_else(|| {
            let message = format!(
                "`{name}` has no held version to release; `ringfence show {name}` lists its versions"
            );
            Refused { exit: crate::exit::CALL, code: "nothing-held", ..Refused::fault(message) }
        })
    };
    let version = version.map_or_else(newest, Ok)?;
    let held = record.entry(&version).is_some_and(|entry| entry.held);
    let library = load::library_on(store)?;
    let record = library.release(&name, &version, args.breaking).await?;
    if args.common.json {
        output::print_json(
            &json!({"name": name, "version": version, "released": held, "current": record.current}),
        );
    } else {
        print(&format!("{name}@{version}  {}", if held { "released" } else { "was not held" }));
    }
    Ok(ExitCode::SUCCESS)
}

pub(crate) fn revoke(args: &RevokeArgs) -> ExitCode {
    let exec = || -> Result<ExitCode, Refused> {
        let reference: Reference = args.skill.parse()?;
        let store = load::store(&args.common.store)?;
        let digest = match &reference {
            // Also one that is not here: it will not come in, and no file of it runs with this store.
            Reference::Digest(digest) => *digest,
            Reference::Name(_) | Reference::Version(..) | Reference::Prefix(_) => {
                store.find(&reference)?.digest
            }
        };
        let before = store.is_revoked(digest)?;
        let mut revoke = Revoke::new(args.reason.as_deref());
        revoke.by = Some(args.by.clone().unwrap_or_else(user));
        revoke.cancel_running = args.cancel_running;
        store.revoke_as(digest, &revoke)?;
        let listed = store.list()?;
        let records = listed.iter().filter_map(|listed| listed.record.as_ref().ok());
        let hit: Vec<String> = records
            .flat_map(|record| record.versions.iter().map(move |entry| (&record.name, entry)))
            .filter(|(_, entry)| entry.digest == digest)
            .map(|(name, entry)| format!("{name}@{}", entry.version))
            .collect();
        if args.common.json {
            let cancel = args.cancel_running;
            output::print_json(
                &json!({"revoked": digest, "already": before, "skills": hit, "cancel_running": cancel}),
            );
        } else {
            let what =
                if before { "was already revoked; the first reason stays" } else { "revoked permanently" };
            print(&format!("{digest}  {what}"));
            print(&format!(
                "  skills  {}",
                if hit.is_empty() { "none in this store".to_owned() } else { hit.join(", ") }
            ));
            if args.cancel_running {
                print("  runs    every process that uses the store cancels its running calls");
            }
        }
        Ok(ExitCode::SUCCESS)
    };
    answer(args.common.json, exec())
}

/// The user's name, as the environment has it.
fn user() -> String {
    let named = std::env::var("USER").ok().filter(|user| !user.is_empty());
    named.unwrap_or_else(|| "the command line".to_owned())
}

pub(crate) fn gc(args: &GcArgs) -> ExitCode {
    let exec = || -> Result<ExitCode, Refused> {
        let store = load::store(&args.common.store)?;
        let engine = load::host(&Limits::default())?.fingerprint();
        let mut gc = Gc::new(args.keep_versions);
        gc.other_engines = args.other_engines;
        let freed = store.gc(gc, engine)?;
        if args.common.json {
            output::print_json(&freed);
            return Ok(ExitCode::SUCCESS);
        }
        let size = |bytes| ByteSize::b(bytes).display().iec().to_string();
        print(&format!("drafts    {} files of killed processes", freed.drafts));
        print(&format!("versions  {} old", freed.versions));
        print(&format!("unused    {} files, {}", freed.unused.files, size(freed.unused.bytes)));
        print(&format!(
            "stale     {} files of other engines, {}",
            freed.stale.files,
            size(freed.stale.bytes)
        ));
        Ok(ExitCode::SUCCESS)
    };
    answer(args.common.json, exec())
}

pub(crate) fn policy(args: &PolicyArgs) -> ExitCode {
    let exec = || -> Result<ExitCode, Refused> {
        let change = |old: Policy| {
            let mut policy = if args.reset { Policy::default() } else { old };
            let numbers = [
                (&mut policy.upload, args.upload),
                (&mut policy.skills, args.skills),
                (&mut policy.bytes, args.bytes),
                (&mut policy.owner_skills, args.owner_skills),
                (&mut policy.owner_bytes, args.owner_bytes),
                (&mut policy.versions, args.versions),
                (&mut policy.artifacts, args.artifacts),
            ];
            for (value, given) in numbers {
                *value = given.unwrap_or(*value);
            }
            policy.hold = args.hold.unwrap_or(policy.hold);
            policy
        };
        let numbers =
            [args.upload, args.skills, args.bytes, args.owner_skills, args.owner_bytes, args.versions];
        let given = numbers.iter().any(Option::is_some) || args.artifacts.is_some() || args.hold.is_some();
        let policy = if args.reset {
            // Whatever it was, and also if that cannot be read.
            let policy = change(Policy::default());
            load::store(&args.common.store)?.set_policy(&policy)?;
            policy
        } else if !given {
            load::store(&args.common.store)?.policy()?
        } else {
            load::store_or_new(&args.common.store)?.update_policy(change)?
        };
        if args.common.json {
            output::print_json(&policy);
        } else {
            show(&policy);
        }
        Ok(ExitCode::SUCCESS)
    };
    answer(args.common.json, exec())
}

fn show(policy: &Policy) {
    let size = |bytes| ByteSize::b(bytes).display().iec().to_string();
    print(&format!("component size     {}", size(policy.upload)));
    print(&format!(
        "skills             {}, {} per owner",
        thousands(policy.skills),
        thousands(policy.owner_skills)
    ));
    print(&format!("total size         {}, {} per owner", size(policy.bytes), size(policy.owner_bytes)));
    print(&format!("versions           {} per skill", policy.versions));
    print(&format!("compiled code      {}", size(policy.artifacts)));
    print(&format!(
        "submissions held   {}",
        if policy.hold { "all, until `ringfence release`" } else { "none" }
    ));
}

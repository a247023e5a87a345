//! `remove`, `rollback`, `release`, `revoke`, `gc` and `policy`: one change each, said in a line.

use std::process::ExitCode;

use bytesize::ByteSize;
use ringfence::Limits;
use ringfence_store::{Gc, Policy, Reference};
use serde_json::json;

use super::{answer, name};
use crate::args::{GcArgs, NameArgs, PolicyArgs, RevokeArgs};
use crate::load;
use crate::output::{self, Refused, print, thousands};

pub(crate) fn remove(args: &NameArgs) -> ExitCode {
    let exec = || -> Result<ExitCode, Refused> {
        let (name, version) = name(&args.skill)?;
        let gone = load::store(&args.store)?.remove(&name, version.as_ref(), None)?;
        if args.json {
            output::print_json(&json!({"name": name, "removed": gone}));
        } else {
            let gone: Vec<&str> = gone.iter().map(|entry| entry.version.as_str()).collect();
            print(&format!("{name}  removed: version {}", gone.join(", ")));
        }
        Ok(ExitCode::SUCCESS)
    };
    answer(args.json, exec())
}

pub(crate) fn rollback(args: &NameArgs) -> ExitCode {
    let exec = || -> Result<ExitCode, Refused> {
        let (name, version) = name(&args.skill)?;
        let record = load::store(&args.store)?.roll_back(&name, version.as_ref(), None)?;
        let current = record.current();
        if args.json {
            let digest = current.map(|entry| entry.digest);
            output::print_json(&json!({"name": name, "current": record.current, "digest": digest}));
        } else if let Some(entry) = current {
            print(&format!("{name}@{}  is current again: {}", entry.version, entry.digest));
        }
        Ok(ExitCode::SUCCESS)
    };
    answer(args.json, exec())
}

pub(crate) fn release(args: &NameArgs) -> ExitCode {
    let exec = || -> Result<ExitCode, Refused> {
        let (name, version) = name(&args.skill)?;
        let store = load::store(&args.store)?;
        let newest = || -> Result<_, Refused> {
            let record = store.expect(&name)?;
            let held = record.versions.iter().rev().find(|entry| entry.held);
            held.map(|entry| entry.version.clone()).ok_or_else(|| {
                let message = format!("no version of `{name}` is held: there is nothing to release");
                Refused { exit: crate::exit::CALL, code: "nothing-held", ..Refused::fault(message) }
            })
        };
        let version = version.map_or_else(newest, Ok)?;
        let record = store.release(&name, &version)?;
        if args.json {
            output::print_json(&json!({"name": name, "released": version, "current": record.current}));
        } else {
            print(&format!("{name}@{version}  released"));
        }
        Ok(ExitCode::SUCCESS)
    };
    answer(args.json, exec())
}

pub(crate) fn revoke(args: &RevokeArgs) -> ExitCode {
    let exec = || -> Result<ExitCode, Refused> {
        let reference: Reference = args.skill.parse()?;
        let store = load::store_or_new(&args.store)?;
        let digest = match &reference {
            // Also one that is not here: it will not come in, and no file of it runs with this store.
            Reference::Digest(digest) => *digest,
            Reference::Name(_) | Reference::Version(..) => store.digest_of(&reference)?,
        };
        store.revoke(digest, args.reason.as_deref())?;
        if args.json {
            output::print_json(&json!({"revoked": digest}));
        } else {
            print(&format!("{digest}  revoked: it never runs again"));
        }
        Ok(ExitCode::SUCCESS)
    };
    answer(args.json, exec())
}

pub(crate) fn gc(args: &GcArgs) -> ExitCode {
    let exec = || -> Result<ExitCode, Refused> {
        let store = load::store(&args.store)?;
        let engine = load::host(&Limits::default())?.fingerprint();
        let freed = store.gc(Gc::new(args.keep_versions), engine)?;
        if args.json {
            output::print_json(&freed);
            return Ok(ExitCode::SUCCESS);
        }
        let size = |bytes| ByteSize::b(bytes).display().iec().to_string();
        print(&format!("leftovers      {} files", freed.drafts));
        print(&format!("old versions   {}", freed.versions));
        print(&format!("not pointed at {} files, {}", freed.unused.files, size(freed.unused.bytes)));
        print(&format!("other engines  {} files, {}", freed.stale.files, size(freed.stale.bytes)));
        Ok(ExitCode::SUCCESS)
    };
    answer(args.json, exec())
}

pub(crate) fn policy(args: &PolicyArgs) -> ExitCode {
    let exec = || -> Result<ExitCode, Refused> {
        let store = load::store_or_new(&args.store)?;
        let old = if args.reset { Policy::default() } else { store.policy()? };
        let mut policy = old;
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
        if args.reset || policy != old {
            store.set_policy(&policy)?;
        }
        if args.json {
            output::print_json(&policy);
        } else {
            show(&policy);
        }
        Ok(ExitCode::SUCCESS)
    };
    answer(args.json, exec())
}

fn show(policy: &Policy) {
    let size = |bytes| ByteSize::b(bytes).display().iec().to_string();
    print(&format!("one component      {}", size(policy.upload)));
    print(&format!(
        "skills             {}, {} of one owner",
        thousands(policy.skills),
        thousands(policy.owner_skills)
    ));
    print(&format!("components         {}, {} of one owner", size(policy.bytes), size(policy.owner_bytes)));
    print(&format!("versions           {} of a skill", policy.versions));
    print(&format!("compiled code      {}", size(policy.artifacts)));
    print(&format!(
        "submissions held   {}",
        if policy.hold { "all, until they are released" } else { "none" }
    ));
}

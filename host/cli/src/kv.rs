//! `ringfence kv`: the keys and values of skills, for the operator. It works while a server uses the file.

use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use ringfence_kv::{Error, Expect, Keyspace, LIST_KEYS, Options, Quotas, Space, Store};
use serde_json::json;

use crate::args::{
    KvArgs, KvCommand, KvFile, KvGetArgs, KvListArgs, KvSetArgs, KvSpaceArgs, KvVerifyArgs, StoreArgs,
};
use crate::exit;
use crate::load;
use crate::output::{self, Refused, note, print};

pub(crate) async fn exec(args: KvArgs) -> ExitCode {
    let (json, done) = match args.command {
        KvCommand::List(args) => (args.json, list(&args).await),
        KvCommand::Get(args) => (false, get(&args).await),
        KvCommand::Set(args) => (false, set(&args).await),
        KvCommand::Delete(args) => (false, delete(&args).await),
        KvCommand::Export(args) => {
            let space = args.skill.as_deref().map(|skill| space(skill, args.principal.as_deref()));
            (false, space.transpose().and_then(|space| export(&args.file, space.as_ref())))
        }
        KvCommand::Import(args) => (false, import(&args.file, &args.from).await),
        KvCommand::Backup(args) => (false, backup(&args.file, &args.to)),
        KvCommand::Verify(args) => (args.json, verify(&args)),
    };
    done.unwrap_or_else(|refused| refused.say(json))
}

/// The file of durable spaces: as given, or in the store.
fn path(given: Option<&PathBuf>, store: &StoreArgs) -> Result<PathBuf, Refused> {
    match given {
        Some(path) => Ok(path.clone()),
        None => Ok(load::directory(store)?.join(ringfence_store::KV_FILE)),
    }
}

fn refused(error: &Error) -> Refused {
    let message = match std::error::Error::source(error) {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    };
    match error {
        Error::Damaged { .. } => {
            Refused { exit: exit::UNSOUND, code: "kv-damaged", ..Refused::fault(message) }
        }
        _ => Refused { code: "kv-failed", ..Refused::fault(message) },
    }
}

fn invalid(message: String) -> Refused {
    Refused { exit: 4, code: "not-found", ..Refused::fault(message) }
}

/// Opens the file, and creates it if it does not exist.
pub(crate) fn open_or_make(given: Option<&PathBuf>, store: &StoreArgs) -> Result<Store, Refused> {
    let path = path(given, store)?;
    if let Some(directory) = path.parent() {
        std::fs::create_dir_all(directory).map_err(|error| {
            let message =
                format!("cannot create {}: {error}; name another file with `--kv`", directory.display());
            Refused { code: "kv-failed", ..Refused::fault(message) }
        })?;
    }
    Store::open(&path, &Options::default()).map_err(|error| refused(&error))
}

/// Opens an existing file.
fn open(file: &KvFile) -> Result<Store, Refused> {
    let path = path(file.kv.as_ref(), &file.store)?;
    if !path.is_file() {
        return Err(invalid(format!(
            "cannot find the key-value file {}; name one with `--kv FILE`, or grant `kv` to a skill first",
            path.display()
        )));
    }
    Store::open(&path, &Options::default()).map_err(|error| refused(&error))
}

fn space(skill: &str, principal: Option<&str>) -> Result<Space, Refused> {
    let space = match skill.split_once('/') {
        _ if skill.starts_with("sha256:") => Space::digest(skill),
        Some((owner, name)) => Space::named(owner, name),
        None => Space::named("", skill),
    };
    let space = space.and_then(|space| match principal {
        Some(principal) => space.with_principal(principal),
        None => Ok(space),
    });
    space.map_err(|error| invalid(error.to_string()))
}

fn keys(file: &KvFile, named: &KvSpaceArgs) -> Result<Keyspace, Refused> {
    let space = space(&named.skill, named.principal.as_deref())?;
    Ok(open(file)?.keyspace(&space, Quotas::operator()))
}

async fn list(args: &KvListArgs) -> Result<ExitCode, Refused> {
    let store = open(&args.file)?;
    let Some(skill) = &args.skill else { return list_spaces(&store, args.json) };
    let keys = store.keyspace(&space(skill, args.principal.as_deref())?, Quotas::operator());
    let (mut cursor, mut all) = (None, Vec::new());
    loop {
        let page =
            keys.list(&args.prefix, cursor.as_deref(), LIST_KEYS).await.map_err(|error| refused(&error))?;
        if args.json {
            all.extend(page.keys);
        } else {
            page.keys.iter().for_each(|key| print(&key.escape_debug().to_string()));
        }
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    if args.json {
        output::print_json(&all);
    }
    Ok(ExitCode::SUCCESS)
}

fn list_spaces(store: &Store, json: bool) -> Result<ExitCode, Refused> {
    const PAGE: usize = 1000;
    let mut all = Vec::new();
    loop {
        let after = all.last().map(|(space, _)| space);
        let page = store.spaces(after, PAGE).map_err(|error| refused(&error))?;
        let more = page.len() == PAGE;
        all.extend(page);
        if !more {
            break;
        }
    }
    if json {
        let row = |(space, usage): &(Space, ringfence_kv::Usage)| json!({"space": space.to_string(), "keys": usage.keys, "bytes": usage.bytes});
        output::print_json(&all.iter().map(row).collect::<Vec<_>>());
        return Ok(ExitCode::SUCCESS);
    }
    if all.is_empty() {
        note("no spaces");
        return Ok(ExitCode::SUCCESS);
    }
    print(&format!("{:40}  {:>8}  {:>12}", "SPACE", "KEYS", "BYTES"));
    for (space, usage) in &all {
        print(&format!("{:40}  {:>8}  {:>12}", space.to_string(), usage.keys, usage.bytes));
    }
    Ok(ExitCode::SUCCESS)
}

async fn get(args: &KvGetArgs) -> Result<ExitCode, Refused> {
    let entry = keys(&args.file, &args.space)?.get(&args.key).await.map_err(|error| refused(&error))?;
    let entry = entry.ok_or_else(|| missing(args))?;
    let mut stdout = std::io::stdout().lock();
    let written = stdout.write_all(&entry.value).and_then(|()| stdout.flush());
    written.map_err(|error| Refused::fault(format!("cannot write the value: {error}")))?;
    Ok(ExitCode::SUCCESS)
}

fn missing(args: &KvGetArgs) -> Refused {
    let key = args.key.escape_debug();
    invalid(format!("no key `{key}` in this space; `ringfence kv list {}` shows the keys", args.space.skill))
}

async fn set(args: &KvSetArgs) -> Result<ExitCode, Refused> {
    let read = if args.value == "-" {
        let mut bytes = Vec::new();
        std::io::stdin().lock().read_to_end(&mut bytes).map(|_| bytes)
    } else if let Some(path) = args.value.strip_prefix('@') {
        std::fs::read(path)
    } else {
        Ok(args.value.clone().into_bytes())
    };
    let value = read.map_err(|error| Refused::fault(format!("cannot read the value: {error}")))?;
    let store = open_or_make(args.file.kv.as_ref(), &args.file.store)?;
    let space = space(&args.space.skill, args.space.principal.as_deref())?;
    let keys = store.keyspace(&space, Quotas::operator());
    let revision = keys.set(&args.key, value, Expect::Any).await.map_err(|error| refused(&error))?;
    note(&format!("revision {revision}"));
    Ok(ExitCode::SUCCESS)
}

async fn delete(args: &KvGetArgs) -> Result<ExitCode, Refused> {
    let keys = keys(&args.file, &args.space)?;
    match keys.delete(&args.key, Expect::Any).await.map_err(|error| refused(&error))? {
        Some(_) => Ok(ExitCode::SUCCESS),
        None => Err(missing(args)),
    }
}

fn export(file: &KvFile, only: Option<&Space>) -> Result<ExitCode, Refused> {
    let moved = open(file)?.export(only, &mut std::io::stdout().lock()).map_err(|error| refused(&error))?;
    note(&format!("{} spaces, {} keys", moved.spaces, moved.entries));
    Ok(ExitCode::SUCCESS)
}

/// Checks the whole export first, so that a damaged one changes nothing.
async fn import(file: &KvFile, from: &Path) -> Result<ExitCode, Refused> {
    let read = || {
        std::fs::File::open(from).map(std::io::BufReader::new).map_err(|error| {
            let message = format!(
                "cannot read {}: {error}; name a file that `ringfence kv export` wrote",
                from.display()
            );
            Refused { code: "cannot-read", ..Refused::fault(message) }
        })
    };
    Store::check_export(&mut read()?).map_err(|error| refused(&error))?;
    let store = open_or_make(file.kv.as_ref(), &file.store)?;
    let moved = store.import(&mut read()?).await.map_err(|error| refused(&error))?;
    note(&format!("{} spaces, {} keys", moved.spaces, moved.entries));
    Ok(ExitCode::SUCCESS)
}

fn backup(file: &KvFile, to: &Path) -> Result<ExitCode, Refused> {
    let moved = open(file)?.backup(to).map_err(|error| refused(&error))?;
    note(&format!("{} spaces, {} keys", moved.spaces, moved.entries));
    Ok(ExitCode::SUCCESS)
}

fn verify(args: &KvVerifyArgs) -> Result<ExitCode, Refused> {
    let found = open(&args.file)?.verify().map_err(|error| refused(&error))?;
    let moved = found.moved;
    if args.json {
        let damage: Vec<_> = found.damage.iter().map(ToString::to_string).collect();
        output::print_json(&json!({
            "ok": found.is_whole(), "spaces": moved.spaces, "keys": moved.entries, "bytes": moved.bytes,
            "findings": found.findings, "damage": damage,
        }));
    } else {
        found.damage.iter().for_each(|damage| print(&damage.to_string()));
        note(&format!("{} spaces, {} keys, {} findings", moved.spaces, moved.entries, found.findings));
        if !found.is_whole() {
            note("restore a backup, or export what is whole and set the rest again");
        }
    }
    Ok(if found.is_whole() { ExitCode::SUCCESS } else { ExitCode::from(exit::UNSOUND) })
}

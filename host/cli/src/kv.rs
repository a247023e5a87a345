//! `ringfence kv`: the keys and values of skills, for the operator. It works while a server uses the file.

use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ringfence_kv::{Error, Expect, Keyspace, LIST_KEYS, Moved, Options, Quotas, Space, SpaceUsage, Store};
use serde_json::{Value, json};

use crate::args::{
    KvArgs, KvCommand, KvExportArgs, KvFile, KvGetArgs, KvListArgs, KvSetArgs, KvSpaceArgs, KvVerifyArgs,
    StoreArgs,
};
use crate::exit;
use crate::load;
use crate::output::{self, Refused, note, print};

pub(crate) async fn exec(args: KvArgs) -> ExitCode {
    let (json, done) = match args.command {
        KvCommand::List(args) => (args.file.common.json, list(&args).await.map(success)),
        KvCommand::Get(args) => (args.file.common.json, get(&args).await.map(success)),
        KvCommand::Set(args) => (args.file.common.json, set(&args).await.map(success)),
        KvCommand::Delete(args) => (args.file.common.json, delete(&args).await.map(success)),
        KvCommand::Export(args) => (args.file.common.json, export(&args).map(success)),
        KvCommand::Import(args) => (args.file.common.json, import(&args.file, &args.from).await.map(success)),
        KvCommand::Backup(args) => (args.file.common.json, backup(&args.file, &args.to).map(success)),
        KvCommand::Verify(args) => (args.file.common.json, verify(&args)),
    };
    done.unwrap_or_else(|refused: Refused| refused.say(json))
}

fn success((): ()) -> ExitCode {
    ExitCode::SUCCESS
}

/// The file of durable spaces: as given, or in the store.
fn path(given: Option<&PathBuf>, store: &StoreArgs) -> Result<PathBuf, Refused> {
    match given {
        Some(path) => Ok(path.clone()),
        None => Ok(load::directory(store)?.join(ringfence_store::KV_FILE)),
    }
}

fn refused(error: &Error) -> Refused {
    let (exit, code) = match error {
        Error::Damaged { .. } => (exit::UNSOUND, "kv-damaged"),
        _ if error.is_disk_full() => (exit::FAULT, "disk-full"),
        _ => (exit::FAULT, "kv-failed"),
    };
    Refused { exit, code, ..Refused::fault(error.to_string()) }
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
    let path = path(file.kv.as_ref(), &file.common.store)?;
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

async fn list(args: &KvListArgs) -> Result<(), Refused> {
    let store = open(&args.file)?;
    let json = args.file.common.json;
    let Some(skill) = &args.skill else { return list_spaces(&store, json) };
    let keys = store.keyspace(&space(skill, args.principal.as_deref())?, Quotas::operator());
    let (mut cursor, mut all) = (None, Vec::new());
    loop {
        let page =
            keys.list(&args.prefix, cursor.as_deref(), LIST_KEYS).await.map_err(|error| refused(&error))?;
        if json {
            all.extend(page.keys);
        } else {
            page.keys.iter().for_each(|key| print(&key.escape_debug().to_string()));
        }
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    if json {
        output::print_json(&all);
    }
    Ok(())
}

fn list_spaces(store: &Store, json: bool) -> Result<(), Refused> {
    const PAGE: usize = 1000;
    let mut all: Vec<SpaceUsage> = Vec::new();
    loop {
        let after = all.last().map(|listed| &listed.space);
        let page = store.spaces(after, PAGE).map_err(|error| refused(&error))?;
        let more = page.len() == PAGE;
        all.extend(page);
        if !more {
            break;
        }
    }
    if json {
        let row = |listed: &SpaceUsage| json!({"space": listed.space.to_string(), "keys": listed.usage.keys, "bytes": listed.usage.bytes});
        output::print_json(&all.iter().map(row).collect::<Vec<_>>());
        return Ok(());
    }
    if all.is_empty() {
        note("no spaces");
        return Ok(());
    }
    print(&format!("{:40}  {:>8}  {:>12}", "SPACE", "KEYS", "BYTES"));
    for SpaceUsage { space, usage, .. } in &all {
        print(&format!("{:40}  {:>8}  {:>12}", space.to_string(), usage.keys, usage.bytes));
    }
    Ok(())
}

async fn get(args: &KvGetArgs) -> Result<(), Refused> {
    let entry = keys(&args.file, &args.space)?.get(&args.key).await.map_err(|error| refused(&error))?;
    let entry = entry.ok_or_else(|| missing(args))?;
    if args.file.common.json {
        // Text as text; other bytes as an export writes them.
        let shown = match str::from_utf8(&entry.value) {
            Ok(text) => json!({"revision": entry.revision, "value": text}),
            Err(_) => json!({"revision": entry.revision, "base64": STANDARD.encode(&entry.value)}),
        };
        output::print_json(&shown);
        return Ok(());
    }
    let mut stdout = std::io::stdout().lock();
    let written = stdout.write_all(&entry.value).and_then(|()| stdout.flush());
    written.map_err(|error| Refused::fault(format!("cannot write the value: {error}")))
}

fn missing(args: &KvGetArgs) -> Refused {
    let key = args.key.escape_debug();
    invalid(format!("no key `{key}` in this space; `ringfence kv list {}` shows the keys", args.space.skill))
}

async fn set(args: &KvSetArgs) -> Result<(), Refused> {
    let read = if args.value == "-" {
        let mut bytes = Vec::new();
        std::io::stdin().lock().read_to_end(&mut bytes).map(|_| bytes)
    } else if let Some(path) = args.value.strip_prefix('@') {
        std::fs::read(path)
    } else {
        Ok(args.value.clone().into_bytes())
    };
    let value = read.map_err(|error| Refused::fault(format!("cannot read the value: {error}")))?;
    let store = open_or_make(args.file.kv.as_ref(), &args.file.common.store)?;
    let space = space(&args.space.skill, args.space.principal.as_deref())?;
    let keys = store.keyspace(&space, Quotas::operator());
    let revision = keys.set(&args.key, value, Expect::Any).await.map_err(|error| refused(&error))?;
    say(args.file.common.json, &json!({"revision": revision}), &format!("revision {revision}"));
    Ok(())
}

async fn delete(args: &KvGetArgs) -> Result<(), Refused> {
    let keys = keys(&args.file, &args.space)?;
    let deleted = keys.delete(&args.key, Expect::Any).await.map_err(|error| refused(&error))?;
    let revision = deleted.ok_or_else(|| missing(args))?;
    if args.file.common.json {
        output::print_json(&json!({"revision": revision}));
    }
    Ok(())
}

/// The lines of the export are JSON in any case; `--json` is for the error.
fn export(args: &KvExportArgs) -> Result<(), Refused> {
    let only = args.skill.as_deref().map(|skill| space(skill, args.principal.as_deref())).transpose()?;
    let store = open(&args.file)?;
    let moved =
        store.export(only.as_ref(), &mut std::io::stdout().lock()).map_err(|error| refused(&error))?;
    note(&in_words(&moved));
    Ok(())
}

/// Checks the whole export first, so that a damaged one changes nothing.
async fn import(file: &KvFile, from: &Path) -> Result<(), Refused> {
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
    let store = open_or_make(file.kv.as_ref(), &file.common.store)?;
    let moved = store.import(&mut read()?).await.map_err(|error| refused(&error))?;
    say(file.common.json, &as_json(&moved), &in_words(&moved));
    Ok(())
}

fn backup(file: &KvFile, to: &Path) -> Result<(), Refused> {
    let moved = open(file)?.backup(to).map_err(|error| refused(&error))?;
    say(file.common.json, &as_json(&moved), &in_words(&moved));
    Ok(())
}

/// Says a result: as JSON on standard output, or in words on standard error.
fn say(json: bool, value: &Value, words: &str) {
    if json { output::print_json(value) } else { note(words) }
}

fn as_json(moved: &Moved) -> Value {
    json!({"spaces": moved.spaces, "keys": moved.entries, "bytes": moved.bytes})
}

fn in_words(moved: &Moved) -> String {
    format!("{} spaces, {} keys", moved.spaces, moved.entries)
}

fn verify(args: &KvVerifyArgs) -> Result<ExitCode, Refused> {
    let found = open(&args.file)?.verify().map_err(|error| refused(&error))?;
    let moved = found.moved;
    if args.file.common.json {
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

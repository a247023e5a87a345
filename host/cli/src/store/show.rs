//! `ringfence show`: one skill of the store, its versions and its history.

use std::process::ExitCode;

use bytesize::ByteSize;
use ringfence::text;
use ringfence_store::{Entry, Record, Store};
use serde_json::{Value, json};

use super::{answer, name, time};
use crate::args::NameArgs;
use crate::load;
use crate::output::{self, Refused, print};

pub(crate) fn show(args: &NameArgs) -> ExitCode {
    answer(args.common.json, exec(args))
}

fn exec(args: &NameArgs) -> Result<ExitCode, Refused> {
    let (name, version) = name(&args.skill)?;
    let store = load::store(&args.common.store)?;
    let mut record = store.expect(&name)?;
    if version.is_some() {
        store.find(&args.skill.parse()?)?;
        record.versions.retain(|entry| Some(&entry.version) == version.as_ref());
    }
    if args.common.json {
        output::print_json(&as_json(&store, &record))
    } else {
        print_record(&store, &record)
    }
    Ok(ExitCode::SUCCESS)
}

fn states(store: &Store, record: &Record, entry: &Entry) -> Vec<&'static str> {
    let mut states = Vec::new();
    if record.current.as_ref() == Some(&entry.version) {
        states.push("current");
    }
    if entry.held {
        states.push("held");
    }
    match store.is_revoked(entry.digest) {
        Ok(false) => {}
        Ok(true) => states.push("revoked"),
        Err(_) => states.push("cannot run"),
    }
    states
}

fn as_json(store: &Store, record: &Record) -> Value {
    let versions: Vec<Value> = record
        .versions
        .iter()
        .map(|entry| {
            let revoked = store.is_revoked(entry.digest).unwrap_or(true);
            let (why, by) =
                store.revocation(entry.digest).map(|said| (said.reason, said.by)).unwrap_or_default();
            json!({
                "version": entry.version,
                "digest": entry.digest,
                "size": entry.size,
                "tools": entry.tools,
                "submitted": entry.submitted,
                "held": entry.held,
                "revoked": revoked,
                "revoked_because": why,
                "revoked_by": by,
            })
        })
        .collect();
    json!({
        "name": record.name,
        "owner": record.owner,
        "current": record.current,
        "versions": versions,
        "history": record.history,
    })
}

fn print_record(store: &Store, record: &Record) {
    print(&format!("{}  owner {}", record.name, record.owner));
    print("\nversions");
    for entry in record.versions.iter().rev() {
        let line = format!(
            "  {:12}  {}  {:>10}  {} tools  {}  {}",
            entry.version.as_str(),
            time(entry.submitted),
            ByteSize::b(entry.size).display().iec().to_string(),
            entry.tools,
            entry.digest,
            states(store, record, entry).join(", "),
        );
        print(line.trim_end());
        if let Some(reason) = store.revocation(entry.digest).and_then(|revocation| revocation.reason) {
            print(&format!("  {:12}  revoked: {}", "", text::clean(&reason, 1024)));
        }
    }
    print("\nhistory");
    for event in record.history.iter().rev() {
        let what = serde_json::to_value(event.what).ok();
        let what = what.as_ref().and_then(Value::as_str).unwrap_or_default();
        print(&format!("  {}  {what} {}", time(event.at), event.version));
    }
    output::note(&format!("`ringfence inspect {}` shows its tools", record.name));
}

//! `ringfence list`: lists every name of the store, one a line. An unreadable record is reported, and hides no other.

use std::process::ExitCode;

use bytesize::ByteSize;
use ringfence_store::{Listed, Record, Store, StoreError};
use serde_json::{Value, json};

use super::{answer, time};
use crate::args::Common;
use crate::load;
use crate::output::{self, Refused, print};

pub(crate) fn list(args: &Common) -> ExitCode {
    answer(args.json, exec(args))
}

fn exec(args: &Common) -> Result<ExitCode, Refused> {
    let store = match Store::open(&load::directory(&args.store)?) {
        // None yet: nothing is in it.
        Err(error @ StoreError::NoStore { .. }) => return Ok(none(args.json, &error.to_string())),
        store => store?,
    };
    let listed = store.list()?;
    if args.json {
        let skills: Vec<Value> = listed.iter().map(|listed| as_json(&store, listed)).collect();
        output::print_json(&json!({ "skills": skills }));
        return Ok(ExitCode::SUCCESS);
    }
    let mut rows =
        vec![["NAME", "VERSION", "OWNER", "TOOLS", "SIZE", "SUBMITTED", "DIGEST"].map(str::to_owned)];
    for skill in &listed {
        match &skill.record {
            Ok(record) => rows.push(row(&store, record)),
            Err(error) => output::note(&format!("warning: {}: {error} [{}]", skill.name, error.code())),
        }
    }
    if listed.is_empty() {
        return Ok(none(false, "no skills yet; add one with `ringfence submit FILE.wasm`"));
    }
    table(&rows);
    Ok(ExitCode::SUCCESS)
}

fn none(as_json: bool, why: &str) -> ExitCode {
    if as_json {
        output::print_json(&json!({"skills": []}));
    } else {
        output::note(why);
    }
    ExitCode::SUCCESS
}

fn row(store: &Store, record: &Record) -> [String; 7] {
    let name = record.name.to_string();
    let Some(entry) = record.current().or(record.versions.last()) else {
        return [
            name,
            "none".into(),
            record.owner.to_string(),
            String::new(),
            String::new(),
            String::new(),
            String::new(),
        ];
    };
    let state = if entry.held {
        " (held)"
    } else {
        match store.is_revoked(entry.digest) {
            Ok(false) => "",
            Ok(true) => " (revoked)",
            Err(_) => " (cannot run)",
        }
    };
    // Enough to tell skills apart; `show` and `--json` have all of it.
    let digest: String = entry.digest.to_string().chars().take("sha256:".len().saturating_add(12)).collect();
    [
        name,
        format!("{}{state}", entry.version),
        record.owner.to_string(),
        entry.tools.to_string(),
        ByteSize::b(entry.size).display().iec().to_string(),
        time(entry.submitted),
        digest,
    ]
}

fn as_json(store: &Store, listed: &Listed) -> Value {
    let record = match &listed.record {
        Ok(record) => record,
        Err(error) => {
            return json!({"name": listed.name, "error": error.code(), "message": error.to_string()});
        }
    };
    let entry = record.current().or(record.versions.last());
    json!({
        "name": record.name,
        "owner": record.owner,
        "version": entry.map(|entry| &entry.version),
        "digest": entry.map(|entry| entry.digest),
        "size": entry.map(|entry| entry.size),
        "tools": entry.map(|entry| entry.tools),
        "submitted": entry.map(|entry| entry.submitted),
        "held": entry.is_some_and(|entry| entry.held),
        "revoked": entry.map(|entry| store.is_revoked(entry.digest).unwrap_or(true)),
        "versions": record.versions.len(),
    })
}

/// Columns as wide as their widest cell.
fn table(rows: &[[String; 7]]) {
    let mut widths = [0; 7];
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.chars().count().max(*width);
        }
    }
    for row in rows {
        let cells: Vec<String> =
            row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        print(cells.join("  ").trim_end());
    }
}

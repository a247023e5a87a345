//! Logs changes of the store by any process: a record for each change, with the owner.

use std::collections::{HashMap, HashSet};

use ringfence::Digest;
use ringfence_store::{Change, Event, Record, Revocation};

const fn word(change: Change) -> &'static str {
    match change {
        Change::Submitted => "submitted",
        Change::Held => "submitted, held",
        Change::Released => "released",
        Change::RolledBack => "rolled back",
        Change::Removed => "removed",
    }
}

/// Logs the events of a name since the last poll.
pub(super) fn log(before: Option<&Record>, now: &Record) {
    for event in since(before, now) {
        let digest = now.entry(&event.version).map(|entry| entry.digest);
        tracing::info!(
            target: "ringfence::changes",
            skill = %now.name,
            version = %event.version,
            owner = %now.owner,
            digest = digest.as_ref().map(tracing::field::display),
            change = word(event.what),
            "the store changed"
        );
    }
}

/// Logs the removal of a name.
pub(super) fn log_removed(record: &Record) {
    tracing::info!(
        target: "ringfence::changes",
        skill = %record.name,
        owner = %record.owner,
        change = "removed with all versions",
        "the store changed"
    );
}

/// Logs new revocations: by whom, why, and which versions they stop.
pub(super) fn log_revoked<'a>(
    before: &HashSet<Digest>,
    now: &HashSet<Digest>,
    said: &HashMap<Digest, Revocation>,
    records: impl Iterator<Item = &'a Record>,
) {
    let new: HashSet<&Digest> = now.difference(before).collect();
    if new.is_empty() {
        return;
    }
    let mut unknown = new.clone();
    for record in records {
        for entry in record.versions.iter().filter(|entry| new.contains(&entry.digest)) {
            unknown.remove(&entry.digest);
            tracing::info!(
                target: "ringfence::changes",
                skill = %record.name,
                version = %entry.version,
                owner = %record.owner,
                digest = %entry.digest,
                by = said.get(&entry.digest).and_then(|said| said.by.as_deref()),
                reason = said.get(&entry.digest).and_then(|said| said.reason.as_deref()),
                cancel_running = said.get(&entry.digest).is_some_and(|said| said.cancel_running),
                change = "revoked",
                "the store changed"
            );
        }
    }
    for digest in unknown {
        tracing::info!(target: "ringfence::changes", digest = %digest, change = "revoked", "the store changed");
    }
}

/// Returns the events of a record since an earlier state.
fn since<'a>(before: Option<&Record>, now: &'a Record) -> &'a [Event] {
    let seen = before
        .filter(|before| before.owner == now.owner)
        .and_then(|before| before.history.last())
        .and_then(|last| now.history.iter().rposition(|event| event == last));
    let from = seen.map_or(0, |at| at.saturating_add(1));
    now.history.get(from..).unwrap_or_default()
}

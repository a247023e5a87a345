//! A killed process loses nothing that it acknowledged.
//!
//! The test starts its own executable again as a writer, kills it with SIGKILL at a random moment, and compares the
//! file with the acknowledgements that the writer printed.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    reason = "a test may fail at any line"
)]

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use ringfence_kv::{Expect, Options, Quotas, Space, Store};

const DIR: &str = "RINGFENCE_KV_KILL_DIR";
const ROUND: &str = "RINGFENCE_KV_KILL_ROUND";
const WRITERS: usize = 16;

fn quotas() -> Quotas {
    Quotas::default().with_writes_per_minute(u32::MAX)
}

fn space(index: usize) -> Space {
    Space::named("owner", format!("skill-{}", index % 4)).unwrap()
}

/// The writer: it never ends by itself. As a test of its own it does nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writer() {
    let Some(dir) = std::env::var_os(DIR) else { return };
    let round = std::env::var(ROUND).unwrap();
    let store = Store::open(Path::new(&dir), &Options::default()).unwrap();
    let mut tasks = Vec::new();
    for index in 0..WRITERS {
        let space = store.keyspace(&space(index), quotas());
        let round = round.clone();
        tasks.push(tokio::spawn(async move {
            let key = format!("writer-{index}");
            for number in 0u64.. {
                let value =
                    format!("{round} {number} {}", "x".repeat(usize::try_from(number % 700).unwrap()));
                let revision = space.set(&key, value.clone(), Expect::Any).await.unwrap();
                let total = space.increment("total", 1).await.unwrap().value;
                // One write of the whole line, so that a kill cuts nothing that counts.
                let line = format!("ack {index} {revision} {total} {value}\n");
                std::io::stdout().write_all(line.as_bytes()).unwrap();
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
}

fn start(dir: &Path, round: u64) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "writer", "--nocapture", "--test-threads=1"])
        .env(DIR, dir)
        .env(ROUND, round.to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

#[tokio::test]
async fn a_killed_process_does_not_stop_others_on_the_file() {
    let dir = tempfile::TempDir::new().unwrap();
    let store = Store::open(dir.path(), &Options::default()).unwrap();
    let mine = store.keyspace(&Space::named("owner", "mine").unwrap(), quotas());
    let theirs = store.keyspace(&space(0), quotas());
    let mut totals = 0;
    for round in 0..10u64 {
        let mut child = start(dir.path(), round);
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        for _ in 0..round * 31 % 97 {
            if lines.next().is_none() {
                break;
            }
            // Both write at once: they take turns for the file.
            mine.increment("n", 1).await.unwrap();
            totals += 1;
        }
        child.kill().unwrap();
        child.wait().unwrap();
        let revision = mine.set("k", round.to_string(), Expect::Any).await.unwrap();
        assert_eq!(mine.get("k").await.unwrap().unwrap().revision, revision);
        theirs.increment("total", 1).await.unwrap();
    }
    assert!(totals > 0);
    assert_eq!(mine.get("n").await.unwrap().unwrap().value, totals.to_string().as_bytes());
    assert_eq!(store.stats().failures, 0);
}

#[derive(Clone, Debug, Default)]
struct Acked {
    revision: u64,
    value: String,
}

#[tokio::test]
async fn a_killed_process_loses_nothing_acknowledged() {
    let dir = tempfile::TempDir::new().unwrap();
    let rounds: u64 = std::env::var("KILLS").ok().and_then(|kills| kills.parse().ok()).unwrap_or(20);
    let mut acked: BTreeMap<usize, Acked> = BTreeMap::new();
    let mut totals: BTreeMap<usize, i64> = BTreeMap::new();
    let mut seen = 0u64;
    for round in 0..rounds {
        let mut child = start(dir.path(), round);
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        // The round decides how many acknowledgements the writer may give: a kill while it starts (0), or amid writes.
        let wanted = round * 37 % 301;
        let mut given = 0;
        let mut killed = false;
        loop {
            if given >= wanted && !killed {
                child.kill().unwrap();
                killed = true;
            }
            let mut line = String::new();
            if lines.read_line(&mut line).unwrap() == 0 {
                break;
            }
            let Some(line) = line.strip_suffix('\n') else { break };
            // The harness prints too, at the start of the first line.
            let Some((_, ack)) = line.split_once("ack ") else { continue };
            let mut parts = ack.splitn(4, ' ');
            let mut part = || parts.next().unwrap();
            let (index, revision): (usize, u64) = (part().parse().unwrap(), part().parse().unwrap());
            let total: i64 = part().parse().unwrap();
            acked.insert(index, Acked { revision, value: part().to_owned() });
            let most = totals.entry(index % 4).or_default();
            *most = total.max(*most);
            given += 1;
        }
        child.wait().unwrap();
        seen += given;

        let store = Store::open(dir.path(), &Options::default()).unwrap();
        for (index, acked) in &acked {
            let space = store.keyspace(&space(*index), quotas());
            let entry = space.get(&format!("writer-{index}")).await.unwrap().expect("an acknowledged key");
            assert!(entry.revision >= acked.revision, "round {round}: {index} went back");
            if entry.revision == acked.revision {
                assert_eq!(entry.value, acked.value.as_bytes());
            }
        }
        for (index, total) in &totals {
            let space = store.keyspace(&space(*index), quotas());
            let entry = space.get("total").await.unwrap().expect("an acknowledged total");
            let stored: i64 = std::str::from_utf8(&entry.value).unwrap().parse().unwrap();
            assert!(stored >= *total, "round {round}: {stored} of {total}");
            // What the space says of itself is true as well.
            let usage = space.usage().await.unwrap();
            let page = space.list("", None, 1000).await.unwrap();
            assert_eq!(usage.keys, u64::try_from(page.keys.len()).unwrap());
            let mut bytes = 0;
            for key in &page.keys {
                let entry = space.get(key).await.unwrap().unwrap();
                assert!(entry.revision <= usage.revision);
                bytes += key.len() + entry.value.len();
            }
            assert_eq!(usage.bytes, u64::try_from(bytes).unwrap());
        }
    }
    assert!(seen > 0, "no writer acknowledged anything");
}

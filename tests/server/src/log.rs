//! What servers of this process log of calls, changes and denials, as an operator would read it.

use std::io::{self, Write};
use std::sync::{Mutex, Once, PoisonError};

use serde_json::Value;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{Layer as _, fmt};

static LINES: Mutex<Vec<u8>> = Mutex::new(Vec::new());
static BEGUN: Once = Once::new();

struct Lines;

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        LINES.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Keeps records from now on. Tests of one process share them: each looks for names of its own.
pub fn begin() {
    BEGUN.call_once(|| {
        let wanted = Targets::new()
            .with_target("ringfence::calls", LevelFilter::INFO)
            .with_target("ringfence::changes", LevelFilter::INFO)
            .with_target("ringfence::denied", LevelFilter::INFO);
        let lines = fmt::layer().json().flatten_event(true).with_writer(|| Lines).with_filter(wanted);
        let _ = tracing_subscriber::registry().with(lines).try_init();
    });
}

/// The records of a target in which a field has a value, in their order.
pub fn records(target: &str, field: &str, value: &str) -> Vec<Value> {
    let text = String::from_utf8_lossy(&LINES.lock().unwrap_or_else(PoisonError::into_inner)).into_owned();
    let records = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    records.filter(|record| record["target"] == target && record[field] == value).collect()
}

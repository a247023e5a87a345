//! Counts, as OpenMetrics text.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use ringfence::Report;

use crate::Worker;

#[derive(Debug, Default)]
pub(crate) struct Metrics {
    /// By the outcome's name.
    runs: Mutex<BTreeMap<&'static str, u64>>,
    /// By the problem's code.
    refused: Mutex<BTreeMap<&'static str, u64>>,
    fuel: AtomicU64,
    updates: AtomicU64,
    failed_updates: AtomicU64,
}

impl Metrics {
    pub(crate) fn ran(&self, report: &Report) {
        count(&self.runs, report.outcome.name());
        self.fuel.fetch_add(report.usage.fuel, Ordering::Relaxed);
    }

    /// A run whose caller left.
    pub(crate) fn left(&self) {
        count(&self.runs, "cancelled");
    }

    pub(crate) fn refused(&self, code: &'static str) {
        count(&self.refused, code);
    }

    pub(crate) fn updated(&self, took: bool) {
        let counter = if took { &self.updates } else { &self.failed_updates };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// The text for a scraper.
    pub(crate) fn text(&self, worker: &Worker) -> String {
        let mut out = String::new();
        let mut family =
            |name: &str, help: &str, label: &str, counts: &Mutex<BTreeMap<&'static str, u64>>| {
                let _ = write!(out, "# TYPE {name} counter\n# HELP {name} {help}\n");
                for (value, count) in &*counts.lock().unwrap_or_else(PoisonError::into_inner) {
                    let _ = writeln!(out, "{name}_total{{{label}=\"{value}\"}} {count}");
                }
            };
        family("ringfence_runs", "Finished runs, by outcome.", "outcome", &self.runs);
        family("ringfence_refused", "Requests refused before a run, by code.", "code", &self.refused);
        let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let (fuel, took, failed) = (load(&self.fuel), load(&self.updates), load(&self.failed_updates));
        let _ = write!(
            out,
            "# TYPE ringfence_fuel counter\n# HELP ringfence_fuel Fuel used by runs.\nringfence_fuel_total {fuel}\n\
             # TYPE ringfence_updates counter\n# HELP ringfence_updates New bundles, and failed updates.\n\
             ringfence_updates_total{{result=\"taken\"}} {took}\nringfence_updates_total{{result=\"refused\"}} {failed}\n"
        );
        if let Ok(serving) = worker.serving() {
            let manifest = serving.manifest();
            let (version, expires, runs) = (manifest.version, manifest.expires, serving.host().runs());
            let bytes = serving.host().reserved_bytes();
            let _ = write!(
                out,
                "# TYPE ringfence_bundle_version gauge\n# HELP ringfence_bundle_version Version of the current bundle.\n\
                 ringfence_bundle_version {version}\n\
                 # TYPE ringfence_bundle_expires_seconds gauge\n# HELP ringfence_bundle_expires_seconds End of validity of the current bundle, in seconds since 1970.\n\
                 ringfence_bundle_expires_seconds {expires}\n\
                 # TYPE ringfence_runs_now gauge\n# HELP ringfence_runs_now Current runs.\nringfence_runs_now {runs}\n\
                 # TYPE ringfence_reserved_bytes gauge\n# HELP ringfence_reserved_bytes Memory reserved for current runs, in bytes.\n\
                 ringfence_reserved_bytes {bytes}\n"
            );
        }
        out.push_str("# EOF\n");
        out
    }
}

fn count(counts: &Mutex<BTreeMap<&'static str, u64>>, key: &'static str) {
    let mut counts = counts.lock().unwrap_or_else(PoisonError::into_inner);
    let count = counts.entry(key).or_default();
    *count = count.saturating_add(1);
}

//! Metrics for operators, in the format of Prometheus. No label has guest text, or an unbounded number of values.

mod skills;

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};
use ringfence::{Outcome, Report};

pub(crate) use skills::{OfSkill, Skills};

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByCode {
    code: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByResult {
    result: &'static str,
}

/// All metrics of a server. Counters take no lock; histograms take a short one.
#[derive(Debug)]
pub(crate) struct Metrics {
    registry: Registry,
    /// A counter for each outcome, in an array instead of a map.
    outcomes: [Counter; 10],
    denials: Family<ByCode, Counter>,
    submissions: Family<ByResult, Counter>,
    /// Compiled components: submissions, and current versions without cached code.
    pub(crate) compiles: Counter,
    /// Skills whose schemas were built, once for each style and surface.
    pub(crate) descriptions: Counter,
    seconds: Histogram,
    fuel: Histogram,
    pub(crate) connections: Gauge,
    places: Gauge<u64, AtomicU64>,
    places_taken: Gauge<u64, AtomicU64>,
    waiting: Gauge<u64, AtomicU64>,
    reserved: Gauge<u64, AtomicU64>,
    skills: Gauge<u64, AtomicU64>,
    code: Gauge<u64, AtomicU64>,
    changes_waiting: Gauge<u64, AtomicU64>,
    /// Runs by skill.
    pub(crate) by_skill: Skills,
}

/// Values that are read at the time of a request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Now {
    pub(crate) places: u64,
    pub(crate) places_taken: u64,
    pub(crate) waiting: u64,
    pub(crate) reserved_bytes: u64,
    pub(crate) skills: u64,
    /// Bytes of code of loaded skills.
    pub(crate) code_bytes: u64,
    pub(crate) changes_waiting: u64,
}

/// The outcomes, in the order of their counters.
const OUTCOMES: [&str; 10] = [
    "completed",
    "failed",
    "trapped",
    "out-of-fuel",
    "deadline-exceeded",
    "memory-limit",
    "output-limit",
    "host-call-limit",
    "cancelled",
    "host-overloaded",
];

/// Index of the counter of runs whose callers disconnected.
const CANCELLED: usize = 8;

fn index<T>(outcome: &Outcome<T>) -> usize {
    match outcome {
        Outcome::Completed(_) => 0,
        Outcome::Failed(_) => 1,
        Outcome::Trapped(_) => 2,
        Outcome::OutOfFuel => 3,
        Outcome::DeadlineExceeded => 4,
        Outcome::MemoryLimit => 5,
        Outcome::OutputLimit => 6,
        Outcome::HostCallLimit => 7,
        Outcome::Cancelled => CANCELLED,
        Outcome::HostOverloaded => 9,
    }
}

impl Metrics {
    pub(crate) fn new() -> Arc<Self> {
        let mut registry = Registry::with_prefix("ringfence");
        let by_outcome = Family::<ByResult, Counter>::default();
        let outcomes = OUTCOMES.map(|result| by_outcome.get_or_create(&ByResult { result }).clone());
        // From 50 µs to 26 s, and from 1,000 to 17 billion.
        let seconds = Histogram::new((0..20).map(|i| 50e-6 * f64::from(1_u32 << i)));
        let fuel = Histogram::new((0..13).map(|i| 1e3 * 4_f64.powi(i)));
        let metrics = Self {
            outcomes,
            denials: Family::default(),
            submissions: Family::default(),
            compiles: Counter::default(),
            descriptions: Counter::default(),
            seconds,
            fuel,
            connections: Gauge::default(),
            places: Gauge::default(),
            places_taken: Gauge::default(),
            waiting: Gauge::default(),
            reserved: Gauge::default(),
            skills: Gauge::default(),
            code: Gauge::default(),
            changes_waiting: Gauge::default(),
            by_skill: Skills::default(),
            registry: Registry::default(),
        };
        registry.register("runs", "Finished runs, by outcome", by_outcome);
        registry.register("denials", "Requests refused before a run, by code", metrics.denials.clone());
        registry.register("submissions", "Finished submissions, by result", metrics.submissions.clone());
        registry.register("compiles", "Components compiled", metrics.compiles.clone());
        registry.register(
            "descriptions",
            "Skills whose schemas were built, once for each style",
            metrics.descriptions.clone(),
        );
        registry.register_with_unit("run", "Wall time of a run", Unit::Seconds, metrics.seconds.clone());
        registry.register("run_fuel", "Fuel of a run", metrics.fuel.clone());
        registry.register("connections", "Open connections", metrics.connections.clone());
        registry.register("places", "Run slots", metrics.places.clone());
        registry.register("places_taken", "Run slots in use", metrics.places_taken.clone());
        registry.register("queue", "Calls that wait for a run slot", metrics.waiting.clone());
        registry.register_with_unit(
            "memory_reserved",
            "Memory reserved for current runs",
            Unit::Bytes,
            metrics.reserved.clone(),
        );
        registry.register("skills", "Skills ready to run", metrics.skills.clone());
        registry.register("code_bytes", "Compiled code of loaded skills in bytes", metrics.code.clone());
        registry.register(
            "changes_waiting",
            "Changes to the store that wait for the lock",
            metrics.changes_waiting.clone(),
        );
        metrics.by_skill.register(&mut registry);
        Arc::new(Self { registry, ..metrics })
    }

    /// Counts a run.
    pub(crate) fn ran<T>(&self, report: &Report<T>, skill: &OfSkill) {
        skill.ran(report);
        if let Some(counter) = self.outcomes.get(index(&report.outcome)) {
            counter.inc();
        }
        self.seconds.observe(seconds(report.usage.wall));
        #[expect(clippy::cast_precision_loss, reason = "a bucket is chosen by it")]
        self.fuel.observe(report.usage.fuel as f64);
    }

    /// Counts a run whose caller disconnected. It was stopped and has no report.
    pub(crate) fn left(&self, skill: &OfSkill) {
        skill.left();
        let [.., cancelled, _] = &self.outcomes;
        cancelled.inc();
    }

    /// Counts a refused request.
    pub(crate) fn denied(&self, code: &'static str) {
        self.denials.get_or_create(&ByCode { code }).inc();
    }

    /// Counts an ended submission.
    pub(crate) fn submitted(&self, result: &'static str) {
        self.submissions.get_or_create(&ByResult { result }).inc();
    }

    /// Returns all metrics as text in the OpenMetrics format.
    pub(crate) fn text(&self, now: Now) -> String {
        self.places.set(now.places);
        self.places_taken.set(now.places_taken);
        self.waiting.set(now.waiting);
        self.reserved.set(now.reserved_bytes);
        self.skills.set(now.skills);
        self.code.set(now.code_bytes);
        self.changes_waiting.set(now.changes_waiting);
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _ = encode(&mut text, &self.registry);
        text
    }
}

fn seconds(time: Duration) -> f64 {
    time.as_secs_f64()
}

//! The CPU that a principal gets beside others that take all they can.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crate::args::Plan;
use crate::kit::book::Book;
use crate::kit::client::{Client, Flood, call};
use crate::kit::guests;
use crate::kit::server::{OPEN, Site};
use crate::kit::stats::{median, quantile};

/// The part of its share that a principal is to get at least.
const SHARE: f64 = 0.8;

/// Calls at once of a hostile principal.
const LOOPS: usize = 250;

/// Calls at once of a principal with continuous jobs.
const JOBS: usize = 8;

/// What one job takes alone, in milliseconds.
const JOB: f64 = 17.0;

const WORK: &str = r#"(component
  (core module $m
    (func (export "spin") (loop (br 0)))
    (func (export "work") (param $n i32)
      (block $done (loop $again
        (br_if $done (i32.eqz (local.get $n)))
        (local.set $n (i32.sub (local.get $n) (i32.const 1)))
        (br $again)))))
  (core instance $i (instantiate $m))
  (func (export "spin") (canon lift (core func $i "spin")))
  (func (export "work") (param "n" u32) (canon lift (core func $i "work"))))"#;

struct Job<'a> {
    site: &'a Site,
    body: String,
}

impl Job<'_> {
    fn request(&self, owner: &str) -> String {
        call(&self.site.tokens[owner], "work", "work", &self.body, "")
    }

    /// Milliseconds of one job after the other.
    fn one_by_one(&self, owner: &str, count: usize) -> Vec<f64> {
        let (request, mut client) = (self.request(owner), Client::new(self.site.address));
        let mut took = Vec::new();
        for _ in 0..count {
            let begun = Instant::now();
            let answer = client.ask(&request);
            let good = answer.is_some_and(|answer| answer.body.contains("completed"));
            took.push(if good { begun.elapsed().as_secs_f64() * 1e3 } else { 1e6 });
            std::thread::sleep(Duration::from_millis(3));
        }
        took
    }

    /// Jobs a second of each owner, all at the same time.
    fn rates(&self, owners: &[&str], turn: Duration) -> Vec<f64> {
        let floods: Vec<Flood> =
            owners.iter().map(|owner| Flood::start(self.site.address, &self.request(owner), JOBS)).collect();
        let begun = Instant::now();
        std::thread::sleep(turn);
        let seconds = begun.elapsed().as_secs_f64();
        floods
            .into_iter()
            .map(|flood| {
                let reports = flood.end();
                reports.iter().filter(|report| report["outcome"] == "completed").count() as f64 / seconds
            })
            .collect()
    }
}

fn spin(site: &Site, owner: &str, address: SocketAddr) -> Flood {
    Flood::start(address, &call(&site.tokens[owner], "work", "spin", "{}", "deadline=2s"), LOOPS)
}

pub(super) fn measure(plan: &Plan, book: &mut Book) {
    let owners = ["good", "bad-1", "bad-2", "bad-3"];
    let site = Site::start(OPEN, &owners, &[("work".to_owned(), guests::component(WORK))]);
    let mut job = Job { site: &site, body: r#"{"n":10000000}"#.to_owned() };
    let once = median(&job.one_by_one("good", 9));
    job.body = format!(r#"{{"n":{}}}"#, (1e7 * JOB / once) as u32);
    let alone = median(&job.one_by_one("good", 21));
    let cores = std::thread::available_parallelism().map_or(2, usize::from);
    let turn = plan.turn * 6;
    let rate_alone = job.rates(&["good"], turn)[0];
    println!("one job alone {alone:.1} ms; {JOBS} at once: {rate_alone:.0} jobs/s on {cores} cores");

    for (others, share, single) in
        [(1, "share-beside-1", "share-job-1"), (3, "share-beside-3", "share-job-3")]
    {
        let k = others + 1;
        let floods: Vec<Flood> =
            owners[1..=others].iter().map(|owner| spin(&site, owner, site.address)).collect();
        std::thread::sleep(plan.turn);
        let jobs = job.one_by_one("good", 21);
        let rate = job.rates(&["good"], turn)[0];
        floods.into_iter().for_each(|flood| drop(flood.end()));
        let (usual, latest) = (median(&jobs), quantile(&jobs, 1.0));
        println!(
            "beside {others} × {LOOPS} loops: one job {usual:.1} ms (latest {latest:.1}), {rate:.0} jobs/s"
        );
        book.figure(share, rate / rate_alone * k as f64);
        // One job uses one core, of which it gets its share at least.
        let slowest = alone * (k as f64 / cores as f64).max(1.0) / SHARE;
        book.figure(single, usual / slowest);
    }
    for (k, id) in [(2, "share-of-2"), (4, "share-of-4")] {
        let rates = job.rates(&owners[..k], turn);
        let all: f64 = rates.iter().sum();
        let shares: Vec<f64> = rates.iter().map(|rate| rate / all * k as f64).collect();
        println!("{k} principals with {JOBS} jobs each: {all:.0} jobs/s, shares × {k}: {shares:.2?}");
        book.figure(id, quantile(&shares, 0.0));
    }
}

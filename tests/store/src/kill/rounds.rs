//! The rounds: two writers, a reader, a kill, a look at what is there.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::check::{Checker, Left, left};
use super::model::World;
use super::process::{Line, Log, Process};
use super::{Chance, runtime};

/// Rounds on one store.
const SAME: u64 = 50;

/// Longest silence of a process that has something to do.
const SILENCE: Duration = Duration::from_secs(60);

#[derive(Default)]
struct Figures {
    kills: u64,
    /// By the operation and how far it was.
    inside: BTreeMap<(String, String), u64>,
    outside: u64,
    opening: u64,
    drafts: u64,
    notes: u64,
    visible: u64,
    invisible: u64,
    survivors: u64,
    operations: u64,
    loads: u64,
    raced: u64,
}

/// Runs so many rounds; fails on any finding.
pub fn run(rounds: u64, seed: u64) -> ExitCode {
    let begun = Instant::now();
    println!("seed: {seed}");
    let (mut chance, mut figures, runtime) = (Chance(seed), Figures::default(), runtime());
    let mut checker = Checker::new();
    let mut round = 0;
    while round < rounds && checker.findings.is_empty() {
        let folder = tempfile::tempdir().expect("a directory");
        let mut stage = Stage::new(folder);
        for _ in 0..SAME.min(rounds - round) {
            round += 1;
            let allowed = stage.round(&mut chance, &mut figures, &mut checker.findings);
            stage.worlds = runtime.block_on(checker.check(&stage.store, &allowed, &mut stage.submissions));
            figures.compare(&allowed, &stage.worlds);
            if stage.reader.is_some() && !stage.reader.as_mut().is_some_and(|(reader, _)| reader.tell()) {
                checker.findings.push("the reader is gone".to_owned());
            }
            if !checker.findings.is_empty() {
                break;
            }
        }
        stage.end(checker.findings.is_empty());
    }
    report(round, &figures, &checker, begun.elapsed());
    if checker.findings.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn report(rounds: u64, figures: &Figures, checker: &Checker, took: Duration) {
    let within: u64 = figures.inside.values().sum();
    println!("rounds:           {rounds} in {:.0} s", took.as_secs_f64());
    println!("kills:            {} ({within} inside an operation)", figures.kills);
    println!("  while opening:  {}", figures.opening);
    println!("  in between:     {}", figures.outside);
    for ((kind, stage), count) in &figures.inside {
        println!("  {:15} {count} ({stage})", format!("{kind}:"));
    }
    println!("left by a kill:   {} drafts, {} notes in the lock", figures.drafts, figures.notes);
    println!("in flight:        {} changes were visible, {} were not", figures.visible, figures.invisible);
    println!("survivors:        {} writers went on beside a killed one", figures.survivors);
    println!("acknowledged:     {} operations", figures.operations);
    println!("reader:           {} loads and runs, {} looked at again", figures.loads, figures.raced);
    println!("checks:           {}", checker.checks);
    println!("findings:         {}", checker.findings.len());
    for finding in &checker.findings {
        println!("round {rounds}: {finding}");
    }
}

/// One store and what goes on in it.
struct Stage {
    folder: TempDir,
    store: std::path::PathBuf,
    worlds: Vec<World>,
    reader: Option<(Process, Receiver<Line>)>,
    submissions: u64,
}

impl Stage {
    fn new(folder: TempDir) -> Self {
        // Writers make it, so that some are killed doing that.
        let store = folder.path().join("store");
        let (send, lines) = channel();
        let reader = Process::start("reader", &store, &[], 0, send);
        Self {
            folder,
            store,
            worlds: vec![World::default(); 2],
            reader: Some((reader, lines)),
            submissions: 0,
        }
    }

    /// Lets writers work and kills some. Gives what each may have left.
    fn round(
        &mut self,
        chance: &mut Chance,
        figures: &mut Figures,
        findings: &mut Vec<String>,
    ) -> Vec<Vec<World>> {
        let (send, lines) = channel();
        let mut logs: Vec<Log> = self.worlds.iter().cloned().map(Log::new).collect();
        let mut writers: Vec<Process> =
            logs.iter().enumerate().map(|(who, log)| start(who, &self.store, log, chance, &send)).collect();
        drop(send);
        let victims: &[usize] = [&[0][..], &[1], &[0, 1], &[0, 1], &[1, 0]][chance.below(5)];
        let (first, after) = (victims[0], chance.below(25));
        // Compiling takes the longest: so half of the kills are meant for what comes before or after it. From 20 µs
        // to 80 ms or 2.5 ms, each order of size as likely as another.
        let aimed = chance.below(2) == 0;
        let longest = if aimed { 125_f64 } else { 4000.0 };
        let wait = Duration::from_micros((20.0 * longest.powf(chance.below(1000) as f64 / 1000.0)) as u64);
        let ready = |log: &Log| log.intents >= after && (!aimed || log.is_writing());
        while !ready(&logs[first]) && !logs[first].ended {
            if !listen(&lines, &mut logs, findings) {
                break;
            }
        }
        std::thread::sleep(wait);
        victims.iter().for_each(|who| writers[*who].kill());
        // Whoever is left must go on.
        let survivor = (0..logs.len()).find(|who| !victims.contains(who));
        let goal = survivor.map(|who| logs[who].done + 3);
        while logs.iter().any(|log| !log.ended) {
            if !listen(&lines, &mut logs, findings) {
                writers.iter_mut().for_each(Process::kill);
                break;
            }
            if let (Some(who), Some(goal)) = (survivor, goal)
                && logs[who].done >= goal
            {
                writers[who].tell();
            }
        }
        for (who, writer) in writers.iter_mut().enumerate() {
            let status = writer.wait();
            if Some(who) == survivor {
                figures.survivors += 1;
                if !status.success() {
                    findings.push(format!("writer {who}, which was not killed, ended with {status}"));
                }
            }
        }
        for (who, log) in logs.iter().enumerate() {
            figures.operations += log.done;
            findings.extend(log.failed.iter().map(|reason| format!("writer {who} could not {reason}")));
        }
        self.pause_reader(figures, findings);
        let Left { drafts, note } = left(&self.store);
        figures.drafts += drafts as u64;
        figures.notes += u64::from(note);
        victims.iter().for_each(|who| figures.count(&logs[*who]));
        logs.iter().map(Log::allowed).collect()
    }

    fn pause_reader(&mut self, figures: &mut Figures, findings: &mut Vec<String>) {
        let Some((reader, lines)) = &mut self.reader else { return };
        reader.tell();
        loop {
            let Ok((_, Some(line))) = lines.recv_timeout(SILENCE) else {
                findings.push("the reader has ended, or does not answer".to_owned());
                return;
            };
            if let Some(bad) = line.strip_prefix("bad ") {
                findings.push(format!("reader: {bad}"));
            } else if let Some(counts) = line.strip_prefix("paused ") {
                let mut counts = counts.split(' ').map(|count| count.parse::<u64>().unwrap_or(0));
                figures.loads += counts.next().unwrap_or(0);
                figures.raced += counts.next().unwrap_or(0);
                return;
            }
        }
    }

    fn end(self, sound: bool) {
        if let Some((reader, _)) = self.reader {
            reader.end();
        }
        if !sound {
            println!("the store is kept: {}", self.folder.keep().join("store").display());
        }
    }
}

fn start(
    who: usize,
    store: &Path,
    log: &Log,
    chance: &mut Chance,
    send: &std::sync::mpsc::Sender<Line>,
) -> Process {
    let world = serde_json::to_string(&log.world).expect("a world");
    let rest = [who.to_string(), chance.next().to_string(), world];
    Process::start("writer", store, &rest, who, send.clone())
}

/// Takes one line; false when none comes.
fn listen(lines: &Receiver<Line>, logs: &mut [Log], findings: &mut Vec<String>) -> bool {
    match lines.recv_timeout(SILENCE) {
        Ok((who, line)) => {
            logs[who].read(line);
            true
        }
        Err(error) => {
            findings.push(format!("the writers say nothing: {error}"));
            false
        }
    }
}

impl Figures {
    /// What became of the changes that were under way.
    fn compare(&mut self, allowed: &[Vec<World>], found: &[World]) {
        for (allowed, found) in allowed.iter().zip(found) {
            if let [before, after] = allowed.as_slice()
                && before != after
            {
                let count = if found == before { &mut self.invisible } else { &mut self.visible };
                *count += 1;
            }
        }
    }

    fn count(&mut self, log: &Log) {
        self.kills += 1;
        match &log.pending {
            Some(op) => {
                let key = (op.kind(&log.world).to_owned(), log.stage.clone());
                *self.inside.entry(key).or_default() += 1;
            }
            None if log.intents == 0 => self.opening += 1,
            None => self.outside += 1,
        }
    }
}

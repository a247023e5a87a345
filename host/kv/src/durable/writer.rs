//! The thread that commits: takes queued writes in turn from each space, and makes one transaction of them.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use super::File;
use super::rows::Tables;
use crate::change::{Changed, apply};
use crate::data::{Options, Stats};
use crate::error::Error;
use crate::lane::{Job, Lane};
use crate::share::Room;

/// The most bytes of keys and values in one transaction, but for the last write of it.
const GROUP_BYTES: usize = 16 << 20;

#[derive(Debug)]
pub(super) struct Writer {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
pub(super) struct Shared {
    turns: Mutex<Turns>,
    wake: Condvar,
    writes: AtomicU64,
    commits: AtomicU64,
    failures: AtomicU64,
}

#[derive(Debug, Default)]
struct Turns {
    /// Lanes with queued writes, each once.
    lanes: VecDeque<Arc<Lane>>,
    closing: bool,
}

impl Shared {
    fn turns(&self) -> MutexGuard<'_, Turns> {
        // No code in these sections can panic half-way through a change.
        self.turns.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn queue(&self, lane: &Arc<Lane>, job: Job) {
        let mut turns = self.turns();
        if lane.push(job) {
            turns.lanes.push_back(lane.clone());
            self.wake.notify_one();
        }
    }

    /// Waits for writes and takes up to `group` of them, one from each lane in turn. `None` when the store closes and
    /// nothing is left.
    pub(super) fn group(&self, group: usize) -> Option<Vec<(Arc<Lane>, Job)>> {
        let mut turns = self.turns();
        while turns.lanes.is_empty() {
            if turns.closing {
                return None;
            }
            turns = self.wake.wait(turns).unwrap_or_else(PoisonError::into_inner);
        }
        let mut taken = Vec::new();
        let (mut writes, mut bytes) = (0usize, 0usize);
        while writes < group && bytes < GROUP_BYTES {
            let Some(lane) = turns.lanes.pop_front() else { break };
            let Some((job, more)) = lane.pop() else { continue };
            if more {
                turns.lanes.push_back(lane.clone());
            }
            writes = writes.saturating_add(job.write.changes.len());
            bytes = bytes.saturating_add(job.write.bytes());
            taken.push((lane, job));
        }
        Some(taken)
    }
}

impl Writer {
    pub(super) fn start(file: Arc<File>, options: &Options) -> Result<Self, Error> {
        let shared = Arc::new(Shared::default());
        let (group, room) = (options.group.max(1), options.room());
        let thread = std::thread::Builder::new()
            .name("ringfence-kv".into())
            .spawn({
                let shared = shared.clone();
                move || run(&shared, &file, group, room)
            })
            .map_err(|error| Error::from(redb::StorageError::Io(error)))?;
        Ok(Self { shared, thread: Some(thread) })
    }

    pub(super) fn queue(&self, lane: &Arc<Lane>, job: Job) {
        self.shared.queue(lane, job);
    }

    pub(super) fn stats(&self) -> Stats {
        Stats {
            writes: self.shared.writes.load(Ordering::Relaxed),
            commits: self.shared.commits.load(Ordering::Relaxed),
            failures: self.shared.failures.load(Ordering::Relaxed),
        }
    }
}

impl Drop for Writer {
    /// Waits until what is queued is committed, so that the file can be opened again at once.
    fn drop(&mut self) {
        self.shared.turns().closing = true;
        self.shared.wake.notify_one();
        if let Some(thread) = self.thread.take() {
            // The thread catches what panics, so there is nothing to report.
            drop(thread.join());
        }
    }
}

fn run(shared: &Shared, file: &File, group: usize, room: Room) {
    while let Some(jobs) = shared.group(group) {
        // Nobody waits for these any more, and nothing says that they were made.
        let jobs: Vec<_> = jobs.into_iter().filter(|(_, job)| !job.answer.is_closed()).collect();
        if jobs.is_empty() {
            continue;
        }
        if !file.is_open() {
            file.reopen();
        }
        match commit(file, &jobs, room) {
            Ok(answers) => {
                let writes = answers.iter().filter(|answer| answer.is_ok()).count();
                if writes > 0 {
                    let writes = u64::try_from(writes).unwrap_or(u64::MAX);
                    shared.writes.fetch_add(writes, Ordering::Relaxed);
                    shared.commits.fetch_add(1, Ordering::Relaxed);
                }
                for ((_, job), answer) in jobs.into_iter().zip(answers) {
                    // A caller that has gone does not want its answer.
                    drop(job.answer.send(answer));
                }
            }
            Err(error) => {
                shared.failures.fetch_add(1, Ordering::Relaxed);
                file.reopen();
                for (_, job) in jobs {
                    drop(job.answer.send(Err(error.clone())));
                }
            }
        }
    }
}

/// Makes all writes in one transaction. The outer error means that none was made.
fn commit(
    file: &File,
    jobs: &[(Arc<Lane>, Job)],
    room: Room,
) -> Result<Vec<Result<Vec<Changed>, Error>>, Error> {
    file.with(|database| {
        let mut write = database.begin_write()?;
        write.set_two_phase_commit(true);
        write.set_quick_repair(true);
        let mut answers = Vec::with_capacity(jobs.len());
        {
            let mut tables = Tables::open(&write)?;
            for (lane, job) in jobs {
                answers.push(match apply(&mut tables.of(&lane.space, room), &job.write) {
                    Ok(answer) => answer,
                    // A damaged row fails the writes that need it, and no others of the group.
                    Err(damaged @ Error::Damaged { .. }) => Err(damaged),
                    Err(error) => return Err(error),
                });
            }
        }
        if answers.iter().any(Result::is_ok) {
            write.commit()?;
        } else {
            write.abort()?;
        }
        Ok(answers)
    })
}

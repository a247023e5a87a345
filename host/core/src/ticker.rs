//! The thread that prompts busy guests to look at the clock, every millisecond while anything runs.
//!
//! It only prompts: whether a deadline has passed is decided by the clock, in the run itself, so a
//! late tick makes no run longer than the tick is late, and no tick ends a neighbour's run.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, Thread};
use std::time::Duration;

use wasmtime::{Engine, EngineWeak};

use crate::error::HostError;

const TICK: Duration = Duration::from_millis(1);

/// Ticks without a run after which the thread goes to sleep. Waking it costs the run that does it
/// some microseconds, so it lingers.
const LINGER: u32 = 250;

#[derive(Debug)]
pub(crate) struct Ticker {
    shared: Arc<Shared>,
    thread: Thread,
}

#[derive(Debug, Default)]
struct Shared {
    running: AtomicUsize,
    asleep: AtomicBool,
    stop: AtomicBool,
}

impl Ticker {
    pub(crate) fn start(engine: &Engine) -> Result<Self, HostError> {
        let shared = Arc::new(Shared::default());
        let engine = engine.weak();
        let of_thread = Arc::clone(&shared);
        let handle = thread::Builder::new()
            .name("ringfence-ticker".into())
            .spawn(move || tick(&of_thread, &engine))
            .map_err(|error| HostError::Ticker(error.to_string()))?;
        Ok(Self { shared, thread: handle.thread().clone() })
    }

    /// Ticks go on at least as long as what this gives is alive.
    pub(crate) fn running(&self) -> Running {
        self.shared.running.fetch_add(1, Ordering::SeqCst);
        if self.shared.asleep.load(Ordering::SeqCst) {
            self.thread.unpark();
        }
        Running(Arc::clone(&self.shared))
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::SeqCst);
        self.thread.unpark();
    }
}

/// One run that wants ticks.
#[derive(Debug)]
pub(crate) struct Running(Arc<Shared>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Ordering::SeqCst);
    }
}

fn tick(shared: &Shared, engine: &EngineWeak) {
    let mut idle: u32 = 0;
    while !shared.stop.load(Ordering::SeqCst) {
        if shared.running.load(Ordering::SeqCst) > 0 {
            idle = 0;
        } else if idle < LINGER {
            idle = idle.saturating_add(1);
        } else {
            // Said before it is looked at: a run that begins in between sees it and unparks, and an
            // unpark before the park makes the park return at once.
            shared.asleep.store(true, Ordering::SeqCst);
            if shared.running.load(Ordering::SeqCst) == 0 && !shared.stop.load(Ordering::SeqCst) {
                thread::park();
            }
            shared.asleep.store(false, Ordering::SeqCst);
            idle = 0;
        }
        thread::sleep(TICK);
        // The thread must not keep the engine alive: runs and hosts do.
        let Some(engine) = engine.upgrade() else { return };
        engine.increment_epoch();
    }
}

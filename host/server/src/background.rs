//! Long runs go on beside the short ones: a run that has had its first slices on the threads that answer requests goes on
//! on threads of its own, which the system gives less to while others want more. So a loop without end costs a short
//! call next to nothing, and nobody has to know beforehand which is which.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;
use std::time::{Duration, Instant};

use tokio::runtime::Runtime;
use tokio::task::JoinHandle;

/// Slices of a run on the threads that answer requests. A slice is 100,000 units of fuel, some 3 to 50 µs; a wait in the
/// host ends one as well.
const SLICES: u32 = 20;

/// A run is long after this time, also when its slices were few: a bulk memory operation is a slice of its own, and
/// takes milliseconds.
const LONG: Duration = Duration::from_millis(2);

/// By how much the system prefers everything else: about ten times as much time for what wants it too.
const NICE: i32 = 10;

/// Threads for long runs.
#[derive(Debug)]
pub(crate) struct Background {
    /// Taken when it is dropped.
    runtime: Option<Runtime>,
}

impl Background {
    /// As many threads as there are cores.
    pub(crate) fn new() -> std::io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .thread_name("ringfence-long")
            .enable_time()
            .event_interval(1)
            .global_queue_interval(1)
            // It is of the thread alone on Linux; elsewhere of the process, which must stay as it is.
            .on_thread_start(|| {
                if cfg!(target_os = "linux") {
                    let _ = rustix::process::setpriority_process(None, NICE);
                }
            })
            .build()?;
        Ok(Self { runtime: Some(runtime) })
    }

    /// Runs to the end, here as long as it is short. Dropped, it stops, wherever it is.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        mut run: Pin<Box<dyn Future<Output = T> + Send>>,
    ) -> Result<T, tokio::task::JoinError> {
        let (mut slices, begun) = (0, Instant::now());
        let short = poll_fn(|context| match run.as_mut().poll(context) {
            Poll::Ready(ended) => Poll::Ready(Some(ended)),
            Poll::Pending if slices >= SLICES || begun.elapsed() >= LONG => Poll::Ready(None),
            Poll::Pending => {
                slices = slices.saturating_add(1);
                Poll::Pending
            }
        });
        match (short.await, &self.runtime) {
            (Some(ended), _) => Ok(ended),
            (None, Some(runtime)) => Stops(runtime.spawn(run)).ended().await,
            (None, None) => Ok(run.await),
        }
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        // A runtime that is dropped waits for its threads, which is not allowed where others run.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// A task that stops when nobody waits for it.
struct Stops<T>(JoinHandle<T>);

impl<T> Stops<T> {
    async fn ended(mut self) -> Result<T, tokio::task::JoinError> {
        (&mut self.0).await
    }
}

impl<T> Drop for Stops<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

//! Runs an admitted call: one store for one run, dropped whatever the outcome.
//!
//! [`Sandbox::run`] consumes the sandbox, so an instance is never used twice. Dropping its future
//! drops the store, and with it the instance, its memories and the permit.

use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;
use wasmtime::component::Instance;
use wasmtime::{Store, Trap, WasmBacktrace};

use crate::admit::Parking;
use crate::error::RunError;
use crate::limits::{HANDLES, Limits};
use crate::report::{Outcome, Report, TrapReport, Usage};
use crate::scratch::Wanted;
use crate::skill::Skill;
use crate::state::{Budget, GuestState, Stop, YIELD};
use crate::wasi::Wasi;

/// Fuel between two yields where nested components pass values to one another. The engine copies texts between them
/// without fuel, and a call that passes one burns some thirty units. A slice is thus a few copies, and computing is two
/// to three times slower because of the yields.
const YIELD_HANDING_OVER: u64 = 100;

/// A store with every limit set, before the guest exists.
pub(crate) struct Sandbox<'a> {
    store: Store<GuestState>,
    skill: &'a Skill,
    started: Instant,
    deadline: Instant,
    fuel: u64,
    parking: Arc<Parking>,
}

/// How a call ended, before it becomes an outcome.
enum End<R> {
    Returned(wasmtime::Result<R>),
    Deadline,
    Cancelled,
    /// The host has no memory for another slice.
    NoMemory,
}

/// A finished run: the outcome of the engine's part, and the store's state for the report.
pub(crate) struct Finished<R> {
    /// The tool's result, or how the run ended otherwise.
    pub(crate) ended: Result<R, Outcome<Infallible>>,
    pub(crate) usage: Usage,
    pub(crate) state: GuestState,
}

impl<'a> Sandbox<'a> {
    pub(crate) fn new(
        skill: &'a Skill,
        state: GuestState,
        fuel: u64,
        transfer: u64,
        started: Instant,
        parking: Arc<Parking>,
    ) -> Result<Self, RunError> {
        let deadline = state.deadline;
        let mut store = Store::new(skill.pre().engine(), state);
        store.limiter(|state| &mut state.limiter);
        store.set_hostcall_fuel(usize::try_from(transfer).unwrap_or(usize::MAX));
        store.set_max_component_handles(HANDLES);
        let interval = if skill.counts().hands_over { YIELD_HANDING_OVER } else { YIELD };
        // One unit more than the run may burn: see `run`.
        let metered = store
            .set_fuel(fuel.saturating_add(1))
            .and_then(|()| store.fuel_async_yield_interval(Some(interval)));
        metered.map_err(|error| RunError::host_because("cannot set the fuel", error))?;
        store.data_mut().yielded_at = fuel.saturating_add(1);
        Ok(Self { store, skill, started, deadline, fuel, parking })
    }

    /// Instantiates the skill and calls it through `call`. An `Err` is no run: the host or a host interface failed.
    pub(crate) async fn run<R, C>(
        mut self,
        cancel: Option<CancellationToken>,
        call: C,
    ) -> Result<Finished<R>, RunError>
    where
        C: AsyncFnOnce(Instance, &mut Store<GuestState>) -> wasmtime::Result<R>,
    {
        let mut busy = Duration::ZERO;
        let (end, ended_at) = {
            let guest = async {
                let instance = self.skill.pre().instantiate_async(&mut self.store).await?;
                call(instance, &mut self.store).await
            };
            race(pin!(guest), self.deadline, cancel, &self.parking, &mut busy).await
        };
        // The engine looks at the fuel at loops and calls only, so the last stretch may overrun, and what
        // is left is then 0. With the one unit more, 0 says just that.
        let owed = self.store.data().owed_fuel;
        let left = self.store.get_fuel().unwrap_or(0).saturating_sub(owed);
        let fuel = self.fuel.saturating_sub(left.saturating_sub(1));
        let overrun = left == 0;
        let mut state = self.store.into_data();
        Wasi::finish(&mut state);
        finish_log(&mut state);
        let usage = Usage {
            fuel,
            wall: ended_at.saturating_duration_since(self.started),
            busy,
            peak_memory: state.limiter.peak_memory(),
            peak_table_elements: state.limiter.peak_elements(),
            refused_growths: state.limiter.refused,
            host_calls: state.host_calls.used,
            log_lines: state.log.lines.len() as u64,
            log_bytes: state.log.bytes.used,
            log_dropped: state.log.dropped,
            output_bytes: state.output.used,
            capabilities: state.capabilities,
        };
        let ended = match ended(end, &mut state)? {
            Ok(_) if overrun => Err(Outcome::OutOfFuel),
            ended => ended,
        };
        Ok(Finished { ended, usage, state })
    }
}

impl<R> Finished<R> {
    /// Builds the report; `turn` makes an outcome of the returned value.
    pub(crate) fn report<T>(
        mut self,
        skill: &Skill,
        tool: &Arc<str>,
        limits: &Limits,
        wanted: &Wanted,
        turn: impl FnOnce(R, &mut Budget) -> Result<Outcome<T>, RunError>,
    ) -> Result<Report<T>, RunError> {
        let outcome = match self.ended {
            Ok(value) => turn(value, &mut self.state.output)?,
            Err(outcome) => outcome.map(|never| match never {}),
        };
        self.usage.output_bytes = self.state.output.used;
        let files = self.state.scratch.as_ref().map(|files| files.tree.collect(wanted));
        Ok(Report {
            run: self.state.run,
            skill: skill.digest(),
            tool: Arc::clone(tool),
            outcome,
            usage: self.usage,
            limits: limits.clone(),
            log: std::mem::take(&mut self.state.log.lines),
            denied: std::mem::take(&mut self.state.denied),
            files: files.unwrap_or_default(),
        })
    }
}

/// Polls the guest until it returns, the token is cancelled, or the clock passes the deadline.
///
/// A busy guest returns here with every yield, and host calls yield as well, so the loop reads the clock often
/// enough. It creates the timer only when the guest waits.
async fn race<R>(
    mut guest: Pin<&mut impl Future<Output = wasmtime::Result<R>>>,
    deadline: Instant,
    cancel: Option<CancellationToken>,
    parking: &Parking,
    busy: &mut Duration,
) -> (End<R>, Instant) {
    let mut timer = pin!(async { tokio::time::sleep_until(deadline.into()).await });
    let mut cancelled = pin!(async {
        match &cancel {
            Some(token) => token.cancelled().await,
            None => std::future::pending().await,
        }
    });
    poll_fn(|context: &mut Context<'_>| {
        let begun = Instant::now();
        if cancel.as_ref().is_some_and(CancellationToken::is_cancelled) {
            return Poll::Ready((End::Cancelled, begun));
        }
        if parking.is_refused() {
            return Poll::Ready((End::NoMemory, begun));
        }
        if begun >= deadline {
            return Poll::Ready((End::Deadline, begun));
        }
        let polled = guest.as_mut().poll(context);
        let now = Instant::now();
        *busy = busy.saturating_add(now.saturating_duration_since(begun));
        match polled {
            // A result that comes too late is none.
            Poll::Ready(Ok(_)) if now >= deadline => return Poll::Ready((End::Deadline, now)),
            Poll::Ready(result) => return Poll::Ready((End::Returned(result), now)),
            Poll::Pending => {}
        }
        if now >= deadline {
            return Poll::Ready((End::Deadline, now));
        }
        match parking.with_caller(|| timer.as_mut().poll(context).is_ready()) {
            Some(false) => {}
            Some(true) => return Poll::Ready((End::Deadline, now)),
            // Nobody reads the report.
            None => return Poll::Ready((End::Cancelled, now)),
        }
        if cancel.is_some() && cancelled.as_mut().poll(context).is_ready() {
            return Poll::Ready((End::Cancelled, now));
        }
        Poll::Pending
    })
    .await
}

/// Logs printed text without a line break at its end.
fn finish_log(state: &mut GuestState) {
    for line in state.wasi.take_rest().into_iter().flatten() {
        line.log(state);
    }
}

/// Finds the outcome. Our own reasons count first, whatever error the engine made of them.
fn ended<R>(end: End<R>, state: &mut GuestState) -> Result<Result<R, Outcome<Infallible>>, RunError> {
    let error = match end {
        End::Returned(Ok(value)) => return Ok(Ok(value)),
        End::Returned(Err(error)) => error,
        End::Deadline => return Ok(Err(Outcome::DeadlineExceeded)),
        End::Cancelled => return Ok(Err(Outcome::Cancelled)),
        End::NoMemory => return Ok(Err(Outcome::HostOverloaded)),
    };
    let outcome = match state.stop.take() {
        Some(Stop::Fuel) => Outcome::OutOfFuel,
        Some(Stop::HostCalls) => Outcome::HostCallLimit,
        Some(Stop::Output) => Outcome::OutputLimit,
        Some(Stop::Trap(code, message)) => trapped(code, &message, &error, state),
        Some(Stop::Fault(fault)) => return Err(fault),
        None => engine_error(&error, state),
    };
    Ok(Err(outcome))
}

fn engine_error(error: &wasmtime::Error, state: &GuestState) -> Outcome<Infallible> {
    if state.limiter.host_refused || is_pool_full(error) {
        return Outcome::HostOverloaded;
    }
    let refused = state.limiter.refused > 0;
    match error.downcast_ref::<Trap>() {
        Some(Trap::OutOfFuel) => Outcome::OutOfFuel,
        // What library code makes of a refused growth.
        Some(Trap::UnreachableCodeReached) if refused => Outcome::MemoryLimit,
        Some(trap) => trapped(trap_code(*trap), &trap.to_string(), error, state),
        None => untyped(error, state),
    }
}

#[cfg(feature = "pool")]
fn is_pool_full(error: &wasmtime::Error) -> bool {
    error.is::<wasmtime::PoolConcurrencyLimitError>()
}

#[cfg(not(feature = "pool"))]
fn is_pool_full(_: &wasmtime::Error) -> bool {
    false
}

/// Recognises errors without a type in wasmtime 48 by their text. `tests/sandbox` pins each text, and `tests/edge`
/// (`small`) that for lack of memory.
///
/// Only the root of the error counts: a backtrace around it contains names that the guest chose.
fn untyped(error: &wasmtime::Error, state: &GuestState) -> Outcome<Infallible> {
    let root = error.root_cause().to_string();
    let begins = |text: &str| root.starts_with(text);
    if begins("too much data is being copied between the host and the guest") {
        return Outcome::OutputLimit;
    }
    // The system has no address space or no memory for an instance: the guest cannot help it.
    if error.is::<wasmtime::OutOfMemory>() || begins("Cannot allocate memory (os error 12)") {
        return Outcome::HostOverloaded;
    }
    let minimum = begins("memory minimum size of") || begins("table minimum size of");
    if begins("resource limit exceeded") || (minimum && state.limiter.refused > 0) {
        return Outcome::MemoryLimit;
    }
    // The engine counts a borrowed handle during its call.
    if begins("cannot allocate another handle") || root.ends_with("store handle limit exceeded") {
        return trapped("too-many-handles", &root, error, state);
    }
    // The rest are values that break the canonical ABI: a pointer out of bounds, a bad discriminant,
    // text that is not Unicode.
    trapped("abi-violation", &root, error, state)
}

fn trapped(
    code: &'static str,
    message: &str,
    error: &wasmtime::Error,
    state: &GuestState,
) -> Outcome<Infallible> {
    let backtrace = error.downcast_ref::<WasmBacktrace>().map(|trace| {
        trace.frames().iter().take(20).map(|frame| {
            let name = match frame.func_name() {
                Some(name) => name.to_owned(),
                None => format!("<function {}>", frame.func_index()),
            };
            let offset = frame.module_offset().map_or_else(String::new, |offset| format!(" at 0x{offset:x}"));
            crate::text::clean(&format!("{name}{offset}"), 256)
        })
    });
    Outcome::Trapped(Box::new(TrapReport {
        code,
        message: crate::text::clean(message.strip_prefix("wasm trap: ").unwrap_or(message), 1024),
        growth_refused: state.limiter.refused > 0,
        backtrace: backtrace.map(Iterator::collect).unwrap_or_default(),
    }))
}

/// Returns the stable name of a trap.
fn trap_code(trap: Trap) -> &'static str {
    match trap {
        Trap::StackOverflow => "stack-overflow",
        Trap::MemoryOutOfBounds => "memory-out-of-bounds",
        Trap::HeapMisaligned => "heap-misaligned",
        Trap::TableOutOfBounds => "table-out-of-bounds",
        Trap::IndirectCallToNull => "indirect-call-to-null",
        Trap::BadSignature => "bad-signature",
        Trap::IntegerOverflow => "integer-overflow",
        Trap::IntegerDivisionByZero => "integer-division-by-zero",
        Trap::BadConversionToInteger => "bad-conversion-to-integer",
        Trap::UnreachableCodeReached => "unreachable",
        Trap::NullReference => "null-reference",
        Trap::AllocationTooLarge => "allocation-too-large",
        Trap::CannotEnterComponent => "cannot-enter-component",
        Trap::CannotLeaveComponent => "cannot-leave-component",
        // The component's own values, seen by the adapters between components.
        Trap::InvalidChar
        | Trap::StringOutOfBounds
        | Trap::ListOutOfBounds
        | Trap::InvalidDiscriminant
        | Trap::UnalignedPointer => "abi-violation",
        // Proposals that are off; the engine may add more.
        _ => "other",
    }
}

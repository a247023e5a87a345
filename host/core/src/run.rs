//! Permit → Sandbox → Report: one store for one run, dropped whatever the outcome.
//!
//! [`Sandbox::run`] consumes the sandbox, so an instance is never used twice. Dropping its future
//! drops the store, and with it the instance, its memories and the permit.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;
use wasmtime::component::Instance;
use wasmtime::{Store, Trap, UpdateDeadline, WasmBacktrace};

use crate::error::RunError;
use crate::report::{Outcome, Report, TrapReport, Usage};
use crate::skill::Skill;
use crate::state::{GuestState, Stop};
use crate::ticker;

/// Fuel between two yields of a busy guest: about 3 to 50 µs of work.
const YIELD: u64 = 100_000;

/// Handles to resources that a run may hold at once.
const HANDLES: usize = 1_000;

/// A store with every limit set, before anything of the guest exists.
pub(crate) struct Sandbox {
    store: Store<GuestState>,
    skill: Skill,
    started: Instant,
    deadline: Instant,
    fuel: u64,
    _running: ticker::Running,
}

/// How a call ended, before it is an outcome.
enum End<R> {
    Returned(wasmtime::Result<R>),
    Deadline,
    Cancelled,
}

/// A finished run: the outcome of the engine's part, and the store's state for the report.
pub(crate) struct Finished<R> {
    pub(crate) outcome: Outcome<R>,
    pub(crate) usage: Usage,
    pub(crate) state: GuestState,
}

impl Sandbox {
    pub(crate) fn new(
        skill: Skill,
        state: GuestState,
        fuel: u64,
        transfer: u64,
        started: Instant,
        running: ticker::Running,
    ) -> Result<Self, RunError> {
        let engine = skill.pre().engine().clone();
        let deadline = state.deadline;
        let mut store = Store::new(&engine, state);
        store.limiter(|state| &mut state.limiter);
        store.set_hostcall_fuel(usize::try_from(transfer).unwrap_or(usize::MAX));
        store.set_max_component_handles(HANDLES);
        // One unit more than the run may burn: see `run`.
        let metered = store
            .set_fuel(fuel.saturating_add(1))
            .and_then(|()| store.fuel_async_yield_interval(Some(YIELD)));
        metered.map_err(|error| RunError::Host(format!("fuel: {error:#}")))?;
        store.set_epoch_deadline(1);
        store.epoch_deadline_callback(move |mut store| {
            if Instant::now() < deadline {
                return Ok(UpdateDeadline::Continue(1));
            }
            Err(store.data_mut().stop(Stop::Deadline))
        });
        Ok(Self { store, skill, started, deadline, fuel, _running: running })
    }

    /// Instantiates, and calls through `call`. `Err` is not a run: the host or a lent function failed.
    pub(crate) async fn run<R, C>(
        mut self,
        cancel: Option<CancellationToken>,
        call: C,
    ) -> Result<Finished<R>, RunError>
    where
        C: AsyncFnOnce(Instance, &mut Store<GuestState>) -> wasmtime::Result<R>,
    {
        let mut busy = Duration::ZERO;
        let end = {
            let guest = async {
                let instance = self.skill.pre().instantiate_async(&mut self.store).await?;
                call(instance, &mut self.store).await
            };
            race(pin!(guest), self.deadline, cancel, &mut busy).await
        };
        // The engine looks at the fuel at loops and calls only, so the last stretch may overrun, and what
        // is left is then 0. With the one unit more, 0 says just that.
        let left = self.store.get_fuel().unwrap_or(0);
        let fuel = self.fuel.saturating_sub(left.saturating_sub(1));
        let overrun = left == 0;
        let mut state = self.store.into_data();
        finish_log(&mut state);
        let usage = Usage {
            fuel,
            wall: self.started.elapsed(),
            busy,
            peak_memory: state.limiter.peak_memory(),
            peak_table_elements: state.limiter.peak_elements(),
            refused_growths: state.limiter.refused,
            host_calls: state.host_calls.used,
            log_lines: state.log.lines.len() as u64,
            log_bytes: state.log.bytes.used,
            log_dropped: state.log.dropped,
            output_bytes: state.output.used,
        };
        let outcome = match outcome(end, &mut state)? {
            Outcome::Completed(_) if overrun => Outcome::OutOfFuel,
            outcome => outcome,
        };
        Ok(Finished { outcome, usage, state })
    }
}

impl<R> Finished<R> {
    pub(crate) fn report(self, skill: &Skill, tool: &Arc<str>, limits: &crate::Limits) -> Report<R> {
        Report {
            run: self.state.run,
            skill: skill.digest(),
            tool: Arc::clone(tool),
            outcome: self.outcome,
            usage: self.usage,
            limits: limits.clone(),
            log: self.state.log.lines,
        }
    }
}

/// Polls the guest until it returns, the token is cancelled, or the clock passes the deadline.
///
/// A busy guest comes back here with every yield, so this also ends guests whose epoch is late. The
/// timer is made only when there is something to wait for.
async fn race<R>(
    mut guest: Pin<&mut impl Future<Output = wasmtime::Result<R>>>,
    deadline: Instant,
    cancel: Option<CancellationToken>,
    busy: &mut Duration,
) -> End<R> {
    let mut timer = pin!(async { tokio::time::sleep_until(deadline.into()).await });
    let mut cancelled = pin!(async {
        match &cancel {
            Some(token) => token.cancelled().await,
            None => std::future::pending().await,
        }
    });
    poll_fn(|context: &mut Context<'_>| {
        if cancel.as_ref().is_some_and(CancellationToken::is_cancelled) {
            return Poll::Ready(End::Cancelled);
        }
        let begun = Instant::now();
        let polled = guest.as_mut().poll(context);
        let now = Instant::now();
        *busy = busy.saturating_add(now.saturating_duration_since(begun));
        if let Poll::Ready(result) = polled {
            return Poll::Ready(End::Returned(result));
        }
        if now >= deadline || timer.as_mut().poll(context).is_ready() {
            return Poll::Ready(End::Deadline);
        }
        if cancel.is_some() && cancelled.as_mut().poll(context).is_ready() {
            return Poll::Ready(End::Cancelled);
        }
        Poll::Pending
    })
    .await
}

/// What was printed without a line break at the end.
fn finish_log(state: &mut GuestState) {
    for (source, text) in state.wasi.take_rest().into_iter().flatten() {
        state.log(crate::wasi::level(source), source, &text, false);
    }
}

/// Our own reasons first: whatever error the engine made of them on the way out.
fn outcome<R>(end: End<R>, state: &mut GuestState) -> Result<Outcome<R>, RunError> {
    let error = match end {
        End::Deadline => return Ok(Outcome::DeadlineExceeded),
        End::Cancelled => return Ok(Outcome::Cancelled),
        End::Returned(Ok(value)) => return Ok(Outcome::Completed(value)),
        End::Returned(Err(error)) => error,
    };
    match state.stop.take() {
        Some(Stop::Deadline) => return Ok(Outcome::DeadlineExceeded),
        Some(Stop::HostCalls) => return Ok(Outcome::HostCallLimit),
        Some(Stop::Output) => return Ok(Outcome::OutputLimit),
        Some(Stop::Trap(code, message)) => return Ok(trapped(code, message, &error, state)),
        Some(Stop::Fault(fault)) => return Err(fault),
        None => {}
    }
    if state.limiter.host_refused || error.is::<wasmtime::PoolConcurrencyLimitError>() {
        return Ok(Outcome::HostOverloaded);
    }
    if error.is::<NotTheTypes>() {
        return Err(RunError::Input { pointer: String::new(), message: format!("{error:#}") });
    }
    let refused = state.limiter.refused > 0;
    Ok(match error.downcast_ref::<Trap>() {
        Some(Trap::OutOfFuel) => Outcome::OutOfFuel,
        Some(Trap::Interrupt) => Outcome::DeadlineExceeded,
        // What library code makes of a refused growth.
        Some(Trap::UnreachableCodeReached) if refused => Outcome::MemoryLimit,
        Some(trap) => trapped(trap_code(*trap), trap.to_string(), &error, state),
        None => untyped(&error, state),
    })
}

/// Errors for which wasmtime 48 has no type, by its words. `tests/sandbox` pins each.
fn untyped<R>(error: &wasmtime::Error, state: &GuestState) -> Outcome<R> {
    let text = format!("{error:#}");
    if text.contains("fuel allocated for hostcalls has been exhausted") {
        return Outcome::OutputLimit;
    }
    let count = text.contains("resource limit exceeded");
    let minimum = text.contains("minimum size") && text.contains("exceeds") && state.limiter.refused > 0;
    if count || minimum {
        return Outcome::MemoryLimit;
    }
    // The rest are values that break the canonical ABI: a pointer out of bounds, a bad discriminant,
    // text that is not Unicode.
    let message = error.root_cause().to_string();
    trapped("abi-violation", message, error, state)
}

fn trapped<R>(
    code: &'static str,
    message: String,
    error: &wasmtime::Error,
    state: &GuestState,
) -> Outcome<R> {
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
        message: crate::text::clean(message.strip_prefix("wasm trap: ").unwrap_or(&message), 1024),
        growth_refused: state.limiter.refused > 0,
        backtrace: backtrace.map(Iterator::collect).unwrap_or_default(),
    }))
}

/// The Rust types of a typed call are not those of the tool.
#[derive(Debug, thiserror::Error)]
#[error("the Rust types do not fit the tool's signature: {0}")]
pub(crate) struct NotTheTypes(pub(crate) String);

/// The stable name of a trap.
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

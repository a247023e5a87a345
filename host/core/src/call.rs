//! A call from the caller's side: its input, its options, and the ways to run it.

use std::any::Any;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use futures_core::Stream;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio_util::sync::CancellationToken;
use wasmtime::component::{ComponentNamedList, Lift, Lower, Val};

use crate::admit::{Needs, Parking};
use crate::call_files;
use crate::capability::{Bodies, Swaps};
use crate::description::ToolResult;
use crate::error::RunError;
use crate::event::Event;
use crate::grants::{CapabilityUsage, Granted};
use crate::host::Host;
use crate::json::{self, InputError, Overflow};
use crate::limiter::Limiter;
use crate::limits::Limits;
use crate::principal::Principal;
use crate::report::{LogLine, Outcome, Ran, Report, RunId};
use crate::run::{Finished, Sandbox};
use crate::scratch::{Brought, LISTING, Wanted};
use crate::skill::{Found, Skill};
use crate::state::{Budget, GuestState, Log, RunState};
use crate::types::TypeId;
use crate::wasi::{Clock, Wasi};

/// Bytes of an input from which on a run thread reads it. Reading that many takes about a tenth of a slice.
const HEAVY: usize = 64 << 10;

/// The input of a call: one JSON object with a member for each parameter.
#[derive(Debug, Clone)]
pub enum Input {
    /// JSON text. The host parses it once, directly into values, and refuses duplicate members.
    Text(String),
    /// A parsed JSON value.
    Value(serde_json::Value),
}

impl From<serde_json::Value> for Input {
    fn from(value: serde_json::Value) -> Self {
        Self::Value(value)
    }
}

impl From<String> for Input {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&str> for Input {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

/// Prepares a call; see [`Host::call`].
///
/// Nothing runs until you await [`Call::json`], [`Call::values`] or [`Call::typed`], or poll the [`Running`] of
/// [`Call::start`].
///
/// Defaults: [`Limits::default`], the host's clock, a fresh seed, no token, no context, no grants.
#[must_use = "a call does nothing until it is awaited"]
pub struct Call {
    host: Host,
    skill: Skill,
    tool: String,
    limits: Limits,
    seed: Option<u64>,
    clock: Clock,
    cancel: Option<CancellationToken>,
    context: Option<Arc<dyn Any + Send + Sync>>,
    granted: Granted,
    files: Vec<Brought>,
    wanted: Wanted,
    events: Option<UnboundedSender<Event>>,
    principal: Option<Principal>,
    kept: Option<Box<dyn Any + Send + Sync>>,
    wait: Duration,
    check: Option<Check>,
}

/// Calls of tools.
impl Host {
    /// Runs a tool with JSON input and returns the report.
    ///
    /// # Errors
    ///
    /// Fails with a [`RunError`] if no run took place.
    pub async fn run(
        &self,
        skill: &Skill,
        tool: &str,
        input: impl Into<Input>,
        limits: &Limits,
    ) -> Result<Report, RunError> {
        self.call(skill, tool).limits(limits).json(input).await
    }

    /// Runs a tool as [`Host::run`] does, for a caller without a tokio runtime. Blocks this thread until the run ends.
    ///
    /// # Errors
    ///
    /// As [`Host::run`]. Fails with [`RunError::Host`] inside a tokio runtime, which it would block.
    pub fn run_blocking(
        &self,
        skill: &Skill,
        tool: &str,
        input: impl Into<Input>,
        limits: &Limits,
    ) -> Result<Report, RunError> {
        block_on(self.run(skill, tool, input, limits))
    }

    /// Prepares a call with options: limits, seed, clock, cancellation, events, values instead of JSON.
    pub fn call(&self, skill: &Skill, tool: &str) -> Call {
        Call::new(self, skill, tool)
    }
}

/// Decides whether a run can begin.
type Check = Box<dyn Fn() -> Result<(), RunError> + Send + Sync>;

impl std::fmt::Debug for Call {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Call").field("tool", &self.tool).field("limits", &self.limits).finish_non_exhaustive()
    }
}

impl Call {
    pub(crate) fn new(host: &Host, skill: &Skill, tool: &str) -> Self {
        Self {
            host: host.clone(),
            skill: skill.clone(),
            tool: tool.to_owned(),
            limits: Limits::default(),
            seed: None,
            clock: Clock::default(),
            cancel: None,
            context: None,
            granted: Granted::default(),
            files: Vec::new(),
            wanted: Wanted::default(),
            events: None,
            principal: None,
            kept: None,
            wait: Duration::ZERO,
            check: None,
        }
    }

    /// Sets the principal for whom the tool runs.
    ///
    /// Principals share the processor fairly: each of k busy principals gets a k-th of it, however many runs it has.
    /// Default: one principal for all calls that set none.
    pub fn principal(mut self, principal: &Principal) -> Self {
        self.principal = Some(principal.clone());
        self
    }

    /// Sets how long the run waits for a slot and for memory before it fails with [`RunError::Overloaded`].
    ///
    /// The wait counts towards the deadline. Default: no wait.
    pub fn wait(mut self, longest: Duration) -> Self {
        self.wait = longest;
        self
    }

    /// Sets the limits of the run.
    pub fn limits(mut self, limits: &Limits) -> Self {
        self.limits = limits.clone();
        self
    }

    /// Sets the seed of `wasi:random`: the same seed returns the same numbers.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// Sets the guest's clocks.
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Sets a token that cancels the run, with the outcome `cancelled`. It does not interrupt a bulk memory operation.
    pub fn cancel(mut self, token: CancellationToken) -> Self {
        self.cancel = Some(token);
        self
    }

    /// Sets a value for the functions of the embedder's host interfaces: see [`crate::HostCall::context`].
    pub fn context(mut self, context: Arc<dyn Any + Send + Sync>) -> Self {
        self.context = Some(context);
        self
    }

    /// Grants capabilities to the run. Default: none.
    pub fn grant(mut self, granted: Granted) -> Self {
        self.granted = granted;
        self
    }

    /// Adds a file to the scratch files of the run, and the directories above it.
    ///
    /// The path has names with `/` between them: `data.csv`, `tmp/in/data.csv`. The caps of [`Granted::scratch`] and the
    /// memory limit count it like a file of the guest's. The call fails with [`RunError::File`] if the run has no scratch
    /// files, or no room for it.
    pub fn file(mut self, path: impl Into<String>, contents: impl Into<Vec<u8>>) -> Self {
        self.files.push(Brought { path: path.into(), contents: contents.into() });
        self
    }

    /// Asks for scratch files as they are at the end of the run, for [`Report::files`].
    ///
    /// A path of a directory stands for all files below it, and `/` for all files. The contents of at most `bytes` bytes
    /// are returned, and never more than the run's memory limit; of further files only path and size are. At most 100
    /// paths. Files are left out beyond 1 MiB of paths, each with 64 bytes beside it, and below paths of 4,096 bytes.
    pub fn return_files(mut self, paths: impl IntoIterator<Item = impl Into<String>>, bytes: u64) -> Self {
        self.wanted = Wanted { paths: paths.into_iter().map(Into::into).collect(), bytes };
        self
    }

    /// Keeps `guard` until the run has ended and returned its reservation, even if the caller drops the run. Earlier guards
    /// stay.
    pub fn keep(mut self, guard: impl Any + Send + Sync) -> Self {
        self.kept = Some(match self.kept.take() {
            None => Box::new(guard),
            Some(earlier) => Box::new((earlier, guard)),
        });
        self
    }

    /// Sets a check for the start of the run, after its wait. If the check fails, the call fails with its error.
    pub fn check(mut self, check: impl Fn() -> Result<(), RunError> + Send + Sync + 'static) -> Self {
        self.check = Some(Box::new(check));
        self
    }

    /// Runs the tool with JSON input and output.
    ///
    /// It needs a tokio runtime with its timer enabled; without one see [`Host::run_blocking`].
    ///
    /// # Errors
    ///
    /// Fails with a [`RunError`] if no run took place. The report says how a run ended.
    pub async fn json(self, input: impl Into<Input>) -> Result<Report, RunError> {
        self.scheduled(input.into()).await
    }

    /// Starts the run under the scheduler, which also reads large inputs. Poll the future at once.
    fn scheduled(mut self, input: Input) -> impl Future<Output = Result<Report, RunError>> + Send + 'static {
        let (host, parking) = self.parking();
        let heavy = match &input {
            Input::Text(text) => text.len() > HEAVY || self.is_heavy(),
            Input::Value(_) => self.is_heavy(),
        };
        let begun = Instant::now();
        let work = Box::pin(self.json_input(input, Arc::clone(&parking), begun));
        async move { host.scheduler().run(parking, heavy, begun, work).await }
    }

    /// Runs the tool as [`Call::json`] does, and also returns the chunks of output that the guest emitted.
    ///
    /// # Errors
    ///
    /// As [`Call::json`].
    pub async fn json_and_chunks(self, input: impl Into<Input>) -> Result<Ran, RunError> {
        // Events are copies that a run pays for: one that cannot emit anything has none.
        if !self.skill.emits() {
            return Ok(Ran { report: self.json(input).await?, chunks: Vec::new() });
        }
        let mut run = self.start(input);
        let mut chunks = Vec::new();
        while let Some(event) = run.next_event().await {
            if let Event::Chunk(chunk) = event {
                chunks.push(chunk);
            }
        }
        Ok(Ran { report: run.report().await?, chunks })
    }

    /// Runs the tool as [`Call::json_and_chunks`] does, for a caller without a tokio runtime. Blocks this thread until
    /// the run ends.
    ///
    /// # Errors
    ///
    /// As [`Call::json`]. Fails with [`RunError::Host`] inside a tokio runtime, which it would block.
    pub fn json_and_chunks_blocking(self, input: impl Into<Input>) -> Result<Ran, RunError> {
        block_on(self.json_and_chunks(input))
    }

    async fn json_input(
        self,
        input: Input,
        parking: Arc<Parking>,
        begun: Instant,
    ) -> Result<Report, RunError> {
        let found = self.prepare()?;
        let wanted = call_files::normal(&self.wanted, &self.limits)?;
        let (params, held) = read_input(&found, &input, self.limits.input_size)?;
        drop(input);
        let finished = self.run_values(found, params, held, &parking, begun).await?;
        finished.report(&self.skill, &found.tool.name, &self.limits, &wanted, |value, output| {
            settle(found.tool.result, value, |value, ty| {
                let json = json::write(found.types, value.as_ref().zip(ty), output.left())?;
                output.spend(json.as_str().len() as u64);
                Ok(json)
            })
        })
    }

    /// Runs the tool with component values as input and output, without JSON.
    ///
    /// The values must have the parameters' types, in order. As with JSON, a top-level `result` becomes the outcome.
    /// The limits on input and output apply as for JSON: the host measures the size that the values would have.
    ///
    /// # Errors
    ///
    /// As [`Call::json`].
    pub async fn values(mut self, params: Vec<Val>) -> Result<Report<Option<Val>>, RunError> {
        let ((host, parking), heavy) = (self.parking(), self.is_heavy());
        let begun = Instant::now();
        let work = Box::pin(self.run_given(params, Arc::clone(&parking), begun));
        host.scheduler().run(parking, heavy, begun, work).await
    }

    async fn run_given(
        self,
        params: Vec<Val>,
        parking: Arc<Parking>,
        begun: Instant,
    ) -> Result<Report<Option<Val>>, RunError> {
        let found = self.prepare()?;
        let wanted = call_files::normal(&self.wanted, &self.limits)?;
        if params.len() != found.tool.params.len() {
            let message = format!("got {} values for {} parameters", params.len(), found.tool.params.len());
            return Err(RunError::Input { pointer: String::new(), message });
        }
        let mut size: u64 = 0;
        for (value, (name, ty)) in params.iter().zip(&found.tool.params) {
            let Ok(bytes) = json::measure(found.types, Some((value, *ty)), u64::MAX) else {
                let message = "the value does not have the type of the parameter".into();
                return Err(RunError::Input { pointer: format!("/{name}"), message });
            };
            size = size.saturating_add(bytes);
        }
        check_size(size, self.limits.input_size)?;
        let finished = self.run_values(found, params, size, &parking, begun).await?;
        finished.report(&self.skill, &found.tool.name, &self.limits, &wanted, |value, output| {
            settle(found.tool.result, value, |value, ty| {
                let bytes = json::measure(found.types, value.as_ref().zip(ty), output.left())?;
                output.spend(bytes);
                Ok(value)
            })
        })
    }

    /// Runs the tool with Rust types as input and output. This is the fastest way to call.
    ///
    /// `P` is the tuple of parameters, `R` the tuple of the result (`(T,)`, or `()` for none). A top-level `result`
    /// stays a `Result`, in a completed outcome.
    ///
    /// The host writes no JSON, so it measures neither input nor result. A result can take the bytes that
    /// [`crate::Tool::lift_bound`] returns for the output limit, or [`crate::HOST_CALL_BYTES`] if that is more. Emitted
    /// chunks count as usual.
    ///
    /// # Errors
    ///
    /// As [`Call::json`]. Fails with [`RunError::Input`] if the Rust types do not match those of the tool.
    pub async fn typed<P, R>(mut self, params: P) -> Result<Report<R>, RunError>
    where
        P: ComponentNamedList + Lower + Send + Sync + 'static,
        R: ComponentNamedList + Lift + Send + Sync + 'static,
    {
        let ((host, parking), heavy) = (self.parking(), self.is_heavy());
        let begun = Instant::now();
        let work = Box::pin(self.run_typed(params, Arc::clone(&parking), begun));
        host.scheduler().run(parking, heavy, begun, work).await
    }

    async fn run_typed<P, R>(
        self,
        params: P,
        parking: Arc<Parking>,
        begun: Instant,
    ) -> Result<Report<R>, RunError>
    where
        P: ComponentNamedList + Lower + Send + Sync + 'static,
        R: ComponentNamedList + Lift + Send + Sync + 'static,
    {
        let found = self.prepare()?;
        let wanted = call_files::normal(&self.wanted, &self.limits)?;
        found.check_types::<P, R>()?;
        let sandbox = self.sandbox(&found, 0, &parking, begun).await?;
        let export = found.export.index;
        let finished = sandbox
            .run(self.cancel.clone(), async move |instance, store| {
                let func = instance.get_typed_func::<P, R>(&mut *store, export)?;
                func.call_async(store, params).await
            })
            .await?;
        finished.report(&self.skill, &found.tool.name, &self.limits, &wanted, |value, _| {
            Ok(Outcome::Completed(value))
        })
    }

    /// Returns a run of the tool with JSON input, and with events for the caller to read. It proceeds while you poll it.
    pub fn start(mut self, input: impl Into<Input>) -> Running {
        let (sender, events) = unbounded_channel();
        self.events = Some(sender);
        let input = input.into();
        Running { run: Some(Box::pin(self.scheduled(input))), events, report: None }
    }

    /// Returns whether the run needs a run thread from the start.
    fn is_heavy(&self) -> bool {
        let files = self.files.iter().map(|file| file.contents.len()).fold(0, usize::saturating_add);
        files > HEAVY || self.skill.counts().hands_over
    }

    /// Returns the host that schedules the run, and the run's resources there.
    fn parking(&mut self) -> (Host, Arc<Parking>) {
        let host = self.host.clone();
        let principal = self.principal.take().unwrap_or_else(|| host.nobody().clone());
        let parking = Parking::new(host.admission(), principal);
        (host, parking)
    }

    /// Refuses what can be refused before the input is read.
    fn prepare(&self) -> Result<Found<'_>, RunError> {
        self.limits.check(self.host.caps())?;
        if !wasmtime::Engine::same(self.host.engine(), self.skill.pre().engine()) {
            return Err(RunError::ForeignSkill { skill: self.skill.digest() });
        }
        if tokio::runtime::Handle::try_current().is_err() {
            let message = "no tokio runtime; call within one, or use `Host::run_blocking`";
            return Err(RunError::host(message));
        }
        self.skill.lookup(&self.tool)
    }

    async fn run_values(
        &self,
        found: Found<'_>,
        params: Vec<Val>,
        held: u64,
        parking: &Arc<Parking>,
        begun: Instant,
    ) -> Result<Finished<Option<Val>>, RunError> {
        let sandbox = self.sandbox(&found, held, parking, begun).await?;
        let export = found.export.index;
        let has_result = found.tool.result != ToolResult::Nothing;
        sandbox
            .run(self.cancel.clone(), async move |instance, store| {
                let func = instance.get_func(&mut *store, export);
                let func = func.ok_or_else(|| wasmtime::Error::msg("the exported function is missing"))?;
                let mut slot = [Val::Bool(false)];
                let results = if has_result { &mut slot[..] } else { &mut [] };
                func.call_async(store, &params, results).await?;
                let [value] = slot;
                Ok(has_result.then_some(value))
            })
            .await
    }

    /// Reserves the run's needs and sets every limit. `held` are the bytes of the input in the host; the deadline
    /// counts from `started`, when the call was made.
    async fn sandbox(
        &self,
        found: &Found<'_>,
        held: u64,
        parking: &Arc<Parking>,
        started: Instant,
    ) -> Result<Sandbox<'_>, RunError> {
        let (host, limits) = (&self.host, &self.limits);
        let mut needs = Needs::of(self.skill.counts());
        // A skill that starts with more than its run may have is refused by the run's own limit.
        needs.guest_bytes =
            needs.guest_bytes.min(limits.memory.saturating_add(limits.table_elements.saturating_mul(8)));
        let transfer = found.transfer_bound(limits.output_size);
        needs.host_bytes = needs
            .host_bytes
            .saturating_add(limits.log_size)
            .saturating_add(u64::from(limits.log_lines).saturating_mul(size_of::<LogLine>() as u64))
            .saturating_add(held.min(limits.input_size.saturating_mul(32)));
        needs.result_bytes = limits.output_size.saturating_add(transfer);
        if !self.wanted.paths.is_empty() {
            let files = self.wanted.bytes.min(limits.memory).saturating_add(LISTING);
            needs.result_bytes = needs.result_bytes.saturating_add(files);
        }
        // Events are copies of log and output that wait for whoever listens.
        if self.events.is_some() {
            let log = u64::from(limits.log_lines).saturating_mul(size_of::<Event>() as u64);
            let events = limits.log_size.saturating_add(limits.output_size).saturating_add(log);
            needs.host_bytes = needs.host_bytes.saturating_add(events);
        }
        let permit = parking.admit(needs, self.wait).await?;
        if let Some(check) = &self.check {
            check()?;
        }
        let Some(deadline) = started.checked_add(limits.deadline) else {
            return Err(RunError::host("the deadline is too far in the future for the clock"));
        };
        parking.begin(deadline);
        let mut state = GuestState::new(RunState {
            run: RunId::next(host.process()),
            limiter: Limiter::new(limits, permit),
            log: Log::new(limits),
            host_calls: Budget::new(limits.host_calls),
            output: Budget::new(limits.output_size),
            deadline,
            events: self.events.clone(),
            context: self.context.clone(),
            skill: self.skill.digest(),
            granted: self.granted.clone(),
            capabilities: CapabilityUsage::default(),
            denied: Vec::new(),
            bodies: Bodies::default(),
            swaps: Swaps::default(),
            wasi: Wasi::new(self.clock, self.seed, started, limits.deadline),
            scratch: None,
            yielded_at: 0,
            owed_fuel: 0,
            stop: None,
        });
        call_files::bring(&self.files, &mut state)?;
        Sandbox::new(&self.skill, state, limits.fuel, transfer, started, Arc::clone(parking))
    }
}

fn read_input(found: &Found<'_>, input: &Input, limit: u64) -> Result<(Vec<Val>, u64), RunError> {
    let params = &found.tool.params;
    let read = match input {
        Input::Text(text) => {
            check_size(text.len() as u64, limit)?;
            json::read_params(found.types, params, text.as_bytes(), limit)
        }
        Input::Value(value) => {
            let mut counter = Counter(0);
            // Counting cannot fail: nothing is written.
            let _ = serde_json::to_writer(&mut counter, value);
            check_size(counter.0, limit)?;
            json::read_params_value(found.types, params, value, limit)
        }
    };
    read.map_err(|InputError { pointer, message }| RunError::Input { pointer, message })
}

fn check_size(size: u64, limit: u64) -> Result<(), RunError> {
    if size > limit { Err(RunError::InputTooLarge { size, limit }) } else { Ok(()) }
}

struct Counter(u64);

impl std::io::Write for Counter {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0 = self.0.saturating_add(bytes.len() as u64);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Turns a returned value into an outcome: a top-level `result` becomes completed or failed. A value beyond the
/// output limit is an outcome too; a value of the wrong type is a fault of the host.
fn settle<T>(
    result: ToolResult,
    value: Option<Val>,
    turn: impl FnOnce(Option<Val>, Option<TypeId>) -> Result<T, Overflow>,
) -> Result<Outcome<T>, RunError> {
    let settled = match (result, value) {
        (ToolResult::Nothing, None) => turn(None, None).map(Outcome::Completed),
        (ToolResult::Value(ty), Some(value)) => turn(Some(value), Some(ty)).map(Outcome::Completed),
        (ToolResult::Fallible { ok, .. }, Some(Val::Result(Ok(value)))) => {
            turn(value.map(|value| *value), ok).map(Outcome::Completed)
        }
        (ToolResult::Fallible { err, .. }, Some(Val::Result(Err(value)))) => {
            turn(value.map(|value| *value), err).map(Outcome::Failed)
        }
        _ => Err(Overflow::Mismatch),
    };
    match settled {
        Ok(outcome) => Ok(outcome),
        Err(Overflow::Limit) => Ok(Outcome::OutputLimit),
        Err(Overflow::Mismatch) => {
            Err(RunError::host("a value does not have the type that its tool declares"))
        }
    }
}

type ReportFuture = Pin<Box<dyn Future<Output = Result<Report, RunError>> + Send>>;

/// A run with a stream of events, then its report.
///
/// The run proceeds only while you poll it. Dropping it stops the run at its next yield.
#[must_use = "a run makes progress only while it is polled"]
pub struct Running {
    run: Option<ReportFuture>,
    events: UnboundedReceiver<Event>,
    report: Option<Result<Report, RunError>>,
}

impl std::fmt::Debug for Running {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Running").field("finished", &self.run.is_none()).finish_non_exhaustive()
    }
}

impl Running {
    /// Returns the next event, or none when the run has ended.
    pub async fn next_event(&mut self) -> Option<Event> {
        std::future::poll_fn(|context| Pin::new(&mut *self).poll_next(context)).await
    }

    /// Runs to the end, drops the remaining events, and returns the report.
    ///
    /// # Errors
    ///
    /// As [`Call::json`].
    pub async fn report(mut self) -> Result<Report, RunError> {
        // Nobody reads them any more, so they need not be kept.
        self.events.close();
        while self.events.try_recv().is_ok() {}
        match (self.report.take(), self.run.take()) {
            (Some(report), _) => report,
            (None, Some(run)) => run.await,
            (None, None) => Err(RunError::host("the report was already taken")),
        }
    }
}

impl Stream for Running {
    type Item = Event;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Event>> {
        if let Poll::Ready(Some(event)) = self.events.poll_recv(context) {
            return Poll::Ready(Some(event));
        }
        if let Some(run) = &mut self.run
            && let Poll::Ready(report) = run.as_mut().poll(context)
        {
            self.report = Some(report);
            // With it goes the last sender, so the channel ends after what is in it.
            self.run = None;
        }
        self.events.poll_recv(context)
    }
}

/// Runs a future to its end on this thread, which has no runtime.
fn block_on<T>(run: impl Future<Output = Result<T, RunError>>) -> Result<T, RunError> {
    if tokio::runtime::Handle::try_current().is_ok() {
        return Err(RunError::host("inside a tokio runtime; await the run instead"));
    }
    thread_local! {
        // The error is for each call on this thread, so they share it.
        static RUNTIME: Result<tokio::runtime::Runtime, Arc<std::io::Error>> =
            tokio::runtime::Builder::new_current_thread().enable_time().build().map_err(Arc::new);
    }
    RUNTIME.with(|runtime| match runtime {
        Ok(runtime) => runtime.block_on(run),
        Err(error) => Err(RunError::host_because("cannot start a tokio runtime", Arc::clone(error))),
    })
}

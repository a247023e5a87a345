//! The methods `tools/list` and `tools/call`, from text to text.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use ringfence::{CancellationToken, Event, Ran, RunError};
use ringfence_front::request::{RequestError, lower};
use rmcp::ErrorData;

use super::id::Id;
use super::message::{Call, Params, kind, text};
use super::out::Notes;
use super::page::{PAGE_BYTES, cursor};
use super::reply::Reply;
use super::result::{self, Form};
use super::work::{List, Protocol, Rest, Sender, ToolCall, Work};
use crate::app::App;
use crate::catalog::Ready;
use crate::described::LONGEST;
use crate::error::ServeError;
use crate::files::{self, Files};
use crate::json::json;
use crate::principal::Principal;
use crate::run::{Admitted, Next};
use crate::seen::{Seen, Surface};

impl Protocol {
    /// Returns a page of the tools that a caller sees, or the work to make it where schemas are missing.
    pub(super) fn list(&self, id: Id, params: &Params<'_>, sender: &Sender) -> Result<Work, ErrorData> {
        let given = params.cursor.filter(|cursor| cursor.get() != "null");
        let after = match given.map(|raw| (raw, text(raw))) {
            Some((raw, None)) => {
                let message = format!("`cursor` is {}; expected the `nextCursor` of a page", kind(raw));
                return Err(ErrorData::invalid_params(message, None));
            }
            Some((_, Some(given))) => {
                cursor(Some(&given), &self.app.skills().librarian.catalog(), &sender.principal)?
            }
            None => None,
        };
        let list = List { id, after, sender: sender.clone() };
        Ok(match self.page(&list, false) {
            Some(reply) => Work::Done(reply),
            None => Work::List(Box::new(list)),
        })
    }

    /// Returns a page of tools whose schemas may be missing: another thread makes them.
    async fn listed(&self, list: List) -> Reply {
        let (id, principal) = (list.id.clone(), Arc::clone(&list.sender.principal));
        let this = self.clone();
        let made = self.app.work().build(&principal, move || this.page(&list, true)).await;
        made.flatten().unwrap_or_else(|| {
            Reply::error(Some(&id), &ErrorData::internal_error("internal error: cannot list the tools", None))
        })
    }

    /// Returns a page. Without `make` it returns none if the schemas of a skill on it are missing.
    fn page(&self, List { id, after, sender }: &List, make: bool) -> Option<Reply> {
        let modern = sender.is_modern();
        let config = self.app.operator().config.load_full();
        let page = config.mcp.page.as_usize();
        let catalog = Arc::clone(&*self.app.skills().librarian.catalog());
        let revoked = self.app.skills().librarian.revoked();
        let mut tools = Vec::new();
        let (mut count, mut next, mut last) = (0_usize, None, None);
        'skills: for ready in catalog.visible(&sender.principal, &revoked) {
            if after.as_ref().is_some_and(|(name, _)| ready.name < *name) {
                continue;
            }
            let accepted = config.accepts(&ready.name, &ready.version, ready.digest);
            if make {
                ready.described.make_tools(config.mcp.schema, || {
                    self.app.operator().metrics.descriptions.inc();
                });
            }
            let meta = self.app.operator().granting.shown(&ready, sender.principal.share_key());
            let meta = meta.map(|grants| serde_json::json!({"io.ringfence/grants": grants}).to_string());
            let extra = meta.as_ref().map_or(0, String::len);
            for (at, (tool, name)) in ready.described.tools(config.mcp.schema)?.enumerate() {
                if after.as_ref().is_some_and(|(name, last)| ready.name == *name && at <= *last) {
                    continue;
                }
                let size = tool.size.saturating_add(extra);
                let full = tools.len().saturating_add(size) > PAGE_BYTES && count > 0;
                if count >= page || full {
                    next = last.map(|(name, at)| format!("{name}/{at}"));
                    break 'skills;
                }
                if count > 0 {
                    tools.push(b',');
                }
                tool.show(&mut tools, name, !modern, accepted, meta.as_deref());
                count = count.saturating_add(1);
                last = Some((ready.name.clone(), at));
            }
        }
        let (ttl, scope) = self.app.freshness();
        Some(Reply::result(id, tools.len().saturating_add(256), |out| {
            out.extend_from_slice(if modern { b"{\"resultType\":\"complete\"," } else { b"{" });
            out.extend_from_slice(b"\"tools\":[");
            out.extend_from_slice(&tools);
            out.push(b']');
            if let Some(next) = next {
                out.extend_from_slice(b",\"nextCursor\":");
                json(out, &next);
            }
            out.extend_from_slice(b",\"ttlMs\":");
            json(out, &ttl);
            out.extend_from_slice(b",\"cacheScope\":");
            json(out, &scope);
            out.push(b'}');
        }))
    }

    /// Prepares a call from its message.
    pub(super) fn prepare(&self, id: Id, call: &Call<'_>, sender: &Sender) -> Result<ToolCall, ErrorData> {
        let invalid = |message: String| ErrorData::invalid_params(message, None);
        let params = &call.params;
        let Some(raw) = params.name else {
            return Err(invalid("missing `name`; send the name of a tool from `tools/list`".to_owned()));
        };
        let Some(name) = text(raw) else {
            return Err(invalid(format!("`name` is {}; expected a string", kind(raw))));
        };
        let input = match params.arguments.map(|raw| (raw.get().as_bytes().first(), raw)) {
            None | Some((Some(b'n'), _)) => "{}",
            Some((Some(b'{'), raw)) => raw.get(),
            Some((Some(b'"'), _)) => {
                let message = "`arguments` is a string; expected an object; send the arguments as JSON, not as a \
                               text that holds JSON";
                return Err(invalid(message.to_owned()));
            }
            Some((_, raw)) => {
                return Err(invalid(format!(
                    "`arguments` is {}; expected an object with one member per parameter",
                    kind(raw)
                )));
            }
        };
        let mut held = self.app.work().bodies.hold(sender.principal.account.bodies());
        let files = params.meta.files.map(|raw| raw.get());
        let bytes = input.len().saturating_add(files.map_or(0, str::len));
        let held = held.more(bytes as u64).map(|()| held);
        Ok(ToolCall {
            id,
            name: name.into_owned(),
            // A message that is refused for want of memory takes none.
            input: if held.is_ok() { input.to_owned() } else { String::new() },
            files: files.filter(|_| held.is_ok()).map(str::to_owned),
            held,
            token: params.progress_token(),
            sender: sender.clone(),
        })
    }

    /// Returns the response of work that may take time. Dropping the future stops the work.
    pub(crate) async fn finish(&self, work: Work, notes: Option<Notes>) -> Reply {
        match work {
            Work::Done(reply) => reply,
            Work::Call(call) => self.call(*call, notes).await,
            Work::List(list) => self.listed(*list).await,
            Work::Rest(rest) => Rest::finish(*rest, notes).await,
        }
    }

    async fn call(&self, call: ToolCall, notes: Option<Notes>) -> Reply {
        let id = call.id.clone();
        let typed = call.sender.is_modern();
        let mut form = Form { typed, wrap: false };
        let surface = if call.sender.by_token { Surface::Mcp } else { Surface::Stdio };
        let (skill, tool) = call.name.split_once('_').unwrap_or((&call.name, ""));
        let mut seen = Some(Seen::new(&call.sender.principal, surface, skill, tool));
        match self.answer(call, notes, &mut form, &mut seen).await {
            Ok(answer) => result::of(&id, &answer, form),
            Err(error) => {
                if let Some(seen) = &mut seen {
                    seen.refused(&error);
                }
                self.app.operator().metrics.denied(error.code());
                result::refused(&id, &error, form)
            }
        }
    }

    async fn answer(
        &self,
        call: ToolCall,
        notes: Option<Notes>,
        form: &mut Form,
        seen: &mut Option<Seen>,
    ) -> Result<Ran, ServeError> {
        let ToolCall { name, input, files, held, token, sender, .. } = call;
        let mut held = held?;
        let principal = &sender.principal;
        self.app.work().answers.has_room(principal.account.answers())?;
        let (ready, tool, wrap) = self.find(&name, principal).await?;
        if let Some(seen) = seen.as_mut() {
            seen.found(&ready, &tool);
        }
        form.wrap = wrap && !form.typed;
        let most = self.app.operator().config.load().limits_of(&ready.name, &principal.owner, &principal.id);
        let limits = match &sender.limits {
            None => (*most).clone(),
            Some(text) => lower(&most, text)?,
        };
        let size = input.len().saturating_add(files.as_ref().map_or(0, String::len)) as u64;
        if size > limits.input_size {
            let limit = limits.input_size;
            return Err(ServeError::from(RunError::InputTooLarge { size, limit }));
        }
        let files = match files {
            Some(files) => files::of_meta(&files, limits.output_size)?,
            None => Files::default(),
        };
        held.more(files.held())?;
        let surface = if sender.by_token { Surface::Mcp } else { Surface::Stdio };
        let of_run = seen.take().unwrap_or_else(|| Seen::new(principal, surface, ready.name.as_str(), &tool));
        let admitted = self.app.admit(principal, ready, &tool, (input, held), limits, of_run).await?;
        let admitted = Admitted { files, ..admitted };
        let (app, cancel) = (self.app.clone(), admitted.cancel.clone());
        let told = token.filter(|_| admitted.ready.emits).zip(notes);
        let run = Box::pin(async move {
            match told {
                Some((token, notes)) => tell(admitted, &app, &token, &notes).await,
                None => admitted.run(app.runner()).await,
            }
        });
        Stopped { run: Some(run), cancel }.await
    }

    /// Resolves `skill_tool`. Returns the skill, its name for the tool, and whether the tool returns no object.
    async fn find(
        &self,
        name: &str,
        principal: &Arc<Principal>,
    ) -> Result<(Arc<Ready>, String, bool), ServeError> {
        let none = || ServeError::NoSuchTool(ringfence::text::clean(name, 200));
        let Some((skill, rest)) = name.split_once('_') else {
            // The listed name of a tool of a skill with a long name is cut within that.
            let catalog = Arc::clone(&*self.app.skills().librarian.catalog());
            let revoked = self.app.skills().librarian.revoked();
            let cut = catalog.visible(principal, &revoked).filter(|_| name.len() == LONGEST);
            let mut found = cut.filter_map(|known| {
                let tool = known.described.tool(name)?;
                let (tool, wrap) = (tool.tool.clone(), tool.is_wrapped());
                Some((known, tool, wrap))
            });
            let (known, tool, wrap) = found.next().ok_or_else(none)?;
            return Ok((self.app.find(known.name.as_str(), principal).await?, tool, wrap));
        };
        // No list shows a version that is not current.
        if skill.contains('@') {
            return Err(none());
        }
        let ready = match self.app.find(skill, principal).await {
            Err(ServeError::Request(RequestError::NoSuchSkill(_))) => return Err(none()),
            ready => ready?,
        };
        // By the name in the list, or by the full name, which works as well.
        let by_full_name = || ready.described.by_library_name(ready.skill.tool(rest)?.name());
        let tool = ready.described.tool(name).or_else(by_full_name);
        let (tool, wrap) = tool.map(|tool| (tool.tool.clone(), tool.is_wrapped())).ok_or_else(none)?;
        Ok((ready, tool, wrap))
    }
}

/// Runs a call, and sends progress notifications while it runs.
async fn tell(admitted: Admitted, app: &App, token: &str, notes: &Notes) -> Result<Ran, ServeError> {
    let mut events = admitted.listen(app.runner()).await?;
    let mut chunks = Vec::new();
    let mut last = None;
    loop {
        match events.recv().await {
            Some(Next::Event(Event::Chunk(chunk))) => chunks.push(chunk),
            Some(Next::Event(Event::Progress { done, total, note })) => {
                // The protocol wants it to grow; a skill may say what it likes.
                if last.is_some_and(|last| done <= last) {
                    continue;
                }
                last = Some(done);
                notes.offer(progress(token, done, total, &note));
            }
            Some(Next::Event(_)) => {}
            Some(Next::End(report)) => return Ok(Ran { report: (*report)?, chunks }),
            None => {
                return Err(ServeError::from(RunError::host("the run ended without a report")));
            }
        }
    }
}

/// A run that is cancelled when its waiter is dropped. It then ends at once, and the caller gets the unburnt fuel back.
struct Stopped<F: Future + Send + 'static>
where
    F::Output: Send,
{
    run: Option<Pin<Box<F>>>,
    cancel: CancellationToken,
}

impl<F: Future + Send + 'static> Future for Stopped<F>
where
    F::Output: Send,
{
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let Some(run) = &mut self.run else { return Poll::Pending };
        let ended = run.as_mut().poll(context);
        if ended.is_ready() {
            self.run = None;
        }
        ended
    }
}

impl<F: Future + Send + 'static> Drop for Stopped<F>
where
    F::Output: Send,
{
    fn drop(&mut self) {
        if let Some(run) = self.run.take()
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            self.cancel.cancel();
            runtime.spawn(run);
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "the protocol has floating-point numbers")]
fn progress(token: &str, done: u64, total: Option<u64>, note: &str) -> Vec<u8> {
    let mut out =
        b"{\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\",\"params\":{\"progressToken\":".to_vec();
    out.extend_from_slice(token.as_bytes());
    out.extend_from_slice(b",\"progress\":");
    json(&mut out, &(done as f64));
    if let Some(total) = total {
        out.extend_from_slice(b",\"total\":");
        json(&mut out, &(total as f64));
    }
    if !note.is_empty() {
        out.extend_from_slice(b",\"message\":");
        json(&mut out, note);
    }
    out.extend_from_slice(b"}}");
    out
}

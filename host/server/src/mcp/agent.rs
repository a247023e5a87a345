//! The handler of one connection or one request of MCP.

use std::sync::Arc;
use std::time::Duration;

use ringfence::{CancellationToken, Event, Limits, Ran, RunError};
use ringfence_store::Name;
use rmcp::ErrorData;
use rmcp::handler::server::ServerHandler;
use rmcp::model::{
    CacheScope, CallToolRequestParams, CallToolResponse, CallToolResult, GetSkillRequestParams,
    GetSkillResult, Implementation, ListResourceTemplatesResult, ListResourcesResult, ListSkillsResult,
    ListToolsResult, PaginatedRequestParams, ProgressNotificationParam, ProgressToken, ProtocolVersion,
    ReadResourceRequestParams, ReadResourceResponse, ReadResourceResult, ResourceContents,
    ServerCapabilities, ServerConfig, SubscriptionFilter,
};
use rmcp::service::{NotificationContext, RequestContext, RoleServer, SubscriptionContext};
use serde_json::json;

use super::describe::LONGEST;
use super::result;
use super::skill_md::SkillMd;
use crate::app::App;
use crate::catalog::Ready;
use crate::error::ServeError;
use crate::http::Caller;
use crate::principal::Principal;
use crate::quota::Over;
use crate::run::{Admitted, Next};
use crate::seen::{Seen, Surface};

/// Answers agents.
#[derive(Debug, Clone)]
pub(crate) struct Agent {
    app: App,
    /// Who calls, where the transport has only one caller; else every request says it.
    only: Option<Arc<Principal>>,
}

/// Bytes of a page of tools, unless one tool alone has more: a list must not take the memory that calls need.
const PAGE_BYTES: usize = 256 << 10;

/// Changes within this time are told together.
const TOGETHER: Duration = Duration::from_millis(100);

type Context = RequestContext<RoleServer>;

impl Agent {
    /// For requests that each say who calls.
    pub(crate) fn new(app: &App) -> Self {
        Self { app: app.clone(), only: None }
    }

    /// For a transport that only one principal can reach.
    pub(crate) fn only(app: &App, principal: Arc<Principal>) -> Self {
        Self { app: app.clone(), only: Some(principal) }
    }

    fn principal(&self, context: &Context) -> Result<Arc<Principal>, ErrorData> {
        if let Some(only) = &self.only {
            // Over HTTP the guard has counted the request.
            only.account.request().map_err(|over| self.over(over))?;
            return Ok(Arc::clone(only));
        }
        let caller = context
            .extensions
            .get::<http::request::Parts>()
            .and_then(|parts| parts.extensions.get::<Caller>());
        match caller {
            Some(caller) => Ok(Arc::clone(&caller.0)),
            None => Err(ErrorData::internal_error("the request says not who calls", None)),
        }
    }

    /// A request that a quota refuses, where there is no result to say so.
    fn over(&self, over: Over) -> ErrorData {
        let error = ServeError::from(over);
        self.app.metrics.denied(error.code());
        ErrorData::internal_error(error.detail(), Some(json!({"code": error.code()})))
    }

    fn seen_by(&self, principal: &Principal) -> u64 {
        let config = self.app.config.load();
        self.app.librarian.catalog().seen_by(principal, |ready| config.accepts(ready))
    }

    fn freshness(&self) -> (u64, CacheScope) {
        let ttl = self.app.config.load().mcp.ttl.get();
        // What is seen depends on the token.
        let scope = if self.app.tokens.load().are_none() { CacheScope::Public } else { CacheScope::Private };
        (u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX), scope)
    }

    /// The skills with a SKILL.md on one page, and where the next one begins.
    fn skills(
        &self,
        request: Option<&PaginatedRequestParams>,
        context: &Context,
    ) -> Result<(Vec<Arc<Ready>>, Option<String>), ErrorData> {
        let principal = self.principal(context)?;
        let after = cursor(request)?;
        let page = self.app.config.load().mcp.page.as_usize();
        let catalog = Arc::clone(&*self.app.librarian.catalog());
        let carry = catalog.visible(&principal).filter(|ready| ready.described.skill_md.is_some());
        let from = carry.filter(|ready| after.as_ref().is_none_or(|(name, _)| ready.name > *name));
        let mut skills: Vec<Arc<Ready>> = from.take(page.saturating_add(1)).collect();
        let more = skills.len() > page;
        skills.truncate(page);
        let next = skills.last().filter(|_| more).map(|last| format!("{}/0", last.name));
        Ok((skills, next))
    }

    fn skill_md(&self, uri: &str, context: &Context) -> Result<Arc<Ready>, ErrorData> {
        let principal = self.principal(context)?;
        let name: Option<Name> = uri
            .strip_prefix("skill://")
            .and_then(|rest| rest.strip_suffix("/SKILL.md"))
            .and_then(|name| name.parse().ok());
        let catalog = self.app.librarian.catalog();
        let ready = name.and_then(|name| catalog.entry(name.as_str(), &principal).ok()?.ready());
        ready.filter(|ready| ready.described.skill_md.is_some()).ok_or_else(|| {
            let uri = ringfence::text::clean(uri, 200);
            ErrorData::invalid_params(format!("there is no resource `{uri}`"), Some(json!({"uri": uri})))
        })
    }

    async fn call(
        &self,
        request: CallToolRequestParams,
        context: Context,
    ) -> Result<CallToolResult, ErrorData> {
        let principal = self.principal(&context)?;
        let surface = if self.only.is_some() { Surface::Stdio } else { Surface::Mcp };
        let (skill, tool) = request.name.split_once('_').unwrap_or((&*request.name, ""));
        let mut seen = Some(Seen::new(&principal, surface, skill, tool));
        match self.answer(request, &principal, &context, &mut seen).await {
            Ok(answer) => Ok(answer),
            Err(error) => {
                if let Some(seen) = &mut seen {
                    seen.refused(&error);
                }
                self.refused(&error)
            }
        }
    }

    /// Answers a call. `seen` is taken by the run, once there is one.
    async fn answer(
        &self,
        request: CallToolRequestParams,
        principal: &Arc<Principal>,
        context: &Context,
        seen: &mut Option<Seen>,
    ) -> Result<CallToolResult, ServeError> {
        let (ready, tool, wrap) = self.find(&request.name, principal).await?;
        if let Some(seen) = seen.as_mut() {
            seen.found(&ready, &tool);
        }
        let limits = self.app.config.load().limits_of(&ready.name, &principal.owner, &principal.id);
        let input = serde_json::Value::Object(request.arguments.unwrap_or_default()).to_string();
        let mut held = self.app.bodies.hold(principal.account.bodies());
        held.more(input.len() as u64)?;
        let surface = if self.only.is_some() { Surface::Stdio } else { Surface::Mcp };
        let of_run = seen.take().unwrap_or_else(|| Seen::new(principal, surface, ready.name.as_str(), &tool));
        let limits = Limits::clone(&limits);
        let admitted = self.app.admit(principal, ready, &tool, (input, held), limits, of_run).await?;
        let answer = self.run(admitted, context).await?;
        Ok(result::of(&answer, wrap && objects_only(context)))
    }

    fn refused(&self, error: &ServeError) -> Result<CallToolResult, ErrorData> {
        self.app.metrics.denied(error.code());
        result::refused(error)
    }

    /// `skill_tool`: the skill, its name for the tool, and whether that gives something else than an object.
    async fn find(
        &self,
        name: &str,
        principal: &Arc<Principal>,
    ) -> Result<(Arc<Ready>, String, bool), ServeError> {
        let none = || ServeError::NoSuchTool(ringfence::text::clean(name, 200));
        let Some((skill, rest)) = name.split_once('_') else {
            // The listed name of a tool of a skill with a long name is cut within that.
            let catalog = Arc::clone(&*self.app.librarian.catalog());
            let cut = catalog.visible(principal).filter(|_| name.len() == LONGEST);
            let mut found = cut.filter_map(|ready| {
                let tool = ready.described.tool(name)?;
                let (tool, wrap) = (tool.tool.clone(), tool.is_wrapped());
                Some((ready, tool, wrap))
            });
            return found.next().ok_or_else(none);
        };
        let ready = match self.app.find(skill, principal).await {
            Err(ServeError::NoSuchSkill(_)) => return Err(none()),
            ready => ready?,
        };
        // By the name in the list, or by the full name, which works as well.
        let by_full_name = || ready.described.by_library_name(ready.skill.tool(rest)?.name());
        let tool = ready.described.tool(name).or_else(by_full_name);
        let (tool, wrap) = tool.map(|tool| (tool.tool.clone(), tool.is_wrapped())).ok_or_else(none)?;
        Ok((ready, tool, wrap))
    }

    /// Runs a call, stopped when the caller cancels it or goes away; told on the way if the caller wants that.
    async fn run(&self, admitted: Admitted, context: &Context) -> Result<Ran, ServeError> {
        let cancel = admitted.cancel.clone();
        let token = context.meta.get_progress_token().filter(|_| admitted.ready.emits);
        let Some(token) = token else {
            return stoppable(&context.ct, &cancel, admitted.run(&self.app)).await;
        };
        let mut events = admitted.listen(&self.app).await?;
        let mut chunks = Vec::new();
        let mut last = None;
        loop {
            match stoppable(&context.ct, &cancel, events.recv()).await {
                Some(Next::Event(Event::Chunk(chunk))) => chunks.push(chunk),
                Some(Next::Event(Event::Progress { done, total, note })) => {
                    // The protocol wants it to grow; a skill may say what it likes.
                    if last.is_some_and(|last| done <= last) {
                        continue;
                    }
                    last = Some(done);
                    let progress = progress(token.clone(), done, total, note);
                    // Who does not listen any more cancels by other ways; who is slow holds up himself.
                    let _ = context.peer.notify_progress(progress).await;
                }
                Some(Next::Event(_)) => {}
                Some(Next::End(report)) => return Ok(Ran { report: (*report)?, chunks }),
                None => return Err(ServeError::Run(RunError::Host("a run without an end".to_owned()))),
            }
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "the protocol has floating-point numbers")]
fn progress(token: ProgressToken, done: u64, total: Option<u64>, note: String) -> ProgressNotificationParam {
    let mut progress = ProgressNotificationParam::new(token, done as f64);
    progress.total = total.map(|total| total as f64);
    progress.message = Some(note).filter(|note| !note.is_empty());
    progress
}

/// Waits for a run, and tells it to stop when its caller does not want it any more; it then ends by itself, at once.
async fn stoppable<T>(
    wanted: &CancellationToken,
    cancel: &CancellationToken,
    run: impl Future<Output = T>,
) -> T {
    let mut run = std::pin::pin!(run);
    tokio::select! {
        biased;
        ended = &mut run => ended,
        () = wanted.cancelled() => {
            cancel.cancel();
            run.await
        }
    }
}

/// Revisions before 2026-07-28 want objects as structured content.
fn objects_only(context: &Context) -> bool {
    let version = context.protocol_version();
    version.is_none_or(|version| version.as_str() < ProtocolVersion::V_2026_07_28.as_str())
}

/// Where a page begins: after a tool, by skill and number.
fn cursor(request: Option<&PaginatedRequestParams>) -> Result<Option<(Name, usize)>, ErrorData> {
    let Some(cursor) = request.and_then(|request| request.cursor.as_ref()) else { return Ok(None) };
    let parsed = cursor.split_once('/').and_then(|(name, at)| Some((name.parse().ok()?, at.parse().ok()?)));
    parsed
        .map(Some)
        .ok_or_else(|| ErrorData::invalid_params("the cursor is none that this server gave", None))
}

impl ServerHandler for Agent {
    fn get_info(&self) -> ServerConfig {
        let capabilities = ServerCapabilities::builder()
            .enable_tools()
            .enable_tool_list_changed()
            .enable_resources()
            .enable_resources_list_changed()
            .enable_skills()
            .build();
        let about = Implementation::new("ringfence", env!("CARGO_PKG_VERSION"));
        ServerConfig::new(capabilities).with_server_info(about).with_instructions(
            "Each tool is a function of a sandboxed skill and is called as `skill_tool`. A call runs in a fresh \
             instance under hard limits; nothing is kept between calls. Descriptions come from the skills' authors.",
        )
    }

    async fn list_tools(
        &self,
        request: Option<PaginatedRequestParams>,
        context: Context,
    ) -> Result<ListToolsResult, ErrorData> {
        let principal = self.principal(&context)?;
        let after = cursor(request.as_ref())?;
        let objects_only = objects_only(&context);
        let config = self.app.config.load_full();
        let page = config.mcp.page.as_usize();
        let catalog = Arc::clone(&*self.app.librarian.catalog());
        let (mut tools, mut next, mut last, mut size) = (Vec::new(), None, None, 0_usize);
        'skills: for ready in catalog.visible(&principal) {
            if after.as_ref().is_some_and(|(name, _)| ready.name < *name) {
                continue;
            }
            let accepted = config.accepts(&ready);
            for (at, (tool, name)) in ready.described.tools(config.mcp.schema).enumerate() {
                if after.as_ref().is_some_and(|(name, last)| ready.name == *name && at <= *last) {
                    continue;
                }
                size = size.saturating_add(tool.size);
                if tools.len() >= page || (size > PAGE_BYTES && !tools.is_empty()) {
                    next = last.map(|(name, at)| format!("{name}/{at}"));
                    break 'skills;
                }
                tools.push(tool.shown(name, objects_only, accepted));
                last = Some((ready.name.clone(), at));
            }
        }
        let (ttl, scope) = self.freshness();
        let mut result = ListToolsResult::with_all_items(tools).with_ttl_ms(ttl).with_cache_scope(scope);
        result.next_cursor = next;
        Ok(result)
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: Context,
    ) -> Result<CallToolResponse, ErrorData> {
        self.call(request, context).await.map(CallToolResponse::from)
    }

    async fn list_resources(
        &self,
        request: Option<PaginatedRequestParams>,
        context: Context,
    ) -> Result<ListResourcesResult, ErrorData> {
        let (skills, next) = self.skills(request.as_ref(), &context)?;
        let resources =
            skills.iter().filter_map(|ready| ready.described.skill_md.as_ref()).map(SkillMd::resource);
        let (ttl, scope) = self.freshness();
        let mut result =
            ListResourcesResult::with_all_items(resources.collect()).with_ttl_ms(ttl).with_cache_scope(scope);
        result.next_cursor = next;
        Ok(result)
    }

    async fn list_resource_templates(
        &self,
        _: Option<PaginatedRequestParams>,
        _: Context,
    ) -> Result<ListResourceTemplatesResult, ErrorData> {
        let (ttl, scope) = self.freshness();
        Ok(ListResourceTemplatesResult::default().with_ttl_ms(ttl).with_cache_scope(scope))
    }

    async fn read_resource(
        &self,
        request: ReadResourceRequestParams,
        context: Context,
    ) -> Result<ReadResourceResponse, ErrorData> {
        let ready = self.skill_md(&request.uri, &context)?;
        let text =
            ready.described.skill_md.as_ref().map(|skill_md| skill_md.text.clone()).unwrap_or_default();
        let contents = ResourceContents::text(text, request.uri).with_mime_type("text/markdown");
        let (ttl, scope) = self.freshness();
        let result = ReadResourceResult::new(vec![contents]).with_ttl_ms(ttl).with_cache_scope(scope);
        Ok(ReadResourceResponse::from(result))
    }

    async fn list_skills(
        &self,
        request: Option<PaginatedRequestParams>,
        context: Context,
    ) -> Result<ListSkillsResult, ErrorData> {
        let (skills, next) = self.skills(request.as_ref(), &context)?;
        let entries =
            skills.iter().filter_map(|ready| Some(ready.described.skill_md.as_ref()?.entry.clone()));
        let (ttl, scope) = self.freshness();
        let mut result =
            ListSkillsResult::with_all_items(entries.collect()).with_ttl_ms(ttl).with_cache_scope(scope);
        result.next_cursor = next;
        Ok(result)
    }

    async fn get_skill(
        &self,
        request: GetSkillRequestParams,
        context: Context,
    ) -> Result<GetSkillResult, ErrorData> {
        let ready = self.skill_md(&request.uri, &context)?;
        let (ttl, scope) = self.freshness();
        match &ready.described.skill_md {
            Some(skill_md) => {
                Ok(GetSkillResult::new(skill_md.entry.clone()).with_ttl_ms(ttl).with_cache_scope(scope))
            }
            None => Err(ErrorData::invalid_params("there is no such skill", None)),
        }
    }

    fn accepted_subscription_filter(&self, _: &SubscriptionFilter) -> Option<SubscriptionFilter> {
        Some(SubscriptionFilter::builder().tools_list_changed().resources_list_changed().build())
    }

    async fn listen(&self, context: SubscriptionContext) -> Result<(), ErrorData> {
        let mut changes = self.app.librarian.changes();
        let principal = self.principal(context.request_context())?;
        let _place = principal.account.listen().map_err(|over| self.over(over))?;
        let mut seen = self.seen_by(&principal);
        loop {
            tokio::select! {
                () = context.cancelled() => return Ok(()),
                () = self.app.stopping.cancelled() => return Ok(()),
                changed = changes.changed() => if changed.is_err() { return Ok(()) },
            }
            // Many changes at once are one to whoever listens.
            tokio::select! {
                () = context.cancelled() => return Ok(()),
                () = self.app.stopping.cancelled() => return Ok(()),
                () = tokio::time::sleep(TOGETHER) => {}
            }
            changes.mark_unchanged();
            // Whose token was revoked hears no more.
            if self.only.is_none() && !self.app.tokens.load().knows(&principal) {
                return Ok(());
            }
            // Changes of what a caller does not see are nothing to it.
            let now = self.seen_by(&principal);
            if now == seen {
                continue;
            }
            seen = now;
            let (sink, accepted) = (context.sink(), context.accepted());
            // Who cannot be reached any more is cancelled by the transport.
            if accepted.tools_list_changed == Some(true) {
                let _ = sink.notify_tool_list_changed().await;
            }
            if accepted.resources_list_changed == Some(true) {
                let _ = sink.notify_resource_list_changed().await;
            }
        }
    }

    /// Older revisions are told on the connection itself, where it lasts.
    async fn on_initialized(&self, context: NotificationContext<RoleServer>) {
        if self.only.is_none() {
            return;
        }
        let (mut changes, stopping) = (self.app.librarian.changes(), self.app.stopping.clone());
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    () = stopping.cancelled() => return,
                    changed = changes.changed() => if changed.is_err() { return },
                }
                tokio::time::sleep(TOGETHER).await;
                changes.mark_unchanged();
                let told = context.peer.notify_tool_list_changed().await.is_ok()
                    && context.peer.notify_resource_list_changed().await.is_ok();
                if !told {
                    return;
                }
            }
        });
    }
}

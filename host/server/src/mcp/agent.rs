//! The handler for the library `rmcp`: resources, skills of the extension, and subscriptions to changes.

use std::sync::Arc;
use std::time::Duration;

use ringfence_store::Name;
use rmcp::ErrorData;
use rmcp::handler::server::ServerHandler;
use rmcp::model::{
    CacheScope, ErrorCode, GetSkillRequestParams, GetSkillResult, Implementation,
    ListResourceTemplatesResult, ListResourcesResult, ListSkillsResult, PaginatedRequestParams,
    ReadResourceRequestParams, ReadResourceResponse, ReadResourceResult, ResourceContents,
    ServerCapabilities, ServerConfig, SubscriptionFilter,
};
use rmcp::service::{RequestContext, RoleServer, SubscriptionContext};
use serde_json::json;

use super::page::{PAGE_BYTES, cursor};
use crate::app::App;
use crate::catalog::Known;
use crate::described::SkillMd;
use crate::error::ServeError;
use crate::principal::Principal;

/// The handler of one request.
#[derive(Debug, Clone)]
pub(super) struct Agent {
    app: App,
    principal: Arc<Principal>,
    /// Whether the principal uses a token, which can be revoked.
    by_token: bool,
}

/// Changes within this time are announced together.
pub(super) const TOGETHER: Duration = Duration::from_millis(100);

type Context = RequestContext<RoleServer>;

/// Returns the server's description. `told` says whether the connection itself announces changes.
pub(super) fn about(told: bool) -> ServerConfig {
    let mut capabilities =
        ServerCapabilities::builder().enable_tools().enable_resources().enable_skills().build();
    if told {
        if let Some(tools) = &mut capabilities.tools {
            tools.list_changed = Some(true);
        }
        if let Some(resources) = &mut capabilities.resources {
            resources.list_changed = Some(true);
        }
    }
    let about = Implementation::new("ringfence", env!("CARGO_PKG_VERSION"));
    ServerConfig::new(capabilities).with_server_info(about).with_instructions(
        "Each tool is a function of a sandboxed skill and is called as `skill_tool`. A call runs in a fresh \
         instance under hard limits; nothing is kept between calls. Descriptions come from the skills' authors.",
    )
}

impl App {
    /// Returns how long a client can cache a list, and whether callers can share it.
    pub(super) fn freshness(&self) -> (u64, CacheScope) {
        let ttl = self.operator().config.load().mcp.ttl.get();
        // What is seen depends on the token.
        let scope =
            if self.operator().tokens.load().are_none() { CacheScope::Public } else { CacheScope::Private };
        (u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX), scope)
    }

    /// Returns a hash of all that a caller sees.
    pub(super) fn seen_by(&self, principal: &Principal) -> u64 {
        let (config, librarian) = (self.operator().config.load(), &self.skills().librarian);
        let accepted = |known: &Known| config.accepts(&known.name, &known.version, known.digest);
        librarian.catalog().seen_by(principal, &librarian.revoked(), accepted)
    }
}

impl Agent {
    pub(super) fn new(app: &App, principal: &Arc<Principal>, by_token: bool) -> Self {
        Self { app: app.clone(), principal: Arc::clone(principal), by_token }
    }

    /// Returns a page of the skills with a SKILL.md, and the cursor of the next page.
    fn skills(
        &self,
        request: Option<&PaginatedRequestParams>,
    ) -> Result<(Vec<Arc<Known>>, Option<String>), ErrorData> {
        let principal = &self.principal;
        let catalog = Arc::clone(&*self.app.skills().librarian.catalog());
        let after = cursor(request.and_then(|request| request.cursor.as_deref()), &catalog, principal)?;
        let page = self.app.operator().config.load().mcp.page.as_usize();
        let revoked = self.app.skills().librarian.revoked();
        let carry = catalog.visible(principal, &revoked).filter(|ready| ready.described.skill_md.is_some());
        let from = carry.filter(|ready| after.as_ref().is_none_or(|(name, _)| ready.name > *name));
        let (mut skills, mut bytes, mut more) = (Vec::<Arc<Known>>::new(), 0_usize, false);
        for ready in from {
            let size = ready.described.skill_md.as_ref().map_or(0, |skill_md| skill_md.size);
            bytes = bytes.saturating_add(size);
            if skills.len() >= page || (bytes > PAGE_BYTES && !skills.is_empty()) {
                more = true;
                break;
            }
            skills.push(ready);
        }
        let next = skills.last().filter(|_| more).map(|last| format!("{}/0", last.name));
        Ok((skills, next))
    }

    fn skill_md(&self, uri: &str) -> Result<Arc<Known>, ErrorData> {
        let name: Option<Name> = uri
            .strip_prefix("skill://")
            .and_then(|rest| rest.strip_suffix("/SKILL.md"))
            .and_then(|name| name.parse().ok());
        let catalog = self.app.skills().librarian.catalog();
        let revoked = self.app.skills().librarian.revoked();
        let entry = |name: Name| catalog.entry(name.as_str(), &self.principal).ok().map(Arc::clone);
        let ready = name.and_then(entry).and_then(|entry| entry.callable(&revoked));
        ready.filter(|ready| ready.described.skill_md.is_some()).ok_or_else(|| {
            let uri = ringfence::text::clean(uri, 200);
            ErrorData::invalid_params(
                format!("no resource `{uri}`; `resources/list` lists the resources"),
                Some(json!({"uri": uri})),
            )
        })
    }
}

impl ServerHandler for Agent {
    fn get_info(&self) -> ServerConfig {
        about(true)
    }

    async fn list_resources(
        &self,
        request: Option<PaginatedRequestParams>,
        _: Context,
    ) -> Result<ListResourcesResult, ErrorData> {
        let (skills, next) = self.skills(request.as_ref())?;
        let resources =
            skills.iter().filter_map(|ready| ready.described.skill_md.as_ref()).map(SkillMd::resource);
        let (ttl, scope) = self.app.freshness();
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
        let (ttl, scope) = self.app.freshness();
        Ok(ListResourceTemplatesResult::default().with_ttl_ms(ttl).with_cache_scope(scope))
    }

    async fn read_resource(
        &self,
        request: ReadResourceRequestParams,
        _: Context,
    ) -> Result<ReadResourceResponse, ErrorData> {
        let ready = self.skill_md(&request.uri)?;
        let text =
            ready.described.skill_md.as_ref().map(|skill_md| skill_md.text.clone()).unwrap_or_default();
        let contents = ResourceContents::text(text, request.uri).with_mime_type("text/markdown");
        let (ttl, scope) = self.app.freshness();
        let result = ReadResourceResult::new(vec![contents]).with_ttl_ms(ttl).with_cache_scope(scope);
        Ok(ReadResourceResponse::from(result))
    }

    async fn list_skills(
        &self,
        request: Option<PaginatedRequestParams>,
        _: Context,
    ) -> Result<ListSkillsResult, ErrorData> {
        let (skills, next) = self.skills(request.as_ref())?;
        let entries =
            skills.iter().filter_map(|ready| Some(ready.described.skill_md.as_ref()?.entry.clone()));
        let (ttl, scope) = self.app.freshness();
        let mut result =
            ListSkillsResult::with_all_items(entries.collect()).with_ttl_ms(ttl).with_cache_scope(scope);
        result.next_cursor = next;
        Ok(result)
    }

    async fn get_skill(
        &self,
        request: GetSkillRequestParams,
        _: Context,
    ) -> Result<GetSkillResult, ErrorData> {
        let ready = self.skill_md(&request.uri)?;
        let (ttl, scope) = self.app.freshness();
        match &ready.described.skill_md {
            Some(skill_md) => {
                Ok(GetSkillResult::new(skill_md.entry.clone()).with_ttl_ms(ttl).with_cache_scope(scope))
            }
            None => Err(ErrorData::invalid_params("no such skill; `skills/list` lists the skills", None)),
        }
    }

    fn accepted_subscription_filter(&self, _: &SubscriptionFilter) -> Option<SubscriptionFilter> {
        Some(SubscriptionFilter::builder().tools_list_changed().resources_list_changed().build())
    }

    async fn listen(&self, context: SubscriptionContext) -> Result<(), ErrorData> {
        let mut changes = self.app.skills().librarian.changes();
        let place = self.principal.account.listen().map_err(ServeError::from);
        let _place = place.map_err(|error| {
            self.app.operator().metrics.denied(error.code());
            ErrorData::new(ErrorCode(-32000), error.detail(), Some(json!({"code": error.code()})))
        })?;
        let mut seen = self.app.seen_by(&self.principal);
        loop {
            tokio::select! {
                () = context.cancelled() => return Ok(()),
                () = self.app.work().stopping.cancelled() => return Ok(()),
                changed = changes.changed() => if changed.is_err() { return Ok(()) },
            }
            // Many changes at once are one to whoever listens.
            tokio::select! {
                () = context.cancelled() => return Ok(()),
                () = self.app.work().stopping.cancelled() => return Ok(()),
                () = tokio::time::sleep(TOGETHER) => {}
            }
            changes.mark_unchanged();
            // Whose token was revoked hears no more.
            if self.by_token && !self.app.operator().tokens.load().knows(&self.principal) {
                return Ok(());
            }
            // Changes of what a caller does not see are nothing to it.
            let now = self.app.seen_by(&self.principal);
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
}

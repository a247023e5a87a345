//! What the skills of a server may use: the configured grants, and the spaces and the door behind them.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use arc_swap::ArcSwap;
use ringfence::Granted;
use ringfence_capabilities::{Capabilities, system_resolver};
use ringfence_egress::secret::Secret;
use ringfence_egress::{Door, DoorConfig, Proxy};
use ringfence_policy::{Capability, KvStorage, Policy, SkillDigest, Subject};
use serde::Serialize;
use utoipa::ToSchema;

use crate::catalog::Known;
use crate::config::{Config, ConfigError, Egress};
use crate::prepared::Grants;

/// The capabilities of the current configuration. A run keeps those of its start.
#[derive(Debug)]
pub(crate) struct Granting {
    current: ArcSwap<Current>,
}

#[derive(Debug)]
struct Current {
    capabilities: Capabilities,
    /// Rises with each reload.
    number: u64,
}

/// What a skill requests and what a caller's runs of it are granted, without the words of the operator.
#[derive(Debug, Default, Serialize, ToSchema)]
pub(crate) struct GrantsShown {
    /// Capabilities that the skill requests, by its author's words and its imports.
    requested: Vec<String>,
    /// Those of which the operator grants the caller all or a part.
    granted: Vec<String>,
    /// Those of which the operator grants the caller nothing.
    missing: Vec<String>,
}

impl Granting {
    /// Opens what the grants of a configuration need. `store` is the directory of the store.
    pub(crate) fn open(config: &Config, store: Option<&Path>) -> Result<Self, ConfigError> {
        let capabilities = opened(Capabilities::new(Policy::default()), config, store)?;
        Ok(Self { current: ArcSwap::from_pointee(Current { capabilities, number: 0 }) })
    }

    /// Replaces the grants, for runs that begin later. The spaces stay.
    pub(crate) fn reload(&self, config: &Config, store: Option<&Path>) -> Result<(), ConfigError> {
        let before = self.current.load_full();
        let capabilities = opened(before.capabilities.clone(), config, store)?;
        self.current.store(Arc::new(Current { capabilities, number: before.number.wrapping_add(1) }));
        Ok(())
    }

    /// Returns what a run of the skill may use for a caller.
    pub(crate) fn granted(&self, known: &Known, principal: &str) -> Granted {
        let current = self.current.load();
        let prepared = current.prepared(known);
        current.capabilities.granted_to(&prepared.of_skill, named(principal))
    }

    /// Returns what the skill requests and what of it a caller is granted. None for a skill that requests nothing.
    pub(crate) fn shown(&self, known: &Known, principal: &str) -> Option<GrantsShown> {
        let current = self.current.load();
        let prepared = current.prepared(known);
        let requests = prepared.of_skill.requests(named(principal));
        if requests.is_empty() {
            return None;
        }
        let mut shown = GrantsShown::default();
        for request in requests {
            let need = request.need.to_string();
            let list = if request.is_missing() { &mut shown.missing } else { &mut shown.granted };
            list.push(need.clone());
            shown.requested.push(need);
        }
        Some(shown)
    }
}

fn named(principal: &str) -> Option<&str> {
    (!principal.is_empty()).then_some(principal)
}

impl Current {
    fn prepared(&self, known: &Known) -> Arc<Grants> {
        known.grants.get(self.number, || {
            let skill = Subject {
                owner: Some(known.owner.to_string()),
                name: Some(known.name.to_string()),
                ..Subject::of(SkillDigest(*known.digest.as_bytes()))
            };
            self.capabilities.prepare(known.about.imports(), known.about.manifest(), skill)
        })
    }
}

fn opened(before: Capabilities, config: &Config, store: Option<&Path>) -> Result<Capabilities, ConfigError> {
    let any =
        |wanted: fn(&Capability) -> bool| config.grant.grants().any(|(_, grant)| wanted(&grant.capability));
    let secrets = secrets(config)?;
    ringfence_capabilities::check(&config.grant, |name| secrets.contains_key(name))
        .map_err(|error| ConfigError::because("grant", "", error))?;
    let names = secrets.keys().cloned().collect::<Vec<_>>();
    let mut capabilities = before.with_policy(config.grant.clone()).with_secrets(names);
    let durable =
        any(|capability| matches!(capability, Capability::Kv(rule) if rule.storage == KvStorage::Durable));
    if durable && !capabilities.has_kv() {
        capabilities = capabilities.with_kv(kv(config, store)?);
    }
    if any(|capability| matches!(capability, Capability::Http(_))) {
        let door = door(config, secrets, capabilities.door())?;
        capabilities = capabilities.with_door(door);
    }
    Ok(capabilities)
}

fn kv(config: &Config, store: Option<&Path>) -> Result<ringfence_kv::Store, ConfigError> {
    let file = match (&config.kv.file, store) {
        (Some(file), _) => file.clone(),
        (None, Some(store)) => store.join(ringfence_store::KV_FILE),
        (None, None) => {
            let reason = "durable key-value spaces need a file; set `kv.file`";
            return Err(ConfigError::unusable("kv.file", reason));
        }
    };
    let cache_bytes = usize::try_from(config.kv.cache.bytes()).unwrap_or(usize::MAX);
    let mut options = ringfence_kv::Options::default();
    options.cache_bytes = cache_bytes;
    options.store_bytes = config.kv.size.bytes();
    options.share_bytes = config.kv.share.bytes();
    ringfence_kv::Store::open(&file, &options)
        .map_err(|error| ConfigError::because(file.display().to_string(), "", error))
}

fn secrets(config: &Config) -> Result<BTreeMap<String, Arc<Secret>>, ConfigError> {
    let mut secrets = BTreeMap::new();
    for (name, source) in &config.secret {
        let loaded =
            source.read(name).map_err(|error| ConfigError::because(format!("secret.{name}"), "", error))?;
        if let Some(warning) = loaded.warning {
            tracing::warn!(secret = name.as_str(), warning = warning.to_string().as_str(), "secret");
        }
        secrets.insert(name.clone(), Arc::new(loaded.secret));
    }
    Ok(secrets)
}

/// A door, which counts on where the one before it stands.
fn door(
    config: &Config,
    secrets: BTreeMap<String, Arc<Secret>>,
    before: Option<&Door>,
) -> Result<Door, ConfigError> {
    let mut door = DoorConfig::new(system_resolver());
    door.proxy = proxy(&config.egress, &secrets)?;
    door.secrets = Arc::new(secrets);
    door.nat64 = config.egress.nat64.clone();
    Ok(match before {
        Some(before) => before.reconfigured(door),
        None => Door::new(door),
    })
}

fn proxy(egress: &Egress, secrets: &BTreeMap<String, Arc<Secret>>) -> Result<Option<Proxy>, ConfigError> {
    let wrong = |reason: String| ConfigError::unusable("egress.proxy-secret", reason);
    match (&egress.proxy, &egress.proxy_secret) {
        (None, None) => Ok(None),
        (None, Some(_)) => Err(wrong("it has no effect without a proxy; set `egress.proxy`".to_owned())),
        (Some(url), None) => Ok(Some(Proxy::new(url.clone()))),
        (Some(url), Some(name)) => {
            let secret = secrets
                .get(name)
                .ok_or_else(|| wrong(format!("the secret `{name}` has no source; add it to `[secret]`")))?;
            let proxy = Proxy::new(url.clone()).with_credentials(secret);
            proxy.map(Some).map_err(|error| wrong(error.to_string()))
        }
    }
}

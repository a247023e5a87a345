//! `ringfence.toml`, the configuration of a server. It is read and checked as a whole before the server listens.
//!
//! [`EXAMPLE`] is the file with every key, its default and its meaning. A test checks that it equals
//! [`Config::default`].

mod effect;
mod grants;
mod limits;
mod quota;
mod values;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ringfence::{Digest, HostConfig, LimitName, LimitOverrides, Limits, SchemaStyle, text};
use ringfence_egress::secret::Source;
use ringfence_policy::Policy;
use ringfence_store::{Name, Owner, Reference, Version};
use serde::Deserialize;
use toml::Spanned;

pub use effect::KnownNames;
pub use grants::{Egress, Kv};
pub use limits::{LimitsSection, LimitsTable};
pub use quota::{Quota, QuotaSection};
pub use values::{Number, Size, Time};

use crate::authority::{Authority, Origin};
use crate::sizes::{self, ENVELOPE, EXPANSION};

/// A configuration file with every key, its default and its meaning.
pub const EXAMPLE: &str = include_str!("../../ringfence.toml");

/// The reason why a configuration is refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// A key is unknown, a value is invalid, or a limit cannot be enforced.
    #[error("{file}:{line}: {reason}")]
    Wrong {
        /// The file, as named.
        file: String,
        /// The line, from 1.
        line: usize,
        /// What is wrong, and what is expected.
        reason: String,
    },
    /// A configured file cannot be used.
    #[error("{file}: {reason}")]
    Unusable {
        /// The file, as named.
        file: String,
        /// What is wrong, with the text of its source.
        reason: String,
        /// The error behind it, if there is one.
        source: Option<Box<dyn std::error::Error + Send + Sync>>,
    },
}

impl ConfigError {
    /// Returns the error for a file or a key that cannot be used, for a reason.
    pub(crate) fn unusable(file: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::Unusable { file: file.into(), reason: reason.into(), source: None }
    }

    /// Returns the error for a file or a key that cannot be used because of another error.
    pub(crate) fn because(
        file: impl Into<String>,
        what: &str,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        let source = source.into();
        Self::Unusable { file: file.into(), reason: format!("{what}{source}"), source: Some(source) }
    }
}

/// The configuration of a server. The defaults are those of [`EXAMPLE`].
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
#[non_exhaustive]
pub struct Config {
    /// Directory of the store. Default: the platform's.
    pub store: Option<PathBuf>,
    /// Address, connections and their timeouts.
    pub listen: Listen,
    /// Certificate and key; none without TLS.
    pub tls: Option<Tls>,
    /// Limits of all runs together.
    pub host: HostSection,
    /// The limits of a run, and lower ones for some owners and tokens.
    pub limits: LimitsSection,
    /// Exceptions for single skills.
    skill: BTreeMap<String, Spanned<SkillSection>>,
    /// Queues and their timeouts.
    pub admission: Admission,
    /// Quotas of owners and tokens.
    pub quota: Quota,
    /// What MCP shows to agents.
    pub mcp: Mcp,
    /// Reports kept for repeated calls.
    pub idempotency: Idempotency,
    /// Access to the metrics.
    pub metrics: Metrics,
    /// Grants of capabilities to skills, in order.
    pub grant: Policy,
    /// Sources of the secrets that grants name.
    pub secret: BTreeMap<String, Source>,
    /// Key-value spaces on disk.
    pub kv: Kv,
    /// HTTP requests of skills.
    pub egress: Egress,
    /// The resulting limits of a run, checked.
    #[serde(skip)]
    pub(crate) run_limits: Arc<Limits>,
    /// The resulting limits of skills with limits of their own.
    #[serde(skip)]
    pub(crate) skill_limits: BTreeMap<Name, Arc<Limits>>,
}

/// Section `listen`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
#[non_exhaustive]
#[expect(missing_docs, reason = "`EXAMPLE` says what each key means")]
pub struct Listen {
    #[serde(deserialize_with = "values::address")]
    pub address: SocketAddr,
    pub hosts: Vec<Authority>,
    pub origins: Vec<Origin>,
    pub connections: Number<1, 1_000_000>,
    pub connections_per_address: Number<1, 1_000_000>,
    pub header_timeout: Time<10, 3_600_000>,
    pub body_timeout: Time<10, 3_600_000>,
    pub upload_timeout: Time<10, 3_600_000>,
    pub write_timeout: Time<10, 3_600_000>,
    pub shutdown_timeout: Time<0, 3_600_000>,
}

impl Default for Listen {
    fn default() -> Self {
        Self {
            address: SocketAddr::from(([127, 0, 0, 1], 7420)),
            hosts: Authority::loopback(),
            origins: Vec::new(),
            connections: Number::new(4096),
            connections_per_address: Number::new(1024),
            header_timeout: Time::millis(10_000),
            body_timeout: Time::millis(10_000),
            upload_timeout: Time::millis(60_000),
            write_timeout: Time::millis(30_000),
            shutdown_timeout: Time::millis(30_000),
        }
    }
}

/// Section `tls`: two files in PEM.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[expect(missing_docs, reason = "`EXAMPLE` says what each key means")]
pub struct Tls {
    pub certificate: PathBuf,
    pub key: PathBuf,
}

/// Section `host`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
#[non_exhaustive]
#[expect(missing_docs, reason = "`EXAMPLE` says what each key means")]
pub struct HostSection {
    pub runs: Number<1, 16_000>,
    pub memory: Size,
    pub principal_memory: Number<1, 100>,
    pub code_memory: Size,
}

impl HostSection {
    /// Returns the maximum bytes of memory of one principal's runs. A single principal can use all.
    pub(crate) fn share(&self, one_principal: bool) -> u64 {
        let percent = if one_principal { 100 } else { self.principal_memory.get() };
        self.memory.bytes().checked_div(100).unwrap_or(0).saturating_mul(percent)
    }
}

impl Default for HostSection {
    fn default() -> Self {
        Self {
            runs: Number::new(1_000),
            memory: Size(4 << 30),
            principal_memory: Number::new(50),
            code_memory: Size(4 << 30),
        }
    }
}

/// Section `skill.NAME`.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
struct SkillSection {
    limits: LimitsSection,
}

/// Section `admission`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
#[non_exhaustive]
#[expect(missing_docs, reason = "`EXAMPLE` says what each key means")]
pub struct Admission {
    pub queue: Number<0, 1_000_000>,
    pub queue_timeout: Time<0, 3_600_000>,
    pub load_timeout: Time<0, 3_600_000>,
    pub uploads: Number<1, 10_000>,
    pub body_memory: Size,
    pub answer_memory: Size,
}

impl Default for Admission {
    fn default() -> Self {
        Self {
            queue: Number::new(256),
            queue_timeout: Time::millis(1_000),
            load_timeout: Time::millis(10_000),
            uploads: Number::new(8),
            body_memory: Size(1 << 30),
            answer_memory: Size(1 << 30),
        }
    }
}

/// Section `mcp`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
#[non_exhaustive]
#[expect(missing_docs, reason = "`EXAMPLE` says what each key means")]
pub struct Mcp {
    pub schema: SchemaStyle,
    pub page: Number<1, 10_000>,
    pub ttl: Time<0, 86_400_000>,
    pub accept_annotations: Vec<Accepted>,
}

impl Default for Mcp {
    fn default() -> Self {
        Self {
            schema: SchemaStyle::Portable,
            page: Number::new(100),
            ttl: Time::millis(60_000),
            accept_annotations: Vec::new(),
        }
    }
}

/// A skill whose annotations agents see: a name, `name@version`, or a whole digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted(Reference);

impl Accepted {
    /// Returns whether this means a version of a skill.
    pub(crate) fn fits(&self, name: &Name, version: &Version, digest: Digest) -> bool {
        match &self.0 {
            Reference::Name(known) => known == name,
            Reference::Version(known, of) => known == name && of == version,
            Reference::Digest(known) => *known == digest,
            Reference::Prefix(_) => false,
        }
    }
}

impl<'de> Deserialize<'de> for Accepted {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        match text.parse().map_err(serde::de::Error::custom)? {
            Reference::Prefix(_) => Err(serde::de::Error::custom("incomplete digest; write all 64 digits")),
            reference => Ok(Self(reference)),
        }
    }
}

/// Section `idempotency`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
#[non_exhaustive]
#[expect(missing_docs, reason = "`EXAMPLE` says what each key means")]
pub struct Idempotency {
    pub keep: Time<0, 86_400_000>,
    pub size: Size,
}

impl Default for Idempotency {
    fn default() -> Self {
        Self { keep: Time::millis(600_000), size: Size(64 << 20) }
    }
}

/// Section `metrics`.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
#[non_exhaustive]
#[expect(missing_docs, reason = "`EXAMPLE` says what each key means")]
pub struct Metrics {
    pub public: bool,
}

impl Config {
    /// Reads and parses a file.
    pub(crate) fn read(file: &Path) -> Result<Self, ConfigError> {
        let source = std::fs::read_to_string(file)
            .map_err(|error| ConfigError::because(file.display().to_string(), "cannot read it: ", error))?;
        Self::parse(&source, file)
    }

    /// Parses a configuration. `file` is its name in messages; its directory is the base of relative paths.
    ///
    /// # Errors
    ///
    /// Fails with [`ConfigError::Wrong`], which has file, line and reason.
    pub fn parse(source: &str, file: &Path) -> Result<Self, ConfigError> {
        let place = Place { source, file: text::clean(&file.display().to_string(), 512) };
        let mut config: Self = toml::from_str(source).map_err(|error| {
            let at = error.span().map_or(0, |span| span.start);
            place.wrong(at, &text::clean(error.message(), 1024))
        })?;
        let caps = HostConfig::default().caps;
        let check = |limits: Limits, section: &[&LimitsSection]| match limits.check(&caps) {
            Ok(()) => Ok(Arc::new(limits)),
            Err(error) => Err(place.wrong(limits::place_of(&error, section), &error.to_string())),
        };
        config.run_limits = check(config.limits.over(&Limits::default()), &[&config.limits])?;
        let no_fuel = |fuel: u64, flow: u64, of: &str| {
            format!(
                "the fuel limit of a run, {fuel}, exceeds `{of}fuel-per-minute`, {flow}, so no call could start"
            )
        };
        let (fuel, flow) = (config.run_limits.fuel, config.quota.fuel_per_minute());
        if flow < fuel {
            let at = limits::fuel_place(&config.limits);
            return Err(place.wrong(at, &no_fuel(fuel, flow, "quota.")));
        }
        for (name, section) in &config.skill {
            let at = section.span().start;
            let own = &section.get_ref().limits;
            own.expect_no_others().map_err(|(at, reason)| place.wrong(at, reason))?;
            let name: Name = name.parse().map_err(|error| place.wrong(at, &format!("{error}")))?;
            let limits = check(own.over(&config.run_limits), &[own, &config.limits])?;
            if flow < limits.fuel {
                return Err(place.wrong(limits::fuel_place(own), &no_fuel(limits.fuel, flow, "quota.")));
            }
            config.skill_limits.insert(name, limits);
        }
        let groups = [("owner", &config.limits.owner), ("token", &config.limits.token)];
        for (group, name, section) in
            groups.into_iter().flat_map(|(group, rows)| rows.iter().map(move |(n, s)| (group, n, s)))
        {
            let (at, own) = (section.span().start, section.get_ref());
            own.expect_no_others().map_err(|(at, reason)| place.wrong(at, reason))?;
            if group == "owner" {
                let _: Owner = name.parse().map_err(|error| place.wrong(at, &format!("{error}")))?;
            } else if !quota::is_token_id(name) {
                let name = text::clean(name, 80);
                let reason = format!(
                    "invalid token id `{name}`; expected 10 hexadecimal digits from `ringfence token list`"
                );
                return Err(place.wrong(at, &reason));
            }
            check(own.over(&config.run_limits), &[own, &config.limits])?;
        }
        // The largest fuel of a run of any skill, before owners' and tokens' own limits.
        let fuel = config.skill_limits.values().map(|limits| limits.fuel).fold(fuel, u64::max);
        for (owner, section) in &config.quota.owners {
            let flow = config.quota.of_owner(owner).fuel_per_minute.map_or(u64::MAX, Number::get);
            let fuel = limits::fuel_of(config.limits.owner.get(owner.as_str()), fuel);
            if flow < fuel {
                let reason = no_fuel(fuel, flow, &format!("quota.owner.{owner}."));
                let next = format!("{reason}; set `[limits.owner.{owner}] fuel`");
                return Err(place.wrong(section.span().start, &next));
            }
        }
        for (id, section) in &config.quota.tokens {
            let flow = config.quota.of_token(id).fuel_per_minute.map_or(u64::MAX, Number::get);
            let fuel = limits::fuel_of(config.limits.token.get(id), fuel);
            if flow < fuel {
                let reason = no_fuel(fuel, flow, &format!("quota.token.{id}."));
                return Err(
                    place.wrong(section.span().start, &format!("{reason}; set `[limits.token.{id}] fuel`"))
                );
            }
            if section.get_ref().skill_memory.is_some() {
                let reason = "`skill-memory` belongs to an owner: set it in `[quota.owner.NAME]`";
                return Err(place.wrong(section.span().start, reason));
            }
        }
        let message =
            config.largest_input().saturating_add(ENVELOPE).saturating_mul(EXPANSION.saturating_add(1));
        let share = sizes::share(config.admission.body_memory.bytes());
        if share < message {
            let at = config.limits.place(LimitName::InputSize).unwrap_or(0);
            let reason = format!(
                "`admission.body-memory` leaves {share} bytes to one principal, and the largest message for MCP may take \
                 {message}: raise it, or lower `limits.input_size-size`"
            );
            return Err(place.wrong(at, &reason));
        }
        if config.host.memory.bytes() < config.run_limits.memory {
            let at = config.limits.place(LimitName::Memory).unwrap_or(0);
            let reason = format!(
                "the memory limit of a run, {}, exceeds `host.memory`, {}; raise `host.memory`, or lower `limits.memory`",
                config.run_limits.memory,
                config.host.memory.bytes()
            );
            return Err(place.wrong(at, &reason));
        }
        let directory = file.parent().unwrap_or(Path::new(""));
        let files = config.tls.iter_mut().flat_map(|tls| [&mut tls.certificate, &mut tls.key]);
        let secrets = config.secret.values_mut().filter_map(|source| match source {
            Source::File(path) => Some(path),
            Source::Environment(_) => None,
        });
        for path in files.chain(config.store.as_mut()).chain(config.kv.file.as_mut()).chain(secrets) {
            *path = directory.join(&path);
        }
        config.grant = config.grant.with_files_in(directory);
        Ok(config)
    }

    /// Replaces the limits of every skill with these, as far as they are set.
    ///
    /// # Errors
    ///
    /// Fails with [`ConfigError::Unusable`] for a limit that cannot be enforced.
    pub fn set_limits(&mut self, limits: &LimitOverrides) -> Result<(), ConfigError> {
        let caps = HostConfig::default().caps;
        const GIVEN: &str = "the limits on the command line";
        let wrong = |reason: String| ConfigError::unusable(GIVEN, reason);
        let flow = self.quota.fuel_per_minute();
        for known in self.skill_limits.values_mut().chain([&mut self.run_limits]) {
            let new = limits.over(known);
            new.check(&caps).map_err(|error| ConfigError::because(GIVEN, "", error))?;
            if flow < new.fuel {
                let fuel = new.fuel;
                return Err(wrong(format!(
                    "the fuel limit {fuel} exceeds `quota.fuel-per-minute`, {flow}; lower it"
                )));
            }
            if self.host.memory.bytes() < new.memory {
                let (memory, most) = (new.memory, self.host.memory.bytes());
                return Err(wrong(format!(
                    "the memory limit {memory} exceeds `host.memory`, {most}; lower it"
                )));
            }
            *known = Arc::new(new);
        }
        Ok(())
    }

    /// Returns the configuration of the host.
    pub fn host_config(&self) -> HostConfig {
        HostConfig::pooled().with_runs(self.host.runs.as_u32()).with_memory(self.host.memory.bytes())
    }

    /// Returns the skills with limits of their own.
    pub(crate) fn limited_skills(&self) -> impl Iterator<Item = &Name> {
        self.skill_limits.keys()
    }

    /// Returns whether the operator accepted a skill's claims about its tools.
    pub(crate) fn accepts(&self, name: &Name, version: &Version, digest: Digest) -> bool {
        self.mcp.accept_annotations.iter().any(|accepted| accepted.fits(name, version, digest))
    }

    /// Returns the limits of a caller's run: the lowest of the skill's, the owner's and the token's, one by one.
    pub(crate) fn limits_of(&self, skill: &Name, owner: &Owner, token: &str) -> Arc<Limits> {
        let limits = self.skill_limits.get(skill).unwrap_or(&self.run_limits);
        let sections = [self.limits.owner.get(owner.as_str()), self.limits.token.get(token)];
        let mut lower = sections.into_iter().flatten().map(Spanned::get_ref).peekable();
        if lower.peek().is_none() {
            return Arc::clone(limits);
        }
        Arc::new(lower.fold(Limits::clone(limits), |limits, section| section.lowest(&limits)))
    }

    /// Returns the maximum bytes of an input of any skill.
    pub(crate) fn largest_input(&self) -> u64 {
        let own = self.skill_limits.values().map(|limits| limits.input_size);
        own.fold(self.run_limits.input_size, u64::max)
    }

    /// Returns the sections in which `new` differs.
    pub(crate) fn changed_sections(&self, new: &Self) -> Vec<&'static str> {
        // Where in its file a limit stands is no difference, and `Spanned` compares its value alone.
        let rows = [
            ("listen", self.listen == new.listen),
            ("tls", self.tls == new.tls),
            ("host", self.host == new.host),
            ("limits", self.limits == new.limits),
            ("skill", self.skill == new.skill),
            ("admission", self.admission == new.admission),
            ("quota", self.quota == new.quota),
            ("mcp", self.mcp == new.mcp),
            ("idempotency", self.idempotency == new.idempotency),
            ("metrics", self.metrics == new.metrics),
            ("grant", self.grant == new.grant),
            ("secret", self.secret == new.secret),
            ("egress", self.egress == new.egress),
        ];
        rows.into_iter().filter(|(_, same)| !same).map(|(section, _)| section).collect()
    }

    /// Returns the keys in which `new` differs and that cannot change while the server runs.
    pub(crate) fn fixed_differences(&self, new: &Self) -> Vec<&'static str> {
        let rows = [
            ("store", self.store == new.store),
            ("listen.address", self.listen.address == new.listen.address),
            ("listen.connections", self.listen.connections == new.listen.connections),
            (
                "listen.connections-per-address",
                self.listen.connections_per_address == new.listen.connections_per_address,
            ),
            ("listen.shutdown-timeout", self.listen.shutdown_timeout == new.listen.shutdown_timeout),
            ("tls", self.tls.is_some() == new.tls.is_some()),
            ("host", (self.host.runs, self.host.memory) == (new.host.runs, new.host.memory)),
            ("admission.queue", self.admission.queue == new.admission.queue),
            ("admission.uploads", self.admission.uploads == new.admission.uploads),
            ("admission.body-memory", self.admission.body_memory == new.admission.body_memory),
            ("admission.answer-memory", self.admission.answer_memory == new.admission.answer_memory),
            ("idempotency", self.idempotency == new.idempotency),
            ("kv", self.kv == new.kv),
        ];
        rows.into_iter().filter(|(_, same)| !same).map(|(key, _)| key).collect()
    }
}

/// A file and its text, for positions in errors.
struct Place<'a> {
    source: &'a str,
    file: String,
}

impl Place<'_> {
    fn wrong(&self, at: usize, reason: &str) -> ConfigError {
        let before = self.source.as_bytes().get(..at).unwrap_or(self.source.as_bytes());
        let line = before.iter().filter(|byte| **byte == b'\n').count().saturating_add(1);
        ConfigError::Wrong { file: self.file.clone(), line, reason: reason.to_owned() }
    }
}

//! Grants as data: which skill may use which capability, and why not.
//!
//! Without a grant a skill reaches nothing. The operator writes [`Grant`]s: HTTP requests to some URLs, a key-value space,
//! configuration values, secrets, tools, scratch files. A [`Policy`] is an ordered list of grants. When a run starts, it
//! gets the grants of its subject ([`Policy::for_subject`]), and they decide about each request. The first grant that
//! covers a request decides. No grant exists for files, processes or raw sockets.
//!
//! This crate is pure and synchronous. It opens no file and no socket, and links no engine. It also has two checks for
//! requests through the egress door: [`Target`] accepts only URLs with one reading, and [`AddressRules`] decide which
//! addresses the host may dial.
//!
//! ```
//! use ringfence_policy::{Policy, Request, SkillDigest, Subject, Target};
//!
//! let policy = Policy::of_lines(["http GET,POST https://*.example.com/v1/ requests=10", "kv"])?;
//! let grants = policy.for_subject(&Subject::of(SkillDigest([0; 32])));
//!
//! let target = Target::parse("https://api.example.com/v2/items")?;
//! let explanation = grants.explain(&Request::Http { method: "GET", target: &target });
//! assert!(explanation.outcome.is_err());
//! let missing = explanation.missing.map(|grant| grant.to_option());
//! assert_eq!(missing.as_deref(), Some("--grant 'http GET https://api.example.com/v2/items'"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod address;
mod cidr;
mod coverage;
mod error;
mod explain;
mod grant;
mod http_rule;
mod line;
mod pattern;
mod policy;
mod requested;
mod rules;
mod size;
mod subject;
mod target;
mod words;

pub use address::{AddressClass, AddressRefusal, AddressRules};
pub use cidr::{Cidr, CidrError, Nat64Prefix};
pub use coverage::Need;
pub use error::GrantError;
pub use explain::{Explanation, capability_for};
pub use grant::Grant;
pub use http_rule::{HttpCaps, HttpRule, Method, SecretForm, SecretPlace, SecretUse, is_host_header};
pub use pattern::{HostPattern, NamePattern, PatternError, UrlMatch, UrlPattern};
pub use policy::{
    Covered, Decision, Denial, Granted, Origin, Policy, Reason, Request, RuleId, SubjectGrants,
};
pub use requested::RequestedHttp;
pub use rules::{Capability, KvRule, KvSpace, KvStorage, ScratchRule};
pub use size::{Size, Span, UnitError};
pub use subject::{SkillDigest, SkillSelector, Subject};
pub use target::{MAX_URL, Scheme, Target, TargetError, TargetHost};

/// The examples of the README, for `cargo test --doc`.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

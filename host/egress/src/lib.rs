//! The one door through which bytes leave the process.
//!
//! Everything that Ringfence sends to a network goes through a [`Door`]: requests of skills, bundle downloads, upstream
//! tool servers, registries. Each hop of a request passes the same steps, in this order:
//!
//! 1. The URL has one reading ([`ringfence_policy::Target`]), and a grant covers it.
//! 2. The run, the skill and the principal are below their caps.
//! 3. The resolver returns addresses, and [`ringfence_policy::AddressRules`] allow every one of them.
//! 4. The door dials one of these addresses, or requests a tunnel to it from the operator's proxy.
//! 5. TLS verifies the name in the URL.
//! 6. The door adds the secret of the grant, when the guest's part of the request is fixed.
//! 7. The door checks head, body and time of the response against their caps, and removes secrets from it.
//!
//! The door reads no proxy from the environment. Dropping a future, or a body before its end, closes the connection. After
//! the end of a body, the door keeps the connection for 4 seconds, for a `GET` or `HEAD` of the same skill and principal
//! to the same checked address.
//!
//! ```
//! use std::net::IpAddr;
//! use std::sync::Arc;
//!
//! use ringfence_egress::{Door, DoorConfig, Lookup, Outgoing, Resolve};
//! use ringfence_policy::{Policy, SkillDigest, Subject};
//!
//! #[derive(Debug)]
//! struct Rebound;
//!
//! impl Resolve for Rebound {
//!     fn resolve<'a>(&'a self, _name: &'a str) -> Lookup<'a> {
//!         Box::pin(async { Ok(vec![IpAddr::from([169, 254, 169, 254])]) })
//!     }
//! }
//!
//! # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
//! # runtime.block_on(async {
//! let policy = Policy::of_lines(["http https://example.com/"]).expect("a grant");
//! let door = Door::new(DoorConfig::new(Arc::new(Rebound)));
//! let caller = door.caller(policy.for_subject(&Subject::of(SkillDigest([0; 32]))));
//! let refused = door.send(&caller, Outgoing::new("GET", "https://example.com/")).await.unwrap_err();
//! assert!(refused.to_string().contains("cloud metadata; no grant can allow it"));
//! assert_eq!(refused.guest().to_string(), "denied");
//! # });
//! # Ok::<(), std::io::Error>(())
//! ```

mod accounts;
mod config;
mod connect;
mod count;
mod dial;
mod door;
mod error;
mod exchange;
mod incoming;
mod inject;
mod outgoing;
mod pool;
mod proxy;
mod redirect;
mod resolve;
pub mod secret;
mod stream;
mod tls;

pub use accounts::{ShareCaps, Usage};
pub use config::DoorConfig;
pub use dial::DialLimits;
pub use door::{Caller, Door};
pub use error::{BadRedirect, BadResponse, EgressError, GuestError, Invalid, Limit};
pub use exchange::HeaderLimits;
pub use incoming::{Incoming, PIECE, ResponseBody};
pub use inject::Secrets;
pub use outgoing::{BoxError, Outgoing, Redirects, RequestBody};
pub use proxy::{Proxy, ProxyFailure, ProxyUrl, ProxyUrlError};
#[cfg(feature = "dns")]
pub use resolve::{DnsConfig, DnsResolver};
pub use resolve::{Lookup, Resolve, ResolveError, system_resolver};

/// The examples of the README, for `cargo test --doc`.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

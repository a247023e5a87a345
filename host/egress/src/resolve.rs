//! Names to addresses. A lookup is a future: dropping it cancels the lookup.

use std::fmt;
use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;

use ringfence_policy::TargetHost;

#[cfg(feature = "dns")]
mod hickory;
mod system;
#[cfg(feature = "dns")]
pub use hickory::{DnsConfig, DnsResolver};
pub use system::system_resolver;

/// Why a name has no address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ResolveError {
    /// The name does not exist, or has no address.
    #[error("the name has no address")]
    NoAddress,
    /// No server answered.
    #[error("no name server answered: {0}")]
    Failed(String),
}

/// The future of a lookup.
pub type Lookup<'a> = Pin<Box<dyn Future<Output = Result<Vec<IpAddr>, ResolveError>> + Send + 'a>>;

/// Looks names up. The door checks every address that a lookup returns, so an implementation filters nothing.
pub trait Resolve: fmt::Debug + Send + Sync {
    /// Returns the addresses of a name, which is in lower-case ASCII without a trailing dot.
    ///
    /// The name is fully qualified: an implementation adds no search domain to it.
    fn resolve<'a>(&'a self, name: &'a str) -> Lookup<'a>;
}

/// Returns the addresses of a host, of which none is checked. A literal needs no lookup.
pub(crate) async fn addresses(
    host: &TargetHost,
    resolver: &dyn Resolve,
) -> Result<Vec<IpAddr>, ResolveError> {
    match host {
        TargetHost::Address(address) => Ok(vec![*address]),
        TargetHost::Name(name) => match resolver.resolve(name).await? {
            found if found.is_empty() => Err(ResolveError::NoAddress),
            found => Ok(found),
        },
    }
}

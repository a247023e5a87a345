//! The resolver of the machine's own name servers, where the feature `dns` builds one in.

use std::sync::Arc;

use super::{Lookup, Resolve, ResolveError};

/// Returns a resolver that uses the name servers of the system.
///
/// If the system's configuration cannot be read, or this build has no name look-up, every look-up fails with that
/// reason. Requests to addresses need no look-up.
pub fn system_resolver() -> Arc<dyn Resolve> {
    made().unwrap_or_else(|reason| Arc::new(NoNames { reason }))
}

#[cfg(feature = "dns")]
fn made() -> Result<Arc<dyn Resolve>, String> {
    use super::{DnsConfig, DnsResolver};

    match DnsConfig::of_system().and_then(|config| DnsResolver::new(&config)) {
        Ok(resolver) => Ok(Arc::new(resolver)),
        Err(error) => Err(format!("cannot read the system's name servers: {error}; check /etc/resolv.conf")),
    }
}

#[cfg(not(feature = "dns"))]
fn made() -> Result<Arc<dyn Resolve>, String> {
    Err("this build has no name look-up; grant an address, or build with the feature `dns`".to_owned())
}

#[derive(Debug)]
struct NoNames {
    reason: String,
}

impl Resolve for NoNames {
    fn resolve<'a>(&'a self, _: &'a str) -> Lookup<'a> {
        Box::pin(async { Err(ResolveError::Failed(self.reason.clone())) })
    }
}

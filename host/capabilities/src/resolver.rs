//! The resolver of the machine's own name servers, where the feature `dns` builds one in.

use std::io;
use std::sync::Arc;

use ringfence_egress::Resolve;

/// Returns a resolver that asks the name servers of the system.
///
/// # Errors
///
/// Fails if the system's configuration cannot be read.
#[cfg(feature = "dns")]
pub fn system_resolver() -> io::Result<Arc<dyn Resolve>> {
    let config = ringfence_egress::DnsConfig::of_system()?;
    Ok(Arc::new(ringfence_egress::DnsResolver::new(&config)?))
}

/// Returns a resolver that finds no name, because this build has none. Grants for addresses work.
///
/// # Errors
///
/// None.
#[cfg(not(feature = "dns"))]
pub fn system_resolver() -> io::Result<Arc<dyn Resolve>> {
    #[derive(Debug)]
    struct NoNames;
    impl Resolve for NoNames {
        fn resolve<'a>(&'a self, _: &'a str) -> ringfence_egress::Lookup<'a> {
            Box::pin(async { Ok(Vec::new()) })
        }
    }
    Ok(Arc::new(NoNames))
}

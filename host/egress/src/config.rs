//! What the operator decides about all egress.

use std::sync::Arc;

use ringfence_policy::Nat64Prefix;

use crate::accounts::ShareCaps;
use crate::dial::DialLimits;
use crate::exchange::HeaderLimits;
use crate::inject::Secrets;
use crate::proxy::Proxy;
use crate::resolve::Resolve;

/// What the operator decides about all egress.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct DoorConfig {
    /// Looks names up.
    pub resolver: Arc<dyn Resolve>,
    /// Prefixes of the network's own NAT64 translators. Default: none.
    pub nat64: Vec<Nat64Prefix>,
    /// The secrets that grants name. Default: none.
    pub secrets: Arc<dyn Secrets>,
    /// The proxy for every connection. Default: none. The environment is never read.
    pub proxy: Option<Proxy>,
    /// Caps over all runs of one skill.
    pub skill: ShareCaps,
    /// Caps over all runs of one principal.
    pub principal: ShareCaps,
    /// How addresses are dialled.
    pub dial: DialLimits,
    /// Caps on the head of a message.
    pub headers: HeaderLimits,
}

impl DoorConfig {
    /// Creates a configuration with this resolver and defaults.
    pub fn new(resolver: Arc<dyn Resolve>) -> Self {
        Self {
            resolver,
            nat64: Vec::new(),
            secrets: Arc::new(std::collections::BTreeMap::new()),
            proxy: None,
            skill: ShareCaps::default(),
            principal: ShareCaps::default(),
            dial: DialLimits::default(),
            headers: HeaderLimits::default(),
        }
    }
}

//! The sections `kv` and `egress` of the configuration: what stands behind grants.

use std::path::PathBuf;

use ringfence_egress::ProxyUrl;
use ringfence_policy::Nat64Prefix;
use serde::Deserialize;

use super::values::Size;

/// Section `kv`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
#[non_exhaustive]
#[expect(missing_docs, reason = "`EXAMPLE` says what each key means")]
pub struct Kv {
    pub file: Option<PathBuf>,
    pub cache: Size,
    pub size: Size,
    pub share: Size,
}

impl Default for Kv {
    fn default() -> Self {
        Self { file: None, cache: Size(16 << 20), size: Size(4 << 30), share: Size(1 << 30) }
    }
}

/// Section `egress`.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
#[non_exhaustive]
#[expect(missing_docs, reason = "`EXAMPLE` says what each key means")]
pub struct Egress {
    pub nat64: Vec<Nat64Prefix>,
    pub proxy: Option<ProxyUrl>,
    pub proxy_secret: Option<String>,
}

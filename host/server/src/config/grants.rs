//! The sections `kv` and `egress` of the configuration: what stands behind grants.

use std::path::PathBuf;

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
}

impl Default for Kv {
    fn default() -> Self {
        Self { file: None, cache: Size(16 << 20) }
    }
}

/// Section `egress`.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
#[non_exhaustive]
#[expect(missing_docs, reason = "`EXAMPLE` says what each key means")]
pub struct Egress {
    pub nat64: Vec<Nat64Prefix>,
}

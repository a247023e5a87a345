//! The use of capabilities by a run, and its denials.

use std::time::Duration;

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

/// Maximum number of denials that a report lists.
pub(crate) const DENIALS: usize = 64;

/// A capability that the operator grants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Capability {
    /// HTTP requests.
    Http,
    /// Keys and values.
    Kv,
    /// Configuration values.
    Config,
    /// Names of secrets.
    Secrets,
    /// Files in the memory of the run.
    Scratch,
}

impl Capability {
    /// All capabilities.
    pub const ALL: [Self; 5] = [Self::Http, Self::Kv, Self::Config, Self::Secrets, Self::Scratch];

    /// Returns the stable name, in kebab-case.
    pub fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Kv => "kv",
            Self::Config => "config",
            Self::Secrets => "secrets",
            Self::Scratch => "scratch",
        }
    }

    /// Returns the capability that an interface uses, by its name with or without version. None for an interface that
    /// needs no grant.
    ///
    /// ```
    /// use ringfence::Capability;
    ///
    /// assert_eq!(Capability::of_interface("wasi:keyvalue/store@0.2.0-draft2"), Some(Capability::Kv));
    /// assert_eq!(Capability::of_interface("ringfence:skill/log@0.2.0"), None);
    /// ```
    pub fn of_interface(name: &str) -> Option<Self> {
        let path = name.split_once('@').map_or(name, |(path, _)| path);
        match path.split_once('/')? {
            ("ringfence:skill", "http") | ("wasi:http", _) => Some(Self::Http),
            ("ringfence:skill", "kv") | ("wasi:keyvalue", _) => Some(Self::Kv),
            ("ringfence:skill", "config") | ("wasi:config", _) => Some(Self::Config),
            ("ringfence:skill", "secrets") => Some(Self::Secrets),
            _ => None,
        }
    }
}

/// The use of capabilities by a run.
///
/// As JSON: an object with a member for each capability that it called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct CapabilityUsage {
    /// HTTP requests.
    pub http: Spent,
    /// Calls to the key-value space.
    pub kv: Spent,
    /// Reads of the configuration.
    pub config: Spent,
    /// Checks whether a secret exists.
    pub secrets: Spent,
    /// Operations on scratch files.
    pub scratch: Spent,
}

/// The use of one capability by a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Spent {
    /// Operations: requests, reads, writes, including denied and failed ones.
    pub calls: u64,
    /// Bytes from the guest: URLs, headers, bodies, keys, values, paths, contents of files.
    pub sent: u64,
    /// Bytes to the guest.
    pub received: u64,
    /// Time from call to answer. Calls that overlap count each.
    pub wait: Duration,
}

impl Spent {
    pub(crate) fn add(&mut self, other: Self) {
        self.calls = self.calls.saturating_add(other.calls);
        self.sent = self.sent.saturating_add(other.sent);
        self.received = self.received.saturating_add(other.received);
        self.wait = self.wait.saturating_add(other.wait);
    }
}

impl CapabilityUsage {
    pub(crate) fn of(&mut self, capability: Capability) -> &mut Spent {
        match capability {
            Capability::Http => &mut self.http,
            Capability::Kv => &mut self.kv,
            Capability::Config => &mut self.config,
            Capability::Secrets => &mut self.secrets,
            Capability::Scratch => &mut self.scratch,
        }
    }

    /// Returns whether the run called no capability.
    pub fn is_empty(&self) -> bool {
        self.each().into_iter().all(|(_, spent)| spent.calls == 0)
    }

    /// Returns every capability with what the run used of it, also those that it did not call.
    pub fn each(&self) -> [(Capability, &Spent); 5] {
        [
            (Capability::Http, &self.http),
            (Capability::Kv, &self.kv),
            (Capability::Config, &self.config),
            (Capability::Secrets, &self.secrets),
            (Capability::Scratch, &self.scratch),
        ]
    }
}

impl Serialize for CapabilityUsage {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (capability, spent) in self.each() {
            if spent.calls > 0 {
                map.serialize_entry(&capability, spent)?;
            }
        }
        map.end()
    }
}

impl Serialize for Spent {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let wait = u64::try_from(self.wait.as_micros()).unwrap_or(u64::MAX);
        let mut map = serializer.serialize_map(Some(4))?;
        map.serialize_entry("calls", &self.calls)?;
        map.serialize_entry("sent", &self.sent)?;
        map.serialize_entry("received", &self.received)?;
        map.serialize_entry("wait_us", &wait)?;
        map.end()
    }
}

/// Why a use of a capability was denied, in general.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum DenialKind {
    /// No grant covers it.
    NoGrant,
    /// A grant covers the URL, and the host does not dial an address of its server.
    Address,
    /// The answer redirects to where the host does not follow.
    Redirect,
    /// A grant covers it, and something of the operator's is missing or wrong.
    Unavailable,
}

impl DenialKind {
    /// All kinds.
    pub const ALL: [Self; 4] = [Self::NoGrant, Self::Address, Self::Redirect, Self::Unavailable];

    /// Returns the stable name, in kebab-case.
    pub fn name(self) -> &'static str {
        match self {
            Self::NoGrant => "no-grant",
            Self::Address => "address",
            Self::Redirect => "redirect",
            Self::Unavailable => "unavailable",
        }
    }
}

/// A use of a capability that no grant allows, or for which something of the operator's is missing. The guest saw no
/// reason.
///
/// As JSON: `capability`, `wanted`, `kind`, and `reason` if it is not empty.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Denial {
    /// The capability.
    pub capability: Capability,
    /// What the run wanted, as text of the guest: method and URL, a key, a name. Empty for `kv` and `scratch`. At most 512
    /// bytes.
    pub wanted: String,
    /// Why, for the caller.
    pub kind: DenialKind,
    /// The grant, the rule and the reason, for the operator. It can quote the guest: escape it before you show it. It
    /// can name addresses inside the operator's network: [`Denial::hide_reason`] before you show it to a caller.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub reason: String,
}

impl Denial {
    /// Removes what only the operator may see.
    pub fn hide_reason(&mut self) {
        self.reason.clear();
    }
}

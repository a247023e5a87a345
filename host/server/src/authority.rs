//! Checks `Host` and `Origin` of a request against the operator's configuration.
//!
//! Only these two reveal a web page that rebinds its name to this machine, or that simply posts here.

use http::header::{HOST, ORIGIN};
use http::{HeaderMap, Uri};
use serde::{Deserialize, Deserializer};

/// A name of this server that callers may use, with one port or any port. `*` stands for all names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authority {
    /// The name in lower case, or an IPv6 address in brackets. None for all names.
    host: Option<String>,
    port: Option<u16>,
}

/// A web origin: scheme, name and port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    scheme: String,
    host: String,
    port: Option<u16>,
}

impl Authority {
    /// Returns the names of this machine for itself.
    pub(crate) fn loopback() -> Vec<Self> {
        let host = |host: &str| Self { host: Some(host.to_owned()), port: None };
        ["localhost", "127.0.0.1", "[::1]"].map(host).into()
    }

    /// Returns whether every name is allowed.
    pub(crate) fn is_any(&self) -> bool {
        self.host.is_none()
    }

    fn parse(text: &str) -> Option<Self> {
        if text == "*" {
            return Some(Self { host: None, port: None });
        }
        let (host, port) = split(text)?;
        Some(Self { host: Some(host), port })
    }

    fn fits(&self, host: &str, port: Option<u16>) -> bool {
        self.host.as_ref().is_none_or(|known| known == host)
            && self.port.is_none_or(|known| port == Some(known))
    }
}

impl Origin {
    fn parse(text: &str) -> Option<Self> {
        let (scheme, rest) = text.split_once("://")?;
        let scheme = scheme.to_ascii_lowercase();
        let (host, port) = split(rest)?;
        let port = port.or(match scheme.as_str() {
            "http" => Some(80),
            "https" => Some(443),
            _ => None,
        });
        Some(Self { scheme, host, port })
    }
}

/// Parses `name`, `name:port`, `[address]` or `[address]:port` into lower-case name and port.
fn split(text: &str) -> Option<(String, Option<u16>)> {
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (address, after) = rest.split_once(']')?;
            let port = if after.is_empty() { None } else { Some(after.strip_prefix(':')?) };
            (format!("[{address}]"), port)
        }
        None => match text.split_once(':') {
            Some((host, port)) => (host.to_owned(), Some(port)),
            None => (text.to_owned(), None),
        },
    };
    let port = port.map(|port| port.parse().ok()).map_or(Some(None), |port| port.map(Some))?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-_:[]".contains(&byte);
    if host.is_empty() || !host.bytes().all(plain) {
        return None;
    }
    // A name with a dot at its end is the same name.
    Some((host.trim_end_matches('.').to_ascii_lowercase(), port))
}

/// Returns whether a request has exactly one `Host`, and an allowed one.
pub(crate) fn host_is_allowed(uri: &Uri, headers: &HeaderMap, allowed: &[Authority]) -> bool {
    let mut hosts = headers.get_all(HOST).iter();
    let (first, second) = (hosts.next(), hosts.next());
    let given = match (uri.authority(), first, second) {
        // A target in absolute form names the server itself, and must not name another than `Host` does.
        (Some(target), Some(host), None) if host.as_bytes() == target.as_str().as_bytes() => target.as_str(),
        (None, Some(host), None) => match host.to_str() {
            Ok(host) => host,
            Err(_) => return false,
        },
        _ => return false,
    };
    split(given).is_some_and(|(host, port)| allowed.iter().any(|known| known.fits(&host, port)))
}

/// Returns whether a request is from no web page, from an allowed one, or from one of this server.
///
/// The check of `Host` comes first, so it has already checked the name of the server's own pages.
pub(crate) fn origin_is_allowed(headers: &HeaderMap, allowed: &[Origin]) -> bool {
    let own = || headers.get(HOST).and_then(|host| split(host.to_str().ok()?));
    let is_own = |origin: &Origin| {
        let default = if origin.scheme == "https" { 443 } else { 80 };
        let http = ["http", "https"].contains(&origin.scheme.as_str());
        http && own()
            .is_some_and(|(host, port)| host == origin.host && Some(port.unwrap_or(default)) == origin.port)
    };
    let mut origins = headers.get_all(ORIGIN).iter();
    match (origins.next(), origins.next()) {
        (None, _) => true,
        (Some(origin), None) => origin
            .to_str()
            .ok()
            .and_then(Origin::parse)
            .is_some_and(|origin| is_own(&origin) || allowed.contains(&origin)),
        (Some(_), Some(_)) => false,
    }
}

impl<'de> Deserialize<'de> for Authority {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let expected = "expected a name such as \"skills.example.com\", with or without a port, or \"*\"";
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom(expected))
    }
}

impl<'de> Deserialize<'de> for Origin {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let expected = "expected an origin such as \"https://app.example.com\"";
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom(expected))
    }
}

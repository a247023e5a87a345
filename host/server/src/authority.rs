//! Who a request says it is for and from: `Host` and `Origin`, against what the operator allows. A page that rebinds
//! its name to this machine, or that simply posts here, is told apart by these two and by nothing else.

use http::header::{HOST, ORIGIN};
use http::{HeaderMap, Uri};
use serde::{Deserialize, Deserializer};

/// A name by which this server may be called, with a port or with any; `*` for all names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authority {
    /// In lower case; an IPv6 address in brackets. None for all.
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
    /// The names of this machine for itself.
    pub(crate) fn loopback() -> Vec<Self> {
        let host = |host: &str| Self { host: Some(host.to_owned()), port: None };
        ["localhost", "127.0.0.1", "[::1]"].map(host).into()
    }

    /// Whether it takes every name.
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

/// `name`, `name:port`, `[address]`, `[address]:port`; in lower case, and nothing else in it.
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

/// Whether a request may be for this server: exactly one `Host`, and one that is allowed.
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

/// Whether a request is from a page that may call, or from none. A page of this server's own may: that its name is
/// the server's was checked before.
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

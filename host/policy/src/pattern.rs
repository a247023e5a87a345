//! Patterns of grants: URLs, and names that may end in `*`.

use std::fmt;
use std::str::FromStr;

use crate::cidr::as_text;
use crate::target::{Scheme, Target, TargetError, TargetHost};

/// The reason why a text is not a pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PatternError {
    /// The URL of the pattern is invalid.
    #[error("invalid URL pattern `{pattern}`: {source}")]
    Url {
        /// The pattern.
        pattern: String,
        /// Why the URL is invalid.
        source: TargetError,
    },
    /// The pattern has a query.
    #[error("URL pattern `{0}` has a query; a grant covers every query, so end it after the path")]
    Query(String),
    /// The wildcard is too wide, or in the wrong place.
    #[error(
        "URL pattern `{0}` has an unsupported wildcard; expected `*.` before at least two labels, for example `https://*.example.com/`"
    )]
    Wildcard(String),
    /// The path has an encoded slash or backslash, or a segment of dots.
    #[error(
        "URL pattern `{0}` has a path that servers read in different ways; write it without encoded slashes and dots"
    )]
    Path(String),
    /// The name is invalid.
    #[error("invalid pattern `{0}`; expected letters, digits and `-_.:/`, and `*` only at the end")]
    Name(String),
}

/// The host of a URL pattern.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum HostPattern {
    /// Exactly this name or address.
    Exact(TargetHost),
    /// Every name that ends in `.` and this suffix: `*.example.com` is `a.example.com` and `a.b.example.com`, but
    /// not `example.com`. The suffix has at least two labels.
    Below(String),
}

impl HostPattern {
    /// Returns true if the pattern covers the host.
    pub fn matches(&self, host: &TargetHost) -> bool {
        match (self, host) {
            (Self::Exact(own), host) => own == host,
            (Self::Below(suffix), TargetHost::Name(name)) => name
                .strip_suffix(suffix.as_str())
                .and_then(|rest| rest.strip_suffix('.'))
                .is_some_and(|rest| !rest.is_empty()),
            (Self::Below(_), TargetHost::Address(_)) => false,
        }
    }
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(host) => host.fmt(f),
            Self::Below(suffix) => write!(f, "*.{suffix}"),
        }
    }
}

/// How closely a target matches a pattern. A later value is closer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum UrlMatch {
    /// The host differs.
    Host,
    /// The scheme differs.
    Scheme,
    /// The port differs.
    Port,
    /// The path is outside the prefix.
    Path,
    /// The path starts with the prefix, but servers read it in different ways.
    AmbiguousPath,
    /// The pattern covers the target.
    Matches,
}

/// A pattern of URLs: scheme, host, port and the start of the path.
///
/// A path matches by whole segments: `/v1` covers `/v1` and `/v1/a`, but not `/v10`. A pattern whose path ends in `/`
/// covers only what is below it. A missing port is the default port of the scheme.
///
/// ```
/// use ringfence_policy::{Target, UrlPattern};
///
/// let pattern: UrlPattern = "https://*.example.com/v1".parse()?;
/// assert!(pattern.matches(&Target::parse("https://api.example.com/v1/items")?));
/// assert!(!pattern.matches(&Target::parse("https://api.example.com/v10")?));
/// assert!(!pattern.matches(&Target::parse("https://example.com/v1")?));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct UrlPattern {
    scheme: Scheme,
    host: HostPattern,
    port: u16,
    path: String,
}

impl UrlPattern {
    /// Creates the pattern that covers a target and everything below its path.
    pub fn of(target: &Target) -> Self {
        let path = if is_ambiguous(target.path()) { "/" } else { target.path() };
        Self {
            scheme: target.scheme(),
            host: HostPattern::Exact(target.host().clone()),
            port: target.port(),
            path: path.to_owned(),
        }
    }

    /// Returns the scheme.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// Returns the host.
    pub fn host(&self) -> &HostPattern {
        &self.host
    }

    /// Returns the port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Returns the start of the path.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Returns true if the pattern covers the target.
    pub fn matches(&self, target: &Target) -> bool {
        self.compare(target) == UrlMatch::Matches
    }

    /// Returns true if the pattern covers the origin of the target, whatever the path.
    pub fn covers_origin(&self, target: &Target) -> bool {
        self.compare(target) >= UrlMatch::Path
    }

    /// Returns how closely the target matches the pattern.
    pub fn compare(&self, target: &Target) -> UrlMatch {
        if !self.host.matches(target.host()) {
            return UrlMatch::Host;
        }
        if self.scheme != target.scheme() {
            return UrlMatch::Scheme;
        }
        if self.port != target.port() {
            return UrlMatch::Port;
        }
        if self.path == "/" {
            return UrlMatch::Matches;
        }
        let Some(rest) = target.path().strip_prefix(self.path.as_str()) else { return UrlMatch::Path };
        if !(self.path.ends_with('/') || rest.is_empty() || rest.starts_with('/')) {
            return UrlMatch::Path;
        }
        if is_ambiguous(target.path()) { UrlMatch::AmbiguousPath } else { UrlMatch::Matches }
    }
}

/// Characters that compatibility normalisation (NFKC), or the nearest character of an older character set, turns into
/// dots, slashes and backslashes.
const LIKE_DOTS: [&str; 12] = [
    "\u{ff0e}", "\u{ff0f}", "\u{ff3c}", "\u{2024}", "\u{2025}", "\u{2026}", "\u{fe52}", "\u{fe68}",
    "\u{2044}", "\u{2215}", "\u{2216}", "\u{29f8}",
];

/// Returns true if some servers would find dot segments or more slashes in the path.
///
/// Servers differ: some decode `%2f` before they split the path, decode several times, drop `;` and the text after it,
/// read `%u002e`, or drop control characters, or spaces and dots at the end of a segment.
fn is_ambiguous(path: &str) -> bool {
    // The parser has already resolved plain dot segments.
    if !path.contains(['%', ';']) {
        return false;
    }
    let slashes = |text: &[u8]| text.iter().filter(|byte| **byte == b'/').count();
    let mut text = path.as_bytes().to_vec();
    for _ in 0..4 {
        let dots = text.split(|byte| *byte == b'/').any(|segment| {
            // A server that decodes first takes what follows `?` and `#` for the query and the fragment.
            let name = segment.split(|byte| matches!(byte, b';' | b'?' | b'#')).next().unwrap_or_default();
            let name = name.trim_ascii();
            !name.is_empty() && name.iter().all(|byte| matches!(byte, b'.' | b' '))
        });
        // 0xc0 and 0xc1 only start an overlong form of an ASCII character.
        let hidden = text.iter().any(|byte| matches!(byte, b'\\' | 0..0x20 | 0x7f | 0xc0 | 0xc1));
        let wide = text.windows(2).any(|pair| pair.eq_ignore_ascii_case(b"%u"));
        let like = LIKE_DOTS.iter().any(|like| text.windows(like.len()).any(|part| part == like.as_bytes()));
        if dots || hidden || wide || like || slashes(&text) != slashes(path.as_bytes()) {
            return true;
        }
        let decoded = percent_decoded(&text);
        if decoded == text {
            return false;
        }
        text = decoded;
    }
    true
}

fn percent_decoded(mut text: &[u8]) -> Vec<u8> {
    let hex = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let mut decoded = Vec::with_capacity(text.len());
    while let Some((first, rest)) = text.split_first() {
        let (byte, rest) = match (*first, rest) {
            (b'%', [high, low, after @ ..]) => match (hex(*high), hex(*low)) {
                (Some(high), Some(low)) => (high << 4 | low, after),
                _ => (b'%', rest),
            },
            (byte, _) => (byte, rest),
        };
        decoded.push(byte);
        text = rest;
    }
    decoded
}

impl fmt::Display for UrlPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme, self.host)?;
        if self.port != self.scheme.default_port() {
            write!(f, ":{}", self.port)?;
        }
        f.write_str(&self.path)
    }
}

impl FromStr for UrlPattern {
    type Err = PatternError;

    fn from_str(pattern: &str) -> Result<Self, PatternError> {
        let shown = || pattern.chars().take(200).collect::<String>();
        let (scheme, rest) = pattern
            .split_once("://")
            .ok_or_else(|| PatternError::Url { pattern: shown(), source: TargetError::Syntax })?;
        let wildcard = rest.strip_prefix("*.");
        // The wildcard is no host to the parser, so it reads the suffix.
        let target = Target::parse(&format!("{scheme}://{}", wildcard.unwrap_or(rest))).map_err(
            |source| match source {
                TargetError::Host | TargetError::NotCanonical if rest.contains('*') && wildcard.is_none() => {
                    PatternError::Wildcard(shown())
                }
                source => PatternError::Url { pattern: shown(), source },
            },
        )?;
        if target.query().is_some() {
            return Err(PatternError::Query(shown()));
        }
        if is_ambiguous(target.path()) {
            return Err(PatternError::Path(shown()));
        }
        let host = match (wildcard, target.host()) {
            (None, host) => HostPattern::Exact(host.clone()),
            (Some(_), TargetHost::Name(name)) if name.contains('.') => HostPattern::Below(name.clone()),
            (Some(_), _) => return Err(PatternError::Wildcard(shown())),
        };
        let read =
            Self { scheme: target.scheme(), host, port: target.port(), path: target.path().to_owned() };
        // A trailing dot of the host.
        let written = read.to_string();
        if written != pattern && written.strip_suffix('/') != Some(pattern) {
            return Err(PatternError::Url { pattern: shown(), source: TargetError::NotCanonical });
        }
        Ok(read)
    }
}

/// A name, or the start of names: `text-stats`, `text-*`, `*`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct NamePattern {
    start: String,
    open: bool,
}

impl NamePattern {
    /// Creates a pattern that covers exactly one name, if it is a valid one.
    ///
    /// # Errors
    ///
    /// Fails with [`PatternError::Name`].
    pub fn exact(name: &str) -> Result<Self, PatternError> {
        let pattern: Self = name.parse()?;
        if pattern.open { Err(PatternError::Name(name.to_owned())) } else { Ok(pattern) }
    }

    /// Returns the pattern without its `*`.
    pub(crate) fn start(&self) -> &str {
        &self.start
    }

    /// Returns true if the pattern ends in `*`.
    pub fn is_open(&self) -> bool {
        self.open
    }

    /// Returns true if the pattern covers the name.
    pub fn matches(&self, name: &str) -> bool {
        if self.open { name.starts_with(&self.start) } else { name == self.start }
    }
}

impl fmt::Display for NamePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.start)?;
        if self.open { f.write_str("*") } else { Ok(()) }
    }
}

impl FromStr for NamePattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, PatternError> {
        let open = text.ends_with('*');
        let start = text.strip_suffix('*').unwrap_or(text);
        let character = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:/".contains(&byte);
        if text.is_empty() || text.len() > 200 || !start.bytes().all(character) {
            return Err(PatternError::Name(text.chars().take(60).collect()));
        }
        Ok(Self { start: start.to_owned(), open })
    }
}

as_text!(UrlPattern, NamePattern);
use serde::{Deserialize, Deserializer, Serialize, Serializer};

#[cfg(test)]
mod tests {
    use super::*;

    fn compare(pattern: &str, url: &str) -> UrlMatch {
        pattern.parse::<UrlPattern>().unwrap().compare(&Target::parse(url).unwrap())
    }

    #[test]
    fn patterns_are_written_as_they_are_read() {
        for text in [
            "https://example.com/",
            "https://*.example.com/v1/",
            "http://127.0.0.1:8080/",
            "https://[::1]/a",
            "https://[::ffff:7f00:1]/",
            "http://localhost:3000/",
            "https://*.co.uk/",
        ] {
            assert_eq!(text.parse::<UrlPattern>().unwrap().to_string(), text);
        }
        assert_eq!("https://example.com".parse::<UrlPattern>().unwrap().to_string(), "https://example.com/");
    }

    #[test]
    fn patterns_that_cover_too_much_or_have_two_readings_are_refused() {
        for text in [
            "*",
            "https://*/",
            "https://*.com/",
            "https://*.localhost/",
            "https://*.127.0.0.1/",
            "https://*.[::1]/",
            "https://a*.example.com/",
            "https://a.*.example.com/",
            "https://**.example.com/",
            "https://*.*.example.com/",
            "https://*example.com/",
            "https://*.",
            "https://*.com./",
            "https://*.example.com./",
            "https://EXAMPLE.com/",
            "https://example.com./",
            "https://example.com:443/",
            "https://u@example.com/",
            "https://example.com/?a",
            "https://example.com/#a",
            "https://example.com/a/../b",
            "https://example.com/a%2fb",
            "ftp://example.com/",
            "https://bücher.example/",
            "https://2130706433/",
            "*://example.com/",
            "example.com",
            "https://example.com:*/",
            "https://example.com/..;/a",
            "",
        ] {
            assert!(text.parse::<UrlPattern>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_wildcard_covers_strict_subdomains_only() {
        let pattern = "https://*.example.com/";
        for (url, expected) in [
            ("https://a.example.com/", UrlMatch::Matches),
            ("https://a.b.example.com/", UrlMatch::Matches),
            ("https://a.example.com./", UrlMatch::Matches),
            ("https://example.com/", UrlMatch::Host),
            ("https://badexample.com/", UrlMatch::Host),
            ("https://a.example.com.evil.example/", UrlMatch::Host),
            ("https://10.0.0.1/", UrlMatch::Host),
            ("http://a.example.com/", UrlMatch::Scheme),
            ("https://a.example.com:8443/", UrlMatch::Port),
        ] {
            assert_eq!(compare(pattern, url), expected, "{url}");
        }
    }

    #[test]
    fn a_path_matches_by_whole_segments() {
        for (prefix, path, expected) in [
            ("/", "/anything%2f..", UrlMatch::Matches),
            ("/v1", "/v1", UrlMatch::Matches),
            ("/v1", "/v1/", UrlMatch::Matches),
            ("/v1", "/v1/a", UrlMatch::Matches),
            ("/v1", "/v10", UrlMatch::Path),
            ("/v1", "/v1.json", UrlMatch::Path),
            ("/v1", "/V1", UrlMatch::Path),
            ("/v1", "/%761", UrlMatch::Path),
            ("/v1", "//v1", UrlMatch::Path),
            ("/v1", "/", UrlMatch::Path),
            ("/v1/", "/v1", UrlMatch::Path),
            ("/v1/", "/v1/", UrlMatch::Matches),
            ("/v1/", "/v1/a", UrlMatch::Matches),
            ("/v1/", "/v1?q=/v1/", UrlMatch::Path),
            ("/v1", "/v1?q=..%2f", UrlMatch::Matches),
            ("/v1", "/v1/..%2fadmin", UrlMatch::AmbiguousPath),
            ("/v1", "/v1/..%5Cadmin", UrlMatch::AmbiguousPath),
            ("/v1", "/v1/%252e%252e/admin", UrlMatch::AmbiguousPath),
            ("/v1", "/v1/%25252e%25252E/admin", UrlMatch::AmbiguousPath),
            ("/v1", "/v1/%25%32%65%2e/admin", UrlMatch::AmbiguousPath),
            ("/v1", "/v1/%c0%afadmin", UrlMatch::AmbiguousPath),
            ("/v1", "/v1/%25252525252541", UrlMatch::AmbiguousPath),
            ("/v1", "/v1/..;/admin", UrlMatch::AmbiguousPath),
            ("/v1", "/v1/..%3b/admin", UrlMatch::AmbiguousPath),
            ("/v1", "/v1/.;x/admin", UrlMatch::AmbiguousPath),
            ("/v1", "/v1/a%00b", UrlMatch::AmbiguousPath),
            // Some servers decode `%u002e`, remove tabs and line breaks, trim blanks and dots, or decode before they split.
            ("/v1", "/v1/%u002e%u002e/admin", UrlMatch::AmbiguousPath),
            ("/v1", "/v1/%25u002e%25U002E/admin", UrlMatch::AmbiguousPath),
            ("/v1", "/v1/.%09./admin", UrlMatch::AmbiguousPath),
            ("/v1", "/v1/.%0d%0a./admin", UrlMatch::AmbiguousPath),
            ("/v1", "/v1/a%7fb", UrlMatch::AmbiguousPath),
            ("/v1", "/v1/..%20/admin", UrlMatch::AmbiguousPath),
            ("/v1", "/v1/%20../admin", UrlMatch::AmbiguousPath),
            ("/v1", "/v1/%2e%2e%2e/admin", UrlMatch::AmbiguousPath),
            ("/v1", "/v1/..%3fx", UrlMatch::AmbiguousPath),
            ("/v1", "/v1/..%23x", UrlMatch::AmbiguousPath),
            ("/v1", "/v1/%ef%bc%8e%ef%bc%8e/admin", UrlMatch::AmbiguousPath),
            ("/v1", "/v1/..%ef%bc%8fadmin", UrlMatch::AmbiguousPath),
            ("/v1", "/v1/%e2%80%a5/admin", UrlMatch::AmbiguousPath),
            ("/v1", "/v1/a%20b", UrlMatch::Matches),
            ("/v1", "/v1/%20/a%3fb%23", UrlMatch::Matches),
            ("/v1", "/v1/%c3%a9%e4%b8%ad", UrlMatch::Matches),
            ("/v1", "/v1/a;b=c/..d/100%25", UrlMatch::Matches),
        ] {
            let pattern = format!("https://example.com{prefix}");
            assert_eq!(compare(&pattern, &format!("https://example.com{path}")), expected, "{prefix} {path}");
        }
    }

    #[test]
    fn names_may_end_in_a_star() {
        let pattern: NamePattern = "text-stats_*".parse().unwrap();
        assert!(pattern.matches("text-stats_count") && !pattern.matches("text-stat"));
        assert!("*".parse::<NamePattern>().unwrap().matches("anything"));
        for bad in ["", "a*b", "**", "a b", "ä", "*a"] {
            assert!(bad.parse::<NamePattern>().is_err(), "{bad}");
        }
    }
}

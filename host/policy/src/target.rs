//! The target of a request: a URL that has only one reading.
//!
//! URL parsers disagree about sloppy URLs, and each disagreement can be a way past a check. [`Target::parse`] therefore
//! accepts only the canonical form: the text must equal its own serialisation. The host builds its request only from
//! the parsed parts.

use std::fmt;
use std::net::IpAddr;

use url::{Host, Url};

/// Maximum bytes of a URL.
pub const MAX_URL: usize = 8192;

/// The scheme of a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// Plain HTTP, port 80 by default.
    Http,
    /// HTTP over TLS, port 443 by default.
    Https,
}

impl Scheme {
    /// Returns the scheme in lower case.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    /// Returns 80 or 443.
    pub fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The host of a target.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum TargetHost {
    /// A domain name in lower-case ASCII, without a trailing dot.
    Name(String),
    /// An address literal.
    Address(IpAddr),
}

impl fmt::Display for TargetHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Address(IpAddr::V4(address)) => address.fmt(f),
            // As URLs have it: mapped addresses in hexadecimal as well.
            Self::Address(IpAddr::V6(address)) => Host::<&str>::Ipv6(*address).fmt(f),
        }
    }
}

/// The reason why a URL is not a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum TargetError {
    /// The URL is longer than [`MAX_URL`].
    #[error("the URL is longer than {MAX_URL} bytes; shorten it")]
    TooLong,
    /// The URL has a control character, a space or a backslash, or is not ASCII.
    #[error("the URL has a character that URLs must not have; percent-encode it")]
    Character,
    /// The text is not an absolute URL.
    #[error("the text is not an absolute URL; expected for example `https://example.com/`")]
    Syntax,
    /// The scheme is neither `http` nor `https`.
    #[error("the URL has an unsupported scheme; expected `http` or `https`")]
    Scheme,
    /// The URL has a user name or a password.
    #[error("the URL has a user name or a password; send them in a header")]
    UserInfo,
    /// The URL has a fragment.
    #[error("the URL has a fragment, which is never sent; remove it")]
    Fragment,
    /// The host is empty, longer than a domain name, or has an empty label.
    #[error("the URL has an invalid host; expected a domain name or an IP address")]
    Host,
    /// The port is 0.
    #[error("the URL has port 0; expected 1 to 65535")]
    Port,
    /// The text differs from its own serialisation.
    #[error("the URL is not in canonical form; pass what a URL parser returns for it")]
    NotCanonical,
}

/// A URL in canonical form, split into the parts that are sent.
///
/// ```
/// use ringfence_policy::{Target, TargetError};
///
/// let target = Target::parse("https://example.com/v1?q=1")?;
/// assert_eq!(target.authority(), "example.com");
/// assert_eq!(target.path_and_query(), "/v1?q=1");
/// // An address in disguise.
/// assert_eq!(Target::parse("http://0x7f.1/"), Err(TargetError::NotCanonical));
/// # Ok::<(), TargetError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Target {
    scheme: Scheme,
    host: TargetHost,
    port: u16,
    path: String,
    query: Option<String>,
}

impl Target {
    /// Parses a URL that equals its own serialisation. Only the `/` of an empty path can be missing. One trailing
    /// dot of the host is removed.
    ///
    /// # Errors
    ///
    /// Fails with a [`TargetError`].
    pub fn parse(text: &str) -> Result<Self, TargetError> {
        check_characters(text)?;
        let url = Url::parse(text).map_err(parse_error)?;
        let target = Self::from_url(&url)?;
        let written = url.as_str();
        let same =
            written == text || written.strip_suffix('/').is_some_and(|rest| rest == text && is_root(&url));
        if same { Ok(target) } else { Err(TargetError::NotCanonical) }
    }

    /// Parses a URL that an operator wrote, in any spelling, and returns its canonical form.
    ///
    /// # Errors
    ///
    /// Fails with a [`TargetError`], also for a fragment or a user name.
    pub fn of_operator(text: &str) -> Result<Self, TargetError> {
        check_characters(text)?;
        let url = Url::parse(text).map_err(parse_error)?;
        Self::from_url(&url)
    }

    /// Resolves the `Location` of a redirect against this target. A fragment is removed, as it is never sent.
    ///
    /// # Errors
    ///
    /// Fails with a [`TargetError`].
    pub fn join(&self, location: &str) -> Result<Self, TargetError> {
        check_characters(location)?;
        let base = Url::parse(&self.to_string()).map_err(|_| TargetError::Syntax)?;
        let mut url = base.join(location).map_err(|_| TargetError::Syntax)?;
        url.set_fragment(None);
        Self::parse(url.as_str())
    }

    fn from_url(url: &Url) -> Result<Self, TargetError> {
        let scheme = match url.scheme() {
            "http" => Scheme::Http,
            "https" => Scheme::Https,
            _ => return Err(TargetError::Scheme),
        };
        if !url.username().is_empty() || url.password().is_some() {
            return Err(TargetError::UserInfo);
        }
        if url.fragment().is_some() {
            return Err(TargetError::Fragment);
        }
        let host = match url.host().ok_or(TargetError::Host)? {
            Host::Domain(name) => TargetHost::Name(check_name(name)?.to_owned()),
            Host::Ipv4(address) => TargetHost::Address(address.into()),
            Host::Ipv6(address) => TargetHost::Address(address.into()),
        };
        let port = url.port().unwrap_or(scheme.default_port());
        if port == 0 {
            return Err(TargetError::Port);
        }
        Ok(Self { scheme, host, port, path: url.path().to_owned(), query: url.query().map(str::to_owned) })
    }

    /// Returns the scheme.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// Returns the host.
    pub fn host(&self) -> &TargetHost {
        &self.host
    }

    /// Returns the port, which is never 0.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Returns the path, which starts with `/`.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Returns the query without its `?`.
    pub fn query(&self) -> Option<&str> {
        self.query.as_deref()
    }

    /// Returns the value of the `Host` header: the host, and the port unless it is the scheme's default.
    pub fn authority(&self) -> String {
        if self.port == self.scheme.default_port() {
            self.host.to_string()
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }

    /// Returns the path and the query, as a request line has them.
    pub fn path_and_query(&self) -> String {
        match &self.query {
            Some(query) => format!("{}?{query}", self.path),
            None => self.path.clone(),
        }
    }

    /// Returns true if both targets have the same scheme, host and port.
    pub fn same_origin(&self, other: &Self) -> bool {
        (self.scheme, &self.host, self.port) == (other.scheme, &other.host, other.port)
    }

    /// Returns the URL without its query, which can hold what nobody should log.
    pub fn without_query(&self) -> String {
        format!("{}://{}{}", self.scheme, self.authority(), self.path)
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}{}", self.scheme, self.authority(), self.path_and_query())
    }
}

fn parse_error(error: url::ParseError) -> TargetError {
    match error {
        url::ParseError::EmptyHost
        | url::ParseError::IdnaError
        | url::ParseError::InvalidIpv4Address
        | url::ParseError::InvalidIpv6Address
        | url::ParseError::InvalidDomainCharacter => TargetError::Host,
        url::ParseError::InvalidPort => TargetError::Port,
        _ => TargetError::Syntax,
    }
}

fn is_root(url: &Url) -> bool {
    url.path() == "/" && url.query().is_none()
}

fn check_characters(text: &str) -> Result<(), TargetError> {
    if text.len() > MAX_URL {
        return Err(TargetError::TooLong);
    }
    let good = text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    if good { Ok(()) } else { Err(TargetError::Character) }
}

/// Checks a domain name of the parser, and removes its trailing dot.
pub(crate) fn check_name(name: &str) -> Result<&str, TargetError> {
    let name = name.strip_suffix('.').unwrap_or(name);
    let label = |label: &str| (1..=63).contains(&label.len());
    // The parser knows which characters a host must not have; `%` and `*` are good to it in no position here.
    let character = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-._".contains(&byte);
    let good = name.len() <= 253 && name.split('.').all(label) && name.bytes().all(character);
    if good { Ok(name) } else { Err(TargetError::Host) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_canonical_url_is_split_into_its_parts() {
        let target = Target::parse("https://example.com:8443/a/b?c=d").unwrap();
        assert_eq!(target.scheme(), Scheme::Https);
        assert_eq!(target.host(), &TargetHost::Name("example.com".to_owned()));
        assert_eq!((target.port(), target.authority()), (8443, "example.com:8443".to_owned()));
        assert_eq!(target.path_and_query(), "/a/b?c=d");
        assert_eq!(target.to_string(), "https://example.com:8443/a/b?c=d");
        assert_eq!(target.without_query(), "https://example.com:8443/a/b");
    }

    #[test]
    fn only_the_slash_of_an_empty_path_may_be_missing() {
        assert_eq!(Target::parse("https://example.com").unwrap().to_string(), "https://example.com/");
        assert_eq!(Target::parse("https://example.com?a"), Err(TargetError::NotCanonical));
    }

    #[test]
    fn one_trailing_dot_of_the_host_is_removed() {
        let dotted = Target::parse("https://example.com./x").unwrap();
        assert_eq!(dotted, Target::parse("https://example.com/x").unwrap());
        assert_eq!(Target::parse("https://example.com../x"), Err(TargetError::Host));
        assert!(Target::parse("https://./x").is_err());
    }

    #[test]
    fn a_url_of_the_longest_length_passes_and_one_byte_more_does_not() {
        let head = "https://example.com/";
        let longest = format!("{head}{}", "a".repeat(MAX_URL - head.len()));
        assert!(Target::parse(&longest).is_ok());
        assert_eq!(Target::parse(&format!("{longest}a")), Err(TargetError::TooLong));
    }

    #[test]
    fn an_operator_can_write_a_url_in_any_spelling() {
        let read = |text| Target::of_operator(text).map(|target| target.to_string());
        assert_eq!(read("HTTPS://Example.com:443/a/../b"), Ok("https://example.com/b".to_owned()));
        assert_eq!(read("https://user@example.com/"), Err(TargetError::UserInfo));
        assert_eq!(read("https://example.com/#a"), Err(TargetError::Fragment));
        assert_eq!(read("file:///etc/passwd"), Err(TargetError::Scheme));
    }

    #[test]
    fn redirects_are_resolved_and_checked_like_any_url() {
        let base = Target::parse("https://example.com/a/b?c").unwrap();
        for (location, joined) in [
            ("d", Ok("https://example.com/a/d")),
            ("/d?e#f", Ok("https://example.com/d?e")),
            ("//other.example/", Ok("https://other.example/")),
            ("http://0x7f.1/", Ok("http://127.0.0.1/")),
            ("https://u:p@other.example/", Err(TargetError::UserInfo)),
            ("file:///etc/passwd", Err(TargetError::Scheme)),
            ("\\\\other.example/", Err(TargetError::Character)),
            ("ht\ttp://other.example/", Err(TargetError::Character)),
        ] {
            let found = base.join(location).map(|target| target.to_string());
            assert_eq!(found, joined.map(str::to_owned), "{location}");
        }
    }
}

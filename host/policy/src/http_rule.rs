//! The rule of a grant for HTTP: requests that match, what the host adds to them, and caps.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::address::AddressRules;
use crate::cidr::{Cidr, Nat64Prefix, as_text};
use crate::error::GrantError;
use crate::pattern::UrlPattern;
use crate::size::{Size, Span};
use crate::target::Target;

/// A method of HTTP: letters in upper case. `CONNECT` and `TRACE` are refused.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Method(String);

impl Method {
    /// Returns the method.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Method {
    type Err = GrantError;

    fn from_str(text: &str) -> Result<Self, GrantError> {
        let letters = (1..=20).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'-' || byte == b'_');
        if letters && text != "CONNECT" && text != "TRACE" {
            Ok(Self(text.to_owned()))
        } else {
            Err(GrantError::Method(text.chars().take(40).collect()))
        }
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

as_text!(Method);

/// How a secret is written into a header.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum SecretForm {
    /// The value alone.
    #[default]
    Raw,
    /// `Bearer` and the value.
    Bearer,
    /// `Basic` and the value in base64; the value is `user:password`.
    Basic,
}

impl SecretForm {
    pub(crate) const ALL: [(&'static str, Self); 3] =
        [("raw", Self::Raw), ("bearer", Self::Bearer), ("basic", Self::Basic)];

    /// Returns the name of the form.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Raw => "raw",
            Self::Bearer => "bearer",
            Self::Basic => "basic",
        }
    }
}

/// The place in a request where the host puts a secret.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SecretPlace {
    /// A header, whose name is in lower case.
    Header {
        /// The name.
        name: String,
        /// How the value is written.
        form: SecretForm,
    },
    /// A parameter of the query.
    Query {
        /// The name.
        name: String,
    },
}

/// A secret that the host adds to the requests of a rule.
///
/// In text and TOML: `secret` (the name), and `header` with `form`, or `query`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "SecretTable", into = "SecretTable")]
pub struct SecretUse {
    /// The name of the secret in the operator's configuration.
    pub name: String,
    /// The place in the request.
    pub place: SecretPlace,
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct SecretTable {
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    header: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    form: Option<SecretForm>,
    #[serde(skip_serializing_if = "Option::is_none")]
    query: Option<String>,
}

impl TryFrom<SecretTable> for SecretUse {
    type Error = GrantError;

    fn try_from(table: SecretTable) -> Result<Self, GrantError> {
        Self::new(table.name, table.header, table.form, table.query)
    }
}

impl From<SecretUse> for SecretTable {
    fn from(secret: SecretUse) -> Self {
        let (header, form, query) = match secret.place {
            SecretPlace::Header { name, form } => (Some(name), Some(form), None),
            SecretPlace::Query { name } => (None, None, Some(name)),
        };
        Self { name: secret.name, header, form, query }
    }
}

impl SecretUse {
    /// Checks the parts. Without `header` and `query` the secret goes into `authorization` as `Bearer`.
    ///
    /// # Errors
    ///
    /// Fails with [`GrantError::Secret`] for an invalid name, for both places at once, and for a header that the host
    /// sets itself.
    pub fn new(
        name: String,
        header: Option<String>,
        form: Option<SecretForm>,
        query: Option<String>,
    ) -> Result<Self, GrantError> {
        check_secret_name(&name)?;
        let refuse = |why: &'static str| GrantError::Secret { name: name.clone(), why };
        let place = match (header, query) {
            (Some(_), Some(_)) => return Err(refuse("it has `header` and `query`; choose one")),
            (None, Some(_)) if form.is_some() => return Err(refuse("`form` is for a header; remove it")),
            (None, Some(query)) => {
                let good = !query.is_empty()
                    && query.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte));
                if !good {
                    return Err(refuse("the name of a query parameter has letters, digits and `-_.~`"));
                }
                SecretPlace::Query { name: query }
            }
            (None, None) => SecretPlace::Header {
                name: "authorization".to_owned(),
                form: form.unwrap_or(SecretForm::Bearer),
            },
            (Some(header), None) => {
                let token =
                    |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_".contains(&byte);
                if header.is_empty() || !header.bytes().all(token) {
                    return Err(refuse("the name of a header has lower-case letters, digits and `-_`"));
                }
                if is_host_header(&header) {
                    return Err(refuse("the host sets that header itself; choose another"));
                }
                SecretPlace::Header { name: header, form: form.unwrap_or_default() }
            }
        };
        Ok(Self { name, place })
    }
}

/// Returns true for the headers of a request that only the host sets, or that no request through the door has.
///
/// Some servers read another URL, method or client out of such headers, so a grant would limit nothing. An underscore
/// counts as a hyphen, because servers that turn headers into variables cannot tell them apart.
///
/// The name is in lower case.
pub fn is_host_header(name: &str) -> bool {
    const REFUSED: &[&str] = &[
        "accept-encoding",
        "cf-connecting-ip",
        "client-ip",
        "connection",
        "content-length",
        "expect",
        "forwarded",
        "front-end-https",
        "host",
        "http2-settings",
        "keep-alive",
        "te",
        "trailer",
        "transfer-encoding",
        "true-client-ip",
        "upgrade",
        "via",
        "x-client-ip",
        "x-cluster-client-ip",
        "x-envoy-original-method",
        "x-envoy-original-path",
        "x-host",
        "x-http-host-override",
        "x-http-method",
        "x-http-method-override",
        "x-method-override",
        "x-original-host",
        "x-original-method",
        "x-original-path",
        "x-original-uri",
        "x-original-url",
        "x-override-url",
        "x-real-ip",
        "x-rewrite-path",
        "x-rewrite-url",
        "x-scheme",
        "x-url-scheme",
    ];
    let name = name.replace('_', "-");
    REFUSED.contains(&name.as_str()) || name.starts_with("proxy-") || name.starts_with("x-forwarded")
}

pub(crate) fn check_secret_name(name: &str) -> Result<(), GrantError> {
    let good = (1..=100).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
    let why = "a name has up to 100 letters, digits and `-_.`";
    if good { Ok(()) } else { Err(GrantError::Secret { name: name.chars().take(40).collect(), why }) }
}

/// A rule for HTTP requests: the requests that it covers, what the host adds to them, and caps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "HttpTable", into = "HttpTable")]
pub struct HttpRule {
    /// Methods that match. Default: `GET` and `HEAD`.
    pub methods: Vec<Method>,
    /// URLs that match.
    pub url: UrlPattern,
    /// A secret that the host adds to each request.
    pub secret: Option<SecretUse>,
    /// Ranges that names may resolve to although they are not global. Default: none.
    pub private: Vec<Cidr>,
    /// A PEM file of the certificate authorities that verify the server. Default: the public ones.
    pub ca_file: Option<PathBuf>,
    /// A PEM file of the client certificate with which the host authenticates itself. Needs `client_key`.
    pub client_certificate: Option<PathBuf>,
    /// The PEM file of the client certificate's key.
    pub client_key: Option<PathBuf>,
    /// The caps.
    pub caps: HttpCaps,
}

/// The rule as the configuration has it: flat, and with defaults left out.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct HttpTable {
    #[serde(default = "default_methods")]
    methods: Vec<Method>,
    url: UrlPattern,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    secret: Option<SecretUse>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    private: Vec<Cidr>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ca_file: Option<PathBuf>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    client_certificate: Option<PathBuf>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    client_key: Option<PathBuf>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    requests: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    request_bytes: Option<Size>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    response_bytes: Option<Size>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    concurrency: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    timeout: Option<Span>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    redirects: Option<u32>,
}

impl TryFrom<HttpTable> for HttpRule {
    type Error = GrantError;

    fn try_from(table: HttpTable) -> Result<Self, GrantError> {
        let default = HttpCaps::default();
        let rule = Self {
            methods: table.methods,
            url: table.url,
            secret: table.secret,
            private: table.private,
            ca_file: table.ca_file,
            client_certificate: table.client_certificate,
            client_key: table.client_key,
            caps: HttpCaps {
                requests: table.requests.unwrap_or(default.requests),
                request_bytes: table.request_bytes.unwrap_or(default.request_bytes),
                response_bytes: table.response_bytes.unwrap_or(default.response_bytes),
                concurrency: table.concurrency.unwrap_or(default.concurrency),
                timeout: table.timeout.unwrap_or(default.timeout),
                redirects: table.redirects.unwrap_or(default.redirects),
            },
        };
        rule.check()?;
        Ok(rule)
    }
}

impl From<HttpRule> for HttpTable {
    fn from(rule: HttpRule) -> Self {
        fn unless<T: PartialEq>(value: T, default: T) -> Option<T> {
            (value != default).then_some(value)
        }
        let (caps, default) = (rule.caps, HttpCaps::default());
        Self {
            methods: rule.methods,
            url: rule.url,
            secret: rule.secret,
            private: rule.private,
            ca_file: rule.ca_file,
            client_certificate: rule.client_certificate,
            client_key: rule.client_key,
            requests: unless(caps.requests, default.requests),
            request_bytes: unless(caps.request_bytes, default.request_bytes),
            response_bytes: unless(caps.response_bytes, default.response_bytes),
            concurrency: unless(caps.concurrency, default.concurrency),
            timeout: unless(caps.timeout, default.timeout),
            redirects: unless(caps.redirects, default.redirects),
        }
    }
}

pub(crate) fn default_methods() -> Vec<Method> {
    vec![Method("GET".to_owned()), Method("HEAD".to_owned())]
}

/// Caps of a rule for HTTP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpCaps {
    /// Requests of one run, including each hop of a redirect. Default: 1,000.
    pub requests: u32,
    /// Bytes of the body of one request. Default: 1 MiB.
    pub request_bytes: Size,
    /// Bytes of the body of one response. Default: 8 MiB.
    pub response_bytes: Size,
    /// Concurrent requests of one run. Default: 256.
    pub concurrency: u32,
    /// Time of one request, from the name lookup to the last byte of the response. Default: 30 s.
    pub timeout: Span,
    /// Redirects that the host follows for one request. Default: 5.
    pub redirects: u32,
}

impl Default for HttpCaps {
    fn default() -> Self {
        Self {
            requests: 1000,
            request_bytes: Size::mib(1),
            response_bytes: Size::mib(8),
            concurrency: 256,
            timeout: Span(Duration::from_secs(30)),
            redirects: 5,
        }
    }
}

impl HttpRule {
    /// Creates a rule for `GET` and `HEAD` with the default caps.
    pub fn new(url: UrlPattern) -> Self {
        Self {
            methods: default_methods(),
            url,
            secret: None,
            private: Vec::new(),
            ca_file: None,
            client_certificate: None,
            client_key: None,
            caps: HttpCaps::default(),
        }
    }

    /// Checks the conditions that the types do not enforce.
    ///
    /// # Errors
    ///
    /// Fails with a [`GrantError`]: no method, a certificate without its key, files for TLS with plain
    /// `http`, a cap of 0.
    pub fn check(&self) -> Result<(), GrantError> {
        if self.methods.is_empty() {
            return Err(GrantError::Method(String::new()));
        }
        if self.client_certificate.is_some() != self.client_key.is_some() {
            return Err(GrantError::ClientCertificate);
        }
        let tls = self.ca_file.is_some() || self.client_certificate.is_some();
        if tls && self.url.scheme() == crate::target::Scheme::Http {
            return Err(GrantError::TlsOverHttp);
        }
        let caps = &self.caps;
        for (cap, zero) in [
            ("requests", caps.requests == 0),
            ("concurrency", caps.concurrency == 0),
            ("timeout", caps.timeout.0.is_zero()),
        ] {
            if zero {
                return Err(GrantError::Zero(cap));
            }
        }
        Ok(())
    }

    /// Returns the paths of the rule's files.
    pub(crate) fn files_mut(&mut self) -> impl Iterator<Item = &mut PathBuf> {
        [&mut self.ca_file, &mut self.client_certificate, &mut self.client_key].into_iter().flatten()
    }

    /// Returns the address rules of the rule, with the NAT64 prefixes that the operator declared.
    pub fn address_rules(&self, nat64: &[Nat64Prefix]) -> AddressRules {
        AddressRules { private: self.private.clone(), nat64: nat64.to_vec() }
    }

    /// Returns true if the secret of the rule, if any, is bound to the origin of the target.
    pub fn binds_secret_to(&self, target: &Target) -> bool {
        self.secret.is_some() && self.url.covers_origin(target)
    }
}

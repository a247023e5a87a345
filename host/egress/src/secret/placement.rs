//! Places a secret into a request, after the guest's part of the request is fixed.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderName, HeaderValue};
use ringfence_policy::{SecretForm, SecretPlace};
use zeroize::Zeroizing;

use super::value::{SECRET_MIN_BYTES, Secret, SecretError};

/// How a header shows a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Form {
    /// The value alone.
    Raw,
    /// `Bearer VALUE`.
    Bearer,
    /// `Basic` with `USER:PASSWORD` in base64.
    Basic {
        /// The user, if the value is the password alone. It has no colon and no control characters. Without it the
        /// value is `USER:PASSWORD`.
        user: Option<String>,
    },
}

/// Where a request carries a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placement(Target);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Target {
    Header { name: HeaderName, form: Form },
    Query { name: String },
}

/// A secret that is ready to be sent. Its memory is overwritten when it is dropped; the buffers of the connection
/// that it is copied to are not.
#[derive(Debug)]
pub enum Placed {
    /// A header. Its value is marked as sensitive, so `Debug` does not show it.
    Header {
        /// The name.
        name: HeaderName,
        /// The value.
        value: HeaderValue,
    },
    /// A parameter of the query.
    Query {
        /// The name, percent-encoded.
        name: String,
        /// The value, percent-encoded.
        value: QueryValue,
    },
}

/// The percent-encoded value of a query parameter. `Debug` does not show it.
pub struct QueryValue(Zeroizing<String>);

impl QueryValue {
    /// Returns the text to append after `NAME=`.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for QueryValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("QueryValue(secret)")
    }
}

impl Placement {
    /// Places the secret into a header.
    ///
    /// # Errors
    ///
    /// [`SecretError::Placement`] if the name is not a header's, or the user of [`Form::Basic`] has a colon or a
    /// control character.
    pub fn header(name: &str, form: Form) -> Result<Self, SecretError> {
        let name = HeaderName::try_from(name).map_err(|_invalid| SecretError::Placement {
            what: "header name",
            expected: "a header name is a token such as `authorization`",
        })?;
        match &form {
            Form::Basic { user: Some(user) } if user.contains(|c: char| c == ':' || c.is_control()) => {
                Err(SecretError::Placement {
                    what: "user",
                    expected: "a user has no colon and no control characters",
                })
            }
            Form::Raw | Form::Bearer | Form::Basic { .. } => Ok(Self(Target::Header { name, form })),
        }
    }

    /// Places the secret into the query of the URL.
    ///
    /// # Errors
    ///
    /// [`SecretError::Placement`] if the name is empty.
    pub fn query(name: &str) -> Result<Self, SecretError> {
        if name.is_empty() {
            return Err(SecretError::Placement {
                what: "query parameter",
                expected: "a query parameter has a name",
            });
        }
        Ok(Self(Target::Query { name: name.into() }))
    }

    /// Returns the header that carries the secret, so that a guest cannot set it as well.
    pub fn header_name(&self) -> Option<&HeaderName> {
        match &self.0 {
            Target::Header { name, .. } => Some(name),
            Target::Query { .. } => None,
        }
    }

    /// Returns the query parameter that carries the secret, so that a guest cannot set it as well.
    pub fn query_name(&self) -> Option<&str> {
        match &self.0 {
            Target::Header { .. } => None,
            Target::Query { name } => Some(name),
        }
    }

    /// Prepares the secret for sending.
    ///
    /// # Errors
    ///
    /// [`SecretError::NotAHeaderValue`] if the value has control characters, [`SecretError::NotAPair`] if the form
    /// needs a user and a password.
    pub fn place(&self, secret: &Secret) -> Result<Placed, SecretError> {
        match &self.0 {
            Target::Header { name, form } => {
                let text = match form {
                    Form::Raw => Zeroizing::new(secret.expose().to_vec()),
                    Form::Bearer => Zeroizing::new([b"Bearer ", secret.expose()].concat()),
                    Form::Basic { user } => {
                        if user.is_none() && password(secret).is_none() {
                            return Err(SecretError::NotAPair { name: secret.shared_name() });
                        }
                        let pair = basic(user.as_deref(), secret);
                        Zeroizing::new([b"Basic ", pair.as_bytes()].concat())
                    }
                };
                // The header keeps the zeroising vector as it is: it makes no copy.
                let mut value = HeaderValue::from_maybe_shared(Bytes::from_owner(text))
                    .map_err(|_invalid| SecretError::NotAHeaderValue { name: secret.shared_name() })?;
                value.set_sensitive(true);
                Ok(Placed::Header { name: name.clone(), value })
            }
            Target::Query { name } => {
                let value = QueryValue(percent_encoded(secret.expose()));
                Ok(Placed::Query { name: percent_encoded(name.as_bytes()).to_string(), value })
            }
        }
    }

    /// Whether the secret goes out as `Basic`, and with which user. For the scrubber.
    pub(super) fn basic(&self) -> Option<Option<&str>> {
        match &self.0 {
            Target::Header { form: Form::Basic { user }, .. } => Some(user.as_deref()),
            Target::Header { form: Form::Raw | Form::Bearer, .. } | Target::Query { .. } => None,
        }
    }
}

impl TryFrom<&SecretPlace> for Placement {
    type Error = SecretError;

    /// Takes the place that a grant names. Its `basic` has the user in the value.
    fn try_from(place: &SecretPlace) -> Result<Self, SecretError> {
        let unknown =
            SecretError::Placement { what: "place", expected: "this version knows `header` and `query`" };
        match place {
            SecretPlace::Header { name, form } => {
                let form = match form {
                    SecretForm::Raw => Form::Raw,
                    SecretForm::Bearer => Form::Bearer,
                    SecretForm::Basic => Form::Basic { user: None },
                    // The enum of the policy can grow: what is not known here is refused.
                    _ => return Err(unknown),
                };
                Self::header(name, form)
            }
            SecretPlace::Query { name } => Self::query(name),
            _ => Err(unknown),
        }
    }
}

/// `USER:PASSWORD` in base64.
pub(super) fn basic(user: Option<&str>, secret: &Secret) -> Zeroizing<String> {
    match user {
        Some(user) => {
            let pair = Zeroizing::new([user.as_bytes(), b":", secret.expose()].concat());
            Zeroizing::new(STANDARD.encode(&*pair))
        }
        None => Zeroizing::new(STANDARD.encode(secret.expose())),
    }
}

/// The password of a value that is `USER:PASSWORD`, if it is long enough to be scrubbed.
pub(super) fn password(secret: &Secret) -> Option<&[u8]> {
    let colon = secret.expose().iter().position(|&byte| byte == b':')?;
    let (_, password) = secret.expose().split_at_checked(colon.saturating_add(1))?;
    (password.len() >= SECRET_MIN_BYTES).then_some(password)
}

pub(super) fn percent_encoded(bytes: &[u8]) -> Zeroizing<String> {
    const DIGITS: [char; 16] =
        ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'A', 'B', 'C', 'D', 'E', 'F'];
    let digit = |nibble: u8| DIGITS.get(usize::from(nibble)).copied().unwrap_or('0');
    // A string that grows leaves copies behind.
    let mut text = Zeroizing::new(String::with_capacity(bytes.len().saturating_mul(3)));
    for &byte in bytes {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            text.push(char::from(byte));
        } else {
            text.push('%');
            text.push(digit(byte >> 4));
            text.push(digit(byte & 0xf));
        }
    }
    text
}

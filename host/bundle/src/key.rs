//! Keys of bundles: a secret key signs, public keys are trusted. A key is a file of one readable line.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use ringfence::Digest;

use crate::id::KeyId;

const SECRET: &str = "ringfence-secret-key-1";
const PUBLIC: &str = "ringfence-public-key-1";

/// The reason why a text is not a key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The text has another form.
    #[error("not a {0} key; expected a line `{0} BASE64`, as `ringfence keygen` writes it")]
    Form(&'static str),
    /// The text is a secret key instead of a public one, so the key is exposed.
    #[error(
        "this is the secret key, which no worker needs; use the `.pub` file, and create a new key if this one leaked"
    )]
    SecretForPublic,
    /// The text is a public key instead of a secret one.
    #[error("this is the public key; sign with the file without `.pub`")]
    PublicForSecret,
    /// The key is not a point of the curve, or is a weak point.
    #[error("not a public key: the bytes are not an Ed25519 key")]
    Weak,
}

/// A secret key, which signs bundles. Its holder can make every worker that trusts it run any code.
pub struct SecretKey(SigningKey);

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretKey({})", self.public().id())
    }
}

impl SecretKey {
    /// Creates a key from 32 random bytes, which are the key.
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self(SigningKey::from_bytes(seed))
    }

    /// Returns the public half.
    pub fn public(&self) -> PublicKey {
        PublicKey(self.0.verifying_key())
    }

    /// Returns the line for its file. Keep that readable by its user only.
    pub fn to_line(&self) -> String {
        format!("{SECRET} {}\n", STANDARD.encode(self.0.to_bytes()))
    }

    pub(crate) fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.0.sign(message).to_bytes()
    }
}

impl FromStr for SecretKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        if text.trim_start().starts_with(PUBLIC) {
            return Err(KeyError::PublicForSecret);
        }
        bytes(text, SECRET).map(|seed| Self::from_seed(&seed)).ok_or(KeyError::Form(SECRET))
    }
}

/// A public key, which verifies bundles.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey(VerifyingKey);

impl PublicKey {
    /// Returns the id: SHA-256 of the key's bytes.
    pub fn id(&self) -> KeyId {
        KeyId(*Digest::of(self.0.as_bytes()).as_bytes())
    }

    /// Returns the line for its file.
    pub fn to_line(&self) -> String {
        format!("{PUBLIC} {}\n", STANDARD.encode(self.0.as_bytes()))
    }

    /// Parses every key of a text, one a line. Empty lines and lines that begin with `#` are ignored.
    ///
    /// # Errors
    ///
    /// Fails with a [`KeyError`] for the first line that is not a key, and for a text without keys.
    pub fn read_all(text: &str) -> Result<Vec<Self>, KeyError> {
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        let keys: Vec<Self> = lines.map(str::parse).collect::<Result<_, _>>()?;
        if keys.is_empty() { Err(KeyError::Form(PUBLIC)) } else { Ok(keys) }
    }

    /// Returns whether the key signed a message. Only the canonical encoding of a signature is valid.
    pub(crate) fn signed(&self, message: &[u8], signature: &[u8; 64]) -> bool {
        self.0.verify_strict(message, &Signature::from_bytes(signature)).is_ok()
    }
}

impl FromStr for PublicKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        if text.trim_start().starts_with(SECRET) {
            return Err(KeyError::SecretForPublic);
        }
        let bytes = bytes(text, PUBLIC).ok_or(KeyError::Form(PUBLIC))?;
        let key = VerifyingKey::from_bytes(&bytes).map_err(|_| KeyError::Weak)?;
        if key.is_weak() { Err(KeyError::Weak) } else { Ok(Self(key)) }
    }
}

/// Parses a line `PREFIX BASE64` without anything after it.
fn bytes(line: &str, prefix: &str) -> Option<[u8; 32]> {
    let encoded = line.trim().strip_prefix(prefix)?.strip_prefix(' ')?;
    STANDARD.decode(encoded.trim()).ok()?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_lines() {
        let secret = SecretKey::from_seed(&[7; 32]);
        let again: SecretKey = secret.to_line().parse().expect("it is one");
        assert_eq!(again.public(), secret.public());
        let public = secret.public();
        let text = format!("# ours\n\n{}", public.to_line());
        assert_eq!(PublicKey::read_all(&text), Ok(vec![public.clone()]));
        assert_eq!(public.id().to_string().parse::<KeyId>(), Ok(public.id()));
        assert!(!format!("{secret:?}").contains("BwcH"), "it is shown");
    }

    #[test]
    fn an_invalid_key_is_refused() {
        let secret = SecretKey::from_seed(&[7; 32]);
        assert_eq!(secret.to_line().parse::<PublicKey>(), Err(KeyError::SecretForPublic));
        assert_eq!(secret.public().to_line().parse::<SecretKey>().err(), Some(KeyError::PublicForSecret));
        assert_eq!(PublicKey::read_all("# none\n"), Err(KeyError::Form(PUBLIC)));
        let weak = format!("{PUBLIC} {}", STANDARD.encode([0_u8; 32]));
        assert_eq!(weak.parse::<PublicKey>(), Err(KeyError::Weak));
        let long = format!("{} x", secret.public().to_line().trim());
        assert_eq!(long.parse::<PublicKey>(), Err(KeyError::Form(PUBLIC)));
        assert!("ringfence-secret-key-1 AAAA".parse::<SecretKey>().is_err());
    }
}

//! Bearer tokens, compared by their digests in constant time.

use ringfence::Digest;
use subtle::{Choice, ConstantTimeEq as _};

/// The accepted tokens. Without tokens, any user of this machine can call the server, on a loopback address only.
#[derive(Clone, Default)]
pub struct Tokens(Vec<Digest>);

impl std::fmt::Debug for Tokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Tokens({})", self.0.len())
    }
}

/// Why a list of tokens is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TokensError {
    /// The list is empty.
    #[error("the file contains no token")]
    None,
    /// A token is too short to be a secret, or has other characters.
    #[error(
        "token {number} is too short; expected at least {LEAST} visible ASCII characters, e.g. from `openssl rand -hex 32`"
    )]
    Short {
        /// The token's number in the list, from 1.
        number: usize,
    },
}

/// Minimum characters of a token: 128 bits, if they are random hexadecimal digits.
const LEAST: usize = 32;

impl Tokens {
    /// Parses tokens, one a line. Empty lines and lines that begin with `#` are ignored.
    ///
    /// # Errors
    ///
    /// Fails with a [`TokensError`].
    pub fn read(text: &str) -> Result<Self, TokensError> {
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        let mut tokens = Vec::new();
        for (index, line) in lines.enumerate() {
            if line.len() < LEAST || !line.bytes().all(|byte| byte.is_ascii_graphic()) {
                return Err(TokensError::Short { number: index.saturating_add(1) });
            }
            tokens.push(Digest::of(line.as_bytes()));
        }
        if tokens.is_empty() { Err(TokensError::None) } else { Ok(Self(tokens)) }
    }

    /// Returns whether there are no tokens, so that anybody can call.
    pub fn is_open(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn fits(&self, token: &str) -> bool {
        let given = Digest::of(token.as_bytes());
        // All of them, so that the time says nothing of which.
        let found = self
            .0
            .iter()
            .fold(Choice::from(0), |found, known| found | known.as_bytes().ct_eq(given.as_bytes()));
        bool::from(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_secrets() {
        let token = "0123456789abcdef0123456789abcdef";
        let tokens = Tokens::read(&format!("# ops\n{token}\n")).expect("one");
        assert!(tokens.fits(token) && !tokens.fits(&token[1..]) && !tokens.is_open());
        for wrong in ["", "# none", &token[1..], "0123456789abcdef 123456789abcdef"] {
            assert!(Tokens::read(wrong).is_err(), "{wrong}");
        }
    }
}

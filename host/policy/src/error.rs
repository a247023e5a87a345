//! Why a grant is refused.

use crate::cidr::CidrError;
use crate::pattern::PatternError;
use crate::size::UnitError;

/// The capabilities that a grant can name, for error texts.
pub(crate) const CAPABILITIES: &str = "`http`, `kv`, `config`, `secret`, `scratch` and `tools`";

/// The reason why a text or a table is not a valid grant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GrantError {
    /// No capability has that name.
    #[error(
        "unknown capability `{found}`; grants exist for {CAPABILITIES}, and for no files, processes or sockets"
    )]
    Capability {
        /// The word.
        found: String,
    },
    /// The grant names no capability.
    #[error("the grant has no capability; add one of {CAPABILITIES}")]
    Nothing,
    /// The table names several capabilities.
    #[error("the grant has several capabilities (`{0}`); write one grant for each")]
    Several(String),
    /// The capability has no such option.
    #[error("unknown option `{found}` of `{capability}`; expected one of {known}")]
    Option {
        /// The capability.
        capability: &'static str,
        /// The word.
        found: String,
        /// The options that exist.
        known: &'static str,
    },
    /// The grant has an option twice.
    #[error("option `{0}` is given twice; keep one")]
    Twice(String),
    /// The grant lacks something.
    #[error("the grant lacks {what}; write for example `{example}`")]
    Lacks {
        /// What is missing.
        what: &'static str,
        /// A grant that has it.
        example: &'static str,
    },
    /// A word is invalid in a grant.
    #[error("invalid word `{found}` in the grant; {expected}")]
    Word {
        /// The word.
        found: String,
        /// What is expected.
        expected: &'static str,
    },
    /// A quote is not closed.
    #[error("a quote in the grant is not closed; end the value with `\"`")]
    Quote,
    /// The method is not allowed.
    #[error(
        "invalid method `{0}`; expected upper-case names such as `GET,POST`, but not `CONNECT` or `TRACE`"
    )]
    Method(String),
    /// The secret is invalid.
    #[error("invalid use of secret `{name}`: {why}")]
    Secret {
        /// The name.
        name: String,
        /// Why.
        why: &'static str,
    },
    /// The grant has a certificate without a key, or a key without a certificate.
    #[error("`client-certificate` and `client-key` belong together; give both")]
    ClientCertificate,
    /// The grant has files for TLS, but its URL is plain HTTP.
    #[error("`ca-file` and `client-certificate` need TLS, but the URL is `http`; write an `https` URL")]
    TlsOverHttp,
    /// A cap of 0 allows nothing.
    #[error("`{0}` is 0, which allows nothing; expected at least 1, or remove the grant")]
    Zero(&'static str),
    /// A cap is higher than the host supports.
    #[error("`{option}` is {value}; the maximum is {most}; lower it")]
    OverMost {
        /// The option.
        option: &'static str,
        /// Its value.
        value: u32,
        /// The maximum.
        most: u32,
    },
    /// The skill that the grant is bound to is invalid.
    #[error(
        "invalid skill `{0}`; expected `OWNER/NAME`, `OWNER/NAME*`, `NAME` or `sha256:` and 64 hexadecimal digits"
    )]
    Skill(String),
    /// The grant in a file is bound to no skill.
    #[error("the grant names no skill; add for example `skill = \"acme/fetch\"`")]
    NoSkill,
    /// A grant of the command line is bound to a skill.
    #[error("the grant is for the skill of this run; remove `{0}`")]
    Bound(&'static str),
    /// A value of the configuration is too long.
    #[error("the value of config key `{0}` is longer than 64 KiB; shorten it")]
    ConfigValue(String),
    /// The key of the configuration is invalid.
    #[error("invalid config key `{0}`; expected up to 200 letters, digits and `-_.:/`")]
    ConfigKey(String),
    /// A pattern is invalid.
    #[error(transparent)]
    Pattern(#[from] PatternError),
    /// A range is invalid.
    #[error(transparent)]
    Range(#[from] CidrError),
    /// A size or a time is invalid.
    #[error(transparent)]
    Unit(#[from] UnitError),
}

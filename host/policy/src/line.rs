//! The one-line form of a grant, as `--grant` takes it: `http GET,POST https://*.example.com/v1/ requests=10`.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use crate::error::GrantError;
use crate::http_rule::{HttpCaps, HttpRule, Method, SecretForm, SecretPlace, SecretUse, default_methods};
use crate::pattern::NamePattern;
use crate::rules::{Capability, KvRule, KvSpace, KvStorage, ScratchRule};
use crate::words::{quote, split};

const HTTP_OPTIONS: &str = "`secret`, `header`, `form`, `query`, `private`, `ca-file`, `client-certificate`, \
    `client-key`, `requests`, `request-bytes`, `response-bytes`, `concurrency`, `timeout` and `redirects`";
const KV_OPTIONS: &str = "`space`, `storage`, `keys`, `value-bytes`, `bytes` and `writes-per-minute`";
const SCRATCH_OPTIONS: &str = "`files`, `depth`, `name-bytes` and `bytes`";

/// The options of a line, each of which is taken once.
struct Options {
    capability: &'static str,
    known: &'static str,
    left: BTreeMap<String, String>,
}

impl Options {
    fn new(capability: &'static str, known: &'static str, words: &[String]) -> Result<Self, GrantError> {
        let mut left = BTreeMap::new();
        for word in words {
            let Some((key, value)) = word.split_once('=') else {
                return Err(GrantError::Word { found: short(word), expected: "expected `option=value`" });
            };
            if left.insert(key.to_owned(), value.to_owned()).is_some() {
                return Err(GrantError::Twice(short(key)));
            }
        }
        Ok(Self { capability, known, left })
    }

    fn text(&mut self, key: &str) -> Option<String> {
        self.left.remove(key)
    }

    /// Takes an option, or leaves the default.
    fn read<T: FromStr>(&mut self, key: &str, into: &mut T) -> Result<(), GrantError>
    where
        GrantError: From<T::Err>,
    {
        if let Some(text) = self.text(key) {
            *into = text.parse()?;
        }
        Ok(())
    }

    fn count<T: FromStr>(&mut self, key: &'static str, into: &mut T) -> Result<(), GrantError> {
        if let Some(text) = self.text(key) {
            let digits = text.bytes().all(|byte| byte.is_ascii_digit());
            let parsed = if digits { text.parse().ok() } else { None };
            *into = parsed.ok_or(GrantError::Word { found: short(&text), expected: "expected a number" })?;
        }
        Ok(())
    }

    fn word<T: Copy>(
        &mut self,
        key: &str,
        words: &[(&str, T)],
        expected: &'static str,
    ) -> Result<Option<T>, GrantError> {
        let Some(text) = self.text(key) else { return Ok(None) };
        match words.iter().find(|(word, _)| *word == text) {
            Some((_, value)) => Ok(Some(*value)),
            None => Err(GrantError::Word { found: short(&text), expected }),
        }
    }

    fn finish(self) -> Result<(), GrantError> {
        match self.left.into_keys().next() {
            None => Ok(()),
            Some(key) => {
                Err(GrantError::Option { capability: self.capability, found: short(&key), known: self.known })
            }
        }
    }
}

fn short(text: &str) -> String {
    text.chars().take(60).collect()
}

impl FromStr for Capability {
    type Err = GrantError;

    fn from_str(line: &str) -> Result<Self, GrantError> {
        let words = split(line)?;
        let (word, rest) = words.split_first().ok_or(GrantError::Nothing)?;
        match word.as_str() {
            "http" => http(rest).map(|rule| Self::Http(Box::new(rule))),
            "kv" => kv(rest).map(Self::Kv),
            "config" => config(rest).map(Self::Config),
            "secret" => Ok(Self::Secrets(names(rest, "the name of a secret", "secret api-token")?)),
            "tools" => Ok(Self::Tools(names(rest, "the name of a tool", "tools text-stats_*")?)),
            "scratch" => scratch(rest).map(Self::Scratch),
            other => Err(GrantError::Capability { found: short(other) }),
        }
    }
}

fn http(words: &[String]) -> Result<HttpRule, GrantError> {
    let lacks = GrantError::Lacks { what: "a URL", example: "http GET,POST https://*.example.com/v1/" };
    let (methods, url, options) = match words {
        [] => return Err(lacks),
        [url, options @ ..] if url.contains("://") => (default_methods(), url, options),
        [methods, url, options @ ..] => {
            let methods = methods.split(',').map(str::parse::<Method>).collect::<Result<_, _>>()?;
            (methods, url, options)
        }
        [_] => return Err(lacks),
    };
    let mut rule = HttpRule { methods, ..HttpRule::new(url.parse()?) };
    let mut options = Options::new("http", HTTP_OPTIONS, options)?;
    let (header, query) = (options.text("header"), options.text("query"));
    let form = options.word("form", &SecretForm::ALL, "expected `raw`, `bearer` or `basic`")?;
    match options.text("secret") {
        Some(name) => rule.secret = Some(SecretUse::new(name, header, form, query)?),
        None if header.is_some() || form.is_some() || query.is_some() => {
            return Err(GrantError::Lacks { what: "the name of the secret", example: "secret=api-token" });
        }
        None => {}
    }
    if let Some(ranges) = options.text("private") {
        rule.private = ranges.split(',').map(str::parse).collect::<Result<_, _>>()?;
    }
    let mut file = |key: &str| options.text(key).map(PathBuf::from);
    rule.ca_file = file("ca-file");
    rule.client_certificate = file("client-certificate");
    rule.client_key = file("client-key");
    options.count("requests", &mut rule.caps.requests)?;
    options.read("request-bytes", &mut rule.caps.request_bytes)?;
    options.read("response-bytes", &mut rule.caps.response_bytes)?;
    options.count("concurrency", &mut rule.caps.concurrency)?;
    options.read("timeout", &mut rule.caps.timeout)?;
    options.count("redirects", &mut rule.caps.redirects)?;
    options.finish()?;
    rule.check()?;
    Ok(rule)
}

const SPACES: [(&str, KvSpace); 2] = [("skill", KvSpace::Skill), ("principal", KvSpace::Principal)];
const STORAGES: [(&str, KvStorage); 2] = [("durable", KvStorage::Durable), ("memory", KvStorage::Memory)];

fn kv(words: &[String]) -> Result<KvRule, GrantError> {
    let mut rule = KvRule::default();
    let mut options = Options::new("kv", KV_OPTIONS, words)?;
    rule.space = options.word("space", &SPACES, "expected `skill` or `principal`")?.unwrap_or_default();
    rule.storage = options.word("storage", &STORAGES, "expected `durable` or `memory`")?.unwrap_or_default();
    options.count("keys", &mut rule.keys)?;
    options.read("value-bytes", &mut rule.value_bytes)?;
    options.read("bytes", &mut rule.bytes)?;
    options.count("writes-per-minute", &mut rule.writes_per_minute)?;
    options.finish()?;
    Ok(rule)
}

fn scratch(words: &[String]) -> Result<ScratchRule, GrantError> {
    let mut rule = ScratchRule::default();
    let mut options = Options::new("scratch", SCRATCH_OPTIONS, words)?;
    options.count("files", &mut rule.files)?;
    options.count("depth", &mut rule.depth)?;
    options.count("name-bytes", &mut rule.name_bytes)?;
    options.read("bytes", &mut rule.bytes)?;
    options.finish()?;
    rule.check()?;
    Ok(rule)
}

fn config(words: &[String]) -> Result<BTreeMap<String, String>, GrantError> {
    if words.is_empty() {
        return Err(GrantError::Lacks { what: "a key and its value", example: "config region=eu" });
    }
    let values = Options::new("config", "", words)?.left;
    check_config(&values)?;
    Ok(values)
}

pub(crate) fn check_config(values: &BTreeMap<String, String>) -> Result<(), GrantError> {
    for (key, value) in values {
        if NamePattern::exact(key).is_err() {
            return Err(GrantError::ConfigKey(short(key)));
        }
        if value.len() > 64 << 10 {
            return Err(GrantError::ConfigValue(short(key)));
        }
    }
    Ok(())
}

fn names(
    words: &[String],
    what: &'static str,
    example: &'static str,
) -> Result<Vec<NamePattern>, GrantError> {
    if words.is_empty() {
        return Err(GrantError::Lacks { what, example });
    }
    Ok(words.iter().map(|word| word.parse()).collect::<Result<_, _>>()?)
}

/// Writes ` key=value` unless the value is the default.
fn option<T: fmt::Display + PartialEq>(
    f: &mut fmt::Formatter<'_>,
    key: &str,
    value: &T,
    default: &T,
) -> fmt::Result {
    if value == default { Ok(()) } else { write!(f, " {key}={}", quote(&value.to_string())) }
}

fn list<T: fmt::Display>(values: &[T]) -> String {
    values.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
}

fn write_http(f: &mut fmt::Formatter<'_>, rule: &HttpRule) -> fmt::Result {
    write!(f, " {} {}", list(&rule.methods), rule.url)?;
    if let Some(secret) = &rule.secret {
        write!(f, " secret={}", secret.name)?;
        match &secret.place {
            SecretPlace::Header { name, form } => write!(f, " header={name} form={}", form.as_str())?,
            SecretPlace::Query { name } => write!(f, " query={name}")?,
        }
    }
    if !rule.private.is_empty() {
        write!(f, " private={}", list(&rule.private))?;
    }
    for (key, file) in [
        ("ca-file", &rule.ca_file),
        ("client-certificate", &rule.client_certificate),
        ("client-key", &rule.client_key),
    ] {
        if let Some(file) = file {
            write!(f, " {key}={}", quote(&file.to_string_lossy()))?;
        }
    }
    let (caps, default) = (&rule.caps, HttpCaps::default());
    option(f, "requests", &caps.requests, &default.requests)?;
    option(f, "request-bytes", &caps.request_bytes, &default.request_bytes)?;
    option(f, "response-bytes", &caps.response_bytes, &default.response_bytes)?;
    option(f, "concurrency", &caps.concurrency, &default.concurrency)?;
    option(f, "timeout", &caps.timeout, &default.timeout)?;
    option(f, "redirects", &caps.redirects, &default.redirects)
}

impl fmt::Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())?;
        match self {
            Self::Http(rule) => write_http(f, rule),
            Self::Kv(rule) => {
                let default = KvRule::default();
                if rule.space == KvSpace::Principal {
                    f.write_str(" space=principal")?;
                }
                if rule.storage == KvStorage::Memory {
                    f.write_str(" storage=memory")?;
                }
                option(f, "keys", &rule.keys, &default.keys)?;
                option(f, "value-bytes", &rule.value_bytes, &default.value_bytes)?;
                option(f, "bytes", &rule.bytes, &default.bytes)?;
                option(f, "writes-per-minute", &rule.writes_per_minute, &default.writes_per_minute)
            }
            Self::Config(values) => {
                values.iter().try_for_each(|(key, value)| write!(f, " {key}={}", quote(value)))
            }
            Self::Secrets(names) | Self::Tools(names) => {
                names.iter().try_for_each(|name| write!(f, " {name}"))
            }
            Self::Scratch(rule) => {
                let default = ScratchRule::default();
                option(f, "files", &rule.files, &default.files)?;
                option(f, "depth", &rule.depth, &default.depth)?;
                option(f, "name-bytes", &rule.name_bytes, &default.name_bytes)?;
                option(f, "bytes", &rule.bytes, &default.bytes)
            }
        }
    }
}

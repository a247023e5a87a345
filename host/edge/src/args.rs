//! What can be typed: the command line of `ringfence-edge`. Small on purpose: a parser that knows more would be a fifth
//! of the program.

use std::ffi::OsString;
use std::path::PathBuf;

use lexopt::{Arg, Parser, ValueExt as _};

/// What `--help` says.
pub(crate) const HELP: &str = "\
Run signed bundles of skills on a node without a compiler.

Usage:
  ringfence-edge run BUNDLE SKILL [TOOL] --key FILE [options]    call a tool; arguments on standard input, result on
                                                                 standard output, both as JSON
  ringfence-edge serve BUNDLE --key FILE [options]               serve the bundle over HTTP; BUNDLE is a path or an
                                                                 https URL
  ringfence-edge fingerprints                                    print the engines whose code this worker runs

Trust:
  --key FILE            trusted public keys, one per line; repeatable
  --revoked FILE        revoked keys (key:…), bundles (bundle:…) and skills (sha256:…), one per line; repeatable
  --state FILE          record the highest bundle version seen, and refuse older bundles after a restart as well

Resources:
  --memory SIZE         maximum memory of all runs together [default: 256MiB]
  --runs N              maximum number of concurrent runs [default: 32; always 1 for `run`]
  --bundle-size SIZE    maximum size of a bundle [default: 64MiB]
  --interpret           run only Pulley code, which needs no executable memory; 10 to 50 times slower

Options of run:
  --json                print the whole report as JSON
  --limits LIMITS       lower the limits of the bundle, e.g. fuel=1000000,deadline=200ms,memory=16MiB

Options of serve:
  --listen ADDRESS      address to listen on; port 0 selects a free one [default: 127.0.0.1:7421]. An address other than
                        loopback needs --token
  --token FILE          accepted bearer tokens, one per line
  --update TIME         interval of the checks for a new bundle; 0s disables them [default: 60s]. SIGHUP checks at once, and
                        reloads keys, revocations and tokens
  --cache FILE          copy of the last good bundle of a URL, for a start without network
  --ca FILE             trusted certificates for the URL, in PEM [default: the public certificate authorities]
  --threads N           number of threads [default: number of cores]
  --connections N       maximum number of concurrent connections [default: 64]
  --drain TIME          time for running calls at shutdown; after it the worker cancels them [default: 30s]

Exit codes:
   0  success; for `run`: completed
   1  failed: the tool returned its own error
   2  invalid command line or input file
   3  bundle refused: invalid, untrusted, expired or revoked
   4  call refused: unknown name, invalid input or limit out of range
   5  host failure: unreadable file or internal error
   6  at capacity, or no bundle is loaded: retry later
  10  trapped: the skill crashed
  11  out-of-fuel: fuel limit reached
  12  deadline-exceeded: the run timed out
  13  memory-limit: memory or table limit reached
  14  output-limit: output limit reached
  15  host-call-limit: host call limit reached
  16  cancelled: interrupted, or the skill was revoked
  17  host-overloaded: the host's memory budget ran out; retry later
";

/// What is to be done.
pub(crate) enum Command {
    Help,
    Version,
    Fingerprints {
        common: Common,
    },
    Run(RunArgs),
    #[cfg(feature = "serve")]
    Serve(Box<ServeArgs>),
}

/// What every command takes.
#[derive(Default)]
pub(crate) struct Common {
    pub(crate) keys: Vec<PathBuf>,
    pub(crate) revoked: Vec<PathBuf>,
    pub(crate) state: Option<PathBuf>,
    pub(crate) memory: Option<u64>,
    pub(crate) runs: Option<u32>,
    pub(crate) bundle_size: Option<u64>,
    pub(crate) interpret: bool,
}

pub(crate) struct RunArgs {
    pub(crate) common: Common,
    pub(crate) bundle: PathBuf,
    pub(crate) skill: String,
    pub(crate) tool: Option<String>,
    pub(crate) json: bool,
    pub(crate) limits: Option<String>,
}

#[cfg(feature = "serve")]
pub(crate) struct ServeArgs {
    pub(crate) common: Common,
    pub(crate) bundle: String,
    pub(crate) serve: ringfence_edge::serve::ServeConfig,
    pub(crate) token: Option<PathBuf>,
    pub(crate) cache: Option<PathBuf>,
    pub(crate) ca: Option<PathBuf>,
    pub(crate) update: std::time::Duration,
    pub(crate) threads: Option<usize>,
}

pub(crate) fn parse(words: impl IntoIterator<Item = OsString>) -> Result<Command, lexopt::Error> {
    let mut parser = Parser::from_iter(words);
    let mut names: Vec<OsString> = Vec::new();
    let mut options = Options::default();
    while let Some(arg) = parser.next()? {
        match arg {
            Arg::Short('h') | Arg::Long("help") => return Ok(Command::Help),
            Arg::Short('V') | Arg::Long("version") => return Ok(Command::Version),
            Arg::Value(value) => names.push(value),
            Arg::Long(name) => {
                let name = name.to_owned();
                options.set(&name, &mut parser)?;
            }
            Arg::Short(_) => return Err(arg.unexpected()),
        }
    }
    let mut names = names.into_iter();
    let command =
        names.next().ok_or("missing command; expected `run`, `serve` or `fingerprints`")?.string()?;
    let parsed = match &*command {
        "run" => {
            options.only(&["json", "limits"])?;
            Command::Run(RunArgs {
                bundle: names
                    .next()
                    .ok_or("missing BUNDLE; usage: ringfence-edge run BUNDLE SKILL [TOOL] --key FILE")?
                    .into(),
                skill: names
                    .next()
                    .ok_or("missing SKILL; usage: ringfence-edge run BUNDLE SKILL [TOOL] --key FILE")?
                    .string()?,
                tool: names.next().map(|tool| tool.string()).transpose()?,
                json: options.json,
                limits: options.limits,
                common: with_keys(options.common)?,
            })
        }
        #[cfg(feature = "serve")]
        "serve" => {
            options.only(&["listen", "token", "update", "cache", "ca", "threads", "connections", "drain"])?;
            Command::Serve(Box::new(ServeArgs {
                bundle: names
                    .next()
                    .ok_or("missing BUNDLE; usage: ringfence-edge serve BUNDLE --key FILE")?
                    .string()?,
                serve: options.serve,
                token: options.token,
                cache: options.cache,
                ca: options.ca,
                update: options.update,
                threads: options.threads,
                common: with_keys(options.common)?,
            }))
        }
        "fingerprints" => {
            if let Some(other) = options.seen.iter().find(|seen| *seen != "interpret") {
                return Err(lexopt::Error::UnexpectedOption(format!("--{other}")));
            }
            Command::Fingerprints { common: options.common }
        }
        _ => {
            return Err(format!(
                "unknown command `{}`; expected `run`, `serve` or `fingerprints`",
                ringfence::text::clean(&command, 40)
            )
            .into());
        }
    };
    match names.next() {
        None => Ok(parsed),
        Some(word) => Err(lexopt::Error::UnexpectedArgument(word)),
    }
}

fn with_keys(common: Common) -> Result<Common, lexopt::Error> {
    if common.keys.is_empty() {
        return Err("missing `--key FILE`: the public key that bundles must be signed with".into());
    }
    Ok(common)
}

/// All options, of whatever command.
struct Options {
    common: Common,
    json: bool,
    limits: Option<String>,
    #[cfg(feature = "serve")]
    serve: ringfence_edge::serve::ServeConfig,
    token: Option<PathBuf>,
    cache: Option<PathBuf>,
    ca: Option<PathBuf>,
    update: std::time::Duration,
    threads: Option<usize>,
    /// Those of one command that were given.
    given: Vec<String>,
    /// All that were given.
    seen: Vec<String>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            common: Common::default(),
            json: false,
            limits: None,
            #[cfg(feature = "serve")]
            serve: ringfence_edge::serve::ServeConfig::default(),
            token: None,
            cache: None,
            ca: None,
            update: std::time::Duration::from_secs(60),
            threads: None,
            given: Vec::new(),
            seen: Vec::new(),
        }
    }
}

impl Options {
    fn set(&mut self, name: &str, parser: &mut Parser) -> Result<(), lexopt::Error> {
        // The last of two would silently be all there is.
        if !["key", "revoked"].contains(&name) && self.seen.iter().any(|seen| seen == name) {
            return Err(format!("`--{name}` occurs twice; keep one").into());
        }
        self.seen.push(name.to_owned());
        let common = &mut self.common;
        match name {
            "key" => common.keys.push(parser.value()?.into()),
            "revoked" => common.revoked.push(parser.value()?.into()),
            "state" => common.state = Some(parser.value()?.into()),
            "memory" => common.memory = Some(size(parser)?),
            "runs" => common.runs = Some(parser.value()?.parse()?),
            "bundle-size" => common.bundle_size = Some(size(parser)?),
            "interpret" => common.interpret = true,
            _ => {
                self.given.push(name.to_owned());
                return self.set_of_one(name, parser);
            }
        }
        Ok(())
    }

    fn set_of_one(&mut self, name: &str, parser: &mut Parser) -> Result<(), lexopt::Error> {
        match name {
            "json" => self.json = true,
            "limits" => self.limits = Some(parser.value()?.string()?),
            "token" => self.token = Some(parser.value()?.into()),
            "cache" => self.cache = Some(parser.value()?.into()),
            "ca" => self.ca = Some(parser.value()?.into()),
            "update" => self.update = time(parser)?,
            "threads" => self.threads = Some(parser.value()?.parse()?),
            #[cfg(feature = "serve")]
            "listen" => self.serve.listen = parser.value()?.parse()?,
            #[cfg(feature = "serve")]
            "connections" => self.serve.connections = parser.value()?.parse()?,
            #[cfg(feature = "serve")]
            "drain" => self.serve.drain = time(parser)?,
            _ => return Err(lexopt::Error::UnexpectedOption(format!("--{name}"))),
        }
        Ok(())
    }

    /// Refuses what another command takes: an option that does nothing would look as if it did.
    fn only(&self, known: &[&str]) -> Result<(), lexopt::Error> {
        match self.given.iter().find(|given| !known.contains(&given.as_str())) {
            None => Ok(()),
            Some(other) => Err(lexopt::Error::UnexpectedOption(format!("--{other}"))),
        }
    }
}

fn size(parser: &mut Parser) -> Result<u64, lexopt::Error> {
    let text = parser.value()?.string()?;
    let size: Result<bytesize::ByteSize, _> = text.parse();
    size.map(|size| size.as_u64())
        .map_err(|_| format!("invalid size `{text}`; expected for example 256MiB").into())
}

fn time(parser: &mut Parser) -> Result<std::time::Duration, lexopt::Error> {
    let text = parser.value()?.string()?;
    humantime::parse_duration(&text)
        .map_err(|_| format!("invalid time `{text}`; expected for example 60s").into())
}

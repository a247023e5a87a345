//! What can be typed: the command line of `ringfence-edge`. Small on purpose: a parser that knows more would be a fifth
//! of the program.

use std::ffi::OsString;
use std::path::PathBuf;

use lexopt::{Arg, Parser, ValueExt as _};

/// What `--help` says.
pub(crate) const HELP: &str = "\
Run signed bundles of skills on a node that holds no compiler.

Usage:
  ringfence-edge run BUNDLE SKILL [TOOL] --key FILE [options]    call a tool: JSON on standard input, its value on
                                                                 standard output
  ringfence-edge serve BUNDLE --key FILE [options]               serve it over HTTP; BUNDLE is a path or an https URL
  ringfence-edge fingerprints                                    what a bundle must be made for, to run here

Who is trusted:
  --key FILE            public keys, one a line; may be given several times
  --revoked FILE        keys (key:…), bundles (bundle:…) and skills (sha256:…) that are never loaded, one a line; may be
                        given several times
  --state FILE          keep the highest bundle version that was seen, and refuse older ones after a restart as well

What it may have:
  --memory SIZE         all runs together [default: 256MiB]
  --runs N              runs at once [default: 32; `run` makes one]
  --bundle-size SIZE    largest bundle that is read [default: 64MiB]
  --interpret           run code for Pulley only, which needs no right to make memory executable; 10 to 50 times slower

run:
  --json                print the whole report
  --limits LIMITS       lower the limits of the bundle, such as fuel=1000000,deadline=200ms,memory=16MiB

serve:
  --listen ADDRESS      [default: 127.0.0.1:7421]; port 0 takes a free one. Other addresses than this machine's want --token
  --token FILE          bearer tokens that may call, one a line
  --update TIME         look for a new bundle this often [default: 60s; 0s is never]. SIGHUP looks at once, and reads
                        keys, revocations and tokens again
  --cache FILE          keep the last good bundle of a URL, for a start without network
  --ca FILE             trust the certificates of this PEM file instead of the web's, for the URL
  --threads N           [default: the cores]
  --connections N       at once [default: 64]
  --drain TIME          calls under way may take so long when it stops [default: 30s]

Exit codes:
   0  completed; done
   1  failed: the tool gave its own error
   2  the command line is wrong, or a file that it names holds something else
   3  the bundle was refused
   4  the call was refused: no such skill or tool, input that does not fit, a limit out of range
   5  the host failed: a file that cannot be read, a fault
   6  the host is full, or nothing serves
  10  trapped
  11  out-of-fuel
  12  deadline-exceeded
  13  memory-limit
  14  output-limit
  15  host-call-limit
  16  cancelled
  17  host-overloaded
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
    let command = names.next().ok_or("name a command: run, serve or fingerprints")?.string()?;
    let parsed = match &*command {
        "run" => {
            options.only(&["json", "limits"])?;
            Command::Run(RunArgs {
                bundle: names.next().ok_or("run: name the bundle")?.into(),
                skill: names.next().ok_or("run: name the skill")?.string()?,
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
                bundle: names.next().ok_or("serve: name the bundle")?.string()?,
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
        _ => return Err(format!("`{}` is no command", ringfence::text::clean(&command, 40)).into()),
    };
    match names.next() {
        None => Ok(parsed),
        Some(word) => Err(lexopt::Error::UnexpectedArgument(word)),
    }
}

fn with_keys(common: Common) -> Result<Common, lexopt::Error> {
    if common.keys.is_empty() {
        return Err("whose bundles are trusted? Give the public key with --key FILE".into());
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
            return Err(format!("--{name} is given twice").into());
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
    size.map(|size| size.as_u64()).map_err(|_| format!("`{text}` is no size, such as 256MiB").into())
}

fn time(parser: &mut Parser) -> Result<std::time::Duration, lexopt::Error> {
    let text = parser.value()?.string()?;
    humantime::parse_duration(&text).map_err(|_| format!("`{text}` is no time, such as 60s").into())
}

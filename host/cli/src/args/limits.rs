//! The options for limits, one for each row of `ringfence::LIMITS` that can be set.

use clap::{Arg, ArgMatches, Args, Command, FromArgMatches};
use ringfence::{InvalidValue, LIMITS, LimitInfo, LimitOverrides, LimitUnit, Limits};

/// The limits of a run, for `run`, `test` and `doctor`. A limit that is not given has its default.
#[derive(Debug, Clone)]
pub(crate) struct LimitArgs(LimitOverrides);

impl LimitArgs {
    /// Returns the limits of a run.
    pub(crate) fn limits(&self) -> Limits {
        self.0.over(&Limits::default())
    }
}

/// The limits of every run, for `mcp`. A limit that is not given comes from the configuration.
#[derive(Debug, Clone)]
pub(crate) struct LowerArgs(LimitOverrides);

impl LowerArgs {
    /// Returns the limits on the command line.
    pub(crate) fn given(&self) -> LimitOverrides {
        self.0.clone()
    }
}

impl Args for LimitArgs {
    fn augment_args(command: Command) -> Command {
        command.args(options(|limit| limit.unit.write(limit.default)))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl Args for LowerArgs {
    fn augment_args(command: Command) -> Command {
        command.args(options(|_| "from the configuration".to_owned()))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for LimitArgs {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        Ok(Self(given(matches)))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        self.0 = given(matches);
        Ok(())
    }
}

impl FromArgMatches for LowerArgs {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        Ok(Self(given(matches)))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        self.0 = given(matches);
        Ok(())
    }
}

/// An older key that is no option: `--input` passes the arguments of a run.
const NO_OPTION: &str = "input";

/// The options, each with its default in words.
fn options(default: fn(&LimitInfo) -> String) -> impl Iterator<Item = Arg> {
    LIMITS.iter().filter(|limit| limit.settable).map(move |limit| {
        let option =
            Arg::new(limit.key).long(limit.key).help(format!("{} [default: {}]", limit.help, default(limit)));
        let option = match limit.unit {
            LimitUnit::Bytes => option.value_name("SIZE").value_parser(parse(limit.unit)),
            LimitUnit::Milliseconds => option.value_name("TIME").value_parser(parse(limit.unit)),
            _ => option.value_name("N").value_parser(parse(limit.unit)),
        };
        match limit.old_key.filter(|old| *old != NO_OPTION) {
            Some(old) => option.alias(old),
            None => option,
        }
    })
}

fn parse(unit: LimitUnit) -> impl Fn(&str) -> Result<u64, InvalidValue> + Clone + Send + Sync + 'static {
    move |text| unit.parse(text)
}

fn given(matches: &ArgMatches) -> LimitOverrides {
    let value = |limit: &LimitInfo| matches.get_one::<u64>(limit.key).map(|value| (limit.name, *value));
    LIMITS.iter().filter(|limit| limit.settable).filter_map(value).collect()
}

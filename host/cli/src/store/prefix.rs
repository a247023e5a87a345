//! `ringfence prefix reserve | list | remove`: beginnings of names that belong to an owner.

use std::process::ExitCode;

use ringfence_store::Prefix;

use super::{answer, time};
use crate::args::{Common, PrefixCommand, PrefixRemoveArgs, PrefixReserveArgs};
use crate::load;
use crate::output::{self, Refused, note, print};

pub(crate) fn prefix(command: PrefixCommand) -> ExitCode {
    match command {
        PrefixCommand::Reserve(args) => answer(args.common.json, reserve(&args)),
        PrefixCommand::List(args) => answer(args.json, list(&args)),
        PrefixCommand::Remove(args) => answer(args.common.json, remove(&args)),
    }
}

fn reserve(args: &PrefixReserveArgs) -> Result<ExitCode, Refused> {
    let owner = args.owner.parse()?;
    let reserved = load::store_or_new(&args.common.store)?.reserve(&args.prefix, &owner)?;
    say(args.common.json, &reserved, "reserved for");
    let prefix = &reserved.prefix;
    if !args.common.json && !prefix.ends_with('-') {
        note(&format!(
            "`{prefix}*` covers every name that starts with `{prefix}`, such as `{prefix}x`; for `{prefix}-…` alone, \
             reserve `{prefix}-*`"
        ));
    }
    Ok(ExitCode::SUCCESS)
}

fn remove(args: &PrefixRemoveArgs) -> Result<ExitCode, Refused> {
    let gone = load::store(&args.common.store)?.unreserve(&args.prefix)?;
    say(args.common.json, &gone, "no longer reserved for");
    Ok(ExitCode::SUCCESS)
}

fn say(as_json: bool, prefix: &Prefix, what: &str) {
    if as_json {
        output::print_json(prefix);
    } else {
        print(&format!("{}*  {what} {}", prefix.prefix, prefix.owner));
    }
}

fn list(args: &Common) -> Result<ExitCode, Refused> {
    let prefixes = load::store(&args.store)?.prefixes()?;
    if args.json {
        output::print_json(&prefixes);
        return Ok(ExitCode::SUCCESS);
    }
    if prefixes.is_empty() {
        note("no reserved prefixes; reserve one with `ringfence prefix reserve`");
        return Ok(ExitCode::SUCCESS);
    }
    print(&format!("{:32}  {:16}  SINCE", "PREFIX", "OWNER"));
    for Prefix { prefix, owner, at, .. } in &prefixes {
        print(&format!("{:32}  {:16}  {}", format!("{prefix}*"), owner.as_str(), time(*at)));
    }
    Ok(ExitCode::SUCCESS)
}

//! `ringfence token create | list | revoke`: manages the tokens of a store.

use std::process::ExitCode;

use ringfence_store::{IssuedToken, NewToken, Pattern, Scope, Token};
use serde_json::{Value, json};

use crate::args::{Common, TokenCommand, TokenCreateArgs, TokenRevokeArgs};
use crate::load;
use crate::output::{self, Refused, note, print};
use crate::store::{answer, time};

pub(crate) fn exec(command: TokenCommand) -> ExitCode {
    match command {
        TokenCommand::Create(args) => answer(args.common.json, create(&args)),
        TokenCommand::List(args) => answer(args.json, list(&args)),
        TokenCommand::Revoke(args) => answer(args.common.json, revoke(&args)),
    }
}

fn create(args: &TokenCreateArgs) -> Result<ExitCode, Refused> {
    let mut new = NewToken::new(args.owner.parse()?);
    new.scopes = args.scope.iter().map(|scope| scope.parse()).collect::<Result<_, _>>()?;
    let patterns = args.skills.iter().filter(|pattern| *pattern != "-");
    new.skills = patterns.map(|pattern| pattern.parse()).collect::<Result<_, _>>()?;
    match (args.skills.is_empty(), args.skills_of.is_empty()) {
        // Its owner's skills, and new ones under any free name.
        (true, true) => new.any_name = new.scopes.contains(&Scope::Submit),
        (true, false) => new.skills = vec![Pattern::All],
        (false, _) => {}
    }
    new.skills_of = args.skills_of.iter().map(|owner| owner.parse()).collect::<Result<_, _>>()?;
    new.lifetime = args.expires.map(|lifetime| lifetime.as_secs());
    let IssuedToken { token, text, .. } = load::store_or_new(&args.common.store)?.make_token(new)?;
    if args.common.json {
        let mut value = as_json(&token);
        if let Value::Object(members) = &mut value {
            members.insert("token".into(), text.into());
        }
        output::print_json(&value);
    } else {
        print(&text);
        note(&format!(
            "token {} of {}: copy it now, because the store keeps only its hash",
            token.id, token.owner
        ));
    }
    Ok(ExitCode::SUCCESS)
}

fn list(args: &Common) -> Result<ExitCode, Refused> {
    let tokens = load::store(&args.store)?.tokens()?;
    if args.json {
        output::print_json(&tokens.iter().map(as_json).collect::<Vec<_>>());
        return Ok(ExitCode::SUCCESS);
    }
    if tokens.is_empty() {
        note("no tokens; create one with `ringfence token create`");
        return Ok(ExitCode::SUCCESS);
    }
    print(&format!("{:10}  {:16}  {:18}  {:24}  VALID", "ID", "OWNER", "SCOPES", "SKILLS"));
    for token in &tokens {
        let valid = match (token.revoked, token.expires) {
            (Some(at), _) => format!("revoked {}", time(at)),
            (None, Some(until)) => format!("until {}", time(until)),
            (None, None) => "until revoked".to_owned(),
        };
        let scopes = list_of(&token.scopes);
        let mut skills = list_of(&token.skills);
        if !token.skills.is_empty() && !token.skills_of.is_empty() {
            let owners = list_of(&token.skills_of);
            skills = format!("{skills} of {owners}");
        }
        print(&format!("{:10}  {:16}  {scopes:18}  {skills:24}  {valid}", token.id, token.owner.as_str()));
    }
    Ok(ExitCode::SUCCESS)
}

fn revoke(args: &TokenRevokeArgs) -> Result<ExitCode, Refused> {
    let token = load::store(&args.common.store)?.revoke_token(&args.id)?;
    if args.common.json {
        output::print_json(&as_json(&token));
    } else {
        print(&format!("revoked {}", token.id));
    }
    Ok(ExitCode::SUCCESS)
}

/// The values of a column, or `-`.
fn list_of<T: ToString>(values: impl IntoIterator<Item = T>) -> String {
    let values: Vec<String> = values.into_iter().map(|value| value.to_string()).collect();
    if values.is_empty() { "-".to_owned() } else { values.join(",") }
}

/// The public part of a token: everything but its hash.
fn as_json(token: &Token) -> Value {
    let mut shown = json!({
        "id": token.id,
        "owner": token.owner,
        "scopes": token.scopes,
        "skills": token.skills,
        "created": token.created,
        "expires": token.expires,
        "revoked": token.revoked,
    });
    if let Value::Object(shown) = &mut shown {
        if !token.skills_of.is_empty() {
            shown.insert("skills_of".into(), json!(token.skills_of));
        }
        if token.any_name {
            shown.insert("any_name".into(), true.into());
        }
    }
    shown
}

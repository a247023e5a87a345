//! `ringfence check`: checks that a skill can run here. Reports all static reasons at once, then whether it compiles and
//! links. Stores the code, as `run` does. `submit` checks the further rules of a store.

use std::process::ExitCode;

use ringfence::{Limits, Skill};
use ringfence_store::warnings;
use serde_json::json;

use crate::args::{CheckArgs, RuleArgs, SkillArgs};
use crate::grants;
use crate::load::{self, Source};
use crate::output::{self, Refused, print};
use crate::requests::{self, Requests};

pub(crate) async fn exec(args: CheckArgs) -> ExitCode {
    let CheckArgs { skill: args, rules } = args;
    let (skill, requests) = match check(&args, &rules).await {
        Ok(checked) => checked,
        Err(refused) => return refused.say(args.common.json),
    };
    let warnings = warnings(skill.tools(), skill.imports());
    let warnings: Vec<String> = warnings.iter().map(ToString::to_string).collect();
    if args.common.json {
        let tools: Vec<&str> = skill.tools().map(|tool| tool.name()).collect();
        output::print_json(
            &json!({"ok": true, "skill": skill.digest(), "tools": tools, "grants": requests.json(), "warnings": warnings}),
        );
    } else {
        let tools: Vec<&str> = skill.tools().map(|tool| tool.name()).collect();
        print(&format!("ok  {}  tools: {}", skill.digest(), tools.join(", ")));
        requests.show();
        for warning in &warnings {
            output::note(&format!("warning: {warning}"));
        }
    }
    ExitCode::SUCCESS
}

async fn check(args: &SkillArgs, rules: &RuleArgs) -> Result<(Skill, Requests), Refused> {
    let policy = requests::rules(rules)?;
    let source = Source::of(&args.skill);
    let library = load::library(&args.common.store, &source, &Limits::default())?;
    let skill = load::load(&library, &source).await?;
    let mut subject = grants::subject(skill.digest(), &source, library.store());
    subject.principal = Some(rules.principal.clone());
    let requests = Requests::of(&skill.described(), subject, policy);
    Ok((skill, requests))
}

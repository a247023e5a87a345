//! `ringfence check`: checks that a skill can run here. Reports all static reasons at once, then whether it compiles and
//! links. Stores the code, as `run` does. `submit` checks the further rules of a store.

use std::process::ExitCode;

use ringfence::{Limits, Skill};
use ringfence_store::warnings;
use serde_json::json;

use crate::args::SkillArgs;
use crate::load::{self, Source};
use crate::output::{self, Refused, print};

pub(crate) async fn exec(args: SkillArgs) -> ExitCode {
    let skill = match check(&args).await {
        Ok(skill) => skill,
        Err(refused) => return refused.say(args.common.json),
    };
    let warnings = warnings(skill.tools(), skill.imports());
    let warnings: Vec<String> = warnings.iter().map(ToString::to_string).collect();
    if args.common.json {
        let tools: Vec<&str> = skill.tools().map(|tool| tool.name()).collect();
        output::print_json(
            &json!({"ok": true, "skill": skill.digest(), "tools": tools, "warnings": warnings}),
        );
    } else {
        let tools: Vec<&str> = skill.tools().map(|tool| tool.name()).collect();
        print(&format!("ok  {}  tools: {}", skill.digest(), tools.join(", ")));
        for warning in &warnings {
            output::note(&format!("warning: {warning}"));
        }
    }
    ExitCode::SUCCESS
}

async fn check(args: &SkillArgs) -> Result<Skill, Refused> {
    let source = Source::of(&args.skill);
    let library = load::library(&args.common.store, &source, &Limits::default())?;
    load::load(&library, &source).await
}

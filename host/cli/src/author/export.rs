//! `ringfence export-skill`: a skill as an Agent Skills folder, whose SKILL.md tells an agent how to call its tools.

use std::fmt::Write as _;
use std::path::Path;
use std::process::ExitCode;

use ringfence::{SkillDescription, Tool, text};
use ringfence_skill_md::{DESCRIPTION, SkillMd, SkillMdError};
use serde_json::Value;

use crate::args::ExportArgs;
use crate::exit;
use crate::load::{self, Source, StoreIfAny};
use crate::output::{Refused, note, print};

pub(crate) async fn exec(args: ExportArgs) -> ExitCode {
    match export(&args).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(refused) => refused.say(false),
    }
}

async fn export(args: &ExportArgs) -> Result<(), Refused> {
    let source = Source::of(&args.skill);
    let store = match &source {
        Source::File(_) => load::store_if_any(&args.store)?,
        Source::Store(_) => StoreIfAny::of(load::store(&args.store)?),
    };
    let called = match &source {
        Source::File(_) => None,
        Source::Store(_) => args.skill.split('@').next().filter(|name| !name.starts_with("sha256:")),
    };
    let called = called.map(str::to_owned);
    // The folder tells agents to call it: so it must be one that may run.
    let library = load::library_of(store)?;
    let cleared = library.clear(load::wanted(&source)?).await;
    let cleared = cleared.map_err(|error| load::at_hand(error, &source))?;
    let skill = library.describe(&cleared).await?;
    let folder = args.dir.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let stem = || Path::new(&args.skill).file_stem().map(|stem| stem.to_string_lossy().into_owned());
    let name = args.name.clone().or(called).or_else(|| skill.manifest().name.clone()).or_else(stem);
    let name = name.unwrap_or_default();
    check_name(&name)?;
    // The format wants the folder to be called as the skill.
    let dir = if folder == name { args.dir.clone() } else { args.dir.join(&name) };
    let fault = |action: &str, path: &Path, error: std::io::Error| {
        Refused::fault(format!("cannot {action} {}: {error}", path.display()))
    };
    std::fs::create_dir_all(&dir).map_err(|error| fault("create", &dir, error))?;
    let file = dir.join("SKILL.md");
    let text = skill_md(&skill, &name).map_err(|error| Refused {
        exit: exit::REFUSED,
        code: "bad-skill-md",
        ..Refused::fault(error.to_string())
    })?;
    let written = ringfence_files::create(&file, text.as_bytes(), ringfence_files::ORDINARY);
    written.map_err(|error| {
        if error.kind() != std::io::ErrorKind::AlreadyExists {
            return Refused::unwritten(&file, &error);
        }
        let message = format!(
            "{} already exists; nothing was written; delete it or choose another directory",
            file.display()
        );
        Refused { exit: exit::USAGE, code: "exists", ..Refused::fault(message) }
    })?;
    print(&file.display().to_string());
    Ok(())
}

/// Refuses a name that the Agent Skills format does not take.
fn check_name(name: &str) -> Result<(), Refused> {
    if ringfence_skill_md::is_name(name) {
        return Ok(());
    }
    let name = text::clean(name, 80);
    let message = format!(
        "`{name}` is not a valid Agent Skill name; choose one with --name, of a-z, 0-9 and single hyphens"
    );
    Err(Refused { exit: exit::USAGE, code: "bad-name", ..Refused::fault(message) })
}

/// The whole file: how to call the tools, then the author's SKILL.md.
fn skill_md(skill: &SkillDescription, name: &str) -> Result<String, SkillMdError> {
    let packed = skill.skill_md().and_then(|text| match SkillMd::body_of(text) {
        Ok(body) => Some(body).filter(|body| !body.is_empty()),
        Err(error) => {
            note(&format!("warning: left out the author's SKILL.md: {error}"));
            None
        }
    });
    let about = skill.about().unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" ");
    let tools: Vec<&str> = skill.tools().map(|tool| tool.name()).take(20).collect();
    let mut description = if about.is_empty() { format!("The sandboxed skill {name}.") } else { about };
    let _ = write!(description, " Use it for its tools: {}.", tools.join(", "));
    let description: String = description.chars().take(DESCRIPTION).collect();
    let mut out = format!("# {name}\n\n{}", skill.about().unwrap_or_default().trim());
    let _ = write!(
        out,
        "\n\n## Calling the tools\n\nThe tools run in a sandbox (Ringfence): each call is a fresh instance without files or network, under \
         limits of fuel, time, memory and output. Nothing is kept between calls.\n\n\
         - Over MCP each tool is called `{name}_TOOL`, with the arguments as a JSON object.\n\
         - Over HTTP: `POST /v1/skills/{name}/tools/TOOL` with the arguments as the JSON body. Every response with status 200 is a \
         report: read `outcome`, then `value` when it is `completed`, `failure` when it is `failed`.\n\
         - On a command line: `ringfence run {name} TOOL --input 'JSON'` prints the value; exit code 1 is the tool's own error, \
         10 and above a limit or a trap.\n"
    );
    skill.tools().for_each(|tool| describe(&tool, &mut out));
    // Last, so that nothing which it leaves open swallows what is ours.
    if let Some(body) = packed {
        let _ = write!(out, "\n## Instructions from the author\n\n{body}\n");
    }
    let mut made = SkillMd::new(name, &description, &out)?;
    if let Some(license) = &skill.manifest().license {
        made = made.license(license)?;
    }
    made = made.metadata("ringfence-digest", &skill.digest().to_string())?;
    if let Some(version) = &skill.manifest().version {
        made = made.metadata("version", version)?;
    }
    Ok(made.to_text())
}

fn describe(tool: &Tool<'_>, out: &mut String) {
    let _ = write!(out, "\n### `{}`\n\n", tool.name());
    if let Some(text) = tool.description() {
        let _ = write!(out, "{}\n\n", text.trim());
    }
    let _ = writeln!(out, "Signature: `{}`", tool.signature().replace('`', "'"));
    for example in tool.examples() {
        let name = text::clean(&example.name, 200).replace('\n', " ");
        let _ = write!(out, "\nExample ({name}):\n\n{}\n", fenced("json", &pretty(&example.input)));
    }
    let _ =
        write!(out, "\nArguments (JSON Schema):\n\n{}\n", fenced("json", &pretty(&tool.parameters_schema())));
    let _ = write!(out, "\nValue (JSON Schema):\n\n{}\n", fenced("json", &pretty(&tool.result_schema())));
    if let Some(failure) = tool.failure_schema() {
        let _ = write!(out, "\nFailure (JSON Schema):\n\n{}\n", fenced("json", &pretty(&failure)));
    }
}

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default()
}

/// A block that no text inside can end.
fn fenced(language: &str, text: &str) -> String {
    let mut fence = "```".to_owned();
    while text.contains(&fence) {
        fence.push('`');
    }
    format!("{fence}{language}\n{text}\n{fence}")
}

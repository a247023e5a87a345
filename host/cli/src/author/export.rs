//! `ringfence export-skill`: a skill as an Agent Skills folder, whose SKILL.md tells an agent how to call its tools.

use std::fmt::Write as _;
use std::path::Path;
use std::process::ExitCode;

use ringfence::{Limits, SkillDescription, Tool, text};
use serde_json::Value;

use crate::args::ExportArgs;
use crate::exit;
use crate::load::{self, Source};
use crate::output::{Refused, print};

/// Longest description that the format takes, in characters.
const DESCRIPTION: usize = 1024;

pub(crate) fn exec(args: &ExportArgs) -> ExitCode {
    match export(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(refused) => refused.say(false),
    }
}

fn export(args: &ExportArgs) -> Result<(), Refused> {
    let source = Source::of(&args.skill);
    let (bytes, called) = match &source {
        Source::File(path) => (load::read(path)?, None),
        Source::Store(reference) => {
            let store = load::store(&args.store)?;
            let found = store.find(reference).map_err(|error| load::at_hand(error, &source))?;
            let name = args.skill.split('@').next().map(str::to_owned);
            (store.component(found.digest, found.size)?, name.filter(|name| !name.starts_with("sha256:")))
        }
    };
    let skill = load::host(&Limits::default())?.validate(bytes).map_err(|error| load::refused(&error))?;
    let skill = skill.described();
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
    std::fs::create_dir_all(&dir).map_err(|error| fault("make", &dir, error))?;
    let file = dir.join("SKILL.md");
    let text = skill_md(&skill, &name);
    if file.exists() {
        let message = format!("{} is there already; nothing was written", file.display());
        return Err(Refused { exit: exit::USAGE, code: "exists", ..Refused::fault(message) });
    }
    ringfence_author::write_whole(&file, text.as_bytes())?;
    print(&file.display().to_string());
    Ok(())
}

/// What the Agent Skills format takes: 1 to 64 of a-z, 0-9 and single hyphens, none at an end.
fn check_name(name: &str) -> Result<(), Refused> {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let fits = (1..=64).contains(&name.len())
        && name.bytes().all(plain)
        && !name.starts_with('-')
        && !name.ends_with('-')
        && !name.contains("--");
    if fits {
        return Ok(());
    }
    let name = text::clean(name, 80);
    let message = format!(
        "`{name}` cannot be the name of an Agent Skill: give one with --name, of a-z, 0-9 and single hyphens"
    );
    Err(Refused { exit: exit::USAGE, code: "bad-name", ..Refused::fault(message) })
}

/// The whole file: how the tools are called, then what the author packed as SKILL.md.
fn skill_md(skill: &SkillDescription, name: &str) -> String {
    let packed = skill.skill_md().map(body).filter(|body| !body.is_empty());
    let about = skill.about().unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" ");
    let tools: Vec<&str> = skill.tools().map(|tool| tool.name()).take(20).collect();
    let mut description = if about.is_empty() { format!("The sandboxed skill {name}.") } else { about };
    let _ = write!(description, " Use it for its tools: {}.", tools.join(", "));
    let description: String = description.chars().take(DESCRIPTION).collect();
    let mut out = String::from("---\n");
    // JSON strings are YAML strings.
    let _ = writeln!(out, "name: {name}\ndescription: {}", Value::from(description));
    if let Some(license) = &skill.manifest().license {
        let _ = writeln!(out, "license: {}", Value::from(license.as_str()));
    }
    let _ = writeln!(out, "metadata:\n  ringfence-digest: {}", Value::from(skill.digest().to_string()));
    if let Some(version) = &skill.manifest().version {
        let _ = writeln!(out, "  version: {}", Value::from(version.as_str()));
    }
    out.push_str("---\n\n");
    let _ = write!(out, "# {name}\n\n{}", skill.about().unwrap_or_default().trim());
    let _ = write!(
        out,
        "\n\n## Calling the tools\n\nThe tools run in a sandbox (Ringfence): each call is a fresh instance without files or network, under \
         limits of fuel, time, memory and output. Nothing is kept between calls.\n\n\
         - Over MCP each tool is called `{name}_TOOL`, with the arguments as a JSON object.\n\
         - Over HTTP: `POST /v1/skills/{name}/tools/TOOL` with the arguments as the JSON body. Every answer with status 200 is a \
         report: read `outcome`, then `value` when it is `completed`, `failure` when it is `failed`.\n\
         - On a command line: `ringfence run {name} TOOL --input 'JSON'` prints the value; exit code 1 is the tool's own error, \
         10 and above a limit or a trap.\n"
    );
    skill.tools().for_each(|tool| describe(&tool, &mut out));
    // Last, so that nothing which it leaves open swallows what is ours.
    if let Some(body) = packed {
        let _ = write!(out, "\n## Instructions of its author\n\n{body}\n");
    }
    out
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

/// A SKILL.md without its frontmatter.
fn body(text: &str) -> &str {
    let rest = text.strip_prefix("---\n").and_then(|rest| rest.split_once("\n---\n"));
    rest.map_or(text, |(_, body)| body).trim()
}

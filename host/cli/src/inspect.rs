//! `ringfence inspect`: describes a skill without running it.

use std::process::ExitCode;

use bytesize::ByteSize;
use ringfence::{
    Access, Annotations, Import, Manifest, SchemaStyle, SkillDescription, Tool, ToolDetail, text,
};
use ringfence_policy::Subject;
use ringfence_store::StoreError;
use serde_json::{Value, json};

use crate::args::{InspectArgs, SkillArgs};
use crate::grants;
use crate::load::{self, Source, StoreIfAny};
use crate::output::{self, Refused, print};
use crate::requests::{self, Requests};

pub(crate) async fn exec(args: InspectArgs) -> ExitCode {
    let json = args.skill.common.json;
    let read = match requests::rules(&args.rules) {
        Ok(rules) => read(&args.skill, &args.rules.principal).await.map(|read| (read, rules)),
        Err(refused) => Err(refused),
    };
    match read {
        Ok((Read { skill, state, subject }, rules)) => {
            let requests = Requests::of(&skill, subject, rules);
            if json {
                let mut value = describe(&skill, args.schema);
                if let Value::Object(value) = &mut value {
                    value.insert("grants".into(), requests.json());
                    if let Some(state) = &state {
                        value.insert("state".into(), state.name.into());
                        value.insert("revoked_because".into(), json!(state.reason));
                    }
                }
                output::print_json(&value);
            } else {
                show(&skill, &requests, args.schema, state.as_ref());
            }
            ExitCode::SUCCESS
        }
        Err(refused) => refused.say(json),
    }
}

/// What was found.
struct Read {
    skill: SkillDescription,
    state: Option<State>,
    /// The skill and its caller, as grants select them.
    subject: Subject,
}

/// Why the store does not let it run.
struct State {
    name: &'static str,
    reason: Option<String>,
}

/// Reads a description from the bytes, without compiling. Held and revoked skills are described too, with their state.
async fn read(args: &SkillArgs, principal: &str) -> Result<Read, Refused> {
    let source = Source::of(&args.skill);
    let (skill, library) = match &source {
        Source::File(path) => {
            let bytes = load::read(path)?;
            // A store that cannot be used keeps nobody from looking at a file, unless it was named.
            let store = match load::store_if_any(&args.common.store) {
                Err(refused) if args.common.store.given().is_none() => {
                    StoreIfAny::None { reason: refused.message }
                }
                store => store?,
            };
            let library = load::library_of(store)?;
            let skill = library.host().validate(bytes).map_err(|error| load::refused(&error))?;
            (skill.described(), library)
        }
        Source::Store(reference) => {
            let library = load::library_on(load::store(&args.common.store)?)?;
            let inspected = library.inspect(reference).await;
            let inspected = inspected.map_err(|error| load::at_hand(error, &source))?;
            (inspected.description, library)
        }
    };
    let refused = match (&source, library.expect_allowed(skill.digest())) {
        (_, Err(error)) => Some(error),
        (Source::Store(reference), Ok(())) => {
            library.store().and_then(|store| store.resolve(reference).err())
        }
        (Source::File(_), Ok(())) => None,
    };
    let state = match refused {
        None => None,
        Some(StoreError::Revoked { reason, .. }) => Some(State { name: "revoked", reason }),
        Some(StoreError::Held { .. }) => Some(State { name: "held", reason: None }),
        Some(error) => return Err(error.into()),
    };
    let mut subject = grants::subject(skill.digest(), &source, library.store());
    subject.principal = Some(principal.to_owned());
    Ok(Read { skill, state, subject })
}

/// The skill as JSON, with schemas in a style.
pub(crate) fn describe(skill: &SkillDescription, style: SchemaStyle) -> Value {
    let tools: Vec<_> = skill.tools().map(|tool| tool.shown(ToolDetail::Full, style)).collect();
    let imports: Vec<Value> =
        skill.imports().iter().map(|import| json!({"name": import.name, "access": import.access})).collect();
    json!({
        "skill": skill.digest(),
        "size": skill.size(),
        "description": skill.about(),
        "manifest": skill.manifest(),
        "skill_md": skill.skill_md().is_some(),
        "tools": tools,
        "imports": imports,
    })
}

fn show(skill: &SkillDescription, requests: &Requests, style: SchemaStyle, state: Option<&State>) {
    print(&format!("skill    {}", skill.digest()));
    if let Some(State { name, reason }) = state {
        let reason = reason.as_ref().map(|reason| format!(": {}", text::clean(reason, 1024)));
        print(&format!("state    {name}{}", reason.unwrap_or_default()));
    }
    print(&format!("size     {}", ByteSize::b(skill.size()).display().iec()));
    show_manifest(skill.manifest());
    requests.show();
    if let Some(about) = skill.about() {
        for (line, at) in about.lines().zip(0..) {
            let what = if at == 0 { "about" } else { "" };
            print(format!("{what:8} {}", text::clean(line, 1024)).trim_end());
        }
    }
    let count = skill.tools().len();
    print(&format!("tools    {count}"));
    for tool in skill.tools() {
        show_tool(&tool, style);
    }
    if skill.imports().is_empty() {
        print("imports  none: the skill can access only its own memory");
    } else {
        print("imports");
        for import in skill.imports() {
            print(&format!("  {}", import_line(import)));
        }
    }
}

/// Shows the author's name and version of the skill.
fn show_manifest(manifest: &Manifest) {
    for (what, line) in
        [("name", &manifest.name), ("version", &manifest.version), ("license", &manifest.license)]
    {
        if let Some(line) = line {
            print(&format!("{what:8} {}", text::clean(line, 256)));
        }
    }
}

/// The author's claims about a tool, in one line.
fn claims(annotations: &Annotations) -> String {
    let title = annotations.title.as_deref().map(|title| format!("\"{}\"", text::clean(title, 80)));
    let claim = |name: &str, claimed: Option<bool>| match claimed {
        Some(true) => Some(name.to_owned()),
        Some(false) => Some(format!("not {name}")),
        None => None,
    };
    let all = [
        title,
        claim("read-only", annotations.read_only),
        claim("destructive", annotations.destructive),
        claim("idempotent", annotations.idempotent),
        claim("open-world", annotations.open_world),
    ];
    all.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// The requested grants.
pub(crate) fn asks(manifest: &Manifest) -> impl Iterator<Item = String> {
    let grants = &manifest.grants;
    let kv = grants.kv.then(|| "key-value storage".to_owned());
    let http = grants.http.iter().map(|to| match to.as_str() {
        "*" => "HTTP to URLs that its input names".to_owned(),
        to => format!("HTTP to {}", text::clean(to, 256)),
    });
    let skills = grants.skills.iter().map(|tool| format!("calls to {}", text::clean(tool, 256)));
    let scratch = grants.scratch.then(|| "scratch files".to_owned());
    http.chain(kv).chain(skills).chain(scratch)
}

/// The access to an import, and its name.
pub(crate) fn import_line(import: &Import) -> String {
    let note = match import.access {
        Access::Always => "always available",
        Access::ByGrant => "by grant",
        Access::Denied => "denied",
        Access::Empty => "empty",
        Access::TypesOnly => "types only",
        _ => "",
    };
    format!("{note:10}  {}", text::clean(&import.name, 256))
}

fn show_tool(tool: &Tool<'_>, style: SchemaStyle) {
    print(&format!("\n  {}", tool.signature()));
    if tool.full_name() != tool.name() {
        print(&format!("    full name   {}", tool.full_name()));
    }
    if let Some(description) = tool.description() {
        for line in description.lines() {
            print(format!("    {}", text::clean(line, 1024)).trim_end());
        }
    }
    if let Some(claims) = tool.annotations().map(claims).filter(|claims| !claims.is_empty()) {
        print(&format!("    annotations {claims}"));
    }
    for example in tool.examples() {
        print(&format!("    example     {}: {}", text::clean(&example.name, 80), example.input));
    }
    print(&format!("    parameters  {}", tool.parameters_schema_as(style)));
    print(&format!("    result      {}", tool.result_schema_as(style)));
    if let Some(failure) = tool.failure_schema_as(style) {
        print(&format!("    failure     {failure}"));
    }
    print("");
}

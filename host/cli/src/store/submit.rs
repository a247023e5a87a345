//! `ringfence submit`: submits a component to the store, and reports warnings.

use std::path::Path;
use std::process::ExitCode;

use bytesize::ByteSize;
use ringfence_store::{GrammarError, Name, Status, Submit, Submitted, asks_for};
use serde_json::{Value, json};

use super::answer;
use crate::args::SubmitArgs;
use crate::inspect::{describe, import_line};
use crate::load::{self, Progress};
use crate::output::{self, Refused, print};

pub(crate) async fn submit(args: SubmitArgs) -> ExitCode {
    let json = args.common.json;
    answer(json, exec(args).await)
}

async fn exec(args: SubmitArgs) -> Result<ExitCode, Refused> {
    let wanted = wanted(&args)?;
    let bytes = load::read(&args.file)?;
    let store = load::store_or_new(&args.common.store)?;
    let library = load::library_on(store)?;
    let mut progress = Progress::default();
    let submitted = library.submit(bytes, wanted, |stage| progress.on(&stage)).await;
    progress.finish();
    let submitted = submitted?;
    if args.common.json {
        output::print_json(&as_json(&submitted))
    } else {
        show(&submitted)
    }
    Ok(ExitCode::SUCCESS)
}

fn wanted(args: &SubmitArgs) -> Result<Submit, Refused> {
    let name = match &args.name {
        Some(name) => name.parse()?,
        None => named_by(&args.file)?,
    };
    let mut submit = Submit::new(name, args.owner.parse()?);
    submit.version = args.as_version.as_deref().map(str::parse).transpose()?;
    submit.hold = args.hold;
    submit.breaking = args.breaking;
    Ok(submit)
}

/// The file's name without its ending, where that is a name.
fn named_by(file: &Path) -> Result<Name, Refused> {
    let stem = file.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
    stem.parse().map_err(|error: GrammarError| {
        let mut refused = Refused::from(error);
        refused.message.push_str("; choose a name with --name");
        refused
    })
}

fn as_json(submitted: &Submitted) -> Value {
    let mut value = describe(&submitted.description, ringfence::SchemaStyle::Exact);
    if let (Value::Object(value), Ok(Value::Object(receipt))) =
        (&mut value, serde_json::to_value(&submitted.receipt))
    {
        value.extend(receipt);
        value.insert("compiled_size".into(), submitted.code.into());
        let asks: Vec<&str> = asks_for(submitted.description.imports()).collect();
        value.insert("asks_for".into(), json!(asks));
        let warnings = submitted.warnings.iter().map(ToString::to_string).collect::<Vec<_>>();
        value.insert("warnings".into(), json!(warnings));
    }
    value
}

fn show(submitted: &Submitted) {
    let (receipt, skill) = (&submitted.receipt, &submitted.description);
    let what = match receipt.status {
        Status::New => "submitted".to_owned(),
        Status::Replaced => match &receipt.replaced {
            Some(version) => format!("submitted, replacing version {version}"),
            None => "submitted".to_owned(),
        },
        Status::Held => format!("held until `ringfence release {}@{}`", receipt.name, receipt.version),
        Status::Unchanged => "already stored, unchanged".to_owned(),
    };
    print(&format!("{}@{}  {what}", receipt.name, receipt.version));
    print(&format!("  digest    {}", receipt.digest));
    let size = ByteSize::b(skill.size()).display().iec();
    match submitted.code {
        Some(code) => {
            print(&format!("  size      {size}, compiled to {}", ByteSize::b(code).display().iec()))
        }
        None => print(&format!("  size      {size}, already compiled")),
    }
    for (i, tool) in skill.tools().enumerate() {
        print(&format!("  {:8}  {}", if i == 0 { "tools" } else { "" }, tool.signature()));
    }
    if skill.imports().is_empty() {
        print("  imports   none: the skill can access only its own memory");
    }
    for (i, import) in skill.imports().iter().enumerate() {
        print(&format!("  {:8}  {}", if i == 0 { "imports" } else { "" }, import_line(import)));
    }
    let said = crate::inspect::asks(skill.manifest());
    let asks: Vec<String> = asks_for(skill.imports()).map(str::to_owned).chain(said).collect();
    print(&format!("  requests  {}", if asks.is_empty() { "nothing".to_owned() } else { asks.join(", ") }));
    for change in &receipt.breaking {
        output::note(&format!("breaking: {change}"));
    }
    for warning in &submitted.warnings {
        output::note(&format!("warning: {warning}"));
    }
}

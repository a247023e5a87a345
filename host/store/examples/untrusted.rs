//! Takes in a skill from a stranger, compiles it in a jailed child process, keeps it, and calls it.
//!
//! `untrusted FILE` submits a component as `stranger` to the store `skills.store` in this folder.

#![expect(
    clippy::disallowed_methods,
    reason = "an embedder reads its own files; only the store's crate may not"
)]
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "this is where it answers")]

// ANCHOR: untrusted
use std::error::Error;
use std::process::ExitCode;

use ringfence::{CancellationToken, Host, HostConfig};
use ringfence_compile::{CompileLimits, Compiler};
use ringfence_store::{Library, Store, Submit};

fn main() -> ExitCode {
    // The compiler runs in a child process, which is this program again.
    // Ask first, before any runtime or thread.
    if let Some(code) = ringfence_compile::child_main() {
        return code;
    }
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else {
        return ExitCode::FAILURE;
    };
    match runtime.block_on(submit_and_call()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn submit_and_call() -> Result<(), Box<dyn Error>> {
    let file = std::env::args().nth(1).ok_or("usage: untrusted FILE")?;
    let host = Host::new(HostConfig::pooled())?;
    let compiler = Compiler::this_program(CompileLimits::default())?;
    let library = Library::new(host, compiler, Store::open_or_make("skills.store")?);

    // Validated, compiled in a jailed child, and on the disk when this returns.
    let submit = Submit::new("stranger".parse()?, "alice".parse()?); // name and owner
    library.submit(std::fs::read(file)?, submit, |_stage| {}).await?;

    // From the store: no validation and no compiler.
    let loaded = library.load(&"stranger".parse()?, |_stage| {}).await?;
    let tool = loaded.skill.tools().next().ok_or("it has no tool")?.name().to_owned();

    // Checks once more whether the skill is revoked.
    let call = library.begin(&loaded.skill, &tool, &CancellationToken::new());
    let report = call.json(r#"{"text": "Good fences make good neighbours."}"#).await?;
    println!("{}", report.outcome.name());
    Ok(())
}
// ANCHOR_END: untrusted

//! Loads a skill from a file, calls one of its tools under the default limits, and matches the outcome.
//!
//! Run it from the root of the repository: it loads a skill that is committed there.

#![expect(clippy::disallowed_methods, reason = "an embedder reads its own files; only the library may not")]
#![expect(clippy::print_stdout, reason = "this is where it answers")]

// ANCHOR: embed
use ringfence::{Host, HostConfig, Limits, Outcome};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let host = Host::new(HostConfig::default())?;
    let skill = host.load(std::fs::read("skills/text-stats.wasm")?)?;
    let input = serde_json::json!({"text": "Good fences make good neighbours."});
    let report = host.run(&skill, "analyze", input, &Limits::default()).await?;
    match report.outcome {
        Outcome::Completed(value) => println!("{value}"),
        other => println!("ended: {}", other.name()),
    }
    Ok(())
}
// ANCHOR_END: embed

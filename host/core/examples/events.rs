//! Streams the events of a run: progress, chunks of output and log lines arrive before the report.

#![expect(clippy::print_stdout, reason = "this is where it answers")]

use ringfence::{Event, Host, HostConfig, Limits};

/// `count: func(to: u32)`, which reports its progress. Its text is beside it.
const COUNT: &[u8] = include_bytes!("guests/count.wasm");

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let host = Host::new(HostConfig::default())?;
    let skill = host.load(COUNT)?;
    // The run proceeds while you ask for events. It ends if you drop it.
    let mut run = host.call(&skill, "count").limits(&Limits::default()).start(r#"{"to": 3}"#);
    while let Some(event) = run.next_event().await {
        match event {
            Event::Progress { done, total: Some(total), note } => println!("{note}: {done} of {total}"),
            Event::Progress { done, total: None, note } => println!("{note}: {done}"),
            Event::Chunk(text) => println!("output: {text}"),
            Event::Log(line) => println!("{}: {}", line.level, line.message),
            _ => {} // Later versions can have more.
        }
    }
    println!("ended: {}", run.report().await?.outcome.name());
    Ok(())
}

//! A service of its own that runs skills: it links the worker and nothing else of Ringfence.
//!
//! `service BUNDLE KEY` answers each line `SKILL TOOL ARGUMENTS` on standard input with a line of JSON: a report, or why
//! there is none.

use std::io::BufRead as _;

use ringfence_edge::{Trust, Worker, WorkerConfig};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let [_, bundle, key] = <[String; 3]>::try_from(std::env::args().collect::<Vec<_>>())
        .map_err(|_| "usage: service BUNDLE KEY")?;
    let worker = Worker::new(WorkerConfig::default(), Trust::from_lines(&std::fs::read_to_string(key)?)?)?;
    worker.load_file(bundle)?;
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let [skill, tool, input] = <[&str; 3]>::try_from(line.splitn(3, ' ').collect::<Vec<_>>())
            .map_err(|_| "a line is: SKILL TOOL ARGUMENTS")?;
        let answer = match worker.call_blocking(skill, tool, input) {
            Ok(report) => serde_json::to_value(&report)?,
            Err(error) => serde_json::json!({"error": error.code(), "message": error.to_string()}),
        };
        say(&answer);
    }
    Ok(())
}

#[expect(clippy::print_stdout, reason = "this is where it answers")]
fn say(answer: &serde_json::Value) {
    println!("{answer}");
}

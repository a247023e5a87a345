//! Cancels a run from outside: by a token, for a report of what it used, or by dropping its future.

#![expect(clippy::print_stdout, reason = "this is where it answers")]

use std::time::Duration;

use ringfence::{CancellationToken, Host, HostConfig, Limits};

/// `spin: func()`, which never returns. Its text is beside it.
const SPIN: &[u8] = include_bytes!("guests/spin.wasm");

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let host = Host::new(HostConfig::default())?;
    let skill = host.load(SPIN)?;
    // More fuel than it can burn before its deadline.
    let limits = Limits::default().with_fuel(1 << 40).with_deadline(Duration::from_secs(60));

    // By a token, which any task or thread can hold: the run ends with the outcome `cancelled`.
    let token = CancellationToken::new();
    let run = host.call(&skill, "spin").limits(&limits).cancel(token.clone()).json("{}");
    let user = async {
        tokio::time::sleep(Duration::from_millis(20)).await;
        token.cancel();
    };
    let (report, ()) = tokio::join!(run, user);
    let report = report?;
    println!("by token: {}, after {} units of fuel", report.outcome.name(), report.usage.fuel);

    // By dropping the future, as a timeout does: the host stops the run, and there is no report.
    let run = host.run(&skill, "spin", "{}", &limits);
    match tokio::time::timeout(Duration::from_millis(20), run).await {
        Ok(report) => println!("ended in time: {}", report?.outcome.name()),
        Err(_) => println!("by dropping its future"),
    }
    Ok(())
}

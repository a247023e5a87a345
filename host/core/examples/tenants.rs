//! Runs skills for two tenants: they share the processor fairly, and each has its own share of memory.

#![expect(clippy::print_stdout, reason = "this is where it answers")]

use ringfence::{Host, HostConfig, Limits, Principal};

/// `spin: func()`, which never returns. Its text is beside it.
const SPIN: &[u8] = include_bytes!("guests/spin.wasm");

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let host = Host::new(HostConfig::default())?;
    let skill = host.load(SPIN)?;
    let limits = Limits::default().with_fuel(20_000_000);

    // One principal for each tenant, for as long as the tenant is there.
    let (alice, bob) = (Principal::new("alice"), Principal::new("bob"));
    let run = |tenant: &Principal| host.call(&skill, "spin").principal(tenant).limits(&limits).json("{}");

    // Together they burn the processor, and each gets half of it, however many runs the other begins.
    let (first, second, third) = tokio::join!(run(&alice), run(&alice), run(&bob));
    for (tenant, report) in [(&alice, first?), (&alice, second?), (&bob, third?)] {
        println!("{}: {} after {:?}", tenant.name(), report.outcome.name(), report.usage.wall);
    }

    // A share of memory bounds all runs of one tenant together. It takes nothing from the other.
    bob.set_memory(64 << 10);
    for tenant in [&alice, &bob] {
        match run(tenant).await {
            Ok(report) => println!("{}: {}", tenant.name(), report.outcome.name()),
            Err(error) => println!("{}: [{}] {error}", tenant.name(), error.code()),
        }
    }
    Ok(())
}

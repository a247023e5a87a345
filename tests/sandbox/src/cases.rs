//! `cases COMPONENT CASES`: runs the cases of a file on a component, for components that are not in the
//! repository. Exits with 1 when one is not as told.

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use ringfence::{Host, HostConfig, Limits};
use ringfence_sandbox_tests::files::run_cases;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [component, cases] = &args[..] else {
        eprintln!("usage: cases COMPONENT.wasm CASES.jsonl");
        return ExitCode::from(2);
    };
    // Interpreters in a guest are slow; what is tested here is what they find, not what it costs.
    let limits = Limits::default().with_fuel(20_000_000_000).with_deadline(Duration::from_secs(60));
    let host = Host::new(HostConfig::pooled()).expect("a host");
    match run_cases(&host, Path::new(component), Path::new(cases), &limits) {
        Ok((count, wrong)) => {
            for line in &wrong {
                println!("{line}");
            }
            println!("{component}: {} passed, {} failed", count - wrong.len(), wrong.len());
            if wrong.is_empty() && count > 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(error) => {
            println!("{error}");
            ExitCode::FAILURE
        }
    }
}

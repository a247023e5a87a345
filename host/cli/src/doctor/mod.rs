//! `ringfence doctor`: runs hostile guests against these limits on this machine, and shows what stopped each.

mod compile;
mod doors;
mod flows;
mod isolation;
mod jail;
mod limits;
mod machine;
mod report;
mod store;
mod ward;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use ringfence::{Limits, RunError, SkillCaps};

use crate::args::DoctorArgs;
use crate::output::{self, Refused, print};
use crate::{exit, load};
use report::{Check, Diagnosis, Finding, Group, Paint};
use ward::Ward;

pub(crate) async fn exec(args: DoctorArgs) -> ExitCode {
    let limits = args.limits.limits();
    // Limits that no run could have are the caller's mistake, and no finding.
    if let Err(error) = limits.check(&SkillCaps::default()).map_err(RunError::from) {
        let refused = Refused { code: error.code(), ..Refused::fault(error.to_string()) };
        return Refused { exit: exit::of_fault(error.fault()), ..refused }.say(args.json);
    }
    let begun = Instant::now();
    let bar = progress();
    let store = load::directory(&args.store).ok();
    let mut checks = examine(&limits, store.clone(), &bar).await;
    if let Some(file) = &args.config {
        checks.push(store::configuration(file, args.store.given(), store));
    }
    bar.finish_and_clear();
    let diagnosis = Diagnosis::new(checks, limits, begun.elapsed());
    if args.json {
        output::print_json(&diagnosis);
    } else {
        print(&diagnosis.table(Paint::for_stdout()));
    }
    code(&diagnosis)
}

fn code(diagnosis: &Diagnosis) -> ExitCode {
    if diagnosis.ok { ExitCode::SUCCESS } else { ExitCode::from(exit::UNSOUND) }
}

/// Every check, those with a clock alone on the machine as far as that is ours to say.
async fn examine(limits: &Limits, store: Option<PathBuf>, bar: &ProgressBar) -> Vec<Check> {
    let mut checks = machine::kernel();
    checks.extend(machine::engine(limits));
    let pool = Check::new(Group::Engine, "pool", "");
    let begun = Instant::now();
    let host = match ward::host(limits) {
        Ok(host) => host,
        // Nothing can run, and no other check would say more.
        Err(error) => {
            checks.push(pool.found(Err(error.to_string())));
            return checks;
        }
    };
    let runs = output::thousands(ringfence::HostConfig::pooled().runs.into());
    let built = format!("{runs} concurrent runs, reserved in {}", report::time(begun.elapsed()));
    checks.push(pool.found(Ok(Finding::Pass(built))));

    bar.set_message("compiling the guests, each in a limited process");
    let ward = Ward::admit(host, limits.clone()).await;
    let before = machine::resident();
    bar.set_message("submitting invalid components");
    checks.extend(compile::refusals(&ward).await);
    bar.set_message("compiling a compile bomb");
    checks.extend(compile::bombs(&ward).await);
    bar.set_message("trying to escape the compiler's jail");
    checks.extend(jail_rows().await);
    bar.set_message("burning fuel");
    checks.push(limits::fuel(&ward).await);
    bar.set_message("waiting for three deadlines");
    checks.extend(limits::deadlines(&ward).await);
    bar.set_message("growing memory, tables and stack");
    checks.extend(limits::memory(&ward).await);
    checks.push(limits::tables(&ward).await);
    checks.push(limits::stack(&ward).await);
    bar.set_message("flooding input, output, log and host");
    checks.extend(flows::input(&ward).await);
    checks.extend(flows::output(&ward).await);
    checks.extend(flows::log(&ward).await);
    checks.extend(flows::host_calls(&ward).await);
    bar.set_message("trying to reach files, network and environment");
    checks.push(isolation::files(&ward).await);
    checks.push(isolation::network(&ward).await);
    checks.push(isolation::environment(&ward).await);
    bar.set_message("reaching past grants, names and secrets");
    checks.extend(doors::rows(&ward).await);
    bar.set_message("searching memory for data of earlier runs");
    checks.push(isolation::leftovers(&ward).await);
    bar.set_message("calling a well-behaved skill among hostile ones");
    checks.push(isolation::neighbours(&ward).await);
    checks.push(isolation::lie(&ward).await);
    checks.push(isolation::given_back(&ward, before));
    bar.set_message("checking the store");
    checks.extend(store::rows(store, &ward.host, ward.guests.good.wasm).await);
    checks
}

/// The compile child's jail, tried from inside.
async fn jail_rows() -> Vec<Check> {
    let probed = match load::compiler() {
        Ok(compiler) => compiler.probe().await.map_err(|error| error.to_string()),
        Err(refused) => Err(refused.message),
    };
    match probed {
        Ok(report) => jail::rows(&report),
        Err(error) => vec![Check::new(Group::Jail, "probe", "").found(Err(error))],
    }
}

/// Shows the current check and its time on stderr, if that is a terminal.
fn progress() -> ProgressBar {
    let bar = ProgressBar::new_spinner();
    if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} {elapsed}") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(100));
    bar
}

/// Helpers of the judges' tests.
#[cfg(test)]
mod judged {
    use ringfence::Usage;
    use serde_json::Value;

    use super::report::Finding;
    use super::ward::Seen;

    pub(super) fn seen(outcome: &str, change: impl FnOnce(&mut Usage)) -> Seen {
        let mut usage = Usage::default();
        change(&mut usage);
        Seen { outcome: outcome.to_owned(), value: Value::Null, usage }
    }

    #[track_caller]
    pub(super) fn passes(finding: &Finding) {
        assert!(matches!(finding, Finding::Pass(_)), "{finding:?}");
    }

    #[track_caller]
    pub(super) fn fails(finding: &Finding) {
        assert!(matches!(finding, Finding::Fail(..)), "{finding:?}");
    }

    #[track_caller]
    pub(super) fn skips(finding: &Finding) {
        assert!(matches!(finding, Finding::Skip(_)), "{finding:?}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn diagnosis(findings: Vec<Result<Finding, String>>) -> Diagnosis {
        let check = |finding| Check::new(Group::Limits, "fuel", "1").found(finding);
        Diagnosis::new(findings.into_iter().map(check).collect(), Limits::default(), Duration::ZERO)
    }

    #[test]
    fn one_failure_decides_the_exit_code() {
        let pass = || Ok(Finding::Pass("as it must be".into()));
        let said = |findings| format!("{:?}", code(&diagnosis(findings)));
        let (good, bad) = (format!("{:?}", ExitCode::SUCCESS), format!("{:?}", ExitCode::from(7)));
        assert_eq!(said(vec![pass(), Ok(Finding::Skip("no".into()))]), good);
        assert_eq!(said(vec![pass(), Ok(Finding::Fail("not".into(), "why".into()))]), bad);
        assert_eq!(said(vec![pass(), Err("it could not run".into())]), bad);
        assert_eq!(said(vec![]), bad);
        assert_eq!(said(vec![Ok(Finding::Skip("no".into()))]), bad);
    }
}

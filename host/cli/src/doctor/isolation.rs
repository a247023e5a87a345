//! Checks that a guest reaches no files, network, environment, earlier runs or neighbours.

use std::time::{Duration, Instant};

use ringfence::CancellationToken;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::report::{Check, Finding, Group, size, time};
use super::ward::{Seen, Ward, row};
use crate::output::thousands;

/// Number of runs that look for traces of the run before.
const LOOKS: usize = 100;

/// Endless loops beside the good calls, how long each may go on, and the good calls.
const LOOPS: usize = 16;
const LOOP_DEADLINE: Duration = Duration::from_millis(50);
const GOOD_CALLS: usize = 200;

/// Input and answer of the good guest: the sum of the squares up to 1,000.
const QUESTION: &str = r#"{"n":1000}"#;
const ANSWER: u64 = 333_833_500;

pub(crate) async fn files(ward: &Ward) -> Check {
    let check = Check::new(Group::Isolation, "no files", "0 directories");
    let limits = ward.roomy();
    let found = async {
        let count = ward.run(&ward.guests.files, "count", "{}", &limits).await?;
        let open = ward.run(&ward.guests.files, "open", "{}", &limits).await?;
        Ok(judge_files(&count, &open))
    };
    check.found(found.await)
}

fn judge_files(count: &Seen, open: &Seen) -> Finding {
    let observed = format!("{} directories; opening /etc/passwd {}", count.value, ended(open));
    if count.completed() && count.value == json!(0) && open.outcome.starts_with("trapped: ") {
        return Finding::Pass(observed);
    }
    let why = "expected no directories, and a trap for an invented handle".to_owned();
    Finding::Fail(observed, why)
}

fn ended(seen: &Seen) -> &str {
    if seen.outcome.starts_with("trapped: ") { "traps" } else { &seen.outcome }
}

pub(crate) async fn network(ward: &Ward) -> Check {
    let check = Check::new(Group::Isolation, "no network", "all refused");
    let limits = ward.roomy();
    let guests = &ward.guests;
    let found = async {
        let socket = ward.run(&guests.socket, "socket", "{}", &limits).await?;
        let lookup = ward.run(&guests.lookup, "resolve", "{}", &limits).await?;
        let http = ward.run(&guests.http, "send", "{}", &limits).await?;
        // Each says by its number that it got the error of its interface.
        Ok(judge_network(&[("TCP", &socket, 1), ("name lookup", &lookup, 1), ("HTTP", &http, 256 + 15)]))
    };
    check.found(found.await)
}

fn judge_network(ways: &[(&str, &Seen, u64)]) -> Finding {
    let all = |ways: &[(&str, &Seen, u64)]| {
        let names: Vec<&str> = ways.iter().map(|(name, ..)| *name).collect();
        names.join(", ")
    };
    let open: Vec<_> = ways
        .iter()
        .copied()
        .filter(|(_, seen, refused)| !seen.completed() || seen.value != json!(refused))
        .collect();
    if open.is_empty() {
        return Finding::Pass(format!("{}: all refused", all(ways)));
    }
    let seen: Vec<String> =
        open.iter().map(|(name, seen, _)| format!("{name}: {} {}", seen.outcome, seen.value)).collect();
    Finding::Fail(seen.join("; "), format!("expected an error from {}", all(&open)))
}

pub(crate) async fn environment(ward: &Ward) -> Check {
    let check = Check::new(Group::Isolation, "no environment", "0 entries");
    let seen = ward.run(&ward.guests.environment, "count", "{}", &ward.roomy()).await;
    check.found(seen.map(|seen| judge_environment(&seen)))
}

fn judge_environment(seen: &Seen) -> Finding {
    if seen.completed() && seen.value == json!(0) {
        return Finding::Pass("no variables, no arguments, no directory".to_owned());
    }
    let why = "expected no variables, arguments or current directory".to_owned();
    Finding::Fail(format!("{}: {}", seen.outcome, seen.value), why)
}

/// One run writes a secret all over its memory; so does each that looks for it, once it has looked.
pub(crate) async fn leftovers(ward: &Ward) -> Check {
    let check = Check::new(Group::Isolation, "data of earlier runs", format!("{LOOKS} runs"));
    let limits = ward.roomy();
    let begun = Instant::now();
    let found = async {
        let mut values = Vec::new();
        for _ in 0..=LOOKS {
            let seen = ward.run(&ward.guests.leftovers, "look", "{}", &limits).await?;
            values.push(if seen.completed() { seen.value } else { json!(seen.outcome) });
        }
        Ok(judge_leftovers(&values))
    };
    check.found(found.await).took(begun.elapsed())
}

fn judge_leftovers(values: &[Value]) -> Finding {
    let dirty: Vec<&Value> = values.iter().filter(|value| **value != json!(0)).collect();
    match dirty.first() {
        None if values.len() > 1 => Finding::Pass("only zeros in 2 MiB".to_owned()),
        None => Finding::Fail("no runs".to_owned(), "expected at least two runs".to_owned()),
        Some(first) => Finding::Fail(
            format!("{} of {} runs found {first}", dirty.len(), values.len()),
            "expected only zeros in memory that the run did not write".to_owned(),
        ),
    }
}

/// The ends of the hostile neighbours, and the good calls beside them.
#[derive(Debug, Default)]
struct Street {
    deadlines: usize,
    traps: usize,
    /// Ends that were neither.
    strange: Vec<String>,
    wrong: Vec<String>,
    latencies: Vec<Duration>,
}

pub(crate) async fn neighbours(ward: &Ward) -> Check {
    let check = Check::new(Group::Isolation, "calls among hostile runs", format!("{LOOPS} endless loops"));
    let begun = Instant::now();
    let found = street(ward).await.map(judge_street);
    check.found(found).took(begun.elapsed())
}

async fn street(ward: &Ward) -> Result<Street, String> {
    let stop = CancellationToken::new();
    let spin = ward.guests.spin.skill()?;
    let mut hostile = JoinSet::new();
    for (tool, count) in [("spin", LOOPS), ("trap", 1)] {
        for _ in 0..count {
            let (host, skill, stop) = (ward.host.clone(), spin.clone(), stop.clone());
            let limits = ward.roomy().with_deadline(LOOP_DEADLINE);
            hostile.spawn(async move {
                let mut ends = Vec::new();
                while !stop.is_cancelled() {
                    let report = host.run(&skill, tool, "{}", &limits).await;
                    ends.push(
                        report.map_or_else(|error| error.to_string(), |report| Seen::of(report).outcome),
                    );
                    // A run that traps at once never waits, and this task would keep its thread.
                    tokio::task::yield_now().await;
                }
                ends
            });
        }
    }
    let mut street = Street::default();
    let limits = ward.roomy();
    let first = Instant::now();
    // As long at least as it takes for each loop to meet its deadline.
    while street.latencies.len() < GOOD_CALLS || first.elapsed() < LOOP_DEADLINE.saturating_mul(4) {
        let begun = Instant::now();
        let seen = ward.run(&ward.guests.good, "squares", QUESTION, &limits).await;
        street.latencies.push(begun.elapsed());
        match seen {
            Ok(seen) if seen.completed() && seen.value == json!(ANSWER) => {}
            Ok(seen) => street.wrong.push(format!("{}: {}", seen.outcome, seen.value)),
            Err(error) => street.wrong.push(error),
        }
    }
    stop.cancel();
    while let Some(ends) = hostile.join_next().await {
        for end in ends.map_err(|error| error.to_string())? {
            match end.as_str() {
                "deadline-exceeded" => street.deadlines = street.deadlines.saturating_add(1),
                "trapped: unreachable" => street.traps = street.traps.saturating_add(1),
                _ => street.strange.push(end),
            }
        }
    }
    Ok(street)
}

fn judge_street(mut street: Street) -> Finding {
    street.latencies.sort_unstable();
    let calls = street.latencies.len();
    let at = |percent: usize| {
        let index = calls.saturating_mul(percent) / 100;
        street.latencies.get(index.min(calls.saturating_sub(1))).copied().unwrap_or_default()
    };
    let observed = format!("{} correct, p50 {}, p99 {}", thousands(calls as u64), time(at(50)), time(at(99)));
    if let Some(first) = street.wrong.first() {
        return Finding::Fail(
            format!("{} of {calls} calls wrong: {first}", street.wrong.len()),
            "expected correct results, whatever other runs do".to_owned(),
        );
    }
    if let Some(first) = street.strange.first() {
        let why = "expected each loop to reach its deadline, and each trap to trap".to_owned();
        return Finding::Fail(format!("a hostile run ended as {first}"), why);
    }
    if street.deadlines < LOOPS || street.traps == 0 {
        return Finding::Fail(
            format!("{} deadlines, {} traps", street.deadlines, street.traps),
            "the hostile runs did not overlap the calls; retry on an idle machine".to_owned(),
        );
    }
    Finding::Pass(observed)
}

pub(crate) async fn lie(ward: &Ward) -> Check {
    let check = Check::new(Group::Isolation, "forged pointer", "out-of-range text");
    let limits = ward.roomy();
    let found = async {
        let lie = ward.run(&ward.guests.lie, "answer", "{}", &limits).await?;
        let after = ward.run(&ward.guests.good, "squares", QUESTION, &limits).await?;
        Ok((lie, after))
    };
    match found.await {
        Ok((lie, after)) => row(check, Ok(lie), |lie| judge_lie(lie, &after)),
        Err(error) => check.found(Err(error)),
    }
}

fn judge_lie(lie: &Seen, after: &Seen) -> Finding {
    if !lie.outcome.starts_with("trapped: ") {
        let why = "expected a trap for a string outside of the guest's memory".to_owned();
        return Finding::Fail(lie.outcome.clone(), why);
    }
    if !after.completed() || after.value != json!(ANSWER) {
        let why = "expected a correct result from the next call of another skill".to_owned();
        return Finding::Fail(format!("then {}: {}", after.outcome, after.value), why);
    }
    Finding::Pass(lie.outcome.clone())
}

/// After all: nothing of the runs is still held.
pub(crate) fn given_back(ward: &Ward, before: Option<u64>) -> Check {
    let check = Check::new(Group::Isolation, "host after all tests", "0 B reserved");
    let resident = match (before, super::machine::resident()) {
        (Some(before), Some(after)) => format!(", resident {} → {}", size(before), size(after)),
        _ => String::new(),
    };
    check.found(Ok(judge_given_back(ward.host.runs(), ward.host.reserved_bytes(), &resident)))
}

fn judge_given_back(runs: u64, bytes: u64, resident: &str) -> Finding {
    let observed = format!("{runs} runs, {} reserved{resident}", size(bytes));
    if runs == 0 && bytes == 0 {
        return Finding::Pass(observed);
    }
    Finding::Fail(observed, "expected every run to release its memory, however it ends".to_owned())
}

#[cfg(test)]
mod tests {
    use super::super::judged::{fails, passes, seen};
    use super::*;

    fn with(outcome: &str, value: u64) -> Seen {
        Seen { value: json!(value), ..seen(outcome, |_| {}) }
    }

    #[test]
    fn a_guest_that_reaches_something_fails_the_check() {
        let trapped = seen("trapped: abi-violation", |_| {});
        passes(&judge_files(&with("completed", 0), &trapped));
        fails(&judge_files(&with("completed", 1), &trapped));
        fails(&judge_files(&with("completed", 0), &with("completed", 0)));
        passes(&judge_network(&[("TCP", &with("completed", 1), 1)]));
        fails(&judge_network(&[("TCP", &with("completed", 1), 1), ("HTTP", &with("completed", 0), 257)]));
        fails(&judge_network(&[("TCP", &with("deadline-exceeded", 1), 1)]));
        passes(&judge_environment(&with("completed", 0)));
        fails(&judge_environment(&with("completed", 1)));
    }

    #[test]
    fn traces_of_earlier_runs_fail_the_check() {
        passes(&judge_leftovers(&[json!(0), json!(0)]));
        fails(&judge_leftovers(&[json!(0), json!("8386658464824651297")]));
        fails(&judge_leftovers(&[json!("memory-limit"), json!(0)]));
        fails(&judge_leftovers(&[]));
        passes(&judge_given_back(0, 0, ""));
        fails(&judge_given_back(1, 0, ""));
        fails(&judge_given_back(0, 4096, ""));
    }

    #[test]
    fn neighbours_and_lies() {
        let street = || Street {
            deadlines: LOOPS,
            traps: 1,
            latencies: vec![Duration::from_millis(1); 200],
            ..Street::default()
        };
        passes(&judge_street(street()));
        fails(&judge_street(Street { wrong: vec!["trapped".into()], ..street() }));
        fails(&judge_street(Street { strange: vec!["completed".into()], ..street() }));
        fails(&judge_street(Street { deadlines: 0, ..street() }));
        fails(&judge_street(Street { traps: 0, ..street() }));
        let trapped = seen("trapped: abi-violation", |_| {});
        passes(&judge_lie(&trapped, &with("completed", ANSWER)));
        fails(&judge_lie(&trapped, &with("completed", 1)));
        fails(&judge_lie(&with("completed", 0), &with("completed", ANSWER)));
    }
}

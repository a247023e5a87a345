//! Checks of fuel, deadline, memory, tables and stack: what stopped the guest, and how close to the limit.

use std::time::Duration;

use ringfence::WASM_STACK;
use serde_json::json;

use super::report::{Check, Finding, Group, Verdict, size, time};
use super::ward::{LONGEST, Seen, Ward, row};
use crate::output::thousands;

const PAGE: u64 = 1 << 16;

/// The pages of the largest memory that 32 bits can address.
const MOST_PAGES: u64 = 1 << 16;

/// How late a deadline may be.
const LATE: Duration = Duration::from_millis(100);

/// The most that is filled in one instruction: the doctor must not take all memory of the machine.
const FILL: u64 = 256 << 20;

pub(crate) async fn fuel(ward: &Ward) -> Check {
    let fuel = ward.limits.fuel;
    let check = Check::new(Group::Limits, "fuel, endless loop", thousands(fuel));
    let limits = ward.roomy().with_fuel(fuel);
    let seen = ward.run(&ward.guests.spin, "spin", "{}", &limits).await;
    row(check, seen, |seen| judge_fuel(fuel, seen))
}

fn judge_fuel(fuel: u64, seen: &Seen) -> Finding {
    let burnt = thousands(seen.usage.fuel);
    match seen.outcome.as_str() {
        "out-of-fuel" if seen.usage.fuel == fuel => {
            Finding::Pass("out-of-fuel, to the exact unit".to_owned())
        }
        "deadline-exceeded" => Finding::Skip(format!(
            "the deadline came first: {burnt} units used in {}; raise --deadline",
            time(seen.usage.wall)
        )),
        other => Finding::Fail(
            format!("{other} at {burnt}"),
            format!("expected out-of-fuel at exactly {} units", thousands(fuel)),
        ),
    }
}

/// All three at once, so that it takes one deadline. What is late is tried once more, since one moment in
/// which the machine did something else says nothing about the limit.
pub(crate) async fn deadlines(ward: &Ward) -> Vec<Check> {
    let first = three(ward).await;
    if first.iter().all(|check| check.verdict == Verdict::Pass) { first } else { three(ward).await }
}

async fn three(ward: &Ward) -> Vec<Check> {
    let deadline = ward.limits.deadline.min(LONGEST);
    let limits = ward.roomy().with_deadline(deadline);
    let fill = ward.limits.memory.min(FILL) / PAGE;
    let pages = json!({ "pages": fill }).to_string();
    let (busy, bulk, waiting) = tokio::join!(
        ward.run(&ward.guests.spin, "spin", "{}", &limits),
        ward.run(&ward.guests.bulk, "fill", pages, &limits),
        ward.run(&ward.guests.wait, "wait", "{}", &limits),
    );
    let told = humantime::format_duration(ward.limits.deadline);
    let configured = if deadline == ward.limits.deadline {
        told.to_string()
    } else {
        format!("{told}, tested {}", humantime::format_duration(deadline))
    };
    let judged = |name: &str, seen, hint: &str| {
        let check = Check::new(Group::Limits, name, configured.clone());
        row(check, seen, |seen| judge_deadline(deadline, seen, hint))
    };
    let bulk_hint = format!(
        "an instruction that fills {} cannot be interrupted; lower --memory, or retry on an idle machine",
        size(fill.saturating_mul(PAGE))
    );
    vec![
        judged("deadline, busy guest", busy, "retry on an idle machine"),
        judged("deadline, bulk memory", bulk, &bulk_hint),
        judged("deadline, waiting in host", waiting, "retry on an idle machine"),
    ]
}

fn judge_deadline(deadline: Duration, seen: &Seen, hint: &str) -> Finding {
    let wall = seen.usage.wall;
    let late = wall.saturating_sub(deadline);
    let observed = format!("{}, {} late", seen.outcome, time(late));
    if seen.outcome != "deadline-exceeded" {
        let why = format!("expected deadline-exceeded after {}", time(deadline));
        return Finding::Fail(format!("{} after {}", seen.outcome, time(wall)), why);
    }
    if wall < deadline {
        return Finding::Fail(
            format!("{}, {} early", seen.outcome, time(deadline.saturating_sub(wall))),
            "a run must not end before its deadline".to_owned(),
        );
    }
    if late > LATE {
        return Finding::Fail(observed, format!("more than {} late in two attempts; {hint}", time(LATE)));
    }
    Finding::Pass(observed)
}

pub(crate) async fn memory(ward: &Ward) -> Vec<Check> {
    let memory = ward.limits.memory;
    let limits = ward.roomy().with_memory(memory);
    let pages = memory / PAGE;
    let new = |name| Check::new(Group::Limits, name, size(memory));
    let under = new("memory, at the limit");
    let beyond = new("memory, above the limit");
    let (under, beyond) = if pages < MOST_PAGES {
        let take = json!({ "pages": pages }).to_string();
        let taken = ward.run(&ward.guests.memory, "take", take, &limits).await;
        let refused = ward.run(&ward.guests.memory, "beyond", "{}", &limits).await;
        (
            row(under, taken, |seen| judge_taken(pages, seen)),
            row(beyond, refused, |seen| judge_beyond(pages, seen)),
        )
    } else {
        let why = || Ok(Finding::Skip("the limit exceeds a 32-bit memory".to_owned()));
        (under.found(why()), beyond.found(why()))
    };
    let sum = new("memory, sum of four");
    let sum = if pages < MOST_PAGES.saturating_mul(4) {
        let seen = ward.run(&ward.guests.memories, "grow", "{}", &limits).await;
        row(sum, seen, |seen| judge_sum(pages, seen))
    } else {
        sum.found(Ok(Finding::Skip("the limit exceeds four 32-bit memories".to_owned())))
    };
    vec![under, beyond, sum]
}

fn judge_taken(pages: u64, seen: &Seen) -> Finding {
    let precise = seen.usage.peak_memory == pages.saturating_mul(PAGE);
    if seen.completed() && seen.value == json!(pages) && precise {
        return Finding::Pass(format!("completed with {} pages", thousands(pages)));
    }
    Finding::Fail(
        format!("{}, peak {}", seen.outcome, exact(seen.usage.peak_memory)),
        format!("expected exactly {} pages of 64 KiB", thousands(pages)),
    )
}

fn judge_beyond(pages: u64, seen: &Seen) -> Finding {
    let bytes = pages.saturating_mul(PAGE);
    let precise = seen.usage.peak_memory == bytes && seen.usage.refused_growths > 0;
    if seen.outcome == "memory-limit" && precise {
        return Finding::Pass("memory-limit, growth refused".to_owned());
    }
    Finding::Fail(
        format!("{}, peak {}", seen.outcome, exact(seen.usage.peak_memory)),
        format!("expected memory-limit with a peak of exactly {}", exact(bytes)),
    )
}

fn judge_sum(pages: u64, seen: &Seen) -> Finding {
    let bytes = pages.saturating_mul(PAGE);
    let precise = seen.usage.peak_memory == bytes && seen.usage.refused_growths > 0;
    if seen.completed() && seen.value == json!(pages) && precise {
        return Finding::Pass(format!("all refused at {} pages in total", thousands(pages)));
    }
    Finding::Fail(
        format!("{}, {} pages, peak {}", seen.outcome, seen.value, exact(seen.usage.peak_memory)),
        format!("expected exactly {} for four memories together", exact(bytes)),
    )
}

/// Every byte: a page too much must not be rounded away.
fn exact(bytes: u64) -> String {
    format!("{} B", thousands(bytes))
}

pub(crate) async fn tables(ward: &Ward) -> Check {
    let elements = ward.limits.table_elements;
    let check = Check::new(Group::Limits, "table elements", thousands(elements));
    let limits = ward.roomy().with_table_elements(elements);
    let seen = ward.run(&ward.guests.table, "grow", "{}", &limits).await;
    row(check, seen, |seen| judge_tables(elements, seen))
}

fn judge_tables(elements: u64, seen: &Seen) -> Finding {
    let peak = seen.usage.peak_table_elements;
    if seen.outcome == "memory-limit" && peak == elements {
        return Finding::Pass(format!("memory-limit at {}", thousands(peak)));
    }
    Finding::Fail(
        format!("{} at {}", seen.outcome, thousands(peak)),
        format!("expected memory-limit with exactly {} elements", thousands(elements)),
    )
}

pub(crate) async fn stack(ward: &Ward) -> Check {
    let check = Check::new(Group::Limits, "stack, endless recursion", size(WASM_STACK as u64));
    let seen = ward.run(&ward.guests.stack, "recurse", "{}", &ward.roomy()).await;
    row(check, seen, judge_stack)
}

fn judge_stack(seen: &Seen) -> Finding {
    if seen.outcome == "trapped: stack-overflow" {
        return Finding::Pass(seen.outcome.clone());
    }
    Finding::Fail(seen.outcome.clone(), "expected trapped: stack-overflow".to_owned())
}

#[cfg(test)]
mod tests {
    use super::super::judged::{fails, passes, seen, skips};
    use super::*;

    #[test]
    fn fuel_to_the_unit() {
        passes(&judge_fuel(100, &seen("out-of-fuel", |usage| usage.fuel = 100)));
        fails(&judge_fuel(100, &seen("out-of-fuel", |usage| usage.fuel = 101)));
        fails(&judge_fuel(100, &seen("completed", |usage| usage.fuel = 100)));
        skips(&judge_fuel(100, &seen("deadline-exceeded", |usage| usage.fuel = 50)));
    }

    #[test]
    fn deadlines_are_neither_early_nor_late() {
        let judge = |outcome, millis| {
            let seen = seen(outcome, |usage| usage.wall = Duration::from_millis(millis));
            judge_deadline(Duration::from_millis(200), &seen, "")
        };
        passes(&judge("deadline-exceeded", 200));
        passes(&judge("deadline-exceeded", 300));
        fails(&judge("deadline-exceeded", 301));
        fails(&judge("deadline-exceeded", 199));
        fails(&judge("completed", 200));
    }

    #[test]
    fn memory_to_the_page() {
        let with = |outcome, value: u64, peak, refused| {
            let mut seen = seen(outcome, |usage| {
                usage.peak_memory = peak;
                usage.refused_growths = refused;
            });
            seen.value = json!(value);
            seen
        };
        passes(&judge_taken(2, &with("completed", 2, 2 * PAGE, 0)));
        fails(&judge_taken(2, &with("completed", 2, 3 * PAGE, 0)));
        fails(&judge_taken(2, &with("memory-limit", 2, PAGE, 1)));
        passes(&judge_beyond(2, &with("memory-limit", 0, 2 * PAGE, 1)));
        fails(&judge_beyond(2, &with("memory-limit", 0, 3 * PAGE, 1)));
        fails(&judge_beyond(2, &with("trapped: unreachable", 0, 2 * PAGE, 1)));
        passes(&judge_sum(2, &with("completed", 2, 2 * PAGE, 4)));
        fails(&judge_sum(2, &with("completed", 8, 8 * PAGE, 4)));
    }

    #[test]
    fn tables_and_stack() {
        passes(&judge_tables(9, &seen("memory-limit", |usage| usage.peak_table_elements = 9)));
        fails(&judge_tables(9, &seen("memory-limit", |usage| usage.peak_table_elements = 10)));
        fails(&judge_tables(9, &seen("completed", |usage| usage.peak_table_elements = 9)));
        passes(&judge_stack(&seen("trapped: stack-overflow", |_| {})));
        fails(&judge_stack(&seen("trapped: unreachable", |_| {})));
    }
}

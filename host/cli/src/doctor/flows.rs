//! Checks of input, output, log and host calls, each at its limit and one over.

use ringfence::{Event, Input, LOG_LINE_BYTES, Limits, RunError};
use serde_json::json;

use super::report::{Check, Finding, Group, size};
use super::ward::{Guest, Seen, Ward, row};
use crate::output::thousands;

/// More host calls than this take longer than anybody wants to wait.
const MOST_CALLS: u64 = 20_000_000;

/// JSON of exactly this many bytes, and the length of the text in it, if such JSON exists.
fn input_of(bytes: u64) -> Option<(String, Option<u64>)> {
    const EMPTY: u64 = r#"{"text":""}"#.len() as u64;
    let fill = |n: u64| usize::try_from(n).ok();
    match bytes {
        0 | 1 => None,
        2..EMPTY => Some((format!("{{{}}}", " ".repeat(fill(bytes.checked_sub(2)?)?)), None)),
        _ => {
            let text = bytes.checked_sub(EMPTY)?;
            Some((format!(r#"{{"text":"{}"}}"#, "a".repeat(fill(text)?)), Some(text)))
        }
    }
}

pub(crate) async fn input(ward: &Ward) -> Vec<Check> {
    let limit = ward.limits.input_size;
    let memory = ward.limits.memory.max(limit.saturating_add(1 << 20));
    let limits = ward.roomy().with_input_size(limit).with_memory(memory);
    let guest = &ward.guests.input;
    let at = Check::new(Group::Limits, "input, at the limit", size(limit));
    let at = match input_of(limit) {
        None => at.found(Ok(Finding::Skip("the limit is smaller than any JSON object".to_owned()))),
        Some((text, bytes)) => {
            let seen = ward.run(guest, "length", text, &limits).await;
            row(at, seen, |seen| judge_taken(bytes.unwrap_or(0), seen))
        }
    };
    let over = Check::new(Group::Limits, "input, one byte over", size(limit));
    let over = match input_of(limit.saturating_add(1)) {
        None => over.found(Ok(Finding::Skip("the limit is smaller than any JSON object".to_owned()))),
        Some((text, _)) => {
            let refused = ward.report(guest, "length", text, &limits, None).await;
            over.found(refused.map(|refused| judge_refused(limit, &refused.map(Seen::of))))
        }
    };
    vec![at, over]
}

fn judge_taken(bytes: u64, seen: &Seen) -> Finding {
    if seen.completed() && seen.value == json!(bytes) {
        return Finding::Pass("completed, accepted whole".to_owned());
    }
    let why = "expected the run to accept an input of exactly the limit".to_owned();
    Finding::Fail(format!("{}: {}", seen.outcome, seen.value), why)
}

fn judge_refused(limit: u64, refused: &Result<Seen, RunError>) -> Finding {
    match refused {
        Err(RunError::InputTooLarge { size, limit: told })
            if *told == limit && *size == limit.saturating_add(1) =>
        {
            Finding::Pass("refused before the run: input-too-large".to_owned())
        }
        Err(error) => Finding::Fail(
            error.code().to_owned(),
            format!("expected a refusal with `input-too-large`, but the reason was: {error}"),
        ),
        Ok(seen) => Finding::Fail(seen.outcome.clone(), "expected a refusal before the run".to_owned()),
    }
}

pub(crate) async fn output(ward: &Ward) -> Vec<Check> {
    let limit = ward.limits.output_size;
    let memory = ward.limits.memory.max(limit.saturating_add(1 << 20));
    let limits = ward.roomy().with_output_size(limit).with_memory(memory);
    let guest = &ward.guests.output;
    let say = async |bytes: u64| ward.run(guest, "say", json!({ "bytes": bytes }).to_string(), &limits).await;
    // A text is two quotes longer as JSON.
    let fits = Check::new(Group::Limits, "output, at the limit", size(limit));
    let fits = match limit.checked_sub(2) {
        None => fits.found(Ok(Finding::Skip("the limit is smaller than any JSON string".to_owned()))),
        Some(bytes) => row(fits, say(bytes).await, |seen| judge_said(bytes, seen)),
    };
    let over = Check::new(Group::Limits, "output, one byte over", size(limit));
    let over = row(over, say(limit.saturating_sub(1)).await, |seen| judge_ended("output-limit", seen));
    let flood = Check::new(Group::Limits, "output, flood of chunks", size(limit));
    let flood = match chunks(ward, guest, &limits).await {
        Ok((seen, bytes)) => row(flood, Ok(seen), |seen| judge_chunks(limit, bytes, seen)),
        Err(error) => flood.found(Err(error)),
    };
    vec![fits, over, flood]
}

/// Runs the flood as a stream, and counts the bytes of its events as JSON.
async fn chunks(ward: &Ward, guest: &Guest, limits: &Limits) -> Result<(Seen, u64), String> {
    let call = ward.host.call(guest.skill()?, "flood").limits(limits);
    // A task of its own, as every run: a fault in it must not take the doctor along.
    let flood = tokio::spawn(async move {
        let mut run = call.start(Input::from("{}"));
        let mut bytes: u64 = 0;
        while let Some(event) = run.next_event().await {
            if let Event::Chunk(chunk) = event {
                bytes = bytes.saturating_add(chunk.len() as u64).saturating_add(2);
            }
        }
        run.report().await.map(|report| (Seen::of(report), bytes))
    });
    let flooded = flood.await.map_err(|error| format!("the run's task failed: {error}"))?;
    flooded.map_err(|error| error.to_string())
}

fn judge_said(bytes: u64, seen: &Seen) -> Finding {
    if seen.completed() && seen.value.as_str().map(|text| text.len() as u64) == Some(bytes) {
        return Finding::Pass("completed, returned whole".to_owned());
    }
    Finding::Fail(seen.outcome.clone(), "expected the run to return a result of exactly the limit".to_owned())
}

fn judge_ended(must: &str, seen: &Seen) -> Finding {
    if seen.outcome == must {
        return Finding::Pass(must.to_owned());
    }
    Finding::Fail(seen.outcome.clone(), format!("expected `{must}`"))
}

fn judge_chunks(limit: u64, bytes: u64, seen: &Seen) -> Finding {
    if seen.outcome == "output-limit" && bytes <= limit {
        return Finding::Pass(format!("output-limit after {}", size(bytes)));
    }
    Finding::Fail(
        format!("{} after {}", seen.outcome, size(bytes)),
        format!("expected output-limit with at most {} emitted", size(limit)),
    )
}

pub(crate) async fn log(ward: &Ward) -> Vec<Check> {
    let (lines, bytes) = (u64::from(ward.limits.log_lines), ward.limits.log_size);
    let line = LOG_LINE_BYTES as u64;
    let mut rows = Vec::new();
    for (name, configured, each) in [
        ("log, flood of lines", format!("{} lines", thousands(lines)), 1),
        ("log, flood of bytes", size(bytes), line),
    ] {
        let fit = lines.min(bytes.checked_div(each).unwrap_or(0));
        let written = fit.saturating_add(1_000);
        let check = Check::new(Group::Limits, name, configured);
        let input = json!({ "lines": written, "bytes": each }).to_string();
        let seen = ward.run(&ward.guests.log, "flood", input, &ward.roomy()).await;
        rows.push(row(check, seen, |seen| judge_log(fit, written, each, seen)));
    }
    rows
}

fn judge_log(fit: u64, written: u64, each: u64, seen: &Seen) -> Finding {
    let usage = &seen.usage;
    let (kept, dropped) = (usage.log_lines, usage.log_dropped);
    let observed = format!("{} kept, {} dropped", thousands(kept), thousands(dropped));
    let counted = kept.saturating_add(dropped) == written && usage.log_bytes == kept.saturating_mul(each);
    if seen.completed() && kept == fit && counted {
        return Finding::Pass(observed);
    }
    Finding::Fail(
        format!("{}, {observed}", seen.outcome),
        format!(
            "of {} lines of {} it must keep {}, count the others, and complete",
            thousands(written),
            size(each),
            thousands(fit)
        ),
    )
}

pub(crate) async fn host_calls(ward: &Ward) -> Vec<Check> {
    let limit = ward.limits.host_calls;
    let limits = ward.roomy().with_host_calls(limit);
    let new = |name| Check::new(Group::Limits, name, thousands(limit));
    let (at, over) = (new("host calls, at the limit"), new("host calls, one more"));
    if limit > MOST_CALLS {
        let why = || Ok(Finding::Skip("more calls than the doctor tests (20,000,000)".to_owned()));
        return vec![at.found(why()), over.found(why())];
    }
    let ask = async |times: u64| {
        ward.run(&ward.guests.calls, "ask", json!({ "times": times }).to_string(), &limits).await
    };
    let (fit, more) = (ask(limit).await, ask(limit.saturating_add(1)).await);
    vec![
        row(at, fit, |seen| judge_ended("completed", seen)),
        row(over, more, |seen| judge_ended("host-call-limit", seen)),
    ]
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::super::judged::{fails, passes, seen};
    use super::*;

    #[test]
    fn inputs_have_the_requested_length() {
        for bytes in 2..40 {
            let (text, _) = input_of(bytes).unwrap();
            assert_eq!(text.len() as u64, bytes, "{text}");
            serde_json::from_str::<Value>(&text).unwrap();
        }
        assert_eq!(input_of(1), None);
    }

    #[test]
    fn input_and_output() {
        let with = |outcome, value| Seen { value, ..seen(outcome, |_| {}) };
        passes(&judge_taken(5, &with("completed", json!(5))));
        fails(&judge_taken(5, &with("completed", json!(4))));
        passes(&judge_refused(5, &Err(RunError::InputTooLarge { size: 6, limit: 5 })));
        fails(&judge_refused(5, &Err(RunError::InputTooLarge { size: 6, limit: 4 })));
        fails(&judge_refused(5, &Ok(with("completed", json!(6)))));
        passes(&judge_said(3, &with("completed", json!("aaa"))));
        fails(&judge_said(3, &with("completed", json!("aa"))));
        fails(&judge_said(3, &with("output-limit", Value::Null)));
        passes(&judge_chunks(100, 100, &seen("output-limit", |_| {})));
        fails(&judge_chunks(100, 101, &seen("output-limit", |_| {})));
        fails(&judge_chunks(100, 100, &seen("host-call-limit", |_| {})));
        passes(&judge_ended("host-call-limit", &seen("host-call-limit", |_| {})));
        fails(&judge_ended("host-call-limit", &seen("completed", |_| {})));
    }

    #[test]
    fn log_lines_are_kept_or_counted() {
        let judge = |outcome, kept, dropped| {
            let seen = seen(outcome, |usage| {
                usage.log_lines = kept;
                usage.log_bytes = kept;
                usage.log_dropped = dropped;
            });
            judge_log(10, 15, 1, &seen)
        };
        passes(&judge("completed", 10, 5));
        fails(&judge("completed", 11, 4));
        fails(&judge("completed", 10, 4));
        fails(&judge("output-limit", 10, 5));
    }
}

//! Checks of the kernel and the engine, on which the sandbox depends.

use ringfence::{Allocator, HostConfig, Limits, WASM_STACK, WASMTIME_VERSION};

use super::report::{Check, Finding, Group, size};
use crate::output::thousands;

/// Mappings that the pool takes for a run: two for its stack, four for a memory that is in use.
const MAPPINGS_PER_RUN: u64 = 6;

/// Mappings of the program itself, with room to spare.
const MAPPINGS_BESIDES: u64 = 1_000;

/// Address space that the pool reserves for a run: four memories of 4 GiB, with their guard regions.
const SPACE_PER_RUN: u64 = 17 << 30;

pub(crate) fn kernel() -> Vec<Check> {
    let runs = u64::from(HostConfig::pooled().runs);
    let new = |name, configured: String| Check::new(Group::Kernel, name, configured);
    let release = read("/proc/sys/kernel/osrelease").unwrap_or_else(|| "unknown".to_owned());
    let cores = std::thread::available_parallelism()
        .map_or_else(|_| "unknown".to_owned(), |cores| format!("{cores} available to this process"));
    vec![
        new("release", String::new()).fact(format!("{} {release}", std::env::consts::OS)),
        new("cores", String::new()).fact(cores),
        new("page map scan", String::new()).found(Ok(judge_scan(ringfence::pagemap_scan()))),
        new("mappings, max_map_count", format!("{} runs", thousands(runs)))
            .found(Ok(judge_mappings(runs, number("/proc/sys/vm/max_map_count")))),
        new("address space", format!("{} runs", thousands(runs)))
            .found(Ok(judge_space(runs, read("/proc/self/limits").as_deref()))),
    ]
}

fn judge_scan(there: bool) -> Finding {
    if there {
        return Finding::Pass("available: only dirty pages are reset".to_owned());
    }
    Finding::Skip("needs Linux 6.7; without it runs are slower, but as safe".to_owned())
}

fn judge_mappings(runs: u64, allowed: Option<u64>) -> Finding {
    let needed = runs.saturating_mul(MAPPINGS_PER_RUN).saturating_add(MAPPINGS_BESIDES);
    match allowed {
        None => Finding::Skip("cannot read the kernel's limit".to_owned()),
        Some(allowed) => {
            let observed = format!("{} allowed, up to {} needed", thousands(allowed), thousands(needed));
            if allowed >= needed {
                return Finding::Pass(observed);
            }
            let raise = format!(
                "raise it with `sysctl -w vm.max_map_count={needed}`, or configure fewer concurrent runs"
            );
            Finding::Fail(observed, raise)
        }
    }
}

/// `limits` is `/proc/self/limits`.
fn judge_space(runs: u64, limits: Option<&str>) -> Finding {
    let needed = runs.saturating_mul(SPACE_PER_RUN);
    let soft = limits
        .and_then(|text| text.lines().find_map(|line| line.strip_prefix("Max address space")))
        .and_then(|rest| rest.split_whitespace().next());
    match soft {
        None => Finding::Skip("cannot read the kernel's limit".to_owned()),
        Some("unlimited") => Finding::Pass("no limit".to_owned()),
        Some(limit) => match limit.parse::<u64>() {
            Ok(limit) if limit >= needed => Finding::Pass(format!("limited to {}", size(limit))),
            Ok(limit) => Finding::Fail(
                format!("limited to {}, {} needed", size(limit), size(needed)),
                "raise it with `ulimit -v unlimited`, or configure fewer concurrent runs".to_owned(),
            ),
            Err(_) => Finding::Skip(format!("unexpected limit from the kernel: `{limit}`")),
        },
    }
}

pub(crate) fn engine(limits: &Limits) -> Vec<Check> {
    let new = |name| Check::new(Group::Engine, name, "");
    let allocator = match HostConfig::pooled().allocator {
        Allocator::Pooling => "pooling: slots are reserved in advance and reset after each run",
        Allocator::OnDemand | _ => "on demand: mapped and unmapped for each run",
    };
    let caps = format!(
        "up to {} instances, {} memories, {} tables",
        limits.instances, limits.memories, limits.tables
    );
    vec![
        new("ringfence").fact(env!("CARGO_PKG_VERSION")),
        new("wasmtime").fact(WASMTIME_VERSION),
        new("allocator").fact(allocator),
        new("wasm stack").fact(size(WASM_STACK as u64)),
        new("instances per run").fact(caps),
    ]
}

/// Resident bytes of this process, if the kernel reports them.
pub(crate) fn resident() -> Option<u64> {
    let status = read("/proc/self/status")?;
    let kib = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    kib.split_whitespace().next()?.parse::<u64>().ok()?.checked_mul(1 << 10)
}

fn read(path: &str) -> Option<String> {
    std::fs::read_to_string(path).ok().map(|text| text.trim().to_owned())
}

fn number(path: &str) -> Option<u64> {
    read(path)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::super::judged::{fails, passes, skips};
    use super::*;

    #[test]
    fn limits_of_the_kernel_are_judged() {
        passes(&judge_mappings(1_000, Some(65_530)));
        passes(&judge_mappings(1_000, Some(7_000)));
        fails(&judge_mappings(1_000, Some(6_999)));
        fails(&judge_mappings(16_000, Some(65_530)));
        skips(&judge_mappings(1_000, None));
        passes(&judge_scan(true));
        skips(&judge_scan(false));
        let space =
            |limit: &str| judge_space(1, Some(&format!("Max address space   {limit}   unlimited bytes")));
        passes(&space("unlimited"));
        passes(&space("18253611008"));
        fails(&space("1073741824"));
        skips(&judge_space(1, None));
    }
}

//! Checks that files that are not skills, and components that would keep the compiler busy, are refused.

use std::io;
use std::time::{Duration, Instant};

use ringfence::{LoadError, ValidatedSkill};
use ringfence_compile::{CompileError, CompileLimits, Compiler};

use super::report::{Check, Finding, Group};
use super::ward::Ward;

/// A component's header, and then a section that ends too early.
const MALFORMED: &[u8] = b"\0asm\x0d\0\x01\0\x01\xff\x01junk";

/// The smallest core module.
const CORE_MODULE: &[u8] = b"\0asm\x01\0\0\0";

/// Functions of the bomb: seconds of work for the compiler, under every cap of `SkillCaps`.
const FUNCTIONS: u32 = 120_000;

/// Small enough to be met soon; large enough for the child to start.
const LOW_MEMORY: u64 = 160 << 20;
const LOW_CPU: Duration = Duration::from_secs(1);

pub(crate) async fn refusals(ward: &Ward) -> Vec<Check> {
    let mut rows = Vec::new();
    for (name, bytes, code) in
        [("malformed file", MALFORMED, "malformed"), ("core module", CORE_MODULE, "core-module")]
    {
        let check = Check::new(Group::Compiler, name, "refused");
        let host = ward.host.clone();
        let validated = tokio::task::spawn_blocking(move || host.validate(bytes)).await;
        let found = validated.map(|validated| judge_refusal(code, &validated));
        rows.push(check.found(found.map_err(|error| error.to_string())));
    }
    rows
}

fn judge_refusal(must: &str, validated: &Result<ValidatedSkill, LoadError>) -> Finding {
    match validated {
        Err(error) if error.code() == must => Finding::Pass(format!("{must}, before compiling")),
        Err(error) => Finding::Fail(error.code().to_owned(), format!("expected a refusal with `{must}`")),
        Ok(_) => Finding::Fail("accepted".to_owned(), format!("expected a refusal with `{must}`")),
    }
}

/// One bomb, in two children at once: one is low on CPU time, the other on memory.
pub(crate) async fn bombs(ward: &Ward) -> Vec<Check> {
    let default = CompileLimits::default();
    let low_cpu = default.clone().with_cpu(LOW_CPU);
    let low_memory = default.clone().with_memory(LOW_MEMORY);
    let cpu = Check::new(Group::Compiler, "compile bomb, CPU", "1 s (test)");
    let memory = Check::new(Group::Compiler, "compile bomb, memory", "160 MiB (test)");
    let skill = match bomb(ward).await {
        Ok(skill) => skill,
        Err(error) => return vec![cpu.found(Err(error.clone())), memory.found(Err(error))],
    };
    let (of_cpu, of_memory) = tokio::join!(explode(&skill, low_cpu), explode(&skill, low_memory));
    let usual_cpu = format!("{} s", default.cpu.as_secs());
    let usual_memory = super::report::size(default.memory);
    let row = |check: Check, must: &str, usual: &str, result: Result<Exploded, io::Error>| match result {
        Ok(Exploded { code, time }) => check.took(time).found(Ok(judge_bomb(must, usual, code))),
        Err(error) => check.found(Err(format!("cannot start the compiler: {error}"))),
    };
    vec![
        row(cpu, "compile-cpu-limit", &usual_cpu, of_cpu),
        row(memory, "compile-memory-limit", &usual_memory, of_memory),
    ]
}

struct Exploded {
    /// Why it was not compiled, if so.
    code: Result<(), String>,
    time: Duration,
}

async fn explode(skill: &ValidatedSkill, limits: CompileLimits) -> Result<Exploded, io::Error> {
    let compiler = Compiler::this_program(limits)?;
    let begun = Instant::now();
    let code = compiler.compile(skill).await.map(drop).map_err(|error| match error {
        CompileError::Crashed { .. } | CompileError::Killed { .. } | CompileError::Host(_) => {
            format!("{}: {error}", error.code())
        }
        _ => error.code().to_owned(),
    });
    Ok(Exploded { code, time: begun.elapsed() })
}

fn judge_bomb(must: &str, usual: &str, code: Result<(), String>) -> Finding {
    let why = format!("expected the compiler to stop with `{must}`");
    match code {
        Err(code) if code == must => Finding::Pass(format!("{must} (default {usual})")),
        Err(code) => Finding::Fail(code, why),
        Ok(()) => Finding::Fail("compiled".to_owned(), why),
    }
}

/// The bomb, validated off the threads that runs are on: it takes a while.
async fn bomb(ward: &Ward) -> Result<ValidatedSkill, String> {
    let (host, seed) = (ward.host.clone(), ward.guests.bomb.wasm);
    let built = tokio::task::spawn_blocking(move || {
        let bytes = multiply(seed, FUNCTIONS).ok_or("internal error: invalid seed of the compile bomb")?;
        host.validate(bytes).map_err(|error| error.to_string())
    });
    built.await.map_err(|error| error.to_string())?
}

/// Section numbers of a core module and of a component.
const FUNCTION_SECTION: u8 = 3;
const CODE_SECTION: u8 = 10;
const MODULE_SECTION: u8 = 1;

/// The component with `count` copies more of its module's last function.
fn multiply(component: &[u8], count: u32) -> Option<Vec<u8>> {
    sections(component, |id, payload| {
        if id != MODULE_SECTION {
            return Some(payload.to_vec());
        }
        sections(payload, |id, payload| match id {
            FUNCTION_SECTION | CODE_SECTION => repeat_last(payload, id == CODE_SECTION, count),
            _ => Some(payload.to_vec()),
        })
    })
}

/// The same file, with the payload of each section changed by `change`.
fn sections(file: &[u8], change: impl Fn(u8, &[u8]) -> Option<Vec<u8>>) -> Option<Vec<u8>> {
    let (header, mut rest) = file.split_at_checked(8)?;
    let mut out = header.to_vec();
    while let Some((&id, after)) = rest.split_first() {
        let (length, after) = read_number(after)?;
        let (payload, after) = after.split_at_checked(usize::try_from(length).ok()?)?;
        let payload = change(id, payload)?;
        out.push(id);
        write_number(u32::try_from(payload.len()).ok()?, &mut out);
        out.extend(payload);
        rest = after;
    }
    Some(out)
}

/// A vector with its last element `count` times more. An element is a number, or as many bytes as one says.
fn repeat_last(payload: &[u8], sized: bool, count: u32) -> Option<Vec<u8>> {
    let (length, elements) = read_number(payload)?;
    let mut rest = elements;
    let mut last: &[u8] = &[];
    for _ in 0..length {
        let (number, after) = read_number(rest)?;
        let after = if sized { after.split_at_checked(usize::try_from(number).ok()?)?.1 } else { after };
        last = rest.get(..rest.len().checked_sub(after.len())?)?;
        rest = after;
    }
    let mut out = Vec::new();
    write_number(length.checked_add(count)?, &mut out);
    out.extend(elements);
    out.extend(last.repeat(usize::try_from(count).ok()?));
    Some(out)
}

/// A number in LEB128, and the bytes after it.
fn read_number(bytes: &[u8]) -> Option<(u32, &[u8])> {
    let mut value = 0_u32;
    let mut rest = bytes;
    for shift in [0, 7, 14, 21, 28] {
        let (&byte, after) = rest.split_first()?;
        value |= u32::from(byte & 0x7f).checked_shl(shift)?;
        rest = after;
        if byte & 0x80 == 0 {
            return Some((value, rest));
        }
    }
    None
}

fn write_number(mut value: u32, out: &mut Vec<u8>) {
    loop {
        let [low, ..] = (value & 0x7f).to_le_bytes();
        value >>= 7;
        if value == 0 {
            return out.push(low);
        }
        out.push(low | 0x80);
    }
}

#[cfg(test)]
mod tests {
    use super::super::judged::{fails, passes};
    use super::*;

    #[test]
    fn refusals_and_bombs() {
        let host = ringfence::Host::new(ringfence::HostConfig::pooled().with_runs(1)).unwrap();
        passes(&judge_refusal("malformed", &host.validate(MALFORMED)));
        passes(&judge_refusal("core-module", &host.validate(CORE_MODULE)));
        fails(&judge_refusal("core-module", &host.validate(MALFORMED)));
        let seed = include_bytes!(concat!(env!("OUT_DIR"), "/bomb.wasm"));
        fails(&judge_refusal("malformed", &host.validate(&seed[..])));
        passes(&judge_bomb("compile-cpu-limit", "60 s", Err("compile-cpu-limit".into())));
        fails(&judge_bomb("compile-cpu-limit", "60 s", Err("compile-memory-limit".into())));
        fails(&judge_bomb("compile-cpu-limit", "60 s", Ok(())));
    }

    #[test]
    fn the_bomb_has_the_requested_size() {
        let host = ringfence::Host::new(ringfence::HostConfig::pooled().with_runs(1)).unwrap();
        let seed = include_bytes!(concat!(env!("OUT_DIR"), "/bomb.wasm"));
        assert_eq!(multiply(seed, 0).as_deref(), Some(&seed[..]));
        let large = multiply(seed, 1_000).unwrap();
        assert!(large.len() > 100_000, "{}", large.len());
        host.validate(large).unwrap();
        assert_eq!(multiply(&seed[..30], 1), None);
    }
}

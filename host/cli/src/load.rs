//! From a file to a loaded skill: read, validate, compile in a child, link.

use std::io::Read as _;
use std::path::Path;
use std::time::Duration;

use bytesize::ByteSize;
use indicatif::{ProgressBar, ProgressStyle};
use ringfence::{Host, HostConfig, Limits, LoadError, Skill, SkillCaps, ValidatedSkill};
use ringfence_compile::{CompileLimits, Compiler};

use crate::exit;
use crate::output::Refused;

/// Components from this size on take long enough to compile that somebody may wonder.
const LARGE: usize = 512 << 10;

/// A host for one run at a time, with room for all that its limits let it take: twice, for what an
/// allocator adds.
pub(crate) fn host(limits: &Limits) -> Result<Host, Refused> {
    let default = HostConfig::default();
    let copies = limits.input.saturating_add(limits.output).saturating_mul(32);
    let all = limits.memory.saturating_add(copies).saturating_add(limits.log_bytes);
    let memory = default.memory.max(all.saturating_mul(2));
    Host::new(HostConfig { runs: 1, memory, ..default }).map_err(|error| Refused::fault(error.to_string()))
}

/// Reads a file, or standard input for `-`, as far as the cap on a component's size.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, Refused> {
    let most = SkillCaps::default().size.saturating_add(1);
    let read = |source: &mut dyn std::io::Read| {
        let mut bytes = Vec::new();
        source.take(most).read_to_end(&mut bytes).map(|_| bytes)
    };
    let bytes = if path == Path::new("-") {
        read(&mut std::io::stdin().lock())
    } else {
        std::fs::File::open(path).and_then(|mut file| read(&mut file))
    };
    bytes.map_err(|error| Refused {
        code: "cannot-read",
        ..Refused::fault(format!("cannot read `{}`: {error}", path.display()))
    })
}

/// Compiles in a child and links.
pub(crate) async fn compile(host: &Host, validated: &ValidatedSkill) -> Result<Skill, Refused> {
    let bar = progress(validated.bytes().len());
    let compiler = Compiler::this_program(CompileLimits::default())
        .map_err(|error| Refused::fault(format!("cannot start the compiler: {error}")))?;
    let compiled = compiler.compile(validated).await;
    bar.finish_and_clear();
    let artifact = compiled.map_err(|error| {
        let exit = exit::of_fault(error.fault());
        Refused { exit, code: error.code(), ..Refused::fault(error.to_string()) }
    })?;
    host.link(validated, &artifact).map_err(|error| refused(&error))
}

/// The whole way.
pub(crate) async fn load(host: &Host, path: &Path) -> Result<Skill, Refused> {
    let validated = host.validate(read(path)?).map_err(|error| refused(&error))?;
    compile(host, &validated).await
}

pub(crate) fn refused(error: &LoadError) -> Refused {
    let reasons = match error {
        LoadError::Refused(reasons) => {
            reasons.iter().map(|reason| (reason.code(), reason.to_string())).collect()
        }
        _ => Vec::new(),
    };
    Refused {
        exit: exit::of_fault(error.fault()),
        code: error.code(),
        message: error.to_string(),
        pointer: None,
        reasons,
    }
}

/// Nobody can know how far a compiler is: what shows is that it works, and for how long.
fn progress(size: usize) -> ProgressBar {
    if size < LARGE {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new_spinner();
    if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} {elapsed}") {
        bar.set_style(style);
    }
    bar.set_message(format!("compiling {}", ByteSize::b(size as u64).display().iec()));
    bar.enable_steady_tick(Duration::from_millis(100));
    bar
}

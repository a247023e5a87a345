//! Wraps a core WebAssembly module into a component.
//!
//! ```text
//! componentize CORE.wasm OUT.wasm [--wit PATH WORLD] [--wasi] [--go]
//! ```
//!
//! `--wit` embeds the world's types first, for toolchains that leave no type section in the core module; `--wasi`
//! links the official preview1 reactor adapter; `--go` makes that adapter fit Go, see [`Arguments::go`].

use std::path::PathBuf;
use std::{env, fs};

use anyhow::{Context, Result, bail};
use wasi_preview1_component_adapter_provider::{
    WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME, WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER,
};
use wasm_encoder::reencode::{Reencode, RoundtripReencoder};
use wasm_encoder::{MemorySection, Module, RawSection};
use wasmparser::{Parser, Payload};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

const USAGE: &str = "usage: componentize CORE.wasm OUT.wasm [--wit PATH WORLD] [--wasi] [--go]";

fn main() -> Result<()> {
    let arguments = Arguments::parse(env::args().skip(1))?;
    let mut core = fs::read(&arguments.core)
        .with_context(|| format!("cannot read {}", arguments.core.display()))?;
    if let Some((path, world)) = &arguments.wit {
        let mut resolve = Resolve::default();
        let (package, _) = resolve.push_path(path)?;
        let world = resolve.select_world(&[package], Some(world))?;
        embed_component_metadata(&mut core, &resolve, world, StringEncoding::UTF8)?;
    }
    if arguments.go {
        core = with_initial_memory(&core, GO_PAGES)?;
    }
    let mut encoder = ComponentEncoder::default().validate(true).module(&core)?;
    if arguments.wasi {
        encoder = encoder
            .adapter(
                WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME,
                WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER,
            )?
            .realloc_via_memory_grow(arguments.go);
    }
    let component = encoder.encode().context("cannot make a component")?;
    fs::write(&arguments.out, component)
        .with_context(|| format!("cannot write {}", arguments.out.display()))
}

/// 24 MiB: less than half of what the sandbox gives a run, several times what a small program needs.
const GO_PAGES: u64 = 24 * 16;

/// The same module, with a memory of at least as many pages from the start.
fn with_initial_memory(core: &[u8], pages: u64) -> Result<Vec<u8>> {
    let mut module = Module::new();
    for payload in Parser::new(0).parse_all(core) {
        let payload = payload?;
        if let Payload::MemorySection(memories) = payload {
            let mut section = MemorySection::new();
            for memory in memories {
                let mut memory = RoundtripReencoder.memory_type(memory?)?;
                memory.minimum = memory.minimum.max(pages);
                section.memory(memory);
            }
            module.section(&section);
        } else if let Some((id, range)) = payload.as_section() {
            let data = core
                .get(range)
                .context("a section is outside of the module")?;
            module.section(&RawSection { id, data });
        }
    }
    Ok(module.finish())
}

struct Arguments {
    core: PathBuf,
    out: PathBuf,
    wit: Option<(PathBuf, String)>,
    wasi: bool,
    /// Go's allocator cannot run before Go is initialised, so the adapter takes its memory with `memory.grow`. And
    /// Go believes that all memory from its data on is its own, also what the adapter has taken: so the memory
    /// begins large enough for Go to reach its end late or never.
    go: bool,
}

impl Arguments {
    fn parse(mut words: impl Iterator<Item = String>) -> Result<Self> {
        let mut arguments = Self {
            core: words.next().context(USAGE)?.into(),
            out: words.next().context(USAGE)?.into(),
            wit: None,
            wasi: false,
            go: false,
        };
        while let Some(word) = words.next() {
            match word.as_str() {
                "--wit" => {
                    let path = words.next().context(USAGE)?.into();
                    let world = words.next().context(USAGE)?;
                    arguments.wit = Some((path, world));
                }
                "--wasi" => arguments.wasi = true,
                "--go" => arguments.go = true,
                _ => bail!(USAGE),
            }
        }
        Ok(arguments)
    }
}

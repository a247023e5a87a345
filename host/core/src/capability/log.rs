//! `ringfence:skill/log`: lines for the report, bounded in number and size, cut at 4 KiB.

use wasmtime::component::{ComponentType, Lift, WasmStr};

use super::{Registry, Transfer, moved};
use crate::error::HostError;
use crate::limits::LOG_LINE_BYTES;
use crate::report::{Level, Source};
use crate::state::Stop;

/// `log.level`
#[derive(Debug, Clone, Copy, ComponentType, Lift)]
#[component(enum)]
#[repr(u8)]
#[expect(dead_code, reason = "made by the engine out of what the guest passes")]
enum WitLevel {
    #[component(name = "trace")]
    Trace,
    #[component(name = "debug")]
    Debug,
    #[component(name = "info")]
    Info,
    #[component(name = "warn")]
    Warn,
    #[component(name = "error")]
    Error,
}

impl Transfer for WitLevel {}

pub(super) fn link(registry: &mut Registry) -> Result<(), HostError> {
    link_as(registry, "ringfence:skill/log@0.1.0")?;
    link_as(registry, "ringfence:skill/log@0.2.0")
}

fn link_as(registry: &mut Registry, name: &str) -> Result<(), HostError> {
    registry.interface(name)?.func("write", |mut store, (level, message): (WitLevel, WasmStr)| {
        // Read in place, so that only what is kept is copied. All of it was looked at, and is paid for.
        let kept = message.to_str(&store).map(|text| {
            let end = text.floor_char_boundary(LOG_LINE_BYTES);
            (text.get(..end).unwrap_or_default().to_owned(), end < text.len(), text.len() as u64)
        });
        let (text, cut, read) = match kept {
            Ok(kept) => kept,
            Err(error) => {
                return Err(store.data_mut().stop(Stop::Trap("abi-violation", format!("{error:#}"))));
            }
        };
        moved(&mut store, read)?;
        let level = match level {
            WitLevel::Trace => Level::Trace,
            WitLevel::Debug => Level::Debug,
            WitLevel::Info => Level::Info,
            WitLevel::Warn => Level::Warn,
            WitLevel::Error => Level::Error,
        };
        store.data_mut().log(level, Source::Log, &text, cut);
        Ok(())
    })?;
    Ok(())
}

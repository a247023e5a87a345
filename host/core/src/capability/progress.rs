//! `ringfence:skill/progress`: progress and chunks of output for the caller during the run.
//!
//! Both count as output, in the bytes that they take as JSON.

use super::Registry;
use crate::error::HostError;
use crate::event::Event;

pub(super) fn link(registry: &mut Registry) -> Result<(), HostError> {
    link_as(registry, "ringfence:skill/progress@0.1.0")?;
    link_as(registry, "ringfence:skill/progress@0.2.0")
}

fn link_as(registry: &mut Registry, name: &str) -> Result<(), HostError> {
    registry
        .interface(name)?
        .func("report", |mut store, (done, total, note): (u64, Option<u64>, String)| {
            let state = store.data_mut();
            if !note.is_empty() {
                state.count_output(json_len(&note))?;
            }
            state.tell(|| Event::Progress { done, total, note });
            Ok(())
        })?
        .func("emit", |mut store, (chunk,): (String,)| {
            let state = store.data_mut();
            state.count_output(json_len(&chunk))?;
            state.tell(|| Event::Chunk(chunk));
            Ok(())
        })?;
    Ok(())
}

/// Bytes of a string as JSON, its quotes and escapes included.
fn json_len(text: &str) -> u64 {
    let extra: u64 = text
        .bytes()
        .map(|byte| match byte {
            b'"' | b'\\' | b'\n' | b'\r' | b'\t' | 0x08 | 0x0c => 1,
            0..=0x1f => 5,
            _ => 0,
        })
        .sum();
    (text.len() as u64).saturating_add(extra).saturating_add(2)
}

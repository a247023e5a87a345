//! `wasi:cli`: a program without arguments, environment, input or terminal.

use wasmtime::component::Resource;

use super::io::{InputStream, OutputStream, STDERR, STDOUT, input_resource, output_resource};
use super::stubs::Nothing;
use super::wasi;
use crate::capability::Registry;
use crate::description::Access;
use crate::error::HostError;
use crate::state::{GuestState, Stop};

pub(super) fn link(registry: &mut Registry) -> Result<(), HostError> {
    registry
        .interface_as(wasi!("cli/environment"), Access::Empty)?
        .func("get-environment", |_, (): ()| Ok((Vec::<(String, String)>::new(),)))?
        .func("get-arguments", |_, (): ()| Ok((Vec::<String>::new(),)))?
        .func("initial-cwd", |_, (): ()| Ok((None::<String>,)))?;
    registry
        .interface(wasi!("cli/exit"))?
        .func("exit", |mut store, (status,): (Result<(), ()>,)| -> wasmtime::Result<()> {
            Err(exit(store.data_mut(), u8::from(status.is_err())))
        })?
        .func("exit-with-code", |mut store, (code,): (u8,)| -> wasmtime::Result<()> {
            Err(exit(store.data_mut(), code))
        })?;
    let mut stdin = registry.interface_as(wasi!("cli/stdin"), Access::Empty)?;
    input_resource(&mut stdin)?;
    stdin.func("get-stdin", |_, (): ()| Ok((Resource::<InputStream>::new_own(0),)))?;
    let mut stdout = registry.interface(wasi!("cli/stdout"))?;
    output_resource(&mut stdout)?;
    stdout.func("get-stdout", |_, (): ()| Ok((Resource::<OutputStream>::new_own(STDOUT),)))?;
    let mut stderr = registry.interface(wasi!("cli/stderr"))?;
    output_resource(&mut stderr)?;
    stderr.func("get-stderr", |_, (): ()| Ok((Resource::<OutputStream>::new_own(STDERR),)))?;
    registry
        .interface_as(wasi!("cli/terminal-input"), Access::Empty)?
        .resource::<TerminalInput>("terminal-input")?;
    registry
        .interface_as(wasi!("cli/terminal-output"), Access::Empty)?
        .resource::<TerminalOutput>("terminal-output")?;
    registry
        .interface_as(wasi!("cli/terminal-stdin"), Access::Empty)?
        .resource::<TerminalInput>("terminal-input")?
        .func("get-terminal-stdin", |_, (): ()| Ok((None::<Resource<TerminalInput>>,)))?;
    for name in ["stdout", "stderr"] {
        registry
            .interface_as(&format!("wasi:cli/terminal-{name}@0.2.12"), Access::Empty)?
            .resource::<TerminalOutput>("terminal-output")?
            .func(&format!("get-terminal-{name}"), |_, (): ()| Ok((None::<Resource<TerminalOutput>>,)))?;
    }
    // No network stands behind the handle: every function that takes it answers its error.
    registry
        .interface_as(wasi!("sockets/instance-network"), Access::Empty)?
        .resource::<Nothing>("network")?
        .func("instance-network", |_, (): ()| Ok((Resource::<Nothing>::new_own(0),)))?;
    Ok(())
}

#[derive(Debug)]
struct TerminalInput;

#[derive(Debug)]
struct TerminalOutput;

fn exit(state: &mut GuestState, code: u8) -> wasmtime::Error {
    state.stop(Stop::Trap("exit", format!("the guest exited with code {code}")))
}

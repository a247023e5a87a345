//! `wasi:filesystem` over the scratch files of the run: one directory `/`, opened beforehand if the run is granted
//! `scratch`. Without it there is no handle from which a path could be opened.
//!
//! Every operation is one of [`crate::scratch`]'s. There are no links: functions that make or read one fail.

mod at;
mod wit;

use std::sync::Arc;

use wasmtime::component::Resource;

use super::file::{Answer, FileIn, FileOut, Files, Listing, Open, let_go, operate, received};
use super::io::{Failure, Input, IoError, Output, too_many};
use super::io::{error_resource, input_resource, input_stream, output_resource, output_stream};
use super::wasi;
use crate::capability::{Registry, Stub};
use crate::description::Access;
use crate::error::HostError;
use crate::grants::{Capability, DenialKind, ScratchGrant};
use crate::limits::HOST_CALL_BYTES;
use crate::scratch::{NodeId, Refusal};
use crate::state::GuestState;
use wit::{
    Advice, DescriptorFlags, DescriptorStat, DescriptorType, DirectoryEntry, MetadataHashValue, NewTimestamp,
};

/// `types.descriptor`
#[derive(Debug)]
pub(crate) struct Descriptor;

/// `types.directory-entry-stream`
#[derive(Debug)]
pub(crate) struct DirectoryEntryStream;

/// Adds an open node, which the caller holds.
fn descriptor(state: &mut GuestState, open: Open) -> wasmtime::Result<Resource<Descriptor>> {
    let handle = state.scratch.as_mut().and_then(|files| files.open.add(open));
    Ok(Resource::new_own(handle.ok_or_else(|| too_many(state, "descriptors"))?))
}

/// Opens the root. None for a run without scratch files.
fn open_root(state: &mut GuestState) -> wasmtime::Result<Option<Resource<Descriptor>>> {
    match &state.granted.scratch {
        ScratchGrant::Nothing => return Ok(None),
        ScratchGrant::Denied(reason) => {
            let reason = Arc::clone(reason);
            state.deny(Capability::Scratch, "", DenialKind::NoGrant, &reason);
            return Ok(None);
        }
        ScratchGrant::Files(_) => {}
    }
    state.begin_scratch();
    let root = operate(state, 0, |desk| {
        let node = desk.files.tree.root();
        desk.files.tree.hold(node)?;
        Ok(Open { node, read: true, write: false })
    })?;
    match root {
        Ok(open) => descriptor(state, open).map(Some),
        Err(_) => Ok(None),
    }
}

pub(super) fn link(registry: &mut Registry) -> Result<(), HostError> {
    registry
        .granted(wasi!("filesystem/preopens"), Access::Empty, Stub::Hollow)?
        .resource_with::<Descriptor>("descriptor", close)?
        .func("get-directories", |mut store, (): ()| {
            let root = open_root(store.data_mut())?;
            let directories: Vec<_> = root.into_iter().map(|root| (root, "/".to_owned())).collect();
            Ok((directories,))
        })?;
    let mut types = registry.granted(wasi!("filesystem/types"), Access::Empty, Stub::Refuse)?;
    error_resource(&mut types, "error")?;
    input_resource(&mut types)?;
    output_resource(&mut types)?;
    types.resource_with::<Descriptor>("descriptor", close)?.resource_with::<DirectoryEntryStream>(
        "directory-entry-stream",
        |state, listing| {
            let_go(state, |files| files.listings.remove(listing.rep()).map(|listing| listing.node));
        },
    )?;
    link_files(&mut types)?;
    link_streams(&mut types)?;
    link_directories(&mut types)?;
    link_times(&mut types)?;
    at::link(&mut types)
}

fn close(state: &mut GuestState, descriptor: Resource<Descriptor>) {
    let_go(state, |files| files.open.remove(descriptor.rep()).map(|open| open.node));
}

type This = Resource<Descriptor>;
type Types<'a> = crate::capability::GrantedInterface<'a>;

fn link_files(types: &mut Types<'_>) -> Result<(), HostError> {
    types
        .func("[method]descriptor.read", |mut store, (this, length, offset): (This, u64, u64)| {
            let state = store.data_mut();
            let read = operate(state, 0, |desk| {
                desk.files.tree.read(desk.readable(this.rep())?, offset, length.min(HOST_CALL_BYTES))
            })?;
            received(state, read.as_ref().map_or(0, |(bytes, _)| bytes.len()));
            Ok((read,))
        })?
        .func("[method]descriptor.write", |mut store, (this, buffer, offset): (This, Vec<u8>, u64)| {
            let written = operate(store.data_mut(), buffer.len(), |desk| {
                let (node, now) = (desk.writable(this.rep())?, desk.now());
                desk.files.tree.write(node, offset, &buffer, now, desk.room)?;
                Ok(buffer.len() as u64)
            })?;
            Ok((written,))
        })?
        .func("[method]descriptor.set-size", |mut store, (this, size): (This, u64)| {
            let set = operate(store.data_mut(), 0, |desk| {
                let (node, now) = (desk.writable(this.rep())?, desk.now());
                desk.files.tree.resize(node, size, now, desk.room)
            })?;
            Ok((set,))
        })?
        .func("[method]descriptor.advise", |mut store, (this, _, _, _): (This, u64, u64, Advice)| {
            Ok((operate(store.data_mut(), 0, |desk| desk.file(this.rep()).map(drop))?,))
        })?;
    for name in ["[method]descriptor.sync", "[method]descriptor.sync-data"] {
        types.func(name, |mut store, (this,): (This,)| {
            Ok((operate(store.data_mut(), 0, |desk| desk.open(this.rep()).map(drop))?,))
        })?;
    }
    types
        .func("[method]descriptor.get-flags", |mut store, (this,): (This,)| {
            let open = operate(store.data_mut(), 0, |desk| {
                let open = desk.open(this.rep())?;
                Ok((open, desk.files.tree.is_directory(open.node)))
            })?;
            Ok((open.map(|(open, directory)| flags(open, directory)),))
        })?
        .func("[method]descriptor.get-type", |mut store, (this,): (This,)| {
            let directory = operate(store.data_mut(), 0, |desk| {
                Ok(desk.files.tree.is_directory(desk.open(this.rep())?.node))
            })?;
            Ok((directory.map(DescriptorType::of),))
        })?
        .func("[method]descriptor.stat", |mut store, (this,): (This,)| {
            let stat =
                operate(store.data_mut(), 0, |desk| desk.files.tree.stat(desk.open(this.rep())?.node))?;
            Ok((stat.map(DescriptorStat::from),))
        })?;
    Ok(())
}

fn flags(open: Open, directory: bool) -> DescriptorFlags {
    let mut flags = DescriptorFlags::empty();
    if open.read {
        flags |= DescriptorFlags::READ;
    }
    if open.write {
        flags |= DescriptorFlags::WRITE;
    }
    if directory {
        flags |= DescriptorFlags::MUTATE_DIRECTORY;
    }
    flags
}

fn link_streams(types: &mut Types<'_>) -> Result<(), HostError> {
    /// Holds a file for a stream.
    fn held(state: &mut GuestState, this: &This, write: bool) -> wasmtime::Result<Answer<NodeId>> {
        operate(state, 0, |desk| {
            let node = if write { desk.writable(this.rep())? } else { desk.readable(this.rep())? };
            desk.files.tree.hold(node)?;
            Ok(node)
        })
    }

    types
        .func("[method]descriptor.read-via-stream", |mut store, (this, offset): (This, u64)| {
            let state = store.data_mut();
            Ok((match held(state, &this, false)? {
                Ok(node) => Ok(input_stream(state, Input::File(FileIn::new(node, offset)))?),
                Err(code) => Err(code),
            },))
        })?
        .func("[method]descriptor.write-via-stream", |mut store, (this, offset): (This, u64)| {
            let state = store.data_mut();
            Ok((match held(state, &this, true)? {
                Ok(node) => Ok(output_stream(state, Output::File(FileOut::at(node, offset)))?),
                Err(code) => Err(code),
            },))
        })?
        .func("[method]descriptor.append-via-stream", |mut store, (this,): (This,)| {
            let state = store.data_mut();
            Ok((match held(state, &this, true)? {
                Ok(node) => Ok(output_stream(state, Output::File(FileOut::append(node)))?),
                Err(code) => Err(code),
            },))
        })?
        .func("filesystem-error-code", |store, (error,): (Resource<IoError>,)| {
            let code = match store.data().wasi.io.failure(&error) {
                Some(Failure::File(code)) => Some(*code),
                Some(Failure::Http(_)) | None => None,
            };
            Ok((code,))
        })?;
    Ok(())
}

fn link_directories(types: &mut Types<'_>) -> Result<(), HostError> {
    types
        .func("[method]descriptor.read-directory", |mut store, (this,): (This,)| {
            let state = store.data_mut();
            let listed = operate(state, 0, |desk| {
                let node = desk.directory(this.rep())?;
                desk.files.tree.hold(node)?;
                Ok(desk.files.listings.add(Listing { node, last: None }))
            })?;
            Ok((match listed {
                Ok(Some(handle)) => Ok(Resource::<DirectoryEntryStream>::new_own(handle)),
                Ok(None) => return Err(too_many(state, "listings of directories")),
                Err(code) => Err(code),
            },))
        })?
        .func(
            "[method]directory-entry-stream.read-directory-entry",
            |mut store, (listing,): (Resource<DirectoryEntryStream>,)| {
                let state = store.data_mut();
                let entry = operate(state, 0, |desk| {
                    let Files { tree, listings, .. } = &mut *desk.files;
                    let listing = listings.get_mut(listing.rep()).ok_or(Refusal::BadDescriptor)?;
                    let entry = tree.next_entry(listing.node, listing.last.as_deref())?;
                    Ok(entry.map(|(name, id)| {
                        let ty = DescriptorType::of(tree.is_directory(id));
                        let entry = DirectoryEntry { ty, name: name.to_string() };
                        listing.last = Some(name);
                        entry
                    }))
                })?;
                let name =
                    entry.as_ref().map_or(0, |entry| entry.as_ref().map_or(0, |entry| entry.name.len()));
                received(state, name);
                Ok((entry,))
            },
        )?;
    Ok(())
}

fn link_times(types: &mut Types<'_>) -> Result<(), HostError> {
    types
        .func(
            "[method]descriptor.set-times",
            |mut store, (this, accessed, modified): (This, NewTimestamp, NewTimestamp)| {
                let set = operate(store.data_mut(), 0, |desk| {
                    let (open, now) = (desk.open(this.rep())?, desk.now());
                    desk.files.tree.set_times(open.node, accessed.time(now), modified.time(now), now)
                })?;
                Ok((set,))
            },
        )?
        .func("[method]descriptor.metadata-hash", |mut store, (this,): (This,)| {
            let stat =
                operate(store.data_mut(), 0, |desk| desk.files.tree.stat(desk.open(this.rep())?.node))?;
            Ok((stat.map(|stat| hash(stat.serial)),))
        })?
        .func("[method]descriptor.is-same-object", |mut store, (this, other): (This, This)| {
            let same = operate(store.data_mut(), 0, |desk| {
                Ok(desk.open(this.rep())?.node == desk.open(other.rep())?.node)
            })?;
            Ok((same.unwrap_or(false),))
        })?;
    Ok(())
}

/// The identity of a node: nothing else of the run has had it.
fn hash(serial: u64) -> MetadataHashValue {
    MetadataHashValue { lower: serial, upper: 0 }
}

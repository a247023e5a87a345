//! Functions of `descriptor` that take a path.

use super::wit::{DescriptorFlags, DescriptorStat, MetadataHashValue, NewTimestamp, OpenFlags, PathFlags};
use super::{Answer, Descriptor, Open, Resource, This, Types, descriptor, hash, operate};
use crate::error::HostError;
use crate::scratch::{How, Refusal};

pub(super) fn link(types: &mut Types<'_>) -> Result<(), HostError> {
    link_open(types)?;
    link_changes(types)?;
    link_links(types)
}

fn link_open(types: &mut Types<'_>) -> Result<(), HostError> {
    types
        .func(
            "[method]descriptor.open-at",
            |mut store,
             (this, _, path, open_flags, flags): (This, PathFlags, String, OpenFlags, DescriptorFlags)| {
                let how = How {
                    create: open_flags.contains(OpenFlags::CREATE),
                    directory: open_flags.contains(OpenFlags::DIRECTORY),
                    exclusive: open_flags.contains(OpenFlags::EXCLUSIVE),
                    truncate: open_flags.contains(OpenFlags::TRUNCATE),
                    write: flags.contains(DescriptorFlags::WRITE),
                };
                let state = store.data_mut();
                let opened = operate(state, path.len(), |desk| {
                    let (base, now) = (desk.directory(this.rep())?, desk.now());
                    let node = desk.files.tree.open(base, &path, how, now, desk.room)?;
                    // A directory lists and changes its entries, whatever was asked for.
                    let read = flags.contains(DescriptorFlags::READ) || desk.files.tree.is_directory(node);
                    Ok(Open { node, read, write: how.write })
                })?;
                let opened: Answer<Resource<Descriptor>> = match opened {
                    Ok(open) => Ok(descriptor(state, open)?),
                    Err(code) => Err(code),
                };
                Ok((opened,))
            },
        )?
        .func("[method]descriptor.stat-at", |mut store, (this, _, path): (This, PathFlags, String)| {
            let stat = operate(store.data_mut(), path.len(), |desk| {
                let tree = &desk.files.tree;
                tree.stat(tree.find(desk.directory(this.rep())?, &path)?)
            })?;
            Ok((stat.map(DescriptorStat::from),))
        })?
        .func("[method]descriptor.metadata-hash-at", |mut store, (this, _, path): (This, PathFlags, String)| {
            let stat = operate(store.data_mut(), path.len(), |desk| {
                let tree = &desk.files.tree;
                tree.stat(tree.find(desk.directory(this.rep())?, &path)?)
            })?;
            Ok((stat.map(|stat| -> MetadataHashValue { hash(stat.serial) }),))
        })?
        .func(
            "[method]descriptor.set-times-at",
            |mut store,
             (this, _, path, accessed, modified): (This, PathFlags, String, NewTimestamp, NewTimestamp)| {
                let set = operate(store.data_mut(), path.len(), |desk| {
                    let (base, now) = (desk.directory(this.rep())?, desk.now());
                    let node = desk.files.tree.find(base, &path)?;
                    desk.files.tree.set_times(node, accessed.time(now), modified.time(now), now)
                })?;
                Ok((set,))
            },
        )?;
    Ok(())
}

fn link_changes(types: &mut Types<'_>) -> Result<(), HostError> {
    types
        .func("[method]descriptor.create-directory-at", |mut store, (this, path): (This, String)| {
            let made = operate(store.data_mut(), path.len(), |desk| {
                let (base, now) = (desk.directory(this.rep())?, desk.now());
                desk.files.tree.create_directory(base, &path, now, desk.room)
            })?;
            Ok((made,))
        })?
        .func("[method]descriptor.remove-directory-at", |mut store, (this, path): (This, String)| {
            let removed = operate(store.data_mut(), path.len(), |desk| {
                let (base, now) = (desk.directory(this.rep())?, desk.now());
                desk.files.tree.remove_directory(base, &path, now, desk.room)
            })?;
            Ok((removed,))
        })?
        .func("[method]descriptor.unlink-file-at", |mut store, (this, path): (This, String)| {
            let removed = operate(store.data_mut(), path.len(), |desk| {
                let (base, now) = (desk.directory(this.rep())?, desk.now());
                desk.files.tree.unlink(base, &path, now, desk.room)
            })?;
            Ok((removed,))
        })?
        .func(
            "[method]descriptor.rename-at",
            |mut store, (this, old, other, new): (This, String, This, String)| {
                let renamed = operate(store.data_mut(), old.len().saturating_add(new.len()), |desk| {
                    let (from, to, now) =
                        (desk.directory(this.rep())?, desk.directory(other.rep())?, desk.now());
                    desk.files.tree.rename((from, &old), (to, &new), now, desk.room)
                })?;
                Ok((renamed,))
            },
        )?;
    Ok(())
}

/// A tree has no links: they could only lead out of it, or round in it.
fn link_links(types: &mut Types<'_>) -> Result<(), HostError> {
    types
        .func(
            "[method]descriptor.link-at",
            |mut store, (_, _, old, _, new): (This, PathFlags, String, This, String)| {
                let bytes = old.len().saturating_add(new.len());
                Ok((operate(store.data_mut(), bytes, |_| Err::<(), _>(Refusal::NotPermitted))?,))
            },
        )?
        .func("[method]descriptor.symlink-at", |mut store, (_, old, new): (This, String, String)| {
            let bytes = old.len().saturating_add(new.len());
            Ok((operate(store.data_mut(), bytes, |_| Err::<(), _>(Refusal::NotPermitted))?,))
        })?
        .func("[method]descriptor.readlink-at", |mut store, (this, path): (This, String)| {
            // What there is is no link.
            let read = operate(store.data_mut(), path.len(), |desk| {
                desk.files.tree.find(desk.directory(this.rep())?, &path)?;
                Err::<String, _>(Refusal::Invalid)
            })?;
            Ok((read,))
        })?;
    Ok(())
}

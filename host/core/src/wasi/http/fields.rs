//! `fields`: names in lower case, and values, in the order of their addition.

use std::sync::Arc;

use wasmtime::StoreContextMut;
use wasmtime::component::Resource;

use super::wit::HeaderError;
use crate::capability::{GrantedInterface, moved};
use crate::error::HostError;
use crate::state::{GuestState, Stop};
use crate::wasi::io::too_many;

/// `types.fields`
#[derive(Debug)]
pub(crate) struct Fields;

/// A name and its value.
pub(super) type Field = (String, Vec<u8>);

/// Maximum number of entries of one `fields`.
const ENTRIES: usize = 1_000;

/// Maximum bytes of all that a run's guest has put into `fields`, with [`ENTRY`] for each entry.
const BYTES: u64 = 1 << 20;

/// Bytes that an entry takes beside its name and its value.
const ENTRY: u64 = 32;

/// Names that decide about the connection or the framing, which are the host's. `content-length` is not among them: it
/// declares the length of a body, which the host checks.
const FORBIDDEN: [&str; 12] = [
    "connection",
    "expect",
    "host",
    "http2-settings",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// The value of a `fields`.
#[derive(Debug, Clone, Default)]
pub(super) struct FieldList {
    entries: Arc<Vec<Field>>,
    /// Bytes that count against [`BYTES`]; 0 for those of a message.
    charged: u64,
    immutable: bool,
}

/// What a change of `fields` returns: its own error, or the end of the run.
type Changed<T> = wasmtime::Result<Result<T, HeaderError>>;

impl FieldList {
    /// Makes the fields of a response, which cannot be changed and cost the run nothing.
    pub(super) fn of_message(entries: Arc<Vec<Field>>) -> Self {
        Self { entries, charged: 0, immutable: true }
    }

    /// Makes the fields of a request, which cannot be changed. They cost the run as much again, because they keep the
    /// headers when the request is gone.
    pub(super) fn of_request(state: &mut GuestState, entries: Arc<Vec<Field>>) -> wasmtime::Result<Self> {
        let charged =
            entries.iter().map(|(name, value)| bytes_of(name, [value])).fold(0, u64::saturating_add);
        charge(state, charged)?;
        Ok(Self { entries, charged, immutable: true })
    }

    pub(super) fn entries(&self) -> &Arc<Vec<Field>> {
        &self.entries
    }

    /// Bytes that the run pays for them.
    pub(super) fn charged(&self) -> u64 {
        self.charged
    }
}

/// Returns whether a text is a token of HTTP: a header's name, a method.
pub(super) fn is_token(text: &str) -> bool {
    !text.is_empty()
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}

/// Checks a name, and returns it in lower case.
fn name_of(name: &str) -> Result<String, HeaderError> {
    if !is_token(name) {
        return Err(HeaderError::InvalidSyntax);
    }
    let name = name.to_ascii_lowercase();
    if FORBIDDEN.contains(&name.as_str()) { Err(HeaderError::Forbidden) } else { Ok(name) }
}

/// Checks a value. A length is digits and nothing else, so that it has one reading.
fn check_value(name: &str, value: &[u8]) -> Result<(), HeaderError> {
    let good = match name {
        "content-length" => length_of(value).is_some(),
        _ => value.iter().all(|byte| *byte == b'\t' || (*byte >= b' ' && *byte != 0x7f)),
    };
    if good { Ok(()) } else { Err(HeaderError::InvalidSyntax) }
}

/// Parses the value of `content-length`.
pub(super) fn length_of(value: &[u8]) -> Option<u64> {
    let digits =
        std::str::from_utf8(value).ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
    digits?.parse().ok()
}

/// Bytes that entries of one name take.
fn bytes_of<'a>(name: &str, values: impl IntoIterator<Item = &'a Vec<u8>>) -> u64 {
    let entry = (name.len() as u64).saturating_add(ENTRY);
    values.into_iter().map(|value| entry.saturating_add(value.len() as u64)).fold(0, u64::saturating_add)
}

fn list<'a>(state: &'a GuestState, fields: &Resource<Fields>) -> Option<&'a FieldList> {
    state.wasi.http.parts()?.fields.get(fields.rep())
}

/// Makes a `fields`. Fails the run if it has too many.
pub(super) fn handle(state: &mut GuestState, list: FieldList) -> wasmtime::Result<Resource<Fields>> {
    let handle = state.wasi.http.parts_mut().fields.add(list);
    Ok(Resource::new_own(handle.ok_or_else(|| too_many(state, "fields"))?))
}

/// Takes a `fields` that the guest gave away. What it cost stays charged.
pub(super) fn take(state: &mut GuestState, fields: &Resource<Fields>) -> FieldList {
    state.wasi.http.parts_mut().fields.remove(fields.rep()).unwrap_or_default()
}

/// Returns to the run what fields cost it.
pub(super) fn refund(state: &mut GuestState, charged: u64) {
    let parts = state.wasi.http.parts_mut();
    parts.field_bytes = parts.field_bytes.saturating_sub(charged);
}

pub(crate) fn free(state: &mut GuestState, handle: u32) {
    if let Some(list) = state.wasi.http.parts_mut().fields.remove(handle) {
        refund(state, list.charged);
    }
}

fn too_large(state: &mut GuestState) -> wasmtime::Error {
    let text = format!("more than {ENTRIES} entries of one `fields`, or more than {BYTES} bytes of all");
    state.stop(Stop::Trap("too-many-fields", text))
}

/// Charges bytes to the run. Fails it if they are too many.
fn charge(state: &mut GuestState, bytes: u64) -> wasmtime::Result<()> {
    let parts = state.wasi.http.parts_mut();
    match parts.field_bytes.checked_add(bytes).filter(|sum| *sum <= BYTES) {
        Some(sum) => {
            parts.field_bytes = sum;
            Ok(())
        }
        None => Err(too_large(state)),
    }
}

/// Removes the values of a name, and adds others.
fn replace(
    state: &mut GuestState,
    fields: &Resource<Fields>,
    name: &str,
    values: Vec<Vec<u8>>,
    keep: bool,
) -> Changed<()> {
    let name = match name_of(name) {
        Ok(name) => name,
        Err(error) => return Ok(Err(error)),
    };
    if let Some(error) = values.iter().find_map(|value| check_value(&name, value).err()) {
        return Ok(Err(error));
    }
    let Some(old) = list(state, fields) else { return Ok(Err(HeaderError::Immutable)) };
    if old.immutable {
        return Ok(Err(HeaderError::Immutable));
    }
    let same = || old.entries.iter().filter(|(other, _)| *other == name);
    let (removed, removed_bytes) = match keep {
        true => (0, 0),
        false => (same().count(), bytes_of(&name, same().map(|(_, value)| value))),
    };
    // Two lengths would be two readings of one message.
    if name == "content-length" && (values.len() > 1 || keep && same().next().is_some()) {
        return Ok(Err(HeaderError::InvalidSyntax));
    }
    let count = old.entries.len().saturating_sub(removed).saturating_add(values.len());
    let added = bytes_of(&name, &values);
    refund(state, removed_bytes);
    charge(state, added)?;
    if count > ENTRIES {
        return Err(too_large(state));
    }
    let Some(list) = state.wasi.http.parts_mut().fields.get_mut(fields.rep()) else { return Ok(Ok(())) };
    list.charged = list.charged.saturating_sub(removed_bytes).saturating_add(added);
    let entries = Arc::make_mut(&mut list.entries);
    if removed > 0 {
        entries.retain(|(other, _)| *other != name);
    }
    entries.extend(values.into_iter().map(|value| (name.clone(), value)));
    Ok(Ok(()))
}

/// Makes fields of a list. Nothing is left of them if one is refused.
fn from_list(state: &mut GuestState, entries: Vec<Field>) -> Changed<Resource<Fields>> {
    let fields = handle(state, FieldList::default())?;
    for (name, value) in entries {
        if let Err(error) = replace(state, &fields, &name, vec![value], true)? {
            free(state, fields.rep());
            return Ok(Err(error));
        }
    }
    Ok(Ok(fields))
}

/// Copies fields; the copy can be changed.
fn copy(
    mut store: StoreContextMut<'_, GuestState>,
    fields: &Resource<Fields>,
) -> wasmtime::Result<Resource<Fields>> {
    let entries = list(store.data(), fields).map(|list| Arc::clone(&list.entries)).unwrap_or_default();
    let charged = entries.iter().map(|(name, value)| bytes_of(name, [value])).fold(0, u64::saturating_add);
    moved(&mut store, charged)?;
    let state = store.data_mut();
    charge(state, charged)?;
    handle(state, FieldList { entries, charged, immutable: false })
}

pub(super) fn resource(interface: &mut GrantedInterface<'_>, name: &str) -> Result<(), HostError> {
    interface.resource_with::<Fields>(name, |state, fields| free(state, fields.rep())).map(drop)
}

pub(super) fn link(types: &mut GrantedInterface<'_>) -> Result<(), HostError> {
    for name in ["fields", "headers", "trailers"] {
        resource(types, name)?;
    }
    types
        .func("[constructor]fields", |mut store, (): ()| {
            Ok((handle(store.data_mut(), FieldList::default())?,))
        })?
        .func("[static]fields.from-list", |mut store, (entries,): (Vec<Field>,)| {
            Ok((from_list(store.data_mut(), entries)?,))
        })?
        .func("[method]fields.get", |store, (fields, name): (Resource<Fields>, String)| {
            let name = name.to_ascii_lowercase();
            let entries = list(store.data(), &fields).into_iter().flat_map(|list| list.entries.iter());
            let same = entries.filter(|(other, _)| *other == name);
            Ok((same.map(|(_, value)| value.clone()).collect::<Vec<Vec<u8>>>(),))
        })?
        .func("[method]fields.has", |store, (fields, name): (Resource<Fields>, String)| {
            let name = name.to_ascii_lowercase();
            let list = list(store.data(), &fields);
            Ok((list.is_some_and(|list| list.entries.iter().any(|(other, _)| *other == name)),))
        })?
        .func(
            "[method]fields.set",
            |mut store, (fields, name, values): (Resource<Fields>, String, Vec<Vec<u8>>)| {
                Ok((replace(store.data_mut(), &fields, &name, values, false)?,))
            },
        )?
        .func("[method]fields.delete", |mut store, (fields, name): (Resource<Fields>, String)| {
            Ok((replace(store.data_mut(), &fields, &name, Vec::new(), false)?,))
        })?
        .func(
            "[method]fields.append",
            |mut store, (fields, name, value): (Resource<Fields>, String, Vec<u8>)| {
                Ok((replace(store.data_mut(), &fields, &name, vec![value], true)?,))
            },
        )?
        .func("[method]fields.entries", |store, (fields,): (Resource<Fields>,)| {
            let entries = list(store.data(), &fields).map(|list| list.entries.to_vec());
            Ok((entries.unwrap_or_default(),))
        })?
        .func("[method]fields.clone", |store, (fields,): (Resource<Fields>,)| Ok((copy(store, &fields)?,)))?;
    Ok(())
}

//! Writes `Val`s as JSON text, and stops at the first byte beyond the limit.

use std::io::{self, Write};

use base64::engine::general_purpose::STANDARD;
use base64::write::EncoderWriter;
use wasmtime::component::Val;

use super::SAFE_INTEGER;
use crate::report::Json;
use crate::types::{TypeDef, TypeId, TypeTable};

/// Why a value was not written.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Overflow {
    /// The text is longer than the limit.
    Limit,
    /// The value has another type than the engine stated.
    Mismatch,
}

/// Writes `value`, or `null` for none, in at most `limit` bytes.
pub(crate) fn write(types: &TypeTable, value: Option<(&Val, TypeId)>, limit: u64) -> Result<Json, Overflow> {
    let mut out = Capped { inner: Vec::with_capacity(128), left: limit };
    put(types, value, &mut out)?;
    let text = String::from_utf8(out.inner).map_err(|_| Overflow::Mismatch)?;
    Ok(Json(text.into()))
}

/// Returns the number of bytes that [`write`] would write, if it is at most `limit`.
pub(crate) fn measure(types: &TypeTable, value: Option<(&Val, TypeId)>, limit: u64) -> Result<u64, Overflow> {
    let mut out = Capped { inner: io::sink(), left: limit };
    put(types, value, &mut out)?;
    Ok(limit.saturating_sub(out.left))
}

fn put<W: Write>(
    types: &TypeTable,
    value: Option<(&Val, TypeId)>,
    out: &mut Capped<W>,
) -> Result<(), Overflow> {
    let written = match value {
        Some((value, ty)) => Writer { types, out }.value(value, ty),
        None => out.write_all(b"null"),
    };
    written.map_err(|error| match error.kind() {
        io::ErrorKind::WriteZero => Overflow::Limit,
        _ => Overflow::Mismatch,
    })
}

/// A writer that fails with `WriteZero` at the first byte beyond its limit.
struct Capped<W> {
    inner: W,
    left: u64,
}

impl<W: Write> Write for Capped<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.left.checked_sub(bytes.len() as u64) {
            Some(left) => {
                self.left = left;
                self.inner.write_all(bytes)?;
                Ok(bytes.len())
            }
            None => Err(io::ErrorKind::WriteZero.into()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct Writer<'a, W> {
    types: &'a TypeTable,
    out: &'a mut Capped<W>,
}

impl<W: Write> Writer<'_, W> {
    fn value(&mut self, value: &Val, ty: TypeId) -> io::Result<()> {
        let types = self.types;
        match (types.get(ty), value) {
            (TypeDef::Bool, Val::Bool(value)) => self.raw(if *value { b"true" } else { b"false" }),
            (TypeDef::S8, Val::S8(value)) => write!(self.out, "{value}"),
            (TypeDef::U8, Val::U8(value)) => write!(self.out, "{value}"),
            (TypeDef::S16, Val::S16(value)) => write!(self.out, "{value}"),
            (TypeDef::U16, Val::U16(value)) => write!(self.out, "{value}"),
            (TypeDef::S32, Val::S32(value)) => write!(self.out, "{value}"),
            (TypeDef::U32, Val::U32(value)) => write!(self.out, "{value}"),
            (TypeDef::S64, Val::S64(value)) if value.unsigned_abs() > SAFE_INTEGER => {
                write!(self.out, "\"{value}\"")
            }
            (TypeDef::S64, Val::S64(value)) => write!(self.out, "{value}"),
            (TypeDef::U64, Val::U64(value)) if *value > SAFE_INTEGER => write!(self.out, "\"{value}\""),
            (TypeDef::U64, Val::U64(value)) => write!(self.out, "{value}"),
            // `{:?}` is the shortest text that reads back as the same float, for f32 as an f32.
            (TypeDef::F32, Val::Float32(value)) if value.is_finite() => write!(self.out, "{value:?}"),
            (TypeDef::F64, Val::Float64(value)) if value.is_finite() => write!(self.out, "{value:?}"),
            (TypeDef::F32, Val::Float32(value)) => self.raw(special((*value).into())),
            (TypeDef::F64, Val::Float64(value)) => self.raw(special(*value)),
            (TypeDef::Char, Val::Char(value)) => self.text(value.encode_utf8(&mut [0; 4])),
            (TypeDef::String, Val::String(value)) => self.text(value),
            (TypeDef::Bytes, Val::List(items)) => self.bytes(items),
            (TypeDef::List(item), Val::List(items)) => self.array(items.iter().map(|value| (value, *item))),
            (TypeDef::Tuple(tys), Val::Tuple(items)) if tys.len() == items.len() => {
                self.array(items.iter().zip(tys.iter().copied()))
            }
            (TypeDef::Record(fields), Val::Record(values)) if fields.len() == values.len() => {
                self.raw(b"{")?;
                let mut first = true;
                for ((name, ty), (_, value)) in fields.iter().zip(values) {
                    if types.nullable(*ty) && matches!(value, Val::Option(None)) {
                        continue;
                    }
                    if !first {
                        self.raw(b",")?;
                    }
                    first = false;
                    self.member(name, Some((value, *ty)))?;
                }
                self.raw(b"}")
            }
            (TypeDef::Variant(cases), Val::Variant(name, payload)) => {
                let case = types.position(ty, name).and_then(|case| cases.get(case));
                match (case, payload) {
                    (Some((name, None)), None) => self.text(name),
                    (Some((name, Some(ty))), Some(value)) => self.single(name, Some((value, *ty))),
                    _ => mismatch(),
                }
            }
            (TypeDef::Enum(_), Val::Enum(name)) => self.text(name),
            (TypeDef::Flags(_), Val::Flags(names)) => {
                self.raw(b"[")?;
                for (i, name) in names.iter().enumerate() {
                    if i > 0 {
                        self.raw(b",")?;
                    }
                    self.text(name)?;
                }
                self.raw(b"]")
            }
            (TypeDef::Option(_), Val::Option(None)) => self.raw(b"null"),
            (TypeDef::Option(inner), Val::Option(Some(value))) if types.nullable(*inner) => {
                self.single("some", Some((value, *inner)))
            }
            (TypeDef::Option(inner), Val::Option(Some(value))) => self.value(value, *inner),
            (TypeDef::Result(ok, _), Val::Result(Ok(value))) => self.side("ok", *ok, value.as_deref()),
            (TypeDef::Result(_, err), Val::Result(Err(value))) => self.side("error", *err, value.as_deref()),
            _ => mismatch(),
        }
    }

    fn side(&mut self, name: &str, ty: Option<TypeId>, value: Option<&Val>) -> io::Result<()> {
        match (ty, value) {
            (None, None) => self.single(name, None),
            (Some(ty), Some(value)) => self.single(name, Some((value, ty))),
            _ => mismatch(),
        }
    }

    fn single(&mut self, name: &str, value: Option<(&Val, TypeId)>) -> io::Result<()> {
        self.raw(b"{")?;
        self.member(name, value)?;
        self.raw(b"}")
    }

    /// Names are kebab-case: nothing in them needs an escape.
    fn member(&mut self, name: &str, value: Option<(&Val, TypeId)>) -> io::Result<()> {
        self.raw(b"\"")?;
        self.raw(name.as_bytes())?;
        self.raw(b"\":")?;
        match value {
            Some((value, ty)) => self.value(value, ty),
            None => self.raw(b"null"),
        }
    }

    fn array<'v>(&mut self, items: impl Iterator<Item = (&'v Val, TypeId)>) -> io::Result<()> {
        self.raw(b"[")?;
        for (i, (value, ty)) in items.enumerate() {
            if i > 0 {
                self.raw(b",")?;
            }
            self.value(value, ty)?;
        }
        self.raw(b"]")
    }

    fn bytes(&mut self, items: &[Val]) -> io::Result<()> {
        self.raw(b"\"")?;
        let mut encoder = EncoderWriter::new(&mut *self.out, &STANDARD);
        // In pieces, so that no second copy of a large list is made.
        let mut piece = [0_u8; 3072];
        for chunk in items.chunks(piece.len()) {
            for (byte, value) in piece.iter_mut().zip(chunk) {
                let Val::U8(value) = value else { return mismatch() };
                *byte = *value;
            }
            encoder.write_all(piece.get(..chunk.len()).unwrap_or_default())?;
        }
        encoder.finish()?;
        drop(encoder);
        self.raw(b"\"")
    }

    fn text(&mut self, text: &str) -> io::Result<()> {
        // An I/O error passes through unchanged, and a string has no other.
        serde_json::to_writer(&mut *self.out, text).map_err(io::Error::from)
    }

    fn raw(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.out.write_all(bytes)
    }
}

fn special(value: f64) -> &'static [u8] {
    if value.is_nan() {
        b"\"NaN\""
    } else if value > 0.0 {
        b"\"Infinity\""
    } else {
        b"\"-Infinity\""
    }
}

fn mismatch<T>() -> io::Result<T> {
    Err(io::ErrorKind::InvalidData.into())
}

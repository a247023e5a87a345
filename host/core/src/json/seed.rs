//! Reads one value of a known type from JSON: which JSON each type accepts, and the errors for the rest.

use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use wasmtime::component::Val;

use super::case::Chosen;
use super::read::{Context, Step, names, quote, read_fields};
use super::{F32_END, SAFE_INTEGER};
use crate::types::{TypeDef, TypeId};

/// One value of a known type.
#[derive(Clone, Copy)]
pub(super) struct Seed<'c, 't> {
    pub(super) context: &'c Context<'t>,
    pub(super) ty: TypeId,
}

impl<'t> Seed<'_, 't> {
    fn def(&self) -> &'t TypeDef {
        self.context.types.get(self.ty)
    }

    fn position(&self, name: &str) -> Option<usize> {
        self.context.types.position(self.ty, name)
    }

    pub(super) fn of(&self, ty: TypeId) -> Self {
        Self { context: self.context, ty }
    }

    /// Returns an error with what was found and what would fit.
    pub(super) fn misfit<E: serde::de::Error>(&self, found: impl fmt::Display) -> E {
        self.context.fail(format_args!("got {found}; expected {}", self.expected()))
    }

    pub(super) fn expected(&self) -> String {
        match self.def() {
            TypeDef::Bool => "a boolean".into(),
            TypeDef::S8 => range(i8::MIN, i8::MAX),
            TypeDef::U8 => range(u8::MIN, u8::MAX),
            TypeDef::S16 => range(i16::MIN, i16::MAX),
            TypeDef::U16 => range(u16::MIN, u16::MAX),
            TypeDef::S32 => range(i32::MIN, i32::MAX),
            TypeDef::U32 => range(u32::MIN, u32::MAX),
            TypeDef::S64 => format!("{}, or a decimal string of it", range(i64::MIN, i64::MAX)),
            TypeDef::U64 => format!("{}, or a decimal string of it", range(u64::MIN, u64::MAX)),
            TypeDef::F32 => r#"a number within the range of f32, "NaN", "Infinity" or "-Infinity""#.into(),
            TypeDef::F64 => r#"a number, "NaN", "Infinity" or "-Infinity""#.into(),
            TypeDef::Char => "a string of one character".into(),
            TypeDef::String => "a string".into(),
            TypeDef::Bytes => "a base64 string (standard alphabet, with padding)".into(),
            TypeDef::List(_) => "an array".into(),
            TypeDef::Tuple(items) => format!("an array of {} values", items.len()),
            TypeDef::Record(fields) => {
                format!("an object with {}", names(fields.iter().map(|(name, _)| name)))
            }
            TypeDef::Variant(cases) => {
                let plain = names(cases.iter().filter(|(_, ty)| ty.is_none()).map(|(name, _)| name));
                let loaded = names(cases.iter().filter(|(_, ty)| ty.is_some()).map(|(name, _)| name));
                match (plain.as_str(), loaded.as_str()) {
                    (plain, "") => format!("one of the strings {plain}"),
                    ("", loaded) => format!("an object with one member of {loaded}"),
                    (plain, loaded) => {
                        format!("one of the strings {plain}, or an object with one member of {loaded}")
                    }
                }
            }
            TypeDef::Enum(cases) => format!("one of the strings {}", names(cases.iter())),
            TypeDef::Flags(flags) => format!("an array of strings from {}", names(flags.iter())),
            TypeDef::Option(inner) if self.context.types.nullable(*inner) => {
                r#"null or an object {"some": value}"#.into()
            }
            TypeDef::Option(inner) => format!("null or {}", self.of(*inner).expected()),
            TypeDef::Result(..) => r#"an object with one member, "ok" or "error""#.into(),
        }
    }

    fn integer<E: serde::de::Error>(&self, value: i128) -> Result<Val, E> {
        let outside = || self.misfit(value);
        Ok(match self.def() {
            TypeDef::S8 => Val::S8(value.try_into().map_err(|_| outside())?),
            TypeDef::U8 => Val::U8(value.try_into().map_err(|_| outside())?),
            TypeDef::S16 => Val::S16(value.try_into().map_err(|_| outside())?),
            TypeDef::U16 => Val::U16(value.try_into().map_err(|_| outside())?),
            TypeDef::S32 => Val::S32(value.try_into().map_err(|_| outside())?),
            TypeDef::U32 => Val::U32(value.try_into().map_err(|_| outside())?),
            TypeDef::S64 => Val::S64(value.try_into().map_err(|_| outside())?),
            TypeDef::U64 => Val::U64(value.try_into().map_err(|_| outside())?),
            #[expect(clippy::cast_precision_loss, reason = "JSON numbers round to the nearest float")]
            TypeDef::F32 | TypeDef::F64 => return self.float(value as f64),
            TypeDef::Option(inner) if !self.context.types.nullable(*inner) => {
                return self.some(|inner| inner.integer(value));
            }
            _ => return Err(self.misfit("a number")),
        })
    }

    fn float<E: serde::de::Error>(&self, value: f64) -> Result<Val, E> {
        match self.def() {
            TypeDef::F64 if value.is_finite() => Ok(Val::Float64(value)),
            TypeDef::F32 if value.abs() < F32_END =>
            {
                #[expect(clippy::cast_possible_truncation, reason = "in range; rounds to the nearest")]
                Ok(Val::Float32(value as f32))
            }
            TypeDef::F32 | TypeDef::F64 => Err(self.misfit(format_args!("{value:e}, which is out of range"))),
            TypeDef::Option(inner) if !self.context.types.nullable(*inner) => {
                self.some(|inner| inner.float(value))
            }
            // `1.0` is an integer; beyond 2^53 − 1 a float may have lost digits of what was written.
            TypeDef::S8
            | TypeDef::U8
            | TypeDef::S16
            | TypeDef::U16
            | TypeDef::S32
            | TypeDef::U32
            | TypeDef::S64
            | TypeDef::U64 => {
                #[expect(clippy::cast_precision_loss, reason = "2^53 − 1 is exact")]
                let safe = SAFE_INTEGER as f64;
                if value.fract() == 0.0 && value.abs() <= safe {
                    #[expect(clippy::cast_possible_truncation, reason = "a whole number within ±(2^53 − 1)")]
                    self.integer(value as i64 as i128)
                } else {
                    Err(self.misfit(format_args!("{value}, which is not an exact integer")))
                }
            }
            _ => Err(self.misfit("a number")),
        }
    }

    fn text<E: serde::de::Error>(&self, text: &str) -> Result<Val, E> {
        self.context.charge(text.len())?;
        match self.def() {
            TypeDef::String => Ok(Val::String(text.into())),
            TypeDef::Char => {
                let mut chars = text.chars();
                match (chars.next(), chars.next()) {
                    (Some(c), None) => Ok(Val::Char(c)),
                    _ => Err(self.misfit(format_args!("a string of {} characters", text.chars().count()))),
                }
            }
            TypeDef::Bytes => {
                let bytes = STANDARD
                    .decode(text)
                    .map_err(|error| self.misfit(format_args!("invalid base64 ({error})")))?;
                self.context.charge(bytes.len().saturating_mul(size_of::<Val>()))?;
                Ok(Val::List(bytes.into_iter().map(Val::U8).collect()))
            }
            TypeDef::S64 | TypeDef::U64 => match decimal(text) {
                Some(value) => self.integer(value),
                None => Err(self.misfit(format_args!("the string {}", quote(text)))),
            },
            TypeDef::F32 | TypeDef::F64 => {
                let value = match text {
                    "NaN" => f64::NAN,
                    "Infinity" => f64::INFINITY,
                    "-Infinity" => f64::NEG_INFINITY,
                    _ => return Err(self.misfit(format_args!("the string {}", quote(text)))),
                };
                #[expect(clippy::cast_possible_truncation, reason = "not finite: exact in both")]
                let narrow = value as f32;
                Ok(if matches!(self.def(), TypeDef::F32) {
                    Val::Float32(narrow)
                } else {
                    Val::Float64(value)
                })
            }
            TypeDef::Enum(_) if self.position(text).is_some() => Ok(Val::Enum(text.into())),
            TypeDef::Variant(cases) => match self.position(text).and_then(|case| cases.get(case)) {
                Some((name, None)) => Ok(Val::Variant(name.as_ref().into(), None)),
                Some((_, Some(_))) => Err(self.misfit(format_args!("{} without its value", quote(text)))),
                None => Err(self.misfit(format_args!("the string {}", quote(text)))),
            },
            TypeDef::Option(inner) if !self.context.types.nullable(*inner) => {
                self.some(|inner| inner.text(text))
            }
            _ => Err(self.misfit(format_args!("the string {}", quote(text)))),
        }
    }

    /// Reads the value of a present option as its inner type.
    fn some<E>(&self, read: impl FnOnce(Self) -> Result<Val, E>) -> Result<Val, E> {
        match self.def() {
            TypeDef::Option(inner) => Ok(Val::Option(Some(Box::new(read(self.of(*inner))?)))),
            _ => read(*self),
        }
    }

    fn sequence<'de, A: SeqAccess<'de>>(&self, mut seq: A) -> Result<Val, A::Error> {
        let context = self.context;
        match self.def() {
            TypeDef::List(item) => {
                let mut values = Vec::new();
                loop {
                    let step = Step::Index(values.len());
                    match context.within(step, || seq.next_element_seed(self.of(*item)))? {
                        Some(value) => {
                            // A vector begins with room for four, and doubles.
                            context.charge(size_of::<Val>().saturating_mul(if values.is_empty() {
                                4
                            } else {
                                2
                            }))?;
                            values.push(value);
                        }
                        None => return Ok(Val::List(values)),
                    }
                }
            }
            TypeDef::Tuple(items) => {
                let mut values = Vec::with_capacity(items.len());
                for (i, item) in items.iter().enumerate() {
                    context.charge(size_of::<Val>())?;
                    values.push(context.within(Step::Index(i), || {
                        match seq.next_element_seed(self.of(*item))? {
                            Some(value) => Ok(value),
                            None => Err(context.fail(format_args!(
                                "missing value; expected an array of {} values",
                                items.len()
                            ))),
                        }
                    })?);
                }
                context.within(Step::Index(items.len()), || {
                    match seq.next_element::<serde::de::IgnoredAny>()? {
                        None => Ok(()),
                        Some(_) => Err(context
                            .fail(format_args!("extra value; expected an array of {} values", items.len()))),
                    }
                })?;
                Ok(Val::Tuple(values))
            }
            TypeDef::Flags(known) => {
                let mut flags = Vec::new();
                let mut seen = Vec::new();
                loop {
                    let next = context.within(Step::Index(flags.len()), || {
                        let Some((at, flag)) = seq.next_element_seed(Flag { seed: *self, known })? else {
                            return Ok(None);
                        };
                        seen.resize(known.len(), false);
                        match seen.get_mut(at) {
                            Some(seen) if !*seen => *seen = true,
                            _ => return Err(context.fail(format_args!("duplicate flag {}", quote(&flag)))),
                        }
                        Ok(Some(flag))
                    })?;
                    match next {
                        Some(flag) => flags.push(flag),
                        None => return Ok(Val::Flags(flags)),
                    }
                }
            }
            TypeDef::Option(inner) if !context.types.nullable(*inner) => {
                self.some(|inner| inner.sequence(seq))
            }
            _ => Err(self.misfit("an array")),
        }
    }

    fn object<'de, A: MapAccess<'de>>(&self, mut map: A) -> Result<Val, A::Error> {
        let context = self.context;
        match self.def() {
            TypeDef::Record(fields) => {
                let find = |key: &str| context.types.member(self.ty, key);
                read_fields(context, fields, "member", find, map).map(Val::Record)
            }
            TypeDef::Variant(cases) => {
                let find = |key: &str| context.types.member(self.ty, key);
                let case = |at: usize| cases.get(at).map(|(name, ty)| (&**name, *ty));
                match self.chosen(&mut map, find, case)? {
                    Chosen::Value(name, value) => Ok(Val::Variant(name.into(), value.map(Box::new))),
                    Chosen::Null(name) => {
                        Err(self.misfit(format_args!("a value for {}, which has none", quote(name))))
                    }
                }
            }
            TypeDef::Result(ok, err) => {
                let find = |key: &str| ["ok", "error"].iter().position(|side| *side == key);
                let side = |at: usize| [("ok", *ok), ("error", *err)].get(at).copied();
                let (name, value) = match self.chosen(&mut map, find, side)? {
                    Chosen::Value(name, value) => (name, value.map(Box::new)),
                    // Without a payload the member is null.
                    Chosen::Null(name) => (name, None),
                };
                Ok(Val::Result(if name == "ok" { Ok(value) } else { Err(value) }))
            }
            TypeDef::Option(inner) if context.types.nullable(*inner) => {
                let value = self.wrapped(&mut map, *inner)?;
                Ok(Val::Option(Some(Box::new(value))))
            }
            TypeDef::Option(_) => self.some(|inner| inner.object(map)),
            _ => Err(self.misfit("an object")),
        }
    }
}

impl<'de> DeserializeSeed<'de> for Seed<'_, '_> {
    type Value = Val;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Val, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seed<'_, '_> {
    type Value = Val;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.expected())
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<Val, E> {
        match self.def() {
            TypeDef::Option(_) => Ok(Val::Option(None)),
            _ => Err(self.misfit("null")),
        }
    }

    fn visit_bool<E: serde::de::Error>(self, value: bool) -> Result<Val, E> {
        match self.def() {
            TypeDef::Bool => Ok(Val::Bool(value)),
            TypeDef::Option(inner) if !self.context.types.nullable(*inner) => {
                self.some(|inner| inner.visit_bool(value))
            }
            _ => Err(self.misfit(value)),
        }
    }

    fn visit_i64<E: serde::de::Error>(self, value: i64) -> Result<Val, E> {
        self.integer(value.into())
    }

    fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<Val, E> {
        self.integer(value.into())
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Val, E> {
        self.float(value)
    }

    fn visit_str<E: serde::de::Error>(self, value: &str) -> Result<Val, E> {
        self.text(value)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Val, A::Error> {
        self.sequence(seq)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Val, A::Error> {
        self.object(map)
    }
}

/// One name out of a set of flags, and its position.
struct Flag<'c, 't> {
    seed: Seed<'c, 't>,
    known: &'t [Arc<str>],
}

impl<'de> DeserializeSeed<'de> for Flag<'_, '_> {
    type Value = (usize, String);

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Flag<'_, '_> {
    type Value = (usize, String);

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "one of the strings {}", names(self.known.iter()))
    }

    fn visit_str<E: serde::de::Error>(self, flag: &str) -> Result<Self::Value, E> {
        let context = self.seed.context;
        let Some(at) = self.seed.position(flag) else {
            return Err(context.fail(format_args!(
                "got {}; expected one of the strings {}",
                quote(flag),
                names(self.known.iter())
            )));
        };
        context.charge(flag.len().saturating_add(size_of::<String>()))?;
        Ok((at, flag.to_owned()))
    }
}

/// `-?(0|[1-9][0-9]*)`, as far as 64 bits reach.
fn decimal(text: &str) -> Option<i128> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let canonical = match digits.as_bytes() {
        [b'0'] => digits.len() == text.len(),
        [b'1'..=b'9', rest @ ..] => rest.len() < 20 && rest.iter().all(u8::is_ascii_digit),
        _ => false,
    };
    if canonical { text.parse().ok() } else { None }
}

fn range<T: fmt::Display>(min: T, max: T) -> String {
    format!("an integer from {min} to {max}")
}

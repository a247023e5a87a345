//! Reads JSON text into `Val`s straight from the parser: without a tree, with duplicates seen and exact numbers.
//!
//! An error names the JSON pointer of the offending value. The values take at most 32 times the input's limit: a short
//! text can represent a large value (a record of thousands of options is `{}`).

use std::cell::{Cell, RefCell};
use std::fmt;
use std::sync::Arc;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use wasmtime::component::Val;

use super::seed::Seed;
use crate::spelling;
use crate::types::{TypeId, TypeTable};

/// Parameters: name and type, in order.
type Params = [(Arc<str>, TypeId)];

/// Where and why an input does not fit.
#[derive(Debug)]
pub(crate) struct InputError {
    pub(crate) pointer: String,
    pub(crate) message: String,
}

/// Maximum bytes of the values in the host for each byte of the input's limit.
const EXPANSION: u64 = 32;

/// Values in the order of the parameters, and their bytes in the host.
pub(crate) type Values = (Vec<Val>, u64);

/// Reads the arguments of a call from JSON text.
pub(crate) fn read_params(
    types: &TypeTable,
    params: &Params,
    text: &[u8],
    limit: u64,
) -> Result<Values, InputError> {
    let context = Context::new(types, limit);
    // A byte order mark may stand before JSON (RFC 8259); some programs cannot help writing one.
    let text = text.strip_prefix("\u{FEFF}".as_bytes()).unwrap_or(text);
    let mut deserializer = serde_json::Deserializer::from_slice(text);
    let read = Arguments { context: &context, params }.deserialize(&mut deserializer);
    let read = read.and_then(|values| deserializer.end().map(|()| values));
    context.finish(read)
}

/// Reads the arguments of a call from a JSON tree.
pub(crate) fn read_params_value(
    types: &TypeTable,
    params: &Params,
    value: &serde_json::Value,
    limit: u64,
) -> Result<Values, InputError> {
    let context = Context::new(types, limit);
    let read = Arguments { context: &context, params }.deserialize(value);
    context.finish(read)
}

pub(super) enum Step<'t> {
    Key(&'t str),
    /// A key that is no name of the type, or is one in its second spelling.
    Written(String),
    Index(usize),
}

/// The state that all seeds of one input share.
pub(super) struct Context<'t> {
    pub(super) types: &'t TypeTable,
    /// Path from the root to the current value; an error leaves it as it is.
    path: RefCell<Vec<Step<'t>>>,
    /// The first error of ours, without the parser's position.
    message: RefCell<Option<String>>,
    budget: Cell<u64>,
    allowance: u64,
}

impl<'t> Context<'t> {
    fn new(types: &'t TypeTable, limit: u64) -> Self {
        let allowance = limit.saturating_mul(EXPANSION);
        Self {
            types,
            path: RefCell::new(Vec::new()),
            message: RefCell::new(None),
            budget: Cell::new(allowance),
            allowance,
        }
    }

    fn finish(self, read: Result<Vec<Val>, serde_json::Error>) -> Result<Values, InputError> {
        match read {
            Ok(values) => Ok((values, self.allowance.saturating_sub(self.budget.get()))),
            Err(error) => Err(match self.message.take() {
                Some(message) => InputError { pointer: pointer(&self.path.borrow()), message },
                // The parser's own word on a value of another type than the one asked for.
                None if error.is_data() => InputError {
                    pointer: pointer(&self.path.borrow()),
                    message: crate::text::clean(&error.to_string(), 512),
                },
                None => InputError { pointer: String::new(), message: format!("not JSON: {error}") },
            }),
        }
    }

    pub(super) fn fail<E: serde::de::Error>(&self, message: impl fmt::Display) -> E {
        self.message.borrow_mut().get_or_insert_with(|| crate::text::clean(&message.to_string(), 512));
        E::custom("")
    }

    pub(super) fn charge<E: serde::de::Error>(&self, bytes: usize) -> Result<(), E> {
        match self.budget.get().checked_sub(bytes as u64) {
            Some(left) => {
                self.budget.set(left);
                Ok(())
            }
            None => Err(self.fail(format_args!(
                "the value needs too much memory: more than {} bytes, {EXPANSION} times the input limit",
                self.allowance
            ))),
        }
    }

    pub(super) fn within<T, E>(&self, step: Step<'t>, f: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
        self.path.borrow_mut().push(step);
        let value = f()?;
        self.path.borrow_mut().pop();
        Ok(value)
    }
}

/// RFC 6901.
fn pointer(path: &[Step<'_>]) -> String {
    let mut out = String::new();
    for step in path {
        out.push('/');
        match step {
            Step::Key(key) => out.push_str(key),
            Step::Written(key) => out.push_str(&key.replace('~', "~0").replace('/', "~1")),
            Step::Index(index) => out.push_str(&index.to_string()),
        }
    }
    out
}

/// The whole input: an object with a member for each parameter.
struct Arguments<'c, 't> {
    context: &'c Context<'t>,
    params: &'t Params,
}

impl<'de> DeserializeSeed<'de> for Arguments<'_, '_> {
    type Value = Vec<Val>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Arguments<'_, '_> {
    type Value = Vec<Val>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with one member per parameter")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        let find = |key: &str| self.params.iter().position(|(name, _)| spelling::is(name, key));
        let fields = read_fields(self.context, self.params, "parameter", find, map)?;
        Ok(fields.into_iter().map(|(_, value)| value).collect())
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<Self::Value, E> {
        Err(self.context.fail("got null; expected an object with one member per parameter"))
    }
    fn visit_bool<E: serde::de::Error>(self, _: bool) -> Result<Self::Value, E> {
        Err(self.context.fail("got a boolean; expected an object with one member per parameter"))
    }
    fn visit_i64<E: serde::de::Error>(self, _: i64) -> Result<Self::Value, E> {
        Err(self.context.fail("got a number; expected an object with one member per parameter"))
    }
    fn visit_u64<E: serde::de::Error>(self, _: u64) -> Result<Self::Value, E> {
        self.visit_i64(0)
    }
    fn visit_f64<E: serde::de::Error>(self, _: f64) -> Result<Self::Value, E> {
        self.visit_i64(0)
    }
    fn visit_str<E: serde::de::Error>(self, _: &str) -> Result<Self::Value, E> {
        Err(self.context.fail("got a string; expected an object with one member per parameter"))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, _: A) -> Result<Self::Value, A::Error> {
        Err(self.context.fail("got an array; expected an object with one member per parameter"))
    }
}

/// Reads the members of a record, or the parameters of a call, in the order of the type.
pub(super) fn read_fields<'de, 't, A: MapAccess<'de>>(
    context: &Context<'t>,
    fields: &'t Params,
    what: &str,
    find: impl Fn(&str) -> Option<usize>,
    mut map: A,
) -> Result<Vec<(String, Val)>, A::Error> {
    let each = size_of::<(String, Val)>();
    context.charge(
        fields.iter().fold(0, |n: usize, (name, _)| n.saturating_add(name.len()).saturating_add(each)),
    )?;
    let mut values: Vec<Option<Val>> = fields.iter().map(|_| None).collect();
    let mut expected = 0;
    while let Some(key) = map.next_key::<std::borrow::Cow<'_, str>>()? {
        // Members mostly come in the order of the type.
        let at = match fields.get(expected) {
            Some((name, _)) if spelling::is(name, &key) => Some(expected),
            _ => find(&key),
        };
        let Some((at, (name, ty))) = at.and_then(|at| Some((at, fields.get(at)?))) else {
            return context.within(Step::Written(key.to_string()), || {
                Err(context.fail(format_args!(
                    "unknown {what}; expected one of {}",
                    names(fields.iter().map(|(n, _)| n))
                )))
            });
        };
        expected = at.saturating_add(1);
        // As it was written, so that the pointer finds it.
        let step = if **name == *key { Step::Key(name) } else { Step::Written(key.into_owned()) };
        let value = context.within(step, || {
            if values.get(at).is_some_and(Option::is_some) {
                return Err(context.fail(format_args!("duplicate {what} (`-` and `_` are equivalent)")));
            }
            map.next_value_seed(Seed { context, ty: *ty })
        })?;
        if let Some(slot) = values.get_mut(at) {
            *slot = Some(value);
        }
    }
    let mut record = Vec::with_capacity(fields.len());
    for ((name, ty), value) in fields.iter().zip(values) {
        let value = match value {
            Some(value) => value,
            None if context.types.nullable(*ty) => Val::Option(None),
            None => {
                let seed = Seed { context, ty: *ty };
                return context.within(Step::Key(name), || {
                    Err(context.fail(format_args!("missing; expected {}", seed.expected())))
                });
            }
        };
        record.push((name.as_ref().to_owned(), value));
    }
    Ok(record)
}

/// Returns the first few names, quoted.
pub(super) fn names<'a>(names: impl Iterator<Item = &'a Arc<str>>) -> String {
    const SHOWN: usize = 12;
    let mut out: Vec<String> = Vec::new();
    for (i, name) in names.enumerate() {
        if i == SHOWN {
            out.push("…".into());
            break;
        }
        out.push(quote(name));
    }
    out.join(", ")
}

pub(super) fn quote(text: &str) -> String {
    format!("\"{}\"", crate::text::clean(text, 64))
}

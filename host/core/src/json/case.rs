//! Reads objects that represent one case: of a variant, a result, an option of an option.

use std::collections::BTreeSet;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, Visitor};
use wasmtime::component::Val;

use super::read::Step;
use super::seed::Seed;
use crate::types::TypeId;

impl<'t> Seed<'_, 't> {
    /// Reads the value of the only member, `some`.
    pub(super) fn wrapped<'de, A: MapAccess<'de>>(
        &self,
        map: &mut A,
        inner: TypeId,
    ) -> Result<Val, A::Error> {
        let context = self.context;
        let Some(key) = map.next_key::<std::borrow::Cow<'_, str>>()? else {
            return Err(self.misfit("an empty object"));
        };
        if key != "some" {
            return context.within(Step::Written(key.into()), || Err(self.misfit("an unknown member")));
        }
        context.charge(key.len().saturating_add(size_of::<Val>()))?;
        let value = context.within(Step::Key("some"), || map.next_value_seed(self.of(inner)))?;
        if let Some(key) = map.next_key::<std::borrow::Cow<'_, str>>()? {
            return context.within(Step::Written(key.into()), || Err(self.misfit("a second member")));
        }
        Ok(value)
    }

    /// Reads the one selected member of an object; `find` returns its position, `case` its name and type.
    ///
    /// Clients whose schemas have no unions can write all members. Members that are null, or false for a case without a
    /// value, are not selected.
    pub(super) fn chosen<'de, A: MapAccess<'de>>(
        &self,
        map: &mut A,
        find: impl Fn(&str) -> Option<usize>,
        case: impl Fn(usize) -> Option<(&'t str, Option<TypeId>)>,
    ) -> Result<Chosen<'t>, A::Error> {
        let context = self.context;
        let (mut first, mut others) = (None, BTreeSet::new());
        let (mut chosen, mut null) = (None, None);
        while let Some(key) = map.next_key::<std::borrow::Cow<'_, str>>()? {
            let found = find(&key).and_then(|at| Some((at, case(at)?)));
            let Some((at, (name, ty))) = found else {
                let what = if first.is_none() { "an unknown member" } else { "a second member" };
                return context.within(Step::Written(key.into()), || Err(self.misfit(what)));
            };
            context.charge(name.len().saturating_add(size_of::<Val>()))?;
            let step = || if *name == *key { Step::Key(name) } else { Step::Written(key.to_string()) };
            let again = first.is_some_and(|first| first == at || !others.insert(at));
            first.get_or_insert(at);
            if again {
                return context.within(step(), || Err(self.misfit("the same member twice")));
            }
            let value = context.within(step(), || match ty {
                Some(ty) => Ok(match map.next_value_seed(OrNull(self.of(ty)))? {
                    Some(value) => Member::Value(Some(value)),
                    None => Member::Null,
                }),
                None => map.next_value_seed(Plain),
            })?;
            match value {
                Member::Value(_) if chosen.is_some() => {
                    return context.within(step(), || Err(self.misfit("a second member")));
                }
                Member::Value(value) => chosen = Some((name, value)),
                Member::Null => null = Some((name, ty)),
                Member::Not => {}
            }
        }
        match (chosen, null) {
            (Some((name, value)), _) => Ok(Chosen::Value(name, value)),
            (None, _) if first.is_none() => Err(self.misfit("an empty object")),
            // Alone, null is a value like any other.
            (None, Some((name, None))) if others.is_empty() => Ok(Chosen::Null(name)),
            (None, Some((name, Some(ty)))) if others.is_empty() => {
                if context.types.nullable(ty) {
                    return Ok(Chosen::Value(name, Some(Val::Option(None))));
                }
                context.within(Step::Key(name), || Err(self.of(ty).misfit("null")))
            }
            (None, _) => Err(self.misfit("no member with a value")),
        }
    }
}

/// The selected member of an object.
pub(super) enum Chosen<'t> {
    /// The member and its value, or none if it has none.
    Value(&'t str, Option<Val>),
    /// A member without a value that is null.
    Null(&'t str),
}

/// One member of several.
enum Member {
    Value(Option<Val>),
    Null,
    Not,
}

/// A value, or none for null.
struct OrNull<'c, 't>(Seed<'c, 't>);

impl<'de> DeserializeSeed<'de> for OrNull<'_, '_> {
    type Value = Option<Val>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_option(self)
    }
}

impl<'de> Visitor<'de> for OrNull<'_, '_> {
    type Value = Option<Val>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.expecting(f)
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_none<E: serde::de::Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        self.0.deserialize(deserializer).map(Some)
    }
}

/// The member of a case without a value: true if it is selected.
struct Plain;

impl<'de> DeserializeSeed<'de> for Plain {
    type Value = Member;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl Visitor<'_> for Plain {
    type Value = Member;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("true, since the case has no value")
    }

    fn visit_bool<E: serde::de::Error>(self, meant: bool) -> Result<Self::Value, E> {
        Ok(if meant { Member::Value(None) } else { Member::Not })
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<Self::Value, E> {
        Ok(Member::Null)
    }
}

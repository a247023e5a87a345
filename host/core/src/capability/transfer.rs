//! Bytes that a host call moves: [`Transfer`] counts them, and the run pays fuel for them.

use wasmtime::component::{Resource, Val, WasmList, WasmStr};

/// The size of a value that crosses between a guest and the host, in bytes of the host's form.
///
/// Implemented for the Rust types of WIT's primitives, strings, lists, options, results, tuples and handles. For a
/// type of your own, add up its fields. The default counts the value itself, which is right for a type without
/// strings and lists:
///
/// ```
/// struct Customer { id: u32, name: String }
///
/// impl ringfence::Transfer for Customer {
///     fn transfer_bytes(&self) -> u64 {
///         self.id.transfer_bytes() + self.name.transfer_bytes()
///     }
/// }
/// ```
pub trait Transfer {
    /// Returns the size in bytes.
    fn transfer_bytes(&self) -> u64 {
        size_of_val(self) as u64
    }
}

/// Bytes of a string or a list beside its contents: its address and its length.
const HEADER: u64 = 8;

macro_rules! plain {
    ($($ty:ty)*) => { $(impl Transfer for $ty {})* };
}

plain!(bool char u8 i8 u16 i16 u32 i32 u64 i64 f32 f64);

/// A handle is a number; what it names stays where it is.
impl<T> Transfer for Resource<T> {
    fn transfer_bytes(&self) -> u64 {
        4
    }
}

/// Nothing is read before the function reads it: a function that does counts it itself.
impl Transfer for WasmStr {
    fn transfer_bytes(&self) -> u64 {
        HEADER
    }
}

impl<T> Transfer for WasmList<T> {
    fn transfer_bytes(&self) -> u64 {
        HEADER
    }
}

impl Transfer for String {
    fn transfer_bytes(&self) -> u64 {
        HEADER.saturating_add(self.len() as u64)
    }
}

impl<T: Transfer> Transfer for Vec<T> {
    fn transfer_bytes(&self) -> u64 {
        // A list of bytes is counted without a walk.
        let contents = match size_of::<T>() {
            1 => self.len() as u64,
            _ => self.iter().map(Transfer::transfer_bytes).fold(0, u64::saturating_add),
        };
        HEADER.saturating_add(contents)
    }
}

impl<T: Transfer> Transfer for Option<T> {
    fn transfer_bytes(&self) -> u64 {
        self.as_ref().map_or(0, Transfer::transfer_bytes).saturating_add(1)
    }
}

impl<T: Transfer, E: Transfer> Transfer for Result<T, E> {
    fn transfer_bytes(&self) -> u64 {
        let case = match self {
            Ok(value) => value.transfer_bytes(),
            Err(error) => error.transfer_bytes(),
        };
        case.saturating_add(1)
    }
}

macro_rules! tuples {
    ($(($($name:ident)*))*) => { $(
        impl<$($name: Transfer),*> Transfer for ($($name,)*) {
            #[allow(non_snake_case, reason = "the names are those of the types")]
            fn transfer_bytes(&self) -> u64 {
                let ($($name,)*) = self;
                0_u64 $(.saturating_add($name.transfer_bytes()))*
            }
        }
    )* };
}

tuples!(() (A) (A B) (A B C) (A B C D) (A B C D E) (A B C D E F) (A B C D E F G) (A B C D E F G H));

impl Transfer for Val {
    fn transfer_bytes(&self) -> u64 {
        let mut bytes = 0_u64;
        let mut rest = vec![self];
        while let Some(value) = rest.pop() {
            // The engine holds every value as a `Val`, whatever its type.
            bytes = bytes.saturating_add(size_of::<Val>() as u64);
            match value {
                Val::String(text) | Val::Enum(text) => bytes = bytes.saturating_add(text.len() as u64),
                Val::Flags(names) => {
                    bytes = names.iter().map(|name| name.len() as u64).fold(bytes, u64::saturating_add);
                }
                Val::List(items) | Val::Tuple(items) => rest.extend(items),
                Val::Record(fields) => rest.extend(fields.iter().map(|(_, value)| value)),
                Val::Variant(_, Some(inner))
                | Val::Option(Some(inner))
                | Val::Result(Ok(Some(inner)) | Err(Some(inner))) => rest.push(inner),
                _ => {}
            }
        }
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_and_lists_count_their_contents() {
        assert_eq!("four".to_owned().transfer_bytes(), HEADER + 4);
        assert_eq!(vec![1_u8, 2, 3].transfer_bytes(), HEADER + 3);
        assert_eq!(vec!["a".to_owned(), "bc".to_owned()].transfer_bytes(), HEADER + 2 * HEADER + 3);
        assert_eq!((1_u32, Some(2_u64), ()).transfer_bytes(), 4 + 1 + 8);
        assert_eq!(Result::<String, u8>::Err(1).transfer_bytes(), 2);
    }

    #[test]
    fn values_count_by_their_size_in_the_engine() {
        let value = Val::List(vec![Val::U8(1), Val::String("abc".into())]);
        assert_eq!(value.transfer_bytes(), 3 * size_of::<Val>() as u64 + 3);
    }
}

//! Between an author's types and those that the bindings have for them.
//!
//! The attribute implements both traits for the types of a module. Here are the types that those are made of.

/// A value of the author's, as the bindings have it.
pub trait IntoWit<T> {
    /// Gives it away.
    fn into_wit(self) -> T;
}

/// A value of the bindings, as the author has it.
pub trait FromWit<T>: Sized {
    /// Takes it.
    fn from_wit(value: T) -> Self;
}

macro_rules! same_on_both_sides {
    ($($ty:ty)*) => { $(
        impl IntoWit<$ty> for $ty {
            fn into_wit(self) -> $ty {
                self
            }
        }

        impl FromWit<$ty> for $ty {
            fn from_wit(value: $ty) -> $ty {
                value
            }
        }
    )* };
}

same_on_both_sides!(() bool u8 u16 u32 u64 i8 i16 i32 i64 f32 f64 char String);

impl<A: IntoWit<B>, B> IntoWit<Vec<B>> for Vec<A> {
    fn into_wit(self) -> Vec<B> {
        self.into_iter().map(A::into_wit).collect()
    }
}

impl<A: FromWit<B>, B> FromWit<Vec<B>> for Vec<A> {
    fn from_wit(value: Vec<B>) -> Self {
        value.into_iter().map(A::from_wit).collect()
    }
}

impl<A: IntoWit<B>, B> IntoWit<Option<B>> for Option<A> {
    fn into_wit(self) -> Option<B> {
        self.map(A::into_wit)
    }
}

impl<A: FromWit<B>, B> FromWit<Option<B>> for Option<A> {
    fn from_wit(value: Option<B>) -> Self {
        value.map(A::from_wit)
    }
}

impl<A: IntoWit<B>, B, E: IntoWit<F>, F> IntoWit<Result<B, F>> for Result<A, E> {
    fn into_wit(self) -> Result<B, F> {
        self.map(A::into_wit).map_err(E::into_wit)
    }
}

impl<A: FromWit<B>, B, E: FromWit<F>, F> FromWit<Result<B, F>> for Result<A, E> {
    fn from_wit(value: Result<B, F>) -> Self {
        value.map(A::from_wit).map_err(E::from_wit)
    }
}

macro_rules! tuples {
    ($($($a:ident $b:ident),+;)*) => { $(
        impl<$($a: IntoWit<$b>, $b),+> IntoWit<($($b,)+)> for ($($a,)+) {
            #[allow(non_snake_case, reason = "the variables are named like their types")]
            fn into_wit(self) -> ($($b,)+) {
                let ($($a,)+) = self;
                ($($a.into_wit(),)+)
            }
        }

        impl<$($a: FromWit<$b>, $b),+> FromWit<($($b,)+)> for ($($a,)+) {
            #[allow(non_snake_case, reason = "the variables are named like their types")]
            fn from_wit(value: ($($b,)+)) -> Self {
                let ($($b,)+) = value;
                ($($a::from_wit($b),)+)
            }
        }
    )* };
}

tuples! {
    A1 B1;
    A1 B1, A2 B2;
    A1 B1, A2 B2, A3 B3;
    A1 B1, A2 B2, A3 B3, A4 B4;
    A1 B1, A2 B2, A3 B3, A4 B4, A5 B5;
    A1 B1, A2 B2, A3 B3, A4 B4, A5 B5, A6 B6;
    A1 B1, A2 B2, A3 B3, A4 B4, A5 B5, A6 B6, A7 B7;
    A1 B1, A2 B2, A3 B3, A4 B4, A5 B5, A6 B6, A7 B7, A8 B8;
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two types that are not the same, as a type and its binding.
    #[derive(Debug, PartialEq)]
    struct Mine(u8);
    #[derive(Debug, PartialEq)]
    struct Theirs(u8);

    impl IntoWit<Theirs> for Mine {
        fn into_wit(self) -> Theirs {
            Theirs(self.0)
        }
    }

    impl FromWit<Theirs> for Mine {
        fn from_wit(value: Theirs) -> Self {
            Mine(value.0)
        }
    }

    fn there_and_back<A: IntoWit<B> + FromWit<B> + PartialEq + core::fmt::Debug, B>(make: impl Fn() -> A) -> B {
        assert_eq!(A::from_wit(make().into_wit()), make());
        make().into_wit()
    }

    #[test]
    fn lists_options_and_results() {
        let list: Vec<Theirs> = there_and_back(|| vec![Mine(1), Mine(2)]);
        assert_eq!(list, [Theirs(1), Theirs(2)]);
        let some: Option<Option<Theirs>> = there_and_back(|| Some(Some(Mine(1))));
        assert_eq!(some, Some(Some(Theirs(1))));
        let none: Option<Option<Theirs>> = there_and_back(|| Some(None::<Mine>));
        assert_eq!(none, Some(None));
        let good: Result<Theirs, String> = there_and_back(|| Ok::<_, String>(Mine(3)));
        assert_eq!(good, Ok(Theirs(3)));
        let bad: Result<(), Vec<Theirs>> = there_and_back(|| Err::<(), _>(vec![Mine(4)]));
        assert_eq!(bad, Err(vec![Theirs(4)]));
    }

    #[test]
    fn tuples_keep_their_order() {
        let one: (Theirs,) = there_and_back(|| (Mine(1),));
        assert_eq!(one, (Theirs(1),));
        let eight: (Theirs, u8, char, bool, String, i64, f64, Theirs) =
            there_and_back(|| (Mine(1), 2_u8, '3', true, "5".to_owned(), -6_i64, 7.5_f64, Mine(8)));
        assert_eq!(eight, (Theirs(1), 2, '3', true, "5".to_owned(), -6, 7.5, Theirs(8)));
    }
}

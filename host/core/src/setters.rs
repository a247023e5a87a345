//! Setters of configurations, which are `#[non_exhaustive]` so that a new field breaks no caller.

/// Implements a setter for each field of a configuration. For the crates of Ringfence only.
#[doc(hidden)]
#[macro_export]
macro_rules! __setters {
    ($type:ident { $($setter:ident($field:ident: $of:ty);)+ }) => {
        impl $type {
            $(
                #[doc = concat!("Sets [`", stringify!($type), "::", stringify!($field), "`].")]
                #[must_use]
                pub fn $setter(mut self, $field: $of) -> Self {
                    self.$field = $field;
                    self
                }
            )+
        }
    };
}

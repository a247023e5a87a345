//! Types that WIT does not have: the errors are at the types, and all of them are there.

#![allow(warnings, reason = "it does not compile")]

mod other {
    pub struct Elsewhere;
}

mod a {
    #[ringfence_skill::skill]
    mod types {
        use std::borrow::Cow;
        use std::collections::{BTreeSet, HashMap};
        use std::path::PathBuf;

        use crate::other::Elsewhere;

        type Alias = Vec<u8>;
        struct Private {
            pub a: u8,
        }

        pub fn sizes(a: usize, b: Vec<isize>, c: Option<u128>) {}
        pub fn collections(a: HashMap<String, u8>, b: BTreeSet<u8>, c: [u8; 4], d: Result<u8, Vec<HashMap<u8, u8>>>) {}
        pub fn pointers(a: Box<u8>, b: std::rc::Rc<u8>, c: *const u8, d: fn(u8), e: Cow<str>, f: &dyn Fn()) {}
        pub fn references(a: &String, b: &Vec<u8>, c: &u8, d: Option<&str>, e: Vec<&[u8]>, f: &mut String) {}
        pub fn lifetimes(a: &'static str) -> &'static [u8] {
            &[]
        }
        pub fn units(a: (), b: Vec<()>, c: Result<(), Option<()>>) {}
        pub fn names(a: Private, b: Alias, c: Elsewhere, d: crate::other::Elsewhere, e: PathBuf) {}
        pub fn opaque(a: impl Iterator<Item = u8>) -> impl Iterator<Item = u8> {
            a
        }
        pub fn never() -> ! {
            loop {}
        }
        pub fn long(a: (u8, u8, u8, u8, u8, u8, u8, u8, u8)) {}
    }
}

fn main() {}

//! Names that WIT does not have, or has once only.

#![allow(warnings, reason = "it does not compile")]

mod a {
    #[ringfence_skill::skill]
    mod names {
        pub struct HTTPError {
            pub größe: u8,
            pub a_b: u8,
            pub a__b: u8,
        }
        pub struct HttpError {
            pub _1: u8,
            pub r#gen: u8,
        }
        pub enum Who {
            SELF,
            NotFound,
            NOT_FOUND,
        }
        pub struct Self_ {
            pub a: u8,
        }
        pub fn tool(a: HTTPError, b: HttpError, c: Who, d: Self_) {}
        pub fn same_name() {}
        pub fn same__name() {}
        pub fn parameters(a1: u8, a_1: u8) {}
    }
}

mod b {
    #[ringfence_skill::skill]
    mod clashes {
        pub struct HTTPError {
            pub a: u8,
        }
        pub struct HttpError {
            pub a: u8,
        }
        pub struct Shout {
            pub a: u8,
        }
        pub struct ShoutRecord {
            pub a: u8,
        }
        pub fn shout(a: Shout, b: ShoutRecord, c: HTTPError, d: HttpError) {}
    }
}

mod c {
    #[ringfence_skill::skill]
    mod größe {
        pub fn tool() {}
    }
}

fn main() {}

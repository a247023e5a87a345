//! Structs and enums that are no records, enums or variants of WIT.

#![allow(warnings, reason = "it does not compile")]

mod a {
    #[ringfence_skill::skill]
    mod shapes {
        pub struct Newtype(pub u8);
        pub struct Unit;
        pub struct Pair(pub u8, pub u8);
        pub struct Empty {}
        pub enum NoCase {}
        pub enum Cases {
            Good(u8),
            Struct { a: u8 },
            Two(u8, u8),
            None(),
        }
        pub struct Hidden {
            a: u8,
            pub(crate) b: u8,
        }
        pub struct Generic<T> {
            pub a: T,
        }
        pub struct Conditional {
            #[cfg(test)]
            pub a: u8,
        }
        pub fn tool(a: Newtype, b: Unit, c: Pair, d: Empty, e: NoCase, f: Cases, g: Hidden) {}
        pub fn another(a: Generic<u8>, b: Conditional) {}
    }
}

mod b {
    #[ringfence_skill::skill]
    mod recursion {
        pub struct Tree {
            pub children: Vec<Tree>,
        }
        pub enum Even {
            Zero,
            Next(Box<Odd>),
        }
        pub struct Odd {
            pub before: Vec<Link>,
        }
        pub struct Link {
            pub to: Option<Odd>,
        }
        pub fn tool(a: Tree, b: Even, c: Odd) {}
    }
}

mod c {
    #[ringfence_skill::skill]
    mod taken {
        pub struct String {
            pub a: u8,
        }
        pub fn tool(a: String) {}
    }
}

fn main() {}

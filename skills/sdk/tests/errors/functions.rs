//! Functions that cannot be tools.

#![allow(warnings, reason = "it does not compile")]

mod a {
    #[ringfence_skill::skill]
    mod functions {
        pub async fn waiting() {}
        pub unsafe fn promising() {}
        pub extern "C" fn foreign() {}
        pub fn generic<T: Clone>(a: T) {}
        pub fn borrowing<'a>(a: &'a str) {}
        pub fn sized<const N: usize>(a: [u8; N]) {}
        pub fn bounded(a: String)
        where
            String: Clone,
        {
        }
        pub fn taken_apart((a, b): (u8, u8), _: u8) {}
        #[cfg(test)]
        pub fn conditional() {}
        #[test]
        pub fn test() {}
    }
}

fn main() {}

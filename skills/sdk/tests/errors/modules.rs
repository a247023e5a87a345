//! Modules that are no skills.

#![allow(warnings, reason = "it does not compile")]

mod a {
    #[ringfence_skill::skill]
    mod none {
        fn private() {}
        pub(crate) fn of_the_crate() {}
    }
}

mod b {
    #[ringfence_skill::skill(world = "other")]
    mod options {
        pub fn tool() {}
    }
}

mod c {
    #[ringfence_skill::skill]
    mod unseen {
        #[doc = include_str!("types.rs")]
        pub fn tool() {}
    }
}

mod d {
    #[ringfence_skill::skill]
    pub fn not_a_module() {}
}

mod e {
    #[ringfence_skill::skill]
    mod first {
        pub fn tool() {}
    }

    #[ringfence_skill::skill]
    mod second {
        pub fn tool() {}
    }
}

fn main() {}

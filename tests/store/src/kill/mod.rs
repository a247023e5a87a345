//! What the processes of `kill` have in common: components that answer their own number, chance, a library.

pub mod calls;
pub mod check;
pub mod model;
pub mod process;
pub mod reader;
pub mod rounds;
pub mod writer;

use std::collections::HashMap;
use std::fmt::Write as _;
use std::path::Path;

use ringfence::{Allocator, Digest, Host, HostConfig, Limits, Outcome, Skill};
use ringfence_compile::{CompileLimits, Compiler};
use ringfence_store::{Library, Store, StoreError};

/// Numbers below this are submitted again and again, by all writers: so the same bytes have several names.
pub const SHARED: u32 = 18;

/// Every so many of them is big, and compiles for longer than it is written.
const BIG: u32 = 6;

/// Functions of a big component.
const FUNCTIONS: u32 = 300;

/// A component whose tool `answer` gives `number`.
pub fn component(number: u32) -> Vec<u8> {
    let mut rest = String::new();
    if number < SHARED && number % BIG == BIG - 1 {
        for function in 0..FUNCTIONS {
            rest.push_str("(func (param i32 i32) (result i32)");
            for step in 0..30 {
                let turn = (function * 31 + step * 7 + number) % 31;
                let set = step % 2;
                let _ = write!(
                    rest,
                    "(local.set {set} (i32.add (local.get 0) (i32.rotl (local.get 1) (i32.const {turn}))))"
                );
            }
            rest.push_str("local.get 0)\n");
        }
    }
    let text = format!(
        r#"(component
          (core module $m {rest} (func (export "answer") (result i32) (i32.const {number})))
          (core instance $i (instantiate $m))
          (func (export "answer") (result u32) (canon lift (core func $i "answer"))))"#
    );
    wat::parse_str(text).expect("a component")
}

/// The digests of components, each made once.
#[derive(Default)]
pub struct Digests(HashMap<u32, Digest>);

impl Digests {
    pub fn of(&mut self, number: u32) -> Digest {
        *self.0.entry(number).or_insert_with(|| Digest::of(&component(number)))
    }
}

/// What a skill says it is.
pub async fn answer(host: &Host, skill: &Skill) -> Result<u32, String> {
    let ran = host.run(skill, "answer", serde_json::json!({}), &Limits::default()).await;
    match ran.map_err(|error| error.to_string())?.outcome {
        Outcome::Completed(value) => {
            let number = value.to_value().as_u64().and_then(|number| u32::try_from(number).ok());
            number.ok_or_else(|| format!("it answered {value:?}"))
        }
        other => Err(format!("it ended as {other:?}")),
    }
}

pub fn host() -> Host {
    Host::new(HostConfig::default().with_allocator(Allocator::OnDemand)).expect("a host")
}

pub fn compiler() -> Compiler {
    Compiler::this_program(CompileLimits::default()).expect("this program")
}

/// Opens a store as a process that starts does.
pub fn library(host: &Host, compiler: &Compiler, store: &Path) -> Result<Library, StoreError> {
    Ok(Library::new(host.clone(), compiler.clone(), Store::open(store)?))
}

pub fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime")
}

/// Chance that can be repeated: splitmix64.
pub struct Chance(pub u64);

impl Chance {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `end`.
    pub fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    pub fn small(&mut self, end: u32) -> u32 {
        (self.next() % u64::from(end)) as u32
    }
}

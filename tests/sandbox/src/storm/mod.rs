//! Guests that hold the host: one for each function on offer, made from the offer itself, so that a new function
//! cannot be forgotten; and one for each way to keep the engine busy without a host function.

mod builtins;
mod outside;
mod stubs;
mod typed;

use std::sync::Arc;

use ringfence::{Granted, Host, Limits, Offered, Outcome, Report, ScratchCaps};
use wit_parser::Resolve;

use crate::map::Map;
use stubs::Anything;
pub(crate) use typed::resolve;
use typed::{ENCODINGS, Known, Shape};

/// A guest whose `run` goes on for ever, or ends by the first call to the host.
#[derive(Debug, Clone)]
pub struct Storm {
    /// The function, the shape of its arguments, and the encoding of its strings.
    pub name: String,
    /// The component.
    pub component: Vec<u8>,
    /// The input of `run`.
    pub input: String,
    /// The outcomes with which it may end.
    pub ends: &'static [&'static str],
    /// What a call hands over, in bytes or elements, and the component that hands over a quarter of it.
    pub quarter: Option<(u32, Vec<u8>)>,
}

impl Storm {
    fn new(name: String, component: Vec<u8>, ends: &'static [&'static str]) -> Self {
        Self { name, component, input: "{}".to_owned(), ends, quarter: None }
    }

    /// A guest of text, which goes on for ever.
    pub fn of_text(name: &str, wat: &str) -> Self {
        let component = wat::parse_str(wat).unwrap_or_else(|error| panic!("{name}: {error}\n{wat}"));
        Self::new(name.to_owned(), component, LOOPS)
    }

    /// Whether it calls a function that is linked whatever its types, and grants nothing.
    pub fn grants_nothing(&self) -> bool {
        let function = self.name.split(": ").next().and_then(|function| function.split_once('#'));
        function.is_some_and(|(interface, function)| stubs::is_untyped(interface, function))
    }
}

/// Functions that end the run by the very call, or that nobody can call: there is no handle to be had.
const ENDS_THE_RUN: &[&str] = &[
    "exit",
    "exit-with-code",
    "[method]error.to-debug-string",
    "filesystem-error-code",
    "[method]body.read",
    "http-error-code",
    "[method]future-incoming-response.subscribe",
    "[method]future-incoming-response.get",
    "[method]incoming-response.status",
    "[method]incoming-response.headers",
    "[method]incoming-response.consume",
    "[method]incoming-body.stream",
    "[static]incoming-body.finish",
    "[method]future-trailers.subscribe",
    "[method]future-trailers.get",
];

/// Functions that fill what has an end.
const FILLS: &[&str] = &["[method]fields.append"];

/// What ends a guest that fills something.
const FULL: &[&str] = &["out-of-fuel", "host-call-limit", "output-limit", "deadline-exceeded", "trapped"];

/// What ends a guest that calls for ever.
const LOOPS: &[&str] = &["out-of-fuel", "host-call-limit", "output-limit", "deadline-exceeded"];

/// Limits that only fuel or time ends.
pub fn only_fuel(fuel: u64) -> Limits {
    Limits::default().with_fuel(fuel).with_host_calls(u64::MAX)
}

/// A guest for every function of `host`, with the largest arguments that do not end the run, with the most elements, and
/// with as little as can be. `Err` has the names of functions for which there is no recipe.
pub fn of_functions(host: &Host) -> Result<Vec<Storm>, Vec<String>> {
    let resolve = typed::resolve();
    let (mut storms, mut missing) = (Vec::new(), Vec::new());
    for Offered { interface, item, .. } in host.offered() {
        if stubs::is_untyped(interface, item) {
            if stubs::is_function(item) {
                untyped(host, interface, item, &mut storms);
            } else if !stubs::is_resource(item) {
                missing.push(format!("{interface}#{item}"));
            }
            continue;
        }
        match typed::known(&resolve, interface, item) {
            Known::Function => typed(host, &resolve, interface, item, &mut storms),
            Known::Resource => {}
            Known::Nothing => missing.push(format!("{interface}#{item}")),
        }
    }
    if missing.is_empty() { Ok(storms) } else { Err(missing) }
}

/// A guest for each way without a host function.
pub fn built_in() -> Vec<Storm> {
    builtins::guests()
}

/// A guest for each kind of work around the guest's own code.
pub fn outside() -> Vec<Storm> {
    outside::guests()
}

fn typed(host: &Host, resolve: &Resolve, interface: &str, function: &str, storms: &mut Vec<Storm>) {
    let large = typed::large(resolve, interface, function);
    let ends_at_once = ENDS_THE_RUN.contains(&function);
    let name = |what: &str| format!("{interface}#{function}: {what}");
    let make = |shape, encoding| typed::guest(resolve, interface, function, shape, encoding);
    let small = make(Shape::default(), ENCODINGS[0]);
    let goes_on: &[_] = if FILLS.contains(&function) { FULL } else { LOOPS };
    let ends: &[_] = if ends_at_once { &["trapped"] } else { goes_on };
    storms.push(Storm::new(name("small"), small, ends));
    if ends_at_once {
        return;
    }
    let mut add = |most: u32, what: &str, make: &dyn Fn(u32) -> Vec<u8>| {
        let (size, component) =
            largest(host, most, make).unwrap_or_else(|| panic!("{}: no size goes", name(what)));
        let quarter = Some((size, make(size / 4)));
        storms.push(Storm { quarter, ..Storm::new(name(&format!("{size} {what}")), component, goes_on) });
    };
    let encodings = if large.strings { &ENCODINGS[..] } else { &ENCODINGS[..1] };
    for encoding in encodings.iter().filter(|_| large.strings || large.bytes) {
        let what = format!("bytes in {}", encoding.2);
        add(20, &what, &|bytes| make(Shape { bytes, ..Shape::default() }, *encoding));
    }
    if large.lists {
        add(18, "elements", &|elements| make(Shape { elements, ..Shape::default() }, ENCODINGS[0]));
    }
    if typed::is_length(function) {
        add(20, "as length", &|length| {
            make(Shape { length: length.into(), ..Shape::default() }, ENCODINGS[0])
        });
    }
}

fn untyped(host: &Host, interface: &str, function: &str, storms: &mut Vec<Storm>) {
    const EVERYTHING: &[&str] =
        &["[method]outgoing-response.set-status-code", "resolve-addresses", "[method]tcp-socket.start-bind"];
    let mut all = vec![Anything::nothing(), Anything::bytes()];
    if EVERYTHING.contains(&function) {
        all.extend(Anything::all());
    }
    for what in all {
        let make = |count| stubs::guest(interface, function, &what, count);
        let found = largest(host, 20, &make);
        let (count, component) =
            found.unwrap_or_else(|| panic!("{interface}#{function}: no size goes with {}", what.name));
        let name = format!("{interface}#{function}: {count} {}", what.name);
        let quarter = what.is_list().then(|| (count, make(count / 4)));
        storms.push(Storm { quarter, ..Storm::new(name, component, LOOPS) });
    }
}

/// The largest power of two for which a guest goes on after its first call.
fn largest(host: &Host, most: u32, make: &dyn Fn(u32) -> Vec<u8>) -> Option<(u32, Vec<u8>)> {
    (0..=most).rev().map(|bits| 1 << bits).find_map(|size| {
        let component = make(size);
        let report = run(host, component.clone(), &Limits::default().with_host_calls(4));
        let goes = report.usage.host_calls > 1 && LOOPS.contains(&report.outcome.name());
        goes.then_some((size, component))
    })
}

fn run(host: &Host, component: Vec<u8>, limits: &Limits) -> Report {
    let skill = host.load(component).unwrap_or_else(|error| panic!("{error}"));
    let call = host.call(&skill, "run").limits(limits).grant(granted());
    crate::runtime().block_on(call.json("{}")).unwrap_or_else(|error| panic!("{error}"))
}

/// What a storm is granted: without files and a space there is no handle whose methods it could call.
pub fn granted() -> Granted {
    Granted::nothing().scratch(ScratchCaps::default()).kv(Arc::new(Map::default()))
}

/// Whether a run of a storm ended as one may.
pub fn ended_well(storm: &Storm, outcome: &Outcome) -> bool {
    storm.ends.contains(&outcome.name())
}

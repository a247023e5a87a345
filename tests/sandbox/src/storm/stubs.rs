//! A guest that calls one function which the host links whatever its types: so the guest chooses them, as an attacker
//! would.
//!
//! All resources of these interfaces are one type in the host. So a guest says that the resource whose method it
//! calls *is* the network of `wasi:sockets`, which anybody can have, and every method can be reached.

use std::fmt::Write as _;

/// Interfaces whose functions are linked whatever their types.
const UNTYPED: &[&str] = &[
    "wasi:clocks/timezone@0.2.12",
    "wasi:sockets/network@0.2.12",
    "wasi:sockets/ip-name-lookup@0.2.12",
    "wasi:sockets/tcp@0.2.12",
    "wasi:sockets/tcp-create-socket@0.2.12",
    "wasi:sockets/udp@0.2.12",
    "wasi:sockets/udp-create-socket@0.2.12",
];

/// The resources of `wasi:http/types` whose functions are: its incoming side.
const INCOMING: &[&str] = &["incoming-request", "response-outparam", "outgoing-response"];

const NETWORK: &str = "wasi:sockets/instance-network@0.2.12";

/// Functions of these interfaces that belong to no resource.
const FREE: &[&str] = &[
    "display",
    "utc-offset",
    "network-error-code",
    "resolve-addresses",
    "create-tcp-socket",
    "create-udp-socket",
];

/// Their resources, none of which is a function.
const RESOURCES: &[&str] = &[
    "error",
    "pollable",
    "input-stream",
    "output-stream",
    "network",
    "resolve-address-stream",
    "tcp-socket",
    "udp-socket",
    "incoming-datagram-stream",
    "outgoing-datagram-stream",
    "incoming-request",
    "response-outparam",
    "outgoing-response",
];

pub(super) fn is_untyped(interface: &str, item: &str) -> bool {
    let of = item.split_once(']').map_or(item, |(_, rest)| rest).split('.').next().unwrap_or_default();
    UNTYPED.contains(&interface) || (interface == "wasi:http/types@0.2.12" && INCOMING.contains(&of))
}

pub(super) fn is_resource(item: &str) -> bool {
    RESOURCES.contains(&item)
}

pub(super) fn is_function(item: &str) -> bool {
    item.starts_with('[') || FREE.contains(&item)
}

/// What an attacker passes to a function that takes anything.
#[derive(Debug, Clone)]
pub(super) struct Anything {
    pub(super) name: &'static str,
    /// Declarations and exports before the function, by which it names its types.
    types: String,
    /// The parameter's type.
    param: String,
    /// The result's type.
    result: String,
    /// Bytes of an element in the guest's memory; 0 where no list is passed.
    size: u32,
    /// Whether the elements are handles.
    handles: bool,
}

impl Anything {
    fn list(name: &'static str, item: &str, size: u32) -> Self {
        Self {
            name,
            types: String::new(),
            param: format!("(list {item})"),
            result: "(result)".to_owned(),
            size,
            handles: false,
        }
    }

    /// Whether a list is passed.
    pub(super) fn is_list(&self) -> bool {
        self.size > 0
    }

    /// What every such function gets.
    pub(super) fn bytes() -> Self {
        Self::list("bytes", "u8", 1)
    }

    /// Nothing at all, as often as can be.
    pub(super) fn nothing() -> Self {
        Self { param: String::new(), size: 0, ..Self::list("nothing", "u8", 1) }
    }

    /// What a few of them get: other types make other work.
    pub(super) fn all() -> Vec<Self> {
        let long = "n".repeat(30_000);
        let cases: String = (0..9_999).map(|n| format!(" \"case-number-{n}\"")).collect();
        let deep = (0..60).fold("u8".to_owned(), |ty, _| format!("(option {ty})"));
        vec![
            Self::list("strings", "string", 8),
            Self::list("lists", "(list u8)", 8),
            Self::list("tuples", "(tuple u8 u8 u8 u8)", 4),
            Self::list("options", "(option u8)", 2),
            Self::list("deep", &deep, 61),
            Self { handles: true, ..Self::list("handles", "(borrow $r)", 4) },
            Self {
                types: format!(
                    "(type $long' (enum \"{long}\" \"b\")) (export \"long\" (type $long (eq $long')))"
                ),
                ..Self::list("long-names", "$long", 1)
            },
            Self {
                types: format!(
                    "(type $all' (flags {})) (export \"all\" (type $all (eq $all')))",
                    (0..32).map(|n| format!("\"flag-{n}\"")).collect::<Vec<_>>().join(" ")
                ),
                ..Self::list("flags", "$all", 4)
            },
            Self {
                types: format!("(type $many' (enum {cases})) (export \"many\" (type $many (eq $many')))"),
                param: String::new(),
                result: "(result (error $many))".to_owned(),
                size: 0,
                ..Self::list("cases", "u8", 1)
            },
        ]
    }
}

/// The component: `run: func()` calls the function without end.
pub(super) fn guest(interface: &str, function: &str, what: &Anything, elements: u32) -> Vec<u8> {
    let (kind, rest) = match function.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((kind, rest)) => (kind, rest),
        None => ("", function),
    };
    let resource = if kind.is_empty() { "network" } else { rest.split('.').next().unwrap_or(rest) };
    let constructs = kind == "constructor";
    let count = if what.size == 0 { 0 } else { elements };
    let named = match has(interface, resource) {
        true => format!("(alias outer 1 $network (type $n)) (export \"{resource}\" (type $r (eq $n)))"),
        false => String::new(),
    };
    let without = named.is_empty();
    let mut params = String::new();
    if kind == "method" {
        let _ = write!(params, "(param \"self\" (borrow $r)) ");
    }
    if !(what.param.is_empty() || without && what.handles) {
        let _ = write!(params, "(param \"x\" {})", what.param);
    }
    let result = if constructs { "(own $r)".to_owned() } else { what.result.clone() };
    let imports = format!(
        "(import \"{NETWORK}\" (instance $source
      (export \"network\" (type $network (sub resource)))
      (export \"instance-network\" (func (result (own $network))))))
  (alias export $source \"network\" (type $network))
  (import \"{interface}\" (instance $target {named} {}
      (export \"{function}\" (func {params} (result {result})))))",
        what.types
    );
    let passes = params.contains("\"x\"");
    let core_params = format!(
        "{} {} {}",
        if kind == "method" { "i32" } else { "" },
        if passes { "i32 i32" } else { "" },
        if what.result != "(result)" && !constructs { "i32" } else { "" }
    );
    let (core_result, drop) = match (constructs, what.result == "(result)") {
        (true, _) => ("(result i32)", "(call $give)"),
        (false, true) => ("(result i32)", "(drop)"),
        (false, false) => ("", ""),
    };
    let arguments = format!(
        "{} {} {}",
        if kind == "method" { "(local.get $h)" } else { "" },
        if passes { format!("(i32.const 1024) (i32.const {count})") } else { String::new() },
        if what.result != "(result)" && !constructs { "(i32.const 64)" } else { "" }
    );
    // Handles are passed as often as there are elements: one handle, lent many times.
    let fill = if what.handles {
        format!(
            "(local.set $i (i32.const {}))
      (loop $fill
        (local.set $i (i32.sub (local.get $i) (i32.const 4)))
        (i32.store (i32.add (i32.const 1024) (local.get $i)) (local.get $h))
        (br_if $fill (local.get $i)))",
            (count * 4).max(4)
        )
    } else {
        String::new()
    };
    let pages = ((count * what.size.max(1)) >> 16) + 2;
    let text = format!(
        r#"(component
  {imports}
  (core module $libc (memory (export "memory") {pages})
    (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 256)))
  (core instance $libc (instantiate $libc))
  (alias core export $libc "memory" (core memory $memory))
  (alias core export $libc "realloc" (core func $realloc))
  (core func $make (canon lower (func $source "instance-network")))
  (core func $target (canon lower (func $target "{function}") (memory $memory) (realloc $realloc)))
  (core func $give (canon resource.drop $network))
  (core module $m
    (import "libc" "memory" (memory 1))
    (import "host" "make" (func $make (result i32)))
    (import "host" "give" (func $give (param i32)))
    (import "host" "target" (func $target (param {core_params}) {core_result}))
    (func (export "run") (local $h i32) (local $i i32)
      (local.set $h (call $make))
      {fill}
      (loop $again (call $target {arguments}) {drop} (br $again))))
  (core instance $i (instantiate $m
    (with "libc" (instance $libc))
    (with "host" (instance
      (export "make" (func $make)) (export "give" (func $give)) (export "target" (func $target))))))
  (func (export "run") (canon lift (core func $i "run"))))"#
    );
    wat::parse_str(&text).unwrap_or_else(|error| panic!("{interface}#{function}: {error}\n{text}"))
}

/// Whether the interface has the resource `network` for a function that belongs to none.
fn has(interface: &str, resource: &str) -> bool {
    resource != "network" || interface.starts_with("wasi:sockets/")
}

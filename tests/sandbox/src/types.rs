//! WIT types as data: their component text, and a guest that gives back whatever it is given.

use std::fmt::Write as _;

/// A WIT value type.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "the names are WIT's")]
pub enum Ty {
    /// A type without parts, by its WIT name.
    Plain(&'static str),
    List(Box<Ty>),
    Tuple(Vec<Ty>),
    Record(Vec<Ty>),
    Variant(Vec<Option<Ty>>),
    /// With so many cases.
    Enum(usize),
    /// With so many flags.
    Flags(usize),
    Option(Box<Ty>),
    Result(Option<Box<Ty>>, Option<Box<Ty>>),
}

/// The name of the field, case or flag with that number: every other one has two words.
pub fn name(index: usize) -> String {
    if index.is_multiple_of(2) { format!("n{index}") } else { format!("n{index}-x") }
}

/// A component with `echo: func(all: list<T>) -> list<T>`: whatever `T` is, a list is a pointer and a
/// length, so the same two instructions give it back, out of the guest's memory.
pub fn echo(ty: &Ty) -> String {
    let mut named = String::new();
    let item = text(ty, &mut named, &mut 0);
    format!(
        r#"(component
             (core module $m
               (memory (export "memory") 16)
               (global $next (mut i32) (i32.const 1024))
               (func (export "realloc") (param i32 i32) (param $align i32) (param $size i32) (result i32)
                 (local $at i32)
                 (local.set $at (i32.and
                   (i32.add (global.get $next) (i32.sub (local.get $align) (i32.const 1)))
                   (i32.sub (i32.const 0) (local.get $align))))
                 (global.set $next (i32.add (local.get $at) (local.get $size)))
                 (local.get $at))
               (func (export "echo") (param $ptr i32) (param $len i32) (result i32)
                 (i32.store (i32.const 16) (local.get $ptr))
                 (i32.store (i32.const 20) (local.get $len))
                 (i32.const 16)))
             (core instance $i (instantiate $m))
             (alias core export $i "memory" (core memory $memory))
             {named}
             (func $echo (param "all" (list {item})) (result (list {item}))
               (canon lift (core func $i "echo") (memory $memory) (realloc (core func $i "realloc"))))
             (export "echo" (func $echo)))"#
    )
}

/// The component text of a type; records, variants, enums and flags are named and exported first.
fn text(ty: &Ty, named: &mut String, count: &mut usize) -> String {
    let parts = |tys: &[Ty], named: &mut String, count: &mut usize| {
        tys.iter().map(|ty| text(ty, named, count)).collect::<Vec<_>>()
    };
    let body = match ty {
        Ty::Plain(name) => return (*name).to_owned(),
        Ty::List(item) => return format!("(list {})", text(item, named, count)),
        Ty::Tuple(items) => return format!("(tuple {})", parts(items, named, count).join(" ")),
        Ty::Option(inner) => return format!("(option {})", text(inner, named, count)),
        Ty::Result(ok, err) => {
            let ok = ok.as_ref().map_or_else(String::new, |ty| text(ty, named, count));
            let err =
                err.as_ref().map_or_else(String::new, |ty| format!("(error {})", text(ty, named, count)));
            return format!("(result {ok} {err})");
        }
        Ty::Record(fields) => {
            let fields = parts(fields, named, count);
            let fields = fields.iter().enumerate().map(|(i, ty)| format!("(field \"{}\" {ty})", name(i)));
            format!("(record {})", fields.collect::<String>())
        }
        Ty::Variant(cases) => {
            let mut body = String::from("(variant ");
            for (i, case) in cases.iter().enumerate() {
                let ty = case.as_ref().map_or_else(String::new, |ty| text(ty, named, count));
                let _ = write!(body, "(case \"{}\" {ty})", name(i));
            }
            body + ")"
        }
        Ty::Enum(cases) => format!("(enum {})", quoted(*cases)),
        Ty::Flags(flags) => format!("(flags {})", quoted(*flags)),
    };
    *count += 1;
    let id = *count;
    let _ = writeln!(named, "(type $t{id}' {body}) (export $t{id} \"t{id}\" (type $t{id}'))");
    format!("$t{id}")
}

fn quoted(count: usize) -> String {
    (0..count).map(|i| format!("\"{}\" ", name(i))).collect()
}

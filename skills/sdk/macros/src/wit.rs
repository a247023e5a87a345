//! Writes a skill as WIT.

use std::fmt::Write;

use crate::model::{Defined, Function, Shape, Skill, Type};
use crate::names::in_wit;

/// The world of a skill; it cannot have the name of the interface.
pub(crate) fn world(skill: &Skill) -> String {
    format!("{}-skill", skill.name.wit)
}

/// The package of a skill: one interface, and one world that exports it.
pub(crate) fn text(skill: &Skill) -> String {
    let name = in_wit(&skill.name.wit);
    let mut out = format!("package skill:{name};\n\n");
    docs(&mut out, "", &skill.docs);
    line(&mut out, format_args!("interface {name} {{"));
    let types = &skill.types;
    let mut first = true;
    for ty in types {
        separate(&mut out, &mut first);
        defined(&mut out, ty, types);
    }
    for item in &skill.functions {
        separate(&mut out, &mut first);
        function(&mut out, item, types);
    }
    out.push_str("}\n\n");
    docs(&mut out, "", &skill.docs);
    line(&mut out, format_args!("world {} {{", in_wit(&world(skill))));
    line(&mut out, format_args!("    export {name};"));
    out.push_str("}\n");
    out
}

fn separate(out: &mut String, first: &mut bool) {
    if !*first {
        out.push('\n');
    }
    *first = false;
}

fn defined(out: &mut String, ty: &Defined, types: &[Defined]) {
    docs(out, "    ", &ty.docs);
    line(out, format_args!("    {} {} {{", ty.shape.keyword(), in_wit(&ty.name.wit)));
    for member in ty.shape.members() {
        docs(out, "        ", &member.docs);
        let name = in_wit(&member.name.wit);
        match (&ty.shape, &member.ty) {
            (Shape::Record(_), Some(of)) => line(out, format_args!("        {name}: {},", written(of, types))),
            (_, Some(of)) => line(out, format_args!("        {name}({}),", written(of, types))),
            (_, None) => line(out, format_args!("        {name},")),
        }
    }
    out.push_str("    }\n");
}

fn function(out: &mut String, item: &Function, types: &[Defined]) {
    docs(out, "    ", &item.docs);
    let parameters: Vec<_> = item
        .parameters
        .iter()
        .map(|parameter| format!("{}: {}", in_wit(&parameter.name.wit), written(&parameter.ty, types)))
        .collect();
    let result = item.result.as_ref().map(|ty| format!(" -> {}", written(ty, types))).unwrap_or_default();
    line(out, format_args!("    {}: func({}){result};", in_wit(&item.name.wit), parameters.join(", ")));
}

fn written(ty: &Type, types: &[Defined]) -> String {
    let of = |ty: &Type| written(ty, types);
    match ty {
        Type::Scalar(_, name) => (*name).to_owned(),
        Type::Text => "string".to_owned(),
        Type::List(item) => format!("list<{}>", of(item)),
        Type::Option(item) => format!("option<{}>", of(item)),
        Type::Result(None, None) => "result".to_owned(),
        Type::Result(Some(good), None) => format!("result<{}>", of(good)),
        Type::Result(None, Some(bad)) => format!("result<_, {}>", of(bad)),
        Type::Result(Some(good), Some(bad)) => format!("result<{}, {}>", of(good), of(bad)),
        Type::Tuple(items) => format!("tuple<{}>", items.iter().map(of).collect::<Vec<_>>().join(", ")),
        // A name that is not among the types was an error before this.
        Type::Defined(ident) => {
            types.iter().find(|ty| ty.name.rust == *ident).map(|ty| in_wit(&ty.name.wit)).unwrap_or_default()
        }
    }
}

fn docs(out: &mut String, indent: &str, lines: &[String]) {
    for text in lines {
        let space = if text.is_empty() { "" } else { " " };
        line(out, format_args!("{indent}///{space}{text}"));
    }
}

fn line(out: &mut String, what: core::fmt::Arguments<'_>) {
    // Writing to a string does not fail.
    let _ = writeln!(out, "{what}");
}

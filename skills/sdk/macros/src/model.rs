//! What a skill is, between the Rust that it is read from and the WIT and the bindings that are made of it.

use syn::Ident;

/// A module whose public functions are tools.
#[derive(Debug)]
pub(crate) struct Skill {
    pub(crate) name: Name,
    pub(crate) docs: Vec<String>,
    pub(crate) functions: Vec<Function>,
    /// The types that functions reach, in the order of the source.
    pub(crate) types: Vec<Defined>,
}

/// A name in the author's Rust and in WIT.
#[derive(Debug, Clone)]
pub(crate) struct Name {
    pub(crate) rust: Ident,
    pub(crate) wit: String,
}

#[derive(Debug)]
pub(crate) struct Function {
    pub(crate) name: Name,
    pub(crate) docs: Vec<String>,
    pub(crate) parameters: Vec<Parameter>,
    pub(crate) result: Option<Type>,
}

#[derive(Debug)]
pub(crate) struct Parameter {
    pub(crate) name: Name,
    pub(crate) ty: Type,
    /// The function takes a reference to it.
    pub(crate) by_reference: bool,
}

/// A type of the module.
#[derive(Debug)]
pub(crate) struct Defined {
    pub(crate) name: Name,
    pub(crate) docs: Vec<String>,
    pub(crate) shape: Shape,
}

#[derive(Debug)]
pub(crate) enum Shape {
    Record(Vec<Member>),
    /// An enum of cases without payloads.
    Enum(Vec<Member>),
    Variant(Vec<Member>),
}

/// A field, which has a type, or a case, which may have one.
#[derive(Debug)]
pub(crate) struct Member {
    pub(crate) name: Name,
    pub(crate) docs: Vec<String>,
    pub(crate) ty: Option<Type>,
}

#[derive(Debug, Clone)]
pub(crate) enum Type {
    /// A number, a `bool` or a `char`, by its names in Rust and in WIT.
    Scalar(&'static str, &'static str),
    Text,
    List(Box<Type>),
    Option(Box<Type>),
    /// None stands for `()`.
    Result(Option<Box<Type>>, Option<Box<Type>>),
    Tuple(Vec<Type>),
    /// A type of the module.
    Defined(Ident),
}

impl Type {
    /// The types of the module in it.
    pub(crate) fn defined(&self) -> Vec<&Ident> {
        match self {
            Self::Scalar(..) | Self::Text => Vec::new(),
            Self::List(item) | Self::Option(item) => item.defined(),
            Self::Result(good, bad) => [good, bad].into_iter().flatten().flat_map(|ty| ty.defined()).collect(),
            Self::Tuple(items) => items.iter().flat_map(Self::defined).collect(),
            Self::Defined(ident) => vec![ident],
        }
    }
}

impl Shape {
    pub(crate) fn members(&self) -> &[Member] {
        match self {
            Self::Record(members) | Self::Enum(members) | Self::Variant(members) => members,
        }
    }

    /// What WIT calls it.
    pub(crate) fn keyword(&self) -> &'static str {
        match self {
            Self::Record(_) => "record",
            Self::Enum(_) => "enum",
            Self::Variant(_) => "variant",
        }
    }
}

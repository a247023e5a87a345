//! Compares types of two tables. A type fits another if all its JSON is JSON of the other, with the same meaning. Each
//! pair is compared once, so shared types cost no more than one.

use std::cell::Cell;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::{BreakingChange, Changes, LISTED, NAME_BYTES, TEXT_BYTES, written};
use crate::text::clean;
use crate::types::{TypeDef, TypeId, TypeTable};

/// Maximum depth of a pair. The validator stops at 100 levels, and a step that only removes an `option` from one side
/// adds some. It applies to types from elsewhere too, so that a cycle of ids ends.
const DEPTH: u32 = 256;

/// Maximum number of compared type nodes, and of nodes visited to find the place of a difference. A skill at its cap of
/// nodes needs a tenth of it against a similar one.
const WORK: u32 = 1 << 20;

/// Maximum number of pairs visited to find the place of a difference in one parameter or result.
const EXPLAINED: usize = 4096;

/// A step into a type.
#[derive(Debug, Clone, Copy)]
enum Step<'t> {
    /// The type itself.
    Here,
    Items,
    Index(usize),
    Name(&'t str),
}

/// One side of a difference between two types.
#[derive(Debug, Clone, Copy)]
enum Side {
    Type(TypeId),
    /// A missing member of a record.
    Absent,
    /// A case without a value.
    Bare,
    /// A name of an enum or flags.
    Known,
    /// A missing name of an enum or flags.
    Unknown,
}

impl Side {
    fn of(ty: Option<TypeId>) -> Self {
        ty.map_or(Self::Bare, Self::Type)
    }

    fn text(self, types: &TypeTable) -> String {
        match self {
            Self::Type(ty) => types.text(ty, TEXT_BYTES),
            Self::Absent => "no such member".into(),
            Self::Bare => "no value".into(),
            Self::Known => "a known name".into(),
            Self::Unknown => "no such name".into(),
        }
    }
}

/// The requirements of one level of a pair of types.
#[derive(Debug, Clone, Copy)]
enum Demand<'t> {
    /// These pairs must fit.
    Fits(Step<'t>, TypeId, TypeId),
    /// The pair does not fit.
    Misfit(Step<'t>, Side, Side),
}

/// Compares types of one table with types of another, each pair once.
pub(super) struct Relation<'t> {
    pub(super) from: &'t TypeTable,
    pub(super) to: &'t TypeTable,
    known: HashMap<(TypeId, TypeId), bool>,
    comparing: u32,
    explaining: u32,
}

impl<'t> Relation<'t> {
    pub(super) fn new(from: &'t TypeTable, to: &'t TypeTable) -> Self {
        Self { from, to, known: HashMap::new(), comparing: WORK, explaining: WORK }
    }

    /// Returns whether `to` accepts all JSON that `from` accepts, with the same meaning.
    fn fits(&mut self, from: TypeId, to: TypeId, depth: u32) -> bool {
        if let Some(known) = self.known.get(&(from, to)) {
            return *known;
        }
        // What is too deep or too much to compare does not fit, as far as anybody knows.
        if depth > DEPTH || self.comparing == 0 {
            return false;
        }
        // A type that is met within itself (the validator lets none pass) does not fit either.
        self.known.insert((from, to), false);
        let mut demands = Vec::new();
        demand(self.from, self.to, from, to, &mut demands);
        self.comparing = self.comparing.saturating_sub(self.cost(from, to));
        let fits = demands.iter().all(|demand| match *demand {
            Demand::Fits(_, from, to) => self.fits(from, to, depth.saturating_add(1)),
            Demand::Misfit(..) => false,
        });
        self.known.insert((from, to), fits);
        fits
    }

    /// Returns the cost of comparing a pair, including names that need no comparison.
    fn cost(&self, from: TypeId, to: TypeId) -> u32 {
        let nodes = width(self.from.get(from)).saturating_add(width(self.to.get(to)));
        u32::try_from(nodes).unwrap_or(u32::MAX).saturating_add(1)
    }

    /// Adds a change for each place where `from` does not fit `to`. A pair of types with parts that occurs in several
    /// places counts in the first of them.
    pub(super) fn explain(
        &mut self,
        from: TypeId,
        to: TypeId,
        root: &str,
        changes: &mut Changes,
        change: impl Fn(String, String, String) -> BreakingChange,
    ) {
        if self.fits(from, to, 0) {
            return;
        }
        if changes.full() {
            changes.more = changes.more.saturating_add(1);
            return;
        }
        let (from_types, to_types) = (self.from, self.to);
        let (found, mut cut) = (Cell::new(false), false);
        let add = |changes: &mut Changes, path: String, (from, to): (Side, Side)| {
            found.set(true);
            changes.add(|| change(path, from.text(from_types), to.text(to_types)));
        };
        // Depth first, in the order of the type; what was put last comes first.
        let mut seen = HashSet::from([(from, to)]);
        let mut left = vec![(from, to, root.to_owned())];
        while let Some((from, to, path)) = left.pop() {
            if changes.full() {
                changes.more = changes.more.saturating_add(1);
                return;
            }
            if self.explaining == 0 || seen.len() > EXPLAINED {
                cut = true;
                break;
            }
            self.explaining = self.explaining.saturating_sub(self.cost(from, to));
            let (mut demands, mut deeper) = (Vec::new(), Vec::new());
            demand(from_types, to_types, from, to, &mut demands);
            for demand in demands {
                match demand {
                    Demand::Misfit(step, from, to) => add(changes, within(&path, root, step), (from, to)),
                    Demand::Fits(step, from, to) => {
                        if self.fits(from, to, 0) {
                            continue;
                        }
                        if deeper.len() > LISTED {
                            cut = true;
                        } else if is_leaf(from_types.get(from)) || seen.insert((from, to)) {
                            deeper.push((from, to, within(&path, root, step)));
                        }
                    }
                }
            }
            left.extend(deeper.into_iter().rev());
        }
        // Too deep or too much to compare: the whole is named.
        if !found.get() {
            add(changes, root.to_owned(), (Side::Type(from), Side::Type(to)));
        } else if cut {
            changes.more = changes.more.saturating_add(1);
        }
    }

    /// Explains values that can lack a type, and are then written as `null`.
    pub(super) fn explain_value(
        &mut self,
        from: Option<TypeId>,
        to: Option<TypeId>,
        root: &str,
        changes: &mut Changes,
        change: impl Fn(String, String, String) -> BreakingChange,
    ) {
        match (from, to) {
            (None, None) => {}
            (None, Some(to)) if self.to.nullable(to) => {}
            (Some(from), Some(to)) => self.explain(from, to, root, changes, change),
            (from, to) => {
                let (from, to) = (written(self.from, from), written(self.to, to));
                changes.add(|| change(root.to_owned(), from, to));
            }
        }
    }
}

/// Extends a path by one step: `parameter text`, `parameter text /a`, `parameter text /a/*`.
fn within(path: &str, root: &str, step: Step<'_>) -> String {
    let gap = if path.len() == root.len() { " " } else { "" };
    let step = match step {
        Step::Here => return path.to_owned(),
        Step::Items => "*".to_owned(),
        Step::Index(index) => index.to_string(),
        Step::Name(name) => clean(name, NAME_BYTES),
    };
    clean(&format!("{path}{gap}/{step}"), TEXT_BYTES)
}

/// Returns whether a type has no parts.
fn is_leaf(def: &TypeDef) -> bool {
    match def {
        TypeDef::List(_)
        | TypeDef::Tuple(_)
        | TypeDef::Record(_)
        | TypeDef::Variant(_)
        | TypeDef::Option(_)
        | TypeDef::Result(..) => false,
        TypeDef::Bool
        | TypeDef::S8
        | TypeDef::U8
        | TypeDef::S16
        | TypeDef::U16
        | TypeDef::S32
        | TypeDef::U32
        | TypeDef::S64
        | TypeDef::U64
        | TypeDef::F32
        | TypeDef::F64
        | TypeDef::Char
        | TypeDef::String
        | TypeDef::Bytes
        | TypeDef::Enum(_)
        | TypeDef::Flags(_) => true,
    }
}

/// Counts the parts of a type at its own level.
fn width(def: &TypeDef) -> usize {
    match def {
        TypeDef::Tuple(items) => items.len(),
        TypeDef::Record(fields) => fields.len(),
        TypeDef::Variant(cases) => cases.len(),
        TypeDef::Enum(names) | TypeDef::Flags(names) => names.len(),
        _ => 1,
    }
}

/// Returns the requirements for `from` to fit `to`, at its own level.
fn demand<'t>(
    from_types: &'t TypeTable,
    to_types: &'t TypeTable,
    from: TypeId,
    to: TypeId,
    out: &mut Vec<Demand<'t>>,
) {
    use TypeDef as T;
    let misfit = Demand::Misfit(Step::Here, Side::Type(from), Side::Type(to));
    match (from_types.get(from), to_types.get(to)) {
        // `null` and a value; the value is wrapped where it may be `null` itself.
        (T::Option(a), T::Option(b)) => match (from_types.nullable(*a), to_types.nullable(*b)) {
            (false, false) => out.push(Demand::Fits(Step::Here, *a, *b)),
            (true, true) => out.push(Demand::Fits(Step::Name("some"), *a, *b)),
            (true, false) | (false, true) => out.push(misfit),
        },
        (T::Option(_), _) => out.push(misfit),
        (_, T::Option(inner)) => {
            if to_types.nullable(*inner) {
                out.push(misfit);
            } else {
                out.push(Demand::Fits(Step::Here, from, *inner));
            }
        }
        (T::List(a), T::List(b)) => out.push(Demand::Fits(Step::Items, *a, *b)),
        (T::Tuple(items), T::List(item)) => {
            out.extend(items.iter().zip(0..).map(|(ty, i)| Demand::Fits(Step::Index(i), *ty, *item)));
        }
        (T::Tuple(a), T::Tuple(b)) => {
            if a.len() == b.len() {
                let pairs = a.iter().zip(b).zip(0..);
                out.extend(pairs.map(|((a, b), i)| Demand::Fits(Step::Index(i), *a, *b)));
            } else {
                out.push(misfit);
            }
        }
        (T::Record(a), T::Record(b)) => records(from_types, to_types, (from, a), (to, b), out),
        (T::Variant(a), T::Variant(b)) => {
            for (name, ours) in a {
                let theirs = to_types.position(to, name).and_then(|at| b.get(at)).map(|(_, ty)| *ty);
                case(Step::Name(name), *ours, theirs, out);
            }
        }
        // A case without a value is written as its name, as that of an enum is.
        (T::Enum(a), T::Variant(b)) => {
            for name in a {
                let theirs = to_types.position(to, name).and_then(|at| b.get(at)).map(|(_, ty)| *ty);
                case(Step::Name(name), None, theirs, out);
            }
        }
        (T::Variant(a), T::Enum(_)) => {
            for (name, ours) in a {
                case(Step::Name(name), *ours, to_types.position(to, name).map(|_| None), out);
            }
        }
        (T::Variant(a), T::String) => {
            for (name, ours) in a {
                case(Step::Name(name), *ours, Some(None), out);
            }
        }
        (T::Enum(a), T::Enum(_)) | (T::Flags(a), T::Flags(_)) => {
            let missing = a.iter().filter(|name| to_types.position(to, name).is_none());
            out.extend(missing.map(|name| Demand::Misfit(Step::Name(name), Side::Known, Side::Unknown)));
        }
        (T::Result(ok, err), T::Result(to_ok, to_err)) => {
            for (name, a, b) in [("ok", *ok, *to_ok), ("error", *err, *to_err)] {
                match (a, b) {
                    (None, None) => {}
                    (Some(a), Some(b)) => out.push(Demand::Fits(Step::Name(name), a, b)),
                    // No value is written `null`, which is also an option that is not there.
                    (None, Some(b)) if to_types.nullable(b) => {}
                    (a, b) => out.push(Demand::Misfit(Step::Name(name), Side::of(a), Side::of(b))),
                }
            }
        }
        (a, b) => {
            if !plain(a, b) {
                out.push(misfit);
            }
        }
    }
}

/// Compares a case of a variant or enum with the case of that name on the other side, if any.
fn case<'t>(step: Step<'t>, from: Option<TypeId>, to: Option<Option<TypeId>>, out: &mut Vec<Demand<'t>>) {
    match (from, to) {
        (None, Some(None)) => {}
        (Some(from), Some(Some(to))) => out.push(Demand::Fits(step, from, to)),
        // `"case"` and `{"case": null}` are not the same, so an option is no way out.
        (from, Some(to)) => out.push(Demand::Misfit(step, Side::of(from), Side::of(to))),
        (_, None) => out.push(Demand::Misfit(step, Side::Known, Side::Unknown)),
    }
}

/// Compares members: objects are closed, and only an `option` can be absent.
fn records<'t>(
    from_types: &'t TypeTable,
    to_types: &'t TypeTable,
    (from, from_fields): (TypeId, &'t [(Arc<str>, TypeId)]),
    (to, to_fields): (TypeId, &'t [(Arc<str>, TypeId)]),
    out: &mut Vec<Demand<'t>>,
) {
    for (name, ours) in from_fields {
        let step = Step::Name(name);
        match to_types.position(to, name).and_then(|at| to_fields.get(at)) {
            Some((_, theirs)) => out.push(Demand::Fits(step, *ours, *theirs)),
            None => out.push(Demand::Misfit(step, Side::Type(*ours), Side::Absent)),
        }
    }
    for (name, theirs) in to_fields {
        if !to_types.nullable(*theirs) && from_types.position(from, name).is_none() {
            out.push(Demand::Misfit(Step::Name(name), Side::Absent, Side::Type(*theirs)));
        }
    }
}

/// Compares types without parts. Numbers fit if every value is exact. Integers of 64 bits can also be strings, so they
/// fit nothing narrower and no float.
fn plain(from: &TypeDef, to: &TypeDef) -> bool {
    use TypeDef as T;
    match from {
        T::Bool => matches!(to, T::Bool),
        T::U8 => {
            matches!(to, T::U8 | T::U16 | T::S16 | T::U32 | T::S32 | T::U64 | T::S64 | T::F32 | T::F64)
        }
        T::S8 => matches!(to, T::S8 | T::S16 | T::S32 | T::S64 | T::F32 | T::F64),
        T::U16 => matches!(to, T::U16 | T::U32 | T::S32 | T::U64 | T::S64 | T::F32 | T::F64),
        T::S16 => matches!(to, T::S16 | T::S32 | T::S64 | T::F32 | T::F64),
        T::U32 => matches!(to, T::U32 | T::U64 | T::S64 | T::F64),
        T::S32 => matches!(to, T::S32 | T::S64 | T::F64),
        T::U64 => matches!(to, T::U64),
        T::S64 => matches!(to, T::S64),
        T::F32 => matches!(to, T::F32 | T::F64),
        T::F64 => matches!(to, T::F64),
        T::Char => matches!(to, T::Char | T::String),
        T::String => matches!(to, T::String),
        // Base64 and text are both strings, and do not mean the same.
        T::Bytes => matches!(to, T::Bytes),
        T::Enum(_) => matches!(to, T::String),
        T::List(_)
        | T::Tuple(_)
        | T::Record(_)
        | T::Variant(_)
        | T::Flags(_)
        | T::Option(_)
        | T::Result(..) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pairs of pairs, `depth` levels of them: 2^`depth` ways to the leaf.
    fn bomb(leaf: TypeDef, depth: u32) -> (TypeTable, TypeId) {
        let mut types = TypeTable::default();
        let mut ty = types.intern(leaf);
        for _ in 0..depth {
            ty = types.intern(TypeDef::Record(vec![("a".into(), ty), ("b".into(), ty)]));
        }
        (types, ty)
    }

    fn changes(old: &(TypeTable, TypeId), new: &(TypeTable, TypeId)) -> Vec<BreakingChange> {
        measured(old, new).0
    }

    /// The changes and what finding them took: pairs that were compared, and type nodes that were looked at.
    fn measured(old: &(TypeTable, TypeId), new: &(TypeTable, TypeId)) -> (Vec<BreakingChange>, usize, u32) {
        let mut changes = Changes::default();
        let change = |place, old, new| BreakingChange::ParameterType { tool: String::new(), place, old, new };
        let mut relation = Relation::new(&old.0, &new.0);
        relation.explain(old.1, new.1, "parameter p", &mut changes, change);
        let nodes = [relation.comparing, relation.explaining].map(|left| WORK.saturating_sub(left));
        (changes.finish(), relation.known.len(), nodes.into_iter().sum())
    }

    #[test]
    fn shared_types_are_compared_once() {
        let (old, new) = (bomb(TypeDef::U8, 40), bomb(TypeDef::U16, 40));
        let (found, pairs, nodes) = measured(&old, &new);
        assert_eq!((found, pairs), (Vec::new(), 41));
        assert!(nodes <= 41 * 5, "{nodes}");
        let (found, pairs, nodes) = measured(&new, &old);
        assert_eq!(pairs, 41);
        assert!(nodes <= 2 * 41 * 5, "{nodes}");
        // The innermost pair holds the leaf twice; nothing else is said twice.
        assert_eq!(found.len(), 2, "{found:?}");
        let BreakingChange::ParameterType { place, old, new, .. } = &found[0] else { panic!("{found:?}") };
        assert_eq!((place.len(), &**old, &**new), ("parameter p ".len() + 40 * 2, "u16", "u8"));
    }

    #[test]
    fn no_pair_is_compared_twice() {
        // Every type of the one can meet every type of the other.
        let types = |leaf| {
            let mut types = TypeTable::default();
            let mut last = types.intern(leaf);
            let mut ty = types.intern(TypeDef::Option(last));
            for _ in 0..60 {
                let deeper = types.intern(TypeDef::Tuple(vec![ty, last, ty]));
                (last, ty) = (ty, types.intern(TypeDef::List(deeper)));
            }
            (types, ty)
        };
        // Two tuples are 7 nodes, and no pair is more. What does not fit is looked at once more, to say where.
        let (found, pairs, nodes) = measured(&types(TypeDef::U8), &types(TypeDef::U8));
        assert_eq!((found, pairs), (Vec::new(), 122));
        assert!(nodes as usize <= pairs * 7, "{nodes}");
        let (found, pairs, nodes) = measured(&types(TypeDef::String), &types(TypeDef::U8));
        assert!(!found.is_empty() && pairs <= 122 * 122, "{pairs}");
        assert!(nodes as usize <= 2 * pairs * 7, "{nodes}");
    }

    #[test]
    fn too_deep_is_not_called_compatible() {
        let chain = |leaf, depth| {
            let mut types = TypeTable::default();
            let mut ty = types.intern(leaf);
            for _ in 0..depth {
                ty = types.intern(TypeDef::List(ty));
            }
            (types, ty)
        };
        assert_eq!(changes(&chain(TypeDef::U16, 200), &chain(TypeDef::U32, 200)), []);
        for depth in [200, 100_000] {
            assert_eq!(changes(&chain(TypeDef::U32, depth), &chain(TypeDef::S32, depth)).len(), 1, "{depth}");
        }
        assert_eq!(changes(&chain(TypeDef::U16, 100_000), &chain(TypeDef::U32, 100_000)).len(), 1);
    }

    #[test]
    fn wide_types_are_compared_within_bounds() {
        // Each of many small records is compared with one that has many members, none of which it must have.
        let record = |types: &mut TypeTable, count: usize| {
            let leaf = types.intern(TypeDef::Bool);
            let option = types.intern(TypeDef::Option(leaf));
            let fields = (0..count).map(|i| (format!("n{i}").into(), option));
            types.intern(TypeDef::Record(fields.collect()))
        };
        let (mut small, mut wide) = (TypeTable::default(), TypeTable::default());
        let items = (1..2_000).map(|i| record(&mut small, i % 200 + i / 200)).collect();
        let old = small.intern(TypeDef::Tuple(items));
        let item = record(&mut wide, 100_000);
        let new = wide.intern(TypeDef::List(item));
        let (old, new) = ((small, old), (wide, new));
        let (found, pairs, _) = measured(&old, &new);
        assert_eq!(found.len(), 1);
        // A look at one of 2,000 pairs goes over all members of the wide record, and there is work for ten such
        // looks and the one that is cut; beside them are the list, its members' option and what is in it.
        assert!(pairs <= WORK as usize / 100_000 + 4, "{pairs}");
    }

    #[test]
    fn a_cycle_of_ids_ends() {
        // Ids are dense, so a list that is interned second can name itself through the id of another table.
        let (mut other, mut types) = (TypeTable::default(), TypeTable::default());
        other.intern(TypeDef::Bool);
        let second = other.intern(TypeDef::U8);
        types.intern(TypeDef::Bool);
        let cycle = types.intern(TypeDef::List(second));
        assert_eq!(cycle, second);
        assert_eq!(changes(&(types.clone(), cycle), &(types, cycle)).len(), 1);
    }
}

//! Says what the columns of a table are.

use std::collections::BTreeSet;

use crate::aggregate::Extreme;
use crate::filter::is_empty;
use crate::number::Number;
use crate::table::{Table, at_most};

/// What all cells of a column are; the cases of `kind` in the WIT, from narrow to wide.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Empty,
    Integer,
    Number,
    Boolean,
    Date,
    Text,
}

/// A column as it is; the fields of `column` in the WIT.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Column {
    pub(crate) kind: Kind,
    pub(crate) empty: usize,
    pub(crate) distinct: usize,
    pub(crate) min: Option<String>,
    pub(crate) max: Option<String>,
    pub(crate) examples: Vec<String>,
}

/// How many characters of a cell are shown, and how many examples.
const SHOWN: usize = 100;
const EXAMPLES: usize = 3;

pub(crate) fn describe(table: &Table, column: usize) -> Column {
    let mut kind = Kind::Empty;
    let mut empty: usize = 0;
    let mut distinct = BTreeSet::new();
    let mut examples = Vec::new();
    let mut least = Extreme::new(false);
    let mut greatest = Extreme::new(true);
    for row in 0..table.len() {
        let cell = table.cell(row, column);
        if is_empty(cell) {
            empty = empty.saturating_add(1);
            continue;
        }
        if distinct.insert(cell) {
            // What occurred before changes none of these.
            kind = widened(kind, cell);
            least.add(cell);
            greatest.add(cell);
            if examples.len() < EXAMPLES {
                examples.push(at_most(cell, SHOWN));
            }
        }
    }
    let shown = |extreme: &Extreme<'_>| extreme.cell().map(|cell| at_most(cell, SHOWN));
    Column { kind, empty, distinct: distinct.len(), min: shown(&least), max: shown(&greatest), examples }
}

/// The kind of cells of `kind` and `cell` together.
fn widened(kind: Kind, cell: &str) -> Kind {
    match (kind, kind_of(cell)) {
        (Kind::Empty, kind) => kind,
        (Kind::Integer, Kind::Number) | (Kind::Number, Kind::Integer) => Kind::Number,
        (before, kind) if before == kind => kind,
        _ => Kind::Text,
    }
}

fn kind_of(cell: &str) -> Kind {
    let cell = cell.trim();
    if let Some(number) = Number::parse(cell) {
        return if number.is_whole() { Kind::Integer } else { Kind::Number };
    }
    if ["true", "false", "yes", "no"].iter().any(|word| word.eq_ignore_ascii_case(cell)) {
        return Kind::Boolean;
    }
    if is_date(cell) { Kind::Date } else { Kind::Text }
}

/// `2026-05-31`, and a time after it. Which days a month has is not looked at.
fn is_date(cell: &str) -> bool {
    let Some(([y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2], time)) = cell.as_bytes().split_first_chunk::<10>() else {
        return false;
    };
    let two = |tens: u8, ones: u8| match (tens, ones) {
        (b'0'..=b'9', b'0'..=b'9') => {
            Some(tens.saturating_sub(b'0').saturating_mul(10).saturating_add(ones.saturating_sub(b'0')))
        }
        _ => None,
    };
    let year = [y1, y2, y3, y4].into_iter().all(u8::is_ascii_digit);
    let month = two(*m1, *m2).is_some_and(|month| (1..=12).contains(&month));
    let day = two(*d1, *d2).is_some_and(|day| (1..=31).contains(&day));
    let time = match time {
        [] => true,
        [b'T' | b't' | b' ', h1, h2, b':', m1, m2, rest @ ..] => {
            two(*h1, *h2).is_some_and(|hour| hour < 24)
                && two(*m1, *m2).is_some_and(|minute| minute < 60)
                && rest.iter().all(|byte| matches!(byte, b'0'..=b'9' | b':' | b'.' | b'+' | b'-' | b'Z' | b'z'))
        }
        _ => false,
    };
    year && month && day && time
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::Format;

    fn column(cells: &str) -> Column {
        describe(&Table::read(cells, Format { delimiter: ',', header: false, ragged: false }).unwrap(), 0)
    }

    #[test]
    fn kinds_are_as_narrow_as_the_cells_allow() {
        for (cells, kind) in [
            ("\" \"\n", Kind::Empty),
            ("1\n-2\n\" \"\n", Kind::Integer),
            ("1\n2.5\n", Kind::Number),
            ("1e3\n", Kind::Number),
            ("true\nFalse\nyes\n", Kind::Boolean),
            ("2026-05-31\n2026-05-31T10:00:00.5+02:00\n2026-01-01 00:00\n", Kind::Date),
            ("2026-13-01\n", Kind::Text),
            ("2026-05-31Q\n", Kind::Text),
            ("2026-05-31T99:00\n", Kind::Text),
            ("1\ntrue\n", Kind::Text),
            ("1\nx\n2\n", Kind::Text),
        ] {
            assert_eq!(column(cells).kind, kind, "{cells:?}");
        }
    }

    #[test]
    fn cells_are_counted_and_shown() {
        let found = column("10\n9\n\" \"\n10\n10.0\n");
        assert_eq!((found.empty, found.distinct), (1, 3));
        assert_eq!((found.min.as_deref(), found.max.as_deref()), (Some("9"), Some("10")));
        assert_eq!(found.examples, ["10", "9", "10.0"]);
        let long = column(&"x".repeat(1000));
        assert_eq!(long.max.map(|cell| cell.chars().count()), Some(SHOWN + 1));
        assert_eq!(column("\" \"\n").min, None);
    }
}

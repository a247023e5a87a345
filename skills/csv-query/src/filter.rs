//! Conditions on a cell.

use core::cmp::Ordering;

use crate::number::Number;

/// What a cell must be, with the values read once for all rows.
#[derive(Debug)]
pub(crate) enum Condition {
    OneOf(Vec<Value>),
    NoneOf(Vec<Value>),
    Compared(Value, Comparison),
    Between(Value, Value),
    Contains(String),
    StartsWith(String),
    EndsWith(String),
    Empty(bool),
    Number,
    NotNumber,
}

/// Which results of a comparison fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Comparison {
    Less,
    AtMost,
    More,
    AtLeast,
}

impl Comparison {
    fn fits(self, ordering: Ordering) -> bool {
        match self {
            Self::Less => ordering.is_lt(),
            Self::AtMost => ordering.is_le(),
            Self::More => ordering.is_gt(),
            Self::AtLeast => ordering.is_ge(),
        }
    }
}

/// What a cell is compared with.
#[derive(Debug)]
pub(crate) struct Value {
    number: Option<Number>,
    text: String,
}

impl Value {
    fn new(text: String, ignore_case: bool) -> Self {
        Self { number: Number::parse(&text), text: folded(text, ignore_case) }
    }
}

/// `text`, without its case if that does not matter.
fn folded(text: String, ignore_case: bool) -> String {
    if ignore_case { text.to_lowercase() } else { text }
}

/// A condition on one column.
#[derive(Debug)]
pub(crate) struct Filter {
    pub(crate) column: usize,
    condition: Condition,
    ignore_case: bool,
}

/// What is asked of a cell, in texts: what the bindings bring.
#[derive(Debug)]
pub(crate) enum Asked {
    OneOf(Vec<String>),
    NoneOf(Vec<String>),
    Compared(String, Comparison),
    Between(String, String),
    Contains(String),
    StartsWith(String),
    EndsWith(String),
    Empty(bool),
    Number,
    NotNumber,
}

impl Filter {
    pub(crate) fn new(column: usize, asked: Asked, ignore_case: bool) -> Self {
        let value = |text| Value::new(text, ignore_case);
        let condition = match asked {
            Asked::OneOf(values) => Condition::OneOf(values.into_iter().map(value).collect()),
            Asked::NoneOf(values) => Condition::NoneOf(values.into_iter().map(value).collect()),
            Asked::Compared(text, comparison) => Condition::Compared(value(text), comparison),
            Asked::Between(lower, upper) => Condition::Between(value(lower), value(upper)),
            Asked::Contains(text) => Condition::Contains(folded(text, ignore_case)),
            Asked::StartsWith(text) => Condition::StartsWith(folded(text, ignore_case)),
            Asked::EndsWith(text) => Condition::EndsWith(folded(text, ignore_case)),
            Asked::Empty(empty) => Condition::Empty(empty),
            Asked::Number => Condition::Number,
            Asked::NotNumber => Condition::NotNumber,
        };
        Self { column, condition, ignore_case }
    }

    pub(crate) fn fits(&self, cell: &str) -> bool {
        let empty = is_empty(cell);
        let lowered;
        let text = if self.ignore_case {
            lowered = cell.to_lowercase();
            lowered.as_str()
        } else {
            cell
        };
        match &self.condition {
            Condition::OneOf(values) => equals_one(cell, text, values),
            Condition::NoneOf(values) => !equals_one(cell, text, values),
            Condition::Compared(value, comparison) => {
                !empty && ordered(cell, text, value).is_some_and(|ordering| comparison.fits(ordering))
            }
            Condition::Between(lower, upper) => {
                let number = lower.number.zip(upper.number);
                match number {
                    Some((lower, upper)) => Number::parse(cell)
                        .is_some_and(|cell| cell.compare(lower).is_ge() && cell.compare(upper).is_le()),
                    None => !empty && text >= lower.text.as_str() && text <= upper.text.as_str(),
                }
            }
            Condition::Contains(part) => text.contains(part.as_str()),
            Condition::StartsWith(part) => text.starts_with(part.as_str()),
            Condition::EndsWith(part) => text.ends_with(part.as_str()),
            Condition::Empty(wanted) => empty == *wanted,
            Condition::Number => Number::parse(cell).is_some(),
            Condition::NotNumber => !empty && Number::parse(cell).is_none(),
        }
    }
}

/// Whether there is nothing but spaces.
pub(crate) fn is_empty(cell: &str) -> bool {
    cell.trim().is_empty()
}

fn equals_one(cell: &str, text: &str, values: &[Value]) -> bool {
    let number = Number::parse(cell);
    values.iter().any(|value| match number.zip(value.number) {
        Some((cell, value)) => cell.compare(value).is_eq(),
        None => text == value.text,
    })
}

/// How the cell compares with `value`; not at all if only that is a number.
fn ordered(cell: &str, text: &str, value: &Value) -> Option<Ordering> {
    match value.number {
        Some(value) => Number::parse(cell).map(|cell| cell.compare(value)),
        None => Some(text.cmp(value.text.as_str())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fits(asked: Asked, ignore_case: bool, cells: &str) -> String {
        let filter = Filter::new(0, asked, ignore_case);
        cells.split(',').filter(|cell| filter.fits(cell)).collect::<Vec<_>>().join(",")
    }

    #[test]
    fn numbers_are_compared_by_number_and_anything_else_as_text() {
        let cells = "9,10,10.0,1e1,n/a,,-3, 11 ";
        let compared = |text: &str, comparison| fits(Asked::Compared(text.into(), comparison), false, cells);
        assert_eq!(compared("10", Comparison::Less), "9,-3");
        assert_eq!(compared("10", Comparison::AtMost), "9,10,10.0,1e1,-3");
        assert_eq!(compared("10", Comparison::More), " 11 ");
        assert_eq!(compared("10", Comparison::AtLeast), "10,10.0,1e1, 11 ");
        assert_eq!(fits(Asked::OneOf(vec!["10".into()]), false, cells), "10,10.0,1e1");
        assert_eq!(fits(Asked::NoneOf(vec!["10".into(), "n/a".into()]), false, cells), "9,,-3, 11 ");
        assert_eq!(fits(Asked::Between("9".into(), "10".into()), false, cells), "9,10,10.0,1e1");
        let dates = "2026-01-31,2025-12-01,,2026-02-01";
        assert_eq!(fits(Asked::Compared("2026-02".into(), Comparison::Less), false, dates), "2026-01-31,2025-12-01");
        assert_eq!(fits(Asked::Between("2026-01".into(), "2026-02".into()), false, dates), "2026-01-31");
    }

    #[test]
    fn text_is_sought_with_and_without_case() {
        let cells = "Äpfel,äpfel,Apfel,";
        assert_eq!(fits(Asked::OneOf(vec!["ÄPFEL".into()]), true, cells), "Äpfel,äpfel");
        assert_eq!(fits(Asked::OneOf(vec!["Äpfel".into()]), false, cells), "Äpfel");
        assert_eq!(fits(Asked::Contains("PF".into()), true, cells), "Äpfel,äpfel,Apfel");
        assert_eq!(fits(Asked::Contains("PF".into()), false, cells), "");
        assert_eq!(fits(Asked::StartsWith("ä".into()), false, cells), "äpfel");
        assert_eq!(fits(Asked::EndsWith("".into()), false, cells), cells);
    }

    #[test]
    fn emptiness_and_numbers_are_kinds() {
        let cells = "1, ,x,,2.5";
        assert_eq!(fits(Asked::Empty(true), false, cells), " ,");
        assert_eq!(fits(Asked::Empty(false), false, cells), "1,x,2.5");
        assert_eq!(fits(Asked::Number, false, cells), "1,2.5");
        assert_eq!(fits(Asked::NotNumber, false, cells), "x");
    }
}

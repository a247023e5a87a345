//! What is computed of the rows of a group, one row after the other.

use std::collections::BTreeSet;

use crate::filter::is_empty;
use crate::number::Number;
use crate::table::{Error, Table};

/// What is computed; the cases of `function` in the WIT.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Function {
    Count,
    CountDistinct,
    Sum,
    Mean,
    Median,
    Min,
    Max,
    First,
    Last,
}

impl Function {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Count => "count",
            Self::CountDistinct => "count-distinct",
            Self::Sum => "sum",
            Self::Mean => "mean",
            Self::Median => "median",
            Self::Min => "min",
            Self::Max => "max",
            Self::First => "first",
            Self::Last => "last",
        }
    }
}

/// A column of the answer.
#[derive(Debug)]
pub(crate) struct Aggregate {
    pub(crate) function: Function,
    /// Without one, rows are counted.
    pub(crate) column: Option<usize>,
    pub(crate) name: String,
}

/// What is known of the rows so far.
#[derive(Debug)]
pub(crate) enum State<'a> {
    Count(u64),
    Distinct(BTreeSet<&'a str>),
    Sum(Option<Number>),
    Mean(Option<Number>, u32),
    Median(Vec<Number>),
    Extreme(Extreme<'a>),
    First(Option<&'a str>),
    Last(Option<&'a str>),
}

impl<'a> State<'a> {
    pub(crate) fn new(function: Function) -> Self {
        match function {
            Function::Count => Self::Count(0),
            Function::CountDistinct => Self::Distinct(BTreeSet::new()),
            Function::Sum => Self::Sum(Some(Number::ZERO)),
            Function::Mean => Self::Mean(Some(Number::ZERO), 0),
            Function::Median => Self::Median(Vec::new()),
            Function::Min => Self::Extreme(Extreme::new(false)),
            Function::Max => Self::Extreme(Extreme::new(true)),
            Function::First => Self::First(None),
            Function::Last => Self::Last(None),
        }
    }

    /// Takes in a row; empty cells leave everything as it is.
    pub(crate) fn add(&mut self, table: &'a Table, row: usize, column: Option<usize>) -> Result<(), Error> {
        let Some(column) = column else {
            if let Self::Count(count) = self {
                *count = count.saturating_add(1);
            }
            return Ok(());
        };
        let cell = table.cell(row, column);
        if is_empty(cell) {
            return Ok(());
        }
        let number = || Number::parse(cell).ok_or_else(|| table.bad_cell(row, column, "is not a number"));
        match self {
            Self::Count(count) => *count = count.saturating_add(1),
            Self::Distinct(cells) => {
                cells.insert(cell);
            }
            Self::Sum(sum) => {
                *sum = sum.and_then(|sum| number().map(|number| sum.plus(number)).transpose()).transpose()?
            }
            Self::Mean(sum, count) => {
                let number = number()?;
                *sum = sum.and_then(|sum| sum.plus(number));
                *count = count.saturating_add(1);
            }
            Self::Median(numbers) => numbers.push(number()?),
            Self::Extreme(extreme) => extreme.add(cell),
            Self::First(first) => *first = first.or(Some(cell)),
            Self::Last(last) => *last = Some(cell),
        }
        Ok(())
    }

    /// What came out; `name` is for the error.
    pub(crate) fn result(self, name: &str) -> Result<String, Error> {
        let too_large = || Error::Value(format!("`{name}` is beyond the range of numbers"));
        Ok(match self {
            Self::Count(count) => count.to_string(),
            Self::Distinct(cells) => cells.len().to_string(),
            Self::Sum(sum) => sum.ok_or_else(too_large)?.to_string(),
            Self::Mean(_, 0) => String::new(),
            Self::Mean(sum, count) => divided(sum.ok_or_else(too_large)?, count),
            Self::Median(mut numbers) => {
                numbers.sort_by(|a, b| a.order(*b));
                let middle = numbers.len() / 2;
                match (numbers.get(middle), numbers.len().is_multiple_of(2)) {
                    (None, _) => String::new(),
                    (Some(number), false) => number.to_string(),
                    (Some(upper), true) => {
                        let lower = numbers.get(middle.saturating_sub(1)).unwrap_or(upper);
                        divided(lower.plus(*upper).ok_or_else(too_large)?, 2)
                    }
                }
            }
            Self::Extreme(extreme) => extreme.cell().unwrap_or_default().to_owned(),
            Self::First(cell) | Self::Last(cell) => cell.unwrap_or_default().to_owned(),
        })
    }
}

/// `sum / count`, to the nearest float.
fn divided(sum: Number, count: u32) -> String {
    Number::Float(sum.to_float() / f64::from(count)).to_string()
}

/// The least or the greatest of cells: by number as long as all are numbers, else by text.
#[derive(Debug)]
pub(crate) struct Extreme<'a> {
    greatest: bool,
    number: Option<(Number, &'a str)>,
    text: Option<&'a str>,
    all_numbers: bool,
}

impl<'a> Extreme<'a> {
    pub(crate) fn new(greatest: bool) -> Self {
        Self { greatest, number: None, text: None, all_numbers: true }
    }

    pub(crate) fn add(&mut self, cell: &'a str) {
        let better = |ordering: core::cmp::Ordering| if self.greatest { ordering.is_gt() } else { ordering.is_lt() };
        if self.text.is_none_or(|best| better(cell.cmp(best))) {
            self.text = Some(cell);
        }
        match Number::parse(cell) {
            None => self.all_numbers = false,
            Some(number) if self.number.is_none_or(|(best, _)| better(number.order(best))) => {
                self.number = Some((number, cell));
            }
            Some(_) => {}
        }
    }

    pub(crate) fn cell(&self) -> Option<&'a str> {
        if self.all_numbers { self.number.map(|(_, cell)| cell) } else { self.text }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::Format;

    fn of(function: Function, cells: &str) -> Result<String, Error> {
        let table = Table::read(cells, Format { delimiter: ',', header: false, ragged: false }).unwrap();
        let mut state = State::new(function);
        for row in 0..table.len() {
            state.add(&table, row, Some(0))?;
        }
        state.result("x")
    }

    #[test]
    fn every_function() {
        let cells = "10\n9.5\n\" \"\n9.50\n1e1\n";
        for (function, result) in [
            (Function::Count, "4"),
            (Function::CountDistinct, "4"),
            (Function::Sum, "39"),
            (Function::Mean, "9.75"),
            (Function::Median, "9.75"),
            (Function::Min, "9.5"),
            (Function::Max, "1e1"),
            (Function::First, "10"),
            (Function::Last, "1e1"),
        ] {
            assert_eq!(of(function, cells).unwrap(), result, "{function:?}");
        }
        assert_eq!(of(Function::Median, "3\n1\n2\n").unwrap(), "2");
        assert_eq!(of(Function::Sum, "0.1\n0.2\n").unwrap(), "0.3");
        assert_eq!(of(Function::Min, "10\n9\nn/a\n").unwrap(), "10"); // by text
        assert_eq!(of(Function::Max, "10\n9\n").unwrap(), "10");
    }

    #[test]
    fn text_and_overflow_fail_with_their_reason() {
        for function in [Function::Sum, Function::Mean, Function::Median] {
            let why = "line 2, column `#1`: `x` is not a number";
            assert_eq!(of(function, "1\nx\n"), Err(Error::Value(why.into())), "{function:?}");
            let much = of(function, "1e308\n1e308\n");
            assert_eq!(much, Err(Error::Value("`x` is beyond the range of numbers".into())), "{function:?}");
        }
    }
}

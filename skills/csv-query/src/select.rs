//! Answers a question from a table: filters, then groups or columns, then order, then limits.

use core::cmp::Ordering;
use std::collections::BTreeMap;

use crate::aggregate::{Aggregate, State};
use crate::filter::{self, Filter};
use crate::number::Number;
use crate::table::{Error, Table};

/// A question whose columns were found.
#[derive(Debug, Default)]
pub(crate) struct Query {
    /// The columns of the answer; all if absent.
    pub(crate) columns: Option<Vec<usize>>,
    pub(crate) filters: Vec<Filter>,
    pub(crate) group_by: Vec<usize>,
    pub(crate) aggregates: Vec<Aggregate>,
    /// Names of columns, and whether from the greatest to the least.
    pub(crate) order: Vec<(String, bool)>,
    pub(crate) offset: usize,
    pub(crate) limit: usize,
}

/// An answer; the fields of `answer` in the WIT.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) columns: Vec<String>,
    pub(crate) rows: Vec<Vec<String>>,
    pub(crate) read: usize,
    pub(crate) matched: usize,
    pub(crate) total: usize,
}

pub(crate) fn select(table: &Table, query: &Query) -> Result<Answer, Error> {
    let fits = |row: &usize| query.filters.iter().all(|filter| filter.fits(table.cell(*row, filter.column)));
    let rows: Vec<usize> = (0..table.len()).filter(fits).collect();
    if query.group_by.is_empty() && query.aggregates.is_empty() {
        plain(table, query, rows)
    } else {
        if query.columns.is_some() {
            return Err(Error::Query("`columns` cannot go with `group-by` or `aggregates`: leave it out".into()));
        }
        grouped(table, query, &rows)
    }
}

/// Rows of the table.
fn plain(table: &Table, query: &Query, mut rows: Vec<usize>) -> Result<Answer, Error> {
    let matched = rows.len();
    let mut order = Vec::new();
    for (name, descending) in &query.order {
        order.push((table.column(name)?, *descending));
    }
    sort(&mut rows, &order, |row, column| table.cell(*row, column));
    let columns = query.columns.clone().unwrap_or_else(|| (0..table.width()).collect());
    let shown = rows.iter().skip(query.offset).take(query.limit);
    let cells = |row: &usize| columns.iter().map(|column| table.cell(*row, *column).to_owned()).collect();
    Ok(Answer {
        rows: shown.map(cells).collect(),
        columns: columns.iter().map(|column| table.name(*column).to_owned()).collect(),
        read: table.len(),
        matched,
        total: matched,
    })
}

/// One row for each group.
fn grouped(table: &Table, query: &Query, rows: &[usize]) -> Result<Answer, Error> {
    let mut columns: Vec<String> = query.group_by.iter().map(|column| table.name(*column).to_owned()).collect();
    columns.extend(query.aggregates.iter().map(|aggregate| aggregate.name.clone()));

    let new_states = || query.aggregates.iter().map(|aggregate| State::new(aggregate.function)).collect::<Vec<_>>();
    let mut places: BTreeMap<Vec<&str>, usize> = BTreeMap::new();
    let mut groups: Vec<(Vec<&str>, Vec<State<'_>>)> = Vec::new();
    if query.group_by.is_empty() {
        // All rows together are a group even if there is none.
        places.insert(Vec::new(), 0);
        groups.push((Vec::new(), new_states()));
    }
    for row in rows {
        let key: Vec<&str> = query.group_by.iter().map(|column| table.cell(*row, *column)).collect();
        let place = match places.get(&key) {
            Some(place) => *place,
            None => {
                places.insert(key.clone(), groups.len());
                groups.push((key, new_states()));
                groups.len().saturating_sub(1)
            }
        };
        let Some((_, states)) = groups.get_mut(place) else { continue };
        for (state, aggregate) in states.iter_mut().zip(&query.aggregates) {
            state.add(table, *row, aggregate.column)?;
        }
    }

    let mut answers: Vec<Vec<String>> = Vec::with_capacity(groups.len());
    for (key, states) in groups {
        let mut answer: Vec<String> = key.into_iter().map(str::to_owned).collect();
        for (state, aggregate) in states.into_iter().zip(&query.aggregates) {
            answer.push(state.result(&aggregate.name)?);
        }
        answers.push(answer);
    }
    let mut order = Vec::new();
    for (name, descending) in &query.order {
        let Some(column) = columns.iter().position(|column| column == name) else {
            let columns = columns.join("`, `");
            return Err(Error::Query(format!("`order` names `{name}`, but the answer has the columns `{columns}`")));
        };
        order.push((column, *descending));
    }
    let total = answers.len();
    let mut places: Vec<usize> = (0..total).collect();
    let cell =
        |place: &usize, column: usize| answers.get(*place).and_then(|row| row.get(column)).map_or("", |cell| cell);
    sort(&mut places, &order, cell);
    let shown = places.iter().skip(query.offset).take(query.limit);
    let shown = shown.filter_map(|place| answers.get(*place).cloned()).collect();
    Ok(Answer { columns, rows: shown, read: table.len(), matched: rows.len(), total })
}

/// What a cell is sorted as.
enum Key<'a> {
    Number(Number),
    Text(&'a str),
    Empty,
}

impl<'a> Key<'a> {
    fn new(cell: &'a str) -> Self {
        match Number::parse(cell) {
            Some(number) => Self::Number(number),
            None if filter::is_empty(cell) => Self::Empty,
            None => Self::Text(cell),
        }
    }

    /// Numbers, then text, then nothing, in either direction.
    fn compare(&self, other: &Self, descending: bool) -> Ordering {
        let ordering = match (self, other) {
            (Self::Number(a), Self::Number(b)) => a.order(*b),
            (Self::Text(a), Self::Text(b)) => a.cmp(b),
            _ => return self.rank().cmp(&other.rank()),
        };
        if descending { ordering.reverse() } else { ordering }
    }

    fn rank(&self) -> u8 {
        match self {
            Self::Number(_) => 0,
            Self::Text(_) => 1,
            Self::Empty => 2,
        }
    }
}

/// Sorts `rows` by the columns of `order`; equal ones stay as they are.
fn sort<'a>(rows: &mut Vec<usize>, order: &[(usize, bool)], cell: impl Fn(&usize, usize) -> &'a str) {
    if order.is_empty() {
        return;
    }
    let keys = |row: usize| (row, order.iter().map(|(column, _)| Key::new(cell(&row, *column))).collect::<Vec<_>>());
    let mut keyed: Vec<(usize, Vec<Key<'_>>)> = rows.iter().map(|row| keys(*row)).collect();
    keyed.sort_by(|(_, a), (_, b)| {
        let pairs = a.iter().zip(b).zip(order);
        pairs.fold(Ordering::Equal, |so_far, ((a, b), (_, descending))| so_far.then_with(|| a.compare(b, *descending)))
    });
    rows.clear();
    rows.extend(keyed.into_iter().map(|(row, _)| row));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aggregate::Function;
    use crate::filter::{Asked, Comparison};
    use crate::table::Format;

    const SALES: &str = "city,item,price,count\n\
        Oslo,pen,1.50,10\n\
        Rome,ink,9.99,1\n\
        Oslo,ink,10.01,\n\
        Rome,pen,1.50,30\n\
        Bern,pad,n/a,5\n";

    fn table(text: &str) -> Table {
        Table::read(text, Format { delimiter: ',', header: true, ragged: false }).unwrap()
    }

    fn all() -> Query {
        Query { limit: 100, ..Query::default() }
    }

    fn order(columns: &[(&str, bool)]) -> Vec<(String, bool)> {
        columns.iter().map(|(name, descending)| ((*name).to_owned(), *descending)).collect()
    }

    fn aggregate(function: Function, column: Option<usize>, name: &str) -> Aggregate {
        Aggregate { function, column, name: name.into() }
    }

    fn rows(text: &str, query: &Query) -> Vec<String> {
        select(&table(text), query).unwrap().rows.iter().map(|row| row.join("|")).collect()
    }

    #[test]
    fn without_a_question_the_answer_is_the_table() {
        let answer = select(&table(SALES), &all()).unwrap();
        assert_eq!(answer.columns, ["city", "item", "price", "count"]);
        assert_eq!((answer.read, answer.matched, answer.total), (5, 5, 5));
        assert_eq!(answer.rows[2], ["Oslo", "ink", "10.01", ""]);
    }

    #[test]
    fn rows_are_chosen_cut_and_sorted() {
        let less = Filter::new(2, Asked::Compared("10".into(), Comparison::Less), false);
        let query = Query {
            columns: Some(vec![2, 0]),
            filters: vec![less],
            order: order(&[("price", true), ("city", false)]),
            offset: 1,
            limit: 1,
            ..Query::default()
        };
        let answer = select(&table(SALES), &query).unwrap();
        assert_eq!(answer.columns, ["price", "city"]);
        assert_eq!(answer.rows, [["1.50", "Oslo"]]);
        assert_eq!((answer.read, answer.matched, answer.total), (5, 3, 3));
    }

    #[test]
    fn numbers_come_before_text_and_nothing_comes_last() {
        let sorted = |name, descending| {
            let query = Query { columns: Some(vec![2, 3]), order: order(&[(name, descending)]), ..all() };
            rows(SALES, &query)
        };
        assert_eq!(sorted("price", false), ["1.50|10", "1.50|30", "9.99|1", "10.01|", "n/a|5"]);
        assert_eq!(sorted("price", true), ["10.01|", "9.99|1", "1.50|10", "1.50|30", "n/a|5"]);
        assert_eq!(sorted("count", true), ["1.50|30", "1.50|10", "n/a|5", "9.99|1", "10.01|"]);
    }

    #[test]
    fn groups_come_in_the_order_of_their_first_row() {
        let query = Query {
            group_by: vec![0],
            aggregates: vec![
                aggregate(Function::Count, None, "rows"),
                aggregate(Function::Count, Some(3), "counts"),
                aggregate(Function::Sum, Some(3), "sum"),
                aggregate(Function::Max, Some(2), "max"),
            ],
            ..all()
        };
        assert_eq!(rows(SALES, &query), ["Oslo|2|1|10|10.01", "Rome|2|2|31|9.99", "Bern|1|1|5|n/a"]);
        let query = Query { order: order(&[("sum", true)]), limit: 2, ..query };
        let answer = select(&table(SALES), &query).unwrap();
        assert_eq!(answer.rows[0], ["Rome", "2", "2", "31", "9.99"]);
        assert_eq!((answer.rows.len(), answer.total, answer.matched), (2, 3, 5));
        // Without aggregates: the distinct rows.
        assert_eq!(rows(SALES, &Query { group_by: vec![1], ..all() }), ["pen", "ink", "pad"]);
    }

    #[test]
    fn all_rows_are_one_group_even_if_there_are_none() {
        let none = Filter::new(0, Asked::OneOf(vec!["Paris".into()]), false);
        let functions = [
            Function::Count,
            Function::CountDistinct,
            Function::Sum,
            Function::Mean,
            Function::Median,
            Function::Min,
            Function::Max,
            Function::First,
            Function::Last,
        ];
        let aggregates = functions.map(|function| aggregate(function, Some(2), "x")).into();
        assert_eq!(rows(SALES, &Query { filters: vec![none], aggregates, ..all() }), ["0|0|0||||||"]);
        assert_eq!(rows("a\n", &Query { group_by: vec![0], ..all() }), [""; 0]);
    }

    #[test]
    fn values_that_do_not_fit_are_named() {
        let sum = Query { aggregates: vec![aggregate(Function::Sum, Some(2), "sum")], ..all() };
        let why = "line 6, column `price`: `n/a` is not a number";
        assert_eq!(select(&table(SALES), &sum), Err(Error::Value(why.into())));
        let unknown = Query { order: order(&[("price", false)]), ..Query { group_by: vec![0], ..all() } };
        let why = "`order` names `price`, but the answer has the columns `city`";
        assert_eq!(select(&table(SALES), &unknown), Err(Error::Query(why.into())));
        let both = Query { columns: Some(vec![0]), group_by: vec![0], ..all() };
        assert!(matches!(select(&table(SALES), &both), Err(Error::Query(_))));
    }
}

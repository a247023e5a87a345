//! A Ringfence skill that answers questions about a table in CSV: two tools, and nothing imported.
//!
//! The promise to callers is in `wit/csv-query.wit`. [`table`] reads, [`filter`], [`aggregate`] and [`select`] answer, and
//! [`describe`] describes; all are plain Rust with their tests beside them, and this file only joins them to the bindings.

mod aggregate;
mod describe;
mod filter;
mod number;
mod select;
mod table;

mod bindings {
    wit_bindgen::generate!({ world: "csv-query", path: "wit" });
}

use aggregate::Aggregate;
use bindings::exports::ringfence::csv_query::table as wit;
use filter::{Asked, Comparison, Filter};
use select::Query;
use table::{Error, Table};

struct Skill;

impl wit::Guest for Skill {
    fn select(text: String, query: wit::Query, format: Option<wit::Format>) -> Result<wit::Answer, wit::CsvError> {
        answer(&text, query, format).map_err(error)
    }

    fn describe(text: String, format: Option<wit::Format>) -> Result<wit::Description, wit::CsvError> {
        let table = Table::read(&text, read_format(format)).map_err(error)?;
        let columns = (0..table.width()).map(|column| described(&table, column)).collect();
        Ok(wit::Description { rows: number(table.len()), columns })
    }
}

bindings::export!(Skill with_types_in bindings);

/// How many rows are given when the caller does not say.
const DEFAULT_LIMIT: u32 = 100;

fn answer(text: &str, query: wit::Query, format: Option<wit::Format>) -> Result<wit::Answer, Error> {
    let table = Table::read(text, read_format(format))?;
    let columns = |names: Vec<String>| names.iter().map(|name| table.column(name)).collect::<Result<Vec<_>, _>>();
    let query = Query {
        columns: query.columns.map(columns).transpose()?,
        filters: read_filters(&table, query.filters.unwrap_or_default())?,
        group_by: columns(query.group_by.unwrap_or_default())?,
        aggregates: read_aggregates(&table, query.aggregates.unwrap_or_default())?,
        order: query
            .order
            .unwrap_or_default()
            .into_iter()
            .map(|sort| (sort.column, sort.descending.unwrap_or(false)))
            .collect(),
        offset: size(query.offset.unwrap_or(0)),
        limit: size(query.limit.unwrap_or(DEFAULT_LIMIT)),
    };
    let answer = select::select(&table, &query)?;
    Ok(wit::Answer {
        columns: answer.columns,
        rows: answer.rows,
        rows_read: number(answer.read),
        rows_matched: number(answer.matched),
        rows_total: number(answer.total),
    })
}

fn read_format(format: Option<wit::Format>) -> table::Format {
    let format = format.unwrap_or(wit::Format { delimiter: None, header: None, ragged: None });
    table::Format {
        delimiter: format.delimiter.unwrap_or(','),
        header: format.header.unwrap_or(true),
        ragged: format.ragged.unwrap_or(false),
    }
}

fn read_filters(table: &Table, filters: Vec<wit::Filter>) -> Result<Vec<Filter>, Error> {
    filters
        .into_iter()
        .map(|filter| {
            let column = table.column(&filter.column)?;
            Ok(Filter::new(column, asked(filter.is), filter.ignore_case.unwrap_or(false)))
        })
        .collect()
}

fn asked(condition: wit::Condition) -> Asked {
    match condition {
        wit::Condition::Equals(value) => Asked::OneOf(vec![value]),
        wit::Condition::NotEquals(value) => Asked::NoneOf(vec![value]),
        wit::Condition::OneOf(values) => Asked::OneOf(values),
        wit::Condition::NoneOf(values) => Asked::NoneOf(values),
        wit::Condition::Less(value) => Asked::Compared(value, Comparison::Less),
        wit::Condition::AtMost(value) => Asked::Compared(value, Comparison::AtMost),
        wit::Condition::More(value) => Asked::Compared(value, Comparison::More),
        wit::Condition::AtLeast(value) => Asked::Compared(value, Comparison::AtLeast),
        wit::Condition::Between(range) => Asked::Between(range.lower, range.upper),
        wit::Condition::Contains(text) => Asked::Contains(text),
        wit::Condition::StartsWith(text) => Asked::StartsWith(text),
        wit::Condition::EndsWith(text) => Asked::EndsWith(text),
        wit::Condition::Empty => Asked::Empty(true),
        wit::Condition::NotEmpty => Asked::Empty(false),
        wit::Condition::Number => Asked::Number,
        wit::Condition::NotNumber => Asked::NotNumber,
    }
}

fn read_aggregates(table: &Table, aggregates: Vec<wit::Aggregate>) -> Result<Vec<Aggregate>, Error> {
    aggregates
        .into_iter()
        .map(|aggregate| {
            let function = match aggregate.function {
                wit::Function::Count => aggregate::Function::Count,
                wit::Function::CountDistinct => aggregate::Function::CountDistinct,
                wit::Function::Sum => aggregate::Function::Sum,
                wit::Function::Mean => aggregate::Function::Mean,
                wit::Function::Median => aggregate::Function::Median,
                wit::Function::Min => aggregate::Function::Min,
                wit::Function::Max => aggregate::Function::Max,
                wit::Function::First => aggregate::Function::First,
                wit::Function::Last => aggregate::Function::Last,
            };
            let name = function.name();
            let (column, default) = match aggregate.column {
                Some(column) => (Some(table.column(&column)?), format!("{name}({column})")),
                None if function == aggregate::Function::Count => (None, name.to_owned()),
                None => return Err(Error::Query(format!("`{name}` needs a column"))),
            };
            Ok(Aggregate { function, column, name: aggregate.name.unwrap_or(default) })
        })
        .collect()
}

fn described(table: &Table, column: usize) -> wit::Column {
    let found = describe::describe(table, column);
    wit::Column {
        name: table.name(column).to_owned(),
        kind: match found.kind {
            describe::Kind::Empty => wit::Kind::Empty,
            describe::Kind::Integer => wit::Kind::Integer,
            describe::Kind::Number => wit::Kind::Number,
            describe::Kind::Boolean => wit::Kind::Boolean,
            describe::Kind::Date => wit::Kind::Date,
            describe::Kind::Text => wit::Kind::Text,
        },
        empty: number(found.empty),
        distinct: number(found.distinct),
        min: found.min,
        max: found.max,
        examples: found.examples,
    }
}

fn error(error: Error) -> wit::CsvError {
    match error {
        Error::Csv(why) => wit::CsvError::BadCsv(why),
        Error::Query(why) => wit::CsvError::BadQuery(why),
        Error::Value(why) => wit::CsvError::BadValue(why),
    }
}

fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

fn size(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

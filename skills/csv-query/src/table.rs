//! A CSV text as a table: every cell at its place, every row with the line on which it starts.

use core::fmt::Write;

/// Why there is no answer; the cases of `csv-error` in the WIT.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Error {
    Csv(String),
    Query(String),
    Value(String),
}

/// How the text is written.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Format {
    pub(crate) delimiter: char,
    pub(crate) header: bool,
    pub(crate) ragged: bool,
}

/// A table. The cells of all rows are one text, so that many small cells need little memory.
#[derive(Debug)]
pub(crate) struct Table {
    names: Vec<String>,
    text: String,
    /// Where each cell ends in `text`, row by row.
    ends: Vec<usize>,
    /// The line on which each row starts, from 1.
    lines: Vec<u64>,
}

/// How much of a cell or a list an error shows.
const SHOWN: usize = 60;

impl Table {
    pub(crate) fn read(text: &str, format: Format) -> Result<Self, Error> {
        let delimiter = match u8::try_from(format.delimiter) {
            Ok(byte) if byte.is_ascii() && !matches!(byte, b'"' | b'\n' | b'\r') => byte,
            _ => return Err(Error::Query(format!("{:?} cannot be a delimiter", format.delimiter))),
        };
        let mut reader = csv::ReaderBuilder::new()
            .delimiter(delimiter)
            .has_headers(false)
            // Lengths are compared here, where the line is known.
            .flexible(true)
            .from_reader(text.as_bytes());
        let mut table =
            Self { names: Vec::new(), text: String::with_capacity(text.len()), ends: Vec::new(), lines: Vec::new() };
        let mut record = csv::StringRecord::new();
        let mut first = true;
        loop {
            match reader.read_record(&mut record) {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) => return Err(Error::Csv(error.to_string())),
            }
            let line = record.position().map_or(0, csv::Position::line);
            if first {
                first = false;
                if format.header {
                    table.names = record.iter().map(str::to_owned).collect();
                    continue;
                }
                table.names = (1..=record.len()).map(|place| format!("#{place}")).collect();
            }
            let width = table.names.len();
            if record.len() != width && !format.ragged {
                let (has, rows) = (record.len(), if format.header { "the header" } else { "the first row" });
                return Err(Error::Csv(format!("the row on line {line} has {has} cells, {rows} has {width}")));
            }
            for column in 0..width {
                table.text.push_str(record.get(column).unwrap_or_default());
                table.ends.push(table.text.len());
            }
            table.lines.push(line);
        }
        if first {
            return Err(Error::Csv("the text is empty".into()));
        }
        // Only a cell in quotes has line ends in it; if the last one runs to the end, its quote was never closed.
        if let Some(line) = table.runs_on(text) {
            return Err(Error::Csv(format!("a cell of the row on line {line} opens a quote that is never closed")));
        }
        Ok(table)
    }

    pub(crate) fn width(&self) -> usize {
        self.names.len()
    }

    pub(crate) fn len(&self) -> usize {
        self.lines.len()
    }

    pub(crate) fn name(&self, column: usize) -> &str {
        self.names.get(column).map_or("", String::as_str)
    }

    pub(crate) fn cell(&self, row: usize, column: usize) -> &str {
        let at = row.saturating_mul(self.width()).saturating_add(column);
        let end = self.ends.get(at).copied().unwrap_or_default();
        let start = at.checked_sub(1).and_then(|before| self.ends.get(before)).copied().unwrap_or_default();
        self.text.get(start..end).unwrap_or_default()
    }

    /// The column called `name`, or at the place `#n`.
    pub(crate) fn column(&self, name: &str) -> Result<usize, Error> {
        let mut named = self.names.iter().enumerate().filter(|(_, known)| *known == name).map(|(at, _)| at);
        match (named.next(), named.next()) {
            (Some(column), None) => return Ok(column),
            (Some(first), Some(second)) => {
                let (first, second) = (first.saturating_add(1), second.saturating_add(1));
                return Err(Error::Query(format!("two columns are called `{name}`: name `#{first}` or `#{second}`")));
            }
            (None, _) => {}
        }
        let place = name.strip_prefix('#').and_then(|place| place.parse::<usize>().ok());
        if let Some(column) = place.and_then(|place| place.checked_sub(1)).filter(|column| *column < self.width()) {
            return Ok(column);
        }
        let mut why = format!("there is no column `{}`; there are", shortened(name));
        for (at, known) in self.names.iter().enumerate() {
            if why.len() > 500 {
                let _ = write!(why, " and {} more", self.width().saturating_sub(at));
                break;
            }
            let separator = if at == 0 { " " } else { ", " };
            let _ = write!(why, "{separator}`{}`", shortened(known));
        }
        if self.width() == 1 {
            why.push_str("; is the delimiter another?");
        }
        Err(Error::Query(why))
    }

    /// The line of the last row if a quote that it opens is never closed.
    fn runs_on(&self, text: &str) -> Option<u64> {
        let last_cell = match self.len().checked_sub(1) {
            Some(row) => self.cell(row, self.width().checked_sub(1)?),
            None => self.names.last()?,
        };
        let ends_in_quote = text.trim_end_matches(['\r', '\n', ' ', '\t']).ends_with('"');
        let line = self.lines.last().copied().unwrap_or(1);
        (last_cell.contains('\n') && !ends_in_quote).then_some(line)
    }

    /// An error about one cell.
    pub(crate) fn bad_cell(&self, row: usize, column: usize, what: &str) -> Error {
        let line = self.lines.get(row).copied().unwrap_or_default();
        let (name, cell) = (shortened(self.name(column)), shortened(self.cell(row, column)));
        Error::Value(format!("line {line}, column `{name}`: `{cell}` {what}"))
    }
}

/// At most so much that a message stays one.
pub(crate) fn shortened(text: &str) -> String {
    at_most(text, SHOWN)
}

/// At most `most` characters of `text`.
pub(crate) fn at_most(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(crate) const PLAIN: Format = Format { delimiter: ',', header: true, ragged: false };

    fn cells(text: &str, format: Format) -> Vec<Vec<String>> {
        let table = Table::read(text, format).unwrap_or_else(|error| panic!("{text:?}: {error:?}"));
        let row = |row| (0..table.width()).map(|column| table.cell(row, column).to_owned()).collect();
        (0..table.len()).map(row).collect()
    }

    fn refused(text: &str, format: Format) -> String {
        match Table::read(text, format) {
            Err(Error::Csv(why) | Error::Query(why)) => why,
            other => panic!("{text:?}: {other:?}"),
        }
    }

    #[test]
    fn cells_are_those_of_rfc_4180() {
        let text = "\u{feff}a,b\r\n1,\"x, \"\"y\"\"\r\nz\"\r\n,\r\n\r\nlast,é";
        assert_eq!(cells(text, PLAIN), [["1", "x, \"y\"\r\nz"], ["", ""], ["last", "é"]]);
        assert_eq!(Table::read(text, PLAIN).unwrap().names, ["a", "b"]);
        assert_eq!(cells("a;b\n1;2,5\n", Format { delimiter: ';', ..PLAIN }), [["1", "2,5"]]);
        assert_eq!(cells("1\t2\n3\t4", Format { delimiter: '\t', header: false, ..PLAIN }), [["1", "2"], ["3", "4"]]);
        assert_eq!(cells("a,b\n", PLAIN), [[""; 0]; 0]);
    }

    #[test]
    fn rows_of_another_length_are_named_or_filled() {
        assert_eq!(refused("a,b\n1,2\n\"x\ny\",2\n3\n", PLAIN), "the row on line 5 has 1 cells, the header has 2");
        let ragged = Format { ragged: true, ..PLAIN };
        assert_eq!(cells("a,b\n1\n1,2,3\n", ragged), [["1", ""], ["1", "2"]]);
    }

    #[test]
    fn text_that_is_not_a_table_is_refused() {
        assert_eq!(refused("", PLAIN), "the text is empty");
        assert_eq!(refused("\n\n", PLAIN), "the text is empty");
        assert_eq!(
            refused("a,b\n1,\"2\n3,4\n5,6\n", PLAIN),
            "a cell of the row on line 2 opens a quote that is never closed"
        );
        assert_eq!(refused("a,\"b\n1,2\n", PLAIN), "a cell of the row on line 1 opens a quote that is never closed");
        for delimiter in ['"', '\n', '…'] {
            assert!(refused("a", Format { delimiter, ..PLAIN }).ends_with("cannot be a delimiter"));
        }
    }

    #[test]
    fn columns_are_found_by_name_and_place() {
        let table = Table::read("id,x,x,#1\n1,2,3,4\n", PLAIN).unwrap();
        assert_eq!(table.column("id"), Ok(0));
        assert_eq!(table.column("#2"), Ok(1));
        assert_eq!(table.column("#1"), Ok(3)); // a name comes first
        assert_eq!(table.column("x"), Err(Error::Query("two columns are called `x`: name `#2` or `#3`".into())));
        let unknown = Error::Query("there is no column `ID`; there are `id`, `x`, `x`, `#1`".into());
        assert_eq!(table.column("ID"), Err(unknown));
        assert!(table.column("#5").is_err() && table.column("#0").is_err());
        let one = Table::read("a;b\n1;2", PLAIN).unwrap().column("a").unwrap_err();
        assert_eq!(one, Error::Query("there is no column `a`; there are `a;b`; is the delimiter another?".into()));
    }
}

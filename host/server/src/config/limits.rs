//! Section `limits`: the limits of a run as an operator writes them, each with its place in the file.

use ringfence::{Limits, RunError};
use serde::Deserialize;
use toml::Spanned;

use super::values::{Size, Time};

/// Limits of a run; what is left out is as it was before.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
#[non_exhaustive]
#[expect(missing_docs, reason = "`ringfence::Limits` says what each means")]
pub struct LimitsSection {
    pub fuel: Option<Spanned<u64>>,
    pub deadline: Option<Spanned<Time<1, 86_400_000>>>,
    pub memory: Option<Spanned<Size>>,
    pub table_elements: Option<Spanned<u64>>,
    pub input: Option<Spanned<Size>>,
    pub output: Option<Spanned<Size>>,
    pub log_lines: Option<Spanned<u32>>,
    pub log_size: Option<Spanned<Size>>,
    pub host_calls: Option<Spanned<u64>>,
}

impl LimitsSection {
    /// The limits that come out when these stand over others.
    pub fn over(&self, base: &Limits) -> Limits {
        let number =
            |value: &Option<Spanned<u64>>, base| value.as_ref().map_or(base, |value| *value.get_ref());
        let size = |value: &Option<Spanned<Size>>, base| {
            value.as_ref().map_or(base, |value| value.get_ref().bytes())
        };
        Limits {
            fuel: number(&self.fuel, base.fuel),
            deadline: self.deadline.as_ref().map_or(base.deadline, |deadline| deadline.get_ref().get()),
            memory: size(&self.memory, base.memory),
            table_elements: number(&self.table_elements, base.table_elements),
            input: size(&self.input, base.input),
            output: size(&self.output, base.output),
            log_lines: self.log_lines.as_ref().map_or(base.log_lines, |lines| *lines.get_ref()),
            log_bytes: size(&self.log_size, base.log_bytes),
            host_calls: number(&self.host_calls, base.host_calls),
            ..base.clone()
        }
    }

    pub(super) fn place(&self, field: &str) -> Option<usize> {
        fn start<T>(value: &Option<Spanned<T>>) -> Option<usize> {
            value.as_ref().map(|value| value.span().start)
        }
        match field {
            "fuel" => start(&self.fuel),
            "deadline" => start(&self.deadline),
            "memory" => start(&self.memory),
            "table_elements" => start(&self.table_elements),
            "input" => start(&self.input),
            "output" => start(&self.output),
            "log_lines" => start(&self.log_lines),
            "log_bytes" => start(&self.log_size),
            "host_calls" => start(&self.host_calls),
            _ => None,
        }
    }
}

/// Where the fuel of a run is set.
pub(super) fn fuel_place(section: &LimitsSection) -> usize {
    section.place("fuel").unwrap_or(0)
}

/// Where the limit stands that an error is about: in the first section that sets it.
pub(super) fn place_of(error: &RunError, sections: &[&LimitsSection]) -> usize {
    let RunError::Limits { name, .. } = error else { return 0 };
    sections.iter().find_map(|section| section.place(name)).unwrap_or(0)
}

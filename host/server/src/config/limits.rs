//! Section `limits`: the configured limits of a run, each with its position in the file.

use std::collections::BTreeMap;
use std::time::Duration;

use ringfence::{Limits, RunError};
use serde::Deserialize;
use toml::Spanned;

use super::values::{Size, Time};

/// Limits of a run. An absent key keeps the underlying limit.
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
    /// Lower limits for runs of an owner's tokens.
    pub(super) owner: BTreeMap<String, Spanned<LimitsSection>>,
    /// Lower limits for runs of a token.
    pub(super) token: BTreeMap<String, Spanned<LimitsSection>>,
}

impl LimitsSection {
    /// Returns `base` with these limits in place of its own.
    pub fn over(&self, base: &Limits) -> Limits {
        let number =
            |value: &Option<Spanned<u64>>, base| value.as_ref().map_or(base, |value| *value.get_ref());
        let size = |value: &Option<Spanned<Size>>, base| {
            value.as_ref().map_or(base, |value| value.get_ref().bytes())
        };
        base.clone()
            .with_fuel(number(&self.fuel, base.fuel))
            .with_deadline(self.deadline.as_ref().map_or(base.deadline, |deadline| deadline.get_ref().get()))
            .with_memory(size(&self.memory, base.memory))
            .with_table_elements(number(&self.table_elements, base.table_elements))
            .with_input(size(&self.input, base.input))
            .with_output(size(&self.output, base.output))
            .with_log_lines(self.log_lines.as_ref().map_or(base.log_lines, |lines| *lines.get_ref()))
            .with_log_bytes(size(&self.log_size, base.log_bytes))
            .with_host_calls(number(&self.host_calls, base.host_calls))
    }

    /// Returns the lower of these limits and those of `base`, one by one.
    pub(super) fn lowest(&self, base: &Limits) -> Limits {
        let own = self.over(base);
        own.clone()
            .with_fuel(own.fuel.min(base.fuel))
            .with_deadline(own.deadline.min(base.deadline))
            .with_memory(own.memory.min(base.memory))
            .with_table_elements(own.table_elements.min(base.table_elements))
            .with_input(own.input.min(base.input))
            .with_output(own.output.min(base.output))
            .with_log_lines(own.log_lines.min(base.log_lines))
            .with_log_bytes(own.log_bytes.min(base.log_bytes))
            .with_host_calls(own.host_calls.min(base.host_calls))
    }

    /// Refuses limits of owners and tokens inside those of a skill, an owner or a token.
    pub(super) fn expect_no_others(&self) -> Result<(), (usize, &'static str)> {
        match self.of_somebody() {
            None => Ok(()),
            Some((_, place)) => Err((
                place,
                "misplaced section; limits of owners and tokens belong in `[limits.owner.NAME]` and `[limits.token.ID]`",
            )),
        }
    }

    /// Returns the first table of an owner or a token: `owner` or `token`, and its byte offset in the text.
    pub fn of_somebody(&self) -> Option<(&'static str, usize)> {
        let owners = self.owner.values().map(|section| ("owner", section.span().start));
        let tokens = self.token.values().map(|section| ("token", section.span().start));
        owners.chain(tokens).min_by_key(|(_, place)| *place)
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

/// Returns the position of the key `fuel`.
pub(super) fn fuel_place(section: &LimitsSection) -> usize {
    section.place("fuel").unwrap_or(0)
}

/// Returns the fuel of a run under a section of limits, at most `most`.
pub(super) fn fuel_of(section: Option<&Spanned<LimitsSection>>, most: u64) -> u64 {
    let own = section.and_then(|section| section.get_ref().fuel.as_ref()).map(|fuel| *fuel.get_ref());
    own.map_or(most, |own| own.min(most))
}

/// Returns the position of the limit in an error: that in the first section that sets it.
pub(super) fn place_of(error: &RunError, sections: &[&LimitsSection]) -> usize {
    let RunError::Limits { name, .. } = error else { return 0 };
    sections.iter().find_map(|section| section.place(name)).unwrap_or(0)
}

/// Limits of every run that replace those of a configuration.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[expect(missing_docs, reason = "`ringfence::Limits` says what each means")]
pub struct LimitOverrides {
    pub fuel: Option<u64>,
    pub deadline: Option<Duration>,
    pub memory: Option<u64>,
    pub table_elements: Option<u64>,
    pub input: Option<u64>,
    pub output: Option<u64>,
    pub log_lines: Option<u32>,
    pub log_bytes: Option<u64>,
    pub host_calls: Option<u64>,
}

impl LimitOverrides {
    pub(super) fn over(&self, base: &Limits) -> Limits {
        base.clone()
            .with_fuel(self.fuel.unwrap_or(base.fuel))
            .with_deadline(self.deadline.unwrap_or(base.deadline))
            .with_memory(self.memory.unwrap_or(base.memory))
            .with_table_elements(self.table_elements.unwrap_or(base.table_elements))
            .with_input(self.input.unwrap_or(base.input))
            .with_output(self.output.unwrap_or(base.output))
            .with_log_lines(self.log_lines.unwrap_or(base.log_lines))
            .with_log_bytes(self.log_bytes.unwrap_or(base.log_bytes))
            .with_host_calls(self.host_calls.unwrap_or(base.host_calls))
    }
}

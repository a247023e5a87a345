//! The limits of a run in one table: key, JSON member, unit, default, range and help of each.
//!
//! Every other form derives from [`LIMITS`]: the options of the program, the keys of `ringfence.toml`, the names in
//! `Ringfence-Limits`, the schema of the HTTP API and the table in the book.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use bytesize::ByteSize;

use super::Limits;
use crate::text::clean;

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;

/// The name of a limit of a run. Displays as its key, such as `table-elements`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the fields of `Limits` say what each means")]
pub enum LimitName {
    Fuel,
    Deadline,
    Memory,
    TableElements,
    Instances,
    Memories,
    Tables,
    InputSize,
    OutputSize,
    LogLines,
    LogSize,
    HostCalls,
}

/// The unit of a limit, which also decides how its value is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum LimitUnit {
    /// A whole number: `1000000` or `1_000_000`.
    Count,
    /// Bytes: `65536`, `64KiB`, `500kB`.
    Bytes,
    /// Milliseconds, written with a unit: `200ms`, `5s`, `1m`.
    Milliseconds,
}

/// What there is to know of a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct LimitInfo {
    /// The limit.
    pub name: LimitName,
    /// The key in `ringfence.toml` and `Ringfence-Limits`; with `--` before it, the option.
    pub key: &'static str,
    /// An older key, which is still read.
    pub old_key: Option<&'static str>,
    /// The member in JSON.
    pub json: &'static str,
    /// The unit of all values here.
    pub unit: LimitUnit,
    /// The default.
    pub default: u64,
    /// The lowest value.
    pub min: u64,
    /// The highest value. [`super::SkillCaps`] can lower it.
    pub max: u64,
    /// Whether operators and callers set it. The others always have their default in the programs.
    pub settable: bool,
    /// What it bounds, in one line.
    pub help: &'static str,
    /// What happens at the limit, in one line of Markdown.
    pub at_limit: &'static str,
}

const GROWTH: &str = "growth fails; `memory-limit` if the run fails because of that";
const REFUSED: &str = "refused at load, else `memory-limit`";
const DROPPED: &str = "more is dropped and counted";

/// The limits of a run, in the order of [`Limits`].
pub const LIMITS: [LimitInfo; 12] = [
    LimitInfo {
        name: LimitName::Fuel,
        key: "fuel",
        old_key: None,
        json: "fuel",
        unit: LimitUnit::Count,
        default: 1_000_000_000,
        min: 1,
        max: u64::MAX - 1,
        settable: true,
        help: "Maximum fuel, about one unit per instruction",
        at_limit: "`out-of-fuel`",
    },
    LimitInfo {
        name: LimitName::Deadline,
        key: "deadline",
        old_key: None,
        json: "deadline_ms",
        unit: LimitUnit::Milliseconds,
        default: 5_000,
        min: 1,
        max: 24 * 3_600_000,
        settable: true,
        help: "Maximum wall time, including waits, e.g. 500ms",
        at_limit: "`deadline-exceeded`",
    },
    LimitInfo {
        name: LimitName::Memory,
        key: "memory",
        old_key: None,
        json: "memory",
        unit: LimitUnit::Bytes,
        default: 64 * MIB,
        min: 1,
        max: 64 << 30,
        settable: true,
        help: "Maximum linear memory, all memories together, e.g. 64MiB",
        at_limit: GROWTH,
    },
    LimitInfo {
        name: LimitName::TableElements,
        key: "table-elements",
        old_key: None,
        json: "table_elements",
        unit: LimitUnit::Count,
        default: 100_000,
        min: 0,
        max: u64::MAX,
        settable: true,
        help: "Maximum table elements, all tables together",
        at_limit: GROWTH,
    },
    LimitInfo {
        name: LimitName::Instances,
        key: "instances",
        old_key: None,
        json: "instances",
        unit: LimitUnit::Count,
        default: 64,
        min: 1,
        max: u32::MAX as u64,
        settable: false,
        help: "Maximum number of core instances",
        at_limit: REFUSED,
    },
    LimitInfo {
        name: LimitName::Memories,
        key: "memories",
        old_key: None,
        json: "memories",
        unit: LimitUnit::Count,
        default: 16,
        min: 1,
        max: u32::MAX as u64,
        settable: false,
        help: "Maximum number of memories",
        at_limit: REFUSED,
    },
    LimitInfo {
        name: LimitName::Tables,
        key: "tables",
        old_key: None,
        json: "tables",
        unit: LimitUnit::Count,
        default: 64,
        min: 1,
        max: u32::MAX as u64,
        settable: false,
        help: "Maximum number of tables",
        at_limit: REFUSED,
    },
    LimitInfo {
        name: LimitName::InputSize,
        key: "input-size",
        old_key: Some("input"),
        json: "input_size",
        unit: LimitUnit::Bytes,
        default: MIB,
        min: 1,
        max: 64 * MIB,
        settable: true,
        help: "Maximum size of the input as JSON",
        at_limit: "refused before the run",
    },
    LimitInfo {
        name: LimitName::OutputSize,
        key: "output-size",
        old_key: Some("output"),
        json: "output_size",
        unit: LimitUnit::Bytes,
        default: MIB,
        min: 1,
        max: 64 * MIB,
        settable: true,
        help: "Maximum size of the output as JSON, including emitted chunks",
        at_limit: "`output-limit`",
    },
    LimitInfo {
        name: LimitName::LogLines,
        key: "log-lines",
        old_key: None,
        json: "log_lines",
        unit: LimitUnit::Count,
        default: 1_000,
        min: 0,
        max: 1_000_000,
        settable: true,
        help: "Maximum number of log lines to keep",
        at_limit: DROPPED,
    },
    LimitInfo {
        name: LimitName::LogSize,
        key: "log-size",
        old_key: None,
        json: "log_size",
        unit: LimitUnit::Bytes,
        default: 64 * KIB,
        min: 0,
        max: 64 * MIB,
        settable: true,
        help: "Maximum size of the log to keep",
        at_limit: DROPPED,
    },
    LimitInfo {
        name: LimitName::HostCalls,
        key: "host-calls",
        old_key: None,
        json: "host_calls",
        unit: LimitUnit::Count,
        default: 10_000,
        min: 0,
        max: u64::MAX,
        settable: true,
        help: "Maximum number of calls from the skill to the host",
        at_limit: "`host-call-limit`",
    },
];

impl LimitName {
    /// Returns the row of the table.
    pub const fn info(self) -> &'static LimitInfo {
        const ROWS: &[LimitInfo; 12] = &LIMITS;
        let [fuel, deadline, memory, elements, instances, memories, tables, input, output, lines, log, calls] =
            ROWS;
        match self {
            Self::Fuel => fuel,
            Self::Deadline => deadline,
            Self::Memory => memory,
            Self::TableElements => elements,
            Self::Instances => instances,
            Self::Memories => memories,
            Self::Tables => tables,
            Self::InputSize => input,
            Self::OutputSize => output,
            Self::LogLines => lines,
            Self::LogSize => log,
            Self::HostCalls => calls,
        }
    }

    /// Returns the limits that operators and callers set.
    pub fn settable() -> impl Iterator<Item = Self> {
        LIMITS.iter().filter(|info| info.settable).map(|info| info.name)
    }
}

impl fmt::Display for LimitName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.info().key)
    }
}

/// A text names no limit that can be set.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown limit `{name}`; expected {}", listed())]
pub struct UnknownLimit {
    name: String,
}

/// The keys that can be set, in words: `fuel`, `deadline` or `memory`.
fn listed() -> String {
    let mut keys: Vec<String> = LimitName::settable().map(|name| format!("`{name}`")).collect();
    let last = keys.pop().unwrap_or_default();
    format!("{} or {last}", keys.join(", "))
}

impl FromStr for LimitName {
    type Err = UnknownLimit;

    /// Reads the key of a limit that can be set, or its older key.
    fn from_str(text: &str) -> Result<Self, UnknownLimit> {
        let is = |info: &&LimitInfo| info.settable && (info.key == text || info.old_key == Some(text));
        let found = LIMITS.iter().find(is).map(|info| info.name);
        found.ok_or_else(|| UnknownLimit { name: clean(text, 40) })
    }
}

/// A text is no value of a limit. The message says what was expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.expected())]
pub struct InvalidValue(LimitUnit);

impl LimitUnit {
    /// Returns the expected form of a value, in words.
    fn expected(self) -> &'static str {
        match self {
            Self::Count => "expected a whole number, for example 1000000",
            Self::Bytes => "expected a size, for example 64MiB, 500kB or 65536 (bytes)",
            Self::Milliseconds => "expected a time, for example 200ms or 5s",
        }
    }

    /// Parses a value.
    ///
    /// # Errors
    ///
    /// Fails with [`InvalidValue`] for a text of another form, and a value above [`u64::MAX`].
    pub fn parse(self, text: &str) -> Result<u64, InvalidValue> {
        let value = match self {
            Self::Count => text.replace('_', "").parse().ok(),
            Self::Bytes => text.parse().ok().map(|size: ByteSize| size.as_u64()),
            Self::Milliseconds => humantime::parse_duration(text).ok().map(millis),
        };
        value.ok_or(InvalidValue(self))
    }

    /// Writes a value so that [`LimitUnit::parse`] reads the same: `64MiB`, `5s`, `1000`.
    pub fn write(self, value: u64) -> String {
        match self {
            Self::Count => value.to_string(),
            Self::Bytes => {
                let units = [(30, "GiB"), (20, "MiB"), (10, "KiB")];
                let whole = |shift: u32| value.trailing_zeros() >= shift && value != 0;
                match units.into_iter().find(|(shift, _)| whole(*shift)) {
                    Some((shift, unit)) => format!("{}{unit}", value.checked_shr(shift).unwrap_or(value)),
                    None => value.to_string(),
                }
            }
            Self::Milliseconds => humantime::format_duration(Duration::from_millis(value)).to_string(),
        }
    }
}

/// Whole milliseconds, at most [`u64::MAX`].
fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

impl Limits {
    /// Returns a limit, in its unit.
    pub fn get(&self, name: LimitName) -> u64 {
        match name {
            LimitName::Fuel => self.fuel,
            LimitName::Deadline => millis(self.deadline),
            LimitName::Memory => self.memory,
            LimitName::TableElements => self.table_elements,
            LimitName::Instances => self.instances.into(),
            LimitName::Memories => self.memories.into(),
            LimitName::Tables => self.tables.into(),
            LimitName::InputSize => self.input_size,
            LimitName::OutputSize => self.output_size,
            LimitName::LogLines => self.log_lines.into(),
            LimitName::LogSize => self.log_size,
            LimitName::HostCalls => self.host_calls,
        }
    }

    /// Sets a limit, in its unit. A value above what the field can hold becomes the field's maximum.
    pub fn set(&mut self, name: LimitName, value: u64) {
        let count = u32::try_from(value).unwrap_or(u32::MAX);
        match name {
            LimitName::Fuel => self.fuel = value,
            LimitName::Deadline => self.deadline = Duration::from_millis(value),
            LimitName::Memory => self.memory = value,
            LimitName::TableElements => self.table_elements = value,
            LimitName::Instances => self.instances = count,
            LimitName::Memories => self.memories = count,
            LimitName::Tables => self.tables = count,
            LimitName::InputSize => self.input_size = value,
            LimitName::OutputSize => self.output_size = value,
            LimitName::LogLines => self.log_lines = count,
            LimitName::LogSize => self.log_size = value,
            LimitName::HostCalls => self.host_calls = value,
        }
    }

    /// Returns the lower of these limits and others, one by one.
    pub fn lowest(&self, other: &Self) -> Self {
        let mut lowest = self.clone();
        for name in LIMITS.iter().map(|info| info.name).filter(|name| other.get(*name) < self.get(*name)) {
            lowest.set(name, other.get(name));
        }
        lowest
    }
}

/// Values for some limits; the others stay as they are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LimitOverrides(BTreeMap<LimitName, u64>);

impl LimitOverrides {
    /// Returns `base` with these values in place of its own.
    pub fn over(&self, base: &Limits) -> Limits {
        let mut limits = base.clone();
        self.0.iter().for_each(|(name, value)| limits.set(*name, *value));
        limits
    }
}

impl FromIterator<(LimitName, u64)> for LimitOverrides {
    fn from_iter<T: IntoIterator<Item = (LimitName, u64)>>(rows: T) -> Self {
        Self(rows.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_limit_has_its_own_row_in_the_order_of_the_names() {
        for (row, next) in LIMITS.iter().zip(LIMITS.iter().skip(1)) {
            assert!(row.name < next.name);
        }
        for row in &LIMITS {
            assert_eq!(row.name.info(), row);
            let (json, suffix) = match row.unit {
                LimitUnit::Milliseconds => (row.json, "_ms"),
                LimitUnit::Count | LimitUnit::Bytes => (row.json, ""),
            };
            assert_eq!(json, format!("{}{suffix}", row.key.replace('-', "_")), "one name in every form");
        }
    }

    #[test]
    fn json_and_defaults_are_those_of_the_table() {
        let json = serde_json::to_value(Limits::default()).expect("JSON");
        let members: Vec<_> = json.as_object().expect("an object").iter().collect();
        assert_eq!(members.len(), LIMITS.len());
        for (row, (member, value)) in LIMITS.iter().zip(members) {
            assert_eq!((row.json, row.default), (member.as_str(), value.as_u64().expect("a number")));
        }
    }

    #[test]
    fn older_members_are_read() {
        let mut json = serde_json::to_value(Limits { log_size: 7, ..Limits::default() }).expect("JSON");
        let members = json.as_object_mut().expect("an object");
        for (new, old) in [("input_size", "input"), ("output_size", "output"), ("log_size", "log_bytes")] {
            let value = members.remove(new).expect("a member");
            members.insert(old.to_owned(), value);
        }
        let read: Limits = serde_json::from_value(json).expect("limits");
        assert_eq!(read, Limits { log_size: 7, ..Limits::default() });
    }

    #[test]
    fn a_limit_has_the_value_that_was_set() {
        for row in &LIMITS {
            let mut limits = Limits::default();
            limits.set(row.name, 3);
            for other in &LIMITS {
                let expected = if other.name == row.name { 3 } else { other.default };
                assert_eq!(limits.get(other.name), expected, "{} after {}", other.name, row.name);
            }
        }
    }

    #[test]
    fn values_are_read_as_they_are_written() {
        for row in &LIMITS {
            for value in [row.default, row.default.saturating_add(1), row.min] {
                assert_eq!(row.unit.parse(&row.unit.write(value)), Ok(value), "{}", row.name);
            }
        }
        assert_eq!(LimitUnit::Bytes.write(64 << 20), "64MiB");
        assert_eq!(LimitUnit::Milliseconds.write(5_000), "5s");
        assert_eq!(LimitUnit::Count.parse("1_000"), Ok(1_000));
        for unit in [LimitUnit::Count, LimitUnit::Bytes, LimitUnit::Milliseconds] {
            assert_eq!(unit.parse("much"), Err(InvalidValue(unit)));
        }
    }

    #[test]
    fn keys_and_older_keys_name_limits_that_can_be_set() {
        for row in LIMITS.iter().filter(|row| row.settable) {
            assert_eq!(row.key.parse(), Ok(row.name));
            if let Some(old) = row.old_key {
                assert_eq!(old.parse(), Ok(row.name));
            }
        }
        assert!("instances".parse::<LimitName>().is_err());
        let error = "spede".parse::<LimitName>().expect_err("no limit").to_string();
        assert!(
            error.starts_with("unknown limit `spede`; expected `fuel`,")
                && error.ends_with("or `host-calls`")
        );
    }
}

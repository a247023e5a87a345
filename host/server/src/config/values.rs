//! Values of the configuration. Each is checked when it is parsed, so that an error has its position in the file.

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use bytesize::ByteSize;
use serde::de::{Error, Unexpected, Visitor};
use serde::{Deserialize, Deserializer};

/// A whole number from `MIN` to `MAX`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Number<const MIN: u64, const MAX: u64>(u64);

impl<const MIN: u64, const MAX: u64> Number<MIN, MAX> {
    /// Creates a number, and moves it into the range if needed.
    pub(super) const fn new(value: u64) -> Self {
        Self(if value < MIN {
            MIN
        } else if value > MAX {
            MAX
        } else {
            value
        })
    }

    /// Returns the number.
    pub fn get(self) -> u64 {
        self.0
    }

    /// Returns the number as `usize`, or its maximum if it is larger.
    pub fn as_usize(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }

    /// Returns the number as `u32`, or its maximum if it is larger.
    pub fn as_u32(self) -> u32 {
        u32::try_from(self.0).unwrap_or(u32::MAX)
    }
}

impl<'de, const MIN: u64, const MAX: u64> Deserialize<'de> for Number<MIN, MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = u64::deserialize(deserializer)?;
        in_range(value, MIN, MAX).map(Self).map_err(D::Error::custom)
    }
}

fn in_range(value: u64, min: u64, max: u64) -> Result<u64, String> {
    if value < min || value > max {
        return Err(format!("{value} is out of range; it must be between {min} and {max}"));
    }
    Ok(value)
}

/// Parses an address and port.
pub(super) fn address<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SocketAddr, D::Error> {
    struct Read;
    impl Visitor<'_> for Read {
        type Value = SocketAddr;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an IP address and a port, such as \"127.0.0.1:7420\"")
        }

        fn visit_str<E: Error>(self, text: &str) -> Result<SocketAddr, E> {
            text.parse().map_err(|_| E::invalid_value(Unexpected::Str(text), &self))
        }
    }
    deserializer.deserialize_any(Read)
}

/// A number of bytes: `65536` or `"64KiB"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size(pub(super) u64);

impl Size {
    /// Returns the bytes.
    pub fn bytes(self) -> u64 {
        self.0
    }
}

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read;
        impl Visitor<'_> for Read {
            type Value = Size;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a size, such as \"64MiB\" or 65536")
            }

            fn visit_i64<E: Error>(self, value: i64) -> Result<Size, E> {
                u64::try_from(value).map(Size).map_err(|_| E::invalid_value(Unexpected::Signed(value), &self))
            }

            fn visit_u64<E: Error>(self, value: u64) -> Result<Size, E> {
                Ok(Size(value))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Size, E> {
                let parsed: Result<ByteSize, _> = text.parse();
                parsed
                    .map(|size| Size(size.as_u64()))
                    .map_err(|_| E::invalid_value(Unexpected::Str(text), &self))
            }
        }
        deserializer.deserialize_any(Read)
    }
}

/// A time from `MIN` to `MAX` milliseconds: `"200ms"`, `"5s"`, `"1m"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Time<const MIN: u64, const MAX: u64>(Duration);

impl<const MIN: u64, const MAX: u64> Time<MIN, MAX> {
    pub(super) const fn millis(value: u64) -> Self {
        Self(Duration::from_millis(value))
    }

    /// Returns the time.
    pub fn get(self) -> Duration {
        self.0
    }
}

impl<'de, const MIN: u64, const MAX: u64> Deserialize<'de> for Time<MIN, MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read;
        impl Visitor<'_> for Read {
            type Value = (String, Duration);

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a time, such as \"200ms\", \"5s\" or \"1m\"")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
                let time = humantime::parse_duration(text);
                let time = time.map_err(|_| E::invalid_value(Unexpected::Str(text), &self))?;
                Ok((text.to_owned(), time))
            }
        }
        let (text, time) = deserializer.deserialize_any(Read)?;
        let millis = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        if millis < MIN || millis > MAX {
            let show = |millis| humantime::format_duration(Duration::from_millis(millis)).to_string();
            return Err(D::Error::custom(format!(
                "{text} is out of range; it must be between {} and {}",
                show(MIN),
                show(MAX)
            )));
        }
        Ok(Self(time))
    }
}

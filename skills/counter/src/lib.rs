//! A Ringfence skill with named counters: it keeps them in its key-value space, by compare-and-set.
//!
//! `wit/counter.wit` is what the SDK makes of this module.

/// Named counters that outlast the run. Concurrent calls lose no addition.
#[ringfence_skill::skill]
mod counter {
    use ringfence_skill::kv::{self, Expected};

    /// Longest name, in bytes.
    const NAME_BYTES: usize = 128;

    /// How many counters a list has at most.
    const LISTED: usize = 1000;

    /// How often an addition reads again after another call was faster.
    const ATTEMPTS: u32 = 100;

    /// A counter.
    #[derive(Debug, Clone, PartialEq)]
    pub struct Counter {
        /// Its name.
        pub name: String,
        /// Its value.
        pub value: i64,
    }

    /// Counters in the order of their names.
    #[derive(Debug, Clone, PartialEq)]
    pub struct Listed {
        /// The first 1,000 counters.
        pub counters: Vec<Counter>,
        /// Whether there are more.
        pub more: bool,
    }

    /// Why a call failed.
    #[derive(Debug, Clone, PartialEq)]
    pub enum Failure {
        /// The operator grants no key-value space to this skill.
        Denied,
        /// The name is invalid; the text says what is expected.
        InvalidName(String),
        /// The sum does not fit in 64 bits. The counter is unchanged.
        Overflow,
        /// Other calls changed the counter each time before this one could. The counter is unchanged; try again.
        Busy,
        /// The key of the counter has a value that is no number. Reset it.
        NotANumber,
        /// The operator's quota is used up; the text names it.
        Limit(String),
        /// The host's store failed; the text says how.
        StoreFailed(String),
    }

    impl From<kv::Error> for Failure {
        fn from(error: kv::Error) -> Self {
            match error {
                kv::Error::Denied => Self::Denied,
                kv::Error::Invalid(why) => Self::InvalidName(why),
                kv::Error::Conflict(_) => Self::Busy,
                kv::Error::Limit(which) => Self::Limit(which),
                kv::Error::Failed(why) => Self::StoreFailed(why),
            }
        }
    }

    /// Adds to a counter, which begins at 0, and returns its new value.
    ///
    /// - `name`: 1 to 128 bytes, without control characters
    /// - `by`: what to add; 1 if it is absent
    pub fn add(name: &str, by: Option<i64>) -> Result<i64, Failure> {
        check(name)?;
        for _ in 0..ATTEMPTS {
            let entry = kv::get(name)?;
            let (value, expected) = match &entry {
                Some(entry) => (number(&entry.value)?, Expected::Revision(entry.revision)),
                None => (0, Expected::Absent),
            };
            let sum = sum(value, by)?;
            match kv::compare_and_set(name, sum.to_string(), expected) {
                Ok(_) => return Ok(sum),
                Err(kv::Error::Conflict(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(Failure::Busy)
    }

    /// Returns the value of a counter, or none if the counter does not exist.
    ///
    /// - `name`: 1 to 128 bytes, without control characters
    pub fn get(name: &str) -> Result<Option<i64>, Failure> {
        check(name)?;
        kv::get(name)?.map(|entry| number(&entry.value)).transpose()
    }

    /// Lists counters and their values, in the order of their names.
    pub fn list() -> Result<Listed, Failure> {
        let mut counters = Vec::new();
        for name in kv::list("") {
            let name = name?;
            if counters.len() == LISTED {
                return Ok(Listed { counters, more: true });
            }
            // Between the list and here another call can have reset it.
            if let Some(entry) = kv::get(&name)? {
                // An operator can have set other keys.
                if let Ok(value) = number(&entry.value) {
                    counters.push(Counter { name, value });
                }
            }
        }
        Ok(Listed { counters, more: false })
    }

    /// Removes a counter; returns whether it existed. A later addition begins at 0.
    ///
    /// - `name`: 1 to 128 bytes, without control characters
    pub fn reset(name: &str) -> Result<bool, Failure> {
        check(name)?;
        Ok(kv::delete(name)?)
    }

    fn check(name: &str) -> Result<(), Failure> {
        if name.is_empty() || name.len() > NAME_BYTES || name.chars().any(char::is_control) {
            let expected = format!("expected 1 to {NAME_BYTES} bytes without control characters");
            return Err(Failure::InvalidName(expected));
        }
        Ok(())
    }

    fn number(value: &[u8]) -> Result<i64, Failure> {
        let text = str::from_utf8(value).map_err(|_| Failure::NotANumber)?;
        text.parse().map_err(|_| Failure::NotANumber)
    }

    fn sum(value: i64, by: Option<i64>) -> Result<i64, Failure> {
        value.checked_add(by.unwrap_or(1)).ok_or(Failure::Overflow)
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn a_name_has_up_to_128_bytes_and_no_control_characters() {
            assert_eq!(check(&"n".repeat(128)), Ok(()));
            for wrong in [String::new(), "n".repeat(129), "a\nb".to_owned()] {
                assert!(matches!(check(&wrong), Err(Failure::InvalidName(_))), "{wrong:?}");
            }
        }

        #[test]
        fn a_sum_beyond_64_bits_is_refused() {
            assert_eq!(sum(i64::MAX - 1, None), Ok(i64::MAX));
            assert_eq!(sum(i64::MAX, None), Err(Failure::Overflow));
            assert_eq!(sum(i64::MIN, Some(-1)), Err(Failure::Overflow));
        }

        #[test]
        fn a_value_that_is_not_a_number_is_refused() {
            assert_eq!(number(b"-12"), Ok(-12));
            assert_eq!(number(b"twelve"), Err(Failure::NotANumber));
            assert_eq!(number(&[0xff]), Err(Failure::NotANumber));
        }
    }
}

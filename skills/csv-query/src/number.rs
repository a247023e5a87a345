//! Numbers as a table writes them: exact decimals where they fit, 64-bit floats where they do not.

use core::cmp::Ordering;
use core::fmt;

/// A finite number.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Number {
    /// `digits` times 10 to the power of minus `places`.
    Decimal { digits: i128, places: u32 },
    /// What has too many digits for that, or an exponent.
    Float(f64),
}

/// The most digits of a decimal, and so that sums of many of them are exact too: an `i128` holds 38.
const MOST_DIGITS: usize = 28;

impl Number {
    pub(crate) const ZERO: Self = Self::Decimal { digits: 0, places: 0 };

    /// The number that `cell` writes: a sign, digits with a point, an exponent, spaces around it; nothing else.
    pub(crate) fn parse(cell: &str) -> Option<Self> {
        let cell = cell.trim();
        let unsigned = cell.strip_prefix(['-', '+']).unwrap_or(cell);
        let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, Some(exponent)),
            None => (unsigned, None),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        let count = whole.len().saturating_add(fraction.len());
        if count == 0 || !digits(whole) || !digits(fraction) {
            return None;
        }
        if let Some(exponent) = exponent {
            let exponent = exponent.strip_prefix(['-', '+']).unwrap_or(exponent);
            if exponent.is_empty() || !digits(exponent) {
                return None;
            }
        } else if count <= MOST_DIGITS {
            let all = whole.bytes().chain(fraction.bytes());
            let value = all.fold(0_i128, |value, byte| {
                value.saturating_mul(10).saturating_add(i128::from(byte.saturating_sub(b'0')))
            });
            let value = if cell.starts_with('-') { value.saturating_neg() } else { value };
            return Some(Self::Decimal { digits: value, places: u32::try_from(fraction.len()).ok()? });
        }
        // A large exponent makes an infinity, which is no number here.
        cell.parse().ok().filter(|number: &f64| number.is_finite()).map(Self::Float)
    }

    /// Whether it is a whole number, as written.
    pub(crate) fn is_whole(self) -> bool {
        matches!(self, Self::Decimal { places: 0, .. })
    }

    /// The nearest float, so that of two numbers the greater one never becomes the lesser.
    #[expect(clippy::cast_precision_loss, reason = "it is exact in the range")]
    pub(crate) fn to_float(self) -> f64 {
        match self {
            // Both are floats without rounding, so the quotient is rounded once.
            Self::Decimal { digits, places } if digits.unsigned_abs() < 1 << 53 && places <= 22 => {
                digits as f64 / 10_f64.powi(i32::try_from(places).unwrap_or(i32::MAX))
            }
            Self::Decimal { .. } => self.to_string().parse().unwrap_or_default(),
            Self::Float(number) => number,
        }
    }

    /// The sum, exact as long as it fits; nothing if it is beyond the range of floats.
    pub(crate) fn plus(self, other: Self) -> Option<Self> {
        if let Some((a, b, places)) = aligned(self, other)
            && let Some(digits) = a.checked_add(b)
        {
            return Some(Self::Decimal { digits, places });
        }
        Some(self.to_float() + other.to_float()).filter(|sum| sum.is_finite()).map(Self::Float)
    }

    /// Whether the other is less, equal or greater: exactly, or where one is a float, as floats.
    pub(crate) fn compare(self, other: Self) -> Ordering {
        match aligned(self, other) {
            Some((a, b, _)) => a.cmp(&b),
            // Zero has one sign here.
            None => (self.to_float() + 0.0).total_cmp(&(other.to_float() + 0.0)),
        }
    }

    /// As `compare`, but a total order, as sorting needs one: a float comes after the decimals that are nearest to it.
    pub(crate) fn order(self, other: Self) -> Ordering {
        let by_float = (self.to_float() + 0.0).total_cmp(&(other.to_float() + 0.0));
        by_float.then_with(|| match (self, other) {
            (Self::Decimal { .. }, Self::Decimal { .. }) => self.compare(other),
            (Self::Decimal { .. }, Self::Float(_)) => Ordering::Less,
            (Self::Float(_), Self::Decimal { .. }) => Ordering::Greater,
            (Self::Float(_), Self::Float(_)) => Ordering::Equal,
        })
    }
}

/// The digits of two decimals at the same number of places.
fn aligned(a: Number, b: Number) -> Option<(i128, i128, u32)> {
    let (Number::Decimal { digits: a, places: a_places }, Number::Decimal { digits: b, places: b_places }) = (a, b)
    else {
        return None;
    };
    let places = a_places.max(b_places);
    let scaled = |digits: i128, from: u32| digits.checked_mul(10_i128.checked_pow(places.checked_sub(from)?)?);
    Some((scaled(a, a_places)?, scaled(b, b_places)?, places))
}

impl fmt::Display for Number {
    /// Without zeros at the end of the decimals.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (digits, places) = match *self {
            // Without a negative zero.
            Self::Float(number) => return write!(f, "{}", number + 0.0),
            Self::Decimal { digits, places } => (digits, places),
        };
        let (mut digits, mut places) = (digits, places);
        while places > 0 && digits % 10 == 0 {
            digits /= 10;
            places = places.saturating_sub(1);
        }
        let places = usize::try_from(places).unwrap_or(usize::MAX);
        let text = format!("{:0>width$}", digits.unsigned_abs(), width = places.saturating_add(1));
        let (whole, fraction) = text.split_at_checked(text.len().saturating_sub(places)).unwrap_or((&text, ""));
        let sign = if digits < 0 { "-" } else { "" };
        let point = if fraction.is_empty() { "" } else { "." };
        write!(f, "{sign}{whole}{point}{fraction}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(cell: &str) -> Number {
        Number::parse(cell).unwrap_or_else(|| panic!("{cell}"))
    }

    #[test]
    fn numbers_are_written_in_one_way() {
        for (cell, shown) in [
            ("0", "0"),
            ("-0", "0"),
            ("007", "7"),
            (" 3.50 ", "3.5"),
            ("+.25", "0.25"),
            ("5.", "5"),
            ("-0.050", "-0.05"),
            ("100", "100"),
            ("1e3", "1000"),
            ("2.5E-1", "0.25"),
            ("1234567890123456789012345678", "1234567890123456789012345678"),
        ] {
            assert_eq!(number(cell).to_string(), shown, "{cell}");
        }
        for cell in
            ["", " ", ".", "-", "1,000", "1 000", "0x10", "NaN", "inf", "1e", "1e999", "٣", "--1", "1.2.3", "e5"]
        {
            assert!(Number::parse(cell).is_none(), "{cell}");
        }
    }

    #[test]
    fn sums_of_decimals_are_exact() {
        let sum = |cells: &[&str]| {
            let cells = cells.iter().map(|cell| number(cell));
            cells.fold(Number::ZERO, |sum, cell| sum.plus(cell).unwrap()).to_string()
        };
        assert_eq!(sum(&["0.1", "0.2"]), "0.3");
        assert_eq!(sum(&["9007199254740993", "-1", "0.01"]), "9007199254740992.01");
        assert_eq!(sum(&["9999999999999999999999999999"; 1000]), "9999999999999999999999999999000");
        assert_eq!(sum(&["1e2", "0.5"]), "100.5");
        assert!(number("1e308").plus(number("1e308")).is_none());
    }

    #[test]
    fn comparison_is_by_value() {
        for (a, b) in
            [("9", "10"), ("-1", "0.5"), ("1.49", "1.5"), ("9007199254740992", "9007199254740993"), ("5", "1e1")]
        {
            assert_eq!(number(a).compare(number(b)), Ordering::Less, "{a} {b}");
            assert_eq!(number(b).compare(number(a)), Ordering::Greater, "{a} {b}");
        }
        assert_eq!(number("1.0").compare(number("1")), Ordering::Equal);
        let (tiny, huge) = ("0.0000000000000000000000000001", "9999999999999999999999999999");
        assert_eq!(number(tiny).compare(number(huge)), Ordering::Less);
    }

    #[test]
    fn the_order_is_total() {
        let cells = [
            "9007199254740992",
            "9007199254740993",
            "9007199254740992e0",
            "9007199254740994",
            "-1e300",
            "1e300",
            "0",
            "-0",
            "0.1",
            "0.10000000000000000000000001",
            "1e-1",
            "0.3",
            "0.30000000000000004",
            "1234567890123456789012345678.0",
            "1234567890123456789012345678",
            "12345678901234567890123456780",
        ];
        for a in cells.map(number) {
            for b in cells.map(number) {
                assert_eq!(a.order(b), b.order(a).reverse());
                for c in cells.map(number) {
                    assert!(a.order(b).is_gt() || b.order(c).is_gt() || a.order(c).is_le(), "{a} {b} {c}");
                }
            }
        }
        assert_eq!(number("9007199254740992").order(number("9007199254740993")), Ordering::Less);
    }
}

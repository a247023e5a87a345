//! Ranges of addresses: CIDR blocks, and the prefixes of NAT64 translators.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Why a text is not a range of addresses.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CidrError {
    /// The text is not `ADDRESS/LENGTH`.
    #[error("invalid range `{0}`; expected an address and a prefix length, for example `10.0.0.0/8`")]
    Syntax(String),
    /// The address has bits outside its prefix.
    #[error("range `{found}` has bits outside its prefix; write `{canonical}`")]
    NotCanonical {
        /// The text.
        found: String,
        /// The range that it names.
        canonical: String,
    },
    /// The range is an IPv4 range in IPv6 notation.
    #[error("range `{0}` embeds IPv4 addresses; write the IPv4 range instead, for example `10.0.0.0/8`")]
    Mapped(String),
    /// The length is not one of RFC 6052.
    #[error("NAT64 prefix `{0}` has an unsupported length; expected /32, /40, /48, /56, /64 or /96")]
    Nat64Length(String),
    /// The prefix is an IPv4 range.
    #[error("NAT64 prefix `{0}` is an IPv4 range; expected an IPv6 prefix, for example `64:ff9b::/96`")]
    Nat64Family(String),
}

/// A range of IPv4 or IPv6 addresses: those that share the first `length` bits with `network`.
///
/// ```
/// use ringfence_policy::Cidr;
///
/// let range: Cidr = "10.0.0.0/8".parse()?;
/// assert!(range.contains("10.255.255.255".parse()?));
/// assert!(!range.contains("11.0.0.0".parse()?));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Cidr {
    network: IpAddr,
    length: u8,
}

impl Cidr {
    pub(crate) const fn v4(a: u8, b: u8, c: u8, d: u8, length: u8) -> Self {
        Self { network: IpAddr::V4(Ipv4Addr::new(a, b, c, d)), length }
    }

    pub(crate) const fn v6(s: [u16; 8], length: u8) -> Self {
        let [a, b, c, d, e, f, g, h] = s;
        Self { network: IpAddr::V6(Ipv6Addr::new(a, b, c, d, e, f, g, h)), length }
    }

    /// Returns the first address of the range.
    pub fn network(&self) -> IpAddr {
        self.network
    }

    /// Returns the length of the prefix in bits: 0 to 32 for IPv4, 0 to 128 for IPv6.
    pub fn length(&self) -> u8 {
        self.length
    }

    /// Returns true if the address lies in the range. An address of the other family never does.
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.network, address) {
            (IpAddr::V4(network), IpAddr::V4(address)) => {
                (network.to_bits() ^ address.to_bits()) & mask4(self.length) == 0
            }
            (IpAddr::V6(network), IpAddr::V6(address)) => {
                (network.to_bits() ^ address.to_bits()) & mask6(self.length) == 0
            }
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
        }
    }
}

fn mask4(length: u8) -> u32 {
    u32::MAX.checked_shl(32_u32.saturating_sub(u32::from(length))).unwrap_or(0)
}

fn mask6(length: u8) -> u128 {
    u128::MAX.checked_shl(128_u32.saturating_sub(u32::from(length))).unwrap_or(0)
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.network, self.length)
    }
}

impl FromStr for Cidr {
    type Err = CidrError;

    fn from_str(text: &str) -> Result<Self, CidrError> {
        let syntax = || CidrError::Syntax(text.chars().take(60).collect());
        let (address, length) = text.split_once('/').ok_or_else(syntax)?;
        let address: IpAddr = address.parse().map_err(|_| syntax())?;
        // `parse` of a number takes a sign and leading zeros; a prefix length has neither.
        if length.is_empty() || length.len() > 3 || !length.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(syntax());
        }
        let length: u8 = length.parse().map_err(|_| syntax())?;
        let network = match address {
            IpAddr::V4(_) if length > 32 => return Err(syntax()),
            IpAddr::V6(_) if length > 128 => return Err(syntax()),
            IpAddr::V4(v4) => IpAddr::V4(Ipv4Addr::from_bits(v4.to_bits() & mask4(length))),
            IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & mask6(length))),
        };
        let range = Self { network, length };
        if let IpAddr::V6(v6) = network
            && length >= 96
            && v6.to_ipv4_mapped().is_some()
        {
            return Err(CidrError::Mapped(range.to_string()));
        }
        if range.to_string() != text {
            return Err(CidrError::NotCanonical {
                found: text.chars().take(60).collect(),
                canonical: range.to_string(),
            });
        }
        Ok(range)
    }
}

/// The IPv6 prefix of a NAT64 translator (RFC 6052), which embeds an IPv4 address in each of its addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Nat64Prefix(Cidr);

impl Nat64Prefix {
    pub(crate) const fn new(range: Cidr) -> Self {
        Self(range)
    }

    /// Returns the IPv4 address that an address under this prefix embeds, or `None` for an address outside it.
    ///
    /// Octet 8 is skipped, whatever its value is.
    pub fn embedded(&self, address: Ipv6Addr) -> Option<Ipv4Addr> {
        self.0.contains(IpAddr::V6(address)).then(|| decode(address, self.0.length)).flatten()
    }
}

/// Returns the IPv4 address that RFC 6052 places behind a prefix of this length.
pub(crate) fn decode(address: Ipv6Addr, length: u8) -> Option<Ipv4Addr> {
    let [_, _, _, _, b4, b5, b6, b7, _, b9, b10, b11, b12, b13, b14, b15] = address.octets();
    let [a, b, c, d] = match length {
        32 => [b4, b5, b6, b7],
        40 => [b5, b6, b7, b9],
        48 => [b6, b7, b9, b10],
        56 => [b7, b9, b10, b11],
        64 => [b9, b10, b11, b12],
        96 => [b12, b13, b14, b15],
        _ => return None,
    };
    Some(Ipv4Addr::new(a, b, c, d))
}

impl fmt::Display for Nat64Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Nat64Prefix {
    type Err = CidrError;

    fn from_str(text: &str) -> Result<Self, CidrError> {
        let range: Cidr = text.parse()?;
        if range.network.is_ipv4() {
            return Err(CidrError::Nat64Family(range.to_string()));
        }
        match range.length {
            32 | 40 | 48 | 56 | 64 | 96 => Ok(Self(range)),
            _ => Err(CidrError::Nat64Length(range.to_string())),
        }
    }
}

/// Reads and writes a type as the text of its `FromStr` and `Display`.
macro_rules! as_text {
    ($($type:ty),*) => {$(
        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }

        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
    )*};
}
pub(crate) use as_text;

as_text!(Cidr, Nat64Prefix);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_only_in_their_canonical_form() {
        for good in ["10.0.0.0/8", "0.0.0.0/0", "1.2.3.4/32", "fd00::/8", "::/0", "::1/128"] {
            assert_eq!(good.parse::<Cidr>().unwrap().to_string(), good);
        }
        for bad in [
            "10.0.0.0",
            "10.0.0.0/33",
            "10.0.0.1/8",
            "10/8",
            "10.0.0.0/+8",
            "10.0.0.0/08",
            "10.0.0.0/",
            "/8",
            "",
            "fd00::/129",
            "fd00::1/8",
            "FD00::/8",
            "::ffff:10.0.0.0/104",
            "010.0.0.0/8",
            "10.0.0.0/8 ",
        ] {
            assert!(bad.parse::<Cidr>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_refused_range_names_the_canonical_one() {
        let error = "10.1.2.3/8".parse::<Cidr>().unwrap_err();
        assert!(error.to_string().contains("write `10.0.0.0/8`"), "{error}");
    }

    #[test]
    fn a_range_ends_at_its_last_address() {
        let range: Cidr = "172.16.0.0/12".parse().unwrap();
        for (address, inside) in
            [("172.15.255.255", false), ("172.16.0.0", true), ("172.31.255.255", true), ("172.32.0.0", false)]
        {
            assert_eq!(range.contains(address.parse().unwrap()), inside, "{address}");
        }
        assert!("0.0.0.0/0".parse::<Cidr>().unwrap().contains("255.1.2.3".parse().unwrap()));
        assert!(!"0.0.0.0/0".parse::<Cidr>().unwrap().contains("::".parse().unwrap()));
    }

    #[test]
    fn nat64_prefixes_have_the_six_lengths_of_rfc_6052() {
        // The table of RFC 6052, section 2.4, for 192.0.2.33.
        for (prefix, address) in [
            ("2001:db8::/32", "2001:db8:c000:221::"),
            ("2001:db8:100::/40", "2001:db8:1c0:2:21::"),
            ("2001:db8:122::/48", "2001:db8:122:c000:2:2100::"),
            ("2001:db8:122:300::/56", "2001:db8:122:3c0:0:221::"),
            ("2001:db8:122:344::/64", "2001:db8:122:344:c0:2:2100::"),
            ("2001:db8:122:344::/96", "2001:db8:122:344::192.0.2.33"),
        ] {
            let prefix: Nat64Prefix = prefix.parse().unwrap();
            assert_eq!(
                prefix.embedded(address.parse().unwrap()),
                Some(Ipv4Addr::new(192, 0, 2, 33)),
                "{prefix}"
            );
            assert_eq!(prefix.embedded("2002::".parse().unwrap()), None);
        }
        for bad in ["2001:db8::/33", "2001:db8::/128", "10.0.0.0/8", "2001:db8::/0"] {
            assert!(bad.parse::<Nat64Prefix>().is_err(), "{bad}");
        }
    }
}

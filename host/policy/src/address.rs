//! Decides which addresses the host may dial: only global ones, unless a grant opens a private range.
//!
//! An IPv6 address can carry an IPv4 address that a translator, a tunnel or the kernel dials in the end. The check
//! decodes every such form and judges each address that it finds. Cloud metadata services are refused even inside
//! a private range that a grant opens.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use serde::{Deserialize, Serialize};

use crate::cidr::{Cidr, Nat64Prefix, decode};

/// The class of addresses that a refused address belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AddressClass {
    /// A metadata service of a cloud, which hands out credentials. No grant opens it.
    Metadata,
    /// `0.0.0.0/8` and `::`: this host.
    Unspecified,
    /// `127.0.0.0/8` and `::1`.
    Loopback,
    /// `10.0.0.0/8`, `172.16.0.0/12`, `192.168.0.0/16`, `fc00::/7` and `fec0::/10`.
    Private,
    /// `100.64.0.0/10`: addresses behind a provider's translator.
    Shared,
    /// `169.254.0.0/16` and `fe80::/10`.
    LinkLocal,
    /// Addresses for examples: `192.0.2.0/24`, `2001:db8::/32` and others.
    Documentation,
    /// `198.18.0.0/15`.
    Benchmarking,
    /// `224.0.0.0/4` and `ff00::/8`.
    Multicast,
    /// Prefixes of translators and tunnels: 6to4, Teredo, IPv4-compatible, IPv4-translated and others.
    Transition,
    /// Everything else that is not global, such as `240.0.0.0/4` and all of IPv6 outside `2000::/3`.
    Reserved,
}

impl fmt::Display for AddressClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Metadata => "cloud metadata",
            Self::Unspecified => "unspecified",
            Self::Loopback => "loopback",
            Self::Private => "private",
            Self::Shared => "shared",
            Self::LinkLocal => "link-local",
            Self::Documentation => "documentation",
            Self::Benchmarking => "benchmarking",
            Self::Multicast => "multicast",
            Self::Transition => "transition",
            Self::Reserved => "reserved",
        })
    }
}

/// The reason why the host does not dial an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct AddressRefusal {
    /// The address that was checked.
    pub address: IpAddr,
    /// The IPv4 address inside it that is refused, if the refusal is about that one.
    pub embedded: Option<Ipv4Addr>,
    /// The class of the refused address.
    pub class: AddressClass,
}

impl fmt::Display for AddressRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.embedded {
            Some(embedded) => {
                write!(f, "address {} embeds {embedded}, which is {}", self.address, self.class)?
            }
            None => write!(f, "address {} is {}", self.address, self.class)?,
        }
        match self.class {
            Metadata => f.write_str("; no grant can allow it"),
            _ => f.write_str("; only a grant whose `private` ranges contain it allows it"),
        }
    }
}

impl std::error::Error for AddressRefusal {}

/// The ranges that an operator opens or declares.
///
/// By default both lists are empty: only global addresses pass.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct AddressRules {
    /// Ranges that are allowed although they are not global. Metadata services stay refused.
    pub private: Vec<Cidr>,
    /// Prefixes of the network's own NAT64 translators. An address under one is judged by the IPv4 address in it.
    pub nat64: Vec<Nat64Prefix>,
}

use AddressClass::{
    Benchmarking, Documentation, LinkLocal, Loopback, Metadata, Multicast, Private, Reserved, Shared,
    Transition, Unspecified,
};

/// IPv4 ranges that are not global, and the metadata services, which come first.
const V4: &[(Cidr, AddressClass)] = &[
    (Cidr::v4(169, 254, 0, 0, 16), Metadata),
    (Cidr::v4(100, 100, 100, 200, 32), Metadata),
    (Cidr::v4(168, 63, 129, 16, 32), Metadata),
    (Cidr::v4(192, 0, 0, 192, 32), Metadata),
    (Cidr::v4(0, 0, 0, 0, 8), Unspecified),
    (Cidr::v4(10, 0, 0, 0, 8), Private),
    (Cidr::v4(100, 64, 0, 0, 10), Shared),
    (Cidr::v4(127, 0, 0, 0, 8), Loopback),
    (Cidr::v4(172, 16, 0, 0, 12), Private),
    (Cidr::v4(192, 0, 0, 0, 24), Reserved),
    (Cidr::v4(192, 0, 2, 0, 24), Documentation),
    (Cidr::v4(192, 88, 99, 0, 24), Transition),
    (Cidr::v4(192, 168, 0, 0, 16), Private),
    (Cidr::v4(198, 18, 0, 0, 15), Benchmarking),
    (Cidr::v4(198, 51, 100, 0, 24), Documentation),
    (Cidr::v4(203, 0, 113, 0, 24), Documentation),
    (Cidr::v4(224, 0, 0, 0, 4), Multicast),
    (Cidr::v4(240, 0, 0, 0, 4), Reserved),
];

/// IPv6 metadata services: AWS, Google Cloud, Oracle Cloud, Scaleway, Akamai, OpenStack.
const V6_METADATA: &[Cidr] = &[
    Cidr::v6([0xfd00, 0xec2, 0, 0, 0, 0, 0, 0], 64),
    Cidr::v6([0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254], 128),
    Cidr::v6([0xfd00, 0xc1, 0, 0, 0, 0, 0, 0], 64),
    Cidr::v6([0xfd00, 0x42, 0, 0, 0, 0, 0, 0x42], 128),
    Cidr::v6([0xfd00, 0xa9fe, 0xa9fe, 0, 0, 0, 0, 0], 64),
    Cidr::v6([0xfe80, 0, 0, 0, 0, 0, 0xa9fe, 0xa9fe], 128),
];

/// Global addresses inside `2001::/23`, by IANA's registry.
const V6_GLOBAL: &[Cidr] = &[
    Cidr::v6([0x2001, 1, 0, 0, 0, 0, 0, 1], 128),
    Cidr::v6([0x2001, 1, 0, 0, 0, 0, 0, 2], 128),
    Cidr::v6([0x2001, 3, 0, 0, 0, 0, 0, 0], 32),
    Cidr::v6([0x2001, 4, 0x112, 0, 0, 0, 0, 0], 48),
];

/// IPv6 ranges that are not global, each before those that contain it.
const V6: &[(Cidr, AddressClass)] = &[
    (Cidr::v6([0; 8], 128), Unspecified),
    (Cidr::v6([0, 0, 0, 0, 0, 0, 0, 1], 128), Loopback),
    (Cidr::v6([0; 8], 96), Transition),
    (Cidr::v6([0, 0, 0, 0, 0xffff, 0, 0, 0], 96), Transition),
    (Cidr::v6([0x64, 0xff9b, 1, 0, 0, 0, 0, 0], 48), Transition),
    (Cidr::v6([0xfc00, 0, 0, 0, 0, 0, 0, 0], 7), Private),
    (Cidr::v6([0xfe80, 0, 0, 0, 0, 0, 0, 0], 10), LinkLocal),
    (Cidr::v6([0xfec0, 0, 0, 0, 0, 0, 0, 0], 10), Private),
    (Cidr::v6([0xff00, 0, 0, 0, 0, 0, 0, 0], 8), Multicast),
    (Cidr::v6([0x2001, 0, 0, 0, 0, 0, 0, 0], 32), Transition),
    (Cidr::v6([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0], 32), Documentation),
    (Cidr::v6([0x2001, 0, 0, 0, 0, 0, 0, 0], 23), Reserved),
    (Cidr::v6([0x2002, 0, 0, 0, 0, 0, 0, 0], 16), Transition),
    (Cidr::v6([0x3fff, 0, 0, 0, 0, 0, 0, 0], 20), Documentation),
];

/// The only part of IPv6 that is global unicast.
const V6_UNICAST: Cidr = Cidr::v6([0x2000, 0, 0, 0, 0, 0, 0, 0], 3);
/// The well-known prefix of NAT64 (RFC 6052).
const NAT64: Nat64Prefix = Nat64Prefix::new(Cidr::v6([0x64, 0xff9b, 0, 0, 0, 0, 0, 0], 96));
/// The prefix for NAT64 inside one network (RFC 8215), whose operator chooses the length.
const NAT64_LOCAL: Cidr = Cidr::v6([0x64, 0xff9b, 1, 0, 0, 0, 0, 0], 48);
const COMPATIBLE: Cidr = Cidr::v6([0; 8], 96);
const TRANSLATED: Cidr = Cidr::v6([0, 0, 0, 0, 0xffff, 0, 0, 0], 96);
const TEREDO: Cidr = Cidr::v6([0x2001, 0, 0, 0, 0, 0, 0, 0], 32);
const SIX_TO_FOUR: Cidr = Cidr::v6([0x2002, 0, 0, 0, 0, 0, 0, 0], 16);

impl AddressRules {
    /// Checks that the host may dial an address.
    ///
    /// # Errors
    ///
    /// Fails with the [`AddressRefusal`] of the first address that is refused: the address itself, or an IPv4
    /// address embedded in it.
    ///
    /// ```
    /// use ringfence_policy::{AddressClass, AddressRules};
    ///
    /// let rules = AddressRules::default();
    /// assert!(rules.check("93.184.215.14".parse()?).is_ok());
    /// let refusal = rules.check("64:ff9b::7f00:1".parse()?).unwrap_err();
    /// assert_eq!(refusal.class, AddressClass::Loopback);
    /// # Ok::<(), std::net::AddrParseError>(())
    /// ```
    pub fn check(&self, address: IpAddr) -> Result<(), AddressRefusal> {
        let refuse = |embedded, class| Err(AddressRefusal { address, embedded, class });
        let v6 = match address {
            IpAddr::V4(v4) => {
                return match self.class_of_v4(v4) {
                    Some(class) => refuse(None, class),
                    None => Ok(()),
                };
            }
            IpAddr::V6(v6) => v6,
        };
        if V6_METADATA.iter().any(|range| range.contains(address)) {
            return refuse(None, Metadata);
        }
        let (embedded, judged_by_them) = self.embedded(v6);
        // A metadata service is named even where the form that hides it is refused anyway.
        let classes = || embedded.iter().map(|v4| (*v4, self.class_of_v4(*v4)));
        if let Some((v4, _)) = classes().find(|(_, class)| *class == Some(Metadata)) {
            return refuse(Some(v4), Metadata);
        }
        if let Some((v4, Some(class))) = classes().find(|(_, class)| class.is_some()) {
            return refuse(Some(v4), class);
        }
        if judged_by_them || self.opens(address) {
            return Ok(());
        }
        match class_of_v6(address) {
            Some(class) => refuse(None, class),
            None => Ok(()),
        }
    }

    fn opens(&self, address: IpAddr) -> bool {
        self.private.iter().any(|range| range.contains(address))
    }

    fn class_of_v4(&self, address: Ipv4Addr) -> Option<AddressClass> {
        let address = IpAddr::V4(address);
        let (_, class) = V4.iter().find(|(range, _)| range.contains(address))?;
        (*class == Metadata || !self.opens(address)).then_some(*class)
    }

    /// Returns the IPv4 addresses inside an address, and whether they alone decide: the kernel or a translator then
    /// dials them and nothing else.
    fn embedded(&self, address: Ipv6Addr) -> (Vec<Ipv4Addr>, bool) {
        let ip = IpAddr::V6(address);
        let mut found = Vec::new();
        let mut decide = false;
        if let Some(mapped) = address.to_ipv4_mapped() {
            return (vec![mapped], true);
        }
        for prefix in self.nat64.iter().chain([&NAT64]) {
            if let Some(v4) = prefix.embedded(address) {
                found.push(v4);
                decide = true;
            }
        }
        // Nobody declared the length, so every length that fits counts.
        if NAT64_LOCAL.contains(ip) && !decide {
            found.extend([48, 56, 64, 96].into_iter().filter_map(|length| decode(address, length)));
        }
        let low = decode(address, 96);
        // `::` and `::1` are addresses of their own.
        if (COMPATIBLE.contains(ip) && address.to_bits() > 1) || TRANSLATED.contains(ip) {
            found.extend(low);
        }
        if SIX_TO_FOUR.contains(ip) {
            let [_, _, a, b, c, d, ..] = address.octets();
            found.push(Ipv4Addr::new(a, b, c, d));
        }
        if TEREDO.contains(ip) {
            // The server, and the client with every bit inverted.
            found.extend(decode(address, 32));
            found.extend(low.map(|client| Ipv4Addr::from_bits(!client.to_bits())));
        }
        // ISATAP: an interface identifier 0:5efe or 200:5efe, with either value of the group bit.
        let [_, _, _, _, flags, marker, _, _] = address.segments();
        if marker == 0x5efe && flags & !0x0300 == 0 {
            found.extend(low);
        }
        (found, decide)
    }
}

fn class_of_v6(address: IpAddr) -> Option<AddressClass> {
    if V6_GLOBAL.iter().any(|range| range.contains(address)) {
        return None;
    }
    match V6.iter().find(|(range, _)| range.contains(address)) {
        Some((_, class)) => Some(*class),
        None if V6_UNICAST.contains(address) => None,
        None => Some(Reserved),
    }
}

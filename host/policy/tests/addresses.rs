//! The address check: the borders of every range, and every form in which an IPv6 address hides an IPv4 one.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use ringfence_policy::{AddressClass, AddressRules};

use AddressClass::*;

/// Rows of an address and the class that refuses it. `None` passes. No range is opened.
const GLOBAL_ONLY: &[(&str, Option<AddressClass>)] = &[
    // IPv4: the last address before a range, its first, its last, the first after it.
    ("0.0.0.0", Some(Unspecified)),
    ("0.255.255.255", Some(Unspecified)),
    ("1.0.0.0", None),
    ("9.255.255.255", None),
    ("10.0.0.0", Some(Private)),
    ("10.255.255.255", Some(Private)),
    ("11.0.0.0", None),
    ("100.63.255.255", None),
    ("100.64.0.0", Some(Shared)),
    ("100.100.100.199", Some(Shared)),
    ("100.100.100.200", Some(Metadata)),
    ("100.100.100.201", Some(Shared)),
    ("100.127.255.255", Some(Shared)),
    ("100.128.0.0", None),
    ("126.255.255.255", None),
    ("127.0.0.0", Some(Loopback)),
    ("127.0.0.1", Some(Loopback)),
    ("127.255.255.255", Some(Loopback)),
    ("128.0.0.0", None),
    ("168.63.129.15", None),
    ("168.63.129.16", Some(Metadata)),
    ("168.63.129.17", None),
    ("169.253.255.255", None),
    ("169.254.0.0", Some(Metadata)),
    ("169.254.169.254", Some(Metadata)),
    ("169.254.170.2", Some(Metadata)),
    ("169.254.255.255", Some(Metadata)),
    ("169.255.0.0", None),
    ("172.15.255.255", None),
    ("172.16.0.0", Some(Private)),
    ("172.31.255.255", Some(Private)),
    ("172.32.0.0", None),
    ("191.255.255.255", None),
    ("192.0.0.0", Some(Reserved)),
    ("192.0.0.192", Some(Metadata)),
    ("192.0.0.255", Some(Reserved)),
    ("192.0.1.0", None),
    ("192.0.1.255", None),
    ("192.0.2.0", Some(Documentation)),
    ("192.0.2.255", Some(Documentation)),
    ("192.0.3.0", None),
    ("192.88.98.255", None),
    ("192.88.99.0", Some(Transition)),
    ("192.88.99.255", Some(Transition)),
    ("192.88.100.0", None),
    ("192.167.255.255", None),
    ("192.168.0.0", Some(Private)),
    ("192.168.255.255", Some(Private)),
    ("192.169.0.0", None),
    ("198.17.255.255", None),
    ("198.18.0.0", Some(Benchmarking)),
    ("198.19.255.255", Some(Benchmarking)),
    ("198.20.0.0", None),
    ("198.51.99.255", None),
    ("198.51.100.0", Some(Documentation)),
    ("198.51.100.255", Some(Documentation)),
    ("198.51.101.0", None),
    ("203.0.112.255", None),
    ("203.0.113.0", Some(Documentation)),
    ("203.0.113.255", Some(Documentation)),
    ("203.0.114.0", None),
    ("223.255.255.255", None),
    ("224.0.0.0", Some(Multicast)),
    ("239.255.255.255", Some(Multicast)),
    ("240.0.0.0", Some(Reserved)),
    ("255.255.255.255", Some(Reserved)),
    // IPv6: all but 2000::/3.
    ("::", Some(Unspecified)),
    ("::1", Some(Loopback)),
    ("0:ffff::", Some(Reserved)),
    ("100::1", Some(Reserved)),
    ("1fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", Some(Reserved)),
    ("2000::", None),
    ("2000:ffff:ffff:ffff:ffff:ffff:ffff:ffff", None),
    // 2001::/23, and the four exceptions in it.
    ("2001:1::", Some(Reserved)),
    ("2001:1::1", None),
    ("2001:1::2", None),
    ("2001:1::3", Some(Reserved)),
    ("2001:2::", Some(Reserved)),
    ("2001:2:ffff:ffff:ffff:ffff:ffff:ffff", Some(Reserved)),
    ("2001:3::", None),
    ("2001:3:ffff:ffff:ffff:ffff:ffff:ffff", None),
    ("2001:4::", Some(Reserved)),
    ("2001:4:111:ffff:ffff:ffff:ffff:ffff", Some(Reserved)),
    ("2001:4:112::", None),
    ("2001:4:112:ffff:ffff:ffff:ffff:ffff", None),
    ("2001:4:113::", Some(Reserved)),
    ("2001:10::1", Some(Reserved)),
    ("2001:20::1", Some(Reserved)),
    ("2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff", Some(Reserved)),
    ("2001:200::", None),
    ("2001:db7:ffff:ffff:ffff:ffff:ffff:ffff", None),
    ("2001:db8::", Some(Documentation)),
    ("2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", Some(Documentation)),
    ("2001:db9::", None),
    ("2001:4860:4860::8888", None),
    ("2606:2800:21f:cb07:6820:80da:af6b:8b2c", None),
    ("3ffe:ffff:ffff:ffff:ffff:ffff:ffff:ffff", None),
    ("3fff::", Some(Documentation)),
    ("3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff", Some(Documentation)),
    ("3fff:1000::", None),
    ("3fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", None),
    ("4000::", Some(Reserved)),
    ("5f00::1", Some(Reserved)),
    ("fbff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", Some(Reserved)),
    ("fc00::", Some(Private)),
    ("fd00::1", Some(Private)),
    ("fd00:ec1:ffff:ffff:ffff:ffff:ffff:ffff", Some(Private)),
    ("fd00:ec2::", Some(Metadata)),
    ("fd00:ec2::254", Some(Metadata)),
    ("fd00:ec2::ffff:ffff:ffff:ffff", Some(Metadata)),
    ("fd00:ec2:0:1::", Some(Private)),
    ("fd00:c1::a9fe:a9fe", Some(Metadata)),
    ("fd00:c1:0:1::", Some(Private)),
    ("fd00:42::41", Some(Private)),
    ("fd00:42::42", Some(Metadata)),
    ("fd00:a9fe:a9fe::1", Some(Metadata)),
    ("fd00:a9fe:a9ff::1", Some(Private)),
    ("fd20:ce::253", Some(Private)),
    ("fd20:ce::254", Some(Metadata)),
    ("fd20:ce::255", Some(Private)),
    ("fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", Some(Private)),
    ("fe00::", Some(Reserved)),
    ("fe7f:ffff:ffff:ffff:ffff:ffff:ffff:ffff", Some(Reserved)),
    ("fe80::", Some(LinkLocal)),
    ("fe80::a9fe:a9fe", Some(Metadata)),
    ("febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff", Some(LinkLocal)),
    ("fec0::", Some(Private)),
    ("feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", Some(Private)),
    ("ff00::", Some(Multicast)),
    ("ff02::1", Some(Multicast)),
    ("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", Some(Multicast)),
    // IPv4-mapped: the kernel dials the IPv4 address.
    ("::ffff:127.0.0.1", Some(Loopback)),
    ("::ffff:10.0.0.1", Some(Private)),
    ("::ffff:169.254.169.254", Some(Metadata)),
    ("::ffff:0.0.0.0", Some(Unspecified)),
    ("::ffff:8.8.8.8", None),
    // IPv4-compatible and IPv4-translated: refused whatever they embed.
    ("::2", Some(Unspecified)),
    ("::127.0.0.1", Some(Loopback)),
    ("::169.254.169.254", Some(Metadata)),
    ("::8.8.8.8", Some(Transition)),
    ("::ffff:0:127.0.0.1", Some(Loopback)),
    ("::ffff:0:169.254.169.254", Some(Metadata)),
    ("::ffff:0:8.8.8.8", Some(Transition)),
    // NAT64, the well-known prefix: as the address that it embeds.
    ("64:ff9b::127.0.0.1", Some(Loopback)),
    ("64:ff9b::10.1.2.3", Some(Private)),
    ("64:ff9b::169.254.169.254", Some(Metadata)),
    ("64:ff9b::100.100.100.200", Some(Metadata)),
    ("64:ff9b::8.8.8.8", None),
    ("64:ff9b::1:8.8.8.8", Some(Reserved)),
    ("64:ff9a:ffff:ffff:ffff:ffff:ffff:ffff", Some(Reserved)),
    // NAT64 for local use: in each length.
    ("64:ff9b:1::127.0.0.1", Some(Unspecified)),
    ("64:ff9b:1:a9fe:a9:fe00::", Some(Metadata)),
    ("64:ff9b:1:a9:fe:a9fe::", Some(Metadata)),
    ("64:ff9b:1:0:a9:fea9:fe00:0", Some(Metadata)),
    ("64:ff9b:1::a9fe:a9fe", Some(Metadata)),
    ("64:ff9b:2::8.8.8.8", Some(Reserved)),
    // 6to4.
    ("2001:ffff:ffff:ffff:ffff:ffff:ffff:ffff", None),
    ("2002::", Some(Unspecified)),
    ("2002:7f00:1::", Some(Loopback)),
    ("2002:a9fe:a9fe::1", Some(Metadata)),
    ("2002:c0a8:101::1", Some(Private)),
    ("2002:808:808::1", Some(Transition)),
    ("2003::", None),
    // Teredo: the server in clear, the client inverted.
    ("2001:0:7f00:1::f7f7:f7f7", Some(Loopback)),
    ("2001:0:808:808::80ff:fffe", Some(Loopback)),
    ("2001:0:808:808::5601:5601", Some(Metadata)),
    ("2001:0:a9fe:a9fe::f7f7:f7f7", Some(Metadata)),
    ("2001:0:808:808::f7f7:f7f7", Some(Transition)),
    // ISATAP, under a global prefix, with each value of the two bits.
    ("2a00:1450:4001:800:0:5efe:10.0.0.1", Some(Private)),
    ("2a00:1450:4001:800:200:5efe:127.0.0.1", Some(Loopback)),
    ("2a00:1450:4001:800:100:5efe:169.254.169.254", Some(Metadata)),
    ("2a00:1450:4001:800:300:5efe:192.168.0.1", Some(Private)),
    ("2a00:1450:4001:800:0:5efe:8.8.8.8", None),
    ("2a00:1450:4001:800:400:5efe:10.0.0.1", None),
    ("2a00:1450:4001:800:0:5eff:10.0.0.1", None),
    ("fe80::5efe:169.254.169.254", Some(Metadata)),
];

/// Opened ranges, declared NAT64 prefixes, an address, and the class that refuses it.
type Row = (&'static [&'static str], &'static [&'static str], &'static str, Option<AddressClass>);

/// Rows of opened ranges, declared NAT64 prefixes, an address and the class that refuses it.
const WITH_RULES: &[Row] = &[
    (&["10.0.0.0/8"], &[], "9.255.255.255", None),
    (&["10.0.0.0/8"], &[], "10.0.0.0", None),
    (&["10.0.0.0/8"], &[], "10.255.255.255", None),
    (&["10.0.0.0/16"], &[], "10.1.0.0", Some(Private)),
    (&["10.0.0.0/8"], &[], "192.168.0.1", Some(Private)),
    (&["10.0.0.0/8"], &[], "::ffff:10.0.0.1", None),
    (&["10.0.0.0/8"], &[], "64:ff9b::10.0.0.1", None),
    (&["10.0.0.0/8"], &[], "2002:a00:1::", Some(Transition)),
    (&["2002::/16"], &[], "2002:a00:1::", Some(Private)),
    (&["2002::/16"], &[], "2002:808:808::", None),
    (&["2002::/16", "10.0.0.0/8"], &[], "2002:a00:1::", None),
    (&["2001::/32"], &[], "2001:0:808:808::80ff:fffe", Some(Loopback)),
    (&["127.0.0.0/8"], &[], "127.0.0.1", None),
    (&["127.0.0.0/8"], &[], "::1", Some(Loopback)),
    (&["::1/128"], &[], "::1", None),
    (&["::1/128"], &[], "127.0.0.1", Some(Loopback)),
    (&["fd00::/8"], &[], "fd00::1", None),
    (&["fd00::/8"], &[], "fc00::1", Some(Private)),
    // Metadata stays refused, in whatever form.
    (&["0.0.0.0/0"], &[], "169.254.169.254", Some(Metadata)),
    (&["0.0.0.0/0"], &[], "169.254.0.1", Some(Metadata)),
    (&["0.0.0.0/0"], &[], "100.100.100.200", Some(Metadata)),
    (&["0.0.0.0/0"], &[], "168.63.129.16", Some(Metadata)),
    (&["0.0.0.0/0"], &[], "192.0.0.192", Some(Metadata)),
    (&["169.254.0.0/16"], &[], "169.254.169.254", Some(Metadata)),
    (&["169.254.169.254/32"], &[], "169.254.169.254", Some(Metadata)),
    (&["0.0.0.0/0"], &[], "10.0.0.1", None),
    (&["fd00::/8"], &[], "fd00:ec2::254", Some(Metadata)),
    (&["fd20:ce::/32"], &[], "fd20:ce::254", Some(Metadata)),
    (&["fd00::/8"], &[], "fd00:c1::a9fe:a9fe", Some(Metadata)),
    (&["fd00::/8"], &[], "fd00:42::42", Some(Metadata)),
    (&["fd00::/8"], &[], "fd00:a9fe:a9fe::1", Some(Metadata)),
    (&["fd00::/8"], &[], "fd00:42::43", None),
    (&["::/0", "0.0.0.0/0"], &[], "fe80::a9fe:a9fe", Some(Metadata)),
    (&["::/0", "0.0.0.0/0"], &[], "::ffff:169.254.169.254", Some(Metadata)),
    (&["::/0", "0.0.0.0/0"], &[], "::169.254.169.254", Some(Metadata)),
    (&["::/0", "0.0.0.0/0"], &[], "::ffff:0:169.254.169.254", Some(Metadata)),
    (&["::/0", "0.0.0.0/0"], &[], "64:ff9b::169.254.169.254", Some(Metadata)),
    (&["::/0", "0.0.0.0/0"], &[], "64:ff9b:1::169.254.169.254", Some(Metadata)),
    (&["::/0", "0.0.0.0/0"], &[], "2002:a9fe:a9fe::", Some(Metadata)),
    (&["::/0", "0.0.0.0/0"], &[], "2001:0:808:808::5601:5601", Some(Metadata)),
    (&["::/0", "0.0.0.0/0"], &[], "2a00::5efe:169.254.169.254", Some(Metadata)),
    (&["::/0", "0.0.0.0/0"], &[], "2002:a00:1::", None),
    // Declared NAT64 prefixes, in each length: 10.0.0.1, 169.254.169.254 and 8.8.8.8 in them.
    (&[], &["fd64::/32"], "fd64:0:a00:1::", Some(Private)),
    (&[], &["fd64::/32"], "fd64:0:a9fe:a9fe::", Some(Metadata)),
    (&[], &["fd64::/32"], "fd64:0:808:808::", None),
    (&[], &["2a00:64::/40"], "2a00:64:a:0:1::", Some(Private)),
    (&[], &["2a00:64::/40"], "2a00:64:8:808:8::", None),
    (&[], &["2a00:64:1::/48"], "2a00:64:1:a00:0:100::", Some(Private)),
    (&[], &["2a00:64:1::/48"], "2a00:64:1:808:8:800::", None),
    (&[], &["2a00:64:1:200::/56"], "2a00:64:1:20a:0:1::", Some(Private)),
    (&[], &["2a00:64:1:200::/56"], "2a00:64:1:208:8:808::", None),
    (&[], &["2a00:64:1:2::/64"], "2a00:64:1:2:a:0:100:0", Some(Private)),
    (&[], &["2a00:64:1:2::/64"], "2a00:64:1:2:8:808:800:0", None),
    (&[], &["2a00:64:1:2::/96"], "2a00:64:1:2::10.0.0.1", Some(Private)),
    (&[], &["2a00:64:1:2::/96"], "2a00:64:1:2::8.8.8.8", None),
    (&[], &["2a00:64:1:2::/96"], "2a00:64:1:2::1:10.0.0.1", None),
    // Octet 8 does not matter.
    (&[], &["2a00:64:1:2::/64"], "2a00:64:1:2:ff0a:0:100:0", Some(Private)),
    (&["10.0.0.0/8"], &["2a00:64:1:2::/96"], "2a00:64:1:2::10.0.0.1", None),
    (&["::/0", "0.0.0.0/0"], &["2a00:64:1:2::/96"], "2a00:64:1:2::169.254.169.254", Some(Metadata)),
    // Overlapping prefixes: each reading must pass.
    (&[], &["2a00:64::/32", "2a00:64:808:808::/96"], "2a00:64:808:808::10.0.0.1", Some(Private)),
    (&[], &["2a00:64::/32", "2a00:64:a00:1::/96"], "2a00:64:a00:1::8.8.8.8", Some(Private)),
    (&[], &["2a00:64::/32", "2a00:64:808:808::/96"], "2a00:64:808:808::8.8.4.4", None),
    // A declared prefix inside the one for local use.
    (&[], &["64:ff9b:1:fffe::/96"], "64:ff9b:1:fffe::8.8.8.8", None),
    (&[], &["64:ff9b:1:fffe::/96"], "64:ff9b:1:fffe::127.0.0.1", Some(Loopback)),
    (&[], &["64:ff9b:1:fffe::/96"], "64:ff9b:1:ffff::8.8.8.8", Some(Reserved)),
];

fn class(rules: &AddressRules, address: &str) -> Option<AddressClass> {
    rules.check(address.parse().unwrap()).err().map(|refusal| refusal.class)
}

#[test]
fn only_global_addresses_pass_without_a_rule() {
    let rules = AddressRules::default();
    for (address, expected) in GLOBAL_ONLY {
        assert_eq!(class(&rules, address), *expected, "{address}");
    }
    assert!(GLOBAL_ONLY.len() >= 120);
}

#[test]
fn rules_open_private_ranges_and_declare_translators() {
    for (private, nat64, address, expected) in WITH_RULES {
        let rules = AddressRules {
            private: private.iter().map(|range| range.parse().unwrap()).collect(),
            nat64: nat64.iter().map(|prefix| prefix.parse().unwrap()).collect(),
        };
        assert_eq!(class(&rules, address), *expected, "{address} with {private:?} and {nat64:?}");
    }
}

#[test]
fn every_ipv4_form_agrees_with_the_plain_address() {
    let rules = AddressRules::default();
    for (address, expected) in GLOBAL_ONLY.iter().filter(|(address, _)| !address.contains(':')) {
        for form in ["::ffff:", "64:ff9b::"] {
            assert_eq!(class(&rules, &format!("{form}{address}")), *expected, "{form}{address}");
        }
        for form in ["::", "::ffff:0:", "64:ff9b:1::", "2001:0:808:808::"] {
            assert!(class(&rules, &format!("{form}{address}")).is_some(), "{form}{address}");
        }
    }
}

#[test]
fn a_refusal_names_the_embedded_address_and_the_range_to_allow() {
    let rules = AddressRules::default();
    let text = |address: &str| rules.check(address.parse().unwrap()).unwrap_err().to_string();
    assert_eq!(
        text("64:ff9b::7f00:1"),
        "address 64:ff9b::7f00:1 embeds 127.0.0.1, which is loopback; \
         only a grant whose `private` ranges contain it allows it"
    );
    assert_eq!(text("169.254.169.254"), "address 169.254.169.254 is cloud metadata; no grant can allow it");
}

//! URLs that parsers read differently, and tricks around the host: each is refused before anything compares it.

use ringfence_policy::{Target, TargetError};

use TargetError::*;

const REFUSED: &[(&str, TargetError)] = &[
    // Addresses in disguise.
    ("http://0x7f.1/", NotCanonical),
    ("http://0x7f000001/", NotCanonical),
    ("http://2130706433/", NotCanonical),
    ("http://127.1/", NotCanonical),
    ("http://0177.0.0.1/", NotCanonical),
    ("http://127.0.0.1./", NotCanonical),
    ("http://127.000.000.001/", NotCanonical),
    ("http://%31%32%37.0.0.1/", NotCanonical),
    ("http://１２７.0.0.1/", Character),
    ("http://①②⑦.0.0.1/", Character),
    ("http://127。0。0。1/", Character),
    ("http://[::127.0.0.1]/", NotCanonical),
    ("http://[::ffff:7f00:0001]/", NotCanonical),
    ("http://[0:0:0:0:0:0:0:1]/", NotCanonical),
    ("http://[::1%25eth0]/", Host),
    ("http://[::1]x/", Host),
    ("http://1.2.3.4.5/", Host),
    ("http://256.0.0.1/", Host),
    // User names and passwords.
    ("http://user:pw@example.com/", UserInfo),
    ("http://user@example.com/", UserInfo),
    ("http://user:pw@example.com@evil.example/", UserInfo),
    ("http://@example.com/", NotCanonical),
    ("http://:@example.com/", NotCanonical),
    ("https://example.com:443@evil.example/", UserInfo),
    // Slashes, backslashes, tabs and lines.
    ("http://example.com\\@evil.example/", Character),
    ("http:/\\evil.example/", Character),
    ("http:\\\\evil.example/", Character),
    ("http:/evil.example/", NotCanonical),
    ("http:evil.example/", NotCanonical),
    ("http:///evil.example/", NotCanonical),
    ("ht\ttp://evil.example/", Character),
    ("http://evil\t.example/", Character),
    ("http://evil.example/\r\nHost: other", Character),
    ("http://evil.example/\n", Character),
    ("http://evil.example/\0", Character),
    ("http://evil.example/\x7f", Character),
    (" http://evil.example/", Character),
    ("http://evil.example/ ", Character),
    ("http://evil.example/a b", Character),
    ("http://evil.example/\u{a0}", Character),
    ("http://evil.example/?a\\b", Character),
    // Case, dots and percent signs of the host.
    ("http://EXAMPLE.com/", NotCanonical),
    ("HTTP://example.com/", NotCanonical),
    ("http://example.com../", Host),
    ("http://.example.com/", Host),
    ("http://example..com/", Host),
    ("http://exa%6dple.com/", NotCanonical),
    ("http://exam%2fple.com/", Host),
    ("http://example.com%00.evil.example/", Host),
    ("http://example.com%23.evil.example/", Host),
    ("http://bücher.example/", Character),
    ("http://exa*mple.com/", Host),
    ("http://a,b.example/", Host),
    ("http:///", Host),
    ("http://", Host),
    ("https://?x", Host),
    // Ports.
    ("http://example.com:0/", Port),
    ("http://example.com:99999/", Port),
    ("http://example.com:80/", NotCanonical),
    ("https://example.com:443/", NotCanonical),
    ("http://example.com:/", NotCanonical),
    ("http://example.com:080/", NotCanonical),
    ("http://example.com:8080x/", Port),
    ("http://example.com:+80/", Port),
    // Paths with dot segments, in each spelling.
    ("http://example.com/a/../b", NotCanonical),
    ("http://example.com/./b", NotCanonical),
    ("http://example.com/a/%2e%2e/b", NotCanonical),
    ("http://example.com/a/%2E./b", NotCanonical),
    ("http://example.com/a/..", NotCanonical),
    // Fragments and schemes.
    ("http://example.com/#", Fragment),
    ("http://example.com/#@evil.example/", Fragment),
    ("ftp://example.com/", Scheme),
    ("file:///etc/passwd", Scheme),
    ("ws://example.com/", Scheme),
    ("data:text/plain,x", Scheme),
    ("unix:///run/docker.sock", Scheme),
    ("gopher://example.com/", Scheme),
    ("example.com", Syntax),
    ("//example.com/", Syntax),
    ("/etc/passwd", Syntax),
    ("", Syntax),
];

#[test]
fn urls_with_more_than_one_reading_are_refused() {
    let wrong: Vec<_> = REFUSED
        .iter()
        .map(|(url, expected)| (url, Target::parse(url).map(|target| target.to_string()), expected))
        .filter(|(_, found, expected)| found.as_ref().err() != Some(expected))
        .collect();
    assert_eq!(wrong, []);
}

#[test]
fn canonical_urls_pass_as_they_are() {
    for url in [
        "http://example.com/",
        "https://example.com:8443/a%20b/c;d=e?f=g&h=%2F",
        "http://127.0.0.1/",
        "http://[::1]:8080/",
        "http://[::ffff:7f00:1]/",
        "http://[64:ff9b::7f00:1]/",
        "http://xn--bcher-kva.example/",
        "https://under_score.example/~user/(a)!$&'*+,;=:@",
        "https://example.com/a//b/",
        "https://example.com/?",
        "https://example.com/?a=b?c/d",
        "https://localhost/",
    ] {
        assert_eq!(Target::parse(url).map(|target| target.to_string()).as_deref(), Ok(url));
    }
}

#[test]
fn long_names_and_labels_are_refused() {
    let label = "a".repeat(63);
    assert!(Target::parse(&format!("https://{label}.example/")).is_ok());
    assert_eq!(Target::parse(&format!("https://{label}a.example/")), Err(Host));
    // 253 characters, and one more.
    let name = format!("{label}.{label}.{label}.{}", "b".repeat(61));
    assert!(Target::parse(&format!("https://{name}/")).is_ok());
    assert_eq!(Target::parse(&format!("https://{name}b/")), Err(Host));
}

//! Which URLs may be in the HTML: relative ones, and those of schemes that run nothing.

/// The schemes that may stay.
const SAFE: [&str; 4] = ["http", "https", "mailto", "tel"];

/// Whether a browser that follows `url` runs nothing and shows nothing but a page, a mail or a call.
///
/// Browsers leave out control characters and spaces before and line ends and tabs within a scheme, so they are left
/// out here as well; what is then before the first colon is a scheme, unless a path, query or fragment starts earlier.
pub(crate) fn is_safe(url: &str) -> bool {
    let mut scheme = String::new();
    for c in url.chars().filter(|c| !c.is_control() && !c.is_whitespace()) {
        match c {
            ':' => return SAFE.iter().any(|safe| safe.eq_ignore_ascii_case(&scheme)),
            '/' | '?' | '#' => return true,
            _ => scheme.push(c),
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::is_safe;

    #[test]
    fn pages_mails_and_calls_are_safe() {
        for url in [
            "",
            "#a",
            "a/b",
            "/a:b",
            "?q=a:b",
            "#a:b",
            "//example.com",
            "http://example.com",
            "HTTPS://example.com/a:b",
            "mailto:a@example.com",
            "tel:+4712345678",
            "a b",
            "%6Aavascript%3A1",
        ] {
            assert!(is_safe(url), "{url:?}");
        }
    }

    #[test]
    fn everything_else_with_a_scheme_is_not() {
        for url in [
            "javascript:alert(1)",
            "JaVaScRiPt:alert(1)",
            " javascript:1",
            "java\nscript:1",
            "java\tscript:1",
            "\u{1}javascript:1",
            "javascript\u{a0}:1",
            "data:text/html,x",
            "data:image/svg+xml;base64,AA",
            "vbscript:1",
            "file:///etc/passwd",
            "blob:x",
            "about:blank",
            "view-source:http://x",
            "ms-settings:x",
            ":x",
            "x y:z",
        ] {
            assert!(!is_safe(url), "{url:?}");
        }
    }
}

//! Resolves links of a page against its URL (RFC 3986, section 5).

/// Parts of a reference, without its fragment's meaning.
struct Parts<'a> {
    scheme: Option<&'a str>,
    authority: Option<&'a str>,
    path: &'a str,
    query: Option<&'a str>,
    fragment: Option<&'a str>,
}

fn parts(text: &str) -> Parts<'_> {
    let (text, fragment) = match text.split_once('#') {
        Some((text, fragment)) => (text, Some(fragment)),
        None => (text, None),
    };
    let (text, query) = match text.split_once('?') {
        Some((text, query)) => (text, Some(query)),
        None => (text, None),
    };
    let (scheme, text) = match text.split_once(':') {
        Some((scheme, rest)) if is_scheme(scheme) => (Some(scheme), rest),
        _ => (None, text),
    };
    let (authority, path) = match text.strip_prefix("//") {
        Some(rest) => {
            let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
            (Some(authority), path)
        }
        None => (None, text),
    };
    Parts { scheme, authority, path, query, fragment }
}

fn is_scheme(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))
}

/// Returns the URL to which `link` leads from the page `base`, or none if its scheme is not `http`, `https`, `mailto` or
/// `tel`. It has no spaces, brackets or quotation marks, so it can stand in Markdown.
pub(crate) fn resolve(base: &str, link: &str) -> Option<String> {
    // A browser ignores these everywhere in a URL.
    let link: String = link.trim().chars().filter(|c| !matches!(c, '\t' | '\n' | '\r')).collect();
    let link = parts(&link);
    let base = parts(base);
    if let Some(scheme) = link.scheme {
        let scheme = scheme.to_ascii_lowercase();
        return match scheme.as_str() {
            "http" | "https" => {
                let path = if link.path.is_empty() { "/" } else { link.path };
                Some(written(&scheme, Some(link.authority?), path, link.query, link.fragment))
            }
            "mailto" | "tel" => Some(written(&scheme, None, link.path, link.query, None)),
            _ => None,
        };
    }
    let scheme = base.scheme?;
    if link.authority.is_some() {
        return Some(written(scheme, link.authority, &without_dots(link.path), link.query, link.fragment));
    }
    let (path, query) = if link.path.is_empty() {
        (base.path.to_owned(), link.query.or(base.query))
    } else if link.path.starts_with('/') {
        (without_dots(link.path), link.query)
    } else {
        let folder = base.path.rsplit_once('/').map_or("", |(folder, _)| folder);
        (without_dots(&format!("{folder}/{}", link.path)), link.query)
    };
    Some(written(scheme, base.authority, &path, query, link.fragment))
}

fn without_dots(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    let mut is_folder = false;
    for part in path.split('/').skip(usize::from(path.starts_with('/'))) {
        is_folder = matches!(part, "." | "..");
        match part {
            "." => {}
            ".." => {
                kept.pop();
            }
            part => kept.push(part),
        }
    }
    format!("/{}{}", kept.join("/"), if is_folder && !kept.is_empty() { "/" } else { "" })
}

fn written(scheme: &str, authority: Option<&str>, path: &str, query: Option<&str>, fragment: Option<&str>) -> String {
    let mut url = format!("{scheme}:");
    for (mark, part) in [("//", authority), ("", Some(path)), ("?", query), ("#", fragment)] {
        let Some(part) = part else { continue };
        url.push_str(mark);
        for c in part.chars() {
            match c {
                ' ' | '<' | '>' | '"' | '(' | ')' | '\\' | '`' | '|' => {
                    url.push_str(&format!("%{:02X}", u32::from(c)));
                }
                c if c.is_control() || c.is_whitespace() => {}
                c => url.push(c),
            }
        }
    }
    url
}

#[cfg(test)]
mod tests {
    use super::resolve;

    #[test]
    fn links_are_resolved_as_the_standard_says() {
        let base = "http://a/b/c/d;p?q";
        for (link, url) in [
            ("g", "http://a/b/c/g"),
            ("./g", "http://a/b/c/g"),
            ("g/", "http://a/b/c/g/"),
            ("/g", "http://a/g"),
            ("//g", "http://g/"),
            ("?y", "http://a/b/c/d;p?y"),
            ("g?y", "http://a/b/c/g?y"),
            ("#s", "http://a/b/c/d;p?q#s"),
            ("", "http://a/b/c/d;p?q"),
            (".", "http://a/b/c/"),
            ("..", "http://a/b/"),
            ("../g", "http://a/b/g"),
            ("../../../g", "http://a/g"),
            ("g;x=1/../y", "http://a/b/c/y"),
            ("HTTPS://x.test", "https://x.test/"),
            ("mailto:a@b.test", "mailto:a@b.test"),
            (" a b(1).html ", "http://a/b/c/a%20b%281%29.html"),
        ] {
            assert_eq!(resolve(base, link).as_deref(), Some(url), "{link}");
        }
    }

    #[test]
    fn a_link_with_an_executable_scheme_is_dropped() {
        for link in ["javascript:alert(1)", "java\nscript:alert(1)", "data:text/html,x", "file:///etc/passwd", "http:g"]
        {
            assert_eq!(resolve("https://a.test/", link), None, "{link}");
        }
    }
}

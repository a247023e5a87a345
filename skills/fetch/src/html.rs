//! Cuts HTML into texts and tags. It accepts anything, as a browser does, and builds no tree.

/// A piece of a document.
pub(crate) enum Piece<'a> {
    /// Text, with its entities.
    Text(&'a str),
    /// A start tag: its name in lower case, and what stands behind the name.
    Start(String, &'a str),
    /// An end tag: its name in lower case.
    End(String),
}

/// The pieces of a document, in order. Comments, declarations, and the contents of scripts and styles are left out.
pub(crate) struct Pieces<'a> {
    rest: &'a str,
}

impl<'a> Pieces<'a> {
    pub(crate) fn new(html: &'a str) -> Self {
        Self { rest: html }
    }

    /// Takes `bytes` bytes of the rest.
    fn take(&mut self, bytes: usize) -> &'a str {
        let (taken, rest) = self.rest.split_at(self.rest.floor_char_boundary(bytes));
        self.rest = rest;
        taken
    }

    /// Takes all up to `end` and `end` itself, or the whole rest.
    fn skip_past(&mut self, end: &str) {
        let bytes = self.rest.find(end).map_or(self.rest.len(), |at| at.saturating_add(end.len()));
        self.take(bytes);
    }

    /// Takes all up to the end tag of the element `name`.
    fn until_end_of(&mut self, name: &str) -> &'a str {
        let mut from = 0_usize;
        while let Some(at) = self.rest.get(from..).and_then(|rest| rest.find("</")) {
            let tag = from.saturating_add(at);
            from = tag.saturating_add(2);
            let end = from.saturating_add(name.len());
            if self.rest.get(from..end).is_some_and(|found| found.eq_ignore_ascii_case(name)) {
                return self.take(tag);
            }
        }
        self.take(self.rest.len())
    }
}

impl<'a> Iterator for Pieces<'a> {
    type Item = Piece<'a>;

    fn next(&mut self) -> Option<Piece<'a>> {
        loop {
            let first = self.rest.chars().next()?;
            if first != '<' {
                let bytes = self.rest.find('<').unwrap_or(self.rest.len());
                return Some(Piece::Text(self.take(bytes)));
            }
            let after = self.rest.get(1..).unwrap_or_default();
            if after.starts_with("!--") {
                self.skip_past("-->");
            } else if after.starts_with(['!', '?']) {
                self.skip_past(">");
            } else if let Some(name) = after.strip_prefix('/') {
                let name = name_of(name);
                self.skip_past(">");
                if !name.is_empty() {
                    return Some(Piece::End(name));
                }
            } else if after.starts_with(|c: char| c.is_ascii_alphabetic()) {
                let name = name_of(after);
                let tag = self.take(tag_end(self.rest));
                let attributes = tag.get(name.len().saturating_add(1)..).unwrap_or_default();
                if matches!(name.as_str(), "script" | "style" | "noscript" | "template" | "svg" | "iframe" | "object") {
                    if !attributes.trim_end_matches('>').ends_with('/') {
                        self.until_end_of(&name);
                        self.skip_past(">");
                    }
                    continue;
                }
                return Some(Piece::Start(name, attributes));
            } else {
                return Some(Piece::Text(self.take(1)));
            }
        }
    }
}

fn name_of(text: &str) -> String {
    let end = text.find(|c: char| c.is_whitespace() || matches!(c, '>' | '/')).unwrap_or(text.len());
    text.get(..end).unwrap_or_default().to_ascii_lowercase()
}

/// The length of the tag at the start of `text`: a `>` in a quoted value does not end it.
fn tag_end(text: &str) -> usize {
    let mut quote = None;
    let mut last = ' ';
    for (at, c) in text.char_indices() {
        match quote {
            Some(open) if c == open => quote = None,
            Some(_) => {}
            None if matches!(c, '"' | '\'') && last == '=' => quote = Some(c),
            None if c == '>' => return at.saturating_add(1),
            None => {}
        }
        if !c.is_whitespace() {
            last = c;
        }
    }
    text.len()
}

/// Returns the value of an attribute, with its entities decoded; empty if it has no value.
pub(crate) fn attribute(attributes: &str, wanted: &str) -> Option<String> {
    let mut rest = attributes.trim_end_matches('>');
    loop {
        rest = rest.trim_start_matches(|c: char| c.is_whitespace() || c == '/');
        if rest.is_empty() {
            return None;
        }
        let end = rest.find(|c: char| c.is_whitespace() || matches!(c, '=' | '/')).unwrap_or(rest.len()).max(1);
        let (name, after) = rest.split_at(rest.ceil_char_boundary(end));
        rest = after.trim_start();
        let mut value = "";
        if let Some(after) = rest.strip_prefix('=') {
            let after = after.trim_start();
            (value, rest) = match after.chars().next() {
                Some(quote @ ('"' | '\'')) => {
                    let inner = after.get(1..).unwrap_or_default();
                    inner.split_once(quote).unwrap_or((inner, ""))
                }
                _ => after.split_at(after.find(char::is_whitespace).unwrap_or(after.len())),
            };
        }
        if name.eq_ignore_ascii_case(wanted) {
            return Some(decode(value));
        }
    }
}

/// Entities that have names here; others stay as they are written.
const ENTITIES: &[(&str, &str)] = &[
    ("amp", "&"),
    ("lt", "<"),
    ("gt", ">"),
    ("quot", "\""),
    ("apos", "'"),
    ("nbsp", " "),
    ("copy", "©"),
    ("reg", "®"),
    ("trade", "™"),
    ("hellip", "…"),
    ("mdash", "—"),
    ("ndash", "–"),
    ("lsquo", "‘"),
    ("rsquo", "’"),
    ("ldquo", "“"),
    ("rdquo", "”"),
    ("sbquo", "‚"),
    ("bdquo", "„"),
    ("laquo", "«"),
    ("raquo", "»"),
    ("bull", "•"),
    ("middot", "·"),
    ("times", "×"),
    ("divide", "÷"),
    ("plusmn", "±"),
    ("deg", "°"),
    ("euro", "€"),
    ("pound", "£"),
    ("yen", "¥"),
    ("cent", "¢"),
    ("sect", "§"),
    ("para", "¶"),
    ("micro", "µ"),
    ("frac12", "½"),
    ("frac14", "¼"),
    ("frac34", "¾"),
    ("larr", "←"),
    ("uarr", "↑"),
    ("rarr", "→"),
    ("darr", "↓"),
    ("shy", ""),
    ("zwnj", ""),
    ("zwj", ""),
    ("auml", "ä"),
    ("ouml", "ö"),
    ("uuml", "ü"),
    ("Auml", "Ä"),
    ("Ouml", "Ö"),
    ("Uuml", "Ü"),
    ("szlig", "ß"),
    ("eacute", "é"),
    ("Eacute", "É"),
    ("egrave", "è"),
    ("ecirc", "ê"),
    ("agrave", "à"),
    ("aacute", "á"),
    ("acirc", "â"),
    ("aring", "å"),
    ("Aring", "Å"),
    ("aelig", "æ"),
    ("ccedil", "ç"),
    ("ntilde", "ñ"),
    ("oslash", "ø"),
    ("Oslash", "Ø"),
    ("iacute", "í"),
    ("oacute", "ó"),
    ("ocirc", "ô"),
    ("uacute", "ú"),
    ("le", "≤"),
    ("ge", "≥"),
    ("ne", "≠"),
];

/// Returns the text with its entities decoded.
pub(crate) fn decode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        out.push_str(before);
        rest = after;
        let window = after.get(..after.floor_char_boundary(12)).unwrap_or_default();
        let found = window.split_once(';').and_then(|(name, _)| Some((name, entity(name)?)));
        match found {
            Some((name, value)) => {
                out.push_str(&value);
                rest = after.get(name.len().saturating_add(1)..).unwrap_or_default();
            }
            None => out.push('&'),
        }
    }
    out.push_str(rest);
    out
}

fn entity(name: &str) -> Option<String> {
    if let Some(number) = name.strip_prefix('#') {
        let code = match number.strip_prefix(['x', 'X']) {
            Some(hex) => u32::from_str_radix(hex, 16).ok()?,
            None => number.parse().ok()?,
        };
        return Some(char::from_u32(code).filter(|c| *c != '\0').unwrap_or(char::REPLACEMENT_CHARACTER).to_string());
    }
    ENTITIES.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(html: &str) -> Vec<String> {
        Pieces::new(html)
            .map(|piece| match piece {
                Piece::Text(text) => text.to_owned(),
                Piece::Start(name, _) => format!("<{name}>"),
                Piece::End(name) => format!("</{name}>"),
            })
            .collect()
    }

    #[test]
    fn scripts_styles_and_comments_are_left_out() {
        assert_eq!(pieces("a<script>if (1 </b> 2) '<p>'</SCRIPT >b<!-- <i> -->c<style>x"), ["a", "b", "c"]);
    }

    #[test]
    fn a_quoted_bracket_does_not_end_a_tag() {
        assert_eq!(pieces("<a title='x>y' href=z>t</a>"), ["<a>", "t", "</a>"]);
        assert_eq!(pieces("1 < 2 <"), ["1 ", "<", " 2 ", "<"]);
    }

    #[test]
    fn attributes_are_found_and_decoded() {
        let tag = " class=a HREF = \"/x?a=1&amp;b=2\" hidden data-x='y'>";
        assert_eq!(attribute(tag, "href").as_deref(), Some("/x?a=1&b=2"));
        assert_eq!(attribute(tag, "hidden").as_deref(), Some(""));
        assert_eq!(attribute(tag, "data-x").as_deref(), Some("y"));
        assert_eq!(attribute(tag, "id"), None);
    }

    #[test]
    fn entities_are_decoded_by_name_and_number() {
        assert_eq!(decode("&lt;&#65;&#x42;&hellip; &unknown; a&b &#0; &amp;lt;"), "<AB… &unknown; a&b \u{fffd} &lt;");
    }
}

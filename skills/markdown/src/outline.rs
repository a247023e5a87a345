//! The parts of a document that are found by walking over it: headings, sections, links.

use std::collections::BTreeMap;

use pulldown_cmark::{Event, LinkType, OffsetIter, Options, Parser, Tag, TagEnd};

use crate::url;

/// The Markdown that is understood.
pub(crate) fn options() -> Options {
    Options::ENABLE_TABLES
        | Options::ENABLE_FOOTNOTES
        | Options::ENABLE_STRIKETHROUGH
        | Options::ENABLE_TASKLISTS
        | Options::ENABLE_GFM
        | Options::ENABLE_YAML_STYLE_METADATA_BLOCKS
}

fn walk(source: &str) -> OffsetIter<'_> {
    Parser::new_ext(source, options()).into_offset_iter()
}

/// A heading.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Heading {
    pub(crate) level: u8,
    pub(crate) text: String,
    pub(crate) anchor: String,
    /// Where it starts, in bytes.
    pub(crate) start: usize,
    /// Whether it is within a quote or list.
    pub(crate) nested: bool,
}

/// All headings, in order.
pub(crate) fn headings(source: &str) -> Vec<Heading> {
    let mut headings = Vec::new();
    let mut anchors = Anchors::default();
    let mut depth: usize = 0;
    let mut open: Option<Heading> = None;
    for (event, range) in walk(source) {
        match event {
            Event::Start(Tag::Heading { level, .. }) => {
                let nested = depth > 0;
                let (text, anchor) = (String::new(), String::new());
                open = Some(Heading { level: level as u8, text, anchor, start: range.start, nested });
            }
            Event::End(TagEnd::Heading(_)) => {
                if let Some(mut heading) = open.take() {
                    heading.text = heading.text.trim().to_owned();
                    heading.anchor = anchors.next(&heading.text);
                    headings.push(heading);
                }
            }
            Event::Start(tag) if is_container(tag.to_end()) => depth = depth.saturating_add(1),
            Event::End(tag) if is_container(tag) => depth = depth.saturating_sub(1),
            event => {
                if let Some(heading) = &mut open {
                    add_text(&mut heading.text, &event);
                }
            }
        }
    }
    headings
}

fn is_container(tag: TagEnd) -> bool {
    matches!(tag, TagEnd::BlockQuote(_) | TagEnd::Item | TagEnd::FootnoteDefinition)
}

/// Adds what a reader sees of `event`.
pub(crate) fn add_text(text: &mut String, event: &Event<'_>) {
    match event {
        Event::Text(part) | Event::Code(part) | Event::InlineMath(part) | Event::DisplayMath(part) => {
            text.push_str(part)
        }
        Event::SoftBreak | Event::HardBreak => text.push(' '),
        _ => {}
    }
}

/// Gives each heading a name of its own, as GitHub does.
#[derive(Default)]
struct Anchors {
    /// The names that were given, with how often each was asked for.
    given: BTreeMap<String, u32>,
}

impl Anchors {
    fn next(&mut self, text: &str) -> String {
        let kept = text.chars().filter_map(|c| match c {
            ' ' => Some('-'),
            '-' | '_' => Some(c),
            _ => c.is_alphanumeric().then_some(c),
        });
        let plain: String = kept.flat_map(char::to_lowercase).collect();
        let mut anchor = plain.clone();
        let mut count = self.given.get(&plain).copied().unwrap_or_default();
        while self.given.contains_key(&anchor) {
            count = count.saturating_add(1);
            anchor = format!("{plain}-{count}");
        }
        self.given.insert(plain, count);
        self.given.entry(anchor.clone()).or_default();
        anchor
    }
}

/// The Markdown of the section whose heading has `anchor`.
pub(crate) fn section<'a>(source: &'a str, anchor: &str) -> Result<&'a str, String> {
    let wanted = anchor.strip_prefix('#').unwrap_or(anchor);
    let headings: Vec<Heading> = headings(source).into_iter().filter(|heading| !heading.nested).collect();
    let Some(at) = headings.iter().position(|heading| heading.anchor == wanted) else {
        return Err(unknown(&headings));
    };
    let mut rest = headings.iter().skip(at);
    let Some(heading) = rest.next() else { return Err(unknown(&headings)) };
    let end = rest.find(|next| next.level <= heading.level).map_or(source.len(), |next| next.start);
    Ok(source.get(heading.start..end).unwrap_or_default())
}

fn unknown(headings: &[Heading]) -> String {
    const SHOWN: usize = 20;
    if headings.is_empty() {
        return "the document has no headings".into();
    }
    let names: Vec<&str> = headings.iter().take(SHOWN).map(|heading| heading.anchor.as_str()).collect();
    let more = match headings.len().saturating_sub(SHOWN) {
        0 => String::new(),
        more => format!(" and {more} more; `outline` has them all"),
    };
    format!("no heading has that anchor; there are {}{more}", names.join(", "))
}

/// A link or an image.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Link {
    pub(crate) image: bool,
    pub(crate) text: String,
    pub(crate) url: String,
    pub(crate) safe: bool,
    /// Where it starts, in bytes.
    pub(crate) start: usize,
}

/// All links and images, in order.
pub(crate) fn links(source: &str) -> Vec<Link> {
    let mut links: Vec<Link> = Vec::new();
    // The places in `links` of those that are open: an image can be within a link, and a link within an image.
    let mut open: Vec<usize> = Vec::new();
    for (event, range) in walk(source) {
        match event {
            Event::Start(Tag::Link { link_type, ref dest_url, .. } | Tag::Image { link_type, ref dest_url, .. }) => {
                let image = matches!(event, Event::Start(Tag::Image { .. }));
                let url = destination(link_type, dest_url);
                open.push(links.len());
                links.push(Link { image, text: String::new(), safe: url::is_safe(&url), url, start: range.start });
            }
            Event::End(TagEnd::Link | TagEnd::Image) => {
                let closed = open.pop().and_then(|at| links.get(at)).map(|link| link.text.clone());
                if let (Some(text), Some(outer)) = (closed, open.last().and_then(|at| links.get_mut(*at))) {
                    outer.text.push_str(&text);
                }
            }
            event => {
                if let Some(link) = open.last().and_then(|at| links.get_mut(*at)) {
                    add_text(&mut link.text, &event);
                }
            }
        }
    }
    links
}

/// Where a link leads.
pub(crate) fn destination(link_type: LinkType, url: &str) -> String {
    if link_type == LinkType::Email { format!("mailto:{url}") } else { url.to_owned() }
}

/// Finds the lines of a text.
pub(crate) struct Lines {
    ends: Vec<usize>,
}

impl Lines {
    pub(crate) fn new(source: &str) -> Self {
        Self { ends: source.match_indices('\n').map(|(at, _)| at).collect() }
    }

    /// The line of the byte at `at`, from 1.
    pub(crate) fn of(&self, at: usize) -> u32 {
        let before = self.ends.partition_point(|end| *end < at);
        u32::try_from(before).unwrap_or(u32::MAX).saturating_add(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCUMENT: &str = "---\ntitle: x\n---\n# A *first* `one`!\n\ntext\n\nSecond\n---\n\n> ## quoted\n\n### Deep\n\nb\n\n\
        ## Second\n\nc [l](u)\n";

    fn anchors(source: &str) -> Vec<String> {
        headings(source).into_iter().map(|heading| heading.anchor).collect()
    }

    #[test]
    fn headings_have_text_level_and_place() {
        let found = headings(DOCUMENT);
        let lines = Lines::new(DOCUMENT);
        let found: Vec<_> =
            found.iter().map(|h| (h.level, h.text.as_str(), h.anchor.as_str(), lines.of(h.start), h.nested)).collect();
        assert_eq!(
            found,
            [
                (1, "A first one!", "a-first-one", 4, false),
                (2, "Second", "second", 8, false),
                (2, "quoted", "quoted", 11, true),
                (3, "Deep", "deep", 13, false),
                (2, "Second", "second-1", 17, false),
            ]
        );
    }

    #[test]
    fn no_two_headings_have_the_same_anchor() {
        assert_eq!(anchors("# a\n# a\n# a-1\n# a\n# A!\n"), ["a", "a-1", "a-1-1", "a-2", "a-3"]);
        assert_eq!(anchors("# Été 2026 — x_y\n#\n#\n# 日本語\n"), ["été-2026--x_y", "", "-1", "日本語"]);
        let many = anchors(&"# x\n".repeat(2_000));
        assert_eq!(many.last().map(String::as_str), Some("x-1999"));
    }

    #[test]
    fn a_section_ends_at_the_next_heading_that_is_not_below_it() {
        let second = "Second\n---\n\n> ## quoted\n\n### Deep\n\nb\n\n";
        assert_eq!(section(DOCUMENT, "second"), Ok(second));
        assert_eq!(section(DOCUMENT, "#deep"), Ok("### Deep\n\nb\n\n"));
        assert_eq!(section(DOCUMENT, "second-1"), Ok("## Second\n\nc [l](u)\n"));
        let unknown = "no heading has that anchor; there are a-first-one, second, deep, second-1";
        assert_eq!(section(DOCUMENT, "quoted"), Err(unknown.into()));
        assert_eq!(section("text", "x"), Err("the document has no headings".into()));
    }

    #[test]
    fn links_and_images_are_found() {
        let source = "[a *b*](u \"t\") <https://x.y> <a@b.c>\n\n[![alt](i.png)](javascript:1) [r]\n\n[r]: /r\n";
        let found = links(source);
        let lines = Lines::new(source);
        let found: Vec<_> =
            found.iter().map(|l| (l.image, l.text.as_str(), l.url.as_str(), l.safe, lines.of(l.start))).collect();
        assert_eq!(
            found,
            [
                (false, "a b", "u", true, 1),
                (false, "https://x.y", "https://x.y", true, 1),
                (false, "a@b.c", "mailto:a@b.c", true, 1),
                (false, "alt", "javascript:1", false, 3),
                (true, "alt", "i.png", true, 3),
                (false, "r", "/r", true, 3),
            ]
        );
    }
}

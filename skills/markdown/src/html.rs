//! HTML that can be shown: what could run, restyle the page or call another server is not in it.
//!
//! The writer of `pulldown-cmark` writes what it is told, so it is told nothing else: raw HTML arrives as text or not at
//! all, and links, images, footnotes and ids are made here.

use std::collections::BTreeMap;

use pulldown_cmark::{CowStr, Event, Parser, Tag, TagEnd, html};
use pulldown_cmark_escape::{escape_href, escape_html};

use crate::{outline, url};

/// How HTML is made.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) keep_raw_html: bool,
    pub(crate) images: Images,
    pub(crate) id_prefix: String,
}

/// What becomes of images.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Images {
    Link,
    Show,
    Text,
}

/// How many of the removed URLs are named.
const MOST_REMOVED: usize = 100;

impl Settings {
    /// An `id` may need no escaping, whatever its prefix.
    pub(crate) fn check(&self) -> Result<(), String> {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        if self.id_prefix.len() <= 32 && self.id_prefix.bytes().all(fits) {
            Ok(())
        } else {
            Err("id-prefix may have letters, digits, `-` and `_`, and at most 32 of them".into())
        }
    }
}

/// The HTML of `source`, and the URLs that were removed.
pub(crate) fn render(source: &str, settings: &Settings) -> (String, Vec<String>) {
    let mut writer = Writer {
        settings,
        anchors: outline::headings(source).into_iter().map(|heading| heading.anchor).collect::<Vec<_>>().into_iter(),
        footnotes: BTreeMap::new(),
        open_links: Vec::new(),
        removed: Vec::new(),
    };
    let mut events = Parser::new_ext(source, outline::options());
    let mut safe = Vec::new();
    while let Some(event) = events.next() {
        match event {
            Event::Start(Tag::Image { dest_url, title, link_type: _, id: _ }) => {
                let alt = alternative_text(&mut events);
                safe.push(writer.image(&dest_url, &title, &alt));
            }
            event => safe.extend(writer.event(event)),
        }
    }
    let mut out = String::with_capacity(source.len().saturating_add(source.len() / 2));
    html::push_html(&mut out, safe.into_iter());
    (out, writer.removed)
}

/// What is within an image, as text; takes the events up to its end.
fn alternative_text<'a>(events: &mut impl Iterator<Item = Event<'a>>) -> String {
    let mut text = String::new();
    let mut depth: usize = 0;
    for event in events {
        match event {
            Event::Start(_) => depth = depth.saturating_add(1),
            Event::End(_) => match depth.checked_sub(1) {
                Some(outer) => depth = outer,
                None => break,
            },
            event => outline::add_text(&mut text, &event),
        }
    }
    text
}

struct Writer<'s> {
    settings: &'s Settings,
    /// The anchors of the headings that are still to come.
    anchors: std::vec::IntoIter<String>,
    /// The number of each footnote, by label.
    footnotes: BTreeMap<String, usize>,
    /// For each link that is open, whether it has a tag.
    open_links: Vec<bool>,
    removed: Vec<String>,
}

impl Writer<'_> {
    /// What is written for `event`.
    fn event<'a>(&mut self, event: Event<'a>) -> Option<Event<'a>> {
        Some(match event {
            // A block of HTML becomes a paragraph of text.
            Event::Start(Tag::HtmlBlock) if self.settings.keep_raw_html => Event::Start(Tag::Paragraph),
            Event::End(TagEnd::HtmlBlock) if self.settings.keep_raw_html => Event::End(TagEnd::Paragraph),
            Event::Html(html) | Event::InlineHtml(html) if self.settings.keep_raw_html => Event::Text(html),
            Event::Start(Tag::HtmlBlock) | Event::End(TagEnd::HtmlBlock) | Event::Html(_) | Event::InlineHtml(_) => {
                return None;
            }
            Event::Start(Tag::Heading { level, .. }) => {
                let id = self.anchors.next().map(|anchor| CowStr::from(format!("{}{anchor}", self.settings.id_prefix)));
                Event::Start(Tag::Heading { level, id, classes: Vec::new(), attrs: Vec::new() })
            }
            Event::Start(Tag::Link { link_type, dest_url, title, id: _ }) => {
                let tag = self.link(&outline::destination(link_type, &dest_url), &title);
                self.open_links.push(tag.is_some());
                markup(tag?)
            }
            Event::End(TagEnd::Link) => {
                if !self.open_links.pop().unwrap_or(false) {
                    return None;
                }
                markup("</a>".into())
            }
            Event::FootnoteReference(label) => {
                let (number, prefix) = (self.footnote(&label), &self.settings.id_prefix);
                markup(format!("<sup class=\"footnote-reference\"><a href=\"#{prefix}fn-{number}\">{number}</a></sup>"))
            }
            Event::Start(Tag::FootnoteDefinition(label)) => {
                let (number, prefix) = (self.footnote(&label), &self.settings.id_prefix);
                markup(format!("\n<div class=\"footnote-definition\" id=\"{prefix}fn-{number}\"><sup>{number}</sup>\n"))
            }
            Event::End(TagEnd::FootnoteDefinition) => markup("</div>\n".into()),
            event => event,
        })
    }

    fn footnote(&mut self, label: &str) -> usize {
        let next = self.footnotes.len().saturating_add(1);
        *self.footnotes.entry(label.to_owned()).or_insert(next)
    }

    /// The start of a link, if it may lead there.
    fn link(&mut self, url: &str, title: &str) -> Option<String> {
        let url = self.safe(url)?;
        let mut tag = String::from("<a href=\"");
        push_href(&mut tag, &url);
        push_title(&mut tag, title);
        tag.push_str("\" rel=\"nofollow noopener noreferrer\">");
        Some(tag)
    }

    fn image<'a>(&mut self, url: &str, title: &str, alt: &str) -> Event<'a> {
        let within_link = self.open_links.iter().any(|tag| *tag);
        match self.settings.images {
            Images::Show => {
                let Some(url) = self.safe(url) else { return Event::Text(alt.to_owned().into()) };
                let mut tag = String::from("<img src=\"");
                push_href(&mut tag, &url);
                tag.push_str("\" alt=\"");
                push_text(&mut tag, alt);
                push_title(&mut tag, title);
                tag.push_str("\" />");
                markup(tag)
            }
            // Links cannot be within links.
            Images::Link if !within_link => {
                let Some(mut tag) = self.link(url, title) else { return Event::Text(alt.to_owned().into()) };
                push_text(&mut tag, if alt.is_empty() { url } else { alt });
                tag.push_str("</a>");
                markup(tag)
            }
            Images::Link | Images::Text => Event::Text(alt.to_owned().into()),
        }
    }

    /// `url`, if it may be in the HTML; one within the document with the prefix of ids.
    fn safe(&mut self, url: &str) -> Option<String> {
        if !url::is_safe(url) {
            if self.removed.len() < MOST_REMOVED {
                self.removed.push(url.to_owned());
            }
            return None;
        }
        Some(match url.strip_prefix('#') {
            Some(fragment) if !fragment.is_empty() => format!("#{}{fragment}", self.settings.id_prefix),
            _ => url.to_owned(),
        })
    }
}

/// Markup of our own.
fn markup<'a>(html: String) -> Event<'a> {
    Event::InlineHtml(html.into())
}

fn push_href(out: &mut String, url: &str) {
    // Writing to a string does not fail, here and below.
    let _ = escape_href(out, url);
}

fn push_text(out: &mut String, text: &str) {
    let _ = escape_html(out, text);
}

/// Closes the attribute before it, and leaves its own open.
fn push_title(out: &mut String, title: &str) {
    if !title.is_empty() {
        out.push_str("\" title=\"");
        push_text(out, title);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> Settings {
        Settings { keep_raw_html: true, images: Images::Link, id_prefix: "md-".into() }
    }

    fn html(source: &str) -> String {
        render(source, &settings()).0
    }

    #[test]
    fn the_dialect_is_rendered() {
        assert_eq!(
            html("a *b* **c** ~~d~~ `e`"),
            "<p>a <em>b</em> <strong>c</strong> <del>d</del> <code>e</code></p>\n"
        );
        assert_eq!(
            html("| a | b |\n|:--|--:|\n| 1 | 2 |\n"),
            "<table><thead><tr><th style=\"text-align: left\">a</th><th style=\"text-align: right\">b</th></tr></thead><tbody>\n\
             <tr><td style=\"text-align: left\">1</td><td style=\"text-align: right\">2</td></tr>\n</tbody></table>\n"
        );
        assert_eq!(
            html("- [x] done\n- [ ] open\n"),
            "<ul>\n<li><input disabled=\"\" type=\"checkbox\" checked=\"\"/>\ndone</li>\n\
             <li><input disabled=\"\" type=\"checkbox\"/>\nopen</li>\n</ul>\n"
        );
        assert_eq!(html("```rust\na < b\n```\n"), "<pre><code class=\"language-rust\">a &lt; b\n</code></pre>\n");
        assert_eq!(html("---\na: b\n---\nc"), "<p>c</p>\n");
        assert_eq!(
            html("a[^x]\n\n[^x]: note\n"),
            "<p>a<sup class=\"footnote-reference\"><a href=\"#md-fn-1\">1</a></sup></p>\n\n\
             <div class=\"footnote-definition\" id=\"md-fn-1\"><sup>1</sup>\n<p>note</p>\n</div>\n"
        );
    }

    #[test]
    fn links_keep_their_text_and_lose_executable_urls() {
        let link = |url: &str| format!("<p><a href=\"{url}\" rel=\"nofollow noopener noreferrer\">a</a></p>\n");
        assert_eq!(html("[a](https://x.y/?a=b&c=\"d\")"), link("https://x.y/?a=b&amp;c=%22d%22"));
        assert_eq!(html("# T\n[a](#t)"), format!("<h1 id=\"md-t\">T</h1>\n{}", link("#md-t")));
        for source in [
            "[a](javascript:alert(1))",
            "[a](<java&#x73;cript:alert(1)>)",
            "[a](&#1;javascript&colon;1)",
            "[a]\n\n[a]: JAVASCRIPT:x",
            "[a](data:text/html;base64,PHNjcmlwdD4=)",
            "[a](<\tvbscript:1>)",
            "![a](data:image/svg+xml,x)",
        ] {
            let (html, removed) = render(source, &settings());
            assert_eq!(html, "<p>a</p>\n", "{source}");
            assert_eq!(removed.len(), 1, "{source}");
        }
        assert_eq!(html("<javascript:alert(1)>"), "<p>javascript:alert(1)</p>\n");
    }

    #[test]
    fn raw_html_is_text_or_nothing() {
        let source = "a <b onclick=x>c</b>\n\n<script>\nalert(1)\n</script>\n\n<!-- d -->\n\n<svg/onload=x>\n";
        let (shown, _) = render(source, &settings());
        assert_eq!(
            shown,
            "<p>a &lt;b onclick=x&gt;c&lt;/b&gt;</p>\n<p>&lt;script&gt;\nalert(1)\n&lt;/script&gt;\n</p>\n\
             <p>&lt;!-- d --&gt;\n</p>\n<p>&lt;svg/onload=x&gt;</p>\n"
        );
        let (dropped, _) = render(source, &Settings { keep_raw_html: false, ..settings() });
        assert_eq!(dropped, "<p>a c</p>\n<p>&lt;svg/onload=x&gt;</p>\n");
    }

    #[test]
    fn attributes_cannot_be_left() {
        for source in [
            "[a](x \"\\\" onmouseover=\\\"b\")",
            "![\" onerror=\"x](y)",
            "![a](<\" onerror=\"x>)",
            "```\" onmouseover=\"x\na\n```",
            "# \" onclick=\"x",
            "a[^\"onclick=x]\n\n[^\"onclick=x]: b",
        ] {
            for images in [Images::Link, Images::Show, Images::Text] {
                let (html, _) = render(source, &Settings { images, ..settings() });
                // Every quotation mark in a tag starts or ends a value that is written here.
                for tag in html.split('<').skip(1).filter_map(|rest| rest.split_once('>')).map(|(tag, _)| tag) {
                    let outside: String = tag.split('"').step_by(2).collect();
                    assert!(!outside.contains("on"), "{source}: {html}");
                }
            }
        }
    }

    #[test]
    fn images_are_fetched_only_when_asked_for() {
        let image = |images, source: &str| render(source, &Settings { images, ..settings() }).0;
        assert_eq!(
            image(Images::Show, "![a *b*](i.png \"t\")"),
            "<p><img src=\"i.png\" alt=\"a b\" title=\"t\" /></p>\n"
        );
        assert_eq!(
            image(Images::Link, "![](i.png)"),
            "<p><a href=\"i.png\" rel=\"nofollow noopener noreferrer\">i.png</a></p>\n"
        );
        assert_eq!(image(Images::Text, "![a](i.png)"), "<p>a</p>\n");
        assert_eq!(
            image(Images::Link, "[![a](i.png)](u)"),
            "<p><a href=\"u\" rel=\"nofollow noopener noreferrer\">a</a></p>\n"
        );
    }

    #[test]
    fn ids_start_with_the_prefix() {
        let prefixed = Settings { id_prefix: "p_".into(), ..settings() };
        assert_eq!(render("# a", &prefixed).0, "<h1 id=\"p_a\">a</h1>\n");
        assert!(prefixed.check().is_ok());
        for id_prefix in ["\"", "a b", "é", &"x".repeat(33)] {
            assert!(Settings { id_prefix: id_prefix.into(), ..settings() }.check().is_err());
        }
    }

    #[test]
    fn random_markdown_makes_no_tag_and_no_url_of_its_own() {
        const PIECES: [&str; 44] = [
            "[",
            "](",
            ")",
            "![",
            "<",
            ">",
            "\"",
            "'",
            "`",
            "```",
            "\n",
            "\n\n",
            " ",
            "    ",
            "*",
            "**",
            "~~",
            "# ",
            "> ",
            "- ",
            "1. ",
            "|",
            "|-|\n",
            "[^a]",
            "[^a]: ",
            "javascript:",
            "JAVASCRIPT&colon;",
            "data:x",
            "http://x.y/",
            "#f",
            "<script>",
            "</script>",
            "<img src=x onerror=y>",
            "<a href=\"javascript:1\">",
            "<!--",
            "-->",
            "&lt;",
            "&#60;",
            "\\",
            "onload=",
            "style=",
            "a",
            "b\t",
            "[a]: ",
        ];
        const TAGS: [&str; 28] = [
            "p",
            "a",
            "em",
            "strong",
            "del",
            "code",
            "pre",
            "sup",
            "div",
            "blockquote",
            "ul",
            "ol",
            "li",
            "table",
            "thead",
            "tbody",
            "tr",
            "th",
            "td",
            "input",
            "br",
            "hr",
            "h1",
            "h2",
            "h3",
            "h4",
            "h5",
            "h6",
        ];
        let mut state: u64 = 42;
        let mut below = |end: usize| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            usize::try_from(state >> 33).unwrap() % end
        };
        for _ in 0..20_000 {
            let source: String = (0..below(30)).map(|_| PIECES[below(PIECES.len())]).collect();
            let (html, _) = render(&source, &Settings { keep_raw_html: below(2) == 0, ..settings() });
            for tag in html.split('<').skip(1) {
                let (tag, _) = tag.split_once('>').unwrap_or_else(|| panic!("{source:?}: {html}"));
                let mut parts = tag.trim_start_matches('/').split('"');
                let name = parts.next().unwrap_or_default().split([' ', '/']).next().unwrap_or_default();
                assert!(TAGS.contains(&name), "{source:?}: {html}");
                // What is in quotes is a value; between them are the names of attributes.
                let pieces: Vec<&str> = tag.split('"').collect();
                for pair in pieces.chunks(2) {
                    let attribute = pair[0].trim_end_matches('=').rsplit(' ').next().unwrap_or_default();
                    match (attribute, pair.get(1)) {
                        ("href", Some(url)) => assert!(url::is_safe(url), "{source:?}: {html}"),
                        ("style", Some(value)) => assert!(value.starts_with("text-align: "), "{source:?}: {html}"),
                        (name, Some(_)) => assert!(
                            ["id", "class", "title", "rel", "start", "disabled", "type", "checked"].contains(&name),
                            "{source:?}: {html}"
                        ),
                        (_, None) => {}
                    }
                }
            }
        }
    }
}

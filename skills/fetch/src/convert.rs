//! Writes a page as Markdown or plain text, in one pass over its tags.

use crate::html::{Piece, Pieces, attribute, decode};
use crate::url::resolve;

/// How many links of a page are listed.
const LINKS: usize = 100;

/// Longest URL and text of a listed link, in bytes.
const LINK_BYTES: usize = 1000;

/// How deep lists and quotes are indented.
const DEPTH: usize = 8;

/// A page as text.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Converted {
    pub(crate) title: Option<String>,
    pub(crate) text: String,
    /// Text and URL of the first links.
    pub(crate) links: Vec<(String, String)>,
    pub(crate) truncated: bool,
}

/// Converts `html`, which came from `url`, to at most `limit` bytes of text.
pub(crate) fn convert(html: &str, url: &str, markdown: bool, limit: usize) -> Converted {
    let mut page = Page { base: url.to_owned(), markdown, ..Page::default() };
    // An element that is hidden, and how many of its name are open in it.
    let mut hidden: Option<(String, usize)> = None;
    for piece in Pieces::new(html) {
        if let Some((name, open)) = &mut hidden {
            match piece {
                Piece::Start(inner, _) if inner == *name => *open = open.saturating_add(1),
                Piece::End(inner) if inner == *name => {
                    *open = open.saturating_sub(1);
                    if *open == 0 {
                        hidden = None;
                    }
                }
                _ => {}
            }
            continue;
        }
        match piece {
            Piece::Text(text) => page.text(&decode(text)),
            Piece::Start(name, attributes) if is_hidden(&name, attributes) => hidden = Some((name, 1)),
            Piece::Start(name, attributes) => page.start(&name, attributes),
            Piece::End(name) => page.end(&name),
        }
        if page.out.len() > limit {
            break;
        }
    }
    page.end("a");
    page.close_marks();
    let mut text = page.out;
    let truncated = text.len() > limit;
    if truncated {
        text.truncate(text.floor_char_boundary(limit));
    }
    let title = page.title.map(|title| title.split_whitespace().collect::<Vec<_>>().join(" "));
    Converted { title: title.filter(|title| !title.is_empty()), text, links: page.links, truncated }
}

/// Whether a browser shows nothing of the element. Only of elements whose end tag must be written.
fn is_hidden(name: &str, attributes: &str) -> bool {
    matches!(
        name,
        "div" | "span" | "section" | "article" | "aside" | "nav" | "ul" | "ol" | "table" | "a" | "header" | "footer"
    ) && (attribute(attributes, "hidden").is_some()
        || attribute(attributes, "style").is_some_and(|style| {
            let style: String = style.to_ascii_lowercase().split_whitespace().collect();
            style.contains("display:none") || style.contains("visibility:hidden")
        }))
}

/// Something that indents the lines in it.
enum Around {
    Quote,
    /// A list: the number of the next item if it has numbers, and the marker of an item that has no text yet.
    List {
        next: Option<u32>,
        marker: Option<String>,
        width: usize,
    },
}

#[derive(Default)]
struct Page {
    out: String,
    markdown: bool,
    base: String,
    title: Option<String>,
    in_title: bool,
    links: Vec<(String, String)>,
    around: Vec<Around>,
    /// How many quotes are around the last line.
    quotes: usize,
    /// Line breaks to write before the next text.
    breaks: usize,
    /// Whether white space stands before the next text.
    space: bool,
    /// What to write at the start of the next line: the mark of a heading.
    heading: &'static str,
    /// Marks of emphasis: those that are written, then those that wait for text.
    marks: Vec<&'static str>,
    waiting: Vec<&'static str>,
    pre: bool,
    /// The link that is open: its URL, its text, and whether its bracket is written.
    link: Option<(String, String, bool)>,
    /// Cells of the row that is open, and whether the table has a row already.
    cells: Option<usize>,
    has_row: bool,
}

impl Page {
    fn start(&mut self, name: &str, attributes: &str) {
        match name {
            "title" => self.in_title = self.title.is_none(),
            "base" => {
                let base = attribute(attributes, "href").and_then(|href| resolve(&self.base, &href));
                if let Some(base) = base.filter(|base| base.starts_with("http")) {
                    self.base = base;
                }
            }
            "br" => self.block(1),
            "hr" => {
                self.block(2);
                self.raw(if self.markdown { "---" } else { "----" });
                self.block(2);
            }
            "h1" | "h2" | "h3" | "h4" | "h5" | "h6" => {
                self.block(2);
                if self.markdown {
                    let level = name.get(1..).and_then(|level| level.parse().ok()).unwrap_or(1);
                    self.heading = "###### ".get(6_usize.saturating_sub(level)..).unwrap_or_default();
                }
            }
            "ul" | "ol" => {
                self.block(if self.around.is_empty() { 2 } else { 1 });
                let first = attribute(attributes, "start").and_then(|start| start.parse().ok()).unwrap_or(1);
                let next = (name == "ol").then_some(first);
                self.around.push(Around::List { next, marker: None, width: 2 });
            }
            "li" => {
                self.block(1);
                if let Some(Around::List { next, marker, width }) = self.around.last_mut() {
                    let text = next.map_or("- ".to_owned(), |number| format!("{number}. "));
                    *next = next.map(|number| number.saturating_add(1));
                    *width = text.len();
                    *marker = Some(text);
                }
            }
            "blockquote" => {
                self.block(2);
                self.around.push(Around::Quote);
            }
            "pre" => {
                self.block(2);
                if self.markdown {
                    self.raw("```");
                    self.breaks = 1;
                }
                self.pre = true;
            }
            "strong" | "b" => self.waiting.push("**"),
            "em" | "i" => self.waiting.push("*"),
            "code" if !self.pre => self.waiting.push("`"),
            "a" => {
                self.end("a");
                if let Some(url) = attribute(attributes, "href").and_then(|href| resolve(&self.base, &href)) {
                    self.link = Some((url, String::new(), false));
                }
            }
            "img" => {
                let text = attribute(attributes, "alt").unwrap_or_default();
                self.text(text.trim());
            }
            "tr" => {
                self.block(1);
                self.cells = Some(0);
            }
            "td" | "th" => {
                if let Some(cells) = self.cells {
                    if cells > 0 || self.markdown {
                        self.close_marks();
                        self.space = false;
                        self.raw(if cells == 0 { "|" } else { " |" });
                    }
                    self.cells = Some(cells.saturating_add(1));
                    self.space = true;
                }
            }
            "table" => {
                self.block(2);
                self.has_row = false;
            }
            "dt" | "dd" => self.block(1),
            name if is_block(name) => self.block(2),
            _ => {}
        }
    }

    fn end(&mut self, name: &str) {
        match name {
            "title" => self.in_title = false,
            "ul" | "ol" | "blockquote" => {
                let is_list = name != "blockquote";
                if self.around.last().is_some_and(|last| matches!(last, Around::List { .. }) == is_list) {
                    self.around.pop();
                }
                self.block(if self.around.is_empty() { 2 } else { 1 });
            }
            "li" | "dt" | "dd" => self.block(1),
            "h1" | "h2" | "h3" | "h4" | "h5" | "h6" => {
                self.block(2);
                self.heading = "";
            }
            "pre" if self.pre => {
                self.pre = false;
                if self.markdown {
                    self.breaks = 1;
                    self.raw("```");
                }
                self.block(2);
            }
            "strong" | "b" => self.unmark("**"),
            "em" | "i" => self.unmark("*"),
            "code" => self.unmark("`"),
            "a" => {
                let Some((url, text, is_open)) = self.link.take() else { return };
                if is_open {
                    self.close_marks();
                    self.out.push_str(&format!("]({url})"));
                }
                let is_listed = url.starts_with("http") && url.len() <= LINK_BYTES && self.links.len() < LINKS;
                if is_listed && !text.is_empty() && self.links.iter().all(|(_, known)| *known != url) {
                    self.links.push((text, url));
                }
            }
            "tr" => {
                let Some(cells) = self.cells.take().filter(|cells| *cells > 0) else { return };
                self.close_marks();
                self.space = false;
                if self.markdown {
                    self.raw(" |");
                    if !self.has_row {
                        self.breaks = 1;
                        self.raw(&format!("|{}", " --- |".repeat(cells.min(64))));
                    }
                }
                self.has_row = true;
                self.block(1);
            }
            "table" => {
                self.end("tr");
                self.block(2);
            }
            name if is_block(name) => self.block(2),
            _ => {}
        }
    }

    /// Ends the line, and with `breaks` of 2 the paragraph. Links and cells stay on their line.
    fn block(&mut self, breaks: usize) {
        // A link that never ends is one no more.
        if self.link.as_ref().is_some_and(|(_, text, _)| text.len() >= LINK_BYTES) {
            self.end("a");
        }
        if self.link.is_some() || self.cells.is_some() {
            self.space = true;
            return;
        }
        self.close_marks();
        // An item's first text stands behind its marker.
        let is_marked = matches!(self.around.last(), Some(Around::List { marker: Some(_), .. }));
        self.breaks = self.breaks.max(if is_marked { 1 } else { breaks });
        self.space = false;
    }

    fn close_marks(&mut self) {
        while let Some(mark) = self.marks.pop() {
            self.out.push_str(mark);
        }
        self.waiting.clear();
    }

    fn unmark(&mut self, mark: &str) {
        if self.waiting.last() == Some(&mark) {
            self.waiting.pop();
        } else if self.marks.last() == Some(&mark) {
            self.marks.pop();
            self.out.push_str(mark);
        }
    }

    fn text(&mut self, text: &str) {
        if self.in_title {
            self.title.get_or_insert_default().push_str(text);
            return;
        }
        if self.pre {
            for (number, line) in text.split('\n').enumerate() {
                if number > 0 {
                    self.breaks = self.breaks.saturating_add(1).min(3);
                }
                let line: String = line.chars().filter(|c| *c == '\t' || !c.is_control()).collect();
                if !line.is_empty() {
                    // A fence in the text would end the block.
                    self.raw(&if self.markdown { line.replace("```", "`\u{200b}``") } else { line });
                }
            }
            return;
        }
        if text.starts_with(char::is_whitespace) {
            self.space = true;
        }
        for word in text.split_whitespace() {
            self.word(word);
            self.space = true;
        }
        self.space = !text.is_empty() && text.ends_with(char::is_whitespace) || self.space && text.trim().is_empty();
    }

    fn word(&mut self, word: &str) {
        let at_start = self.out.is_empty() || self.breaks > 0;
        self.begin();
        if self.markdown {
            if let Some((_, _, is_open)) = &mut self.link
                && !*is_open
            {
                *is_open = true;
                self.out.push('[');
            }
            for mark in std::mem::take(&mut self.waiting) {
                if self.marks.len() < DEPTH && !self.marks.contains(&mark) {
                    self.marks.push(mark);
                    self.out.push_str(mark);
                }
            }
        }
        if let Some((_, text, _)) = &mut self.link
            && text.len().saturating_add(word.len()) < LINK_BYTES
        {
            text.push_str(if text.is_empty() { "" } else { " " });
            text.extend(word.chars().filter(|c| !c.is_control()));
        }
        let is_code = self.marks.last() == Some(&"`");
        for (at, c) in word.char_indices() {
            let escaped = match c {
                _ if !self.markdown => false,
                '`' => true,
                '\\' | '*' | '_' | '[' | ']' | '<' | '|' => !is_code,
                '#' | '+' | '-' | '>' | '~' | '=' => at_start && at == 0,
                '.' | ')' => {
                    at_start
                        && at > 0
                        && word.get(..at).is_some_and(|before| before.bytes().all(|b| b.is_ascii_digit()))
                }
                _ => false,
            };
            if escaped {
                self.out.push('\\');
            }
            if !c.is_control() {
                self.out.push(c);
            }
        }
    }

    /// Writes text as it is.
    fn raw(&mut self, text: &str) {
        self.begin();
        self.out.push_str(text);
    }

    /// Writes what stands before a text: line breaks and indents, or a space.
    fn begin(&mut self) {
        let is_first = self.out.is_empty();
        if is_first || self.breaks > 0 {
            let quotes = self.around.iter().take(DEPTH).filter(|around| matches!(around, Around::Quote)).count();
            // A blank line belongs to a quote that holds the lines on both sides.
            let both = "> ".repeat(quotes.min(self.quotes));
            self.quotes = quotes;
            for number in 0..if is_first { 0 } else { self.breaks } {
                if number > 0 {
                    self.out.push_str(both.trim_end());
                }
                self.out.push('\n');
            }
            for around in self.around.iter_mut().take(DEPTH) {
                match around {
                    Around::Quote => self.out.push_str("> "),
                    Around::List { marker, width, .. } => match marker.take() {
                        Some(marker) => self.out.push_str(&marker),
                        None => self.out.push_str(&" ".repeat(*width)),
                    },
                }
            }
            self.out.push_str(std::mem::take(&mut self.heading));
        } else if self.space {
            self.out.push(' ');
        }
        self.breaks = 0;
        self.space = false;
    }
}

fn is_block(name: &str) -> bool {
    matches!(
        name,
        "p" | "div"
            | "section"
            | "article"
            | "aside"
            | "nav"
            | "header"
            | "footer"
            | "main"
            | "figure"
            | "figcaption"
            | "form"
            | "fieldset"
            | "dl"
            | "address"
            | "details"
            | "summary"
            | "body"
            | "caption"
            | "head"
            | "option"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn markdown(html: &str) -> String {
        convert(html, "https://a.test/b/c", true, 10_000).text
    }

    fn text(html: &str) -> String {
        convert(html, "https://a.test/b/c", false, 10_000).text
    }

    #[test]
    fn headings_paragraphs_and_emphasis() {
        let html = "<h2>A  <i>b</i></h2><p>One <b>two</b>, <em> three </em> <code>a*b</code>.</p><p>1. x *y*";
        assert_eq!(markdown(html), "## A *b*\n\nOne **two**, *three* `a*b`.\n\n1\\. x \\*y\\*");
        assert_eq!(text(html), "A b\n\nOne two, three a*b.\n\n1. x *y*");
    }

    #[test]
    fn lists_and_quotes_are_indented() {
        let html =
            "<ul><li>a<ol><li>b</li><li><p>c</p><p>d</p></ol><li>e</ul><blockquote><p>f</p><p>g</p></blockquote>h";
        assert_eq!(markdown(html), "- a\n  1. b\n  2. c\n\n     d\n\n- e\n\n> f\n>\n> g\n\nh");
    }

    #[test]
    fn links_are_resolved_and_listed() {
        let html =
            "<base href=/x/><a href='y z'>one <b>two</b></a> <a href='javascript:x()'>three</a><a href='#f'>four</a>";
        let page = convert(html, "https://a.test/b/c", true, 10_000);
        assert_eq!(page.text, "[one **two**](https://a.test/x/y%20z) three[four](https://a.test/x/#f)");
        let links = [("one two", "https://a.test/x/y%20z"), ("four", "https://a.test/x/#f")];
        assert_eq!(page.links, links.map(|(text, url)| (text.to_owned(), url.to_owned())));
    }

    #[test]
    fn tables_become_rows() {
        let html = "<table><tr><th>a<th>b</tr><tr><td><p>c|d</p></td><td>e</td></tr></table>";
        assert_eq!(markdown(html), "| a | b |\n| --- | --- |\n| c\\|d | e |");
        assert_eq!(text(html), "a | b\nc|d | e");
    }

    #[test]
    fn preformatted_text_keeps_its_lines() {
        assert_eq!(markdown("<pre><code>a\n  b &lt;\n\nc</code></pre>d"), "```\na\n  b <\n\nc\n```\n\nd");
    }

    #[test]
    fn hidden_elements_are_left_out() {
        let html = "<title> A &amp;\n b</title><div hidden>x<div>y</div></div><span style='display: none'>z</span>seen";
        let page = convert(html, "https://a.test/", true, 100);
        assert_eq!((page.title.as_deref(), page.text.as_str()), (Some("A & b"), "seen"));
    }

    #[test]
    fn a_text_is_cut_at_the_limit() {
        let page = convert("<p>aé", "https://a.test/", false, 3);
        assert_eq!((page.text.as_str(), page.truncated), ("aé", false));
        let page = convert("<p>aé", "https://a.test/", false, 2);
        assert_eq!((page.text.as_str(), page.truncated), ("a", true));
    }
}

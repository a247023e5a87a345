//! Plain text that reads as the document does: blocks apart, lists with their marks, quotes with theirs.

use std::collections::BTreeMap;

use pulldown_cmark::{Event, Parser, Tag, TagEnd};

use crate::outline;

/// The plain text of `source`, with or without the URLs of links.
pub(crate) fn render(source: &str, urls: bool) -> String {
    let mut writer = Writer { urls, ..Writer::default() };
    for event in Parser::new_ext(source, outline::options()) {
        writer.event(event);
    }
    if !writer.out.is_empty() {
        writer.out.push('\n');
    }
    writer.out
}

/// What stands before each line of a block.
#[derive(Debug)]
enum Level {
    Quote,
    /// The mark of a list item, until it is written, and its width.
    Item {
        mark: Option<String>,
        width: usize,
    },
}

/// How deep lines are marked; without a bound a deep document would become quadratically longer.
const DEEPEST: usize = 16;

#[derive(Debug, Default)]
struct Writer {
    urls: bool,
    out: String,
    /// Line ends that are due before more is written.
    due: usize,
    levels: Vec<Level>,
    /// For each open list, the number of its next item.
    lists: Vec<Option<u64>>,
    /// For each open link, where it leads and where its text starts.
    links: Vec<(String, usize)>,
    /// The number of each footnote, by label.
    footnotes: BTreeMap<String, usize>,
    first_cell: bool,
    hidden: bool,
}

impl Writer {
    fn event(&mut self, event: Event<'_>) {
        match event {
            Event::Start(tag) => self.start(tag),
            Event::End(tag) => self.end(tag),
            Event::Text(text) | Event::Code(text) | Event::InlineMath(text) | Event::DisplayMath(text) => {
                self.put(&text)
            }
            Event::SoftBreak => self.put(" "),
            Event::HardBreak => self.put("\n"),
            Event::Rule => {
                self.apart(2);
                self.put("---");
                self.apart(2);
            }
            Event::FootnoteReference(label) => {
                let mark = format!("[{}]", self.footnote(&label));
                self.put(&mark);
            }
            Event::TaskListMarker(done) => self.put(if done { "[x] " } else { "[ ] " }),
            Event::Html(_) | Event::InlineHtml(_) => {}
        }
    }

    fn start(&mut self, tag: Tag<'_>) {
        match tag {
            Tag::MetadataBlock(_) => self.hidden = true,
            Tag::BlockQuote(_) => {
                self.apart(2);
                self.levels.push(Level::Quote);
            }
            Tag::List(first) => {
                self.apart(if self.lists.is_empty() { 2 } else { 1 });
                self.lists.push(first);
            }
            Tag::Item => {
                self.apart(1);
                let mark = match self.lists.last_mut() {
                    Some(Some(number)) => {
                        let mark = format!("{number}. ");
                        *number = number.saturating_add(1);
                        mark
                    }
                    _ => "- ".to_owned(),
                };
                self.levels.push(Level::Item { width: mark.len(), mark: Some(mark) });
            }
            Tag::FootnoteDefinition(label) => {
                self.apart(2);
                let mark = format!("[{}] ", self.footnote(&label));
                self.levels.push(Level::Item { width: mark.len(), mark: Some(mark) });
            }
            Tag::Paragraph | Tag::Heading { .. } | Tag::CodeBlock(_) | Tag::Table(_) => self.apart(2),
            Tag::TableHead | Tag::TableRow => {
                self.apart(1);
                self.first_cell = true;
            }
            Tag::TableCell => {
                if !self.first_cell {
                    self.put(" | ");
                }
                self.first_cell = false;
            }
            Tag::Link { link_type, dest_url, .. } | Tag::Image { link_type, dest_url, .. } => {
                self.links.push((outline::destination(link_type, &dest_url), self.out.len()));
            }
            _ => {}
        }
    }

    fn end(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::MetadataBlock(_) => self.hidden = false,
            TagEnd::BlockQuote(_) => {
                self.levels.pop();
                self.apart(2);
            }
            TagEnd::Item | TagEnd::FootnoteDefinition => {
                // An item without text still has its mark.
                if matches!(self.levels.last(), Some(Level::Item { mark: Some(_), .. })) {
                    self.line_start();
                }
                self.levels.pop();
                self.apart(1);
            }
            TagEnd::List(_) => {
                self.lists.pop();
                self.apart(if self.lists.is_empty() { 2 } else { 1 });
            }
            TagEnd::Paragraph | TagEnd::Heading(_) | TagEnd::CodeBlock | TagEnd::Table => self.apart(2),
            TagEnd::Link | TagEnd::Image => {
                let Some((url, start)) = self.links.pop() else { return };
                let text = self.out.get(start..).unwrap_or_default().trim();
                let said = text.ends_with(&url) || url.strip_prefix("mailto:").is_some_and(|mail| text.ends_with(mail));
                if self.urls && !said {
                    let separator = if text.is_empty() { "" } else { " " };
                    let url = format!("{separator}({url})");
                    self.put(&url);
                }
            }
            _ => {}
        }
    }

    fn footnote(&mut self, label: &str) -> usize {
        let next = self.footnotes.len().saturating_add(1);
        *self.footnotes.entry(label.to_owned()).or_insert(next)
    }

    /// Puts at least so many line ends before what comes.
    fn apart(&mut self, lines: usize) {
        self.due = self.due.max(lines);
    }

    /// Writes `text`. Line ends wait until something follows them.
    fn put(&mut self, text: &str) {
        if self.hidden {
            return;
        }
        for (at, line) in text.split('\n').enumerate() {
            if at > 0 {
                self.due = self.due.saturating_add(1);
            }
            if !line.is_empty() {
                self.line_start();
                self.out.push_str(line);
            }
        }
    }

    /// Writes the line ends that are due, and what stands before a line if one starts.
    fn line_start(&mut self) {
        let first = self.out.is_empty();
        let due = core::mem::take(&mut self.due);
        if !first {
            self.out.extend(core::iter::repeat_n('\n', due));
        }
        let new_line = first || due > 0;
        let at_mark = matches!(self.levels.last(), Some(Level::Item { mark: Some(_), .. }));
        if !new_line && !at_mark {
            return;
        }
        let deeper = self.levels.len().saturating_sub(DEEPEST);
        for level in self.levels.iter_mut().skip(deeper) {
            match level {
                Level::Quote => self.out.push_str("> "),
                Level::Item { mark, width } => match mark.take() {
                    Some(mark) => self.out.push_str(&mark),
                    None => self.out.extend(core::iter::repeat_n(' ', *width)),
                },
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::render;

    fn text(source: &str) -> String {
        render(source, true)
    }

    #[test]
    fn blocks_stay_apart() {
        assert_eq!(text(""), "");
        assert_eq!(text("# A *b*\n\nc\nd  \ne\n\n---\n`f`\n"), "A b\n\nc d\ne\n\n---\n\nf\n");
        assert_eq!(text("```\na\n\n  b\n```\nc"), "a\n\n  b\n\nc\n");
        assert_eq!(text("---\nx: y\n---\na <b>c</b>\n\n<div>\nd\n</div>\n\ne"), "a c\n\ne\n");
    }

    #[test]
    fn lists_and_quotes_keep_their_marks() {
        assert_eq!(text("- a\n- b\n  1. c\n  2. d\n- [x] e\n\nf"), "- a\n- b\n  1. c\n  2. d\n- [x] e\n\nf\n");
        assert_eq!(text("9. a\n10. b\n\n    c\n"), "9. a\n\n10. b\n\n    c\n");
        assert_eq!(text("> a\n>\n> b\n> > c\n\nd"), "> a\n\n> b\n\n> > c\n\nd\n");
        assert_eq!(text("- \n- a\n"), "- \n- a\n");
        assert_eq!(text("- - a\n  - b\n"), "- - a\n  - b\n");
        assert_eq!(text("- > a\n"), "- > a\n");
    }

    #[test]
    fn tables_have_a_line_a_row() {
        assert_eq!(text("|a|b|\n|-|-|\n|1|2|\n|3||\n\nc"), "a | b\n1 | 2\n3 | \n\nc\n");
    }

    #[test]
    fn urls_follow_their_links_if_they_say_more() {
        let source = "[a](u) <https://x.y> <a@b.c> ![i](j.png) [](v)";
        assert_eq!(text(source), "a (u) https://x.y a@b.c i (j.png) (v)\n");
        assert_eq!(render(source, false), "a https://x.y a@b.c i \n");
        assert_eq!(text("a[^1]\n\n[^1]: b\n"), "a[1]\n\n[1] b\n");
    }

    #[test]
    fn depth_does_not_make_lines_longer_without_bound() {
        let deep = text(&format!("{}a\n{0}b\n", "> ".repeat(500)));
        assert!(deep.len() < 100, "{}", deep.len());
    }
}

//! A Ringfence skill that renders Markdown and finds its parts: five tools, and nothing imported.
//!
//! The promise to callers is in `wit/markdown.wit`. [`html`] and [`text`] render, [`outline`] finds headings, sections and
//! links, [`url`] judges; all are plain Rust with their tests beside them, and this file only joins them to the bindings.

mod html;
mod outline;
mod text;
mod url;

mod bindings {
    wit_bindgen::generate!({ world: "markdown", path: "wit" });
}

use bindings::exports::ringfence::markdown::document::{Guest, Heading, HtmlOptions, Images, Link, RawHtml, Rendered};
use outline::Lines;

struct Skill;

impl Guest for Skill {
    fn to_html(source: String, options: Option<HtmlOptions>) -> Result<Rendered, String> {
        let options = options.unwrap_or(HtmlOptions { raw_html: None, images: None, id_prefix: None });
        let settings = html::Settings {
            keep_raw_html: options.raw_html.unwrap_or(RawHtml::Escape) == RawHtml::Escape,
            images: match options.images.unwrap_or(Images::Link) {
                Images::Link => html::Images::Link,
                Images::Show => html::Images::Show,
                Images::Text => html::Images::Text,
            },
            id_prefix: options.id_prefix.unwrap_or_else(|| DEFAULT_PREFIX.to_owned()),
        };
        settings.check()?;
        let (html, removed_urls) = html::render(&source, &settings);
        Ok(Rendered { html, removed_urls })
    }

    fn to_text(source: String, urls: Option<bool>) -> String {
        text::render(&source, urls.unwrap_or(true))
    }

    fn outline(source: String) -> Vec<Heading> {
        let lines = Lines::new(&source);
        let headings = outline::headings(&source).into_iter().filter(|heading| !heading.nested);
        let heading = |heading: outline::Heading| Heading {
            line: lines.of(heading.start),
            level: heading.level,
            text: heading.text,
            anchor: heading.anchor,
        };
        headings.map(heading).collect()
    }

    fn section(source: String, anchor: String) -> Result<String, String> {
        outline::section(&source, &anchor).map(str::to_owned)
    }

    fn links(source: String) -> Vec<Link> {
        let lines = Lines::new(&source);
        let link = |link: outline::Link| Link {
            line: lines.of(link.start),
            image: link.image,
            text: link.text,
            url: link.url,
            safe: link.safe,
        };
        outline::links(&source).into_iter().map(link).collect()
    }
}

bindings::export!(Skill with_types_in bindings);

/// What ids start with when the caller does not say.
const DEFAULT_PREFIX: &str = "md-";

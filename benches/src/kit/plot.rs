//! Bar charts as SVG.

use std::fmt::Write as _;

/// One bar.
pub(crate) struct Bar {
    pub(crate) label: String,
    pub(crate) value: f64,
    /// The value as text.
    pub(crate) shown: String,
    /// A line across the bar.
    pub(crate) target: Option<f64>,
    pub(crate) reached: bool,
}

const WIDTH: f64 = 760.0;
/// Where bars begin, and the longest of them.
const LEFT: f64 = 290.0;
const LONGEST: f64 = 370.0;
const ROW: f64 = 26.0;
const HEAD: f64 = 40.0;

const GOOD: &str = "#2f6f9f";
const BAD: &str = "#b4513a";

/// A chart of horizontal bars with a common scale.
pub(crate) fn bars(title: &str, bars: &[Bar]) -> String {
    let values = bars.iter().flat_map(|bar| [Some(bar.value), bar.target]).flatten();
    let most = values.filter(|value| value.is_finite()).fold(f64::MIN_POSITIVE, f64::max);
    let height = HEAD + ROW * bars.len() as f64 + 8.0;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" height=\"{height}\" \
         font-family=\"sans-serif\" font-size=\"13\">\n\
         <rect width=\"{WIDTH}\" height=\"{height}\" fill=\"#ffffff\"/>\n\
         <text x=\"12\" y=\"24\" font-size=\"15\" font-weight=\"bold\">{}</text>\n",
        escaped(title)
    );
    if bars.iter().any(|bar| bar.target.is_some()) {
        let _ = writeln!(
            svg,
            "<text x=\"{:.0}\" y=\"24\" text-anchor=\"end\" fill=\"#555555\">line: target; red: missed</text>",
            WIDTH - 12.0
        );
    }
    for (index, bar) in bars.iter().enumerate() {
        let top = HEAD + ROW * index as f64;
        let (middle, length) = (top + 15.0, (bar.value / most * LONGEST).max(0.0));
        let color = if bar.reached { GOOD } else { BAD };
        let _ = writeln!(
            svg,
            "<text x=\"{:.0}\" y=\"{middle:.0}\" text-anchor=\"end\">{}</text>",
            LEFT - 10.0,
            escaped(&bar.label)
        );
        let _ = writeln!(
            svg,
            "<rect x=\"{LEFT:.0}\" y=\"{:.0}\" width=\"{length:.1}\" height=\"18\" fill=\"{color}\"/>",
            top + 1.0
        );
        let mut end = length;
        if let Some(target) = bar.target {
            let at = target / most * LONGEST;
            end = end.max(at);
            let _ = writeln!(
                svg,
                "<line x1=\"{0:.1}\" x2=\"{0:.1}\" y1=\"{1:.0}\" y2=\"{2:.0}\" stroke=\"#222222\" stroke-width=\"2\"/>",
                LEFT + at,
                top - 2.0,
                top + 22.0
            );
        }
        let _ = writeln!(
            svg,
            "<text x=\"{:.0}\" y=\"{middle:.0}\">{}</text>",
            LEFT + end + 8.0,
            escaped(&bar.shown)
        );
    }
    svg.push_str("</svg>\n");
    svg
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bar(label: &str, value: f64, target: Option<f64>) -> Bar {
        Bar { label: label.to_owned(), value, shown: format!("{value}"), target, reached: true }
    }

    #[test]
    fn bars_share_a_scale_that_holds_every_target() {
        let svg = bars("Title", &[bar("one", 1.0, Some(4.0)), bar("two", 2.0, None)]);
        assert!(svg.contains("width=\"92.5\""), "a quarter of the longest: {svg}");
        assert!(svg.contains("width=\"185.0\""), "half of it: {svg}");
        assert!(svg.contains("<line x1=\"660.0\""), "the target at its end: {svg}");
        assert!(svg.ends_with("</svg>\n"));
    }

    #[test]
    fn text_is_escaped() {
        let svg = bars("a < b & c", &[bar("\"x\" > y", 1.0, None)]);
        assert!(svg.contains("a &lt; b &amp; c") && svg.contains("&quot;x&quot; &gt; y"), "{svg}");
    }
}

//! An SVG, written shape by shape: light or dark as the reader's screen is, with a title for who cannot see it.
//!
//! Written here, since texts, rectangles and lines need no plotting crate. The invariant: every text is escaped,
//! and colours stand in one place, the style below, by the name of what they mean.

use std::fmt::Write as _;

/// Colours by meaning. The shades go from the surface to a strong blue, so that they are told apart by lightness
/// alone; what is past a bound is the one warm colour.
const STYLE: &str = "\
text{font:12px system-ui,sans-serif;fill:#1c2733}\
.title{font-size:17px;font-weight:600}.faint{fill:#5b6875}.figure{font-variant-numeric:tabular-nums}\
.ground{fill:#fff}.axis{stroke:#8a97a3;stroke-width:1}.bar{fill:#2f6fb0}\
.s0{fill:#e6eff8}.s1{fill:#bcd6ee}.s2{fill:#85b4de}.s3{fill:#4488c4}.s4{fill:#1d5a96}\
.past{fill:#b3361e}.missing{fill:#fff;stroke:#b3361e;stroke-width:2;stroke-dasharray:4 3}\
text.on0,text.on1,text.on2{fill:#10212f}text.on3,text.on4,text.onpast{fill:#fff}text.onmissing{fill:#b3361e}\
@media(prefers-color-scheme:dark){text{fill:#dfe7ee}.faint{fill:#9badbd}.ground{fill:#12181f}\
.axis{stroke:#6b7a88}.bar{fill:#5b9bd8}.s0{fill:#1b2a38}.s1{fill:#21445f}.s2{fill:#2c6690}\
.s3{fill:#6aa9dc}.s4{fill:#b5d9f6}.past{fill:#e0674c}.missing{fill:#12181f;stroke:#f08a70}\
text.on0,text.on1,text.on2{fill:#e8f0f6}text.on3,text.on4,text.onpast{fill:#0b1118}text.onmissing{fill:#f08a70}}";

/// Where a text's position lies in it.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Anchor {
    Start,
    Middle,
    End,
}

impl Anchor {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Middle => "middle",
            Self::End => "end",
        }
    }
}

/// A picture in the making.
#[derive(Debug)]
pub(crate) struct Svg {
    text: String,
}

impl Svg {
    /// An empty picture of this size; `title` and `description` are what a screen reader says.
    pub(crate) fn new(width: f64, height: f64, title: &str, description: &str) -> Self {
        let (title, description) = (escape(title), escape(description));
        let mut text = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" \
             height=\"{height}\" role=\"img\" aria-labelledby=\"t d\">\n<title id=\"t\">{title}</title>\n\
             <desc id=\"d\">{description}</desc>\n<style>{STYLE}</style>\n"
        );
        writeln!(text, "<rect class=\"ground\" width=\"{width}\" height=\"{height}\"/>").ok();
        Self { text }
    }

    /// A text at a place.
    pub(crate) fn text(&mut self, class: &str, (x, y): (f64, f64), anchor: Anchor, text: &str) {
        let (anchor, text) = (anchor.as_str(), escape(text));
        // Writing to a string does not fail.
        writeln!(
            self.text,
            "<text class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{text}</text>"
        )
        .ok();
    }

    /// A rectangle that says `title` when it is pointed at.
    pub(crate) fn rect(&mut self, class: &str, (x, y): (f64, f64), (width, height): (f64, f64), title: &str) {
        let title = escape(title);
        writeln!(
            self.text,
            "<rect class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" \
             rx=\"3\"><title>{title}</title></rect>"
        )
        .ok();
    }

    /// A line of an axis.
    pub(crate) fn axis(&mut self, (x1, y1): (f64, f64), (x2, y2): (f64, f64)) {
        writeln!(
            self.text,
            "<line class=\"axis\" x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\"/>"
        )
        .ok();
    }

    /// The whole of it.
    pub(crate) fn finish(mut self) -> String {
        self.text.push_str("</svg>\n");
        self.text
    }
}

/// A text that ends no element and no attribute; characters that XML has no place for are left out.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            control if control.is_control() => {}
            plain => escaped.push(plain),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_ends_an_element() {
        let mut svg = Svg::new(10.0, 10.0, "</title>", "a & b");
        svg.text("faint", (1.0, 2.0), Anchor::Start, "<script>\u{1b}\"");
        svg.rect("bar", (0.0, 0.0), (1.0, 1.0), "1 < 2");
        let text = svg.finish();
        for expected in ["&lt;/title&gt;", "a &amp; b", ">&lt;script&gt;&quot;<", "1 &lt; 2"] {
            assert!(text.contains(expected), "{expected}: {text}");
        }
        assert_eq!(text.matches("</title>").count(), 2);
    }

    #[test]
    fn a_picture_has_a_dark_side() {
        assert!(Svg::new(1.0, 1.0, "", "").finish().contains("prefers-color-scheme:dark"));
    }
}

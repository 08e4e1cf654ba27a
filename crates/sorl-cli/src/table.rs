//! Tables of text: columns as wide as their widest cell, the last one broken into lines where the terminal ends.
//!
//! The invariant: no line is wider than the terminal unless a single word, or all columns but the last, are.

use console::{Alignment, measure_text_width as wide, pad_str};

/// Between two columns.
const GAP: usize = 2;
/// Where less than this is left for the last column, it goes below the others.
const LAST_MIN: usize = 24;
/// How far it then stands from the edge.
const INDENT: usize = 4;

/// A table, written row by row.
#[derive(Debug, Default)]
pub(crate) struct Table {
    rows: Vec<Vec<String>>,
    /// So many columns, the last ones, stand to the right.
    figures: usize,
}

impl Table {
    /// A table with these headings.
    pub(crate) fn with<const N: usize>(head: [&str; N]) -> Self {
        Self { rows: vec![head.map(str::to_owned).to_vec()], figures: 0 }
    }

    /// A table with as many headings as there are.
    pub(crate) fn of(head: Vec<String>) -> Self {
        Self { rows: vec![head], figures: 0 }
    }

    /// Makes the last columns ones of figures, which stand to the right and are not broken.
    pub(crate) fn figures(self, columns: usize) -> Self {
        Self { figures: columns, ..self }
    }

    /// Adds a row.
    pub(crate) fn row<const N: usize>(&mut self, cells: [String; N]) {
        self.rows.push(Vec::from(cells));
    }

    /// Adds a row of as many cells as there are headings.
    pub(crate) fn push(&mut self, cells: Vec<String>) {
        self.rows.push(cells);
    }

    /// Whether there is nothing below the headings.
    pub(crate) fn is_empty(&self) -> bool {
        self.rows.len() < 2
    }

    /// The text, for a terminal of so many columns, or for none.
    pub(crate) fn render(&self, columns: Option<usize>) -> String {
        let widths = self.widths();
        if self.figures > 0 {
            let rows = self.rows.iter().map(|row| self.line_of_figures(row, &widths));
            return rows.collect::<Vec<_>>().join("\n");
        }
        let place = Last::after(widths.iter().rev().skip(1).map(|width| width + GAP).sum(), columns);
        let rows = self.rows.iter().map(|row| line(row, &widths, place));
        rows.collect::<Vec<_>>().join("\n")
    }

    fn line_of_figures(&self, row: &[String], widths: &[usize]) -> String {
        let names = widths.len().saturating_sub(self.figures);
        let cells = row.iter().zip(widths).enumerate().map(|(column, (cell, width))| {
            let to = if column < names { Alignment::Left } else { Alignment::Right };
            pad_str(cell, *width, to, None).into_owned()
        });
        cells.collect::<Vec<_>>().join(&" ".repeat(GAP)).trim_end().to_owned()
    }

    fn widths(&self) -> Vec<usize> {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or_default();
        let width =
            |column: usize| self.rows.iter().filter_map(|row| row.get(column)).map(|cell| wide(cell)).max();
        (0..columns).map(|column| width(column).unwrap_or_default()).collect()
    }
}

/// Where the last column stands.
#[derive(Debug, Clone, Copy)]
struct Last {
    /// Columns before it.
    before: usize,
    /// Its own, if they are bounded.
    width: Option<usize>,
    /// Whether it begins on a line of its own.
    is_below: bool,
}

impl Last {
    fn after(before: usize, columns: Option<usize>) -> Self {
        match columns {
            Some(columns) if before + LAST_MIN > columns => {
                Self { before: INDENT, width: Some(columns.saturating_sub(INDENT)), is_below: true }
            }
            Some(columns) => Self { before, width: Some(columns - before), is_below: false },
            None => Self { before, width: None, is_below: false },
        }
    }
}

fn line(row: &[String], widths: &[usize], place: Last) -> String {
    let Some((end, cells)) = row.split_last() else { return String::new() };
    let gap = " ".repeat(GAP);
    let padded = cells.iter().zip(widths);
    let text: String = padded
        .map(|(cell, width)| format!("{}{gap}", pad_str(cell, *width, Alignment::Left, None)))
        .collect();
    let next = format!("\n{}", " ".repeat(place.before));
    let text = if place.is_below { format!("{}{next}", text.trim_end()) } else { text };
    format!("{text}{}", broken(end, place.width).join(&next)).trim_end().to_owned()
}

/// The text in lines of at most `width` columns, broken between words; as it is where there is no width.
pub(crate) fn broken(text: &str, width: Option<usize>) -> Vec<String> {
    text.split('\n').flat_map(|line| broken_line(line, width)).collect()
}

fn broken_line(text: &str, width: Option<usize>) -> Vec<String> {
    let Some(width) = width.filter(|width| wide(text) > *width) else { return vec![text.to_owned()] };
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if wide(line) + 1 + wide(word) <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let mut table = Table::with(["user", "where"]);
        table.row(["alice".to_owned(), "eu-north-1 and us-east-1 and ap-southeast-2".to_owned()]);
        table.row(["b".to_owned(), "us-east-1".to_owned()]);
        table
    }

    #[test]
    fn columns_are_aligned_and_no_line_ends_in_blanks() {
        let text = table().render(None);
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines.len(), 3);
        assert_eq!(lines[0], "user   where");
        assert_eq!(lines[2], "b      us-east-1");
    }

    #[test]
    fn the_last_column_is_broken_where_the_terminal_ends_and_stays_below_itself() {
        let text = table().render(Some(34));
        let lines: Vec<_> = text.lines().collect();
        assert!(lines.iter().all(|line| line.len() <= 34), "{text}");
        assert_eq!(lines[1], "alice  eu-north-1 and us-east-1");
        assert_eq!(lines[2], "       and ap-southeast-2");
    }

    #[test]
    fn figures_stand_to_the_right() {
        let mut table = Table::with(["region", "n"]).figures(1);
        table.row(["eu-north-1".to_owned(), "7".to_owned()]);
        table.row(["x".to_owned(), "1,000".to_owned()]);
        assert_eq!(table.render(Some(5)), "region          n\neu-north-1      7\nx           1,000");
    }

    #[test]
    fn where_too_little_is_left_the_last_column_goes_below() {
        let mut table = Table::with(["id", "reason"]);
        table.row(["0123456789012345678901234567890123456789".to_owned(), "not a JSON object".to_owned()]);
        assert_eq!(table.render(Some(60)).lines().nth(3), Some("    not a JSON object"));
        assert_eq!(table.render(Some(80)).lines().count(), 2);
    }

    #[test]
    fn colours_do_not_count() {
        let mut table = Table::with(["a", "b"]);
        table.row(["\u{1b}[32mok\u{1b}[0m".to_owned(), "x".to_owned()]);
        assert_eq!(table.render(None).lines().next(), Some("a   b"));
    }
}

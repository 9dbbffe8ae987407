//! Markdown, written piece by piece.

use std::fmt::Display;

use super::plot::Picture;

/// The mark of a percentile of too few samples.
pub(super) const FEW: &str = "†";

/// The marks of verdicts, at the start of a cell.
pub(super) const SHOWN: &str = "✓";
pub(super) const MET: &str = "○";
pub(super) const NOT_MET: &str = "✗";

/// A Markdown text; every piece ends with an empty line.
#[derive(Debug, Default)]
pub(super) struct Page(String);

impl Page {
    /// A heading; the title of the page is of level 1.
    pub(super) fn heading(&mut self, level: usize, text: &str) {
        self.paragraph(&format!("{} {text}", "#".repeat(level)));
    }

    /// Text; nothing for an empty one.
    pub(super) fn paragraph(&mut self, text: &str) {
        let text = text.trim_end();
        if !text.is_empty() {
            self.0.push_str(text);
            self.0.push_str("\n\n");
        }
    }

    /// A list; nothing where there are no items.
    pub(super) fn items<T: Display>(&mut self, items: impl IntoIterator<Item = T>) {
        let items: Vec<_> = items.into_iter().map(|item| format!("- {item}")).collect();
        if !items.is_empty() {
            self.paragraph(&items.join("\n"));
        }
    }

    /// A table; nothing where there are no rows.
    pub(super) fn table(&mut self, table: &Table) {
        if !table.is_empty() {
            self.paragraph(&table.render());
        }
    }

    pub(super) fn picture(&mut self, picture: Picture) {
        self.paragraph(&format!("![{}]({})", picture.alt, picture.png));
    }

    /// The text, with one end of line at its end.
    pub(super) fn finish(self) -> String {
        self.0.trim_end().to_owned() + "\n"
    }
}

/// Which way a column's cells lean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Align {
    /// Words.
    Left,
    /// Numbers.
    Right,
}

/// A table with its columns padded, so that it reads well as plain text too.
#[derive(Debug)]
pub(super) struct Table {
    columns: Vec<(String, Align)>,
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(super) fn new() -> Self {
        Self { columns: Vec::new(), rows: Vec::new() }
    }

    /// Adds a column of words.
    pub(super) fn words(self, name: impl Into<String>) -> Self {
        self.column(name.into(), Align::Left)
    }

    /// Adds a column of numbers.
    pub(super) fn number(self, name: impl Into<String>) -> Self {
        self.column(name.into(), Align::Right)
    }

    fn column(mut self, name: String, align: Align) -> Self {
        self.columns.push((name, align));
        self
    }

    /// Adds a row with a cell for each column.
    pub(super) fn row(&mut self, cells: &[String]) {
        self.rows.push(cells.iter().map(|cell| escape(cell)).collect());
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    fn render(&self) -> String {
        let widths: Vec<usize> = (0..self.columns.len()).map(|place| self.width(place)).collect();
        let header: Vec<String> = self.columns.iter().map(|(name, _)| name.clone()).collect();
        let rule = self.columns.iter().zip(&widths).map(|((_, align), width)| match align {
            Align::Left => "-".repeat(*width),
            Align::Right => format!("{}:", "-".repeat(width - 1)),
        });
        let rule = format!("| {} |", rule.collect::<Vec<_>>().join(" | "));
        let rows = self.rows.iter().map(|row| self.line(row, &widths));
        let lines: Vec<_> = [self.line(&header, &widths), rule].into_iter().chain(rows).collect();
        lines.join("\n")
    }

    fn width(&self, place: usize) -> usize {
        let name = self.columns.get(place).map_or(0, |(name, _)| name.chars().count());
        let cells = self.rows.iter().filter_map(|row| row.get(place));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0).max(name).max(3)
    }

    fn line(&self, cells: &[String], widths: &[usize]) -> String {
        let cells = cells.iter().zip(&self.columns).zip(widths);
        let cells = cells.map(|((cell, (_, align)), &width)| match align {
            Align::Left => format!("{cell:<width$}"),
            Align::Right => format!("{cell:>width$}"),
        });
        format!("| {} |", cells.collect::<Vec<_>>().join(" | "))
    }
}

/// A cell may hold no bar and no end of line.
fn escape(cell: &str) -> String {
    cell.replace('|', "\\|").replace(['\n', '\r'], " ")
}

/// A text of the user's as it is: no sign of it is Markdown or HTML.
pub(super) fn plain(text: &str) -> String {
    let mut plain = String::new();
    for c in text.chars() {
        match c {
            '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '#' | '&' | '~' | '!' => {
                plain.extend(['\\', c]);
            }
            _ if c.is_control() => plain.push(' '),
            _ => plain.push(c),
        }
    }
    plain
}

/// A text of the user's in a code span.
pub(super) fn code(text: &str) -> String {
    let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    if !text.contains('`') {
        return format!("`{text}`");
    }
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest + 1);
    format!("{fence} {text} {fence}")
}

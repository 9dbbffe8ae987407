//! Markdown tables.

/// The mark of a percentile of too few samples.
pub(super) const FEW: &str = "†";

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
    pub(super) fn row(&mut self, cells: Vec<String>) {
        self.rows.push(cells.iter().map(|cell| escape(cell)).collect());
    }

    /// The table as Markdown, with an empty line behind it.
    pub(super) fn render(&self) -> String {
        let widths: Vec<usize> = (0..self.columns.len()).map(|place| self.width(place)).collect();
        let header: Vec<String> = self.columns.iter().map(|(name, _)| name.clone()).collect();
        let rule = self.columns.iter().zip(&widths).map(|((_, align), width)| match align {
            Align::Left => "-".repeat(*width),
            Align::Right => format!("{}:", "-".repeat(width - 1)),
        });
        let mut text = self.line(&header, &widths);
        text += &format!("| {} |\n", rule.collect::<Vec<_>>().join(" | "));
        for row in &self.rows {
            text += &self.line(row, &widths);
        }
        text + "\n"
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
        format!("| {} |\n", cells.collect::<Vec<_>>().join(" | ")).replace(" \n", "\n")
    }
}

/// A cell may hold no bar and no end of line.
fn escape(cell: &str) -> String {
    cell.replace('|', "\\|").replace(['\n', '\r'], " ")
}

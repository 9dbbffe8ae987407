//! A picture: a heading, what its marks mean, and panels in columns.

use super::canvas::{Canvas, GREY, INK, Lean, Point, RED, Symbol, clipped, text_width};
use super::heat::Heat;
use super::rows::Rows;
use super::scatter::Scatter;
use super::{MARGIN, PlotError, WIDTH};
use crate::report::Report;

/// A line of a note below a panel.
pub(super) const NOTE_ROW: i32 = 16;
const NOTE_SIZE: i32 = 11;
const LEGEND_ROW: i32 = 22;
const GAP: i32 = 16;

/// A picture.
#[derive(Debug)]
pub(super) struct Sheet {
    pub(super) title: &'static str,
    /// How to read it, in lines.
    pub(super) caption: Vec<String>,
    /// What marks mean.
    pub(super) legend: Vec<(Symbol, String)>,
    /// Panels beside each other.
    pub(super) columns: i32,
    pub(super) panels: Vec<Panel>,
}

/// A part of a picture.
#[derive(Debug)]
pub(super) enum Panel {
    /// Marks between two axes.
    Scatter(Scatter),
    /// A row for each experiment.
    Rows(Rows),
    /// A row of coloured cells for each experiment.
    Heat(Heat),
}

impl Panel {
    fn height(&self) -> i32 {
        match self {
            Self::Scatter(scatter) => scatter.height(),
            Self::Rows(rows) => rows.height(),
            Self::Heat(heat) => heat.height(),
        }
    }

    fn draw(&self, canvas: &Canvas<'_>, at: Point, width: i32) -> Result<(), PlotError> {
        match self {
            Self::Scatter(scatter) => scatter.draw(canvas, at, width),
            Self::Rows(rows) => rows.draw(canvas, at, width),
            Self::Heat(heat) => heat.draw(canvas, at, width),
        }
    }
}

impl Sheet {
    /// The picture as SVG.
    pub(super) fn svg(&self, report: &Report<'_>) -> Result<String, PlotError> {
        let columns = usize::try_from(self.columns).unwrap_or(1).max(1);
        let width = (WIDTH - 2 * MARGIN - (pixels(columns) - 1) * GAP) / pixels(columns);
        let rows: Vec<_> = self.panels.chunks(columns).collect();
        let row_height = |row: &[Panel]| row.iter().map(Panel::height).max().unwrap_or(0) + GAP;
        let mut top = self.legend_top() + self.legend_rows() * LEGEND_ROW + 4;
        let height = top + rows.iter().map(|row| row_height(row)).sum::<i32>();
        let mut text = String::new();
        let canvas = Canvas::new(&mut text, WIDTH, height)?;
        self.draw_heading(&canvas, report)?;
        self.draw_legend(&canvas)?;
        for row in rows {
            for (column, panel) in row.iter().enumerate() {
                panel.draw(&canvas, (MARGIN + pixels(column) * (width + GAP), top), width)?;
            }
            top += row_height(row);
        }
        canvas.finish()?;
        Ok(text)
    }

    fn draw_heading(&self, canvas: &Canvas<'_>, report: &Report<'_>) -> Result<(), PlotError> {
        let plan = report.plan;
        let name = plan.name.as_deref().unwrap_or(plan.run_id.as_str());
        let simulated = if report.summary.simulated { " (simulated)" } else { "" };
        let title = clipped(&format!("{}: {name}", self.title), 20, WIDTH - 340) + simulated;
        canvas.text(&title, (MARGIN, 16), 20, INK, Lean::TopLeft)?;
        if report.summary.simulated {
            canvas.text("SIMULATED", (WIDTH - MARGIN, 16), 20, RED, Lean::TopRight)?;
        }
        for (line, text) in self.caption.iter().enumerate() {
            let y = 46 + pixels(line) * NOTE_ROW;
            canvas.text(text, (MARGIN, y), 12, GREY, Lean::TopLeft)?;
        }
        Ok(())
    }

    fn legend_top(&self) -> i32 {
        56 + pixels(self.caption.len()) * NOTE_ROW
    }

    /// As many columns as the texts leave room for.
    fn legend_columns(&self) -> i32 {
        let widest = self.legend.iter().map(|(_, text)| text_width(text, 13)).max().unwrap_or(0);
        ((WIDTH - 2 * MARGIN) / (widest + 44)).max(1)
    }

    fn legend_rows(&self) -> i32 {
        pixels(self.legend.len().div_ceil(usize::try_from(self.legend_columns()).unwrap_or(1)))
    }

    fn draw_legend(&self, canvas: &Canvas<'_>) -> Result<(), PlotError> {
        let column_width = (WIDTH - 2 * MARGIN) / self.legend_columns();
        let rows = usize::try_from(self.legend_rows()).unwrap_or(1).max(1);
        for (place, (symbol, name)) in self.legend.iter().enumerate() {
            // Down the columns, so that the order is that of the configuration.
            let x = MARGIN + 12 + pixels(place / rows) * column_width;
            let y = self.legend_top() + 8 + pixels(place % rows) * LEGEND_ROW;
            canvas.mark((x, y), *symbol)?;
            let name = clipped(name, 13, column_width - 30);
            canvas.text(&name, (x + symbol.radius.max(6) + 8, y), 13, INK, Lean::Left)?;
        }
        Ok(())
    }
}

/// Lines of text one below the other.
pub(super) fn draw_notes(
    canvas: &Canvas<'_>,
    notes: &[String],
    (left, top): Point,
) -> Result<(), PlotError> {
    for (row, note) in notes.iter().enumerate() {
        canvas.text(note, (left, top + pixels(row) * NOTE_ROW), NOTE_SIZE, GREY, Lean::TopLeft)?;
    }
    Ok(())
}

/// The items after a heading, in lines of that many pixels; nothing for no items.
pub(super) fn wrapped(heading: &str, items: &[String], width: i32) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for (place, item) in items.iter().enumerate() {
        let item = if place + 1 < items.len() { format!("{item}, ") } else { item.clone() };
        match lines.last_mut() {
            None => lines.push(format!("{heading}{item}")),
            Some(line) if text_width(&(line.clone() + &item), NOTE_SIZE) < width => *line += &item,
            Some(_) => lines.push(item),
        }
    }
    lines.into_iter().map(|line| line.trim_end().to_owned()).collect()
}

/// A number of things as a number of pixels, of rows or of columns.
pub(super) fn pixels(count: usize) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}

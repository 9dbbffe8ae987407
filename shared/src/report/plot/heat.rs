//! A panel with a row of coloured cells for each experiment.

use plotters::style::{Color, RGBColor};

use super::PlotError;
use super::canvas::{Canvas, FAINT, GREY, INK, Lean, Point, Symbol, clipped, text_width};
use super::sheet::pixels;

const HEAD: i32 = 30;
/// For the names of the columns.
const COLUMN_HEAD: i32 = 18;
const FOOT: i32 = 10;
const ROW: i32 = 24;
/// The widest name of an endpoint.
const NAME: i32 = 200;
/// The widest cell: a few hours do not fill a page.
const CELL: i32 = 60;
const SIZE: i32 = 12;
const CELL_SIZE: i32 = 10;

/// Rows of cells.
#[derive(Debug)]
pub(super) struct Heat {
    pub(super) title: String,
    pub(super) columns: Vec<String>,
    /// What the columns are.
    pub(super) column_name: String,
    pub(super) rows: Vec<HeatRow>,
}

/// One experiment.
#[derive(Debug)]
pub(super) struct HeatRow {
    pub(super) endpoint: String,
    /// Its load.
    pub(super) level: String,
    pub(super) symbol: Symbol,
    /// The choice for its dataset: framed.
    pub(super) chosen: bool,
    /// A colour and a number for each column; `None` where there is no data.
    pub(super) cells: Vec<Option<(RGBColor, String)>>,
    /// Written to the right of the cells.
    pub(super) text: String,
}

impl Heat {
    pub(super) fn height(&self) -> i32 {
        HEAD + COLUMN_HEAD + pixels(self.rows.len()) * ROW + FOOT
    }

    pub(super) fn draw(
        &self,
        canvas: &Canvas<'_>,
        (left, top): Point,
        width: i32,
    ) -> Result<(), PlotError> {
        let widest = |of: fn(&HeatRow) -> i32| self.rows.iter().map(of).max().unwrap_or(0);
        let names = left + 18 + widest(|row| text_width(&row.endpoint, SIZE).min(NAME));
        let start = names + widest(|row| text_width(&row.level, SIZE)) + 18;
        let end = left + width - widest(|row| text_width(&row.text, SIZE)) - 10;
        let cell = ((end - start) / pixels(self.columns.len()).max(1)).clamp(1, CELL);
        let x = |column: usize| start + pixels(column) * cell;
        let (title, of) = (clipped(&self.title, 14, start - left + 8 * cell), &self.column_name);
        canvas.text(&title, (left, top + 7), 14, INK, Lean::TopLeft)?;
        let right = x(self.columns.len());
        canvas.text(of, (right, top + 9), SIZE, GREY, Lean::TopRight)?;
        let mut y = top + HEAD + COLUMN_HEAD / 2;
        for (column, name) in self.columns.iter().enumerate() {
            canvas.text(name, (x(column) + cell / 2, y), SIZE, INK, Lean::Centre)?;
        }
        y += COLUMN_HEAD / 2;
        for row in &self.rows {
            let middle = y + ROW / 2;
            canvas.mark((left + 6, middle), Symbol { radius: 5, filled: true, ..row.symbol })?;
            let name = clipped(&row.endpoint, SIZE, NAME);
            canvas.text(&name, (left + 17, middle), SIZE, INK, Lean::Left)?;
            canvas.text(&row.level, (start - 8, middle), SIZE, GREY, Lean::Right)?;
            for (column, content) in row.cells.iter().enumerate() {
                let (from, to) = ((x(column), y), (x(column + 1), y + ROW));
                let (colour, text) = match content {
                    Some((colour, text)) => (*colour, text.as_str()),
                    None => (RGBColor(255, 255, 255), "–"),
                };
                canvas.rectangle(from, to, colour.filled())?;
                canvas.rectangle(from, to, FAINT.stroke_width(1))?;
                let centre = (from.0 + cell / 2, middle);
                canvas.text(text, centre, CELL_SIZE, INK, Lean::Centre)?;
            }
            let ink = if row.chosen { INK } else { GREY };
            canvas.text(&row.text, (right + 8, middle), SIZE, ink, Lean::Left)?;
            y += ROW;
        }
        // Over the cells of all rows.
        let top = y - pixels(self.rows.len()) * ROW;
        for (place, _) in self.rows.iter().enumerate().filter(|(_, row)| row.chosen) {
            let y = top + pixels(place) * ROW;
            canvas.rectangle((start, y), (right, y + ROW), INK.stroke_width(2))?;
        }
        Ok(())
    }
}

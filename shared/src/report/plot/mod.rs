//! `price_latency`: what 10,000 transactions cost against how long one takes, a mark for each
//! experiment.
//!
//! One picture with a panel for each dataset, one above the other: prompts of different lengths are
//! different work, and their marks in one panel would be compared. Axes are drawn here, plotters
//! writes the SVG, and resvg makes the PNG of it with a font of our own, because a Lambda has none.

mod axis;
mod canvas;
mod label;
mod panel;

use std::sync::Arc;

use plotters::style::RGBColor;
use resvg::{tiny_skia, usvg};

use super::Report;
use crate::plan::{LatencyMetric, Statistic};
use crate::words;
use canvas::{Canvas, GREY, INK, Lean, RED, Shape};

/// Width of the picture, and the margin around it.
const WIDTH: i32 = 1000;
const MARGIN: i32 = 24;
const LEGEND_ROW: i32 = 22;
/// Pictures no taller than this are rasterised at twice their size.
const TALL: i32 = 3000;

/// The colours of Okabe and Ito, which people with any colour vision can tell apart, without black
/// (the text's) and yellow (too faint on white). Coprime with the number of shapes, so that 35
/// endpoints differ, and neighbours in both.
const COLOURS: [RGBColor; 7] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(86, 180, 233),
    RGBColor(230, 159, 0),
    RGBColor(110, 110, 110),
];

/// Why the picture could not be made.
#[derive(Debug, thiserror::Error)]
pub enum PlotError {
    /// Drawing failed.
    #[error("failed to draw: {0}")]
    Draw(String),
    /// What was drawn is no SVG.
    #[error("failed to read the SVG back")]
    Svg(#[from] usvg::Error),
    /// The picture has no size.
    #[error("the picture is empty or too large")]
    Size,
    /// The PNG could not be written.
    #[error("failed to encode the PNG: {0}")]
    Png(String),
}

/// The picture as SVG.
pub(super) fn svg(report: &Report<'_>) -> Result<String, PlotError> {
    let panels: Vec<_> = report
        .plan
        .datasets
        .iter()
        .map(|dataset| panel::Panel::new(report, &dataset.name))
        .collect();
    let legend = Legend::new(report);
    let panels_height: i32 = panels.iter().map(panel::Panel::height).sum();
    let height = legend.bottom() + panels_height + MARGIN;
    let mut text = String::new();
    let canvas = Canvas::new(&mut text, WIDTH, height)?;
    heading(&canvas, report)?;
    legend.draw(&canvas)?;
    let mut top = legend.bottom();
    for panel in &panels {
        panel.draw(&canvas, top)?;
        top += panel.height();
    }
    canvas.finish()?;
    Ok(text)
}

/// The SVG as PNG, in the font that is built in.
pub(super) fn png(svg: &str) -> Result<Vec<u8>, PlotError> {
    let mut fonts = usvg::fontdb::Database::new();
    fonts.load_font_data(dejavu::sans::regular().to_vec());
    fonts.set_sans_serif_family("DejaVu Sans");
    let options = usvg::Options {
        font_family: "DejaVu Sans".to_owned(),
        fontdb: Arc::new(fonts),
        ..usvg::Options::default()
    };
    let tree = usvg::Tree::from_str(svg, &options)?;
    let size = tree.size().to_int_size();
    let scale: u8 = if size.height() <= TALL.unsigned_abs() { 2 } else { 1 };
    let pixels = |side: u32| side.checked_mul(u32::from(scale));
    let mut pixmap = pixels(size.width())
        .zip(pixels(size.height()))
        .and_then(|(width, height)| tiny_skia::Pixmap::new(width, height))
        .ok_or(PlotError::Size)?;
    let transform = tiny_skia::Transform::from_scale(scale.into(), scale.into());
    resvg::render(&tree, transform, &mut pixmap.as_mut());
    pixmap.encode_png().map_err(|error| PlotError::Png(error.to_string()))
}

fn heading(canvas: &Canvas<'_>, report: &Report<'_>) -> Result<(), PlotError> {
    let plan = report.plan;
    let name = plan.name.as_deref().unwrap_or(plan.run_id.as_str());
    let mut title: String = format!("Price against latency: {name}").chars().take(64).collect();
    if report.summary.simulated {
        title += " (simulated)";
    }
    canvas.text(&title, (MARGIN, 16), 20, INK, Lean::TopLeft)?;
    if report.summary.simulated {
        canvas.text("SIMULATED", (WIDTH - MARGIN, 16), 20, RED, Lean::TopRight)?;
    }
    let marks = if report.decision.criteria.is_empty() {
        "Numbers: concurrency. Ringed: the cheapest."
    } else {
        "Numbers: concurrency. Filled: meets every criterion. Hollow: does not. Ringed: the choice. \
         Shaded: within the limits."
    };
    canvas.text(marks, (MARGIN, 46), 12, GREY, Lean::TopLeft)
}

/// The statistic of E2E on the x axis: that of its criterion, so that the limit can be shaded; p95
/// where several or none are set.
fn statistic(report: &Report<'_>) -> Statistic {
    let criteria = report.plan.criteria.latency.iter();
    let mut limited =
        criteria.filter(|c| c.metric == LatencyMetric::E2e).map(|criterion| criterion.statistic);
    match (limited.next(), limited.next()) {
        (Some(only), None) => only,
        _ => Statistic::P95,
    }
}

/// The colour and shape of the n-th endpoint.
fn style(endpoint: usize) -> (RGBColor, Shape) {
    (COLOURS[endpoint % COLOURS.len()], Shape::ALL[endpoint % Shape::ALL.len()])
}

/// The endpoints above the panels, in as many columns as their names leave room for.
#[derive(Debug)]
struct Legend {
    names: Vec<String>,
    columns: usize,
}

impl Legend {
    const TOP: i32 = 72;

    fn new(report: &Report<'_>) -> Self {
        let names: Vec<_> = report.plan.endpoints.iter().map(|e| e.name.to_string()).collect();
        let widest = names.iter().map(|name| canvas::text_width(name, 13)).max().unwrap_or(0);
        let columns = usize::try_from((WIDTH - 2 * MARGIN) / (widest + 40)).unwrap_or(1);
        Self { names, columns: columns.max(1) }
    }

    fn rows(&self) -> usize {
        self.names.len().div_ceil(self.columns)
    }

    fn bottom(&self) -> i32 {
        Self::TOP + pixels(self.rows()) * LEGEND_ROW + 8
    }

    fn draw(&self, canvas: &Canvas<'_>) -> Result<(), PlotError> {
        let column_width = (WIDTH - 2 * MARGIN) / pixels(self.columns);
        for (place, name) in self.names.iter().enumerate() {
            // Down the columns, so that the order is that of the configuration.
            let (column, row) = (place / self.rows(), place % self.rows());
            let x = MARGIN + 8 + pixels(column) * column_width;
            let y = Self::TOP + 8 + pixels(row) * LEGEND_ROW;
            let (colour, shape) = style(place);
            canvas.mark((x, y), shape, colour, true)?;
            canvas.text(name, (x + 16, y), 13, INK, Lean::Left)?;
        }
        Ok(())
    }
}

fn pixels(count: usize) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}

/// The name of a statistic of E2E on an axis.
fn axis_name(statistic: Statistic) -> String {
    format!("{} latency, end to end (seconds)", words::statistic_name(statistic))
}

//! The pictures: what each shows is in a module of its own, how it is drawn in the others.
//!
//! Axes are drawn here, plotters writes the SVG, and resvg makes the PNG of it with a font of our
//! own, because a Lambda has none. No picture tells by colour alone: there are shapes, names and
//! numbers as well.

mod axis;
mod canvas;
mod cost;
mod errors;
mod heat;
mod hours;
mod label;
mod load;
mod price;
mod rows;
mod scatter;
mod sheet;
mod spread;
mod tokens;
mod view;

use std::sync::Arc;

use plotters::style::RGBColor;
use resvg::{tiny_skia, usvg};

use super::Report;
use crate::decision::Criterion;
use crate::plan::{Experiment, LatencyMetric, Load, Statistic};
use crate::summary::{ExperimentSummary, milliseconds};
use crate::units::{Name, NanoUsd};
use crate::words;
use sheet::Sheet;

/// Width of the pictures, and the margin around them.
const WIDTH: i32 = 1000;
const MARGIN: i32 = 20;
/// Pictures no taller than this are rasterised at twice their size.
const TALL: i32 = 1000;

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

/// One picture of a report.
#[derive(Debug, Clone, Copy)]
pub(super) struct Picture {
    /// The file of the SVG.
    pub(super) svg: &'static str,
    /// The file of the PNG.
    pub(super) png: &'static str,
    /// What it shows, in words.
    pub(super) alt: &'static str,
    sheet: fn(&Report<'_>) -> Sheet,
}

impl Picture {
    /// The picture as SVG.
    pub(super) fn draw(&self, report: &Report<'_>) -> Result<String, PlotError> {
        (self.sheet)(report).svg(report)
    }
}

/// The decision.
pub(super) const PRICE: Picture = Picture {
    svg: "price_latency.svg",
    png: "price_latency.png",
    alt: "Price against latency, a mark for each experiment",
    sheet: price::sheet,
};

/// Bars or dots, with throughput and latency in words.
pub(super) const COST: Picture = Picture {
    svg: "cost.svg",
    png: "cost.png",
    alt: "Cost of 10,000 transactions for each experiment",
    sheet: cost::sheet,
};

/// What failed.
pub(super) const ERRORS: Picture = Picture {
    svg: "error_rates.svg",
    png: "error_rates.png",
    alt: "Error rates, a mark for each experiment",
    sheet: errors::sheet,
};

/// What load does to latency.
pub(super) const LOAD: Picture = Picture {
    svg: "load_latency.svg",
    png: "load_latency.png",
    alt: "Load against latency with 95 % intervals",
    sheet: load::sheet,
};

/// Single requests.
pub(super) const TOKENS: Picture = Picture {
    svg: "tokens_latency.svg",
    png: "tokens_latency.png",
    alt: "Prompt tokens against latency, a point for each request",
    sheet: tokens::sheet,
};

/// Time to first token.
pub(super) const TTFT: Picture = Picture {
    svg: "ttft.svg",
    png: "ttft.png",
    alt: "How the time to first token spreads, for each experiment",
    sheet: spread::ttft,
};

/// Inter-token latency.
pub(super) const ITL: Picture = Picture {
    svg: "itl.svg",
    png: "itl.png",
    alt: "How the gaps between pieces of answers spread, for each experiment",
    sheet: spread::itl,
};

/// The time of day, of runs whose rounds lie in several hours.
pub(super) const HOURS: Picture = Picture {
    svg: "hours.svg",
    png: "hours.png",
    alt: "Median latency by hour of the day, a row for each experiment",
    sheet: hours::sheet,
};

/// The pictures of every report.
pub(super) const PICTURES: [Picture; 7] = [PRICE, COST, ERRORS, LOAD, TOKENS, TTFT, ITL];

/// The pictures of a report.
pub(super) fn pictures(report: &Report<'_>) -> impl Iterator<Item = Picture> {
    PICTURES.into_iter().chain(report.summary.hours.as_ref().map(|_| HOURS))
}

/// What makes PNGs of SVGs.
#[derive(Debug)]
pub(super) struct Raster(usvg::Options<'static>);

impl Raster {
    /// With the font that is built in.
    pub(super) fn new() -> Self {
        let mut fonts = usvg::fontdb::Database::new();
        fonts.load_font_data(dejavu::sans::regular().to_vec());
        fonts.set_sans_serif_family("DejaVu Sans");
        Self(usvg::Options {
            font_family: "DejaVu Sans".to_owned(),
            fontdb: Arc::new(fonts),
            ..usvg::Options::default()
        })
    }

    pub(super) fn png(&self, svg: &str) -> Result<Vec<u8>, PlotError> {
        let tree = usvg::Tree::from_str(svg, &self.0)?;
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
}

/// The statistic of E2E on the x axis: that of its criterion, so that the limit can be shaded; p95
/// where several or none are set.
pub(super) fn statistic(report: &Report<'_>) -> Statistic {
    let criteria = report.plan.criteria.latency.iter();
    let mut limited =
        criteria.filter(|c| c.metric == LatencyMetric::E2e).map(|criterion| criterion.statistic);
    match (limited.next(), limited.next()) {
        (Some(only), None) => only,
        _ => Statistic::P95,
    }
}

/// The limit of E2E on that axis in seconds, with its text.
fn e2e_limit(report: &Report<'_>) -> Option<(f64, String)> {
    let statistic = statistic(report);
    let criteria = report.plan.criteria.latency.iter();
    let limits = criteria.filter(|c| c.metric == LatencyMetric::E2e && c.statistic == statistic);
    let ms = limits.map(|criterion| milliseconds(criterion.limit)).reduce(f64::min)?;
    Some((ms / 1000.0, format!("limit {}", words::exact_latency(ms))))
}

/// The limit of the cost of 10,000 transactions in dollars, with its text.
fn cost_limit(report: &Report<'_>) -> Option<(f64, String)> {
    let usd = report.plan.criteria.cost_per_10k_transactions.map(NanoUsd::as_usd)?;
    Some((usd, format!("limit {}", Criterion::CostPer10kTransactions.limit_words(usd))))
}

/// The experiments of a dataset by endpoint, with the endpoint's place in the plan.
fn levels_by_endpoint<'a>(
    report: &Report<'a>,
    dataset: &Name,
) -> Vec<(usize, &'a Name, Vec<&'a ExperimentSummary>)> {
    let endpoints = report.plan.endpoints.iter().map(|endpoint| &endpoint.name).enumerate();
    let all = &report.summary.experiments;
    let of = |endpoint: &Name| {
        all.iter().filter(|e| e.dataset == *dataset && e.endpoint == *endpoint).collect::<Vec<_>>()
    };
    let endpoints = endpoints.map(|(place, endpoint)| (place, endpoint, of(endpoint)));
    endpoints.filter(|(.., levels)| !levels.is_empty()).collect()
}

/// The loads of these experiments, rising. Those that differ in the number of their streams only are
/// one.
fn levels<'a>(experiments: impl Iterator<Item = &'a ExperimentSummary>) -> Vec<Load> {
    let mut levels: Vec<_> = experiments.map(|experiment| experiment.load).collect();
    levels.sort_unstable();
    levels.dedup_by_key(|load| load.mark());
    levels
}

/// What the marks of loads are in.
fn load_words(report: &Report<'_>) -> &'static str {
    let is_closed = |experiment: &Experiment| experiment.load.open().is_none();
    if report.plan.experiments.iter().all(is_closed) {
        "requests in flight"
    } else {
        "requests in flight, or a rate"
    }
}

/// The name of a statistic of E2E on an axis.
fn axis_name(statistic: Statistic) -> String {
    format!("{} latency, end to end (seconds)", words::statistic_name(statistic))
}

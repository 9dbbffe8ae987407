//! The report: what people read ([`render`]), and the same figures for programs (`summary.json`).
//!
//! Rendering is pure: the time of writing is an argument, and everything else follows from the plan
//! and the records, so a report can be written again anywhere with the same figures.

mod csv;
#[cfg(test)]
mod fixture;
mod html;
mod markdown;
mod page;
mod plot;

use serde::{Deserialize, Serialize};

use crate::decision::Decision;
use crate::plan::Plan;
use crate::store::keys;
use crate::summary::{ExperimentSummary, RunSummary};
use crate::units::{Name, RunId};

pub use plot::PlotError;

/// The version of the form of `summary.json`.
pub const SUMMARY_SCHEMA: u32 = 1;

/// Names of the files of every report, for the keys under which they are kept.
pub const FILES: [&str; 18] = [
    MARKDOWN,
    HTML,
    SUMMARY,
    TABLE,
    plot::PRICE.svg,
    plot::PRICE.png,
    plot::COST.svg,
    plot::COST.png,
    plot::ERRORS.svg,
    plot::ERRORS.png,
    plot::LOAD.svg,
    plot::LOAD.png,
    plot::TOKENS.svg,
    plot::TOKENS.png,
    plot::TTFT.svg,
    plot::TTFT.png,
    plot::ITL.svg,
    plot::ITL.png,
];

/// Names of the files that a report of several hours of the day has besides.
pub const HOUR_FILES: [&str; 3] = [plot::HOURS.svg, plot::HOURS.png, HOURS];

const MARKDOWN: &str = "report.md";
const HTML: &str = "report.html";
const SUMMARY: &str = "summary.json";
const TABLE: &str = "summary.csv";
const HOURS: &str = "hours.csv";

/// Everything that a report is made of.
#[derive(Debug, Clone, Copy)]
pub struct Report<'a> {
    /// The run.
    pub plan: &'a Plan,
    /// Its figures.
    pub summary: &'a RunSummary,
    /// What follows from them.
    pub decision: &'a Decision,
    /// When the report is written, RFC 3339: the only thing in it that differs from one writing to
    /// the next.
    pub written_at: &'a str,
}

/// One file of a report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportFile {
    /// The file's name, without a folder.
    pub name: &'static str,
    /// Its media type.
    pub content_type: &'static str,
    /// What is in it.
    pub bytes: Vec<u8>,
}

/// `summary.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SummaryFile {
    /// [`SUMMARY_SCHEMA`] of the writer.
    pub schema: u32,
    /// When it was written, RFC 3339; all else is the same whenever it is written again.
    pub written_at: String,
    /// The run.
    pub run_id: RunId,
    /// What the user calls it.
    pub name: Option<String>,
    /// The fmgauge that planned the run.
    pub fmgauge_version: String,
    /// The run's seed.
    pub seed: u64,
    /// SHA-256 of the configuration's text, hexadecimal.
    pub config_sha256: String,
    /// The figures.
    pub summary: RunSummary,
    /// What follows from them.
    pub decision: Decision,
}

/// Why a report could not be rendered.
#[derive(Debug, thiserror::Error)]
pub enum RenderError {
    /// A picture.
    #[error("failed to draw the picture {0}")]
    Plot(&'static str, #[source] PlotError),
    /// The figures as JSON.
    #[error("failed to write {SUMMARY}")]
    Summary(#[from] serde_json::Error),
    /// The figures as tables.
    #[error("failed to write the figures as a table")]
    Table(#[from] ::csv::Error),
}

/// The files of a report, in the order of [`FILES`]; those of [`HOUR_FILES`] after them, where it has
/// any.
pub fn render(report: &Report<'_>) -> Result<Vec<ReportFile>, RenderError> {
    let mut pictures = Vec::new();
    for picture in plot::pictures(report) {
        let svg = picture.draw(report).map_err(|error| RenderError::Plot(picture.svg, error))?;
        pictures.push((picture, svg));
    }
    let markdown = markdown::render(report);
    let page = html::page(&markdown::title(report), &markdown, &pictures);
    let mut files = vec![
        file(MARKDOWN, markdown.into_bytes()),
        file(HTML, page.into_bytes()),
        file(SUMMARY, summary_json(report)?),
        file(TABLE, csv::table(report)?),
    ];
    let raster = plot::Raster::new();
    for (picture, svg) in pictures {
        let png = raster.png(&svg).map_err(|error| RenderError::Plot(picture.png, error))?;
        files.push(file(picture.svg, svg.into_bytes()));
        files.push(file(picture.png, png));
    }
    if report.summary.hours.is_some() {
        files.push(file(HOURS, csv::hours(report)?));
    }
    Ok(files)
}

/// The experiments that hours of the day are shown of: each endpoint at its highest load that meets
/// every criterion, or where it has none at its first.
fn in_use<'a>(report: &Report<'a>, dataset: &Name) -> Vec<&'a ExperimentSummary> {
    let of_dataset = report.decision.endpoints.iter().filter(|of| of.dataset == *dataset);
    let shown = of_dataset.filter_map(|decided| match &decided.best {
        Some(best) => report.summary.experiment(best),
        None => report.summary.experiments.iter().find(|experiment| {
            experiment.dataset == *dataset && experiment.endpoint == decided.endpoint
        }),
    });
    shown.collect()
}

fn file(name: &'static str, bytes: Vec<u8>) -> ReportFile {
    ReportFile { name, content_type: keys::content_type(name), bytes }
}

fn summary_json(report: &Report<'_>) -> Result<Vec<u8>, serde_json::Error> {
    let plan = report.plan;
    let mut bytes = serde_json::to_vec_pretty(&SummaryFile {
        schema: SUMMARY_SCHEMA,
        written_at: report.written_at.to_owned(),
        run_id: plan.run_id.clone(),
        name: plan.name.clone(),
        fmgauge_version: plan.fmgauge_version.clone(),
        seed: plan.seed,
        config_sha256: plan.config_sha256.clone(),
        summary: report.summary.clone(),
        decision: report.decision.clone(),
    })?;
    bytes.push(b'\n');
    Ok(bytes)
}

#[cfg(test)]
mod tests;

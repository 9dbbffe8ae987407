//! The report: what people read ([`render`]), and the same figures for programs (`summary.json`).
//!
//! Rendering is pure: the time of writing is an argument, and everything else follows from the plan
//! and the records, so a report can be written again anywhere with the same figures.

mod markdown;
mod page;
mod plot;

use serde::{Deserialize, Serialize};

use crate::decision::Decision;
use crate::plan::Plan;
use crate::summary::RunSummary;
use crate::units::RunId;

pub use plot::PlotError;

/// The version of the form of `summary.json`.
pub const SUMMARY_SCHEMA: u32 = 1;

/// Names of the report's files, for the keys under which they are kept.
pub const FILES: [&str; 4] = [MARKDOWN, PLOT_SVG, PLOT_PNG, SUMMARY];

const MARKDOWN: &str = "report.md";
const PLOT_SVG: &str = "price_latency.svg";
const PLOT_PNG: &str = "price_latency.png";
const SUMMARY: &str = "summary.json";

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
    /// The picture.
    #[error("failed to draw {PLOT_SVG}")]
    Plot(#[from] PlotError),
    /// The figures as JSON.
    #[error("failed to write {SUMMARY}")]
    Summary(#[from] serde_json::Error),
}

/// The files of a report: `report.md`, `price_latency.svg`, `price_latency.png`, `summary.json`.
pub fn render(report: &Report<'_>) -> Result<Vec<ReportFile>, RenderError> {
    let svg = plot::svg(report)?;
    let png = plot::png(&svg)?;
    let file = |name, content_type, bytes| ReportFile { name, content_type, bytes };
    Ok(vec![
        file(MARKDOWN, "text/markdown; charset=utf-8", markdown::render(report).into_bytes()),
        file(PLOT_SVG, "image/svg+xml", svg.into_bytes()),
        file(PLOT_PNG, "image/png", png),
        file(SUMMARY, "application/json", summary_json(report)?),
    ])
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

//! `tokens_latency`: single requests, their prompt tokens against how long they took.
//!
//! A panel for each endpoint, all with the same axes and with the prompts of all datasets.

use super::axis::Axis;
use super::scatter::{Mark, Scatter, Series, symbol};
use super::sheet::{Panel, Sheet};
use super::view::Scale;
use super::{e2e_limit, levels};
use crate::plan::{EndpointSpec, Load};
use crate::report::Report;
use crate::summary::{ExperimentSummary, Point};
use crate::words::{self, plural};

/// About the most points in the picture, so that it stays small.
const POINTS: usize = 2_400;

pub(super) fn sheet(report: &Report<'_>) -> Sheet {
    let experiments = || report.summary.experiments.iter().filter(|e| !e.points.is_empty());
    let levels = levels(experiments());
    let each = POINTS / experiments().count().max(1);
    let all: Vec<_> =
        report.summary.experiments.iter().flat_map(|e| thinned(&e.points, each)).collect();
    let tokens: Vec<_> = all.iter().map(|point| f64::from(point.input_tokens)).collect();
    let seconds: Vec<_> = all.iter().map(|point| point.e2e_ms / 1000.0).collect();
    let limit = e2e_limit(report);
    let x = Scale {
        name: "prompt tokens".to_owned(),
        axis: Axis::from_zero(&tokens, None),
        limit: None,
    };
    let y = Scale {
        name: "end to end (s)".to_owned(),
        axis: Axis::new(&seconds, limit.as_ref().map(|(limit, _)| *limit)),
        limit: limit.map(|(limit, text)| (limit, short(report, &text))),
    };
    let endpoints = &report.plan.endpoints;
    let (columns, frame) = match endpoints.len() {
        0 | 1 => (1, 360),
        2 | 4 => (2, 260),
        _ => (3, 190),
    };
    let radius = if all.len() > 1_500 { 2 } else { 3 };
    let panel = |endpoint: &EndpointSpec| {
        let series = levels.iter().enumerate().map(|(place, level)| {
            let of = |e: &&ExperimentSummary| {
                e.endpoint == endpoint.name && e.load.mark() == level.mark()
            };
            let points = experiments().filter(of).flat_map(|e| thinned(&e.points, each));
            let marks = points.map(|point| Mark {
                radius,
                ..Mark::new((f64::from(point.input_tokens), point.e2e_ms / 1000.0))
            });
            Series { symbol: symbol(place), marks: marks.collect(), threaded: false, name: None }
        });
        Panel::Scatter(Scatter {
            title: endpoint.name.to_string(),
            x: x.clone(),
            y: y.clone(),
            shaded: false,
            series: series.collect(),
            frame,
            notes: Vec::new(),
        })
    };
    let completed: u64 = report.summary.experiments.iter().map(|e| e.requests.completed).sum();
    let name = |level: &Load| match level {
        Load::Closed { concurrency } => {
            format!("{} in flight", plural(concurrency.get().into(), "request"))
        }
        Load::Open(open) => open.to_string(),
    };
    let legend = levels.iter().enumerate().map(|(place, level)| (symbol(place), name(level)));
    Sheet {
        title: "Prompt tokens against latency",
        caption: vec![format!(
            "Each point is a request: {} of the {} that were completed, spread evenly over them.",
            words::count(all.len() as u64),
            words::count(completed)
        )],
        legend: legend.collect(),
        columns,
        panels: endpoints.iter().map(panel).collect(),
    }
}

/// The limit is of a statistic, the points are single requests: the text must say which.
fn short(report: &Report<'_>, text: &str) -> String {
    format!("{text} ({})", words::statistic_name(super::statistic(report)))
}

/// At most about `each` of the points, spread evenly.
fn thinned(points: &[Point], each: usize) -> impl Iterator<Item = &Point> {
    points.iter().step_by(points.len().div_ceil(each.max(1)).max(1))
}

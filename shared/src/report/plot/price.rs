//! `price_latency`: what 10,000 transactions cost against how long one takes.
//!
//! A panel for each dataset: prompts of different lengths are different work, and their marks in one
//! panel would be compared.

use super::axis::Axis;
use super::canvas::{GREY, Shape, Symbol};
use super::scatter::{Mark, Scatter, Series, symbol};
use super::sheet::{Panel, Sheet, wrapped};
use super::view::Scale;
use super::{axis_name, cost_limit, e2e_limit, levels_by_endpoint, load_words, statistic};
use crate::report::Report;
use crate::summary::ExperimentSummary;
use crate::units::Name;
use crate::words;

/// Half the width of the smallest mark, and what the largest has more.
const SMALLEST: f64 = 4.0;
const GROWTH: f64 = 9.0;

pub(super) fn sheet(report: &Report<'_>) -> Sheet {
    let throughputs = report.summary.experiments.iter().filter_map(per_minute);
    let largest = throughputs.fold(0.0, f64::max);
    let loads = load_words(report);
    let marks = if report.decision.criteria.is_empty() {
        format!("Numbers: {loads}. Ringed: the cheapest.")
    } else {
        format!(
            "Numbers: {loads}. Filled: meets every criterion. Hollow: does not. Ringed: the choice. \
             Shaded: within the limits."
        )
    };
    let size = |rate: f64| Symbol {
        shape: Shape::Disc,
        colour: GREY,
        radius: radius(rate, largest),
        filled: false,
    };
    let sizes = [largest / 10.0, largest].map(round_down).into_iter().filter(|&rate| rate > 0.0);
    let legend = sizes.map(|rate| (size(rate), format!("{rate} transactions a minute")));
    let panels = report.plan.datasets.iter().map(|dataset| panel(report, &dataset.name, largest));
    Sheet {
        title: "Price against latency",
        caption: vec![marks],
        legend: legend.collect(),
        columns: 1,
        panels: panels.map(Panel::Scatter).collect(),
    }
}

fn panel(report: &Report<'_>, dataset: &Name, largest: f64) -> Scatter {
    let (mut series, mut absent) = (Vec::new(), Vec::new());
    for (place, endpoint, levels) in levels_by_endpoint(report, dataset) {
        let (marked, without): (Vec<_>, Vec<_>) =
            levels.into_iter().partition(|experiment| values(report, experiment).is_some());
        let marks = marked.iter().filter_map(|experiment| mark(report, experiment, largest));
        let mut marks: Vec<_> = marks.collect();
        if let Some(last) = marks.last_mut() {
            last.label = format!("{endpoint} ({})", last.label);
        }
        let symbol = symbol(place);
        series.push(Series { symbol, marks, threaded: true, name: None });
        if !without.is_empty() {
            let levels: Vec<_> = without.iter().map(|e| e.load.mark()).collect();
            let unpriced = report.plan.endpoint(endpoint).is_some_and(|e| e.price.is_none());
            let why = if unpriced { " (price unknown)" } else { "" };
            absent.push(format!("{endpoint} at {}{why}", words::list(&levels)));
        }
    }
    let all = || series.iter().flat_map(|series| &series.marks).map(|mark| mark.at);
    let (xs, ys): (Vec<_>, Vec<_>) = all().unzip();
    let (x_limit, y_limit) = (e2e_limit(report), cost_limit(report));
    let x = Scale {
        name: axis_name(statistic(report)),
        axis: Axis::new(&xs, x_limit.as_ref().map(|(limit, _)| *limit)),
        limit: x_limit,
    };
    let y = Scale {
        name: "USD per 10,000 transactions".to_owned(),
        axis: Axis::new(&ys, y_limit.as_ref().map(|(limit, _)| *limit)),
        limit: y_limit,
    };
    let mut notes = wrapped("Not shown: ", &absent, 860);
    if !xs.is_empty() {
        notes.extend([&x, &y].into_iter().filter_map(Scale::far_limit));
    }
    Scatter { title: dataset.to_string(), x, y, shaded: true, series, frame: 360, notes }
}

/// Seconds, and dollars for 10,000.
fn values(report: &Report<'_>, experiment: &ExperimentSummary) -> Option<(f64, f64)> {
    let ms = experiment.e2e.as_ref()?.statistic_ms(statistic(report));
    Some((ms / 1000.0, experiment.cost?.per_10k_transactions_nano_usd.as_usd()))
}

fn mark(report: &Report<'_>, experiment: &ExperimentSummary, largest: f64) -> Option<Mark> {
    let id = &experiment.experiment;
    Some(Mark {
        radius: radius(per_minute(experiment).unwrap_or(0.0), largest),
        filled: report.decision.judgement(id).is_some_and(|judged| judged.qualifies),
        ringed: report.decision.is_chosen(id),
        label: experiment.load.mark(),
        ..Mark::new(values(report, experiment)?)
    })
}

fn per_minute(experiment: &ExperimentSummary) -> Option<f64> {
    experiment.throughput.map(|throughput| throughput.requests_per_minute)
}

/// The area of a mark grows with its throughput.
fn radius(rate: f64, largest: f64) -> i32 {
    let share = if largest > 0.0 { (rate / largest).clamp(0.0, 1.0) } else { 0.0 };
    #[expect(clippy::cast_possible_truncation, reason = "at most the sum of two small constants")]
    let radius = (SMALLEST + GROWTH * share.sqrt()).round() as i32;
    radius
}

/// The largest 1, 2 or 5 times a power of ten that is not above; 0 for 0.
fn round_down(value: f64) -> f64 {
    if value <= 0.0 {
        return 0.0;
    }
    let unit = 10_f64.powf(value.log10().floor());
    [5.0, 2.0, 1.0].map(|factor| factor * unit).into_iter().find(|&v| v <= value).unwrap_or(unit)
}

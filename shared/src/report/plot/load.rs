//! `load_latency`: how long a transaction takes at each load, with intervals.

use super::axis::Axis;
use super::scatter::{Mark, Scatter, Series, symbol};
use super::sheet::{Panel, Sheet, pixels, wrapped};
use super::view::Scale;
use super::{axis_name, e2e_limit, levels, levels_by_endpoint, load_words, statistic};
use crate::plan::Load;
use crate::report::Report;
use crate::stats::Interval;
use crate::summary::ExperimentSummary;
use crate::units::Name;
use crate::words::list;

/// How far apart the marks of two endpoints at the same load are, as a share of the room between two
/// loads.
const APART: f64 = 0.06;

pub(super) fn sheet(report: &Report<'_>) -> Sheet {
    let statistic = statistic(report);
    let has_interval = |experiment: &ExperimentSummary| {
        experiment.e2e.as_ref().is_some_and(|e2e| e2e.intervals.of(statistic).is_some())
    };
    let bars = if report.summary.experiments.iter().any(has_interval) {
        "Bars: 95 % intervals; an arrow: the data cannot tell where that end is."
    } else {
        "No 95 % intervals: there are too few blocks and requests for any."
    };
    let panels = report.plan.datasets.iter().map(|dataset| panel(report, &dataset.name));
    Sheet {
        title: "Load against latency",
        caption: vec![format!("{bars} Filled: meets every criterion. Hollow: does not.")],
        legend: Vec::new(),
        columns: 1,
        panels: panels.map(Panel::Scatter).collect(),
    }
}

fn panel(report: &Report<'_>, dataset: &Name) -> Scatter {
    let levels = levels(report.summary.experiments.iter().filter(|e| e.dataset == *dataset));
    let endpoints = levels_by_endpoint(report, dataset);
    let middle = (f64::from(pixels(endpoints.len())) - 1.0) / 2.0;
    let apart = APART.min(0.7 / (2.0 * middle + 1.0));
    let (mut series, mut absent, mut seconds) = (Vec::new(), Vec::new(), Vec::new());
    for (order, (place, endpoint, experiments)) in endpoints.into_iter().enumerate() {
        let aside = (f64::from(pixels(order)) - middle) * apart;
        let (mut marks, mut without) = (Vec::new(), Vec::new());
        for experiment in experiments {
            let Some(mark) = mark(report, experiment, &levels, aside) else {
                without.push(experiment.load.mark());
                continue;
            };
            seconds.push(mark.at.1);
            let ends = mark.interval.into_iter().flat_map(|interval| [interval.low, interval.high]);
            seconds.extend(ends.flatten().filter(|end| *end > 0.0));
            marks.push(mark);
        }
        if !without.is_empty() {
            absent.push(format!("{endpoint} at {}", list(&without)));
        }
        let name = (!marks.is_empty()).then(|| endpoint.to_string());
        series.push(Series { symbol: symbol(place), marks, threaded: true, name });
    }
    let limit = e2e_limit(report);
    let y = Scale {
        name: axis_name(statistic(report)),
        axis: Axis::new(&seconds, limit.as_ref().map(|(limit, _)| *limit)),
        limit,
    };
    let mut notes = wrapped("No request was completed: ", &absent, 860);
    notes.extend(y.far_limit().filter(|_| !seconds.is_empty()));
    let names = levels.iter().map(Load::mark).collect();
    Scatter {
        title: dataset.to_string(),
        x: Scale { name: load_words(report).to_owned(), axis: Axis::named(names), limit: None },
        y,
        shaded: false,
        series,
        frame: 320,
        notes,
    }
}

fn mark(
    report: &Report<'_>,
    experiment: &ExperimentSummary,
    levels: &[Load],
    aside: f64,
) -> Option<Mark> {
    let statistic = statistic(report);
    let e2e = experiment.e2e.as_ref()?;
    let seconds = e2e.statistic_ms(statistic) / 1000.0;
    let level = levels.iter().position(|level| level.mark() == experiment.load.mark())?;
    let end = |end: Option<f64>| end.map(|ms| ms / 1000.0);
    let judged = report.decision.judgement(&experiment.experiment);
    Some(Mark {
        radius: 5,
        filled: judged.is_some_and(|judged| judged.qualifies),
        interval: e2e
            .intervals
            .of(statistic)
            .map(|i| Interval { low: end(i.low), high: end(i.high) }),
        ..Mark::new((f64::from(pixels(level)) + 0.5 + aside, seconds))
    })
}

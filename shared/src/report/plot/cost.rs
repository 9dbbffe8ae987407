//! `cost`: what 10,000 transactions cost, the cheapest endpoint first.
//!
//! Bars, or dots on a logarithmic axis where the bars of the cheapest would be slivers.

use super::axis::Axis;
use super::rows::{Content, Row, Rows};
use super::scatter::symbol;
use super::sheet::{Panel, Sheet};
use super::view::Scale;
use super::{cost_limit, levels_by_endpoint, load_words, statistic};
use crate::report::Report;
use crate::summary::ExperimentSummary;
use crate::units::Name;
use crate::words::{latency, number, statistic_name, usd};

/// Costs spread wider than this are dots.
const DOTS_FROM: f64 = 30.0;

pub(super) fn sheet(report: &Report<'_>) -> Sheet {
    let statistic = statistic_name(statistic(report));
    let caption = format!(
        "Behind each row: USD, transactions a minute, {statistic} latency. The number before each \
         row: {}. Framed: the choice.",
        load_words(report)
    );
    let panels = report.plan.datasets.iter().map(|dataset| panel(report, &dataset.name));
    Sheet {
        title: "Cost of 10,000 transactions",
        caption: vec![caption],
        legend: Vec::new(),
        columns: 1,
        panels: panels.map(Panel::Rows).collect(),
    }
}

fn usd_per_10k(experiment: &ExperimentSummary) -> Option<f64> {
    experiment.cost.map(|cost| cost.per_10k_transactions_nano_usd.as_usd())
}

fn panel(report: &Report<'_>, dataset: &Name) -> Rows {
    let mut endpoints = levels_by_endpoint(report, dataset);
    let cheapest = |levels: &[&ExperimentSummary]| {
        levels.iter().filter_map(|e| usd_per_10k(e)).fold(f64::INFINITY, f64::min)
    };
    endpoints.sort_by(|(.., one), (.., two)| cheapest(one).total_cmp(&cheapest(two)));
    let mut values = Vec::new();
    let mut rows = Vec::new();
    for (place, endpoint, levels) in endpoints {
        let unpriced = report.plan.endpoint(endpoint).is_some_and(|e| e.price.is_none());
        for experiment in levels {
            let cost = usd_per_10k(experiment);
            values.extend(cost);
            let why = match (unpriced, experiment.requests.completed) {
                (true, _) => "price unknown",
                (false, 0) => "no request was completed",
                (false, _) => "no tokens were reported",
            };
            rows.push(Row {
                endpoint: endpoint.to_string(),
                level: experiment.load.mark(),
                symbol: symbol(place),
                chosen: report.decision.is_chosen(&experiment.experiment),
                content: cost.map_or(Content::Nothing(why), Content::Bar),
                text: text(report, experiment),
            });
        }
    }
    let limit = cost_limit(report);
    let shown = limit.as_ref().map(|(limit, _)| *limit);
    let largest = values.iter().copied().fold(0.0, f64::max);
    let smallest = values.iter().copied().fold(f64::INFINITY, f64::min);
    let axis = if smallest > 0.0 && largest > smallest * DOTS_FROM {
        Axis::new(&values, shown)
    } else {
        Axis::from_zero(&values, shown)
    };
    if axis.is_logarithmic() {
        for row in &mut rows {
            if let Content::Bar(value) = row.content {
                row.content = Content::Framed(value);
            }
        }
    }
    let x = Scale { name: "USD per 10,000 transactions".to_owned(), axis, limit };
    let notes = x.far_limit().filter(|_| !values.is_empty()).into_iter().collect();
    Rows { title: dataset.to_string(), x, experiments: rows, notes }
}

fn text(report: &Report<'_>, experiment: &ExperimentSummary) -> String {
    let cost = experiment.cost.map(|cost| usd(cost.per_10k_transactions_nano_usd));
    let rate = experiment.throughput.map(|t| format!("{}/min", number(t.requests_per_minute)));
    let e2e = experiment.e2e.as_ref().map(|e2e| latency(e2e.statistic_ms(statistic(report))));
    [cost, rate, e2e].into_iter().flatten().collect::<Vec<_>>().join(" · ")
}

//! `error_rates`: the share of requests that failed.

use super::axis::Axis;
use super::rows::{Content, Row, Rows};
use super::scatter::symbol;
use super::sheet::{Panel, Sheet};
use super::view::Scale;
use super::{levels_by_endpoint, load_words};
use crate::decision::Criterion;
use crate::report::Report;
use crate::summary::ExperimentSummary;
use crate::units::Name;
use crate::words::{count, percent};

pub(super) fn sheet(report: &Report<'_>) -> Sheet {
    let errors: u64 = report.summary.experiments.iter().map(|e| e.requests.errors()).sum();
    let any = if errors == 0 { "No request failed. " } else { "" };
    let caption = format!(
        "{any}Bars: 95 % intervals, where there are enough blocks. The number before each row: \
         {}.",
        load_words(report)
    );
    let panels = report.plan.datasets.iter().map(|dataset| panel(report, &dataset.name));
    Sheet {
        title: "Error rates",
        caption: vec![caption],
        legend: Vec::new(),
        columns: 1,
        panels: panels.map(Panel::Rows).collect(),
    }
}

fn panel(report: &Report<'_>, dataset: &Name) -> Rows {
    let mut values = Vec::new();
    let mut rows = Vec::new();
    for (place, endpoint, levels) in levels_by_endpoint(report, dataset) {
        for experiment in levels {
            let interval = experiment.error_rate_interval;
            let interval = interval.and_then(|i| Some((i.low? * 100.0, i.high? * 100.0)));
            let rate = experiment.error_rate.map(|rate| rate * 100.0);
            values.extend(rate);
            values.extend(interval.map(|(_, high)| high));
            rows.push(Row {
                endpoint: endpoint.to_string(),
                level: experiment.load.mark(),
                symbol: symbol(place),
                chosen: report.decision.is_chosen(&experiment.experiment),
                content: rate.map_or(Content::Nothing("no request ended"), |rate| {
                    Content::Dot(rate, interval)
                }),
                text: text(experiment),
            });
        }
    }
    let limit =
        report.plan.criteria.error_rate.map(|rate| {
            (rate * 100.0, format!("limit {}", Criterion::ErrorRate.limit_words(rate)))
        });
    let axis = Axis::from_zero(&values, limit.as_ref().map(|(limit, _)| *limit));
    let x = Scale { name: "failed requests (%)".to_owned(), axis, limit };
    let notes = x.far_limit().into_iter().collect();
    Rows { title: dataset.to_string(), x, experiments: rows, notes }
}

fn text(experiment: &ExperimentSummary) -> String {
    let requests = &experiment.requests;
    let rate = experiment.error_rate.map(percent).unwrap_or_default();
    let ended = requests.sent.saturating_sub(requests.cut);
    format!("{rate} ({} of {})", count(requests.errors()), count(ended))
}

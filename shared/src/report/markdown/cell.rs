//! What several tables have in common: their cells, and the notes below them.

use crate::plan::Experiment;
use crate::report::Report;
use crate::report::page::{FEW, Page};
use crate::stats::{Interval, Percentile};
use crate::summary::{ExperimentSummary, Grade, LatencyStats, TransactionCost};
use crate::units::Name;
use crate::words::{NO_DATA, list, number, range, usd};

/// What stands where no price is known.
pub(super) const UNKNOWN: &str = "unknown";

/// The experiments of a dataset, in the plan's order.
pub(super) fn of_dataset<'a>(
    report: &Report<'a>,
    dataset: &'a Name,
) -> impl Iterator<Item = &'a ExperimentSummary> {
    report.summary.experiments.iter().filter(move |experiment| experiment.dataset == *dataset)
}

/// A part for each dataset, below a heading of that level; without a heading where there is but one.
pub(super) fn each_dataset(
    page: &mut Page,
    report: &Report<'_>,
    level: usize,
    mut part: impl FnMut(&mut Page, &Name),
) {
    let datasets = &report.plan.datasets;
    for dataset in datasets {
        if datasets.len() > 1 {
            page.heading(level, &format!("`{}`", dataset.name));
        }
        part(page, &dataset.name);
    }
}

/// The head of the column of loads: requests in flight, or where there are rates too, `Load`.
pub(super) fn load_head(report: &Report<'_>) -> &'static str {
    let is_closed = |experiment: &Experiment| experiment.load.open().is_none();
    if report.plan.experiments.iter().all(is_closed) { "In flight" } else { "Load" }
}

/// Endpoint and load: what an experiment's row begins with below the heading of its dataset. What
/// is not VALID says so here, beside all its numbers.
pub(super) fn place(experiment: &ExperimentSummary) -> Vec<String> {
    vec![endpoint(experiment), experiment.load.mark()]
}

/// The endpoint of an experiment, with the verdict on its figures where they are not VALID.
pub(super) fn endpoint(experiment: &ExperimentSummary) -> String {
    let endpoint = format!("`{}`", experiment.endpoint);
    match experiment.validity.grade {
        Grade::Valid => endpoint,
        grade @ (Grade::Degraded | Grade::Invalid) => format!("{endpoint} **{grade}**"),
    }
}

pub(super) fn or_none(value: Option<String>) -> String {
    value.unwrap_or_else(|| NO_DATA.to_owned())
}

/// Whether what an endpoint's tokens cost is not known.
pub(super) fn is_unpriced(report: &Report<'_>, endpoint: &Name) -> bool {
    report.plan.endpoint(endpoint).is_some_and(|endpoint| endpoint.price.is_none())
}

/// A price, or why there is none.
pub(super) fn price(
    report: &Report<'_>,
    experiment: &ExperimentSummary,
    show: impl Fn(&TransactionCost) -> String,
) -> String {
    match &experiment.cost {
        Some(cost) => show(cost),
        None if is_unpriced(report, &experiment.endpoint) => UNKNOWN.to_owned(),
        None => NO_DATA.to_owned(),
    }
}

/// What 10,000 transactions cost.
pub(super) fn per_10k(report: &Report<'_>, experiment: &ExperimentSummary) -> String {
    price(report, experiment, |cost| usd(cost.per_10k_transactions_nano_usd))
}

/// Seconds of a statistic in milliseconds.
pub(super) fn seconds(ms: f64) -> String {
    number(ms / 1000.0)
}

/// ` (0.87–1.17)`; nothing without an interval.
pub(super) fn interval(interval: Option<Interval>, show: impl Fn(f64) -> String) -> String {
    interval.map_or(String::new(), |interval| format!(" ({})", range(interval, show)))
}

/// A percentile with its mark where the samples are too few.
pub(super) fn marked(stats: &LatencyStats, percentile: Percentile, text: &str) -> String {
    let few = if stats.is_flagged(percentile) { FEW } else { "" };
    format!("{text}{few}")
}

/// What the mark of too few samples means, below tables that show it.
pub(super) fn footnote(page: &mut Page, shown: bool) {
    if shown {
        let fewest: Vec<_> = [Percentile::P50, Percentile::P90, Percentile::P95, Percentile::P99]
            .map(|percentile| format!("{} for {percentile}", percentile.fewest_samples()))
            .into();
        let fewest = list(&fewest);
        page.paragraph(&format!("{FEW} From too few requests to rely on: it takes {fewest}."));
    }
}

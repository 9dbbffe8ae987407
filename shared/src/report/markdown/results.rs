//! The figures that decide, and how requests ended.

use super::cell::{
    each_dataset, footnote, interval, load_head, marked, of_dataset, or_none, place, price, seconds,
};
use crate::plan::{LatencyMetric, Statistic};
use crate::report::page::{Page, Table};
use crate::report::{Report, plot};
use crate::stats::Percentile;
use crate::summary::{ExperimentSummary, LatencyStats};
use crate::units::Name;
use crate::words::{count, number, percent, usd};

/// The figures that decide, dataset by dataset.
pub(super) fn glance(page: &mut Page, report: &Report<'_>) {
    page.heading(2, "Results");
    let is_open = report.plan.experiments.iter().any(|e| e.load.open().is_some());
    let from_schedule = if is_open { " Latencies under a rate are from the schedule." } else { "" };
    page.paragraph(&format!(
        "95 % intervals are in brackets, where there is enough data for one. *Verdict*: whether the \
         measuring was in order; what is INVALID is never chosen. ⚠ The last column qualifies the \
         figures of its row.{from_schedule}"
    ));
    let mut few = false;
    each_dataset(page, report, 3, |page, dataset| {
        let mut table = Table::new()
            .words("Endpoint")
            .number(load_head(report))
            .words("Verdict")
            .words("Choice")
            .number("USD per 10,000")
            .number("E2E mean (s)")
            .number("E2E p95 (s)")
            .number("TTFT p95 (s)")
            .number("Transactions/min")
            .number("Errors")
            .words("Warnings");
        for experiment in of_dataset(report, dataset) {
            few |= [LatencyMetric::E2e, LatencyMetric::Ttft]
                .map(|metric| experiment.latency(metric))
                .into_iter()
                .flatten()
                .any(|stats| stats.is_flagged(Percentile::P95));
            table.row(&glance_row(report, experiment));
        }
        page.table(&table);
    });
    footnote(page, few);
}

fn glance_row(report: &Report<'_>, experiment: &ExperimentSummary) -> Vec<String> {
    let id = &experiment.experiment;
    let qualifies = report.decision.judgement(id).is_some_and(|judged| judged.qualifies);
    let warned = if experiment.warnings.is_empty() { "" } else { " ⚠" };
    let choice = match (report.decision.is_chosen(id), qualifies) {
        (true, _) => "**best**",
        (false, true) => "qualifies",
        (false, false) => "no",
    };
    let e2e = experiment.latency(LatencyMetric::E2e);
    let ttft = experiment.latency(LatencyMetric::Ttft);
    let p95 = |stats: &LatencyStats| {
        let value = marked(stats, Percentile::P95, &seconds(stats.p95_ms));
        value + &interval(stats.intervals.of(Statistic::P95), seconds)
    };
    let warnings: Vec<_> = experiment.warnings.iter().map(ToString::to_string).collect();
    let mut row = place(experiment);
    let validity = &experiment.validity;
    let doubts = (!validity.doubts.is_empty()).then(|| format!(": {}", validity.words()));
    row.extend([
        format!("{}{}", validity.grade, doubts.unwrap_or_default()),
        format!("{choice}{warned}"),
        price(report, experiment, |cost| {
            usd(cost.per_10k_transactions_nano_usd)
                + &interval(experiment.cost_interval, |usd| format!("{usd:.2}"))
        }),
        or_none(e2e.map(|e2e| {
            seconds(e2e.mean_ms) + &interval(e2e.intervals.of(Statistic::Mean), seconds)
        })),
        or_none(e2e.map(p95)),
        or_none(ttft.map(p95)),
        or_none(experiment.throughput.map(|rate| number(rate.requests_per_minute))),
        or_none(
            experiment
                .error_rate
                .map(|rate| percent(rate) + &interval(experiment.error_rate_interval, percent)),
        ),
        warnings.join("; "),
    ]);
    row
}

/// What FMBench tells of each endpoint and dataset, in a sentence.
pub(super) fn endpoints(page: &mut Page, report: &Report<'_>) {
    page.heading(2, "Recommendation for each endpoint");
    each_dataset(page, report, 3, |page, dataset| {
        let mut table = Table::new().words("Endpoint").words("Recommendation");
        let decided = report.decision.endpoints.iter();
        for endpoint in decided.filter(|endpoint| endpoint.dataset == *dataset) {
            table.row(&[format!("`{}`", endpoint.endpoint), endpoint.words.clone()]);
        }
        page.table(&table);
    });
}

/// How requests ended, and what was moved.
pub(super) fn requests(page: &mut Page, report: &Report<'_>) {
    page.heading(2, "Requests, errors and throughput");
    page.picture(plot::ERRORS);
    each_dataset(page, report, 3, |page, dataset| {
        page.table(&ended(report, dataset));
        page.table(&moved(report, dataset));
    });
}

fn ended(report: &Report<'_>, dataset: &Name) -> Table {
    let mut table = Table::new()
        .words("Endpoint")
        .number(load_head(report))
        .number("Blocks")
        .number("Clusters")
        .number("Sent")
        .number("Completed")
        .number("Throttled")
        .number("Timed out")
        .number("Failed")
        .number("Cut")
        .number("Error rate")
        .words("Errors by class");
    for experiment in of_dataset(report, dataset) {
        let requests = &experiment.requests;
        let classes = requests.errors_by_class.iter();
        let classes: Vec<_> = classes.map(|(class, &n)| format!("{class} {}", count(n))).collect();
        let mut row = place(experiment);
        row.extend([
            format!("{}/{}", experiment.blocks_done, experiment.blocks_planned),
            experiment.clusters.to_string(),
            count(requests.sent),
            count(requests.completed),
            count(requests.throttled),
            count(requests.timed_out),
            count(requests.failed),
            count(requests.cut),
            or_none(experiment.error_rate.map(percent)),
            classes.join(", "),
        ]);
        table.row(&row);
    }
    table
}

fn moved(report: &Report<'_>, dataset: &Name) -> Table {
    let mut table = Table::new()
        .words("Endpoint")
        .number(load_head(report))
        .number("Prompt tokens, mean")
        .number("Answer tokens, mean")
        .number("Window (s)")
        .number("Completed in it")
        .number("Transactions/min")
        .number("Prompt tokens/s")
        .number("Answer tokens/s");
    for experiment in of_dataset(report, dataset) {
        let rate = experiment.throughput.as_ref();
        let mut row = place(experiment);
        row.extend([
            or_none(experiment.input_tokens_mean.map(number)),
            or_none(experiment.output_tokens_mean.map(number)),
            or_none(rate.map(|rate| number(rate.window_s))),
            or_none(rate.map(|rate| count(rate.completed_in_window))),
            or_none(rate.map(|rate| number(rate.requests_per_minute))),
            or_none(rate.and_then(|rate| rate.input_tokens_per_s).map(number)),
            or_none(rate.and_then(|rate| rate.output_tokens_per_s).map(number)),
        ]);
        table.row(&row);
    }
    table
}

//! The tables of figures.

use crate::decision::{ExperimentJudgement, Judgement, Verdict};
use crate::report::Report;
use crate::report::page::{FEW, Page, Table};
use crate::stats::Percentile;
use crate::summary::{ExperimentSummary, LatencyStats};
use crate::words::{NO_DATA, count, list, number, percent, small_usd, usd};

/// Every experiment, dataset by dataset.
fn experiments<'a>(report: &Report<'a>) -> impl Iterator<Item = &'a ExperimentSummary> {
    let summary = report.summary;
    report.plan.datasets.iter().flat_map(move |dataset| {
        summary.experiments.iter().filter(move |experiment| experiment.dataset == dataset.name)
    })
}

/// What the mark of too few samples means, below a table that shows it.
fn footnote(page: &mut Page, shown: bool) {
    if shown {
        let fewest: Vec<_> = [Percentile::P50, Percentile::P90, Percentile::P95, Percentile::P99]
            .map(|percentile| format!("{} for {percentile}", percentile.fewest_samples()))
            .into();
        let fewest = list(&fewest);
        page.paragraph(&format!("{FEW} From too few requests to rely on: it takes {fewest}."));
    }
}

fn or_none(value: Option<String>) -> String {
    value.unwrap_or_else(|| NO_DATA.to_owned())
}

/// Seconds of a statistic in milliseconds.
fn seconds(ms: f64) -> String {
    number(ms / 1000.0)
}

fn marked(stats: &LatencyStats, percentile: Percentile, text: String) -> String {
    if stats.is_flagged(percentile) { text + FEW } else { text }
}

/// Every criterion of every experiment.
pub(super) fn criteria(page: &mut Page, report: &Report<'_>) {
    let limits = &report.decision.criteria;
    page.heading(2, "Criteria");
    if limits.is_empty() {
        page.paragraph(
            "No criteria are configured, so experiments are ranked by cost alone. Set `criteria` in \
             the configuration to have slow or failing ones ruled out.",
        );
        return;
    }
    page.items(limits);
    page.paragraph(&format!(
        "Each is judged on the measured value itself. ✓ met, ✗ not met, {NO_DATA} no data."
    ));
    let mut table = Table::new().words("Experiment");
    for limit in limits {
        table = table.number(limit.criterion.to_string());
    }
    table = table.words("All met");
    let mut few = false;
    for experiment in experiments(report) {
        let Some(judged) = report.decision.judgement(&experiment.experiment) else { continue };
        few |= judged.criteria.iter().any(|judgement| judgement.too_few_samples);
        let mut row = vec![format!("`{}`", judged.experiment)];
        row.extend(judged.criteria.iter().map(judgement));
        row.push(verdict(judged).to_owned());
        table.row(&row);
    }
    page.table(&table);
    footnote(page, few);
}

fn judgement(judged: &Judgement) -> String {
    let Some(value) = judged.value else { return NO_DATA.to_owned() };
    let few = if judged.too_few_samples { FEW } else { "" };
    let value = format!("{}{few}", judged.criterion.words(value));
    match judged.verdict {
        Verdict::Shown | Verdict::Met => format!("{value} ✓"),
        Verdict::NotMet | Verdict::NoData => format!("**{value}** ✗"),
    }
}

fn verdict(judged: &ExperimentJudgement) -> &'static str {
    if judged.qualifies {
        "yes"
    } else if judged.criteria.iter().any(|j| j.verdict == Verdict::NoData) {
        "no data"
    } else {
        "no"
    }
}

/// The figures that decide, dataset by dataset.
pub(super) fn glance(page: &mut Page, report: &Report<'_>) {
    page.heading(2, "Results");
    for dataset in &report.plan.datasets {
        page.heading(3, &format!("`{}`", dataset.name));
        let mut table = Table::new()
            .words("Endpoint")
            .number("Concurrency")
            .words("Choice")
            .number("USD per 10,000")
            .number("USD each")
            .number("E2E mean (s)")
            .number("E2E p95 (s)")
            .number("TTFT p50 (s)")
            .number("TTFT p95 (s)")
            .number("Transactions/min")
            .number("Errors")
            .words("Warnings");
        let mut few = false;
        for experiment in &report.summary.experiments {
            if experiment.dataset == dataset.name {
                few |= [&experiment.e2e, &experiment.ttft]
                    .into_iter()
                    .flatten()
                    .any(|stats| stats.is_flagged(Percentile::P95));
                table.row(&glance_row(report, experiment));
            }
        }
        page.table(&table);
        footnote(page, few);
    }
}

fn glance_row(report: &Report<'_>, experiment: &ExperimentSummary) -> Vec<String> {
    let at = |stats: &Option<LatencyStats>, percentile, ms: fn(&LatencyStats) -> f64| {
        or_none(stats.as_ref().map(|stats| marked(stats, percentile, seconds(ms(stats)))))
    };
    let cost = experiment.cost.as_ref();
    let id = &experiment.experiment;
    let qualifies = report.decision.judgement(id).is_some_and(|judged| judged.qualifies);
    let choice = match (report.decision.is_chosen(id), qualifies) {
        (true, _) => "**best**",
        (false, true) => "qualifies",
        (false, false) => "no",
    };
    let warnings: Vec<_> = experiment.warnings.iter().map(ToString::to_string).collect();
    vec![
        format!("`{}`", experiment.endpoint),
        experiment.concurrency.to_string(),
        choice.to_owned(),
        or_none(cost.map(|cost| usd(cost.per_10k_transactions_nano_usd))),
        or_none(cost.map(|cost| small_usd(cost.per_transaction_nano_usd.as_usd()))),
        or_none(experiment.e2e.as_ref().map(|e2e| seconds(e2e.mean_ms))),
        at(&experiment.e2e, Percentile::P95, |stats| stats.p95_ms),
        at(&experiment.ttft, Percentile::P50, |stats| stats.p50_ms),
        at(&experiment.ttft, Percentile::P95, |stats| stats.p95_ms),
        or_none(experiment.throughput.map(|rate| number(rate.requests_per_minute))),
        or_none(experiment.error_rate.map(percent)),
        warnings.join("; "),
    ]
}

/// One table for each latency.
pub(super) fn latencies(page: &mut Page, report: &Report<'_>) {
    type Pick = fn(&ExperimentSummary) -> &Option<LatencyStats>;
    let metrics: [(&str, f64, Pick); 4] = [
        ("End to end (E2E), seconds", 1000.0, |e| &e.e2e),
        ("Time to first token (TTFT), seconds", 1000.0, |e| &e.ttft),
        ("Time per output token (TPOT), milliseconds", 1.0, |e| &e.tpot),
        ("Inter-token latency (ITL), mean of each request, milliseconds", 1.0, |e| &e.itl_mean),
    ];
    page.heading(2, "Latencies");
    page.paragraph("Of completed requests only.");
    for (name, unit_ms, pick) in metrics {
        page.heading(3, name);
        let mut table =
            Table::new().words("Experiment").number("Count").number("Mean").number("Min");
        for percentile in Percentile::ALL {
            table = table.number(percentile.to_string());
        }
        table = table.number("Max");
        let mut few = false;
        for experiment in experiments(report) {
            let stats = pick(experiment).as_ref();
            few |= stats.is_some_and(|stats| !stats.too_few_samples_for.is_empty());
            let mut row = vec![format!("`{}`", experiment.experiment)];
            row.extend(latency_cells(stats, unit_ms));
            table.row(&row);
        }
        page.table(&table);
        footnote(page, few);
    }
}

fn latency_cells(stats: Option<&LatencyStats>, unit_ms: f64) -> Vec<String> {
    let Some(stats) = stats else {
        let mut cells = vec!["0".to_owned()];
        cells.extend(vec![NO_DATA.to_owned(); 9]);
        return cells;
    };
    let show = |ms: f64| number(ms / unit_ms);
    let mut cells = vec![count(stats.count), show(stats.mean_ms), show(stats.min_ms)];
    cells.extend(Percentile::ALL.map(|percentile| {
        let ms = match percentile {
            Percentile::P25 => stats.p25_ms,
            Percentile::P50 => stats.p50_ms,
            Percentile::P75 => stats.p75_ms,
            Percentile::P90 => stats.p90_ms,
            Percentile::P95 => stats.p95_ms,
            Percentile::P99 => stats.p99_ms,
        };
        marked(stats, percentile, show(ms))
    }));
    cells.push(show(stats.max_ms));
    cells
}

/// How requests ended, and what was moved.
pub(super) fn requests(page: &mut Page, report: &Report<'_>) {
    let mut ended = Table::new()
        .words("Experiment")
        .number("Blocks")
        .number("Sent")
        .number("Completed")
        .number("Throttled")
        .number("Timed out")
        .number("Failed")
        .number("Cut")
        .number("Error rate")
        .words("Errors by class");
    let mut moved = Table::new()
        .words("Experiment")
        .number("Prompt tokens, mean")
        .number("Answer tokens, mean")
        .number("Window (s)")
        .number("Completed in it")
        .number("Prompt tokens/s")
        .number("Answer tokens/s");
    for experiment in experiments(report) {
        let requests = &experiment.requests;
        let id = format!("`{}`", experiment.experiment);
        let classes = requests.errors_by_class.iter();
        let classes: Vec<_> = classes.map(|(class, &n)| format!("{class} {}", count(n))).collect();
        ended.row(&[
            id.clone(),
            format!("{}/{}", experiment.blocks_done, experiment.blocks_planned),
            count(requests.sent),
            count(requests.completed),
            count(requests.throttled),
            count(requests.timed_out),
            count(requests.failed),
            count(requests.cut),
            or_none(experiment.error_rate.map(percent)),
            classes.join(", "),
        ]);
        let rate = experiment.throughput.as_ref();
        moved.row(&[
            id,
            or_none(experiment.input_tokens_mean.map(number)),
            or_none(experiment.output_tokens_mean.map(number)),
            or_none(rate.map(|rate| number(rate.window_s))),
            or_none(rate.map(|rate| count(rate.completed_in_window))),
            or_none(rate.and_then(|rate| rate.input_tokens_per_s).map(number)),
            or_none(rate.and_then(|rate| rate.output_tokens_per_s).map(number)),
        ]);
    }
    page.heading(2, "Requests, errors and throughput");
    page.table(&ended);
    page.table(&moved);
}

//! Latencies and speeds, in the columns of the LLMPerf leaderboard's cards.

use super::cell::{each_dataset, footnote, load_head, marked, of_dataset, place};
use crate::report::page::{Page, Table};
use crate::report::{Report, plot};
use crate::stats::Percentile;
use crate::summary::{ExperimentSummary, LatencyStats, RateStats};
use crate::units::Name;
use crate::words::{NO_DATA, count, number};

type Latency = fn(&ExperimentSummary) -> Option<&LatencyStats>;
type Rate = fn(&ExperimentSummary) -> Option<&RateStats>;

/// Name, milliseconds of its unit, where it is.
const LATENCIES: [(&str, f64, Latency); 4] = [
    ("Time to first token (TTFT), seconds", 1000.0, |e| e.ttft.as_ref()),
    ("End to end (E2E), seconds", 1000.0, |e| e.e2e.as_ref()),
    ("Time per output token (TPOT), milliseconds", 1.0, |e| e.tpot.as_ref()),
    ("Inter-token latency (ITL), mean of each answer, milliseconds", 1.0, |e| e.itl_mean.as_ref()),
];
const RATES: [(&str, Rate); 2] = [
    ("Output tokens per second (OTPS), generation", |e| e.otps_generation.as_ref()),
    ("Output tokens per second (OTPS), end to end", |e| e.otps_end_to_end.as_ref()),
];

/// A table for each latency and rate, dataset by dataset.
pub(super) fn section(page: &mut Page, report: &Report<'_>) {
    page.heading(2, "Latency and speed");
    page.paragraph("Of completed requests only.");
    for picture in [plot::LOAD, plot::TOKENS, plot::TTFT, plot::ITL] {
        page.picture(picture);
    }
    let all = report.summary.experiments.iter();
    let few = all.flat_map(|e| LATENCIES.map(|(_, _, pick)| pick(e))).flatten();
    let few = few.clone().any(|stats| !stats.too_few_samples_for.is_empty());
    let level = if report.plan.datasets.len() > 1 { 4 } else { 3 };
    each_dataset(page, report, 3, |page, dataset| {
        for (name, unit_ms, pick) in LATENCIES {
            let cells = |e: &ExperimentSummary| latency_cells(pick(e), unit_ms);
            page.heading(level, name);
            page.table(&card(report, dataset, cells));
        }
        for (name, pick) in RATES {
            page.heading(level, name);
            page.table(&card(report, dataset, |e| rate_cells(pick(e))));
        }
    });
    footnote(page, few);
}

fn card(
    report: &Report<'_>,
    dataset: &Name,
    cells: impl Fn(&ExperimentSummary) -> [String; 9],
) -> Table {
    let mut table = Table::new().words("Endpoint").number(load_head(report));
    for column in ["Median", "Mean", "Min", "Max", "P25", "P75", "P95", "P99", "Count"] {
        table = table.number(column);
    }
    for experiment in of_dataset(report, dataset) {
        let mut row = place(experiment);
        row.extend(cells(experiment));
        table.row(&row);
    }
    table
}

fn latency_cells(stats: Option<&LatencyStats>, unit_ms: f64) -> [String; 9] {
    let Some(stats) = stats else { return nothing() };
    let show = |ms: f64| number(ms / unit_ms);
    let at = |percentile, ms| marked(stats, percentile, &show(ms));
    [
        at(Percentile::P50, stats.p50_ms),
        show(stats.mean_ms),
        show(stats.min_ms),
        show(stats.max_ms),
        at(Percentile::P25, stats.p25_ms),
        at(Percentile::P75, stats.p75_ms),
        at(Percentile::P95, stats.p95_ms),
        at(Percentile::P99, stats.p99_ms),
        count(stats.count),
    ]
}

fn rate_cells(stats: Option<&RateStats>) -> [String; 9] {
    let Some(stats) = stats else { return nothing() };
    let at = |percentile: Percentile, rate| {
        let few = if percentile.needs_more_than(stats.count) { super::FEW } else { "" };
        format!("{}{few}", number(rate))
    };
    [
        at(Percentile::P50, stats.p50_per_s),
        number(stats.mean_per_s),
        number(stats.min_per_s),
        number(stats.max_per_s),
        at(Percentile::P25, stats.p25_per_s),
        at(Percentile::P75, stats.p75_per_s),
        at(Percentile::P95, stats.p95_per_s),
        at(Percentile::P99, stats.p99_per_s),
        count(stats.count),
    ]
}

fn nothing() -> [String; 9] {
    std::array::from_fn(|column| if column == 8 { "0".to_owned() } else { NO_DATA.to_owned() })
}

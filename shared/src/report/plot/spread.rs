//! `ttft` and `itl`: how times spread, a heap for each experiment.

use super::axis::Axis;
use super::rows::{Content, Row, Rows, Share};
use super::scatter::symbol;
use super::sheet::{Panel, Sheet};
use super::view::Scale;
use super::{levels_by_endpoint, load_words};
use crate::report::Report;
use crate::stats::float;
use crate::summary::{Bin, ExperimentSummary, Histogram};
use crate::units::Name;
use crate::words::latency;

/// Which time.
#[derive(Debug, Clone, Copy)]
struct Time {
    title: &'static str,
    axis: &'static str,
    histogram: fn(&ExperimentSummary) -> Option<&Histogram>,
    /// In milliseconds, where more is kept than the histogram.
    exact: fn(&ExperimentSummary) -> Option<[f64; 2]>,
}

/// Time to first token.
pub(super) fn ttft(report: &Report<'_>) -> Sheet {
    let time = Time {
        title: "Time to first token",
        axis: "time to first token",
        histogram: |experiment| experiment.ttft_histogram.as_ref(),
        exact: |experiment| experiment.ttft.as_ref().map(|ttft| [ttft.p50_ms, ttft.p95_ms]),
    };
    sheet(report, time)
}

/// Inter-token latency.
pub(super) fn itl(report: &Report<'_>) -> Sheet {
    let time = Time {
        title: "Inter-token latency",
        axis: "gap between two pieces of an answer",
        histogram: |experiment| experiment.itl_histogram.as_ref(),
        exact: |_| None,
    };
    sheet(report, time)
}

fn sheet(report: &Report<'_>, time: Time) -> Sheet {
    let mut caption = vec![format!(
        "Each heap shows how often each time occurred, its top being the most frequent. Mark: \
         median. Line: p95. The number before each row: {}.",
        load_words(report)
    )];
    if rough(report, time) {
        caption.push("≈: estimated within a range of the heap.".to_owned());
    }
    let all = report.summary.experiments.iter();
    let bins = all.filter_map(|e| (time.histogram)(e)).flat_map(|histogram| &histogram.bins);
    let ends: Vec<f64> = bins.flat_map(|bin| [from_ms(bin), bin.to_ms]).collect();
    let largest = ends.iter().copied().fold(0.0, f64::max);
    let (unit, unit_ms) = if largest < 1000.0 { ("ms", 1.0) } else { ("s", 1000.0) };
    let ends: Vec<f64> = ends.into_iter().map(|ms| ms / unit_ms).collect();
    // One axis for all datasets: what is beside each other can be compared.
    let x = Scale {
        name: format!("{} ({unit})", time.axis),
        axis: Axis::new(&ends, None),
        limit: None,
    };
    let panels = report.plan.datasets.iter().map(|dataset| Rows {
        title: dataset.name.to_string(),
        x: x.clone(),
        experiments: rows(report, &dataset.name, time, unit_ms),
        notes: Vec::new(),
    });
    Sheet {
        title: time.title,
        caption,
        legend: Vec::new(),
        columns: 1,
        panels: panels.map(Panel::Rows).collect(),
    }
}

/// Where a bin begins, in milliseconds. What begins at 0 has no logarithm: half its end stands for it.
fn from_ms(bin: &Bin) -> f64 {
    if bin.from_ms > 0.0 { bin.from_ms } else { bin.to_ms / 2.0 }
}

/// Whether any heap's figures are estimates.
fn rough(report: &Report<'_>, time: Time) -> bool {
    let rough = |e: &ExperimentSummary| (time.histogram)(e).is_some() && (time.exact)(e).is_none();
    report.summary.experiments.iter().any(rough)
}

fn rows(report: &Report<'_>, dataset: &Name, time: Time, unit_ms: f64) -> Vec<Row> {
    let mut rows = Vec::new();
    for (place, endpoint, levels) in levels_by_endpoint(report, dataset) {
        let whole = report.plan.endpoint(endpoint).is_some_and(|e| !e.api.is_streamed());
        for experiment in levels {
            let why = match (experiment.requests.completed, whole) {
                (0, _) => "no request was completed",
                (_, true) => "answers arrive whole",
                (_, false) => "not measured",
            };
            let (content, text) = (time.histogram)(experiment)
                .and_then(|histogram| heap(&histogram.bins, (time.exact)(experiment), unit_ms))
                .unwrap_or((Content::Nothing(why), String::new()));
            rows.push(Row {
                endpoint: endpoint.to_string(),
                level: experiment.load.mark(),
                symbol: symbol(place),
                chosen: report.decision.is_chosen(&experiment.experiment),
                content,
                text,
            });
        }
    }
    rows
}

/// The heap with what is written beside it: the exact median and p95, or else estimates. `None` for
/// an empty histogram.
fn heap(bins: &[Bin], exact: Option<[f64; 2]>, unit_ms: f64) -> Option<(Content, String)> {
    let estimates = [quantile(bins, 0.5)?, quantile(bins, 0.95)?];
    let about = if exact.is_some() { "" } else { "≈" };
    let [median, p95] = exact.unwrap_or(estimates);
    let text = format!("{about}{}, p95 {about}{}", latency(median), latency(p95));
    let shares = bins.iter().map(|bin| Share {
        from: from_ms(bin) / unit_ms,
        to: bin.to_ms / unit_ms,
        count: float(bin.count),
    });
    Some((Content::Heap(shares.collect(), [median / unit_ms, p95 / unit_ms]), text))
}

/// Below which a share of what is in the bins lies, each bin evenly filled; `None` for none.
fn quantile(bins: &[Bin], share: f64) -> Option<f64> {
    let total: u64 = bins.iter().map(|bin| bin.count).sum();
    let mut left = float(total) * share;
    for bin in bins.iter().filter(|bin| bin.count > 0) {
        let count = float(bin.count);
        if left <= count {
            return Some(bin.from_ms + (bin.to_ms - bin.from_ms) * left / count);
        }
        left -= count;
    }
    bins.last().filter(|_| total > 0).map(|bin| bin.to_ms)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_lie_within_their_bins() {
        let bin = |from_ms, to_ms, count| Bin { from_ms, to_ms, count };
        let bins = [bin(0.0, 10.0, 10), bin(10.0, 20.0, 0), bin(20.0, 40.0, 10)];
        assert_eq!(quantile(&bins, 0.5), Some(10.0));
        assert_eq!(quantile(&bins, 0.95), Some(38.0));
        assert_eq!(quantile(&bins[1..2], 0.5), None);
        assert_eq!(quantile(&[], 0.5), None);
    }

    #[test]
    fn what_is_known_exactly_is_not_estimated() {
        let bins = [Bin { from_ms: 10.0, to_ms: 20.0, count: 4 }];
        let text = |exact| heap(&bins, exact, 1.0).map(|(_, text)| text);
        assert_eq!(text(None).as_deref(), Some("≈15.0 ms, p95 ≈19.5 ms"));
        assert_eq!(text(Some([12.0, 13.0])).as_deref(), Some("12.0 ms, p95 13.0 ms"));
    }
}

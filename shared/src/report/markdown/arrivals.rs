//! How open loops kept their schedules, and latency from the schedule beside that of the service.

use super::cell::{each_dataset, footnote, load_head, marked, of_dataset, or_none, place, seconds};
use crate::report::Report;
use crate::report::page::{Page, Table};
use crate::stats::Percentile;
use crate::summary::{ExperimentSummary, LatencyStats, ScheduleFigures};
use crate::units::Name;
use crate::words::{count, number, percent};

const ABOUT: &str = "\
Requests of an open loop are sent when they are due, whether or not earlier ones have been answered. \
*From schedule* is from when a request was due: it has the wait for a free stream in it, which a user \
would have too, and criteria of TTFT and E2E are judged by it. *Late*: sent more than 1 ms after it \
was due, for whatever reason. *Waited*: found every stream busy. *Never sent*: was still waiting when \
sending ended; it is in no latency. *Schedule error*: how late requests were sent for reasons of \
fmgauge's, without that wait and the opening of connections.";

/// Nothing where every load is a closed loop.
pub(super) fn section(page: &mut Page, report: &Report<'_>) {
    let scheduled = || report.summary.experiments.iter().filter(|e| e.schedule.is_some());
    if scheduled().next().is_none() {
        return;
    }
    page.heading(2, "Arrivals");
    page.paragraph(ABOUT);
    page.items(scheduled().filter_map(fallen_behind));
    each_dataset(page, report, 3, |page, dataset| {
        page.table(&kept(report, dataset));
        page.table(&latencies(report, dataset));
    });
    let few = |e: &ExperimentSummary| {
        let stats = [e.latency(crate::plan::LatencyMetric::E2e), e.e2e.as_ref()];
        stats.into_iter().flatten().any(|stats| stats.is_flagged(Percentile::P95))
    };
    footnote(page, scheduled().any(few));
}

/// That an endpoint has not kept up, in a sentence.
fn fallen_behind(experiment: &ExperimentSummary) -> Option<String> {
    let [first, second] = experiment.schedule.as_ref()?.fallen_behind()?;
    Some(format!(
        "`{}` did not keep up with {}: mean E2E from the schedule grew from {} s in the first half \
         of the blocks to {} s in the second, and would have grown further the longer it was \
         measured, while that of the service went from {} s to {} s. Its figures from the schedule \
         say how long it was measured more than how fast it is.",
        experiment.endpoint,
        experiment.load,
        seconds(first.e2e_from_schedule_ms),
        seconds(second.e2e_from_schedule_ms),
        seconds(first.e2e_ms),
        seconds(second.e2e_ms),
    ))
}

fn kept(report: &Report<'_>, dataset: &Name) -> Table {
    let mut table = Table::new()
        .words("Endpoint")
        .number(load_head(report))
        .number("Streams")
        .number("Arrivals")
        .number("Sent")
        .number("Sent/min")
        .number("Late")
        .number("Waited")
        .number("Never sent")
        .number("Schedule error p50 (ms)")
        .number("Schedule error p99 (ms)");
    for (experiment, schedule) in with_schedule(report, dataset) {
        let error = schedule.schedule_error.as_ref();
        let late = schedule.late_ratio().map(percent);
        let late = late.map(|late| format!("{} ({late})", count(schedule.late)));
        let mut row = place(experiment);
        row.extend([
            experiment.load.slots().to_string(),
            count(schedule.arrivals),
            count(schedule.sent),
            or_none(schedule.sent_per_minute.map(number)),
            or_none(late),
            count(schedule.waited),
            count(schedule.missed),
            or_none(error.map(|error| number(error.p50_ms))),
            or_none(error.map(|error| number(error.p99_ms))),
        ]);
        table.row(&row);
    }
    table
}

fn latencies(report: &Report<'_>, dataset: &Name) -> Table {
    let mut table = Table::new()
        .words("Endpoint")
        .number(load_head(report))
        .number("TTFT p50 (s)")
        .number("from schedule")
        .number("TTFT p95 (s)")
        .number("from schedule")
        .number("E2E p50 (s)")
        .number("from schedule")
        .number("E2E p95 (s)")
        .number("from schedule")
        .number("Mean of the first half, from schedule")
        .number("of the second");
    let at = |stats: &Option<LatencyStats>, percentile: Percentile| {
        let show = |stats: &LatencyStats| {
            let ms = if percentile == Percentile::P50 { stats.p50_ms } else { stats.p95_ms };
            marked(stats, percentile, &seconds(ms))
        };
        or_none(stats.as_ref().map(show))
    };
    for (experiment, schedule) in with_schedule(report, dataset) {
        let half = |place: usize| {
            or_none(schedule.halves.map(|halves| seconds(halves[place].e2e_from_schedule_ms)))
        };
        let mut row = place(experiment);
        let (ttft, e2e) = (&experiment.ttft, &experiment.e2e);
        let (ttft_due, e2e_due) = (&schedule.ttft_from_schedule, &schedule.e2e_from_schedule);
        for (service, due) in [(ttft, ttft_due), (e2e, e2e_due)] {
            for percentile in [Percentile::P50, Percentile::P95] {
                row.extend([at(service, percentile), at(due, percentile)]);
            }
        }
        row.extend([half(0), half(1)]);
        table.row(&row);
    }
    table
}

fn with_schedule<'a>(
    report: &Report<'a>,
    dataset: &'a Name,
) -> impl Iterator<Item = (&'a ExperimentSummary, &'a ScheduleFigures)> {
    of_dataset(report, dataset).filter_map(|e| Some((e, e.schedule.as_ref()?)))
}

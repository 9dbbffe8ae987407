//! What retries did, and the latency that users see who wait for them.

use super::cell::{each_dataset, load_head, marked, of_dataset, or_none, place, seconds};
use crate::report::Report;
use crate::report::page::{Page, Table};
use crate::stats::Percentile;
use crate::summary::LatencyStats;
use crate::words::{count, plural};

/// Nothing where nothing is retried.
pub(super) fn section(page: &mut Page, report: &Report<'_>) {
    let Some(retries) = &report.plan.retries else { return };
    page.heading(2, "Retries");
    let on: Vec<_> = retries.on.iter().map(|on| on.words()).collect();
    page.paragraph(&format!(
        "Requests that were {} are sent again up to {}, after {} at first and twice as long each \
         time, less up to half of that at random. Everywhere else each try counts as what it was: \
         failed ones are in the error rates, and no latency has the waiting in it. *User-seen* is \
         from the first send to the end of the try that completed the request, failed tries and \
         waits included.",
        on.join(" or "),
        plural(retries.most.into(), "time"),
        humantime::format_duration(retries.backoff),
    ));
    each_dataset(page, report, 3, |page, dataset| {
        let mut table = Table::new()
            .words("Endpoint")
            .number(load_head(report))
            .number("Requests")
            .number("Retries")
            .number("Completed by a retry")
            .number("Given up")
            .number("E2E p50 (s)")
            .number("user-seen")
            .number("E2E p95 (s)")
            .number("user-seen");
        for experiment in of_dataset(report, dataset) {
            let Some(retries) = &experiment.retries else { continue };
            let mut row = place(experiment);
            row.extend(
                [
                    retries.requests,
                    retries.retries,
                    retries.completed_after_retries,
                    retries.gave_up,
                ]
                .map(count),
            );
            let (service, user) = (&experiment.e2e, &retries.e2e_user_seen);
            let p50 = |stats: &LatencyStats| marked(stats, Percentile::P50, &seconds(stats.p50_ms));
            let p95 = |stats: &LatencyStats| marked(stats, Percentile::P95, &seconds(stats.p95_ms));
            row.extend([service, user].map(|stats| or_none(stats.as_ref().map(p50))));
            row.extend([service, user].map(|stats| or_none(stats.as_ref().map(p95))));
            table.row(&row);
        }
        page.table(&table);
    });
}

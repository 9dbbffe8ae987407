//! What serving takes, and what the choice saves.

use super::cell::{UNKNOWN, each_dataset};
use crate::decision::{Capacity, CapacityRow};
use crate::report::Report;
use crate::report::page::{Page, Table};
use crate::words::{count, dollars, number};

/// More than was measured.
const BEYOND: &str = "‡";

/// N and dollars an hour for each rate.
pub(super) fn section(page: &mut Page, report: &Report<'_>) {
    let capacities = &report.decision.capacity;
    page.heading(2, "Capacity");
    if capacities.is_empty() {
        let qualified = report.decision.experiments.iter().any(|judged| judged.qualifies);
        page.paragraph(if qualified {
            "There is no estimate: too little was completed to tell a throughput."
        } else {
            "There is no estimate: no measured load meets every criterion."
        });
        return;
    }
    page.paragraph(&format!(
        "A simple estimate: N · USD an hour for each rate of requests. N is the rate divided by \
         what the highest measured load that meets every criterion served, less the workload's \
         headroom, rounded up: instances, or on demand as many sets of clients at that load. On \
         demand the price is that of the \
         transactions and does not depend on N. {BEYOND} More than was measured: quotas and queues \
         beyond it are not known."
    ));
    each_dataset(page, report, 3, |page, dataset| {
        let of_dataset = capacities.iter().filter(|capacity| capacity.dataset == *dataset);
        let of_dataset: Vec<_> = of_dataset.collect();
        let Some(first) = of_dataset.first() else {
            return page.paragraph("No measured load meets every criterion.");
        };
        let mut table =
            Table::new().words("Endpoint").number("In flight").number("Each serves a minute");
        for row in &first.rows {
            let workload = if row.is_workload { ", the workload" } else { "" };
            table = table.number(format!("{}/min{workload}", rate(row)));
        }
        for capacity in of_dataset {
            table.row(&cells(report, capacity));
        }
        page.table(&table);
    });
}

/// The rate with all its digits.
fn rate(row: &CapacityRow) -> String {
    if row.requests_per_minute.fract() == 0.0 && row.requests_per_minute < 1e15 {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "checked above"
        )]
        return count(row.requests_per_minute as u64);
    }
    number(row.requests_per_minute)
}

fn cells(report: &Report<'_>, capacity: &Capacity) -> Vec<String> {
    let level = report.plan.experiment(&capacity.experiment);
    let mut cells = vec![
        format!("`{}`", capacity.endpoint),
        level.map_or(String::new(), |experiment| experiment.concurrency.to_string()),
        number(capacity.requests_per_minute_each),
    ];
    cells.extend(capacity.rows.iter().map(|row| {
        let price = row.usd_per_hour.map_or_else(|| UNKNOWN.to_owned(), dollars);
        let beyond = if row.beyond_measured { BEYOND } else { "" };
        format!("{} · {price}{beyond}", count(row.instances))
    }));
    cells
}

/// What the choices save against the baseline.
pub(super) fn savings(page: &mut Page, report: &Report<'_>) {
    let Some(baseline) = &report.plan.baseline else { return };
    page.heading(2, "Saving against today");
    let savings = &report.decision.savings;
    if savings.is_empty() {
        page.paragraph(&format!(
            "Nothing can be said against the baseline `{baseline}`: it takes a choice, and a price \
             of the baseline on the same dataset."
        ));
        return;
    }
    let mut table = Table::new()
        .words("Dataset")
        .number("Saved in a month")
        .number("At requests a minute")
        .words("In words");
    for saving in savings {
        table.row(&[
            format!("`{}`", saving.dataset),
            dollars(saving.usd_per_month),
            number(saving.requests_per_minute),
            saving.words.clone(),
        ]);
    }
    page.paragraph(&format!("Against the baseline `{baseline}`; a month has 730 hours."));
    page.table(&table);
}

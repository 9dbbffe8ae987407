//! The choices, and how they compare with their rivals.

use super::cell::{each_dataset, or_none};
use crate::decision::{Comparison, ComparisonVerdict, DatasetDecision};
use crate::report::Report;
use crate::report::page::{Page, Table};
use crate::units::Name;
use crate::words::{NO_DATA, dollars, p_value, range};

/// The best overall and for each dataset, each with its reason, runner-up, certainty and rivals.
pub(super) fn section(page: &mut Page, report: &Report<'_>) {
    let decision = report.decision;
    page.heading(2, "Best price-performance");
    if let Some(overall) = &decision.overall {
        page.paragraph(&format!("**Over all datasets:** {}", overall.words));
    }
    each_dataset(page, report, 3, |page, dataset| {
        for decided in decision.datasets.iter().filter(|decided| decided.dataset == *dataset) {
            page.paragraph(&format!("{} {}", decided.words, decided.certainty));
            comparisons(page, report, decided);
        }
    });
    if decision.datasets.iter().any(|decided| !decided.comparisons.is_empty()) {
        page.paragraph(
            "A rival is the best of another endpoint. *Costs more*: with the rival, for 10,000 \
             transactions, the mean over replicates that both measured. *p, Holm*: of a paired \
             t-test, corrected for all rivals on the dataset; below 0.05 the difference is shown.",
        );
    }
}

fn comparisons(page: &mut Page, report: &Report<'_>, decided: &DatasetDecision) {
    let mut table = Table::new()
        .words("Rival")
        .number("In flight")
        .number("Costs more")
        .number("95 % interval")
        .number("p, Holm")
        .number("p")
        .number("Replicates")
        .words("Against the choice");
    for comparison in &decided.comparisons {
        table.row(&row(report, comparison));
    }
    page.table(&table);
}

fn row(report: &Report<'_>, comparison: &Comparison) -> Vec<String> {
    let rival = report.plan.experiment(&comparison.rival);
    let endpoint = rival.map_or(comparison.rival.as_str(), |rival| Name::as_str(&rival.endpoint));
    vec![
        format!("`{endpoint}`"),
        or_none(rival.map(|rival| rival.concurrency.to_string())),
        dollars(comparison.more_per_10k_usd),
        or_none(comparison.interval.map(|interval| range(interval, dollars))),
        or_none(comparison.p_holm.map(p_value)),
        or_none(comparison.p_value.map(p_value)),
        comparison.replicates.to_string(),
        match comparison.verdict {
            ComparisonVerdict::Cheaper => "✓ shown to cost more".to_owned(),
            ComparisonVerdict::Indistinguishable => "○ cannot be told apart".to_owned(),
            ComparisonVerdict::TooFewReplicates => {
                format!("{NO_DATA} too few replicates to tell")
            }
        },
    ]
}

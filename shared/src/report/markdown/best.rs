//! The choices, and how they compare with their rivals.

use super::cell::{
    each_dataset, endpoint, footnote, interval, load_head, or_none, per_10k, seconds,
};
use crate::decision::{Choice, Comparison, ComparisonVerdict, DatasetDecision};
use crate::plan::{LatencyMetric, Statistic};
use crate::report::page::{FEW, Page, Table};
use crate::report::{Report, plot};
use crate::stats::SIGNIFICANT;
use crate::summary::{ExperimentSummary, LatencyStats};
use crate::units::Name;
use crate::words::{NO_DATA, dollars, p_value, percent, range, statistic_name};

/// The first screen's table: the choice for each dataset with what it costs and how sure that is.
pub(super) fn choices(page: &mut Page, report: &Report<'_>) {
    let statistic = plot::statistic(report);
    let mut table = Table::new()
        .words("Dataset")
        .words("Use")
        .number(load_head(report))
        .number("USD per 10,000")
        .number(format!("E2E {} (s)", statistic_name(statistic)))
        .number("Errors")
        .words("How sure");
    for decided in &report.decision.datasets {
        table.row(&choice(report, decided, statistic));
    }
    page.table(&table);
    let chosen = report.decision.datasets.iter().filter_map(|decided| chosen(report, decided));
    let few = |chosen: &ExperimentSummary| {
        chosen.e2e.as_ref().is_some_and(|e2e| e2e.is_statistic_flagged(statistic))
    };
    footnote(page, chosen.clone().any(few));
}

fn chosen<'a>(report: &Report<'a>, decided: &'a DatasetDecision) -> Option<&'a ExperimentSummary> {
    match &decided.choice {
        Choice::Best { experiment, .. } => report.summary.experiment(experiment),
        Choice::NoneQualifies { .. } | Choice::NoPrices | Choice::NoData => None,
    }
}

fn choice(report: &Report<'_>, decided: &DatasetDecision, statistic: Statistic) -> Vec<String> {
    let none = match &decided.choice {
        Choice::Best { .. } => "",
        Choice::NoneQualifies { .. } => "nothing: none meets every criterion",
        Choice::NoPrices => "no ranking: there are no prices",
        Choice::NoData => "nothing: no request was completed",
    };
    let chosen = chosen(report, decided);
    let value = |stats: &LatencyStats| {
        let few = if stats.is_statistic_flagged(statistic) { FEW } else { "" };
        let value = seconds(stats.statistic_ms(statistic));
        format!("{value}{few}{}", interval(stats.intervals.of(statistic), seconds))
    };
    let e2e = chosen.and_then(|chosen| chosen.latency(LatencyMetric::E2e));
    let errors = chosen.and_then(|chosen| chosen.error_rate);
    let warnings = chosen.into_iter().flat_map(|chosen| &chosen.warnings);
    let warnings = warnings.map(|warning| format!("Warning: {warning}."));
    let sure = (!decided.sure.is_empty())
        .then(|| format!("{}.", crate::words::sentence_case(&decided.sure)));
    let sure = sure.into_iter().chain(warnings);
    vec![
        format!("`{}`", decided.dataset),
        chosen.map_or_else(|| none.to_owned(), endpoint),
        or_none(chosen.map(|chosen| chosen.load.mark())),
        or_none(chosen.map(|chosen| per_10k(report, chosen))),
        or_none(e2e.map(value)),
        or_none(errors.map(percent)),
        sure.collect::<Vec<_>>().join(" "),
    ]
}

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
            &format!(
                "A rival is another endpoint at its highest load that qualifies. *Costs more*: with \
                 the rival, for 10,000 transactions, the mean over replicates that both measured; \
                 the interval is for this comparison alone. *p, Holm*: of a paired t-test, corrected \
                 for all pairs of endpoints on the dataset; below {SIGNIFICANT} the difference is \
                 shown."
            ),
        );
    }
}

fn comparisons(page: &mut Page, report: &Report<'_>, decided: &DatasetDecision) {
    let mut table = Table::new()
        .words("Rival")
        .number(load_head(report))
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
        or_none(rival.map(|rival| rival.load.mark())),
        dollars(comparison.more_per_10k_usd),
        or_none(comparison.interval.map(|interval| range(interval, dollars))),
        or_none(comparison.p_holm.map(p_value)),
        or_none(comparison.p_value.map(p_value)),
        comparison.replicates.to_string(),
        match comparison.verdict {
            ComparisonVerdict::Cheaper => "✓ shown to cost more".to_owned(),
            ComparisonVerdict::Dearer => {
                "✗ shown to cost less; its criteria are not shown".to_owned()
            }
            ComparisonVerdict::Indistinguishable => "○ cannot be told apart".to_owned(),
            ComparisonVerdict::TooFewReplicates => {
                format!("{NO_DATA} too few replicates to tell")
            }
        },
    ]
}

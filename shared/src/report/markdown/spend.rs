//! What the run spent by our bound, what its limit kept from being measured, and what the AWS
//! services cost that carried it.

use super::about::block_name;

use crate::price::services::SOURCE;
use crate::report::Report;
use crate::report::page::{Page, Table};
use crate::summary::{BlockOf, ServiceCosts, SpendSummary};
use crate::words::{list, plural, usd};

/// Said beside the answer where a spend limit kept blocks from being measured.
pub(super) fn refused(report: &Report<'_>) -> Option<String> {
    let spend = report.summary.spend.as_ref()?;
    let limit = spend.limit_nano_usd?;
    let what = |verb: &str, blocks: &[BlockOf]| {
        let number = blocks.len() as u64;
        (number > 0).then(|| format!("{} {verb}", plural(number, "block")))
    };
    let whats: Vec<_> = [
        what("not measured", &spend.refused_blocks),
        what("ended before its share was over", &spend.shortened_blocks),
    ]
    .into_iter()
    .flatten()
    .collect();
    (!whats.is_empty())
        .then(|| format!("**The spend limit of {} was reached:** {}.", usd(limit), list(&whats)))
}

/// The run's money beyond the tokens that were reported.
pub(super) fn details(page: &mut Page, report: &Report<'_>) {
    let summary = report.summary;
    let at_bound = summary.counted.charged_at_bound + summary.uncounted.charged_at_bound;
    if at_bound > 0 {
        let amount = summary.counted.charged_at_bound_nano_usd;
        let amount = amount.saturating_add(summary.uncounted.charged_at_bound_nano_usd);
        page.paragraph(&format!(
            "{} did not report their tokens and may have cost something: up to {} more, at 1.5 x \
             the longest prompt and the longest answer allowed.",
            plural(at_bound, "request"),
            usd(amount)
        ));
    }
    if let Some(spend) = &summary.spend {
        limit(page, spend);
    }
    if let Some(services) = summary.services {
        self::services(page, &services);
    }
}

/// What was spent by our bound, and what the limit kept from being measured.
fn limit(page: &mut Page, spend: &SpendSummary) {
    let Some(limit) = spend.limit_nano_usd else { return };
    page.paragraph(&format!(
        "By that bound, and with attempts that died charged in full, {} of the spend limit of {} \
         were used.",
        usd(spend.spent_by_bound_nano_usd),
        usd(limit)
    ));
    let blocks = |blocks: &[BlockOf]| {
        let names = blocks
            .iter()
            .map(|block| format!("{} of `{}`", block_name(block.place), block.experiment));
        list(&names.collect::<Vec<_>>())
    };
    let kept = [
        ("Not measured to their end, for want of room below the limit", &spend.refused_blocks),
        ("Ended early, their share of the limit being used up", &spend.shortened_blocks),
    ];
    let kept = kept.into_iter().filter(|(_, these)| !these.is_empty());
    page.items(kept.map(|(what, these)| format!("{what}: {}", blocks(these))));
}

/// What carried the run.
fn services(page: &mut Page, costs: &ServiceCosts) {
    page.paragraph(&format!(
        "The AWS services that carried the run cost about {} more ({SOURCE}; without free tiers, \
         logs and storage):",
        usd(costs.total())
    ));
    let mut table = Table::new().words("Service").number("USD");
    for (service, cost) in [
        ("Lambda, the function that measures", costs.lambda_nano_usd),
        ("Step Functions, state transitions", costs.step_functions_nano_usd),
        ("DynamoDB, reads and writes", costs.dynamodb_nano_usd),
        ("S3, requests", costs.s3_nano_usd),
    ] {
        table.row(&[service.to_owned(), usd(cost)]);
    }
    page.table(&table);
}

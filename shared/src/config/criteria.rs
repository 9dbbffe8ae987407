//! What must hold for an experiment to qualify: `criteria`.

use serde_saphyr::Spanned;

use super::check::{Checker, join};
use super::raw::{self, Field};
use crate::plan::{Criteria, LatencyCriterion, LatencyMetric, Statistic};

pub(super) fn check(checker: &mut Checker<'_>, criteria: &Field<raw::Criteria>) -> Criteria {
    let Some(Spanned { value: raw, .. }) = criteria else { return Criteria::default() };
    let mut latency = Vec::new();
    for (name, metric, limits) in [
        ("e2e", LatencyMetric::E2e, &raw.e2e),
        ("ttft", LatencyMetric::Ttft, &raw.ttft),
        ("tpot", LatencyMetric::Tpot, &raw.tpot),
    ] {
        let Some(limits) = limits else { continue };
        limits_of(checker, metric, limits, &join("criteria", name), &mut latency);
    }
    let cost_path = "criteria.cost_per_10k_transactions_usd";
    Criteria {
        latency,
        error_rate: error_rate(checker, &raw.error_rate),
        cost_per_10k_transactions: checker.amount(&raw.cost_per_10k_transactions_usd, cost_path),
    }
}

fn limits_of(
    checker: &mut Checker<'_>,
    metric: LatencyMetric,
    limits: &Spanned<raw::LatencyLimits>,
    path: &str,
    criteria: &mut Vec<LatencyCriterion>,
) {
    let raw = &limits.value;
    let mut is_empty = true;
    for (name, statistic, limit) in [
        ("mean", Statistic::Mean, &raw.mean),
        ("p50", Statistic::P50, &raw.p50),
        ("p90", Statistic::P90, &raw.p90),
        ("p95", Statistic::P95, &raw.p95),
        ("p99", Statistic::P99, &raw.p99),
    ] {
        is_empty &= limit.is_none();
        if let Some(limit) = checker.duration(limit, &join(path, name)) {
            criteria.push(LatencyCriterion { metric, statistic, limit });
        }
    }
    if is_empty {
        checker.refuse(
            limits.referenced,
            path,
            "it is not said which statistic has a limit",
            "give one or more of mean, p50, p90, p95 and p99: `{p95: 2s}`",
        );
    }
}

/// `1%` or `0.01`, as a share from 0 to 1.
fn error_rate(checker: &mut Checker<'_>, field: &Field<String>) -> Option<f64> {
    let field = field.as_ref()?;
    let text = field.value.trim();
    let percent = text.strip_suffix('%');
    let number = percent.unwrap_or(text).trim().parse::<f64>().ok().filter(|n| n.is_finite());
    let (problem, mend) = match (number, percent.is_some()) {
        (Some(number), true) if (0.0..=100.0).contains(&number) => return Some(number / 100.0),
        // A bare 1 is more likely meant as 1% than as 'all may fail'.
        (Some(number), false) if (0.0..1.0).contains(&number) => return Some(number),
        (Some(number), false) if (1.0..=100.0).contains(&number) => (
            format!("`{text}` could be {number}% or a share"),
            format!("write `{number}%`, or a share below 1 such as 0.01"),
        ),
        (Some(_), _) => (
            format!("`{text}` is outside of 0% to 100%"),
            "write a share of all requests, such as 1% or 0.01".to_owned(),
        ),
        (None, _) => (
            format!("`{text}` is not a share of requests"),
            "write one such as 1% or 0.01".to_owned(),
        ),
    };
    checker.refuse(field.referenced, "criteria.error_rate", problem, mend);
    None
}

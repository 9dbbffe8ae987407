//! What must hold for an experiment to qualify: `criteria`.

use super::check::{Checker, join};
use super::raw::{self, Field, Spanned};
use crate::plan::{Criteria, EndpointSpec, LatencyCriterion, LatencyMetric, Statistic};

/// The criteria. Those of the first token need endpoints whose answers arrive in pieces.
pub(super) fn check(
    checker: &mut Checker<'_>,
    criteria: &Field<raw::Criteria>,
    endpoints: &[&EndpointSpec],
) -> Criteria {
    let Some(Spanned { value: raw, .. }) = criteria else { return Criteria::default() };
    let mut latency = Vec::new();
    for (name, metric, limits) in [
        ("e2e", LatencyMetric::E2e, &raw.e2e),
        ("ttft", LatencyMetric::Ttft, &raw.ttft),
        ("tpot", LatencyMetric::Tpot, &raw.tpot),
    ] {
        let Some(limits) = limits else { continue };
        let whole = endpoints.iter().find(|endpoint| !endpoint.api.is_streamed());
        if let (Some(whole), LatencyMetric::Ttft | LatencyMetric::Tpot) = (whole, metric) {
            checker.refuse(
                limits.referenced,
                &join("criteria", name),
                format!(
                    "endpoint {} has no first token: its answers arrive whole",
                    whole.name
                ),
                "remove this criterion, or let the endpoint stream (such as `api: converse_stream`)",
            );
        }
        limits_of(checker, metric, limits, &join("criteria", name), &mut latency);
    }
    let cost_path = "criteria.cost_per_10k_transactions_usd";
    Criteria {
        latency,
        error_rate: checker.share(&raw.error_rate, "criteria.error_rate", "all requests"),
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

//! How many instances a workload needs, and what they cost.

use serde::{Deserialize, Serialize};

use super::{Candidate, EndpointDecision};
use crate::plan::Plan;
use crate::summary::ExperimentSummary;
use crate::units::{ExperimentId, Name};

/// The rates that capacity is told for, requests a minute.
const RATES: [f64; 5] = [1.0, 10.0, 100.0, 1000.0, 10_000.0];

const MINUTES_PER_HOUR: f64 = 60.0;

/// What serving a dataset's transactions with an endpoint takes, by the highest measured load that
/// meets the criteria. Simple: nothing between or beyond measured loads is known.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Capacity {
    /// The dataset.
    pub dataset: Name,
    /// The endpoint.
    pub endpoint: Name,
    /// The highest measured load that meets the criteria.
    pub experiment: ExperimentId,
    /// What one instance (on demand: one set of clients at that load) served per minute.
    pub requests_per_minute_each: f64,
    /// The rows: the workload first, then 1, 10, 100, 1,000 and 10,000 requests a minute.
    pub rows: Vec<CapacityRow>,
}

/// What one rate takes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CapacityRow {
    /// The rate to be served.
    pub requests_per_minute: f64,
    /// It is the configuration's workload.
    pub is_workload: bool,
    /// N: instances, or on demand the sets of clients at the measured load, the workload's headroom
    /// kept free: ceil(rate / (rate of each x (1 - headroom))).
    pub instances: u64,
    /// What it costs, US dollars an hour; `None` where the price is not known. On demand: cost of a
    /// transaction x rate x 60.
    pub usd_per_hour: Option<f64>,
    /// More than was measured: quotas and queues beyond it are not known.
    pub beyond_measured: bool,
}

/// The capacity of what an endpoint's decision names; `None` where nothing qualifies, or nothing was
/// completed within a window.
pub(super) fn capacity(
    plan: &Plan,
    decided: &EndpointDecision,
    candidates: &[Candidate<'_>],
) -> Option<Capacity> {
    let best = decided.best.as_ref()?;
    let best = candidates.iter().find(|c| c.summary.experiment == *best)?.summary;
    let each = best.throughput?.requests_per_minute;
    if each <= 0.0 {
        return None;
    }
    let cost = transaction_usd(plan, best);
    let free = plan.workload.map_or(0.0, |workload| workload.headroom);
    let row = |(requests_per_minute, is_workload): (f64, bool)| {
        let instances = instances(requests_per_minute, each * (1.0 - free));
        CapacityRow {
            requests_per_minute,
            is_workload,
            instances,
            usd_per_hour: cost.map(|cost| cost * requests_per_minute * MINUTES_PER_HOUR),
            beyond_measured: instances > 1,
        }
    };
    let workload = plan.workload.map(|workload| (workload.requests_per_minute, true));
    let rates = workload.into_iter().chain(RATES.map(|rate| (rate, false)));
    Some(Capacity {
        dataset: decided.dataset.clone(),
        endpoint: decided.endpoint.clone(),
        experiment: best.experiment.clone(),
        requests_per_minute_each: each,
        rows: rates.map(row).collect(),
    })
}

fn instances(rate: f64, each: f64) -> u64 {
    // A division that should be whole may come out above it by a rounding.
    let needed = (rate / each * (1.0 - 1e-12)).ceil().max(1.0);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "whole and at least 1; what does not fit becomes the largest"
    )]
    let needed = needed as u64;
    needed
}

/// What a transaction costs, US dollars: as measured, or where the workload says how many tokens its
/// transactions have, by those and the endpoint's prices. `None` where the price is not known, or
/// was of no request.
pub(super) fn transaction_usd(plan: &Plan, summary: &ExperimentSummary) -> Option<f64> {
    let measured = summary.cost?.per_10k_transactions_nano_usd.as_usd() / 10_000.0;
    let Some((input, output)) = workload_tokens(plan) else { return Some(measured) };
    let price = plan.endpoint(&summary.endpoint)?.price.as_ref()?;
    let input = input.or(summary.input_tokens_mean)?;
    let output = output.or(summary.output_tokens_mean)?;
    let per_1k = input * price.input_per_1k_nano_usd.as_usd()
        + output * price.output_per_1k_nano_usd.as_usd();
    Some(per_1k / 1000.0)
}

/// The tokens of the workload's prompts and answers, where it says either.
pub(super) fn workload_tokens(plan: &Plan) -> Option<(Option<f64>, Option<f64>)> {
    let workload = plan.workload?;
    let (input, output) =
        (workload.prompt_tokens.map(f64::from), workload.output_tokens.map(f64::from));
    (input.is_some() || output.is_some()).then_some((input, output))
}

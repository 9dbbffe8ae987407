//! How many instances a workload needs, and what they cost.

use serde::{Deserialize, Serialize};

use super::{Candidate, EndpointDecision};
use crate::plan::Plan;
use crate::summary::ExperimentSummary;
use crate::units::{ExperimentId, Name};

/// The rates that capacity is told for, requests a minute.
const RATES: [f64; 5] = [1.0, 10.0, 100.0, 1000.0, 10_000.0];

const MINUTES_PER_HOUR: f64 = 60.0;

/// How far the workload's tokens may be from the measured ones, as a share of these, for the
/// measured rate to say anything of the workload. A rule of thumb.
pub(crate) const SAME_SIZE: f64 = 0.2;

/// What serving a dataset's transactions with an endpoint takes, by the highest measured load that
/// meets the criteria as all below it do. Simple: nothing between or beyond measured loads is known.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Capacity {
    /// The dataset.
    pub dataset: Name,
    /// The endpoint.
    pub endpoint: Name,
    /// The highest measured load that meets the criteria as all below it do.
    pub experiment: ExperimentId,
    /// Its criteria are all shown, not only met.
    #[serde(default)]
    pub shown: bool,
    /// A criterion was judged by a percentile of too few samples.
    #[serde(default)]
    pub too_few_samples: bool,
    /// What was served per minute at that load, with the dataset's prompts.
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
    /// N: how many times the measured load it takes, the workload's headroom kept free:
    /// ceil(rate / (rate of each x (1 - headroom))). `None` where the workload's tokens are not
    /// about those that the rate was measured with.
    pub instances: Option<u64>,
    /// What it costs, US dollars an hour; `None` where the price is not known. By tokens: cost of a
    /// transaction x rate x 60. By the hour: N x the price of what was measured.
    pub usd_per_hour: Option<f64>,
    /// More than was measured, or requests of another size: quotas and queues there are not known.
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
    let Candidate { summary: best, judgement } =
        candidates.iter().find(|candidate| candidate.summary.experiment == *best)?;
    let each = best.throughput?.requests_per_minute;
    if each <= 0.0 {
        return None;
    }
    let cost = transaction_usd(plan, best);
    let hours = plan.endpoint(&best.endpoint).and_then(|endpoint| endpoint.price.as_ref()?.hours());
    let free = plan.workload.map_or(0.0, |workload| workload.headroom);
    let same_size = is_same_size(plan, best);
    let row = |(requests_per_minute, is_workload): (f64, bool)| {
        let instances = same_size.then(|| instances(requests_per_minute, each * (1.0 - free)));
        CapacityRow {
            requests_per_minute,
            is_workload,
            instances,
            usd_per_hour: match hours {
                Some(price) => instances.map(|needed| price.of_many(needed).as_usd()),
                None => cost.map(|cost| cost * requests_per_minute * MINUTES_PER_HOUR),
            },
            beyond_measured: instances.is_none_or(|instances| instances > 1),
        }
    };
    let workload = plan.workload.map(|workload| (workload.requests_per_minute, true));
    let rates = workload.into_iter().chain(RATES.map(|rate| (rate, false)));
    Some(Capacity {
        dataset: decided.dataset.clone(),
        endpoint: decided.endpoint.clone(),
        experiment: best.experiment.clone(),
        shown: judgement.shown,
        too_few_samples: judgement.criteria.iter().any(|judged| judged.too_few_samples),
        requests_per_minute_each: each,
        rows: rates.map(row).collect(),
    })
}

/// Whether the workload's tokens, where it says them, are about those that were measured.
fn is_same_size(plan: &Plan, measured: &ExperimentSummary) -> bool {
    let Some((input, output)) = workload_tokens(plan) else { return true };
    let about = |wanted: Option<f64>, mean: Option<f64>| {
        let near = |wanted: f64, mean: f64| (wanted - mean).abs() <= mean * SAME_SIZE;
        wanted.is_none_or(|wanted| mean.is_some_and(|mean| near(wanted, mean)))
    };
    about(input, measured.input_tokens_mean) && about(output, measured.output_tokens_mean)
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
    // What time costs is told by the rate of the measured transactions alone.
    let Some(price) = plan.endpoint(&summary.endpoint)?.price.as_ref()?.tokens() else {
        return Some(measured);
    };
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

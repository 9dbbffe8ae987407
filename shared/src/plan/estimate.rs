//! What a planned run will cost and last, before anything was sent.

use std::time::Duration;

use super::{DatasetPlan, Plan, RunEstimate, assumed_request_time};
use crate::dataset::NONCE_TOKENS;
use crate::price::Price;
use crate::units::NanoUsd;

pub(super) fn estimate(plan: &Plan) -> RunEstimate {
    let mut estimate =
        RunEstimate { requests: Some(0), cost_high: Some(NanoUsd::ZERO), ..RunEstimate::default() };
    for lane in &plan.lanes {
        let mut lane_time = Duration::ZERO;
        for block in &lane.blocks {
            let Some(experiment) = plan.experiment(&block.experiment) else { continue };
            let Some(dataset) = plan.dataset(&experiment.dataset) else { continue };
            let Some(endpoint) = plan.endpoint(&experiment.endpoint) else { continue };
            let slots = u32::from(experiment.concurrency.get());
            let warmups = u64::from(slots * plan.warmup_requests_per_slot);
            estimate.warmup_requests += warmups;
            estimate.requests =
                estimate.requests.zip(block.requests).map(|(a, b)| a + u64::from(b));
            estimate.cost_high = estimate.cost_high.zip(block.requests).map(|(sum, requests)| {
                let requests = u64::from(requests) + warmups;
                sum.saturating_add(
                    endpoint.price.as_ref().map_or(NanoUsd::ZERO, |p| bound(p, dataset, requests)),
                )
            });
            let each = assumed_request_time(dataset.max_tokens);
            let by_requests = block.requests.map(|requests| each * requests.div_ceil(slots));
            let block_time = [by_requests, block.duration].into_iter().flatten().min();
            lane_time += block_time.unwrap_or_default() + each;
        }
        estimate.duration_assumed = estimate.duration_assumed.max(lane_time);
    }
    estimate
}

/// The bound of a request's cost: 1.5 x the largest estimate of prompt tokens, the nonce included,
/// and an answer as long as its limit.
fn bound(price: &Price, dataset: &DatasetPlan, requests: u64) -> NanoUsd {
    let input = u64::from(dataset.estimated_input_tokens_max + NONCE_TOKENS) * 3 / 2;
    price.of_tokens(input, u64::from(dataset.max_tokens)).saturating_mul(requests)
}

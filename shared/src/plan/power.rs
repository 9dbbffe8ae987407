//! What difference the planned sample can detect, and what more requests would cost.

use super::build::{BLOCK_DURATION_MIN, REQUESTS_PER_SLOT};
use super::{BlockPlan, Load, Plan, assumed_request_time};
use crate::stats::{FEWEST_PAIRS, SIGNIFICANT, t_quantile};
use crate::units::Concurrency;
use crate::words;

/// How much single requests of a block are assumed to vary: standard deviation / mean.
const WITHIN_BLOCKS: f64 = 0.5;

/// How much the means of blocks are assumed to vary beyond what chance makes of their requests.
const BETWEEN_BLOCKS: f64 = 0.05;

/// The smallest true difference, as a share of the mean, that is shown with a probability of 80 % by a
/// two-sided test at 4 % ([`SIGNIFICANT`]), corrected for all pairs of `endpoints`, paired over
/// `replicates` with `requests` of each endpoint in each; `None` where nothing is tested.
///
/// (t(1 - 2 % / pairs) + t(80 %)) x root of (2 (b^2 + w^2 / requests) / replicates), with w = 0.5 within
/// blocks and b = 0.05 between them, and t with replicates - 1 degrees of freedom: the usual
/// approximation of the non-central t (Dupont and Plummer, "Power and Sample Size Calculations",
/// Controlled Clinical Trials 11, 1990).
pub fn detectable_difference(replicates: u32, requests: u32, endpoints: u32) -> Option<f64> {
    if replicates < FEWEST_PAIRS || requests == 0 || endpoints < 2 {
        return None;
    }
    let variance = BETWEEN_BLOCKS.powi(2) + WITHIN_BLOCKS.powi(2) / f64::from(requests);
    let error = (2.0 * variance / f64::from(replicates)).sqrt();
    let freedom = replicates - 1;
    let pairs = f64::from(endpoints) * f64::from(endpoints - 1) / 2.0;
    Some(
        (t_quantile(1.0 - SIGNIFICANT / pairs / 2.0, freedom)? + t_quantile(0.8, freedom)?) * error,
    )
}

/// What the plan can tell apart, and what more would cost, in a line each.
pub fn describe(plan: &Plan) -> Vec<String> {
    let requests = plan.lanes.iter().flat_map(|lane| &lane.blocks);
    let requests = requests.map(|block| requests_of(plan, block)).min().unwrap_or(0);
    let endpoints = u32::try_from(plan.endpoints.len()).unwrap_or(u32::MAX);
    if endpoints < 2 {
        return Vec::new();
    }
    let replicates = pairs(plan);
    let Some(difference) = detectable_difference(replicates, requests, endpoints) else {
        return vec![format!(
            "differences between endpoints: none will be tested; {}",
            for_a_test(plan)
        )];
    };
    let mut lines = vec![format!(
        "differences between endpoints: {} of cost will be found with a \
         probability of 80 %, in {replicates} replicates of {requests} requests (assumed: \
         requests vary by 50 %, blocks by 5 %)",
        words::percent(difference),
    )];
    let twice = detectable_difference(replicates, requests.saturating_mul(2), endpoints);
    let expected = plan.estimate.cost_expected.map(|cost| ("about", cost));
    let cost = expected.or(plan.estimate.cost_high.map(|cost| ("at most", cost)));
    let cost = cost
        .map_or_else(String::new, |(about, cost)| format!(": {about} {} more", words::usd(cost)));
    lines.extend(
        twice.map(|twice| format!("  with twice the requests {}{cost}", words::percent(twice))),
    );
    lines
}

/// Replicates over all rounds.
fn pairs(plan: &Plan) -> u32 {
    plan.replicates.saturating_mul(plan.round_count())
}

/// What a test takes that the plan does not have.
pub(crate) fn for_a_test(plan: &Plan) -> String {
    let replicates = FEWEST_PAIRS;
    if pairs(plan) >= replicates {
        return format!("a test needs {replicates} replicates that were measured on both sides");
    }
    let slots = plan.experiments.iter().filter_map(|experiment| experiment.load.concurrency());
    let slots = slots.map(Concurrency::get).max();
    let requests = replicates * REQUESTS_PER_SLOT * u32::from(slots.unwrap_or(1));
    let seconds = u64::from(replicates) * BLOCK_DURATION_MIN.as_secs();
    let blocks = || plan.lanes.iter().flat_map(|lane| &lane.blocks);
    let mut takes = Vec::new();
    let has_fewer = |needs| {
        blocks()
            .any(|block| block.requests.is_some_and(|requests| requests * plan.replicates < needs))
    };
    if has_fewer(requests) {
        takes.push(format!("`stop: requests` of at least {requests}"));
    }
    if blocks().any(|block| block.duration.is_some()) {
        takes.push(format!("`stop: duration` of at least {seconds} s"));
    }
    if takes.is_empty() {
        takes.push(format!("`replicates: {replicates}` or more"));
    }
    format!("a test needs {replicates} replicates: {}", words::list(&takes))
}

/// The requests of a block: as planned, and as time allows with the assumed time of a request.
fn requests_of(plan: &Plan, block: &BlockPlan) -> u32 {
    let experiment = plan.experiment(&block.experiment);
    let dataset = experiment.and_then(|experiment| plan.dataset(&experiment.dataset));
    let by_time =
        experiment.zip(dataset).zip(block.duration).map(|((experiment, dataset), time)| {
            let each = assumed_request_time(dataset.max_tokens).as_millis().max(1);
            let rounds = u32::try_from(time.as_millis() / each).unwrap_or(u32::MAX);
            match experiment.load {
                Load::Closed { concurrency } => {
                    rounds.max(1).saturating_mul(concurrency.get().into())
                }
                Load::Open(open) => open.arrivals_in(time),
            }
        });
    block.requests.into_iter().chain(by_time).min().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::summary::fixture::{HAIKU, MISTRAL, Run};
    use crate::units::NanoUsd;

    #[test]
    fn the_plan_says_what_it_can_tell_apart_or_what_that_takes() {
        let mut plan = Run::replicated(&[MISTRAL, HAIKU], &["chat"], &[1, 4], 5).plan;
        plan.estimate.cost_high = Some(NanoUsd(1_230_000_000));
        insta::assert_snapshot!(
            describe(&plan).join("\n"),
            @r"
            differences between endpoints: 41.3 % of cost will be found with a probability of 80 %, in 5 replicates of 10 requests (assumed: requests vary by 50 %, blocks by 5 %)
              with twice the requests 30.5 %: at most $1.23 more
            "
        );
        let plan = Run::new(&[MISTRAL, HAIKU], &["chat"], &[1, 4]).plan;
        insta::assert_snapshot!(
            describe(&plan).join("\n"),
            @"differences between endpoints: none will be tested; a test needs 5 replicates: `stop: requests` of at least 200"
        );
    }

    #[test]
    fn more_requests_and_more_replicates_find_smaller_differences() {
        let at = |replicates, requests| detectable_difference(replicates, requests, 2).unwrap();
        // (2.9985 + 0.9410) x root of (2 (0.0025 + 0.25 / 10) / 5), and without end of requests.
        assert!((at(5, 10) - 0.4132).abs() < 1e-3, "{}", at(5, 10));
        assert!((at(5, 1_000_000) - 0.1246).abs() < 1e-3, "{}", at(5, 1_000_000));
        assert!(at(5, 20) < at(5, 10) && at(10, 10) < at(5, 10));
        assert_eq!(detectable_difference(4, 1000, 2), None);
        assert_eq!(detectable_difference(5, 0, 2), None);
    }
}

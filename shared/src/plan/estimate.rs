//! What a planned run will cost and last, before anything was sent, and the bounds that its spend
//! limit rests on.

use std::time::Duration;

use super::{
    BlockPlan, DatasetPlan, EndpointSpec, Experiment, Lane, Load, OpenLoad, Plan, Retries,
    RunEstimate, assumed_request_time,
};
use crate::dataset::NONCE_TOKENS;
use crate::price::{Price, Tariff, services};
use crate::stats::float;
use crate::units::{Concurrency, NanoUsd};

/// The limit of a warm-up request's answer.
pub const WARMUP_MAX_TOKENS: u32 = 8;

/// Prompt tokens of a warm-up request, as estimated: its eight words.
pub(crate) const WARMUP_TOKENS: u32 = 8;

/// Prompt tokens that any request's bound allows beyond its estimate, at least: what a service
/// wraps around a prompt is more than half of a short one.
const WRAPPING_TOKENS: u32 = 56;

/// The most prompt tokens of a request by our bound, from its estimate.
fn at_most(tokens: u32) -> u64 {
    let tokens = u64::from(tokens);
    (tokens * 3).div_ceil(2).max(tokens + u64::from(WRAPPING_TOKENS))
}

/// The most that a warm-up request costs by our bound, with a system prompt of so many tokens.
pub(crate) fn warmup_bound(price: &Price, system_tokens: u32) -> NanoUsd {
    price.of_tokens(at_most(WARMUP_TOKENS + system_tokens), WARMUP_MAX_TOKENS.into())
}

impl Plan {
    /// What the requests of an experiment cost and are bounded by; `None` where the price of its
    /// endpoint is not known.
    ///
    /// The bound of a measured request: 1.5 x the largest estimate of the dataset's prompts (the
    /// nonce and the system prompt included), or 56 tokens more than it if that is more, and an
    /// answer as long as its limit.
    pub fn tariff(&self, experiment: &Experiment) -> Option<Tariff> {
        self.tariff_with(experiment, self.estimate.system_tokens)
    }

    fn tariff_with(&self, experiment: &Experiment, system_tokens: u32) -> Option<Tariff> {
        let price = self.endpoint(&experiment.endpoint)?.price.clone()?;
        let dataset = self.dataset(&experiment.dataset)?;
        // The dataset's estimates hold the system prompt.
        let prompt = at_most(dataset.estimated_input_tokens_max + NONCE_TOKENS);
        Some(Tariff {
            warmup_bound: warmup_bound(&price, system_tokens),
            measured_bound: price.of_tokens(prompt, dataset.max_tokens.into()),
            price,
        })
    }

    /// What claiming a block reserves: the most that its requests can cost by our bound
    /// ([`requests_at_most`](Self::requests_at_most)), each tried as often as retries allow. For a
    /// closed loop that only time ends, its share of the spend limit: the limit / all planned blocks
    /// of all rounds. Nothing where neither can be told: without a price, or with neither requests nor
    /// a limit.
    pub fn reservation(&self, block: &BlockPlan) -> NanoUsd {
        let Some(experiment) = self.experiment(&block.experiment) else { return NanoUsd::ZERO };
        let Some(tariff) = self.tariff(experiment) else { return NanoUsd::ZERO };
        match (self.requests_at_most(block), self.limit_of_requests()) {
            (Some(requests), _) => self.worst_case(experiment, &tariff, requests),
            (None, Some(limit)) => NanoUsd(limit.0 / self.blocks_planned().max(1)),
            (None, None) => NanoUsd::ZERO,
        }
    }

    /// The requests of a block: as planned, or of an open loop that time ends as many as arrive in
    /// it on average. `None` for a closed loop that only time ends.
    pub fn requests_of(&self, block: &BlockPlan) -> Option<u64> {
        self.bounded(block, OpenLoad::arrivals_in)
    }

    /// The most requests that a block may send, as [`requests_of`](Self::requests_of). Random
    /// arrivals are allowed four standard deviations more than their mean n: n + 4 x root of n. A
    /// block that has still more would end at its allotment.
    pub fn requests_at_most(&self, block: &BlockPlan) -> Option<u64> {
        self.bounded(block, OpenLoad::arrivals_at_most)
    }

    fn bounded(&self, block: &BlockPlan, within: fn(&OpenLoad, Duration) -> u32) -> Option<u64> {
        let open = self.experiment(&block.experiment).and_then(|e| e.load.open());
        let by_time = open.zip(block.duration).map(|(open, time)| within(&open, time));
        block.requests.into_iter().chain(by_time).min().map(u64::from)
    }

    /// The least that a block needs to be measured at all: the bound of one request for each slot
    /// of a closed loop, of one of an open loop, and of the warm-up.
    pub(crate) fn least(&self, block: &BlockPlan) -> Option<NanoUsd> {
        let experiment = self.experiment(&block.experiment)?;
        let tariff = self.tariff(experiment)?;
        let requests = experiment.load.concurrency().map_or(1, Concurrency::get);
        Some(self.worst_case(experiment, &tariff, requests.into()))
    }

    fn worst_case(&self, experiment: &Experiment, tariff: &Tariff, requests: u64) -> NanoUsd {
        let warmup = tariff.warmup_bound.saturating_mul(self.warmups(experiment));
        let tries = self.retries.as_ref().map_or(1, Retries::tries_at_most);
        let requests = requests.saturating_mul(tries.into());
        tariff.measured_bound.saturating_mul(requests).saturating_add(warmup)
    }

    /// Warm-up requests of a block.
    fn warmups(&self, experiment: &Experiment) -> u64 {
        u64::from(experiment.load.slots()) * u64::from(self.warmup_requests_per_slot)
    }

    /// The blocks of all lanes in all rounds.
    pub(crate) fn blocks_planned(&self) -> u64 {
        let of_lane = |lane: &Lane| u64::try_from(lane.blocks.len()).unwrap_or_default();
        self.lanes.iter().map(of_lane).sum::<u64>() * u64::from(self.round_count())
    }
}

/// What one block is estimated to send, take and cost.
struct BlockEstimate {
    /// Measured requests: those planned, else those that the assumed time allows.
    requests: u64,
    warmups: u64,
    duration: Duration,
    cost_low: Option<NanoUsd>,
    cost_expected: Option<NanoUsd>,
    /// `None` also where only time ends the block.
    cost_high: Option<NanoUsd>,
}

pub(super) fn estimate(plan: &Plan, system_tokens: u32) -> RunEstimate {
    let mut estimate = RunEstimate {
        requests: Some(0),
        cost_low: Some(NanoUsd::ZERO),
        cost_expected: Some(NanoUsd::ZERO),
        cost_high: Some(NanoUsd::ZERO),
        system_tokens,
        ..RunEstimate::default()
    };
    let rounds = u64::from(plan.round_count());
    let add = |sum: Option<NanoUsd>, cost: Option<NanoUsd>| {
        Some(sum?.saturating_add(cost?.saturating_mul(rounds)))
    };
    let mut use_of_services = services::Use::of_run(plan.lanes.len(), plan.round_count());
    for lane in &plan.lanes {
        let mut lane_time = Duration::ZERO;
        for block in &lane.blocks {
            let Some(of_block) = estimate_block(plan, block, system_tokens) else { continue };
            lane_time += of_block.duration;
            estimate.warmup_requests += of_block.warmups * rounds;
            let requests = plan.requests_of(block);
            estimate.requests = estimate.requests.zip(requests).map(|(sum, n)| sum + n * rounds);
            estimate.cost_low = add(estimate.cost_low, of_block.cost_low);
            estimate.cost_expected = add(estimate.cost_expected, of_block.cost_expected);
            estimate.cost_high = add(estimate.cost_high, of_block.cost_high);
            let records = of_block.requests + of_block.warmups;
            // Records are stored every second.
            let chunks = of_block.duration.as_secs().min(records);
            let bytes = records * services::RECORD_BYTES;
            for _ in 0..rounds {
                use_of_services.add_block(1, of_block.duration, chunks, bytes);
            }
        }
        estimate.round_assumed = estimate.round_assumed.max(lane_time);
    }
    let last_begins = plan.rounds.map_or(Duration::ZERO, |rounds| rounds.begin(rounds.count));
    estimate.duration_assumed = last_begins + estimate.round_assumed;
    let costs = use_of_services.costs(services::RUNNER_MEMORY_MB);
    estimate.cost_services = Some(costs.total());
    estimate
}

fn estimate_block(plan: &Plan, block: &BlockPlan, system_tokens: u32) -> Option<BlockEstimate> {
    let experiment = plan.experiment(&block.experiment)?;
    let dataset = plan.dataset(&experiment.dataset)?;
    let endpoint = plan.endpoint(&experiment.endpoint)?;
    let each = assumed_request_time(dataset.max_tokens);
    let requests = plan.requests_of(block);
    let count = |n: u64| u32::try_from(n).unwrap_or(u32::MAX);
    let (by_time, by_requests) = match experiment.load {
        Load::Closed { concurrency } => {
            let slots = u64::from(concurrency.get());
            let turns = block.duration.map(|time| time.as_nanos().div_ceil(each.as_nanos().max(1)));
            let by_time = turns.map(|turns| slots * u64::try_from(turns).unwrap_or(u64::MAX));
            (by_time, requests.map(|n| each * count(n.div_ceil(slots))))
        }
        Load::Open(open) => (None, requests.map(|n| open.time_of(count(n)))),
    };
    let window = [by_requests, block.duration].into_iter().flatten().min();
    let tariff = plan.tariff_with(experiment, system_tokens);
    let warmups = plan.warmups(experiment);
    let sent = requests.or(by_time).unwrap_or_default();
    let sending = Sending { dataset, system_tokens, requests: sent, warmups };
    Some(BlockEstimate {
        requests: sent,
        warmups,
        duration: window.unwrap_or_default() + each,
        cost_low: sending.cost(endpoint, |_limit| 1),
        cost_expected: sending.cost(endpoint, |limit| limit.div_ceil(2)),
        cost_high: tariff
            .zip(plan.requests_at_most(block))
            .map(|(t, n)| plan.worst_case(experiment, &t, n)),
    })
}

/// Requests whose tokens are estimated.
struct Sending<'p> {
    dataset: &'p DatasetPlan,
    system_tokens: u32,
    requests: u64,
    warmups: u64,
}

impl Sending<'_> {
    /// What they cost if each answer is as long as follows from its limit.
    fn cost(&self, endpoint: &EndpointSpec, answer: fn(u32) -> u32) -> Option<NanoUsd> {
        let price: &Price = endpoint.price.as_ref()?;
        let prompt = self.dataset.estimated_input_tokens_mean + f64::from(NONCE_TOKENS);
        let measured = price.of_tokens(
            whole(prompt * float(self.requests)),
            u64::from(answer(self.dataset.max_tokens)) * self.requests,
        );
        let warmup = price.of_tokens(
            u64::from(WARMUP_TOKENS + self.system_tokens) * self.warmups,
            u64::from(answer(WARMUP_MAX_TOKENS)) * self.warmups,
        );
        Some(measured.saturating_add(warmup))
    }
}

/// A count of tokens as an integer, rounded.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "token counts are positive, and `as` saturates"
)]
fn whole(tokens: f64) -> u64 {
    tokens.round() as u64
}

#[cfg(test)]
mod tests {
    use super::super::{LoadedDataset, build};
    use super::*;
    use crate::config;
    use crate::dataset::{Prompt, estimate_tokens};

    /// One endpoint at $0.001 and $0.002 for 1,000 tokens, two slots, prompts of two tokens and
    /// answers of up to ten.
    fn plan(rest: &str) -> Plan {
        let text = format!(
            "version: 1\nendpoints: [{{name: m, kind: bedrock, region: us-east-1, model_id: x, \
             price: {{input_per_1k_usd: 0.001, output_per_1k_usd: 0.002}}}}]\n\
             datasets: [{{name: d, prompts: [\"Why?\"], max_tokens: 10}}]\n\
             load: [{{concurrency: 2}}]\n{rest}"
        );
        let prompts = vec![Prompt { text: "Why?".to_owned(), estimated_tokens: 2, max_tokens: 10 }];
        let dataset = LoadedDataset { name: "d".parse().unwrap(), prompts, sha256: String::new() };
        let settings = config::parse(&text).unwrap();
        let system = settings.inference.system.as_deref().map_or(0, estimate_tokens);
        build(&settings, &[dataset], system, "r".parse().unwrap())
    }

    fn unknown_price(mut plan: Plan) -> Plan {
        plan.endpoints[0].price = None;
        plan.estimate = estimate(&plan, plan.estimate.system_tokens);
        plan
    }

    #[test]
    fn a_request_is_bounded_by_half_more_than_its_prompt_and_by_its_limit() {
        let tariff = |plan: Plan| plan.tariff(&plan.experiments[0]).unwrap();
        // 2 + 11 of the nonce + 56; 10 tokens of an answer.
        let short = tariff(plan("stop: {requests: 20}"));
        assert_eq!(short.measured_bound, NanoUsd(69 * 1000 + 10 * 2000));
        assert_eq!(short.warmup_bound, NanoUsd(64 * 1000 + 8 * 2000));
        // The system prompt's 3 tokens are counted once.
        let system = plan("stop: {requests: 20}\ninference: {system: Be brief.}");
        assert_eq!(system.estimate.system_tokens, 3);
        assert_eq!(system.datasets[0].estimated_input_tokens_max, 5);
        let system = tariff(system);
        assert_eq!(system.measured_bound, NanoUsd(72 * 1000 + 10 * 2000));
        assert_eq!(system.warmup_bound, NanoUsd(67 * 1000 + 8 * 2000));
        // Long prompts: half more.
        let mut long = plan("stop: {requests: 20}");
        long.datasets[0].estimated_input_tokens_max = 989;
        assert_eq!(tariff(long).measured_bound, NanoUsd(1500 * 1000 + 10 * 2000));
    }

    #[test]
    fn the_estimate_is_low_expected_and_high() {
        let plan = plan("stop: {requests: 20}");
        let estimate = plan.estimate;
        assert_eq!((estimate.requests, estimate.warmup_requests), (Some(20), 2));
        let prompts = 20 * 13 * 1000 + 2 * 8 * 1000;
        assert_eq!(estimate.cost_low, Some(NanoUsd(prompts + 22 * 2000)));
        assert_eq!(estimate.cost_expected, Some(NanoUsd(prompts + (20 * 5 + 2 * 4) * 2000)));
        assert_eq!(estimate.cost_high, Some(NanoUsd(20 * 89_000 + 2 * 80_000)));
        let [block] = &plan.lanes[0].blocks[..] else { panic!("one block") };
        assert_eq!(Some(plan.reservation(block)), estimate.cost_high);
        assert_eq!(plan.least(block), Some(NanoUsd(2 * 89_000 + 2 * 80_000)));
        assert!(estimate.cost_services.is_some_and(|cost| cost > NanoUsd::ZERO));
    }

    #[test]
    fn what_only_time_ends_is_estimated_by_the_assumed_time_and_bounded_by_the_limit() {
        let mut plan = plan("stop: {duration: 24s}\nreplicates: 2");
        // A request takes 1.2 s: ten in 12 s, in each of the two slots.
        let requests = 2 * 2 * 10;
        let (estimate, prompts) = (plan.estimate, (requests * 13 + 4 * 8) * 1000);
        assert_eq!((estimate.requests, estimate.cost_high), (None, None));
        assert_eq!(estimate.cost_low, Some(NanoUsd(prompts + (requests + 4) * 2000)));
        let block = plan.lanes[0].blocks[0].clone();
        assert_eq!(plan.reservation(&block), NanoUsd::ZERO, "nothing bounds it");
        plan.spend_limit = Some(NanoUsd(1_000_001));
        assert_eq!(plan.reservation(&block), NanoUsd(500_000));
    }

    #[test]
    fn without_a_price_nothing_is_told_of_the_cost() {
        let plan = unknown_price(plan("stop: {requests: 20}"));
        let estimate = plan.estimate;
        let costs = (estimate.cost_low, estimate.cost_expected, estimate.cost_high);
        assert_eq!(costs, (None, None, None));
        assert_eq!(estimate.requests, Some(20));
        assert_eq!(plan.reservation(&plan.lanes[0].blocks[0]), NanoUsd::ZERO);
    }
}

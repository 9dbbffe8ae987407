//! Many rounds of one run: when each begins, what it measures in which order, and what it may
//! spend. All of it follows from the plan, so nothing is stored for each round.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{BlockPlan, Lane, Plan};
use crate::digest::sha256;
use crate::units::{ExperimentId, NanoUsd, nanos};

/// The most rounds of a run: the state machine's history holds no more.
pub const ROUNDS_MAX: u32 = 500;

/// The rounds of a run that has many.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rounds {
    /// How many there are.
    pub count: u32,
    /// From the begin of one to the begin of the next.
    #[serde(rename = "every_ns", with = "nanos")]
    pub every: Duration,
}

/// What is to be done with a round.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    /// It begins after so long.
    In(Duration),
    /// Its time is now.
    Now,
    /// Its time is over: the next one is due, or the run has ended.
    Over,
}

impl Rounds {
    /// From the run's begin to the begin of a round, which counts from 1.
    pub fn begin(&self, round: u32) -> Duration {
        self.every.saturating_mul(round.saturating_sub(1))
    }

    /// What is to be done with a round so long after the run's begin.
    pub fn due(&self, round: u32, elapsed: Duration) -> Due {
        let begin = self.begin(round);
        if let Some(until) = begin.checked_sub(elapsed).filter(|until| !until.is_zero()) {
            Due::In(until)
        } else if elapsed < begin.saturating_add(self.every) {
            Due::Now
        } else {
            Due::Over
        }
    }
}

impl Plan {
    /// How many rounds there are.
    pub fn round_count(&self) -> u32 {
        self.rounds.map_or(1, |rounds| rounds.count)
    }

    /// What is to be done with a round so long after the run's begin. The time of a single round
    /// never ends.
    pub fn due(&self, round: u32, elapsed: Duration) -> Due {
        self.rounds.map_or(Due::Now, |rounds| rounds.due(round, elapsed))
    }

    /// The blocks of a lane in their order of measuring in a round: replicate after replicate, each
    /// in an order drawn anew from the seed and the round, and shared by all lanes. That of the
    /// first round is the lane's own.
    pub fn lane_in_round<'p>(&self, lane: &'p Lane, round: u32) -> Vec<&'p BlockPlan> {
        let mut blocks: Vec<_> = lane.blocks.iter().collect();
        if round > 1 {
            blocks.sort_by_cached_key(|block| (block.block, self.lot(round, block)));
        }
        blocks
    }

    /// The lot by which a load on a dataset takes its place in a replicate: the same whatever the
    /// endpoint.
    fn lot(&self, round: u32, block: &BlockPlan) -> String {
        let id = block.experiment.as_str();
        let (_endpoint, load_on_dataset) = id.split_once('~').unwrap_or(("", id));
        sha256(format!("order\n{}\n{round}\n{}\n{load_on_dataset}", self.seed, block.block))
    }

    /// The block of an experiment as a round measures it; `None` where it is not planned.
    ///
    /// Rounds send different prompts as far as there are enough: a round goes on in the dealt
    /// prompts where the former ended; the starts of blocks that time ends are spread evenly.
    pub fn block_in_round(
        &self,
        experiment: &ExperimentId,
        block: u32,
        round: u32,
    ) -> Option<BlockPlan> {
        let mut planned = self.block(experiment, block)?.clone();
        let before = round.checked_sub(1).filter(|_| round <= self.round_count())?;
        let moved = match planned.requests {
            Some(_) => self.requests_of_a_round(experiment).saturating_mul(before),
            None => self.spread(experiment, before),
        };
        planned.first_prompt = planned.first_prompt.saturating_add(moved);
        Some(planned)
    }

    fn requests_of_a_round(&self, experiment: &ExperimentId) -> u32 {
        let blocks = self.lanes.iter().flat_map(|lane| &lane.blocks);
        let own = blocks.filter(|block| block.experiment == *experiment);
        own.filter_map(|block| block.requests).fold(0, u32::saturating_add)
    }

    /// How far the starts of blocks that time ends are moved after so many rounds: at the end of the
    /// run by as much as lies between two replicates.
    fn spread(&self, experiment: &ExperimentId, before: u32) -> u32 {
        let experiment = self.experiment(experiment);
        let dataset = experiment.and_then(|experiment| self.dataset(&experiment.dataset));
        let prompts = dataset.map_or(0, |dataset| u64::from(dataset.prompts));
        let starts = u64::from(self.replicates) * u64::from(self.round_count());
        u32::try_from(prompts * u64::from(before) / starts.max(1)).unwrap_or_default()
    }

    /// The most that may be reserved and spent together until the end of a round: an even share of
    /// the spend limit for each round so far, so that a round has its own share and what earlier
    /// ones left over. `None` where nothing but the limit itself bounds it.
    pub fn ceiling(&self, round: u32) -> Option<NanoUsd> {
        let limit = u128::from(self.limit_of_requests()?.0);
        let count = self.rounds?.count;
        let ceiling = limit * u128::from(round.min(count)) / u128::from(count.max(1));
        Some(NanoUsd(u64::try_from(ceiling).unwrap_or(u64::MAX)))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;
    use crate::config::{DatasetSettings, parse};
    use crate::dataset::{Contents, Loader};
    use crate::plan::{LoadedDataset, build};

    /// Two endpoints of six experiments each, in five replicates.
    fn plan(rest: &str) -> Plan {
        let endpoint = "kind: simulated, simulate_as: meta.llama2-13b-chat-v1";
        let settings = parse(&format!(
            "version: 1\nendpoints: [{{name: a, {endpoint}}}, {{name: b, {endpoint}}}]\n\
             datasets:\n  - {{name: few, synthetic: {{prompt_tokens: 40, count: 23}}, max_tokens: 5}}\n  \
             - {{name: many, synthetic: {{prompt_tokens: 40, count: 600}}, max_tokens: 5}}\n\
             load: [{{concurrency: [1, 2, 4]}}]\n{rest}\n"
        ))
        .unwrap();
        let contents = Contents::new();
        let mut loader = Loader::new(&contents, settings.seed);
        let load = |dataset: &DatasetSettings| LoadedDataset {
            name: dataset.spec.name.clone(),
            prompts: loader.load(&dataset.spec).unwrap(),
            sha256: String::new(),
        };
        let datasets: Vec<_> = settings.datasets.iter().map(load).collect();
        build(&settings, &datasets, 0, "r".parse().unwrap())
    }

    const DAY: &str = "stop: {requests: 200}\nrounds: {every: 1h, for: 24h}";

    #[test]
    fn a_round_has_its_time_until_the_next_is_due() {
        let plan = plan(DAY);
        let at = |round, minutes| plan.due(round, Duration::from_mins(minutes));
        assert_eq!((at(1, 0), at(1, 59), at(1, 60)), (Due::Now, Due::Now, Due::Over));
        assert_eq!(at(2, 50), Due::In(Duration::from_mins(10)));
        assert_eq!((at(24, 24 * 60 - 1), at(24, 24 * 60)), (Due::Now, Due::Over));
        let single = super::tests::plan("stop: {requests: 200}");
        assert_eq!((single.round_count(), single.due(1, Duration::MAX)), (1, Due::Now));
    }

    #[test]
    fn each_round_has_an_order_of_its_own_that_lanes_share() {
        let plan = plan(DAY);
        let order = |lane: usize, round| -> Vec<(u32, &str)> {
            let blocks = plan.lane_in_round(&plan.lanes[lane], round);
            blocks.iter().map(|block| (block.block, &block.experiment.as_str()[2..])).collect()
        };
        let mut orders = BTreeSet::new();
        for round in 1..=24 {
            let own = order(0, round);
            assert_eq!(own, order(1, round), "round {round}");
            assert!(own.is_sorted_by_key(|(replicate, _)| *replicate), "round {round}");
            assert_eq!(own.iter().collect::<BTreeSet<_>>().len(), 30, "round {round}");
            orders.insert(own);
        }
        assert_eq!(orders.len(), 24);
        let own: Vec<_> = plan.lanes[0].blocks.iter().collect();
        assert_eq!(plan.lane_in_round(&plan.lanes[0], 1), own, "the first is the plan's");
        let seeded = super::tests::plan(&format!("{DAY}\nseed: 2"));
        let other = seeded.lane_in_round(&seeded.lanes[0], 2);
        assert_ne!(other, plan.lane_in_round(&plan.lanes[0], 2));
    }

    #[test]
    fn prompts_go_on_where_the_round_before_ended() {
        let plan = plan("stop: {passes: 1}\nreplicates: 3\nrounds: {every: 1h, for: 4h}");
        let id = &plan.experiments[0].id;
        let count = plan.dataset(&plan.experiments[0].dataset).unwrap().prompts;
        let mut sent: BTreeMap<u32, u32> = BTreeMap::new();
        let mut next = 0;
        for round in 1..=4 {
            for number in 1..=plan.replicates {
                let block = plan.block_in_round(id, number, round).unwrap();
                assert_eq!(block.first_prompt, next, "block {number} of round {round}");
                let requests = block.requests.unwrap();
                (next..next + requests).for_each(|at| *sent.entry(at % count).or_default() += 1);
                next += requests;
            }
        }
        assert!(sent.len() == 23 && sent.values().all(|times| *times == 4), "{sent:?}");
        for (block, round) in [(1, 0), (1, 5), (plan.replicates + 1, 1)] {
            assert_eq!(plan.block_in_round(id, block, round), None);
        }
    }

    #[test]
    fn starts_of_blocks_that_time_ends_are_spread_evenly() {
        let plan = plan("stop: {duration: 1m}\nreplicates: 5\nrounds: {every: 1h, for: 4h}");
        let id = &plan.experiments[3].id;
        let starts = |round| -> Vec<u32> {
            let blocks = (1..=5).map(|number| plan.block_in_round(id, number, round).unwrap());
            blocks.map(|block| block.first_prompt).collect()
        };
        assert_eq!(starts(1), [0, 120, 240, 360, 480]);
        assert_eq!(starts(4), [90, 210, 330, 450, 570]);
    }

    #[test]
    fn the_limit_is_paced_evenly_and_holds_every_round() {
        let mut plan = plan(DAY);
        assert_eq!(plan.ceiling(1), None, "without a limit nothing is paced");
        plan.spend_limit = Some(NanoUsd(1_000));
        let ceilings = [1, 2, 24, 25].map(|round| plan.ceiling(round).unwrap().0);
        assert_eq!(ceilings, [41, 83, 1_000, 1_000]);
        plan.rounds = None;
        assert_eq!(plan.ceiling(1), None, "the limit itself is enough");
    }

    #[test]
    fn estimates_are_for_all_rounds() {
        let (one, day) = (plan("stop: {requests: 200}"), plan(DAY));
        let (round, whole) = (one.estimate, day.estimate);
        assert_eq!(whole.requests, round.requests.map(|requests| 24 * requests));
        assert_eq!(whole.warmup_requests, 24 * round.warmup_requests);
        let all_day = |cost: Option<NanoUsd>| cost.map(|cost| cost.saturating_mul(24));
        assert_eq!(whole.cost_low, all_day(round.cost_low));
        assert_eq!(whole.cost_expected, all_day(round.cost_expected));
        assert_eq!(whole.cost_high, all_day(round.cost_high));
        assert_eq!(whole.round_assumed, round.duration_assumed);
        assert_eq!(whole.duration_assumed, Duration::from_hours(23) + whole.round_assumed);
        // A block's bound is the same; where only time ends it, its share is of all rounds.
        let block = &day.lanes[0].blocks[0];
        assert_eq!(day.reservation(block), one.reservation(&one.lanes[0].blocks[0]));
        let mut timed = plan("stop: {duration: 1m}\nrounds: {every: 1h, for: 24h}");
        timed.spend_limit = Some(NanoUsd(24 * 60 * 1_000));
        assert_eq!(timed.reservation(&timed.lanes[0].blocks[0]), NanoUsd(1_000));
    }
}

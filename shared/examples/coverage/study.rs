//! How often intervals hold the truth, and how often equal endpoints get a winner.

use std::collections::BTreeMap;
use std::fmt;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use shared::stats::{
    ClusteredSample, FEWEST_CLUSTERS, Interval, Percentile, SIGNIFICANT, holm, share_interval,
    test_rivals,
};

use crate::process::{Process, normal};

/// The percentiles that are studied.
pub(crate) const PERCENTILES: [Percentile; 4] =
    [Percentile::P50, Percentile::P90, Percentile::P95, Percentile::P99];

/// Blocks of other experiments in the same replicate: where among them ours comes is drawn.
const CELLS: u32 = 10;

/// A simulated experiment's shape.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Layout {
    blocks: u32,
    requests: u32,
}

impl Layout {
    /// So many blocks of so many requests.
    pub(crate) fn new((blocks, requests): (u32, u32)) -> Self {
        Self { blocks, requests }
    }

    /// Whether blocks are the clusters, as in a summary; else ten batches of each are.
    fn has_blocks_enough(self) -> bool {
        self.blocks >= FEWEST_CLUSTERS
    }
}

impl fmt::Display for Layout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { blocks, requests } = self;
        let s = if *blocks == 1 { "" } else { "s" };
        let batches = if self.has_blocks_enough() { "" } else { ", ten batches each" };
        write!(f, "{blocks} block{s} of {requests}{batches}")
    }
}

/// How often the intervals of a statistic held the truth.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Hits {
    pub(crate) experiments: u32,
    held: u32,
    /// In how many the interval had no upper end: held where the lower end is low enough.
    pub(crate) open: u32,
}

impl Hits {
    fn add(&mut self, interval: Option<Interval>, truth: f64) {
        let Some(interval) = interval else { return };
        self.experiments += 1;
        let held = interval.low.is_none_or(|low| low <= truth)
            && interval.high.is_none_or(|high| truth <= high);
        self.held += u32::from(held);
        self.open += u32::from(interval.high.is_none());
    }

    /// The share without an upper end.
    pub(crate) fn open_share(self) -> f64 {
        f64::from(self.open) / f64::from(self.experiments.max(1))
    }

    /// The share that held the truth.
    pub(crate) fn share(self) -> f64 {
        f64::from(self.held) / f64::from(self.experiments.max(1))
    }
}

/// Coverage of the mean and of [`PERCENTILES`].
pub(crate) fn coverage(process: Process, layout: Layout, experiments: u32, seed: u64) -> [Hits; 5] {
    let truth = process.truth();
    let mut hits = [Hits::default(); 5];
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    for _ in 0..experiments {
        let Some(sample) = ClusteredSample::new(experiment(process, layout, &mut rng)) else {
            continue;
        };
        hits[0].add(sample.mean_interval(), truth.mean);
        for ((hits, percentile), truth) in
            hits[1..].iter_mut().zip(PERCENTILES).zip(truth.percentiles)
        {
            hits.add(sample.percentile_interval(percentile), truth);
        }
    }
    hits
}

/// The latencies of an experiment, each with its cluster: as the summary forms them.
fn experiment(process: Process, layout: Layout, rng: &mut ChaCha8Rng) -> Vec<(f64, u32)> {
    let Layout { blocks, requests } = layout;
    let mut latencies = Vec::new();
    for block in 0..blocks {
        let cell = rng.random_range(0..CELLS);
        let start = f64::from(cell) / f64::from(CELLS);
        let time = |request: u32| {
            let within = start + f64::from(request) / f64::from(requests) / f64::from(CELLS);
            (f64::from(block) + within) / f64::from(blocks)
        };
        let cluster = |request: u32| {
            if layout.has_blocks_enough() { block } else { block * 10 + request * 10 / requests }
        };
        let values = process.block(rng, (0..requests).map(time));
        latencies.extend(values.into_iter().zip((0..requests).map(cluster)));
    }
    latencies
}

/// Coverage of an error rate: each block's own rate has the given mean and, as a share of it, the
/// given standard deviation.
pub(crate) fn error_rates(
    rate: f64,
    spread: f64,
    layout: Layout,
    experiments: u32,
    seed: u64,
) -> Hits {
    let mut hits = Hits::default();
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    for _ in 0..experiments {
        let parts = (0..layout.blocks).map(|_| {
            let rate = rate * (spread * normal(&mut rng) - spread * spread / 2.0).exp();
            let errors = (0..layout.requests).filter(|_| rng.random::<f64>() < rate).count();
            (errors as u64, u64::from(layout.requests))
        });
        let parts: Vec<_> = parts.collect();
        hits.add(share_interval(parts), rate);
    }
    hits
}

/// What equal endpoints are measured with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Contest {
    pub(crate) endpoints: usize,
    /// Loads of each endpoint, of which the cheapest is taken.
    pub(crate) loads: usize,
    pub(crate) replicates: u32,
}

/// In which share of experiments equal endpoints get a winner.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Winners {
    /// As it is done: corrected for all pairs.
    pub(crate) all_pairs: f64,
    /// If the correction were for the rivals of the cheapest alone.
    pub(crate) own_rivals: f64,
}

/// How often at least one of equal endpoints is shown to be dearer than the cheapest.
pub(crate) fn false_winners(contest: Contest, experiments: u32, seed: u64) -> Winners {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let (mut all_pairs, mut own_rivals) = (0, 0);
    for _ in 0..experiments {
        let mut best: Vec<_> =
            replicate_costs(contest, &mut rng).into_iter().map(cheapest).collect();
        best.sort_by(|one, two| total(one).total_cmp(&total(two)));
        let tests = test_rivals(&best);
        let single: Vec<_> = tests.iter().filter_map(|test| Some(test.test?.p_value)).collect();
        let below = |p_values: &[f64]| u32::from(p_values.iter().any(|&p| p < SIGNIFICANT));
        all_pairs += below(&tests.iter().filter_map(|test| test.p_holm).collect::<Vec<_>>());
        own_rivals += below(&holm(&single));
    }
    let share = |count: u32| f64::from(count) / f64::from(experiments);
    Winners { all_pairs: share(all_pairs), own_rivals: share(own_rivals) }
}

type Costs = BTreeMap<u32, f64>;

/// For each endpoint and load the mean cost of each replicate: 20 transactions that vary by half, and
/// what all of a replicate have in common.
fn replicate_costs(contest: Contest, rng: &mut ChaCha8Rng) -> Vec<Vec<Costs>> {
    let common: Vec<f64> = (0..contest.replicates).map(|_| (0.1 * normal(rng)).exp()).collect();
    let mut cost = |replicate: u32| {
        let one = |rng: &mut ChaCha8Rng| (0.5 * normal(rng)).exp();
        let mean = (0..20).map(|_| one(rng)).sum::<f64>() / 20.0;
        mean * common[replicate as usize]
    };
    let mut load =
        || (0..contest.replicates).map(|replicate| (replicate, cost(replicate))).collect();
    let mut endpoint = || (0..contest.loads).map(|_| load()).collect();
    (0..contest.endpoints).map(|_| endpoint()).collect()
}

fn total(costs: &Costs) -> f64 {
    costs.values().sum()
}

fn cheapest(loads: Vec<Costs>) -> Costs {
    loads.into_iter().min_by(|one, two| total(one).total_cmp(&total(two))).unwrap_or_default()
}

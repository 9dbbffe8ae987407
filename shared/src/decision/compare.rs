//! Whether the choice is shown to be cheaper than its rivals.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Candidate;
use super::sentence::{place, signed_usd, spread};
use crate::stats::{FEWEST_CLUSTERS, Interval, PairedTest, holm};
use crate::summary::{BlockPlace, ExperimentSummary};
use crate::units::{ExperimentId, NanoUsd};
use crate::words::plural;

/// With fewer replicates in common than this, nothing is tested.
pub(super) const FEWEST_REPLICATES: u32 = FEWEST_CLUSTERS;

/// A difference is shown where its corrected p-value is below this.
const SIGNIFICANT: f64 = 0.05;

/// The choice against one rival on the same dataset, paired over replicates.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// The rival: the best of another endpoint.
    pub rival: ExperimentId,
    /// Replicates that both measured.
    pub replicates: u32,
    /// What 10,000 transactions cost more with the rival, US dollars: the mean over replicates, or
    /// over all requests where there are too few replicates.
    pub more_per_10k_usd: f64,
    /// Its 95 % interval, for this one comparison alone.
    pub interval: Option<Interval>,
    /// The two-sided p-value of the paired t-test.
    pub p_value: Option<f64>,
    /// The same after Holm's correction for all pairs of endpoints on the dataset: any of them
    /// might have come out as the choice.
    pub p_holm: Option<f64>,
    /// What it shows.
    pub verdict: ComparisonVerdict,
    /// That in words.
    pub words: String,
}

/// What a comparison shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ComparisonVerdict {
    /// The choice is cheaper.
    Cheaper,
    /// The choice is dearer: it was preferred because its criteria are shown, the rival's only met.
    Dearer,
    /// They cannot be told apart.
    Indistinguishable,
    /// There are fewer than five replicates, so nothing is said.
    TooFewReplicates,
}

/// What 10,000 transactions cost in each replicate, US dollars.
pub(super) type Costs = BTreeMap<BlockPlace, f64>;

pub(super) fn costs(summary: &ExperimentSummary) -> Costs {
    let blocks = summary.blocks.iter();
    blocks.filter_map(|block| Some((block.place, block.cost_per_10k_nano_usd?.as_usd()))).collect()
}

/// How much more the second costs than the first in each replicate that both measured.
pub(super) fn differences(first: &Costs, second: &Costs) -> Vec<f64> {
    let both = first.iter().filter_map(|(place, cost)| Some(second.get(place)? - cost));
    both.collect()
}

/// The first contender against one of the others.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tested {
    pub(super) replicates: u32,
    /// The replicates in which the first is cheaper.
    pub(super) cheaper_in: u32,
    /// `None` with fewer than two replicates.
    pub(super) test: Option<PairedTest>,
    pub(super) p_holm: Option<f64>,
    pub(super) verdict: ComparisonVerdict,
}

/// The first contender against each of the others.
///
/// It comes first because it looked best of all, so the family of tests is that of all pairs, not of
/// its own alone: with eleven equal contenders, Holm over the ten rivals of the cheapest would show
/// a difference in about one experiment of eight (`examples/coverage.rs`).
pub(super) fn against_others(contenders: &[Costs]) -> Vec<Tested> {
    let pairs = |first: usize| (first + 1..contenders.len()).map(move |second| (first, second));
    let all = (0..contenders.len()).flat_map(pairs);
    let mut tested: Vec<Tested> =
        all.map(|(first, second)| pair(&contenders[first], &contenders[second])).collect();
    let enough = |tested: &Tested| tested.replicates >= FEWEST_REPLICATES;
    let p_value = |tested: &Tested| tested.test.map(|test| test.p_value);
    let p_values: Vec<_> = tested.iter().filter(|t| enough(t)).filter_map(p_value).collect();
    let mut corrected = holm(&p_values).into_iter();
    tested.iter_mut().filter(|tested| enough(tested)).for_each(|tested| {
        tested.p_holm = corrected.next();
        tested.verdict = match (tested.p_holm, tested.test) {
            (Some(p), Some(test)) if p < SIGNIFICANT && test.mean > 0.0 => {
                ComparisonVerdict::Cheaper
            }
            (Some(p), Some(_)) if p < SIGNIFICANT => ComparisonVerdict::Dearer,
            _ => ComparisonVerdict::Indistinguishable,
        };
    });
    // The pairs of the first come first.
    tested.truncate(contenders.len().saturating_sub(1));
    tested
}

fn pair(first: &Costs, second: &Costs) -> Tested {
    let differences = differences(first, second);
    let count = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    Tested {
        replicates: count(differences.len()),
        cheaper_in: count(differences.iter().filter(|&&more| more > 0.0).count()),
        test: PairedTest::of(&differences),
        p_holm: None,
        verdict: ComparisonVerdict::TooFewReplicates,
    }
}

/// The choice against the best of each other endpoint; `best` holds the best of each endpoint, the
/// choice first.
pub(super) fn comparisons(best: &[Candidate<'_>]) -> Vec<Comparison> {
    let contenders: Vec<_> = best.iter().map(|best| costs(best.summary)).collect();
    let rivals = best.iter().skip(1);
    let pooled = |candidate: &Candidate<'_>| candidate.price().map_or(0.0, NanoUsd::as_usd);
    rivals
        .zip(against_others(&contenders))
        .map(|(rival, tested)| compare(rival, pooled(rival) - pooled(&best[0]), &tested))
        .collect()
}

fn compare(rival: &Candidate<'_>, pooled: f64, tested: &Tested) -> Comparison {
    let test = tested.test.filter(|_| tested.p_holm.is_some());
    Comparison {
        rival: rival.summary.experiment.clone(),
        replicates: tested.replicates,
        more_per_10k_usd: test.map_or(pooled, |test| test.mean),
        interval: test.map(|test| test.interval),
        p_value: test.map(|test| test.p_value),
        p_holm: tested.p_holm,
        verdict: tested.verdict,
        words: words(&place(rival.summary), tested),
    }
}

fn words(rival: &str, tested: &Tested) -> String {
    let replicates = plural(tested.replicates.into(), "replicate");
    let more = |test: PairedTest| {
        format!(
            "{} per 10,000 transactions ({})",
            signed_usd(test.mean.abs()),
            spread(test.interval, test.mean.signum())
        )
    };
    match (tested.verdict, tested.test) {
        (ComparisonVerdict::Cheaper, Some(test)) => format!(
            "Shown to be cheaper than {rival} by {}, cheaper in {} of {replicates}.",
            more(test),
            tested.cheaper_in
        ),
        (ComparisonVerdict::Dearer, Some(test)) => format!(
            "Shown to be dearer than {rival} by {}, in {replicates}: it is preferred because its \
             criteria are shown.",
            more(test)
        ),
        (ComparisonVerdict::Indistinguishable, Some(test)) => format!(
            "Cannot be told apart in cost from {rival}: that costs {} more per 10,000 transactions \
             ({}), over {replicates}.",
            signed_usd(test.mean),
            spread(test.interval, 1.0)
        ),
        _ => format!(
            "Not tested against {rival}: {replicates} in common, and a test needs at least \
             {FEWEST_REPLICATES}."
        ),
    }
}

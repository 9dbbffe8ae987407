//! Whether the choice is shown to be cheaper than its rivals.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Candidate;
use super::sentence::{place, signed_usd, spread};
use crate::stats::{FEWEST_PAIRS, Interval, PairedTest, RivalTest, SIGNIFICANT, test_rivals};
use crate::summary::{BlockPlace, ExperimentSummary};
use crate::units::{ExperimentId, NanoUsd};
use crate::words::plural;

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

/// What a test shows of the first contender.
pub(super) fn verdict(tested: &RivalTest) -> ComparisonVerdict {
    match (tested.p_holm, tested.test) {
        (Some(p), Some(test)) if p < SIGNIFICANT && test.mean > 0.0 => ComparisonVerdict::Cheaper,
        (Some(p), Some(_)) if p < SIGNIFICANT => ComparisonVerdict::Dearer,
        (Some(_), Some(_)) => ComparisonVerdict::Indistinguishable,
        (None, _) | (_, None) => ComparisonVerdict::TooFewReplicates,
    }
}

/// The choice against the best of each other endpoint; `best` holds the best of each endpoint, the
/// choice first.
pub(super) fn comparisons(best: &[Candidate<'_>]) -> Vec<Comparison> {
    let contenders: Vec<_> = best.iter().map(|best| costs(best.summary)).collect();
    let rivals = best.iter().skip(1);
    let pooled = |candidate: &Candidate<'_>| candidate.price().map_or(0.0, NanoUsd::as_usd);
    rivals
        .zip(test_rivals(&contenders))
        .map(|(rival, tested)| compare(rival, pooled(rival) - pooled(&best[0]), &tested))
        .collect()
}

fn compare(rival: &Candidate<'_>, pooled: f64, tested: &RivalTest) -> Comparison {
    let test = tested.test;
    Comparison {
        rival: rival.summary.experiment.clone(),
        replicates: tested.pairs,
        more_per_10k_usd: test.map_or(pooled, |test| test.mean),
        interval: test.map(|test| test.interval),
        p_value: test.map(|test| test.p_value),
        p_holm: tested.p_holm,
        verdict: verdict(tested),
        words: words(&place(rival.summary), tested),
    }
}

fn words(rival: &str, tested: &RivalTest) -> String {
    let replicates = plural(tested.pairs.into(), "replicate");
    let more = |test: PairedTest| {
        format!(
            "{} per 10,000 transactions ({})",
            signed_usd(test.mean.abs()),
            spread(test.interval, test.mean.signum())
        )
    };
    match (verdict(tested), tested.test) {
        (ComparisonVerdict::Cheaper, Some(test)) => format!(
            "Shown to be cheaper than {rival} by {}, cheaper in {} of {replicates}.",
            more(test),
            tested.larger_in
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
             {FEWEST_PAIRS}."
        ),
    }
}

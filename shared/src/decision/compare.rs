//! Whether the choice is shown to be cheaper than its rivals.

use serde::{Deserialize, Serialize};

use crate::stats::Interval;
use crate::units::ExperimentId;

/// The choice against one rival on the same dataset, paired over replicates.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// The rival: the best of another endpoint.
    pub rival: ExperimentId,
    /// Replicates that both measured.
    pub replicates: u32,
    /// What 10,000 transactions cost more with the rival, US dollars: the mean over replicates.
    pub more_per_10k_usd: f64,
    /// Its 95 % interval.
    pub interval: Option<Interval>,
    /// The two-sided p-value of the paired t-test.
    pub p_value: Option<f64>,
    /// The same after Holm's correction for all rivals on the dataset.
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
    /// They cannot be told apart.
    Indistinguishable,
    /// There are fewer than five replicates, so nothing is said.
    TooFewReplicates,
}

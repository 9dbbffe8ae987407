//! What pictures are drawn from: points, histograms and figures of single blocks.

use serde::{Deserialize, Serialize};

use super::BlockPlace;
use crate::units::NanoUsd;

/// The figures of one block: what replicates are paired by.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BlockFigures {
    /// Which block.
    pub place: BlockPlace,
    /// When its measured window began, RFC 3339.
    #[serde(default)]
    pub began_at: Option<String>,
    /// Measured requests that were completed.
    pub completed: u64,
    /// Throttled, timed out and failed ones.
    pub errors: u64,
    /// Mean E2E of the completed ones, milliseconds.
    pub e2e_mean_ms: Option<f64>,
    /// Mean TTFT of the completed ones, milliseconds.
    pub ttft_mean_ms: Option<f64>,
    /// The mean cost of 10,000 transactions.
    pub cost_per_10k_nano_usd: Option<NanoUsd>,
}

/// One completed request, for the plot of tokens against latency.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// Prompt tokens, by the service's count.
    pub input_tokens: u32,
    /// Answer tokens, by the service's count.
    pub output_tokens: u32,
    /// Send to end of answer.
    pub e2e_ms: f64,
    /// Send to first visible text.
    pub ttft_ms: Option<f64>,
}

/// How often a latency was in each of adjoining ranges.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Histogram {
    /// The ranges that hold something, rising.
    pub bins: Vec<Bin>,
}

/// A range of a [`Histogram`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Bin {
    /// Where it begins, milliseconds.
    pub from_ms: f64,
    /// Where it ends, milliseconds.
    pub to_ms: f64,
    /// How many latencies it holds.
    pub count: u64,
}

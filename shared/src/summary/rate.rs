//! The statistics of output tokens per second.

use serde::{Deserialize, Serialize};

/// Output tokens per second of single answers, over the completed measured requests of an
/// experiment; percentiles as [`Sample::percentile`](crate::stats::Sample::percentile) has them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RateStats {
    /// How many requests have this rate.
    pub count: u64,
    /// The arithmetic mean.
    pub mean_per_s: f64,
    /// The slowest.
    pub min_per_s: f64,
    /// The lower quartile.
    pub p25_per_s: f64,
    /// The median.
    pub p50_per_s: f64,
    /// The upper quartile.
    pub p75_per_s: f64,
    /// The 95th percentile.
    pub p95_per_s: f64,
    /// The 99th percentile.
    pub p99_per_s: f64,
    /// The fastest.
    pub max_per_s: f64,
}

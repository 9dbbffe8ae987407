//! The statistics of output tokens per second.

use serde::{Deserialize, Serialize};

use crate::stats::{Percentile, Sample};

/// Output tokens per second of single answers, over the completed measured requests of an
/// experiment; percentiles as [`Sample::percentile`] has them.
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

impl RateStats {
    /// From tokens per second in any order; `None` where there are none.
    pub fn of(per_s: impl IntoIterator<Item = f64>) -> Option<Self> {
        let sample = Sample::new(per_s)?;
        Some(Self {
            count: sample.count(),
            mean_per_s: sample.mean(),
            min_per_s: sample.min(),
            p25_per_s: sample.at(Percentile::P25),
            p50_per_s: sample.at(Percentile::P50),
            p75_per_s: sample.at(Percentile::P75),
            p95_per_s: sample.at(Percentile::P95),
            p99_per_s: sample.at(Percentile::P99),
            max_per_s: sample.max(),
        })
    }
}

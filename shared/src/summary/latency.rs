//! The statistics of one latency.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::plan::Statistic;
use crate::stats::{ClusteredSample, Interval, Percentile, float};

const NANOS_PER_MS: f64 = 1e6;

/// The statistics of one latency over the completed measured requests of an experiment, all its
/// blocks pooled. Milliseconds; percentiles as [`Sample::percentile`](crate::stats::Sample::percentile) has them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LatencyStats {
    /// How many requests have this latency.
    pub count: u64,
    /// The arithmetic mean.
    pub mean_ms: f64,
    /// The shortest.
    pub min_ms: f64,
    /// The lower quartile.
    pub p25_ms: f64,
    /// The median.
    pub p50_ms: f64,
    /// The upper quartile.
    pub p75_ms: f64,
    /// The 90th percentile.
    pub p90_ms: f64,
    /// The 95th percentile.
    pub p95_ms: f64,
    /// The 99th percentile.
    pub p99_ms: f64,
    /// The longest.
    pub max_ms: f64,
    /// The 95 % intervals of what criteria can name; in milliseconds.
    #[serde(default)]
    pub intervals: LatencyIntervals,
    /// The percentiles for which `count` is too small ([`Percentile::needs_more_than`]).
    pub too_few_samples_for: Vec<Percentile>,
}

/// The 95 % intervals of a latency's statistics; `None` where there are too few clusters.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct LatencyIntervals {
    /// Of the mean.
    pub mean: Option<Interval>,
    /// Of the median.
    pub p50: Option<Interval>,
    /// Of the 90th percentile.
    pub p90: Option<Interval>,
    /// Of the 95th percentile.
    pub p95: Option<Interval>,
    /// Of the 99th percentile.
    pub p99: Option<Interval>,
}

impl LatencyIntervals {
    fn of_nanos(nanos: &ClusteredSample) -> Self {
        let at = |percentile| nanos.percentile_interval(percentile).map(interval_ms);
        Self {
            mean: nanos.mean_interval().map(interval_ms),
            p50: at(Percentile::P50),
            p90: at(Percentile::P90),
            p95: at(Percentile::P95),
            p99: at(Percentile::P99),
        }
    }

    /// That of a statistic.
    pub fn of(&self, statistic: Statistic) -> Option<Interval> {
        match statistic {
            Statistic::Mean => self.mean,
            Statistic::P50 => self.p50,
            Statistic::P90 => self.p90,
            Statistic::P95 => self.p95,
            Statistic::P99 => self.p99,
        }
    }
}

impl LatencyStats {
    /// From nanoseconds in any order, each with the number of its cluster, counted from 0; `None`
    /// where there are none.
    pub fn of_nanos(nanos: impl IntoIterator<Item = (u64, u32)>) -> Option<Self> {
        let nanos = nanos.into_iter().map(|(nanos, cluster)| (float(nanos), cluster));
        let clustered = ClusteredSample::new(nanos)?;
        let intervals = LatencyIntervals::of_nanos(&clustered);
        let sample = clustered.sample();
        let ms = |nanos: f64| nanos / NANOS_PER_MS;
        let at = |percentile| ms(sample.at(percentile));
        let count = sample.count();
        Some(Self {
            count,
            mean_ms: ms(sample.mean()),
            min_ms: ms(sample.min()),
            p25_ms: at(Percentile::P25),
            p50_ms: at(Percentile::P50),
            p75_ms: at(Percentile::P75),
            p90_ms: at(Percentile::P90),
            p95_ms: at(Percentile::P95),
            p99_ms: at(Percentile::P99),
            max_ms: ms(sample.max()),
            intervals,
            too_few_samples_for: Percentile::ALL
                .into_iter()
                .filter(|percentile| percentile.needs_more_than(count))
                .collect(),
        })
    }

    /// A statistic that criteria can name.
    pub fn statistic_ms(&self, statistic: Statistic) -> f64 {
        match statistic {
            Statistic::Mean => self.mean_ms,
            Statistic::P50 => self.p50_ms,
            Statistic::P90 => self.p90_ms,
            Statistic::P95 => self.p95_ms,
            Statistic::P99 => self.p99_ms,
        }
    }

    /// Whether there are too few samples for a percentile.
    pub fn is_flagged(&self, percentile: Percentile) -> bool {
        self.too_few_samples_for.contains(&percentile)
    }

    /// Whether there are too few samples for a statistic that criteria can name; a mean is never
    /// flagged.
    pub fn is_statistic_flagged(&self, statistic: Statistic) -> bool {
        match statistic {
            Statistic::Mean => false,
            Statistic::P50 => self.is_flagged(Percentile::P50),
            Statistic::P90 => self.is_flagged(Percentile::P90),
            Statistic::P95 => self.is_flagged(Percentile::P95),
            Statistic::P99 => self.is_flagged(Percentile::P99),
        }
    }
}

/// From nanoseconds. A latency is never negative.
pub(super) fn interval_ms(nanos: Interval) -> Interval {
    let ms = |end: f64| end.max(0.0) / NANOS_PER_MS;
    Interval { low: nanos.low.map(ms), high: nanos.high.map(ms) }
}

/// A duration as milliseconds, the way [`LatencyStats`] has them.
pub(crate) fn milliseconds(duration: Duration) -> f64 {
    float(nanoseconds(duration)) / NANOS_PER_MS
}

/// A duration as whole nanoseconds; they end at 584 years.
pub(super) fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

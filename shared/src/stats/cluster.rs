//! Intervals that allow for requests of the same cluster resembling each other.

use super::student::t_975;
use super::{Interval, Percentile, Sample, float};

/// With fewer clusters than this there is no interval.
pub const FEWEST_CLUSTERS: u32 = 5;

/// A ratio, sum / count, with the parts that each cluster has in both.
///
/// A mean is the ratio of a sum and a count of values, a share that of a count of hits and a count of
/// all. Its variance is that between clusters of the linearised residuals z = sum - ratio x count:
/// K / (K - 1) x sum of z^2 / count^2 with K clusters (the ratio estimator of Cochran, "Sampling
/// Techniques", 3rd ed. 1977, sections 6.3 and 9.7). What makes requests of the same cluster
/// resemble each other is in it, whatever it is.
#[derive(Debug, Clone, Default)]
pub struct Ratio {
    parts: Vec<(f64, f64)>,
    sum: f64,
    count: f64,
}

impl Ratio {
    /// From (sum, count) of each cluster; clusters that count nothing tell nothing and are left out.
    pub fn new(parts: impl IntoIterator<Item = (f64, f64)>) -> Self {
        let parts: Vec<_> = parts.into_iter().filter(|&(_, count)| count > 0.0).collect();
        let sum = parts.iter().map(|part| part.0).sum();
        let count = parts.iter().map(|part| part.1).sum();
        Self { parts, sum, count }
    }

    /// The ratio of a count of hits and a count of all.
    pub fn of_counts(parts: impl IntoIterator<Item = (u64, u64)>) -> Self {
        Self::new(parts.into_iter().map(|(hits, count)| (float(hits), float(count))))
    }

    /// Sum / count; `None` where nothing is counted.
    pub fn value(&self) -> Option<f64> {
        (self.count > 0.0).then(|| self.sum / self.count)
    }

    /// The variance of the value between clusters, and the t that goes with it.
    fn variance(&self) -> Option<(f64, f64)> {
        let clusters = u32::try_from(self.parts.len()).ok().filter(|&n| n >= FEWEST_CLUSTERS)?;
        let value = self.value()?;
        let squares: f64 =
            self.parts.iter().map(|(sum, count)| (sum - value * count).powi(2)).sum();
        let clusters_less_one = clusters - 1;
        let scale = f64::from(clusters) / f64::from(clusters_less_one);
        Some((scale * squares / self.count.powi(2), t_975(clusters_less_one)?))
    }

    /// The 95 % interval of a mean: value ± t x standard error.
    pub fn interval(&self) -> Option<Interval> {
        let (variance, t) = self.variance()?;
        let (value, half) = (self.value()?, t * variance.sqrt());
        Some(Interval { low: Some(value - half), high: Some(value + half) })
    }

    /// The 95 % interval of a share: Wilson's, with t and the effective sample size n / design
    /// effect (Franco, Little, Louis and Slud, "Comparative Study of Confidence Intervals for
    /// Proportions in Complex Sample Surveys", Journal of Survey Statistics and Methodology 7,
    /// 2019). It stays within 0 to 1, and of no hits at all it still says how many may have been
    /// missed: t^2 / (n + t^2). That figure takes hits as independent, because no hits show no
    /// clusters of them.
    pub fn share_interval(&self) -> Option<Interval> {
        let value = self.value()?;
        let (variance, t) = self.share_variance(value)?;
        let binomial = value * (1.0 - value) / self.count;
        let effective = if binomial > 0.0 { self.count * binomial / variance } else { self.count };
        let square = t * t / effective;
        let centre = value + square / 2.0;
        let half = (square * (value * (1.0 - value) + square / 4.0)).sqrt();
        let bound = |end: f64| Some((end / (1.0 + square)).clamp(0.0, 1.0));
        Some(Interval { low: bound(centre - half), high: bound(centre + half) })
    }

    /// The variance of a share whose value is `share`, and the t that goes with it. Never less than
    /// that of independent requests: a design effect below 1 is mostly chance with few clusters
    /// (so the U.S. National Center for Health Statistics: "Data Presentation Standards for
    /// Proportions", Vital and Health Statistics 2(175), 2017).
    fn share_variance(&self, share: f64) -> Option<(f64, f64)> {
        let (variance, t) = self.variance()?;
        Some((variance.max(share * (1.0 - share) / self.count), t))
    }
}

/// A sample whose values belong to clusters.
#[derive(Debug, Clone)]
pub struct ClusteredSample {
    sample: Sample,
    /// The cluster of each value, in the sample's order.
    clusters: Vec<u32>,
}

impl ClusteredSample {
    /// Of (value, cluster), clusters counted from 0; `None` where there is nothing, or something that is not finite.
    pub fn new(values: impl IntoIterator<Item = (f64, u32)>) -> Option<Self> {
        let mut values: Vec<_> = values.into_iter().collect();
        values.sort_unstable_by(|one, two| one.0.total_cmp(&two.0).then(one.1.cmp(&two.1)));
        let clusters = values.iter().map(|value| value.1).collect();
        let sample = Sample::new(values.into_iter().map(|value| value.0))?;
        Some(Self { sample, clusters })
    }

    /// The values without their clusters.
    pub fn sample(&self) -> &Sample {
        &self.sample
    }

    /// The 95 % interval of the mean; `None` with too few clusters.
    pub fn mean_interval(&self) -> Option<Interval> {
        self.ratio(|value| value).interval()
    }

    /// The 95 % interval of a percentile, after Woodruff ("Confidence Intervals for Medians and
    /// Other Position Measures", Journal of the American Statistical Association 47, 1952): the
    /// interval p ± t x standard error of the share of values up to the percentile, read back as
    /// ranks, outwards: x\[floor n low\] and x\[ceil n high + 1\], counting from 1. An end that
    /// falls outside of the sample is `None`, and the whole is with too few clusters.
    pub fn percentile_interval(&self, percentile: Percentile) -> Option<Interval> {
        let at = self.sample.at(percentile);
        let share = f64::from(percentile.percent()) / 100.0;
        let below = self.ratio(|value| f64::from(u8::from(value <= at)));
        let (variance, t) = below.share_variance(share)?;
        let (n, half) = (float(self.sample.count()), t * variance.sqrt());
        let low = self.at_rank((n * (share - half)).floor());
        let high = self.at_rank((n * (share + half)).ceil() + 1.0);
        Some(Interval { low, high })
    }

    /// The value of a whole rank from 1; `None` outside of the sample.
    fn at_rank(&self, rank: f64) -> Option<f64> {
        if !(1.0..=float(self.sample.count())).contains(&rank) {
            return None;
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "from 1 to the count, as was checked above"
        )]
        let index = rank as usize - 1;
        self.sample.values().get(index).copied()
    }

    fn ratio(&self, of: impl Fn(f64) -> f64) -> Ratio {
        let mut parts: Vec<(f64, f64)> = Vec::new();
        for (&value, &cluster) in self.sample.values().iter().zip(&self.clusters) {
            let cluster = cluster as usize;
            parts.resize(parts.len().max(cluster + 1), (0.0, 0.0));
            parts[cluster].0 += of(value);
            parts[cluster].1 += 1.0;
        }
        Ratio::new(parts)
    }
}

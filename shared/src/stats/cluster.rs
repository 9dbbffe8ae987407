//! Intervals that allow for requests of the same cluster resembling each other.

use super::student::t_975;
use super::{Interval, Percentile, Sample, float};

/// With fewer clusters than this there is no interval.
pub const FEWEST_CLUSTERS: u32 = 5;

/// What a normal distribution has within 95 %, in standard deviations to either side.
const Z_975: f64 = 1.959_963_984_540_054;

/// A ratio, sum / count, of what each cluster has of both.
///
/// A mean is the ratio of a sum and a count of values, a share that of a count of hits and a count of
/// all. Its variance is that between clusters of the linearised residuals z = sum - ratio x count:
/// K / (K - 1) x sum of z^2 / count^2 with K clusters (the ratio estimator of Cochran, "Sampling
/// Techniques", 3rd ed. 1977, sections 6.3 and 9.7). Whatever makes requests of the same cluster
/// resemble each other is in it.
#[derive(Debug, Clone, Copy)]
struct Ratio {
    value: f64,
    count: f64,
    clusters: u32,
    variance: f64,
    /// The t for a 95 % interval, with K - 1 degrees of freedom.
    t: f64,
}

impl Ratio {
    /// From (sum, count) of each cluster; those that count nothing tell nothing and are left out.
    /// `None` with too few clusters.
    fn of(parts: impl Iterator<Item = (f64, f64)> + Clone) -> Option<Self> {
        let parts = parts.filter(|&(_, count)| count > 0.0);
        let clusters = u32::try_from(parts.clone().count()).ok();
        let clusters = clusters.filter(|&clusters| clusters >= FEWEST_CLUSTERS)?;
        let (sum, count) =
            parts.clone().fold((0.0, 0.0), |all, part| (all.0 + part.0, all.1 + part.1));
        let value = sum / count;
        let squares: f64 = parts.map(|(sum, count)| (sum - value * count).powi(2)).sum();
        let freedom = clusters - 1;
        let variance = f64::from(clusters) / f64::from(freedom) * squares / count.powi(2);
        Some(Self { value, count, clusters, variance, t: t_975(freedom)? })
    }

    /// The square of what a 95 % interval of a share reaches to either side, if it is `share`: t^2
    /// x variance, and at least what independent requests would have, z^2 x share (1 - share) / n:
    /// a smaller variance between few clusters is mostly chance.
    fn reach_squared(&self, share: f64) -> f64 {
        let independent = Z_975.powi(2) * share * (1.0 - share) / self.count;
        (self.t.powi(2) * self.variance).max(independent)
    }
}

/// The 95 % interval of the share of hits, from (hits, all) of each cluster: Wilson's, with an
/// effective sample size (Franco, Little, Louis and Slud, "Comparative Study of Confidence Intervals
/// for Proportions in Complex Sample Surveys", Journal of Survey Statistics and Methodology 7, 2019).
/// It stays within 0 to 1, and of no hits at all it still says how many may have been missed:
/// 3.84 / (n + 3.84). That takes hits as independent, because no hits show no clusters of them.
/// `None` with too few clusters.
pub fn share_interval(parts: impl IntoIterator<Item = (u64, u64)>) -> Option<Interval> {
    let parts: Vec<_> = parts.into_iter().map(|(hits, all)| (float(hits), float(all))).collect();
    let ratio = Ratio::of(parts.iter().copied())?;
    let (share, spread) = (ratio.value, ratio.value * (1.0 - ratio.value));
    let square = if spread > 0.0 {
        ratio.reach_squared(share) / spread
    } else {
        Z_975.powi(2) / ratio.count
    };
    let centre = share + square / 2.0;
    let half = (square * (spread + square / 4.0)).sqrt();
    let end = |end: f64| Some((end / (1.0 + square)).clamp(0.0, 1.0));
    Some(Interval { low: end(centre - half), high: end(centre + half) })
}

/// The 95 % interval of a rate, from (events, time) of each cluster: the ratio ± t x its standard
/// error, and never below 0. `None` with too few clusters.
pub fn rate_interval(parts: impl IntoIterator<Item = (u64, f64)>) -> Option<Interval> {
    let parts: Vec<_> = parts.into_iter().map(|(events, time)| (float(events), time)).collect();
    let ratio = Ratio::of(parts.iter().copied())?;
    let reach = ratio.t * ratio.variance.sqrt();
    let end = |end: f64| Some(end.max(0.0));
    Some(Interval { low: end(ratio.value - reach), high: end(ratio.value + reach) })
}

/// A sample whose values belong to clusters.
#[derive(Debug, Clone)]
pub struct ClusteredSample {
    sample: Sample,
    /// The cluster of each value, in the sample's order.
    clusters: Vec<u32>,
}

impl ClusteredSample {
    /// Of (value, cluster), clusters counted from 0; `None` where there is nothing, or something
    /// that is not finite.
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
    ///
    /// The mean less w(t) and w(-t) standard deviations of a cluster's mean, with w(t) = t / root
    /// of K where values are symmetric. Latencies are not: their mean is low when their variance
    /// is low, so a symmetric interval misses high means too often. Hall's transformation ("On the
    /// Removal of Skewness by Transformation", Journal of the Royal Statistical Society B 54, 1992)
    /// mends it: w(t) = 3 / g x ((1 + g (t / root of K - g / 6 K))^(1/3) - 1), with g the skewness
    /// of a cluster's mean. Few clusters cannot tell that, so it is the skewness of single values
    /// over the root of how many independent values a cluster is worth.
    pub fn mean_interval(&self) -> Option<Interval> {
        let ratio = self.ratio(|value| value)?;
        let clusters = f64::from(ratio.clusters);
        let deviation = (ratio.variance * clusters).sqrt();
        let skewness = self.skewness_of_cluster_means(&ratio);
        let standardised = |t: f64| {
            let plain = t / clusters.sqrt();
            if skewness.abs() < 1e-6 {
                return plain;
            }
            let shifted = plain - skewness / (6.0 * clusters);
            3.0 / skewness * ((1.0 + skewness * shifted).cbrt() - 1.0)
        };
        let end = |t: f64| Some(ratio.value - deviation * standardised(t));
        Some(Interval { low: end(ratio.t), high: end(-ratio.t) })
    }

    /// The skewness of single values over the root of n, with n how many independent values have a
    /// mean that varies as those of clusters do: from 1 to as many as a cluster holds.
    fn skewness_of_cluster_means(&self, means: &Ratio) -> f64 {
        let moment = |power: i32| {
            let powers = self.sample.values().iter().map(|value| (value - means.value).powi(power));
            powers.sum::<f64>() / means.count
        };
        let variance = moment(2);
        if variance <= 0.0 {
            return 0.0;
        }
        let clusters = f64::from(means.clusters);
        let between = means.variance * clusters;
        let worth = (variance / between).min(means.count / clusters).max(1.0);
        moment(3) / variance.powf(1.5) / worth.sqrt()
    }

    /// The 95 % interval of a percentile, after Woodruff ("Confidence Intervals for Medians and
    /// Other Position Measures", Journal of the American Statistical Association 47, 1952): the
    /// interval p ± t x standard error of the share of values up to the percentile, read back as
    /// ranks, outwards: x\[floor n low\] and x\[ceil n high + 1\], counting from 1. An end that
    /// falls outside of the sample is `None`, and the whole is with too few clusters.
    pub fn percentile_interval(&self, percentile: Percentile) -> Option<Interval> {
        let at = self.sample.at(percentile);
        let share = f64::from(percentile.percent()) / 100.0;
        let below = self.ratio(|value| f64::from(u8::from(value <= at)))?;
        let reach = below.reach_squared(share).sqrt();
        let low = self.at_rank((below.count * (share - reach)).floor());
        let high = self.at_rank((below.count * (share + reach)).ceil() + 1.0);
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

    fn ratio(&self, of: impl Fn(f64) -> f64) -> Option<Ratio> {
        let mut parts: Vec<(f64, f64)> = Vec::new();
        for (&value, &cluster) in self.sample.values().iter().zip(&self.clusters) {
            let cluster = cluster as usize;
            parts.resize(parts.len().max(cluster + 1), (0.0, 0.0));
            parts[cluster].0 += of(value);
            parts[cluster].1 += 1.0;
        }
        Ratio::of(parts.into_iter())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ends(interval: Option<Interval>) -> (f64, f64) {
        let interval = interval.unwrap();
        (interval.low.unwrap(), interval.high.unwrap())
    }

    fn close(value: (f64, f64), expected: (f64, f64), within: f64) {
        let far = (value.0 - expected.0).abs().max((value.1 - expected.1).abs());
        assert!(far < within, "{value:?} {expected:?}");
    }

    /// 1 to 100, dealt out to clusters.
    fn clustered(clusters: u32) -> ClusteredSample {
        let values = (1..=100_u32).map(|n| (f64::from(n), n % clusters));
        ClusteredSample::new(values).unwrap()
    }

    /// One value a cluster and no skewness: the t interval of every textbook.
    #[test]
    fn symmetric_values_give_the_t_interval() {
        let values = [1.0, 2.0, 3.0, 4.0, 5.0].into_iter().zip(0..);
        let sample = ClusteredSample::new(values).unwrap();
        // 3 ± 2.776445 x root of (2.5 / 5).
        close(ends(sample.mean_interval()), (1.036_757, 4.963_243), 1e-5);
    }

    #[test]
    fn a_long_tail_moves_the_interval_towards_it() {
        let values = [1.0, 1.0, 1.0, 2.0, 2.0, 10.0].into_iter().zip(0..);
        let sample = ClusteredSample::new(values).unwrap();
        let (low, high) = ends(sample.mean_interval());
        let mean = sample.sample().mean();
        assert!(high - mean > 1.5 * (mean - low), "{low} {mean} {high}");
    }

    #[test]
    fn clusters_of_unequal_size_count_by_their_requests() {
        let ratio = Ratio::of(
            [(2.0, 1.0), (8.0, 4.0), (0.0, 0.0), (4.0, 2.0), (6.0, 3.0), (5.0, 5.0)].into_iter(),
        );
        let ratio = ratio.unwrap();
        assert_eq!(ratio.clusters, 5, "a cluster without requests tells nothing");
        let mean: f64 = 25.0 / 15.0;
        assert!((ratio.value - mean).abs() < 1e-12);
        let squares: f64 = [(2.0, 1.0), (8.0, 4.0), (4.0, 2.0), (6.0, 3.0), (5.0, 5.0)]
            .map(|(sum, count): (f64, f64)| (sum - mean * count).powi(2))
            .iter()
            .sum();
        assert!((ratio.variance - 1.25 * squares / 225.0).abs() < 1e-12);
    }

    #[test]
    fn with_too_few_clusters_there_is_no_interval() {
        let sample = clustered(4);
        assert_eq!(sample.mean_interval(), None);
        assert_eq!(sample.percentile_interval(Percentile::P50), None);
        assert_eq!(share_interval([(1, 10); 4]), None);
        assert_eq!(share_interval([(0, 0); 9]), None);
    }

    /// The ranks that tables give for a median of 100 independent values: 40 and 61.
    #[test]
    fn a_median_of_independent_values_has_the_ranks_of_the_tables() {
        let sample = clustered(10);
        assert_eq!(ends(sample.percentile_interval(Percentile::P50)), (40.0, 61.0));
    }

    #[test]
    fn a_high_percentile_of_few_values_has_no_upper_end() {
        let sample = clustered(10);
        let interval = sample.percentile_interval(Percentile::P99).unwrap();
        assert_eq!(interval.high, None);
        assert!(interval.low.is_some_and(|low| low < 99.0));
    }

    #[test]
    fn no_errors_are_not_shown_to_be_none() {
        // Wilson's bound, 3.8415 / (n + 3.8415): with 500 requests 0.76 %.
        close(ends(share_interval([(0, 100); 5])), (0.0, 0.007_624), 1e-6);
        close(ends(share_interval([(100, 100); 5])), (0.992_376, 1.0), 1e-6);
    }

    #[test]
    fn errors_in_one_block_tell_less_than_the_same_errors_spread() {
        let spread = ends(share_interval([(2, 100); 5]));
        // Wilson's interval of 10 in 500.
        close(spread, (0.010_902, 0.036_411), 1e-5);
        let lumped = ends(share_interval([(10, 100), (0, 100), (0, 100), (0, 100), (0, 100)]));
        assert!(lumped.1 > 2.0 * spread.1, "{lumped:?}");
    }

    #[test]
    fn a_rate_has_the_t_interval_of_its_clusters() {
        // 3 ± 2.776445 x root of (2.5 / 5), as above; a cluster without time tells nothing.
        let parts = [(1, 1.0), (2, 1.0), (3, 1.0), (0, 0.0), (4, 1.0), (5, 1.0)];
        close(ends(rate_interval(parts)), (1.036_757, 4.963_243), 1e-5);
        assert_eq!(rate_interval([(9, 1.0); 4]), None);
        let (low, _) = ends(rate_interval([(0, 1.0), (0, 1.0), (0, 1.0), (0, 1.0), (1, 1.0)]));
        close((low, 0.0), (0.0, 0.0), 1e-12);
    }

    #[test]
    fn equal_values_leave_no_doubt() {
        let sample = ClusteredSample::new((0..50).map(|n| (7.0, n % 5))).unwrap();
        close(ends(sample.mean_interval()), (7.0, 7.0), 1e-12);
    }

    proptest! {
        #[test]
        fn intervals_hold_the_estimate_and_lie_in_the_right_order(
            values in prop::collection::vec((0.0..1e9_f64, 0_u32..8), 40..200)
        ) {
            let sample = ClusteredSample::new(values).unwrap();
            let points = [Percentile::P50, Percentile::P90, Percentile::P95].map(|percentile| {
                (sample.sample().at(percentile), sample.percentile_interval(percentile))
            });
            let mean = (sample.sample().mean(), sample.mean_interval());
            for (point, interval) in points.into_iter().chain([mean]) {
                let interval = interval.unwrap();
                prop_assert!(interval.low.is_none_or(|low| low <= point));
                prop_assert!(interval.high.is_none_or(|high| point <= high));
            }
        }

        #[test]
        fn shares_stay_shares(parts in prop::collection::vec((0_u64..50, 0_u64..50), 5..12)) {
            let parts = parts.into_iter().map(|(hits, others)| (hits, hits + others));
            if let Some(interval) = share_interval(parts) {
                let (low, high) = (interval.low.unwrap(), interval.high.unwrap());
                prop_assert!((0.0..=high).contains(&low) && high <= 1.0);
            }
        }
    }
}

//! Numbers that statistics can be taken of.

use super::{Percentile, float};

/// At least one number, all finite, sorted.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample(Vec<f64>);

impl Sample {
    /// `None` where there is nothing, or something that is not finite.
    pub fn new(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut values: Vec<f64> = values.into_iter().collect();
        if values.is_empty() || values.iter().any(|value| !value.is_finite()) {
            return None;
        }
        values.sort_unstable_by(f64::total_cmp);
        Some(Self(values))
    }

    /// How many numbers there are.
    pub fn count(&self) -> u64 {
        self.0.len() as u64
    }

    /// The values, sorted.
    pub fn values(&self) -> &[f64] {
        &self.0
    }

    /// The smallest.
    pub fn min(&self) -> f64 {
        self.0[0]
    }

    /// The largest.
    pub fn max(&self) -> f64 {
        self.0[self.0.len() - 1]
    }

    /// The arithmetic mean: the sum, taken from the smallest up, over the count. Kept between
    /// [`min`](Self::min) and [`max`](Self::max), which rounding may leave by a hair.
    pub fn mean(&self) -> f64 {
        let sum: f64 = self.0.iter().sum();
        (sum / float(self.count())).clamp(self.min(), self.max())
    }

    /// The percentile by linear interpolation between order statistics, type 7 of Hyndman and Fan
    /// ("Sample Quantiles in Statistical Packages", The American Statistician 50, 1996) and the
    /// default of NumPy: with h = (n - 1) p / 100, x\[floor h\] + (h - floor h) (x\[floor h + 1\] -
    /// x\[floor h\]), counting from 0.
    ///
    /// `percent` outside of 0 to 100 gives the nearer end.
    pub fn percentile(&self, percent: f64) -> f64 {
        let rank = float(self.count() - 1) * (percent.clamp(0.0, 100.0) / 100.0);
        let below = rank.floor();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a whole number from 0 to the last index"
        )]
        let index = below as usize;
        let low = self.0[index];
        let high = self.0.get(index + 1).copied().unwrap_or(low);
        interpolate(low, high, rank - below)
    }

    /// One of the percentiles that summaries hold.
    pub fn at(&self, percentile: Percentile) -> f64 {
        self.percentile(f64::from(percentile.percent()))
    }
}

/// From the nearer end, as NumPy does it, so that figures agree to the last digit.
fn interpolate(low: f64, high: f64, share: f64) -> f64 {
    let span = high - low;
    let value = if share >= 0.5 { high - span * (1.0 - share) } else { low + span * share };
    value.clamp(low, high)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// `expected`: (percent, `numpy.percentile(values, percent)`) by NumPy 2.4, printed by `repr`.
    #[expect(clippy::float_cmp, reason = "the same arithmetic gives the same bits")]
    fn check(values: &[f64], mean: f64, expected: &[(f64, f64)]) {
        let sample = Sample::new(values.iter().copied()).unwrap();
        assert_eq!(sample.mean(), mean);
        for &(percent, value) in expected {
            assert_eq!(sample.percentile(percent), value, "p{percent}");
        }
    }

    #[test]
    fn percentiles_are_those_of_numpy() {
        check(
            &[15.0, 20.0, 35.0, 40.0, 50.0],
            32.0,
            &[(0.0, 15.0), (25.0, 20.0), (40.0, 29.0), (50.0, 35.0), (90.0, 46.0), (99.0, 49.6)],
        );
        check(
            &[3.7, 1.25, 9.5, 2.0, 2.0, 100.125, 0.5, 42.0, 7.75, 6.0, 5.5],
            16.393_181_818_181_816,
            &[
                (25.0, 2.0),
                (40.0, 3.7),
                (50.0, 5.5),
                (75.0, 8.625),
                (90.0, 42.0),
                (95.0, 71.0625),
                (99.0, 94.312_500_000_000_01),
                (100.0, 100.125),
            ],
        );
        let many: Vec<f64> = (0..200_u32).map(|i| f64::from(i * 7919 % 1009) / 8.0).collect();
        check(
            &many,
            63.351_25,
            &[
                (25.0, 32.0),
                (40.0, 51.050_000_000_000_004),
                (50.0, 63.375),
                (75.0, 94.75),
                (90.0, 113.3),
                (95.0, 120.024_999_999_999_99),
                (99.0, 124.63),
            ],
        );
    }

    #[test]
    fn one_value_is_every_percentile() {
        check(&[2.5], 2.5, &[(0.0, 2.5), (50.0, 2.5), (99.0, 2.5), (100.0, 2.5)]);
    }

    #[test]
    fn what_is_not_a_sample_is_refused() {
        assert_eq!(Sample::new([]), None);
        assert_eq!(Sample::new([1.0, f64::NAN]), None);
        assert_eq!(Sample::new([f64::INFINITY]), None);
    }

    fn values() -> impl Strategy<Value = Vec<f64>> {
        prop::collection::vec(-1e12..1e12_f64, 1..60)
    }

    proptest! {
        #[test]
        fn statistics_lie_between_the_ends(values in values(), percent in 0.0..=100.0_f64) {
            let sample = Sample::new(values).unwrap();
            for value in [sample.mean(), sample.percentile(percent)] {
                prop_assert!(sample.min() <= value && value <= sample.max());
            }
        }

        #[test]
        fn percentiles_rise(values in values(), one in 0.0..=100.0_f64, two in 0.0..=100.0_f64) {
            let sample = Sample::new(values).unwrap();
            prop_assert!(sample.percentile(one.min(two)) <= sample.percentile(one.max(two)));
        }

        #[test]
        fn order_does_not_matter(
            (one, two) in values().prop_flat_map(|v| (Just(v.clone()), Just(v).prop_shuffle()))
        ) {
            prop_assert_eq!(Sample::new(one), Sample::new(two));
        }
    }
}

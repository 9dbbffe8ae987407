//! How long prompts and answers are: always the same, or drawn.

use std::ops::RangeInclusive;

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use statrs::distribution::{ContinuousCDF, Normal};

/// A length in tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lengths {
    /// Always the same.
    Fixed(u32),
    /// Drawn from a normal distribution that is cut off where lengths are not possible.
    Normal {
        /// The mean before cutting off.
        mean: u32,
        /// The standard deviation before cutting off.
        stddev: u32,
    },
}

impl Lengths {
    /// The length, or the mean before cutting off.
    pub fn mean(self) -> u32 {
        match self {
            Self::Fixed(mean) | Self::Normal { mean, .. } => mean,
        }
    }

    /// A length within `range`, by one number of `random`: the quantile function at a place that
    /// is uniform between the two ends (inverse transform sampling of the truncated normal
    /// distribution), rounded. A fixed length draws nothing and is brought into the range.
    pub(super) fn draw(self, range: &RangeInclusive<u32>, random: &mut ChaCha8Rng) -> u32 {
        let (low, high) = (*range.start(), *range.end());
        let Self::Normal { mean, stddev } = self else {
            return self.mean().clamp(low, high);
        };
        let Ok(normal) = Normal::new(mean.into(), stddev.into()) else {
            return mean.clamp(low, high); // no deviation
        };
        // Half a token on both sides, so that the ends are as likely as their density says.
        let below = normal.cdf(f64::from(low) - 0.5);
        let above = normal.cdf(f64::from(high) + 0.5);
        let place = below + random.random::<f64>() * (above - below);
        let length = normal.inverse_cdf(place).round();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a float becomes the nearest integer of the type, which is then clamped"
        )]
        (length as u32).clamp(low, high)
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    fn draw(lengths: Lengths, range: RangeInclusive<u32>, count: usize) -> Vec<u32> {
        let mut random = ChaCha8Rng::seed_from_u64(7);
        (0..count).map(|_| lengths.draw(&range, &mut random)).collect()
    }

    #[test]
    fn drawn_lengths_have_the_mean_and_deviation_that_was_asked_for() {
        let drawn = draw(Lengths::Normal { mean: 550, stddev: 150 }, 32..=1_000_000, 20_000);
        let values: Vec<f64> = drawn.iter().map(|length| f64::from(*length)).collect();
        let mean = values.iter().sum::<f64>() / 20_000.0;
        let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / 20_000.0;
        // The lower end cuts off 0.03 %.
        assert!((mean - 550.0).abs() < 5.0, "{mean}");
        assert!((variance.sqrt() - 150.0).abs() < 3.0, "{variance}");
    }

    #[test]
    fn what_is_cut_off_is_spread_over_the_rest() {
        let drawn = draw(Lengths::Normal { mean: 100, stddev: 100 }, 1..=100, 10_000);
        assert!(drawn.iter().all(|length| (1..=100).contains(length)));
        // The density rises towards the mean: 0.455 of the mass is below the middle.
        let below = drawn.iter().filter(|length| **length <= 50).count();
        assert!((4300..4800).contains(&below), "{below}");
        assert!(drawn.iter().filter(|length| **length == 100).count() < 300);
    }

    #[test]
    fn a_fixed_length_draws_nothing() {
        assert_eq!(draw(Lengths::Fixed(7), 1..=5, 2), [5, 5]);
        assert_eq!(draw(Lengths::Normal { mean: 7, stddev: 0 }, 1..=9, 2), [7, 7]);
        // Pinned: what a seed generates must not change.
        let drawn = draw(Lengths::Normal { mean: 550, stddev: 150 }, 32..=9000, 6);
        assert_eq!(drawn, [400, 406, 631, 640, 589, 496]);
    }
}

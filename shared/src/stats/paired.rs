//! Differences of pairs: whether they are more than chance.

use super::student::{t_975, two_sided};
use super::{Interval, float};

/// What differences of pairs show of their mean.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PairedTest {
    /// How many pairs there are.
    pub pairs: u32,
    /// The mean difference.
    pub mean: f64,
    /// Its 95 % interval.
    pub interval: Interval,
    /// The probability of a mean at least as far from 0, on either side, if there were none.
    pub p_value: f64,
}

impl PairedTest {
    /// The paired t-test of Student ("The Probable Error of a Mean", Biometrika 6, 1908): t = mean /
    /// (standard deviation / root of n), with n - 1 degrees of freedom. Differences that are all
    /// the same, as where prompts and answers have fixed lengths, leave no doubt: p is then 0, or 1
    /// where they are 0. `None` for fewer than two pairs.
    pub fn of(differences: &[f64]) -> Option<Self> {
        let pairs = u32::try_from(differences.len()).ok()?;
        let freedom = pairs.checked_sub(1)?;
        let n = float(pairs.into());
        let mean = differences.iter().sum::<f64>() / n;
        let squares: f64 = differences.iter().map(|value| (value - mean).powi(2)).sum();
        let error = (squares / f64::from(freedom) / n).sqrt();
        let half = t_975(freedom)? * error;
        let p_value = match () {
            () if error > 0.0 => two_sided(mean / error, freedom)?,
            () if mean == 0.0 => 1.0,
            () => 0.0,
        };
        let interval = Interval { low: Some(mean - half), high: Some(mean + half) };
        Some(Self { pairs, mean, interval, p_value })
    }
}

/// Holm's correction for several tests ("A Simple Sequentially Rejective Multiple Test Procedure",
/// Scandinavian Journal of Statistics 6, 1979): the i-th smallest of m p-values times m - i + 1,
/// and at least what the smaller ones became; at most 1. In the order given.
pub fn holm(p_values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p_values.len()).collect();
    order.sort_by(|&one, &two| p_values[one].total_cmp(&p_values[two]));
    let mut corrected = vec![1.0; p_values.len()];
    let mut least = 0.0_f64;
    for (place, &index) in order.iter().enumerate() {
        let tests = float((p_values.len() - place) as u64);
        least = least.max((p_values[index] * tests).min(1.0));
        corrected[index] = least;
    }
    corrected
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Student's own example, the sleep data: mean 1.58, t = 4.0621, p = 0.002833, and the interval
    /// 0.7001142 to 2.4598858, as R's `t.test` prints them.
    #[test]
    fn the_sleep_data_give_the_published_test() {
        let more = [1.2, 2.4, 1.3, 1.3, 0.0, 1.0, 1.8, 0.8, 4.6, 1.4];
        let test = PairedTest::of(&more).unwrap();
        assert_eq!(test.pairs, 10);
        for (value, expected) in [
            (test.mean, 1.58),
            (test.p_value, 0.002_832_89),
            (test.interval.low.unwrap(), 0.700_114_2),
            (test.interval.high.unwrap(), 2.459_885_8),
        ] {
            assert!((value - expected).abs() < 1e-6, "{value} {expected}");
        }
    }

    #[test]
    fn differences_without_variance_are_certain() {
        let p_value = |differences: &[f64]| PairedTest::of(differences).map(|test| test.p_value);
        assert_eq!(p_value(&[2.0; 5]), Some(0.0));
        assert_eq!(p_value(&[0.0; 5]), Some(1.0));
        assert_eq!(PairedTest::of(&[2.0]), None);
        assert_eq!(PairedTest::of(&[]), None);
    }

    #[test]
    fn holm_corrects_the_smallest_most() {
        let corrected = holm(&[0.01, 0.04, 0.03, 0.005]);
        let expected = [0.03, 0.06, 0.06, 0.02];
        for (value, expected) in corrected.iter().zip(expected) {
            assert!((value - expected).abs() < 1e-12, "{corrected:?}");
        }
        assert!(holm(&[]).is_empty());
        assert_eq!(holm(&[0.9, 0.8]), [1.0, 1.0]);
    }
}

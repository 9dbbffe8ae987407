//! Fisher's F distribution, as far as tests need it.

use statrs::distribution::{ContinuousCDF, FisherSnedecor};

/// The probability of a ratio at least as large as that of two mean squares, sum of squares over
/// degrees of freedom each, if both estimate the same variance; `None` for no degree of freedom.
///
/// Sums of squares so small that rounding makes them are none: of values that are all the same
/// nothing is shown, p = 1.
pub(super) fn p_value(explained: (f64, u32), left: (f64, u32), rounding: f64) -> Option<f64> {
    let (above, below) = (f64::from(explained.1), f64::from(left.1));
    let distribution = FisherSnedecor::new(above, below).ok()?;
    if explained.0 <= rounding {
        return Some(1.0);
    }
    if left.0 <= rounding {
        return Some(0.0);
    }
    Some(distribution.sf(explained.0 / above / (left.0 / below)))
}

/// What of sums of squares of so many values is rounding.
pub(super) fn rounding(values: impl Iterator<Item = f64> + Clone) -> f64 {
    values.map(|value| value * value).sum::<f64>().max(f64::MIN_POSITIVE) * 1e-20
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 5 % points of the tables that every textbook prints.
    #[test]
    fn tails_are_those_of_the_tables() {
        for (above, below, f) in [(2, 4, 6.944), (2, 16, 3.634), (23, 24, 1.993), (1, 10, 4.965)] {
            let explained = f * f64::from(above);
            let p = p_value((explained, above), (f64::from(below), below), 0.0).unwrap();
            assert!((p - 0.05).abs() < 2e-4, "{above} {below}: {p}");
        }
    }

    #[test]
    fn nothing_over_nothing_shows_nothing() {
        assert_eq!(p_value((0.0, 2), (0.0, 4), 1e-20), Some(1.0));
        assert_eq!(p_value((1.0, 2), (0.0, 4), 1e-20), Some(0.0));
        assert_eq!(p_value((1.0, 2), (1.0, 0), 0.0), None);
    }
}

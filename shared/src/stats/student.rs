//! Student's t distribution, as far as intervals and tests need it.

use statrs::distribution::{ContinuousCDF, StudentsT};

/// The point that a t distribution with `freedom` degrees of freedom has the share `below` below;
/// `None` for no degree of freedom.
pub(crate) fn t_quantile(below: f64, freedom: u32) -> Option<f64> {
    Some(distribution(freedom)?.inverse_cdf(below))
}

/// What a 95 % interval reaches to either side, in standard errors.
pub(super) fn t_975(freedom: u32) -> Option<f64> {
    t_quantile(0.975, freedom)
}

/// The probability of a t at least as far from 0, on either side; `None` for no degree of freedom.
pub(super) fn two_sided(t: f64, freedom: u32) -> Option<f64> {
    Some((2.0 * distribution(freedom)?.sf(t.abs())).min(1.0))
}

fn distribution(freedom: u32) -> Option<StudentsT> {
    StudentsT::new(0.0, 1.0, f64::from(freedom)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two-sided 5 % points of the tables that every textbook prints.
    #[test]
    fn quantiles_and_tails_are_those_of_the_tables() {
        for (freedom, t) in [(1, 12.706), (4, 2.776), (9, 2.262), (29, 2.045), (1000, 1.962)] {
            assert!((t_975(freedom).unwrap() - t).abs() < 5e-4, "{freedom}");
            assert!((two_sided(t, freedom).unwrap() - 0.05).abs() < 1e-4, "{freedom}");
        }
        assert_eq!(t_975(0), None);
        assert_eq!(two_sided(f64::INFINITY, 4), Some(0.0));
        assert_eq!(two_sided(0.0, 4), Some(1.0));
    }
}

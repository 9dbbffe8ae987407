//! The percentiles that reports show, and when there are too few samples for one.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A percentile that summaries hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Percentile {
    /// The lower quartile.
    P25,
    /// The median.
    P50,
    /// The upper quartile.
    P75,
    /// The 90th percentile.
    P90,
    /// The 95th percentile.
    P95,
    /// The 99th percentile.
    P99,
}

impl Percentile {
    /// All of them, from the lowest.
    pub const ALL: [Self; 6] = [Self::P25, Self::P50, Self::P75, Self::P90, Self::P95, Self::P99];

    /// The number in its name.
    pub fn percent(self) -> u8 {
        match self {
            Self::P25 => 25,
            Self::P50 => 50,
            Self::P75 => 75,
            Self::P90 => 90,
            Self::P95 => 95,
            Self::P99 => 99,
        }
    }

    /// Whether `count` samples are too few to take this percentile at its word:
    /// count < 5 / (1 - p), so fewer than five samples are expected above it.
    ///
    /// The usual rule of thumb for order statistics in a tail (a normal approximation of a binomial
    /// wants an expected count of at least 5). A flagged percentile is shown with a mark.
    pub fn needs_more_than(self, count: u64) -> bool {
        // Whole numbers, because 5 / (1 - 0.9) is a little more than 50.
        u128::from(count) * u128::from(100 - self.percent()) < 500
    }

    /// The smallest count that is not flagged.
    pub fn fewest_samples(self) -> u64 {
        500_u64.div_ceil(u64::from(100 - self.percent()))
    }
}

impl fmt::Display for Percentile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "p{}", self.percent())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_flagged_below_five_expected_samples_above_it() {
        for (percentile, fewest) in [
            (Percentile::P25, 7),
            (Percentile::P50, 10),
            (Percentile::P75, 20),
            (Percentile::P90, 50),
            (Percentile::P95, 100),
            (Percentile::P99, 500),
        ] {
            assert_eq!(percentile.fewest_samples(), fewest, "{percentile}");
            assert!(percentile.needs_more_than(fewest - 1), "{percentile}");
            assert!(!percentile.needs_more_than(fewest), "{percentile}");
        }
    }
}

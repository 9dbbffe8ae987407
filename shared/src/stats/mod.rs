//! Statistics of numbers: no records, no input or output, no chance.
//!
//! Everything here takes a [`Sample`], which cannot be empty or hold NaN, and gives the same result
//! whatever the order of the values. Intervals are by clusters ([`ClusteredSample`], [`share_interval`]), tests
//! by pairs ([`PairedTest`], [`test_rivals`]), by groups ([`GroupTest`]) and over time
//! ([`DailyTest`], [`Trend`]). `examples/coverage` studies how often they are right.

mod cluster;
mod fisher;
mod gaps;
mod groups;
mod interval;
mod paired;
mod percentile;
mod rivals;
mod sample;
mod series;
mod student;

pub use cluster::{ClusteredSample, FEWEST_CLUSTERS, rate_interval, share_interval};
pub use gaps::{GapHistogram, Gaps, UnreadableGaps};
pub use groups::GroupTest;
pub use interval::Interval;
pub use paired::{PairedTest, holm};
pub use percentile::Percentile;
pub use rivals::{FEWEST_PAIRS, RivalTest, SIGNIFICANT, differences, test_rivals};
pub use sample::Sample;
pub use series::{DailyTest, Moment, Trend};
pub(crate) use student::t_quantile;

/// A count as a number to calculate with; exact up to 2^53.
#[expect(clippy::cast_precision_loss, reason = "counts and nanoseconds stay below 2^53")]
pub(crate) fn float(count: u64) -> f64 {
    count as f64
}

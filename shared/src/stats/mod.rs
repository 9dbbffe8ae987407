//! Statistics of numbers: no records, no input or output, no chance.
//!
//! Everything here takes a [`Sample`], which cannot be empty or hold NaN, and gives the same result
//! whatever the order of the values. Intervals and tests are not here yet.

mod gaps;
mod interval;
mod percentile;
mod sample;

pub use gaps::{GapHistogram, Gaps, UnreadableGaps};
pub use interval::Interval;
pub use percentile::Percentile;
pub use sample::Sample;

/// A count as a number to calculate with; exact up to 2^53.
#[expect(clippy::cast_precision_loss, reason = "counts and nanoseconds stay below 2^53")]
pub(crate) fn float(count: u64) -> f64 {
    count as f64
}

//! Confidence intervals.

use serde::{Deserialize, Serialize};

/// A 95 % confidence interval, in the unit of what it is of. An end that the data cannot tell is
/// `None`, and shown as such.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// The lower end.
    pub low: Option<f64>,
    /// The upper end.
    pub high: Option<f64>,
}

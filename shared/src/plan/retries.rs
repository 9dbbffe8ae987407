//! When a request that failed is sent again.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::units::nanos;

/// No wait before a retry is longer.
const LONGEST_WAIT: Duration = Duration::from_secs(20);

/// When a request that failed is sent again. Each try is a request of its own on the wire, and has a
/// record of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retries {
    /// So many more tries, at most.
    pub most: u32,
    /// The wait before the first of them; it doubles with each.
    #[serde(rename = "backoff_ns", with = "nanos")]
    pub backoff: Duration,
    /// After which failures.
    pub on: Vec<RetryOn>,
}

/// A failure after which a request may be sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RetryOn {
    /// The service refused it for its rate.
    Throttled,
    /// The service failed.
    Server,
    /// The connection could not be opened, or broke.
    Connection,
}

impl RetryOn {
    /// What a request was, in words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Throttled => "throttled",
            Self::Server => "failed by the service",
            Self::Connection => "broken off",
        }
    }
}

impl Retries {
    /// The most times that a request is sent.
    pub fn tries_at_most(&self) -> u32 {
        self.most.saturating_add(1)
    }

    /// How long to wait before a retry, counted from 1: the back-off, doubled with each retry before
    /// it, 20 s at most; of that the half and `share` (0 to 1) of the other half, so that requests
    /// which failed together do not come back together.
    pub fn wait(&self, retry: u32, share: f64) -> Duration {
        let doubled = 2_u32.saturating_pow(retry.saturating_sub(1));
        let whole = self.backoff.saturating_mul(doubled).min(LONGEST_WAIT);
        whole.mul_f64(0.5 + share.clamp(0.0, 1.0) / 2.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_doubles_to_its_limit_and_varies_by_half() {
        let retries = Retries { most: 9, backoff: Duration::from_millis(500), on: Vec::new() };
        let whole: Vec<_> = (1..=8).map(|retry| retries.wait(retry, 1.0).as_millis()).collect();
        assert_eq!(whole, [500, 1000, 2000, 4000, 8000, 16_000, 20_000, 20_000]);
        assert_eq!(retries.wait(1, 0.0), Duration::from_millis(250));
        assert_eq!(retries.wait(2, 0.5), Duration::from_millis(750));
        assert_eq!(retries.wait(u32::MAX, 1.0), LONGEST_WAIT);
        assert_eq!(retries.tries_at_most(), 10);
    }
}

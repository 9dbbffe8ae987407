//! What the measuring client itself was like while a block was measured: a busy client reports a
//! slow service.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::stats::{GapHistogram, Gaps};
use crate::units::nanos;

/// The client during the sending of a block, as its receipt tells it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClientFigures {
    /// How late tasks ran after they were woken, on the threads that send and receive, sampled all
    /// the time; `None` where the block was too short for a sample.
    pub lag: Option<GapHistogram>,
    /// CPU time of the whole process.
    #[serde(rename = "cpu_ns", with = "nanos")]
    pub cpu: Duration,
    /// How long it was watched.
    #[serde(rename = "elapsed_ns", with = "nanos")]
    pub elapsed: Duration,
    /// The processors that it could use.
    pub cores: u32,
}

/// The client over all blocks of an experiment.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ClientSummary {
    /// Samples of the lag.
    pub lag_samples: u64,
    /// How late tasks ran after they were woken, milliseconds: the median.
    pub lag_p50_ms: f64,
    /// The 99th percentile.
    pub lag_p99_ms: f64,
    /// The largest.
    pub lag_max_ms: f64,
    /// CPU time of the whole process, seconds.
    pub cpu_s: f64,
    /// CPU time / (elapsed time x processors), 0 to 1: the mean over the experiment.
    pub cpu_share: f64,
    /// The same of the busiest block.
    pub cpu_share_max: f64,
}

impl ClientSummary {
    /// Of the blocks that were watched; `None` where none was. Lags are pooled.
    pub fn of<'c>(blocks: impl IntoIterator<Item = &'c ClientFigures>) -> Option<Self> {
        let mut lag = Gaps::default();
        let (mut cpu, mut available, mut busiest) = (0.0, 0.0, 0.0_f64);
        for block in blocks {
            if let Some(stored) = &block.lag {
                lag.add(stored).ok()?;
            }
            let used = block.cpu.as_secs_f64();
            let had = block.elapsed.as_secs_f64() * f64::from(block.cores);
            cpu += used;
            available += had;
            busiest = if had > 0.0 { busiest.max(used / had) } else { busiest };
        }
        let at = |percent| lag.percentile_ms(percent);
        Some(Self {
            lag_samples: lag.count(),
            lag_p50_ms: at(50.0)?,
            lag_p99_ms: at(99.0)?,
            lag_max_ms: at(100.0)?,
            cpu_s: cpu,
            cpu_share: cpu / available,
            cpu_share_max: busiest,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(lags_us: &[u32], cpu_ms: u64) -> ClientFigures {
        let mut lag = Gaps::default();
        for us in lags_us {
            lag.record(*us);
        }
        ClientFigures {
            lag: lag.stored(),
            cpu: Duration::from_millis(cpu_ms),
            elapsed: Duration::from_secs(1),
            cores: 2,
        }
    }

    #[test]
    fn lags_are_pooled_and_the_busiest_block_is_told() {
        let blocks = [block(&[100; 98], 200), block(&[50_000, 80_000], 1_000)];
        let client = ClientSummary::of(&blocks).unwrap();
        assert_eq!(client.lag_samples, 100);
        assert!((client.lag_p50_ms - 0.1).abs() < 1e-3, "{client:?}");
        assert!((client.lag_p99_ms - 50.0).abs() < 0.1, "{client:?}");
        assert!((client.lag_max_ms - 80.0).abs() < 0.1, "{client:?}");
        assert!((client.cpu_share - 0.3).abs() < 1e-9, "{client:?}");
        assert!((client.cpu_share_max - 0.5).abs() < 1e-9, "{client:?}");
    }

    #[test]
    fn what_was_not_watched_has_no_figures() {
        assert_eq!(ClientSummary::of([]), None);
        assert_eq!(ClientSummary::of([&block(&[], 10)]), None);
    }
}

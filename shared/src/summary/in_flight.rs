//! How many requests were in flight while a load was measured.

use super::latency::nanoseconds;
use crate::record::Record;
use crate::stats::float;
use crate::store::Receipt;

/// Adds up for how long requests were in flight within the measured windows.
#[derive(Debug, Default)]
pub(super) struct InFlight {
    nanoseconds: u128,
}

impl InFlight {
    /// A request of a block with this receipt, whatever became of it.
    pub(super) fn add(&mut self, record: &Record, receipt: &Receipt) {
        let start = receipt.window_start_unix_ns;
        let end = start.saturating_add(nanoseconds(receipt.window));
        let sent = record.sent_at_unix_ns;
        let ended = sent.saturating_add(nanoseconds(record.e2e()));
        self.nanoseconds += u128::from(ended.min(end).saturating_sub(sent.max(start)));
    }

    /// The mean number of requests in flight over windows of this length together; `None` where
    /// that is nothing.
    pub(super) fn mean(&self, window_ns: u64) -> Option<f64> {
        let sum = float(u64::try_from(self.nanoseconds).unwrap_or(u64::MAX));
        (window_ns > 0).then(|| sum / float(window_ns))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::summary::fixture::{MISTRAL, Run};

    #[test]
    fn only_what_lies_in_the_window_counts() {
        let run = Run::replicated(&[MISTRAL], &["chat"], &[1], 1);
        let mut receipt = run.blocks[0].receipt.clone().unwrap();
        receipt.window = Duration::from_secs(10);
        let mut record = run.records[0].clone();
        let mut in_flight = InFlight::default();
        for (from_s, to_s) in [(-2, 1), (4, 6), (9, 30), (11, 12), (-3, -1)] {
            let start = i64::try_from(receipt.window_start_unix_ns).unwrap();
            record.sent_at_unix_ns = u64::try_from(start + from_s * 1_000_000_000).unwrap();
            record.timeline.end = Duration::from_secs(u64::try_from(to_s - from_s).unwrap());
            in_flight.add(&record, &receipt);
        }
        assert_eq!(in_flight.mean(10_000_000_000), Some(0.4));
        assert_eq!(InFlight::default().mean(0), None);
    }
}

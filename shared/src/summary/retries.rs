//! What retries did, and the latency that a user sees who waits for them.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::kept::{Kept, Requests};
use super::latency::{LatencyStats, nanoseconds};
use crate::record::{Outcome, Record};

/// What retries did to an experiment's requests. A try is what is counted everywhere else: each has
/// an outcome of its own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RetryFigures {
    /// Requests, whatever the number of their tries.
    pub requests: u64,
    /// Tries after the first ones.
    pub retries: u64,
    /// Requests that were completed by a retry.
    pub completed_after_retries: u64,
    /// Requests that were sent again and completed by no try.
    pub gave_up: u64,
    /// First send to first visible text of completed requests, failed tries and back-off included.
    pub ttft_user_seen: Option<LatencyStats>,
    /// First send to end of answer of completed requests, failed tries and back-off included.
    pub e2e_user_seen: Option<LatencyStats>,
}

/// Adds up the retries of one experiment.
#[derive(Debug, Default)]
pub(super) struct Retried {
    requests: u64,
    retries: u64,
    /// Of each request that was sent again, by block and sequence: from its first send to that of the
    /// try that completed it.
    again: HashMap<(u32, u32), Option<u64>>,
}

impl Retried {
    /// A try of the block at that place.
    pub(super) fn add(&mut self, record: &Record, block: u32) {
        if record.timeline.retry == 0 {
            self.requests += 1;
            return;
        }
        self.retries += 1;
        let completed = self.again.entry((block, record.sequence)).or_default();
        if record.outcome == Outcome::Completed {
            *completed = Some(nanoseconds(record.timeline.since_first_send));
        }
    }

    pub(super) fn finish(self, kept: &Requests) -> RetryFigures {
        let completed = self.again.values().flatten().count() as u64;
        let user_seen = |of: fn(&Kept) -> Option<u64>| {
            let seen = |one: &Kept| {
                let again = self.again.get(&(one.block, one.sequence()));
                Some(of(one)? + again.copied().flatten().unwrap_or(0))
            };
            LatencyStats::of_nanos(kept.clustered(seen))
        };
        RetryFigures {
            requests: self.requests,
            retries: self.retries,
            completed_after_retries: completed,
            gave_up: self.again.len() as u64 - completed,
            ttft_user_seen: user_seen(Kept::ttft_ns),
            e2e_user_seen: user_seen(Kept::e2e_ns),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::plan::{Retries, RetryOn};
    use crate::record::Phase;
    use crate::summary::fixture::{MISTRAL, Run};

    #[test]
    fn what_users_see_has_failed_tries_and_waits_in_it() {
        let mut run = Run::new(&[MISTRAL], &["chat"], &[1]);
        let backoff = Duration::from_secs(1);
        run.plan.retries = Some(Retries { most: 1, backoff, on: vec![RetryOn::Throttled] });
        let before = run.summary().experiments[0].clone();
        let untouched = before.retries.unwrap();
        assert_eq!((untouched.requests, untouched.retries, untouched.gave_up), (30, 0, 0));
        assert_eq!(untouched.e2e_user_seen, before.e2e);

        // Of each block the first request is completed by its retry, the second by none.
        let measured = run.records.iter().filter(|r| r.phase == Phase::Measured);
        let mut retries: Vec<_> = measured.filter(|r| r.sequence <= 2).cloned().collect();
        for record in run.records.iter_mut().filter(|r| r.phase == Phase::Measured) {
            if record.sequence <= 2 {
                record.outcome = Outcome::Throttled;
            }
        }
        for retry in &mut retries {
            retry.timeline.retry = 1;
            retry.timeline.since_first_send = Duration::from_secs(30);
            if retry.sequence == 2 {
                retry.outcome = Outcome::Throttled;
            }
        }
        run.records.extend(retries);
        let after = run.summary().experiments[0].clone();
        assert_eq!((after.requests.sent, after.requests.throttled), (36, 9), "every try counts");
        let figures = after.retries.unwrap();
        assert_eq!((figures.requests, figures.retries), (30, 6));
        assert_eq!((figures.completed_after_retries, figures.gave_up), (3, 3));
        let (service, user) = (after.e2e.unwrap(), figures.e2e_user_seen.unwrap());
        assert_eq!((service.count, user.count), (27, 27));
        let more = user.mean_ms - service.mean_ms;
        assert!((more - 30_000.0 * 3.0 / 27.0).abs() < 1e-6, "{more}");
    }
}

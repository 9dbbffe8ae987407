//! Sending a request, and sending it again where a run retries.

use std::time::Duration;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use sha2::{Digest, Sha256};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::gate::Gate;
use crate::endpoint::{Endpoint, Request};
use crate::plan::{Retries, RetryOn};
use crate::record::{ErrorClass, Observation, Outcome};
use crate::units::ExperimentId;

/// How often the requests of a block are tried.
#[derive(Debug, Clone, Default)]
pub struct Tries {
    retries: Option<Retries>,
    /// What the jitter of all waits follows from.
    seed: String,
}

/// A request, and how it is tried.
#[derive(Debug, Clone, Copy)]
pub(super) struct TryOf<'a> {
    pub(super) endpoint: &'a dyn Endpoint,
    /// Gives up what is in flight.
    pub(super) cut: &'a CancellationToken,
    pub(super) sequence: u32,
    pub(super) request: &'a Request,
    /// When the load's time is over: no retry is sent from then on.
    pub(super) until: Option<Instant>,
}

/// How the last try of a request ended.
#[derive(Debug, Clone, Copy)]
pub(super) struct Last {
    pub(super) sent: Instant,
    pub(super) failed: bool,
}

impl Tries {
    /// Those of a block of an experiment in a round.
    pub fn new(
        retries: Option<Retries>,
        seed: u64,
        (experiment, round, block): (&ExperimentId, u32, u32),
    ) -> Self {
        Self { retries, seed: format!("retries\n{seed}\n{experiment}\n{round}\n{block}") }
    }

    /// How long to wait before that retry, counted from 1, after a try that ended so; `None` where there
    /// is none.
    fn wait(&self, sequence: u32, retry: u32, outcome: Outcome) -> Option<Duration> {
        let retries = self.retries.as_ref().filter(|retries| retry <= retries.most)?;
        retries.on.contains(&cause(outcome)?).then(|| {
            let mut hash = Sha256::new();
            hash.update(format!("{}\n{sequence}\n{retry}", self.seed));
            let share = ChaCha8Rng::from_seed(hash.finalize().into()).random::<f64>();
            retries.wait(retry, share)
        })
    }

    /// Sends a request, whose bound was taken from the gate, and again as long as it fails so that
    /// it is retried and the gate is open. A new try waits for the back-off and takes a bound of its
    /// own.
    pub(super) async fn send(
        &self,
        gate: &Gate,
        TryOf { endpoint, cut, sequence, request, until }: TryOf<'_>,
        mut observed: impl FnMut(Observation),
    ) -> Last {
        let (mut first_sent, mut retry) = (None, 0);
        loop {
            let mut seen = endpoint.invoke(request, cut).await;
            let first_sent = *first_sent.get_or_insert(seen.sent);
            seen.timeline.retry = retry;
            seen.timeline.since_first_send = seen.sent.saturating_duration_since(first_sent);
            let failed = !matches!(seen.outcome, Outcome::Completed | Outcome::Cut);
            let last = Last { sent: seen.sent, failed };
            retry += 1;
            let wait = self.wait(sequence, retry, seen.outcome);
            observed(seen);
            let in_time =
                |wait: &Duration| until.is_none_or(|until| Instant::now() + *wait < until);
            let Some(wait) = wait.filter(in_time) else { return last };
            tokio::select! {
                biased;
                () = gate.over().cancelled() => return last,
                () = cut.cancelled() => return last,
                () = sleep(wait) => {}
            }
            if !gate.take().await {
                return last;
            }
        }
    }
}

/// What a run can retry after.
fn cause(outcome: Outcome) -> Option<RetryOn> {
    match outcome {
        Outcome::Throttled => Some(RetryOn::Throttled),
        Outcome::Failed(class) => match class {
            ErrorClass::Server => Some(RetryOn::Server),
            ErrorClass::Connection => Some(RetryOn::Connection),
            ErrorClass::ModelNotReady
            | ErrorClass::ModelTimeout
            | ErrorClass::ModelError
            | ErrorClass::Validation
            | ErrorClass::AccessDenied
            | ErrorClass::NotFound
            | ErrorClass::EndOfLife
            | ErrorClass::QuotaExceeded
            | ErrorClass::Protocol
            | ErrorClass::Credentials => None,
        },
        Outcome::Completed | Outcome::TimedOut(_) | Outcome::Cut => None,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::super::timed::{Timed, lasting};
    use super::super::{ClosedLoop, Halt};
    use super::*;
    use crate::price::Allotment;
    use crate::units::NanoUsd;

    const SECOND: Duration = Duration::from_secs(1);

    fn tries(most: u32, on: &[RetryOn], seed: u64) -> Tries {
        let retries = Retries { most, backoff: SECOND, on: on.to_vec() };
        let experiment = ExperimentId::from("m~d~c1".to_owned());
        Tries::new(Some(retries), seed, (&experiment, 1, 1))
    }

    /// Retry and send in milliseconds since the begin of every try of one slot whose endpoint always
    /// fails after 10 ms, each charged its bound of 1, and why it was halted.
    async fn failing(
        tries: Tries,
        requests: u32,
        until: Option<Duration>,
        allotment: Option<NanoUsd>,
    ) -> (Vec<(u32, u32, u128)>, Option<Halt>) {
        let (endpoint, never) =
            (Timed { fail: true, ..Timed::default() }, CancellationToken::new());
        let (begin, bound) = (Instant::now(), NanoUsd(1));
        let allotment = Arc::new(Allotment::new(allotment));
        let until = until.map(|until| begin + until);
        let closed =
            ClosedLoop::new(Some(requests), until, never.clone(), Arc::clone(&allotment), bound);
        let closed = closed.with_tries(tries);
        let seen = Mutex::new(Vec::new());
        let observed = |sequence, observation: Observation| {
            allotment.settle(bound, bound);
            let (timeline, sent) = (observation.timeline, observation.sent - begin);
            assert!(sent >= timeline.since_first_send);
            assert_eq!(timeline.retry == 0, timeline.since_first_send.is_zero());
            seen.lock().unwrap().push((sequence, timeline.retry, sent.as_millis()));
        };
        closed.run_slot(&endpoint, &never, |_| lasting(10), observed).await;
        (seen.into_inner().unwrap(), closed.halt())
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_is_tried_again_after_a_wait_that_doubles_and_then_given_up() {
        let (seen, halt) = failing(tries(3, &[RetryOn::Server], 1), 2, None, None).await;
        let order: Vec<_> = seen.iter().map(|(sequence, retry, _)| (*sequence, *retry)).collect();
        assert_eq!(order, [(1, 0), (1, 1), (1, 2), (1, 3), (2, 0), (2, 1), (2, 2), (2, 3)]);
        assert_eq!(halt, None);
        for tries in seen.chunks(4) {
            for (retry, pair) in tries.windows(2).enumerate() {
                let (wait, whole) = (pair[1].2 - pair[0].2 - 10, 1000 << retry);
                assert!((whole / 2..=whole + 1).contains(&wait), "{retry}: {wait}");
            }
        }
        // The next request waits as after any failure.
        assert_eq!(seen[4].2 - seen[3].2, 100);
    }

    #[tokio::test(start_paused = true)]
    async fn waits_follow_from_the_seed() {
        let run = |seed| failing(tries(2, &[RetryOn::Server], seed), 1, None, None);
        let (one, same, other) = (run(1).await, run(1).await, run(2).await);
        assert_eq!(one, same);
        assert_ne!(one, other);
    }

    #[tokio::test(start_paused = true)]
    async fn only_the_failures_that_were_named_are_retried() {
        let on = [RetryOn::Throttled, RetryOn::Connection];
        let (seen, _) = failing(tries(3, &on, 1), 2, None, None).await;
        assert_eq!(seen, [(1, 0, 0), (2, 0, 100)]);
        let seen = failing(Tries::default(), 2, None, None).await.0;
        assert_eq!(seen, [(1, 0, 0), (2, 0, 100)]);
    }

    #[tokio::test(start_paused = true)]
    async fn no_retry_is_sent_when_time_or_money_is_over() {
        let server = [RetryOn::Server];
        let (seen, halt) = failing(tries(3, &server, 1), 1, Some(SECOND), None).await;
        assert!(seen.len() < 3 && seen.iter().all(|(.., sent)| *sent < 1000), "{seen:?}");
        assert_eq!(halt, None);
        let (seen, halt) = failing(tries(3, &server, 1), 1, None, Some(NanoUsd(2))).await;
        assert_eq!((seen.len(), halt), (2, Some(Halt::Spent)), "each try takes its bound");
    }
}

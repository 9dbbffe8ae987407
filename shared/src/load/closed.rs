//! The closed loop: exactly N requests in flight, the next starts when one ends.
//!
//! Slots share one counter, so there are no waves: whichever slot is free sends the next sequence.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::gate::Gate;
use super::tries::TryOf;
use super::{Halt, Tries};
use crate::endpoint::{Endpoint, Request};
use crate::price::Allotment;
use crate::record::Observation;
use crate::units::NanoUsd;

/// A slot whose request failed sends the next one no sooner than this after the failed one, so
/// that an endpoint that refuses at once is not hammered.
const PACE_AFTER_FAILURE: Duration = Duration::from_millis(100);

/// What a closed loop sends and when it stops sending.
#[derive(Debug)]
pub struct ClosedLoop {
    next: AtomicU32,
    requests: Option<u32>,
    until: Option<Instant>,
    gate: Gate,
    tries: Tries,
}

impl ClosedLoop {
    /// Sends sequences from 1, until `requests` were sent, or until the time, or until `stop`, or
    /// until the `allotment` does not hold another `bound` and no open request can give any back. Each
    /// request takes its bound; what it was not charged is given back by whoever observes it.
    pub fn new(
        requests: Option<u32>,
        until: Option<Instant>,
        stop: CancellationToken,
        allotment: Arc<Allotment>,
        bound: NanoUsd,
    ) -> Self {
        let gate = Gate::new(stop, allotment, bound);
        Self { next: AtomicU32::new(1), requests, until, gate, tries: Tries::default() }
    }

    /// The same, with failed requests sent again.
    #[must_use]
    pub fn with_tries(self, tries: Tries) -> Self {
        Self { tries, ..self }
    }

    /// The next sequence, `None` when sending is over.
    async fn next(&self) -> Option<u32> {
        if self.is_over() || !self.gate.take().await {
            return None;
        }
        // Taking may have waited.
        let sequence = (!self.is_over()).then(|| self.next.fetch_add(1, Ordering::Relaxed));
        let sequence = sequence.filter(|&sequence| self.holds(sequence));
        if sequence.is_none() {
            self.gate.give_back();
        }
        sequence
    }

    fn holds(&self, sequence: u32) -> bool {
        self.requests.is_none_or(|requests| sequence <= requests)
    }

    fn is_over(&self) -> bool {
        self.until.is_some_and(|until| Instant::now() >= until)
            || !self.holds(self.next.load(Ordering::Relaxed))
            || self.gate.is_halted()
    }

    /// Why a slot that would have sent more did not. What is told to stop while it drains was not
    /// halted.
    pub fn halt(&self) -> Option<Halt> {
        self.gate.halted().map(|(halt, _)| halt)
    }

    /// One slot of the loop: sends until sending is over, and drains its last request. When `cut`
    /// is cancelled the request in flight is given up.
    pub async fn run_slot(
        &self,
        endpoint: &dyn Endpoint,
        cut: &CancellationToken,
        mut request: impl FnMut(u32) -> Request,
        mut observed: impl FnMut(u32, Observation),
    ) {
        while let Some(sequence) = self.next().await {
            let request = request(sequence);
            let try_of = TryOf { endpoint, cut, sequence, request: &request, until: self.until };
            let observed = |observation| observed(sequence, observation);
            let last = self.tries.send(&self.gate, try_of, observed).await;
            if last.failed {
                tokio::select! {
                    () = sleep_until(last.sent + PACE_AFTER_FAILURE) => {}
                    () = self.gate.over().cancelled() => {}
                    () = cut.cancelled() => {}
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::atomic::AtomicUsize;

    use futures_util::future::join_all;

    use super::super::timed::{Timed, lasting};
    use super::*;
    use crate::record::Outcome;

    /// A loop that nothing but its arguments ends.
    fn closed(
        requests: Option<u32>,
        until: Option<Instant>,
        stop: &CancellationToken,
    ) -> ClosedLoop {
        let allotment = Arc::new(Allotment::new(None));
        ClosedLoop::new(requests, until, stop.clone(), allotment, NanoUsd(1))
    }

    async fn run(
        endpoint: &Timed,
        slots: usize,
        closed: &ClosedLoop,
        cut: &CancellationToken,
    ) -> Vec<(u32, Observation)> {
        let seen = Mutex::new(Vec::new());
        join_all((0..slots).map(|_| {
            closed.run_slot(
                endpoint,
                cut,
                |sequence| lasting(if sequence == 1 { 1000 } else { 100 }),
                |sequence, observation| seen.lock().unwrap().push((sequence, observation)),
            )
        }))
        .await;
        seen.into_inner().unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_request_holds_up_its_own_slot_only() {
        let (endpoint, never) = (Timed::default(), CancellationToken::new());
        let closed = closed(Some(12), None, &never);
        let begun = Instant::now();
        let mut seen = run(&endpoint, 3, &closed, &never).await;
        // Slot 1 is busy for 1 s with the first; two slots share the other 11 in 600 ms.
        assert_eq!(begun.elapsed(), Duration::from_secs(1));
        assert_eq!(endpoint.most.into_inner(), 3);
        seen.sort_by_key(|(sequence, _)| *sequence);
        let sequences: Vec<u32> = seen.iter().map(|(sequence, _)| *sequence).collect();
        assert_eq!(sequences, (1..=12).collect::<Vec<u32>>());
        let last_sent = seen.iter().map(|(_, o)| o.sent).max().unwrap();
        assert_eq!(last_sent - begun, Duration::from_millis(500));
    }

    #[tokio::test(start_paused = true)]
    async fn time_stops_sending_and_what_is_in_flight_is_drained() {
        let (endpoint, never) = (Timed::default(), CancellationToken::new());
        let until = Instant::now() + Duration::from_millis(250);
        let closed = closed(None, Some(until), &never);
        let seen = run(&endpoint, 2, &closed, &never).await;
        // The slow one, and three of 100 ms at 0, 100 and 200 ms.
        assert_eq!(seen.len(), 4);
        assert!(seen.iter().all(|(_, o)| o.outcome == Outcome::Completed && o.sent < until));
    }

    #[tokio::test(start_paused = true)]
    async fn cutting_ends_what_is_in_flight_as_cut() {
        let (endpoint, stop) = (Timed::default(), CancellationToken::new());
        let cut = CancellationToken::new();
        let closed = closed(None, None, &stop);
        let ending = async {
            tokio::time::sleep(Duration::from_millis(150)).await;
            stop.cancel();
            tokio::time::sleep(Duration::from_millis(10)).await;
            cut.cancel();
        };
        let (seen, ()) = tokio::join!(run(&endpoint, 2, &closed, &cut), ending);
        let cuts = seen.iter().filter(|(_, o)| o.outcome == Outcome::Cut).count();
        assert_eq!((seen.len(), cuts), (3, 2));
    }

    #[tokio::test(start_paused = true)]
    async fn a_stop_while_draining_stops_nothing() {
        let never = CancellationToken::new();
        let time = Duration::from_millis(150);
        for (requests, until, stopped) in
            [(Some(2), None, false), (None, Some(time), false), (Some(9), None, true)]
        {
            let (endpoint, stop) = (Timed::default(), CancellationToken::new());
            let until = until.map(|after| Instant::now() + after);
            let closed = closed(requests, until, &stop);
            let stopping = async {
                tokio::time::sleep(time + Duration::from_millis(20)).await;
                stop.cancel();
            };
            tokio::join!(run(&endpoint, 2, &closed, &never), stopping);
            assert_eq!(closed.halt().is_some(), stopped, "{requests:?} {until:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_endpoint_that_fails_at_once_is_not_hammered() {
        let endpoint = Timed { fail: true, ..Timed::default() };
        let never = CancellationToken::new();
        let until = Instant::now() + Duration::from_secs(1);
        let closed = closed(None, Some(until), &never);
        let count = AtomicUsize::new(0);
        let counted = |_: u32, _: Observation| {
            count.fetch_add(1, Ordering::SeqCst);
        };
        closed.run_slot(&endpoint, &never, |_| lasting(0), counted).await;
        assert_eq!(count.into_inner(), 10);
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_is_sent_only_where_the_allotment_holds_its_bound() {
        let (endpoint, never) = (Timed::default(), CancellationToken::new());
        let allotment = Arc::new(Allotment::new(Some(NanoUsd(100))));
        let bound = NanoUsd(20);
        let closed = ClosedLoop::new(None, None, never.clone(), Arc::clone(&allotment), bound);
        let (sent, charged) = (AtomicUsize::new(0), NanoUsd(15));
        let slot = || {
            let observed = |_: u32, _: Observation| {
                sent.fetch_add(1, Ordering::SeqCst);
                allotment.settle(bound, charged);
            };
            closed.run_slot(&endpoint, &never, |_| lasting(100), observed)
        };
        join_all([slot(), slot()]).await;
        // Six of 15, and no seventh: 10 are left, and it might cost 20.
        assert_eq!(sent.into_inner(), 6);
        assert_eq!(closed.halt(), Some(Halt::Spent));
        assert!(allotment.take(NanoUsd(10)).await, "the rest is left");
        allotment.settle(NanoUsd(10), NanoUsd(10));
        assert!(!allotment.take(NanoUsd(1)).await, "and no more");
    }
}

//! The open loop: requests are sent by a schedule, whether or not earlier ones have been answered.
//!
//! Latency from the schedule is what a user sees who arrives then: it includes the wait for a free
//! stream, which the endpoint causes by answering too slowly. What is never sent is counted.

use std::sync::Arc;

use tokio::task::JoinError;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::due::{Due, Turn};
use super::gate::Gate;
use super::tries::TryOf;
use super::{ArrivalCounts, Halt, Pace, Schedule, Tries};
use crate::endpoint::{Endpoint, Request};
use crate::price::Allotment;
use crate::record::Observation;
use crate::units::NanoUsd;

/// What an open loop sends and when it stops sending.
#[derive(Debug)]
pub struct OpenLoop {
    due: Due,
    gate: Gate,
    tries: Tries,
}

/// How an open loop went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Paced {
    /// When its schedule began.
    pub begin: Instant,
    /// When it ended: with its time, with its last arrival, or when it was halted.
    pub end: Instant,
    /// All its requests have arrived.
    pub is_complete: bool,
    /// Why it ended before its schedule.
    pub halt: Option<Halt>,
}

impl OpenLoop {
    /// Sends by a schedule, until that ends, or `stop` is cancelled, or the `allotment` does not hold
    /// another `bound` and no open request can give any back. Each request takes its bound; what it
    /// was not charged is given back by whoever observes it.
    pub fn new(stop: CancellationToken, allotment: Arc<Allotment>, bound: NanoUsd) -> Self {
        let gate = Gate::new(stop, allotment, bound);
        Self { due: Due::default(), gate, tries: Tries::default() }
    }

    /// The same, with failed requests sent again.
    #[must_use]
    pub fn with_tries(self, tries: Tries) -> Self {
        Self { tries, ..self }
    }

    /// The turn of a slot that is free. Each slot takes one before the schedule begins.
    pub fn turn(&self) -> Turn {
        self.due.turn()
    }

    /// What became of the arrivals; all of it once the slots have ended.
    pub fn arrivals(&self) -> ArrivalCounts {
        self.due.counts()
    }

    /// Hands each arrival to a slot when it is due. Ends when sending is over; what is in flight goes
    /// on.
    pub async fn keep(
        self: &Arc<Self>,
        schedule: Schedule,
        begin: Instant,
        pace: Pace,
    ) -> Result<Paced, JoinError> {
        let this = Arc::clone(self);
        let offer = move |due, start| this.due.offer(due, start);
        let schedule = pace.keep(schedule, begin, self.gate.over(), offer).await?;
        let end = begin + schedule.end();
        tokio::select! {
            () = sleep_until(end) => {}
            () = self.gate.over().cancelled() => {}
        }
        let halt = self.gate.over().is_cancelled().then(|| {
            // It was told to, unless a slot has found that nothing is left.
            self.gate.halt(Halt::Stopped);
            self.gate.halted()
        });
        self.due.close();
        self.gate.close();
        let halt = halt.flatten();
        let end = halt.map_or(end, |(_, at)| at);
        let is_complete = schedule.is_complete() && halt.is_none();
        Ok(Paced { begin, end, is_complete, halt: halt.map(|(halt, _)| halt) })
    }

    /// One slot of the loop: sends what it is handed until sending is over, and drains its last
    /// request. When `cut` is cancelled the request in flight is given up.
    ///
    /// A slot whose request failed takes the next at once: an open loop never sends more than its
    /// rate.
    pub async fn run_slot(
        &self,
        mut turn: Turn,
        endpoint: &dyn Endpoint,
        cut: &CancellationToken,
        mut request: impl FnMut(u32) -> Request,
        mut observed: impl FnMut(u32, Observation),
    ) {
        while let Some(arrival) = turn.arrival().await {
            let slot_wait = arrival.waited;
            if !self.gate.take().await {
                self.due.miss();
                return;
            }
            let sequence = arrival.sequence;
            let request = Request { start: arrival.start, ..request(sequence) };
            let try_of = TryOf { endpoint, cut, sequence, request: &request, until: None };
            let observed = |mut observation: Observation| {
                let delay = observation.sent.saturating_duration_since(arrival.due);
                observation.timeline.dispatch_delay = delay;
                observation.timeline.slot_wait = slot_wait;
                observed(sequence, observation);
            };
            self.tries.send(&self.gate, try_of, observed).await;
            turn = self.turn();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::time::Duration;

    use futures_util::future::join_all;

    use super::super::timed::{Timed, lasting};
    use super::*;
    use crate::plan::OpenLoad;
    use crate::record::Outcome;
    use crate::units::{Arrivals, Concurrency, ExperimentId, RatePerMinute};

    /// Arrivals every 100 ms.
    fn schedule(requests: Option<u32>, duration: Option<Duration>) -> Schedule {
        let load = OpenLoad {
            rate_per_minute: RatePerMinute::new(600).unwrap(),
            arrivals: Arrivals::Constant,
            max_streams: Concurrency::ONE,
        };
        let experiment = ExperimentId::from("m~d~r600".to_owned());
        Schedule::new(load, 1, (&experiment, 1, 1), requests, duration)
    }

    fn open(stop: &CancellationToken) -> Arc<OpenLoop> {
        let allotment = Arc::new(Allotment::new(None));
        Arc::new(OpenLoop::new(stop.clone(), allotment, NanoUsd(1)))
    }

    /// Each request with its due time and its send since the begin, in milliseconds.
    async fn run(
        open: &Arc<OpenLoop>,
        schedule: Schedule,
        slots: usize,
        each_ms: u32,
        pace: Pace,
    ) -> (Vec<(u32, u128, u128)>, Paced) {
        let (endpoint, never) = (Timed::default(), CancellationToken::new());
        let seen = Mutex::new(Vec::new());
        let begin = Instant::now();
        let slots = (0..slots).map(|_| {
            let observed = |sequence, seen_one: Observation| {
                assert_eq!(seen_one.outcome, Outcome::Completed);
                let sent = seen_one.sent - begin;
                let due = sent.checked_sub(seen_one.timeline.dispatch_delay).unwrap();
                let waited = seen_one.timeline.slot_wait.unwrap_or_default();
                assert!(waited <= seen_one.timeline.dispatch_delay);
                seen.lock().unwrap().push((sequence, due.as_millis(), sent.as_millis()));
            };
            open.run_slot(open.turn(), &endpoint, &never, |_| lasting(each_ms), observed)
        });
        let slots = join_all(slots.collect::<Vec<_>>());
        let (paced, _) = tokio::join!(open.keep(schedule, begin, pace), slots);
        let mut seen = seen.into_inner().unwrap();
        seen.sort_unstable();
        (seen, paced.unwrap())
    }

    #[tokio::test(start_paused = true)]
    async fn each_is_sent_when_it_is_due_however_long_others_take() {
        let open = open(&CancellationToken::new());
        let (seen, paced) = run(&open, schedule(Some(5), None), 4, 350, Pace::Clock).await;
        assert_eq!(
            seen,
            [(1, 100, 100), (2, 200, 200), (3, 300, 300), (4, 400, 400), (5, 500, 500)]
        );
        assert_eq!(paced.end - paced.begin, Duration::from_millis(500));
        assert!(paced.is_complete && paced.halt.is_none());
        assert_eq!(open.arrivals(), ArrivalCounts { due: 5, waited: 0, missed: 0 });
    }

    #[tokio::test(start_paused = true)]
    async fn what_finds_every_stream_busy_waits_and_is_missed_in_the_end() {
        let open = open(&CancellationToken::new());
        let second = Duration::from_secs(1);
        let (seen, paced) = run(&open, schedule(None, Some(second)), 1, 250, Pace::Clock).await;
        // One in 250 ms: the fifth would be the first after the end.
        assert_eq!(seen, [(1, 100, 100), (2, 200, 350), (3, 300, 600), (4, 400, 850)]);
        assert_eq!(open.arrivals(), ArrivalCounts { due: 10, waited: 9, missed: 6 });
        assert_eq!((paced.end - paced.begin, paced.is_complete), (second, false));
    }

    #[tokio::test(start_paused = true)]
    async fn a_stop_ends_it_at_once_and_what_is_in_flight_is_drained() {
        let stop = CancellationToken::new();
        let open = open(&stop);
        let stopping = async {
            tokio::time::sleep(Duration::from_millis(320)).await;
            stop.cancel();
        };
        let running = run(&open, schedule(None, None), 2, 150, Pace::Clock);
        let ((seen, paced), ()) = tokio::join!(running, stopping);
        assert_eq!(seen, [(1, 100, 100), (2, 200, 200), (3, 300, 300)]);
        assert_eq!(paced.halt, Some(Halt::Stopped));
        assert_eq!(paced.end - paced.begin, Duration::from_millis(320));
        assert_eq!(open.arrivals(), ArrivalCounts { due: 3, waited: 0, missed: 0 });
    }

    #[tokio::test(start_paused = true)]
    async fn it_ends_when_the_allotment_does_not_hold_another_bound() {
        let allotment = Arc::new(Allotment::new(Some(NanoUsd(50))));
        let (stop, bound) = (CancellationToken::new(), NanoUsd(20));
        let open = Arc::new(OpenLoop::new(stop, Arc::clone(&allotment), bound));
        let (endpoint, never) = (Timed::default(), CancellationToken::new());
        let observed = |_: u32, _: Observation| allotment.settle(bound, bound);
        let slot = |turn| open.run_slot(turn, &endpoint, &never, |_| lasting(10), observed);
        let begin = Instant::now();
        let slots = join_all([slot(open.turn()), slot(open.turn())]);
        let (paced, _) =
            tokio::join!(open.keep(schedule(Some(9), None), begin, Pace::Clock), slots);
        let paced = paced.unwrap();
        // Two of 20, and no third: 10 are left.
        assert_eq!((paced.halt, paced.is_complete), (Some(Halt::Spent), false));
        assert_eq!(paced.end - paced.begin, Duration::from_millis(300));
        assert_eq!(open.arrivals(), ArrivalCounts { due: 3, waited: 0, missed: 1 });
    }

    #[tokio::test]
    async fn a_thread_keeps_the_same_schedule_and_ends_when_it_is_told() {
        let stop = CancellationToken::new();
        let open = open(&stop);
        let (seen, paced) = run(&open, schedule(Some(3), None), 2, 1, Pace::Thread).await;
        let due: Vec<_> = seen.iter().map(|(_, due, _)| *due).collect();
        assert_eq!(due, [100, 200, 300]);
        assert!(seen.iter().all(|(_, due, sent)| sent >= due), "never early");
        assert!(paced.is_complete);

        let open = self::open(&stop);
        let endless = open.keep(schedule(None, None), Instant::now(), Pace::Thread);
        let (paced, ()) = tokio::join!(endless, async { stop.cancel() });
        assert_eq!(paced.unwrap().halt, Some(Halt::Stopped));
    }
}

//! The closed loop: exactly N requests in flight, the next starts when one ends.
//!
//! Slots share one counter, so there are no waves: whichever slot is free sends the next sequence.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::endpoint::{Endpoint, Request};
use crate::record::{Observation, Outcome};

/// A slot whose request failed sends the next one no sooner than this after the failed one, so
/// that an endpoint that refuses at once is not hammered.
const PACE_AFTER_FAILURE: Duration = Duration::from_millis(100);

/// What a closed loop sends and when it stops sending.
#[derive(Debug)]
pub struct ClosedLoop {
    next: AtomicU32,
    requests: Option<u32>,
    until: Option<Instant>,
    stop: CancellationToken,
    stopped: AtomicBool,
}

impl ClosedLoop {
    /// Sends sequences from 1, until `requests` were sent, or until the time, or until `stop`.
    pub fn new(requests: Option<u32>, until: Option<Instant>, stop: CancellationToken) -> Self {
        Self { next: AtomicU32::new(1), requests, until, stop, stopped: AtomicBool::new(false) }
    }

    /// The next sequence, `None` when sending is over.
    fn next(&self) -> Option<u32> {
        if self.until.is_some_and(|until| Instant::now() >= until) {
            return None;
        }
        let left = |sequence| self.requests.is_none_or(|requests| sequence <= requests);
        if !left(self.next.load(Ordering::Relaxed)) {
            return None;
        }
        if self.stop.is_cancelled() {
            self.stopped.store(true, Ordering::Relaxed);
            return None;
        }
        let sequence = self.next.fetch_add(1, Ordering::Relaxed);
        left(sequence).then_some(sequence)
    }

    /// Whether a slot would have sent more, had it not been stopped. What is told to stop while it
    /// drains was not stopped.
    pub fn was_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
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
        while let Some(sequence) = self.next() {
            let request = request(sequence);
            let observation = endpoint.invoke(&request, cut).await;
            let failed = !matches!(observation.outcome, Outcome::Completed | Outcome::Cut);
            let earliest = observation.sent + PACE_AFTER_FAILURE;
            observed(sequence, observation);
            if failed {
                tokio::select! {
                    () = sleep_until(earliest) => {}
                    () = self.stop.cancelled() => {}
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

    use super::*;
    use crate::endpoint::BoxFuture;
    use crate::record::{ErrorClass, Served, Timeline, Usage};

    /// Answers after a time that follows from the prompt's text, in milliseconds.
    #[derive(Debug, Default)]
    struct Timed {
        in_flight: AtomicUsize,
        most: AtomicUsize,
        fail: bool,
    }

    impl Endpoint for Timed {
        fn invoke<'a>(
            &'a self,
            request: &'a Request,
            cut: &'a CancellationToken,
        ) -> BoxFuture<'a, Observation> {
            Box::pin(async move {
                let sent = Instant::now();
                let flying = self.in_flight.fetch_add(1, Ordering::SeqCst) + 1;
                self.most.fetch_max(flying, Ordering::SeqCst);
                let time = Duration::from_millis(request.text.parse().unwrap());
                let outcome = tokio::select! {
                    () = tokio::time::sleep(time) => {
                        if self.fail { Outcome::Failed(ErrorClass::Server) } else { Outcome::Completed }
                    }
                    () = cut.cancelled() => Outcome::Cut,
                };
                self.in_flight.fetch_sub(1, Ordering::SeqCst);
                let timeline = Timeline { end: sent.elapsed(), ..Timeline::default() };
                let (usage, served) = (Usage::default(), Served::default());
                Observation {
                    gaps_us: Vec::new(),
                    sent,
                    timeline,
                    usage,
                    served,
                    outcome,
                    error: None,
                }
            })
        }
    }

    fn lasting(milliseconds: u32) -> Request {
        Request {
            system: None,
            text: milliseconds.to_string(),
            max_tokens: 1,
            temperature: None,
            top_p: None,
        }
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
        let closed = ClosedLoop::new(Some(12), None, never.clone());
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
        let closed = ClosedLoop::new(None, Some(until), never.clone());
        let seen = run(&endpoint, 2, &closed, &never).await;
        // The slow one, and three of 100 ms at 0, 100 and 200 ms.
        assert_eq!(seen.len(), 4);
        assert!(seen.iter().all(|(_, o)| o.outcome == Outcome::Completed && o.sent < until));
    }

    #[tokio::test(start_paused = true)]
    async fn cutting_ends_what_is_in_flight_as_cut() {
        let (endpoint, stop) = (Timed::default(), CancellationToken::new());
        let cut = CancellationToken::new();
        let closed = ClosedLoop::new(None, None, stop.clone());
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
            let closed = ClosedLoop::new(requests, until, stop.clone());
            let stopping = async {
                tokio::time::sleep(time + Duration::from_millis(20)).await;
                stop.cancel();
            };
            tokio::join!(run(&endpoint, 2, &closed, &never), stopping);
            assert_eq!(closed.was_stopped(), stopped, "{requests:?} {until:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_endpoint_that_fails_at_once_is_not_hammered() {
        let endpoint = Timed { fail: true, ..Timed::default() };
        let never = CancellationToken::new();
        let until = Instant::now() + Duration::from_secs(1);
        let closed = ClosedLoop::new(None, Some(until), never.clone());
        let count = AtomicUsize::new(0);
        let counted = |_: u32, _: Observation| {
            count.fetch_add(1, Ordering::SeqCst);
        };
        closed.run_slot(&endpoint, &never, |_| lasting(0), counted).await;
        assert_eq!(count.into_inner(), 10);
    }
}

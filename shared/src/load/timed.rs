//! An endpoint of known timing, for tests of loads.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::endpoint::{BoxFuture, Endpoint, Request};
use crate::record::{ErrorClass, Observation, Outcome, Served, Timeline, Usage};

/// Answers after a time that follows from the prompt's text, in milliseconds.
#[derive(Debug, Default)]
pub(super) struct Timed {
    pub(super) in_flight: AtomicUsize,
    pub(super) most: AtomicUsize,
    pub(super) fail: bool,
}

impl Endpoint for Timed {
    fn invoke<'a>(
        &'a self,
        request: &'a Request,
        cut: &'a CancellationToken,
    ) -> BoxFuture<'a, Observation> {
        Box::pin(async move {
            if let Some(start) = &request.start {
                start.gone().await;
            }
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
            Observation { gaps_us: Vec::new(), sent, timeline, usage, served, outcome, error: None }
        })
    }
}

/// A request that takes so long.
pub(super) fn lasting(milliseconds: u32) -> Request {
    Request {
        system: None,
        text: milliseconds.to_string(),
        estimated_tokens: 1,
        max_tokens: 1,
        temperature: None,
        top_p: None,
        start: None,
    }
}

//! One request over a slot, from its send to its observation: the same for all that is called.

use std::future::Future;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::Request;
use super::answer::Answer;
use super::connection::SlotConnection;
use super::ending::Ending;
use crate::record::{Deadline, Observation, Outcome};

/// What speaks a service's protocol over a slot.
pub(super) trait Exchange: Sync {
    /// The slot's connection.
    fn slot(&self) -> &SlotConnection;

    /// Sends and receives; what was seen is in `answer` even where this is dropped half-way.
    fn exchange(
        &self,
        request: &Request,
        answer: &mut Answer,
    ) -> impl Future<Output = Ending> + Send;
}

/// Sends one request and times the answer. When `cut` is cancelled the answer is given up, with what
/// was seen of it.
pub(super) async fn observe(
    endpoint: &impl Exchange,
    request: &Request,
    cut: &CancellationToken,
) -> Observation {
    let slot = endpoint.slot();
    slot.begin(request.start.clone());
    let begun = Instant::now();
    let mut answer = Answer::default();
    let ending = tokio::select! {
        biased;
        ending = slot.scope(endpoint.exchange(request, &mut answer)) => ending,
        () = cut.cancelled() => Ending::of(Outcome::Cut),
    };
    let exchange = slot.exchange();
    let sent = exchange.sent.unwrap_or(begun);
    let end = match ending.outcome {
        Outcome::Completed => exchange.body_end.unwrap_or_else(Instant::now),
        Outcome::Throttled | Outcome::TimedOut(_) | Outcome::Cut | Outcome::Failed(_) => {
            Instant::now()
        }
    };
    Observation {
        sent,
        timeline: answer.timeline(&exchange, sent, end),
        usage: answer.usage,
        gaps_us: std::mem::take(&mut answer.gaps_us),
        served: answer.served(&exchange),
        outcome: ending.outcome,
        error: ending.error,
    }
}

impl SlotConnection {
    /// Until when the next event of a streamed answer is waited for.
    pub(super) fn next_deadline(&self, sent: Instant, answer: &Answer) -> (Instant, Deadline) {
        let deadlines = self.deadlines();
        let next = match answer.last_event {
            Some(last) if answer.first_content.is_some() => {
                (last + deadlines.stall, Deadline::Stall)
            }
            _ => (sent + deadlines.first_token, Deadline::FirstToken),
        };
        next.min((sent + deadlines.request, Deadline::Request))
    }
}

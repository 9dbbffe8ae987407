//! Keeps a block's load: each slot in a task of its own.

use std::sync::Arc;

use tokio::task::JoinSet;
use tokio::time::Instant;

use super::recorder::{self, Placed};
use super::window::{SlotSends, Window};
use super::{Attempt, BlockError, joined};
use crate::endpoint::Endpoint;
use crate::load::{ClosedLoop, OpenLoop, Schedule, Tries};
use crate::plan::OpenLoad;
use crate::record::{Observation, Outcome, Phase};

/// A slot that has been warmed: its number and its way to the endpoint.
pub(super) type Slot = (u32, Box<dyn Endpoint>);

/// Keeps a closed loop for the block's window.
pub(super) async fn closed(
    attempt: &Arc<Attempt>,
    slots: Vec<Slot>,
    records: &recorder::Sender,
) -> Result<Window, BlockError> {
    let until = attempt.block.duration.map(|duration| Instant::now() + duration);
    let closed = ClosedLoop::new(
        attempt.block.requests,
        until,
        attempt.signals.stop.clone(),
        Arc::clone(&attempt.allotment),
        attempt.bound(Phase::Measured),
    );
    let closed = Arc::new(closed.with_tries(attempt.tries()));
    let measuring = &attempt.instruments.measuring;
    let mut sending = JoinSet::new();
    for (slot, endpoint) in slots {
        let (attempt, records) = (Arc::clone(attempt), records.clone());
        let closed = Arc::clone(&closed);
        let send = async move {
            let mut sends = SlotSends::default();
            let request = |sequence| attempt.request(sequence);
            let observed = |sequence, observation: Observation| {
                sends.add(&observation);
                attempt.observed(slot, sequence, observation, &records);
            };
            closed.run_slot(&*endpoint, &attempt.signals.cut, request, observed).await;
            sends
        };
        sending.spawn_on(send, measuring);
    }
    let sends = joined(sending).await?;
    Ok(Window::new(&sends, until, attempt.block.requests, closed.halt()))
}

/// Keeps an open loop for the block's window, which is its schedule.
pub(super) async fn open(
    attempt: &Arc<Attempt>,
    load: OpenLoad,
    slots: Vec<Slot>,
    records: &recorder::Sender,
) -> Result<Window, BlockError> {
    let open = OpenLoop::new(
        attempt.signals.stop.clone(),
        Arc::clone(&attempt.allotment),
        attempt.bound(Phase::Measured),
    );
    let open = Arc::new(open.with_tries(attempt.tries()));
    let measuring = &attempt.instruments.measuring;
    let mut sending = JoinSet::new();
    for (slot, endpoint) in slots {
        let (attempt, records) = (Arc::clone(attempt), records.clone());
        let (open, turn) = (Arc::clone(&open), open.turn());
        let send = async move {
            let request = |sequence| attempt.request(sequence);
            let observed = |sequence, observation: Observation| {
                attempt.observed(slot, sequence, observation, &records);
            };
            open.run_slot(turn, &*endpoint, &attempt.signals.cut, request, observed).await;
        };
        sending.spawn_on(send, measuring);
    }
    let key = &attempt.job.key;
    let schedule = Schedule::new(
        load,
        attempt.job.plan.seed,
        (&key.experiment, key.round, key.block),
        attempt.block.requests,
        attempt.block.duration,
    );
    let paced = open.keep(schedule, Instant::now(), attempt.instruments.time.pace()).await?;
    joined(sending).await?;
    Ok(Window::of_schedule(paced, open.arrivals()))
}

impl Attempt {
    fn tries(&self) -> Tries {
        let (plan, key) = (&self.job.plan, &self.job.key);
        Tries::new(plan.retries.clone(), plan.seed, (&key.experiment, key.round, key.block))
    }

    /// Settles and hands over what a slot observed.
    fn observed(
        &self,
        slot: u32,
        sequence: u32,
        observation: Observation,
        records: &recorder::Sender,
    ) {
        self.settle(Phase::Measured, &observation);
        if self.throttling.add(observation.outcome == Outcome::Throttled) {
            self.throttled.cancel();
            self.signals.stop.cancel();
        }
        let prompt = self.prompt_index(sequence);
        records.send(Placed { phase: Phase::Measured, slot, sequence, prompt, observation });
    }
}

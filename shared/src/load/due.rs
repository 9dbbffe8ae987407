//! Where arrivals meet slots: an arrival goes to the slot that has been free longest, or waits for
//! one.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;

use super::ArrivalCounts;
use crate::endpoint::Start;

/// A request that is to be sent.
#[derive(Debug, Clone)]
pub(super) struct Arrival {
    /// Its place in the schedule, from 1.
    pub(super) sequence: u32,
    /// When it was to be sent.
    pub(super) due: Instant,
    /// What holds it back until then; `None` where it is due.
    pub(super) start: Option<Start>,
    /// How long it waited for a free slot after it was due; `None` where one was free.
    pub(super) waited: Option<Duration>,
}

/// A slot's turn to take an arrival.
#[derive(Debug)]
pub struct Turn(Next);

#[derive(Debug)]
enum Next {
    /// One that had to wait.
    Waiting(Arrival),
    /// The next that comes.
    ToCome(oneshot::Receiver<Arrival>),
    /// None: sending is over.
    Nothing,
}

impl Turn {
    /// The arrival, `None` when sending is over.
    pub(super) async fn arrival(self) -> Option<Arrival> {
        match self.0 {
            Next::Waiting(arrival) => Some(arrival),
            Next::ToCome(arrival) => arrival.await.ok(),
            Next::Nothing => None,
        }
    }
}

/// Arrivals that are due and slots that are free: never both.
#[derive(Debug, Default)]
pub(super) struct Due(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    waiting: VecDeque<Arrival>,
    free: VecDeque<oneshot::Sender<Arrival>>,
    counts: ArrivalCounts,
    is_over: bool,
}

impl Due {
    /// One more arrival, due now or when `start` lets it go. Never waits, and may be called from any
    /// thread.
    pub(super) fn offer(&self, due: Instant, start: Option<Start>) {
        let mut state = self.state();
        if state.is_over {
            return;
        }
        state.counts.due += 1;
        let mut arrival = Arrival { sequence: state.counts.due, due, start, waited: None };
        while let Some(free) = state.free.pop_front() {
            match free.send(arrival) {
                Ok(()) => return,
                Err(back) => arrival = back, // that slot is gone
            }
        }
        state.waiting.push_back(arrival);
    }

    /// The turn of a slot that is free now.
    pub(super) fn turn(&self) -> Turn {
        let mut state = self.state();
        if let Some(mut arrival) = state.waiting.pop_front() {
            let waited = Instant::now().saturating_duration_since(arrival.due);
            arrival.waited = Some(waited).filter(|waited| !waited.is_zero());
            state.counts.waited += u32::from(arrival.waited.is_some());
            return Turn(Next::Waiting(arrival));
        }
        if state.is_over {
            return Turn(Next::Nothing);
        }
        let (sender, arrival) = oneshot::channel();
        state.free.push_back(sender);
        Turn(Next::ToCome(arrival))
    }

    /// Ends sending: what still waits is missed, and free slots are told. What was handed to a slot
    /// is still sent.
    pub(super) fn close(&self) {
        let mut state = self.state();
        state.is_over = true;
        let missed = u32::try_from(state.waiting.len()).unwrap_or(u32::MAX);
        state.counts.missed += missed;
        state.counts.waited += missed;
        state.waiting.clear();
        state.free.clear();
    }

    /// An arrival that a slot had taken was not sent after all.
    pub(super) fn miss(&self) {
        self.state().counts.missed += 1;
    }

    pub(super) fn counts(&self) -> ArrivalCounts {
        self.state().counts
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Every change is complete before anything could panic.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

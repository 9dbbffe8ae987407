//! A request under way, and how its truth comes about.
//!
//! The handler and the answer say what the next write will carry; the connection says when it
//! writes. The stamp is the latter's. Whoever holds a request's [`Answering`] and drops it before
//! the end has left it half-way, and this is the truth then.

use std::sync::{Arc, Mutex};

use tokio::time::Instant;

use crate::ledger::{Ledger, lock};
use crate::limit::Reservation;
use crate::truth::{Outcome, Truth};

/// A request from its arrival to its record.
#[derive(Debug)]
pub(crate) struct Exchange {
    ledger: Arc<Ledger>,
    received: Instant,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    truth: Truth,
    /// What the next write carries.
    carries_headers: bool,
    carries_tokens: bool,
    carries_end: Option<Outcome>,
    /// What it is if it does not come to its end: a fault's name, or none for a plain client's or
    /// server's leaving.
    interrupted: Option<Outcome>,
    is_closed: bool,
}

impl Exchange {
    /// A request that had arrived whole by `received`.
    pub(crate) fn new(
        ledger: Arc<Ledger>,
        connection: u64,
        request_id: String,
        received: Instant,
    ) -> Self {
        let truth = Truth {
            schema: 1,
            request_id,
            connection,
            model_id: None,
            prompt_sha256: None,
            input_tokens: 0,
            output_tokens: 0,
            outcome: Outcome::Ok,
            status: None,
            server_started_unix_ns: ledger.started_unix_ns(),
            received_ns: ledger.at_ns(received),
            queue_wait_ns: None,
            headers_written_ns: None,
            first_token_written_ns: None,
            last_token_written_ns: None,
            ended_ns: 0,
        };
        let state = State {
            truth,
            carries_headers: false,
            carries_tokens: false,
            carries_end: None,
            interrupted: None,
            is_closed: false,
        };
        Self { ledger, received, state: Mutex::new(state) }
    }

    /// When the whole request had arrived.
    pub(crate) fn received(&self) -> Instant {
        self.received
    }

    /// Fills in what is learnt about the request.
    pub(crate) fn describe(&self, fill: impl FnOnce(&mut Truth)) {
        fill(&mut lock(&self.state).truth);
    }

    /// The next write carries the headers.
    pub(crate) fn headers(&self, status: u16) {
        let mut state = lock(&self.state);
        state.truth.status = Some(status);
        state.carries_headers = true;
    }

    /// The next write carries this many more tokens.
    pub(crate) fn tokens(&self, count: u32) {
        let mut state = lock(&self.state);
        state.truth.output_tokens += count;
        state.carries_tokens |= count > 0;
    }

    /// The next write carries the end.
    pub(crate) fn end(&self, outcome: Outcome) {
        lock(&self.state).carries_end = Some(outcome);
    }

    /// From here on, an interruption is to be called this, or what a plain one is.
    pub(crate) fn interrupted_as(&self, outcome: Option<Outcome>) {
        lock(&self.state).interrupted = outcome;
    }

    /// Stamps what the write that is about to be made carries. If it carries the end, the record
    /// is kept, and this exchange is over.
    pub(crate) fn before_write(&self) -> bool {
        let now = self.ledger.now_ns();
        let mut state = lock(&self.state);
        let State { truth, carries_headers, carries_tokens, .. } = &mut *state;
        if std::mem::take(carries_headers) {
            truth.headers_written_ns.get_or_insert(now);
        }
        if std::mem::take(carries_tokens) {
            truth.first_token_written_ns.get_or_insert(now);
            truth.last_token_written_ns = Some(now);
        }
        let Some(outcome) = state.carries_end else { return false };
        self.keep(&mut state, outcome, now);
        true
    }

    /// Ends it now, with no further write.
    pub(crate) fn close(&self, outcome: Outcome) {
        let now = self.ledger.now_ns();
        self.keep(&mut lock(&self.state), outcome, now);
    }

    /// Ends what has not ended: nothing more will be written.
    pub(crate) fn abandon(&self) {
        let plain =
            if self.ledger.is_closing() { Outcome::ShutDown } else { Outcome::Disconnected };
        let outcome = lock(&self.state).interrupted.unwrap_or(plain);
        self.close(outcome);
    }

    fn keep(&self, state: &mut State, outcome: Outcome, now: u64) {
        if std::mem::replace(&mut state.is_closed, true) {
            return;
        }
        state.truth.outcome = outcome;
        state.truth.ended_ns = now;
        if state.truth.headers_written_ns.is_none() {
            state.truth.status = None;
        }
        self.ledger.keep(Arc::new(state.truth.clone()));
    }
}

/// The duty to answer a request.
#[derive(Debug)]
pub(crate) struct Answering {
    pub(crate) exchange: Arc<Exchange>,
    /// What it holds of its model's limits.
    pub(crate) reservation: Option<Reservation>,
}

impl Drop for Answering {
    fn drop(&mut self) {
        let (is_left, output_tokens) = {
            let state = lock(&self.exchange.state);
            (state.carries_end.is_none(), state.truth.output_tokens)
        };
        if is_left {
            self.exchange.abandon();
        }
        if let Some(reservation) = self.reservation.take() {
            reservation.settle(output_tokens);
        }
    }
}

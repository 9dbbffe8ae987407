//! What may be sent: nothing after a load was told to stop, and nothing beyond its allotment.

use std::sync::{Arc, OnceLock};

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::Halt;
use crate::price::Allotment;
use crate::units::NanoUsd;

/// What the slots of a load ask before each send.
#[derive(Debug)]
pub(super) struct Gate {
    stop: CancellationToken,
    /// Nothing new is sent: it was halted, or its window is over.
    over: CancellationToken,
    allotment: Arc<Allotment>,
    bound: NanoUsd,
    halt: OnceLock<(Halt, Instant)>,
}

impl Gate {
    /// Open until `stop`, or until the `allotment` does not hold another `bound`.
    pub(super) fn new(stop: CancellationToken, allotment: Arc<Allotment>, bound: NanoUsd) -> Self {
        let over = stop.child_token();
        Self { stop, over, allotment, bound, halt: OnceLock::new() }
    }

    /// Takes the bound of a request; `false` where nothing more is sent. Once one slot has found too
    /// little left, that is so for all: a load of fewer slots would be another one.
    pub(super) async fn take(&self) -> bool {
        if self.is_halted() {
            return false;
        }
        if !self.allotment.take(self.bound).await {
            self.halt(Halt::Spent);
            return false;
        }
        // Taking may have waited.
        if self.is_halted() {
            self.give_back();
            return false;
        }
        true
    }

    /// Gives back the bound of a request that is not sent.
    pub(super) fn give_back(&self) {
        self.allotment.settle(self.bound, NanoUsd::ZERO);
    }

    /// Why a slot that would have sent more did not.
    pub(super) fn halted(&self) -> Option<(Halt, Instant)> {
        self.halt.get().copied()
    }

    /// Whether it was told to stop, or has nothing left.
    pub(super) fn is_halted(&self) -> bool {
        if self.stop.is_cancelled() {
            self.halt(Halt::Stopped);
        }
        self.halt.get().is_some()
    }

    pub(super) fn halt(&self, why: Halt) {
        self.halt.get_or_init(|| (why, Instant::now()));
        self.over.cancel();
    }

    /// Nothing new is sent from now on, as was planned.
    pub(super) fn close(&self) {
        self.over.cancel();
    }

    /// Cancelled when nothing new is sent any more.
    pub(super) fn over(&self) -> &CancellationToken {
        &self.over
    }
}

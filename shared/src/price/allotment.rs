//! What a block may still spend.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::units::NanoUsd;

/// What a block may still spend, shared by its slots. Each request takes its bound before it is
/// sent, and gives back what it was not charged.
#[derive(Debug)]
pub struct Allotment {
    /// `None` where nothing limits the run.
    left: Option<AtomicU64>,
}

impl Allotment {
    /// So much; `None` never runs out.
    pub fn new(amount: Option<NanoUsd>) -> Self {
        Self { left: amount.map(|amount| AtomicU64::new(amount.0)) }
    }

    /// Takes `bound`; `false`, and nothing taken, where less is left.
    pub fn take(&self, bound: NanoUsd) -> bool {
        let Some(left) = &self.left else { return true };
        let less = |left: u64| left.checked_sub(bound.0);
        left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less).is_ok()
    }

    /// Gives back what of a taken `bound` was not charged. A charge above the bound is taken from
    /// what is left.
    pub fn settle(&self, bound: NanoUsd, charged: NanoUsd) {
        let Some(left) = &self.left else { return };
        let settled = |left: u64| Some(left.saturating_add(bound.0).saturating_sub(charged.0));
        // The update is never refused: the closure always gives a value.
        left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, settled).ok();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_taken_and_not_charged_can_be_taken_again() {
        let allotment = Allotment::new(Some(NanoUsd(10)));
        assert!(allotment.take(NanoUsd(6)) && !allotment.take(NanoUsd(6)));
        allotment.settle(NanoUsd(6), NanoUsd(1));
        assert!(allotment.take(NanoUsd(9)) && !allotment.take(NanoUsd(1)));
        allotment.settle(NanoUsd(9), NanoUsd(20));
        assert!(!allotment.take(NanoUsd(1)), "more was charged than there was");
        assert!(Allotment::new(None).take(NanoUsd(u64::MAX)));
    }
}

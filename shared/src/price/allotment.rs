//! What a block may still spend.

use std::sync::atomic::{AtomicI64, Ordering};

use tokio::sync::Notify;

use crate::units::NanoUsd;

/// What a block may still spend, shared by its slots. Each request takes its bound before it is
/// sent, and gives back what it was not charged.
#[derive(Debug)]
pub struct Allotment {
    /// `None` where nothing limits the run.
    purse: Option<Purse>,
}

#[derive(Debug)]
struct Purse {
    /// Below zero where requests were charged more than their bounds.
    left: AtomicI64,
    /// Requests that have taken their bound and are not settled.
    open: AtomicI64,
    settled: Notify,
}

impl Allotment {
    /// So much; `None` never runs out.
    pub fn new(amount: Option<NanoUsd>) -> Self {
        let purse = amount.map(|amount| Purse {
            left: AtomicI64::new(signed(amount)),
            open: AtomicI64::new(0),
            settled: Notify::new(),
        });
        Self { purse }
    }

    /// Takes `bound`. Where less is left, it waits for what open requests give back; `false`, and
    /// nothing taken, where there are none.
    pub async fn take(&self, bound: NanoUsd) -> bool {
        let Some(purse) = &self.purse else { return true };
        loop {
            // Made before anything is looked at: no settlement is missed.
            let settled = purse.settled.notified();
            let none_open = || purse.open.load(Ordering::SeqCst) == 0;
            let none_before = none_open();
            let less = |left: i64| (left >= signed(bound)).then(|| left - signed(bound));
            if purse.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, less).is_ok() {
                purse.open.fetch_add(1, Ordering::SeqCst);
                return true;
            }
            match (none_before, none_open()) {
                (true, true) => return false,
                (true, false) => {}
                (false, _) => settled.await,
            }
        }
    }

    /// Gives back what of a taken `bound` was not charged. A charge above the bound is taken from
    /// what is left.
    pub fn settle(&self, bound: NanoUsd, charged: NanoUsd) {
        let Some(purse) = &self.purse else { return };
        purse.left.fetch_add(signed(bound) - signed(charged), Ordering::SeqCst);
        purse.open.fetch_sub(1, Ordering::SeqCst);
        purse.settled.notify_waiters();
    }
}

fn signed(amount: NanoUsd) -> i64 {
    i64::try_from(amount.0).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    fn take(allotment: &Allotment, bound: u64) -> Option<bool> {
        allotment.take(NanoUsd(bound)).now_or_never()
    }

    #[test]
    fn what_was_taken_and_not_charged_can_be_taken_again() {
        let allotment = Allotment::new(Some(NanoUsd(10)));
        assert_eq!(take(&allotment, 6), Some(true));
        assert_eq!(take(&allotment, 6), None, "the open request may give something back");
        allotment.settle(NanoUsd(6), NanoUsd(1));
        assert_eq!(take(&allotment, 9), Some(true));
        allotment.settle(NanoUsd(9), NanoUsd(20));
        assert_eq!(take(&allotment, 1), Some(false), "more was charged than there was");
        assert_eq!(take(&Allotment::new(None), u64::MAX), Some(true));
    }

    #[tokio::test]
    async fn who_waits_is_told_of_the_last_settlement_too() {
        let allotment = Allotment::new(Some(NanoUsd(10)));
        assert!(allotment.take(NanoUsd(10)).await);
        let settle = async { allotment.settle(NanoUsd(10), NanoUsd(10)) };
        let (taken, ()) = tokio::join!(allotment.take(NanoUsd(1)), settle);
        assert!(!taken);
    }
}

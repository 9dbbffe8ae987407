//! What a run has spent and reserved, against its limit.

use serde::{Deserialize, Serialize};

use crate::units::NanoUsd;

/// What a run has spent and reserved (item `SPEND`).
///
/// Claiming a block moves its reservation here, and charges an earlier attempt that left no
/// receipt in full; a receipt puts what was charged in the place of the reservation. So
/// `reserved + spent` is at every moment the most that the run has cost by our bound.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Spend {
    /// The most that may be reserved and spent together; `None`: there is no limit.
    pub limit: Option<NanoUsd>,
    /// The reservations of attempts that have left no receipt yet.
    pub reserved: NanoUsd,
    /// What receipts say, what attempts that were given up were charged, and the reservations of
    /// those that died.
    pub spent: NanoUsd,
}

impl Spend {
    /// What is reserved and spent together.
    pub fn committed(&self) -> NanoUsd {
        self.reserved.saturating_add(self.spent)
    }

    /// What can still be reserved, up to the limit or a lower `ceiling`; `None` without a limit.
    pub fn left(&self, ceiling: Option<NanoUsd>) -> Option<NanoUsd> {
        let limit = self.limit?;
        let most = ceiling.map_or(limit, |ceiling| ceiling.min(limit));
        Some(NanoUsd(most.0.saturating_sub(self.committed().0)))
    }

    /// Whether so much can be reserved, up to the limit or a lower `ceiling`. Nothing always can.
    pub fn holds(&self, reservation: NanoUsd, ceiling: Option<NanoUsd>) -> bool {
        let left = || self.left(ceiling);
        reservation == NanoUsd::ZERO || left().is_none_or(|left| reservation <= left)
    }

    /// After a claim with that reservation, by which an attempt with the reservation `dead` died.
    pub(super) fn claimed(self, reservation: NanoUsd, dead: Option<NanoUsd>) -> Self {
        let dead = dead.unwrap_or_default();
        let spend = self.settled(dead, dead);
        Self { reserved: spend.reserved.saturating_add(reservation), ..spend }
    }

    /// After `charged` has taken the place of a reservation.
    pub(super) fn settled(self, reservation: NanoUsd, charged: NanoUsd) -> Self {
        Self {
            limit: self.limit,
            reserved: NanoUsd(self.reserved.0.saturating_sub(reservation.0)),
            spent: self.spent.saturating_add(charged),
        }
    }
}

//! What a run has spent by our bound, against its limit, and what the limit kept from being
//! measured.

use serde::{Deserialize, Serialize};

use super::BlockPlace;
use crate::store::{BlockEnd, BlockState, Spend};
use crate::units::{ExperimentId, NanoUsd};

/// What a run has spent by our bound. Unlike [`Spending`](super::Spending), which sums what records
/// say, it holds what attempts that died may have cost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpendSummary {
    /// The most that the run may spend; `None`: whatever it costs.
    pub limit_nano_usd: Option<NanoUsd>,
    /// What all receipts say (usage, or the bound where there was none), and the whole
    /// reservations of attempts that left no receipt. Without a limit, what such attempts of
    /// blocks that only time ends may have cost is not in it: nothing bounds it.
    pub spent_by_bound_nano_usd: NanoUsd,
    /// The part of it that is reserved by attempts that may still run, or have died last.
    pub reserved_nano_usd: NanoUsd,
    /// Blocks that were not measured, or not to their end, because the limit had no room for them.
    pub refused_blocks: Vec<BlockOf>,
    /// Blocks that count, and that ended before their time because their share of the limit was
    /// used up.
    pub shortened_blocks: Vec<BlockOf>,
}

/// A block of a run.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct BlockOf {
    /// The experiment.
    pub experiment: ExperimentId,
    /// Which block of it.
    pub place: BlockPlace,
}

impl SpendSummary {
    /// Of what the store has.
    pub fn new(spend: &Spend, blocks: &[BlockState]) -> Self {
        let those = |which: fn(&BlockState) -> bool| {
            let block = |state: &BlockState| BlockOf {
                experiment: state.key.experiment.clone(),
                place: BlockPlace { round: state.key.round, block: state.key.block },
            };
            let mut blocks: Vec<_> =
                blocks.iter().filter(|state| which(state)).map(block).collect();
            blocks.sort_unstable();
            blocks
        };
        let spent_out = |state: &BlockState| {
            state.receipt.as_ref().is_some_and(|receipt| receipt.ended == BlockEnd::SpendLimit)
        };
        Self {
            limit_nano_usd: spend.limit,
            spent_by_bound_nano_usd: spend.committed(),
            reserved_nano_usd: spend.reserved,
            refused_blocks: those(|state| state.refused),
            shortened_blocks: those(spent_out),
        }
    }
}

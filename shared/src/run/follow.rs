//! Following a run that others measure, by what its store holds.

use std::collections::BTreeMap;

use super::RunError;
use super::conclude::unfinished_in_round;
use crate::block::BlockRun;
use crate::plan::Plan;
use crate::record::Record;
use crate::store::{BlockKey, BlockState, RecordStore, RunMeta, StoreError, read};

/// What has become of a run since it was last looked at.
#[derive(Debug, Clone, PartialEq)]
pub enum News {
    /// A later round is being measured.
    Round(u32),
    /// A request of the round was recorded; `was_before` where that was before the first look.
    Recorded {
        /// Its record.
        record: Box<Record>,
        /// Whether it was there when the run was first looked at.
        was_before: bool,
    },
    /// A block has ended; [`BlockRun::AlreadyMeasured`] where that was before the first look.
    Block(BlockKey, Box<BlockRun>),
    /// All blocks of the round have ended, and this is the next.
    Next(u32),
}

/// Follows a run: what it has told of once it does not tell again.
#[derive(Debug)]
pub struct Follower {
    plan: Plan,
    /// The latest round of which a block was claimed.
    round: u32,
    looked: bool,
    seen: BTreeMap<BlockKey, Seen>,
}

/// What is known of a block.
#[derive(Debug, Default)]
struct Seen {
    attempt: u32,
    /// Chunks of that attempt.
    chunks: u32,
    ended: bool,
    refused: bool,
}

impl Follower {
    /// Nothing is known yet of the run.
    pub fn new(plan: Plan) -> Self {
        Self { plan, round: 1, looked: false, seen: BTreeMap::new() }
    }

    /// Looks at the run, and tells what is new: round after round, first what was recorded of a
    /// block and then its end. What the run was found to be is from before that: a terminal status
    /// means that everything has been told.
    pub async fn look(
        &mut self,
        records: &impl RecordStore,
        mut tell: impl FnMut(News),
    ) -> Result<RunMeta, RunError> {
        let run_id = self.plan.run_id.clone();
        let meta = records.run(&run_id).await?;
        let meta = meta.ok_or_else(|| StoreError::NoSuchRun(run_id.clone()))?;
        let mut blocks = records.blocks(&run_id).await?;
        blocks.sort_by_key(|block| block.key.round);
        let claimed = blocks.iter().filter(|block| block.attempt > 0);
        let round = claimed.map(|block| block.key.round).max().unwrap_or(1);
        for of_round in blocks.chunk_by(|one, other| one.key.round == other.key.round) {
            let this = of_round.first().map_or(1, |block| block.key.round);
            if this == round && this > self.round {
                tell(News::Round(round));
            }
            for block in of_round {
                self.look_at(block, this == round, records, &mut tell).await?;
            }
        }
        self.round = round;
        self.looked = true;
        if round < self.plan.round_count() && unfinished_in_round(&self.plan, &blocks, round) == 0 {
            tell(News::Next(round + 1));
        }
        Ok(meta)
    }

    async fn look_at(
        &mut self,
        block: &BlockState,
        is_current: bool,
        records: &impl RecordStore,
        tell: &mut impl FnMut(News),
    ) -> Result<(), RunError> {
        let was_before = !self.looked;
        let seen = self.seen.entry(block.key.clone()).or_default();
        if block.attempt > seen.attempt {
            *seen = Seen { attempt: block.attempt, refused: seen.refused, ..Seen::default() };
        }
        let receipt = block.receipt.as_ref().filter(|receipt| receipt.attempt == block.attempt);
        if let Some(receipt) = receipt.filter(|_| !seen.ended) {
            seen.ended = true;
            // What had ended before is known by its receipt well enough.
            if was_before {
                let run = BlockRun::AlreadyMeasured(receipt.clone());
                tell(News::Block(block.key.clone(), Box::new(run)));
                return Ok(());
            }
            seen.chunks += recorded(block, seen.chunks, records, false, tell).await?;
            let run = BlockRun::Measured(receipt.clone());
            tell(News::Block(block.key.clone(), Box::new(run)));
        } else if !seen.ended && is_current && block.reservation.is_some() {
            seen.chunks += recorded(block, seen.chunks, records, was_before, tell).await?;
        }
        if block.refused && !seen.refused {
            let (reservation, left) = Default::default();
            let run = BlockRun::NoFunds { reservation, left };
            tell(News::Block(block.key.clone(), Box::new(run)));
        }
        seen.refused = block.refused;
        Ok(())
    }
}

/// Tells the records of the block's current attempt after so many chunks; how many more there are.
async fn recorded(
    block: &BlockState,
    chunks: u32,
    records: &impl RecordStore,
    was_before: bool,
    tell: &mut impl FnMut(News),
) -> Result<u32, StoreError> {
    let new = read::records_from(records, &block.key, block.attempt, chunks + 1).await?;
    let count = u32::try_from(new.len()).unwrap_or(u32::MAX);
    for record in new.into_iter().flatten() {
        tell(News::Recorded { record: Box::new(record), was_before });
    }
    Ok(count)
}

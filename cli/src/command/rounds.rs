//! The rounds of a run on this machine: each at its time, its lanes in parallel, and the report
//! refreshed after it.

use std::time::Duration;

use anyhow::{Context, Result};
use futures_util::future::join_all;
use jiff::Timestamp;
use shared::block::{BlockError, BlockRun, Instruments, Signals, WallClock};
use shared::causes::chain;
use shared::plan::{Due, Lane, Plan};
use shared::run::{RunError, Stage, conclude, measure, unfinished_in_round};
use shared::store::{BlockEnd, BlockKey, RecordStore};

use crate::credentials::Access;
use crate::local::LocalStores;
use crate::progress::Progress;

/// The longest that a wait goes on without a look at the wall clock: a machine that slept has lost
/// none of tokio's time.
const LOOK_EVERY: Duration = Duration::from_mins(1);

/// A run that is being measured.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Measuring<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) stores: &'a LocalStores,
    pub(crate) access: &'a Access,
    pub(crate) instruments: &'a Instruments,
    /// When the run began: its rounds keep to this, however often it is resumed.
    pub(crate) begun: Timestamp,
    pub(crate) signals: &'a Signals,
    pub(crate) progress: &'a Progress,
}

/// The time of the wall clock.
pub(crate) fn at(wall: WallClock) -> Result<Timestamp> {
    Timestamp::try_from(wall()).context("the clock of this machine is out of range")
}

impl Measuring<'_> {
    /// Measures what the run lacks, round after round. What failed in a round is given back, and
    /// keeps nothing else from being measured.
    pub(crate) async fn rounds(self) -> Result<Vec<RunError>> {
        let rounds = self.plan.round_count();
        let mut failures = Vec::new();
        for round in 1..=rounds {
            if self.signals.stop.is_cancelled() {
                break;
            }
            if self.unfinished(round).await? == 0 {
                continue;
            }
            if !self.wait_for(round).await? {
                continue;
            }
            self.progress.begin_round(self.plan, round);
            let lanes = self.plan.lanes.iter().map(|lane| self.lane(lane, round));
            let failed: Vec<_> =
                join_all(lanes).await.into_iter().filter_map(Result::err).collect();
            if rounds > 1 {
                for error in &failed {
                    self.tell(round, error);
                }
            }
            failures.extend(failed);
            if failures.iter().any(RunError::is_superseded) {
                break;
            }
            if round < rounds && !self.signals.stop.is_cancelled() {
                self.refresh(round).await?;
            }
        }
        Ok(failures)
    }

    /// Whether something is left that can still be measured in its time.
    pub(crate) async fn can_go_on(self) -> Result<bool> {
        for round in 1..=self.plan.round_count() {
            if self.due(round)? != Due::Over && self.unfinished(round).await? > 0 {
                return Ok(true);
            }
        }
        Ok(false)
    }

    async fn unfinished(self, round: u32) -> Result<u32> {
        let run_id = &self.plan.run_id;
        let blocks = self.stores.records.blocks(run_id).await.map_err(RunError::from)?;
        Ok(unfinished_in_round(self.plan, &blocks, round))
    }

    fn due(self, round: u32) -> Result<Due> {
        let elapsed = at(self.instruments.wall)?.duration_since(self.begun);
        Ok(self.plan.due(round, Duration::try_from(elapsed).unwrap_or_default()))
    }

    /// Waits until a round is due; `false` where it is not to be measured: its time is over, or the
    /// run is to stop.
    async fn wait_for(self, round: u32) -> Result<bool> {
        loop {
            match self.due(round)? {
                Due::Now => return Ok(true),
                Due::Over => {
                    let text = format!("round {round} is skipped: the time for it is over");
                    self.progress.remark(&text);
                    return Ok(false);
                }
                Due::In(time) => {
                    self.progress.wait(round, time);
                    tokio::select! {
                        () = tokio::time::sleep(time.min(LOOK_EVERY)) => {}
                        () = self.signals.stop.cancelled() => return Ok(false),
                    }
                }
            }
        }
    }

    fn tell(self, round: u32, error: &RunError) {
        self.progress.remark(&format!("error in round {round}: {}", chain(error)));
    }

    /// Brings the report up to date. Where that fails the run goes on: its end writes it again.
    async fn refresh(self, round: u32) -> Result<()> {
        let (run_id, now) = (&self.plan.run_id, at(self.instruments.wall)?);
        if let Err(error) = conclude(run_id, self.stores, Stage::Interim, now).await {
            self.tell(round, &error);
        }
        Ok(())
    }

    /// The blocks of a lane in a round, one at a time. A lane that fails leaves the others alone.
    async fn lane(self, lane: &Lane, round: u32) -> Result<(), RunError> {
        for block in self.plan.lane_in_round(lane, round) {
            if self.signals.stop.is_cancelled() {
                break;
            }
            let key = BlockKey {
                run_id: self.plan.run_id.clone(),
                experiment: block.experiment.clone(),
                round,
                block: block.block,
            };
            let Self { signals, progress, .. } = self;
            let Some(run) = self.block(lane, &key).await else { break };
            if run.as_ref().is_err_and(RunError::is_superseded) {
                signals.stop.cancel();
            }
            let run = run?;
            progress.block_ended(lane, block, &run);
            match &run {
                BlockRun::Stopping => break,
                BlockRun::Measured(receipt) if receipt.ended == BlockEnd::Throttled => {
                    let endpoint = &lane.endpoint;
                    progress.remark(&format!(
                        "{endpoint} throttles nearly every request: the rest of its round is left out"
                    ));
                    break;
                }
                BlockRun::Measured(_) | BlockRun::AlreadyMeasured(_) | BlockRun::NoFunds { .. } => {
                }
            }
        }
        Ok(())
    }

    /// A block, anew where it was given up because credentials had expired; `None` where the run is
    /// stopped before there are others.
    async fn block(self, lane: &Lane, key: &BlockKey) -> Option<Result<BlockRun, RunError>> {
        let Self { stores, access, instruments, signals, progress, .. } = self;
        loop {
            let (connections, generation) = access.current();
            let measuring =
                measure(key.clone(), stores, &connections, instruments, signals, progress);
            match measuring.await {
                Err(RunError::Block(BlockError::Credentials(said))) => {
                    progress.block_given_up(lane);
                    let renewed = access.renew(generation, &said, &signals.stop, progress);
                    if !renewed.await {
                        return None;
                    }
                }
                run => return Some(run),
            }
        }
    }
}

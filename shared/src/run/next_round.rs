//! Which round of a stored run is measured next, and its lanes as the state machine reads them.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{RunError, Stores, json_lines, read_plan, rfc3339};
use crate::plan::{Due, Lane, Plan};
use crate::store::{
    ArtifactStore, BlockState, Receipt, RecordStore, RunMeta, RunStatus, StoreError, keys,
};
use crate::units::{ExperimentId, Name, RunId};

/// A lane as the state machine reads it, a line of `lanes/<round>.jsonl`: references only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LaneReference {
    /// The run.
    pub run_id: RunId,
    /// The endpoint whose blocks these are.
    pub lane: Name,
    /// Its blocks, in their order of measuring.
    pub blocks: Vec<BlockReference>,
}

/// A block as the state machine refers to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlockReference {
    /// The experiment.
    pub experiment: ExperimentId,
    /// Which block of it.
    pub block: u32,
}

/// What comes next in a run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NextRound {
    /// The round to measure; `None` where nothing is left, or the run is stopping.
    pub round: Option<u32>,
    /// How many rounds the run has.
    pub rounds: u32,
    /// Until when to wait before, RFC 3339; `None`: it is due.
    pub wait_until: Option<String>,
    /// The file of its lanes.
    pub lanes_key: Option<String>,
}

/// The first round after `after` (0: none was measured yet) that is not over and lacks a block. Its lanes
/// are stored; rounds that are over are skipped, as the report tells.
pub async fn next_round<R: RecordStore, A: ArtifactStore>(
    run_id: &RunId,
    after: u32,
    stores: &Stores<R, A>,
    now: Timestamp,
) -> Result<NextRound, RunError> {
    let plan = read_plan(stores, run_id).await?;
    let run = stores.records.run(run_id).await?;
    let run = run.ok_or_else(|| StoreError::NoSuchRun(run_id.clone()))?;
    let rounds = plan.round_count();
    let nothing = NextRound { round: None, rounds, wait_until: None, lanes_key: None };
    if run.stopping || run.status != RunStatus::Running {
        return Ok(nothing);
    }
    let begun = began(&run)?;
    let elapsed = Duration::try_from(now.duration_since(begun)).unwrap_or_default();
    let blocks = stores.records.blocks(run_id).await?;
    for round in after.saturating_add(1)..=rounds {
        let wait = match plan.due(round, elapsed) {
            Due::Over => continue,
            Due::Now => None,
            Due::In(_) => Some(plan.rounds.map_or(Duration::ZERO, |all| all.begin(round))),
        };
        let lanes = unfinished_lanes(&plan, &blocks, round);
        if lanes.is_empty() {
            continue;
        }
        let key = keys::lanes(run_id, round);
        let file = json_lines(&lanes)
            .map_err(|source| RunError::Unwritable { key: key.clone(), source })?;
        stores.artifacts.put(&key, file, keys::content_type(&key)).await?;
        let at = |wait| begun + SignedDuration::try_from(wait).unwrap_or(SignedDuration::MAX);
        let wait_until = wait.map(|wait| rfc3339(at(wait)));
        return Ok(NextRound { round: Some(round), rounds, wait_until, lanes_key: Some(key) });
    }
    Ok(nothing)
}

/// When a run began: its rounds keep to this.
fn began(run: &RunMeta) -> Result<Timestamp, RunError> {
    let began = run.started_at.parse();
    let key = || format!("{} {}", keys::run(&run.run_id), keys::META);
    began.map_err(|error: jiff::Error| {
        StoreError::Unreadable { key: key(), message: error.to_string() }.into()
    })
}

/// The lanes of a round, without blocks that were measured to their end, and without empty lanes.
fn unfinished_lanes(plan: &Plan, blocks: &[BlockState], round: u32) -> Vec<LaneReference> {
    let is_final = |block: &&BlockState| block.receipt.as_ref().is_some_and(Receipt::is_final);
    let finished: BTreeSet<(&ExperimentId, u32)> = blocks
        .iter()
        .filter(|block| block.key.round == round)
        .filter(is_final)
        .map(|block| (&block.key.experiment, block.key.block))
        .collect();
    let lane = |lane: &Lane| LaneReference {
        run_id: plan.run_id.clone(),
        lane: lane.endpoint.clone(),
        blocks: plan
            .lane_in_round(lane, round)
            .into_iter()
            .filter(|block| !finished.contains(&(&block.experiment, block.block)))
            .map(|block| BlockReference {
                experiment: block.experiment.clone(),
                block: block.block,
            })
            .collect(),
    };
    plan.lanes.iter().map(lane).filter(|lane| !lane.blocks.is_empty()).collect()
}

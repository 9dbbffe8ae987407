//! From a run's records to its report and its status.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::summarize::summarize;
use super::{RunError, Stores, read_plan, rfc3339};
use crate::decision::decide;
use crate::plan::{Plan, provisioned_prefix};
use crate::report::{self, Report};
use crate::store::{ArtifactStore, BlockState, Receipt, RecordStore, RunStatus, keys};
use crate::summary::{ExperimentSummary, Grade, SpendSummary, service_costs};
use crate::units::{NanoUsd, RunId};

/// How often a settling run is looked at.
const SETTLE_EVERY: Duration = Duration::from_secs(1);

/// What a concluded run has come to; small enough for a state machine's output.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Conclusion {
    /// The run.
    pub run_id: RunId,
    /// Complete, or incomplete where blocks are missing.
    pub status: RunStatus,
    /// Where the report is.
    pub report: String,
    /// The decision in a sentence.
    pub answer: String,
    /// What the run's tokens cost by the usage that was reported, uncounted attempts included, US
    /// dollars.
    pub cost_usd: f64,
    /// What it has spent by our bound: also what may have been paid for without a report of its
    /// usage, US dollars.
    #[serde(default)]
    pub spent_by_bound_usd: f64,
    /// The most that it may spend by our bound, US dollars.
    #[serde(default)]
    pub spend_limit_usd: Option<f64>,
    /// What the services cost that carried it, US dollars; `None` on one machine.
    #[serde(default)]
    pub services_usd: Option<f64>,
    /// Of the unfinished blocks, those that the spend limit had no room for.
    #[serde(default)]
    pub refused_blocks: u32,
    /// Planned blocks that were not measured, or not to their end.
    pub unfinished_blocks: u32,
    /// Measured requests whose answer arrived whole.
    pub completed_requests: u64,
    /// Something in it was answered by a simulator.
    pub simulated: bool,
    /// How the names begin of the SageMaker endpoints that were made for it; `None` for none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provisioned_prefix: Option<String>,
    /// How far the figures of its experiments can be trusted.
    #[serde(default)]
    pub verdicts: Verdicts,
}

/// How many experiments have which verdict.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdicts {
    /// VALID.
    pub valid: u32,
    /// DEGRADED.
    pub degraded: u32,
    /// INVALID.
    pub invalid: u32,
}

impl Verdicts {
    fn of(experiments: &[ExperimentSummary]) -> Self {
        let count = |grade| {
            let those = experiments.iter().filter(|e| e.validity.grade == grade);
            u32::try_from(those.count()).unwrap_or(u32::MAX)
        };
        Self {
            valid: count(Grade::Valid),
            degraded: count(Grade::Degraded),
            invalid: count(Grade::Invalid),
        }
    }
}

/// Whether a run goes on after it is concluded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Only the report is refreshed: the run's status and its prompts stay as they are.
    Interim,
    /// The run has ended: its status becomes terminal, and workers that still run stop.
    Final,
}

/// Summarises what there is, writes the report and the readable metrics, and at the end of a run sets
/// its status last. It can be repeated at any time, and gives the same but for the time of writing (`now`).
///
/// The prompts of a run that ended complete are deleted: an incomplete one needs them to be resumed.
pub async fn conclude<R: RecordStore, A: ArtifactStore>(
    run_id: &RunId,
    stores: &Stores<R, A>,
    stage: Stage,
    now: Timestamp,
) -> Result<Conclusion, RunError> {
    let now = rfc3339(now);
    let plan = match read_plan(stores, run_id).await {
        Err(missing @ RunError::Missing { .. }) if stage == Stage::Final => {
            stores.records.set_status(run_id, RunStatus::Incomplete, Some(&now)).await?;
            return Err(missing);
        }
        plan => plan?,
    };
    let blocks = stores.records.blocks(run_id).await?;
    let mut summary = summarize(&plan, &blocks, stores, stage).await?;
    let spend = SpendSummary::new(&stores.records.spend(run_id).await?, &blocks);
    let deployment = stores.records.run(run_id).await?.and_then(|run| run.deployment);
    summary.services = deployment.map(|deployment| service_costs(&plan, &blocks, deployment));
    let decision = decide(&plan, &summary);
    let unfinished_blocks = unfinished(&plan, &blocks);
    let status = if unfinished_blocks == 0 { RunStatus::Complete } else { RunStatus::Incomplete };
    let cost = summary.counted.spent_nano_usd.saturating_add(summary.uncounted.spent_nano_usd);
    let conclusion = Conclusion {
        run_id: run_id.clone(),
        status,
        report: stores.artifacts.location(&keys::report(run_id, "report.md")),
        answer: decision.answer.clone(),
        cost_usd: cost.as_usd(),
        spent_by_bound_usd: spend.spent_by_bound_nano_usd.as_usd(),
        spend_limit_usd: spend.limit_nano_usd.map(NanoUsd::as_usd),
        services_usd: summary.services.map(|services| services.total().as_usd()),
        refused_blocks: u32::try_from(spend.refused_blocks.len()).unwrap_or(u32::MAX),
        unfinished_blocks,
        completed_requests: summary.experiments.iter().map(|e| e.requests.completed).sum(),
        simulated: summary.simulated,
        provisioned_prefix: plan.provisioned().next().map(|_| provisioned_prefix(run_id)),
        verdicts: Verdicts::of(&summary.experiments),
    };
    summary.spend = Some(spend);

    let report = Report { plan: &plan, summary: &summary, decision: &decision, written_at: &now };
    for file in report::render(&report)? {
        let key = keys::report(run_id, file.name);
        stores.artifacts.put(&key, file.bytes, file.content_type).await?;
    }
    for key in [&keys::conclusion(run_id), keys::LATEST] {
        let bytes = serde_json::to_vec_pretty(&conclusion)
            .map_err(|source| RunError::Unwritable { key: key.to_owned(), source })?;
        stores.artifacts.put(key, bytes, "application/json").await?;
    }
    if stage == Stage::Interim {
        return Ok(conclusion);
    }
    if status == RunStatus::Complete {
        for dataset in &plan.datasets {
            stores.artifacts.delete(&keys::prompts(run_id, &dataset.name)).await?;
        }
    }
    stores.records.set_status(run_id, status, Some(&now)).await?;
    Ok(conclusion)
}

/// Asks the workers of a run to stop, and waits until each has left its receipt, for `patience` at
/// most: one that has died leaves none.
pub async fn settle<R: RecordStore, A: ArtifactStore>(
    run_id: &RunId,
    stores: &Stores<R, A>,
    patience: Duration,
) -> Result<(), RunError> {
    stores.records.set_stopping(run_id).await?;
    let until = tokio::time::Instant::now() + patience;
    let measuring = |block: &BlockState| block.reservation.is_some();
    while stores.records.blocks(run_id).await?.iter().any(measuring)
        && tokio::time::Instant::now() < until
    {
        tokio::time::sleep(SETTLE_EVERY).await;
    }
    Ok(())
}

/// Planned blocks that were not measured, or not to their end, over all rounds.
fn unfinished(plan: &Plan, blocks: &[BlockState]) -> u32 {
    (1..=plan.round_count()).map(|round| unfinished_in_round(plan, blocks, round)).sum()
}

/// Planned blocks of a round that were not measured, or not to their end.
pub fn unfinished_in_round(plan: &Plan, blocks: &[BlockState], round: u32) -> u32 {
    let planned: usize = plan.lanes.iter().map(|lane| lane.blocks.len()).sum();
    let is_final = |block: &BlockState| block.receipt.as_ref().is_some_and(Receipt::is_final);
    let finished = blocks.iter().filter(|block| block.key.round == round && is_final(block));
    u32::try_from(planned.saturating_sub(finished.count())).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::RunMeta;
    use crate::store::folder::FolderStore;
    use crate::store::sqlite::SqliteStore;

    #[tokio::test]
    async fn a_run_that_was_never_planned_ends_incomplete() {
        let folder = tempfile::tempdir().unwrap();
        let records = SqliteStore::open(folder.path().join("records.sqlite")).await.unwrap();
        let stores = Stores { records, artifacts: FolderStore::new(folder.path()) };
        let meta = RunMeta {
            run_id: "r".parse().unwrap(),
            name: None,
            owner: "nobody".to_owned(),
            config_sha256: String::new(),
            status: RunStatus::Running,
            stopping: false,
            started_at: "2026-11-22T10:00:00.000Z".to_owned(),
            ended_at: None,
            spend_limit: None,
            deployment: None,
            targets: Vec::new(),
        };
        stores.records.create_run(&meta).await.unwrap();
        for (stage, status) in
            [(Stage::Interim, RunStatus::Running), (Stage::Final, RunStatus::Incomplete)]
        {
            let concluded = conclude(&meta.run_id, &stores, stage, Timestamp::UNIX_EPOCH).await;
            assert!(concluded.unwrap_err().to_string().contains("start it again"));
            let run = stores.records.run(&meta.run_id).await.unwrap().unwrap();
            assert_eq!(run.status, status);
        }
    }
}

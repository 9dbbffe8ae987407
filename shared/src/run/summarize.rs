//! One pass over all records of a run: its figures, the readable metrics, and the records as files.

use super::{RunError, Stores};
use crate::digest::sha256;
use crate::plan::Plan;
use crate::record::{ParquetRecords, Record, parquet_proof};
use crate::run::Stage;
use crate::store::{
    ArtifactStore, BlockKey, BlockState, Receipt, RecordStore, StoreError, keys, read,
};
use crate::summary::{RoundAccumulator, RunAccumulator, RunSummary};

/// Adds up all records, and stores each experiment's readable metrics and records of each round:
/// one of these is in memory at a time, and what an experiment keeps is given up once it is summarised.
///
/// The records of an experiment in a round become a file once all its blocks are final, or at the
/// end of the run; a file that holds them is not written again.
pub(super) async fn summarize<R: RecordStore, A: ArtifactStore>(
    plan: &Plan,
    blocks: &[BlockState],
    stores: &Stores<R, A>,
    stage: Stage,
) -> Result<RunSummary, RunError> {
    let mut summary = RunAccumulator::new(plan, blocks);
    // Blocks are ordered by key: experiment, round, block.
    for of_experiment in blocks.chunk_by(|one, two| one.key.experiment == two.key.experiment) {
        for group in of_experiment.chunk_by(|one, two| one.key.round == two.key.round) {
            add_round(plan, group, stores, stage, &mut summary).await?;
        }
        if let Some(first) = of_experiment.first() {
            summary.finish_experiment(&first.key.experiment);
        }
    }
    Ok(summary.finish())
}

/// Adds up the records of an experiment in a round, and stores what there is of that round.
async fn add_round<R: RecordStore, A: ArtifactStore>(
    plan: &Plan,
    group: &[BlockState],
    stores: &Stores<R, A>,
    stage: Stage,
    summary: &mut RunAccumulator<'_>,
) -> Result<(), RunError> {
    let [BlockState { key, .. }, ..] = group else { return Ok(()) };
    let mut file = match stage {
        Stage::Interim if !is_settled(plan, group) => None,
        Stage::Interim | Stage::Final => file(plan, group, stores).await?,
    };
    let mut of_round = RoundAccumulator::new(plan, group);
    for block in group {
        let counted = block.receipt.as_ref().map(|receipt| receipt.attempt);
        for attempt in 1..=block.attempt {
            let take = |records: Vec<Record>| -> Result<(), RunError> {
                for record in &records {
                    summary.add(record);
                    if let Some(of_round) = &mut of_round {
                        of_round.add(record);
                    }
                }
                if let Some(file) = &mut file {
                    file.add(records, counted == Some(attempt))?;
                }
                Ok(())
            };
            read::each_chunk(&stores.records, block, attempt, take).await?;
        }
    }
    if let Some(file) = file {
        let file = file.finish(&proof(group))?;
        let key = records_key(key);
        stores.artifacts.put(&key, file, keys::content_type(&key)).await?;
    }
    if let Some(of_round) = of_round {
        let metrics = of_round.finish().metrics();
        let BlockKey { run_id, experiment, round, .. } = key;
        stores.records.put_metrics(run_id, experiment, *round, &metrics).await?;
    }
    Ok(())
}

/// Whether the records of an experiment in a round will not change any more: each of its planned
/// blocks has a receipt that stands for good.
fn is_settled(plan: &Plan, group: &[BlockState]) -> bool {
    let blocks = plan.lanes.iter().flat_map(|lane| &lane.blocks);
    let planned = |state: &BlockState| {
        blocks.clone().filter(|block| block.experiment == state.key.experiment).count()
    };
    let is_final = |state: &BlockState| state.receipt.as_ref().is_some_and(Receipt::is_final);
    group.first().is_some_and(|first| planned(first) == group.len()) && group.iter().all(is_final)
}

/// A file for the records of an experiment in a round; `None` where there is one that holds them.
async fn file<R: RecordStore, A: ArtifactStore>(
    plan: &Plan,
    group: &[BlockState],
    stores: &Stores<R, A>,
) -> Result<Option<ParquetRecords>, RunError> {
    if let Some(first) = group.first().filter(|_| is_settled(plan, group)) {
        let written = stores.artifacts.get(&records_key(&first.key)).await?;
        if written.and_then(parquet_proof).is_some_and(|written| written == proof(group)) {
            return Ok(None);
        }
    }
    Ok(Some(ParquetRecords::new()?))
}

fn records_key(key: &BlockKey) -> String {
    keys::records(&key.run_id, &key.experiment, key.round)
}

/// What tells the records of some blocks from any others: their attempts, and the digest of those
/// that count.
fn proof(group: &[BlockState]) -> String {
    let lines = group.iter().map(|state| {
        let receipt = state.receipt.as_ref();
        let counted = receipt.map_or(0, |receipt| receipt.attempt);
        let digest = receipt.map_or("", |receipt| receipt.sha256.as_str());
        format!("{} {} {counted} {digest}\n", state.key.block, state.attempt)
    });
    sha256(lines.collect::<String>())
}

/// The records of one attempt at a block; those of the attempt that its receipt names must be what
/// the receipt says.
pub async fn attempt_records<R: RecordStore>(
    block: &BlockState,
    attempt: u32,
    records: &R,
) -> Result<Vec<Record>, StoreError> {
    match &block.receipt {
        Some(receipt) if receipt.attempt == attempt => {
            read::counted_records(records, &block.key, receipt).await
        }
        Some(_) | None => read::attempt_records(records, &block.key, attempt).await,
    }
}

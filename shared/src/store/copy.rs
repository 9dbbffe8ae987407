//! Copying a run from one store into another, so that it can be summarised where it is read.
//!
//! Attempts keep their numbers, those without a receipt included. What can be computed again
//! (the readable metrics) is not copied. Copying again brings a copy up to date; a copy that has
//! gone its own way is refused, not mixed.

use crate::store::{
    ArtifactStore, BlockKey, BlockState, Claim, RecordStore, RunMeta, RunStatus, Spend, StoreError,
    keys,
};
use crate::units::{NanoUsd, RunId};

/// Why a run could not be copied.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// The target has another run of that id, or has gone on with its copy by itself.
    #[error("the target's run {run_id} is no copy of this one: {what}")]
    Diverged {
        /// The run.
        run_id: RunId,
        /// Where they differ.
        what: String,
    },
    /// One of the stores failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Copies a run: its artifacts, its blocks with all their attempts' records and receipts, and last
/// its status.
pub async fn copy_run(
    from_records: &impl RecordStore,
    from_artifacts: &impl ArtifactStore,
    to_records: &impl RecordStore,
    to_artifacts: &impl ArtifactStore,
    run_id: &RunId,
) -> Result<(), CopyError> {
    let no_such_run = || StoreError::NoSuchRun(run_id.clone());
    let meta = from_records.run(run_id).await?.ok_or_else(no_such_run)?;
    enter(to_records, &meta).await?;
    copy_artifacts(from_artifacts, to_artifacts, run_id).await?;
    let copied = to_records.blocks(run_id).await?;
    // Nothing limits the copy's own claims; what they make of the spending is replaced.
    limit(to_records, run_id, None).await?;
    for block in from_records.blocks(run_id).await? {
        let copy = copied.iter().find(|copy| copy.key == block.key);
        copy_block(from_records, to_records, &block, copy).await?;
    }
    to_records.put_spend(run_id, &from_records.spend(run_id).await?).await?;
    if meta.status != RunStatus::Running {
        to_records.set_status(run_id, meta.status, meta.ended_at.as_deref()).await?;
    }
    if meta.stopping {
        to_records.set_stopping(run_id).await?;
    }
    Ok(())
}

/// Enters the run into the target as one that is running, or finds it there.
async fn enter(to_records: &impl RecordStore, meta: &RunMeta) -> Result<(), CopyError> {
    let running = |meta: &RunMeta| RunMeta {
        status: RunStatus::Running,
        stopping: false,
        ended_at: None,
        ..meta.clone()
    };
    if to_records.create_run(&running(meta)).await? {
        return Ok(());
    }
    let there = to_records.run(&meta.run_id).await?;
    if there.is_none_or(|there| running(&there) != running(meta)) {
        return Err(CopyError::Diverged {
            run_id: meta.run_id.clone(),
            what: "another run has its id".to_owned(),
        });
    }
    Ok(to_records.set_status(&meta.run_id, RunStatus::Running, None).await?)
}

async fn copy_artifacts(
    from: &impl ArtifactStore,
    to: &impl ArtifactStore,
    run_id: &RunId,
) -> Result<(), StoreError> {
    for key in from.list(&keys::artifacts(run_id)).await? {
        // What is gone since it was listed (prompts are deleted when a run ends) stays gone.
        if let Some(bytes) = from.get(&key).await? {
            to.put(&key, bytes, keys::content_type(&key)).await?;
        }
    }
    Ok(())
}

async fn copy_block(
    from: &impl RecordStore,
    to: &impl RecordStore,
    block: &BlockState,
    copy: Option<&BlockState>,
) -> Result<(), CopyError> {
    let key = &block.key;
    let diverged = |what: &str| CopyError::Diverged {
        run_id: key.run_id.clone(),
        what: format!("block {} of {} in round {}: {what}", key.block, key.experiment, key.round),
    };
    let current = copy.map_or(0, |copy| copy.attempt);
    let held = copy.and_then(|copy| copy.receipt.as_ref());
    if let Some(held) = held.filter(|held| held.is_final()) {
        // A final receipt is left last and stands for good: there is nothing more to copy.
        return match block.receipt.as_ref() {
            Some(original) if original == held => Ok(()),
            _ => Err(diverged("it has another receipt")),
        };
    }
    if current > block.attempt {
        return Err(diverged("it has been claimed since"));
    }
    for attempt in 1..=block.attempt {
        for (chunk, number) in from.chunks(key, attempt).await?.into_iter().zip(1..) {
            to.put_chunk(key, attempt, number, chunk).await?;
        }
    }
    let raise = async |mut current: u32, attempt: u32| {
        while current < attempt {
            current = match to.claim(key, block.reservation.unwrap_or_default(), None).await? {
                Claim::Attempt(attempt) => attempt,
                Claim::Done(_) | Claim::NoFunds { .. } => {
                    return Err(diverged("it has been changed meanwhile"));
                }
            };
        }
        if current > attempt { Err(diverged("it has been claimed meanwhile")) } else { Ok(current) }
    };
    // A stopped attempt's receipt may be followed by attempts that have left none yet.
    let mut current = current;
    if let Some(receipt) = block.receipt.as_ref().filter(|receipt| held != Some(*receipt)) {
        current = raise(current, receipt.attempt).await?;
        to.finish(key, receipt).await?;
    }
    raise(current, block.attempt).await?;
    if block.reservation.is_none() {
        to.release(key, block.attempt, NanoUsd::ZERO).await?;
    }
    if block.refused {
        refuse(to, key).await?;
    }
    Ok(())
}

/// Marks a block as one that the spend limit had no room for: claims it where there is none.
async fn refuse(to: &impl RecordStore, key: &BlockKey) -> Result<(), StoreError> {
    limit(to, &key.run_id, Some(NanoUsd::ZERO)).await?;
    to.claim(key, NanoUsd(1), None).await?;
    limit(to, &key.run_id, None).await
}

/// Sets another limit, and leaves the sums.
async fn limit(
    to: &impl RecordStore,
    run_id: &RunId,
    limit: Option<NanoUsd>,
) -> Result<(), StoreError> {
    let spend = to.spend(run_id).await?;
    to.put_spend(run_id, &Spend { limit, ..spend }).await
}

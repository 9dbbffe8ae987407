//! Deleting a run that has ended.

use super::{Conclusion, RunError, Stores};
use crate::store::{ArtifactStore, RecordStore, RunStatus, StoreError, keys};
use crate::units::RunId;

/// Deletes a run with its files and records, and last its entry in the list of runs: so it can be
/// repeated where it failed half-way. One that is running is refused.
pub async fn delete<R: RecordStore, A: ArtifactStore>(
    run_id: &RunId,
    stores: &Stores<R, A>,
) -> Result<(), RunError> {
    let run = stores.records.run(run_id).await?;
    let run = run.ok_or_else(|| StoreError::NoSuchRun(run_id.clone()))?;
    if run.status == RunStatus::Running {
        return Err(RunError::Running(run_id.clone()));
    }
    let latest = stores.artifacts.get(keys::LATEST).await?;
    let latest: Option<Conclusion> = latest.and_then(|bytes| serde_json::from_slice(&bytes).ok());
    if latest.is_some_and(|latest| latest.run_id == *run_id) {
        stores.artifacts.delete(keys::LATEST).await?;
    }
    stores.artifacts.delete_all(&keys::artifacts(run_id)).await?;
    Ok(stores.records.delete_run(run_id).await?)
}

//! Going on with a run that ended incomplete.

use super::{RunError, Stores};
use crate::store::{RecordStore, RunStatus, StoreError};
use crate::units::RunId;

/// Takes up a run for `owner`; doing so again is harmless. A run that is complete, or that somebody
/// else is measuring, is refused.
pub async fn take_up<R: RecordStore, A>(
    run_id: &RunId,
    stores: &Stores<R, A>,
    owner: &str,
) -> Result<(), RunError> {
    if stores.records.take_up(run_id, owner).await? {
        return Ok(());
    }
    let run = stores.records.run(run_id).await?;
    let run = run.ok_or_else(|| StoreError::NoSuchRun(run_id.clone()))?;
    let why = match run.status {
        RunStatus::Running if run.owner == owner => return Ok(()),
        RunStatus::Complete => "it is complete; start a new run to measure again",
        RunStatus::Running | RunStatus::Incomplete => {
            "it is running; wait for its end, or stop it first (`fmgauge stop`)"
        }
    };
    Err(RunError::NotResumable { run_id: run_id.clone(), why })
}

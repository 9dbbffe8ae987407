//! Two runs on one endpoint.

use super::{RunError, Stores};
use crate::plan::{EndpointSpec, Plan};
use crate::store::{RecordStore, RunStatus};

/// Refuses to start a run where another one, which has not ended, puts load on one of its
/// endpoints: each would measure the other.
pub async fn refuse_beside_active<R: RecordStore, A>(
    plan: &Plan,
    stores: &Stores<R, A>,
) -> Result<(), RunError> {
    let ours: Vec<String> = plan.endpoints.iter().map(EndpointSpec::target).collect();
    for run in stores.records.runs().await? {
        if run.run_id == plan.run_id || run.status != RunStatus::Running {
            continue;
        }
        if let Some(target) = run.targets.into_iter().find(|target| ours.contains(target)) {
            let (run_id, started_at) = (run.run_id, run.started_at);
            return Err(RunError::BesideActive { run_id, target, started_at });
        }
    }
    Ok(())
}

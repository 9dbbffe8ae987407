//! What the services cost that carried a deployed run.

use crate::plan::Plan;
use crate::price::services::{ServiceCosts, Use};
use crate::store::{BlockState, Deployment};

/// From the receipts: the time that they prove and the bytes of their records. An attempt that
/// left none counts as an invocation that took no time: how long it ran is not known.
pub fn service_costs(plan: &Plan, blocks: &[BlockState], deployment: Deployment) -> ServiceCosts {
    let mut used = Use::of_run(plan.lanes.len(), plan.round_count());
    for block in blocks {
        let receipt = block.receipt.as_ref();
        let running = receipt.map(|receipt| receipt.elapsed).unwrap_or_default();
        let bytes = receipt.map_or(0, |receipt| receipt.bytes);
        let chunks = receipt.map_or(0, |receipt| receipt.chunks.into());
        used.add_block(block.attempt, running, chunks, bytes);
    }
    used.costs(deployment.runner_memory_mb)
}

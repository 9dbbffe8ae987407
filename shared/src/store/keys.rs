//! Every key of every store, built here and nowhere else.
//!
//! DynamoDB: `pk` and `sk` of one table. Artifacts: `/`-separated keys below `runs/<run>/`.
//! Names hold neither `#` nor `/`, so no key can be read two ways.

use crate::store::BlockKey;
use crate::units::{ExperimentId, Name, RunId};

/// Partition of a run's own items.
pub fn run(run_id: &RunId) -> String {
    format!("RUN#{run_id}")
}

/// Partition of the list of runs.
pub const RUNS: &str = "RUNS";

/// Sort key of a run's own item.
pub const META: &str = "META";

/// Sort key in the list of runs: in order of time.
pub fn runs_entry(started_at: &str, run_id: &RunId) -> String {
    format!("{started_at}#{run_id}")
}

/// What the sort keys of a run's blocks start with.
pub const BLOCK_PREFIX: &str = "BLOCK#";

/// Sort key of a block.
pub fn block(key: &BlockKey) -> String {
    format!("{BLOCK_PREFIX}{}#{:04}#{:04}", key.experiment, key.round, key.block)
}

/// Sort key of the readable metrics of an experiment in a round.
pub fn metrics(experiment: &ExperimentId, round: u32) -> String {
    format!("METRICS#{experiment}#{round:04}")
}

/// Partition of an attempt's packed records.
pub fn attempt(key: &BlockKey, attempt: u32) -> String {
    format!("RUN#{}#{}#{:04}#{:04}#{attempt:04}", key.run_id, key.experiment, key.round, key.block)
}

/// Sort key of a chunk of packed records.
pub fn chunk(number: u32) -> String {
    format!("{number:08}")
}

/// What the artifact keys of a run start with.
pub fn artifacts(run_id: &RunId) -> String {
    format!("runs/{run_id}/")
}

/// The configuration as it was given.
pub fn config(run_id: &RunId) -> String {
    format!("{}config.yml", artifacts(run_id))
}

/// The plan.
pub fn plan(run_id: &RunId) -> String {
    format!("{}plan.json", artifacts(run_id))
}

/// References to the lanes' blocks, a lane on each line.
pub fn lanes(run_id: &RunId) -> String {
    format!("{}lanes.jsonl", artifacts(run_id))
}

/// The prompts that workers send.
pub fn prompts(run_id: &RunId, dataset: &Name) -> String {
    format!("{}prompts/{dataset}.jsonl", artifacts(run_id))
}

/// A file of the report.
pub fn report(run_id: &RunId, file: &str) -> String {
    format!("{}report/{file}", artifacts(run_id))
}

/// What the last concluded run has come to.
pub const LATEST: &str = "latest.json";

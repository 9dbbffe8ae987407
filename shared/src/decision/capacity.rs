//! How many instances a workload needs, and what they cost.

use serde::{Deserialize, Serialize};

use crate::units::{ExperimentId, Name};

/// What serving a dataset's transactions with an endpoint takes, by the highest measured load that
/// meets the criteria. Simple: nothing between or beyond measured loads is known.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Capacity {
    /// The dataset.
    pub dataset: Name,
    /// The endpoint.
    pub endpoint: Name,
    /// The highest measured load that meets the criteria.
    pub experiment: ExperimentId,
    /// What one instance (on demand: one set of clients at that load) served per minute.
    pub requests_per_minute_each: f64,
    /// The rows: the workload first, then 1, 10, 100, 1,000 and 10,000 requests a minute.
    pub rows: Vec<CapacityRow>,
}

/// What one rate takes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CapacityRow {
    /// The rate to be served.
    pub requests_per_minute: f64,
    /// It is the configuration's workload.
    pub is_workload: bool,
    /// N: instances, or on demand the sets of clients at the measured load.
    pub instances: u64,
    /// What it costs, US dollars an hour; `None` where the price is not known.
    pub usd_per_hour: Option<f64>,
    /// More than was measured: quotas and queues beyond it are not known.
    pub beyond_measured: bool,
}

/// What the choice saves against the endpoint that is used today.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Saving {
    /// The dataset.
    pub dataset: Name,
    /// The baseline's experiment that it is told against.
    pub baseline: ExperimentId,
    /// The choice.
    pub chosen: ExperimentId,
    /// The rate that it is told for.
    pub requests_per_minute: f64,
    /// What a month (730 hours) costs less, US dollars; negative where it costs more.
    pub usd_per_month: f64,
    /// That in words, with its certainty.
    pub words: String,
}

/// The best endpoint over all datasets.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Overall {
    /// The endpoint.
    pub endpoint: Name,
    /// Datasets on which it meets all criteria.
    pub qualified_datasets: u32,
    /// All datasets.
    pub datasets: u32,
    /// The next best.
    pub runner_up: Option<Name>,
    /// The choice with its reason and certainty in words.
    pub words: String,
}

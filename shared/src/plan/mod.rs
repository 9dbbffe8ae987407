//! The checked run: what a [`Plan`] says can be measured as it stands.
//!
//! A plan follows from (configuration, run id) alone: the same on a laptop and in the cloud, with
//! no time of day in it. It is stored once and never edited.

mod build;
mod endpoint;
mod estimate;
mod experiment;
mod load;
pub mod power;
mod provision;
mod retries;
mod rounds;
mod zone;

use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use self::build::{LoadedDataset, build};
pub use self::endpoint::{
    Api, Container, EndpointKind, EndpointSpec, KeySource, LatencyMode, Server, ServiceTier,
};
pub use self::estimate::WARMUP_MAX_TOKENS;
pub(crate) use self::estimate::WARMUP_TOKENS;
pub(crate) use self::estimate::warmup_bound;
pub use self::experiment::Experiment;
pub use self::load::{Load, MAX_STREAMS, OpenLoad, streams_needed};
pub use self::provision::{Provision, Provisions, provisioned_prefix};
pub use self::retries::{Retries, RetryOn};
pub use self::rounds::{Due, ROUNDS_MAX, Rounds};
pub use self::zone::{UnknownZone, Zone};
use crate::units::{ExperimentId, Name, NanoUsd, RunId, nanos};

/// The version of the stored form of a [`Plan`].
pub const PLAN_SCHEMA: u32 = 1;

/// The checked run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// [`PLAN_SCHEMA`] of the writer.
    pub schema: u32,
    /// The run.
    pub run_id: RunId,
    /// What the user calls it.
    pub name: Option<String>,
    /// Everything random follows from it.
    pub seed: u64,
    /// The fmgauge that planned.
    pub fmgauge_version: String,
    /// SHA-256 of the configuration's text, hexadecimal.
    pub config_sha256: String,
    /// What answers prompts, in the configuration's order.
    pub endpoints: Vec<EndpointSpec>,
    /// The prompts, in the configuration's order.
    pub datasets: Vec<DatasetPlan>,
    /// Endpoint x dataset x load, in the configuration's order.
    pub experiments: Vec<Experiment>,
    /// Blocks of each experiment: the r-th blocks of all form the r-th replicate.
    pub replicates: u32,
    /// When everything is measured again; `None`: there is one round.
    #[serde(default)]
    pub rounds: Option<Rounds>,
    /// The blocks of a round by endpoint, each lane in its order of measuring in the first round
    /// ([`Plan::lane_in_round`]).
    pub lanes: Vec<Lane>,
    /// How answers are sampled.
    pub inference: Inference,
    /// When a request is given up.
    pub deadlines: Deadlines,
    /// When a request that failed is sent again; `None` for never.
    #[serde(default)]
    pub retries: Option<Retries>,
    /// Requests that warm each slot's connection, in every block.
    pub warmup_requests_per_slot: u32,
    /// What an answer must fulfil to be acceptable.
    pub criteria: Criteria,
    /// What has to be served: capacity is told for it.
    #[serde(default)]
    pub workload: Option<Workload>,
    /// The endpoint that is used today: savings are told against it.
    #[serde(default)]
    pub baseline: Option<Name>,
    /// The most that the run's requests may cost by our bound, all attempts included.
    #[serde(default)]
    pub spend_limit: Option<NanoUsd>,
    /// The time zone in which the report tells hours of the day.
    #[serde(default)]
    pub time_zone: Zone,
    /// What the run will cost and last, as far as can be told before.
    pub estimate: RunEstimate,
}

/// What has to be served.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Workload {
    /// Transactions per minute.
    pub requests_per_minute: f64,
    /// Mean prompt tokens of a transaction; `None`: those of the dataset.
    pub prompt_tokens: Option<u32>,
    /// Mean answer tokens of a transaction; `None`: those that were measured.
    pub output_tokens: Option<u32>,
    /// The share of capacity that is kept free, from 0 to below 1.
    pub headroom: f64,
}

/// A dataset as it will be sent; its prompts are stored beside the plan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DatasetPlan {
    /// What the user calls it.
    pub name: Name,
    /// How many prompts there are.
    pub prompts: u32,
    /// SHA-256 of the stored prompts file, hexadecimal.
    pub sha256: String,
    /// The mean of the estimated prompt tokens, those of `inference.system` included.
    pub estimated_input_tokens_mean: f64,
    /// The largest estimate of prompt tokens, those of `inference.system` included.
    pub estimated_input_tokens_max: u32,
    /// The limit of an answer: the highest, where prompts have limits of their own.
    pub max_tokens: u32,
    /// The tokenizer that counted prompt tokens, as the configuration names it; `None` for our own
    /// estimate.
    #[serde(default)]
    pub tokenizer: Option<String>,
    /// The template that prompts were made with, as the configuration names it.
    #[serde(default)]
    pub template: Option<String>,
}

/// The blocks that share an endpoint; they run one at a time, in this order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Lane {
    /// The endpoint.
    pub endpoint: Name,
    /// Its blocks of one round.
    pub blocks: Vec<BlockPlan>,
}

/// An experiment's share of one replicate.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BlockPlan {
    /// The experiment.
    pub experiment: ExperimentId,
    /// The replicate, from 1.
    pub block: u32,
    /// Stop after this many measured requests.
    pub requests: Option<u32>,
    /// Stop sending after this long.
    #[serde(rename = "duration_ns", with = "nanos::option", default)]
    pub duration: Option<Duration>,
    /// The place in the dealt order of prompts where the block starts in the first round.
    pub first_prompt: u32,
}

/// How answers are sampled; what is `None` is left to the service.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Inference {
    /// The temperature.
    pub temperature: Option<f64>,
    /// The nucleus.
    pub top_p: Option<f64>,
    /// What the model is told before the prompt.
    pub system: Option<String>,
}

/// When a request is given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deadlines {
    /// Opening a connection.
    #[serde(rename = "connect_ns", with = "nanos")]
    pub connect: Duration,
    /// From the send to the first content; of an answer that arrives whole: to the response's
    /// head.
    #[serde(rename = "first_token_ns", with = "nanos")]
    pub first_token: Duration,
    /// Between two events; of an answer that arrives whole: between two arrivals of its bytes.
    #[serde(rename = "stall_ns", with = "nanos")]
    pub stall: Duration,
    /// The whole request.
    #[serde(rename = "request_ns", with = "nanos")]
    pub request: Duration,
}

impl Default for Deadlines {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            first_token: Duration::from_mins(1),
            stall: Duration::from_secs(30),
            request: Duration::from_mins(5),
        }
    }
}

/// What must hold for an experiment to qualify.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Criteria {
    /// Limits of latencies.
    pub latency: Vec<LatencyCriterion>,
    /// The largest share of failed requests, 0 to 1.
    pub error_rate: Option<f64>,
    /// The most that 10,000 transactions may cost.
    pub cost_per_10k_transactions: Option<NanoUsd>,
}

/// One limit of one statistic of one latency.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct LatencyCriterion {
    /// Which latency.
    pub metric: LatencyMetric,
    /// Which statistic of it.
    pub statistic: Statistic,
    /// The largest value allowed.
    #[serde(rename = "limit_ns", with = "nanos")]
    pub limit: Duration,
}

/// A latency that criteria can name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LatencyMetric {
    /// Request sent to end of answer.
    E2e,
    /// Request sent to first visible text.
    Ttft,
    /// Time per output token.
    Tpot,
}

/// A statistic that criteria can name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Statistic {
    /// The arithmetic mean.
    Mean,
    /// The median.
    P50,
    /// The 90th percentile.
    P90,
    /// The 95th percentile.
    P95,
    /// The 99th percentile.
    P99,
}

/// What a run will cost and last over all its rounds, as far as can be told before.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct RunEstimate {
    /// Measured requests; `None` where only time stops a block.
    pub requests: Option<u64>,
    /// Warm-up requests.
    pub warmup_requests: u64,
    /// What the tokens cost if every answer is one token long. Where only time stops a block, for
    /// as many requests as it holds of [`assumed_request_time`]. `None` where a price is not known.
    pub cost_low: Option<NanoUsd>,
    /// What the tokens cost if prompts are as long as estimated, and answers half their limit.
    /// `None` like `cost_low`.
    pub cost_expected: Option<NanoUsd>,
    /// The most that the tokens can cost by our bound: 1.5 x the largest estimated prompt, and
    /// every answer as long as its limit. `None` like `requests`, or where a price is not known.
    pub cost_high: Option<NanoUsd>,
    /// What the AWS services that carry the run cost (Lambda, Step Functions, DynamoDB, S3) if it
    /// is deployed.
    pub cost_services: Option<NanoUsd>,
    /// Tokens of the system prompt by our own count.
    pub system_tokens: u32,
    /// How long the longest lane lasts in a round if every request takes [`assumed_request_time`].
    #[serde(rename = "round_assumed_ns", with = "nanos", default)]
    pub round_assumed: Duration,
    /// How long the run lasts then: until the last round ends.
    #[serde(rename = "duration_assumed_ns", with = "nanos", default)]
    pub duration_assumed: Duration,
}

/// What a request is assumed to take before anything was measured: 1 s to the first token, then 50
/// tokens a second to the limit.
pub fn assumed_request_time(max_tokens: u32) -> Duration {
    Duration::from_secs(1) + Duration::from_millis(20) * max_tokens
}

impl Plan {
    /// The endpoint of that name.
    pub fn endpoint(&self, name: &Name) -> Option<&EndpointSpec> {
        self.endpoints.iter().find(|endpoint| endpoint.name == *name)
    }

    /// The dataset of that name.
    pub fn dataset(&self, name: &Name) -> Option<&DatasetPlan> {
        self.datasets.iter().find(|dataset| dataset.name == *name)
    }

    /// The experiment of that key.
    pub fn experiment(&self, id: &ExperimentId) -> Option<&Experiment> {
        self.experiments.iter().find(|experiment| experiment.id == *id)
    }

    /// The block of an experiment.
    pub fn block(&self, experiment: &ExperimentId, block: u32) -> Option<&BlockPlan> {
        self.lanes
            .iter()
            .flat_map(|lane| &lane.blocks)
            .find(|planned| planned.block == block && planned.experiment == *experiment)
    }
}

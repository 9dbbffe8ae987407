//! Records in, figures out: [`summarize`], or [`RunAccumulator`] where the records are streamed.
//!
//! Only records of attempts that receipts name are counted; what other attempts sent shows as
//! [`RunSummary::uncounted`] and nowhere else. Sums are of whole nanoseconds, tokens and
//! nano-dollars, and percentiles of sorted values, so the same records give the same summary byte for
//! byte, in whatever order they come. Nothing here judges: that is [`crate::decision`].

mod accumulate;
mod figures;
#[cfg(test)]
pub(crate) mod fixture;
mod hourly;
mod hours;
mod in_flight;
mod kept;
mod latency;
mod metrics;
mod rate;
mod retries;
mod rounds;
mod schedule;
mod services;
mod shape;
mod spend;
mod sums;
mod validity;
mod warning;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::client::ClientSummary;
use crate::plan::{LatencyMetric, Load, Plan};
use crate::record::Record;
use crate::stats::{Interval, float};
use crate::store::BlockState;
use crate::units::{Concurrency, ExperimentId, Name, NanoUsd};
use crate::words::plural;

pub use crate::price::services::ServiceCosts;
pub use accumulate::RunAccumulator;
pub use hours::{HourFigures, HourLatency, HoursSummary};
pub(crate) use latency::milliseconds;
pub use latency::{LatencyIntervals, LatencyStats};
pub use rate::RateStats;
pub use retries::RetryFigures;
pub use rounds::{RoundAccumulator, RoundFigures, RoundTime, RoundsSummary};
pub use schedule::{HalfLatency, ScheduleFigures};
pub use services::service_costs;
pub use shape::{Bin, BlockFigures, Histogram, Point};
pub use spend::{BlockOf, SpendSummary};
pub use validity::{Cause, Doubt, Grade, Validity};
pub use warning::Warning;

/// The figures of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunSummary {
    /// Something in it was answered by a simulator.
    pub simulated: bool,
    /// The first send of a counted request, RFC 3339.
    pub first_sent_at: Option<String>,
    /// The last send of a counted request, RFC 3339.
    pub last_sent_at: Option<String>,
    /// The rounds; `None` where the plan has but one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rounds: Option<RoundsSummary>,
    /// The hours of the day; `None` where the rounds lie in one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hours: Option<HoursSummary>,
    /// Every experiment of the plan, in its order.
    pub experiments: Vec<ExperimentSummary>,
    /// What counted attempts sent and cost, warm-up included.
    pub counted: Spending,
    /// What attempts without a receipt sent and cost: paid for, in no statistic.
    pub uncounted: Spending,
    /// What the run has spent by our bound, against its limit; `None` where only its records are
    /// known.
    #[serde(default)]
    pub spend: Option<SpendSummary>,
    /// What the services cost that carried it; `None` on one machine.
    #[serde(default)]
    pub services: Option<ServiceCosts>,
}

/// The figures of one experiment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ExperimentSummary {
    /// The experiment.
    pub experiment: ExperimentId,
    /// Its endpoint.
    pub endpoint: Name,
    /// Its dataset.
    pub dataset: Name,
    /// How its requests were sent.
    pub load: Load,
    /// Requests in flight of a closed loop; `None` for an open one.
    pub concurrency: Option<Concurrency>,
    /// Something in it was answered by a simulator.
    pub simulated: bool,
    /// Blocks in the plan, over the rounds begun.
    pub blocks_planned: u32,
    /// Blocks that were measured to their end.
    pub blocks_done: u32,
    /// The planned blocks without a receipt, of the rounds begun.
    pub missing_blocks: Vec<BlockPlace>,
    /// The planned blocks that had to end before their time: what they measured counts.
    pub stopped_blocks: Vec<BlockPlace>,
    /// Of these, how many gave up because the endpoint throttled on and on.
    #[serde(default)]
    pub throttled_blocks: u32,
    /// How the measured requests ended.
    pub requests: RequestCounts,
    /// Errors / (sent - cut); `None` where nothing is left to divide by.
    pub error_rate: Option<f64>,
    /// The 95 % interval of `error_rate`.
    #[serde(default)]
    pub error_rate_interval: Option<Interval>,
    /// How many clusters of requests the intervals rest on: blocks where there are at least five,
    /// else ten batches of each block; 0 where there are too few for any interval.
    #[serde(default)]
    pub clusters: u32,
    /// Time to first visible text of completed requests.
    pub ttft: Option<LatencyStats>,
    /// Send to end of answer of completed requests.
    pub e2e: Option<LatencyStats>,
    /// Time per output token of completed requests.
    pub tpot: Option<LatencyStats>,
    /// The mean gap between content events of each completed request.
    pub itl_mean: Option<LatencyStats>,
    /// (output tokens - 1) / (last - first content) of completed requests.
    #[serde(default)]
    pub otps_generation: Option<RateStats>,
    /// Output tokens / E2E of completed requests.
    #[serde(default)]
    pub otps_end_to_end: Option<RateStats>,
    /// Time to first visible text, in ranges.
    #[serde(default)]
    pub ttft_histogram: Option<Histogram>,
    /// All gaps between content events, in ranges.
    #[serde(default)]
    pub itl_histogram: Option<Histogram>,
    /// What was completed within the measured windows; `None` without a window.
    pub throughput: Option<Throughput>,
    /// The share of the asked load that was kept up: of an open loop, sent / arrivals; of a closed
    /// loop, the mean number of requests in flight within the measured windows / the asked one.
    /// `None` where there are none.
    #[serde(default)]
    pub achieved_load: Option<f64>,
    /// What became of an open loop's arrivals, and latency from its schedule; `None` for a closed
    /// loop.
    #[serde(default)]
    pub schedule: Option<ScheduleFigures>,
    /// What retries did; `None` where nothing is retried.
    #[serde(default)]
    pub retries: Option<RetryFigures>,
    /// Mean prompt tokens of completed requests, by the service's count.
    pub input_tokens_mean: Option<f64>,
    /// Mean answer tokens of completed requests, by the service's count.
    pub output_tokens_mean: Option<f64>,
    /// What a transaction costs; `None` where no completed request reported its usage.
    pub cost: Option<TransactionCost>,
    /// The 95 % interval of the cost of 10,000 transactions, US dollars.
    #[serde(default)]
    pub cost_interval: Option<Interval>,
    /// The counted blocks, in their order.
    #[serde(default)]
    pub blocks: Vec<BlockFigures>,
    /// The rounds in which something was sent; empty where the plan has but one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rounds: Vec<RoundFigures>,
    /// The hours of the day in which something was sent; empty where the run has but one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hours: Vec<HourFigures>,
    /// Up to 200 of the completed requests, spread evenly over them.
    #[serde(default)]
    pub points: Vec<Point>,
    /// All that its counted attempts sent and cost, warm-up included.
    pub spending: Spending,
    /// Completed requests that did not report their usage.
    pub completed_without_usage: u64,
    /// Measured requests that had to open their connection.
    pub new_connections: u64,
    /// Measured requests of which the service read prompt tokens from a cache.
    pub cache_reads: u64,
    /// Completed requests that were served in another latency mode or tier than was asked for.
    #[serde(default)]
    pub served_otherwise: u64,
    /// The client that measured; `None` where it was not watched.
    #[serde(default)]
    pub client: Option<ClientSummary>,
    /// Whether these figures can be trusted.
    #[serde(default)]
    pub validity: Validity,
    /// The first send, RFC 3339.
    pub first_sent_at: Option<String>,
    /// The last send, RFC 3339.
    pub last_sent_at: Option<String>,
    /// What qualifies these figures.
    pub warnings: Vec<Warning>,
}

/// A block of an experiment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct BlockPlace {
    /// The round, from 1.
    pub round: u32,
    /// The block, from 1.
    pub block: u32,
}

/// How measured requests ended.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestCounts {
    /// All that were sent.
    pub sent: u64,
    /// The answer arrived whole.
    pub completed: u64,
    /// Refused for the rate.
    pub throttled: u64,
    /// Ended by a deadline of ours.
    pub timed_out: u64,
    /// Still running when measuring ended: neither a success nor an error.
    pub cut: u64,
    /// Failed otherwise.
    pub failed: u64,
    /// Throttled, timed out and failed ones by class.
    pub errors_by_class: BTreeMap<String, u64>,
}

impl RequestCounts {
    /// Throttled, timed out and failed.
    pub fn errors(&self) -> u64 {
        self.throttled + self.timed_out + self.failed
    }

    /// [`errors`](Self::errors) / (sent - cut).
    pub fn error_rate(&self) -> Option<f64> {
        let ended = self.sent.checked_sub(self.cut).filter(|&ended| ended > 0)?;
        Some(float(self.errors()) / float(ended))
    }
}

/// What was completed within the measured windows of the blocks, over their length: completed /
/// elapsed, never a mean of rates.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Throughput {
    /// The windows' length together.
    pub window_s: f64,
    /// Requests that were completed within them.
    pub completed_in_window: u64,
    /// Of requests, per minute.
    pub requests_per_minute: f64,
    /// Of their prompts' tokens, per second; `None` where none reported its usage.
    pub input_tokens_per_s: Option<f64>,
    /// Of their answers' tokens, per second; `None` where none reported its usage.
    pub output_tokens_per_s: Option<f64>,
}

/// What a transaction costs: the mean over completed measured requests that reported their usage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TransactionCost {
    /// How many requests it is the mean of.
    pub transactions: u64,
    /// Sum / count, rounded half up.
    pub per_transaction_nano_usd: NanoUsd,
    /// 10,000 x sum / count, rounded half up.
    pub per_10k_transactions_nano_usd: NanoUsd,
}

impl TransactionCost {
    /// The mean of `transactions` that cost `sum` together; `None` for none.
    pub fn mean(sum_nano_usd: u128, transactions: u64) -> Option<Self> {
        let count = u128::from(transactions);
        let half_up = |sum: u128| {
            let mean = (2 * sum + count).checked_div(2 * count)?;
            Some(NanoUsd(u64::try_from(mean).unwrap_or(u64::MAX)))
        };
        Some(Self {
            transactions,
            per_transaction_nano_usd: half_up(sum_nano_usd)?,
            per_10k_transactions_nano_usd: half_up(sum_nano_usd * 10_000)?,
        })
    }
}

/// Requests of any phase and outcome, and what those that reported their usage cost.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spending {
    /// All requests.
    pub requests: u64,
    /// Those of them that warmed a connection.
    pub warmup_requests: u64,
    /// Those that did not report their usage: their cost, if any, is not in `spent_nano_usd`.
    pub without_usage: u64,
    /// Those of them that may have cost something: what they are charged by our bound is in
    /// `charged_at_bound_nano_usd`. The others surely cost nothing (see
    /// [`is_free`](crate::price::is_free)).
    #[serde(default)]
    pub charged_at_bound: u64,
    /// The bounds of `charged_at_bound` together: at most so much more may have been spent.
    #[serde(default)]
    pub charged_at_bound_nano_usd: NanoUsd,
    /// Prompt tokens.
    pub input_tokens: u64,
    /// Answer tokens.
    pub output_tokens: u64,
    /// The cost of those tokens.
    pub spent_nano_usd: NanoUsd,
}

impl ExperimentSummary {
    /// The latency that a user sees: from the intended send in an open loop, from the send in a
    /// closed one.
    pub fn latency(&self, metric: LatencyMetric) -> Option<&LatencyStats> {
        let from_schedule = self.schedule.as_ref();
        match metric {
            LatencyMetric::E2e => from_schedule.map_or(&self.e2e, |s| &s.e2e_from_schedule),
            LatencyMetric::Ttft => from_schedule.map_or(&self.ttft, |s| &s.ttft_from_schedule),
            LatencyMetric::Tpot => &self.tpot,
        }
        .as_ref()
    }
}

impl RunSummary {
    /// The experiment of that key.
    pub fn experiment(&self, id: &ExperimentId) -> Option<&ExperimentSummary> {
        self.experiments.iter().find(|experiment| experiment.experiment == *id)
    }

    /// What the run lacks, over all experiments: `1 of 24 rounds skipped`, `2 of 12 blocks missing
    /// and 1 ended before time`; `None` where every planned block was measured to its end.
    pub(crate) fn incomplete(&self) -> Option<String> {
        let sum = |of: fn(&ExperimentSummary) -> usize| self.experiments.iter().map(of).sum();
        let (missing, stopped): (usize, usize) =
            (sum(|e| e.missing_blocks.len()), sum(|e| e.stopped_blocks.len()));
        let planned: u64 = self.experiments.iter().map(|e| u64::from(e.blocks_planned)).sum();
        let planned = plural(planned, "block");
        let blocks = match (missing, stopped) {
            (0, 0) => None,
            (0, _) => Some(format!("{stopped} of {planned} ended before time")),
            (_, 0) => Some(format!("{missing} of {planned} missing")),
            _ => Some(format!("{missing} of {planned} missing and {stopped} ended before time")),
        };
        let rounds = self.rounds.as_ref().and_then(RoundsSummary::incomplete);
        let parts: Vec<_> = rounds.into_iter().chain(blocks).collect();
        (!parts.is_empty()).then(|| parts.join(", "))
    }
}

/// The figures of a run from its blocks as the store has them and the records of all their attempts.
///
/// Hand in what every attempt left: whether a record counts is decided here, by the receipts.
pub fn summarize<'r>(
    plan: &Plan,
    blocks: &[BlockState],
    records: impl IntoIterator<Item = &'r Record>,
) -> RunSummary {
    let mut run = RunAccumulator::new(plan, blocks);
    for record in records {
        run.add(record);
    }
    run.finish()
}

#[cfg(test)]
mod tests;

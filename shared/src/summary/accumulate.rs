//! One pass over records: sums, and the values that percentiles need.

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;

use super::latency::{LatencyStats, nanoseconds};
use super::warning::warnings;
use super::{
    Bin, BlockPlace, ExperimentSummary, Histogram, RequestCounts, RunSummary, Spending, Throughput,
    TransactionCost,
};
use crate::plan::{EndpointKind, EndpointSpec, Experiment, Plan};
use crate::price::Price;
use crate::record::{Outcome, Phase, Record};
use crate::stats::{Gaps, float};
use crate::store::{BlockState, Receipt};
use crate::units::ExperimentId;

/// Adds up a whole run. It keeps 8 bytes for each latency of each completed request, no records.
#[derive(Debug)]
pub struct RunAccumulator<'p> {
    plan: &'p Plan,
    experiments: Vec<ExperimentAccumulator<'p>>,
    places: HashMap<&'p ExperimentId, usize>,
    uncounted: Spending,
}

impl<'p> RunAccumulator<'p> {
    /// Of a run's blocks as the store has them.
    pub fn new(plan: &'p Plan, blocks: &'p [BlockState]) -> Self {
        let rounds = blocks.iter().map(|state| state.key.round).max().unwrap_or(1).max(1);
        let mut receipts: HashMap<&ExperimentId, BTreeMap<BlockPlace, &Receipt>> = HashMap::new();
        for state in blocks {
            let place = BlockPlace { round: state.key.round, block: state.key.block };
            if let Some(receipt) = &state.receipt {
                receipts.entry(&state.key.experiment).or_default().insert(place, receipt);
            }
        }
        let mut planned: HashMap<&ExperimentId, Vec<BlockPlace>> = HashMap::new();
        for block in plan.lanes.iter().flat_map(|lane| &lane.blocks) {
            let places = (1..=rounds).map(|round| BlockPlace { round, block: block.block });
            planned.entry(&block.experiment).or_default().extend(places);
        }
        let experiments = plan.experiments.iter().map(|experiment| ExperimentAccumulator {
            receipts: receipts.remove(&experiment.id).unwrap_or_default(),
            planned: planned.remove(&experiment.id).unwrap_or_default(),
            ..ExperimentAccumulator::new(experiment, plan.endpoint(&experiment.endpoint))
        });
        Self {
            plan,
            experiments: experiments.collect(),
            places: plan.experiments.iter().enumerate().map(|(i, e)| (&e.id, i)).collect(),
            uncounted: Spending::default(),
        }
    }

    /// Adds a record of any attempt; it counts where a receipt names its attempt.
    pub fn add(&mut self, record: &Record) {
        let place = self.places.get(&record.experiment).copied();
        let experiment = place.and_then(|place| self.experiments.get_mut(place));
        if let Some(experiment) = experiment.filter(|experiment| experiment.counts(record)) {
            experiment.add(record);
        } else {
            let endpoint = self.plan.endpoint(&record.endpoint);
            self.uncounted.add(record, endpoint.and_then(|endpoint| endpoint.price.as_ref()));
        }
    }

    /// The figures.
    pub fn finish(self) -> RunSummary {
        let sends = self.experiments.iter().filter_map(|experiment| experiment.sends);
        let sends = sends.reduce(|one, two| (one.0.min(two.0), one.1.max(two.1)));
        let experiments: Vec<_> =
            self.experiments.into_iter().map(ExperimentAccumulator::finish).collect();
        let mut counted = Spending::default();
        for experiment in &experiments {
            counted.join(&experiment.spending);
        }
        RunSummary {
            simulated: experiments.iter().any(|experiment| experiment.simulated),
            first_sent_at: sends.and_then(|sends| rfc3339(sends.0)),
            last_sent_at: sends.and_then(|sends| rfc3339(sends.1)),
            experiments,
            counted,
            uncounted: self.uncounted,
        }
    }
}

/// Adds up the counted records of one experiment.
#[derive(Debug)]
struct ExperimentAccumulator<'p> {
    experiment: &'p Experiment,
    price: Option<&'p Price>,
    receipts: BTreeMap<BlockPlace, &'p Receipt>,
    planned: Vec<BlockPlace>,
    simulated: bool,
    sends: Option<(u64, u64)>,
    requests: RequestCounts,
    latencies: Latencies,
    input: Mean,
    output: Mean,
    cost: Mean,
    in_window: u64,
    input_in_window: Mean,
    output_in_window: Mean,
    spending: Spending,
    new_connections: u64,
    cache_reads: u64,
}

impl<'p> ExperimentAccumulator<'p> {
    fn new(experiment: &'p Experiment, endpoint: Option<&'p EndpointSpec>) -> Self {
        Self {
            experiment,
            price: endpoint.and_then(|endpoint| endpoint.price.as_ref()),
            receipts: BTreeMap::new(),
            planned: Vec::new(),
            simulated: endpoint.is_some_and(|endpoint| endpoint.kind == EndpointKind::Simulated),
            sends: None,
            requests: RequestCounts::default(),
            latencies: Latencies::default(),
            input: Mean::default(),
            output: Mean::default(),
            cost: Mean::default(),
            in_window: 0,
            input_in_window: Mean::default(),
            output_in_window: Mean::default(),
            spending: Spending::default(),
            new_connections: 0,
            cache_reads: 0,
        }
    }

    /// The receipt that names the record's attempt.
    fn receipt(&self, record: &Record) -> Option<&'p Receipt> {
        let place = BlockPlace { round: record.round, block: record.block };
        self.receipts.get(&place).copied().filter(|receipt| receipt.attempt == record.attempt)
    }

    /// Whether a receipt names the record's attempt.
    fn counts(&self, record: &Record) -> bool {
        self.receipt(record).is_some()
    }

    /// Adds a counted record.
    fn add(&mut self, record: &Record) {
        let sent = record.sent_at_unix_ns;
        self.simulated |= record.served.simulated;
        self.sends = Some(self.sends.map_or((sent, sent), |(a, b)| (a.min(sent), b.max(sent))));
        self.spending.add(record, self.price);
        match record.phase {
            Phase::Warmup => {}
            Phase::Measured => self.add_measured(record),
        }
    }

    fn add_measured(&mut self, record: &Record) {
        self.requests.add(record.outcome);
        self.new_connections += u64::from(record.served.new_connection);
        self.cache_reads += u64::from(record.usage.cache_read_tokens.is_some_and(|n| n > 0));
        if record.outcome == Outcome::Completed {
            self.add_completed(record);
        }
    }

    fn add_completed(&mut self, record: &Record) {
        self.latencies.add(record);
        let input = record.usage.input_tokens.map(u64::from);
        let output = record.usage.output_tokens.map(u64::from);
        self.input.add(input);
        self.output.add(output);
        let cost = self.price.and_then(|price| price.of_usage(&record.usage));
        self.cost.add(cost.map(|cost| cost.0));
        let ended = record.sent_at_unix_ns.saturating_add(nanoseconds(record.e2e()));
        let within = self.receipt(record).is_some_and(|receipt| {
            let start = receipt.window_start_unix_ns;
            (start..=start.saturating_add(nanoseconds(receipt.window))).contains(&ended)
        });
        if within {
            self.in_window += 1;
            self.input_in_window.add(input);
            self.output_in_window.add(output);
        }
    }

    /// The figures.
    fn finish(self) -> ExperimentSummary {
        let throughput = self.throughput();
        let planned = self.planned.len();
        let (mut missing_blocks, mut stopped_blocks) = (self.planned.clone(), self.planned);
        missing_blocks.retain(|place| !self.receipts.contains_key(place));
        missing_blocks.sort_unstable();
        stopped_blocks.retain(|place| self.receipts.get(place).is_some_and(|r| !r.is_final()));
        stopped_blocks.sort_unstable();
        let mut summary = ExperimentSummary {
            experiment: self.experiment.id.clone(),
            endpoint: self.experiment.endpoint.clone(),
            dataset: self.experiment.dataset.clone(),
            concurrency: self.experiment.concurrency,
            simulated: self.simulated,
            blocks_planned: whole(planned),
            blocks_done: whole(planned - missing_blocks.len() - stopped_blocks.len()),
            missing_blocks,
            stopped_blocks,
            error_rate: self.requests.error_rate(),
            clusters: 0,
            error_rate_interval: None,
            otps_generation: None,
            otps_end_to_end: None,
            ttft_histogram: None,
            itl_histogram: itl_histogram(self.receipts.values().copied()),
            cost_interval: None,
            blocks: Vec::new(),
            points: Vec::new(),
            ttft: LatencyStats::of_nanos(self.latencies.ttft),
            e2e: LatencyStats::of_nanos(self.latencies.e2e),
            tpot: LatencyStats::of_nanos(self.latencies.tpot),
            itl_mean: LatencyStats::of_nanos(self.latencies.itl_mean),
            throughput,
            input_tokens_mean: self.input.mean(),
            output_tokens_mean: self.output.mean(),
            cost: TransactionCost::mean(self.cost.sum, self.cost.count),
            spending: self.spending,
            completed_without_usage: self.requests.completed - self.cost.count,
            requests: self.requests,
            new_connections: self.new_connections,
            cache_reads: self.cache_reads,
            first_sent_at: self.sends.and_then(|sends| rfc3339(sends.0)),
            last_sent_at: self.sends.and_then(|sends| rfc3339(sends.1)),
            warnings: Vec::new(),
        };
        summary.warnings = warnings(&summary);
        summary
    }

    fn throughput(&self) -> Option<Throughput> {
        let window: u64 = self.receipts.values().map(|r| nanoseconds(r.window)).sum();
        let window_s = Some(float(window) / 1e9).filter(|&seconds| seconds > 0.0)?;
        Some(Throughput {
            window_s,
            completed_in_window: self.in_window,
            requests_per_minute: float(self.in_window) * 60.0 / window_s,
            input_tokens_per_s: self.input_in_window.total().map(|total| total / window_s),
            output_tokens_per_s: self.output_in_window.total().map(|total| total / window_s),
        })
    }
}

/// The latencies of completed requests in nanoseconds, in the order they came.
#[derive(Debug, Default)]
struct Latencies {
    ttft: Vec<u64>,
    e2e: Vec<u64>,
    tpot: Vec<u64>,
    itl_mean: Vec<u64>,
}

impl Latencies {
    fn add(&mut self, record: &Record) {
        self.e2e.push(nanoseconds(record.e2e()));
        self.ttft.extend(record.ttft().map(nanoseconds));
        self.tpot.extend(record.tpot().map(nanoseconds));
        self.itl_mean.extend(record.timeline.gap_mean().map(nanoseconds));
    }
}

/// A sum with its count.
#[derive(Debug, Clone, Copy, Default)]
struct Mean {
    sum: u128,
    count: u64,
}

impl Mean {
    fn add(&mut self, value: Option<u64>) {
        if let Some(value) = value {
            self.sum += u128::from(value);
            self.count += 1;
        }
    }

    fn total(self) -> Option<f64> {
        (self.count > 0).then(|| float(u64::try_from(self.sum).unwrap_or(u64::MAX)))
    }

    fn mean(self) -> Option<f64> {
        Some(self.total()? / float(self.count))
    }
}

impl RequestCounts {
    fn add(&mut self, outcome: Outcome) {
        self.sent += 1;
        match outcome {
            Outcome::Completed => self.completed += 1,
            Outcome::Throttled => self.throttled += 1,
            Outcome::TimedOut(_) => self.timed_out += 1,
            Outcome::Cut => self.cut += 1,
            Outcome::Failed(_) => self.failed += 1,
        }
        if let Some(class) = outcome.error_class() {
            *self.errors_by_class.entry(class.to_owned()).or_default() += 1;
        }
    }
}

impl Spending {
    fn add(&mut self, record: &Record, price: Option<&Price>) {
        self.requests += 1;
        self.warmup_requests += u64::from(record.phase == Phase::Warmup);
        self.input_tokens += u64::from(record.usage.input_tokens.unwrap_or(0));
        self.output_tokens += u64::from(record.usage.output_tokens.unwrap_or(0));
        match price.and_then(|price| price.of_usage(&record.usage)) {
            Some(cost) => self.spent_nano_usd = self.spent_nano_usd.saturating_add(cost),
            None => self.without_usage += 1,
        }
    }

    /// Adds what another part sent and cost.
    pub(crate) fn join(&mut self, other: &Self) {
        self.requests += other.requests;
        self.warmup_requests += other.warmup_requests;
        self.without_usage += other.without_usage;
        self.input_tokens += other.input_tokens;
        self.output_tokens += other.output_tokens;
        self.spent_nano_usd = self.spent_nano_usd.saturating_add(other.spent_nano_usd);
    }
}

/// The gaps that the counted receipts tell; `None` where none has any.
fn itl_histogram<'r>(receipts: impl Iterator<Item = &'r Receipt>) -> Option<Histogram> {
    let mut gaps = Gaps::default();
    for stored in receipts.filter_map(|receipt| receipt.gaps.as_ref()) {
        gaps.add(stored).ok()?;
    }
    let bins =
        gaps.by_range().into_iter().map(|(from_ms, to_ms, count)| Bin { from_ms, to_ms, count });
    (gaps.count() > 0).then(|| Histogram { bins: bins.collect() })
}

pub(super) fn whole(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

/// Nanoseconds since 1970 as RFC 3339 with nine digits of a second.
fn rfc3339(unix_ns: u64) -> Option<String> {
    Timestamp::from_nanosecond(unix_ns.into()).ok().map(|time| format!("{time:.9}"))
}

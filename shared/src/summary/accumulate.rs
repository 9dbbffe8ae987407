//! One pass over records: sums, and the values that percentiles need.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::Timestamp;

use super::hourly;
use super::hours::HourSums;
use super::in_flight::InFlight;
use super::kept::{Kept, Requests};
use super::latency::{LatencyStats, nanoseconds};
use super::retries::Retried;
use super::schedule::Schedules;
use super::sums::Mean;
use super::warning::warnings;
use super::{
    BlockPlace, ExperimentSummary, HoursSummary, RateStats, RequestCounts, RoundsSummary,
    RunSummary, Spending, Throughput, TransactionCost, Validity, figures, rounds,
};
use crate::client::ClientSummary;
use crate::plan::{EndpointKind, EndpointSpec, Experiment, Plan};
use crate::price::{Price, Tariff};
use crate::record::{Outcome, Phase, Record};
use crate::stats::float;
use crate::store::{BlockEnd, BlockState, Receipt};
use crate::units::ExperimentId;

/// Adds up a whole run. Of each measured request it keeps 56 bytes, no records, until its experiment is
/// finished.
#[derive(Debug)]
pub struct RunAccumulator<'p> {
    plan: &'p Plan,
    /// The rounds of which a block was claimed.
    begun: BTreeSet<u32>,
    /// The first and last sends of each round.
    sends: BTreeMap<u32, (u64, u64)>,
    experiments: Vec<ExperimentAccumulator<'p>>,
    /// By the place among `experiments`, where nothing is left of them.
    finished: BTreeMap<usize, ExperimentSummary>,
    places: HashMap<&'p ExperimentId, usize>,
    uncounted: Spending,
}

impl<'p> RunAccumulator<'p> {
    /// Of a run's blocks as the store has them.
    pub fn new(plan: &'p Plan, blocks: &'p [BlockState]) -> Self {
        let begun: BTreeSet<u32> = blocks.iter().map(|state| state.key.round).collect();
        let first = BTreeSet::from([1]);
        let rounds = if begun.is_empty() { &first } else { &begun };
        let mut receipts: HashMap<&ExperimentId, BTreeMap<BlockPlace, &Receipt>> = HashMap::new();
        for state in blocks {
            if let Some(receipt) = &state.receipt {
                let of_experiment = receipts.entry(&state.key.experiment).or_default();
                of_experiment.insert(place(state), receipt);
            }
        }
        let mut planned: HashMap<&ExperimentId, Vec<BlockPlace>> = HashMap::new();
        for block in plan.lanes.iter().flat_map(|lane| &lane.blocks) {
            let places = rounds.iter().map(|&round| BlockPlace { round, block: block.block });
            planned.entry(&block.experiment).or_default().extend(places);
        }
        let experiments = plan.experiments.iter().map(|experiment| ExperimentAccumulator {
            receipts: receipts.remove(&experiment.id).unwrap_or_default(),
            planned: planned.remove(&experiment.id).unwrap_or_default(),
            hours: plan.rounds.map(|_| HourSums::new(&plan.time_zone)),
            retried: plan.retries.as_ref().map(|_| Retried::default()),
            ..ExperimentAccumulator::new(plan, experiment)
        });
        Self {
            plan,
            begun,
            sends: BTreeMap::new(),
            experiments: experiments.collect(),
            finished: BTreeMap::new(),
            places: plan.experiments.iter().enumerate().map(|(i, e)| (&e.id, i)).collect(),
            uncounted: Spending::default(),
        }
    }

    /// Adds a record of any attempt; it counts where a receipt names its attempt, and its experiment is
    /// not finished.
    pub fn add(&mut self, record: &Record) {
        let place = self.places.get(&record.experiment).copied();
        match place.and_then(|place| self.experiments.get_mut(place)) {
            Some(experiment) => {
                if experiment.add(record) {
                    let sent = record.sent_at_unix_ns;
                    let sends = self.sends.entry(record.round).or_insert((sent, sent));
                    *sends = (sends.0.min(sent), sends.1.max(sent));
                } else {
                    self.uncounted.add(record, experiment.tariff.as_ref());
                }
            }
            None => self.uncounted.add(record, None),
        }
    }

    /// Summarises an experiment of which all records were added, and gives up what was kept of them.
    pub fn finish_experiment(&mut self, experiment: &ExperimentId) {
        let Some(&place) = self.places.get(experiment) else { return };
        if let (Some(open), Entry::Vacant(entry)) =
            (self.experiments.get_mut(place), self.finished.entry(place))
        {
            let nothing = ExperimentAccumulator::new(self.plan, open.experiment);
            entry.insert(std::mem::replace(open, nothing).finish());
        }
    }

    /// The figures.
    pub fn finish(mut self) -> RunSummary {
        let sends = self.sends.values().copied();
        let sends = sends.reduce(|one, two| (one.0.min(two.0), one.1.max(two.1)));
        let rounds = RoundsSummary::new(self.plan, &self.begun, &self.sends);
        let experiments = self.experiments.into_iter().enumerate();
        let mut experiments: Vec<_> = experiments
            .map(|(place, open)| self.finished.remove(&place).unwrap_or_else(|| open.finish()))
            .collect();
        let hours = HoursSummary::new(&self.plan.time_zone, &experiments);
        if hours.is_none() {
            for experiment in &mut experiments {
                experiment.hours.clear();
            }
        }
        let mut counted = Spending::default();
        for experiment in &experiments {
            counted.join(&experiment.spending);
        }
        RunSummary {
            simulated: experiments.iter().any(|experiment| experiment.simulated),
            first_sent_at: sends.and_then(|sends| rfc3339(sends.0)),
            last_sent_at: sends.and_then(|sends| rfc3339(sends.1)),
            rounds,
            hours,
            experiments,
            counted,
            uncounted: self.uncounted,
            spend: None,
            services: None,
        }
    }
}

pub(super) fn place(state: &BlockState) -> BlockPlace {
    BlockPlace { round: state.key.round, block: state.key.block }
}

/// Adds up the counted records of one experiment.
#[derive(Debug)]
pub(super) struct ExperimentAccumulator<'p> {
    experiment: &'p Experiment,
    endpoint: Option<&'p EndpointSpec>,
    price: Option<&'p Price>,
    tariff: Option<Tariff>,
    pub(super) receipts: BTreeMap<BlockPlace, &'p Receipt>,
    pub(super) planned: Vec<BlockPlace>,
    /// Where there are many rounds.
    hours: Option<HourSums<'p>>,
    simulated: bool,
    sends: Option<(u64, u64)>,
    requests: RequestCounts,
    kept: Vec<Kept>,
    input: Mean,
    output: Mean,
    cost: Mean,
    in_window: u64,
    /// The same, of each block by its place among the receipts; counted where time is what costs.
    in_window_of: BTreeMap<u32, u64>,
    input_in_window: Mean,
    output_in_window: Mean,
    completed_without_usage: u64,
    spending: Spending,
    new_connections: u64,
    cache_reads: u64,
    in_flight: InFlight,
    served_otherwise: u64,
    /// Of an open loop.
    schedules: Option<Schedules>,
    /// Where failed requests are sent again.
    retried: Option<Retried>,
}

impl<'p> ExperimentAccumulator<'p> {
    pub(super) fn new(plan: &'p Plan, experiment: &'p Experiment) -> Self {
        let endpoint: Option<&EndpointSpec> = plan.endpoint(&experiment.endpoint);
        Self {
            experiment,
            endpoint,
            price: endpoint.and_then(|endpoint| endpoint.price.as_ref()),
            tariff: plan.tariff(experiment),
            receipts: BTreeMap::new(),
            planned: Vec::new(),
            hours: None,
            simulated: endpoint.is_some_and(|endpoint| endpoint.kind == EndpointKind::Simulated),
            sends: None,
            requests: RequestCounts::default(),
            kept: Vec::new(),
            input: Mean::default(),
            output: Mean::default(),
            cost: Mean::default(),
            in_window: 0,
            in_window_of: BTreeMap::new(),
            input_in_window: Mean::default(),
            output_in_window: Mean::default(),
            completed_without_usage: 0,
            spending: Spending::default(),
            new_connections: 0,
            cache_reads: 0,
            in_flight: InFlight::default(),
            served_otherwise: 0,
            schedules: experiment.load.open().map(|_| Schedules::default()),
            retried: None,
        }
    }

    /// The place of its block among the receipts, and the receipt that names its attempt.
    fn receipt(&self, record: &Record) -> Option<(u32, &'p Receipt)> {
        let place = BlockPlace { round: record.round, block: record.block };
        let receipt = self.receipts.get(&place).filter(|r| r.attempt == record.attempt)?;
        Some((whole(self.receipts.range(..place).count()), receipt))
    }

    /// Adds a record where a receipt names its attempt, else gives back false.
    pub(super) fn add(&mut self, record: &Record) -> bool {
        let Some((block, receipt)) = self.receipt(record) else { return false };
        let sent = record.sent_at_unix_ns;
        self.simulated |= record.served.simulated;
        self.sends = Some(self.sends.map_or((sent, sent), |(a, b)| (a.min(sent), b.max(sent))));
        self.spending.add(record, self.tariff.as_ref());
        match record.phase {
            Phase::Warmup => {}
            Phase::Measured => self.add_measured(record, block, receipt),
        }
        true
    }

    fn add_measured(&mut self, record: &Record, block: u32, receipt: &Receipt) {
        self.requests.add(record.outcome);
        self.in_flight.add(record, receipt);
        self.new_connections += u64::from(record.served.new_connection);
        self.cache_reads += u64::from(record.usage.cache_read_tokens.is_some_and(|n| n > 0));
        let cost = self.price.and_then(|price| price.of_usage(&record.usage)).map(|cost| cost.0);
        if self.kept.is_empty() {
            // Grown by doubling it would take up to three times as much for a moment.
            self.kept.reserve_exact(self.receipts.values().map(|r| r.records as usize).sum());
        }
        self.kept.extend(Kept::of(record, block, cost));
        if let Some(schedules) = &mut self.schedules {
            schedules.add(record, block);
        }
        if let Some(retried) = &mut self.retried {
            retried.add(record, block);
        }
        let in_window = record.outcome == Outcome::Completed && ended_in_window(record, receipt);
        if let Some(hours) = &mut self.hours {
            hours.add(record, block, in_window);
        }
        if record.outcome == Outcome::Completed {
            self.add_completed(record, cost, in_window.then_some(block));
        }
    }

    fn add_completed(&mut self, record: &Record, cost: Option<u64>, in_window: Option<u32>) {
        let input = record.usage.input_tokens.map(u64::from);
        let output = record.usage.output_tokens.map(u64::from);
        self.input.add(input);
        self.output.add(output);
        self.cost.add(cost);
        let reported = input.is_some() && output.is_some() && record.usage.is_reported();
        self.completed_without_usage += u64::from(!reported);
        let as_asked = self.endpoint.is_none_or(|endpoint| record.served.is_as_asked(endpoint));
        self.served_otherwise += u64::from(!as_asked);
        if let Some(block) = in_window {
            self.in_window += 1;
            if self.price.is_some_and(|price| price.hours().is_some()) {
                *self.in_window_of.entry(block).or_default() += 1;
            }
            self.input_in_window.add(input);
            self.output_in_window.add(output);
        }
    }

    /// The figures.
    pub(super) fn finish(mut self) -> ExperimentSummary {
        if let Some(price) = self.price.and_then(Price::hours) {
            self.cost = hourly::share(price, &self.receipts, &self.in_window_of, &mut self.kept);
        }
        let throughput = self.throughput();
        let slots = f64::from(self.experiment.load.slots());
        let full = self.in_flight.mean(self.window_ns()).map(|mean| mean / slots);
        let receipts = self.receipts.values();
        let client = ClientSummary::of(receipts.filter_map(|receipt| receipt.client.as_ref()));
        let planned = self.planned.len();
        let (mut missing_blocks, mut stopped_blocks) = (self.planned.clone(), self.planned);
        missing_blocks.retain(|place| !self.receipts.contains_key(place));
        missing_blocks.sort_unstable();
        stopped_blocks.retain(|place| self.receipts.get(place).is_some_and(|r| !r.is_final()));
        stopped_blocks.sort_unstable();
        let throttled = self.receipts.values().filter(|r| r.ended == BlockEnd::Throttled);
        let throttled_blocks = whole(throttled.count());
        let itl_histogram = figures::itl_histogram(self.receipts.values().copied());
        let kept = Requests::new(self.kept);
        let window_s = throughput.map(|throughput| throughput.window_s);
        let receipts = self.receipts.values().copied();
        let schedule =
            self.schedules.and_then(|schedules| schedules.finish(&kept, receipts, window_s));
        let hours = self.hours.map(|sums| sums.figures(&kept, &self.receipts));
        let places: Vec<_> = self.receipts.keys().copied().collect();
        let rounds = hours.as_ref().map(|_| rounds::figures(&kept, &places));
        let latency = |of: fn(&Kept) -> Option<u64>| LatencyStats::of_nanos(kept.clustered(of));
        let all = || kept.all().iter();
        let mut summary = ExperimentSummary {
            experiment: self.experiment.id.clone(),
            endpoint: self.experiment.endpoint.clone(),
            dataset: self.experiment.dataset.clone(),
            load: self.experiment.load,
            concurrency: self.experiment.load.concurrency(),
            simulated: self.simulated,
            blocks_planned: whole(planned),
            blocks_done: whole(planned - missing_blocks.len() - stopped_blocks.len()),
            missing_blocks,
            stopped_blocks,
            throttled_blocks,
            error_rate: self.requests.error_rate(),
            clusters: kept.clusters(),
            error_rate_interval: figures::error_rate_interval(&kept),
            otps_generation: RateStats::of(all().filter_map(Kept::generation_per_s)),
            otps_end_to_end: RateStats::of(all().filter_map(Kept::end_to_end_per_s)),
            ttft_histogram: figures::histogram(all().filter_map(Kept::ttft_ns)),
            itl_histogram,
            cost_interval: hourly::has_interval(self.price, self.receipts.len())
                .then(|| figures::cost_interval(&kept))
                .flatten(),
            blocks: figures::blocks(&kept, &self.receipts),
            rounds: rounds.unwrap_or_default(),
            hours: hours.unwrap_or_default(),
            points: figures::points(&kept),
            ttft: latency(Kept::ttft_ns),
            e2e: latency(Kept::e2e_ns),
            tpot: latency(Kept::tpot_ns),
            itl_mean: latency(Kept::itl_mean_ns),
            throughput,
            achieved_load: match &schedule {
                Some(schedule) => schedule.achieved_load(),
                None => full,
            },
            schedule,
            retries: self.retried.map(|retried| retried.finish(&kept)),
            input_tokens_mean: self.input.mean(),
            output_tokens_mean: self.output.mean(),
            cost: TransactionCost::mean(self.cost.sum, self.cost.count),
            spending: self.spending,
            completed_without_usage: self.completed_without_usage,
            requests: self.requests,
            new_connections: self.new_connections,
            cache_reads: self.cache_reads,
            served_otherwise: self.served_otherwise,
            client,
            validity: Validity::default(),
            first_sent_at: self.sends.and_then(|sends| rfc3339(sends.0)),
            last_sent_at: self.sends.and_then(|sends| rfc3339(sends.1)),
            warnings: Vec::new(),
        };
        summary.warnings = warnings(&summary);
        summary.validity = Validity::of(&summary);
        summary
    }

    /// The measured windows together.
    fn window_ns(&self) -> u64 {
        self.receipts.values().map(|receipt| nanoseconds(receipt.window)).sum()
    }

    fn throughput(&self) -> Option<Throughput> {
        let window_s = Some(float(self.window_ns()) / 1e9).filter(|&seconds| seconds > 0.0)?;
        Some(Throughput {
            window_s,
            completed_in_window: self.in_window,
            requests_per_minute: float(self.in_window) * 60.0 / window_s,
            input_tokens_per_s: self.input_in_window.total().map(|total| total / window_s),
            output_tokens_per_s: self.output_in_window.total().map(|total| total / window_s),
        })
    }
}

/// Whether a request ended within the measured window of its block.
fn ended_in_window(record: &Record, receipt: &Receipt) -> bool {
    let ended = record.sent_at_unix_ns.saturating_add(nanoseconds(record.e2e()));
    let start = receipt.window_start_unix_ns;
    (start..=start.saturating_add(nanoseconds(receipt.window))).contains(&ended)
}

pub(super) fn whole(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

/// Nanoseconds since 1970 as RFC 3339 with nine digits of a second.
pub(super) fn rfc3339(unix_ns: u64) -> Option<String> {
    Timestamp::from_nanosecond(unix_ns.into()).ok().map(|time| format!("{time:.9}"))
}

//! Small made-up runs for the tests of summary, decision and report.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{RunSummary, summarize};
use crate::load::ArrivalCounts;
use crate::plan::{
    Api, BlockPlan, Container, Criteria, DatasetPlan, Deadlines, EndpointKind, EndpointSpec,
    Experiment, Inference, Lane, LatencyCriterion, LatencyMetric, Load, OpenLoad, PLAN_SCHEMA,
    Plan, Rounds, RunEstimate, Server, Statistic, Zone,
};
use crate::price::{Price, TokenPrice};
use crate::record::{
    ErrorClass, Outcome, Phase, RECORD_SCHEMA, Record, Served, Timeline, Usage, UsageSource,
};
use crate::store::{BlockEnd, BlockKey, BlockState, Receipt};
use crate::units::{Arrivals, Concurrency, ExperimentId, Name, NanoUsd, RatePerMinute};

/// 2024-04-16T01:00:00Z.
pub(crate) const START_NS: u64 = 1_713_229_200_000_000_000;
const MS: u64 = 1_000_000;

/// How a made-up model behaves: USD per 1,000 tokens, tokens of a transaction, mean latency.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Model {
    pub(crate) name: &'static str,
    pub(crate) input_usd: f64,
    pub(crate) output_usd: f64,
    pub(crate) tokens: (u32, u32),
    pub(crate) e2e_ms: u64,
}

pub(crate) const MISTRAL: Model = Model {
    name: "mistral-7b",
    input_usd: 0.000_15,
    output_usd: 0.000_2,
    tokens: (2959, 34),
    e2e_ms: 750,
};
pub(crate) const HAIKU: Model = Model {
    name: "claude-3-haiku",
    input_usd: 0.000_25,
    output_usd: 0.001_25,
    tokens: (3281, 40),
    e2e_ms: 1230,
};
pub(crate) const LLAMA: Model = Model {
    name: "llama2-13b",
    input_usd: 0.000_75,
    output_usd: 0.001,
    tokens: (2952, 22),
    e2e_ms: 1360,
};

/// A plan, what the store has of its blocks, and all records.
#[derive(Debug, Clone)]
pub(crate) struct Run {
    pub(crate) plan: Plan,
    pub(crate) blocks: Vec<BlockState>,
    pub(crate) records: Vec<Record>,
}

pub(crate) fn name(text: &str) -> Name {
    text.parse().unwrap()
}

/// E2E p95 of at most 2 s, 1 % of errors, $50 for 10,000 transactions.
pub(crate) fn criteria() -> Criteria {
    let limit = Duration::from_secs(2);
    let (metric, statistic) = (LatencyMetric::E2e, Statistic::P95);
    Criteria {
        latency: vec![LatencyCriterion { metric, statistic, limit }],
        error_rate: Some(0.01),
        cost_per_10k_transactions: NanoUsd::from_usd(50.0),
    }
}

impl Run {
    /// Every model x dataset x concurrency, 3 blocks of 10 requests to each slot.
    pub(crate) fn new(models: &[Model], datasets: &[&str], concurrencies: &[u16]) -> Self {
        Self::replicated(models, datasets, concurrencies, 3)
    }

    /// The same with so many blocks.
    pub(crate) fn replicated(
        models: &[Model],
        datasets: &[&str],
        concurrencies: &[u16],
        replicates: u32,
    ) -> Self {
        let plan = plan(models, datasets, concurrencies, replicates);
        let mut run = Self { plan, blocks: Vec::new(), records: Vec::new() };
        for lane in run.plan.lanes.clone() {
            let model = models.iter().find(|model| model.name == lane.endpoint.as_str()).unwrap();
            let mut start_ns = START_NS;
            for block in &lane.blocks {
                start_ns += run.measure(model, block, start_ns) + 1000 * MS;
            }
        }
        run
    }

    /// Makes up one block; returns how long it took.
    fn measure(&mut self, model: &Model, block: &BlockPlan, start_ns: u64) -> u64 {
        let experiment = self.plan.experiment(&block.experiment).unwrap().clone();
        let slots = u32::from(experiment.load.slots());
        let mut sends = vec![start_ns; slots as usize];
        let requests = block.requests.unwrap();
        for sequence in 1..=requests {
            let slot = (sequence - 1) % slots;
            let record = record(model, &experiment, block.block, sequence, sends[slot as usize]);
            sends[slot as usize] += u64::try_from(record.e2e().as_nanos()).unwrap();
            self.records.push(Record { slot, ..record });
        }
        for slot in 0..slots {
            let first = record(model, &experiment, block.block, slot + 1, start_ns - 500 * MS);
            let usage = Usage { input_tokens: Some(4), output_tokens: Some(1), ..first.usage };
            self.records.push(Record { slot, phase: Phase::Warmup, usage, ..first });
        }
        let window = sends.iter().max().unwrap() - start_ns;
        self.blocks.push(BlockState {
            key: BlockKey {
                run_id: self.plan.run_id.clone(),
                experiment: experiment.id,
                round: 1,
                block: block.block,
            },
            attempt: 1,
            receipt: Some(Receipt {
                attempt: 1,
                records: requests + slots,
                chunks: 1,
                sha256: String::new(),
                window_start_unix_ns: start_ns,
                window: Duration::from_nanos(window),
                ended: BlockEnd::Requests,
                spent: NanoUsd::ZERO,
                elapsed: Duration::ZERO,
                bytes: 0,
                gaps: None,
                client: None,
                arrivals: None,
            }),
            reservation: None,
            refused: false,
        });
        window
    }

    /// The same as open loops of a rate, with as many streams: each request of a block is sent so much
    /// later after it was due than the one before it, because every stream was busy, and one in ten
    /// is never sent.
    pub(crate) fn open(mut self, rate: u32, later: Duration) -> Self {
        let rate_per_minute = RatePerMinute::new(rate).unwrap();
        let mut ids = BTreeMap::new();
        for experiment in &mut self.plan.experiments {
            let max_streams = experiment.load.concurrency().unwrap();
            let arrivals = Arrivals::Constant;
            experiment.load = Load::Open(OpenLoad { rate_per_minute, arrivals, max_streams });
            let id = experiment.load.experiment(&experiment.endpoint, &experiment.dataset);
            ids.insert(std::mem::replace(&mut experiment.id, id.clone()), id);
        }
        let slots = self.plan.experiments.iter().map(|e| (e.id.clone(), u32::from(e.load.slots())));
        let slots: BTreeMap<_, _> = slots.collect();
        let renamed = |id: &ExperimentId| ids[id].clone();
        for block in self.plan.lanes.iter_mut().flat_map(|lane| &mut lane.blocks) {
            block.experiment = renamed(&block.experiment);
        }
        for block in &mut self.blocks {
            block.key.experiment = renamed(&block.key.experiment);
            let receipt = block.receipt.as_mut().unwrap();
            let sent = receipt.records - slots[&block.key.experiment];
            let (waited, missed) = if later.is_zero() { (0, 0) } else { (sent / 2, sent / 10) };
            receipt.arrivals = Some(ArrivalCounts { due: sent + missed, waited, missed });
        }
        for record in &mut self.records {
            record.experiment = renamed(&record.experiment);
            if record.phase == Phase::Measured && !later.is_zero() {
                let delay = later * (record.sequence - 1);
                record.timeline.dispatch_delay = delay + Duration::from_micros(70);
                record.timeline.slot_wait = Some(delay);
            }
        }
        self
    }

    /// The same in so many rounds, one every hour, each 10 % of the first slower than the one before.
    pub(crate) fn in_rounds(mut self, count: u32) -> Self {
        let every = Duration::from_hours(1);
        let (blocks, records) = (self.blocks.clone(), self.records.clone());
        self.plan.rounds = Some(Rounds { count, every });
        for round in 2..=count {
            let later = u64::try_from(every.as_nanos()).unwrap() * u64::from(round - 1);
            let again = |state: &BlockState| {
                let mut state = state.clone();
                state.key.round = round;
                state.receipt.as_mut().unwrap().window_start_unix_ns += later;
                state
            };
            self.blocks.extend(blocks.iter().map(again));
            let again = |record: &Record| {
                let mut record = Record { round, ..record.clone() };
                record.sent_at_unix_ns += later;
                record.timeline.end = record.timeline.end * (9 + round) / 10;
                record
            };
            self.records.extend(records.iter().map(again));
        }
        self
    }

    /// A round was never begun.
    pub(crate) fn skip(mut self, round: u32) -> Self {
        self.blocks.retain(|state| state.key.round != round);
        self.records.retain(|record| record.round != round);
        self
    }

    /// Every measured request to that endpoint fails, throttled or refused in turn.
    pub(crate) fn fail(mut self, endpoint: &str) -> Self {
        for record in self.records.iter_mut().filter(|r| r.endpoint.as_str() == endpoint) {
            record.outcome = if record.sequence % 3 == 0 {
                Outcome::Throttled
            } else {
                Outcome::Failed(ErrorClass::AccessDenied)
            };
            record.usage = Usage::default();
        }
        self
    }

    /// A block has no receipt: its records belong to an attempt that was killed.
    pub(crate) fn kill(mut self, experiment: &str, block: u32) -> Self {
        self.block(experiment, block).receipt = None;
        self
    }

    /// A block had to end before its time, with all its records nevertheless.
    pub(crate) fn stop(mut self, experiment: &str, block: u32) -> Self {
        self.block(experiment, block).receipt.as_mut().unwrap().ended = BlockEnd::Stopped;
        self
    }

    /// A block gave up because the endpoint throttled on and on.
    pub(crate) fn throttle(mut self, experiment: &str, block: u32) -> Self {
        self.block(experiment, block).receipt.as_mut().unwrap().ended = BlockEnd::Throttled;
        self
    }

    fn block(&mut self, experiment: &str, block: u32) -> &mut BlockState {
        let wanted = |state: &&mut BlockState| {
            state.key.experiment.as_str() == experiment && state.key.block == block
        };
        self.blocks.iter_mut().find(wanted).unwrap()
    }

    pub(crate) fn summary(&self) -> RunSummary {
        summarize(&self.plan, &self.blocks, &self.records)
    }
}

/// One completed request with a latency that differs from its neighbours', always the same.
fn record(
    model: &Model,
    experiment: &Experiment,
    block: u32,
    sequence: u32,
    sent_at_unix_ns: u64,
) -> Record {
    let jitter = (u64::from(sequence * 31 + block * 57) * 7919 + 13 * model.e2e_ms) % 101;
    let load = 100 + 8 * (u64::from(experiment.load.slots()) - 1);
    let end = model.e2e_ms * load * (80 + jitter * jitter / 150) * MS / 10_000;
    let steps = model.tokens.1 - 1;
    let first = Duration::from_nanos(end / 3);
    let last = Duration::from_nanos(end * 9 / 10);
    Record {
        schema: RECORD_SCHEMA,
        endpoint: experiment.endpoint.clone(),
        experiment: experiment.id.clone(),
        round: 1,
        block,
        attempt: 1,
        sequence,
        phase: Phase::Measured,
        slot: 0,
        prompt: 0,
        sent_at_unix_ns,
        timeline: Timeline {
            headers: Some(first),
            first_event: Some(first),
            first_content: Some(first),
            first_text: Some(first),
            last_content: Some(last),
            end: Duration::from_nanos(end),
            content_events: steps,
            ..Timeline::default()
        },
        usage: Usage {
            input_tokens: Some(model.tokens.0),
            output_tokens: Some(model.tokens.1),
            source: Some(UsageSource::Service),
            ..Usage::default()
        },
        served: Served { protocol: Some("HTTP/1.1".to_owned()), ..Served::default() },
        outcome: Outcome::Completed,
        error: None,
    }
}

fn plan(models: &[Model], datasets: &[&str], concurrencies: &[u16], replicates: u32) -> Plan {
    let mut experiments = Vec::new();
    for model in models {
        for dataset in datasets {
            for &slots in concurrencies {
                let concurrency = Concurrency::new(slots).unwrap();
                let (endpoint, dataset) = (name(model.name), name(dataset));
                let load = Load::closed(concurrency);
                let id = load.experiment(&endpoint, &dataset);
                experiments.push(Experiment { id, endpoint, dataset, load });
            }
        }
    }
    let lanes = models.iter().map(|model| Lane {
        endpoint: name(model.name),
        blocks: (1..=replicates)
            .flat_map(|block| experiments.iter().map(move |experiment| (block, experiment)))
            .filter(|(_, experiment)| experiment.endpoint.as_str() == model.name)
            .map(|(block, experiment)| BlockPlan {
                experiment: experiment.id.clone(),
                block,
                requests: Some(10 * u32::from(experiment.load.slots())),
                duration: None,
                first_prompt: 0,
            })
            .collect(),
    });
    let lanes = lanes.collect();
    Plan {
        schema: PLAN_SCHEMA,
        run_id: "support-chat-1".parse().unwrap(),
        name: Some("support-chat".to_owned()),
        seed: 7,
        fmgauge_version: "0.1.0".to_owned(),
        config_sha256: "0123456789abcdef".repeat(4),
        endpoints: models.iter().map(endpoint).collect(),
        datasets: datasets.iter().map(|dataset| dataset_plan(dataset)).collect(),
        experiments,
        replicates,
        rounds: None,
        lanes,
        inference: Inference { temperature: Some(0.1), top_p: None, system: None },
        deadlines: Deadlines::default(),
        retries: None,
        warmup_requests_per_slot: 1,
        criteria: criteria(),
        workload: None,
        baseline: None,
        spend_limit: None,
        time_zone: Zone::default(),
        estimate: RunEstimate::default(),
    }
}

fn endpoint(model: &Model) -> EndpointSpec {
    EndpointSpec {
        name: name(model.name),
        kind: EndpointKind::Bedrock,
        region: "us-east-1".to_owned(),
        model_id: format!("vendor.{}-v1:0", model.name),
        endpoint_url: None,
        api: Api::default(),
        payload: None,
        container: Container::default(),
        provision: None,
        server: Server::default(),
        latency_mode: None,
        service_tier: None,
        price: Some(Price::Tokens(TokenPrice {
            input_per_1k_nano_usd: NanoUsd::from_usd(model.input_usd).unwrap(),
            output_per_1k_nano_usd: NanoUsd::from_usd(model.output_usd).unwrap(),
            source: "made up for tests, 2024-04-16".to_owned(),
        })),
    }
}

fn dataset_plan(dataset: &str) -> DatasetPlan {
    DatasetPlan {
        name: name(dataset),
        prompts: 50,
        sha256: "fedcba9876543210".repeat(4),
        estimated_input_tokens_mean: 3000.0,
        estimated_input_tokens_max: 3900,
        max_tokens: 100,
        tokenizer: None,
        template: None,
    }
}

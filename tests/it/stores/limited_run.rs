//! Whole runs under a spend limit against the simulator, with attempts that die and answers that
//! break before they tell their usage.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use shared::block::{BlockRun, NoObserver, Observer, Signals};
use shared::endpoint::placeholder_config;
use shared::plan::Plan;
use shared::price::Price;
use shared::record::Record;
use shared::report::SummaryFile;
use shared::run::{
    Conclusion, Connections, RunError, Source, Stage, Stores, conclude, draft, measure, prepare,
};
use shared::store::{ArtifactStore, BlockEnd, BlockKey, BlockState, RecordStore, RunStatus, keys};
use shared::summary::{BlockOf, BlockPlace};
use shared::units::NanoUsd;
use simulator::{
    Fault, InputTokens, OutputTokens, Profile, ScriptedFault, Simulator, SimulatorConfig,
    SimulatorThread, When,
};
use tokio_util::sync::CancellationToken;

use super::bench::{Bench, Cloud, Local};
use super::{Random, run_id, suite};
use crate::instruments::instruments;

suite!(
    a_limit_hit_in_the_middle_is_kept_and_told,
    whatever_dies_and_breaks_the_limit_holds,
    a_block_that_time_ends_stops_at_its_share,
    a_run_without_a_limit_tells_what_the_dead_may_have_cost,
    a_stopping_run_reserves_nothing,
);

const MODEL: &str = "mistral.mistral-7b-instruct-v0:2";

/// Every answer is as long as its limit, so that what is reported is near the bound.
const TOKENS: u32 = 10;

/// A simulated model that breaks every `broken`-th answer in the middle.
fn simulator(broken: u64) -> SimulatorThread {
    let profile = Profile {
        model_id: MODEL.to_owned(),
        base: Duration::from_millis(3),
        prefill_per_token: Duration::ZERO,
        decode_per_token: Duration::from_millis(1),
        input_tokens: InputTokens::default(),
        output_tokens: OutputTokens::fixed(f64::from(TOKENS)),
        reasoning_tokens: 0,
        noise_cv: 0.0,
        day_swing: None,
        slots: 64,
        input_per_1k_usd: 0.001,
        output_per_1k_usd: 0.1,
        source: "a test".to_owned(),
    };
    let fault = ScriptedFault {
        model_id: None,
        when: When::Every(broken),
        fault: Fault::Truncate { after_tokens: TOKENS - 2 },
    };
    let config = SimulatorConfig {
        profiles: vec![profile],
        script: vec![fault],
        ..SimulatorConfig::default()
    };
    Simulator::spawn_thread(config).unwrap()
}

/// A planned run of one endpoint in `bench`'s stores.
struct Run<R, A> {
    stores: Stores<R, A>,
    plan: Plan,
    simulator: SimulatorThread,
}

async fn planned<B: Bench>(
    bench: &B,
    stop: &str,
    broken: u64,
    limit: Option<fn(&Plan) -> NanoUsd>,
) -> Run<B::Records, B::Artifacts> {
    let simulator = simulator(broken);
    let config = format!(
        r#"
version: 1
endpoints:
  - name: mistral
    kind: bedrock
    region: us-east-1
    model_id: "{MODEL}"
    endpoint_url: "{}"
    price: {{input_per_1k_usd: 0.001, output_per_1k_usd: 0.1}}
datasets: [{{name: mine, prompts: [Why is the sky blue?, And the sea?], max_tokens: {TOKENS}}}]
load: [{{concurrency: 2}}]
replicates: 4
stop: {stop}
"#,
        simulator.url()
    );
    let mut prepared = draft(&config, run_id("r"), &Source::Deployed).await.unwrap();
    prepared.plan.spend_limit = limit.map(|limit| limit(&prepared.plan));
    let stores = Stores { records: bench.fresh().await, artifacts: bench.artifacts().clone() };
    let now = "2026-11-22T10:00:00Z".parse().unwrap();
    prepare(&prepared, &stores, "a test", now).await.unwrap();
    Run { stores, plan: prepared.plan, simulator }
}

/// The most that all blocks together may cost by the bound.
fn worst_case(plan: &Plan) -> NanoUsd {
    plan.lanes[0].blocks.iter().map(|block| plan.reservation(block)).sum()
}

/// Calls out after so many records.
struct After {
    records: AtomicU32,
    token: CancellationToken,
}

impl Observer for After {
    fn recorded(&self, _record: &Record) {
        if self.records.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.token.cancel();
        }
    }
}

impl<R: RecordStore, A: ArtifactStore> Run<R, A> {
    fn key(&self, block: u32) -> BlockKey {
        let run_id = self.plan.run_id.clone();
        let experiment = self.plan.experiments[0].id.clone();
        BlockKey { run_id, experiment, round: 1, block }
    }

    async fn attempt(&self, block: u32, observer: &dyn Observer) -> Result<BlockRun, RunError> {
        let connections = Connections::new(placeholder_config()).unwrap();
        let signals = Signals::default();
        measure(self.key(block), &self.stores, &connections, &instruments(), &signals, observer)
            .await
    }

    async fn measure(&self, block: u32) -> BlockRun {
        self.attempt(block, &NoObserver).await.unwrap()
    }

    /// An attempt that is killed after so many records, or ends before.
    async fn die(&self, block: u32, records: u32) {
        let after = After { records: AtomicU32::new(records), token: CancellationToken::new() };
        tokio::select! {
            ended = self.attempt(block, &after) => drop(ended.unwrap()),
            () = after.token.cancelled() => {}
        }
    }

    async fn blocks(&self) -> Vec<BlockState> {
        self.stores.records.blocks(&self.plan.run_id).await.unwrap()
    }

    /// Concludes the run, and checks what holds for every run: the bound is never below what was
    /// really served, nor above the limit.
    async fn concluded(&self) -> (Conclusion, SummaryFile) {
        let id = &self.plan.run_id;
        let now = "2026-11-22T11:00:00Z".parse().unwrap();
        let conclusion = conclude(id, &self.stores, Stage::Final, now).await.unwrap();
        let key = keys::report(id, "summary.json");
        let file = self.stores.artifacts.get(&key).await.unwrap().unwrap();
        let file: SummaryFile = serde_json::from_slice(&file).unwrap();
        let spend = file.summary.spend.as_ref().unwrap();
        assert_eq!(spend.limit_nano_usd, self.plan.spend_limit);
        let bound = spend.spent_by_bound_nano_usd;
        let limit = self.plan.spend_limit.unwrap_or(NanoUsd(u64::MAX));
        assert!(bound <= limit, "{spend:?}");
        let price: &Price = self.plan.endpoints[0].price.as_ref().unwrap();
        let truth = self.simulator.truth();
        let served = truth
            .iter()
            .map(|truth| price.of_tokens(truth.input_tokens.into(), truth.output_tokens.into()));
        assert!(served.sum::<NanoUsd>() <= bound, "more was served than {spend:?} says");
        (conclusion, file)
    }
}

fn place(run: &Run<impl RecordStore, impl ArtifactStore>, block: u32) -> BlockOf {
    let experiment = run.plan.experiments[0].id.clone();
    BlockOf { experiment, place: BlockPlace { round: 1, block } }
}

async fn a_limit_hit_in_the_middle_is_kept_and_told(bench: &impl Bench) {
    let run = planned(bench, "{requests: 60}", 2, Some(worst_case)).await;
    assert_eq!(run.plan.lanes[0].blocks.len(), 3);
    // The first attempt is killed, and charged with a third of the limit. What the others really
    // spend is more than half of what they may: so the limit has room for two.
    run.die(1, 8).await;
    assert!(matches!(run.measure(1).await, BlockRun::Measured(_)));
    assert!(matches!(run.measure(2).await, BlockRun::Measured(_)));
    let sent = run.simulator.truth().len();
    let BlockRun::NoFunds { reservation, left } = run.measure(3).await else { panic!("it fits") };
    assert!(left < reservation, "{left:?} of {reservation:?}");
    assert_eq!(run.simulator.truth().len(), sent, "nothing was sent");

    let (conclusion, file) = run.concluded().await;
    assert_eq!(conclusion.status, RunStatus::Incomplete);
    assert_eq!((conclusion.unfinished_blocks, conclusion.refused_blocks), (1, 1));
    let spend = file.summary.spend.unwrap();
    assert_eq!(spend.refused_blocks, [place(&run, 3)]);
    assert!(spend.shortened_blocks.is_empty());
    let experiment = &file.summary.experiments[0];
    assert_eq!(experiment.missing_blocks, [BlockPlace { round: 1, block: 3 }]);

    // The sum is that of the receipts, and of the whole reservation of the dead attempt.
    let blocks = run.blocks().await;
    let receipts: NanoUsd =
        blocks.iter().filter_map(|block| block.receipt.as_ref()).map(|r| r.spent).sum();
    assert_eq!(spend.spent_by_bound_nano_usd, receipts.saturating_add(reservation));
    // What records say agrees with the receipts, and marks what was charged without a report.
    let counted = file.summary.counted;
    let charged = counted.spent_nano_usd.saturating_add(counted.charged_at_bound_nano_usd);
    assert_eq!(charged, receipts);
    assert_eq!(counted.charged_at_bound, counted.without_usage);
    assert!((18..=24).contains(&counted.charged_at_bound), "about half: {counted:?}");
    // Of the dead attempt there may be no record at all, and it did send.
    assert!(u64::try_from(sent).unwrap() >= counted.requests + 8);
}

async fn whatever_dies_and_breaks_the_limit_holds(bench: &impl Bench) {
    for seed in 0..bench.seeds().min(6) {
        let mut random = Random(seed);
        let mut below = |end: u64| u32::try_from(random.below(end)).unwrap();
        let run = planned(bench, "{requests: 60}", 2 + u64::from(below(3)), Some(worst_case)).await;
        let mut refused = Vec::new();
        for block in 1..=3 {
            for _ in 0..below(3) {
                run.die(block, 1 + below(20)).await;
            }
            match run.measure(block).await {
                BlockRun::Measured(_) | BlockRun::AlreadyMeasured(_) => {}
                BlockRun::NoFunds { .. } => refused.push(place(&run, block)),
                BlockRun::Stopping => panic!("nobody stops it"),
            }
        }
        let (conclusion, file) = run.concluded().await;
        let complete = conclusion.status == RunStatus::Complete;
        assert_eq!(complete, refused.is_empty(), "seed {seed}: {refused:?}");
        assert_eq!(file.summary.spend.unwrap().refused_blocks, refused, "seed {seed}");
    }
}

async fn a_block_that_time_ends_stops_at_its_share(bench: &impl Bench) {
    // Four blocks of 15 s, which 40 requests each do not fill.
    let limit = |plan: &Plan| {
        let tariff = plan.tariff(&plan.experiments[0]).unwrap();
        tariff.measured_bound.saturating_mul(4 * 40)
    };
    let run = planned(bench, "{duration: 1m}", 3, Some(limit)).await;
    assert_eq!(run.plan.lanes[0].blocks.len(), 4);
    let share = NanoUsd(run.plan.spend_limit.unwrap().0 / 4);
    for block in [1, 2] {
        let BlockRun::Measured(receipt) = run.measure(block).await else { panic!("it is free") };
        assert_eq!(receipt.ended, BlockEnd::SpendLimit);
        assert!(receipt.spent <= share, "{receipt:?} of {share:?}");
        let next = run.plan.tariff(&run.plan.experiments[0]).unwrap().measured_bound;
        // It went on while there was room for the bounds of both slots.
        let left = NanoUsd(share.0 - receipt.spent.0);
        assert!(left < next.saturating_mul(2), "{left:?} were left");
        assert_eq!(run.measure(block).await, BlockRun::AlreadyMeasured(receipt));
    }
    let (_, file) = run.concluded().await;
    let spend = file.summary.spend.unwrap();
    assert_eq!(spend.shortened_blocks, [place(&run, 1), place(&run, 2)]);
    assert!(spend.refused_blocks.is_empty());
}

async fn a_run_without_a_limit_tells_what_the_dead_may_have_cost(bench: &impl Bench) {
    let run = planned(bench, "{requests: 20}", 4, None).await;
    let reservation = run.plan.reservation(&run.plan.lanes[0].blocks[0]);
    run.die(1, 5).await;
    let BlockRun::Measured(receipt) = run.measure(1).await else { panic!("it is free") };
    assert_eq!(receipt.ended, BlockEnd::Requests);
    let (conclusion, file) = run.concluded().await;
    assert_eq!(conclusion.status, RunStatus::Complete);
    let spent = file.summary.spend.unwrap().spent_by_bound_nano_usd;
    assert_eq!(spent, receipt.spent.saturating_add(reservation));
    assert!(conclusion.spent_by_bound_usd > conclusion.cost_usd);
}

async fn a_stopping_run_reserves_nothing(bench: &impl Bench) {
    let run = planned(bench, "{requests: 60}", 1000, Some(worst_case)).await;
    let (records, id) = (&run.stores.records, &run.plan.run_id);
    records.set_stopping(id).await.unwrap();
    for block in 1..=3 {
        assert_eq!(run.measure(block).await, BlockRun::Stopping);
    }
    assert_eq!(records.spend(id).await.unwrap().committed(), NanoUsd::ZERO);
    assert!(run.blocks().await.iter().all(|block| block.reservation.is_none()));
}

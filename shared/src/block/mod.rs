//! `run_block`: keeps the load for one block and leaves its receipt.
//!
//! Connect and warm every slot, wait for all (the barrier), keep the load for the window, drain, and
//! leave the receipt of a claimed attempt. Records are stored while it runs, by the recorder, apart from
//! the tasks that send and receive. It holds no logic of any protocol, and does not decide what a
//! failed request means.

mod instruments;
mod probe;
mod recorder;
mod sending;
mod throttling;
mod window;

use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime};

use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

pub use self::instruments::{Instruments, Time, measuring_runtime};
use self::probe::Probe;
use self::recorder::{Placed, Recorder};
use self::throttling::Throttling;
use self::window::Window;
use crate::client::ClientFigures;
use crate::dataset::{self, NONCE_TOKENS, Prompt};
use crate::endpoint::{Endpoint, Request};
use crate::plan::{BlockPlan, Experiment, Load, Plan, WARMUP_MAX_TOKENS, WARMUP_TOKENS};
use crate::price::{Allotment, Tariff};
use crate::record::{ErrorClass, ErrorDetail, Observation, Outcome, Phase, Record};
use crate::store::{BlockEnd, BlockKey, Receipt, RecordStore, Standing, StoreError};
use crate::units::NanoUsd;

/// How often a worker asks whether it may go on.
const STANDING_EVERY: Duration = Duration::from_secs(2);

/// What each warm-up request asks for.
pub const WARMUP_TEXT: &str = "Reply with the single word OK.";

/// The wall clock, as a value: only a `main.rs` reads it by itself.
pub type WallClock = fn() -> SystemTime;

/// Opens a slot's way to the block's endpoint.
pub type Connect = dyn Fn() -> Box<dyn Endpoint> + Send + Sync;

/// Which block is measured, and with what.
#[derive(Debug, Clone)]
pub struct BlockJob {
    /// The run's plan.
    pub plan: Arc<Plan>,
    /// Which block of it.
    pub key: BlockKey,
    /// The attempt that was claimed.
    pub attempt: u32,
    /// The prompts of the block's dataset.
    pub prompts: Arc<[Prompt]>,
}

/// How a block is told to end before its time.
#[derive(Debug, Clone, Default)]
pub struct Signals {
    /// Stop sending, and drain.
    pub stop: CancellationToken,
    /// Give up what is in flight, too.
    pub cut: CancellationToken,
}

/// Sees records as they are stored; the display of progress.
pub trait Observer: Send + Sync {
    /// One more record. Called apart from the tasks that measure.
    fn recorded(&self, record: &Record);
}

/// Sees nothing.
#[derive(Debug, Clone, Copy)]
pub struct NoObserver;

impl Observer for NoObserver {
    fn recorded(&self, _record: &Record) {}
}

/// What running a block gave.
#[derive(Debug, Clone, PartialEq)]
pub enum BlockRun {
    /// It was measured now.
    Measured(Receipt),
    /// Somebody had measured it: nothing was sent.
    AlreadyMeasured(Receipt),
    /// The run is stopping, or has ended: nothing was sent.
    Stopping,
    /// The spend limit has no room for the block: nothing was sent.
    NoFunds {
        /// What the block may cost by our bound.
        reservation: NanoUsd,
        /// What is left of the limit.
        left: NanoUsd,
    },
}

/// Why a block could not be measured. A failed request is none of these.
#[derive(Debug, thiserror::Error)]
pub enum BlockError {
    /// The plan has no such block.
    #[error(
        "the plan of run {} has no block {} of {} in round {}",
        .0.run_id, .0.block, .0.experiment, .0.round
    )]
    NotPlanned(BlockKey),
    /// Records could not be kept, or the claim could not be made.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Records could not be packed.
    #[error("failed to pack records")]
    Pack(#[from] crate::store::pack::PackError),
    /// Our credentials are missing or have expired: the attempt was given up, and the block is to be
    /// measured anew once there are others.
    #[error("AWS credentials are missing or have expired ({0})")]
    Credentials(String),
    /// A task of ours panicked.
    #[error("a measuring task ended unexpectedly")]
    Task(#[from] tokio::task::JoinError),
}

/// Everything the tasks of one attempt share.
#[derive(Debug)]
struct Attempt {
    job: BlockJob,
    experiment: Experiment,
    block: BlockPlan,
    order: Vec<u32>,
    signals: Signals,
    /// `None` where the endpoint's price is not known.
    tariff: Option<Tariff>,
    allotment: Arc<Allotment>,
    throttling: Throttling,
    /// It was stopped because the endpoint throttled on and on.
    throttled: CancellationToken,
    instruments: Instruments,
    /// What was said when our credentials were refused; nothing is sent from then on.
    credentials_refused: OnceLock<String>,
}

/// Measures one block under a claimed attempt.
pub async fn run_block<R: RecordStore>(
    job: BlockJob,
    store: &R,
    connect: &Connect,
    instruments: &Instruments,
    signals: &Signals,
    observer: &dyn Observer,
) -> Result<Receipt, BlockError> {
    let (id, number, round) = (&job.key.experiment, job.key.block, job.key.round);
    let planned = (job.plan.block_in_round(id, number, round))
        .zip(job.plan.experiment(&job.key.experiment).cloned());
    let Some((block, experiment)) = planned else {
        return Err(BlockError::NotPlanned(job.key));
    };
    let (key, number) = (job.key.clone(), job.attempt);
    tracing::info!(
        experiment = %key.experiment,
        round = key.round,
        block = key.block,
        attempt = number,
        "Block begins."
    );

    let length = u32::try_from(job.prompts.len()).unwrap_or(u32::MAX);
    let order = dataset::deal(job.plan.seed, &experiment.dataset, length);
    // The block's own: being superseded must not stop other blocks.
    let signals = Signals { stop: signals.stop.child_token(), cut: signals.cut.child_token() };
    let tariff = job.plan.tariff(&experiment);
    let allotted = job.plan.spend_limit.map(|_| job.plan.reservation(&block));
    let allotment = Arc::new(Allotment::new(allotted));
    let instruments = instruments.clone();
    let anchor = Anchor { instant: Instant::now(), wall: (instruments.wall)() };
    let attempt = Arc::new(Attempt {
        job,
        experiment,
        block,
        order,
        signals,
        tariff,
        allotment,
        throttling: Throttling::new(),
        throttled: CancellationToken::new(),
        instruments,
        credentials_refused: OnceLock::new(),
    });

    let (recorder, sender) = Recorder::new(&attempt, anchor);
    let measuring = async {
        let window = measure(&attempt, connect, &sender).await;
        drop(sender); // the recorder ends when the last sender is gone
        window
    };
    let watching = watch(&attempt, store);
    let recording = recorder.run(store, observer);
    let (window, stored) = tokio::select! {
        both = async { tokio::join!(measuring, recording) } => both,
        superseded = watching => return Err(superseded.into()),
    };
    let ((window, client), stored) = (window?, stored?);
    if let Some(said) = attempt.credentials_refused.get() {
        // Such failures are not the endpoint's: no receipt, so nothing of the attempt counts.
        store.release(&key, number, stored.spent).await?;
        return Err(BlockError::Credentials(said.clone()));
    }

    let receipt = Receipt {
        attempt: number,
        records: stored.records,
        chunks: stored.chunks,
        sha256: stored.sha256,
        window_start_unix_ns: anchor.unix_ns(window.start),
        window: window.end.duration_since(window.start),
        ended: attempt.ended(window.ended),
        spent: stored.spent,
        elapsed: anchor.instant.elapsed(),
        bytes: stored.bytes,
        gaps: stored.gaps.stored(),
        client,
        arrivals: window.arrivals,
    };
    store.finish(&key, &receipt).await?;
    Ok(receipt)
}

/// One instant on both clocks: later wall-clock times follow from the monotonic one.
#[derive(Debug, Clone, Copy)]
struct Anchor {
    instant: Instant,
    wall: SystemTime,
}

impl Anchor {
    fn unix_ns(&self, at: Instant) -> u64 {
        let since_epoch = self.wall.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let nanos = since_epoch + at.duration_since(self.instant);
        u64::try_from(nanos.as_nanos()).unwrap_or(u64::MAX)
    }
}

/// Ends only when the attempt has been superseded, with that error. Tells the slots to stop when
/// the run is stopping.
async fn watch<R: RecordStore>(attempt: &Attempt, store: &R) -> StoreError {
    loop {
        tokio::time::sleep(STANDING_EVERY).await;
        match store.standing(&attempt.job.key, attempt.job.attempt).await {
            Ok(Standing::Current) => {}
            Ok(Standing::Stopping) => attempt.signals.stop.cancel(),
            Ok(Standing::Superseded) => {
                attempt.signals.stop.cancel();
                attempt.signals.cut.cancel();
                return StoreError::Superseded { attempt: attempt.job.attempt };
            }
            Err(error) => tracing::warn!(%error, "Failed to read the block's standing."),
        }
    }
}

/// Warms every slot, waits for all, keeps the load, drains.
async fn measure(
    attempt: &Arc<Attempt>,
    connect: &Connect,
    records: &recorder::Sender,
) -> Result<(Window, Option<ClientFigures>), BlockError> {
    let measuring = &attempt.instruments.measuring;
    let mut warming = JoinSet::new();
    for slot in 0..u32::from(attempt.experiment.load.slots()) {
        let (attempt, records, endpoint) = (Arc::clone(attempt), records.clone(), connect());
        let warm = async move {
            warm(&attempt, slot, &*endpoint, &records).await;
            (slot, endpoint)
        };
        warming.spawn_on(warm, measuring);
    }
    let slots = joined(warming).await?;
    let probe = match attempt.instruments.time {
        Time::Real => Some(Probe::start(measuring)),
        Time::Virtual => None,
    };

    let window = match attempt.experiment.load {
        Load::Closed { .. } => sending::closed(attempt, slots, records).await?,
        Load::Open(load) => sending::open(attempt, load, slots, records).await?,
    };
    let client = match probe {
        Some(probe) => Some(probe.finish().await),
        None => None,
    };
    Ok((window, client))
}

async fn joined<T: 'static>(mut tasks: JoinSet<T>) -> Result<Vec<T>, BlockError> {
    let mut results = Vec::with_capacity(tasks.len());
    while let Some(result) = tasks.join_next().await {
        results.push(result?);
    }
    Ok(results)
}

async fn warm(attempt: &Attempt, slot: u32, endpoint: &dyn Endpoint, records: &recorder::Sender) {
    let each = attempt.job.plan.warmup_requests_per_slot;
    for turn in 1..=each {
        let bound = attempt.bound(Phase::Warmup);
        if attempt.signals.stop.is_cancelled() || !attempt.allotment.take(bound).await {
            return;
        }
        let request = Request {
            system: attempt.job.plan.inference.system.clone(),
            text: WARMUP_TEXT.to_owned(),
            estimated_tokens: WARMUP_TOKENS,
            max_tokens: WARMUP_MAX_TOKENS,
            temperature: attempt.job.plan.inference.temperature,
            top_p: attempt.job.plan.inference.top_p,
            start: None,
        };
        let observation = endpoint.invoke(&request, &attempt.signals.cut).await;
        attempt.settle(Phase::Warmup, &observation);
        let sequence = slot * each + turn;
        records.send(Placed { phase: Phase::Warmup, slot, sequence, prompt: 0, observation });
    }
}

impl Attempt {
    /// Why the block ended, where its window tells that it was stopped or not.
    fn ended(&self, ended: BlockEnd) -> BlockEnd {
        let gave_up = ended == BlockEnd::Stopped && self.throttled.is_cancelled();
        if gave_up { BlockEnd::Throttled } else { ended }
    }

    /// What a request takes from the allotment before it is sent.
    fn bound(&self, phase: Phase) -> NanoUsd {
        self.tariff.as_ref().map_or(NanoUsd::ZERO, |tariff| tariff.bound(phase))
    }

    /// Gives back to the allotment what a request was not charged. One that failed for our
    /// credentials stops the attempt.
    fn settle(&self, phase: Phase, seen: &Observation) {
        if seen.outcome == Outcome::Failed(ErrorClass::Credentials) {
            let said = seen.error.as_ref().map(ErrorDetail::to_string).unwrap_or_default();
            self.credentials_refused.get_or_init(|| said);
            self.signals.stop.cancel();
        }
        let charge = |tariff: &Tariff| {
            tariff.charge(phase, seen.outcome, &seen.usage, &seen.served, &seen.timeline).amount()
        };
        let charged = self.tariff.as_ref().map_or(NanoUsd::ZERO, charge);
        self.allotment.settle(self.bound(phase), charged);
    }

    /// Which prompt a sequence sends: dealt in one order for all experiments of a dataset, so that
    /// slots don't send the same one together and endpoints can be compared.
    fn prompt_index(&self, sequence: u32) -> u32 {
        let place = u64::from(self.block.first_prompt) + u64::from(sequence - 1);
        let place = usize::try_from(place).unwrap_or_default() % self.order.len();
        self.order[place]
    }

    fn request(&self, sequence: u32) -> Request {
        let key = &self.job.key;
        let index = usize::try_from(self.prompt_index(sequence)).unwrap_or_default();
        let prompt = &self.job.prompts[index];
        let nonce = dataset::nonce(
            &key.run_id,
            &key.experiment,
            key.round,
            key.block,
            self.job.attempt,
            sequence,
        );
        Request {
            system: self.job.plan.inference.system.clone(),
            text: dataset::with_nonce(&nonce, &prompt.text),
            estimated_tokens: prompt.estimated_tokens + NONCE_TOKENS,
            max_tokens: prompt.max_tokens,
            temperature: self.job.plan.inference.temperature,
            top_p: self.job.plan.inference.top_p,
            start: None,
        }
    }
}

//! A block that ends before its time, and what is left of it.

use std::time::{Duration, Instant, SystemTime};

use shared::block::{BlockError, BlockRun, NoObserver, Observer, Signals};
use shared::endpoint::placeholder_config;
use shared::record::{Outcome, Phase, Record};
use shared::run::{Connections, RunError};
use shared::store::{BlockEnd, Claim, Receipt, RecordStore, RunStatus, StoreError};
use shared::units::NanoUsd;
use simulator::Profile;
use tokio_util::sync::CancellationToken;

use super::local::LocalRun;
use super::{Bench, profile};
use crate::instruments::instruments;

const MODEL: &str = "mistral.mistral-7b-instruct-v0:2";

/// How long the slow server takes for an answer; the block would take ten times as long.
const ANSWER: Duration = Duration::from_millis(600);

/// How long it may take until a worker has noticed and drained: it asks every two seconds.
const NOTICED: Duration = Duration::from_secs(5);

const CONFIG: &str = r"
version: 1
endpoints: [{name: mistral, kind: simulated, simulate_as: 'mistral.mistral-7b-instruct-v0:2'}]
datasets: [{name: mine, prompts: [Why is the sky blue?], max_tokens: 10}]
load: [{concurrency: 4}]
stop: {requests: 40}
";

/// A server whose answers take so long.
fn bench(answer: Duration) -> Bench {
    let model = profile(MODEL, Duration::ZERO, 10.0);
    Bench::serving(vec![Profile { base: answer, ..model }], Vec::new())
}

fn to(bench: &Bench) -> Connections {
    let connections = Connections::new(placeholder_config()).unwrap();
    connections.with_simulator(bench.simulator.url(), placeholder_config())
}

/// Tells when the first measured record is there.
#[derive(Default)]
struct Begun(CancellationToken);

impl Observer for Begun {
    fn recorded(&self, record: &Record) {
        if record.phase == Phase::Measured {
            self.0.cancel();
        }
    }
}

/// Measures while something happens to the block, as soon as it has begun: what measuring came
/// to, and how long after that.
async fn meanwhile(
    run: &LocalRun,
    bench: &Bench,
    signals: &Signals,
    happens: impl Future<Output = ()>,
) -> (Result<BlockRun, RunError>, Duration) {
    let (connections, begun) = (to(bench), Begun::default());
    let happening = async {
        begun.0.cancelled().await;
        happens.await;
        Instant::now()
    };
    let (came_to, happened) = tokio::join!(run.attempt(&connections, signals, &begun), happening);
    (came_to, happened.elapsed())
}

#[track_caller]
fn receipt(came_to: Result<BlockRun, RunError>) -> Receipt {
    let BlockRun::Measured(receipt) = came_to.unwrap() else { panic!("a first attempt") };
    receipt
}

#[tokio::test]
async fn a_worker_whose_block_is_claimed_by_another_ends_and_leaves_no_receipt() {
    let (bench, run) = (bench(ANSWER), LocalRun::plan(CONFIG).await);
    let another = async {
        let claim = run.stores.records.claim(&run.key(), NanoUsd::ZERO, None).await.unwrap();
        assert_eq!(claim, Claim::Attempt(2));
    };
    let (came_to, took) = meanwhile(&run, &bench, &Signals::default(), another).await;
    let ended = (instruments().wall)();
    let superseded = matches!(
        came_to,
        Err(RunError::Block(BlockError::Store(StoreError::Superseded { attempt: 1 })))
    );
    assert!(superseded && took < NOTICED, "{came_to:?} after {took:?}");
    let state = run.state().await;
    assert_eq!((state.attempt, state.receipt), (2, None));

    // Every slot would have sent again by now.
    tokio::time::sleep(2 * ANSWER).await;
    let truth = bench.ended();
    assert!((8..44).contains(&truth.len()), "{} requests", truth.len());
    let ended = ended.duration_since(SystemTime::UNIX_EPOCH).unwrap();
    for truth in truth {
        let received = Duration::from_nanos(truth.server_started_unix_ns + truth.received_ns);
        assert!(received < ended + ANSWER / 4, "sent after it was superseded: {truth:?}");
    }
}

#[tokio::test]
async fn a_stopping_run_ends_a_block_that_can_be_measured_whole_later() {
    let (slow, run) = (bench(ANSWER), LocalRun::plan(CONFIG).await);
    let run_id = &run.plan_of().run_id;
    let stop = async { run.stores.records.set_stopping(run_id).await.unwrap() };
    let (came_to, took) = meanwhile(&run, &slow, &Signals::default(), stop).await;
    assert!(took < NOTICED, "{took:?}");
    let stopped = run.measured(receipt(came_to)).await;
    assert_eq!((stopped.receipt.ended, stopped.receipt.attempt), (BlockEnd::Stopped, 1));
    assert!(stopped.records.iter().all(|record| record.outcome == Outcome::Completed));
    assert!((4..40).contains(&stopped.of(Phase::Measured).count()));
    assert_eq!(usize::try_from(stopped.receipt.records), Ok(stopped.records.len()));
    let truth = slow.ended();
    assert_eq!(truth.len(), stopped.records.len(), "what was sent is drained and counted");

    // As long as the run is stopping, nothing more is sent.
    let quick = bench(Duration::from_millis(5));
    let (connections, signals) = (to(&quick), Signals::default());
    let again = run.attempt(&connections, &signals, &NoObserver).await.unwrap();
    assert_eq!(again, BlockRun::Stopping);
    assert_eq!(run.state().await.receipt, Some(stopped.receipt), "what was measured counts");

    run.stores.records.set_status(run_id, RunStatus::Running, None).await.unwrap();
    let whole = run.measure(&connections).await;
    assert_eq!((whole.receipt.ended, whole.receipt.attempt), (BlockEnd::Requests, 3));
    assert_eq!(whole.of(Phase::Measured).count(), 40);
    assert_eq!(quick.ended().len(), 44);
}

#[tokio::test]
async fn what_is_in_flight_is_cut_and_counted() {
    let (bench, run) = (bench(ANSWER), LocalRun::plan(CONFIG).await);
    let signals = Signals::default();
    let end = async {
        signals.stop.cancel();
        tokio::time::sleep(ANSWER / 6).await;
        signals.cut.cancel();
    };
    let (came_to, took) = meanwhile(&run, &bench, &signals, end).await;
    let cut = run.measured(receipt(came_to)).await;
    assert_eq!(cut.receipt.ended, BlockEnd::Stopped);
    assert!(took < ANSWER, "{took:?}");
    let outcomes = cut.of(Phase::Measured).map(|record| record.outcome);
    let outcomes: Vec<Outcome> = outcomes.collect();
    let cuts = outcomes.iter().filter(|outcome| **outcome == Outcome::Cut).count();
    assert!(cuts >= 1 && cuts < outcomes.len(), "{outcomes:?}");
    assert_eq!(bench.ended().len(), cut.records.len());
}

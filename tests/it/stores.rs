//! One suite for every store: SQLite and a folder, DynamoDB and S3.

mod artifacts;
mod bench;
mod copy;
mod deleting;
mod follow;
mod limited_run;
mod pacing;
mod processes;
mod records;
mod replay;
mod spending;

use std::time::Duration;

use shared::record::{Outcome, Phase, RECORD_SCHEMA, Record, Served, Timeline, Usage};
use shared::stats::{GapHistogram, Gaps};
use shared::store::pack::{digest, pack};
use shared::store::{
    BlockEnd, BlockKey, Claim, Receipt, RecordStore, RunMeta, RunStatus, StoreError,
};
use shared::units::{ExperimentId, NanoUsd, RunId};

/// Runs each case on both kinds of stores.
macro_rules! suite {
    ($($case:ident),+ $(,)?) => {
        mod local {
            $(#[tokio::test]
            async fn $case() {
                super::$case(&<super::Local as super::Bench>::new().await).await;
            })+
        }

        mod cloud {
            $(#[tokio::test]
            async fn $case() {
                super::$case(&<super::Cloud as super::Bench>::new().await).await;
            })+
        }
    };
}
use suite;

fn run_id(text: &str) -> RunId {
    text.parse().unwrap()
}

fn meta(id: &str, started_at: &str) -> RunMeta {
    RunMeta {
        run_id: run_id(id),
        name: Some("a chat".to_owned()),
        owner: "host 42".to_owned(),
        config_sha256: "00ff".to_owned(),
        status: RunStatus::Running,
        stopping: false,
        started_at: started_at.to_owned(),
        ended_at: None,
        spend_limit: None,
        deployment: None,
        targets: vec!["bedrock us-east-1 a-model".to_owned()],
    }
}

/// The run `r`, created.
async fn created(store: &impl RecordStore) -> RunMeta {
    let meta = meta("r", "2026-11-22T10:00:00Z");
    assert!(store.create_run(&meta).await.unwrap());
    meta
}

fn key(experiment: &str, round: u32, block: u32) -> BlockKey {
    BlockKey {
        run_id: run_id("r"),
        experiment: ExperimentId::from(experiment.to_owned()),
        round,
        block,
    }
}

/// A block that the cases use when one is enough.
fn a_block() -> BlockKey {
    key("mistral-7b~chat~c4", 1, 1)
}

/// What a claim reserves where a case is not about money.
const RESERVATION: NanoUsd = NanoUsd(1_000_000);

/// Claims a block that must be free.
async fn claimed(store: &impl RecordStore, key: &BlockKey) -> u32 {
    match store.claim(key, RESERVATION, None).await.unwrap() {
        Claim::Attempt(attempt) => attempt,
        other @ (Claim::Done(_) | Claim::NoFunds { .. }) => panic!("{key:?}: {other:?}"),
    }
}

fn gaps() -> GapHistogram {
    let mut gaps = Gaps::default();
    for gap_us in [9_000, 10_000, 350_000] {
        gaps.record(gap_us);
    }
    gaps.stored().unwrap()
}

fn receipt(attempt: u32) -> Receipt {
    Receipt {
        attempt,
        records: 12,
        chunks: 2,
        sha256: "ab".repeat(32),
        window_start_unix_ns: 1_790_000_000_123_456_789,
        window: Duration::new(30, 5),
        ended: BlockEnd::Requests,
        spent: NanoUsd(451_000),
        elapsed: Duration::from_secs(34),
        bytes: 4_000,
        gaps: Some(gaps()),
        client: None,
        arrivals: None,
    }
}

/// Stores `count` records as an attempt's chunks; the receipt that proves them.
async fn measured(store: &impl RecordStore, key: &BlockKey, attempt: u32, count: u32) -> Receipt {
    let chunks = pack(&records(key, attempt, count)).unwrap();
    for (chunk, number) in chunks.iter().zip(1..) {
        store.put_chunk(key, attempt, number, chunk.clone()).await.unwrap();
    }
    Receipt {
        records: count,
        chunks: u32::try_from(chunks.len()).unwrap(),
        sha256: digest(&chunks),
        ..receipt(attempt)
    }
}

fn records(key: &BlockKey, attempt: u32, count: u32) -> Vec<Record> {
    let record = |sequence| Record {
        schema: RECORD_SCHEMA,
        endpoint: "mistral-7b".parse().unwrap(),
        experiment: key.experiment.clone(),
        round: key.round,
        block: key.block,
        attempt,
        sequence,
        phase: Phase::Measured,
        slot: 0,
        prompt: sequence,
        sent_at_unix_ns: 1_790_000_000_000_000_000 + u64::from(sequence),
        timeline: Timeline { end: Duration::from_millis(7), ..Timeline::default() },
        usage: Usage::default(),
        served: Served::default(),
        outcome: Outcome::Completed,
        error: None,
    };
    (1..=count).map(record).collect()
}

#[track_caller]
fn assert_unreadable<T: std::fmt::Debug>(result: Result<T, StoreError>) {
    match result {
        Err(StoreError::Unreadable { .. }) => {}
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn assert_no_such_run<T: std::fmt::Debug>(result: Result<T, StoreError>) {
    match result {
        Err(StoreError::NoSuchRun(_)) => {}
        other => panic!("{other:?}"),
    }
}

/// Numbers (by `SplitMix64`) that follow from a seed.
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % end
    }
}

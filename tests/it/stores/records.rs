//! What every `RecordStore` does.

use std::collections::BTreeSet;

use serde_json::json;
use shared::store::pack::CHUNK_BYTES_MAX;
use shared::store::read::{attempt_records, counted_records};
use shared::store::{
    BlockEnd, BlockKey, Claim, Receipt, RecordStore, RunMeta, RunStatus, Standing, StoreError,
};
use tokio::task::JoinSet;

use super::bench::{Bench, Cloud, Local};
use super::{
    RESERVATION, a_block, assert_no_such_run, assert_unreadable, claimed, created, key, measured,
    meta, receipt, records, run_id, suite,
};

suite!(
    a_run_is_created_once,
    one_of_many_creators_wins,
    runs_are_listed_latest_first,
    more_runs_than_one_batch_are_listed,
    a_status_can_be_set_and_taken_back,
    only_an_incomplete_run_is_taken_up,
    each_claim_gives_the_next_attempt,
    many_claimers_get_distinct_attempts,
    only_the_current_attempt_leaves_a_receipt,
    a_done_block_is_not_claimed_again,
    a_stopped_block_counts_until_a_later_attempt_has_measured_it_whole,
    an_attempt_knows_its_standing,
    chunks_come_back_in_order,
    records_are_checked_against_their_receipt,
    blocks_are_listed_by_key,
    metrics_are_readable,
    what_is_damaged_is_unreadable,
);

async fn a_run_is_created_once(bench: &impl Bench) {
    let store = bench.records();
    assert_eq!(store.run(&run_id("r")).await.unwrap(), None);
    let first = created(store).await;
    let other = RunMeta { owner: "another".to_owned(), ..meta("r", "2026-11-23T00:00:00Z") };
    assert!(!store.create_run(&other).await.unwrap());
    assert_eq!(store.run(&run_id("r")).await.unwrap(), Some(first.clone()));
    assert_eq!(store.runs().await.unwrap(), [first]);
}

async fn one_of_many_creators_wins(bench: &impl Bench) {
    let mut creators = JoinSet::new();
    for number in 0..8 {
        let store = bench.records().clone();
        let meta = RunMeta { owner: number.to_string(), ..meta("r", "2026-11-22T10:00:00Z") };
        creators.spawn(async move { store.create_run(&meta).await.unwrap().then_some(meta) });
    }
    let winners: Vec<_> = creators.join_all().await.into_iter().flatten().collect();
    assert_eq!(bench.records().runs().await.unwrap(), winners);
    assert_eq!(winners.len(), 1);
}

async fn runs_are_listed_latest_first(bench: &impl Bench) {
    let store = bench.records();
    for (id, started_at) in [
        ("b", "2026-11-22T10:00:00Z"),
        ("c", "2026-11-21T10:00:00Z"),
        ("a", "2026-11-23T10:00:00Z"),
        ("d", "2026-11-22T10:00:00Z"),
    ] {
        assert!(store.create_run(&meta(id, started_at)).await.unwrap());
    }
    store.set_stopping(&run_id("b")).await.unwrap();
    let runs = store.runs().await.unwrap();
    let ids: Vec<_> = runs.iter().map(|run| (run.run_id.as_str(), run.stopping)).collect();
    assert_eq!(ids, [("a", false), ("d", false), ("b", true), ("c", false)]);
}

async fn more_runs_than_one_batch_are_listed(bench: &impl Bench) {
    let store = bench.records();
    for number in 0..120 {
        let meta = meta(&format!("r{number}"), &format!("2026-11-22T10:00:00.{number:03}Z"));
        assert!(store.create_run(&meta).await.unwrap());
    }
    let runs = store.runs().await.unwrap();
    let expected: Vec<_> = (0..120).rev().map(|number| run_id(&format!("r{number}"))).collect();
    assert_eq!(runs.into_iter().map(|run| run.run_id).collect::<Vec<_>>(), expected);
}

async fn a_status_can_be_set_and_taken_back(bench: &impl Bench) {
    let store = bench.records();
    let (running, ended_at) = (created(store).await, "2026-11-22T11:00:00Z");
    let id = &running.run_id;
    store.set_stopping(id).await.unwrap();
    store.set_status(id, RunStatus::Incomplete, Some(ended_at)).await.unwrap();
    let incomplete = RunMeta {
        status: RunStatus::Incomplete,
        stopping: true,
        ended_at: Some(ended_at.to_owned()),
        ..running.clone()
    };
    assert_eq!(store.run(id).await.unwrap(), Some(incomplete));
    store.set_status(id, RunStatus::Running, Some("ignored")).await.unwrap();
    assert_eq!(store.run(id).await.unwrap(), Some(running.clone()));

    let unknown = run_id("unknown");
    assert_no_such_run(store.set_status(&unknown, RunStatus::Complete, Some(ended_at)).await);
    assert_no_such_run(store.set_stopping(&unknown).await);
    assert_eq!(store.run(&unknown).await.unwrap(), None);
}

async fn only_an_incomplete_run_is_taken_up(bench: &impl Bench) {
    let store = bench.records();
    let running = created(store).await;
    let id = &running.run_id;
    assert!(!store.take_up(id, "another").await.unwrap(), "it is running");
    store.set_stopping(id).await.unwrap();
    store.set_status(id, RunStatus::Incomplete, Some("2026-11-22T11:00:00Z")).await.unwrap();
    assert!(store.take_up(id, "another").await.unwrap());
    let taken = RunMeta { owner: "another".to_owned(), ..running.clone() };
    assert_eq!(store.run(id).await.unwrap(), Some(taken.clone()));
    assert!(!store.take_up(id, "a third").await.unwrap());
    store.set_status(id, RunStatus::Complete, Some("2026-11-22T12:00:00Z")).await.unwrap();
    assert!(!store.take_up(id, "a third").await.unwrap(), "there is nothing left to do");
    assert!(!store.take_up(&run_id("unknown"), "another").await.unwrap());
    assert_eq!(store.run(id).await.unwrap().unwrap().owner, taken.owner);
}

async fn each_claim_gives_the_next_attempt(bench: &impl Bench) {
    let store = bench.records();
    created(store).await;
    for expected in 1..=3 {
        assert_eq!(
            store.claim(&a_block(), RESERVATION, None).await.unwrap(),
            Claim::Attempt(expected)
        );
    }
    for other in
        [key("mistral-7b~chat~c4", 1, 2), key("mistral-7b~chat~c4", 2, 1), key("x~y~c1", 1, 1)]
    {
        assert_eq!(store.claim(&other, RESERVATION, None).await.unwrap(), Claim::Attempt(1));
    }
}

async fn many_claimers_get_distinct_attempts(bench: &impl Bench) {
    created(bench.records()).await;
    let mut claimers = JoinSet::new();
    for _ in 0..20 {
        let store = bench.records().clone();
        claimers.spawn(async move { claimed(&store, &a_block()).await });
    }
    let attempts: BTreeSet<_> = claimers.join_all().await.into_iter().collect();
    assert_eq!(attempts, (1..=20).collect());
}

async fn only_the_current_attempt_leaves_a_receipt(bench: &impl Bench) {
    let store = bench.records();
    created(store).await;
    let refused = |result, expected| match result {
        Err(StoreError::Superseded { attempt }) => assert_eq!(attempt, expected),
        other => panic!("attempt {expected} was not refused: {other:?}"),
    };
    refused(store.finish(&a_block(), &receipt(1)).await, 1);
    assert_eq!(claimed(store, &a_block()).await, 1);
    assert_eq!(claimed(store, &a_block()).await, 2);
    refused(store.finish(&a_block(), &receipt(1)).await, 1);
    refused(store.finish(&a_block(), &receipt(3)).await, 3);
    store.finish(&a_block(), &receipt(2)).await.unwrap();
    store.finish(&a_block(), &receipt(2)).await.unwrap();
    refused(store.finish(&a_block(), &receipt(1)).await, 1);
    refused(store.finish(&a_block(), &Receipt { records: 1, ..receipt(2) }).await, 2);
    assert_eq!(store.blocks(&run_id("r")).await.unwrap()[0].receipt, Some(receipt(2)));
}

async fn a_done_block_is_not_claimed_again(bench: &impl Bench) {
    let store = bench.records();
    created(store).await;
    let attempt = claimed(store, &a_block()).await;
    store.finish(&a_block(), &receipt(attempt)).await.unwrap();
    for _ in 0..2 {
        assert_eq!(
            store.claim(&a_block(), RESERVATION, None).await.unwrap(),
            Claim::Done(receipt(attempt))
        );
    }
    assert_eq!(store.blocks(&run_id("r")).await.unwrap()[0].attempt, attempt);
}

async fn a_stopped_block_counts_until_a_later_attempt_has_measured_it_whole(bench: &impl Bench) {
    let store = bench.records();
    created(store).await;
    let stopped = |attempt| Receipt { ended: BlockEnd::Stopped, ..receipt(attempt) };
    let held = async || store.blocks(&run_id("r")).await.unwrap()[0].receipt.clone();
    assert_eq!(claimed(store, &a_block()).await, 1);
    store.finish(&a_block(), &stopped(1)).await.unwrap();
    store.finish(&a_block(), &stopped(1)).await.unwrap();
    assert_eq!(claimed(store, &a_block()).await, 2);
    assert_eq!(held().await, Some(stopped(1)));
    assert!(store.finish(&a_block(), &receipt(1)).await.is_err());
    store.finish(&a_block(), &receipt(2)).await.unwrap();
    assert_eq!(held().await, Some(receipt(2)));
    assert_eq!(store.claim(&a_block(), RESERVATION, None).await.unwrap(), Claim::Done(receipt(2)));
}

async fn an_attempt_knows_its_standing(bench: &impl Bench) {
    let store = bench.records();
    let (block, id) = (a_block(), run_id("r"));
    assert_no_such_run(store.standing(&block, 1).await);
    created(store).await;
    let standing = async |attempt| store.standing(&block, attempt).await.unwrap();
    assert_eq!(standing(1).await, Standing::Superseded);
    claimed(store, &block).await;
    assert_eq!(standing(1).await, Standing::Current);
    claimed(store, &block).await;
    assert_eq!(standing(1).await, Standing::Superseded);
    assert_eq!(standing(2).await, Standing::Current);
    store.set_stopping(&id).await.unwrap();
    assert_eq!(standing(1).await, Standing::Superseded);
    assert_eq!(standing(2).await, Standing::Stopping);
    store.set_status(&id, RunStatus::Running, None).await.unwrap();
    assert_eq!(standing(2).await, Standing::Current);
    store.set_status(&id, RunStatus::Incomplete, Some("2026-11-22T11:00:00Z")).await.unwrap();
    assert_eq!(standing(2).await, Standing::Stopping);
}

/// Bytes that no page of a query holds all of, each chunk with bytes of its own.
fn large_chunk(number: u32) -> Vec<u8> {
    let sign = u8::try_from(number).unwrap();
    (0..CHUNK_BYTES_MAX).map(|place| sign.wrapping_add(place.to_le_bytes()[0])).collect()
}

async fn chunks_come_back_in_order(bench: &impl Bench) {
    let store = bench.records();
    created(store).await;
    let block = a_block();
    assert!(store.chunks(&block, 1).await.unwrap().is_empty());
    let (first, second) = (claimed(store, &block).await, claimed(store, &block).await);
    for number in [12, 1, 3, 2, 3] {
        store.put_chunk(&block, first, number, large_chunk(number)).await.unwrap();
    }
    store.put_chunk(&block, second, 1, b"of the second".to_vec()).await.unwrap();
    // No receipt names either of them.
    let expected: Vec<_> = [1, 2, 3, 12].map(large_chunk).into();
    assert!(store.chunks(&block, first).await.unwrap() == expected, "chunks differ");
    assert_eq!(store.chunks(&block, second).await.unwrap(), [b"of the second"]);
}

async fn records_are_checked_against_their_receipt(bench: &impl Bench) {
    let store = bench.records();
    created(store).await;
    let block = a_block();
    let attempt = claimed(store, &block).await;
    let receipt = measured(store, &block, attempt, 600).await;
    assert_eq!(receipt.chunks, 3);
    let expected = records(&block, attempt, 600);
    assert_eq!(attempt_records(store, &block, attempt).await.unwrap(), expected);
    assert_eq!(counted_records(store, &block, &receipt).await.unwrap(), expected);
    for wrong in [
        Receipt { records: 599, ..receipt.clone() },
        Receipt { chunks: 2, ..receipt.clone() },
        Receipt { sha256: "00".repeat(32), ..receipt.clone() },
    ] {
        assert_unreadable(counted_records(store, &block, &wrong).await);
    }
    store.put_chunk(&block, attempt, 2, b"no chunk".to_vec()).await.unwrap();
    assert_unreadable(attempt_records(store, &block, attempt).await);
}

async fn blocks_are_listed_by_key(bench: &impl Bench) {
    let store = bench.records();
    created(store).await;
    let mut keys: Vec<_> = ["a~x~c1", "a~x~c16", "a-b~x~c1", "a.b~x~c1", "A~x~c1"]
        .iter()
        .flat_map(|experiment| {
            [(10, 1), (2, 1), (2, 12), (2, 3)].map(|(round, block)| key(experiment, round, block))
        })
        .collect();
    for key in &keys {
        claimed(store, key).await;
    }
    // Runs whose names start alike have blocks of their own.
    claimed(store, &BlockKey { run_id: run_id("r2"), ..a_block() }).await;
    claimed(store, &keys[1]).await;
    store.finish(&keys[1], &receipt(2)).await.unwrap();
    let done = keys[1].clone();
    keys.sort();
    let blocks = store.blocks(&run_id("r")).await.unwrap();
    assert_eq!(blocks.iter().map(|block| block.key.clone()).collect::<Vec<_>>(), keys);
    for block in blocks {
        let expected = if block.key == done { (2, Some(receipt(2))) } else { (1, None) };
        assert_eq!((block.attempt, block.receipt), expected);
    }
    assert!(store.blocks(&run_id("unknown")).await.unwrap().is_empty());
}

async fn metrics_are_readable(bench: &impl Bench) {
    let store = bench.records();
    let meta = created(store).await;
    let experiment = a_block().experiment;
    let metrics = json!({
        "requests": 1200,
        "ttft_p99_ms": 812.25,
        "verdict": "valid",
        "cost_usd": null,
        "errors": {"throttled": 3, "deadline_stall": 1},
    });
    for stored in [&json!({"requests": 1, "early": true}), &metrics] {
        let stored = stored.as_object().unwrap();
        store.put_metrics(&meta.run_id, &experiment, 2, stored).await.unwrap();
    }
    assert_eq!(bench.metrics(&meta.run_id, &experiment, 2).await, metrics);
    assert!(store.blocks(&meta.run_id).await.unwrap().is_empty());
}

async fn what_is_damaged_is_unreadable(bench: &impl Bench) {
    let store = bench.records();
    let meta = created(store).await;
    let attempt = claimed(store, &a_block()).await;
    store.finish(&a_block(), &receipt(attempt)).await.unwrap();
    bench.damage_receipt(&a_block()).await;
    assert_unreadable(store.claim(&a_block(), RESERVATION, None).await);
    assert_unreadable(store.finish(&a_block(), &receipt(attempt)).await);
    assert_unreadable(store.blocks(&meta.run_id).await);
    bench.damage_meta(&meta.run_id).await;
    assert_unreadable(store.run(&meta.run_id).await);
    assert_unreadable(store.runs().await);
}

#[tokio::test]
async fn a_file_of_the_first_format_is_brought_up_to_date() {
    let bench = Local::new().await;
    let store = bench.records();
    created(store).await;
    assert_eq!(claimed(store, &a_block()).await, 1);
    let first_format = "ALTER TABLE blocks DROP COLUMN reservation;
        ALTER TABLE blocks DROP COLUMN refused; DROP TABLE spend; PRAGMA user_version = 1";
    bench.connection().execute_batch(first_format).unwrap();
    let path = bench.connection().path().unwrap().to_owned();
    let store = shared::store::sqlite::SqliteStore::open(&path).await.unwrap();
    assert_eq!(claimed(&store, &a_block()).await, 2);
    store.finish(&a_block(), &receipt(2)).await.unwrap();
    assert_eq!(store.spend(&run_id("r")).await.unwrap().spent, receipt(2).spent);
}

#[tokio::test]
async fn a_later_format_of_the_file_is_unreadable() {
    let bench = Local::new().await;
    bench.connection().pragma_update(None, "user_version", 3).unwrap();
    let path = bench.connection().path().unwrap().to_owned();
    assert_unreadable(shared::store::sqlite::SqliteStore::open(&path).await);
    std::fs::write(&path, "no database, but long enough to have a header of one").unwrap();
    assert_unreadable(shared::store::sqlite::SqliteStore::open(&path).await);
}

#[tokio::test]
async fn a_missing_table_is_named_as_the_cause() {
    let config = crate::ministack::ministack().config();
    let (store, _) = shared::store::cloud::connect(&config, "no-such-table", "no-such-bucket");
    let error = store.claim(&a_block(), RESERVATION, None).await.unwrap_err();
    // A claim reads both at once: whichever fails first is told.
    let told = ["failed to claim the block", "failed to read the spending"];
    assert!(told.contains(&&*error.to_string()), "{error}");
    let causes = std::iter::successors(std::error::Error::source(&error), |cause| cause.source());
    let causes: Vec<_> = causes.map(ToString::to_string).collect();
    assert!(causes.iter().any(|cause| cause.contains("ResourceNotFoundException")), "{causes:?}");
}

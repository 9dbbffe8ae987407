//! A run copied from one kind of store into the other and back.

use shared::store::copy::{CopyError, copy_run};
use shared::store::{
    ArtifactStore, BlockEnd, BlockState, Claim, Receipt, RecordStore, RunMeta, RunStatus, Spend,
    StoreError,
};
use shared::units::NanoUsd;

use super::bench::{Bench, Cloud, Local};
use super::{RESERVATION, a_block, claimed, key, measured, meta, receipt, run_id};

const ENDED_AT: &str = "2026-11-22T11:00:00Z";

/// Everything that a copy must have.
#[derive(Debug, PartialEq)]
struct Contents {
    meta: Option<RunMeta>,
    blocks: Vec<BlockState>,
    spend: Spend,
    chunks: Vec<(u32, Vec<Vec<u8>>)>,
    artifacts: Vec<(String, Option<Vec<u8>>)>,
}

async fn contents(bench: &impl Bench) -> Contents {
    let (records, id) = (bench.records(), run_id("r"));
    let blocks = records.blocks(&id).await.unwrap();
    let mut chunks = Vec::new();
    for block in &blocks {
        for attempt in 1..=block.attempt {
            chunks.push((attempt, records.chunks(&block.key, attempt).await.unwrap()));
        }
    }
    let mut artifacts = Vec::new();
    for key in bench.artifacts().list("").await.unwrap() {
        let file = bench.artifacts().get(&key).await.unwrap();
        artifacts.push((key, file));
    }
    let (meta, spend) = (records.run(&id).await.unwrap(), records.spend(&id).await.unwrap());
    Contents { meta, blocks, spend, chunks, artifacts }
}

/// A run with a block done at its second attempt, one without a receipt, and files.
async fn fill(bench: &impl Bench) {
    let (records, artifacts) = (bench.records(), bench.artifacts());
    let limit = Some(NanoUsd(9 * RESERVATION.0));
    let limited = RunMeta { spend_limit: limit, ..meta("r", "2026-11-22T10:00:00Z") };
    assert!(records.create_run(&limited).await.unwrap());
    for count in [30, 500] {
        let attempt = claimed(records, &a_block()).await;
        let receipt = measured(records, &a_block(), attempt, count).await;
        if attempt == 2 {
            records.finish(&a_block(), &receipt).await.unwrap();
        }
    }
    // One that was stopped, and taken up again by an attempt that left nothing.
    let stopped = key("x~y~c1", 1, 3);
    let attempt = claimed(records, &stopped).await;
    let receipt = measured(records, &stopped, attempt, 5).await;
    let receipt = Receipt { ended: BlockEnd::Stopped, ..receipt };
    records.finish(&stopped, &receipt).await.unwrap();
    claimed(records, &stopped).await;
    let unfinished = key("x~y~c1", 1, 1);
    let attempt = claimed(records, &unfinished).await;
    measured(records, &unfinished, attempt, 20).await;
    claimed(records, &key("x~y~c1", 1, 2)).await;
    // One that was stopped before it sent anything, one that the limit has no room for, and both.
    let released = key("x~y~c1", 1, 4);
    let attempt = claimed(records, &released).await;
    records.release(&released, attempt, NanoUsd::ZERO).await.unwrap();
    for block in [&released, &key("x~y~c1", 1, 5)] {
        let refused = records.claim(block, NanoUsd(20 * RESERVATION.0), None).await.unwrap();
        assert!(matches!(refused, Claim::NoFunds { .. }), "{refused:?}");
    }
    for (key, content) in [("runs/r/plan.json", "{}"), ("runs/r/report/report.md", "# R")] {
        artifacts.put(key, content.into(), "text/plain").await.unwrap();
    }
    records.set_stopping(&run_id("r")).await.unwrap();
    records.set_status(&run_id("r"), RunStatus::Incomplete, Some(ENDED_AT)).await.unwrap();
}

async fn copy(from: &impl Bench, to: &impl Bench) -> Result<(), CopyError> {
    copy_run(from.records(), from.artifacts(), to.records(), to.artifacts(), &run_id("r")).await
}

async fn a_copy_is_equal(from: &impl Bench, to: &impl Bench) {
    fill(from).await;
    let original = contents(from).await;
    for _ in 0..2 {
        copy(from, to).await.unwrap();
        assert!(contents(to).await == original, "the copy differs");
    }
    // The run goes on and is copied again.
    let records = from.records();
    records.set_status(&run_id("r"), RunStatus::Running, None).await.unwrap();
    let attempt = claimed(records, &key("x~y~c1", 1, 1)).await;
    let receipt = measured(records, &key("x~y~c1", 1, 1), attempt, 10).await;
    records.finish(&key("x~y~c1", 1, 1), &receipt).await.unwrap();
    from.artifacts().put("runs/r/report/report.md", "# S".into(), "text/plain").await.unwrap();
    copy(from, to).await.unwrap();
    assert!(contents(to).await == contents(from).await, "the second copy differs");
}

#[tokio::test]
async fn a_run_is_downloaded() {
    a_copy_is_equal(&Cloud::new().await, &Local::new().await).await;
}

#[tokio::test]
async fn a_run_is_uploaded() {
    a_copy_is_equal(&Local::new().await, &Cloud::new().await).await;
}

#[tokio::test]
async fn only_the_run_itself_is_copied() {
    let (from, to) = (Local::new().await, Local::new().await);
    let missing = copy(&from, &to).await;
    assert!(matches!(missing, Err(CopyError::Store(StoreError::NoSuchRun(_)))), "{missing:?}");
    fill(&from).await;
    from.records().create_run(&meta("r2", "2026-11-22T10:00:00Z")).await.unwrap();
    from.artifacts().put("runs/r2/plan.json", "{}".into(), "text/plain").await.unwrap();
    copy(&from, &to).await.unwrap();
    assert_eq!(to.records().runs().await.unwrap().len(), 1);
    assert!(to.artifacts().list("runs/r2/").await.unwrap().is_empty());
}

#[tokio::test]
async fn what_has_gone_its_own_way_is_not_mixed() {
    let refused = |result: Result<(), CopyError>| {
        assert!(matches!(result, Err(CopyError::Diverged { .. })), "{result:?}");
    };
    let from = Local::new().await;
    fill(&from).await;

    let another_run = Local::new().await;
    let other = RunMeta { owner: "another".to_owned(), ..meta("r", "2026-11-22T10:00:00Z") };
    another_run.records().create_run(&other).await.unwrap();
    refused(copy(&from, &another_run).await);

    let claimed_since = Local::new().await;
    copy(&from, &claimed_since).await.unwrap();
    claimed(claimed_since.records(), &key("x~y~c1", 1, 1)).await;
    refused(copy(&from, &claimed_since).await);

    let finished = Local::new().await;
    copy(&from, &finished).await.unwrap();
    finished.records().finish(&key("x~y~c1", 1, 1), &receipt(1)).await.unwrap();
    refused(copy(&from, &finished).await);
}

//! Deleting a run: nothing of it is left, and everything of the others.

use shared::run::{RunError, Stores, delete};
use shared::store::{ArtifactStore, BlockKey, RecordStore, RunStatus, Spend, StoreError, keys};

use super::bench::{Bench, Cloud, Local};
use super::{a_block, claimed, created, key, measured, meta, run_id, suite};

suite!(
    a_deleted_run_leaves_nothing_and_the_others_alone,
    deleting_can_be_repeated,
    a_damaged_run_can_be_deleted,
    a_running_run_is_not_deleted_with_its_files,
);

/// Blocks of several attempts with records, metrics and spending.
async fn fill(bench: &impl Bench, id: &str) {
    let store = bench.records();
    let run = meta(id, "2026-11-22T10:00:00Z");
    assert!(store.create_run(&run).await.unwrap());
    for round in 1..=2 {
        for block in 1..=3 {
            let block = BlockKey { run_id: run_id(id), ..key("mistral-7b~chat~c4", round, block) };
            claimed(store, &block).await;
            measured(store, &block, 1, 20).await;
            let attempt = claimed(store, &block).await;
            // More chunks than one batch deletes.
            for chunk in 1..=30 {
                store.put_chunk(&block, attempt, chunk, vec![7; 100]).await.unwrap();
            }
        }
        let metrics = serde_json::json!({"requests": 1200});
        let experiment = a_block().experiment;
        let metrics = metrics.as_object().unwrap();
        store.put_metrics(&run_id(id), &experiment, round, metrics).await.unwrap();
    }
    for file in ["plan.json", "report/report.md", "prompts/chat.jsonl"] {
        let key = format!("{}{file}", keys::artifacts(&run_id(id)));
        bench.artifacts().put(&key, file.into(), "text/plain").await.unwrap();
    }
}

/// Whether anything is left of a run, and all of another one.
async fn is_gone(bench: &impl Bench, id: &str, other: &str) {
    let store = bench.records();
    assert_eq!(store.run(&run_id(id)).await.unwrap(), None);
    assert!(store.blocks(&run_id(id)).await.unwrap().is_empty());
    assert_eq!(store.spend(&run_id(id)).await.unwrap(), Spend::default());
    let ids: Vec<_> = store.runs().await.unwrap().into_iter().map(|run| run.run_id).collect();
    assert_eq!(ids, [run_id(other)]);
    for attempt in [1, 2] {
        let block = |id| BlockKey { run_id: run_id(id), ..key("mistral-7b~chat~c4", 1, 1) };
        assert!(store.chunks(&block(id), attempt).await.unwrap().is_empty());
        assert!(!store.chunks(&block(other), attempt).await.unwrap().is_empty());
    }
    assert_eq!(bench.items(&run_id(id)).await, 0);
    assert_eq!(store.blocks(&run_id(other)).await.unwrap().len(), 6);
    assert_ne!(store.spend(&run_id(other)).await.unwrap(), Spend::default());
}

async fn a_deleted_run_leaves_nothing_and_the_others_alone(bench: &impl Bench) {
    // Their names start alike.
    fill(bench, "r").await;
    fill(bench, "r2").await;
    assert!(bench.items(&run_id("r")).await > 0);
    bench.records().delete_run(&run_id("r")).await.unwrap();
    is_gone(bench, "r", "r2").await;
}

async fn deleting_can_be_repeated(bench: &impl Bench) {
    fill(bench, "r").await;
    fill(bench, "r2").await;
    for id in ["r", "r", "unknown"] {
        bench.records().delete_run(&run_id(id)).await.unwrap();
    }
    is_gone(bench, "r", "r2").await;
    // The id is free again.
    created(bench.records()).await;
}

async fn a_damaged_run_can_be_deleted(bench: &impl Bench) {
    let store = bench.records();
    created(store).await;
    let attempt = claimed(store, &a_block()).await;
    let receipt = measured(store, &a_block(), attempt, 5).await;
    store.finish(&a_block(), &receipt).await.unwrap();
    bench.damage_receipt(&a_block()).await;
    bench.damage_meta(&run_id("r")).await;
    store.delete_run(&run_id("r")).await.unwrap();
    assert!(store.runs().await.unwrap().is_empty());
    assert_eq!(bench.items(&run_id("r")).await, 0);
}

async fn a_running_run_is_not_deleted_with_its_files(bench: &impl Bench) {
    fill(bench, "r").await;
    fill(bench, "r2").await;
    let (records, artifacts) = (bench.records().clone(), bench.artifacts().clone());
    let stores = Stores { records, artifacts };
    let refused = delete(&run_id("r"), &stores).await.unwrap_err();
    assert!(matches!(refused, RunError::Running(_)), "{refused}");
    let unknown = delete(&run_id("unknown"), &stores).await.unwrap_err();
    assert!(matches!(unknown, RunError::Store(StoreError::NoSuchRun(_))), "{unknown}");
    assert_eq!(bench.artifacts().list("runs/r/").await.unwrap().len(), 3);

    let ended_at = Some("2026-11-22T11:00:00Z");
    stores.records.set_status(&run_id("r"), RunStatus::Incomplete, ended_at).await.unwrap();
    delete(&run_id("r"), &stores).await.unwrap();
    is_gone(bench, "r", "r2").await;
    assert!(bench.artifacts().list("runs/r/").await.unwrap().is_empty());
    assert_eq!(bench.artifacts().list("runs/").await.unwrap().len(), 3);
}
